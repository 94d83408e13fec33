"""One SELECT on a model's tables: rows as Arrow, and what is wrong with it in a sentence."""

import re
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from sigmalake.errors import ConfigError, InfrastructureError, SigmalakeError
from sigmalake.reader.names import did_you_mean
from sigmalake.reader.sql.connection import duckdb_module
from sigmalake.tables.catalogue import ALL_TABLES
from sigmalake.tables.views import CURRENT, VIEWS

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_READING = {"SELECT", "EXPLAIN"}  # DESCRIBE, SHOW, SUMMARIZE and VALUES are SELECTs to DuckDB
_NO_TABLE = re.compile(r'Table with name "?([^"\s]+)"? does not exist')
_NO_COLUMN = re.compile(r'(?:Referenced column|not have a column named) "([^"]+)"')
_CANDIDATES = re.compile(r"Candidate bindings: (.+)")
_LOST = re.compile(
    r"No such file|FileNotFoundError|Couldn't deserialize|Parquet magic bytes|Unexpected end of stream|page integrity|page header"
)
_COMMENTS = {**{table.name: table.comment for table in ALL_TABLES}, **{view.name: view.comment for view in VIEWS}}


@dataclass(frozen=True)
class QueryRows:
    """Rows that are computed while they are read, once; what goes wrong on the way is explained."""

    schema: pa.Schema
    batches: Iterable[pa.RecordBatch]
    release: str  # what messages call the model
    names: dict[str, list[str]]  # columns by table

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        with explained(self.release, self.names):
            yield from self.batches

    def read_all(self) -> pa.Table:
        """All rows in memory."""
        return pa.Table.from_batches(self, self.schema)


def select(con: "DuckDBPyConnection", text: str, release: str) -> QueryRows:
    """The rows of one statement that reads.

    Args:
        con: of a model.
        text: the statement.
        release: what messages call the model.

    Raises:
        ConfigError: it is no statement, several, one that writes, or names what is not there.
        InfrastructureError: memory is too small, or a file is gone.
    """
    names = names_of(con)
    with explained(release, names):
        statements = con.extract_statements(text)
        if len(statements) != 1:
            raise ConfigError(f"SQL: {len(statements)} statements are given; give one, a SELECT")
        kind = statements[0].type.name
        if kind not in _READING:
            raise ConfigError(f"SQL: a release is read only, and {kind} is no statement that reads; give a SELECT")
        rows = pa.RecordBatchReader.from_stream(con.sql(text))
    return QueryRows(rows.schema, rows, release, names)


def names_of(con: "DuckDBPyConnection") -> dict[str, list[str]]:
    """The tables and views of a connection, each with its columns."""
    rows = con.execute("SELECT table_name, column_name FROM duckdb_columns() WHERE NOT internal ORDER BY ALL").fetchall()
    found: dict[str, list[str]] = {}
    for table, column in rows:
        found.setdefault(table, []).append(column)
    return found


@contextmanager
def explained(release: str, names: dict[str, list[str]]) -> Iterator[None]:
    """Turn what DuckDB says of a statement into one sentence.

    Args:
        release: what messages call the model.
        names: the columns by table that there are.
    """
    duckdb = duckdb_module()
    try:
        yield
    except SigmalakeError:
        raise
    except (duckdb.Error, OSError, pa.ArrowInvalid) as error:
        raise _explained(error, release, names) from error


def _explained(error: Exception, release: str, names: dict[str, list[str]]) -> SigmalakeError:
    text, kind = str(error), type(error).__name__
    if found := _NO_TABLE.search(text):
        return ConfigError(f"SQL: {_without_table(found[1], release, names)}")
    if found := _NO_COLUMN.search(text):
        return ConfigError(f"SQL: {_without_column(found[1], text, names)}")
    if kind == "PermissionException":
        return ConfigError(
            "SQL: this command reads the tables of a release, and neither files, the network nor extensions; for these use "
            "`model.duckdb()` in Python"
        )
    if kind == "OutOfMemoryException" or text.startswith("Out of Memory Error"):
        return InfrastructureError(f"SQL: the query needs more memory than there is ({_first(text)}); name fewer dates or columns")
    if _LOST.search(text):
        return InfrastructureError(
            f"SQL: a file that {release} reads is missing or damaged ({_first(text)}); restore it, or open another release"
        )
    return ConfigError(f"SQL: {_first(text)}")


def _without_table(name: str, release: str, names: Collection[str]) -> str:
    plain = name.removeprefix(CURRENT).lower()
    if plain in _COMMENTS:
        return f"{release} has no {name} ({_COMMENTS[plain]})"
    hint = did_you_mean(name, names)
    return f"there is no table or view {name}" + (f"; {hint}" if hint else "; `sigmalake sql --tables` lists them")


def _without_column(name: str, text: str, names: dict[str, list[str]]) -> str:
    of_from = _CANDIDATES.search(text)
    near = re.findall(r'"([^"]+)"', of_from[1]) if of_from else []
    hint = did_you_mean(name, near or {column for columns in names.values() for column in columns})
    has = f"; the nearest there are: {', '.join(near)}" if near else "; `sigmalake sql --tables` lists the columns"
    return f"there is no column {name}" + (f"; {hint}" if hint else has)


def _first(text: str) -> str:
    """The first line, without DuckDB's name for the kind of error."""
    return re.sub(r"^[\w ]+ Error: ", "", text.strip().splitlines()[0] if text.strip() else "no reason is given")[:300]
