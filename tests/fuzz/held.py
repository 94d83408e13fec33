"""What holds of every run, whatever it is given: no traceback, the right exit code, finite numbers, and an account that adds up."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from fuzz.command import Seen
from lakes import rows_of
from sigmalake.tables.catalogue import ALL_TABLES
from sigmalake.tables.records import REJECTED_ROWS, RELEASES, RUNS
from sigmalake.tasks.sources.checking import Reason

UNEXPLAINED = re.compile(r"Traceback|the whole story is in|\tat |^error: [\w.]*(Error|Exception)\b", re.MULTILINE)
CONTROLS = {chr(code) for code in (*range(32), *range(127, 160))} - {"\n"}


def broken_words(seen: Seen) -> Iterator[str]:
    """What is wrong with what was said: a stack, the name of an exception, a control character, an error without its code."""
    if seen.code not in {0, 1, 2}:
        yield f"exit code {seen.code}"
    yield from (f"{found[0]!r} is shown" for found in UNEXPLAINED.finditer(seen.err))
    yield from (f"a warning of Python's is shown: {text}" for text in seen.warned)
    yield from (f"the control character {mark!r} is shown" for mark in sorted(CONTROLS & set(seen.err + seen.out)))
    told = [line for line in seen.err.splitlines() if line.startswith("error: ")]
    if (seen.code == 0) == bool(told):
        yield f"exit code {seen.code} with {len(told)} errors told"
    if seen.code and seen.out:
        yield f"exit code {seen.code}, and a result on stdout"


def broken_tables(lake: Path, seen: Seen, rejected: dict[str, int] | None = None) -> Iterator[str]:
    """What is wrong with the tables of a first run.

    Args:
        lake: its folder.
        seen: of the run.
        rejected: rows of each source that must be rejected, where that is known.
    """
    found = {table.name: rows_of(lake, table) for table in ALL_TABLES}
    for name, rows in found.items():
        for column in () if rows is None else rows.column_names:
            if n := _not_finite(rows.column(column).combine_chunks()):
                yield f"{name}.{column} has {n} numbers that are not finite"
    runs, releases, refused = found[RUNS.name], found[RELEASES.name], found[REJECTED_ROWS.name]
    n_releases = 0 if releases is None else releases.num_rows
    if n_releases != (seen.code == 0):
        yield f"exit code {seen.code} with {n_releases} releases"
    if runs is not None:
        yield from _broken_account(runs, refused, rejected)


def _not_finite(values: pa.Array) -> int:
    if pa.types.is_struct(values.type):
        return sum(_not_finite(part) for part in values.flatten())
    if pa.types.is_list(values.type):
        return _not_finite(values.flatten())
    if pa.types.is_map(values.type):
        return _not_finite(values.items)
    if not pa.types.is_floating(values.type):
        return 0
    return int(pc.sum(pc.invert(pc.is_finite(values.drop_null()))).as_py() or 0)


def _broken_account(runs: pa.Table, refused: pa.Table | None, expected: dict[str, int] | None) -> Iterator[str]:
    kept: dict[str, dict[tuple[object, ...], int]] = {}
    clashing: Counter[str] = Counter()  # rows whose level is called like another factor: good cells, by whoever drew the names
    for row in [] if refused is None else refused.to_pylist():
        if not row["reason"]:
            yield f"a row of {row['source']} is rejected without a reason"
        key = (row["row_hash"], row["copy"], row["date"])
        if key not in kept.setdefault(row["source"], {}) and row["reason"] == Reason.NAME_TAKEN:
            clashing[row["source"]] += row["source_rows"]
        kept[row["source"]][key] = row["source_rows"]
    for run in runs.to_pylist():
        for line in run["account"] or ():
            source, *counts = line.values()
            if counts[0] != sum(counts[1:]) or min(counts) < 0:
                yield f"{source}: {line} does not add up"
            if line["rejected"] != (n := sum(kept.get(source, {}).values())):
                yield f"{source}: {line['rejected']} rows are rejected, and rejected_rows has {n}"
            n_bad = line["rejected"] - clashing[source]
            if expected is not None and source in expected and not n_bad <= expected[source] <= line["rejected"]:
                yield f"{source}: {line['rejected']} rows are rejected, and {expected[source]} are bad"
