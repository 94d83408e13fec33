"""The run ledger: runs and releases."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import yaml

from sigmalake.lake.dates import DateRange
from sigmalake.lake.lake import Lake
from sigmalake.lake.log import Seen
from sigmalake.lake.releases import Release, releases_from
from sigmalake.lake.storage import Rows
from sigmalake.lake.trust.findings import Known
from sigmalake.lake.upkeep.withdrawals import Action, ReleaseLedger, Withdrawal, withdrawals_from
from sigmalake.tables.declaration import Table
from sigmalake.tables.records import RELEASE_WITHDRAWALS, RELEASES, RUNS
from sigmalake.tables.rows import table_rows

_KNOWN_OF_RUNS = (  # one reading of the table serves a whole run
    *("run_id", "stage", "status", "finished_at", "sequence", "config_hash", "code_version"),
    *("source_versions", "table_versions", "table_ids"),
)
RECENT = 20  # commits of a table among which one of ours is looked for


class AccountLine(NamedTuple):
    """Where the rows of a source went; an entry of `runs.account`."""

    source: str
    rows_in: int
    packed: int
    rejected: int
    outside: int  # of the dates that were computed
    without_exposures: int


class StageRun(NamedTuple):
    """What a stage did; a row of `runs`."""

    run_id: str
    stage: str
    started_at: datetime
    finished_at: datetime
    status: str
    first_date: date | None
    last_date: date | None
    n_dates: int
    rows_in: int | None
    rows_out: int | None
    rows_rejected: int | None
    account: list[AccountLine] | None
    config_hash: str
    config: str
    code_version: str
    source_versions: dict[str, str] | None
    table_versions: dict[str, int]
    seconds: float
    error: str | None
    engine: str
    sequence: int
    table_ids: dict[str, str]


def now() -> datetime:
    """The clock, for the books only: no result depends on it."""
    return datetime.now(UTC)


def next_sequence(lake: Lake) -> int:
    """The place of the next row of `runs` in the order of all, which the table's own versions give: no clock does.

    In a copy of a lake the versions begin anew, and the rows that were copied come first.
    """
    known: list[int] = [
        number for number in lake.columns(RUNS, _KNOWN_OF_RUNS).column("sequence").to_pylist() if number is not None
    ]
    return max([lake.version(RUNS) or 0, *(number + 1 for number in known)])


def record_run(lake: Lake, as_rows: Callable[[pa.Table], Rows], run: StageRun) -> None:
    """Append to `runs`; `as_rows` hands a table of the driver to the engine."""
    lake.append(RUNS, as_rows(table_rows(RUNS, [run])), run.stage)


def record_release(lake: Lake, as_rows: Callable[[pa.Table], Rows], release: Release) -> None:
    """Append to `releases`; `as_rows` hands a table of the driver to the engine.

    A clock that went back does not make a release older than the one before it: `created_at` never goes back.
    """
    dated = release._replace(created_at=release_ledger(lake).next_instant(release.created_at))
    lake.append(RELEASES, as_rows(table_rows(RELEASES, [dated])), "release")


def record_withdrawals(
    lake: Lake, as_rows: Callable[[pa.Table], Rows], reasons: Mapping[str, str], action: Action, run_id: str, stage: str
) -> None:
    """Append to `release_withdrawals`, in one commit.

    Args:
        lake: opened for writing.
        as_rows: hands a table of the driver to the engine.
        reasons: by release id.
        action: what is done to them.
        run_id: of the command.
        stage: goes into the commit.
    """
    at = release_ledger(lake).next_instant(now())
    rows = [Withdrawal(release_id, action, at, why, run_id) for release_id, why in reasons.items()]
    lake.append(RELEASE_WITHDRAWALS, as_rows(table_rows(RELEASE_WITHDRAWALS, rows)), stage)


def settled_versions(lake: Lake, stage: str) -> dict[str, Seen]:
    """The versions at which a stage's tables last agreed, each from the last run that was done with the table."""
    return {
        table: Seen(version, run["finished_at"], dict(run["table_ids"] or ()).get(table))
        for run in _done(lake, stage)
        for table, version in run["table_versions"] or ()
    }


def unsettled_ranges(lake: Lake, stage: str, packed: Table, *others: Table) -> list[DateRange]:
    """Ranges of a packed table for which a stage's other tables may not be written.

    Its writer was stopped before it was done, or an other table was made anew, or lost rows.

    Args:
        lake: holds them.
        stage: writes them.
        packed: what the others are written from, or beside.
        others: tables that are read by the ranges of the packed one.
    """
    whole = lake.span(packed)
    if whole is None and not lake.exists(packed):
        return []
    settled = settled_versions(lake, stage)
    found = [span for commit in lake.commits(packed, settled.get(packed.name)) for span in commit.ranges]
    for table in others:
        seen = settled.get(table.name)
        if seen is None or whole is None:
            continue
        if not lake.is_still(table, seen):
            found.append(whole)
        else:
            found += [_within(span, whole) for commit in lake.commits(table, seen) for span in commit.ranges]
    return found


