"""Ingest: check every source row, align X(t-1) with r(t) by the calendar, pack each date into a row of `panel`."""

from collections.abc import Iterable, Mapping
from datetime import date
from functools import reduce
from typing import NamedTuple

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from sigmalake.config import Config, Dated, MarketFactor, Membership, digest_of
from sigmalake.errors import DataError
from sigmalake.lake.books import last_source_versions, unsettled_ranges
from sigmalake.lake.dates import DateRange, as_ranges, within
from sigmalake.lake.lake import Lake
from sigmalake.numerics.calendar import Alignment, align
from sigmalake.numerics.exposures import Factor, Kind
from sigmalake.spark.checking import accepted, calendar_rows, cap_rows, exposure_rows, rate_rows, return_rows
from sigmalake.spark.fingerprint import DatePrint, fingerprint, first_dates_of_levels, location_version
from sigmalake.spark.packing import PanelRow, Sourced, conflicts, pack, plan_frame
from sigmalake.spark.rejects import rejected_rows, worst_problems
from sigmalake.spark.session import fit_batches
from sigmalake.spark.sources import explained_read
from sigmalake.stages.context import Context, Outcome, span
from sigmalake.stages.planning import Changes, PanelState, Why, changes, join_hash, panel_states
from sigmalake.tables.long import FACTORS
from sigmalake.tables.packed import PANEL
from sigmalake.tables.records import REJECTED_ROWS

INGEST_VERSION = "1"  # of checking and packing: raised when what they write changes
FILE_BYTES = 64 << 20  # of arrays in a file of the panel
FLAT_ROW_BYTES = 256  # a source row, roughly
COUNTS = ("n_assets", "n_returns", "n_missing", "n_unmatched", "n_conflicts")
LEAST_FILES = 4  # so that small panels, too, are read in parallel

Prints = dict[date | None, DatePrint]


class Sources(NamedTuple):
    """The checked rows of every source, what each holds by date, and where its rows go in `rejected_rows`."""

    rows: dict[str, DataFrame]  # by half: exposures, returns, caps, rates, calendar
    prints: dict[str, Prints]
    names: dict[str, str]  # the half's name in rejected_rows and in the account
    countable: bool  # whether an asset of the panel is a row of the exposures' source

    def count_packed(
        self, half: str, rows: Mapping[date, PanelRow], compute: list[date], counts: Mapping[date, dict[str, int]]
    ) -> int | None:
        """Source rows that the panel holds, counted in the panel; None where it cannot tell."""
        if half == "returns":
            return sum(counts[day]["n_returns"] + counts[day]["n_missing"] for day in compute)
        if half == "exposures" and self.countable:
            first = {rows[day].exposures_from: day for day in reversed(compute)}  # carried rows count once
            return sum(counts[day]["n_assets"] for source_date, day in first.items() if source_date is not None)
        return None


class IngestPlan(NamedTuple):
    """What ingest would do."""

    sources: Sources | None  # None: no source changed since the panel was last complete
    rows: dict[date, PanelRow]  # every row that there should be, by exposure date
    changes: Changes[date]
    expected: list[PanelState]  # the panel as it will be
    factor_sets: dict[str, list[Factor]]
    level_ranks: list[dict[str, int]]
    source_versions: dict[str, str]


def plan_ingest(context: Context) -> IngestPlan:
    """Which panel rows are new, changed or gone, from what the sources hold on each date."""
    lake, config = context.lake, context.config
    versions = _source_versions(lake.spark, config)
    stored = panel_states(lake)
    complete = stored and versions == last_source_versions(lake) and "" not in versions.values()
    if complete and not context.verify_sources and not unsettled_ranges(lake, "ingest", PANEL):
        return IngestPlan(None, {}, Changes({}, {}, []), stored, {}, [], versions)
    sources = read_sources(lake.spark, config)
    rows, sets, ranks = plan_rows(config, sources)
    expected = {day: row.inputs_hash for day, row in rows.items()}
    found = changes(expected, {row.exposure_date: row.inputs_hash for row in stored}, Why.INPUT)
    asked = _asked(context, rows, stored, found)
    held = {row.exposure_date: row for row in stored if row.exposure_date not in asked.remove}
    held.update(
        {day: PanelState(day, rows[day].return_date, rows[day].inputs_hash, rows[day].exposures_hash) for day in asked.compute}
    )
    return IngestPlan(sources, rows, asked, sorted(held.values()), sets, ranks, versions)


