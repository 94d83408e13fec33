"""Industry shares on Spark: each packed row of prices goes to its chunk, each record of a segment to the chunks on whose dates its
period is the company's newest: one chunk, or a few.
"""

from collections.abc import Sequence
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from sigmalake.engines.spark.listed_rows import listed_rows
from sigmalake.engines.spark.parts import by_part, of_part, unpacked_days
from sigmalake.tasks.chunks import Chunk, rows_read
from sigmalake.tasks.industry_shares import PRICE_ROWS, SEGMENTS, ComputeIndustryShares

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
    task = ComputeIndustryShares(calendar, chunks, max_age)
    spark = prices.sparkSession
    read = listed_rows(spark, rows_read(calendar, chunks), "date date, chunk int, position int")
    spans = [(n, calendar[chunk.first], calendar[chunk.last]) for n, chunk in enumerate(chunks)]
    of_dates = prices.join(F.broadcast(read), "date").select("chunk", "position", "date", *_filled(_PRICES))
    known = _by_day(_counting(segments), listed_rows(spark, spans, "chunk int, first date, last date"))
    records = known.select("chunk", F.lit(None).cast("int").alias("position"), "date", *_filled(_RECORDS))
    sent = of_dates.unionByName(records)
    return by_part(sent, len(chunks)).applyInArrow(of_part(task, _by_role), task.into.schema_sql())


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


def _by_role(rows: pa.Table) -> dict[str, pa.Table]:
    of_prices = rows.column("position").is_valid()
    segments = unpacked_days(rows.filter(pc.invert(of_prices)), "known_at", _RECORDS)
    return {PRICE_ROWS: rows.filter(of_prices), SEGMENTS: segments}
