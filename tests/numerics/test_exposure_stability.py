"""Exposure stability against a weighted correlation of statsmodels."""

import numpy as np
import pytest
from statsmodels.stats.weightstats import DescrStatsW

from sigmalake.numerics.exposures.stability import exposure_stability


@pytest.fixture
def dates():
    rng = np.random.default_rng(6)
    before = rng.normal(size=(50, 3))
    return before + rng.normal(size=(50, 3)) * [0.1, 1.0, 4.0], before, np.where(rng.random(50) < 0.8, rng.lognormal(size=50), 0.0)


def test_statsmodels_gives_the_same_correlation(dates):
    now, before, weights = dates
    found = exposure_stability(now, before, weights)
    for k in range(3):
        expected = DescrStatsW(np.column_stack([now[:, k], before[:, k]]), weights).corrcoef[0, 1]
        assert found.correlation[k] == pytest.approx(expected, rel=1e-12)
    assert found.n_common == (weights > 0).sum()
    assert found.correlation[0] > 0.9 > found.correlation[1] > found.correlation[2]


def test_the_unit_of_a_style_and_of_the_weights_changes_nothing(dates):
    now, before, weights = dates
    one, other = exposure_stability(now, before, weights), exposure_stability(5.0 - 3.0 * now, before / 7.0, 100.0 * weights)
    np.testing.assert_allclose(other.correlation, -one.correlation, rtol=1e-12)


def test_an_asset_outside_the_universe_has_no_say(dates):
    now, before, weights = dates
    moved = np.where(weights[:, None] > 0, now, 50.0)
    np.testing.assert_array_equal(
        exposure_stability(moved, before, weights).correlation, exposure_stability(now, before, weights).correlation
    )


def test_the_same_cross_section_is_perfectly_stable(dates):
    now, _, weights = dates
    np.testing.assert_allclose(exposure_stability(now, now, weights).correlation, 1.0, rtol=1e-14)


def test_a_constant_style_or_a_single_asset_says_nothing(dates):
    now, before, weights = dates
    now[:, 1], before[:, 2] = 0.1, 0.0
    assert np.isnan(exposure_stability(now, before, weights).correlation).tolist() == [False, True, True]
    alone = np.zeros(50)
    alone[4] = 2.0
    assert exposure_stability(now, before, alone).n_common == 1
    assert np.isnan(exposure_stability(now, before, alone).correlation).all()
    assert np.isnan(exposure_stability(now[:0], before[:0], alone[:0]).correlation).all()
