"""The tables of a lake as Spark writes them: in a folder or behind a URI, and in a catalog's schema."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256

import pyarrow as pa
from pyspark.errors import AnalysisException, PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_schema

from sigmalake.config.types import CATALOG_NAME
from sigmalake.engines.local.abilities import lake_obstacle
from sigmalake.engines.spark.session import held_settings
from sigmalake.errors import ConfigError, InfrastructureError, telling_line
from sigmalake.lake.creation import prepare_table
from sigmalake.lake.data_files import ROWS_A_GROUP
from sigmalake.lake.dates import DateRange, within
from sigmalake.lake.delta_rs import write_rows
from sigmalake.lake.folder import VOUCHED_PROPERTY, FolderTables
from sigmalake.lake.format import FORMAT, FORMAT_PROPERTY, check_format
from sigmalake.lake.log import Commit, Identity, Seen, parse_commit
from sigmalake.lake.progress import Progress
from sigmalake.lake.row_filter import RowFilter, SqlFilter
from sigmalake.lake.storage import SqlView
from sigmalake.lake.trust.files import LostFile, TableState
from sigmalake.lake.upkeep.older import missing_columns
from sigmalake.tables.catalogue import MODEL_TABLES
from sigmalake.tables.checksums.contents import Contents, contents_of
from sigmalake.tables.declaration import Table, sql_text

MARK_PROPERTY = "sigmalake.release"  # of a view
USER_METADATA = "spark.databricks.delta.commitInfo.userMetadata"


def spark_tables(spark: SparkSession, root: str) -> "SparkFolderTables | CatalogTables":
    """The tables of a lake, wherever it is."""
    return CatalogTables(spark, root) if CATALOG_NAME.fullmatch(root) else SparkFolderTables(spark, root)


class SparkFolderTables(FolderTables):
    """Tables in a folder or behind a URI: their logs are read by delta-rs, their rows are moved by Spark."""

    def __init__(self, spark: SparkSession, root: str) -> None:
        super().__init__(root)
        self._spark = spark
        self.progress = Progress()

    def sql_name(self, table: Table) -> str:
        """The table as SQL names it."""
        return "delta.`" + self.location(table).replace("`", "``") + "`"

    def create(self, table: Table) -> None:
        """As `Storage`."""
        prepare_table(self.location(table), table)

    def write(
        self, table: Table, rows: DataFrame | pa.Table, *, replaced: RowFilter | SqlFilter | None, metadata: str
    ) -> Contents | None:
        """As `Storage`; the driver's own rows, a few of them, are written by delta-rs: Spark takes a second a commit."""
        predicate = None if replaced is None else replaced.sql()
        if isinstance(rows, pa.Table) and lake_obstacle(self.root) is None:
            write_rows(self.location(table), table, rows, predicate=predicate, commit_metadata=metadata)
        else:
            _write(self._spark, table, as_frame(self._spark, rows), predicate, metadata, path=self.location(table))
        return contents_of(table, rows) if isinstance(rows, pa.Table) and table in MODEL_TABLES else None

    def set_property(self, table: Table, name: str, value: str) -> None:
        """As `Storage`."""
        self.log(table).alter.set_table_properties({name: value}, raise_if_not_exists=False)


