"""The releases of a lake, each with what it changed: which dates of which tables were written, and why."""

from datetime import date, datetime
from typing import NamedTuple

from sigmalake.lake.books import release_ledger
from sigmalake.lake.dates import DateRange, envelope
from sigmalake.lake.lake import Lake
from sigmalake.lake.log import Commit
from sigmalake.lake.releases import Release
from sigmalake.lake.upkeep.origins import ORIGIN_COLUMNS, differences, origins
from sigmalake.lake.upkeep.withdrawals import ReleaseLedger
from sigmalake.tables.catalogue import MODEL_TABLES
from sigmalake.tables.packed import PANEL
from sigmalake.tables.records import RUNS


class ReleaseChange(NamedTuple):
    """A release, and what it changed against the one before."""

    release_id: str
    created_at: datetime
    as_of: date
    variants: list[str]
    state: str  # stands, withdrawn or trimmed
    reason: str  # of the state; empty where it stands
    written: dict[str, DateRange | None]  # by table: between which dates rows were written; None: a table without dates
    restated: DateRange | None  # dates of the panel before the release before, whose rows were written again
    why: list[str]


def release_history(lake: Lake) -> list[ReleaseChange]:
    """Every release, oldest first. Only logs and records are read, no rows of the model."""
    ledger = release_ledger(lake)
    origin = origins(lake.columns(RUNS, ORIGIN_COLUMNS), ledger.releases)
    commits = {table.name: lake.commits(table, None) for table in MODEL_TABLES}
    found = []
    before: Release | None = None
    for release in ledger.releases:
        written = _written(commits, before, release)
        why = ["first release"] if before is None else [
            d.text for d in differences(origin[before.release_id], origin[release.release_id])
        ]  # fmt: skip
        restated = None if before is None else _restated(commits[PANEL.name], before, release)
        found.append(_change(ledger, release, written, restated, why))
        before = release
    return found


def _change(
    ledger: ReleaseLedger, release: Release, written: dict[str, DateRange | None], restated: DateRange | None, why: list[str]
) -> ReleaseChange:
    gone = ledger.withdrawal(release.release_id)
    state, reason = ("stands", "") if gone is None else (gone.action, gone.why)
    return ReleaseChange(
        release.release_id, release.created_at, release.as_of, release.variants, state, reason, written, restated, why
    )


def _between(commits: list[Commit], table: str, before: Release | None, release: Release) -> list[Commit]:
    """The commits that changed rows of a table from one release to the next."""
    last = -1 if before is None else before.tables.get(table, -1)
    return [commit for commit in commits if last < commit.version <= release.tables.get(table, -1) and not commit.keeps_rows]


def _written(commits: dict[str, list[Commit]], before: Release | None, release: Release) -> dict[str, DateRange | None]:
    found = {}
    for name, of_table in commits.items():
        some = _between(of_table, name, before, release)
        if some:
            found[name] = envelope([span for commit in some for span in commit.ranges])
    return found


def _restated(commits: list[Commit], before: Release, release: Release) -> DateRange | None:
    """The newest row of a panel is written again when its returns come: only what is older is restated."""
    spans = [span for commit in _between(commits, PANEL.name, before, release) for span in commit.ranges]
    older = [DateRange(span.first, min(span.last, before.as_of)) for span in spans if span.first < before.as_of]
    return envelope(older)
