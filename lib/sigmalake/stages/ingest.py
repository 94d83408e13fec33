"""Ingest: check every source row, align X(t-1) with r(t) by the calendar, pack each date into a row of `panel`."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import date
from itertools import dropwhile
from typing import NamedTuple

from sigmalake.config.model import Config
from sigmalake.config.sources import NOT_INGESTED, Dated
from sigmalake.config.staleness import digest_of
from sigmalake.errors import DataError
from sigmalake.lake.books import AccountLine, last_source_versions, unsettled_ranges
from sigmalake.lake.dates import as_ranges
from sigmalake.lake.row_filter import of_dates
from sigmalake.lake.storage import Rows
from sigmalake.numerics.exposures.build_styles import StyleRecipe
from sigmalake.numerics.factors import Factor, Given
from sigmalake.numerics.windows.calendar import Alignment, align
from sigmalake.stages import versions
from sigmalake.stages.context import Context, Outcome, Rejected, span
from sigmalake.stages.describe import Pending, described, described_versions
from sigmalake.stages.planning import Changes, PanelState, Why, changes, join_hash, panel_states, rules_hash
from sigmalake.stages.side_tables.exposures import write_exposures
from sigmalake.stages.sources.factor_sets import (
    factor_set_name,
    factors_known_at,
    given_on,
    given_returns,
    levels_of_groups,
    lost_sets,
    membership_factor,
    write_factor_sets,
)
from sigmalake.stages.sources.ingest_account import Counts, account_for, source_dates, write_rejected
from sigmalake.stages.sources.panel_sources import (
    PanelSources,
    calendar_of,
    lost_dates,
    read_sources,
    source_versions,
    usable_dates,
)
from sigmalake.stages.sources.source_memory import FLAT_ROW_BYTES, remember
from sigmalake.tables.declaration import Table
from sigmalake.tables.long import EXPOSURE_MOMENTS, FACTORS
from sigmalake.tables.packed import PANEL
from sigmalake.tables.records import REJECTED_ROWS
from sigmalake.tasks.long_tables import exposure_moments
from sigmalake.tasks.packing.pack_panel import PackPanel
from sigmalake.tasks.packing.packed_dates import PanelRow
from sigmalake.tasks.sources.fingerprints import Fingerprints
from sigmalake.tasks.sources.rejected_rows import ProblemCount, most_frequent
from sigmalake.tasks.sources.source_tasks import ToPack

INGESTED = (PANEL, EXPOSURE_MOMENTS)
FILE_BYTES = 64 << 20  # of arrays in a file of the panel
COUNTS = ("n_assets", "n_returns", "n_missing", "n_unmatched", "n_conflicts", "n_filled")
MOST_REASONS = 5  # of a source, in the output
LEAST_FILES = 4  # so that small panels, too, are read in parallel


class IngestPlan(NamedTuple):
    """What ingest would do."""

    sources: PanelSources | None  # None: no source changed since the panel was last complete
    rows: dict[date, PanelRow]  # every row that there should be, by exposure date
    changes: Changes[date]
    expected: list[PanelState]  # the panel as it will be
    factor_sets: dict[str, list[Factor]]
    level_ranks: list[dict[str, int]]
    recipe: StyleRecipe | None  # None: all styles are as given
    source_versions: dict[str, str]


def plan_ingest(context: Context, pending: Pending | None = None) -> IngestPlan:
    """Which panel rows are new, changed or gone, from what the sources hold on each date.

    Args:
        context: the lake and the configuration.
        pending: what will have been described by then, every asset with all that its styles and shares need.
    """
    lake, config = context.lake, context.config
    pending = pending or Pending()
    current = {**source_versions(context.engine, config), **described_versions(context, pending)}
    stored = panel_states(lake)
    complete = stored and current == last_source_versions(lake, "ingest") and "" not in current.values() and not lost_sets(lake)
    if complete and not context.verify_sources and not unsettled_ranges(lake, "ingest", *INGESTED):
        return IngestPlan(None, {}, Changes({}, {}, []), stored, {}, [], None, current)
    sources = read_sources(context.engine, config, lake, described(context, pending), verify=context.verify_sources)
    rows, sets, ranks = plan_rows(config, sources)
    expected = {day: row.inputs_hash for day, row in rows.items()}
    found = changes(expected, {row.exposure_date: row.inputs_hash for row in stored}, Why.INPUT)
    asked = _asked(context, rows, stored, found)
    held = {row.exposure_date: row for row in stored if row.exposure_date not in asked.remove}
    held.update(
        {day: PanelState(day, rows[day].return_date, rows[day].inputs_hash, rows[day].exposures_hash) for day in asked.compute}
    )
    return IngestPlan(sources, rows, asked, sorted(held.values()), sets, ranks, style_recipe(config, ranks), current)


def ingest(context: Context) -> Outcome | None:
    """Replace the panel's rows that the sources no longer agree with."""
    lake = context.lake
    context.engine.expect_width(FLAT_ROW_BYTES)
    plan = plan_ingest(context)
    unsettled = unsettled_ranges(lake, "ingest", *INGESTED)
    if plan.sources is None:
        return _in_rows(write_exposures(context), plan.source_versions)
    for warning in plan.sources.warnings:
        context.warn(warning)
    if not (plan.changes or unsettled):
        written = write_factor_sets(context, plan.factor_sets)
        remember(context, plan.sources.memories, plan.sources.by_file, "ingest")
        versions_read = plan.source_versions if context.asked.everything else None
        in_rows = write_exposures(context)
        if not written:
            return _in_rows(in_rows, versions_read)
        return Outcome(source_versions=versions_read, tables=(FACTORS, *in_rows), said="factor sets that were lost")
    redo = [day for day in plan.rows if day not in plan.changes.compute and any(r.first <= day <= r.last for r in unsettled)]
    compute = sorted([*plan.changes.compute, *redo])
    context.engine.expect_rows(len(compute) * _most_rows(plan.sources))
    write_factor_sets(context, plan.factor_sets)
    counts = _pack(context, plan, plan.sources, compute)
    others = [name for name in NOT_INGESTED if name in context.config.sources.locations()]
    n_rejected = write_rejected(context, plan.sources, plan.rows, compute, counts, others, standardises=plan.recipe is not None)
    changed = unsettled_ranges(lake, "ingest", *INGESTED)
    if plan.recipe is not None or lake.exists(EXPOSURE_MOMENTS):
        moments = context.engine.unpack(exposure_moments(), of_dates(str(PANEL.date), changed))
        lake.replace(EXPOSURE_MOMENTS, moments, "ingest", changed)
    in_rows = write_exposures(context)
    covered = context.asked.everything
    account = account_for(context, plan.sources, plan.rows, compute, counts, n_rejected)
    remember(context, plan.sources.memories, plan.sources.by_file, "ingest")
    return Outcome(
        dates=sorted({*compute, *plan.changes.remove}),
        rows_in=sum(line.rows_in for line in account),
        rows_out=len(compute),
        rows_rejected=sum(line.rejected for line in account),
        account=account,
        source_versions=plan.source_versions if covered else None,
        tables=(PANEL, REJECTED_ROWS, FACTORS, EXPOSURE_MOMENTS, *in_rows),
        said=_said(plan, compute, account, counts),
        rejected=[Rejected(line.source, *problem) for line in account if line.rejected for problem in _problems(plan, line.source)],
    )