class CatalogTables:
    """Tables of a catalog's schema: only the platform has the keys to their files, so that Spark reads their logs, too."""

    def __init__(self, spark: SparkSession, root: str) -> None:
        self.root = root
        self._spark = spark
        self.progress = Progress()
        self._there: set[str] = set()  # names of tables, and of those of our format: a platform takes about a second a question
        self._of_our_format: set[str] = set()

    def sql_name(self, table: Table) -> str:
        """The table as SQL names it."""
        return f"{self.root}.{table.name}"

    def exists(self, table: Table) -> bool:
        """As `Storage`."""
        with _explained(self.root, self._hint):
            if table.name not in self._there and self._spark.catalog.tableExists(self.sql_name(table)):
                self._there.add(table.name)
        return table.name in self._there

    def create(self, table: Table) -> None:
        """As `Storage`."""
        if self.exists(table):
            self._check_format(table)
        else:
            _create(self._spark, self.sql_name(table), table, self.root, self._hint)

    def columns(self, table: Table, columns: Sequence[str], dates: DateRange | None, version: int | None) -> pa.Table:
        """As `Storage`."""
        self._check_format(table)
        of_dates = "true" if dates is None else f"{table.date} IS NULL OR {within(table.date or '', [dates])}"
        with _gone(f"{self.root}/{table.name} at version {'newest' if version is None else version}", "read"):
            return read_declared(self._spark, self, table, version).where(of_dates).select(*columns).toArrow()

    def version(self, table: Table) -> int:
        """As `Storage`."""
        return int(self._spark.sql(f"DESCRIBE HISTORY {self.sql_name(table)} LIMIT 1").collect()[0]["version"])

    def vanished(self) -> list[str]:
        """As `Storage`: not known."""
        return []

    def table_id(self, table: Table) -> str:
        """As `Storage`."""
        return self._identity(table)[0]

    def commits(self, table: Table, since: Seen | None) -> list[Commit]:
        """As `Storage`."""
        history = self._spark.sql(f"DESCRIBE HISTORY {self.sql_name(table)}").select("version", "userMetadata", "operation")
        found = sorted((parse_commit(*row) for row in history.collect()), key=lambda c: c.version)
        known = since is not None and since.is_of(found[-1].version, *self._identity(table))
        return [commit for commit in found if since is None or not known or commit.version > since.version]

    def span(self, table: Table) -> DateRange | None:
        """As `Storage`."""
        self._check_format(table)
        rows = read(self._spark, self, table).selectExpr(f"min({table.date}) AS first", f"max({table.date}) AS last")
        found = rows.collect()[0]
        return None if found["first"] is None else DateRange(found["first"], found["last"])

    def size(self, _table: Table) -> tuple[int, int]:
        """As `Storage`: unknown."""
        return 0, 0

    def holds_any(self, table: Table, ranges: Sequence[DateRange]) -> bool:
        """As `Storage`."""
        return not read(self._spark, self, table).where(within(table.date or "", ranges)).isEmpty()

    def write(
        self, table: Table, rows: DataFrame | pa.Table, *, replaced: RowFilter | SqlFilter | None, metadata: str
    ) -> Contents | None:
        """As `Storage`."""
        predicate = None if replaced is None else replaced.sql()
        _write(self._spark, table, as_frame(self._spark, rows), predicate, metadata, name=self.sql_name(table))
        return contents_of(table, rows) if isinstance(rows, pa.Table) and table in MODEL_TABLES else None

    def state(self, table: Table, since: Seen | None) -> TableState | None:
        """As `Storage`; only the platform can list files."""
        if not self.exists(table):
            return None
        return TableState(Identity(self.version(table), *self._identity(table)), self.commits(table, since), [])

    def same_rows(self, table: Table, version: int) -> bool:
        """As `Storage`: by all rows of both versions, which pass through the driver."""
        found = (contents_of(table, read(self._spark, self, table, of).toArrow()) for of in (version, None))
        return next(found) == next(found)

    def n_rows(self, _table: Table) -> None:
        """As `Storage`: unknown."""
        return

    def restore(self, table: Table, version: int, metadata: str) -> None:
        """As `Storage`."""
        with _saying(self._spark, metadata), _gone(f"{self.root}/{table.name}", "put back"):
            self._spark.sql(f"RESTORE TABLE {self.sql_name(table)} TO VERSION AS OF {version}")

    def forget_lost_files(self, table: Table, lost: Sequence[LostFile], metadata: str) -> None:
        """As `Storage`: none is ever known to be lost."""

    def vouch(self, table: Table, metadata: str) -> None:
        """As `Storage`."""
        with _saying(self._spark, metadata):
            _set_property(self._spark, self.sql_name(table), VOUCHED_PROPERTY, str(self.version(table)))

    def set_property(self, table: Table, name: str, value: str) -> None:
        """As `Storage`."""
        _set_property(self._spark, self.sql_name(table), name, value)

    def show_views(self, views: Sequence[SqlView], ours: Collection[str], mark: str) -> int:
        """As `Storage`, one after the other; the mark is a property of each, and its like on the last says that all are there."""
        digest = sha256("\x1f".join(view.select for view in views).encode()).hexdigest()[:16]
        marked = f"{mark} {digest}"
        try:
            there = {row["viewName"] for row in self._spark.sql(f"SHOW VIEWS IN {self.root}").collect()}
            gone = sorted((there & set(ours)) - {view.name for view in views})
            if not gone and (not views or (views[-1].name in there and self._mark(views[-1].name) == marked)):
                return 0
            for name in gone:
                self._spark.sql(f"DROP VIEW IF EXISTS {self.root}.{name}")
            for view in views:
                self._spark.sql(
                    f"CREATE OR REPLACE VIEW {self.root}.{view.name} COMMENT {sql_text(view.comment)} "
                    f"TBLPROPERTIES ({sql_text(MARK_PROPERTY)} = {sql_text(marked)}) AS {view.select}"
                )
        except PySparkException as error:
            raise ConfigError(f"the catalog refuses a view ({telling_line(error)})") from error
        return len(gone) + len(views)

    def _mark(self, view: str) -> str:
        shown = self._spark.sql(f"SHOW TBLPROPERTIES {self.root}.{view} ({sql_text(MARK_PROPERTY)})").collect()
        return str(shown[0]["value"])

    @property
    def _hint(self) -> str:
        return f"create the schema first; or for a folder write ./{self.root}"

    def _check_format(self, table: Table) -> None:
        if table.name in self._of_our_format:
            return
        shown = self._spark.sql(f"SHOW TBLPROPERTIES {self.sql_name(table)} ({sql_text(FORMAT_PROPERTY)})")
        check_format(shown.collect()[0]["value"], f"{self.root}/{table.name}")
        self._of_our_format.add(table.name)

    def _identity(self, table: Table) -> tuple[str, datetime]:
        """Delta's id of the table, and when it was created."""
        detail = self._spark.sql(f"DESCRIBE DETAIL {self.sql_name(table)}").selectExpr("id", "unix_millis(createdAt) AS made")
        found = detail.collect()[0]
        return str(found["id"]), datetime.fromtimestamp(found["made"] / 1e3, UTC)


