"""What a release says, for those who write one and for readers without Spark."""

from datetime import date, datetime
from typing import NamedTuple

import pyarrow as pa


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


def releases_from(table: pa.Table) -> list[Release]:
    """Releases from the rows of the table, oldest first."""
    found = [
        Release(**{**row, "tables": dict(row["tables"]), "checks": [Check(**check) for check in row["checks"]]})
        for row in table.to_pylist()
    ]
    return sorted(found, key=lambda release: release.sequence)
