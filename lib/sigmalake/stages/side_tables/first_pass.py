"""The first of two passes, kept by the stage that regresses: residuals in `first_pass`, and the variances known from them."""

from datetime import date

from sigmalake.config.model import Config
from sigmalake.lake.dates import as_ranges
from sigmalake.lake.lake import Lake
from sigmalake.lake.row_filter import of_dates
from sigmalake.numerics.regression.two_pass import TwoPass
from sigmalake.stages.context import Context, factor_sets
from sigmalake.stages.planning import Changes, PanelState, Why, changes, expected_first_pass, stored_cross_sections
from sigmalake.tables.packed import FIRST_PASS
from sigmalake.tasks.chunks import AsOf, chunks_of, first_row
from sigmalake.tasks.first_pass import FitSecondPass
from sigmalake.tasks.regression import FitDates

LEAST_DATES, MOST_DATES = 32, 512  # of one task: windows overlap, so few is wasteful; many is memory


def plan_first_pass(lake: Lake, config: Config, panel: list[PanelState], regressions: Changes[date]) -> Changes[date]:
    """The first passes that these regressions and their windows rest on and that are missing or stale; and those to remove.

    In one pass there are none: the rows of an earlier configuration go with its regressions. One that a regression which stands
    has rested on, and that is not there, was lost, and is computed again.
    """
    rows = lake.columns(FIRST_PASS, ["date", "inputs_hash"]).to_pylist()
    stored = {row["date"]: row["inputs_hash"] for row in rows}
    found = changes(expected_first_pass(panel, config), stored, Why.UPSTREAM)
    read = _read_by(regressions, return_dates(panel), config.regression.two_pass)
    if found.compute:
        read |= stored_cross_sections(lake).keys() - regressions.compute.keys() - stored.keys()
    compute = {day: value for day, value in found.compute.items() if day in read}
    touched = {*regressions.compute, *regressions.remove}
    return Changes(compute, {day: found.why[day] for day in compute}, [day for day in found.remove if day in touched])


def write_first_pass(context: Context, panel: list[PanelState], plan: Changes[date]) -> None:
    """Fit the planned dates by the first pass's weights, and keep their residuals."""
    if not plan:
        return
    engine, calendar = context.engine, return_dates(panel) + plan.remove
    rows = engine.no_rows(FIRST_PASS)
    if plan.compute:
        fit = FitDates(factor_sets(context.lake), context.config.regression.first_pass, plan.compute, FIRST_PASS)
        rows = engine.map_rows(fit, of_dates("return_date", as_ranges(plan.compute, calendar)))
    context.lake.replace(FIRST_PASS, rows, "regress", as_ranges([*plan.compute, *plan.remove], calendar))


def second_pass(fit: FitDates, panel: list[PanelState], plan: Changes[date], two_pass: TwoPass) -> FitSecondPass:
    """The task that fits the planned return dates, weighted by the specific variances known one date before."""
    calendar, look_back = return_dates(panel), two_pass.look_back
    as_of = [
        AsOf("", position, plan.compute[day], first_row(position, look_back + 1))
        for position, day in enumerate(calendar)
        if day in plan.compute
    ]
    return FitSecondPass(calendar, chunks_of(as_of, min(MOST_DATES, max(LEAST_DATES, look_back // 2))), fit)


def return_dates(panel: list[PanelState]) -> list[date]:
    """The calendar of the regressions."""
    return [row.return_date for row in panel if row.return_date is not None]


def _read_by(regressions: Changes[date], calendar: list[date], two_pass: TwoPass | None) -> set[date]:
    """The dates of these regressions, and of the windows before them."""
    if two_pass is None:
        return set()
    look_back = two_pass.look_back
    at = [position for position, day in enumerate(calendar) if day in regressions.compute]
    return {day for position in at for day in calendar[max(0, position - look_back) : position + 1]}
