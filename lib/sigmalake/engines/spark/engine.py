"""Spark as an engine: rows are DataFrames, tasks are applied where the rows are, parts are brought together by one shuffle."""

import pickle
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import partial, reduce
from typing import Any, NamedTuple

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_schema, to_arrow_schema

from sigmalake.config.sources import Location
from sigmalake.engines.engine import NEWEST, NONE_GIVEN, Engine
from sigmalake.engines.local.abilities import source_obstacle
from sigmalake.engines.local.pieces import Held, Piece
from sigmalake.engines.local.rows import LocalRows, RowsByDate
from sigmalake.engines.local.tables import stored_pieces
from sigmalake.engines.spark.listed_rows import listed_rows
from sigmalake.engines.spark.session import fit_batches
from sigmalake.engines.spark.source_rows import (
    BUCKET,
    BUCKETS,
    ITEM,
    RUN,
    Dated,
    OfBatches,
    OfSplits,
    dated_schema,
    of_run,
    source_frame,
    table_version,
)
from sigmalake.engines.spark.tables import CatalogTables, SparkFolderTables, as_frame, read_declared, spark_tables
from sigmalake.lake.dates import DateRange
from sigmalake.lake.progress import Counter
from sigmalake.lake.row_filter import RowFilter, of_dates
from sigmalake.lake.storage import Storage
from sigmalake.sources.files import list_files
from sigmalake.sources.opened import OpenedSource, files_version, open_files
from sigmalake.sources.reading import FILE
from sigmalake.sources.schema import SourceColumn, SourceSchema, Use
from sigmalake.tables.checks import check_rows
from sigmalake.tables.declaration import Table
from sigmalake.tasks.contract import Input, MapTask, PartTask
from sigmalake.tasks.sources.check_source import CheckSource, StoredByDate
from sigmalake.tasks.sources.source_tasks import AsRead, SourceTask, SurveyRows, ToPack

PART, ROLE = "__part", "__role"  # columns that rows carry on their way to their part
PACKED_A_BATCH, LONG_A_BATCH = 8, 1 << 16  # rows on their way back


