import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from residual_histories import residuals
from scipy.stats import iqr

import sigmalake.numerics.specific_risk.blend_weight as kernel
from sigmalake.numerics.specific_risk.blend_weight import blend_weights

seeds = st.integers(0, 2**32 - 1)


def slow(series: np.ndarray, as_of: int, window: int, fewest: int, ramp: int) -> float:
    """gamma of one asset and date, from scipy's interquartile range and pandas' standard deviation."""
    own = series[max(0, as_of - window + 1) : as_of + 1]
    own = own[~np.isnan(own)]
    robust = iqr(own) / 1.35 if len(own) else 0.0
    if robust == 0:
        return 0.0
    plain = pd.Series(np.clip(own, -10 * robust, 10 * robust)).std(ddof=1)
    return min(1, max(0, (len(own) - fewest) / ramp)) * min(1, np.exp(1 - abs(plain / robust - 1)))


def wild(n_periods: int, n_assets: int, seed: int = 0) -> np.ndarray:
    """Some with fat tails, some with a single enormous return, some young."""
    rng = np.random.default_rng(seed)
    u = residuals(n_periods, n_assets, missing=0.2, seed=seed)
    u[:, 0] = rng.standard_t(1.2, n_periods) * 0.02
    u[n_periods - 5, 1] = 40.0
    u[: n_periods - 80, 2] = np.nan
    u[: n_periods - 61, 3] = np.nan
    return u


def test_gamma_is_that_of_scipy_and_pandas():
    u = wild(300, 8)
    as_of = np.array([0, 1, 90, 180, 251, 252, 299])
    found = blend_weights(u, as_of, 250, 60, 120)
    assert_allclose(found, [[slow(u[:, n], a, 250, 60, 120) for n in range(8)] for a in as_of], rtol=1e-11, atol=1e-15)
    assert 0 < found[-1, 0] < 1
    assert 0 < found[-1, 2] < 0.2
    assert found[-1, 3] == 0


def test_a_long_tame_history_is_trusted_altogether():
    assert_array_equal(blend_weights(residuals(300, 30, missing=0), np.array([299]), 252, 60, 120), np.ones((1, 30)))


@pytest.mark.parametrize(("n_obs", "expected"), [(60, 0.0), (61, 1 / 120), (120, 0.5), (180, 1.0), (252, 1.0)])
def test_the_length_of_a_tame_history_is_a_ramp(n_obs, expected):
    u = residuals(252, 1, missing=0)
    u[: 252 - n_obs] = np.nan
    assert blend_weights(u, np.array([251]), 252, 60, 120)[0, 0] == pytest.approx(expected, rel=1e-15)


def test_a_series_whose_middle_half_does_not_move_is_not_trusted():
    u = np.zeros((252, 2))
    u[::9, 0] = 0.05
    assert_array_equal(blend_weights(u, np.array([251]), 252, 60, 120), np.zeros((1, 2)))


def test_one_enormous_return_is_clipped_first():
    u = residuals(252, 1, missing=0)
    u[100] = 0.5
    once = blend_weights(u, np.array([251]), 252, 60, 120)
    u[100] = 5e5
    assert_array_equal(blend_weights(u, np.array([251]), 252, 60, 120), once)


def test_the_future_and_what_lies_before_the_window_never_matter():
    u = wild(300, 6)
    as_of = np.arange(200, 240)
    before = blend_weights(u, as_of, 100, 20, 60)
    u[240:], u[:101] = 3.0, 8.0
    assert_array_equal(before, blend_weights(u, as_of, 100, 20, 60))


@settings(deadline=None, max_examples=30)
@given(seed=seeds, fewest=st.integers(0, 30), ramp=st.integers(1, 60))
def test_it_lies_between_zero_and_one_and_has_neither_unit_nor_order(seed, fewest, ramp):
    u = wild(90, 5, seed)
    order, as_of = np.random.default_rng(seed).permutation(5), np.array([40, 89])
    once = blend_weights(u, as_of, 60, fewest, ramp)
    assert ((once >= 0) & (once <= 1)).all()
    assert_allclose(blend_weights(u[:, order] * 3.0, as_of, 60, fewest, ramp), once[:, order], rtol=1e-9, atol=1e-12)


@settings(max_examples=60, deadline=None)
@given(seeds, st.integers(2, 40))
def test_a_sorted_window_that_is_moved_on_has_the_bits_of_one_that_is_sorted_anew(seed: int, window: int) -> None:
    rng = np.random.default_rng(seed)
    u = np.round(wild(120, 6, seed), 2)  # rounded: many returns are alike
    as_of = np.flatnonzero(rng.random(120) < rng.uniform(0.1, 1.0))
    moved = blend_weights(u, as_of, window, 1, 5)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(kernel, "_NEAR", -1)
        assert_array_equal(moved, blend_weights(u, as_of, window, 1, 5))
