import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import lsq_linear
from sklearn.linear_model import LinearRegression

from sigmalake.numerics.descriptors.industry_shares import industry_shares


def segments(n: int = 60, k: int = 8, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Caps, assets and sales of companies in a few industries each; one industry destroys value."""
    rng = np.random.default_rng(seed)
    assets, sales = (rng.lognormal(3, 1, (n, k)) * (rng.random((n, k)) < 0.35) for _ in range(2))
    for first in (0, 1):
        assets[np.arange(n), (np.arange(n) + first) % k] += 10.0
        sales[np.arange(n), (np.arange(n) + first) % k] += 10.0
    worth = np.append(-0.8, rng.uniform(0.5, 4, k - 1))
    return np.maximum(assets @ worth + rng.normal(0, 20, n), 1.0), assets, sales


def plain(caps: np.ndarray, assets: np.ndarray, sales: np.ndarray, per_asset: np.ndarray, per_sale: np.ndarray) -> np.ndarray:
    """The shares by loops, from given multiples."""
    shares = np.zeros_like(assets)
    for n in range(len(caps)):
        of_assets = [b * a for b, a in zip(per_asset, assets[n], strict=True)]
        of_sales = [b * s for b, s in zip(per_sale, sales[n], strict=True)]
        blended = [0.75 * a / sum(of_assets) + 0.25 * s / sum(of_sales) for a, s in zip(of_assets, of_sales, strict=True)]
        largest = sorted(range(len(blended)), key=lambda k: -blended[k])[:5]
        for k in largest:
            shares[n, k] = blended[k] / sum(blended[j] for j in largest)
    return shares


def test_multiples_are_the_positive_regression_of_scikit_learn_and_the_shares_those_of_loops():
    caps, assets, sales = segments()
    found = industry_shares(caps, assets, sales, np.ones(60, dtype=bool))
    expected = [LinearRegression(fit_intercept=False, positive=True).fit(side, caps).coef_ for side in (assets, sales)]
    assert_allclose([found.per_asset, found.per_sale], expected, rtol=1e-9, atol=1e-12)
    assert found.per_asset[0] == 0.0
    assert_allclose(found.shares, plain(caps, assets, sales, *expected), rtol=1e-9, atol=1e-12)
    assert (np.count_nonzero(found.shares, axis=1) <= 5).all()
    assert not found.unpriced.any()


def test_bounded_least_squares_of_scipy_agrees_whatever_the_units_of_industries():
    caps, assets, sales = segments(seed=4)
    units = 10.0 ** np.arange(-4, 4)
    found = industry_shares(caps, assets * units, sales, np.ones(60, dtype=bool))
    expected = lsq_linear(assets, caps, bounds=(0, np.inf), method="bvls", tol=1e-14).x
    assert_allclose(found.per_asset * units, expected, rtol=1e-9, atol=1e-12)


def test_one_of_the_two_known_is_used_alone_and_none_is_null():
    caps, assets, sales = segments()
    assets[1], sales[2], assets[3, 0] = np.nan, 0.0, np.nan
    assets[4], sales[4] = 0.0, np.nan
    found = industry_shares(caps, assets, sales, np.ones(60, dtype=bool))
    from_sales, from_assets = found.per_sale * sales, found.per_asset * assets
    for row, values in ((1, from_sales[1]), (2, from_assets[2]), (3, from_sales[3])):
        kept = np.where(values >= np.sort(values)[-5], values, 0.0)
        assert_allclose(found.shares[row], kept / kept.sum(), rtol=1e-12)
    assert np.isnan(found.shares[4]).all()
    assert np.isfinite(np.delete(found.shares, 4, axis=0)).all()


def test_companies_outside_the_universe_or_without_a_cap_get_shares_but_set_no_multiple():
    caps, assets, sales = segments()
    universe = np.arange(60) >= 10
    found = industry_shares(caps, assets, sales, universe)
    caps[:10], caps[10] = 1e9, np.nan
    alone = industry_shares(caps[11:], assets[11:], sales[11:], np.ones(49, dtype=bool))
    assert_allclose(industry_shares(caps, assets, sales, universe).per_asset, alone.per_asset, rtol=1e-10)
    assert np.isfinite(found.shares[:10]).all()


def test_a_company_only_in_industries_worth_nothing_keeps_its_proportions_and_is_named():
    caps, assets, sales = segments()
    assets[0] = 0.0
    assets[0, 0] = 4.0
    found = industry_shares(caps, assets, sales, np.ones(60, dtype=bool))
    assert found.per_asset[0] == 0.0
    assert_array_equal(np.flatnonzero(found.unpriced), [0])
    assert found.shares[0, 0] >= 0.75


def test_of_equal_shares_the_first_industries_stay():
    assets = np.ones((1, 7))
    found = industry_shares(np.array([7.0]), assets, assets, np.array([False]))
    assert_array_equal(found.shares[0], [0.2] * 5 + [0.0] * 2)
    assert np.isnan(found.per_asset).all()
    assert found.unpriced.all()


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(1, 9))
def test_shares_sum_to_one_and_no_gradient_points_inside(seed, k):
    """Karush, Kuhn, Tucker: the gradient is 0 where b > 0 and >= 0 where b = 0."""
    caps, assets, sales = segments(30, k, seed)
    found = industry_shares(caps, assets, sales, np.ones(30, dtype=bool))
    assert_allclose(found.shares.sum(axis=1), 1.0, rtol=1e-12)
    assert (found.shares >= 0).all()
    gradient = assets.T @ (assets @ found.per_asset - caps) / np.linalg.norm(assets, axis=0) / np.linalg.norm(caps)
    assert (gradient > -1e-10).all()
    assert_allclose(gradient[found.per_asset > 0], 0.0, atol=1e-10)


def test_negative_and_infinite_segments_are_refused():
    caps, assets, sales = segments()
    sales[3, 2], sales[4, 2] = -1.0, np.inf
    with pytest.raises(ValueError, match="sales has 2 negative or infinite values; a segment has 0 or more, NaN where unknown"):
        industry_shares(caps, assets, sales, np.ones(60, dtype=bool))


def test_a_search_that_does_not_converge_leaves_plain_proportions_and_says_so(monkeypatch):
    def lost(*_):
        raise RuntimeError("Maximum number of iterations reached.")

    monkeypatch.setattr("scipy.optimize.nnls", lost)
    caps, assets, sales = segments(k=5)
    found = industry_shares(caps, assets, np.full_like(sales, np.nan), np.ones(60, dtype=bool))
    assert np.isnan(found.per_asset).all()
    assert found.unpriced.all()
    assert_allclose(found.shares, assets / assets.sum(axis=1, keepdims=True), rtol=1e-12)
