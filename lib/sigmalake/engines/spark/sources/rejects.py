"""The rows that the model cannot use, with their reasons."""

from collections.abc import Collection
from datetime import date
from functools import reduce

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from sigmalake.engines.spark.listed_rows import listed_rows
from sigmalake.tasks.sources.checking import Reason


def rejected_rows(rows: DataFrame, half: str, source: str, dates: Collection[date], conflicts: DataFrame | None) -> DataFrame:
    """The rows of `rejected_rows` for one source: those with problems, and those that packing rejected.

    Args:
        rows: the source's checked rows.
        half: which half of a panel row it feeds.
        source: its name.
        dates: dates asked for; rows whose date is unreadable belong to none and are always there.
        conflicts: what packing rejected, or None.
    """
    asked = F.broadcast(listed_rows(rows.sparkSession, [(day,) for day in sorted(dates)], "asked date"))
    wrong = rows.where(~F.col("usable")).join(asked, F.col("date") == F.col("asked"), "left")
    wrong = wrong.where(F.col("date").isNull() | F.col("asked").isNotNull())
    found = [wrong] if conflicts is None else [wrong, conflicts.where(F.col("half") == half)]
    columns = ("date", "asset_id", "row_hash", "source_rows", "problems")
    numbered = reduce(DataFrame.unionByName, (_numbered(rows.select(*columns)) for rows in found))
    listed = numbered.select("date", "asset_id", "row_hash", "source_rows", "copy", F.inline("problems"))
    return listed.select(
        F.lit(source).alias("source"), F.hex("row_hash").alias("row_hash"), "copy", "column", "reason", "date",
        F.nullif("asset_id", F.lit("")).alias("asset_id"), "value", F.col("source_rows").cast("int").alias("source_rows"),
    ).dropDuplicates(["source", "row_hash", "copy", "column", "reason", "date"])  # fmt: skip


def problem_counts(rows: DataFrame) -> list[tuple[str, str, int, str | None]]:
    """The problems of a source, most frequent first: column, reason, rows, and a value seen."""
    found = (
        rows.select(F.inline("problems")).groupBy("column", "reason").agg(F.count("*").alias("n"), F.min("value").alias("value"))
    )
    return [(r["column"], r["reason"], r["n"], r["value"]) for r in found.orderBy(F.desc("n"), "column", "reason").collect()]


def worst_problems(rows: DataFrame) -> str:
    """The most frequent problems of a source as a message tells them."""
    found = problem_counts(rows)[:3]
    listed = [
        f"{n} with {column} {reason}" + (f" (e.g. {value!r})" if value is not None else "") for column, reason, n, value in found
    ]
    if any(reason == Reason.NOT_A_DATE for _, reason, _, _ in found):
        listed.append("a date is YYYY-MM-DD, or a timestamp at midnight UTC")
    return "; ".join(listed)


def _numbered(rows: DataFrame) -> DataFrame:
    """Rows that are equal to the last byte are told apart by a number."""
    return rows.withColumn("copy", F.row_number().over(Window.partitionBy("row_hash").orderBy("row_hash")))
