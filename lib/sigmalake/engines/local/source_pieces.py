"""Rows of sources as pieces: splits of files, slices of a table in memory, all rows of some dates."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc

from sigmalake.engines.local.pieces import Held
from sigmalake.engines.local.scratch import Scratch, Spilled, with_date
from sigmalake.sources.dates import date_of
from sigmalake.sources.opened import OpenedSource
from sigmalake.sources.reading import Split
from sigmalake.tasks.sources.check_source import CheckSource
from sigmalake.tasks.sources.source_tasks import SourceTask, as_rows

DAY = "__day"  # of raw rows that are gathered by date
UNREADABLE = date.min  # in the place of a date that cannot be read: such rows stay together


class RawPiece(Protocol):
    """Raw rows of a source, not read yet."""

    @property
    def n_bytes(self) -> int:
        """About how many bytes reading it moves."""

    def raw(self, days: Collection[date] | None) -> pa.Table:
        """The rows; with `days`, some of other dates may be left out."""


@dataclass(frozen=True)
class SplitRows:
    """The rows of some splits of a source's files."""

    source: OpenedSource
    splits: tuple[Split, ...]

    @property
    def n_bytes(self) -> int:
        """As `RawPiece`."""
        return sum(split.file.size for split in self.splits)

    def raw(self, days: Collection[date] | None) -> pa.Table:
        """As `RawPiece`."""
        return pa.concat_tables([self.source.read(split, days) for split in self.splits])


@dataclass(frozen=True)
class HeldRows:
    """Rows in memory."""

    rows: pa.Table

    @property
    def n_bytes(self) -> int:
        """As `RawPiece`."""
        return int(self.rows.nbytes)

    def raw(self, days: Collection[date] | None) -> pa.Table:
        """As `RawPiece`."""
        del days
        return self.rows


@dataclass(frozen=True)
class GatheredRows:
    """All rows of a run of dates, of a source whose rows lie in several files."""

    kept: tuple[Spilled, ...]
    schema: pa.Schema

    @property
    def n_bytes(self) -> int:
        """As `RawPiece`."""
        return sum(piece.n_bytes for piece in self.kept)

    def raw(self, days: Collection[date] | None) -> pa.Table:
        """As `RawPiece`."""
        rows = pa.concat_tables([piece.read() for piece in self.kept])
        if days is not None:
            wanted = pa.array(sorted({*days, UNREADABLE}), pa.date32())
            rows = rows.filter(pc.is_in(rows.column(DAY), wanted))
        return rows.select(self.schema.names)


@dataclass(frozen=True)
class SourceRows:
    """What a task makes of raw rows."""

    piece: RawPiece
    task: SourceTask
    days: tuple[date, ...] | None = None
    dated: str | None = None  # the column by which rows of other days are left out

    @property
    def n_bytes(self) -> int:
        """As `Piece`."""
        return self.piece.n_bytes

    def read(self) -> pa.Table:
        """As `Piece`."""
        found = self.task(self.piece.raw(self.days))
        return found if self.days is None or self.dated is None else Held(found).within(self.dated, self.days).rows

    def within(self, dated: str, days: Collection[date]) -> "SourceRows":
        """As `DatedPiece`."""
        return SourceRows(self.piece, self.task, tuple(sorted(days)), dated)


@dataclass(frozen=True)
class SurveyedRows:
    """The survey of raw rows, and the columns to pack of them, as two columns of bytes: both come of one reading."""

    piece: RawPiece
    check: CheckSource
    keeps: bool  # whether the columns to pack are wanted
    scratch: Scratch | None = field(default=None)  # None: they are given back, not written

    @property
    def n_bytes(self) -> int:
        """As `Piece`."""
        return self.piece.n_bytes

    def read(self) -> "Survey":
        """The survey, and the rows or where they were written."""
        raw = self.piece.raw(None)
        survey, rows = self.check.survey_and_pack(raw) if self.keeps else (self.check.survey(raw), None)
        if rows is None:
            return Survey(as_rows(survey), [])
        if self.scratch is None:
            return Survey(as_rows(survey), [Held(with_date(rows, "date"))])
        return Survey(as_rows(survey), [*self.scratch.spill(rows, "date")])


@dataclass(frozen=True)
class Survey:
    """What was told of some raw rows, and the pieces that keep the columns to pack of them."""

    rows: pa.Table
    kept: list[Held | Spilled]


def with_days(raw: pa.Table, column: str) -> pa.Table:
    """Raw rows with their date in a column of its own."""
    return raw.append_column(DAY, date_of(raw.column(column)).dates.fill_null(UNREADABLE))


@dataclass(frozen=True)
class DatedRaw:
    """Raw rows beside their dates, written to scratch by runs of dates."""

    piece: RawPiece
    column: str
    scratch: Scratch

    @property
    def n_bytes(self) -> int:
        """As `Piece`."""
        return self.piece.n_bytes

    def read(self) -> list[Spilled]:
        """Where the rows are."""
        rows = with_days(self.piece.raw(None), self.column)
        rows = pa.table({name: _plain(rows.column(name)) for name in rows.column_names})
        return self.scratch.spill(rows, DAY)


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
