"""What a source holds on each date, told from a sum of row hashes: the order of rows, files and splits does not matter."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from sigmalake.numerics.types import Bools, Ints
from sigmalake.tables.records import SOURCE_PRINTS
from sigmalake.tasks.sources.checking import CheckedRows
from sigmalake.tasks.sources.duplicates import dense_codes, key_codes
from sigmalake.tasks.sources.exchange_rates import currency_in
from sigmalake.tasks.sources.exposures.memberships import levels_in
from sigmalake.tasks.sources.raw_rows import to_bools

CURRENCIES = -1  # in the place of a membership group, of the currencies that a side's rows are in
FINGERPRINTS = pa.schema(
    [SOURCE_PRINTS.arrow_schema().field(name) for name in ("file", "date", "rows", "rejected", "high", "low", "levels")]
)


class FileFingerprint(NamedTuple):
    """The rows of one date in one file."""

    file: str | None  # null where the source's files cannot be told
    date: date | None  # null: unreadable
    rows: int  # source rows
    rejected: int  # of these, with a problem
    high: int  # sums over the upper and the lower 32 bits of the row hashes: they do not overflow
    low: int
    levels: list[tuple[int, str]]  # of each membership group that learns them, and `CURRENCIES`; sorted


class DateFingerprint(NamedTuple):
    """A source on one date."""

    rows: int
    rejected: int
    content: str  # changes when any row is restated, added or removed


Fingerprints = dict[date | None, DateFingerprint]
"""A source by date; None holds the rows whose date is unreadable."""


def fingerprint_rows(checked: CheckedRows, learning: Sequence[int] = ()) -> pa.Table:
    """A row for each file and date of some checked rows, as `FINGERPRINTS` has them.

    Args:
        checked: rows of one side.
        learning: positions of the membership groups whose levels are learned from the data; of exposures only.
    """
    n = checked.rows.num_rows
    if n == 0:
        return FINGERPRINTS.empty_table()
    codes = key_codes([checked.column("file"), checked.column("date")], n)
    of_row, first = dense_codes(codes)
    order = np.argsort(of_row, kind="stable")
    starts = np.flatnonzero(np.diff(of_row[order], prepend=-1))
    usable, counts = checked.usable, checked.column("source_rows").to_numpy().astype(np.int64)
    hashes = checked.column("row_hash").to_numpy()
    summed = (counts, np.where(usable, 0, counts), hashes >> 32, hashes & 0xFFFFFFFF)
    sums = [pa.array(np.add.reduceat(values[order], starts)) for values in summed]
    at = pa.array(first)
    levels = _levels(checked, of_row, usable, learning, len(first))
    return pa.table([checked.column("file").take(at), checked.column("date").take(at), *sums, levels], schema=FINGERPRINTS)


def file_fingerprints(tables: Iterable[pa.Table]) -> list[FileFingerprint]:
    """The fingerprints of some splits added up, one for each file and date."""
    found: dict[tuple[str | None, date | None], FileFingerprint] = {}
    for table in tables:
        for row in table.to_pylist():
            levels = {(level["group"], level["level"]) for level in row["levels"] or ()}
            numbers = (row["rows"], row["rejected"], row["high"], row["low"])
            if (before := found.get((row["file"], row["date"]))) is not None:
                numbers = tuple(a + b for a, b in zip(numbers, before[2:6], strict=True))
                levels |= set(before.levels)
            found[row["file"], row["date"]] = FileFingerprint(row["file"], row["date"], *numbers, sorted(levels))
    return list(found.values())


def by_date(fingerprints: Iterable[FileFingerprint]) -> Fingerprints:
    """The fingerprints of all files added up; None holds the rows whose date is unreadable."""
    sums: dict[date | None, list[int]] = {}
    for found in fingerprints:
        total = sums.setdefault(found.date, [0, 0, 0, 0])
        for i, number in enumerate(found[2:6]):
            total[i] += number
    return {day: DateFingerprint(total[0], total[1], ":".join(map(str, total))) for day, total in sums.items()}


def first_dates_of_levels(fingerprints: Iterable[FileFingerprint]) -> dict[int, dict[str, date]]:
    """For each membership group, the first date of each level among the accepted rows."""
    first: dict[int, dict[str, date]] = {}
    for found in fingerprints:
        if (day := found.date) is not None:
            for group, level in found.levels:
                known = first.setdefault(group, {})
                known[level] = min(day, known.get(level, day))
    return first


def currencies_by_date(fingerprints: Iterable[FileFingerprint]) -> dict[date, set[str]]:
    """The currencies that the accepted rows of each date are in."""
    found: dict[date, set[str]] = {}
    for of_file in fingerprints:
        if of_file.date is not None:
            found.setdefault(of_file.date, set()).update(level for group, level in of_file.levels if group == CURRENCIES)
    return found


def _levels(checked: CheckedRows, of_row: Ints, usable: Bools, learning: Sequence[int], n: int) -> pa.Array:
    """The levels that the usable rows of each file and date tell, and their currencies."""
    names = checked.rows.column_names
    columns = {name: checked.column(name) for name in names if name.startswith(("level_", "member_"))}
    found = levels_in(columns, learning)
    if (currency := currency_in(names)) is not None:
        told = checked.column(currency)
        at = np.flatnonzero(to_bools(told.is_valid()))
        found.append((CURRENCIES, at, told.take(pa.array(at))))
    keys, groups, levels = [np.array([], dtype=np.int64)], [np.array([], dtype=np.int32)], [pa.array([], pa.string())]
    for group, rows, of_rows in found:
        held = usable[rows]
        key, encoded = of_row[rows[held]], of_rows.filter(pa.array(held)).cast(pa.string()).dictionary_encode()
        size = max(len(encoded.dictionary), 1)
        pairs = key * size + encoded.indices.to_numpy()
        pairs = pairs[dense_codes(pairs)[1]]
        keys.append(pairs // size)
        groups.append(np.full(len(pairs), group, dtype=np.int32))
        levels.append(encoded.dictionary.take(pa.array(pairs % size)))
    key = np.concatenate(keys)
    order = np.argsort(key, kind="stable")
    ends = pa.array(np.concatenate([[0], np.cumsum(np.bincount(key, minlength=n))]).astype(np.int32))
    flat = [pa.array(np.concatenate(groups)[order]), pa.concat_arrays(levels).take(pa.array(order))]
    kind = FINGERPRINTS.field("levels").type.value_type
    return pa.ListArray.from_arrays(ends, pa.StructArray.from_arrays(flat, fields=list(kind)))
