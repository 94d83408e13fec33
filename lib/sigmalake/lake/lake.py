"""A lake of Delta tables: read at a version, replace a date range, never half a write. Knows nothing of finance, and no engine."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, Protocol, TypeVar

import pyarrow as pa

from sigmalake.errors import InfrastructureError, is_conflict
from sigmalake.lake.dates import DateRange
from sigmalake.lake.lease import Lease
from sigmalake.lake.log import VERIFY, Commit, Seen, commit_metadata
from sigmalake.lake.row_filter import RowFilter, SqlFilter, of_dates
from sigmalake.lake.storage import Rows, SqlView, Storage, StoredTables
from sigmalake.lake.trust.files import LostFile, TableState
from sigmalake.tables.checksums.contents import Contents
from sigmalake.tables.declaration import Table

Parsed = TypeVar("Parsed")

FENCE_PROPERTY = "sigmalake.fence"  # of the last lease that was taken over


class Mover(Protocol):
    """What a lake needs of an engine."""

    @property
    def name(self) -> str:
        """What the metadata of a commit call it."""

    @property
    def storage(self) -> Storage:
        """Where it writes."""


class Writer(NamedTuple):
    """Who writes: it goes into the metadata of every commit."""

    run_id: str
    config_hash: str
    lease: Lease | None
    engine: Mover
    model: str | None = None  # the model's name


class Written(NamedTuple):
    """What a write of this run put into a table."""

    version: int  # of the table, afterwards
    replaced: RowFilter | None  # None: rows were added
    contents: Contents | None  # None: nobody counted them


class Lake:
    """The tables of one place, and who may write to them."""

    def __init__(self, tables: StoredTables, writer: Writer | None = None) -> None:
        self._tables = tables
        self._writer = writer
        self._written: dict[str, list[Written]] = {}
        self._parsed: dict[str, tuple[pa.Table, Any]] = {}

    @property
    def root(self) -> str:
        """Where it is."""
        return self._tables.root

    def exists(self, table: Table) -> bool:
        """Whether the table has been created."""
        return self._tables.exists(table)

    def create(self, table: Table) -> None:
        """Create the table from its declaration, where it does not exist; one of another format is refused."""
        self._writing.engine.storage.create(table)

    def columns(
        self, table: Table, columns: Sequence[str], dates: DateRange | None = None, *, version: int | None = None
    ) -> pa.Table:
        """Small columns of every row, on the driver; no rows where the table does not exist.

        Args:
            table: to read.
            columns: of it.
            dates: leave out the rows of other dates; those without a date stay.
            version: as they stood then; None: as they are.
        """
        if not self.exists(table):
            schema = table.arrow_schema()
            return pa.schema([schema.field(column) for column in columns]).empty_table()
        return self._tables.columns(table, columns, dates, version)

    def parsed(self, table: Table, parse: Callable[[pa.Table], Parsed]) -> Parsed:
        """What is made of all rows of a small table: once, as long as the rows are the same."""
        rows = self.columns(table, table.column_names)
        before, known = self._parsed.get(table.name, (None, None))
        found: Parsed = parse(rows) if before is not rows else known
        self._parsed[table.name] = rows, found
        return found

    def version(self, table: Table) -> int | None:
        """The newest version; None where the table does not exist."""
        return self._tables.version(table) if self.exists(table) else None

    def vanished(self) -> list[str]:
        """Names of tables that this object has opened, and that are there no more."""
        return self._tables.vanished()

    def table_id(self, table: Table) -> str | None:
        """Delta's id of the table, by which it is told from one made anew in its place; None where it does not exist."""
        return self._tables.table_id(table) if self.exists(table) else None

    def is_still(self, table: Table, seen: Seen) -> bool:
        """Whether a table is there, is the one that was seen, and has not lost a commit since."""
        return self.exists(table) and all(commit.version > seen.version for commit in self._tables.commits(table, seen))

    def commits(self, table: Table, since: Seen | None) -> list[Commit]:
        """The commits since a table was seen, oldest first: all of them where it never was, or is another one now."""
        return self._tables.commits(table, since) if self.exists(table) else []

    def span(self, table: Table) -> DateRange | None:
        """The first and the last date of a table, from its log where that says them; None where there is none."""
        return self._tables.span(table) if table.date is not None and self.exists(table) else None

    def size(self, table: Table) -> tuple[int, int]:
        """Files and bytes of the newest version; 0, 0 where unknown."""
        return self._tables.size(table) if self.exists(table) else (0, 0)

    def replace(self, table: Table, rows: Rows, stage: str, ranges: Sequence[DateRange]) -> None:
        """Put these rows in the place of all rows within the ranges.

        Rows beyond the ranges make the write fail: Delta checks them. A range that has no rows yet is an append.
        """
        if table.date is None:
            raise ValueError(f"{table.name} has no ranges of dates")
        self.create(table)
        self._replace(table, rows, stage, of_dates(table.date, ranges))

    def replace_filtered(self, table: Table, rows: Rows, stage: str, filtered: RowFilter) -> None:
        """Put these rows in the place of all rows of the filter; what touches no row is an append."""
        self.create(table)
        self._replace(table, rows, stage, filtered)

    def replace_rows(self, table: Table, rows: Rows, stage: str, predicate: str, ranges: Sequence[DateRange] = ()) -> None:
        """Put these rows in the place of all rows for which the SQL holds."""
        self.create(table)
        self._write(table, rows, stage, ranges, SqlFilter(predicate))
        self._note(table, None, None)

    def append(self, table: Table, rows: Rows, stage: str) -> None:
        """Add rows."""
        self.create(table)
        self._note(table, None, self._write(table, rows, stage, (), None))

    def written(self, table: Table) -> list[Written]:
        """What this run put into a table, oldest first."""
        return self._written.get(table.name, [])

    def state(self, table: Table, since: Seen | None) -> TableState | None:
        """A table as its log and its files have it, with the commits since it was seen; None where there is none."""
        return self._tables.state(table, since)

    def same_rows(self, table: Table, version: int) -> bool:
        """Whether the newest version of a table that exists has the rows of another one."""
        return self._tables.same_rows(table, version)

    def n_rows(self, table: Table) -> int | None:
        """The rows of a table by its log; None where that does not say."""
        return self._tables.n_rows(table) if self.exists(table) else 0

    def restore(self, table: Table, version: int, ranges: Sequence[DateRange]) -> None:
        """Put the rows of an earlier version back; those of the ranges are to be written again."""
        self.verify_lease()
        self._writing.engine.storage.restore(table, version, self.metadata(VERIFY, ranges, restores=version))

    def forget_lost_files(self, table: Table, lost: Sequence[LostFile]) -> None:
        """Take lost files out of the newest version; the dates that they had are to be written again."""
        self.verify_lease()
        ranges = sorted({file.dates for file in lost})
        self._writing.engine.storage.forget_lost_files(table, lost, self.metadata(VERIFY, ranges))

    def vouch(self, table: Table) -> None:
        """Say in a table's log that its rows are ours up to here."""
        self.verify_lease()
        self._writing.engine.storage.vouch(table, self.metadata(VERIFY, ()))

    def show_views(self, views: Sequence[SqlView], ours: Collection[str], mark: str) -> int:
        """Have the place's SQL views show what these say; see `Storage`."""
        self.verify_lease()
        return self._writing.engine.storage.show_views(views, ours, mark)

    def fence_off(self, tables: Iterable[Table]) -> None:
        """Where the lake was taken over, have the commit fail that its former holder may wake in.

        It looked at the lease before it began to compute. Delta refuses a commit under which the table's properties have changed.
        What fails here is tried again by the next run, since the lake is then given up without being given back.
        """
        lease = None if self._writer is None else self._writer.lease
        if lease is None or not lease.must_fence:
            return
        for table in tables:
            if self.exists(table):
                with explained_write(table):
                    self._writing.engine.storage.set_property(table, FENCE_PROPERTY, str(lease.fence))
        lease.fenced()

    def verify_lease(self) -> None:
        """Raise if another writer has taken the lake."""
        if self._writing.lease is not None:
            self._writing.lease.verify()

    def metadata(self, stage: str, ranges: Sequence[DateRange], *, restores: int | None = None) -> str:
        """What goes with a commit of this writer."""
        writer = self._writing
        fence = 0 if writer.lease is None else writer.lease.fence
        return commit_metadata(
            writer.run_id, stage, fence, writer.config_hash, ranges, writer.engine.name, model=writer.model, restores=restores
        )

    def _replace(self, table: Table, rows: Rows, stage: str, replaced: RowFilter) -> None:
        fresh = not self._tables.holds_any(table, replaced.all_ranges)
        self._note(table, replaced, self._write(table, rows, stage, replaced.all_ranges, None if fresh else replaced))

    def _write(
        self, table: Table, rows: Rows, stage: str, ranges: Sequence[DateRange], replaced: RowFilter | SqlFilter | None
    ) -> Contents | None:
        self.verify_lease()
        with explained_write(table):
            return self._writing.engine.storage.write(table, rows, replaced=replaced, metadata=self.metadata(stage, ranges))

    def _note(self, table: Table, replaced: RowFilter | None, contents: Contents | None) -> None:
        version = -1 if contents is None else self._tables.version(table)
        self._written.setdefault(table.name, []).append(Written(version, replaced, contents))

    @property
    def _writing(self) -> Writer:
        if self._writer is None:
            raise ValueError("this lake was opened for reading")
        return self._writer


@contextmanager
def explained_write(table: Table) -> Iterator[None]:
    """Turn the failure of a write into what its reader can act on."""
    try:
        yield
    except Exception as error:  # Spark's, Py4J's and Delta's errors share no base class
        if is_conflict(error):
            raise InfrastructureError(f"{table.name}: another writer committed at the same time; run again") from error
        if "No space left" in str(error):
            raise InfrastructureError(f"{table.name}: no space left on the disk; free some and run again") from error
        raise
