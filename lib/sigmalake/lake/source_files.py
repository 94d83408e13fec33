"""The files that a source lies in, listed without Spark: what tells that a file's rows need not be read again."""

import math
import os
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from sigmalake.config.sources import Location


class SourceFile(NamedTuple):
    """A file of a source."""

    path: str  # absolute, with the links that Spark, too, leaves in it
    state: str  # its size and time: the same, and its rows are the same
    span: tuple[date, date] | None = None  # dates of all its rows, where that is known without reading it


def source_files(place: Location, date_column: str) -> list[SourceFile] | None:
    """Every file of a source on this machine; None where it cannot be told, as of a catalog's table or behind a URI."""
    path = Path(os.path.abspath(place.path or ""))  # noqa: PTH100 - Path.resolve follows links, Path.absolute leaves `..`
    if place.table is not None or "://" in (place.path or "") or not path.exists():
        return None
    if place.read_as == "delta":
        return _delta_files(path, date_column)
    found = [path] if path.is_file() else [p for p in sorted(_files_in(path)) if _is_read(p.relative_to(path))]
    return [SourceFile(str(p), f"{p.stat().st_size}:{p.stat().st_mtime_ns}") for p in found]


def plain_path(uri: str) -> str:
    """A file as the operating system names it, from Spark's `_metadata.file_path`."""
    return "/" + unquote(uri).removeprefix("file:").lstrip("/")


def _files_in(folder: Path) -> Iterator[Path]:
    """Every file of a folder and of those in it, linked ones, too, as Spark lists them."""
    for place, _, names in os.walk(folder, followlinks=True):
        yield from (path for name in names if (path := Path(place, name)).is_file())


def _is_read(path: Path) -> bool:
    """Whether Spark reads a file of a folder: it passes over names that begin with a dot or an underscore."""
    return not any(part.startswith((".", "_")) and "=" not in part for part in path.parts)


def _delta_files(path: Path, date_column: str) -> list[SourceFile] | None:
    try:
        table = DeltaTable(str(path))
        if "deletionVectors" in (table.protocol().reader_features or ()):
            return None  # the rows of a file may go without the file
        files = pa.table(table.get_add_actions(flatten=True)).to_pylist()
    except DeltaError:  # told where it is read
        return None
    return [
        SourceFile(str(path / unquote(f["path"])), f"{f['size_bytes']}:{f['modification_time']}", _span(f, date_column))
        for f in files
    ]


def _span(file: dict[str, object], date_column: str) -> tuple[date, date] | None:
    """Of a column of dates; timestamps are none: within a day they are unreadable, and lie in no span."""
    first, last = file.get(f"min.{date_column}"), file.get(f"max.{date_column}")
    if isinstance(first, datetime) or file.get(f"null_count.{date_column}", math.nan) != 0:
        return None
    return (first, last) if isinstance(first, date) and isinstance(last, date) else None
