"""Spark as an engine: rows are DataFrames, tasks are applied where the rows are, parts are brought together by one shuffle."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial, reduce
from typing import Any, NamedTuple

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from sigmalake.engines.engine import Engine, Input, MapTask, PartTask
from sigmalake.engines.spark.listed_rows import listed_rows
from sigmalake.engines.spark.session import fit_batches
from sigmalake.engines.spark.tables import CatalogTables, SparkFolderTables, read, spark_tables
from sigmalake.lake.older import missing_columns
from sigmalake.lake.row_filter import RowFilter
from sigmalake.lake.storage import Storage
from sigmalake.tables.declaration import Table

PART, ROLE = "__part", "__role"  # columns that rows carry on their way to their part
PACKED_A_BATCH, LONG_A_BATCH = 8, 1 << 16  # rows on their way back


class SparkEngine:
    """The operations of an engine, on one session and one lake."""

    def __init__(self, spark: SparkSession, root: str) -> None:
        self.spark = spark
        self._tables: SparkFolderTables | CatalogTables = spark_tables(spark, root)

    @property
    def name(self) -> str:
        """As `Engine`."""
        return "spark"

    @property
    def storage(self) -> Storage:
        """As `Engine`."""
        return self._tables

    def read(self, table: Table, version: int | None = None) -> DataFrame:
        """A table's rows, as they are or as they stood at a version."""
        return read(self.spark, self._tables, table, version)

    def stored(
        self, table: Table, columns: Sequence[str], rows: RowFilter | None = None, *, version: int | None = None
    ) -> DataFrame:
        """As `Engine`."""
        if not self._tables.exists(table):
            schema = table.arrow_schema()
            return self.driver_rows(pa.schema([schema.field(column) for column in columns]).empty_table())
        found = self.read(table, version)
        absent = missing_columns(table, found.columns, f"{self._tables.root}/{table.name}")
        found = found.withColumns({column.name: F.lit(None).cast(column.type) for column in absent})
        return (found if rows is None else found.where(rows.sql())).select(*columns)

    def driver_rows(self, rows: pa.Table) -> DataFrame:
        """As `Engine`."""
        return self.spark.createDataFrame(rows)

    def no_rows(self, table: Table) -> DataFrame:
        """As `Engine`."""
        return self.driver_rows(table.arrow_schema().empty_table())

    def map_rows(self, rows: DataFrame, task: MapTask, into: Table) -> DataFrame:
        """As `Engine`: a pandas UDF over the rows, no shuffle."""
        return rows.select(_as_pandas_udf(task, into, rows.columns)(F.struct(*rows.columns)).alias("row")).select("row.*")

    def unpack(self, rows: DataFrame, task: MapTask, into: Table) -> DataFrame:
        """As `Engine`: Arrow batches in, Arrow batches out, no shuffle."""
        return rows.mapInArrow(_Unpacking(task), into.schema_sql())

    def map_parts(self, inputs: Mapping[str, Input], n_parts: int, task: PartTask, into: Table) -> DataFrame:
        """As `Engine`: one shuffle by part. Each part is one task, also where no row belongs to it."""
        sent = [self._sent(role, given) for role, given in inputs.items()]
        every_part = listed_rows(self.spark, [(part, "") for part in range(n_parts)], f"{PART} int, {ROLE} string")
        union = reduce(partial(DataFrame.unionByName, allowMissingColumns=True), [*sent, every_part])
        columns = {role: given.rows.columns for role, given in inputs.items()}
        mapping = _PartMapping(task, columns, PACKED_A_BATCH if into.packed else LONG_A_BATCH)
        return union.repartitionById(n_parts, PART).mapInArrow(mapping, into.schema_sql())

    def union(self, rows: Sequence[DataFrame]) -> DataFrame:
        """As `Engine`."""
        union: DataFrame = reduce(DataFrame.unionByName, rows)
        return union

    def collect(self, rows: DataFrame) -> pa.Table:
        """As `Engine`."""
        found: pa.Table = rows.toArrow()
        return found

    def expect_width(self, row_bytes: int) -> None:
        """As `Engine`."""
        fit_batches(self.spark, row_bytes)

    def _sent(self, role: str, given: Input) -> DataFrame:
        pairs = [(day, part) for part, days in enumerate(given.dates) for day in sorted(set(days))]
        places = F.broadcast(listed_rows(self.spark, pairs, f"__date date, {PART} int"))
        rows: DataFrame = given.rows
        joined = rows.join(places, F.col(given.dated) == F.col("__date"))
        own = [F.col(name).alias(_sent_name(role, name)) for name in rows.columns]  # two roles may have columns of one name
        return joined.select(PART, F.lit(role).alias(ROLE), *own)


def _as_pandas_udf(task: MapTask, into: Table, columns: Sequence[str]) -> Any:
    """A task as a pandas UDF of a struct of the columns, which gives a struct of the table's."""

    def apply(rows: pd.DataFrame) -> pd.DataFrame:
        made: pd.DataFrame = task(pa.Table.from_pandas(rows[list(columns)], preserve_index=False)).to_pandas()
        return made

    return F.pandas_udf(apply, into.schema_sql())


class _Unpacking(NamedTuple):
    task: MapTask

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            if batch.num_rows:
                yield from self.task(pa.Table.from_batches([batch])).to_batches()


class _PartMapping(NamedTuple):
    task: PartTask
    columns: Mapping[str, Sequence[str]]  # by role
    rows_a_batch: int

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """A partition holds the rows of one part, and one row that only names it."""
        if (first := next(batches, None)) is None:
            return
        rows = pa.Table.from_batches([first, *batches])
        part = rows.column(PART)[0].as_py()
        roles = rows.column(ROLE)
        inputs = {
            role: rows.select([_sent_name(role, name) for name in names]).filter(pc.equal(roles, role)).rename_columns(list(names))
            for role, names in self.columns.items()
        }
        yield from self.task(part, inputs).to_batches(self.rows_a_batch)


def _sent_name(role: str, column: str) -> str:
    return f"{role}__{column}"


def spark_of(engine: Engine) -> SparkEngine:
    """An engine that is Spark, for what only Spark can do.

    Raises:
        ValueError: it is another.
    """
    if not isinstance(engine, SparkEngine):
        raise ValueError(f"the engine is {engine.name}, not spark")
    return engine