def _in_rows(written: tuple[Table, ...], source_versions: dict[str, str] | None) -> Outcome | None:
    """What is said where the panel stands, and no more than its exposures in rows were written."""
    return Outcome(source_versions=source_versions, tables=written, said="exposures in rows") if written else None


def plan_rows(config: Config, sources: PanelSources) -> tuple[dict[date, PanelRow], dict[str, list[Factor]], list[dict[str, int]]]:
    """Every row that the panel should have, the factor sets, and the rank of each group's levels."""
    fingerprints = sources.fingerprints
    calendar = calendar_of(fingerprints)
    starts = config.sources.exposure_source.exposures_dated is Dated.START_OF_PERIOD
    age = config.sources.exposures_max_age
    aligned = align(calendar, usable_dates(fingerprints["exposures"]), starts_period=starts, max_age=age)
    if not any(row.source_date for row in aligned):
        shown = usable_dates(fingerprints["exposures"])
        raise DataError(
            f"no exposures meet the calendar: exposures are dated {shown[0]} to {shown[-1]}, "
            f"returns {calendar[0]} to {calendar[-1]}; check exposures_dated and exposures_max_age"
        )
    if config.is_described:  # the model begins where the windows of its descriptors are full enough, and shares are known
        aligned = list(dropwhile(lambda row: row.source_date is None, aligned))
    caps = {}
    if "caps" in fingerprints:
        found = align(calendar, usable_dates(fingerprints["caps"]), starts_period=starts, max_age=age)
        caps = {row.exposure_date: row.source_date for row in found}
    given = given_returns(config, sources)
    levels = levels_of_groups(config, sources.levels)
    births = sorted({first for group in levels for first in group.values()})
    known_sets: dict[int, tuple[str, list[Factor], list[int]]] = {}  # by how many of these dates have come
    sets: dict[str, list[Factor]] = {}
    of_config = rules_hash(config.ingest_hash(), versions.INGEST)
    rows = {}
    for row in aligned:
        known_at = row.source_date or row.exposure_date
        era = bisect_right(births, known_at)
        if era not in known_sets:
            factors, first_factor = factors_known_at(config, levels, known_at)
            known_sets[era] = factor_set_name(factors), factors, first_factor
        name, factors, first_factor = known_sets[era]
        sets[name] = factors
        opening = calendar[0] if row.exposure_date == calendar[0] and not starts else None
        caps_from = caps.get(row.exposure_date)
        priced = caps_from or row.source_date
        cap_rates = None if priced is None else sources.cap_rates.get(priced)
        made = _panel_row(row, caps_from, cap_rates, opening, name, first_factor, fingerprints, of_config)
        rows[row.exposure_date] = made._replace(given_return=given_on(given, factors, row.return_date))
    return rows, sets, [{level: rank for rank, level in enumerate(group)} for group in levels]