def ingest(context: Context) -> Outcome | None:
    """Replace the panel's rows that the sources no longer agree with."""
    lake = context.lake
    plan = plan_ingest(context)
    unsettled = unsettled_ranges(lake, "ingest", PANEL)
    if plan.sources is None or not (plan.changes or unsettled):
        return None
    redo = [day for day in plan.rows if day not in plan.changes.compute and any(r.first <= day <= r.last for r in unsettled)]
    compute = sorted([*plan.changes.compute, *redo])
    _write_factor_sets(lake, plan.factor_sets)
    counts = _pack(lake, plan, compute)
    n_rejected = _write_rejected(lake, plan, compute, counts)
    covered = context.asked.everything
    account = _account(lake, plan, compute, counts, n_rejected)
    return Outcome(
        dates=sorted({*compute, *plan.changes.remove}),
        rows_in=sum(line[1] for line in account),
        rows_out=len(compute),
        rows_rejected=sum(line[3] for line in account),
        account=account,
        source_versions=plan.source_versions if covered else None,
        tables=(PANEL, REJECTED_ROWS, FACTORS),
        said=_said(plan, compute, account),
    )


def _source_versions(spark: SparkSession, config: Config) -> dict[str, str]:
    versions = {name: location_version(spark, place) for name, place in config.sources.locations().items()}
    return {**versions, "configuration": digest_of([config.ingest_hash(), INGEST_VERSION])}


def read_sources(spark: SparkSession, config: Config) -> Sources:
    """Check every row of every source, and take each source's print by date."""
    fit_batches(spark, FLAT_ROW_BYTES)
    s = config.sources
    rows: dict[str, DataFrame] = {}
    prints: dict[str, Prints] = {}
    names = {
        "exposures": "panel.exposures" if s.panel else "exposures",
        "returns": "panel.returns" if s.panel else "returns",
        "caps": "caps", "rates": "rates", "calendar": "calendar",
    }  # fmt: skip
    rates = None
    if s.rates is not None:
        rows["rates"] = rate_rows(spark, s.rates)
        rates = accepted(rows["rates"]).select(F.col("date").alias("rate_date"), F.col("rate").alias("rate_of_date"))
    if s.caps is not None:
        rows["caps"] = cap_rows(spark, s.caps)
    if s.calendar is not None:
        rows["calendar"] = calendar_rows(spark, s.calendar, s.calendar.columns.date)
    rows["returns"] = return_rows(spark, config, rates)
    rows["exposures"] = exposure_rows(spark, config)
    for half, frame in rows.items():
        name = names[half].partition(".")[0]
        with explained_read(name, s.locations()[name]):
            prints[half] = fingerprint(frame)
        _refuse_empty(f"sources.{names[half]}: {s.locations()[name].where}", prints[half], frame)
    countable = s.exposure_columns.factor is None and (s.caps is None or s.exposures_max_age == 1)
    return Sources(rows, prints, names, countable)


def _refuse_empty(source: str, prints: Prints, frame: DataFrame) -> None:
    total, rejected = sum(p.rows for p in prints.values()), sum(p.rejected for p in prints.values())
    if total == 0:
        raise DataError(f"{source} has no rows")
    if total == rejected:
        raise DataError(f"{source}: none of its {total} rows can be used: {worst_problems(frame)}")


def _usable_dates(prints: Prints) -> list[date]:
    return sorted(day for day, found in prints.items() if day is not None and found.rows > found.rejected)


def _lost_dates(prints: Prints, days: Iterable[date]) -> set[date]:
    """Those of the days whose rows are all rejected: no panel row holds them."""
    return {day for day in days if day in prints and prints[day].rows == prints[day].rejected}


