"""The account of ingest: where every row of every source went, and the rows that the model cannot use."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from sigmalake.config.sources import NOT_INGESTED
from sigmalake.engines.engine import Engine
from sigmalake.errors import DataError
from sigmalake.lake.books import AccountLine
from sigmalake.lake.dates import DateRange, as_ranges, within
from sigmalake.lake.lake import Lake
from sigmalake.stages.context import Context
from sigmalake.stages.sources.panel_sources import PanelSources, lost_dates
from sigmalake.stages.sources.rejected import count_rejected, rejected_dates
from sigmalake.tables.declaration import sql_text
from sigmalake.tables.packed import PANEL
from sigmalake.tables.records import REJECTED_ROWS
from sigmalake.tasks.packing.pack_panel import RejectConflicts, dates_of
from sigmalake.tasks.packing.packed_dates import PanelRow
from sigmalake.tasks.sources.rejected_rows import joined_rejected_rows, rejected_rows
from sigmalake.tasks.sources.source_tasks import RejectedRows, UsableRows

PanelRows = Mapping[date, PanelRow]
Counts = Mapping[date, dict[str, int]]
Rejected = Mapping[tuple[str, date | None], int]  # source rows, by source and date


def write_rejected(
    context: Context,
    sources: PanelSources,
    rows: PanelRows,
    compute: list[date],
    counts: Counts,
    others: Collection[str],
    *,
    standardises: bool,
) -> Rejected:
    """Replace the rejected rows of the dates computed, and those whose date is unreadable; says how many source rows they are.

    They pass through the driver: `checks.max_rejected` bounds them.

    Args:
        context: its lake holds the panel's rows already.
        sources: surveyed.
        rows: every row that the panel should have.
        compute: those that were packed.
        counts: of every row of the panel.
        others: sources of other stages, whose rejected rows are not ingest's to replace.
        standardises: whether packing measured styles, and may have rejected rows for them.
    """
    lake = context.lake
    dates = source_dates(sources, rows, compute)
    found = [*_rejected_for_themselves(context.engine, sources, dates)]
    found.append(_conflicts(context.engine, sources, rows, compute, counts, standardises=standardises))
    wrong, stale = joined_rejected_rows(found), rejected_dates(lake)
    if not wrong.num_rows and not stale:
        return {}
    predicate = _rejected_predicate(sources, dates, stale, others)
    lake.replace_rows(REJECTED_ROWS, context.engine.driver_rows(wrong), "ingest", predicate)
    return count_rejected(lake, {name: dates[side] for side, name in sources.names.items()})


def _rejected_for_themselves(engine: Engine, sources: PanelSources, dates: Mapping[str, set[date]]) -> Iterator[pa.Table]:
    """The rows with a problem of their own, of the sources that have some on these dates or without a date."""
    for name, small in sources.small.items():
        yield rejected_rows(small.checked, sources.names[name], dates[name])
    for source in sources.packed.values():
        wrong = {side: _with_rejected(sources, side, dates[side]) for side in source.sides}
        if any(wrong.values()):
            days = {day for of_side in wrong.values() for day in of_side if day is not None}
            task = RejectedRows(source.check, {side: sources.names[side] for side in source.sides}, wrong)
            read = sources.files_of(source, wrong)
            yield engine.collect(engine.read_source(read, task, None if any(None in of for of in wrong.values()) else days))


def _with_rejected(sources: PanelSources, side: str, dates: set[date]) -> set[date]:
    """Those of the dates on which some row is rejected; None among them where some row's date is unreadable."""
    found = sources.fingerprints[side]
    return {day for day in [*dates, None] if day in found and found[day].rejected}  # type: ignore[misc]  # None is no date


def _conflicts(
    engine: Engine, sources: PanelSources, rows: PanelRows, compute: list[date], counts: Counts, *, standardises: bool
) -> pa.Table:
    """The rows that packing rejected; exposures carried over several rows are rejected for what any of these rows lacks."""
    computed, shared = set(compute), {rows[day].exposures_from for day in compute}
    serving = [
        row
        for day, row in rows.items()
        if (day in computed or row.exposures_from in shared) and counts.get(day, {}).get("n_conflicts")
    ]
    if not serving:
        return REJECTED_ROWS.arrow_schema().empty_table()
    sides = {side: source for source in sources.packed.values() for side in source.sides}
    tasks = {side: UsableRows(source.check, side) for side, source in sides.items()}
    wanted = {side: dates_of(side, serving) for side in sides}
    given = {}
    for side, source in sides.items():
        read = sources.files_of(source, {of: wanted[of] if of == side else set() for of in source.sides})
        given[side] = engine.read_source(read, tasks[side], wanted[side])
    columns = {side: task.schema(sides[side].opened.raw_schema).names for side, task in tasks.items()}
    parts = _by_exposures(serving, computed)
    names = {side: sources.names[side] for side in sides}
    found = engine.collect(engine.map_parts(RejectConflicts(parts, columns, names, standardises), given))
    return found.group_by(found.column_names, use_threads=False).aggregate([]).select(REJECTED_ROWS.column_names)


