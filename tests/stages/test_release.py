"""When there is something to release."""

from datetime import UTC, date, datetime

import pytest
from deltalake import DeltaTable

from plain_lake import append, create
from sigmalake.config.model import Config
from sigmalake.lake.folder import FolderTables
from sigmalake.lake.lake import FENCE_PROPERTY, Lake
from sigmalake.stages.context import Context
from sigmalake.stages.release import needs_release
from sigmalake.tables.long import FACTOR_RETURNS, FACTORS
from sigmalake.tables.packed import RISK_MODELS
from sigmalake.tables.records import RELEASES

FACTOR = {"factor_set": "set", "position": 0, "factor": "market", "factor_group": "market", "kind": "market"}


@pytest.fixture
def released(tmp_path):
    """A lake of two tables, just released."""
    body = {"model": "m", "lake": str(tmp_path / "lake"), "sources": {"panel": {"path": "/no/panel.parquet"}}}
    config = Config.model_validate({**body, "factors": [{"market": "market"}], "regression": {"weights": "equal"}})
    lake = Lake(FolderTables(config.lake))
    for table in (FACTORS, FACTOR_RETURNS):
        create(lake.root, table)
    tables = [(table.name, lake.version(table)) for table in (FACTORS, FACTOR_RETURNS)]
    release = {
        "release_id": "2024-01-02.1", "created_at": datetime.now(UTC), "as_of": date(2024, 1, 2), "variants": [],
        "tables": tables, "config_hash": config.full_hash(), "run_id": "run", "checks": [], "sequence": 1,
    }  # fmt: skip
    append(lake.root, RELEASES, [release])
    return Context(lake, None, config, "run")


def fence_off(lake):
    for table in (FACTORS, FACTOR_RETURNS):
        fenced = DeltaTable(f"{lake.root}/{table.name}").alter
        fenced.set_table_properties({FENCE_PROPERTY: "2"}, raise_if_not_exists=False)


def test_a_lake_that_was_only_taken_over_is_as_it_was_released(released):
    assert not needs_release(released)
    fence_off(released.lake)
    assert not needs_release(released)


def test_rows_written_after_a_takeover_are_to_be_released(released):
    fence_off(released.lake)
    append(released.lake.root, FACTORS, [FACTOR])
    assert needs_release(released)


def test_a_table_that_is_new_is_to_be_released(released):
    create(released.lake.root, RISK_MODELS)
    assert needs_release(released)