def plan_rows(config: Config, sources: Sources) -> tuple[dict[date, PanelRow], dict[str, list[Factor]], list[dict[str, int]]]:
    """Every row that the panel should have, the factor sets, and the rank of each group's levels."""
    prints = sources.prints
    calendar = sorted(day for day in prints["calendar" if "calendar" in prints else "returns"] if day is not None)
    starts = config.sources.exposure_source.exposures_dated is Dated.START_OF_PERIOD
    age = config.sources.exposures_max_age
    aligned = align(calendar, _usable_dates(prints["exposures"]), starts_period=starts, max_age=age)
    if not any(row.source_date for row in aligned):
        shown = _usable_dates(prints["exposures"])
        raise DataError(
            f"no exposures meet the calendar: exposures are dated {shown[0]} to {shown[-1]}, "
            f"returns {calendar[0]} to {calendar[-1]}; check exposures_dated and exposures_max_age"
        )
    caps = {}
    if "caps" in prints:
        priced = align(calendar, _usable_dates(prints["caps"]), starts_period=starts, max_age=age)
        caps = {row.exposure_date: row.source_date for row in priced}
    levels = _levels(config, sources.rows["exposures"])
    sets: dict[str, list[Factor]] = {}
    of_config = digest_of([config.ingest_hash(), INGEST_VERSION])
    rows = {}
    for row in aligned:
        factors, first_factor = _factors(config, levels, row.source_date or row.exposure_date)
        name = digest_of(["\x1e".join(factor) for factor in factors])
        sets[name] = factors
        rows[row.exposure_date] = _panel_row(row, caps.get(row.exposure_date), name, first_factor, prints, of_config)
    return rows, sets, [{level: rank for rank, level in enumerate(group)} for group in levels]


def _panel_row(
    row: Alignment, caps_from: date | None, factor_set: str, first_factor: list[int], prints: Mapping[str, Prints], of_config: str
) -> PanelRow:
    def content(half: str, day: date | None) -> str:
        found = prints.get(half, {}).get(day) if day is not None else None
        return f"{day}:{found.content}" if found else ""

    known = digest_of([factor_set, str(row.age), content("exposures", row.source_date), content("caps", caps_from)])
    beside = [content("returns", row.return_date), content("rates", row.return_date)]
    for half in ("exposures", "caps"):  # what a date without any usable row holds is listed in rejected_rows
        lost = sorted(_lost_dates(prints.get(half, {}), {row.exposure_date, row.return_date or row.exposure_date}))
        beside += [content(half, day) for day in lost]
    full = digest_of([known, str(row.return_date), *beside])
    return PanelRow(
        0, row.exposure_date, row.return_date, row.source_date, caps_from, row.age, factor_set, first_factor,
        join_hash(full, of_config), join_hash(known, of_config),
    )  # fmt: skip


def _levels(config: Config, exposures: DataFrame) -> list[dict[str, date]]:
    """Each group's levels in their order, with the date from which each belongs to the model."""
    learns = any(group.listed is None for group in config.memberships)
    learned = first_dates_of_levels(exposures) if learns else {}
    levels = []
    for number, group in enumerate(config.memberships):
        if group.listed is not None:
            levels.append(dict.fromkeys(group.listed, date.min))
        else:
            found = sorted(learned.get(number, {}).items(), key=lambda item: (item[1], item[0]))
            levels.append(dict(found))
    return levels


def _factors(config: Config, levels: list[dict[str, date]], known_at: date) -> tuple[list[Factor], list[int]]:
    factors: list[Factor] = []
    first_factor = []
    group = 0
    for entry in config.factors:
        if isinstance(entry, MarketFactor):
            factors.append(Factor(entry.market, "market", Kind.MARKET))
        elif isinstance(entry, Membership):
            first_factor.append(len(factors))
            kind = Kind.PARTIAL if entry.partial else Kind.MEMBERSHIP
            factors += [Factor(level, entry.membership, kind) for level, first in levels[group].items() if first <= known_at]
            group += 1
        else:
            factors += [Factor(style, "style", Kind.STYLE) for style in entry.styles]
    names = [factor.name for factor in factors]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise DataError(f"two factors are called {twice[0]!r}; rename a level or a style")
    return factors, first_factor


def _asked(context: Context, rows: dict[date, PanelRow], stored: list[PanelState], found: Changes[date]) -> Changes[date]:
    """The return of date t completes the panel's row of t-1 and adds the row of t: both are of t."""
    if context.asked.everything:
        return found
    returned = {day: row.return_date for day, row in rows.items()} | {row.exposure_date: row.return_date for row in stored}

    def asked(day: date) -> bool:
        after = returned.get(day)
        return context.asked.holds(day) or (after is not None and context.asked.holds(after))

    compute = {day: value for day, value in found.compute.items() if asked(day)}
    return Changes(compute, {day: found.why[day] for day in compute}, [day for day in found.remove if asked(day)])


def _write_factor_sets(lake: Lake, sets: Mapping[str, list[Factor]]) -> None:
    lake.create(FACTORS)
    known = set(lake.columns(FACTORS, ["factor_set"]).column("factor_set").to_pylist())
    new = [
        (name, n, f.name, f.group, f.kind.value)
        for name, factors in sets.items()
        if name not in known
        for n, f in enumerate(factors)
    ]
    if new:
        lake.append(FACTORS, lake.spark.createDataFrame(new, FACTORS.schema_sql()), "ingest")