def _panel_row(
    row: Alignment, caps_from: date | None, cap_rates: date | None, opening: date | None, factor_set: str,
    first_factor: list[int], fingerprints: Mapping[str, Fingerprints], of_config: str,
) -> PanelRow:  # fmt: skip
    def content(side: str, day: date | None) -> str:
        found = fingerprints.get(side, {}).get(day) if day is not None else None
        return f"{day}:{found.content}" if found else ""

    behind = [factor_set, str(row.age), content("exposures", row.source_date), content("caps", caps_from)]
    for side in ("exposures", "caps"):  # data_quality counts a date's rejected rows, also where none of it can be used
        behind += [content(side, day) for day in lost_dates(fingerprints.get(side, {}), {row.exposure_date})]
    known = digest_of(behind if cap_rates is None else [*behind, content("exchange_rates", cap_rates)])
    beside = [content("returns", row.return_date), content("rates", row.return_date)]
    if "factor_returns" in fingerprints:
        beside.append(content("factor_returns", row.return_date))
    if "exchange_rates" in fingerprints and row.return_date is not None:
        beside += [content("exchange_rates", day) for day in (row.exposure_date, row.return_date)]
    for side in ("exposures", "caps"):  # what a date without any usable row holds is listed in rejected_rows
        lost = sorted(lost_dates(fingerprints.get(side, {}), {row.exposure_date, row.return_date or row.exposure_date}))
        beside += [content(side, day) for day in lost]
    if opening is not None:  # so is what the first date's returns are rejected for
        beside.append(content("returns", opening))
    full = digest_of([known, str(row.return_date), *beside])
    return PanelRow(
        0, row.exposure_date, row.return_date, row.source_date, caps_from, row.age, factor_set, first_factor,
        join_hash(full, of_config), join_hash(known, of_config), opening,
    )  # fmt: skip


def style_recipe(config: Config, level_ranks: Sequence[Mapping[str, int]]) -> StyleRecipe | None:
    """How the styles of every date are made; None where all are as given."""
    rules = config.style_rules
    if not rules:
        return None
    memberships = [
        membership_factor(entry, level) for entry, ranks in zip(config.memberships, level_ranks, strict=True) for level in ranks
    ]
    styles = [(style, rules.get(style)) for style in config.styles]
    return StyleRecipe(config.style_columns, styles, config.regression.instant_weights, memberships)


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


