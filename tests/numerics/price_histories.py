"""Histories of prices for the tests of descriptors: listings, halts, days without trade, a universe that changes."""

import numpy as np

from sigmalake.numerics.descriptors.prices import PriceHistory


def price_history(n_periods: int, n_assets: int = 6, missing: float = 0.1, seed: int = 0) -> PriceHistory:
    """Returns with a common part; a share of every array is missing."""
    rng = np.random.default_rng(seed)
    shape = (n_periods, n_assets)
    returns = rng.normal(0.0003, 0.01, (n_periods, 1)) * rng.uniform(0.5, 1.5, n_assets) + rng.normal(0, 0.02, shape)
    caps = np.exp(rng.normal(3, 1, n_assets) + np.cumsum(rng.normal(0, 0.02, shape), axis=0))
    turnovers = np.exp(rng.normal(-6, 0.7, shape))
    for values in (returns, caps, turnovers):
        values[rng.random(shape) < missing] = np.nan
    turnovers[rng.random(shape) < missing / 2] = 0.0
    return PriceHistory(returns, caps, caps, turnovers, rng.random(shape) < 0.8)


def with_noise_after(values: np.ndarray, row: int, seed: int = 1) -> np.ndarray:
    """A copy whose rows after `row` are others, some of them missing."""
    rng = np.random.default_rng(seed)
    changed = values.copy()
    later = changed[row + 1 :]
    if changed.dtype == bool:
        changed[row + 1 :] = ~later
    else:
        changed[row + 1 :] = np.where(rng.random(later.shape) < 0.2, np.nan, rng.uniform(0.1, 9, later.shape))
    return changed
