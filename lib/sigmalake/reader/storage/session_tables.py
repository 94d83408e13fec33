"""The tables of a release in a catalog, each at the version that the release names: a session of Spark is asked for them in SQL.

Only the platform may read the files of a catalog's tables. Of a table with a row a date, the dates of all rows are read first,
which are few; then the rows of the dates that are wanted, with their arrays.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import partial
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.dataset as ds

from sigmalake.errors import InfrastructureError, MissingRiskError, telling_line
from sigmalake.lake.dates import as_ranges
from sigmalake.lake.format import FORMAT_PROPERTY, check_readable
from sigmalake.lake.row_filter import of_dates
from sigmalake.lake.upkeep.older import beside, fill_missing, with_older_values
from sigmalake.reader.storage.table_reader import StoredRows
from sigmalake.tables.catalogue import ALL_TABLES, MODEL_TABLES
from sigmalake.tables.declaration import Table

_RELEASED = {table.name for table in MODEL_TABLES}
MOST_RANGES = 200  # of dates in a condition; the rows of more are chosen here


class Session(Protocol):
    """What is asked of a session of Spark, classic or of Spark Connect."""

    @property
    def catalog(self) -> Any:
        """Says which tables there are."""

    def sql(self, query: str, /) -> Any:
        """A query, as a DataFrame."""


class SessionTables:
    """The tables of a release, asked for as they are read; those that no release names are read as they are now."""

    def __init__(
        self, spark: Session, root: str, release_id: str = "", versions: Mapping[str, int] | None = None,
        table_ids: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        """The tables of a release; arguments as of `DeltaTables`, without a release for the tables of its record alone."""
        self.spark, self._root, self._release_id = spark, root, release_id
        self._versions, self._table_ids = versions or {}, table_ids or {}
        self._schemas: dict[str, pa.Schema | None] = {}
        self._keys: dict[str, pa.Table] = {}

    @property
    def place(self) -> str:
        """The catalog's schema."""
        return self._root

    def has(self, table: Table) -> bool:
        """Whether the table is in the release, or, where no release names it, in the lake."""
        return self._schema(table) is not None

    def rows(self, table: Table, columns: Sequence[str], where: ds.Expression | None = None) -> pa.Table:
        """Some columns of some rows; null where the version of the table is older than a column.

        Raises:
            ConfigError: the version lacks a column that is never null.
            MissingRiskError: the release has no such table.
            InfrastructureError: Spark cannot read it.
        """
        stored = self._schema(table)
        if stored is None:
            name = f"{self._root}.{table.name}"
            raise MissingRiskError(f"release {self._release_id} has no table {table.name} ({name}); open another release")
        keys = [] if where is None else [name for name in _dated_keys(table) if name not in columns]
        wanted = [*columns, *keys, *(name for name in beside(table, columns) if name not in keys)]
        schema = fill_missing(table, stored, wanted, f"{self._root}/{table.name}")
        condition = "" if where is None or not table.packed else self._condition(table, where)
        rows = self._select(table, [name for name in wanted if name in stored.names], condition)
        for name in wanted:
            if name not in rows.column_names:
                rows = rows.append_column(schema.field(name), pa.nulls(rows.num_rows, schema.field(name).type))
        rows = with_older_values(table, rows)
        return ds.dataset(rows).to_table(columns=list(columns), filter=where) if where is not None else rows.select(list(columns))

    def stored(self) -> dict[str, StoredRows]:
        """As `TableReader`: those of the release at its versions, the run ledger and what `evaluate` wrote as they are now.

        What is there is asked for once; a table is looked at when its rows are.
        """
        listed = self.spark.sql(f"SHOW TABLES IN {self._root}").select("tableName").collect()
        there = {row["tableName"] for row in listed} - (_RELEASED - self._versions.keys())
        return {table.name: _LazyRows(table, partial(self.rows, table)) for table in ALL_TABLES if table.name in there}

    def _condition(self, table: Table, where: ds.Expression) -> str:
        """The dates of the rows that are wanted, as SQL; empty where it does not narrow them."""
        dated = table.date or ""
        if table.name not in self._keys:
            self._keys[table.name] = self._select(table, _dated_keys(table), "")
        keys = self._keys[table.name]
        try:
            found = ds.dataset(keys).to_table(columns=[dated], filter=where).column(dated).to_pylist()
        except pa.ArrowInvalid:  # the condition is on another column
            return ""
        known = sorted({day for day in keys.column(dated).to_pylist() if day is not None})
        days: set[date] = {day for day in found if day is not None}
        ranges = as_ranges(days, known)
        if len(days) == len(known) or len(ranges) > MOST_RANGES:
            return ""
        undated = f" OR {dated} IS NULL" if None in found else ""
        return f" WHERE {of_dates(dated, ranges).sql()}{undated}"

    def _select(self, table: Table, columns: Sequence[str], condition: str) -> pa.Table:
        declared, version = table.arrow_schema(), self._versions.get(table.name)
        at = "" if version is None else f" VERSION AS OF {version}"
        try:
            rows = self.spark.sql(f"SELECT {', '.join(columns)} FROM {self._root}.{table.name}{at}{condition}").toArrow()
        except Exception as error:  # Spark's, Py4J's and Delta's errors share no base class
            raise InfrastructureError(
                f"{self._root}.{table.name}{at} cannot be read: {telling_line(error)}; see that this session may read the schema, "
                "and that the version was not vacuumed"
            ) from error
        found: pa.Table = rows.cast(pa.schema([declared.field(name).with_nullable(True) for name in columns]))
        return found

    def _schema(self, table: Table) -> pa.Schema | None:
        """The declared columns that the stored table has; None where there is no such table."""
        if table.name not in self._schemas:
            self._schemas[table.name] = self._opened(table)
        return self._schemas[table.name]

    def _opened(self, table: Table) -> pa.Schema | None:
        name, version = f"{self._root}.{table.name}", self._versions.get(table.name)
        if (version is None and table.name in _RELEASED) or not self.spark.catalog.tableExists(name):
            return None
        detail = self.spark.sql(f"DESCRIBE DETAIL {name}").select("id", "properties").collect()[0]
        check_readable(dict(detail["properties"]).get(FORMAT_PROPERTY), name)
        noted = self._table_ids.get(table.name)
        if noted is not None and str(detail["id"]) != noted:
            raise InfrastructureError(
                f"release {self._release_id} was made of another table {table.name} than {name}, which was created later; open a "
                "newer release"
            )
        at = "" if version is None else f" VERSION AS OF {version}"
        there = set(self.spark.sql(f"SELECT * FROM {name}{at}").columns)
        return pa.schema([field for field in table.arrow_schema() if field.name in there])


class _LazyRows(ds.InMemoryDataset):  # type: ignore[misc]  # pyarrow has no annotations
    """Rows of a table that are read when a query scans them: DuckDB asks a data set for columns and a condition."""

    def __init__(self, table: Table, rows: Any) -> None:
        super().__init__(table.arrow_schema().empty_table())
        self._table, self._rows = table, rows

    def scanner(self, columns: Sequence[str] | None = None, filter: ds.Expression | None = None, **_: object) -> ds.Scanner:  # noqa: A002 - Arrow's name
        names = list(self._table.column_names if columns is None else columns)
        return ds.dataset(self._rows(names, filter)).scanner(columns=names)


def _dated_keys(table: Table) -> list[str]:
    """The columns by which rows are chosen: few, and no arrays."""
    dates = [column.name for column in table.columns if column.type == "DATE"]
    return list(dict.fromkeys([*table.key, *dates]))
