"""The account of ingest: where every row of every source went, and the rows that the model cannot use."""

from collections.abc import Collection, Mapping
from datetime import date
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from sigmalake.config.sources import DESCRIBED_SOURCES
from sigmalake.engines.spark.engine import spark_of
from sigmalake.engines.spark.listed_rows import listed_rows
from sigmalake.engines.spark.packing.pack import conflicts, plan_frame
from sigmalake.engines.spark.sources.rejects import rejected_rows
from sigmalake.errors import DataError
from sigmalake.lake.books import AccountLine
from sigmalake.lake.dates import as_ranges, within
from sigmalake.stages.context import Context
from sigmalake.stages.sources.panel_sources import Sources, lost_dates
from sigmalake.stages.sources.rejected import count_rejected, rejected_dates
from sigmalake.tables.declaration import sql_text
from sigmalake.tables.packed import PANEL
from sigmalake.tables.records import REJECTED_ROWS
from sigmalake.tasks.packing.packed_dates import PanelRow

Rows = Mapping[date, PanelRow]
Counts = Mapping[date, dict[str, int]]
Rejected = Mapping[tuple[str, date | None], int]  # source rows, by source and date


def write_rejected(
    context: Context,
    sources: Sources,
    rows: Rows,
    compute: list[date],
    counts: Counts,
    described: Collection[str],
    *,
    standardises: bool,
) -> Rejected:
    """Replace the rejected rows of the dates computed, and those whose date is unreadable; says how many source rows they are.

    Args:
        context: its lake holds the panel's rows already.
        sources: checked rows of every source.
        rows: every row that the panel should have.
        compute: those that were packed.
        counts: of every row of the panel.
        described: sources of descriptors, whose rejected rows are not ingest's to replace.
        standardises: whether packing measured styles, and may have rejected rows for them.
    """
    lake, engine = context.lake, spark_of(context.engine)
    dates = source_dates(sources, rows, compute)
    computed = set(compute)
    serving = [  # exposures carried over several rows are rejected for what any of these rows lacks
        row
        for day, row in rows.items()
        if (day in computed or row.exposures_from in dates["exposures"]) and counts.get(day, {}).get("n_conflicts")
    ]
    conflicting = [row for row in serving if row.exposure_date in computed]
    clash = None
    if serving:
        packed = engine.read(PANEL) if standardises else None
        clash = conflicts(plan_frame(engine.spark, conflicting), plan_frame(engine.spark, serving), sources.sourced(dates), packed)
    found = []
    for half, name in sources.names.items():
        if half not in sources.rows:
            continue
        prints = sources.prints[half]
        any_problem = any(prints[day].rejected for day in [*dates[half], None] if day in prints)
        if any_problem or clash is not None:
            found.append(rejected_rows(sources.rows_of(half, dates[half]), half, name, dates[half], clash))
    stale = rejected_dates(lake)
    if not found and not stale:
        return {}
    predicate = _rejected_predicate(sources, dates, stale, described)
    lake.create(REJECTED_ROWS)
    empty = engine.no_rows(REJECTED_ROWS)
    wrong = reduce(DataFrame.unionByName, found) if found else empty
    lake.replace_rows(REJECTED_ROWS, wrong, "ingest", predicate)
    return count_rejected(lake, {name: dates[half] for half, name in sources.names.items()})


def source_dates(sources: Sources, rows: Rows, compute: list[date]) -> dict[str, set[date]]:
    """The dates of each source whose rows the computed panel rows hold."""
    computed = [rows[day] for day in compute]
    returned = {day for row in computed for day in (row.return_date, row.opening) if day is not None}
    lost = {half: lost_dates(sources.prints.get(half, {}), {*compute, *returned}) for half in ("exposures", "caps")}
    every = set(rows) | returned
    return {
        "exposures": lost["exposures"] | {row.exposures_from for row in computed if row.exposures_from is not None},
        "returns": returned,
        "caps": lost["caps"] | {row.caps_from for row in computed if row.caps_from is not None},
        "rates": returned,
        "exchange_rates": returned | {day for row in computed for day in _exchanged(sources, row) if day is not None},
        "calendar": every,
    }


