"""A connection of DuckDB on which the tables of a model are, with the views that are declared beside them.

DuckDB reads files of Delta tables through Arrow's data sets, at the versions that a release names: of the columns that a query
names, and of the files and row groups that its dates leave. DuckDB's own extension for Delta is not used, since it is downloaded.
"""

from collections.abc import Iterator, Mapping, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, NamedTuple

from sigmalake.reader.exports.tools import tool
from sigmalake.reader.storage.table_reader import StoredRows
from sigmalake.tables.catalogue import ALL_TABLES, MODEL_TABLES
from sigmalake.tables.declaration import Column, Table
from sigmalake.tables.views import CURRENT, Periods, View, select_of, views_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_DECLARED = {table.name: table for table in ALL_TABLES}
_RELEASED = {table.name for table in MODEL_TABLES}
_LOCKS = ("enable_external_access = false", "python_enable_replacements = false", "lock_configuration = true")


class Queried(NamedTuple):
    """What of one release, or of a model in memory, can be queried."""

    tables: Mapping[str, StoredRows]  # by name
    periods: Sequence[Periods]  # of its variants


def duckdb_module() -> ModuleType:
    """DuckDB, which the extra [sql] installs."""
    return tool("duckdb", "sigmalake[sql]", "SQL on a model")


def connect(own: Queried, last: Queried | None, *, locked: bool) -> "DuckDBPyConnection":
    """A connection of its own database in memory, with views on the tables of a model.

    Args:
        own: each table under its name.
        last: of the last release, each table that it pins under its name after `current_`; None: that is `own`.
        locked: whether SQL is kept from files, the network, variables of Python, extensions and settings.

    Raises:
        InfrastructureError: DuckDB is not installed.
    """
    con = duckdb_module().connect(":memory:")
    _add(con, own, list(own.tables), "")
    current = own if last is None else last
    _add(con, current, [name for name in current.tables if name in _RELEASED], CURRENT)
    if locked:
        con.execute("; ".join(f"SET {setting}" for setting in _LOCKS))
    return con  # type: ignore[no-any-return]


def _add(con: "DuckDBPyConnection", queried: Queried, tables: Sequence[str], before: str) -> None:
    """Views on these tables, and the declared views that they serve, with `before` before each name."""
    views, comments = views_of(tables), list[str]()
    for name in tables:
        table = _DECLARED[name]
        con.from_arrow(queried.tables[name]).project(", ".join(map(_read, table.columns))).create_view(before + name)
        comments += _comments(table, before + name)
    names = {name: quoted(before + name) for name in [*tables, *(view.name for view in views)]}
    for view in views:
        con.execute(f"CREATE VIEW {names[view.name]} AS {select_of(view, names, queried.periods)}")
        comments += _comments(view, before + view.name)
    con.execute("; ".join(comments))


def _read(column: Column) -> str:
    """A column of a stored table; where it is never null, with what it was in rows that are older than the column."""
    name = quoted(column.name)
    if column.older is None:
        return name
    if column.older.beside is not None:
        return f"coalesce({name}, [NULL::DOUBLE for x in {quoted(column.older.beside)}]) AS {name}"
    return f"coalesce({name}, {'[]' if column.type.startswith('ARRAY') else '0'}) AS {name}"


def _comments(relation: Table | View, name: str) -> Iterator[str]:
    yield f"COMMENT ON VIEW {quoted(name)} IS {_text(relation.comment)}"
    for column in relation.columns:
        yield f"COMMENT ON COLUMN {quoted(name)}.{quoted(column.name)} IS {_text(column.comment)}"


def quoted(name: str) -> str:
    """A name as SQL takes any."""
    return '"' + name.replace('"', '""') + '"'


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
