"""What a release says, for those who write one and for readers without Spark."""

from datetime import date, datetime
from typing import NamedTuple

import pyarrow as pa

from sigmalake.lake.log import Seen


class Check(NamedTuple):
    """One check of a release; an entry of `releases.checks`."""

    name: str
    passed: bool
    detail: str


class Release(NamedTuple):
    """What a reader opens; a row of `releases`."""

    release_id: str
    created_at: datetime
    as_of: date
    variants: list[str]
    tables: dict[str, int]
    config_hash: str
    run_id: str
    checks: list[Check]
    sequence: int
    table_ids: dict[str, str] | None = None  # None: released before ids were kept
    ledger_versions: dict[str, int] | None = None  # of the tables beside the model's; None: released before they were kept

    def seen(self, table: str) -> Seen | None:
        """A table as it stood when it was released; None where it was not there."""
        version = self.tables.get(table, (self.ledger_versions or {}).get(table))
        return None if version is None else Seen(version, self.created_at, (self.table_ids or {}).get(table))


def releases_from(table: pa.Table) -> list[Release]:
    """Releases from the rows of the table, oldest first."""
    found = [
        Release(
            **{
                **row,
                "tables": dict(row["tables"]),
                "checks": [Check(**check) for check in row["checks"]],
                **{name: None if row[name] is None else dict(row[name]) for name in ("table_ids", "ledger_versions")},
            }
        )
        for row in table.to_pylist()
    ]
    return sorted(found, key=lambda release: release.sequence)
