"""What maintenance did to a lake, for a person and for a program."""

import json
from collections.abc import Iterable

from sigmalake.lake.upkeep.files import FileCount
from sigmalake.lake.upkeep.result import TableUpkeep, Upkeep
from sigmalake.report.text.plain_text import note, table


def maintained_text(upkeep: Upkeep) -> str:
    """The files of each table before and after, and of all; a table that stays as it is has no line."""
    moved = [its for its in upkeep.tables if its.compacted or its.removed.files]
    lines = [_line(its) for its in [*moved, _all(upkeep.tables)]]
    header = ["table", "files", "MB", "files after", "MB after", "written together", "removed"]
    what = "dry run, nothing was written, what is after is an estimate" if upkeep.dry_run else "maintained"
    releases = f"{len(upkeep.kept)} releases kept, {len(upkeep.trimmed)} trimmed ({upkeep.retention})"
    named = [note(f"trimmed: {', '.join(upkeep.trimmed)}")] if upkeep.trimmed else []
    return "\n".join([note(f"{upkeep.lake}: {what}; {releases}"), *named, table(header, lines)])


def maintained_json(upkeep: Upkeep) -> str:
    """The same for a program."""
    tables = {
        its.name: {
            "before": _count(its.before), "after": _count(its.after), "compacted": its.compacted, "removed": _count(its.removed)
        }
        for its in upkeep.tables
    }  # fmt: skip
    body = {"lake": upkeep.lake, "dry_run": upkeep.dry_run, "retention": upkeep.retention}
    return json.dumps(body | {"kept": upkeep.kept, "trimmed": upkeep.trimmed, "tables": tables})


def _line(its: TableUpkeep) -> list[str]:
    counts = [f"{its.before.files:,}", _mb(its.before), f"{its.after.files:,}", _mb(its.after)]
    return [its.name, *counts, f"{its.compacted:,}", f"{its.removed.files:,}"]


def _all(tables: Iterable[TableUpkeep]) -> TableUpkeep:
    listed = list(tables)
    before, after, removed = (_sum(getattr(its, what) for its in listed) for what in ("before", "after", "removed"))
    return TableUpkeep("all tables", before, after, sum(its.compacted for its in listed), removed)


def _sum(counts: Iterable[FileCount]) -> FileCount:
    listed = list(counts)
    return FileCount(sum(count.files for count in listed), sum(count.size for count in listed))


def _count(count: FileCount) -> dict[str, int]:
    return {"files": count.files, "bytes": count.size}


def _mb(count: FileCount) -> str:
    return f"{count.size / 1e6:,.1f}"
