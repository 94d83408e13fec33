"""Checked rows of prices become a row a date; figures of the accounts and segments stay as they are, each once."""

from collections.abc import Mapping, Sequence
from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from sigmalake.engines.spark.listed_rows import listed_rows
from sigmalake.engines.spark.sources.checking import accepted
from sigmalake.tasks.packing.packed_prices import FIGURE_KEY, SEGMENT_KEY

DATES_A_FILE = 64
_NUMBERS = ("ret", "cap", "traded_value")


def pack_prices(rows: DataFrame, hashes: Mapping[date, str], *, has_caps: bool, has_volumes: bool) -> DataFrame:
    """The rows of `prices` for these dates; a date of which no row can be used has empty arrays.

    Grouped in the JVM, in two shuffles: by asset and date, to see copies, and by date.

    Args:
        rows: checked prices.
        hashes: of the rows to make.
        has_caps: whether the source has caps; else the array is null as a whole.
        has_volumes: the same of values traded.
    """
    planned = listed_rows(rows.sparkSession, sorted(hashes.items()), "date date, inputs_hash string")
    asked = rows.join(F.broadcast(planned.select("date")), "date")
    asset = F.struct("asset_id", *_NUMBERS, "in_estimation")
    usable = each_once(asked, ("date", "asset_id"), (*_NUMBERS, "in_estimation")).select("date", asset.alias("asset"))
    union = usable.unionByName(planned.select("date"), allowMissingColumns=True)
    packed = union.groupBy("date").agg(F.array_sort(F.collect_list("asset")).alias("a")).join(F.broadcast(planned), "date")
    given = {"ret": True, "cap": has_caps, "traded_value": has_volumes}
    arrays = [(F.col(f"a.{name}") if there else F.lit(None).cast("array<double>")).alias(name) for name, there in given.items()]
    ids, flags = F.col("a.asset_id").alias("asset_id"), F.col("a.in_estimation").alias("in_estimation")
    chosen = packed.select("date", "inputs_hash", F.size("a").alias("n_assets"), ids, *arrays, flags)
    return chosen.repartitionByRange(-(-len(hashes) // DATES_A_FILE), "date").sortWithinPartitions("date")


def usable_figures(rows: DataFrame) -> DataFrame:
    """The figures as `compute_descriptors` takes them: asset_id, item, known_at, period_end, value."""
    return each_once(rows, FIGURE_KEY, ("value",)).withColumnRenamed("date", "known_at")


def usable_segments(rows: DataFrame) -> DataFrame:
    """The segments as `compute_industry_shares` takes them: asset_id, industry, known_at, period_end, assets, sales."""
    return each_once(rows, SEGMENT_KEY, ("assets", "sales")).withColumnRenamed("date", "known_at")


def each_once(rows: DataFrame, key: Sequence[str], columns: Sequence[str]) -> DataFrame:
    """The rows without problems: of equal copies one, of unequal ones none."""
    carried = [F.first(column).alias(column) for column in columns]
    grouped = accepted(rows).groupBy(*key).agg(F.min("row_hash").alias("low"), F.max("row_hash").alias("top"), *carried)
    return grouped.where("low = top").drop("low", "top")
