"""Spark as an engine: rows are DataFrames, tasks are applied where the rows are, parts are brought together by one shuffle."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import partial, reduce
from typing import Any, NamedTuple

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from sigmalake.engines.engine import NEWEST, NONE_GIVEN, Engine
from sigmalake.engines.spark.listed_rows import listed_rows
from sigmalake.engines.spark.session import fit_batches
from sigmalake.engines.spark.tables import CatalogTables, SparkFolderTables, read, spark_tables
from sigmalake.lake.dates import DateRange
from sigmalake.lake.older import missing_columns
from sigmalake.lake.row_filter import RowFilter, of_dates
from sigmalake.lake.storage import Storage
from sigmalake.tables.checks import check_rows
from sigmalake.tables.declaration import Table
from sigmalake.tasks.contract import Input, MapTask, PartTask

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
        """A table's declared columns, as they are or as they stood at a version; null where an older version lacks one."""
        found = read(self.spark, self._tables, table, version)
        absent = missing_columns(table, found.columns, f"{self._tables.root}/{table.name}")
        return found.withColumns({column.name: F.lit(None).cast(column.type) for column in absent})

    def map_rows(self, task: MapTask, rows: RowFilter) -> DataFrame:
        """As `Engine`: a pandas UDF over the rows, no shuffle."""
        found = self._stored(task.input, rows)
        return found.select(_as_pandas_udf(task, found.columns)(F.struct(*found.columns)).alias("row")).select("row.*")

    def unpack(self, task: MapTask, rows: RowFilter) -> DataFrame:
        """As `Engine`: Arrow batches in, Arrow batches out, no shuffle."""
        return self._stored(task.input, rows).mapInArrow(_Unpacking(task), task.into.schema_sql())

    def map_parts(
        self, task: PartTask, given: Mapping[str, DataFrame] = NONE_GIVEN, *, versions: Mapping[str, int] = NEWEST
    ) -> DataFrame:
        """As `Engine`: one shuffle by part. Each part is one task, also where no row belongs to it."""
        dates = [task.dates(part) for part in range(task.n_parts)]
        sent = [self._sent(role, read, [of_part[role] for of_part in dates], given, versions) for role, read in task.inputs.items()]
        every_part = listed_rows(self.spark, [(part, "") for part in range(task.n_parts)], f"{PART} int, {ROLE} string")
        union = reduce(partial(DataFrame.unionByName, allowMissingColumns=True), [*sent, every_part])
        return union.repartitionById(task.n_parts, PART).mapInArrow(_PartMapping(task), task.into.schema_sql())

    def driver_rows(self, rows: pa.Table) -> DataFrame:
        """As `Engine`."""
        return self.spark.createDataFrame(rows)

    def no_rows(self, table: Table) -> DataFrame:
        """As `Engine`."""
        return self.driver_rows(table.arrow_schema().empty_table())

    def union(self, rows: Sequence[DataFrame]) -> DataFrame:
        """As `Engine`."""
        union: DataFrame = reduce(DataFrame.unionByName, rows)
        return union

    def collect(self, rows: DataFrame) -> pa.Table:
        """As `Engine`."""
        return rows.toArrow()

    def expect_width(self, row_bytes: int) -> None:
        """As `Engine`."""
        fit_batches(self.spark, row_bytes)

    def _stored(self, given: Input, rows: RowFilter, version: int | None = None) -> DataFrame:
        table = given.table
        if table is None:
            raise ValueError("rows of a source are no stored rows")
        if not self._tables.exists(table):
            return self.no_rows(table).select(*given.columns)
        return self.read(table, version).where(rows.sql()).select(*given.columns)

    def _sent(
        self,
        role: str,
        read_by: Input,
        dates: Sequence[Sequence[date]],
        given: Mapping[str, DataFrame],
        versions: Mapping[str, int],
    ) -> DataFrame:
        """The rows of a role, each as often as a part reads it; columns are named by role, since two may have one of a name."""
        if read_by.until:
            rows, last = given[role], [(part, max(days)) for part, days in enumerate(dates) if days]
            places = listed_rows(self.spark, last, f"{PART} int, __date date")
            belongs = F.col(read_by.dated) <= F.col("__date")
        else:
            known = sorted({day for days in dates for day in days})
            every = of_dates(read_by.dated, [DateRange(known[0], known[-1])] if known else [])
            at = None if read_by.table is None else versions.get(read_by.table.name)
            rows = given[role] if role in given else self._stored(read_by, every, at)
            pairs = [(part, day) for part, days in enumerate(dates) for day in sorted(set(days))]
            places = listed_rows(self.spark, pairs, f"{PART} int, __date date")
            belongs = F.col(read_by.dated) == F.col("__date")
        own = [F.col(name).alias(_sent_name(role, name)) for name in read_by.columns]
        return rows.join(F.broadcast(places), belongs).select(PART, F.lit(role).alias(ROLE), *own)


def _as_pandas_udf(task: MapTask, columns: Sequence[str]) -> Any:
    """A task as a pandas UDF of a struct of the columns, which gives a struct of the table's."""
    table = task.input.table
    declared = pa.schema([]) if table is None else table.arrow_schema()
    schema = pa.schema([declared.field(name) for name in columns])

    def apply(rows: pd.DataFrame) -> pd.DataFrame:
        found = task(pa.Table.from_pandas(rows, schema, preserve_index=False))
        check_rows(task.into, found)
        made: pd.DataFrame = found.to_pandas()
        return made

    return F.pandas_udf(apply, task.into.schema_sql())


class _Unpacking(NamedTuple):
    task: MapTask

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            if batch.num_rows:
                yield from _checked(self.task.into, self.task(pa.Table.from_batches([batch])))


class _PartMapping(NamedTuple):
    task: PartTask

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """A partition holds the rows of one part, and one row that only names it."""
        if (first := next(batches, None)) is None:
            return
        rows = pa.Table.from_batches([first, *batches])
        part, roles = rows.column(PART)[0].as_py(), rows.column(ROLE)
        inputs = {
            role: rows.select([_sent_name(role, name) for name in names]).filter(pc.equal(roles, role)).rename_columns(names)
            for role, names in self.task.columns.items()
        }
        yield from _checked(self.task.into, self.task(part, inputs))


def _checked(table: Table, rows: pa.Table) -> list[pa.RecordBatch]:
    check_rows(table, rows)
    found: list[pa.RecordBatch] = rows.to_batches(PACKED_A_BATCH if table.packed else LONG_A_BATCH)
    return found


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
