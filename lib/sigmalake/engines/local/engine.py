"""This machine as an engine: rows are pieces of Arrow, tasks run in this process or in one a core."""

import os
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

import pyarrow as pa

from sigmalake.config.sources import Location
from sigmalake.engines.engine import NEWEST, NONE_GIVEN
from sigmalake.engines.local.pieces import Held, Mapped, Part, Piece
from sigmalake.engines.local.rows import LocalRows, LocalStorage, RowsByDate
from sigmalake.engines.local.scratch import Scratch, Spilled, remove_abandoned
from sigmalake.engines.local.source_pieces import (
    DatedRaw,
    GatheredRows,
    HeldRows,
    RawPiece,
    SourceRows,
    SplitRows,
    SurveyedRows,
)
from sigmalake.engines.local.workers import read_each, start_early
from sigmalake.lake.dates import DateRange
from sigmalake.lake.progress import Progress
from sigmalake.lake.row_filter import RowFilter, of_dates
from sigmalake.sources.files import list_files
from sigmalake.sources.opened import SPLIT_BYTES, OpenedSource, files_version, open_files
from sigmalake.sources.reading import Split
from sigmalake.sources.schema import SourceColumn, SourceSchema, Use
from sigmalake.tables.declaration import Table
from sigmalake.tasks.contract import Input, MapTask, PartTask
from sigmalake.tasks.sources.check_source import CheckSource
from sigmalake.tasks.sources.source_tasks import SURVEYED, SourceTask, ToPack

NO_FRAMES: Mapping[str, pa.Table] = MappingProxyType({})
IN_MEMORY = "/in memory"  # the path of a source that is a table in memory
KEPT_IN_MEMORY = 64 << 20  # bytes of a source's files: of more, what is to be packed is kept in scratch


