"""Industry shares as of each date, in parallel: chunks of as-of dates, each with their prices and the segments that count on them.

The driver ships the calendar's as-of dates. Each packed row of prices goes to its chunk, each record of a segment to the chunks on
whose dates its period is the company's newest: one chunk, or a few. A task holds the records of its dates (some 15,000 live ones
of 3,000 companies, and those that replace them within the chunk), and gives back one row a date.
"""

from collections.abc import Callable, Sequence
from datetime import date
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from sigmalake.engines.spark.estimation.chunks import Chunk, by_chunk, lengths, lists, rows_read
from sigmalake.engines.spark.listed_rows import listed_rows
from sigmalake.numerics.descriptors.segments import KnownShares, SegmentRecords, known_shares
from sigmalake.numerics.types import Bools, Floats, Ints

_SCHEMA = pa.schema({
    "date": pa.date32(), "inputs_hash": pa.string(), "n_assets": pa.int32(),
    "asset_id": pa.list_(pa.string()), "industry": pa.list_(pa.string()), "share": pa.list_(pa.float64()),
    "priced_industry": pa.list_(pa.string()), "per_asset": pa.list_(pa.float64()), "per_sale": pa.list_(pa.float64()),
    "unpriced": pa.list_(pa.string()),
})  # fmt: skip
_SQL_SCHEMA = (
    "date date, inputs_hash string, n_assets int, asset_id array<string>, industry array<string>, share array<double>, "
    "priced_industry array<string>, per_asset array<double>, per_sale array<double>, unpriced array<string>"
)
_ARRAYS = {  # of the packed rows that tasks get: a date's prices, or what became known of segments on a day
    "asset_id": "array<string>", "cap": "array<double>", "in_estimation": "array<boolean>",
    "industry": "array<string>", "period_end": "array<date>", "assets": "array<double>", "sales": "array<double>",
}  # fmt: skip
_PRICES = ("asset_id", "cap", "in_estimation")
_RECORDS = ("asset_id", "industry", "period_end", "assets", "sales")


def compute_industry_shares(
    prices: DataFrame, segments: DataFrame, calendar: Sequence[date], chunks: Sequence[Chunk], *, max_age: int
) -> DataFrame:
    """The rows of `industry_shares`, one an as-of date, of the companies that have prices and segments on it.

    Args:
        prices: a row a date with date, asset_id (each once, ascending), cap, in_estimation: parallel arrays, null where missing.
        segments: a row a record with asset_id, industry, known_at and period_end (dates), assets, sales (null: unknown); checked:
            finite, >= 0, and none contradicts another of its day.
        calendar: dates of `prices`, ascending: a position is an index into it.
        chunks: what to compute; an as-of date reads its own row of prices alone.
        max_age: days for which a company's segments count after they became known.
    """
    spark = prices.sparkSession
    read = listed_rows(spark, rows_read(calendar, chunks), "date date, chunk int, position int")
    spans = [(n, calendar[chunk.first], calendar[chunk.last]) for n, chunk in enumerate(chunks)]
    of_dates = prices.join(F.broadcast(read), "date").select("chunk", "position", "date", *_filled(_PRICES))
    known = _by_day(_counting(segments), listed_rows(spark, spans, "chunk int, first date, last date"))
    records = known.select("chunk", F.lit(None).cast("int").alias("position"), "date", *_filled(_RECORDS))
    sent = of_dates.unionByName(records)
    return by_chunk(sent, len(chunks)).applyInArrow(_computing(calendar, chunks, max_age), _SQL_SCHEMA)


def _filled(given: Sequence[str]) -> list[F.Column]:
    return [(F.col(name) if name in given else F.lit(None)).cast(kind).alias(name) for name, kind in _ARRAYS.items()]


def _counting(segments: DataFrame) -> DataFrame:
    """The records with `until`, the day from which the company's next period is known; null: none is yet."""
    later = Window.partitionBy("asset_id").orderBy(F.unix_date("period_end")).rangeBetween(1, Window.unboundedFollowing)
    return segments.withColumn("until", F.min("known_at").over(later))


def _by_day(segments: DataFrame, spans: DataFrame) -> DataFrame:
    """What became known on a day, for each chunk with a date on which it counts."""
    counts = (F.col("known_at") <= F.col("last")) & (F.col("until").isNull() | (F.col("until") > F.col("first")))
    sent = segments.join(F.broadcast(spans), counts & (F.col("until").isNull() | (F.col("until") > F.col("known_at"))))
    by_day = sent.groupBy("chunk", F.col("known_at").alias("date")).agg(F.collect_list(F.struct(*_RECORDS)).alias("s"))
    return by_day.select("chunk", "date", *(F.col(f"s.{name}").alias(name) for name in _RECORDS))


