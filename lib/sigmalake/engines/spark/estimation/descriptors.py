"""Raw descriptors as of each date, in parallel: chunks of as-of dates, each with the rows of its windows before it.

The driver ships the calendar's as-of dates and the rules. Each packed row goes to the chunks whose windows hold it, each day of
fundamentals to every chunk that ends after it. A task holds four arrays of (look_back + dates of the chunk) x N numbers and the
fundamentals known until its last date, and gives back one row a date.
"""

from collections.abc import Callable, Sequence
from datetime import date
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from sigmalake.engines.spark.estimation.chunks import Chunk, by_chunk, lengths, lists, ranked_ids, rows_read
from sigmalake.engines.spark.listed_rows import listed_rows
from sigmalake.numerics.descriptors.fundamentals import ITEMS
from sigmalake.numerics.descriptors.library import DESCRIPTORS, DescriptorRules
from sigmalake.numerics.descriptors.point_in_time import KnownRecords
from sigmalake.numerics.descriptors.prices import PriceHistory
from sigmalake.numerics.descriptors.turnover import turnover
from sigmalake.numerics.types import Bools, Floats, Ints

_SCHEMA = pa.schema(
    [("date", pa.date32()), ("inputs_hash", pa.string()), ("asset_id", pa.list_(pa.string()))]
    + [(name, pa.list_(pa.float64())) for name in DESCRIPTORS]
)
_SQL_SCHEMA = ", ".join(["date date", "inputs_hash string", "asset_id array<string>", *(f"{d} array<double>" for d in DESCRIPTORS)])
_ARRAYS = {  # of the packed rows that tasks get: prices, or one day's fundamentals
    "asset_id": "array<string>", "ret": "array<double>", "cap": "array<double>", "traded_value": "array<double>",
    "in_estimation": "array<boolean>", "item": "array<string>", "period_end": "array<date>", "value": "array<double>",
}  # fmt: skip
_PRICES = ("asset_id", "ret", "cap", "traded_value", "in_estimation")
_RECORDS = ("asset_id", "item", "period_end", "value")


def compute_descriptors(
    prices: DataFrame, fundamentals: DataFrame, calendar: Sequence[date], chunks: Sequence[Chunk], rules: DescriptorRules
) -> DataFrame:
    """A row an as-of date: date, inputs_hash, asset_id and an array a descriptor, null where missing.

    Args:
        prices: a row a date with date, asset_id (each once, the coverage known at the date), ret, cap, traded_value (in
            the caps' currency), in_estimation: parallel arrays of finite numbers, null elements where missing; `cap` or
            `traded_value` null as a whole where the model has none, and then every cap weighs 1 in the market.
        fundamentals: a row a figure with asset_id, item, known_at and period_end (dates), value (null withdraws it);
            checked: finite, and none contradicts another of its day. Items that are not of `ITEMS` are not read.
        calendar: dates of `prices`, ascending: a position is an index into it.
        chunks: what to compute, with `rules.prices.look_back` rows for each as-of date.
        rules: windows and ages.
    """
    spark = prices.sparkSession
    read = listed_rows(spark, rows_read(calendar, chunks), "date date, chunk int, position int")
    ends = [(number, calendar[chunk.last]) for number, chunk in enumerate(chunks)]
    until = listed_rows(spark, ends, "chunk int, last date")
    history = prices.join(F.broadcast(read), "date").select("chunk", "position", "date", *_filled(_PRICES))
    known = _by_day(fundamentals).join(F.broadcast(until), F.col("date") <= F.col("last"))
    figures = known.select("chunk", F.lit(None).cast("int").alias("position"), "date", *_filled(_RECORDS))
    sent = history.unionByName(figures)
    return by_chunk(sent, len(chunks)).applyInArrow(_computing(calendar, chunks, rules), _SQL_SCHEMA)


def _filled(given: Sequence[str]) -> list[F.Column]:
    return [(F.col(name) if name in given else F.lit(None)).cast(kind).alias(name) for name, kind in _ARRAYS.items()]


def _by_day(fundamentals: DataFrame) -> DataFrame:
    figures = F.collect_list(F.struct(*_RECORDS)).alias("f")
    by_day = fundamentals.where(F.col("item").isin(*ITEMS)).groupBy(F.col("known_at").alias("date")).agg(figures)
    return by_day.select("date", *(F.col(f"f.{name}").alias(name) for name in _RECORDS))


