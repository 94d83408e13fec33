"""What a lake holds: runs, newest dates, releases, sizes."""

from typing import NamedTuple

from sigmalake.config.model import Config
from sigmalake.lake.books import in_order, release_ledger
from sigmalake.lake.format import FORMAT
from sigmalake.lake.lake import Lake
from sigmalake.lake.releases import Release
from sigmalake.lake.upkeep.withdrawals import Withdrawal
from sigmalake.stages.release import cut_stages, is_unreleased
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
    releases: list[Release]  # newest last, also those that no longer stand
    withdrawn: list[Withdrawal]
    last: Release | None  # that stands
    interrupted: list[str]  # stages that were stopped before they were done
    unreleased: bool  # whether tables or configuration differ from the last release


def status(lake: Lake, config: Config | None = None, most: int = 10) -> Status:
    """Read a lake's ledger and logs; no row of a large column is read.

    Args:
        lake: whose state is told.
        config: of its model; None: whether it differs from the last release is not told.
        most: runs and releases that are told.
    """
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
    ledger = release_ledger(lake)
    standing = ledger.standing
    shown = list(ledger.releases)[-most:]
    withdrawn = [gone for release in shown if (gone := ledger.withdrawal(release.release_id)) is not None]
    return Status(
        lake.root, FORMAT, tables, runs[-most:], shown, withdrawn, standing[-1] if standing else None, cut_stages(lake),
        bool(tables) and config is not None and is_unreleased(lake, config),
    )  # fmt: skip