def as_frame(spark: SparkSession, rows: DataFrame | pa.Table) -> DataFrame:
    """Rows as a DataFrame, also those that the driver holds."""
    return spark.createDataFrame(rows, from_arrow_schema(rows.schema)) if isinstance(rows, pa.Table) else rows  # none may be there


def read(spark: SparkSession, tables: SparkFolderTables | CatalogTables, table: Table, version: int | None = None) -> DataFrame:
    """A table's rows, as they are or as they stood at a version."""
    at = "" if version is None else f" VERSION AS OF {version}"
    return spark.sql(f"SELECT * FROM {tables.sql_name(table)}{at}")


def read_declared(
    spark: SparkSession, tables: SparkFolderTables | CatalogTables, table: Table, version: int | None = None
) -> DataFrame:
    """A table's declared columns; null where an older version lacks one."""
    found = read(spark, tables, table, version)
    absent = missing_columns(table, found.columns, f"{tables.root}/{table.name}")
    return found.withColumns({column.name: F.lit(None).cast(column.type) for column in absent}) if absent else found


def _create(spark: SparkSession, name: str, table: Table, root: str, hint: str) -> None:
    properties = {**table.properties(), FORMAT_PROPERTY: str(FORMAT)}
    listed = ", ".join(f"{sql_text(key)} = {sql_text(value)}" for key, value in properties.items())
    with _explained(root, hint):
        spark.sql(
            f"CREATE TABLE IF NOT EXISTS {name} ({table.ddl()}) USING delta "
            f"COMMENT {sql_text(table.comment)} TBLPROPERTIES ({listed})"
        )


def _write(
    spark: SparkSession, table: Table, rows: DataFrame, predicate: str | None, metadata: str,
    *, path: str | None = None, name: str | None = None,
) -> None:  # fmt: skip
    """Write the declared columns; those that a table made before lacks are added, null in its older rows."""
    settings = {"userMetadata": metadata, "mergeSchema": "true"} | ({} if predicate is None else {"replaceWhere": predicate})
    writer = rows.select(*table.column_names).write.format("delta").options(**settings)
    writer = writer.mode("append" if predicate is None else "overwrite")
    with _layout(spark, table):
        if path is None:
            writer.saveAsTable(name)
        else:
            writer.save(path)


def _set_property(spark: SparkSession, table: str, name: str, value: str) -> None:
    spark.sql(f"ALTER TABLE {table} SET TBLPROPERTIES ({sql_text(name)} = {sql_text(value)})")


@contextmanager
def _saying(spark: SparkSession, metadata: str) -> Iterator[None]:
    """Have commits of SQL carry what our writer leaves with a commit."""
    with held_settings(spark, {USER_METADATA: metadata}):
        yield


@contextmanager
def _gone(where: str, done: str) -> Iterator[None]:
    try:
        yield
    except PySparkException as error:
        raise InfrastructureError(f"{where} cannot be {done}: {telling_line(error)}") from error


@contextmanager
def _explained(root: str, hint: str) -> Iterator[None]:
    """Tell a catalog or schema that is not there, and a folder with files of another kind, as mistakes in `lake:`."""
    try:
        yield
    except AnalysisException as error:
        raise ConfigError(f"lake: {root} cannot hold a table ({telling_line(error)}); {hint}") from error


@contextmanager
def _layout(spark: SparkSession, table: Table) -> Iterator[None]:
    settings = {f"parquet.enable.dictionary#{path}": "false" for path in table.measured_paths}
    if table.packed:
        settings["parquet.block.row.count.limit"] = str(ROWS_A_GROUP)
    with held_settings(spark, settings):
        yield
