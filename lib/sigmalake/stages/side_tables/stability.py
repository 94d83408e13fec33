"""Exposure stability, kept by the stage that has its weights: from one month's end to the next that the panel has.

Every date would read and move all styles once more, a fourth of the stage's cost, to tell nearly the same of neighbouring dates.
"""

from collections.abc import Sequence
from datetime import date
from itertools import pairwise

from pyspark.sql import functions as F

from sigmalake.config.model import Config
from sigmalake.config.staleness import digest_of, settings_hash
from sigmalake.engines.spark.engine import spark_of
from sigmalake.engines.spark.estimation.stability import stability_rows
from sigmalake.lake.dates import as_ranges
from sigmalake.lake.lake import Lake
from sigmalake.numerics.windows.calendar import month_ends
from sigmalake.stages import versions
from sigmalake.stages.context import Context, factor_sets
from sigmalake.stages.planning import Changes, PanelState, Why, changes, join_hash, rules_hash
from sigmalake.tables.long import EXPOSURE_STABILITY
from sigmalake.tables.packed import PANEL


def plan_stability(lake: Lake, config: Config, panel: Sequence[PanelState]) -> Changes[date]:
    """The month ends of `exposure_stability` that the panel no longer agrees with."""
    rows = lake.columns(EXPOSURE_STABILITY, ["exposure_date", "inputs_hash"]).to_pylist()
    expected = expected_stability(panel, config) if config.styles else {}
    return changes(expected, {row["exposure_date"]: row["inputs_hash"] for row in rows}, Why.UPSTREAM)


def write_stability(context: Context, panel: Sequence[PanelState], plan: Changes[date]) -> None:
    """Replace the rows of the planned dates."""
    if not plan:
        return
    lake, config, engine = context.lake, context.config, spark_of(context.engine)
    lake.create(EXPOSURE_STABILITY)
    ends = month_ends([row.exposure_date for row in panel])
    ranges = as_ranges([*plan.compute, *plan.remove], sorted({*ends, *plan.remove}))
    found = context.engine.no_rows(EXPOSURE_STABILITY)
    if plan.compute:
        read = sorted({day for pair in pairwise(ends) if pair[1] in plan.compute for day in pair})
        rows = engine.read(PANEL).where(F.col("exposure_date").isin(read))
        found = stability_rows(rows, ends, plan.compute, config.regression.instant_weights, factor_sets(lake))
    lake.replace(EXPOSURE_STABILITY, found, "regress", ranges)


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
