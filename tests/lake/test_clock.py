"""A clock that goes back changes nothing: runs are ordered by what they wrote, and a table is told by its id."""

import shutil
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from deltalake import CommitProperties, DeltaTable, write_deltalake

from sigmalake.lake import books
from sigmalake.lake.folder import FolderTables
from sigmalake.lake.lake import Lake
from sigmalake.lake.log import commit_metadata
from sigmalake.stages import context
from sigmalake.stages import release as release_stage
from sigmalake.tables.catalogue import ALL_TABLES
from sigmalake.tables.records import RELEASES, RUNS
from small_model import make_model

HOURS_BACK = timedelta(hours=2)


@pytest.fixture
def model(market, tmp_path):
    model = make_model(market, tmp_path)
    return model.write(market.panel[market.panel["date"] < sorted(set(market.panel["date"]))[-3]]).run()


def set_clock(monkeypatch, shift):
    def shifted():
        return datetime.now(UTC) + shift

    for module in (books, context, release_stage):
        monkeypatch.setattr(module, "now", shifted)


def releases(model):
    return model.rows(RELEASES)["release_id"].tolist()


def nothing_to_do(model):
    before = model.versions()
    model.run()
    return model.versions() == before


def test_days_that_come_after_the_clock_went_back_are_released(model, market, monkeypatch):
    set_clock(monkeypatch, -HOURS_BACK)
    model.write(market.panel).run()
    assert len(releases(model)) == 2
    assert nothing_to_do(model)


def test_a_lake_whose_tables_another_hosts_clock_dated_later_is_as_it_was_released(market, tmp_path, monkeypatch):
    set_clock(monkeypatch, -HOURS_BACK)  # of this host: that of the tables, delta-rs' own, is two hours ahead
    model = make_model(market, tmp_path).write(market.panel).run()
    assert len(releases(model)) == 1
    assert nothing_to_do(model)


def test_a_table_that_is_made_anew_is_another_one_whatever_clocks_say(model, market, monkeypatch):
    lake = Lake(FolderTables(str(model.lake_folder)))
    before = lake.table_id(RUNS)
    shutil.rmtree(model.lake_folder / "cross_sections")
    set_clock(monkeypatch, HOURS_BACK)
    model.write(market.panel).run()
    assert lake.table_id(RUNS) == before
    assert nothing_to_do(model)


def without(model, table, columns):
    """The table as an older version of sigmalake made it."""
    where = str(model.lake_folder / table.name)
    found = DeltaTable(where)
    rows = found.to_pyarrow_table().drop_columns(columns)
    if table is RUNS:  # what runs knew of the ledger, which is written anew here
        kept = [
            [(name, n) for name, n in of_run or () if name not in {"runs", "releases"}]
            for of_run in rows["table_versions"].to_pylist()
        ]
        place = rows.column_names.index("table_versions")
        rows = rows.set_column(place, rows.schema.field(place), pa.array(kept, rows.schema.field(place).type))
    properties = {name: value for name, value in found.metadata().configuration.items() if name.startswith("sigmalake.")}
    shutil.rmtree(where)
    ours = CommitProperties(custom_metadata={"userMetadata": commit_metadata("before", "run", 1, "hash", (), "spark")})
    write_deltalake(where, pa.table(rows), commit_properties=ours)
    DeltaTable(where).alter.set_table_properties(properties, raise_if_not_exists=False)


def test_a_ledger_of_before_ids_is_read_as_it_is_and_goes_on(model, market):
    without(model, RUNS, ["sequence", "table_ids"])
    without(model, RELEASES, ["table_ids", "ledger_versions"])
    assert nothing_to_do(model)
    model.write(market.panel).run()
    runs = DeltaTable(str(model.lake_folder / "runs")).to_pyarrow_table()
    assert 0 < pc.count(runs.column("sequence")).as_py() < runs.num_rows
    assert nothing_to_do(model)
    assert len(releases(model)) == 2


def test_rows_of_runs_are_numbered_as_they_were_written(model):
    rows = model.rows(RUNS)
    assert rows["sequence"].is_unique
    assert rows.sort_values("sequence")["stage"].tolist() == ["ingest", "quality", "regress", "risk", "covariance", "release"]


def test_every_table_of_a_lake_has_an_id_of_its_own(model):
    lake = Lake(FolderTables(str(model.lake_folder)))
    ids = [lake.table_id(table) for table in ALL_TABLES if lake.exists(table)]
    assert len(set(ids)) == len(ids) > 10
