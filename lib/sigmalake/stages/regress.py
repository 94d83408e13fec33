"""Regress: one cross-sectional regression a date, its row in `cross_sections`, and from it the long tables.

Weighted by inverse specific variances it has two passes, and the residuals of the first are kept in `first_pass`.

Beside it, with the same weights, how stable each style is from one month to the next; and after it, what the residuals have in
common.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from sigmalake.lake.books import unsettled_ranges
from sigmalake.lake.dates import DateRange, as_ranges
from sigmalake.lake.lake import Lake
from sigmalake.lake.row_filter import of_dates
from sigmalake.lake.storage import Rows
from sigmalake.numerics.factors import Kind
from sigmalake.stages.context import Context, Outcome, factor_sets, span
from sigmalake.stages.planning import (
    Changes,
    PanelState,
    Why,
    changes,
    expected_cross_sections,
    panel_states,
    stored_cross_sections,
)
from sigmalake.stages.side_tables.first_pass import plan_first_pass, return_dates, second_pass, write_first_pass
from sigmalake.stages.side_tables.residual_correlation import plan_residual_correlation, write_residual_correlation
from sigmalake.stages.side_tables.stability import plan_stability, write_stability
from sigmalake.tables.declaration import Table
from sigmalake.tables.long import (
    EXPOSURE_STABILITY,
    FACTOR_PORTFOLIOS,
    FACTOR_RETURNS,
    FACTORS,
    RESIDUAL_CORRELATION,
    SPECIFIC_RETURNS,
)
from sigmalake.tables.packed import CROSS_SECTIONS, FIRST_PASS, PANEL
from sigmalake.tasks.long_tables import factor_portfolios, factor_returns, specific_returns
from sigmalake.tasks.regression import FitDates

REGRESSED = (CROSS_SECTIONS, FACTOR_RETURNS, SPECIFIC_RETURNS, FACTOR_PORTFOLIOS)
ASSET_BYTES = 64  # of a cross-section: id, residual, fitted return, weight, flag


def plan_regress(context: Context, panel: list[PanelState]) -> Changes[date]:
    """Which regressions are missing, or rest on a panel row or rules that changed."""
    found = changes(expected_cross_sections(panel, context.config), stored_cross_sections(context.lake), Why.UPSTREAM)
    compute = {day: value for day, value in found.compute.items() if context.asked.holds(day)}
    return Changes(compute, {day: found.why[day] for day in compute}, [d for d in found.remove if context.asked.holds(d)])


def regress(context: Context) -> Outcome | None:
    """Fit the dates that `plan_regress` names, and write the long tables of all that changed."""
    lake, engine, config = context.lake, context.engine, context.config
    panel = panel_states(lake)
    plan, stability = plan_regress(context, panel), plan_stability(lake, config, panel)
    if plan or stability:
        engine.expect_width(panel_row_bytes(lake))
    write_stability(context, panel, stability)
    first_pass = plan_first_pass(lake, config, panel, plan)
    write_first_pass(context, panel, first_pass)
    if plan:
        calendar = return_dates(panel) + plan.remove
        lake.replace(CROSS_SECTIONS, _fitted(context, panel, plan), "regress", as_ranges([*plan.compute, *plan.remove], calendar))
    sections = stored_cross_sections(lake)
    shared = plan_residual_correlation(lake, config, panel, sections)
    if shared:
        engine.expect_width(cross_section_bytes(lake))
    write_residual_correlation(context, shared, sections)
    changed = unsettled_ranges(lake, "regress", *REGRESSED)
    if not changed:
        return _outcome_beside(stability, first_pass, shared)
    engine.expect_width(panel_row_bytes(lake) if config.regression.portfolios else cross_section_bytes(lake))
    tables = [CROSS_SECTIONS, *_write_long(context, changed), EXPOSURE_STABILITY, RESIDUAL_CORRELATION]
    if lake.exists(FIRST_PASS):
        tables.append(FIRST_PASS)
    return _outcome(lake, plan, tables)


def _fitted(context: Context, panel: list[PanelState], plan: Changes[date]) -> Rows:
    """The rows of `cross_sections` of the planned dates."""
    rules, engine = context.config.regression, context.engine
    if not plan.compute:
        return engine.no_rows(CROSS_SECTIONS)
    context.expect_rows(CROSS_SECTIONS, "dates", len(plan.compute))
    fit = FitDates(factor_sets(context.lake), rules, plan.compute)
    if rules.two_pass is not None:
        return engine.map_parts(second_pass(fit, panel, plan, rules.two_pass))
    return engine.map_rows(fit, of_dates("return_date", as_ranges(plan.compute, return_dates(panel))))


def _write_long(context: Context, changed: list[DateRange]) -> list[Table]:
    """Write the long tables of these ranges of `cross_sections`; says which."""
    lake, rows = context.lake, of_dates("date", changed)
    factors = lake.columns(FACTORS, FACTORS.column_names)
    tasks = [factor_returns(factors), specific_returns()]
    if context.config.regression.portfolios or lake.exists(FACTOR_PORTFOLIOS):
        tasks.append(factor_portfolios(factors))
    for task in tasks:
        lake.replace(task.into, context.engine.unpack(task, rows), "regress", changed)
    return [task.into for task in tasks]


def _outcome_beside(stability: Changes[date], first_pass: Changes[date], shared: Changes[date]) -> Outcome | None:
    """Where no regression changed: restated exposures of the newest date explain no return yet, and rows may have been lost."""
    plans = {
        EXPOSURE_STABILITY: ("exposure stability", stability),
        FIRST_PASS: ("first passes", first_pass),
        RESIDUAL_CORRELATION: ("residual correlations", shared),
    }
    done = {table: (name, sorted({*plan.compute, *plan.remove})) for table, (name, plan) in plans.items() if plan}
    if not done:
        return None
    said = "; ".join(f"{name}: {span(dates)}" for name, dates in done.values())
    dates = sorted({day for _, days in done.values() for day in days})
    return Outcome(dates, rows_in=0, rows_out=0, tables=tuple(done), said=said)


def panel_row_bytes(lake: Lake) -> int:
    """The widest row of the panel, in memory."""
    widest = max(lake.columns(PANEL, ["n_assets"]).column("n_assets").to_pylist(), default=1)
    sets = factor_sets(lake).values()
    n_factors = max((len(factors) for factors in sets), default=1)
    return int(widest * (ASSET_BYTES + 8 * n_factors))


def packed_exposures_bytes(lake: Lake) -> int:
    """The widest row of the panel as it is stored: its styles as numbers, its memberships as triplets, a few an asset."""
    widest = max(lake.columns(PANEL, ["n_assets"]).column("n_assets").to_pylist(), default=1)
    sets = factor_sets(lake).values()
    n_styles = max((sum(factor.kind is Kind.STYLE for factor in factors) for factors in sets), default=0)
    return int(max(1, widest) * (ASSET_BYTES + 8 * n_styles))


def cross_section_bytes(lake: Lake) -> int:
    """The widest row of the cross-sections, in memory."""
    return int(ASSET_BYTES * max(lake.columns(CROSS_SECTIONS, ["n_assets"]).column("n_assets").to_pylist(), default=1))


def _without_return(lake: Lake, dates: Collection[date]) -> str:
    """Factors that have no return on dates that were fitted, and why."""
    sets = {name: [factor.name for factor in factors] for name, factors in factor_sets(lake).items()}
    counts: Counter[tuple[str, str]] = Counter()
    rows = lake.columns(CROSS_SECTIONS, ["date", "factor_set", "factor_return", "factor_status"])
    for row in rows.filter(pc.is_in(rows.column("date"), pa.array(dates, pa.date32()))).to_pylist():
        found = zip(sets[row["factor_set"]], row["factor_return"], row["factor_status"], strict=True)
        counts.update((factor, status) for factor, value, status in found if value is None)
    listed = [
        f"\n  {factor} has no return on {n} of {len(dates)} dates: {status}" for (factor, status), n in counts.most_common(10)
    ]
    return "".join(listed) + ("\n  ..." if len(counts) > 10 else "")


def _outcome(lake: Lake, plan: Changes[date], tables: Sequence[Table]) -> Outcome:
    dates = sorted({*plan.compute, *plan.remove})
    failed = [
        row["date"]
        for row in lake.columns(CROSS_SECTIONS, ["date", "status"]).to_pylist()
        if row["status"] != "ok" and row["date"] in plan.compute
    ]
    said = f"cross-sections: {span(dates)}" if dates else "the tables in rows are written again"
    said += f"; without factor returns: {span(failed)}" if failed else ""
    said += _without_return(lake, set(plan.compute) - set(failed))
    return Outcome(dates, rows_in=len(plan.compute), rows_out=len(plan.compute), tables=tuple(tables), said=said)
