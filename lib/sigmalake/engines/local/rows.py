"""Rows of this machine, and what the tables that hold them offer beyond a storage."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol, cast

import pyarrow as pa

from sigmalake.engines.local.pieces import DatedPiece, Piece, Until
from sigmalake.engines.local.workers import read_each
from sigmalake.lake.row_filter import RowFilter
from sigmalake.lake.storage import Storage
from sigmalake.tables.contents import Contents, contents_of
from sigmalake.tables.declaration import Table


@dataclass(frozen=True)
class Counted:
    """A piece, read with the counts and checksums of its rows."""

    piece: Piece
    table: Table
    schema: pa.Schema

    @property
    def n_bytes(self) -> int:
        """As `Piece`."""
        return self.piece.n_bytes

    def read(self) -> tuple[pa.Table, Contents]:
        """The rows in the schema that they promise."""
        rows = self.piece.read()
        rows = rows.select(self.schema.names).cast(self.schema)
        return rows, contents_of(self.table, rows)


@dataclass(frozen=True)
class LocalRows:
    """Rows of one schema, in pieces."""

    schema: pa.Schema
    pieces: Sequence[Piece]

    def within(self, dated: str, days: Collection[date]) -> list[Piece]:
        """The pieces that may hold rows of these dates, each restricted to them."""
        found = (cast(DatedPiece, piece).within(dated, days) for piece in self.pieces)
        return [piece for piece in found if piece is not None]

    def until(self, dated: str, last: date) -> list[Piece]:
        """The pieces, each restricted to the rows up to a date."""
        return [Until(piece, dated, last) for piece in self.pieces]

    def read(self, workers: int) -> Iterator[pa.Table]:
        """The rows, piece after piece, in the schema that they promise."""
        for found in read_each(self.pieces, workers):
            yield found.select(self.schema.names).cast(self.schema)

    def read_with_contents(self, table: Table, workers: int) -> Iterator[tuple[pa.Table, Contents]]:
        """The rows as they are read, with counts and checksums, taken wherever a piece is read."""
        yield from read_each([Counted(piece, table, self.schema) for piece in self.pieces], workers)


class LocalStorage(Storage, Protocol):
    """Tables that this machine reads and writes itself."""

    @property
    def workers(self) -> int:
        """Processes that compute rows at the most."""

    def pieces(self, table: Table, schema: pa.Schema, rows: RowFilter | None, version: int | None) -> Sequence[DatedPiece]:
        """Stored rows of a table that exists, in the columns of a schema."""


@dataclass(frozen=True)
class RowsByDate:
    """Stored rows that a task reads by their dates, wherever it runs."""

    rows: LocalRows
    dated: str

    def on(self, days: Collection[date]) -> pa.Table:
        """The rows of these dates."""
        found = [piece.read() for piece in self.rows.within(self.dated, days)] if days else []
        return pa.concat_tables([self.rows.schema.empty_table(), *found])
