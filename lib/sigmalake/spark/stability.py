"""Each style's correlation with itself a month before: chunks of dates, each with the rows that they look back to.

The driver ships the calendar's dates and the factor sets. A panel row goes to the chunk of its own date and to that of the date
a month later, mostly the same; a task holds one chunk, and gives back a row a style and date.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from sigmalake.numerics.arrays import Floats, Ints
from sigmalake.numerics.exposure_stability import exposure_stability
from sigmalake.numerics.exposures import Factor, Kind
from sigmalake.numerics.regression_rules import Weighting
from sigmalake.numerics.regression_weights import regression_weights
from sigmalake.spark.chunks import AsOf, Chunk, by_chunk, chunks_of, first_row
from sigmalake.tables.long import EXPOSURE_STABILITY

MONTH = 21  # periods of the calendar
DATES_A_CHUNK = 126  # with the 21 before them; few dates send most rows twice, many are memory

READ = ("exposure_date", "factor_set", "asset_id", "cap", "weight_column", "in_estimation", "styles")


def stability_rows(
    panel: DataFrame,
    calendar: Sequence[date],
    hashes: Mapping[date, str],
    weighting: Weighting,
    factor_sets: Mapping[str, Sequence[Factor]],
) -> DataFrame:
    """The rows of `exposure_stability` of some dates.

    Args:
        panel: its rows of at least these dates and of those a month before.
        calendar: exposure dates, ascending.
        hashes: the dates to compute, none of the calendar's first `MONTH`, with the hash that their rows carry.
        weighting: the regression's.
        factor_sets: what the arrays by factor mean.
    """
    as_of = [
        AsOf("", position, hashes[day], first_row(position, MONTH + 1)) for position, day in enumerate(calendar) if day in hashes
    ]
    chunks = chunks_of(as_of, DATES_A_CHUNK)
    needed = [
        (calendar[position], number, position)
        for number, chunk in enumerate(chunks)
        for position in sorted({at for row in chunk.as_of for at in (row.position, row.position - MONTH)})
    ]
    wanted = panel.sparkSession.createDataFrame(needed, "exposure_date date, chunk int, position int")
    sent = panel.select(*READ).join(F.broadcast(wanted), "exposure_date")
    correlate = _correlating(calendar, chunks, weighting, factor_sets)
    return by_chunk(sent, len(chunks)).applyInArrow(correlate, EXPOSURE_STABILITY.schema_sql())


def _correlating(
    calendar: Sequence[date], chunks: Sequence[Chunk], weighting: Weighting, factor_sets: Mapping[str, Sequence[Factor]]
) -> Callable[[pa.Table], pa.Table]:
    def correlate(rows: pa.Table) -> pa.Table:
        chunk = chunks[rows.column("chunk")[0].as_py()]
        return correlate_chunk(rows, chunk, calendar, weighting, factor_sets)

    return correlate


def correlate_chunk(
    rows: pa.Table,
    chunk: Chunk,
    calendar: Sequence[date],
    weighting: Weighting,
    factor_sets: Mapping[str, Sequence[Factor]],
) -> pa.Table:
    """The rows of `exposure_stability` for one chunk, from the panel rows of its dates and of those a month before."""
    sections = _sections(rows, weighting, factor_sets)
    found = []
    for row in chunk.as_of:
        now, before = sections[row.position], sections[row.position - MONTH]
        styles = [style for style in now.styles if style in before.styles]
        _, here, there = np.intersect1d(now.assets, before.assets, assume_unique=True, return_indices=True)
        one, other = (
            section.exposures[at][:, [section.styles.index(style) for style in styles]]
            for section, at in ((now, here), (before, there))
        )
        stability = exposure_stability(one, other, now.weights[here])
        for style, correlation in zip(styles, stability.correlation.tolist(), strict=True):
            told = None if np.isnan(correlation) else correlation
            dates = calendar[row.position], calendar[row.position - MONTH]
            found.append((dates[0], style, dates[1], told, stability.n_common, row.inputs_hash))
    columns = list(zip(*found, strict=True)) or [()] * len(_TYPES)
    return pa.table([pa.array(column, kind) for column, kind in zip(columns, _TYPES, strict=True)], EXPOSURE_STABILITY.column_names)


class _Section(NamedTuple):
    """One date's styles."""

    assets: Ints  # (N,) codes, each once
    weights: Floats  # (N,)
    styles: list[str]
    exposures: Floats  # (N, S)


def _sections(rows: pa.Table, weighting: Weighting, factor_sets: Mapping[str, Sequence[Factor]]) -> dict[int, _Section]:
    """By position. Ids become integers in Arrow."""
    rows = rows.combine_chunks()
    codes = pc.list_flatten(rows.column("asset_id")).combine_chunks().dictionary_encode().indices.to_numpy().astype(np.int64)
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