def _computing(calendar: Sequence[date], chunks: Sequence[Chunk], rules: DescriptorRules) -> Callable[[pa.Table], pa.Table]:
    def compute(rows: pa.Table) -> pa.Table:
        return describe_chunk(rows, chunks[rows.column("chunk")[0].as_py()], calendar, rules)

    return compute


def describe_chunk(rows: pa.Table, chunk: Chunk, calendar: Sequence[date], rules: DescriptorRules) -> pa.Table:
    """The rows of one chunk, from the packed prices of its windows and the fundamentals known until its last date."""
    of_prices = rows.column("position").is_valid()
    history = rows.filter(of_prices).sort_by("position").combine_chunks()
    window = _read_window(history, chunk.first)
    positions = np.array([row.position for row in chunk.as_of], dtype=np.int64)
    at = positions - chunk.first
    days = np.array([calendar[position] for position in positions], dtype="datetime64[D]").astype(np.int64)
    items = _read_records(rows.filter(pc.invert(of_prices)), window.asset_ids)
    raw = (
        *rules.prices.compute(window.prices, at),
        *rules.fundamentals.compute(items, window.prices.caps[at], days),
    )
    covered = [np.flatnonzero(window.covered[row]) for row in at]
    counts = [len(assets) for assets in covered]
    as_of, asset = np.repeat(np.arange(at.size), counts), np.concatenate(covered)
    columns = [
        pa.array([calendar[position] for position in positions], pa.date32()),
        pa.array([row.inputs_hash for row in chunk.as_of], pa.string()),
        lists(pa.array(window.asset_ids, pa.string()).take(pa.array(asset)), counts),
        *(lists(pa.array(values[as_of, asset], from_pandas=True), counts) for values in raw),
    ]
    return pa.table(columns, schema=_SCHEMA)


class _Window(NamedTuple):
    asset_ids: list[str]  # (N,) every asset of the window, ascending
    covered: Bools  # (R, N) in the row's coverage
    prices: PriceHistory  # (R, N) each


def _read_window(history: pa.Table, first: int) -> _Window:
    ids, asset = ranked_ids(pc.list_flatten(history.column("asset_id")).chunks)
    at = history.column("position").to_numpy() - first
    cells = np.repeat(at, lengths(history, "asset_id")), asset
    shape = int(at[-1]) + 1, len(ids)
    covered = np.zeros(shape, dtype=np.bool_)
    covered[cells] = True
    caps = _matrix(history, "cap", cells, shape)
    without = np.zeros(shape[0], dtype=np.bool_)
    without[at] = history.column("cap").is_null().to_numpy()
    prices = PriceHistory(
        returns=_matrix(history, "ret", cells, shape),
        caps=caps,
        market_caps=np.where(without[:, None], 1.0, caps),
        turnovers=turnover(_matrix(history, "traded_value", cells, shape), caps),
        in_estimation=_matrix(history, "in_estimation", cells, shape) == 1.0,
    )
    return _Window(ids, covered, prices)


def _matrix(history: pa.Table, column: str, cells: tuple[Ints, Ints], shape: tuple[int, int]) -> Floats:
    """(R, N) the numbers of a column of arrays; NaN where null, as an element or as a whole."""
    matrix = np.full(shape, np.nan)
    given = np.repeat(history.column(column).is_valid().to_numpy(), lengths(history, "asset_id"))
    rows, assets = cells
    matrix[rows[given], assets[given]] = pc.list_flatten(history.column(column)).cast(pa.float64()).to_numpy()
    return matrix


def _read_records(days: pa.Table, asset_ids: Sequence[str]) -> dict[str, KnownRecords]:
    """The figures of the window's assets, by item; days count from 1970."""
    asset = pc.index_in(pc.list_flatten(days.column("asset_id")), pa.array(asset_ids, pa.string()))
    of_window = asset.is_valid().to_numpy()
    known_at = days.column("date").cast(pa.int32()).to_numpy().astype(np.int64)
    figures = KnownRecords(
        asset=asset.fill_null(0).to_numpy().astype(np.int64),
        known_at=np.repeat(known_at, lengths(days, "asset_id")),
        period_end=pc.list_flatten(days.column("period_end")).cast(pa.int32()).to_numpy().astype(np.int64),
        values=pc.list_flatten(days.column("value")).to_numpy(),
    )
    item = pc.list_flatten(days.column("item")).to_numpy()
    return {name: figures.only(of_window & (item == name)) for name in ITEMS}
