"""The specific variances that a second pass weighs with: chunks of dates, each with the first pass's rows of the windows before.

The driver ships the calendar's dates. A task holds one chunk: (look_back + dates of the chunk) x N residuals, and gives back N
variances a date. Nothing of N by T passes through the driver.
"""

from collections.abc import Callable, Sequence
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from sigmalake.engines.spark.estimation.chunks import Chunk, by_chunk, lengths, lists, rows_read
from sigmalake.engines.spark.estimation.window_arrays import HISTORY, KNOWN, asset_codes, by_row_and_asset
from sigmalake.engines.spark.listed_rows import listed_rows
from sigmalake.numerics.regression.two_pass import TwoPass
from sigmalake.numerics.specific_risk.estimators import SpecificVarEstimator

VARIANCES = "return_date date, specific_var array<double>"


def variances_before(
    first_pass: DataFrame, panel: DataFrame, calendar: Sequence[date], chunks: Sequence[Chunk], two_pass: TwoPass
) -> DataFrame:
    """Delta as of the date before each return date, in the order of its panel row's assets; null: too short a history.

    Args:
        first_pass: its rows for at least the windows before the as-of dates.
        panel: its rows for the as-of dates.
        calendar: return dates, ascending: a position is an index into it.
        chunks: the return dates to weigh; a date reads the `look_back` positions before its own.
        two_pass: the estimator.
    """
    if not chunks:
        return panel.sparkSession.createDataFrame([], VARIANCES)
    asked = [(calendar[row.position], KNOWN, number, row.position) for number, chunk in enumerate(chunks) for row in chunk.as_of]
    read = [(day, HISTORY, number, position) for day, number, position in rows_read(calendar, chunks)]
    wanted = listed_rows(panel.sparkSession, [*read, *asked], "date date, role string, chunk int, position int")
    history = first_pass.select("date", F.lit(HISTORY).alias("role"), "asset_id", "specific_return")
    nothing = F.lit(None).cast("array<double>").alias("specific_return")
    known = panel.select(F.col("return_date").alias("date"), F.lit(KNOWN).alias("role"), "asset_id", nothing)
    sent = history.unionByName(known).join(F.broadcast(wanted), ["date", "role"])
    return by_chunk(sent, len(chunks)).applyInArrow(_estimating(calendar, chunks, two_pass), VARIANCES)


def _estimating(calendar: Sequence[date], chunks: Sequence[Chunk], two_pass: TwoPass) -> Callable[[pa.Table], pa.Table]:
    def estimate(rows: pa.Table) -> pa.Table:
        return estimate_chunk(rows, chunks[rows.column("chunk")[0].as_py()], calendar, two_pass.estimator())

    return estimate


def estimate_chunk(rows: pa.Table, chunk: Chunk, calendar: Sequence[date], estimator: SpecificVarEstimator) -> pa.Table:
    """The variances of one chunk's dates, from the first pass's rows of its windows and the assets of its dates."""
    history, known = (
        rows.filter(pc.equal(rows.column("role"), role)).sort_by("position").combine_chunks() for role in (HISTORY, KNOWN)
    )
    ids, (before, now) = asset_codes([history, known])
    shape = (chunk.last - chunk.first + 1, len(ids))
    specific = by_row_and_asset(history, before, "specific_return", chunk.first, shape)
    position = known.column("position").to_numpy()
    as_of = position.astype(np.int64) - 1 - chunk.first
    has_past = position > 0
    var = np.full((len(as_of), len(ids)), np.nan)
    var[has_past] = estimator.time_series(specific, as_of[has_past]).var
    counts = lengths(known, "asset_id")
    found = var[np.repeat(np.arange(len(as_of)), counts), now]
    dates = pa.array([calendar[at] for at in position.tolist()], pa.date32())
    return pa.table([dates, lists(pa.array(found, mask=np.isnan(found)), counts.tolist())], ["return_date", "specific_var"])
