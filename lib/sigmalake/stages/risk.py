"""Risk: Sigma and Delta as of every date of each variant's grid, and from them the long tables."""

from collections.abc import Iterable, Sequence
from datetime import date

from pyspark.sql import DataFrame

from sigmalake.engines.spark.estimation.risk import estimate_windows
from sigmalake.engines.spark.long_tables import factor_covariance, risk_diagnostics, specific_risk
from sigmalake.engines.spark.session import fit_batches
from sigmalake.lake.books import unsettled_ranges
from sigmalake.lake.dates import DateRange, as_ranges, single_days, within
from sigmalake.lake.lake import Lake
from sigmalake.numerics.windows.calendar import Month
from sigmalake.stages.context import Context, Outcome, factor_sets, span
from sigmalake.stages.planning import (
    Changes,
    PanelState,
    Why,
    changes,
    expected_risk_models,
    first_position,
    months_of,
    panel_states,
    stored_cross_sections,
    stored_risk_models,
)
from sigmalake.stages.regress import cross_section_bytes, packed_exposures_bytes, panel_row_bytes
from sigmalake.tables.long import FACTOR_COVARIANCE, RISK_DIAGNOSTICS, SPECIFIC_RISK
from sigmalake.tables.packed import CROSS_SECTIONS, PANEL, RISK_MODELS
from sigmalake.tasks.chunks import AsOf, Chunk, chunks_of
from sigmalake.tasks.risk.windows import EstimateWindows

LEAST_DATES, MOST_DATES = 32, 512  # as-of dates of one task: their windows overlap, so few is wasteful; many is memory
EXPOSURES_BYTES = 192 << 20  # of one task's packed exposures, where a layer of Delta reads them

RiskKey = tuple[str, date]


def plan_risk(context: Context, panel: list[PanelState], cross_sections: dict[date, str]) -> Changes[RiskKey]:
    """Which risk models are missing, off the grid, or rest on a window, coverage or variant that changed.

    Those off the grid go whichever dates this run is of: a new date puts the one before it off a grid of weeks or months.
    """
    expected = expected_risk_models(panel, cross_sections, context.config)
    found = changes(expected, stored_risk_models(context.lake), Why.UPSTREAM)
    compute = {key: value for key, value in found.compute.items() if context.asked.holds(key[1])}
    return Changes(compute, {key: found.why[key] for key in compute}, found.remove)


def risk(context: Context) -> Outcome | None:
    """Estimate what `plan_risk` names, and write the long tables of all that changed."""
    lake = context.lake
    cross_sections = stored_cross_sections(lake)
    panel = panel_states(lake)
    plan = plan_risk(context, panel, cross_sections)
    calendar = sorted(cross_sections)
    if plan:
        known = {*calendar, *(day for _, day in plan.remove)}
        ranges = as_ranges({day for _, day in [*plan.compute, *plan.remove]}, sorted(known))
        lake.create(RISK_MODELS)
        rows = _estimated(context, plan, calendar, months_of(panel, calendar)) if plan.compute else lake.read(RISK_MODELS).limit(0)
        lake.replace_rows(RISK_MODELS, rows, "risk", keys_sql([*plan.compute, *plan.remove], sorted(known)), ranges)
    changed = unsettled_ranges(lake, "risk", RISK_MODELS)
    if not changed:
        return None
    _write_long(lake, changed)
    dates = sorted({day for _, day in [*plan.compute, *plan.remove]})
    return Outcome(
        dates=dates,
        rows_in=len(plan.compute),
        rows_out=len(plan.compute),
        tables=(RISK_MODELS, FACTOR_COVARIANCE, SPECIFIC_RISK, RISK_DIAGNOSTICS),
        said=f"risk models: {', '.join(sorted({v for v, _ in plan.compute})) or 'none computed'}; {span(dates)}",
    )


def _estimated(context: Context, plan: Changes[RiskKey], calendar: list[date], months: list[Month]) -> DataFrame:
    lake, chunks, config = context.lake, _chunks(context, plan, calendar, months), context.config
    reads_exposures = any(variant.specific_var.reads_exposures for variant in config.risk.values())
    fit_batches(lake.spark, panel_row_bytes(lake) if reads_exposures else cross_section_bytes(lake))
    read = [DateRange(calendar[c.first], calendar[c.last]) for c in chunks]
    history = lake.read(CROSS_SECTIONS).where(within("date", read))
    known = lake.read(PANEL).where(within("exposure_date", as_ranges({day for _, day in plan.compute}, calendar)))
    caps_before = lake.read(PANEL).where(within("return_date", read))
    task = EstimateWindows(calendar, chunks, config.risk, factor_sets(lake), months, config.sources.has_caps)
    return estimate_windows(task, history, known, caps_before)


def _write_long(lake: Lake, changed: list[DateRange]) -> None:
    models = lake.read(RISK_MODELS).where(within("date", changed))
    lake.replace(FACTOR_COVARIANCE, factor_covariance(models), "risk", changed)
    lake.replace(SPECIFIC_RISK, specific_risk(models), "risk", changed)
    lake.replace(RISK_DIAGNOSTICS, risk_diagnostics(models), "risk", changed)


def _chunks(context: Context, plan: Changes[RiskKey], calendar: list[date], months: list[Month]) -> list[Chunk]:
    """As many as-of dates as half the longest look-back: their windows overlap, and a task holds half as many rows again."""
    position = {day: number for number, day in enumerate(calendar)}
    variants = context.config.risk
    as_of = [
        AsOf(name, position[day], value, first_position(variants[name], position[day], months))
        for (name, day), value in plan.compute.items()
    ]
    by_month = [row.position - row.first + 1 for row in as_of if variants[row.variant].by_month]  # months in dates
    longest = max([v.look_back for v in variants.values() if not v.by_month] + by_month, default=0)
    size = min(MOST_DATES, max(LEAST_DATES, longest // 2))
    if any(variant.specific_var.reads_exposures for variant in variants.values()):
        size = min(size, max(LEAST_DATES, EXPOSURES_BYTES // packed_exposures_bytes(context.lake)))
    return chunks_of(as_of, size)


def keys_sql(keys: Iterable[RiskKey], calendar: Sequence[date] | None = None) -> str:
    """SQL that holds for the rows of these variants and dates, by the ranges that they make in a calendar, or one by one."""
    by_variant: dict[str, set[date]] = {}
    for variant, day in keys:
        by_variant.setdefault(variant, set()).add(day)
    ranges = {name: single_days(days) if calendar is None else as_ranges(days, calendar) for name, days in by_variant.items()}
    return " OR ".join(f"(variant = '{name}' AND {within('date', spans)})" for name, spans in ranges.items()) or "false"
