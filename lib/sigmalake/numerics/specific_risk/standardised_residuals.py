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
    observed = ~np.isnan(specific_returns)
    some = observed.any(axis=1)
    observed, u = observed[some], np.where(observed, specific_returns, 0.0)[some]
    n_obs = observed.sum(axis=0)
    squares = (u**2).sum(axis=0)
    enough = (n_obs >= max(2.0, (1 - MOST_MISSING) * len(u))) & (squares > 0)
    columns = np.flatnonzero(enough)
    observed, n_obs = observed[:, columns], n_obs[columns]
    sd = np.sqrt(squares[columns] / n_obs)
    z = u[:, columns] / sd
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
    z = (z - np.einsum("ta,ta->a", z, observed) / np.maximum(n_obs, 1)) * observed
    squares = z**2
    alive = squares.sum(axis=0) > 0
    n_assets = int(alive.sum())
    if n_assets < len(alive):
        z, squares = z[:, alive], squares[:, alive]
    by_date, by_asset = np.ones(n_dates), np.ones(n_assets)  # what squares are multiplied by
    for _ in range(_SCALINGS if n_assets else 0):
        of_dates = squares @ by_asset / n_assets
        by_date = np.divide(1.0, of_dates, out=np.ones(n_dates), where=of_dates > 0)
        by_asset = n_dates / (by_date @ squares)
    z *= np.sqrt(by_date)[:, None]
    z *= np.sqrt(by_asset)
    return z, alive
