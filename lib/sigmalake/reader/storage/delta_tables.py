"""The tables of a release in a lake, each at the version that the release names, without Spark."""

from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.dataset as ds
from deltalake import DeltaTable

from sigmalake.config.stores.opening import check_stores
from sigmalake.errors import ConfigError, InfrastructureError, MissingRiskError
from sigmalake.lake.format import FORMAT_PROPERTY, check_readable
from sigmalake.lake.log import arrow_dataset, open_table, read_columns
from sigmalake.lake.releases import releases_from
from sigmalake.lake.upkeep.older import fill_missing
from sigmalake.lake.upkeep.withdrawals import ReleaseLedger, withdrawals_from
from sigmalake.reader.storage.table_reader import StoredRows
from sigmalake.tables.catalogue import ALL_TABLES, MODEL_TABLES
from sigmalake.tables.declaration import Table
from sigmalake.tables.packed import PANEL
from sigmalake.tables.records import RELEASE_WITHDRAWALS, RELEASES

_RELEASED = {table.name for table in MODEL_TABLES}


class DeltaTables:
    """The tables of a release, opened when they are first read; those that no release names are read as they are now."""

    def __init__(self, root: str, release_id: str, versions: Mapping[str, int], table_ids: Mapping[str, str] | None = None) -> None:
        """Open the tables of a release.

        Args:
            root: folder or URI of the lake.
            release_id: of the release.
            versions: that it names, by table.
            table_ids: Delta's ids of the tables that it was made of; None: it is older than their notes.
        """
        self._root = root
        self._release_id = release_id
        self._versions = versions
        self._table_ids = table_ids or {}
        self._opened: dict[str, DeltaTable] = {}

    @property
    def place(self) -> str:
        """The folder or URI of the lake."""
        return self._root

    def rows(self, table: Table, columns: Sequence[str], where: ds.Expression | None = None) -> pa.Table:
        """Some columns of some rows; null where the version of the table is older than a column.

        Raises:
            ConfigError: the version lacks a column that is never null.
            MissingRiskError: the release has no such table.
            InfrastructureError: a file of it is gone.
        """
        opened = self._open(table)
        try:
            return read_columns(opened, columns, where, declared=table)
        except FileNotFoundError as error:
            raise InfrastructureError(
                f"release {self._release_id} reads {table.name} at version {opened.version()}, of which a file is gone "
                f"({error}); restore it, or open a newer release"
            ) from None

    def stored(self) -> dict[str, StoredRows]:
        """As `TableReader`: those of the release at its versions, the run ledger and what `evaluate` wrote as they are now."""
        found: dict[str, StoredRows] = {}
        for table in ALL_TABLES:
            log = self._open(table) if table.name in self._versions else self._found(table)
            if log is not None:
                rows = arrow_dataset(log)
                found[table.name] = rows.replace_schema(fill_missing(table, rows.schema, table.column_names, log.table_uri))
        return found

    def _open(self, table: Table) -> DeltaTable:
        found = self._found(table)
        if found is None:
            where = f"{self._root}/{table.name}"
            raise MissingRiskError(f"release {self._release_id} has no table {table.name} ({where}); open another release")
        return found

    def _found(self, table: Table) -> DeltaTable | None:
        """A table as the release has it, or as it is now where no release names it; None where there is none."""
        if table.name not in self._opened:
            location, version = f"{self._root}/{table.name}", self._versions.get(table.name)
            unknown = version is None and table.name in _RELEASED
            log = None if unknown else open_table(location, version)
            if log is None:
                return None
            check_readable(log.metadata().configuration.get(FORMAT_PROPERTY), location)
            self._check_identity(table, log)
            self._opened[table.name] = log
        return self._opened[table.name]

    def _check_identity(self, table: Table, log: DeltaTable) -> None:
        """Refuse a table that was put in the place of the one that was released: its versions say something else."""
        noted = self._table_ids.get(table.name)
        if noted is not None and str(log.metadata().id) != noted:
            raise InfrastructureError(
                f"release {self._release_id} was made of another table {table.name} than the one that is now at "
                f"{self._root}/{table.name}, which was created later; open a newer release, or put the old table back from a copy"
            )


def ledger_of(root: str) -> ReleaseLedger:
    """The releases of a lake, and which of them no longer stand.

    Raises:
        ConfigError: no lake is there, or it has another format.
    """
    check_stores([root])
    rows = _record_rows(root, RELEASES)
    if rows is None:
        if open_table(f"{root}/{PANEL.name}") is None:
            raise ConfigError(f"there is no lake at {root}; give the folder or URI that `lake:` names in the configuration")
        return ReleaseLedger([], [])
    withdrawn = _record_rows(root, RELEASE_WITHDRAWALS)
    return ReleaseLedger(releases_from(rows), [] if withdrawn is None else withdrawals_from(withdrawn))


def _record_rows(root: str, table: Table) -> pa.Table | None:
    location = f"{root}/{table.name}"
    log = open_table(location)
    if log is None:
        return None
    check_readable(log.metadata().configuration.get(FORMAT_PROPERTY), location)
    return read_columns(log, table.column_names, declared=table)