def _pack(lake: Lake, plan: IngestPlan, compute: list[date]) -> dict[date, dict[str, int]]:
    """Write the panel's rows; returns the counts of every row of it."""
    sources = plan.sources
    if sources is None:
        return {}
    known = list(plan.rows) + plan.changes.remove
    ranges = as_ranges([*compute, *plan.changes.remove], known)
    dates_a_file = _dates_a_file(sources, compute)
    rows = [plan.rows[day]._replace(part=number // dates_a_file) for number, day in enumerate(compute)]
    sourced = _sourced(sources)
    parts = max(1, -(-len(rows) // dates_a_file))
    packed = pack(plan_frame(lake.spark, rows), sourced, plan.level_ranks, parts)
    lake.create(PANEL)
    lake.replace(PANEL, packed, "ingest", ranges)
    return {row["exposure_date"]: row for row in lake.columns(PANEL, ["exposure_date", *COUNTS]).to_pylist()}


def _sourced(sources: Sources) -> Sourced:
    return Sourced(sources.rows["exposures"], sources.rows["returns"], sources.rows.get("caps"))


def _dates_a_file(sources: Sources, compute: list[date]) -> int:
    rows = max((found.rows for found in sources.prints["exposures"].values()), default=1)
    by_size = max(1, FILE_BYTES // (FLAT_ROW_BYTES * rows))
    return max(1, min(by_size, -(-len(compute) // LEAST_FILES)))


def _write_rejected(lake: Lake, plan: IngestPlan, compute: list[date], counts: Mapping[date, dict[str, int]]) -> dict[str, int]:
    """Replace the rejected rows of the dates computed, and those whose date is unreadable; returns source rows by source."""
    sources = plan.sources
    if sources is None:
        return {}
    dates = _source_dates(plan, compute)
    computed = set(compute)
    serving = [  # exposures carried over several rows are rejected for what any of these rows lacks
        row
        for day, row in plan.rows.items()
        if (day in computed or row.exposures_from in dates["exposures"]) and counts.get(day, {}).get("n_conflicts")
    ]
    conflicting = [row for row in serving if row.exposure_date in computed]
    clash = conflicts(plan_frame(lake.spark, conflicting), plan_frame(lake.spark, serving), _sourced(sources)) if serving else None
    found = []
    for half, name in sources.names.items():
        if half not in sources.rows:
            continue
        prints = sources.prints[half]
        any_problem = any(prints[day].rejected for day in [*dates[half], None] if day in prints)
        if any_problem or clash is not None:
            found.append(rejected_rows(sources.rows[half], half, name, dates[half], clash))
    stale = lake.columns(REJECTED_ROWS, ["source", "date"]).to_pylist()
    if not found and not stale:
        return {}
    predicate = _rejected_predicate(sources, dates, stale)
    lake.create(REJECTED_ROWS)
    rows = reduce(DataFrame.unionByName, found) if found else lake.read(REJECTED_ROWS).limit(0)
    lake.replace_rows(REJECTED_ROWS, rows, "ingest", predicate)
    written = lake.columns(REJECTED_ROWS, ["source", "date", "row_hash", "copy", "source_rows"]).to_pylist()
    of_half = {name: half for half, name in sources.names.items()}
    once = {
        (row["source"], row["row_hash"], row["copy"], row["date"]): row["source_rows"]
        for row in written
        if row["date"] is None or row["date"] in dates.get(of_half.get(row["source"], ""), ())
    }
    totals: dict[str, int] = {}
    for (source, *_), rows_rejected in once.items():
        totals[source] = totals.get(source, 0) + rows_rejected
    return totals


def _source_dates(plan: IngestPlan, compute: list[date]) -> dict[str, set[date]]:
    """The dates of each source whose rows the computed panel rows hold."""
    rows = [plan.rows[day] for day in compute]
    returned = {row.return_date for row in rows if row.return_date is not None}
    first = min((row.return_date for row in plan.rows.values() if row.return_date is not None), default=None)
    opening = min(plan.rows) if plan.rows else None
    if opening is not None and opening in compute and opening != first:
        returned.add(opening)  # the calendar's first returns, which nothing explains
    prints = {} if plan.sources is None else plan.sources.prints
    lost = {half: _lost_dates(prints.get(half, {}), {*compute, *returned}) for half in ("exposures", "caps")}
    every = set(plan.rows) | returned
    return {
        "exposures": lost["exposures"] | {row.exposures_from for row in rows if row.exposures_from is not None},
        "returns": returned,
        "caps": lost["caps"] | {row.caps_from for row in rows if row.caps_from is not None},
        "rates": returned,
        "calendar": every,
    }


def _rejected_predicate(sources: Sources, dates: Mapping[str, set[date]], stale: list[dict[str, object]]) -> str:
    clauses = ["date IS NULL"]
    for half, name in sources.names.items():
        gone = {
            row["date"]
            for row in stale
            if row["source"] == name and row["date"] is not None and row["date"] not in sources.prints.get(half, {})
        }
        if span_dates := sorted({*dates[half], *gone}):  # type: ignore[type-var]  # the table's dates
            known = [day for day in sources.prints.get(half, {}) if day is not None]
            ranges: list[DateRange] = as_ranges(span_dates, known)  # type: ignore[arg-type]
            clauses.append(f"(source = '{name}' AND {within('date', ranges)})")
    return " OR ".join(clauses)


def _account(
    lake: Lake, plan: IngestPlan, compute: list[date], counts: Mapping[date, dict[str, int]], rejected: Mapping[str, int]
) -> list[tuple[str, int, int, int, int, int]]:
    """Where every row of every source went: source, rows in, packed, rejected, outside the dates, without exposures.

    Raises:
        DataError: what the panel holds is not what the sources gave less what was rejected; nothing is recorded as done.
    """
    sources = plan.sources
    if sources is None:
        return []
    dates = _source_dates(plan, compute)
    lines = []
    for half, prints in sources.prints.items():
        name = sources.names[half]
        asked = sum(found.rows for day, found in prints.items() if day is None or day in dates[half])
        rows_in = sum(found.rows for found in prints.values())
        refused = rejected.get(name, 0)
        unmatched = 0
        if half == "returns":
            unmatched = sum(counts[day]["n_unmatched"] for day in compute) + _opening_returns(plan, dates[half])
        elif half == "caps":
            unmatched = asked - refused - _caps_packed(lake, plan, compute, counts)
        packed = asked - refused - unmatched
        found = sources.count_packed(half, plan.rows, compute, counts)
        if found is not None and found != packed:
            raise DataError(
                f"the account of {name} does not add up: {asked} rows of the dates asked for, {refused} rejected, {unmatched} "
                f"without exposures, but {found} in the panel. Was the source written while it was read? Run again"
            )
        lines.append((name, rows_in, packed, refused, rows_in - asked, unmatched))
    return lines


def _caps_packed(lake: Lake, plan: IngestPlan, compute: list[date], counts: Mapping[date, dict[str, int]]) -> int:
    """Rows of caps that the panel holds: one an asset, but those carried over several rows count once."""
    served: dict[date, list[date]] = {}
    for day in compute:
        if (source_date := plan.rows[day].caps_from) is not None:
            served.setdefault(source_date, []).append(day)
    alone = sum(counts[days[0]]["n_assets"] for days in served.values() if len(days) == 1)
    shared = [(day, source_date) for source_date, days in served.items() if len(days) > 1 for day in days]
    if not shared:
        return alone
    sources = F.broadcast(lake.spark.createDataFrame(shared, "exposure_date date, caps_from date"))
    held = lake.read(PANEL).join(sources, "exposure_date").select("caps_from", F.explode("asset_id"))
    return alone + int(held.distinct().count())


def _opening_returns(plan: IngestPlan, dates: set[date]) -> int:
    """Returns of the calendar's first date, which no exposures explain."""
    if plan.sources is None or not plan.rows:
        return 0
    opening = min(plan.rows)
    found = plan.sources.prints["returns"].get(opening)
    return found.rows - found.rejected if found is not None and opening in dates else 0


def _said(plan: IngestPlan, compute: list[date], account: list[tuple[str, int, int, int, int, int]]) -> str:
    lines = [f"panel: {span(compute)}" + (f", {len(plan.changes.remove)} removed" if plan.changes.remove else "")]
    for name, rows_in, packed, rejected, outside, unmatched in account:
        lines.append(
            f"  {name}: {rows_in:,} rows = {packed:,} packed + {rejected:,} rejected + {outside:,} outside the dates "
            f"+ {unmatched:,} without exposures"
        )
    return "\n".join(lines)
