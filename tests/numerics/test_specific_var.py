from fractions import Fraction
from typing import Annotated

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from pydantic import TypeAdapter, ValidationError
from statsmodels.stats.weightstats import DescrStatsW

from sigmalake.numerics.registry.by_name import ByName
from sigmalake.numerics.specific_risk.estimators import SPECIFIC_VAR, EwmaSpecificVar, SampleSpecificVar
from sigmalake.numerics.specific_risk.layered import LayeredSpecificVar

ESTIMATORS = [
    SampleSpecificVar(window=40, min_periods=2),
    EwmaSpecificVar(half_life=15, window=40, min_periods=2),
    EwmaSpecificVar(half_life=15, window=40, min_periods=2, centre=False),
]


def specific_returns(n_periods: int, n_assets: int = 8, missing: float = 0.1, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    u = rng.normal(0.0003, 0.02, (n_periods, n_assets))
    u[rng.random(u.shape) < missing] = np.nan
    return u


def slow_var(series: np.ndarray, as_of: int, estimator) -> float:
    """One asset and date in exact arithmetic, from the definition."""
    weights, values = [], []
    for age in range(estimator.look_back):
        row = as_of - age
        if row >= 0 and not np.isnan(series[row]):
            half_lives = age / estimator.half_life if isinstance(estimator, EwmaSpecificVar) else 0.0
            weights.append(Fraction(2.0**-half_lives))
            values.append(Fraction(series[row]))
    if len(values) < estimator.min_periods:
        return float("nan")
    total = sum(weights)
    centred = isinstance(estimator, SampleSpecificVar) or estimator.centre
    mean = sum(w * x for w, x in zip(weights, values, strict=True)) / total if centred else Fraction(0)
    squares = sum(w * (x - mean) ** 2 for w, x in zip(weights, values, strict=True))
    return float(squares / (total - 1 if isinstance(estimator, SampleSpecificVar) else total))


def slow(u: np.ndarray, as_of: np.ndarray, estimator) -> np.ndarray:
    return np.array([[slow_var(u[:, n], int(a), estimator) for n in range(u.shape[1])] for a in as_of])


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("missing", [0.0, 0.3, 0.95])
def test_variances_are_those_of_the_definition(estimator, missing):
    u = specific_returns(100, missing=missing)
    as_of = np.arange(0, 100, 7)
    estimate = estimator.estimate(u, as_of)
    assert_allclose(estimate.var, slow(u, as_of, estimator), rtol=1e-12)


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("apart", [1e-2, 1e-4, 1e-6, 0.0])
def test_two_observations_keep_their_digits_however_close_they_are(estimator, apart):
    u = np.full((60, 3), np.nan)
    u[[5, 30], 0] = 0.05, 0.05 + apart
    u[[0, 30], 1] = -0.3, -0.3 - apart
    u[[29, 30], 2] = 5.0, 5.0 + apart
    as_of = np.array([30])  # the window reaches back before the first row
    estimate = estimator.estimate(u, as_of)
    assert_allclose(estimate.var, slow(u, as_of, estimator), rtol=1e-12)
    assert_array_equal(estimate.n_obs, [[2, 2, 2]])


def test_a_constant_return_has_no_variance_about_its_mean():
    u = np.full((90, 2), 0.1)
    u[::3, 1] = np.nan
    assert_array_equal(EwmaSpecificVar(half_life=15).estimate(u, np.array([60, 89])).var, np.zeros((2, 2)))
    assert_array_equal(SampleSpecificVar(window=30).estimate(u, np.array([60, 89])).var, np.zeros((2, 2)))


def test_sample_is_the_rolling_variance_of_pandas():
    u = specific_returns(300)
    estimate = SampleSpecificVar(window=60, min_periods=20).estimate(u, np.arange(300))
    assert_allclose(estimate.var, pd.DataFrame(u).rolling(60, min_periods=20).var().to_numpy(), rtol=1e-10)
    assert_array_equal(estimate.n_obs, pd.DataFrame(u).rolling(60, min_periods=0).count().to_numpy())


def test_ewma_is_pandas_ewm_where_the_window_holds_the_history():
    u = specific_returns(300)
    u[-1] = 0.01  # pandas carries an old figure over a missing one
    estimate = EwmaSpecificVar(half_life=60, window=300, min_periods=2).estimate(u, np.array([299]))
    expected = pd.DataFrame(u).ewm(halflife=60, ignore_na=False).var(bias=True).to_numpy()
    assert_allclose(estimate.var[0], expected[299], rtol=1e-10)


def test_ewma_is_the_weighted_variance_of_statsmodels_over_the_assets_own_observations():
    u = specific_returns(100)
    estimate = EwmaSpecificVar(half_life=20, window=50).estimate(u, np.array([80]))
    ages = 80 - np.arange(31, 81)
    for n in range(8):
        own = ~np.isnan(u[31:81, n])
        reference = DescrStatsW(u[31:81, n][own], weights=0.5 ** (ages[own] / 20))
        assert estimate.var[0, n] == pytest.approx(reference.var, rel=1e-10)


def test_too_few_observations_are_null_and_counted():
    u = np.full((100, 3), np.nan)
    u[-29:, 0] = u[-30:, 1] = 0.01
    u[-29, 0] = u[-30, 1] = 0.02
    for estimator in (SampleSpecificVar(window=60), EwmaSpecificVar(half_life=20)):
        estimate = estimator.estimate(u, np.array([99]))
        assert_array_equal(np.isnan(estimate.var), [[True, False, True]])
        assert_array_equal(estimate.n_obs, [[29, 30, 0]])


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_returns_after_the_as_of_date_never_matter(estimator):
    u = specific_returns(200)
    as_of = np.arange(30, 120)
    before = estimator.estimate(u, as_of)
    u[120:] = np.random.default_rng(1).normal(50, 1e3, (80, 8))
    after = estimator.estimate(u, as_of)
    assert_array_equal(before.var, after.var)
    assert_array_equal(before.n_obs, after.n_obs)
    u[100:] = 7.0  # inside the block of as-of dates
    assert_array_equal(before.var[:70], estimator.estimate(u, as_of).var[:70])


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_returns_before_the_window_never_matter(estimator):
    u = specific_returns(200)
    as_of = np.arange(150, 200)
    before = estimator.estimate(u, as_of)
    u[: 150 - estimator.look_back + 1] = 1e6
    assert_array_equal(before.var, estimator.estimate(u, as_of).var)
    u[150 - estimator.look_back + 1] = 1.0
    after = estimator.estimate(u, as_of)
    assert not np.isclose(before.var[0], after.var[0]).any()
    assert_allclose(before.var[1:], after.var[1:], rtol=1e-14)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_an_as_of_date_alone_says_the_same_as_among_others(estimator):
    u = specific_returns(400, missing=0.5)
    u[:, 0] += 0.05  # a mean that asks for the second computation
    together = estimator.estimate(u, np.arange(400))  # several blocks
    for a in (0, 1, 63, 64, 200, 399):
        alone = estimator.estimate(u, np.array([a]))
        assert_allclose(alone.var[0], together.var[a], rtol=1e-14)
        assert_array_equal(alone.n_obs[0], together.n_obs[a])
    first = 200 - estimator.look_back + 1
    only_window = estimator.estimate(u[first:201], np.array([200 - first]))
    assert_allclose(only_window.var[0], together.var[200], rtol=1e-14)
    shuffled = np.random.default_rng(0).permutation(400)
    assert_allclose(estimator.estimate(u, shuffled).var, together.var[shuffled], rtol=1e-14)


def test_a_mean_far_from_zero_is_recomputed_in_pieces():
    u = specific_returns(1200, n_assets=40, missing=0.2) + 1.0
    estimator = SampleSpecificVar(window=600)
    as_of = np.arange(1100, 1200)
    expected = pd.DataFrame(u).rolling(600, min_periods=60).var().to_numpy()[as_of]
    assert_allclose(estimator.estimate(u, as_of).var, expected, rtol=1e-9)


def test_no_as_of_dates_and_no_assets_are_empty_answers():
    estimate = EwmaSpecificVar(half_life=20).estimate(specific_returns(50), np.array([], dtype=np.int64))
    assert estimate.var.shape == estimate.n_obs.shape == (0, 8)
    assert EwmaSpecificVar(half_life=20).estimate(np.empty((50, 0)), np.array([3, 4])).var.shape == (2, 0)


@settings(deadline=None, max_examples=40)
@given(
    half_life=st.floats(0.5, 1000),
    window=st.integers(2, 80),
    scale=st.floats(1e-3, 1e3),
    centre=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_scaling_returns_scales_variances_by_the_square(half_life, window, scale, centre, seed):
    u = specific_returns(70, missing=0.6, seed=seed)
    estimator = EwmaSpecificVar(half_life=half_life, window=window, centre=centre, min_periods=2)
    as_of = np.arange(0, 70, 3)
    once, scaled = estimator.estimate(u, as_of), estimator.estimate(u * scale, as_of)
    assert_allclose(scaled.var, once.var * scale**2, rtol=1e-11)
    assert np.all((once.var >= 0) | np.isnan(once.var))


def test_an_endless_half_life_is_the_sample_with_divisor_n():
    u = specific_returns(100)
    as_of = np.arange(60, 100)
    ewma = EwmaSpecificVar(half_life=1e13, window=50, min_periods=25).estimate(u, as_of)
    sample = SampleSpecificVar(window=50).estimate(u, as_of)
    assert_allclose(ewma.var, sample.var * (sample.n_obs - 1) / sample.n_obs, rtol=1e-11)


def test_the_argument_is_not_changed():
    u = specific_returns(100)
    copy = u.copy()
    EwmaSpecificVar(half_life=20).estimate(u, np.array([99]))
    assert_array_equal(u, copy)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SampleSpecificVar(window=1), "window is 1"),
        (
            lambda: SampleSpecificVar(window=20, min_periods=21),
            "min_periods is 21; it must be from 2 to the window of 20",
        ),
        (lambda: EwmaSpecificVar(half_life=-2), "half_life is -2"),
        (lambda: EwmaSpecificVar(half_life=2, window=1001), "more than 500 half-lives"),
        (lambda: EwmaSpecificVar(half_life=20, min_periods=1), "min_periods is 1"),
        (lambda: SampleSpecificVar().estimate(np.zeros((3, 2)), np.array([0, 3])), "as_of goes from 0 to 3; .* 3 rows"),
        (lambda: SampleSpecificVar().estimate(np.zeros((3, 2)), np.array([-1])), "as_of goes from -1"),
        (lambda: SampleSpecificVar().estimate(np.zeros(3), np.array([0])), "specific_returns has shape"),
        (lambda: SampleSpecificVar().estimate(np.full((3, 2), np.inf), np.array([0])), "6 infinite values"),
    ],
)
def test_impossible_arguments_are_refused_by_name(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_the_estimator_that_settings_name_is_read_and_a_misspelt_key_refused():
    read = TypeAdapter(Annotated[LayeredSpecificVar, ByName(SPECIFIC_VAR)]).validate_python
    assert read({"estimator": "ewma", "half_life": 84}) == EwmaSpecificVar(half_life=84)
    assert read({"estimator": "sample", "window": 60}) == SampleSpecificVar(window=60)
    with pytest.raises(ValidationError, match="Unexpected keyword"):
        read({"estimator": "sample", "half_live": 60})
