"""Exposure stability on Spark: a panel row goes to the chunks of its own and the next month's end, mostly one."""

from collections.abc import Mapping, Sequence
from datetime import date

from pyspark.sql import DataFrame

from sigmalake.engines.spark.parts import map_parts
from sigmalake.numerics.factors import Factor
from sigmalake.numerics.regression.rules import Weighting
from sigmalake.tasks.chunks import AsOf, chunks_of, first_row
from sigmalake.tasks.stability import DATES_A_CHUNK, PANEL_ROWS, CorrelateStyles


def stability_rows(
    panel: DataFrame,
    month_ends: Sequence[date],
    hashes: Mapping[date, str],
    weighting: Weighting,
    factor_sets: Mapping[str, Sequence[Factor]],
) -> DataFrame:
    """The rows of `exposure_stability` of some month ends.

    Args:
        panel: its rows of at least these dates and of the month ends before them.
        month_ends: exposure dates, ascending.
        hashes: those to compute, without the first, with the hash that their rows carry.
        weighting: the regression's.
        factor_sets: what the arrays by factor mean.
    """
    as_of = [AsOf("", i, hashes[day], first_row(i, 2)) for i, day in enumerate(month_ends) if day in hashes]
    return map_parts(CorrelateStyles(month_ends, chunks_of(as_of, DATES_A_CHUNK), weighting, factor_sets), {PANEL_ROWS: panel})
