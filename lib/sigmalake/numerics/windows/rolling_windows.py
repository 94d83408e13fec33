"""Weights of the windows of many as-of dates as bands of a matrix: sums over all of them are matrix products."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from sigmalake.numerics.types import Floats, Ints
from sigmalake.numerics.windows.ewma import decay

_AS_OF_BLOCK = 64  # as-of dates a matrix product; the band is this by window + block


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
    check_as_of(as_of, n_rows)
    newest = as_of - lag
    for block, rows in as_of_blocks(newest, window):
        first = int(rows[0]) if rows.size else 0
        yield Band(block, slice(first, first + rows.size), band(newest[block], rows, window, half_life))


def as_of_blocks(as_of: Ints, window: int) -> Iterator[tuple[slice, Ints]]:
    """Runs of as-of dates, each with the rows that its windows hold."""
    for start in range(0, as_of.size, _AS_OF_BLOCK):
        block = slice(start, start + _AS_OF_BLOCK)
        yield block, np.arange(max(0, as_of[block].min() - window + 1), as_of[block].max() + 1)


def band(as_of: Ints, rows: Ints, window: int, half_life: float) -> Floats:
    """(A, R) weights of the rows for each as-of date: 0 after it and before its window."""
    ages = as_of[:, None] - rows
    inside = (ages >= 0) & (ages < window)
    return np.where(inside, decay(np.where(inside, ages, 0), half_life), 0.0)


def check_as_of(as_of: Ints, n_rows: int) -> None:
    """Refuse as-of dates that are no rows of the history."""
    if as_of.size and (as_of.min() < 0 or as_of.max() >= n_rows):
        raise ValueError(f"as_of goes from {as_of.min()} to {as_of.max()}; there are {n_rows} rows, the first is 0")
