"""One schema for all files of a source, found before any row is read, and what the configuration needs of it."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import pyarrow as pa

from sigmalake.config.sources import Location
from sigmalake.errors import ConfigError, DataError
from sigmalake.sources.columns import FileColumns, file_columns
from sigmalake.sources.delta_files import delta_columns
from sigmalake.sources.files import SourceFile
from sigmalake.sources.types import Kind, is_whole, kind_of, unified

READERS = 8  # footers and headers that are read at a time


class Use(NamedTuple):
    """What a column is used for: the values that it may hold, as messages say it, and the kinds of types that do."""

    holds: str
    kinds: frozenset[Kind]


DATES = Use(
    "dates, timestamps, text or whole numbers such as 20240131", frozenset({Kind.NOTHING, Kind.DATE, Kind.TEXT, Kind.NUMBER})
)
NUMBERS = Use("numbers or text", frozenset({Kind.NOTHING, Kind.NUMBER, Kind.TEXT}))
NAMES = Use("text or whole numbers", frozenset({Kind.NOTHING, Kind.NUMBER, Kind.TEXT}))
FLAGS = Use("true or false, numbers or text", frozenset({Kind.NOTHING, Kind.FLAG, Kind.NUMBER, Kind.TEXT}))
MAPS = Use("a map", frozenset({Kind.NOTHING, Kind.MAP}))


class SourceColumn(NamedTuple):
    """A column over all files of a source."""

    type: pa.DataType | None  # None: the types of the files cannot be reconciled
    types: tuple[tuple[pa.DataType, str], ...]  # each type, and the first file that has it
    lacking: str | None = None  # the first file without the column
    twice: str | None = None  # the first file that has it twice


@dataclass(frozen=True)
class SourceSchema:
    """The columns of a source as they are read from every one of its files."""

    name: str  # of the source in the configuration
    where: str
    read_as: str
    encoding: str | None
    columns: Mapping[str, SourceColumn]
    n_rows: int | None  # None: not known before they are read, as of CSV

    def type_of(self, column: str) -> pa.DataType:
        """The type that a column is read as."""
        return self.columns[column].type

    def require(self, uses: Mapping[str, Use]) -> None:
        """Every column that the configuration needs is in every file, once, and holds what it is used for.

        Raises:
            ConfigError: a column is missing in all files or in one, or is of another type.
            DataError: it stands twice in a file, the types of two files cannot be reconciled, or there is no row.
        """
        self._require_once(uses)
        missing = [column for column in uses if column not in self.columns]
        if missing:
            raise self._without(missing)
        for column in uses:
            self._require_everywhere(column)
        if self.n_rows == 0:
            raise self.without_rows()
        for column, use in uses.items():
            self._require_type(column, use)

    def without_rows(self) -> DataError:
        """What is said of a source without rows."""
        return DataError(f"sources.{self.name}: {self.where} has no rows")

    def _require_once(self, uses: Iterable[str]) -> None:
        for column in uses:
            if column in self.columns and (file := self.columns[column].twice) is not None:
                raise DataError(
                    f"sources.{self.name}: column {_shown(column)} is there twice in {file}, as columns or also as the name "
                    "of a folder; rename or remove one"
                )

    def _without(self, missing: Sequence[str]) -> ConfigError:
        close = [f"{c} (is it {near}?)" if (near := _similar(c, self.columns)) else c for c in missing]
        there = ", ".join(map(_shown, self.columns))[:1000] or "none"
        header = "the first line of a CSV file names its columns, between commas; " if self.read_as == "csv" else ""
        return ConfigError(
            f"sources.{self.name}: {self.where} has no column {', '.join(close)}; it has {there}; "
            f"{header}name the right one under sources.{self.name}.columns or factors"
        )

    def _require_everywhere(self, column: str) -> None:
        held = self.columns[column]
        if held.lacking is not None:
            raise ConfigError(
                f"sources.{self.name}: {held.lacking} has no column {_shown(column)}, which {held.types[0][1]} has; "
                "add it to the file, or take the file out of the folder"
            )

    def _require_type(self, column: str, use: Use) -> None:
        held = self.columns[column]
        if held.type is None:
            one, other = _irreconcilable(held.types)
            raise DataError(
                f"sources.{self.name}: the files differ in the type of column {_shown(column)}: {one[0]} in {one[1]}, "
                f"{other[0]} in {other[1]}; write it alike in all of them"
            )
        for kind, file in held.types:
            if kind_of(kind) not in use.kinds or (use in {NAMES, DATES} and kind_of(kind) is Kind.NUMBER and not is_whole(kind)):
                raise ConfigError(
                    f"sources.{self.name}: column {_shown(column)} of {file} holds {kind}, not {use.holds}; "
                    "convert it in the source, or name another column"
                )


def find_schema(name: str, place: Location, files: Sequence[SourceFile]) -> SourceSchema:
    """The schema of a source, from the footers or headers of all its files.

    Of a Delta table it is the one that the table declares. Files without rows, which often have no types either, count only
    where no file has rows.

    Raises:
        ConfigError: a file is of another format.
        DataError: a file is empty, damaged or not in its encoding.
    """
    encoding = getattr(place, "encoding", None)
    if place.read_as == "delta":
        columns = {column: SourceColumn(unified([kind]), ((kind, place.where),)) for column, kind in delta_columns(name, place)}
        return SourceSchema(name, place.where, "delta", None, columns, None if files else 0)
    with ThreadPoolExecutor(READERS) as readers:
        given = list(readers.map(lambda file: file_columns(name, file, place.read_as, encoding), files))
    known = [one.n_rows for one in given if one.n_rows is not None]
    return SourceSchema(
        name, place.where, place.read_as, encoding, _over_files(files, given), sum(known) if len(known) == len(given) else None
    )


def _over_files(files: Sequence[SourceFile], given: Sequence[FileColumns]) -> dict[str, SourceColumn]:
    """Every column, from one file of each set of columns that occurs."""
    with_rows = any(one.n_rows != 0 for one in given)
    first: dict[tuple[tuple[str, pa.DataType], ...], str] = {}
    for file, one in zip(files, given, strict=True):
        if one.n_rows != 0 or not with_rows:
            first.setdefault(one.columns, file.path)
    return {name: _column(name, first) for name in dict.fromkeys(name for columns in first for name, _ in columns)}


def _column(name: str, first: Mapping[tuple[tuple[str, pa.DataType], ...], str]) -> SourceColumn:
    types: dict[pa.DataType, str] = {}
    lacking = twice = None
    for columns, file in first.items():
        held = [kind for column, kind in columns if column == name]
        for kind in held:
            types.setdefault(kind, file)
        lacking = file if not held and lacking is None else lacking
        twice = file if len(held) > 1 and twice is None else twice
    return SourceColumn(unified(types), tuple(types.items()), lacking, twice)


def _irreconcilable(types: Sequence[tuple[pa.DataType, str]]) -> tuple[tuple[pa.DataType, str], tuple[pa.DataType, str]]:
    """Two of the types that cannot be read as one."""
    pairs = ((one, other) for at, one in enumerate(types) for other in types[at + 1 :])
    return next(pair for pair in pairs if unified([pair[0][0], pair[1][0]]) is None)


def _similar(column: str, there: Iterable[str]) -> str | None:
    plain = {name.strip().lower(): name for name in there}
    return next((plain[name] for name in difflib.get_close_matches(column.lower(), plain, n=1)), None)


def _shown(column: str) -> str:
    return column if column.isprintable() else repr(column)
