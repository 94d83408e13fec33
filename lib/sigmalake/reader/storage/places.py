"""Where the tables of a lake are read: in a folder or behind a URI without Spark, in a catalog by a session."""

from typing import NamedTuple

from sigmalake.config.types import CATALOG_NAME
from sigmalake.errors import ConfigError
from sigmalake.lake.releases import Release, releases_from
from sigmalake.lake.upkeep.withdrawals import ReleaseLedger, withdrawals_from
from sigmalake.reader.storage.delta_tables import DeltaTables, ledger_of
from sigmalake.reader.storage.session_tables import Session, SessionTables
from sigmalake.reader.storage.table_reader import TableReader
from sigmalake.tables.packed import PANEL
from sigmalake.tables.records import RELEASE_WITHDRAWALS, RELEASES


class LakePlace(NamedTuple):
    """Where a lake is read."""

    root: str  # folder or URI, or the schema of a catalog
    spark: Session | None = None  # may read the catalog

    def tables(self, release: Release) -> TableReader:
        """The tables of a release of this lake."""
        versions = release.release_id, release.tables, release.table_ids
        if (session := self._session()) is not None:
            return SessionTables(session, self.root, *versions)
        return DeltaTables(self.root, *versions)

    def ledger(self) -> ReleaseLedger:
        """The releases of the lake, and which of them no longer stand.

        Raises:
            ConfigError: no lake is there, or it has another format; or it is in a catalog, and there is no session.
        """
        if (session := self._session()) is None:
            return ledger_of(self.root)
        now = SessionTables(session, self.root)
        if not now.has(RELEASES):
            if not session.catalog.tableExists(f"{self.root}.{PANEL.name}"):
                raise ConfigError(
                    f"there is no lake in {self.root}; give the catalog's schema that `lake:` names in the configuration"
                )
            return ReleaseLedger([], [])
        withdrawn = now.rows(RELEASE_WITHDRAWALS, RELEASE_WITHDRAWALS.column_names) if now.has(RELEASE_WITHDRAWALS) else None
        found = releases_from(now.rows(RELEASES, RELEASES.column_names))
        return ReleaseLedger(found, [] if withdrawn is None else withdrawals_from(withdrawn))

    def _session(self) -> Session | None:
        """What reads a lake in a catalog; None: the lake is in none."""
        if not CATALOG_NAME.fullmatch(self.root):
            return None
        if self.spark is None:
            raise ConfigError(
                f"{self.root} names a lake in a catalog, whose files only the platform can read: give a session that may, "
                f"open_release({self.root!r}, spark=spark). For a folder write ./{self.root}"
            )
        return self.spark
