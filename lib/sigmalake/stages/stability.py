"""Exposure stability, kept by the stage that has its weights: the dates whose cross-section, or that a month before, changed."""

from collections.abc import Sequence
from datetime import date

from sigmalake.config import Config, digest_of
from sigmalake.lake.dates import as_ranges, within
from sigmalake.lake.lake import Lake
from sigmalake.spark.stability import MONTH, stability_rows
from sigmalake.stages.context import factor_sets
from sigmalake.stages.planning import Changes, PanelState, Why, changes, join_hash
from sigmalake.tables.long import EXPOSURE_STABILITY
from sigmalake.tables.packed import PANEL

STABILITY_VERSION = "1"  # of the kernel: raised when its numbers change


def plan_stability(lake: Lake, config: Config, panel: Sequence[PanelState]) -> Changes[date]:
    """The dates of `exposure_stability` that the panel no longer agrees with."""
    rows = lake.columns(EXPOSURE_STABILITY, ["exposure_date", "inputs_hash"]).to_pylist()
    expected = expected_stability(panel, config) if config.styles else {}
    return changes(expected, {row["exposure_date"]: row["inputs_hash"] for row in rows}, Why.UPSTREAM)


def write_stability(lake: Lake, config: Config, panel: Sequence[PanelState], plan: Changes[date]) -> None:
    """Replace the rows of the planned dates."""
    if not plan:
        return
    lake.create(EXPOSURE_STABILITY)
    calendar = [row.exposure_date for row in panel]
    ranges = as_ranges([*plan.compute, *plan.remove], sorted({*calendar, *plan.remove}))
    found = lake.read(EXPOSURE_STABILITY).limit(0)
    if plan.compute:
        read = {day for pair in zip(calendar, calendar[MONTH:], strict=False) if pair[1] in plan.compute for day in pair}
        rows = lake.read(PANEL).where(within("exposure_date", as_ranges(read, calendar)))
        found = stability_rows(rows, calendar, plan.compute, config.regression.instant_weights, factor_sets(lake))
    lake.replace(EXPOSURE_STABILITY, found, "regress", ranges)


def expected_stability(panel: Sequence[PanelState], config: Config) -> dict[date, str]:
    """The hash of every date of the panel that stands a month after another one.

    Args:
        panel: its rows, ascending.
        config: names the regression's weights; of two passes the first's count, which no other date moves.
    """
    of_config = digest_of([config.regression.instant_weights.value, STABILITY_VERSION])
    return {
        now.exposure_date: join_hash(digest_of([now.exposures_hash, str(before.exposure_date), before.exposures_hash]), of_config)
        for before, now in zip(panel, panel[MONTH:], strict=False)
    }
