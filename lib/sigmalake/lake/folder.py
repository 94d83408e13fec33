"""Tables in a folder or behind a URI, as their logs tell of them: read and put right by delta-rs, without an engine."""

from collections.abc import Collection, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds
from deltalake import DeltaTable

from sigmalake.config.stores.files import is_stored
from sigmalake.config.stores.uri import is_uri
from sigmalake.lake.dates import DateRange, envelope
from sigmalake.lake.format import FORMAT_PROPERTY, check_format, check_root
from sigmalake.lake.log import Commit, Seen, commits_since, explained_log, identity, open_table, read_columns
from sigmalake.lake.storage import SqlView
from sigmalake.lake.trust import files
from sigmalake.lake.trust.files import LostFile, TableState
from sigmalake.lake.upkeep.older import lacking
from sigmalake.tables.declaration import Table

VOUCHED_PROPERTY = "sigmalake.vouched"  # the version that a run has found to hold our rows, though others wrote some commits


class FolderTables:
    """A lake's tables for reading, and what puts them right; an engine's own class adds the writing of rows."""

    def __init__(self, root: str) -> None:
        self._root = root.rstrip("/")
        self._opened: dict[str, tuple[tuple[int, int], DeltaTable]] = {}  # beside what tells one first commit from another
        self._in_store: dict[str, DeltaTable] = {}
        self._read: dict[tuple[str, tuple[str, ...], DateRange | None], tuple[DeltaTable, int, pa.Table]] = {}
        self._of_files: dict[str, dict[tuple[str, pa.Schema], pa.Table]] = {}  # by the table's id, columns of its files
        check_root(self._root)

    @property
    def root(self) -> str:
        """As `Storage`."""
        return self._root

    def location(self, table: Table) -> str:
        """The table's folder or URI."""
        return f"{self._root}/{table.name}"

    def log(self, table: Table, version: int | None = None) -> DeltaTable:
        """The table as delta-rs opens it, for reading; one of another layout is refused."""
        found = self._newest(table) if version is None else open_table(self.location(table), version)
        if found is None:
            raise ValueError(f"{self.location(table)} does not exist")
        check_format(found.metadata().configuration.get(FORMAT_PROPERTY), self.location(table))
        return found

    def exists(self, table: Table) -> bool:
        """As `Storage`."""
        return self._newest(table) is not None

    def columns(self, table: Table, columns: Sequence[str], dates: DateRange | None, version: int | None) -> pa.Table:
        """As `Storage`; what was read of the newest version is remembered, since each stage plans by the same columns."""
        log, key = self.log(table, version), (table.name, tuple(columns), dates)
        known, known_version, found = self._read.get(key, (None, None, None))
        if found is not None and known is log and known_version == log.version():
            return found
        day = ds.field(table.date or "")
        rows = None if dates is None else day.is_null() | ((day >= dates.first) & (day <= dates.last))
        files = self._of_files.setdefault(str(log.metadata().id), {})
        found = read_columns(log, columns, rows, declared=table, known=files)
        if version is None:
            self._read[key] = log, log.version(), found
        return found

    def version(self, table: Table) -> int:
        """As `Storage`."""
        return int(self.log(table).version())

    def vanished(self) -> list[str]:
        """As `Storage`."""
        return [name for name in self._opened if _commit(f"{self._root}/{name}", 0) is None]

    def table_id(self, table: Table) -> str:
        """As `Storage`."""
        return str(self.log(table).metadata().id)

    def commits(self, table: Table, since: Seen | None) -> list[Commit]:
        """As `Storage`."""
        return commits_since(self.log(table), since)

    def span(self, table: Table) -> DateRange | None:
        """As `Storage`; from the statistics of the files where they say it."""
        column = table.date or ""
        spans = _file_spans(self.log(table), column)
        if spans is not None:
            return envelope([span for span in spans if span is not None])
        known = sorted(day for day in self.columns(table, [column], None, None).column(0).unique().to_pylist() if day is not None)
        return DateRange(known[0], known[-1]) if known else None

    def size(self, table: Table) -> tuple[int, int]:
        """As `Storage`."""
        sizes = pa.table(self.log(table).get_add_actions(flatten=True)).column("size_bytes").to_pylist()
        return len(sizes), sum(sizes)

    def holds_any(self, table: Table, ranges: Sequence[DateRange]) -> bool:
        """As `Storage`; true where the statistics of the files do not say it."""
        asked, spans = envelope(ranges), _file_spans(self.log(table), table.date or "")
        if asked is None:
            return False
        return spans is None or any(s is None or not (s.last < asked.first or s.first > asked.last) for s in spans)

    def state(self, table: Table, since: Seen | None) -> TableState | None:
        """As `Storage`."""
        if (log := self._newest(table)) is None:
            return None
        check_format(log.metadata().configuration.get(FORMAT_PROPERTY), self.location(table))
        lacks = lacking(table, (field.name for field in log.schema().fields))
        return TableState(identity(log), commits_since(log, since), files.lost_files(log, table), lacks)

    def same_rows(self, table: Table, version: int) -> bool:
        """As `Storage`."""
        return files.same_rows(self.log(table, version), self.log(table), table)

    def n_rows(self, table: Table) -> int | None:
        """As `Storage`."""
        return files.n_rows(self.log(table))

    def restore(self, table: Table, version: int, metadata: str) -> None:
        """As `Storage`."""
        with explained_log(f"{self.location(table)} ({version})"):
            files.restore(self.log(table), version, metadata)

    def forget_lost_files(self, table: Table, lost: Sequence[LostFile], metadata: str) -> None:
        """As `Storage`."""
        with explained_log(self.location(table)):
            files.forget_lost_files(self.log(table), lost, metadata)

    def vouch(self, table: Table, metadata: str) -> None:
        """As `Storage`."""
        files.set_property(self.log(table), VOUCHED_PROPERTY, str(self.version(table)), metadata)

    def show_views(self, _views: Sequence[SqlView], _ours: Collection[str], _mark: str) -> int:
        """As `Storage`: no place for views."""
        return 0

    def _newest(self, table: Table) -> DeltaTable | None:
        """The newest version of a table, None where it has not been created.

        One that is open in a folder is brought up to date where there is a commit after its own; where its own is gone, somebody
        cut the log short, and it is opened anew.
        """
        if is_uri(self._root):
            return self._newest_of_store(table)
        first = _commit(self.location(table), 0)
        known, opened = self._opened.get(table.name, (None, None))
        if opened is not None and first == known and _commit(self.location(table), opened.version()):
            if _commit(self.location(table), opened.version() + 1):
                with explained_log(self.location(table)):
                    opened.update_incremental()
            return opened
        found = open_table(self.location(table))
        if found is not None and first is not None:
            self._opened[table.name] = first, found
        return found

    def _newest_of_store(self, table: Table) -> DeltaTable | None:
        """The same behind a URI: of a table that is open, the store is asked for the next commit alone."""
        if (opened := self._in_store.get(table.name)) is None:
            if (opened := open_table(self.location(table))) is not None:
                self._in_store[table.name] = opened
        elif is_stored(f"{self.location(table)}/_delta_log/{opened.version() + 1:020}.json"):
            with explained_log(self.location(table)):
                opened.update_incremental()
        return opened


def _commit(location: str, version: int) -> tuple[int, int] | None:
    """What tells a commit from another of a table that was made in its place; None where that is not known at once."""
    try:
        found = Path(location, "_delta_log", f"{version:020}.json").stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


def _file_spans(log: DeltaTable, column: str) -> list[DateRange | None] | None:
    """The dates between which each file's rows lie, None for one without; None where the log does not say it of each."""
    listed = pa.table(log.get_add_actions(flatten=True))
    if listed.num_rows == 0:
        return []
    kept = [f"{what}.{column}" for what in ("min", "max", "null_count")]
    if any(name not in listed.column_names for name in kept):
        return None
    found: list[DateRange | None] = []
    for first, last, nulls, rows in zip(*(listed.column(name).to_pylist() for name in [*kept, "num_records"]), strict=True):
        if first is None and nulls != rows:
            return None
        found.append(None if first is None else DateRange(first, last))
    return found
