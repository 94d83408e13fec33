"""The tables of a lake in memory: what a model from a DataFrame is built in, with the same tasks and the same stages."""

from collections.abc import Collection, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from sigmalake.engines.local.pieces import Held
from sigmalake.engines.local.rows import LocalRows
from sigmalake.lake.dates import DateRange
from sigmalake.lake.log import Commit, Identity, Seen, parse_commit
from sigmalake.lake.row_filter import RowFilter, SqlFilter
from sigmalake.lake.storage import SqlView
from sigmalake.lake.trust.files import LostFile, TableState
from sigmalake.tables.catalogue import MODEL_TABLES
from sigmalake.tables.checks import check_rows
from sigmalake.tables.checksums.contents import Contents, contents_of, together
from sigmalake.tables.declaration import Table

PACKED_A_PIECE = 64  # rows of a packed table


class HeldTables:
    """A storage of one run: each table is written from nothing, and kept as it was written."""

    def __init__(self, root: str = "memory", workers: int = 1) -> None:
        """Hold no table yet.

        Args:
            root: what messages call it.
            workers: processes that compute rows at the most.
        """
        self.root, self.workers = root, workers
        self.tables: dict[str, pa.Table] = {}
        self._commits: dict[str, list[Commit]] = {}

    def exists(self, table: Table) -> bool:
        """As `Storage`."""
        return table.name in self.tables

    def create(self, table: Table) -> None:
        """As `Storage`."""
        if not self.exists(table):
            self.tables[table.name] = table.arrow_schema().empty_table()
            self._commits[table.name] = [Commit(0, None, (), keeps_rows=True)]

    def columns(self, table: Table, columns: Sequence[str], dates: DateRange | None, version: int | None) -> pa.Table:
        """As `Storage`."""
        rows = self._at(table, version)
        if dates is not None:
            day = rows.column(table.date or "")
            inside = pc.and_(pc.greater_equal(day, pa.scalar(dates.first)), pc.less_equal(day, pa.scalar(dates.last)))
            rows = rows.filter(pc.or_kleene(pc.is_null(day), inside))
        return rows.select(list(columns))

    def version(self, table: Table) -> int:
        """As `Storage`."""
        return self._commits[table.name][-1].version

    def vanished(self) -> list[str]:
        """As `Storage`: not known."""
        return []

    def table_id(self, table: Table) -> str:
        """As `Storage`: a table in memory is never made anew."""
        return table.name

    def commits(self, table: Table, since: Seen | None) -> list[Commit]:
        """As `Storage`."""
        return [commit for commit in self._commits[table.name] if since is None or commit.version > since.version]

    def span(self, table: Table) -> DateRange | None:
        """As `Storage`."""
        found = pc.min_max(self.tables[table.name].column(table.date or ""))
        first, last = found["min"].as_py(), found["max"].as_py()
        return None if first is None else DateRange(first, last)

    def size(self, table: Table) -> tuple[int, int]:
        """As `Storage`: no files."""
        return 0, int(self.tables[table.name].nbytes)

    def holds_any(self, table: Table, ranges: Sequence[DateRange]) -> bool:
        """As `Storage`."""
        span = self.span(table)
        return span is not None and any(r.first <= span.last and r.last >= span.first for r in ranges)

    def pieces(self, table: Table, schema: pa.Schema, rows: RowFilter | None, version: int | None) -> Sequence[Held]:
        """As `LocalStorage`."""
        held = self._at(table, version)
        found = (held if rows is None else held.filter(rows.expression())).select(schema.names)
        step = PACKED_A_PIECE if table.packed else max(1, found.num_rows)
        return [Held(found.slice(first, step)) for first in range(0, found.num_rows, step)]

    def write(self, table: Table, rows: LocalRows, *, replaced: RowFilter | SqlFilter | None, metadata: str) -> Contents | None:
        """As `Storage`.

        Raises:
            ValueError: the table has rows that these would replace; a model in memory is made once.
        """
        held = self.tables[table.name]
        if replaced is not None and held.num_rows:
            raise ValueError(f"{table.name} has rows already, and a model in memory is made once")
        schema = table.arrow_schema()
        written = [found.select(schema.names).cast(schema) for found in rows.read(self.workers)]
        for found in written:
            check_rows(table, found)
        self.tables[table.name] = pa.concat_tables([held, *written])
        self._commits[table.name].append(parse_commit(self.version(table) + 1, metadata, "WRITE"))
        return together(contents_of(table, found) for found in written) if table in MODEL_TABLES else None

    def _at(self, table: Table, version: int | None) -> pa.Table:
        if version not in (None, self.version(table)):
            raise ValueError(f"{table.name} has version {self.version(table)} alone, not {version}")
        return self.tables[table.name]

    def set_property(self, table: Table, name: str, value: str) -> None:
        """As `Storage`: nobody else writes."""

    def state(self, table: Table, since: Seen | None) -> TableState | None:
        """As `Storage`: there are no files."""
        if not self.exists(table):
            return None
        return TableState(Identity(self.version(table), table.name, None), self.commits(table, since), [])

    def same_rows(self, table: Table, version: int) -> bool:
        """As `Storage`."""
        return version == self.version(table)

    def n_rows(self, table: Table) -> int:
        """As `Storage`."""
        return int(self.tables[table.name].num_rows)

    def restore(self, table: Table, version: int, metadata: str) -> None:
        """As `Storage`: nobody else writes."""

    def forget_lost_files(self, table: Table, lost: Sequence[LostFile], metadata: str) -> None:
        """As `Storage`: there are no files."""

    def vouch(self, table: Table, metadata: str) -> None:
        """As `Storage`: nobody else writes."""

    def show_views(self, _views: Sequence[SqlView], _ours: Collection[str], _mark: str) -> int:
        """As `Storage`: no place for views."""
        return 0
