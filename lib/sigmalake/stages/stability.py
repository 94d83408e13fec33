"""Exposure stability, kept beside the panel: ingest writes the dates whose cross-section, or that of a month before, changed."""

from collections.abc import Mapping, Sequence
from datetime import date

from sigmalake.config import Config, digest_of
from sigmalake.lake.dates import as_ranges, within
from sigmalake.lake.lake import Lake
from sigmalake.spark.session import fit_batches
from sigmalake.spark.stability import MONTH, stability_rows
from sigmalake.stages.context import factor_sets
from sigmalake.stages.planning import Why, changes, join_hash, panel_states
from sigmalake.stages.regress import panel_row_bytes
from sigmalake.tables.long import EXPOSURE_STABILITY
from sigmalake.tables.packed import PANEL

STABILITY_VERSION = "1"  # of the kernel: raised when its numbers change


def write_stability(lake: Lake, config: Config, calendar: Sequence[date]) -> None:
    """Replace the rows of `exposure_stability` that the panel no longer agrees with.

    Args:
        lake: holds the panel's rows already.
        config: names the styles and the regression's weights.
        calendar: every exposure date that the panel should have, ascending.
    """
    if not config.styles and not lake.exists(EXPOSURE_STABILITY):
        return
    known = {row.exposure_date: row.exposures_hash for row in panel_states(lake)}
    expected = expected_stability(calendar, known, config) if config.styles else {}
    rows = lake.columns(EXPOSURE_STABILITY, ["exposure_date", "inputs_hash"]).to_pylist()
    plan = changes(expected, {row["exposure_date"]: row["inputs_hash"] for row in rows}, Why.UPSTREAM)
    if not plan:
        return
    lake.create(EXPOSURE_STABILITY)
    ranges = as_ranges([*plan.compute, *plan.remove], sorted({*calendar, *plan.remove}))
    found = lake.read(EXPOSURE_STABILITY).limit(0)
    if plan.compute:
        fit_batches(lake.spark, panel_row_bytes(lake))
        before = dict(zip(calendar[MONTH:], calendar, strict=False))
        read = {day for now in plan.compute for day in (now, before[now])}
        panel = lake.read(PANEL).where(within("exposure_date", as_ranges(read, calendar)))
        found = stability_rows(panel, calendar, plan.compute, config.regression.weights, factor_sets(lake))
    lake.replace(EXPOSURE_STABILITY, found, "ingest", ranges)


def expected_stability(calendar: Sequence[date], known: Mapping[date, str], config: Config) -> dict[date, str]:
    """The hash of every date that stands in the panel beside the one a month before.

    Args:
        calendar: every exposure date that the panel should have, ascending.
        known: hash of the exposures of the dates that it has.
        config: names the regression's weights.
    """
    of_config = digest_of([config.regression.weights.value, STABILITY_VERSION])
    return {
        now: join_hash(digest_of([known[now], str(before), known[before]]), of_config)
        for before, now in zip(calendar, calendar[MONTH:], strict=False)
        if now in known and before in known
    }
