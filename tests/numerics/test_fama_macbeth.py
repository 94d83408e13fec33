"""Means of factor returns against linearmodels and statsmodels, with gaps against a double loop."""

import numpy as np
import pandas as pd
import pytest
from cross_section_cases import generated
from hypothesis import given, settings
from hypothesis import strategies as st
from linearmodels.panel import FamaMacBeth
from statsmodels.api import OLS

from sigmalake.numerics.evaluation.fama_macbeth import automatic_lags, fama_macbeth


def autocorrelated(seed: int, n_periods: int = 120, n_factors: int = 3) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(size=(n_periods + 1, n_factors))
    return 0.002 + 0.01 * (noise[1:] + 0.5 * noise[:-1])


@pytest.fixture
def with_gaps() -> np.ndarray:
    returns = autocorrelated(73)
    returns[np.random.default_rng(1).random(returns.shape) < 0.2] = np.nan
    return returns


@pytest.mark.parametrize("lags", [0, 1, 4, 20])
def test_statsmodels_gives_the_same_standard_errors(lags: int) -> None:
    returns = autocorrelated(71)
    found = fama_macbeth(returns, lags)
    for k in range(3):
        model = OLS(returns[:, k], np.ones(120))
        hac = model.fit(cov_type="HAC", cov_kwds={"maxlags": lags, "use_correction": True})
        assert found.mean[k] == pytest.approx(hac.params[0], rel=1e-12)
        assert found.nw_std_error[k] == pytest.approx(hac.bse[0], rel=1e-12)
        assert found.nw_t_stat[k] == pytest.approx(hac.tvalues[0], rel=1e-12)
        assert found.std_error[k] == pytest.approx(model.fit().bse[0], rel=1e-12)
        assert found.t_stat[k] == pytest.approx(model.fit().tvalues[0], rel=1e-12)


def test_linearmodels_gives_the_same_premia_of_the_same_cross_sections() -> None:
    rng, n_dates = np.random.default_rng(72), 30
    cases = [generated(rng, 40, n_styles=2) for _ in range(n_dates)]
    index = pd.MultiIndex.from_product([range(n_dates), range(40)], names=["date", "asset"])
    frame = pd.DataFrame(np.vstack([case.exposures for case in cases]), index, columns=list("mab"))
    frame["r"] = np.concatenate([case.returns for case in cases])
    frame["w"] = np.concatenate([case.weights for case in cases])
    frame = frame.swaplevel().sort_index()
    model = FamaMacBeth(frame["r"], frame[list("mab")], weights=frame["w"])
    found = fama_macbeth(np.array([case.fit().factor_returns for case in cases]), 3)
    np.testing.assert_allclose(found.mean, model.fit().params, rtol=1e-9)
    np.testing.assert_allclose(found.std_error, model.fit(cov_type="robust").std_errors, rtol=1e-9)
    kernel = model.fit(cov_type="kernel", kernel="newey-west", bandwidth=3)
    np.testing.assert_allclose(found.nw_std_error, kernel.std_errors, rtol=1e-9)


def test_gaps_keep_their_place_in_time(with_gaps: np.ndarray) -> None:
    found, lags = fama_macbeth(with_gaps, 4), 4
    for k, series in enumerate(with_gaps.T):
        here = [t for t in range(len(series)) if np.isfinite(series[t])]
        mean, n, total = sum(series[here]) / len(here), len(here), 0.0
        for s in here:
            for t in here:
                if abs(s - t) <= lags:
                    total += (1.0 - abs(s - t) / (lags + 1.0)) * (series[s] - mean) * (series[t] - mean)
        assert found.mean[k] == pytest.approx(mean, rel=1e-12)
        assert found.nw_std_error[k] == pytest.approx(np.sqrt(total / n / (n - 1)), rel=1e-12)
        assert found.std_error[k] == pytest.approx(np.std(series[here], ddof=1) / np.sqrt(n), rel=1e-12)
        assert found.n_periods[k] == n


def test_newey_west_errors_without_lags_are_the_plain_ones(with_gaps: np.ndarray) -> None:
    found = fama_macbeth(with_gaps, 0)
    np.testing.assert_array_equal(found.nw_std_error, found.std_error)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(2, 30), st.integers(0, 29), st.floats(0.0, 0.9), st.floats(1e-8, 1e8))
def test_variances_are_never_negative_and_follow_the_unit(seed: int, n: int, lags: int, missing: float, unit: float) -> None:
    rng = np.random.default_rng(seed)
    returns = rng.normal(size=(n, 3)).cumsum(axis=0)
    returns[rng.random((n, 3)) < missing] = np.nan
    one, other = fama_macbeth(returns, min(lags, n - 1)), fama_macbeth(returns * unit, min(lags, n - 1))
    assert (np.isnan(one.nw_std_error) == (one.n_periods < 2)).all()
    np.testing.assert_allclose(other.nw_std_error, one.nw_std_error * unit, rtol=1e-6, atol=1e-7 * unit)
    np.testing.assert_allclose(other.mean, one.mean * unit, rtol=1e-9)


def test_a_factor_alone_or_never_seen_has_no_error_and_one_that_never_moves_no_t() -> None:
    returns = np.full((12, 3), np.nan)
    returns[3, 1], returns[:, 2] = 0.01, 0.003
    found = fama_macbeth(returns, 2)
    np.testing.assert_array_equal(found.n_periods, [0, 1, 12])
    np.testing.assert_allclose(found.mean, [np.nan, 0.01, 0.003], rtol=1e-14)
    np.testing.assert_array_equal(found.std_error, [np.nan, np.nan, 0.0])
    np.testing.assert_array_equal(found.nw_std_error, [np.nan, np.nan, 0.0])
    assert np.isnan(found.t_stat).all()
    assert np.isnan(found.nw_t_stat).all()


def test_factors_do_not_touch_each_other(with_gaps: np.ndarray) -> None:
    together = fama_macbeth(with_gaps, 3)
    for k in range(3):
        for one, other in zip(fama_macbeth(with_gaps[:, [k]], 3), together, strict=True):
            np.testing.assert_allclose(one[0], other[k], rtol=1e-13)


@pytest.mark.parametrize(("n_periods", "lags"), [(0, 0), (1, 0), (2, 1), (100, 4), (1000, 6), (2500, 8)])
def test_automatic_lags_follow_the_rule(n_periods: int, lags: int) -> None:
    assert automatic_lags(n_periods) == lags


def test_wrong_arguments_are_refused_with_the_value_seen() -> None:
    with pytest.raises(ValueError, match="lags is 12; it must be from 0 to below the 12 periods"):
        fama_macbeth(np.zeros((12, 1)), 12)
    with pytest.raises(ValueError, match="lags is -1"):
        fama_macbeth(np.zeros((12, 1)), -1)
    with pytest.raises(ValueError, match="factor_returns has 1 infinite values"):
        fama_macbeth(np.array([[np.inf], [0.0]]), 0)
    with pytest.raises(ValueError, match="rows are periods"):
        fama_macbeth(np.zeros(12), 0)
