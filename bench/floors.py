"""The floor of each stage: what Spark and Delta need to read its input, hand it to Python, take as much back and write it.

Nothing is computed: numbers and ids of the input go back in columns of the output's declared types and sizes. Packed rows are
handed over by a pandas UDF where the stage does so, and all others as Arrow batches. Tables are appended to, without constraints.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
from bench.sizes import Size
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from sigmalake.engines.spark.session import fit_batches
from sigmalake.tables.declaration import Table
from sigmalake.tables.long import (
    ASSET_COVARIANCE,
    FACTOR_COVARIANCE,
    FACTOR_RETURNS,
    RISK_DIAGNOSTICS,
    SPECIFIC_RETURNS,
    SPECIFIC_RISK,
)
from sigmalake.tables.packed import CROSS_SECTIONS, PANEL, RISK_MODELS
from sigmalake.tasks.regression import READ as REGRESSED

FLAT_ROW_BYTES = 256
BLOCK = 512  # assets of V in a task
LONG_A_BATCH = 1 << 16  # rows on their way back
BY_ASSET = ("asset_id", "ret", "cap", "in_estimation", "member_assets", "member_factors", "member_shares", "specific_return",
            "fitted_return", "weight", "specific_var", "source", "n_obs", "ts_var")  # fmt: skip
BY_FACTOR = ("factor_return", "std_error", "n_members", "factor_status", "vif", "factors")
HISTORY = ("date", "factor_set", "factor_return", "factor_status", "asset_id", "specific_return")  # what risk reads


class Given(NamedTuple):
    """Of the rows of a batch, what goes back."""

    days: pa.Array
    numbers: np.ndarray  # as many as the rows' longest column of numbers has
    ids: pa.Array


class Packed(NamedTuple):
    """Rows of a packed table from rows of the one before it."""

    into: Table
    size: Size

    def of(self, given: Given) -> pa.RecordBatch:
        """A row a day, each with its share of the assets; a column that this model leaves empty is null."""
        n_rows, n_assets, n_factors = len(given.days), len(given.ids) // len(given.days), self.size.n_factors
        counts = dict.fromkeys(BY_ASSET, n_assets) | dict.fromkeys(BY_FACTOR, n_factors)
        counts |= {"styles": n_assets * self.size.n_styles, "factor_cov": n_factors * (n_factors + 1) // 2}
        columns = [_lists(field, counts.get(field.name), n_rows, given) for field in self.into.arrow_schema()]
        return pa.RecordBatch.from_arrays(columns, schema=_nullable(self.into))


class Long(NamedTuple):
    """Rows of a long table from rows of a packed one."""

    into: Table
    rows_a_date: int | None  # None: one an id

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The batches that Spark asks for."""
        for batch in batches:
            given = given_of(batch)
            rows = len(given.ids) if self.rows_a_date is None else self.rows_a_date * batch.num_rows
            columns = [_values(field, rows, given) for field in self.into.arrow_schema()]
            yield from pa.Table.from_arrays(columns, schema=_nullable(self.into)).to_batches(LONG_A_BATCH)


def given_of(batch: pa.RecordBatch) -> Given:
    """The dates, the longest column of numbers and the ids of packed rows."""
    arrays = [column for column in batch.columns if pa.types.is_list(column.type)]
    numbers = [column.flatten() for column in arrays if pa.types.is_floating(column.type.value_type)]
    days = next(column for column in batch.columns if pa.types.is_date(column.type))
    longest = max(numbers, key=len).to_numpy(zero_copy_only=False)
    return Given(days, longest, batch.column("asset_id").flatten())


