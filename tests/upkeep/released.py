"""What a release holds, table by table at the versions that it names."""

from pathlib import Path

import pyarrow as pa

from sigmalake.lake.log import open_table, read_columns
from sigmalake.reader.open_release import open_release
from sigmalake.tables.catalogue import MODEL_TABLES


def rows_of_release(lake: Path, release_id: str) -> dict[str, pa.Table]:
    """The rows of each table of a release, in the order of their keys."""
    versions = open_release(lake, release_id).tables
    found = {}
    for table in MODEL_TABLES:
        if table.name in versions:
            rows = read_columns(open_table(str(lake / table.name), versions[table.name]), table.column_names, declared=table)
            found[table.name] = rows.sort_by([(column, "ascending") for column in table.key]).combine_chunks()
    return found


def assert_same_release(one: dict[str, pa.Table], other: dict[str, pa.Table]) -> None:
    """Every element of every table is the same."""
    assert one.keys() == other.keys()
    for name, rows in one.items():
        assert rows.equals(other[name]), name