def _by_exposures(serving: Sequence[PanelRow], computed: set[date]) -> list[tuple[list[PanelRow], list[PanelRow]]]:
    """The rows by the date of their exposures: those that share them stand together, and with each those that were packed."""
    groups: dict[date | None, list[PanelRow]] = {}
    for row in serving:
        groups.setdefault(row.exposures_from, []).append(row)
    return [([row for row in group if row.exposure_date in computed], group) for group in groups.values()]


def source_dates(sources: PanelSources, rows: PanelRows, compute: list[date]) -> dict[str, set[date]]:
    """The dates of each source whose rows the computed panel rows hold."""
    computed = [rows[day] for day in compute]
    returned = {day for row in computed for day in (row.return_date, row.opening) if day is not None}
    lost = {half: lost_dates(sources.fingerprints.get(half, {}), {*compute, *returned}) for half in ("exposures", "caps")}
    every = set(rows) | returned
    return {
        "exposures": lost["exposures"] | {row.exposures_from for row in computed if row.exposures_from is not None},
        "returns": returned,
        "caps": lost["caps"] | {row.caps_from for row in computed if row.caps_from is not None},
        "rates": returned,
        "factor_returns": returned,
        "exchange_rates": returned | {day for row in computed for day in _exchanged(sources, row) if day is not None},
        "calendar": every,
    }


def _exchanged(sources: PanelSources, row: PanelRow) -> tuple[date | None, ...]:
    """The dates beside the return's whose exchange rates a panel row may rest on."""
    priced = row.caps_from or row.exposures_from
    return row.exposure_date, row.exposures_from, row.caps_from, sources.cap_rates.get(priced) if priced else None


def _rejected_predicate(
    sources: PanelSources, dates: Mapping[str, set[date]], stale: Mapping[str, set[date | None]], others: Collection[str]
) -> str:
    """Of the rows to replace: those of the dates, those of dates and sources that are no more, those whose date is unreadable."""
    clauses = [f"(date IS NULL AND source NOT IN ({', '.join(map(sql_text, NOT_INGESTED))}))"]
    there = {name for half, name in sources.names.items() if half in sources.fingerprints}
    if lost := sorted(set(stale) - there - set(others)):
        clauses.append(f"source IN ({', '.join(map(sql_text, lost))})")
    for half, name in sources.names.items():
        known = {day for day in sources.fingerprints.get(half, {}) if day is not None}
        gone = {day for day in stale.get(name, ()) if day is not None} - known
        if replaced := dates[half] | gone:
            clauses.append(f"(source = '{name}' AND {within('date', as_ranges(replaced, sorted(known)))})")
    return " OR ".join(clauses)


def account_for(
    context: Context, sources: PanelSources, rows: PanelRows, compute: list[date], counts: Counts, rejected: Rejected
) -> list[AccountLine]:
    """Where every row of every source went: source, rows in, packed, rejected, outside the dates, without exposures.

    Raises:
        DataError: what the panel holds is not what the sources gave less what was rejected; nothing is recorded as done.
    """
    dates = source_dates(sources, rows, compute)
    lines = []
    for half, prints in sources.fingerprints.items():
        name = sources.names[half]
        asked = sum(found.rows for day, found in prints.items() if day is None or day in dates[half])
        rows_in = sum(found.rows for found in prints.values())
        refused = sum(n for (source, _), n in rejected.items() if source == name)
        unmatched = 0
        if half == "returns":
            unmatched = sum(counts[day]["n_unmatched"] for day in compute) + _opening_returns(sources, rows, compute, rejected)
        elif half == "caps":
            unmatched = asked - refused - _caps_packed(context.lake, rows, compute, counts)
        packed = asked - refused - unmatched
        found = sources.count_packed(half, rows, compute, counts)
        if found is not None and found != packed:
            raise DataError(
                f"the account of {name} does not add up: {asked} rows of the dates asked for, {refused} rejected, {unmatched} "
                f"without exposures, but {found} in the panel. Was the source written while it was read? Run again"
            )
        lines.append(AccountLine(name, rows_in, packed, refused, rows_in - asked, unmatched))
    return lines


def _caps_packed(lake: Lake, rows: PanelRows, compute: list[date], counts: Counts) -> int:
    """Rows of caps that the panel holds: one an asset, but those carried over several rows count once."""
    served: dict[date, list[date]] = {}
    for day in compute:
        if (source_date := rows[day].caps_from) is not None:
            served.setdefault(source_date, []).append(day)
    total = 0
    for days in served.values():
        if len(days) == 1:
            total += counts[days[0]]["n_assets"]
        else:
            held = lake.columns(PANEL, ["asset_id"], DateRange(min(days), max(days)))
            total += len(pc.unique(pc.list_flatten(held.column("asset_id"))))
    return total


def _opening_returns(sources: PanelSources, rows: PanelRows, compute: list[date], rejected: Rejected) -> int:
    """Usable returns of the calendar's first date, which no exposures explain."""
    opening = next((rows[day].opening for day in compute if rows[day].opening is not None), None)
    found = sources.fingerprints["returns"].get(opening)
    return found.rows - rejected.get((sources.names["returns"], opening), 0) if found is not None and opening is not None else 0