class SparkEngine:
    """The operations of an engine, on one session and one lake."""

    def __init__(self, spark: SparkSession, root: str) -> None:
        self.spark = spark
        self._frames: dict[str, DataFrame] = {}  # of the sources that come by Spark
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
        return read_declared(self.spark, self._tables, table, version)

    def map_rows(self, task: MapTask, rows: RowFilter) -> DataFrame:
        """As `Engine`: a pandas UDF over the rows, no shuffle."""
        found = self._stored(task.input, rows)
        udf = _as_pandas_udf(task, found.columns, self._tables.progress.made_elsewhere(task.into.name))
        return found.select(udf(F.struct(*found.columns)).alias("row")).select("row.*")

    def unpack(self, task: MapTask, rows: RowFilter) -> DataFrame:
        """As `Engine`: executors read the files of a folder, a task a run of row groups; a catalog's rows come by Spark."""
        read_by, schema = task.input, task.into.schema_sql()
        if read_by.table is None or not isinstance(self._tables, SparkFolderTables) or not self._tables.exists(read_by.table):
            return self._stored(read_by, rows).mapInArrow(_Unpacking(task), schema)
        declared = read_by.table.arrow_schema()
        wanted = pa.schema([declared.field(name) for name in read_by.columns])
        pieces = stored_pieces(self._tables, read_by.table, wanted, rows, None)
        return self._pickled(pieces).mapInArrow(_UnpackingPieces(task), schema)

    def map_parts(
        self, task: PartTask, given: Mapping[str, DataFrame | pa.Table] = NONE_GIVEN, *, versions: Mapping[str, int] = NEWEST
    ) -> DataFrame:
        """As `Engine`: one shuffle by part. Each part is one task, also where no row belongs to it."""
        dates = [task.dates(part) for part in range(task.n_parts)]
        sent = [self._sent(role, read, [of_part[role] for of_part in dates], given, versions) for role, read in task.inputs.items()]
        every_part = listed_rows(self.spark, [(part, "") for part in range(task.n_parts)], f"{PART} int, {ROLE} string")
        union = reduce(partial(DataFrame.unionByName, allowMissingColumns=True), [*sent, every_part])
        return self._by_id(union, task.n_parts, PART).mapInArrow(
            _PartMapping(task, self._tables.progress.made_elsewhere(task.into.name)), task.into.schema_sql()
        )

    def open_source(self, name: str, place: Location, uses: Mapping[str, Use], date_column: str, *, gathered: bool) -> OpenedSource:
        """As `Engine`: executors read files as the local engine does; tables of a catalog come by Spark."""
        if source_obstacle(name, place) is None:
            return open_files(name, place, uses, date_column, gathered=gathered)
        frame = source_frame(self.spark, name, place)
        raw = to_arrow_schema(frame.schema)
        columns = {field.name: SourceColumn(field.type, ((field.type, place.where),)) for field in raw}
        SourceSchema(name, place.where, place.read_as, None, columns, None).require(uses)
        fields = [*(raw.field(column) for column in uses), pa.field(FILE, pa.string())]
        self._frames[name] = frame.select(*(F.col(_quoted(column)) for column in uses)).withColumn(FILE, F.lit(None).cast("string"))
        return OpenedSource(name, place.where, tuple(uses), date_column, gathered, raw=pa.schema(fields))

    def source_version(self, name: str, place: Location) -> str:
        """As `Engine`."""
        by_spark = source_obstacle(name, place) is not None
        return table_version(self.spark, place) if by_spark else files_version(list_files(name, place))

    def read_source(self, source: OpenedSource, task: SourceTask, days: Collection[date] | None = None) -> DataFrame:
        """As `Engine`: a task a split; of a source that is gathered one shuffle by runs of dates before."""
        schema = from_arrow_schema(task.schema(source.raw_schema))
        if source.gathered:
            raw = self._raw(source, days).mapInArrow(Dated(source.date_column), dated_schema(source))
            return raw.groupBy(RUN).applyInArrow(of_run(task, source.raw_schema), schema)
        if source.schema is None:
            return self._raw(source, days).mapInArrow(OfBatches(task, source.raw_schema), schema)
        return self._split_frame(source).mapInArrow(OfSplits(task, source, days), schema)

    def paired(self, source: OpenedSource, task: SourceTask, asset_column: str) -> OpenedSource:
        """As `Engine`: one shuffle by asset, each time that the rows are read."""
        raw = AsRead().schema(source.raw_schema)
        schema = task.schema(raw)
        bucket = F.pmod(F.hash(F.trim(F.col(_quoted(asset_column)).cast("string"))), F.lit(BUCKETS))
        frame = self._raw(source, None).withColumn(BUCKET, bucket)
        self._frames[source.name] = frame.groupBy(BUCKET).applyInArrow(of_run(task, raw), from_arrow_schema(schema))
        return replace(source, schema=None, files=None, raw=schema)

    def survey_source(self, source: OpenedSource, check: CheckSource) -> tuple[pa.Table, DataFrame]:
        """As `Engine`: rows are read again where they are packed."""
        surveyed: pa.Table = self.read_source(source, SurveyRows(check)).toArrow()
        return surveyed, self.read_source(source, ToPack(check))

    def by_date(self, table: Table, columns: Sequence[str]) -> StoredByDate:
        """As `Engine`: executors read the files of a folder; rows of a catalog's table go to them from the driver."""
        declared = table.arrow_schema()
        schema = pa.schema([declared.field(column) for column in columns])
        if not self._tables.exists(table):
            return RowsByDate(LocalRows(schema, []), table.date or "")
        if isinstance(self._tables, SparkFolderTables):
            return RowsByDate(LocalRows(schema, stored_pieces(self._tables, table, schema, None, None)), table.date or "")
        return RowsByDate(LocalRows(schema, [Held(self.read(table).select(*columns).toArrow())]), table.date or "")

    def close(self) -> None:
        """As `Engine`: nothing is kept."""

    def _raw(self, source: OpenedSource, days: Collection[date] | None) -> DataFrame:
        if source.schema is None:
            return self._frames[source.name]
        return self._split_frame(source).mapInArrow(
            OfSplits(AsRead(), source, days), from_arrow_schema(AsRead().schema(source.raw_schema))
        )

    def _split_frame(self, source: OpenedSource) -> DataFrame:
        """A row a split, a task a row."""
        return self._pickled(source.splits())

    def _pickled(self, items: Iterable[object]) -> DataFrame:
        """What only this code reads, an item a row and a task a row."""
        rows = [(number, pickle.dumps(item)) for number, item in enumerate(items)]
        return self._by_id(listed_rows(self.spark, rows, f"item_number int, {ITEM} binary"), max(1, len(rows)), "item_number")

    def _by_id(self, rows: DataFrame, n: int, column: str) -> DataFrame:
        """A task an id. Spark 4.0 cannot say so: there a task gets several ids where their hashes meet, and another none."""
        if hasattr(DataFrame, "repartitionById") and not self.spark.version.startswith("4.0."):
            return rows.repartitionById(n, column)
        return rows.repartition(n, column)

    def driver_rows(self, rows: pa.Table) -> pa.Table:
        """As `Engine`."""
        return rows

    def no_rows(self, table: Table) -> DataFrame:
        """As `Engine`."""
        return as_frame(self.spark, table.arrow_schema().empty_table())

    def union(self, rows: Sequence[DataFrame | pa.Table]) -> DataFrame:
        """As `Engine`."""
        union: DataFrame = reduce(DataFrame.unionByName, [as_frame(self.spark, some) for some in rows])
        return union

    def collect(self, rows: DataFrame | pa.Table) -> pa.Table:
        """As `Engine`."""
        return rows if isinstance(rows, pa.Table) else rows.toArrow()

    def expect_rows(self, rows: int) -> None:
        """As `Engine`: executors are there before a run begins."""

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
        given: Mapping[str, DataFrame | pa.Table],
        versions: Mapping[str, int],
    ) -> DataFrame:
        """The rows of a role, each as often as a part reads it; columns are named by role, since two may have one of a name."""
        if read_by.until:
            rows, last = as_frame(self.spark, given[role]), [(part, max(days)) for part, days in enumerate(dates) if days]
            places = listed_rows(self.spark, last, f"{PART} int, __date date")
            belongs = F.col(read_by.dated) <= F.col("__date")
        else:
            known = sorted({day for days in dates for day in days})
            every = of_dates(read_by.dated, [DateRange(known[0], known[-1])] if known else [])
            at = None if read_by.table is None else versions.get(read_by.table.name)
            rows = as_frame(self.spark, given[role]) if role in given else self._stored(read_by, every, at)
            pairs = [(part, day) for part, days in enumerate(dates) for day in sorted(set(days))]
            places = listed_rows(self.spark, pairs, f"{PART} int, __date date")
            belongs = F.col(read_by.dated) == F.col("__date")
        own = [F.col(name).alias(_sent_name(role, name)) for name in read_by.columns]
        return rows.join(F.broadcast(places), belongs).select(PART, F.lit(role).alias(ROLE), *own)


