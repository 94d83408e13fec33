"""What a Delta table says without Spark: versions, commits and small columns in milliseconds.

A lake in a folder or behind a URI is read by delta-rs. A lake in a catalog is read by Spark (`lake.py`), since only the platform
has the keys to its storage.
"""

import json
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError, TableNotFoundError
from pyarrow import fs

from sigmalake.config.stores.opening import arrow_place, delta_options, store_error
from sigmalake.config.stores.uri import is_uri
from sigmalake.errors import InfrastructureError, telling_line
from sigmalake.lake.damage import SCAN, explained_file, filtered_rows
from sigmalake.lake.dates import DateRange
from sigmalake.lake.upkeep.older import beside, fill_missing, with_older_values
from sigmalake.tables.declaration import Table

OPTIMIZE = "OPTIMIZE"
MAINTAIN = "maintain"  # the stage whose commits hold the rows that were there before
KEEPS_ROWS = {
    *("CREATE TABLE", "SET TBLPROPERTIES", "UNSET TBLPROPERTIES", "ADD CONSTRAINT", "DROP CONSTRAINT", "ADD COLUMN", "ADD COLUMNS"),
    *(OPTIMIZE, "VACUUM START", "VACUUM END"),
}
VERIFY = "verify"  # the stage whose commits vouch for all that came before them in a table


class Commit(NamedTuple):
    """A version of a table, and what its writer said of it."""

    version: int
    run_id: str | None
    ranges: tuple[DateRange, ...]
    keeps_rows: bool = False  # by what it did, whoever did it
    stage: str | None = None
    fence: int = 0  # of the lease under which it was written; 0: none
    operation: str = ""  # as Delta calls it
    restores: int | None = None  # the version whose rows it put back
    model: str | None = None  # the name of the model; None: written before names went with commits

    @property
    def is_ours(self) -> bool:
        """Whether a run of sigmalake wrote it."""
        return self.run_id is not None and self.stage is not None


class Wanted(Protocol):
    """A condition on rows of a table."""

    def mask(self, rows: pa.Table) -> pa.ChunkedArray:
        """Which of the rows fulfil it, none of them null."""


class Seen(NamedTuple):
    """A table as it stood when a run or a release noted its version."""

    version: int
    at: datetime
    table_id: str | None = None  # of Delta's metadata; None: noted by a version of sigmalake that kept no ids

    def is_of(self, version: int, table_id: str, made: datetime | None) -> bool:
        """Whether the table of that name is still the one that was seen; it may have been dropped and made anew.

        A table keeps its id for life. Only where none was noted do clocks decide, which may be those of two hosts.

        Args:
            version: the newest there is.
            table_id: of Delta's metadata.
            made: when the table was created; None: it does not say.
        """
        if version < self.version:
            return False
        return table_id == self.table_id if self.table_id is not None else made is None or made <= self.at


class Identity(NamedTuple):
    """What tells a table from another of its name, and how far it has come."""

    version: int
    table_id: str
    made: datetime | None

    def is_later(self, seen: Seen) -> bool:
        """Whether it is the table that was seen, with all the commits that it had then."""
        return seen.is_of(self.version, self.table_id, self.made)


def identity(table: DeltaTable) -> Identity:
    """That of a table as it was opened."""
    metadata = table.metadata()
    made = None if metadata.created_time is None else datetime.fromtimestamp(metadata.created_time / 1e3, UTC)
    return Identity(int(table.version()), str(metadata.id), made)


def open_table(location: str, version: int | None = None) -> DeltaTable | None:
    """The table at a location, or None where there is none."""
    with explained_log(f"{location} ({'newest' if version is None else version})"):
        try:
            return DeltaTable(location, version=version, storage_options=delta_options(location))
        except TableNotFoundError:
            return None


@contextmanager
def explained_log(where: str) -> Iterator[None]:
    """Turn what delta-rs says of a log that it cannot read into one line."""
    try:
        yield
    except (DeltaError, OSError) as error:
        if is_uri(where) and "Generic" in str(error):
            raise store_error(where.split(" ", maxsplit=1)[0], error) from None
        raise InfrastructureError(f"{where} cannot be read: {telling_line(error)}; {_way_out(where, error)}") from None


