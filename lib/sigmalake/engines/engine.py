"""What an engine does for the stages: a handful of operations on rows that it moves and never looks into.

The functions that it applies, the tasks, are the same objects whichever engine runs: what differs is who calls them. A task is
pickled to where the rows are; it takes Arrow tables and gives the rows of one declared table.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import NamedTuple, Protocol

import pyarrow as pa

from sigmalake.lake.row_filter import RowFilter
from sigmalake.lake.storage import Rows, Storage
from sigmalake.tables.declaration import Table


class MapTask(Protocol):
    """Rows of a packed table become rows of another, whatever batches they come in.

    A task of `map_rows` gives a row for each row, in their order; one of `unpack` gives any number of them.
    """

    def __call__(self, rows: pa.Table, /) -> pa.Table:
        """The rows made of these."""


class PartTask(Protocol):
    """All rows of one part, by their role, become rows of a table."""

    def __call__(self, part: int, inputs: Mapping[str, pa.Table], /) -> pa.Table:
        """The rows made of this part; the inputs lie in no promised order."""


class Input(NamedTuple):
    """What the parts of a computation read of some rows."""

    rows: Rows
    dated: str  # the column of their dates
    dates: Sequence[Collection[date]]  # of each part: a row goes to every part that reads its date


class Engine(Protocol):
    """Who moves the rows."""

    @property
    def name(self) -> str:
        """What the configuration and the tables call it."""

    @property
    def storage(self) -> Storage:
        """The tables of the lake that it writes."""

    def stored(self, table: Table, columns: Sequence[str], rows: RowFilter | None = None, *, version: int | None = None) -> Rows:
        """Stored rows of a table, as they are or as they stood at a version; none where the table does not exist."""

    def driver_rows(self, rows: pa.Table) -> Rows:
        """Rows that the driver holds."""

    def no_rows(self, table: Table) -> Rows:
        """No row of a table: what empties a range."""

    def map_rows(self, rows: Rows, task: MapTask, into: Table) -> Rows:
        """A row of a packed table for each of these, in parallel and without bringing any of them together."""

    def unpack(self, rows: Rows, task: MapTask, into: Table) -> Rows:
        """Long rows from packed ones, in parallel and without bringing any of them together."""

    def map_parts(self, inputs: Mapping[str, Input], n_parts: int, task: PartTask, into: Table) -> Rows:
        """Bring the rows of each part together by their dates, and apply a task to every part, in parallel."""

    def union(self, rows: Sequence[Rows]) -> Rows:
        """Rows of one table after another."""

    def collect(self, rows: Rows) -> pa.Table:
        """Rows on the driver; for what is small."""

    def expect_width(self, row_bytes: int) -> None:
        """Say how wide a packed row is at most, so that no batch of them outgrows memory."""
