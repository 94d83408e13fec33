"""What a lake holds: runs, newest dates, releases, sizes."""

from typing import NamedTuple

from sigmalake.lake.books import all_releases, in_order
from sigmalake.lake.format import FORMAT
from sigmalake.lake.lake import Lake
from sigmalake.lake.releases import Release
from sigmalake.tables.catalogue import ALL_TABLES
from sigmalake.tables.records import RUNS


class TableStatus(NamedTuple):
    """A table as it is now."""

    name: str
    version: int
    rows_from: str
    rows_to: str
    files: int
    megabytes: float


class Status(NamedTuple):
    """A lake as it is now."""

    lake: str
    format: int
    tables: list[TableStatus]
    runs: list[dict[str, object]]  # newest last
    releases: list[Release]


def status(lake: Lake, most: int = 10) -> Status:
    """Read a lake's books and logs; no row of a large column is read."""
    tables = []
    for table in ALL_TABLES:
        version = lake.version(table)
        if version is None:
            continue
        found = lake.span(table)
        files, size = lake.size(table)
        first, last = (str(found.first), str(found.last)) if found else ("", "")
        tables.append(TableStatus(table.name, version, first, last, files, size / 1e6))
    columns = ["run_id", "stage", "finished_at", "sequence", "status", "n_dates", "first_date", "last_date", "seconds", "error"]
    runs = in_order(lake.columns(RUNS, columns).to_pylist())
    return Status(lake.root, FORMAT, tables, runs[-most:], all_releases(lake)[-most:])
