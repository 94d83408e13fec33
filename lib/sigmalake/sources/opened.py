"""A source whose files are found and whose columns are known, before a row of it is read."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date
from hashlib import sha256

import pyarrow as pa

from sigmalake.config.sources import Location
from sigmalake.sources.files import SourceFile, list_files
from sigmalake.sources.reading import DateFilter, Split, read_schema, read_split, splits
from sigmalake.sources.schema import SourceSchema, Use, find_schema

SPLIT_BYTES = 32 << 20  # of a file, compressed: some dozen tasks of ten years, and a lost one costs little


@dataclass(frozen=True)
class OpenedSource:
    """Where the rows of a source are, and in which columns."""

    name: str  # in the configuration
    where: str  # as messages call it
    columns: tuple[str, ...]  # that are read
    date_column: str
    gathered: bool  # a row of the model is made of several rows of the source: all of a date are read together
    schema: SourceSchema | None = None  # None: it is in no files that are read here
    files: tuple[SourceFile, ...] | None = None  # None: they cannot be told
    raw: pa.Schema | None = None  # of the rows that are read, where there is no `schema`

    def only(self, files: Collection[str]) -> "OpenedSource":
        """The source with some of its files."""
        wanted = set(files)
        return self if self.files is None else replace(self, files=tuple(file for file in self.files if file.path in wanted))

    def splits(self) -> list[Split]:
        """Its files in parts that tasks read."""
        return [] if self.schema is None or self.files is None else splits(self.schema, self.files, SPLIT_BYTES)

    @property
    def raw_schema(self) -> pa.Schema:
        """Of the rows that are read.

        Raises:
            ValueError: it is not known.
        """
        if self.schema is not None:
            return read_schema(self.schema, self.columns)
        if self.raw is None:
            raise ValueError(f"the columns of {self.name} are not known")
        return self.raw

    def read(self, split: Split, days: Collection[date] | None = None) -> pa.Table:
        """The raw rows of a split; with `days`, without row groups that are known to hold none of these dates."""
        if self.schema is None:
            raise ValueError(f"{self.name} has no files")
        dates = DateFilter(self.date_column, min(days), max(days)) if days else None
        return pa.Table.from_batches(read_split(split, self.schema, self.columns, dates=dates), self.raw_schema)

    @property
    def version(self) -> str:
        """What changes when a file does; "" where it cannot be told."""
        return "" if self.files is None else files_version(self.files)


def files_version(files: Collection[SourceFile]) -> str:
    """What changes when one of these files does, or their list."""
    listed = "\n".join(f"{file.path} {file.state}" for file in sorted(files))
    return sha256(listed.encode()).hexdigest()[:16]


def open_files(name: str, place: Location, uses: Mapping[str, Use], date_column: str, *, gathered: bool) -> OpenedSource:
    """A source in files.

    Args:
        name: in the configuration.
        place: where it lies.
        uses: the columns that are read, and what for.
        date_column: of its rows' dates.
        gathered: see `OpenedSource`.

    Raises:
        ConfigError: there is no such file, or it lacks a column.
        DataError: its files cannot be read as one source.
    """
    files = list_files(name, place, date_column)
    schema = find_schema(name, place, files)
    schema.require(uses)
    return OpenedSource(name, place.where, tuple(uses), date_column, gathered, schema, tuple(files))