def _as_pandas_udf(task: MapTask, columns: Sequence[str], made: Counter | None) -> Any:
    """A task as a pandas UDF of a struct of the columns, which gives a struct of the table's, and counts its rows."""
    table = task.input.table
    declared = pa.schema([]) if table is None else table.arrow_schema()
    schema = pa.schema([declared.field(name) for name in columns])

    def apply(rows: pd.DataFrame) -> pd.DataFrame:
        found = task(pa.Table.from_pandas(rows, schema, preserve_index=False))
        check_rows(task.into, found)
        if made is not None:
            made.add(found.num_rows)
        packed: pd.DataFrame = found.to_pandas()
        return packed

    return F.pandas_udf(apply, task.into.schema_sql())


class _Unpacking(NamedTuple):
    task: MapTask

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            if batch.num_rows:
                yield from _checked(self.task.into, self.task(pa.Table.from_batches([batch])))


class _UnpackingPieces(NamedTuple):
    task: MapTask

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for item in batch.column(ITEM).to_pylist():
                piece: Piece = pickle.loads(item)  # the driver's own bytes
                if (rows := piece.read()).num_rows:
                    yield from _checked(self.task.into, self.task(rows))


class _PartMapping(NamedTuple):
    task: PartTask
    made: Counter | None  # rows

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """A partition holds the rows of a part, and one row that only names it; of several on Spark 4.0."""
        if (first := next(batches, None)) is None:
            return
        rows = pa.Table.from_batches([first, *batches])
        parts = pc.unique(rows.column(PART)).to_pylist()
        for part in sorted(parts):
            of_part = rows if len(parts) == 1 else rows.filter(pc.equal(rows.column(PART), part))
            found = self.task(part, dict(self._inputs(of_part)))
            if self.made is not None:
                self.made.add(found.num_rows)
            yield from _checked(self.task.into, found)

    def _inputs(self, rows: pa.Table) -> Iterator[tuple[str, pa.Table]]:
        roles = rows.column(ROLE)
        for role, names in self.task.columns.items():
            yield role, rows.select([_sent_name(role, name) for name in names]).filter(pc.equal(roles, role)).rename_columns(names)


def _checked(table: Table, rows: pa.Table) -> list[pa.RecordBatch]:
    check_rows(table, rows)
    found: list[pa.RecordBatch] = rows.to_batches(PACKED_A_BATCH if table.packed else LONG_A_BATCH)
    return found


def _quoted(column: str) -> str:
    return "`" + column.replace("`", "``") + "`"


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
