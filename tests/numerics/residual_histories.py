"""Specific returns for the tests of Delta."""

import numpy as np


def residuals(n_periods: int, n_assets: int = 8, missing: float = 0.1, coefficient: float = 0.0, seed: int = 0) -> np.ndarray:
    """Autoregressions of order 1 with volatilities of their own, and missing values."""
    rng = np.random.default_rng(seed)
    shocks = rng.normal(0.0003, 0.02, (n_periods, n_assets)) * np.exp(rng.normal(0, 0.4, n_assets))
    u = np.zeros_like(shocks)
    for t in range(n_periods):
        u[t] = coefficient * u[t - 1] + shocks[t]
    u[rng.random(u.shape) < missing] = np.nan
    return u