def _exchanged(sources: Sources, row: PanelRow) -> tuple[date | None, ...]:
    """The dates beside the return's whose exchange rates a panel row may rest on."""
    priced = row.caps_from or row.exposures_from
    return row.exposure_date, row.exposures_from, row.caps_from, sources.cap_rates.get(priced) if priced else None


def _rejected_predicate(
    sources: Sources, dates: Mapping[str, set[date]], stale: Mapping[str, set[date | None]], described: Collection[str]
) -> str:
    """Of the rows to replace: those of the dates, those of dates and sources that are no more, those whose date is unreadable."""
    clauses = [f"(date IS NULL AND source NOT IN ({', '.join(map(sql_text, DESCRIBED_SOURCES))}))"]
    there = {name for half, name in sources.names.items() if half in sources.rows}
    if lost := sorted(set(stale) - there - set(described)):
        clauses.append(f"source IN ({', '.join(map(sql_text, lost))})")
    for half, name in sources.names.items():
        known = {day for day in sources.prints.get(half, {}) if day is not None}
        gone = {day for day in stale.get(name, ()) if day is not None} - known
        if replaced := dates[half] | gone:
            clauses.append(f"(source = '{name}' AND {within('date', as_ranges(replaced, sorted(known)))})")
    return " OR ".join(clauses)


def account_for(
    context: Context, sources: Sources, rows: Rows, compute: list[date], counts: Counts, rejected: Rejected
) -> list[AccountLine]:
    """Where every row of every source went: source, rows in, packed, rejected, outside the dates, without exposures.

    Raises:
        DataError: what the panel holds is not what the sources gave less what was rejected; nothing is recorded as done.
    """
    dates = source_dates(sources, rows, compute)
    lines = []
    for half, prints in sources.prints.items():
        name = sources.names[half]
        asked = sum(found.rows for day, found in prints.items() if day is None or day in dates[half])
        rows_in = sum(found.rows for found in prints.values())
        refused = sum(n for (source, _), n in rejected.items() if source == name)
        unmatched = 0
        if half == "returns":
            unmatched = sum(counts[day]["n_unmatched"] for day in compute) + _opening_returns(sources, rows, compute, rejected)
        elif half == "caps":
            unmatched = asked - refused - _caps_packed(context, rows, compute, counts)
        packed = asked - refused - unmatched
        found = sources.count_packed(half, rows, compute, counts)
        if found is not None and found != packed:
            raise DataError(
                f"the account of {name} does not add up: {asked} rows of the dates asked for, {refused} rejected, {unmatched} "
                f"without exposures, but {found} in the panel. Was the source written while it was read? Run again"
            )
        lines.append(AccountLine(name, rows_in, packed, refused, rows_in - asked, unmatched))
    return lines


def _caps_packed(context: Context, rows: Rows, compute: list[date], counts: Counts) -> int:
    """Rows of caps that the panel holds: one an asset, but those carried over several rows count once."""
    served: dict[date, list[date]] = {}
    for day in compute:
        if (source_date := rows[day].caps_from) is not None:
            served.setdefault(source_date, []).append(day)
    alone = sum(counts[days[0]]["n_assets"] for days in served.values() if len(days) == 1)
    shared = [(day, source_date) for source_date, days in served.items() if len(days) > 1 for day in days]
    if not shared:
        return alone
    engine = spark_of(context.engine)
    serving = F.broadcast(listed_rows(engine.spark, shared, "exposure_date date, caps_from date"))
    of_dates = engine.read(PANEL).where(within("exposure_date", as_ranges({day for day, _ in shared}, sorted(rows))))
    held = of_dates.join(serving, "exposure_date").select("caps_from", F.explode("asset_id"))
    return alone + int(held.distinct().count())


def _opening_returns(sources: Sources, rows: Rows, compute: list[date], rejected: Rejected) -> int:
    """Usable returns of the calendar's first date, which no exposures explain."""
    opening = next((rows[day].opening for day in compute if rows[day].opening is not None), None)
    found = sources.prints["returns"].get(opening)
    return found.rows - rejected.get((sources.names["returns"], opening), 0) if found is not None and opening is not None else 0
