"""Sensitivities to several factors against statsmodels' rolling regressions, and drawn to their group's mean (Vasicek 1973)."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from statsmodels.regression.rolling import RollingOLS, RollingWLS

from sigmalake.numerics.descriptors.sensitivities import SensitivityRules, sensitivities, shrunk_to_group_mean
from sigmalake.numerics.descriptors.trailing_window import Trailing

R, N, K = 90, 6, 3


@pytest.fixture(scope="module")
def history():
    """Returns on three factors that are correlated, of other sizes and with a mean; some returns are missing."""
    rng = np.random.default_rng(12)
    F = rng.standard_normal((R, K)) @ np.array([[1.0, 0.6, 0.0], [0.0, 1.0, -0.4], [0.0, 0.0, 1.0]]) * [0.01, 0.0005, 0.2] + 0.002
    r = 0.001 + F @ rng.normal(1.0, 0.5, (K, N)) + 0.02 * rng.standard_normal((R, N))
    r[rng.random((R, N)) < 0.1] = np.nan
    F[[17, 60], 1] = np.nan
    return r, F


@pytest.mark.parametrize("half_life", [None, 9.0])
def test_slopes_and_errors_are_those_of_rolling_regressions(history, half_life):
    (r, F), as_of = history, np.arange(R)
    found = sensitivities(r, F, as_of, Trailing(window=40, half_life=half_life, min_periods=20))
    weights = np.ones(R) if half_life is None else 2.0 ** (np.arange(R) / half_life)
    for asset in range(N):
        design = np.column_stack([np.ones(R), F])
        if half_life is None:
            fitted = RollingOLS(r[:, asset], design, window=40, min_nobs=20, missing="drop", expanding=True).fit()
        else:
            fitted = RollingWLS(r[:, asset], design, window=40, min_nobs=20, missing="drop", expanding=True, weights=weights).fit()
        known = np.isfinite(found.slopes[:, asset, 0])
        assert known[45:].all()
        for ours, theirs in ((found.slopes, fitted.params), (found.std_errors, fitted.bse)):
            assert_allclose(ours[known, asset], theirs[known][:, 1:], rtol=1e-10, atol=0)


def test_the_future_and_what_a_short_history_lacks_move_nothing(history):
    (r, F), trailing = history, Trailing(window=40, half_life=9, min_periods=20)
    before = sensitivities(r, F, np.array([50, 70]), trailing)
    changed, moved = r.copy(), F.copy()
    changed[71:], moved[71:] = 9.0, -9.0
    assert_allclose(sensitivities(changed, moved, np.array([50, 70]), trailing).slopes, before.slopes, rtol=0, atol=0)
    assert np.isnan(sensitivities(r, F, np.array([18]), trailing).slopes).all()
    twice = np.column_stack([F[:, 0], 2 * F[:, 0]])
    assert np.isnan(sensitivities(r, twice, np.array([70]), trailing).slopes).all()
    assert np.isnan(sensitivities(r, np.zeros((R, 1)), np.array([70]), trailing).slopes).all()


def test_true_slopes_are_recovered_and_shrinkage_brings_short_histories_nearer():
    rng = np.random.default_rng(3)
    n, groups = 200, np.repeat([0, 1], 100)
    true = np.where(groups[:, None] == 0, [1.2, -0.5], [0.4, 0.8]) + 0.2 * rng.standard_normal((n, 2))
    F = 0.01 * rng.standard_normal((400, 2))
    r = F @ true.T + 0.02 * rng.standard_normal((400, n))
    r[:370, ::2] = np.nan  # half of the assets have thirty periods
    r[:, 0] = np.nan  # and one has none
    found = sensitivities(r, F, np.array([399]), Trailing(window=400, min_periods=20))
    slopes, errors = found.slopes[0], found.std_errors[0]
    z = ((slopes - true) / errors)[1:]
    assert_allclose([z.mean(), z.std()], [0.0, 1.0], atol=0.15)
    assert abs(slopes[1::2] - true[1::2]).mean() < 0.1
    drawn = shrunk_to_group_mean(slopes, errors, groups, np.ones(n, dtype=bool))
    assert_allclose(drawn[0], slopes[1:100].mean(axis=0), rtol=1e-12)
    assert np.square(drawn - true)[2::2].mean() < 0.5 * np.square(slopes - true)[2::2].mean()


def test_vasicek_by_hand():
    slopes = np.array([[1.0], [2.0], [3.0], [np.nan], [10.0], [6.0]])
    errors, groups, inside = np.full((6, 1), 0.5), np.array([0, 0, 0, 0, 1, -1]), np.array([1, 1, 1, 1, 0, 1], dtype=bool)
    drawn = shrunk_to_group_mean(slopes, errors, groups, inside)[:, 0]
    assert_allclose(drawn[:4], [(1 * b + 0.25 * 2) / 1.25 for b in (1, 2, 3)] + [2.0], rtol=1e-15)  # m = 2, v = 1
    everyone = np.array([1.0, 2.0, 3.0, 6.0])
    m, v = everyone.mean(), everyone.var(ddof=1)
    assert_allclose(drawn[4:], [(v * b + 0.25 * m) / (v + 0.25) for b in (10, 6)], rtol=1e-15)


def test_rules_that_leave_no_degree_of_freedom_are_refused():
    with pytest.raises(ValueError, match="on 3 factors would rest on 4 returns; it needs a min_periods of 5 or more"):
        SensitivityRules(factors=("a", "b", "c"), trailing=Trailing(window=9, min_periods=4))
    with pytest.raises(ValueError, match="each once"):
        SensitivityRules(factors=("a", "a"))
