"""A lake of Delta tables: read at a version, replace a date range, never half a write. Knows nothing of finance."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import NamedTuple

import pyarrow as pa
import pyarrow.dataset as ds
from deltalake import DeltaTable
from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession

from sigmalake.config.types import CATALOG_NAME
from sigmalake.errors import ConfigError, InfrastructureError, is_conflict, telling_line
from sigmalake.lake.dates import DateRange, envelope, within
from sigmalake.lake.format import FORMAT, FORMAT_PROPERTY, check_format, check_root
from sigmalake.lake.lease import Lease
from sigmalake.lake.log import Commit, Seen, clear_torn_log, commit_metadata, commits_since, open_table, parse_commit, read_columns
from sigmalake.tables.declaration import Table, sql_text

FENCE_PROPERTY = "sigmalake.fence"  # of the last lease that was taken over
ROWS_A_GROUP = 16  # dates in a row group of a packed table: one date is read without the rest (delta-rs .3-.5 s with 400)


class Writer(NamedTuple):
    """Who writes: it goes into the metadata of every commit."""

    run_id: str
    config_hash: str
    lease: Lease | None


class Lake:
    """The tables under a folder or URI, or in a catalog's schema."""

    def __init__(self, spark: SparkSession | None, root: str, writer: Writer | None = None) -> None:
        self._spark = spark
        self._root = root.rstrip("/")
        self._in_catalog = CATALOG_NAME.fullmatch(root) is not None
        if not self._in_catalog:
            check_root(self._root)
        self._writer = writer

    @property
    def spark(self) -> SparkSession:
        """The session that reads and writes; a lake in a folder answers questions of its log without one."""
        if self._spark is None:
            raise ValueError("this lake was opened without a Spark session")
        return self._spark

    @property
    def root(self) -> str:
        """Where it is."""
        return self._root

    def size(self, table: Table) -> tuple[int, int]:
        """Files and bytes of the newest version; 0, 0 where unknown."""
        log = self._log(table)
        if log is None:
            return 0, 0
        sizes = pa.table(log.get_add_actions(flatten=True)).column("size_bytes").to_pylist()
        return len(sizes), sum(sizes)

    def span(self, table: Table) -> DateRange | None:
        """The first and the last date of a table, from its log where that says them; None where there is none."""
        if table.date is None or not self.exists(table):
            return None
        self._check_format(table)
        column, log = table.date, self._log(table)
        if log is None:
            found = self.read(table).selectExpr(f"min({column}) AS first", f"max({column}) AS last").collect()[0]
            return None if found["first"] is None else DateRange(found["first"], found["last"])
        spans = _file_spans(log, column)
        if spans is None:
            known = sorted(day for day in self.columns(table, [column]).column(0).unique().to_pylist() if day is not None)
            return DateRange(known[0], known[-1]) if known else None
        return envelope([span for span in spans if span is not None])

    def name(self, table: Table) -> str:
        """The table as SQL names it."""
        return (
            f"{self._root}.{table.name}" if self._in_catalog else "delta.`" + f"{self._root}/{table.name}".replace("`", "``") + "`"
        )

    def exists(self, table: Table) -> bool:
        """Whether the table has been created."""
        if self._in_catalog:
            with self._explained_catalog():
                return bool(self.spark.catalog.tableExists(self.name(table)))
        return self._log(table) is not None

    def create(self, table: Table) -> None:
        """Create the table from its declaration, where it does not exist; one of another format is refused."""
        if self.exists(table):
            self._check_format(table)
            return
        if not self._in_catalog:
            clear_torn_log(f"{self._root}/{table.name}")
        properties = {**table.properties(), FORMAT_PROPERTY: str(FORMAT)}
        listed = ", ".join(f"{sql_text(key)} = {sql_text(value)}" for key, value in properties.items())
        with self._explained_catalog():
            self.spark.sql(
                f"CREATE TABLE IF NOT EXISTS {self.name(table)} ({table.ddl()}) USING delta "
                f"COMMENT {sql_text(table.comment)} TBLPROPERTIES ({listed})"
            )

    def read(self, table: Table, version: int | None = None) -> DataFrame:
        """The table's rows, as they are or as they stood at a version."""
        at = "" if version is None else f" VERSION AS OF {version}"
        return self.spark.sql(f"SELECT * FROM {self.name(table)}{at}")

    def columns(
        self, table: Table, columns: Sequence[str], dates: DateRange | None = None, *, version: int | None = None
    ) -> pa.Table:
        """Small columns of every row, on the driver; no rows where the table does not exist.

        Args:
            table: to read.
            columns: of it.
            dates: leave out the rows of other dates; those without a date stay.
            version: as they stood then; None: as they are.
        """
        if not self.exists(table):
            return pa.table({column: pa.array([], pa.string()) for column in columns})
        self._check_format(table)
        log = self._log(table, version)
        if log is None:
            rows = self.read(table, version)
            rows = rows if dates is None else rows.where(f"{table.date} IS NULL OR {within(table.date or '', [dates])}")
            return rows.select(*columns).toArrow()
        day = ds.field(table.date or "")
        return read_columns(log, columns, None if dates is None else day.is_null() | ((day >= dates.first) & (day <= dates.last)))

    def version(self, table: Table) -> int | None:
        """The newest version; None where the table does not exist."""
        if not self.exists(table):
            return None
        log = self._log(table)
        if log is not None:
            return int(log.version())
        return int(self.spark.sql(f"DESCRIBE HISTORY {self.name(table)} LIMIT 1").collect()[0]["version"])

    def commits(self, table: Table, since: Seen | None) -> list[Commit]:
        """The commits since a table was seen, oldest first: all of them where it never was, or is another one now."""
        if not self.exists(table):
            return []
        log = self._log(table)
        if log is not None:
            return commits_since(log, since)
        history = self.spark.sql(f"DESCRIBE HISTORY {self.name(table)}").select("version", "userMetadata", "operation")
        found = sorted((parse_commit(*row) for row in history.collect()), key=lambda c: c.version)
        known = since is not None and since.is_of(found[-1].version, self._made(table))
        return [commit for commit in found if since is None or not known or commit.version > since.version]

    def _made(self, table: Table) -> datetime:
        made = self.spark.sql(f"DESCRIBE DETAIL {self.name(table)}").selectExpr("unix_millis(createdAt) AS made").collect()
        return datetime.fromtimestamp(made[0]["made"] / 1e3, UTC)

    def replace(self, table: Table, rows: DataFrame, stage: str, ranges: Sequence[DateRange], also: str = "") -> None:
        """Put these rows in the place of all rows within the ranges (and, with `also`, for which that SQL holds).

        Rows beyond the ranges make the write fail: Delta checks them. A range that has no rows yet is an append.
        """
        if table.date is None:
            raise ValueError(f"{table.name} has no ranges of dates")
        predicate = within(table.date, ranges) + also
        fresh = self._is_new(table, ranges) and not also
        self._write(table, rows, stage, ranges, {} if fresh else {"replaceWhere": predicate})

    def replace_rows(self, table: Table, rows: DataFrame, stage: str, predicate: str, ranges: Sequence[DateRange] = ()) -> None:
        """Put these rows in the place of all rows for which the SQL holds."""
        self._write(table, rows, stage, ranges, {"replaceWhere": predicate})

    def append(self, table: Table, rows: DataFrame, stage: str) -> None:
        """Add rows."""
        self._write(table, rows, stage, (), {})

    def fence_off(self, tables: Iterable[Table]) -> None:
        """Where the lake was taken over, have the commit fail that its former holder may wake in.

        It looked at the lease before it began to compute. Delta refuses a commit under which the table's properties have changed.
        """
        lease = None if self._writer is None else self._writer.lease
        if lease is None or not lease.taken_over:
            return
        for table in tables:
            if self.exists(table):
                self.spark.sql(f"ALTER TABLE {self.name(table)} SET TBLPROPERTIES ('{FENCE_PROPERTY}' = '{lease.fence}')")

    def _write(self, table: Table, rows: DataFrame, stage: str, ranges: Sequence[DateRange], options: Mapping[str, str]) -> None:
        """Write the declared columns; those that a table made before lacks are added, null in its older rows."""
        if self._writer is None:
            raise ValueError("this lake was opened for reading")
        self.create(table)
        if self._writer.lease is not None:
            self._writer.lease.verify()
        fence = 0 if self._writer.lease is None else self._writer.lease.fence
        said = commit_metadata(self._writer.run_id, stage, fence, self._writer.config_hash, ranges)
        settings = {"userMetadata": said, "mergeSchema": "true", **options}
        writer = rows.select(*table.column_names).write.format("delta").options(**settings)
        writer = writer.mode("overwrite" if "replaceWhere" in options else "append")
        with self._layout(table), explained_write(table):
            if self._in_catalog:
                writer.saveAsTable(self.name(table))
            else:
                writer.save(f"{self._root}/{table.name}")

    @contextmanager
    def _explained_catalog(self) -> Iterator[None]:
        """Tell a catalog or schema that is not there, and a folder with files of another kind, as mistakes in `lake:`."""
        try:
            yield
        except AnalysisException as error:
            folder = f"create the schema first; or for a folder write ./{self._root}" if self._in_catalog else "name another folder"
            raise ConfigError(f"lake: {self._root} cannot hold a table ({telling_line(error)}); {folder}") from error

    @contextmanager
    def _layout(self, table: Table) -> Iterator[None]:
        settings = {f"parquet.enable.dictionary#{path}": "false" for path in table.measured_paths}
        if table.packed:
            settings["parquet.block.row.count.limit"] = str(ROWS_A_GROUP)
        for key, value in settings.items():
            self.spark.conf.set(key, value)
        try:
            yield
        finally:
            for key in settings:
                self.spark.conf.unset(key)

    def _is_new(self, table: Table, ranges: Sequence[DateRange]) -> bool:
        asked = envelope(ranges)
        if asked is None or not self.exists(table):
            return True
        log = self._log(table)
        if log is None:
            return bool(self.read(table).where(within(table.date or "", ranges)).isEmpty())
        spans = _file_spans(log, table.date or "")
        return spans is not None and all(s is not None and (s.last < asked.first or s.first > asked.last) for s in spans)

    def _log(self, table: Table, version: int | None = None) -> DeltaTable | None:
        return None if self._in_catalog else open_table(f"{self._root}/{table.name}", version)

    def _check_format(self, table: Table) -> None:
        log = self._log(table)
        if log is not None:
            found = log.metadata().configuration.get(FORMAT_PROPERTY)
        else:
            shown = self.spark.sql(f"SHOW TBLPROPERTIES {self.name(table)} ({sql_text(FORMAT_PROPERTY)})")
            found = shown.collect()[0]["value"]
        check_format(found, f"{self._root}/{table.name}")


def _file_spans(log: DeltaTable, column: str) -> list[DateRange | None] | None:
    """The dates between which each file's rows lie, None for one without; None where the log does not say it of each."""
    files = pa.table(log.get_add_actions(flatten=True))
    if files.num_rows == 0:
        return []
    kept = [f"{what}.{column}" for what in ("min", "max", "null_count")]
    if any(name not in files.column_names for name in kept):
        return None
    found: list[DateRange | None] = []
    for first, last, nulls, rows in zip(*(files.column(name).to_pylist() for name in [*kept, "num_records"]), strict=True):
        if first is None and nulls != rows:
            return None
        found.append(None if first is None else DateRange(first, last))
    return found


@contextmanager
def explained_write(table: Table) -> Iterator[None]:
    """Turn Spark's failure of a write into what its reader can act on."""
    try:
        yield
    except Exception as error:  # Spark's, Py4J's and Delta's errors share no base class
        if is_conflict(error):
            raise InfrastructureError(f"{table.name}: another writer committed at the same time; run again") from error
        if "No space left" in str(error):
            raise InfrastructureError(f"{table.name}: no space left on the disk; free some and run again") from error
        raise
