import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from residual_histories import residuals
from statsmodels.stats.weightstats import DescrStatsW

from sigmalake.numerics.specific_risk.linked_issues import LinkedIssues, issuer_cov
from sigmalake.numerics.windows.ewma import EQUAL

seeds = st.integers(0, 2**32 - 1)


def linked_residuals(issuers: np.ndarray, n_periods: int = 100, missing: float = 0.1, seed: int = 0) -> np.ndarray:
    """Residuals of which half the variance is the issuer's."""
    rng = np.random.default_rng(seed)
    own, common = residuals(n_periods, len(issuers), missing, seed=seed), rng.normal(0, 0.02, (n_periods, issuers.max() + 1))
    return own + np.where(issuers >= 0, common[:, issuers], 0.0)


def dense(found, n: int, var: np.ndarray) -> np.ndarray:
    block = np.diag(np.nan_to_num(var))
    block[found.first, found.second] = block[found.second, found.first] = found.cov
    return block


ISSUERS = np.array([2, -1, 0, 2, 1, 2, -1, 0])


@pytest.mark.parametrize("half_life", [25.0, EQUAL])
@pytest.mark.parametrize("shrinkage", [0.0, 0.2])
def test_the_correlation_is_that_of_statsmodels_over_the_common_dates(half_life, shrinkage):
    u, var = linked_residuals(ISSUERS), np.linspace(1e-4, 9e-4, 8)
    found = issuer_cov(u, var, ISSUERS, half_life, shrinkage, 30)
    assert list(zip(found.first.tolist(), found.second.tolist(), strict=True)) == [(0, 3), (0, 5), (2, 7), (3, 5)]
    assert (found.n_issuers, found.n_left_out) == (2, 0)
    for shares in ([0, 3, 5], [2, 7]):
        common = ~np.isnan(u[:, shares]).any(axis=1)
        rho = DescrStatsW(u[common][:, shares], weights=0.5 ** (np.arange(100)[::-1][common] / half_life)).corrcoef
        for i, j, cov in zip(found.first, found.second, found.cov, strict=True):
            if i in shares:
                expected = (1 - shrinkage) * rho[shares.index(i), shares.index(j)] * np.sqrt(var[i] * var[j])
                assert cov == pytest.approx(expected, rel=1e-10)


def test_assets_of_unknown_issuers_or_alone_are_in_no_pair():
    u = linked_residuals(ISSUERS)
    found = issuer_cov(u, np.full(8, 1e-4), np.array([-1, -1, 0, 1, 2, 3, 4, 5]), 25.0, 0.0, 30)
    assert found.cov.size == found.n_issuers == 0


def test_a_share_with_too_few_common_dates_leaves_and_the_others_stay():
    u, var = linked_residuals(ISSUERS), np.full(8, 1e-4)
    u[:-20, 3] = np.nan
    found = issuer_cov(u, var, ISSUERS, 25.0, 0.1, 30)
    assert list(zip(found.first.tolist(), found.second.tolist(), strict=True)) == [(0, 5), (2, 7)]
    assert (found.n_issuers, found.n_left_out) == (2, 1)
    without = issuer_cov(u, var, np.where(np.arange(8) == 3, -1, ISSUERS), 25.0, 0.1, 30)
    assert_array_equal(found.cov, without.cov)


def test_shares_that_never_met_have_no_pair():
    u = linked_residuals(np.array([0, 0]), missing=0.0)
    u[:50, 0], u[50:, 1] = np.nan, np.nan
    found = issuer_cov(u, np.full(2, 1e-4), np.array([0, 0]), 25.0, 0.1, 2)
    assert (found.cov.size, found.n_issuers, found.n_left_out) == (0, 1, 2)


def test_a_share_without_variation_or_without_a_variance_is_in_no_pair():
    u, var = linked_residuals(ISSUERS, missing=0.0), np.full(8, 1e-4)
    u[:, 0], var[7] = 0.01, np.nan
    found = issuer_cov(u, var, ISSUERS, 25.0, 0.1, 30)
    assert list(zip(found.first.tolist(), found.second.tolist(), strict=True)) == [(3, 5)]
    assert (found.n_issuers, found.n_left_out) == (1, 1)


@settings(deadline=None, max_examples=40)
@given(seed=seeds, missing=st.floats(0, 0.5), shrinkage=st.floats(0, 1), half_life=st.floats(2, 100))
def test_the_blocks_are_positive_semi_definite_whatever_the_variances(seed, missing, shrinkage, half_life):
    rng = np.random.default_rng(seed)
    issuers = rng.integers(-1, 3, 10)
    u, var = linked_residuals(np.maximum(issuers, 0), 40, missing, seed), np.exp(rng.normal(-8, 2, 10))
    found = issuer_cov(u, var, issuers, half_life, shrinkage, 5)
    assert (found.first < found.second).all()
    assert (issuers[found.first] == issuers[found.second]).all()
    values = np.linalg.eigvalsh(dense(found, 10, var))
    assert values[0] >= -1e-12 * values[-1]


def test_full_shrinkage_leaves_no_covariance_and_the_order_of_assets_does_not_matter():
    u, var, order = linked_residuals(ISSUERS), np.linspace(1e-4, 9e-4, 8), np.array([5, 3, 7, 1, 0, 2, 6, 4])
    assert_array_equal(issuer_cov(u, var, ISSUERS, 25.0, 1.0, 30).cov, np.zeros(4))
    once = dense(issuer_cov(u, var, ISSUERS, 25.0, 0.1, 30), 8, var)
    again = dense(issuer_cov(u[:, order], var[order], ISSUERS[order], 25.0, 0.1, 30), 8, var[order])
    assert_allclose(again, once[np.ix_(order, order)], rtol=1e-12)


@pytest.mark.parametrize("shrinkage", [-0.1, 1.5])
def test_impossible_shrinkage_is_refused(shrinkage):
    with pytest.raises(ValueError, match=rf"shrinkage is {shrinkage}; it must be from 0 \(none\) to 1"):
        LinkedIssues(shrinkage=shrinkage)