class LocalEngine:
    """The operations of an engine, on the cores of this machine."""

    def __init__(self, storage: LocalStorage, scratch: Path | None = None, frames: Mapping[str, pa.Table] = NO_FRAMES) -> None:
        """Move the rows of one lake.

        Args:
            storage: its tables.
            scratch: folder for rows that are more than memory should hold; None: one of this user's in the system's for such files.
            frames: rows in memory of sources whose path is `IN_MEMORY`, by their names in the configuration.
        """
        self._storage = storage
        self._scratch_folder = scratch or Path(tempfile.gettempdir(), f"sigmalake-{os.getuid()}")
        self._frames = dict(frames)
        remove_abandoned(self._scratch_folder)
        self._gathered: dict[tuple[str, str], list[RawPiece]] = {}

    @property
    def name(self) -> str:
        """As `Engine`."""
        return "local"

    @cached_property
    def scratch(self) -> Scratch:
        """Files of this run, for rows that are more than memory should hold."""
        return Scratch(self._scratch_folder)

    def check_scratch(self) -> None:
        """Refuse a scratch folder that cannot hold files, before rows come that need it.

        Raises:
            ConfigError: it cannot.
        """
        self.scratch.close()
        del self.scratch

    @property
    def storage(self) -> LocalStorage:
        """As `Engine`."""
        return self._storage

    def map_rows(self, task: MapTask, rows: RowFilter) -> LocalRows:
        """As `Engine`: a piece for some row groups of the table."""
        stored = self._stored(task.input, rows)
        return LocalRows(task.into.arrow_schema(), [Mapped(piece, task) for piece in stored.pieces])

    def unpack(self, task: MapTask, rows: RowFilter) -> LocalRows:
        """As `Engine`: the same, since no piece minds how many rows come of it."""
        return self.map_rows(task, rows)

    def map_parts(
        self, task: PartTask, given: Mapping[str, LocalRows] = NONE_GIVEN, *, versions: Mapping[str, int] = NEWEST
    ) -> LocalRows:
        """As `Engine`: each part reads its own rows, so that no more than the parts at work are in memory."""
        dates = [task.dates(part) for part in range(task.n_parts)]
        rows = {}
        for role, read in task.inputs.items():
            known = sorted({day for of_part in dates for day in of_part[role]})
            every = of_dates(read.dated, [DateRange(known[0], known[-1])] if known else [])
            stored = self._kept(given[role], read.dated, task.n_parts) if role in given else None
            rows[role] = stored or self._stored(read, every, None if read.table is None else versions.get(read.table.name))
        schemas = {role: found.schema for role, found in rows.items()}
        parts = [
            Part(
                number, {role: _of_part(rows[role], read, dates[number][role]) for role, read in task.inputs.items()}, schemas, task
            )
            for number in range(task.n_parts)
        ]
        return LocalRows(task.into.arrow_schema(), parts)

    def open_source(self, name: str, place: Location, uses: Mapping[str, Use], date_column: str, *, gathered: bool) -> OpenedSource:
        """As `Engine`."""
        if place.path != IN_MEMORY:
            return open_files(name, place, uses, date_column, gathered=gathered)
        frame = self._frames[name]
        columns = {field.name: SourceColumn(field.type, ((field.type, "the frame"),)) for field in frame.schema}
        SourceSchema(name, "the frame", "frame", None, columns, frame.num_rows).require(uses)
        raw = pa.schema([frame.schema.field(column) for column in uses])
        return OpenedSource(name, "the frame", tuple(uses), date_column, gathered, raw=raw)

    def source_version(self, name: str, place: Location) -> str:
        """As `Engine`."""
        return "" if place.path == IN_MEMORY else files_version(list_files(name, place))

    def read_source(self, source: OpenedSource, task: SourceTask, days: Collection[date] | None = None) -> LocalRows:
        """As `Engine`."""
        wanted = None if days is None else tuple(sorted(days))
        pieces = [SourceRows(piece, task, wanted) for piece in self._raw_pieces(source)]
        return LocalRows(task.schema(source.raw_schema), pieces)

    def paired(self, source: OpenedSource, task: SourceTask, asset_column: str) -> OpenedSource:
        """As `Engine`: all rows at once, in memory."""
        del asset_column
        raw = pa.concat_tables([piece.raw(None) for piece in self._raw_pieces(source)])
        self._frames[source.name] = found = task(raw)
        return replace(source, schema=None, files=None, raw=found.schema)

    def survey_source(self, source: OpenedSource, check: CheckSource) -> tuple[pa.Table, LocalRows]:
        """As `Engine`: what is to be packed is kept from the one reading, in memory or in files of this run."""
        pieces = self._raw_pieces(source)
        keeps = check.can_keep
        scratch = self.scratch if sum(piece.n_bytes for piece in pieces) > KEPT_IN_MEMORY else None
        found = read_each([SurveyedRows(piece, check, keeps, scratch) for piece in pieces], self._storage.workers)
        if self._progress is not None:
            self._progress.plan(source.name, f"parts of {source.name} read", len(pieces))
        told, kept = [], []
        for survey in found:
            told.append(survey.rows)
            if self._progress is not None:
                self._progress.add(source.name, 1)
            kept += survey.kept
        rows = LocalRows(ToPack(check).schema(source.raw_schema), kept)
        return pa.concat_tables([SURVEYED.empty_table(), *told]), rows if keeps else self.read_source(source, ToPack(check))

    def by_date(self, table: Table, columns: Sequence[str]) -> "RowsByDate":
        """As `Engine`."""
        return RowsByDate(self._all(table, columns), table.date or "")

    def close(self) -> None:
        """Remove what was kept for this run."""
        if "scratch" in vars(self):
            self.scratch.close()
            del self.scratch

    def driver_rows(self, rows: pa.Table) -> LocalRows:
        """As `Engine`."""
        return LocalRows(rows.schema, [Held(rows)])

    def no_rows(self, table: Table) -> LocalRows:
        """As `Engine`."""
        return LocalRows(table.arrow_schema(), [])

    def union(self, rows: Sequence[LocalRows]) -> LocalRows:
        """As `Engine`."""
        return LocalRows(rows[0].schema, [piece for given in rows for piece in given.pieces])

    def collect(self, rows: LocalRows) -> pa.Table:
        """As `Engine`."""
        found = [rows.schema.empty_table()]
        for some in rows.read(self._storage.workers):
            found.append(some)
            if self._progress is not None:
                self._progress.collected(some)
        return pa.concat_tables(found)

    def expect_rows(self, rows: int) -> None:
        """As `Engine`: of many, other processes start while this one goes on."""
        start_early(self._storage.workers, rows)

    def expect_width(self, row_bytes: int) -> None:
        """As `Engine`: a piece is a row group, whatever its rows."""

    @property
    def _progress(self) -> Progress | None:
        """Of tables on a disk; those in memory show none."""
        found: Progress | None = getattr(self._storage, "progress", None)
        return found

    def _kept(self, rows: LocalRows, dated: str, n_parts: int) -> LocalRows:
        """Rows of a source that several parts read: computed once, in memory or, of large sources, in files of this run."""
        if n_parts < 2 or all(isinstance(piece, Held | Spilled) for piece in rows.pieces):
            return rows
        kept: list[Held | Spilled] = []
        spills = sum(piece.n_bytes for piece in rows.pieces) > KEPT_IN_MEMORY
        for found in rows.read(self._storage.workers):
            kept += self.scratch.spill(found, dated) if spills else [Held(found)]
        return LocalRows(rows.schema, kept)

    def _raw_pieces(self, source: OpenedSource) -> list[RawPiece]:
        """A source's raw rows: split by split, or all of some dates together."""
        if source.schema is None:
            flat: list[RawPiece] = [HeldRows(self._frames[source.name].select(source.raw_schema.names))]
        else:
            flat = [SplitRows(source, tuple(some)) for some in _together(source.splits())]
        if not source.gathered or len(flat) == 1:
            return flat
        key = (source.name, source.version)
        if key not in self._gathered:
            self._gathered[key] = self._by_dates(source, flat)
        return self._gathered[key]

    def _by_dates(self, source: OpenedSource, flat: Sequence[RawPiece]) -> list[RawPiece]:
        kept: dict[int, list[Spilled]] = {}
        dated = [DatedRaw(piece, source.date_column, self.scratch) for piece in flat]
        for found in read_each(dated, self._storage.workers):
            for piece in found:
                kept.setdefault(piece.run, []).append(piece)
        return [GatheredRows(tuple(kept[run]), source.raw_schema) for run in sorted(kept)]

    def _all(self, table: Table, columns: Sequence[str]) -> LocalRows:
        declared = table.arrow_schema()
        schema = pa.schema([declared.field(column) for column in columns])
        found = self._storage.pieces(table, schema, None, None) if self._storage.exists(table) else []
        return LocalRows(schema, found)

    def _stored(self, read: Input, rows: RowFilter, version: int | None = None) -> LocalRows:
        if read.table is None:
            raise ValueError("rows of a source are no stored rows")
        declared = read.table.arrow_schema()
        schema = pa.schema([declared.field(column) for column in read.columns])
        if not self._storage.exists(read.table):
            return LocalRows(schema, [])
        return LocalRows(schema, self._storage.pieces(read.table, schema, rows, version))


def _of_part(rows: LocalRows, read: Input, days: Sequence[date]) -> list[Piece]:
    if not days:
        return []
    return rows.until(read.dated, max(days)) if read.until else rows.within(read.dated, days)


def _together(splits: Sequence[Split]) -> Iterator[list[Split]]:
    """Splits in runs of about `SPLIT_BYTES`: of many small files a task reads some."""
    some: list[Split] = []
    size = 0
    for split in splits:
        some.append(split)
        size += split.file.size
        if size >= SPLIT_BYTES:
            yield some
            some, size = [], 0
    if some:
        yield some