def _way_out(where: str, error: Exception) -> str:
    """What to do with a log that cannot be read; it may be whole, and only what names its newest checkpoint be wrong."""
    log = f"{where.split(' (', maxsplit=1)[0]}/_delta_log"
    hint = (
        f"remove {log}/_last_checkpoint, which names a checkpoint that is not there, or "
        if "_last_checkpoint hint" in str(error)
        else ""
    )
    return f"{hint}restore {log} from a copy"


def clear_torn_log(location: str) -> None:
    """Take away the log of a table whose very first commit was cut short: Delta would take the folder for a table of another's.

    Nothing but hidden, unfinished files are in such a log; anything else is left alone.
    """
    log = Path(location, "_delta_log")
    if log.is_dir() and all(path.is_dir() or path.name.startswith(".") for path in log.rglob("*")):
        shutil.rmtree(log)


def read_columns(
    table: DeltaTable, columns: Sequence[str], rows: ds.Expression | None = None, *, declared: Table | None = None,
    known: dict[tuple[str, pa.Schema], pa.Table] | None = None,
) -> pa.Table:  # fmt: skip
    """Some columns of some rows; files and row groups that hold none of them are skipped.

    The files are read by Arrow's own file system: with delta-rs' one (deltalake 1.6) a Python process aborts at its exit. Where
    all rows are wanted, files are read one by one: a dataset takes five times as long for files of many row groups.

    Args:
        table: opened at a version.
        columns: of it.
        rows: which; None: all.
        declared: says which columns are null where this version lacks them; None: it has them all.
        known: columns of files of this table that were read before, by path and schema, to which those read now are added:
            a file never changes.

    Raises:
        ConfigError: the version lacks a column that is never null.
    """
    stored = pa.schema(table.schema().to_arrow())
    more: list[str] = []
    if declared is not None:
        stored = fill_missing(declared, stored, columns, table.table_uri)
        more = [name for name in beside(declared, columns) if name in stored.names]
    if rows is not None or more:
        read = filtered_rows(arrow_dataset(table).replace_schema(stored), [*columns, *more], rows)
    else:
        schema = pa.schema([stored.field(name) for name in columns])
        files = arrow_dataset(table, promised=()).get_fragments()
        read = pa.concat_tables([schema.empty_table(), *(_remembered(file, schema, known) for file in files)])
    return read if declared is None else with_older_values(declared, read).select(list(columns))


def _remembered(file: ds.ParquetFileFragment, schema: pa.Schema, known: dict[tuple[str, pa.Schema], pa.Table] | None) -> pa.Table:
    if known is None:
        return file_rows(file, schema)
    key = file.path, schema
    if key not in known:
        known[key] = file_rows(file, schema)
    return known[key]


def file_rows(
    file: ds.ParquetFileFragment, schema: pa.Schema, wanted: Sequence[Wanted] = (), filtered_by: pa.Schema | None = None
) -> pa.Table:
    """Rows of one file of a table, or of some of its row groups, in the columns of a schema.

    A column is null where the file was written before the table had it. Rows are filtered after they were read, and only if some
    are not wanted: a data set of Arrow takes twice as long for arrays, which it copies to filter them.

    Args:
        file: with the row groups to be read.
        schema: of the columns.
        wanted: conditions that every row fulfils.
        filtered_by: the columns that these read.
    """
    named = pa.unify_schemas([schema, filtered_by]) if wanted and filtered_by is not None else schema
    with explained_file(file):
        parquet = pq.ParquetFile(
            file.open(), metadata=file.metadata, pre_buffer=not _is_local(file), page_checksum_verification=True
        )
        there = [name for name in named.names if name in parquet.schema_arrow.names]
        rows = parquet.read_row_groups([group.id for group in file.row_groups], there, use_threads=False)
    found = pa.table([_as_declared(rows, field) for field in named], schema=named)
    for condition in wanted:
        mask = condition.mask(found)
        if not pc.all(mask, min_count=0).as_py():
            found = found.filter(mask)
    return found.select(schema.names)


def _as_declared(rows: pa.Table, field: pa.Field) -> pa.ChunkedArray | pa.Array:
    if field.name not in rows.schema.names:
        return pa.nulls(rows.num_rows, field.type)
    column = rows.column(field.name)
    return column if column.type == field.type else column.cast(field.type)


def _is_local(file: ds.ParquetFileFragment) -> bool:
    """Whether many small reads cost nothing."""
    return isinstance(getattr(file.filesystem, "base_fs", file.filesystem), fs.LocalFileSystem)


