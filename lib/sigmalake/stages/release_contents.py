"""What a release says of each table, as counts and checksums by date: kept where it differs from the release before.

Rows that this run has written were counted on their way. Of others, say those that Spark wrote or a run that was stopped, the
dates that were written since the last release are read.
"""

from collections.abc import Mapping, Sequence
from datetime import date

from sigmalake.lake.dates import DateRange, envelope
from sigmalake.lake.lake import Written
from sigmalake.lake.log import VERIFY, Commit, in_effect
from sigmalake.lake.releases import Release
from sigmalake.lake.row_filter import RowFilter, of_dates
from sigmalake.lake.trust.contents import content_rows
from sigmalake.stages.context import Context
from sigmalake.stages.regress import panel_row_bytes
from sigmalake.stages.sources.source_memory import FLAT_ROW_BYTES
from sigmalake.tables.catalogue import MODEL_TABLES
from sigmalake.tables.checksums.contents import Content, Contents, Key, contents_of, together
from sigmalake.tables.declaration import Table
from sigmalake.tables.records import RELEASE_CONTENTS
from sigmalake.tasks.count_rows import CountRows

READ_HERE = 64 << 20  # bytes of a table that the driver reads itself


def present_contents(context: Context, before: Mapping[str, Contents], last: Release | None) -> dict[str, Contents]:
    """The contents of each table that there is, as it stands.

    Args:
        context: what this run has written, and what reads the rest.
        before: as of the last release.
        last: that release.
    """
    tables = [table for table in MODEL_TABLES if context.lake.exists(table)]
    return {table.name: _of_table(context, table, before.get(table.name), last) for table in tables}


def record_contents(context: Context, release: Release, before: Mapping[str, Contents], now: Mapping[str, Contents]) -> None:
    """Append what differs from the release before, and the sum of all."""
    found = content_rows(release, before, now)
    context.lake.append(RELEASE_CONTENTS, context.engine.driver_rows(found), "release")


def _of_table(context: Context, table: Table, before: Contents | None, last: Release | None) -> Contents:
    lake = context.lake
    seen = None if last is None or before is None else last.seen(table.name)
    is_same = seen is not None and lake.is_still(table, seen)
    commits = [commit for commit in in_effect(lake.commits(table, seen)) if not commit.keeps_rows]
    start = dict(before) if is_same and before is not None else {}
    if is_same and not commits:
        return start
    if (found := _as_written(context.run_id, start, lake.written(table), commits)) is not None:
        return found
    ranges = [span for commit in commits for span in commit.ranges]
    dated = table.date is not None and not next(column for column in table.columns if column.name == table.date).nullable
    if not dated or not is_same or not all(commit.ranges for commit in commits):
        return _read(context, table, None) if dated else contents_of(table, lake.columns(table, table.column_names))
    kept = {key: content for key, content in start.items() if not _within(key.date, ranges)}
    return together([kept, _read(context, table, ranges)])


def _as_written(run_id: str, start: Contents, written: Sequence[Written], commits: Sequence[Commit]) -> Contents | None:
    """The contents after all writes of this run; None where others wrote, too, or a write was not counted."""
    if not written or any(write.contents is None for write in written) or commits[-1].version != written[-1].version:
        return None
    if any(commit.run_id != run_id or commit.stage == VERIFY for commit in commits):
        return None
    found = start
    for write in written:
        kept = found if write.replaced is None else {key: c for key, c in found.items() if not _replaces(write.replaced, key)}
        found = together([kept, write.contents or {}])
    return found


def _replaces(replaced: RowFilter, key: Key) -> bool:
    return any(variant in (None, key.variant) and _within(key.date, ranges) for variant, ranges in replaced.ranges.items())


def _within(day: date | None, ranges: Sequence[DateRange]) -> bool:
    return day is not None and any(span.first <= day <= span.last for span in ranges)


def _read(context: Context, table: Table, ranges: Sequence[DateRange] | None) -> Contents:
    """The contents of the rows of some dates, or of all, counted wherever they are read."""
    every = context.lake.span(table)
    if every is None:
        return {}
    if 0 < context.lake.size(table)[1] <= READ_HERE:  # a job of Spark's takes longer
        whole = envelope(ranges or [every])
        found = contents_of(table, context.lake.columns(table, table.column_names, whole))
        return {key: content for key, content in found.items() if ranges is None or _within(key.date, ranges)}
    context.engine.expect_width(panel_row_bytes(context.lake) if table.packed else FLAT_ROW_BYTES)
    rows = context.engine.collect(context.engine.unpack(CountRows(table), of_dates(table.date or "", ranges or [every])))
    return together({Key(row["variant"], row["date"]): Content(row["rows"], row["checksum"])} for row in rows.to_pylist())
