"""One descriptor over a cross-section, against pandas and a double loop."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigmalake.numerics.exposures.standardise import (
    LARGEST,
    clip_extremes,
    combine_descriptors,
    cross_section_moments,
    remove_extremes,
    standardise,
)

N = 60


def cross_section(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values with gaps and fat tails, caps, and the estimation universe."""
    rng = np.random.default_rng(seed)
    values = rng.standard_t(2, N)
    values[rng.random(N) < 0.1] = np.nan
    return values, rng.lognormal(3, 1.5, N), rng.random(N) < 0.8


@pytest.mark.parametrize("seed", range(5))
def test_pandas_gives_the_same_moments(seed):
    values, caps, universe = cross_section(seed)
    frame = pd.DataFrame({"x": values, "c": caps})[universe].dropna()
    found = cross_section_moments(values, caps, universe)
    mean = (frame["x"] * frame["c"] / frame["c"].sum()).sum()
    assert found.mean == pytest.approx(mean, rel=1e-12)
    assert found.sd**2 == pytest.approx(frame["x"].var(ddof=0) + (frame["x"].mean() - mean) ** 2, rel=1e-12)
    assert found.n_values == len(frame)


@pytest.mark.parametrize("seed", range(5))
def test_what_is_removed_and_clipped_is_told_by_a_loop(seed):
    values, caps, universe = cross_section(seed)
    moments = cross_section_moments(values, caps, universe)
    removed, clipped = remove_extremes(values, caps, universe, 2.0), clip_extremes(values, caps, universe, 2.0)
    assert removed.moments == clipped.moments == moments
    for n, x in enumerate(values):
        far = abs(x - moments.mean) > 2.0 * moments.sd
        assert removed.changed[n] == clipped.changed[n] == far
        assert np.isnan(removed.values[n]) == (np.isnan(x) or far)
        bound = moments.mean + np.sign(x - moments.mean) * 2.0 * moments.sd
        assert clipped.values[n] == pytest.approx(bound if far else x, rel=1e-14, nan_ok=True)
    assert removed.changed.any()


def test_a_value_at_the_bound_stays():
    values, ones = np.array([-1.0, 1.0, -1.0, 1.0]), np.ones(4)
    assert not remove_extremes(values, ones, ones > 0, 1.0).changed.any()
    assert not clip_extremes(values, ones, ones > 0, 1.0).changed.any()


def test_an_error_among_few_values_hides_behind_the_sd_that_it_makes():
    """N - 1 alike and one other: it is sqrt(N - 1) sd from the mean."""
    for n, found in ((101, False), (103, True)):
        values = np.append(np.zeros(n - 1), 1e6)
        assert remove_extremes(values, np.ones(n), np.ones(n, dtype=bool), 10.0).changed[-1] == found


def test_values_outside_the_universe_are_held_to_its_bound_and_do_not_move_it():
    values, caps, universe = cross_section(1)
    universe[0] = False
    values[0] = 1e9
    other = values.copy()
    other[0] = np.nan
    removed = remove_extremes(values, caps, universe, 5.0)
    assert removed.changed[0]
    assert removed.moments == remove_extremes(other, caps, universe, 5.0).moments


@given(st.integers(0, 100), st.floats(-1e4, 1e4), st.floats(1e-3, 1e3), st.booleans())
def test_standardised_values_do_not_depend_on_the_unit_of_the_descriptor(seed, shift, scale, negative):
    values, caps, universe = cross_section(seed)
    factor = -scale if negative else scale
    clipped = [clip_extremes(v, caps, universe, 3.0).values for v in (values, shift + factor * values)]
    one, other = (standardise(v, cross_section_moments(v, caps, universe)) for v in clipped)
    np.testing.assert_allclose(np.sign(factor) * other, one, atol=1e-9 * max(1.0, abs(shift / factor)))


