"""The tables of a release as it pinned them, what tasks make of them, and a few of their dates to look at."""

import random
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from types import MappingProxyType

import pyarrow as pa
import pyarrow.dataset as ds

from sigmalake.engines.local.engine import LocalEngine
from sigmalake.engines.local.tables import LocalTables
from sigmalake.lake.comparison import differing_columns
from sigmalake.lake.dates import DateRange
from sigmalake.lake.log import open_table, read_columns
from sigmalake.lake.releases import Release
from sigmalake.tables.declaration import Table
from sigmalake.tasks.contract import PartTask

SAMPLED = 3  # dates of a table, its newest among them
TO_THE_LAST_BIT = 0.0
REBUILT = 1e-9  # relative: windows of several dates are summed in another order than that of one
NONE_WITHOUT: Mapping[str, Table] = MappingProxyType({})


class PinnedTables:
    """The tables of a release, at the versions that it names."""

    def __init__(self, root: str, release: Release) -> None:
        self._root, self._release = root, release
        self._engine = LocalEngine(LocalTables(root, 1))

    def close(self) -> None:
        """Give back what was kept."""
        self._engine.close()

    def __contains__(self, table: Table) -> bool:
        return table.name in self._release.tables

    def mapped(self, task: PartTask, tables: Sequence[Table], without: Mapping[str, Table] = NONE_WITHOUT) -> pa.Table:
        """What a task makes of tables as they were pinned; of the roles `without` it is given no row."""
        given = {role: self._engine.no_rows(table) for role, table in without.items()}
        versions = {table.name: self._release.tables[table.name] for table in tables}
        return self._engine.collect(self._engine.map_parts(task, given, versions=versions))

    def dates(self, table: Table, column: str) -> list[date]:
        """Every date of a column, ascending."""
        return sorted(day for day in self.rows(table, [column]).column(column).to_pylist() if day is not None)

    def sampled(self, table: Table, where: ds.Expression | None = None, columns: Sequence[str] = ()) -> pa.Table:
        """The rows of the newest date and of some others, which the release's id draws: the same ones each time."""
        dated = table.date or ""
        known = sorted(set(self.rows(table, [dated], where).column(dated).to_pylist()))
        drawn = random.Random(self._release.release_id).sample(known[:-1], min(SAMPLED - 1, max(0, len(known) - 1)))
        chosen = ds.field(dated).isin([*drawn, *known[-1:]])
        return self.rows(table, list(columns) or table.column_names, chosen if where is None else where & chosen)

    def rows(self, table: Table, columns: Sequence[str], where: ds.Expression | None = None) -> pa.Table:
        """Columns of some rows, or of all; none where the release has no such table."""
        log = open_table(f"{self._root}/{table.name}", self._release.tables[table.name]) if table in self else None
        if log is None:
            return table.arrow_schema(*columns).empty_table()
        return read_columns(log, columns, where, declared=table)

    def within(self, table: Table, columns: Sequence[str], dates: DateRange | None = None) -> pa.Table:
        """As `Lake.columns`: columns of the rows of some dates and of those without one."""
        if dates is None:
            return self.rows(table, columns)
        dated = ds.field(table.date or "")
        return self.rows(table, columns, dated.is_null() | ((dated >= dates.first) & (dated <= dates.last)))


def hashes_of(rows: pa.Table, dated: str = "date") -> dict[date, str]:
    """The hash of the inputs of each date."""
    return dict(zip(rows.column(dated).to_pylist(), rows.column("inputs_hash").to_pylist(), strict=True))


def compared(table: Table, stored: pa.Table, computed: pa.Table, relative: float) -> Iterator[tuple[str, str]]:
    """The table and what differs in it, if anything does."""
    keys = [(name, "ascending") for name in table.key]
    days = sorted({str(day) for day in [*stored.column(table.date).to_pylist(), *computed.column(table.date).to_pylist()]})
    where = f"on {', '.join(days)}"
    if stored.num_rows != computed.num_rows:
        yield table.name, f"{where} it has {stored.num_rows:,} rows, {computed.num_rows:,} come of computing them again"
        return
    wrong = differing_columns(stored.sort_by(keys), computed.select(stored.column_names).sort_by(keys), relative)
    if wrong:
        listed = ", ".join(f"{name} in {n:,} elements" for name, n in wrong.items())
        yield table.name, f"{where} computing it again gives another {listed}"
