"""Descriptors on Spark: each packed row of prices goes to the chunks whose windows hold it, each day of fundamentals to every chunk
that ends after it.
"""

from collections.abc import Sequence
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from sigmalake.engines.spark.listed_rows import listed_rows
from sigmalake.engines.spark.parts import by_part, of_part, unpacked_days
from sigmalake.numerics.descriptors.fundamentals import ITEMS
from sigmalake.numerics.descriptors.library import DescriptorRules
from sigmalake.tasks.chunks import Chunk, rows_read
from sigmalake.tasks.descriptors import FIGURES, PRICE_ROWS, ComputeDescriptors

_ARRAYS = {  # of the packed rows that tasks get: prices, or one day's fundamentals
    "asset_id": "array<string>", "ret": "array<double>", "cap": "array<double>", "traded_value": "array<double>",
    "in_estimation": "array<boolean>", "item": "array<string>", "period_end": "array<date>", "value": "array<double>",
}  # fmt: skip
_PRICES = ("asset_id", "ret", "cap", "traded_value", "in_estimation")
_RECORDS = ("asset_id", "item", "period_end", "value")


def compute_descriptors(
    prices: DataFrame, fundamentals: DataFrame, calendar: Sequence[date], chunks: Sequence[Chunk], rules: DescriptorRules
) -> DataFrame:
    """The rows of `descriptors`.

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
    task = ComputeDescriptors(calendar, chunks, rules)
    spark = prices.sparkSession
    read = listed_rows(spark, rows_read(calendar, chunks), "date date, chunk int, position int")
    ends = [(number, calendar[chunk.last]) for number, chunk in enumerate(chunks)]
    until = listed_rows(spark, ends, "chunk int, last date")
    history = prices.join(F.broadcast(read), "date").select("chunk", "position", "date", *_filled(_PRICES))
    known = _by_day(fundamentals).join(F.broadcast(until), F.col("date") <= F.col("last"))
    figures = known.select("chunk", F.lit(None).cast("int").alias("position"), "date", *_filled(_RECORDS))
    sent = history.unionByName(figures)
    return by_part(sent, len(chunks)).applyInArrow(of_part(task, _by_role), task.into.schema_sql())


def _filled(given: Sequence[str]) -> list[F.Column]:
    return [(F.col(name) if name in given else F.lit(None)).cast(kind).alias(name) for name, kind in _ARRAYS.items()]


def _by_day(fundamentals: DataFrame) -> DataFrame:
    figures = F.collect_list(F.struct(*_RECORDS)).alias("f")
    by_day = fundamentals.where(F.col("item").isin(*ITEMS)).groupBy(F.col("known_at").alias("date")).agg(figures)
    return by_day.select("date", *(F.col(f"f.{name}").alias(name) for name in _RECORDS))


def _by_role(rows: pa.Table) -> dict[str, pa.Table]:
    of_prices = rows.column("position").is_valid()
    figures = unpacked_days(rows.filter(pc.invert(of_prices)), "known_at", _RECORDS)
    return {PRICE_ROWS: rows.filter(of_prices), FIGURES: figures}
