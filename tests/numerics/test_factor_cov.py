from typing import Annotated

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from pydantic import BaseModel, ValidationError
from sklearn.covariance import EmpiricalCovariance
from statsmodels.stats.weightstats import DescrStatsW

from sigmalake.numerics.factor_cov.estimators import FACTOR_COV, EwmaFactorCov, SampleFactorCov
from sigmalake.numerics.factor_cov.layered import LayeredFactorCov
from sigmalake.numerics.registry.by_name import ByName

RELATIVE = 1e-10


def factor_returns(n_periods: int, n_factors: int = 4, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    mixing = rng.normal(0, 1, (n_factors, n_factors))
    return rng.normal(0.0002, 0.01, (n_periods, n_factors)) @ mixing


def pandas_ewma(returns: np.ndarray, half_life: float) -> np.ndarray:
    """Covariance of the newest row, divisor 1; pandas counts the ages of missing rows too."""
    ewm = pd.DataFrame(returns).ewm(halflife=half_life, adjust=True, ignore_na=False)
    return ewm.cov(bias=True).loc[len(returns) - 1].to_numpy()


def reasons(estimate) -> dict[int, str]:
    return {left_out.factor: left_out.reason for left_out in estimate.left_out}


def test_sample_is_the_textbook_covariance_of_the_window():
    F = factor_returns(300)
    estimate = SampleFactorCov(window=120).estimate(F)
    assert_allclose(estimate.cov, np.cov(F[-120:], rowvar=False), rtol=RELATIVE)
    assert_allclose(estimate.cov, EmpiricalCovariance().fit(F[-120:]).covariance_ * 120 / 119, rtol=RELATIVE)
    assert estimate.n_periods == 120
    assert estimate.effective_periods == pytest.approx(120, rel=1e-12)
    assert_array_equal(estimate.kept, [0, 1, 2, 3])
    assert estimate.left_out == ()


def test_ewma_is_pandas_ewm_over_the_window():
    F = factor_returns(400)
    estimate = EwmaFactorCov(half_life=40, window=200).estimate(F)
    assert_allclose(estimate.cov, pandas_ewma(F[-200:], 40), rtol=RELATIVE)


def test_ewma_is_the_weighted_covariance_of_statsmodels():
    F = factor_returns(100)
    weights = 0.5 ** (np.arange(99, -1, -1) / 21)
    estimate = EwmaFactorCov(half_life=21, window=100).estimate(F)
    assert_allclose(estimate.cov, DescrStatsW(F, weights=weights).cov, rtol=RELATIVE)
    assert estimate.effective_periods == pytest.approx(weights.sum() ** 2 / (weights**2).sum(), rel=1e-12)


def test_ewma_about_zero_is_the_double_loop():
    F = factor_returns(50)
    expected = np.zeros((4, 4))
    total = 0.0
    for age in range(50):
        weight = 2 ** (-age / 10)
        total += weight
        for i in range(4):
            for j in range(4):
                expected[i, j] += weight * F[-1 - age, i] * F[-1 - age, j]
    estimate = EwmaFactorCov(half_life=10, window=50, centre=False).estimate(F)
    assert_allclose(estimate.cov, expected / total, rtol=RELATIVE)


def test_missing_dates_keep_the_ages_of_the_others():
    F = factor_returns(200)
    F[[3, 50, 51, 120, 180]] = np.nan
    F[[60, 150], 2] = np.nan  # one null takes the date out for all
    whole = F.copy()
    whole[np.isnan(F).any(axis=1)] = np.nan
    estimate = EwmaFactorCov(half_life=40, window=200).estimate(F)
    assert_allclose(estimate.cov, pandas_ewma(whole, 40), rtol=RELATIVE)
    assert estimate.n_periods == 193


def test_newest_date_without_any_factor_changes_no_weight_ratio():
    F = factor_returns(100)
    estimator = EwmaFactorCov(half_life=30, window=101)
    without = estimator.estimate(np.vstack([F, np.full(4, np.nan)]))
    assert_allclose(without.cov, estimator.estimate(F).cov, rtol=1e-13)


def test_separate_half_lives_give_volatilities_and_correlations_of_their_own():
    F = factor_returns(600)
    estimate = EwmaFactorCov(half_life=42, window=126, corr_half_life=200, corr_window=500).estimate(F)
    vols = pd.DataFrame(F[-126:]).ewm(halflife=42).std(bias=True).iloc[-1].to_numpy()
    corr = pd.DataFrame(F[-500:]).ewm(halflife=200).corr().loc[499].to_numpy()
    assert_allclose(estimate.cov, np.diag(vols) @ corr @ np.diag(vols), rtol=RELATIVE)
    assert_array_equal(estimate.cov, estimate.cov.T)
    assert estimate.n_periods == 126
    assert estimate.effective_periods < 126


def test_equal_half_lives_with_another_window_still_separate():
    F = factor_returns(300)
    estimate = EwmaFactorCov(half_life=42, window=126, corr_window=252).estimate(F)
    longer = EwmaFactorCov(half_life=42, window=252).estimate(F)
    assert_allclose(np.diag(estimate.cov), np.diag(pandas_ewma(F[-126:], 42)), rtol=RELATIVE)
    assert_allclose(correlations(estimate.cov), correlations(longer.cov), rtol=RELATIVE)


def correlations(cov: np.ndarray) -> np.ndarray:
    vols = np.sqrt(np.diag(cov))
    return cov / np.outer(vols, vols)


def test_a_window_longer_than_the_history_takes_the_history():
    F = factor_returns(80)
    assert_allclose(SampleFactorCov(window=5000).estimate(F).cov, np.cov(F, rowvar=False), rtol=RELATIVE)
    assert_allclose(EwmaFactorCov(half_life=84).estimate(F).cov, pandas_ewma(F, 84), rtol=RELATIVE)


@pytest.mark.parametrize(
    "estimator",
    [
        SampleFactorCov(window=60),
        EwmaFactorCov(half_life=20),
        EwmaFactorCov(half_life=20, corr_half_life=30),
        EwmaFactorCov(half_life=30, corr_half_life=10, centre=False),
    ],
)
def test_rows_before_the_look_back_never_matter(estimator):
    F = factor_returns(300)
    before = estimator.estimate(F)
    F[: -estimator.look_back] = np.nan
    F[: -estimator.look_back : 2] = 1e6
    after = estimator.estimate(F)
    assert_array_equal(before.cov, after.cov)
    assert_array_equal(before.cov, estimator.estimate(F[-estimator.look_back :]).cov)
    F[-estimator.look_back] = 1.0
    assert not np.array_equal(before.cov, estimator.estimate(F).cov)


def test_the_argument_is_not_changed():
    F = factor_returns(100)
    F[4, 2] = np.nan
    copy = F.copy()
    EwmaFactorCov(half_life=20, corr_half_life=30).estimate(F)
    assert_array_equal(F, copy)


# Who leaves, and why


def test_a_factor_with_too_few_values_is_out_with_its_count():
    F = factor_returns(252)
    F[:-12, 1] = np.nan
    estimate = SampleFactorCov(window=252).estimate(F)
    assert reasons(estimate) == {1: "12 values in the window of 252 periods; 60 are needed"}
    assert_array_equal(estimate.kept, [0, 2, 3])
    assert_allclose(estimate.cov, np.cov(F[:, [0, 2, 3]], rowvar=False), rtol=RELATIVE)


def test_while_too_few_dates_are_complete_the_factor_with_most_nulls_leaves():
    F = factor_returns(100)
    F[:30, 0] = np.nan
    F[60:, 2] = np.nan  # 40 nulls; 30 dates in common with factor 0
    estimate = SampleFactorCov(window=100, min_periods=50).estimate(F)
    assert reasons(estimate) == {
        2: "60 values, the fewest of 4 factors with 30 dates in common in the window of 100 periods; 50 are needed"
    }
    assert_allclose(estimate.cov, np.cov(F[30:, [0, 1, 3]], rowvar=False), rtol=RELATIVE)
    assert estimate.n_periods == 70


def test_of_factors_with_equally_many_nulls_the_latest_leaves():
    F = factor_returns(100)
    F[:30, 1] = np.nan
    F[70:, 3] = np.nan
    estimate = SampleFactorCov(window=100, min_periods=50).estimate(F)
    assert_array_equal(estimate.kept, [0, 1, 2])


def test_several_factors_leave_one_after_another():
    F = factor_returns(100, 5)
    F[:40, 4] = np.nan
    F[40:79, 3] = np.nan
    F[79:, 2] = np.nan
    estimate = SampleFactorCov(window=100, min_periods=60).estimate(F)
    assert [left_out.factor for left_out in estimate.left_out] == [3, 4]  # 40 nulls leave first, then 39
    assert "61 values, the fewest of 4 factors with 40 dates in common" in reasons(estimate)[3]
    assert_array_equal(estimate.kept, [0, 1, 2])
    assert estimate.n_periods == 79


@pytest.mark.parametrize(("window", "corr_window"), [(40, 500), (500, 40)])
def test_the_kept_factors_satisfy_both_windows(window, corr_window):
    F = factor_returns(500)
    F[-20:-2, 0] = np.nan  # too few in the short window, 482 in the long one
    F[:375, 1] = np.nan  # complete in the short one
    estimator = EwmaFactorCov(half_life=40, window=window, corr_half_life=40, corr_window=corr_window, min_periods=30)
    estimate = estimator.estimate(F)
    assert reasons(estimate) == {0: "22 values in the window of 40 periods; 30 are needed"}
    assert estimate.n_periods == min(window, 125)  # complete dates are those of the volatility window
    assert_allclose(np.diag(estimate.cov), np.diag(pandas_ewma(F[375:][-window:, 1:], 40)), rtol=RELATIVE)
    corr = correlations(pandas_ewma(F[375:][-corr_window:, 1:], 40))
    assert_allclose(correlations(estimate.cov), corr, rtol=RELATIVE)


def test_a_factor_that_never_moves_is_out_and_no_nan_comes_of_it():
    F = factor_returns(100)
    F[:, 1] = 0.1
    for estimator in (
        SampleFactorCov(window=100),
        EwmaFactorCov(half_life=33, window=100),
        EwmaFactorCov(half_life=33, window=60, corr_half_life=20, corr_window=100),
    ):
        estimate = estimator.estimate(F)
        assert reasons(estimate) == {1: "zero variance over the 100 complete dates in the window of 100 periods"}
        assert np.isfinite(estimate.cov).all()
        assert estimate.cov.shape == (3, 3)


def test_about_zero_a_constant_has_a_variance_and_only_zeros_have_none():
    F = factor_returns(100)
    F[:, 1], F[:, 2] = 0.1, 0.0
    estimate = EwmaFactorCov(half_life=33, window=100, centre=False).estimate(F)
    assert list(reasons(estimate)) == [2]
    assert estimate.cov[1, 1] == pytest.approx(0.01)


def test_dates_return_when_a_factor_without_variance_has_left():
    F = factor_returns(100)
    F[:, 1] = 0.1
    F[:30, 1] = np.nan
    estimate = SampleFactorCov(window=100).estimate(F)
    assert "over the 70 complete dates" in reasons(estimate)[1]
    assert estimate.n_periods == 100


@pytest.mark.parametrize("shape", [(0, 3), (10, 3), (300, 0)])
def test_nothing_left_is_an_empty_covariance_with_reasons(shape):
    for estimator in (SampleFactorCov(window=100), EwmaFactorCov(half_life=40, corr_half_life=90)):
        estimate = estimator.estimate(np.full(shape, 0.01))
        assert estimate.cov.shape == (0, 0)
        assert estimate.kept.shape == (0,)
        assert len(estimate.left_out) == shape[1]
        assert (estimate.n_periods, estimate.effective_periods) == (0, 0.0)


# Properties

seeds = st.integers(0, 2**32 - 1)
estimators = st.one_of(
    st.builds(SampleFactorCov, window=st.integers(2, 90)),
    st.builds(
        EwmaFactorCov,
        half_life=st.floats(1, 200),
        window=st.integers(2, 90),
        corr_half_life=st.none() | st.floats(1, 200),
        corr_window=st.none() | st.integers(2, 90),
        centre=st.booleans(),
    ),
)


def gappy_returns(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    F = factor_returns(int(rng.integers(2, 100)), int(rng.integers(1, 7)), seed)
    F[rng.random(F.shape) < rng.choice([0.0, 0.02, 0.2])] = np.nan
    return F


@settings(deadline=None, max_examples=80)
@given(estimator=estimators, seed=seeds)
def test_sigma_is_symmetric_to_the_last_bit_and_positive_semi_definite(estimator, seed):
    estimate = estimator.estimate(gappy_returns(seed))
    assert_array_equal(estimate.cov, estimate.cov.T)
    if estimate.kept.size:
        values = np.linalg.eigvalsh(estimate.cov)
        assert values[0] >= -1e-13 * values[-1]
        assert 1 <= estimate.effective_periods <= estimate.n_periods * (1 + 1e-12)
    left_out = [factor for factor, _ in estimate.left_out]
    assert sorted([*estimate.kept, *left_out]) == list(range(gappy_returns(seed).shape[1]))


@settings(deadline=None, max_examples=50)
@given(estimator=estimators, seed=seeds)
def test_scaling_the_factors_scales_the_covariance(estimator, seed):
    F = gappy_returns(seed)
    scale = np.exp(np.random.default_rng(seed).normal(0, 3, F.shape[1]))
    once, scaled = estimator.estimate(F), estimator.estimate(F * scale)
    assert_array_equal(once.kept, scaled.kept)
    by = scale[once.kept]
    size = np.sqrt(np.diag(scaled.cov))
    difference = scaled.cov - once.cov * np.outer(by, by)
    assert np.all(np.abs(difference) <= 1e-11 * np.outer(size, size))


@settings(deadline=None, max_examples=50)
@given(estimator=estimators, seed=seeds)
def test_permuting_complete_factors_permutes_the_covariance(estimator, seed):
    F = factor_returns(95, 5, seed)
    order = np.random.default_rng(seed).permutation(5)
    once, permuted = estimator.estimate(F), estimator.estimate(F[:, order])
    size = np.sqrt(np.diag(permuted.cov))
    difference = permuted.cov - once.cov[np.ix_(order, order)]
    assert np.all(np.abs(difference) <= 1e-13 * np.outer(size, size))


def test_an_endless_half_life_is_the_sample_with_divisor_t():
    F = factor_returns(100)
    estimate = EwmaFactorCov(half_life=1e12, window=100).estimate(F)
    assert_allclose(estimate.cov, np.cov(F, rowvar=False, ddof=0), rtol=1e-9)
    assert estimate.effective_periods == pytest.approx(100)


# The configuration


def test_defaults_follow_the_half_lives():
    assert EwmaFactorCov(half_life=84).look_back == 252
    assert EwmaFactorCov(half_life=0.9).look_back == 3
    assert EwmaFactorCov(half_life=84, window=504).correlation == (504, 84)
    assert EwmaFactorCov(half_life=84, window=504, corr_half_life=504).correlation == (1512, 504)
    assert EwmaFactorCov(half_life=84, corr_half_life=504, corr_window=1008).look_back == 1008
    assert SampleFactorCov().look_back == 252
    F = factor_returns(29)
    assert "30 are needed" in reasons(SampleFactorCov(window=60).estimate(F))[0]
    assert SampleFactorCov(window=3).estimate(F[:2]).kept.size == 4


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SampleFactorCov(window=1), "window is 1; a variance needs a window of 2"),
        (lambda: SampleFactorCov(min_periods=253), "min_periods is 253; it must be from 2 to the window of 252"),
        (lambda: SampleFactorCov(min_periods=1), "min_periods is 1"),
        (lambda: EwmaFactorCov(half_life=0), r"half_life is 0; it must be a finite number of periods > 0"),
        (lambda: EwmaFactorCov(half_life=float("nan")), "half_life is nan"),
        (lambda: EwmaFactorCov(half_life=float("inf")), "half_life is inf"),
        (lambda: EwmaFactorCov(half_life=84, corr_half_life=-1), "corr_half_life is -1"),
        (lambda: EwmaFactorCov(half_life=84, corr_window=0), "corr_window is 0"),
        (lambda: EwmaFactorCov(half_life=1, window=501), "window is 501, more than 500 half-lives of 1 periods"),
        (lambda: EwmaFactorCov(half_life=84, corr_window=50, min_periods=51), "min_periods is 51; .* 50 periods"),
    ],
)
def test_impossible_parameters_are_refused_by_name(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("returns", "message"),
    [
        (np.zeros(5), r"returns has shape \(5,\)"),
        (np.array([[0.0, np.inf], [-np.inf, np.nan]]), "returns has 2 infinite values"),
    ],
)
def test_what_is_no_table_of_returns_is_refused(returns, message):
    with pytest.raises(ValueError, match=message):
        SampleFactorCov().estimate(returns)


