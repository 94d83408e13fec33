import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from sigmalake.numerics.portfolio.attribution import attribute_date, link_returns


def one_date(seed=0, n_assets=12, n_factors=3):
    rng = np.random.default_rng(seed)
    X, f, u = rng.normal(size=(n_assets, n_factors)), rng.normal(0, 0.01, n_factors), rng.normal(0, 0.02, n_assets)
    return rng.normal(0, 0.1, n_assets), X, f, u, X @ f + u


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**32 - 1), n_factors=st.integers(0, 6))
def test_factors_and_specific_returns_sum_to_the_portfolios_return(seed, n_factors):
    h, X, f, u, r = one_date(seed, n_factors=n_factors)
    found = attribute_date(h, X, f, u, r)
    assert found.by_factor.sum() + found.specific.sum() == pytest.approx(h @ r, rel=1e-10, abs=1e-14)
    assert_allclose(found.exposures, X.T @ h, rtol=1e-12, atol=1e-15)
    assert_array_equal(found.unexplained, np.zeros(12))


def test_a_return_without_a_specific_return_is_unexplained_and_one_that_is_missing_is_nowhere():
    h, X, f, u, r = one_date()
    u[[2, 5]] = np.nan
    r[5] = np.nan
    found = attribute_date(h, X, f, u, r)
    assert found.unexplained[2] == h[2] * r[2]
    assert np.count_nonzero(found.unexplained) == 1
    others = np.delete(np.arange(12), [5])
    total = found.by_factor.sum() + found.specific.sum() + found.unexplained.sum()
    assert total == pytest.approx(h[others] @ r[others], rel=1e-12)
    assert found.returns.sum() == pytest.approx(total, rel=1e-12)


def test_a_factor_without_a_return_has_no_part():
    h, X, f, u, r = one_date()
    u, f[1] = u + X[:, 1] * f[1], np.nan
    found = attribute_date(h, X, f, u, r)
    assert found.by_factor[1] == 0.0
    assert found.by_factor.sum() + found.specific.sum() == pytest.approx(h @ r, rel=1e-11)


@pytest.mark.parametrize("wrong", [0.001, np.nan])
def test_returns_that_are_not_the_regressions_are_refused(wrong):
    h, X, f, u, r = one_date()
    r[3] += wrong
    with pytest.raises(ValueError, match="X f \\+ u is not r for 1 of 12 assets"):
        attribute_date(h, X, f, u, r)


@settings(deadline=None, max_examples=40)
@given(n_dates=st.integers(0, 30), seed=st.integers(0, 2**32 - 1))
def test_linked_parts_sum_to_the_compounded_return(n_dates, seed):
    parts = np.random.default_rng(seed).normal(0, 0.02, (n_dates, 4))
    assert link_returns(parts).sum() == pytest.approx(np.prod(1 + parts.sum(axis=1)) - 1, rel=1e-9, abs=1e-13)


def test_a_part_earns_on_what_the_portfolio_is_worth_when_its_date_begins():
    parts = np.array([[0.10, 0.00], [0.05, -0.15], [0.02, 0.0]])
    assert_allclose(link_returns(parts), [0.10 + 1.1 * 0.05 + 1.1 * 0.9 * 0.02, 1.1 * -0.15], rtol=1e-14)
