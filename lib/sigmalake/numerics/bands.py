"""Windows of many as-of dates over one history: banded weights for matrix products, and single windows where those lose digits."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from sigmalake.numerics.arrays import Floats, Ints
from sigmalake.numerics.ewma import decay

_AS_OF_BLOCK = 64  # as-of dates a matrix product; the band is this by window + block
_NUMBERS_AT_ONCE = 1 << 20  # of single windows


class Band(NamedTuple):
    """The weights of some as-of dates over the rows that their windows hold."""

    block: slice  # of the as-of dates
    rows: slice  # of the history
    weights: Floats  # (A, R) 0 after an as-of date's window and before it


def bands(as_of: Ints, n_rows: int, window: int, half_life: float, lag: int = 0) -> Iterator[Band]:
    """2^(-age / half_life) of each row in each as-of date's window, the newest row after the lag having age 0.

    Args:
        as_of: (A,) positions of rows; ascending is fastest.
        n_rows: of the history.
        window: periods up to and including the as-of row less the lag.
        half_life: periods.
        lag: newest periods left out.
    """
    if as_of.size and (as_of.min() < 0 or as_of.max() >= n_rows):
        raise ValueError(f"as_of goes from {as_of.min()} to {as_of.max()}; there are {n_rows} rows, the first is 0")
    for start in range(0, as_of.size, _AS_OF_BLOCK):
        block = slice(start, start + _AS_OF_BLOCK)
        newest = as_of[block] - lag
        rows = slice(max(0, newest.min() - window + 1), max(0, newest.max() + 1))
        ages = newest[:, None] - np.arange(rows.start, rows.stop)
        inside = (ages >= 0) & (ages < window)
        weights = np.where(inside, decay(np.where(inside, ages, 0), half_life), 0.0)
        yield Band(block, rows, weights)


def windows_of(history: Floats, as_of: Ints, series: Ints, window: int) -> Iterator[tuple[slice, Floats]]:
    """(P, W) the windows of some pairs of as-of row and series at a time, newest first, NaN before the first row."""
    ages = np.arange(window)
    step = max(1, _NUMBERS_AT_ONCE // window)
    for start in range(0, as_of.size, step):
        pairs = slice(start, start + step)
        rows = as_of[pairs, None] - ages
        yield pairs, np.where(rows >= 0, history[np.maximum(rows, 0), series[pairs, None]], np.nan)
