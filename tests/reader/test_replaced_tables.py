"""A release is read from the tables that it was made of, and from no other in their place."""

import shutil

import pytest

from declared_rows import full_row
from plain_lake import append
from sigmalake.errors import InfrastructureError
from sigmalake.lake.log import open_table
from sigmalake.reader.storage.delta_tables import DeltaTables
from sigmalake.tables.packed import PANEL


def written(lake) -> dict[str, str]:
    append(lake, PANEL, [full_row(PANEL)])
    return {"panel": str(open_table(f"{lake}/panel").metadata().id)}


def read(lake, ids):
    version = open_table(f"{lake}/panel").version()
    return DeltaTables(str(lake), "2024-01-02.1", {"panel": version}, ids).rows(PANEL, ["n_assets"])


def test_the_released_table_is_read(tmp_path):
    assert read(tmp_path, written(tmp_path)).num_rows == 1
    assert read(tmp_path, None).num_rows == 1


def test_a_table_that_was_made_in_its_place_is_refused(tmp_path):
    released = written(tmp_path)
    shutil.rmtree(tmp_path / "panel")
    written(tmp_path)
    with pytest.raises(InfrastructureError, match=r"2024-01-02\.1 was made of another table panel than .* open a newer release"):
        read(tmp_path, released)
