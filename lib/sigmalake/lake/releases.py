"""What a release says, for those who write one and for readers without Spark."""

from datetime import date, datetime
from typing import Any, NamedTuple

import pyarrow as pa


class Release(NamedTuple):
    """What a reader opens; a row of `releases`."""

    release_id: str
    created_at: datetime
    as_of: date
    variants: list[str]
    tables: dict[str, int]
    config_hash: str
    run_id: str
    checks: list[dict[str, Any]]
    sequence: int


def releases_from(table: pa.Table) -> list[Release]:
    """Releases from the rows of the table, oldest first."""
    found = [Release(**{**row, "tables": dict(row["tables"])}) for row in table.to_pylist()]
    return sorted(found, key=lambda release: release.sequence)
