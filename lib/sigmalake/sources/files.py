"""The files that a source lies in, with the values that their folders' names give."""

import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path, PurePosixPath
from typing import NamedTuple
from urllib.parse import unquote

from sigmalake.config.sources import Location
from sigmalake.config.stores.uri import is_uri
from sigmalake.errors import ConfigError, DataError
from sigmalake.sources.opening import HERE, ListedFile, list_uri

NO_VALUE = "__HIVE_DEFAULT_PARTITION__"  # what Hive, Spark and Delta call a folder of rows without a value


class SourceFile(NamedTuple):
    """A file of a source."""

    path: str  # absolute, with the links in it, or a URI
    size: int  # bytes
    state: str  # its size and time: the same, and its rows are the same
    partition: tuple[tuple[str, str | None], ...] = ()  # columns whose value the folders' names give, as text
    span: tuple[date, date] | None = None  # dates of all its rows, where that is known without reading it


def list_files(name: str, place: Location, date_column: str | None = None) -> list[SourceFile]:
    """Every file of a source, in the order of their paths.

    Folders are read with their sub-folders; names that begin with a dot or an underscore are passed over. A folder
    `key=value` gives its files the column `key` with the text `value`.

    Args:
        name: of the source in the configuration, for messages.
        place: where it lies.
        date_column: by whose statistics a Delta table knows the dates of a file.

    Raises:
        ConfigError: there is no such file or table, or it is of another format.
        DataError: a folder holds no file of the format.
        InfrastructureError: the store cannot be reached.
    """
    if place.path is None:
        raise ConfigError(f"sources.{name}: table {place.where} is a catalog's, which `engine: spark` reads")
    if place.read_as == "delta":
        from sigmalake.sources.delta_files import delta_files  # noqa: PLC0415 - delta-rs is loaded where a source needs it

        return delta_files(name, place, date_column)
    place.check_exists(name)
    path = unquote(place.path.removeprefix(HERE)) if place.path.startswith(HERE) else place.path
    listed = list_uri(path) if is_uri(path) else list(_local(path))
    _refuse_delta(name, place, listed)
    read = [file for file in listed if _is_read(PurePosixPath(file.relative))]
    if not read:
        raise _without_files(name, place, listed)
    files = [SourceFile(file.uri, file.size, file.state, _partition(file.relative)) for file in read]
    return sorted(files, key=lambda file: file.path)


def _local(path: str) -> Iterator[ListedFile]:
    """The files of a path of this machine, linked ones, too."""
    root = os.path.abspath(path)  # noqa: PTH100 - Path.resolve follows links, Path.absolute leaves `..`
    if Path(root).is_file():
        yield _local_file(root, "")
    for folder, _, names in os.walk(root, followlinks=True):
        for name in names:
            file = f"{folder}/{name}"
            if Path(file).is_file():
                yield _local_file(file, file[len(root) + 1 :])


def _local_file(path: str, relative: str) -> ListedFile:
    state = Path(path).stat()
    return ListedFile(path, relative, state.st_size, f"{state.st_size}:{state.st_mtime_ns}")


def _is_read(relative: PurePosixPath) -> bool:
    """Whether a file of a folder is one of its data files: `_SUCCESS`, `.crc` and the like are not."""
    return not any(part.startswith((".", "_")) and "=" not in part for part in relative.parts)


def _partition(relative: str) -> tuple[tuple[str, str | None], ...]:
    """The columns that `key=value` folders give."""
    pairs = [part.partition("=") for part in PurePosixPath(relative).parts[:-1] if "=" in part]
    return tuple((unquote(key), None if value == NO_VALUE else unquote(value)) for key, _, value in pairs)


def _refuse_delta(name: str, place: Location, listed: list[ListedFile]) -> None:
    """A Delta table's folder also holds files that were replaced: read as Parquet, it would give their rows, too."""
    if any("_delta_log" in PurePosixPath(file.relative).parts for file in listed):
        raise ConfigError(f"sources.{name}: {place.where} is or holds a Delta table; give its folder and say `format: delta`")


def _without_files(name: str, place: Location, listed: list[ListedFile]) -> DataError:
    passed = f" but {len(listed)} whose names begin with a dot or an underscore, e.g. {listed[0].relative}" if listed else ""
    return DataError(f"sources.{name}: {place.where}: it holds no {place.read_as} files{passed}; name the folder or file that does")
