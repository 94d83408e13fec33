import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from sigmalake.numerics.portfolio.asset_cov import asset_cov, asset_cov_block


def model(n_assets: int, n_factors: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.normal(0, 1, (n_assets, n_factors))
    root = rng.normal(0, 0.01, (n_factors, n_factors))
    return X, root @ root.T, rng.uniform(1e-4, 1e-3, n_assets)


def slow_cov(X: np.ndarray, factor_cov: np.ndarray, specific_var: np.ndarray) -> np.ndarray:
    V = np.zeros((len(X), len(X)))
    for n in range(len(X)):
        for m in range(len(X)):
            for k in range(X.shape[1]):
                for j in range(X.shape[1]):
                    V[n, m] += X[n, k] * factor_cov[k, j] * X[m, j]
        V[n, n] += specific_var[n]
    return V


def within_vols(difference: np.ndarray, V: np.ndarray, tolerance: float) -> bool:
    vols = np.sqrt(np.diag(V))
    return bool(np.all(np.abs(difference) <= tolerance * np.outer(vols, vols)))


def test_v_is_the_quadruple_sum_plus_the_specific_variances():
    X, factor_cov, specific_var = model(12, 5)
    V = asset_cov(X, factor_cov, specific_var)
    assert within_vols(V - slow_cov(X, factor_cov, specific_var), V, 1e-13)


@settings(deadline=None, max_examples=40)
@given(n_assets=st.integers(1, 60), n_factors=st.integers(0, 12), seed=st.integers(0, 2**32 - 1))
def test_v_is_symmetric_to_the_last_bit_and_positive_definite(n_assets, n_factors, seed):
    V = asset_cov(*model(n_assets, n_factors, seed))
    assert_array_equal(V, V.T)
    assert np.linalg.eigvalsh(V)[0] > 0


def test_blocks_put_together_are_v():
    X, factor_cov, specific_var = model(30, 6)
    V = asset_cov(X, factor_cov, specific_var)
    corner = asset_cov(X[:10], factor_cov, specific_var[:10])
    block = asset_cov_block(X[:10], X[10:], factor_cov)
    assert within_vols(V[:10] - np.hstack([corner, block]), V[:10, :10].max() * np.ones((1, 1)), 1e-14)
    assert_allclose(asset_cov_block(X[10:], X[:10], factor_cov), block.T, atol=1e-16)


def test_without_exposures_only_the_specific_variances_remain():
    _, factor_cov, specific_var = model(7, 3)
    assert_array_equal(asset_cov(np.zeros((7, 3)), factor_cov, specific_var), np.diag(specific_var))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -1e-9])
def test_a_specific_variance_that_is_none_is_refused(bad):
    X, factor_cov, specific_var = model(7, 3)
    specific_var[[2, 5]] = bad
    with pytest.raises(ValueError, match="specific_var has 2 of 7 values that are not finite and >= 0"):
        asset_cov(X, factor_cov, specific_var)
