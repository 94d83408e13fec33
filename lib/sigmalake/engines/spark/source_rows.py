"""Rows of sources on Spark: executors read the splits that the driver lists, and what Spark itself reads comes as batches."""

import pickle
from collections.abc import Callable, Collection, Iterator
from datetime import date
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import types as T
from pyspark.sql.pandas.types import from_arrow_schema

from sigmalake.config.sources import Location
from sigmalake.errors import ConfigError, DataError, telling_line
from sigmalake.sources.dates import date_of
from sigmalake.sources.opened import OpenedSource
from sigmalake.tasks.sources.source_tasks import AsRead, SourceTask

RUN = "__run"  # of days, by which rows of a gathered source are brought together
BUCKETS = 64  # of assets: a thousand stocks and twenty years are some million rows a task
BUCKET = "__bucket"  # of assets, by which their rows are brought together
ITEM = "item"  # the column of what the driver has pickled
DAYS_A_RUN = 32
ROWS_A_BATCH = 1 << 16


class OfSplits(NamedTuple):
    """A task applied to the splits whose numbers a partition holds."""

    task: SourceTask
    source: OpenedSource
    days: Collection[date] | None

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The batches that Spark asks for."""
        for batch in batches:
            for split in batch.column(ITEM).to_pylist():
                rows = self.source.read(pickle.loads(split), self.days)  # the driver's own bytes
                yield from self.task(rows).to_batches(ROWS_A_BATCH)


class OfBatches(NamedTuple):
    """A task applied to batches of rows that Spark has read."""

    task: SourceTask
    raw: pa.Schema

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The batches that Spark asks for."""
        for batch in batches:
            yield from self.task(pa.Table.from_batches([batch]).cast(self.raw)).to_batches(ROWS_A_BATCH)


class Dated(NamedTuple):
    """Raw rows, each beside the number of the run of days that its date is in."""

    column: str

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The batches that Spark asks for."""
        for batch in batches:
            days = pc.cast(pc.fill_null(date_of(batch.column(self.column)).dates.cast(pa.int32()), -1), pa.float64())
            run = pc.cast(pc.floor(pc.divide(days, float(DAYS_A_RUN))), pa.int32())
            yield pa.RecordBatch.from_arrays([*batch.columns, run], [*batch.schema.names, RUN])


def of_run(task: SourceTask, raw: pa.Schema) -> Callable[[pa.Table], pa.Table]:
    """A task as a function of all rows of a run of days."""

    def apply(rows: pa.Table) -> pa.Table:
        return task(rows.select(raw.names).cast(raw))

    return apply


def dated_schema(source: OpenedSource) -> T.StructType:
    """Of the rows that `Dated` gives."""
    return from_arrow_schema(AsRead().schema(source.raw_schema).append(pa.field(RUN, pa.int32())))


def source_frame(spark: SparkSession, name: str, place: Location) -> DataFrame:
    """The rows of a source that only Spark reads.

    Raises:
        ConfigError: there is no such table.
        DataError: it cannot be read.
    """
    try:
        frame = spark.table(place.table) if place.table is not None else spark.read.format("delta").load(place.path)
        _ = frame.schema  # looked up here: Spark Connect does so when it is first asked
    except AnalysisException as error:
        raise ConfigError(
            f"sources.{name}: {place.where}: there is no such table ({telling_line(error)}); name one that `SHOW TABLES` lists"
        ) from error
    except Exception as error:  # Spark's, Py4J's and Delta's errors share no base class
        raise DataError(f"sources.{name}: {place.where} cannot be read: {telling_line(error)}") from error
    return frame


def table_version(spark: SparkSession, place: Location) -> str:
    """What changes when a table does; "" where it cannot be told."""
    named = place.table if place.table is not None else "delta.`" + (place.path or "").replace("`", "``") + "`"
    try:
        if place.table is not None:
            kind = spark.sql(f"DESCRIBE TABLE EXTENDED {named}").where("col_name = 'Provider'").collect()
            if not kind or kind[0]["data_type"] != "delta":
                return ""
        history = spark.sql(f"DESCRIBE HISTORY {named} LIMIT 1").selectExpr("version", "unix_millis(timestamp) AS at").collect()[0]
    except AnalysisException:  # no such table: told where it is read
        return ""
    return f"{named}@{history['version']}:{history['at']}"  # a table made anew counts its versions from 0 again
