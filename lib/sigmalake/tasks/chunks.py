"""As-of dates in chunks, each computed by one task with the rows that its windows read."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple


class AsOf(NamedTuple):
    """One row to compute."""

    variant: str  # of what is computed
    position: int  # of its date in the calendar
    inputs_hash: str
    first: int  # position of the first row that its window reads


class Chunk(NamedTuple):
    """As-of dates computed by one task."""

    first: int  # position of the first row that a window reads
    last: int  # position of the last as-of date
    as_of: tuple[AsOf, ...]

    def dates(self, calendar: Sequence[date]) -> list[date]:
        """The dates whose rows the windows read."""
        return list(calendar[self.first : self.last + 1])

    def as_of_dates(self, calendar: Sequence[date]) -> list[date]:
        """The as-of dates, each once."""
        return [calendar[position] for position in sorted({row.position for row in self.as_of})]


def chunks_of(as_of: Sequence[AsOf], size: int) -> list[Chunk]:
    """As-of dates in chunks of `size` positions; dates far apart do not share one.

    Args:
        as_of: what to compute.
        size: positions that a chunk spans.
    """
    by_block: dict[int, list[AsOf]] = {}
    for row in sorted(as_of, key=lambda row: (row.position, row.variant)):
        by_block.setdefault(row.position // size, []).append(row)
    return [Chunk(min(row.first for row in rows), max(row.position for row in rows), tuple(rows)) for rows in by_block.values()]


def first_row(position: int, look_back: int) -> int:
    """The first of `look_back` rows up to a position."""
    return max(0, position - look_back + 1)


def rows_read(calendar: Sequence[date], chunks: Sequence[Chunk]) -> list[tuple[date, int, int]]:
    """Date, chunk and position of every row that goes to a chunk."""
    return [(calendar[i], number, i) for number, chunk in enumerate(chunks) for i in range(chunk.first, chunk.last + 1)]