def ingest_floor(spark: SparkSession, panel: Path, to: Path, size: Size, n_files: int) -> None:
    """Read the source, shuffle it once by date, hand it to Python, take back packed rows and write them."""
    dates_a_file = -(-size.n_dates // n_files)

    def pack(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        if rows := list(batches):
            flat = pa.Table.from_batches(rows).combine_chunks()
            numbers = np.concatenate([flat.column(name).to_numpy() for name in ("ret", "cap", *size.styles)])
            days = flat.column("date").chunk(0).slice(0, dates_a_file)  # not the dates of the rows, which would have to be sorted
            yield Packed(PANEL, size).of(Given(days, numbers, flat.column("asset_id").chunk(0)))

    fit_batches(spark, FLAT_ROW_BYTES)
    flat = spark.read.parquet(str(panel)).repartition(n_files, "date")
    _append(flat.mapInArrow(pack, PANEL.schema_sql()), to, PANEL)


def regress_floor(spark: SparkSession, lake: Path, to: Path, size: Size, row_bytes: int) -> None:
    """Read the panel, hand it to a pandas UDF, write the packed rows, and from them the two long tables."""
    read = pa.schema([PANEL.arrow_schema().field(name) for name in REGRESSED])

    def fit(rows: pd.DataFrame) -> pd.DataFrame:
        given = given_of(pa.Table.from_pandas(rows, read, preserve_index=False).combine_chunks().to_batches()[0])
        packed: pd.DataFrame = Packed(CROSS_SECTIONS, size).of(given).to_pandas()
        return packed

    fit_batches(spark, row_bytes)
    rows = _stored(spark, lake, PANEL).where("return_date is not null")
    fitted = rows.select(F.pandas_udf(fit, CROSS_SECTIONS.schema_sql())(F.struct(*REGRESSED)).alias("row")).select("row.*")
    _append(fitted, to, CROSS_SECTIONS)
    packed = _stored(spark, to, CROSS_SECTIONS)
    by_factor = ("date", "asset_id", "factor_return", "std_error", "vif", "n_members", "factor_status")
    by_asset = ("date", "asset_id", "specific_return", "fitted_return", "in_estimation", "weight")
    _unpack(packed.select(*by_factor), to, Long(FACTOR_RETURNS, size.n_factors))
    _unpack(packed.select(*by_asset), to, Long(SPECIFIC_RETURNS, None))


def risk_floor(spark: SparkSession, lake: Path, to: Path, size: Size, row_bytes: int) -> None:
    """Read the cross-sections, hand each row to Python once, write the packed rows, and from them the three long tables."""

    def estimate(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            yield Packed(RISK_MODELS, size).of(given_of(batch))

    fit_batches(spark, row_bytes)
    history = _stored(spark, lake, CROSS_SECTIONS).select(*HISTORY)
    _append(history.mapInArrow(estimate, RISK_MODELS.schema_sql()), to, RISK_MODELS)
    packed = _stored(spark, to, RISK_MODELS)
    n_pairs = size.n_factors * (size.n_factors + 1) // 2
    by_asset = ("variant", "date", "asset_id", "specific_var", "source", "n_obs", "ts_var")
    _unpack(packed.select("variant", "date", "asset_id", "factor_cov"), to, Long(FACTOR_COVARIANCE, n_pairs))
    _unpack(packed.select(*by_asset), to, Long(SPECIFIC_RISK, None))
    _unpack(packed.select("variant", "date", "asset_id", "specific_var"), to, Long(RISK_DIAGNOSTICS, 1))


def covariance_floor(spark: SparkSession, to: Path, n_assets: int) -> None:
    """Take V from Python, a row an asset with an array as long as there are assets, and write it."""
    schema = _nullable(ASSET_COVARIANCE)

    def blocks(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for first in (first for batch in batches for first in batch.column("id").to_pylist()):
            n_rows = min(BLOCK, n_assets - first)
            days = pa.array(np.full(n_rows, np.datetime64("2020-01-01")), pa.date32())
            V = np.random.default_rng(first).random((n_rows, n_assets))
            covariance = pa.ListArray.from_arrays(pa.array(np.arange(n_rows + 1) * n_assets, pa.int32()), pa.array(V.ravel()))
            ids = pa.array([f"A{first + row:06}" for row in range(n_rows)])
            yield from pa.Table.from_arrays([ids, days, ids, covariance], schema=schema).to_batches(8)

    n_blocks = -(-n_assets // BLOCK)
    rows = spark.range(0, n_assets, BLOCK, n_blocks).mapInArrow(blocks, ASSET_COVARIANCE.schema_sql())
    _append(rows, to, ASSET_COVARIANCE)


def _lists(field: pa.Field, count: int | None, n_rows: int, given: Given) -> pa.Array:
    """A column of a packed table: arrays of `count` values, one value a row, or nulls."""
    if not pa.types.is_list(field.type):
        return _values(field, n_rows, given)
    if count is None:
        return pa.nulls(n_rows, field.type)
    ends = pa.array(np.arange(n_rows + 1, dtype=np.int32) * count)
    values = _values(pa.field(field.name, field.type.value_type), n_rows * count, given)
    return pa.ListArray.from_arrays(ends, values).cast(field.type)


def _values(field: pa.Field, count: int, given: Given) -> pa.Array:
    """So many values: dates, ids and real numbers of what was given; all else is one value again and again."""
    if pa.types.is_floating(field.type):
        return pa.array(np.resize(given.numbers, count))
    if pa.types.is_date(field.type):
        return given.days.take(pa.array(np.arange(count) * len(given.days) // max(count, 1)))
    if field.name == "asset_id":
        return given.ids.take(pa.array(np.arange(count) % len(given.ids)))
    if pa.types.is_nested(field.type):
        return pa.nulls(count, field.type)
    same = "ok" if pa.types.is_string(field.type) else 1
    return pa.repeat(pa.scalar(same).cast(field.type), count)


def _nullable(table: Table) -> pa.Schema:
    return pa.schema([field.with_nullable(True) for field in table.arrow_schema()])


def _stored(spark: SparkSession, lake: Path, table: Table) -> DataFrame:
    return spark.read.format("delta").load(str(lake / table.name))


def _unpack(packed: DataFrame, to: Path, long: Long) -> None:
    _append(packed.mapInArrow(long, long.into.schema_sql()), to, long.into)


def _append(rows: DataFrame, to: Path, table: Table) -> None:
    rows.write.format("delta").mode("append").save(str(to / table.name))
