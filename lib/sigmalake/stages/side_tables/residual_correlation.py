"""Residual correlations, kept by the stage that has the residuals: at the end of each month that is over.

A window of a year moves by a twelfth from one month's end to the next; of each date the test would read all of it once more, to
tell nearly the same.
"""

from collections.abc import Mapping, Sequence
from datetime import date

from sigmalake.config.model import Config
from sigmalake.lake.dates import as_ranges
from sigmalake.lake.lake import Lake
from sigmalake.stages.context import Context, factor_sets
from sigmalake.stages.planning import Changes, PanelState, Why, changes, expected_residual_correlations
from sigmalake.tables.long import RESIDUAL_CORRELATION
from sigmalake.tasks.chunks import AsOf, chunks_of, first_row
from sigmalake.tasks.risk.residual_correlation import CorrelateResiduals

DATES_A_CHUNK = 256  # a dozen month ends of days, beside the dates of a window


def plan_residual_correlation(
    lake: Lake, config: Config, panel: Sequence[PanelState], cross_sections: Mapping[date, str]
) -> Changes[date]:
    """The month ends of `residual_correlation` that regressions or exposures no longer agree with.

    Args:
        lake: what is stored.
        config: the rules.
        panel: its rows.
        cross_sections: hash by date, as they are or as a run will leave them.
    """
    rows = lake.columns(RESIDUAL_CORRELATION, ["date", "inputs_hash"]).to_pylist()
    stored = {row["date"]: row["inputs_hash"] for row in rows}
    return changes(expected_residual_correlations(panel, cross_sections, config), stored, Why.UPSTREAM)


def write_residual_correlation(context: Context, plan: Changes[date], cross_sections: Mapping[date, str]) -> None:
    """Replace the rows of the planned dates."""
    if not plan:
        return
    calendar, rules = sorted(cross_sections), context.config.residual_correlation
    rows = context.engine.no_rows(RESIDUAL_CORRELATION)
    if plan.compute:
        place = {day: number for number, day in enumerate(calendar)}
        as_of = [AsOf("", place[day], value, first_row(place[day], rules.window)) for day, value in plan.compute.items()]
        task = CorrelateResiduals(calendar, chunks_of(as_of, DATES_A_CHUNK), rules, factor_sets(context.lake))
        rows = context.engine.map_parts(task)
    ranges = as_ranges([*plan.compute, *plan.remove], sorted({*calendar, *plan.remove}))
    context.lake.replace(RESIDUAL_CORRELATION, rows, "regress", ranges)
