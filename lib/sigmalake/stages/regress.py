"""Regress: one cross-sectional regression a date, its row in `cross_sections`, and from it the long tables.

Weighted by inverse specific variances it has two passes, and the residuals of the first are kept in `first_pass`.

Beside it, with the same weights, how stable each style is from one month to the next.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from sigmalake.engines.spark.estimation.regression import fit_each_date
from sigmalake.engines.spark.long_tables import factor_portfolios, factor_returns, specific_returns
from sigmalake.engines.spark.session import fit_batches
from sigmalake.lake.books import unsettled_ranges
from sigmalake.lake.dates import as_ranges, within
from sigmalake.lake.lake import Lake
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
from sigmalake.stages.side_tables.first_pass import fit_in_two_passes, plan_first_pass, write_first_pass
from sigmalake.stages.side_tables.stability import plan_stability, write_stability
from sigmalake.tables.declaration import Table
from sigmalake.tables.long import EXPOSURE_STABILITY, FACTOR_PORTFOLIOS, FACTOR_RETURNS, FACTORS, SPECIFIC_RETURNS
from sigmalake.tables.packed import CROSS_SECTIONS, FIRST_PASS, PANEL
from sigmalake.tasks.regression import FitDates

ASSET_BYTES = 64  # of a cross-section: id, residual, fitted return, weight, flag


def plan_regress(context: Context, panel: list[PanelState]) -> Changes[date]:
    """Which regressions are missing, or rest on a panel row or rules that changed."""
    found = changes(expected_cross_sections(panel, context.config), stored_cross_sections(context.lake), Why.UPSTREAM)
    compute = {day: value for day, value in found.compute.items() if context.asked.holds(day)}
    return Changes(compute, {day: found.why[day] for day in compute}, [d for d in found.remove if context.asked.holds(d)])


def regress(context: Context) -> Outcome | None:
    """Fit the dates that `plan_regress` names, and write the long tables of all that changed."""
    lake = context.lake
    panel = panel_states(lake)
    plan, stability = plan_regress(context, panel), plan_stability(lake, context.config, panel)
    if plan or stability:
        fit_batches(lake.spark, panel_row_bytes(lake))
    write_stability(lake, context.config, panel, stability)
    if plan:
        write_first_pass(lake, context.config, panel, plan_first_pass(lake, context.config, panel, plan))
        calendar = [row.return_date for row in panel if row.return_date is not None] + plan.remove
        ranges = as_ranges([*plan.compute, *plan.remove], calendar)
        rows = lake.read(PANEL).where(within("return_date", as_ranges(plan.compute, calendar)))
        rules = context.config.regression
        if rules.two_pass is None:
            fitted = fit_each_date(rows, factor_sets(lake), rules, plan.compute)
        else:
            fitted = fit_in_two_passes(lake, rows, panel, FitDates(factor_sets(lake), rules, plan.compute), rules.two_pass)
        lake.replace(CROSS_SECTIONS, fitted, "regress", ranges)
    changed = unsettled_ranges(lake, "regress", CROSS_SECTIONS)
    if not changed:
        return _stability_outcome(stability) if stability else None
    portfolios = context.config.regression.portfolios
    fit_batches(lake.spark, panel_row_bytes(lake) if portfolios else cross_section_bytes(lake))
    fitted = lake.read(CROSS_SECTIONS).where(within("date", changed))
    lake.replace(FACTOR_RETURNS, factor_returns(fitted, lake.read(FACTORS)), "regress", changed)
    lake.replace(SPECIFIC_RETURNS, specific_returns(fitted), "regress", changed)
    tables = [CROSS_SECTIONS, FACTOR_RETURNS, SPECIFIC_RETURNS, EXPOSURE_STABILITY]
    if portfolios or lake.exists(FACTOR_PORTFOLIOS):
        lake.replace(FACTOR_PORTFOLIOS, factor_portfolios(fitted, lake.read(FACTORS)), "regress", changed)
        tables.append(FACTOR_PORTFOLIOS)
    if lake.exists(FIRST_PASS):
        tables.append(FIRST_PASS)
    return _outcome(lake, plan, tables)


def _stability_outcome(stability: Changes[date]) -> Outcome:
    """Where no regression changed: restated exposures of the newest date explain no return yet."""
    dates = sorted({*stability.compute, *stability.remove})
    return Outcome(dates, rows_in=0, rows_out=0, tables=(EXPOSURE_STABILITY,), said=f"exposure stability: {span(dates)}")


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
    said = f"cross-sections: {span(dates)}" + (f"; without factor returns: {span(failed)}" if failed else "")
    said += _without_return(lake, set(plan.compute) - set(failed))
    return Outcome(dates, rows_in=len(plan.compute), rows_out=len(plan.compute), tables=tuple(tables), said=said)
