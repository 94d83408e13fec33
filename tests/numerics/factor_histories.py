"""Histories of factor returns for the tests of Sigma, with and without gaps."""

import numpy as np


def factor_returns(n_periods: int, n_factors: int = 4, seed: int = 0) -> np.ndarray:
    """Correlated normal returns."""
    rng = np.random.default_rng(seed)
    mixing = rng.normal(0, 1, (n_factors, n_factors))
    return rng.normal(0.0002, 0.01, (n_periods, n_factors)) @ mixing


def scattered_gaps(n_periods: int, n_factors: int, share: float, seed: int = 0) -> np.ndarray:
    """Returns of which a share is missing at random, but none on the newest date."""
    F = factor_returns(n_periods, n_factors, seed)
    missing = np.random.default_rng([seed, 1]).random(F.shape) < share
    missing[-1] = False
    F[missing] = np.nan
    return F


def nested_starts(n_periods: int, starts: list[int], seed: int = 0) -> np.ndarray:
    """Returns of factors that begin at the rows named."""
    F = factor_returns(n_periods, len(starts), seed)
    for k, start in enumerate(starts):
        F[:start, k] = np.nan
    return F


def correlations(cov: np.ndarray) -> np.ndarray:
    vols = np.sqrt(np.diag(cov))
    return cov / np.outer(vols, vols)


def assert_close_as_returns(found: np.ndarray, expected: np.ndarray, relative: float) -> None:
    """Each covariance within `relative` of the product of its two volatilities."""
    size = np.sqrt(np.diag(expected))
    difference = np.abs(found - expected) / np.outer(size, size)
    assert difference.max(initial=0.0) <= relative, f"{difference.max():.2e} of a correlation"
