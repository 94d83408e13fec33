"""Specific returns of a window, standardised so that independent ones look like noise to a test of their correlations."""

from typing import NamedTuple

import numpy as np

from sigmalake.numerics.types import Bools, Floats, Ints

MOST_MISSING = 0.1  # share of the dates on which an asset may lack a residual
_LEAST_FREE = 0.5  # 1 - leverage: an asset that the factors explain for the larger part leaves the test
_RANK = 1e-8  # a singular value with a smaller share of the largest is rounding
_SCALINGS = 10  # by dates and by assets, in turn; each brings the means of squares nearer to 1


class StandardisedResiduals(NamedTuple):
    """Residuals of N assets that have enough of them, over T dates."""

    values: Floats  # (T, N) mean square 1 by asset, and about 1 by date; 0 where missing
    is_observed: Bools  # (T, N)
    n_obs: Ints  # (N,)
    columns: Ints  # (N,) of what was given
    basis: Floats  # (N, R) rows of the orthonormal basis that was projected out
    free: float  # N*: sum over the assets of 1 - leverage


def standardise_residuals(specific_returns: Floats, exposures: Floats) -> StandardisedResiduals:
    """Residuals over their standard deviation, without what lies along the factors, scaled by date and by asset to one.

    1. z = u / s, s an asset's root mean square over the window.
    2. z <- z - Q Q'z by date, Q an orthonormal basis of X / s: the residuals that a regression with weights 1 / s^2 leaves. A
       residual holds the errors of all factor returns, -x e_f, which it shares with its like; along X they leave with this.
    3. Means over the window are subtracted; then dates and assets are scaled in turn, until the mean square is 1 by both. With
       variances that move by date or by asset the edge of noise is then that of Marchenko and Pastur (Landa, Zhang and
       Kluger 2022).

    An asset is in it with residuals on all but a tenth of the dates that have any. A missing residual is 0, the mean.

    Args:
        specific_returns: (T, N) fractions per period, NaN where missing.
        exposures: (N, K) X as of the newest date.
    """
    u = specific_returns[~np.isnan(specific_returns).all(axis=1)]
    observed = ~np.isnan(u)
    n_obs = observed.sum(axis=0)
    squares = np.where(observed, u, 0.0) ** 2
    enough = (n_obs >= max(2.0, (1 - MOST_MISSING) * len(u))) & (squares.sum(axis=0) > 0)
    columns = np.flatnonzero(enough)
    observed, n_obs = observed[:, columns], n_obs[columns]
    sd = np.sqrt(squares[:, columns].sum(axis=0) / n_obs) if len(columns) else np.empty(0)
    z = np.where(observed, u[:, columns], 0.0) / sd
    basis = _basis(exposures[columns] / sd[:, None])
    z -= (z @ basis) @ basis.T
    free = 1.0 - (basis**2).sum(axis=1)
    left = free >= _LEAST_FREE
    values, alive = _scaled(z[:, left], observed[:, left])
    left = np.flatnonzero(left)[alive]
    return StandardisedResiduals(values, observed[:, left], n_obs[left], columns[left], basis[left], float(free[left].sum()))


def _basis(exposures: Floats) -> Floats:
    """(N, R) orthonormal columns that span those of X."""
    lengths = np.sqrt((exposures**2).sum(axis=0))
    vectors, values, _ = np.linalg.svd(exposures[:, lengths > 0] / lengths[lengths > 0], full_matrices=False)
    basis: Floats = vectors[:, values > _RANK * values.max(initial=0.0)]
    return basis


def _scaled(z: Floats, observed: Bools) -> tuple[Floats, Bools]:
    """By asset mean 0, then mean square 1 by date and by asset; and which assets move, the only ones that stay."""
    n_obs, n_dates = observed.sum(axis=0), len(z)
    z = np.where(observed, z - (z * observed).sum(axis=0) / np.maximum(n_obs, 1), 0.0)
    alive = (z**2).sum(axis=0) > 0
    z, n_assets = z[:, alive], int(alive.sum())
    for _ in range(_SCALINGS if n_assets else 0):
        by_date = np.sqrt((z**2).sum(axis=1) / n_assets)
        z = z / np.where(by_date > 0, by_date, 1.0)[:, None]
        z = z / np.sqrt((z**2).sum(axis=0) / n_dates)
    return z, alive