@given(st.integers(0, 100))
def test_the_universe_has_mean_0_and_sd_1(seed):
    values, caps, universe = cross_section(seed)
    z = standardise(values, cross_section_moments(values, caps, universe))
    again = cross_section_moments(z, caps, universe)
    assert again.mean == pytest.approx(0.0, abs=1e-14)
    assert again.sd == pytest.approx(1.0, rel=1e-14)
    np.testing.assert_array_equal(np.isnan(z), np.isnan(values))


@pytest.mark.parametrize("constant", [0.1, 1e9, -3.7e-8, 0.0])
def test_a_constant_descriptor_is_0_wherever_there_is_a_value(constant):
    caps = np.random.default_rng(4).lognormal(3, 2, 500)
    values, universe = np.full(500, constant), np.arange(500) < 400
    values[:3], values[450] = np.nan, 7.0
    moments = cross_section_moments(values, caps, universe)
    assert moments.sd == 0.0
    expected = np.zeros(500)
    expected[:3] = np.nan
    np.testing.assert_array_equal(standardise(values, moments), expected)
    assert not remove_extremes(values, caps, universe, 3.0).changed.any()
    assert not clip_extremes(values, caps, universe, 3.0).changed.any()


def test_one_value_is_alike_and_no_value_is_no_moment():
    caps, universe = np.ones(3), np.array([True, True, False])
    assert cross_section_moments(np.array([5.0, np.nan, 1.0]), caps, universe) == (5.0, 0.0, 1)
    nothing = cross_section_moments(np.array([np.nan, np.nan, 1.0]), caps, universe)
    assert np.isnan(nothing.mean)
    assert np.isnan(nothing.sd)
    assert nothing.n_values == 0
    np.testing.assert_array_equal(standardise(np.array([np.nan, np.nan, 1.0]), nothing), [np.nan, np.nan, 0.0])


def test_weights_are_renormalised_over_the_descriptors_that_an_asset_has():
    z = np.array([[1.0, 2.0, 4.0], [1.0, np.nan, 4.0], [np.nan, np.nan, 4.0], [np.nan, np.nan, np.nan]])
    expected = [0.5 + 0.6 + 0.8, (0.5 + 0.8) / 0.7, 4.0, np.nan]
    np.testing.assert_allclose(combine_descriptors(z, np.array([0.5, 0.3, 0.2])), expected, rtol=1e-15)
    np.testing.assert_allclose(combine_descriptors(z, np.array([5.0, 3.0, 2.0])), expected, rtol=1e-15)


@pytest.mark.parametrize("sentinel", [np.finfo(float).max, -1e160, 1e155])
def test_a_number_whose_square_is_none_is_removed_and_takes_nothing_with_it(sentinel):
    values = np.random.default_rng(0).normal(size=200)
    caps, everyone = np.ones(200), np.ones(200, dtype=bool)
    values[7] = sentinel
    found = remove_extremes(values, caps, everyone, 10.0)
    assert np.flatnonzero(found.changed).tolist() == [7]
    assert np.isfinite([found.moments.mean, found.moments.sd]).all()
    left = np.delete(values, 7)
    moments = cross_section_moments(found.values, caps, everyone)
    assert (moments.mean, moments.sd) == pytest.approx((left.mean(), left.std()), rel=1e-12)


def test_values_at_the_end_of_floating_point_are_standardised_and_measured():
    values, caps, everyone = np.array([1.7e308, -1.7e308, 1.0, 5.0]), np.full(4, 1e308), np.ones(4, dtype=bool)
    moments = cross_section_moments(values, caps, everyone)
    np.testing.assert_allclose(standardise(values, moments), [2**0.5, -(2**0.5), 0.0, 0.0], atol=1e-12)
    assert not remove_extremes(values, caps, everyone, 10.0).changed.any()
    assert clip_extremes(values, caps, everyone, 1.0).changed.tolist() == [True, True, False, False]
    few = np.array([False, False, True, True])  # their sd is 2
    np.testing.assert_array_equal(standardise(values, cross_section_moments(values, caps, few))[:2], [LARGEST, -LARGEST])
