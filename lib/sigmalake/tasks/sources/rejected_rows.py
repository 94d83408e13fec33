"""The rows that the model cannot use, as `rejected_rows` lists them, and how often each problem occurs."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sigmalake.numerics.types import Ints
from sigmalake.tables.records import REJECTED_ROWS
from sigmalake.tasks.sources.checking import CheckedRows, Reason
from sigmalake.tasks.sources.duplicates import key_codes

PROBLEM_COUNTS = pa.schema(
    [("date", pa.date32()), ("column", pa.string()), ("reason", pa.string()), ("n", pa.int64()), ("value", pa.string())]
)


class ProblemCount(NamedTuple):
    """A problem of a source."""

    column: str
    reason: str
    n: int  # rows that have it
    value: str | None  # one that was seen

    @property
    def text(self) -> str:
        """The problem in the words of the output."""
        return f"{self.n:,} with {self.column} {self.reason}" + (f", e.g. {self.value!r}" if self.value is not None else "")


def rejected_rows(checked: CheckedRows, source: str, dates: Collection[date | None] | None = None) -> pa.Table:
    """The rows of `rejected_rows` for some checked rows of one source.

    Args:
        checked: rows of one side, with all of their problems.
        source: its name.
        dates: that are asked for; rows whose date is unreadable belong to none and are always there. None: all.
    """
    problems = checked.problems
    if dates is not None:
        rows = problems.column("row").to_numpy()
        day = checked.column("date").take(pa.array(rows, pa.int64()))
        asked = pc.or_(day.is_null(), pc.is_in(day, pa.array(sorted(day for day in dates if day is not None), pa.date32())))
        problems = problems.filter(asked)
    at = problems.column("row").to_numpy()
    own = pa.array(at, pa.int64())
    hashes = checked.column("row_hash").take(own).to_numpy()
    asset = checked.column("asset_id").take(own)
    columns = {
        "source": pa.repeat(source, len(at)),
        "row_hash": _as_hex(hashes),
        "copy": pa.array(_copies(hashes, at).astype(np.int32)),
        "column": problems.column("column"),
        "reason": problems.column("reason"),
        "date": checked.column("date").take(own),
        "asset_id": pc.if_else(pc.equal(asset, ""), pa.scalar(None, pa.string()), asset),
        "value": problems.column("value"),
        "source_rows": checked.column("source_rows").take(own),
    }
    return _once_each(pa.table([columns[name] for name in REJECTED_ROWS.column_names], schema=REJECTED_ROWS.arrow_schema()))


def joined_rejected_rows(tables: Sequence[pa.Table]) -> pa.Table:
    """The rejected rows of several splits: copies of a row that lie in different ones are told apart by new numbers."""
    schema = REJECTED_ROWS.arrow_schema()
    rows = pa.concat_tables([schema.empty_table(), *(table.cast(schema) for table in tables)])  # Spark gives all as nullable
    split = np.repeat(np.arange(len(tables)), [table.num_rows for table in tables])
    hashes = key_codes([rows.column("source").combine_chunks(), rows.column("row_hash").combine_chunks()], rows.num_rows)
    row = split * (2**31) + rows.column("copy").to_numpy()
    numbered = pa.array(_copies(hashes, row).astype(np.int32))
    at = rows.column_names.index("copy")
    return rows.set_column(at, rows.schema.field(at), numbered).combine_chunks()


def problem_counts(checked: CheckedRows) -> pa.Table:
    """How many rows of each date have each problem, as `PROBLEM_COUNTS` has it."""
    days = checked.column("date").take(pa.array(checked.problems.column("row").to_numpy(), pa.int64()))
    found = checked.problems.append_column("date", days).append_column("n", pa.array(np.ones(len(days), dtype=np.int64)))
    return joined_problem_counts([found.select(PROBLEM_COUNTS.names)])


def joined_problem_counts(tables: Iterable[pa.Table]) -> pa.Table:
    """The counts of several splits added up."""
    rows = pa.concat_tables([PROBLEM_COUNTS.empty_table(), *tables])
    found = rows.group_by(["date", "column", "reason"], use_threads=False).aggregate([("n", "sum"), ("value", "min")])
    return found.select(["date", "column", "reason", "n_sum", "value_min"]).rename_columns(PROBLEM_COUNTS.names)


def most_frequent(counts: pa.Table) -> list[ProblemCount]:
    """The problems of all these dates, most frequent first."""
    found = counts.group_by(["column", "reason"], use_threads=False).aggregate([("n", "sum"), ("value", "min")])
    rows = [ProblemCount(r["column"], r["reason"], r["n_sum"], r["value_min"]) for r in found.to_pylist()]
    return sorted(rows, key=lambda found: (-found.n, found.column, found.reason))


def worst_problems(counts: pa.Table) -> str:
    """The most frequent problems as a message tells them."""
    found = most_frequent(counts)[:3]
    listed = [
        f"{n} with {column} {reason}" + (f" (e.g. {value!r})" if value is not None else "") for column, reason, n, value in found
    ]
    if any(problem.reason == Reason.NOT_A_DATE for problem in found):
        listed.append("a date is YYYY-MM-DD, or a timestamp at midnight")
    return "; ".join(listed)


def _copies(hashes: Ints, rows: Ints) -> Ints:
    """For each entry, which of the rows with its hash its row is, from 1."""
    order = np.lexsort((rows, hashes))
    new_hash = np.diff(hashes[order], prepend=0) != 0
    new_hash[:1] = True
    new_row = (np.diff(rows[order], prepend=0) != 0) | new_hash
    n_rows = np.cumsum(new_row)
    starts = np.flatnonzero(new_hash)
    before = np.repeat(n_rows[starts] - 1, np.diff(starts, append=len(rows)))
    copies = np.empty(len(rows), dtype=np.int64)
    copies[order] = n_rows - before
    return copies


def _as_hex(hashes: Ints) -> pa.Array:
    """16 digits each."""
    if len(hashes) == 0:
        return pa.array([], pa.string())
    octets = hashes.astype(">i8").view(np.uint8).reshape(-1, 8)
    digits = np.frombuffer(b"0123456789ABCDEF", dtype=np.uint8)
    text = np.stack([digits[octets >> 4], digits[octets & 15]], axis=2)
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), len(hashes), [None, pa.py_buffer(text.tobytes())]).cast(pa.string())


def _once_each(rows: pa.Table) -> pa.Table:
    """The rows, of those with one key the first."""
    rows = rows.combine_chunks()
    keys = key_codes([rows.column(name).combine_chunks() for name in (*REJECTED_ROWS.key, "date")], rows.num_rows)
    _, first = np.unique(keys, return_index=True)
    return rows if len(first) == rows.num_rows else rows.take(pa.array(np.sort(first)))
