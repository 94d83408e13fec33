"""What an engine does for the stages: a handful of operations on rows that it moves and never looks into.

The functions that it applies, the tasks, are the same objects whichever engine runs: what differs is who calls them. A task says
which stored rows it reads and of which table it makes rows; it is pickled to where the rows are.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from types import MappingProxyType
from typing import Protocol

import pyarrow as pa

from sigmalake.config.sources import Location
from sigmalake.lake.row_filter import RowFilter
from sigmalake.lake.storage import Rows, Storage
from sigmalake.sources.opened import OpenedSource
from sigmalake.sources.schema import Use
from sigmalake.tables.declaration import Table
from sigmalake.tasks.contract import MapTask, PartTask
from sigmalake.tasks.sources.check_source import CheckSource, StoredByDate
from sigmalake.tasks.sources.source_tasks import SourceTask

NONE_GIVEN: Mapping[str, Rows] = MappingProxyType({})
NEWEST: Mapping[str, int] = MappingProxyType({})


class Engine(Protocol):
    """Who moves the rows."""

    @property
    def name(self) -> str:
        """What the configuration and the tables call it."""

    @property
    def storage(self) -> Storage:
        """The tables of the lake that it reads and writes."""

    def map_rows(self, task: MapTask, rows: RowFilter) -> Rows:
        """A packed row for each of some stored ones, in parallel and without bringing any of them together."""

    def unpack(self, task: MapTask, rows: RowFilter) -> Rows:
        """Long rows from some stored packed ones, in parallel and without bringing any of them together."""

    def map_parts(self, task: PartTask, given: Mapping[str, Rows] = NONE_GIVEN, *, versions: Mapping[str, int] = NEWEST) -> Rows:
        """Bring the rows of each part together by their dates, and apply the task to every part, in parallel.

        Args:
            task: says which stored rows each part reads.
            given: rows of the roles that are not stored.
            versions: of tables by name, where they are read as they stood.
        """

    def open_source(self, name: str, place: Location, uses: Mapping[str, Use], date_column: str, *, gathered: bool) -> OpenedSource:
        """A source, its files found and its columns compared with what is needed of them, before a row is read."""

    def source_version(self, name: str, place: Location) -> str:
        """What changes when a source does, told without its rows; "" where it cannot be told."""

    def read_source(self, source: OpenedSource, task: SourceTask, days: Collection[date] | None = None) -> Rows:
        """What a task makes of a source's raw rows, in parallel; with `days`, rows of other dates may be left out."""

    def paired(self, source: OpenedSource, task: SourceTask, asset_column: str) -> OpenedSource:
        """The source with what a task makes of all rows of some assets together in the place of its rows."""

    def survey_source(self, source: OpenedSource, check: CheckSource) -> tuple[pa.Table, Rows]:
        """The surveys of a source's splits on the driver, as `SURVEYED` has them, and the columns to pack of all its rows.

        The rows are kept where reading them twice would cost more.
        """

    def by_date(self, table: Table, columns: Sequence[str]) -> StoredByDate:
        """Stored rows of a table that tasks read by date wherever they run."""

    def driver_rows(self, rows: pa.Table) -> Rows:
        """Rows that the driver holds."""

    def no_rows(self, table: Table) -> Rows:
        """No row of a table: what empties a range."""

    def union(self, rows: Sequence[Rows]) -> Rows:
        """Rows of one table after another."""

    def collect(self, rows: Rows) -> pa.Table:
        """Rows on the driver; for what is small."""

    def close(self) -> None:
        """Give back what was kept for this run."""

    def expect_rows(self, rows: int) -> None:
        """Say how many assets on dates this run will compute, before the first of them is."""

    def expect_width(self, row_bytes: int) -> None:
        """Say how wide a packed row is at most, so that no batch of them outgrows memory."""
