import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from price_histories import price_history
from statsmodels.stats.weightstats import DescrStatsW

from sigmalake.numerics.descriptors.size import ln_cap, size_cubed


def test_size_is_the_log_of_a_cap_above_zero():
    assert_array_equal(ln_cap(np.array([np.e, 1.0, 0.0, -1.0, np.nan])), [1.0, 0.0, np.nan, np.nan, np.nan])


def test_the_cube_is_of_the_size_standardised_over_the_estimation_universe():
    made = price_history(5, n_assets=40)
    found = size_cubed(made.caps, made.in_estimation)
    for cubed, caps, universe in zip(found, made.caps, made.in_estimation, strict=True):
        inside = universe & np.isfinite(caps)
        mean = DescrStatsW(np.log(caps[inside]), weights=caps[inside]).mean
        sd = np.sqrt(np.mean((np.log(caps[inside]) - mean) ** 2))
        assert_allclose(cubed, ((np.log(caps) - mean) / sd) ** 3, rtol=1e-10)


@settings(deadline=None, max_examples=30)
@given(st.floats(1e-6, 1e9), st.integers(0, 2**32 - 1))
def test_the_cube_does_not_depend_on_the_unit_of_caps(unit, seed):
    made = price_history(3, n_assets=30, seed=seed)
    assert_allclose(
        size_cubed(unit * made.caps, made.in_estimation), size_cubed(made.caps, made.in_estimation), rtol=1e-8, atol=1e-9
    )


def test_an_asset_outside_the_universe_moves_no_other():
    made = price_history(3, n_assets=10, missing=0.0)
    made.in_estimation[:, 0] = False
    before = size_cubed(made.caps, made.in_estimation)
    made.caps[:, 0] *= 1000
    after = size_cubed(made.caps, made.in_estimation)
    assert_array_equal(after[:, 1:], before[:, 1:])
    assert (after[:, 0] > before[:, 0]).all()


@pytest.mark.parametrize("caps", [[5.0, 5.0, 9.0], [5.0, np.nan, 9.0], [np.nan, np.nan, 9.0]])
def test_a_universe_of_equal_caps_or_of_one_or_of_none_has_no_standardised_size(caps):
    assert np.isnan(size_cubed(np.array([caps]), np.array([[True, True, False]]))).all()