def _computing(calendar: Sequence[date], chunks: Sequence[Chunk], max_age: int) -> Callable[[pa.Table], pa.Table]:
    def compute(rows: pa.Table) -> pa.Table:
        return shares_of_chunk(rows, chunks[rows.column("chunk")[0].as_py()], calendar, max_age=max_age)

    return compute


def shares_of_chunk(rows: pa.Table, chunk: Chunk, calendar: Sequence[date], *, max_age: int) -> pa.Table:
    """The rows of one chunk, from the packed prices of its dates and the segments that count on them."""
    of_prices = rows.column("position").is_valid()
    segments = _read_segments(rows.filter(pc.invert(of_prices)))
    prices = rows.filter(of_prices)
    row_of = {position: row for row, position in enumerate(prices.column("position").to_pylist())}
    days = pa.array([calendar[asked.position] for asked in chunk.as_of], pa.date32())
    found = []
    for asked, day in zip(chunk.as_of, days.cast(pa.int32()).to_pylist(), strict=True):
        universe = _read_universe(prices.slice(row_of[asked.position], 1))
        found.append(_row(_shares_as_of(segments, universe, day, max_age), universe, segments.industries))
    columns = [
        days,
        pa.array([asked.inputs_hash for asked in chunk.as_of], pa.string()),
        pa.array([len(row.asset_id.unique()) for row in found], pa.int32()),
        *(lists(pa.concat_arrays(parts), [len(part) for part in parts]) for parts in zip(*found, strict=True)),
    ]
    return pa.table(columns, schema=_SCHEMA)


class _Segments(NamedTuple):
    asset_ids: pa.Array  # of the records' companies
    industries: pa.Array  # ascending
    records: SegmentRecords


class _Universe(NamedTuple):
    asset_ids: pa.Array  # (N,) ascending
    caps: Floats  # (N,)
    in_estimation: Bools  # (N,)


def _read_segments(days: pa.Table) -> _Segments:
    """The records of a chunk; days count from 1970."""
    flat = {name: pc.list_flatten(days.column(name)) for name in _RECORDS}
    asset = flat["asset_id"].combine_chunks().dictionary_encode()
    industries = pa.array(sorted(flat["industry"].unique().to_pylist()), pa.string())
    known_at = days.column("date").cast(pa.int32()).to_numpy().astype(np.int64)
    records = SegmentRecords(
        asset=asset.indices.to_numpy().astype(np.int64),
        industry=pc.index_in(flat["industry"], industries).to_numpy().astype(np.int64),
        known_at=np.repeat(known_at, lengths(days, "asset_id")),
        period_end=flat["period_end"].cast(pa.int32()).to_numpy().astype(np.int64),
        assets=flat["assets"].to_numpy(),
        sales=flat["sales"].to_numpy(),
    )
    return _Segments(asset.dictionary, industries, records)


def _read_universe(row: pa.Table) -> _Universe:
    ids = pc.list_flatten(row.column("asset_id")).combine_chunks()
    caps = pc.list_flatten(row.column("cap")).cast(pa.float64()).to_numpy()
    flags = pc.list_flatten(row.column("in_estimation")).fill_null(False).to_numpy()
    return _Universe(ids, caps, flags.astype(np.bool_))


def _shares_as_of(segments: _Segments, universe: _Universe, as_of: int, max_age: int) -> KnownShares:
    place = pc.index_in(segments.asset_ids, universe.asset_ids).fill_null(-1).to_numpy().astype(np.int64)
    at: Ints = place[segments.records.asset]
    of_universe = segments.records._replace(asset=at).only(at >= 0)
    return known_shares(of_universe, as_of, universe.caps, universe.in_estimation, max_age=max_age)


class _Row(NamedTuple):
    """The arrays of a row of `industry_shares`: company after company, the industries of each in their order."""

    asset_id: pa.Array
    industry: pa.Array
    share: pa.Array
    priced_industry: pa.Array
    per_asset: pa.Array
    per_sale: pa.Array
    unpriced: pa.Array


def _row(shares: KnownShares, universe: _Universe, industries: pa.Array) -> _Row:
    fitted, names = shares.fitted, industries.take(pa.array(shares.industries))
    asset, industry = np.nonzero(np.nan_to_num(fitted.shares))
    return _Row(
        asset_id=universe.asset_ids.take(pa.array(asset)),
        industry=names.take(pa.array(industry)),
        share=pa.array(fitted.shares[asset, industry]),
        priced_industry=names,
        per_asset=pa.array(fitted.per_asset, from_pandas=True),
        per_sale=pa.array(fitted.per_sale, from_pandas=True),
        unpriced=universe.asset_ids.filter(pa.array(fitted.unpriced)),
    )
