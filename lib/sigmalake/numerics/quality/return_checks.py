"""Returns that are hardly right: runs of zeros, jumps, and jumps that the next return takes back."""

from typing import NamedTuple

import numpy as np

from sigmalake.numerics.quality.rules import LEAST_HISTORY
from sigmalake.numerics.regression.robust.outliers import NORMAL_MAD
from sigmalake.numerics.types import Bools, Floats, Ints

LEAST_GROWTH = 1e-4  # 1 + r counts this at the least: a return of -1 has no logarithm
LEAST_RETURNS = 10  # of a date, that its median and its spread say something


class Deviations(NamedTuple):
    """Returns about the middle of their date."""

    growth: Floats  # (T, N) ln(1 + r), NaN: missing
    deviation: Floats  # (T, N) growth less the date's median, NaN: missing, or too few returns on the date
    spread: Floats  # (T,) robust sd over the assets of the date; NaN: too few returns


def new_zero_runs(returns: Floats, run: int) -> Bools:
    """Where a return is the last of exactly `run` zeros in a row, so that each run is found once.

    Args:
        returns: (T, N) by date and asset, NaN is missing and ends a run.
        run: periods.

    Returns:
        (T, N) of the first `run` rows only what began within the array.
    """
    return new_runs(returns == 0.0, run)


def new_runs(holds: Bools, run: int) -> Bools:
    """Where a condition has held on `run` dates in a row, and not on the date before them.

    Args:
        holds: (T, N) by date and asset.
        run: dates.
    """
    n_dates = len(holds)
    found = np.zeros_like(holds)
    if n_dates < run or not holds.any():
        return found
    complete = holds[run - 1 :].copy()
    for back in range(1, run):
        complete &= holds[run - 1 - back : n_dates - back]
    complete[1:] &= ~holds[: n_dates - run]
    found[run - 1 :] = complete
    return found


def deviations(returns: Floats) -> Deviations:
    """Log returns about the median of their date, with the robust sd MAD / 0.6745 of each date (Hampel 1974).

    Args:
        returns: (T, N) simple returns by date and asset, fractions; NaN is missing.
    """
    growth = np.log(np.maximum(1.0 + returns, LEAST_GROWTH))
    told = np.isfinite(growth).sum(axis=1) >= LEAST_RETURNS
    deviation = np.full_like(growth, np.nan)
    spread = np.full(len(growth), np.nan)
    deviation[told] = growth[told] - _medians(growth[told])[:, None]
    spread[told] = _medians(np.abs(deviation[told])) / NORMAL_MAD
    return Deviations(growth, deviation, spread)


def _medians(values: Floats) -> Floats:
    """(T,) of the numbers of each row, at least one of which is not NaN."""
    ordered = np.sort(values, axis=1)  # NaN last
    counts = np.isfinite(values).sum(axis=1)
    each = np.arange(len(values))
    found: Floats = 0.5 * (ordered[each, (counts - 1) // 2] + ordered[each, counts // 2])
    return found


def robust_scores(found: Deviations, first: int, look_back: int, beyond: float) -> Floats:
    """Deviations in robust sd, the larger of the date's and of the asset's own; 0 for those within `beyond` of the date's.

    The asset's own is median |d| / 0.6745 over the `look_back` dates before, and counts with 10 returns or more. Where the date's
    is 0, more than half of its returns being alike, only an asset with one of its own has a score.

    Args:
        found: (T, N).
        first: the first row that is scored.
        look_back: rows before a row.
        beyond: robust sd, below which a score is not told.

    Returns:
        (T - first, N)
    """
    deviation, spread = found.deviation[first:], found.spread[first:]
    scores = np.zeros_like(deviation)
    with np.errstate(invalid="ignore"):
        rows, columns = np.nonzero(np.abs(deviation) > (beyond * spread)[:, None])
    if not len(rows):
        return scores
    own = _own_spread(found.deviation, rows + first, columns, look_back)
    scale = np.fmax(spread[rows], own)
    told = scale > 0.0
    rows, columns = rows[told], columns[told]
    scores[rows, columns] = deviation[rows, columns] / scale[told]
    return scores


def _own_spread(deviation: Floats, rows: Ints, columns: Ints, look_back: int) -> Floats:
    """(M,) of each cell the robust sd of its asset before it, NaN where it has too few returns."""
    at = rows[:, None] - np.arange(look_back, 0, -1)
    history = np.where(at >= 0, np.abs(deviation[np.maximum(at, 0), columns[:, None]]), np.nan)
    history.sort(axis=1)  # NaN last
    counts = np.isfinite(history).sum(axis=1)
    each = np.arange(len(history))
    median = 0.5 * (history[each, np.maximum(counts - 1, 0) // 2] + history[each, counts // 2])
    return np.where(counts >= LEAST_HISTORY, median / NORMAL_MAD, np.nan)


def taken_back(jump: Floats, score: Floats, next_deviation: Floats, bound: float, remains: float) -> Bools:
    """Where the next return takes a jump back: |z| > bound, the other sign, and no more than `remains` of the jump is left.

    Args:
        jump: (T, N) deviations.
        score: (T, N) theirs, in robust sd.
        next_deviation: (T, N) of the date after each.
        bound: robust sd.
        remains: share of the jump.
    """
    found = np.abs(score) > bound
    rows, columns = np.nonzero(found)
    before, after = jump[rows, columns], next_deviation[rows, columns]
    with np.errstate(invalid="ignore"):
        found[rows, columns] = (before * after < 0.0) & (np.abs(before + after) <= remains * np.abs(before))
    return found
