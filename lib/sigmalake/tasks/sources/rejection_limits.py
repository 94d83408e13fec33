"""How many rows of a source may be rejected before a run stops."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from sigmalake.config.checks import MaxRejected
from sigmalake.tasks.sources.fingerprints import DateFingerprint, FileFingerprint
from sigmalake.tasks.sources.rejected_rows import worst_problems


class BeyondLimit(NamedTuple):
    """A source, or one of its dates, of which too many rows are rejected."""

    source: str
    day: date | None  # None: the source as a whole
    rows: int
    rejected: int
    limit: float  # share of the rows
    reasons: str  # the most frequent ones

    @property
    def message(self) -> str:
        """What is beyond its limit, by how much, why, and what to do."""
        where = self.source if self.day is None else f"{self.source} on {self.day}"
        key = "source" if self.day is None else "date"
        return (
            f"{where}: {self.rejected:,} of {self.rows:,} rows rejected ({self.rejected / self.rows:.0%}; "
            f"checks.max_rejected.{key} is {self.limit:.0%}): {self.reasons}"
        )


def beyond_limits(
    source: str, fingerprints: Mapping[date | None, DateFingerprint], counts: pa.Table, limits: MaxRejected
) -> list[BeyondLimit]:
    """The source where too many of its rows are rejected, then its dates, the earliest first.

    Args:
        source: its name.
        fingerprints: of the source by date; None holds the rows whose date is unreadable, which count in the source alone.
        counts: problems by date, as `PROBLEM_COUNTS` has them.
        limits: shares of the rows.
    """
    rows = sum(found.rows for found in fingerprints.values())
    rejected = sum(found.rejected for found in fingerprints.values())
    beyond = []
    if rejected > limits.source * rows:
        beyond.append(BeyondLimit(source, None, rows, rejected, limits.source, worst_problems(counts)))
    for day in sorted(day for day in fingerprints if day is not None):
        found = fingerprints[day]
        if found.rejected > limits.date * found.rows:
            of_day = counts.filter(pc.equal(counts.column("date"), pa.scalar(day, pa.date32())))
            beyond.append(BeyondLimit(source, day, found.rows, found.rejected, limits.date, worst_problems(of_day)))
    return beyond


def unusable_files(fingerprints: Iterable[FileFingerprint]) -> list[tuple[str, int]]:
    """The files of which no row can be used, with their rows: such a file does not pass for nothing new."""
    rows: dict[str, list[int]] = {}
    for found in fingerprints:
        if found.file is not None:
            of_file = rows.setdefault(found.file, [0, 0])
            of_file[0] += found.rows
            of_file[1] += found.rejected
    return [(file, n) for file, (n, n_rejected) in sorted(rows.items()) if n == n_rejected and n > 0]