def arrow_dataset(table: DeltaTable, promised: Sequence[pa.Field] | None = None) -> ds.FileSystemDataset:
    """The files of a table, each with what the log's statistics promise of it, on Arrow's own file system.

    Args:
        table: opened at a version.
        promised: columns that the promises are about, and all that the dataset then has; None: all, which takes a while to say.
    """
    schema = None if promised is None else pa.schema(promised)
    found = table.to_pyarrow_dataset(filesystem=file_system(table_location(table)), schema=schema)
    found.format.default_fragment_scan_options = SCAN
    return found


def table_location(table: DeltaTable) -> str:
    """The folder or URI of a table: delta-rs puts a scheme before a folder."""
    uri = table.table_uri
    return unquote(uri.removeprefix("file://")) if uri.startswith("file://") else uri.rstrip("/")


def file_system(location: str) -> fs.SubTreeFileSystem:
    """Arrow's view of a table's folder or URI, below which paths are relative."""
    storage, folder = arrow_place(location) if is_uri(location) else (fs.LocalFileSystem(), location)
    return fs.SubTreeFileSystem(folder, storage)


def commits_since(table: DeltaTable, seen: Seen | None) -> list[Commit]:
    """The commits that came after a table was seen, oldest first: all of them where it is another one now."""
    known = seen is not None and identity(table).is_later(seen)
    version = seen.version if seen is not None and known else -1
    if version == table.version():
        return []
    found = [parse_commit(int(c["version"]), c.get("userMetadata"), c.get("operation")) for c in _history(table, version + 1)]
    return sorted((commit for commit in found if commit.version > version), key=lambda commit: commit.version)


def _history(table: DeltaTable, first: int) -> list[dict[str, Any]]:
    """What the commits from a version on say of themselves.

    Of a folder it is read from its files: delta-rs (1.6) finds none below a path with signs that a URI encodes.
    """
    location = table_location(table)
    if "://" in location:
        return table.history(table.version() - first + 1)
    found = []
    for version in range(first, table.version() + 1):
        file = Path(location, "_delta_log", f"{version:020}.json")
        for line in file.read_bytes().splitlines() if file.exists() else ():
            if b'"commitInfo"' in line and isinstance(said := json.loads(line).get("commitInfo"), dict):
                found.append({**said, "version": version})
    return found


def parse_commit(version: int, user_metadata: str | None, operation: str | None) -> Commit:
    """A commit from the metadata that our writer left; a stranger's commit has no ranges."""
    stranger = Commit(version, None, (), operation in KEEPS_ROWS, operation=operation or "")
    try:
        given = json.loads(user_metadata or "{}")
        ranges = tuple(DateRange(date.fromisoformat(a), date.fromisoformat(b)) for a, b in given.get("dates", []))
        return stranger._replace(
            run_id=given.get("run_id"), ranges=ranges, stage=given.get("stage"), fence=int(given.get("fence", 0)),
            keeps_rows=stranger.keeps_rows or given.get("stage") == MAINTAIN,
            restores=given.get("restores"), model=given.get("model"),
        )  # fmt: skip
    except (ValueError, AttributeError, TypeError):
        return stranger


def commit_metadata(
    run_id: str, stage: str, fence: int, config_hash: str, ranges: Sequence[DateRange], engine: str,
    *, model: str | None = None, restores: int | None = None,
) -> str:  # fmt: skip
    """What our writer leaves with a commit."""
    dates = [[r.first.isoformat(), r.last.isoformat()] for r in ranges]
    given = {"run_id": run_id, "stage": stage, "fence": fence, "config_hash": config_hash, "engine": engine, "dates": dates}
    beside = {"model": model, "restores": restores}
    return json.dumps({**given, **{name: value for name, value in beside.items() if value is not None}}, separators=(",", ":"))


def in_effect(commits: Iterable[Commit]) -> list[Commit]:
    """The commits as they count: what was undone by putting earlier rows back is left out, what a run vouched for is no change."""
    found: list[Commit] = []
    for commit in commits:
        if commit.is_ours and commit.restores is not None:
            found = [one for one in found if one.version <= commit.restores]
            found.append(commit._replace(keeps_rows=True))
            continue
        if commit.is_ours and commit.stage == VERIFY and commit.keeps_rows:
            found = [one if one.is_ours else one._replace(keeps_rows=True) for one in found]
        found.append(commit)
    return found
