"""Exposure stability, kept by the stage that has its weights: from one month's end to the next that the panel has.

Every date would read and move all styles once more, a fourth of the stage's cost, to tell nearly the same of neighbouring dates.
"""

from collections.abc import Sequence
from datetime import date
from itertools import pairwise

from sigmalake.config.model import Config
from sigmalake.config.staleness import digest_of, settings_hash
from sigmalake.lake.dates import as_ranges
from sigmalake.lake.lake import Lake
from sigmalake.numerics.windows.calendar import month_ends
from sigmalake.stages import versions
from sigmalake.stages.context import Context, factor_sets
from sigmalake.stages.planning import Changes, PanelState, Why, changes, join_hash, rules_hash
from sigmalake.tables.long import EXPOSURE_STABILITY
from sigmalake.tasks.chunks import AsOf, chunks_of
from sigmalake.tasks.stability import DATES_A_CHUNK, CorrelateStyles


def plan_stability(lake: Lake, config: Config, panel: Sequence[PanelState]) -> Changes[date]:
    """The month ends of `exposure_stability` that the panel no longer agrees with."""
    rows = lake.columns(EXPOSURE_STABILITY, ["exposure_date", "inputs_hash"]).to_pylist()
    expected = expected_stability(panel, config) if config.styles else {}
    return changes(expected, {row["exposure_date"]: row["inputs_hash"] for row in rows}, Why.UPSTREAM)


def write_stability(context: Context, panel: Sequence[PanelState], plan: Changes[date]) -> None:
    """Replace the rows of the planned dates."""
    if not plan:
        return
    ends = month_ends([row.exposure_date for row in panel])
    rows = context.engine.no_rows(EXPOSURE_STABILITY)
    if plan.compute:
        weights, place = context.config.regression.instant_weights, {day: number for number, day in enumerate(ends)}
        as_of = [AsOf("", place[day], value, place[day] - 1) for day, value in plan.compute.items()]
        task = CorrelateStyles(ends, chunks_of(as_of, DATES_A_CHUNK), weights, factor_sets(context.lake))
        rows = context.engine.map_parts(task)
    ranges = as_ranges([*plan.compute, *plan.remove], sorted({*ends, *plan.remove}))
    context.lake.replace(EXPOSURE_STABILITY, rows, "regress", ranges)


def expected_stability(panel: Sequence[PanelState], config: Config) -> dict[date, str]:
    """The hash of every month's end but the first.

    Args:
        panel: its rows, ascending.
        config: names the regression's weights; of two passes the first's count, which no other date moves.
    """
    of_config = rules_hash(settings_hash(config.regression.instant_weights), versions.STABILITY)
    known = {row.exposure_date: row.exposures_hash for row in panel}
    return {
        now: join_hash(digest_of([known[now], str(before), known[before]]), of_config)
        for before, now in pairwise(month_ends(list(known)))
    }
