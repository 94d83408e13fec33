"""The files and the schema of a Delta table's newest version, by delta-rs."""

import math
import os
from datetime import date, datetime
from pathlib import Path
from urllib.parse import unquote

import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from sigmalake.config.sources import Location
from sigmalake.config.stores.opening import delta_options
from sigmalake.config.stores.uri import is_uri
from sigmalake.errors import ConfigError, DataError
from sigmalake.sources.files import SourceFile

PARTITION = "partition."  # how delta-rs begins the names of a file's partition values
UNOPENED = "[]%"  # characters of a path on which delta-rs 1.6 fails


def delta_files(name: str, place: Location, date_column: str | None) -> list[SourceFile]:
    """The files of the newest version, with their partition values and, of a column of dates, their first and last.

    Raises:
        ConfigError: there is no such table, or it needs `engine: spark`.
        DataError: its log is damaged.
    """
    table = _opened(name, place)
    root = _absolute(place)
    try:
        rows = pa.table(table.get_add_actions(flatten=True)).to_pylist()
    except DeltaError as error:
        raise DataError(f"sources.{name}: {place.where} cannot be read as delta: {error}") from error
    files = [
        SourceFile(
            path=_path(root, str(row["path"])),
            size=int(row["size_bytes"]),
            state=f"{row['size_bytes']}:{row['modification_time']}",
            partition=tuple((key[len(PARTITION) :], _text(row[key])) for key in row if key.startswith(PARTITION)),
            span=None if date_column is None else _span(row, date_column),
        )
        for row in rows
    ]
    return sorted(files, key=lambda file: file.path)


def delta_columns(name: str, place: Location) -> list[tuple[str, pa.DataType]]:
    """The columns that the table declares: an older file that lacks one holds nulls there."""
    declared = pa.schema(_opened(name, place).schema().to_arrow())
    return [(field.name, field.type) for field in declared]


def _opened(name: str, place: Location) -> DeltaTable:
    root = _absolute(place)
    if not is_uri(root) and not Path(root, "_delta_log").is_dir():
        raise ConfigError(f"sources.{name}: {place.where}: there is no delta table; look at `path:` and `format:`")
    if strange := [character for character in UNOPENED if not is_uri(root) and character in root]:
        raise ConfigError(
            f"sources.{name}: {place.where}: no Delta table is opened whose path has {strange[0]!r} in it; "
            "rename the folder, or say `engine: spark`"
        )
    try:
        table = DeltaTable(root, storage_options=delta_options(root))
        mapped = (table.metadata().configuration.get("delta.columnMapping.mode") or "none") != "none"
        deleted = not mapped and pa.table(table.deletion_vectors()).num_rows > 0
    except DeltaError as error:
        raise ConfigError(f"sources.{name}: {place.where} cannot be opened as a Delta table: {error}") from error
    if mapped or deleted:
        feature = "column mapping" if mapped else "deletion vectors"
        raise ConfigError(f"sources.{name}: {place.where} has {feature}, which only Spark reads; say `engine: spark`")
    return table


def _absolute(place: Location) -> str:
    path = place.path or ""
    return path if is_uri(path) else os.path.abspath(path)  # noqa: PTH100 - Path.resolve follows links


def _path(root: str, path: str) -> str:
    """A file of the table: relative to it, but for those of a shallow clone."""
    if is_uri(path):
        return path
    return f"{root.rstrip('/')}/{path}" if is_uri(root) else f"{root}/{unquote(path)}"


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _span(row: dict[str, object], date_column: str) -> tuple[date, date] | None:
    """Of a column of dates; timestamps are none: within a day they are unreadable, and lie in no span."""
    day = row.get(PARTITION + date_column)
    if isinstance(day, date) and not isinstance(day, datetime):
        return (day, day)
    first, last = row.get(f"min.{date_column}"), row.get(f"max.{date_column}")
    if isinstance(first, datetime) or row.get(f"null_count.{date_column}", math.nan) != 0:
        return None
    return (first, last) if isinstance(first, date) and isinstance(last, date) else None
