"""What a lake needs of the place that holds its tables; engines and readers bring it."""

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple, Protocol

import pyarrow as pa

from sigmalake.lake.dates import DateRange
from sigmalake.lake.log import Commit, Seen
from sigmalake.lake.row_filter import RowFilter, SqlFilter
from sigmalake.lake.trust.files import LostFile, TableState
from sigmalake.tables.checksums.contents import Contents
from sigmalake.tables.declaration import Table

Rows = Any
"""Rows of a table that an engine knows how to move: a DataFrame of Spark, or pieces of Arrow."""


class SqlView(NamedTuple):
    """A view on tables of a lake, for those who ask the place itself in SQL."""

    name: str  # within the lake
    comment: str
    select: str


class StoredTables(Protocol):
    """The Delta tables of one lake, for reading what is small."""

    @property
    def root(self) -> str:
        """Folder, URI, or schema of a catalog."""

    def exists(self, table: Table) -> bool:
        """Whether the table has been created."""

    def columns(self, table: Table, columns: Sequence[str], dates: DateRange | None, version: int | None) -> pa.Table:
        """Small columns of every row on the driver; with `dates`, only rows of these dates and rows without a date."""

    def version(self, table: Table) -> int:
        """The newest version of a table that exists."""

    def vanished(self) -> list[str]:
        """Names of tables that were opened, and that are there no more, where that is known."""

    def table_id(self, table: Table) -> str:
        """Delta's id of a table that exists: one that is dropped and made anew has another."""

    def commits(self, table: Table, since: Seen | None) -> list[Commit]:
        """The commits since a table was seen, oldest first: all of them where it never was, or is another one now."""

    def span(self, table: Table) -> DateRange | None:
        """The first and the last date of a table that exists; None where no row has one."""

    def size(self, table: Table) -> tuple[int, int]:
        """Files and bytes of the newest version; 0, 0 where unknown."""

    def state(self, table: Table, since: Seen | None) -> TableState | None:
        """A table as its log and its files have it, with the commits since it was seen; None where there is none."""

    def same_rows(self, table: Table, version: int) -> bool:
        """Whether the newest version has the rows of another one, whatever files they lie in.

        Raises:
            InfrastructureError: the version, or a file of it, is gone.
        """

    def n_rows(self, table: Table) -> int | None:
        """The rows of the newest version by its log; None where that does not say."""

    def holds_any(self, table: Table, ranges: Sequence[DateRange]) -> bool:
        """Whether some row of a table that exists may lie within these ranges."""


class Storage(StoredTables, Protocol):
    """The Delta tables of one lake, for writing, too."""

    def create(self, table: Table) -> None:
        """Create the table from its declaration where it does not exist, or bring an older one to it.

        Raises:
            ConfigError: the table has a layout that this version does not know, or the place cannot hold tables.
        """

    def write(self, table: Table, rows: Rows, *, replaced: RowFilter | SqlFilter | None, metadata: str) -> Contents | None:
        """Commit the declared columns of these rows, once; gives their counts and checksums where the rows passed by here.

        Args:
            table: exists.
            rows: of the engine.
            replaced: the rows that these replace; one of these that is none of those is an error. None: these are added.
            metadata: goes with the commit.
        """

    def set_property(self, table: Table, name: str, value: str) -> None:
        """Change a property of a table that exists: Delta then refuses the commits that other writers are in."""

    def restore(self, table: Table, version: int, metadata: str) -> None:
        """Put the rows of an earlier version of a table back; `metadata` goes with the commit.

        Raises:
            InfrastructureError: the version, or a file of it, is gone.
        """

    def forget_lost_files(self, table: Table, lost: Sequence[LostFile], metadata: str) -> None:
        """Take lost files out of the newest version: its other rows can be read again."""

    def vouch(self, table: Table, metadata: str) -> None:
        """Make a commit that changes no row."""

    def show_views(self, views: Sequence[SqlView], ours: Collection[str], mark: str) -> int:
        """Make these views, where the place holds views and has not these of this mark already; gives how many were changed.

        Those of our names that are not among these are dropped.

        Raises:
            ConfigError: the place refuses views.
        """
