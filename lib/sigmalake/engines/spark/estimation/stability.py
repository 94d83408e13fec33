"""Each style's correlation with itself a month before: chunks of month ends, each with the one before its first.

The driver ships the month ends and the factor sets. A panel row goes to the chunk of its own date and to that of the next month's
end, mostly the same; a task holds one chunk, and gives back a row a style and date.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from sigmalake.engines.spark.estimation.chunks import AsOf, Chunk, by_chunk, chunks_of, first_row, ranked_ids, rows_read
from sigmalake.engines.spark.listed_rows import listed_rows
from sigmalake.numerics.exposures.stability import exposure_stability
from sigmalake.numerics.factors import Factor, Kind
from sigmalake.numerics.regression.rules import RegressionWeights
from sigmalake.numerics.types import Floats, Ints
from sigmalake.numerics.weights import regression_weights
from sigmalake.tables.long import EXPOSURE_STABILITY

DATES_A_CHUNK = 12  # with the one before them

READ = ("exposure_date", "factor_set", "asset_id", "cap", "weight_column", "in_estimation", "styles")


def stability_rows(
    panel: DataFrame,
    month_ends: Sequence[date],
    hashes: Mapping[date, str],
    weighting: RegressionWeights,
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
    chunks = chunks_of(as_of, DATES_A_CHUNK)
    wanted = listed_rows(panel.sparkSession, rows_read(month_ends, chunks), "exposure_date date, chunk int, position int")
    sent = panel.select(*READ).join(F.broadcast(wanted), "exposure_date")
    correlate = _correlating(month_ends, chunks, weighting, factor_sets)
    return by_chunk(sent, len(chunks)).applyInArrow(correlate, EXPOSURE_STABILITY.schema_sql())


def _correlating(
    month_ends: Sequence[date], chunks: Sequence[Chunk], weighting: RegressionWeights, factor_sets: Mapping[str, Sequence[Factor]]
) -> Callable[[pa.Table], pa.Table]:
    def correlate(rows: pa.Table) -> pa.Table:
        chunk = chunks[rows.column("chunk")[0].as_py()]
        return correlate_chunk(rows, chunk, month_ends, weighting, factor_sets)

    return correlate


def correlate_chunk(
    rows: pa.Table,
    chunk: Chunk,
    month_ends: Sequence[date],
    weighting: RegressionWeights,
    factor_sets: Mapping[str, Sequence[Factor]],
) -> pa.Table:
    """The rows of `exposure_stability` for one chunk, from the panel rows of its month ends and of the one before the first."""
    sections = _sections(rows, weighting, factor_sets)
    found = []
    for row in chunk.as_of:
        now, before = sections[row.position], sections[row.position - 1]
        styles = [style for style in now.styles if style in before.styles]
        _, here, there = np.intersect1d(now.assets, before.assets, assume_unique=True, return_indices=True)
        one, other = (
            section.exposures[at][:, [section.styles.index(style) for style in styles]]
            for section, at in ((now, here), (before, there))
        )
        stability = exposure_stability(one, other, now.weights[here])
        for style, correlation in zip(styles, stability.correlation.tolist(), strict=True):
            told = None if np.isnan(correlation) else correlation
            dates = month_ends[row.position], month_ends[row.position - 1]
            found.append((dates[0], style, dates[1], told, stability.n_common, row.inputs_hash))
    columns = list(zip(*found, strict=True)) or [()] * len(_TYPES)
    return pa.table([pa.array(column, kind) for column, kind in zip(columns, _TYPES, strict=True)], EXPOSURE_STABILITY.column_names)


class _Section(NamedTuple):
    """One date's styles."""

    assets: Ints  # (N,) codes, each once
    weights: Floats  # (N,)
    styles: list[str]
    exposures: Floats  # (N, S)


def _sections(rows: pa.Table, weighting: RegressionWeights, factor_sets: Mapping[str, Sequence[Factor]]) -> dict[int, _Section]:
    """By position. Ids become integers in Arrow, in the order of ids, so that sums do not depend on what else a chunk holds."""
    rows = rows.combine_chunks()
    _, codes = ranked_ids([pc.list_flatten(rows.column("asset_id")).combine_chunks()])
    ends = np.cumsum(pc.list_value_length(rows.column("asset_id")).to_numpy())
    found = {}
    for number, assets in enumerate(np.split(codes, ends[:-1])):
        n, row = len(assets), {name: rows.column(name)[number] for name in READ}
        styles = [f.name for f in factor_sets[row["factor_set"].as_py()] if f.kind is Kind.STYLE]
        caps = _floats(row["cap"]) if row["cap"].is_valid else np.ones(n)
        given = _floats(row["weight_column"]) if row["weight_column"].is_valid or not n else None  # null, too, without assets
        inside = row["in_estimation"].values.to_numpy(zero_copy_only=False).astype(bool)
        weights = regression_weights(weighting, caps, given, inside)
        section = _Section(assets, weights, styles, _floats(row["styles"]).reshape(n, len(styles)))
        found[rows.column("position")[number].as_py()] = section
    return found


def _floats(cell: pa.ListScalar) -> Floats:
    values: Floats = np.array([]) if cell.values is None else cell.values.to_numpy(zero_copy_only=False).astype(float)
    return values


_TYPES = (pa.date32(), pa.string(), pa.date32(), pa.float64(), pa.int32(), pa.string())
