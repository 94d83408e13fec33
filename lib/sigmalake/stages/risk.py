"""Risk: Sigma and Delta as of every date of each variant's grid, and from them the long tables."""

from datetime import date

from sigmalake.lake.books import unsettled_ranges
from sigmalake.lake.dates import DateRange
from sigmalake.lake.row_filter import of_dates, of_keys
from sigmalake.lake.storage import Rows
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
from sigmalake.tables.packed import RISK_MODELS
from sigmalake.tasks.chunks import AsOf, Chunk, chunks_of
from sigmalake.tasks.long_tables import factor_covariance, risk_diagnostics, specific_risk
from sigmalake.tasks.risk.windows import EstimateWindows

RISK_TABLES = (RISK_MODELS, FACTOR_COVARIANCE, SPECIFIC_RISK, RISK_DIAGNOSTICS)
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
    lake, engine = context.lake, context.engine
    cross_sections = stored_cross_sections(lake)
    panel = panel_states(lake)
    plan = plan_risk(context, panel, cross_sections)
    calendar = sorted(cross_sections)
    if plan:
        known = {*calendar, *(day for _, day in plan.remove)}
        lake.create(RISK_MODELS)
        rows = _estimated(context, plan, calendar, months_of(panel, calendar)) if plan.compute else engine.no_rows(RISK_MODELS)
        lake.replace_filtered(RISK_MODELS, rows, "risk", of_keys([*plan.compute, *plan.remove], sorted(known)))
    changed = unsettled_ranges(lake, "risk", *RISK_TABLES)
    if not changed:
        return None
    _write_long(context, changed)
    dates = sorted({day for _, day in [*plan.compute, *plan.remove]})
    variants = ", ".join(sorted({variant for variant, _ in plan.compute})) or "none computed"
    return Outcome(
        dates=dates,
        rows_in=len(plan.compute),
        rows_out=len(plan.compute),
        tables=RISK_TABLES,
        said=f"risk models: {variants}; {span(dates)}" if dates else "the tables in rows are written again",
    )


def _estimated(context: Context, plan: Changes[RiskKey], calendar: list[date], months: list[Month]) -> Rows:
    lake, config = context.lake, context.config
    reads_exposures = any(variant.specific_var.reads_exposures for variant in config.risk.values())
    context.engine.expect_width(panel_row_bytes(lake) if reads_exposures else cross_section_bytes(lake))
    chunks = _chunks(context, plan, calendar, months)
    context.expect_rows(RISK_MODELS, "dates" if len(config.risk) == 1 else "dates of variants", len(plan.compute))
    task = EstimateWindows(calendar, chunks, config.risk, factor_sets(lake), months, config.sources.has_caps)
    return context.engine.map_parts(task)


def _write_long(context: Context, changed: list[DateRange]) -> None:
    for task in (factor_covariance(), specific_risk(), risk_diagnostics()):
        context.lake.replace(task.into, context.engine.unpack(task, of_dates("date", changed)), "risk", changed)


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
