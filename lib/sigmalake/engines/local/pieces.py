"""Rows as pieces: each says how some rows come about, is read where it is wanted, and travels to another process by pickle."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple, Protocol

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from sigmalake.lake.log import Wanted, file_rows
from sigmalake.lake.upkeep.older import with_older_values
from sigmalake.tables.declaration import Table
from sigmalake.tasks.contract import MapTask, PartTask


class Piece(Protocol):
    """Some rows, not read yet."""

    @property
    def n_bytes(self) -> int:
        """About how many bytes reading it moves: what decides whether a second process is worth its start."""

    def read(self) -> pa.Table:
        """The rows."""


class DatedPiece(Piece, Protocol):
    """Rows that can be read by their dates."""

    def within(self, dated: str, days: Collection[date]) -> "DatedPiece | None":
        """The rows of these dates; None where the piece is known to hold none."""


@dataclass(frozen=True)
class Held:
    """Rows in memory."""

    rows: pa.Table

    @property
    def n_bytes(self) -> int:
        """As `Piece`."""
        return int(self.rows.nbytes)

    def read(self) -> pa.Table:
        """As `Piece`."""
        return self.rows

    def within(self, dated: str, days: Collection[date]) -> "Held":
        """As `DatedPiece`."""
        asked = _is_one_of(self.rows.column(dated), days)
        return self if pc.all(asked, min_count=0).as_py() else Held(self.rows.filter(asked))


class OnDays(NamedTuple):
    """The rows of some dates."""

    dated: str
    days: frozenset[date]

    def mask(self, rows: pa.Table) -> pa.ChunkedArray:
        """Which of some rows these are."""
        return _is_one_of(rows.column(self.dated), self.days)


@dataclass(frozen=True)
class StoredGroups:
    """Row groups of one Parquet file of a table."""

    fragment: ds.ParquetFileFragment
    file_schema: pa.Schema  # of the table as it is stored
    schema: pa.Schema  # of the columns wanted; one that is not stored is null
    wanted: tuple[Wanted, ...]  # conditions that its rows fulfil
    n_bytes: int
    declared: Table

    def read(self) -> pa.Table:
        """As `Piece`."""
        stored = [name for name in self.schema.names if name in self.file_schema.names]
        as_stored = pa.schema([self.file_schema.field(name) for name in stored])
        keys = pa.schema([field for field in self.file_schema if field.name == "variant" or pa.types.is_date(field.type)])
        found = file_rows(self.fragment, as_stored, self.wanted, keys)
        rows = with_older_values(self.declared, pa.table([_column(found, field) for field in self.schema], self.schema.names))
        return pa.table(rows.columns, schema=self.schema)

    def within(self, dated: str, days: Collection[date]) -> "StoredGroups | None":
        """As `DatedPiece`; the statistics of the row groups tell which of them hold none of the dates."""
        if not days:
            return None
        first, last = pa.scalar(min(days)), pa.scalar(max(days))
        envelope = (ds.field(dated) >= first) & (ds.field(dated) <= last)
        kept = self.fragment.subset(filter=envelope, schema=self.file_schema)
        if not kept.row_groups:
            return None
        share = len(kept.row_groups) / max(1, len(self.fragment.row_groups))
        wanted = (*self.wanted, OnDays(dated, frozenset(days)))
        return StoredGroups(kept, self.file_schema, self.schema, wanted, int(self.n_bytes * share), self.declared)


@dataclass(frozen=True)
class Until:
    """The rows of a piece up to a date."""

    piece: Piece
    dated: str
    last: date

    @property
    def n_bytes(self) -> int:
        """As `Piece`."""
        return self.piece.n_bytes

    def read(self) -> pa.Table:
        """As `Piece`."""
        rows = self.piece.read()
        return rows.filter(pc.less_equal(rows.column(self.dated), pa.scalar(self.last)))


@dataclass(frozen=True)
class Mapped:
    """A task applied to a piece."""

    piece: Piece
    task: MapTask

    @property
    def n_bytes(self) -> int:
        """As `Piece`."""
        return self.piece.n_bytes

    def read(self) -> pa.Table:
        """As `Piece`."""
        return self.task(self.piece.read())


@dataclass(frozen=True)
class Part:
    """A task applied to all rows of one part, by their role."""

    number: int
    inputs: Mapping[str, Sequence[Piece]]
    schemas: Mapping[str, pa.Schema]
    task: PartTask

    @property
    def n_bytes(self) -> int:
        """As `Piece`."""
        return sum(piece.n_bytes for pieces in self.inputs.values() for piece in pieces)

    def read(self) -> pa.Table:
        """As `Piece`."""
        rows = {role: joined([piece.read() for piece in pieces], self.schemas[role]) for role, pieces in self.inputs.items()}
        return self.task(self.number, rows)


def joined(tables: Sequence[pa.Table], schema: pa.Schema) -> pa.Table:
    """Rows of several pieces, in one chunk a column."""
    return pa.concat_tables([schema.empty_table(), *tables]).combine_chunks()


def _column(found: pa.Table, field: pa.Field) -> pa.ChunkedArray:
    if field.name in found.column_names:
        column = found.column(field.name)
        return column if column.type == field.type else column.cast(field.type)
    return pa.chunked_array([pa.nulls(found.num_rows, field.type)])


def _is_one_of(column: pa.ChunkedArray, days: Collection[date]) -> pa.ChunkedArray:
    return pc.is_in(column, pa.array(sorted(days), pa.date32()))
