"""Residual correlations: by a dense second route, on independent returns, and with something planted in them."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from sigmalake.numerics.specific_risk.residual_correlation import residual_correlation

N, T, SECTORS = 240, 120, 6
GROUPS = np.arange(1, 1 + SECTORS)


def exposed(rng, n=N):
    """A market, sectors by turns, and a style."""
    return np.column_stack([np.ones(n), np.eye(SECTORS)[np.arange(n) % SECTORS], rng.standard_normal(n)])


def residuals(rng, X, true):
    """Of a regression with weights that are not the inverse variances."""
    weights = np.exp(0.5 * rng.standard_normal(len(X)))
    P = np.linalg.pinv(X * np.sqrt(weights)[:, None]) * np.sqrt(weights)
    return true - true @ P.T @ X.T


def independent(rng, T=T, n=N):
    """Fat tails, and volatilities that move: all together, and each by itself."""
    together = np.exp(0.5 * np.sin(np.arange(T) / 15))[:, None]
    alone = np.zeros((T, n))
    for t in range(1, T):
        alone[t] = 0.95 * alone[t - 1] + 0.1 * rng.standard_normal(n)
    return 0.02 * np.exp(0.4 * rng.standard_normal(n)) * together * np.exp(alone) * rng.standard_t(4, (T, n))


def dense(u, X):
    """The N x N correlations, those of the projection, N* and the assets in them: asset by asset and date by date."""
    s = np.sqrt((u**2).mean().to_numpy())
    scaled = X / s[:, None]
    rows = []
    for _, row in u.iterrows():
        z = np.where(row.isna(), 0.0, row / s)
        rows.append(z - scaled @ np.linalg.lstsq(scaled, z, rcond=1e-8)[0])
    hat = scaled @ np.linalg.pinv(scaled, rcond=1e-8)
    left = np.eye(len(X)) - hat
    kept = np.diag(left) >= 0.5
    z = pd.DataFrame(rows, u.index).where(u.notna().to_numpy()).loc[:, kept]
    z = (z - z.mean()).fillna(0.0)
    for _ in range(10):
        z = z.div(np.sqrt((z**2).mean(axis=1)), axis=0)
        z = z / np.sqrt((z**2).mean())
    left = left[np.ix_(kept, kept)]
    own = np.sqrt(np.diag(left))
    return (z.T @ z / len(z)).to_numpy(), left / np.outer(own, own), np.trace(left), kept


def test_the_dual_route_agrees_with_dense_correlations():
    rng = np.random.default_rng(1)
    X = exposed(rng, 40)
    X[:, 1:7] = rng.dirichlet(0.3 * np.ones(6), 40)  # shares
    u = residuals(rng, X, independent(rng, 50, 40))
    u[rng.random(u.shape) < 0.015] = np.nan
    u[:9, 3] = np.nan  # too many for the test
    u[20] = np.nan  # a date without a regression
    found = residual_correlation(u, X, GROUPS)
    kept = np.delete(np.arange(40), 3)
    frame = pd.DataFrame(np.delete(u, 20, axis=0)[:, kept])
    rho, C, free, low_leverage = dense(frame, X[kept])
    kept, frame, n = kept[low_leverage], frame.loc[:, low_leverage], int(low_leverage.sum())
    assert (found.n_assets, found.n_periods) == (n, 49)
    assert 30 < n < 39
    assert found.free == pytest.approx(free, rel=1e-10)
    assert_allclose(found.eigenvalues, np.linalg.eigvalsh(rho)[::-1][:10], rtol=1e-10)
    edge = n / free * (1 + np.sqrt(free / 49)) ** 2
    assert found.edge == pytest.approx(edge, rel=1e-12)
    assert found.n_above == (np.linalg.eigvalsh(rho) > edge).sum()
    seen = frame.notna().to_numpy()
    common = seen.T.astype(int) @ seen
    noise = common / np.outer(seen.sum(axis=0), seen.sum(axis=0)) * 49 / 48
    off = ~np.eye(n, dtype=bool)
    for pairs, x in ((found.pairs, np.ones(n)), *((found.groups[k], X[kept, k]) for k in GROUPS)):
        weights = np.outer(x, x)[off]
        for mean, values in zip(pairs, (rho, rho**2, noise + C**2), strict=True):
            assert mean == pytest.approx(np.average(values[off], weights=weights), rel=1e-9)
    vector = np.linalg.eigh(rho)[1][:, -1]
    loading = vector * np.sqrt(found.eigenvalues[0])  # the correlation with the component
    order = np.argsort(-np.abs(loading))[:10]
    assert_allclose(found.leading, kept[order])
    assert_allclose(found.leading_correlation, loading[order] * np.sign(loading[order[0]]), rtol=1e-8)


def test_independent_returns_have_no_factor_left():
    rng = np.random.default_rng(2)
    largest, squared, above = [], [], 0
    for _ in range(12):
        X = exposed(rng)
        found = residual_correlation(residuals(rng, X, independent(rng)), X, GROUPS)
        largest.append(found.eigenvalues[0] / found.edge)
        squared.append(found.pairs.squared / found.pairs.expected_squared)
        above += found.n_above
        for pairs in found.groups.values():
            assert pairs.squared == pytest.approx(pairs.expected_squared, rel=0.2)
    assert above <= 2
    assert 0.92 < np.mean(largest) < 1.0
    assert np.mean(squared) == pytest.approx(1.0, abs=0.03)


def test_planted_factors_are_counted_and_their_assets_named():
    rng = np.random.default_rng(3)
    X = exposed(rng)
    strange, pair = np.arange(0, N, 8), np.flatnonzero(X[:, 2])  # a theme across sectors; two sides within the second sector
    true = independent(rng)
    scale = true.std(axis=0)
    true[:, strange] += scale[strange] * rng.standard_normal((T, 1))
    sides = np.where(np.arange(len(pair)) % 2, 1.0, -1.0)
    true[:, pair] += 0.9 * scale[pair] * sides * rng.standard_normal((T, 1))
    found = residual_correlation(residuals(rng, X, true), X, GROUPS)
    assert found.n_above == 2
    assert found.eigenvalues[0] > 1.5 * found.edge
    assert set(found.leading) <= set(pair) or set(found.leading) <= set(strange)
    assert found.pairs.squared > 1.1 * found.pairs.expected_squared
    within = found.groups[2]
    assert within.squared > 3 * within.expected_squared
    assert within.correlation < 0.05  # the regression's own sector takes the mean away: the square sees it
    assert found.groups[4].squared < 1.3 * found.groups[4].expected_squared


def test_more_dates_than_assets_are_no_other_case():
    rng = np.random.default_rng(4)
    u = 0.02 * rng.standard_normal((200, 12))
    X = np.ones((12, 1))
    found = residual_correlation(residuals(rng, X, u), X, np.empty(0, dtype=np.int64))
    assert len(found.eigenvalues) == 10
    assert_allclose(found.free, 11.0)
    assert found.n_above == 0


def test_an_asset_that_its_factors_explain_is_left_out():
    rng = np.random.default_rng(5)
    X = np.column_stack([np.ones(30), np.arange(30) == 7])
    u = 0.02 * rng.standard_normal((60, 30))
    u[:, 7] = 1e-17  # rounding
    found = residual_correlation(u, X, np.array([1]))
    assert (found.n_assets, 7 in found.leading) == (29, False)
    assert np.isnan(found.groups[1]).all()


@pytest.mark.parametrize("u", [np.full((20, 3), np.nan), np.empty((20, 0)), np.zeros((20, 3)), np.empty((0, 3))])
def test_without_residuals_there_is_nothing_to_say(u):
    found = residual_correlation(u, np.ones((u.shape[1], 1)), np.array([0]))
    assert (found.n_assets, found.n_above, len(found.eigenvalues)) == (0, 0, 0)
    assert np.isnan([found.edge, *found.pairs]).all()