class Variant(BaseModel):
    factor_cov: Annotated[LayeredFactorCov, ByName(FACTOR_COV)] = SampleFactorCov()


def test_pydantic_reads_the_estimators_as_a_union():
    assert Variant().factor_cov == SampleFactorCov()
    assert Variant.model_validate({"factor_cov": {"estimator": "sample"}}).factor_cov == SampleFactorCov()
    read = Variant.model_validate({"factor_cov": {"estimator": "ewma", "half_life": 84, "window": 504}})
    assert read.factor_cov == EwmaFactorCov(half_life=84, window=504)
    assert Variant.model_validate(read.model_dump()) == read


@pytest.mark.parametrize(
    ("given_", "where", "message"),
    [
        (
            {"estimator": "ewma", "half_life": 84, "halflife": 3},
            ("factor_cov", "ewma", "halflife"),
            "Unexpected keyword",
        ),
        ({"estimator": "sample", "half_life": 84}, ("factor_cov", "sample", "half_life"), "Unexpected keyword"),
        ({"estimator": "ewma"}, ("factor_cov", "ewma", "half_life"), "Field required"),
        ({"estimator": "ewma", "half_life": -1}, ("factor_cov", "ewma"), "half_life is -1.0; it must be"),
        ({"estimator": "robust"}, ("factor_cov",), "'sample', 'ewma'"),
    ],
)
def test_pydantic_refuses_what_no_estimator_takes(given_, where, message):
    with pytest.raises(ValidationError, match=message) as refused:
        Variant.model_validate({"factor_cov": given_})
    assert refused.value.errors()[0]["loc"] == where
