"""The floor of each stage: what Spark and Delta need to read its input, hand it to Python, take as much back and write it.

Nothing is computed: numbers of the input go back in arrays of the output's shape. Plain appends to tables without constraints.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from sigmalake.engines.spark.session import fit_batches

FLAT_ROW_BYTES = 256
ASSET_BYTES = 64
_FIT = ", ".join(f"{name} array<double>" for name in ("factor_return", "std_error", "specific_return", "fitted_return", "weight"))
_MODEL = "date date, factor_cov array<double>, asset_id array<string>, specific_var array<double>, n_obs array<int>"


def ingest_floor(spark: SparkSession, panel: Path, to: Path, n_files: int) -> None:
    """Read the source, shuffle it once by date, write it."""
    fit_batches(spark, FLAT_ROW_BYTES)
    spark.read.parquet(str(panel)).repartition(n_files, "date").write.format("delta").save(str(to / "panel"))


def regress_floor(spark: SparkSession, lake: Path, to: Path, n_factors: int, row_bytes: int) -> None:
    """Read the panel, hand it to a pandas UDF, write the packed rows, and from them the two long tables."""

    names = [field.split()[0] for field in _FIT.split(", ")]

    def same_size(batches: Iterator[tuple[pd.Series, ...]]) -> Iterator[pd.DataFrame]:
        for ret, cap, styles, *_ in batches:
            few = [row[:n_factors] for row in styles]
            yield pd.DataFrame(dict(zip(names, (few, few, ret, cap, cap), strict=True)))

    fit_batches(spark, row_bytes)
    rows = spark.read.format("delta").load(str(lake / "panel")).where("return_date is not null")
    inputs = ("ret", "cap", "styles", "in_estimation", "member_assets", "member_factors", "member_shares")
    fitted = rows.withColumn("fit", F.pandas_udf(same_size, _FIT)(*inputs)).select(
        F.col("return_date").alias("date"), "factor_set", "fit.*", "asset_id", "in_estimation"
    )
    _append(fitted, to / "cross_sections")
    fit_batches(spark, ASSET_BYTES * row_bytes // (ASSET_BYTES + 8 * n_factors))
    packed = spark.read.format("delta").load(str(to / "cross_sections"))
    by_factor = packed.select("date", F.posexplode(F.arrays_zip("factor_return", "std_error")).alias("position", "f"))
    _append(by_factor.select("date", "position", "f.*"), to / "factor_returns")
    by_asset = F.arrays_zip("asset_id", "specific_return", "fitted_return", "in_estimation", "weight")
    _append(packed.select("date", F.inline(by_asset)), to / "specific_returns")


def risk_floor(spark: SparkSession, lake: Path, to: Path, n_factors: int, row_bytes: int) -> None:
    """Read the cross-sections, hand each row to Python once, write the packed rows, and from them the long tables."""
    n_pairs = n_factors * (n_factors + 1) // 2

    def same_size(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            specific = batch.column("specific_return")
            sizes = np.diff(specific.offsets.to_numpy())
            numbers = specific.flatten()
            pairs = pa.array(np.resize(numbers.to_numpy(zero_copy_only=False), n_pairs * batch.num_rows))
            ends = pa.array(np.arange(batch.num_rows + 1) * n_pairs, pa.int32())
            counts = pa.array(np.full(int(sizes.sum()), 1), pa.int32())
            columns = [
                batch.column("date"),
                pa.ListArray.from_arrays(ends, pairs),
                batch.column("asset_id"),
                specific,
                pa.ListArray.from_arrays(specific.offsets, counts),
            ]
            yield pa.RecordBatch.from_arrays(columns, ["date", "factor_cov", "asset_id", "specific_var", "n_obs"])

    fit_batches(spark, row_bytes)
    rows = spark.read.format("delta").load(str(lake / "cross_sections"))
    models = rows.select("date", "factor_return", "asset_id", "specific_return").mapInArrow(same_size, _MODEL)
    _append(models, to / "risk_models")
    packed = spark.read.format("delta").load(str(to / "risk_models"))
    names = [f"factor_{number:03}" for number in range(n_factors)]
    long = packed.select(F.lit("short").alias("variant"), "date", F.posexplode("factor_cov").alias("pair", "covariance"))
    named = F.broadcast(_pair_names(spark, names))
    _append(long.join(named, "pair").drop("pair"), to / "factor_covariance")
    by_asset = F.arrays_zip("asset_id", "specific_var", "n_obs")
    _append(packed.select(F.lit("short").alias("variant"), "date", F.inline(by_asset)), to / "specific_risk")


def covariance_floor(spark: SparkSession, to: Path, n_assets: int) -> None:
    """Write as many rows as V has, of two ids and a number."""
    cell = F.col("id")
    ids = [F.concat(F.lit("A"), F.lpad(part.cast("string"), 6, "0")) for part in (F.floor(cell / n_assets), cell % n_assets)]
    rows = spark.range(n_assets * n_assets).select(
        F.lit("short").alias("variant"), F.lit("2020-01-01").cast("date").alias("date"), ids[0].alias("asset_1"),
        ids[1].alias("asset_2"), (F.rand(1) * 1e-4).alias("covariance"),
    )  # fmt: skip
    _append(rows, to / "asset_covariance")


def _pair_names(spark: SparkSession, names: list[str]) -> DataFrame:
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i:]]
    return spark.createDataFrame([(n, *pair) for n, pair in enumerate(pairs)], "pair int, factor_1 string, factor_2 string")


def _append(rows: DataFrame, to: Path) -> None:
    rows.write.format("delta").mode("append").save(str(to))
