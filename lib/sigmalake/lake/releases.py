"""What a release says, for those who write one and for readers without Spark."""

from datetime import date, datetime
from typing import NamedTuple

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
    checks: list[tuple[str, bool, str]]
    sequence: int


def releases_from(table: pa.Table) -> list[Release]:
    """Releases from the rows of the table, oldest first."""
    found = [
        Release(**{**row, "tables": dict(row["tables"]), "checks": [(c["name"], c["passed"], c["detail"]) for c in row["checks"]]})
        for row in table.to_pylist()
    ]
    return sorted(found, key=lambda release: release.sequence)
