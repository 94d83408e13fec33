"""What a release changed against the one before it: dates that are new, computed again or gone, and what it was made from."""

from collections.abc import Sequence
from typing import NamedTuple

import pyarrow.dataset as ds

from sigmalake.errors import SigmalakeError
from sigmalake.lake.releases import Release, releases_from
from sigmalake.lake.upkeep.origins import ORIGIN_COLUMNS, differences, origins
from sigmalake.reader.storage.model_tables import ModelTables
from sigmalake.report.page.markup import Html, element, joined, prose, table
from sigmalake.tables.declaration import Table
from sigmalake.tables.packed import CROSS_SECTIONS, PANEL, RISK_MODELS
from sigmalake.tables.records import RELEASES, RUNS

_KEYS = {PANEL: ("exposure_date",), CROSS_SECTIONS: ("date",), RISK_MODELS: ("variant", "date")}
_CALLED = {PANEL: "cross-sections of the panel", CROSS_SECTIONS: "regressions", RISK_MODELS: "risk models"}


class TableChange(NamedTuple):
    """Rows of a packed table, of which one is a date."""

    called: str
    new: int
    again: int  # computed from other inputs or other settings
    gone: int
    kept: int


class Since(NamedTuple):
    """What changed since a release."""

    before: str  # release id
    tables: Sequence[TableChange]
    why: Sequence[str]  # what of configuration, code and sources had changed


def since_before(tables: ModelTables, release: Release) -> Since | str:
    """What changed since the newest release before this one that can still be read; a sentence where there is none.

    Only keys and fingerprints of rows are read.
    """
    if (lake := tables.lake) is None:
        return "The model is in memory: it has no release before it to compare it with."
    standing = [one for one in lake.ledger().standing if one.sequence < release.sequence]
    if not standing:
        return "This is the first release that the lake keeps: there is nothing to compare it with."
    before = standing[-1]
    earlier = ModelTables(lake.tables(before))
    try:
        changes = [_change(table, earlier, tables) for table in _KEYS]
        why = _why(tables, before, release)
    except SigmalakeError as error:
        return f"Release {before.release_id} cannot be compared with: {error}"
    return Since(before.release_id, changes, why)


def _change(table: Table, earlier: ModelTables, tables: ModelTables) -> TableChange:
    old, new = (_fingerprints(table, side) for side in (earlier, tables))
    both = old.keys() & new.keys()
    again = sum(old[key] != new[key] for key in both)
    return TableChange(_CALLED[table], len(new) - len(both), again, len(old) - len(both), len(both) - again)


def _fingerprints(table: Table, side: ModelTables) -> dict[tuple[object, ...], str]:
    columns = _KEYS[table]
    rows = side.rows(table, [*columns, "inputs_hash"])
    keys = zip(*(rows.column(name).to_pylist() for name in columns), strict=True)
    return dict(zip(keys, rows.column("inputs_hash").to_pylist(), strict=True))


def _why(tables: ModelTables, before: Release, release: Release) -> list[str]:
    wanted = ds.field("release_id").isin([before.release_id, release.release_id])
    releases = releases_from(tables.rows(RELEASES, RELEASES.column_names, wanted))
    found = origins(tables.rows(RUNS, ORIGIN_COLUMNS), releases)
    return [difference.text for difference in differences(found[before.release_id], found[release.release_id])]


def changes_html(since: Since | str) -> Html:
    """How many dates are new, computed again or gone, and why."""
    if isinstance(since, str):
        return element("p", prose(since))
    rows = [(one.called, f"{one.new:,}", f"{one.again:,}", f"{one.gone:,}", f"{one.kept:,}") for one in since.tables]
    counts = table(["", "new", "computed again", "gone", "as they were"], rows, caption=f"Dates since release {since.before}")
    why = "; ".join(since.why) or "only dates were added or restated: configuration, code and sources' names are the same"
    return joined((counts, element("p", f"Because: {why}.")))