def _pack(context: Context, plan: IngestPlan, sources: PanelSources, compute: list[date]) -> dict[date, dict[str, int]]:
    """Write the panel's rows; returns the counts of every row of it."""
    lake, known = context.lake, list(plan.rows) + plan.changes.remove
    ranges = as_ranges([*compute, *plan.changes.remove], known)
    dates_a_file = _dates_a_file(sources, compute)
    rows = [plan.rows[day]._replace(part=number // dates_a_file) for number, day in enumerate(compute)]
    lake.create(PANEL)
    context.expect_rows(PANEL, "dates", len(compute))
    written = context.engine.no_rows(PANEL)
    if rows:
        written = pack_rows(context, sources, plan.rows, rows, plan.level_ranks, plan.recipe, plan.factor_sets)
    lake.replace(PANEL, written, "ingest", ranges)
    return {row["exposure_date"]: row for row in lake.columns(PANEL, ["exposure_date", *COUNTS]).to_pylist()}


def pack_rows(
    context: Context, sources: PanelSources, planned: Mapping[date, PanelRow], rows: list[PanelRow],
    level_ranks: Sequence[dict[str, int]], recipe: StyleRecipe | None, sets: Mapping[str, Sequence[Factor]],
) -> Rows:  # fmt: skip
    """The rows of the panel, brought together from the sources that feed them; `planned` are all that it should have."""
    parts: dict[int, list[PanelRow]] = {}
    for row in rows:
        parts.setdefault(row.part, []).append(row)
    given = sources.rows_to_pack(context.engine, source_dates(sources, planned, [row.exposure_date for row in rows]))
    columns = {name: ToPack(of.check).schema(of.opened.raw_schema).names for name, of in sources.packed.items()}
    sides = {name: of.sides for name, of in sources.packed.items()}
    beside = {name: of for name, of in sets.items() if any(factor.given is Given.BESIDE_RETURNS for factor in of)}
    task = PackPanel([parts[number] for number in sorted(parts)], columns, sides, level_ranks, recipe, beside)
    return context.engine.map_parts(task, given)


def _dates_a_file(sources: PanelSources, compute: list[date]) -> int:
    by_size = max(1, FILE_BYTES // (FLAT_ROW_BYTES * _most_rows(sources)))
    return max(1, min(by_size, -(-len(compute) // LEAST_FILES)))


def _most_rows(sources: PanelSources) -> int:
    """Assets of the date that has most."""
    return int(max((found.rows for found in sources.fingerprints["exposures"].values()), default=1))


def _said(plan: IngestPlan, compute: list[date], account: list[AccountLine], counts: Counts) -> str:
    lines = [f"panel: {span(compute)}" + (f", {len(plan.changes.remove)} removed" if plan.changes.remove else "")]
    for name, rows_in, packed, rejected, outside, unmatched in account:
        lines.append(
            f"  {name}: {rows_in:,} rows = {packed:,} packed + {rejected:,} rejected + {outside:,} outside the dates "
            f"+ {unmatched:,} without exposures"
        )
        lines += _reasons(plan, name) if rejected else []
    if plan.recipe is not None:
        of_how_many = sum(counts[day]["n_assets"] for day in compute) * len(plan.recipe.styles)
        lines.append(f"  styles: {sum(counts[day]['n_filled'] for day in compute):,} of {of_how_many:,} were missing and filled")
    return "\n".join(lines)


def _reasons(plan: IngestPlan, name: str) -> list[str]:
    """Why rows of a source of the account were rejected, in words."""
    return [f"    {problem.text}" for problem in _problems(plan, name)[:MOST_REASONS]]


def _problems(plan: IngestPlan, name: str) -> list[ProblemCount]:
    """Why rows of a source of the account were rejected: the problems of the files that were read, most frequent first."""
    if plan.sources is None:
        return []
    sides = [side for side, called in plan.sources.names.items() if called == name and side in plan.sources.fingerprints]
    return [problem for side in sides for problem in most_frequent(plan.sources.problems(side))]