def _within(span: DateRange, whole: DateRange) -> DateRange:
    """A range, but for what is far beyond another one: of files whose dates are not known, every date is lost."""
    return whole if span.first < whole.first and span.last > whole.last else span


def known_tables(lake: Lake, required: Collection[str]) -> Known:
    """The tables as the last release and the runs left them.

    Args:
        lake: whose ledger is read.
        required: names of the tables that a lake has to have, once it has them.
    """
    releases = all_releases(lake)
    last = releases[-1] if releases else None
    names = () if last is None else (*last.tables, *(last.ledger_versions or ()))
    released = {name: seen for name in names if last is not None and (seen := last.seen(name)) is not None}
    left = {name: seen for name, seen in released.items() if name in required}
    rows = lake.columns(RUNS, _KNOWN_OF_RUNS)
    for run in in_order((rows if last is None else _from_run(rows, last.run_id)).to_pylist()):
        ids = dict(run["table_ids"] or ())
        for name, version in run["table_versions"] or () if run["status"] == "done" else ():
            before = left.get(name)
            if name in required and (before is None or before.table_id != ids.get(name) or before.version < version):
                left[name] = Seen(version, run["finished_at"], ids.get(name))
    return Known(released, left)


def _from_run(runs: pa.Table, run_id: str) -> pa.Table:
    """The rows of `runs` from the first of a run on: the years before it are not looked at. All where that is not known."""
    first = pc.min(runs.filter(pc.equal(runs.column("run_id"), run_id)).column("sequence"))
    return runs.filter(pc.greater_equal(runs.column("sequence"), first)) if first.is_valid else runs


def model_name(lake: Lake, tables: Iterable[Table]) -> str | None:
    """The name of the model that a lake belongs to: what our newest commits say; None where no run has written yet.

    Args:
        lake: whose logs are read.
        tables: in which to look, one after the other.
    """
    for table in tables:
        version, table_id = lake.version(table), lake.table_id(table)
        if version is not None:
            commits = lake.commits(table, Seen(version - RECENT, now(), table_id))
            if names := [commit.model for commit in commits if commit.is_ours and commit.model is not None]:
                return names[-1]
    runs = in_order(lake.columns(RUNS, ["sequence", "finished_at", "config"]).to_pylist())
    found = yaml.safe_load(runs[-1]["config"]) if runs else None
    return str(found["model"]) if isinstance(found, dict) and "model" in found else None


def last_source_versions(lake: Lake, stage: str) -> dict[str, str]:
    """The sources' versions that a stage's tables are known to agree with; none where its last run did not cover them."""
    done = _done(lake, stage)
    return dict(done[-1]["source_versions"] or {}) if done else {}


def recorded_runs(lake: Lake) -> list[dict[str, Any]]:
    """The rows of `runs` in the columns that a run needs to know, oldest first."""
    return in_order(lake.columns(RUNS, _KNOWN_OF_RUNS).to_pylist())


def in_order(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of `runs` as they were written, oldest first, by their columns sequence and finished_at."""
    return sorted(runs, key=lambda run: (run["sequence"] is not None, run["sequence"] or 0, str(run["finished_at"])))


def _done(lake: Lake, stage: str) -> list[dict[str, Any]]:
    """The runs of a stage that went to their end, oldest first."""
    runs = lake.columns(RUNS, _KNOWN_OF_RUNS)
    of_stage = pc.and_(pc.equal(runs.column("stage"), stage), pc.equal(runs.column("status"), "done"))
    return in_order(runs.filter(of_stage).to_pylist())


def all_releases(lake: Lake) -> list[Release]:
    """Every release, oldest first, also those that were withdrawn."""
    return lake.parsed(RELEASES, releases_from)


def release_ledger(lake: Lake) -> ReleaseLedger:
    """Every release, and which of them no longer stand."""
    return ReleaseLedger(all_releases(lake), withdrawals_from(lake.columns(RELEASE_WITHDRAWALS, RELEASE_WITHDRAWALS.column_names)))


def next_release_id(as_of: date, earlier: Sequence[Release]) -> tuple[str, int]:
    """An id that says the date and counts that date's releases; and the release's place in the order of all."""
    of_date = sum(release.as_of == as_of for release in earlier)
    return f"{as_of}.{of_date + 1}", max((release.sequence for release in earlier), default=0) + 1
