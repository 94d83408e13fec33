"""Caps beside returns: caps that stand still, caps that move apart, and splits that one of the two misses."""

import numpy as np

from sigmalake.numerics.quality.return_checks import new_runs
from sigmalake.numerics.types import Bools, Floats

SPLIT_RATIOS = (1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 10.0, 15.0, 20.0, 25.0, 30.0, 50.0, 100.0)
_LOG_RATIOS = np.log(SPLIT_RATIOS)


def new_standing_caps(caps: Floats, before: Floats, returns: Floats, run: int) -> Bools:
    """Where a cap is the last of exactly `run` that are equal to the one before, beside returns other than 0.

    Args:
        caps: (T, N) by date and asset, NaN: none.
        before: (T, N) those of the dates before.
        returns: (T, N) of the periods between, NaN: missing.
        run: periods.
    """
    return new_runs((caps == before) & np.isfinite(returns) & (returns != 0.0), run)


def cap_gaps(caps: Floats, before: Floats, growth: Floats) -> Floats:
    """ln(c(t) / c(t-1)) - ln(1 + r(t)): 0 where neither shares nor payments changed.

    NaN where one of the three is missing, or where the cap stood still on t or on the date before: of which period it is cannot be
    told.

    Args:
        caps: (T, N) > 0 by date and asset, NaN: none.
        before: (T, N) those of the dates before.
        growth: (T, N) ln(1 + r) of the periods between.
    """
    moved = caps != before
    moved[1:] &= before[1:] != before[:-1]
    with np.errstate(invalid="ignore", divide="ignore"):
        gaps = np.log(caps / before) - growth
    return np.where(moved & np.isfinite(gaps), gaps, np.nan)


def nearest_split(gaps: Floats, tolerance: float) -> Floats:
    """The ratio of a split that each gap is, below 1 of a reverse one; NaN: of none.

    Args:
        gaps: (M,) differences of logarithms, NaN: unknown.
        tolerance: distance from the ratio, fraction.
    """
    size = np.abs(gaps)
    distance = np.abs(size[:, None] - _LOG_RATIOS)
    nearest = np.argmin(np.where(np.isnan(distance), np.inf, distance), axis=1)
    is_split = distance[np.arange(len(gaps)), nearest] <= np.log1p(tolerance)
    return np.where(is_split, np.exp(np.sign(gaps) * _LOG_RATIOS[nearest]), np.nan)
