"""A lake of an older format: its releases are read as they are, and `sigmalake upgrade` brings it to the present one."""

from dataclasses import replace

import pyarrow as pa
import pytest
from deltalake import CommitProperties, DeltaTable, write_deltalake
from released import assert_same_release, rows_of_release

from sigmalake.errors import ConfigError
from sigmalake.lake.format import FORMAT, FORMAT_PROPERTY
from sigmalake.lake.log import commit_metadata, open_table, read_columns
from sigmalake.lake.upkeep.older import with_older_values
from sigmalake.reader.open_release import open_release
from sigmalake.stages.upkeep.upgrade import upgrade
from sigmalake.tables.catalogue import ALL_TABLES, MODEL_TABLES
from sigmalake.tables.evaluation import FORECAST_EVALUATION
from sigmalake.tables.packed import CROSS_SECTIONS, RISK_MODELS
from sigmalake.tables.records import RELEASES, RUNS

YOUNGER = [(table, column.name) for table in ALL_TABLES for column in table.columns if column.older is not None]
MODEL = {table.name for table in MODEL_TABLES}
OURS = CommitProperties(custom_metadata={"userMetadata": commit_metadata("before", "run", 1, "hash", (), "spark")})


def as_format_1(model):
    """The last release as the first format had it: without the columns that came later, and its own property."""
    lake = model.lake_folder
    rows = rows_of_release(lake, open_release(lake).release_id)
    versions = {}
    for table in ALL_TABLES:
        log = open_table(str(lake / table.name))
        if log is None or table is RELEASES:
            continue
        lacking = [column.name for column in table.columns if column.older is not None]
        stored = read_columns(log, table.column_names, declared=table).drop_columns(lacking)
        if table is RUNS:  # of a ledger that is written anew here they knew other versions
            named = [[(name, n) for name, n in of_run or () if name in MODEL] for of_run in stored["table_versions"].to_pylist()]
            place = stored.column_names.index("table_versions")
            stored = stored.set_column(place, stored.schema.field(place), pa.array(named, stored.schema.field(place).type))
            place = stored.column_names.index("table_ids")
            stored = stored.set_column(place, stored.schema.field(place), pa.nulls(len(stored), stored.schema.field(place).type))
        before = replace(table, columns=tuple(column for column in table.columns if column.name not in lacking), checks=())
        location = lake.parent / "old" / table.name
        made = DeltaTable.create(str(location), schema=before.arrow_schema())
        made.alter.set_table_properties({FORMAT_PROPERTY: "1"}, raise_if_not_exists=False)
        write_deltalake(str(location), stored, mode="append", commit_properties=OURS)
        versions[table.name] = DeltaTable(str(location)).version()
    releases = read_columns(open_table(str(lake / "releases")), RELEASES.column_names).to_pylist()[-1]
    releases |= {"tables": [(name, versions[name]) for name, _ in releases["tables"]], "ledger_versions": None, "table_ids": None}
    made = DeltaTable.create(str(lake.parent / "old" / "releases"), schema=RELEASES.arrow_schema())
    made.alter.set_table_properties({FORMAT_PROPERTY: "1"}, raise_if_not_exists=False)
    row = pa.Table.from_pylist([releases], RELEASES.arrow_schema())
    write_deltalake(str(lake.parent / "old" / "releases"), row, mode="append", commit_properties=OURS)
    model.body["lake"] = str(lake.parent / "old")
    return rows


def filled(rows):
    """What readers see of the columns that the first format did not have."""
    lost = {name: [column.name for column in table.columns if column.older] for table in ALL_TABLES if (name := table.name) in rows}
    declared = {table.name: table for table in ALL_TABLES}
    emptied = dict(rows)
    for name, found in rows.items():
        for column in lost[name]:
            place, field = found.column_names.index(column), declared[name].arrow_schema().field(column).with_nullable(True)
            emptied[name] = emptied[name].set_column(place, field, pa.nulls(found.num_rows, field.type))
        emptied[name] = with_older_values(declared[name], emptied[name]).combine_chunks()
    return emptied


def test_a_release_of_an_older_format_is_read_as_it_is(model):
    rows = as_format_1(model)
    opened = open_release(model.lake_folder)
    assert opened.risk().factor_cov.shape
    assert opened.regression(opened.as_of)["vif"].isna().all()
    assert_same_release(rows_of_release(model.lake_folder, opened.release_id), filled(rows))


def test_a_run_on_it_says_to_upgrade_and_changes_nothing(model):
    as_format_1(model)
    with pytest.raises(ConfigError, match=r"has lake format 1, and this version writes format 2; use `sigmalake upgrade` once"):
        model.run()


def test_an_upgrade_changes_no_row_and_the_next_run_goes_on(model):
    expected = filled(as_format_1(model))
    release = open_release(model.lake_folder).release_id
    done = upgrade(model.context())
    assert {its.name for its in done} >= {"panel", "cross_sections", "risk_models", "releases", "runs"}
    assert_same_release(rows_of_release(model.lake_folder, release), expected)
    for table in ALL_TABLES:
        if (log := open_table(str(model.lake_folder / table.name))) is not None:
            assert log.metadata().configuration[FORMAT_PROPERTY] == str(FORMAT)
            assert set(table.column_names) <= {field.name for field in log.schema().fields}
    assert upgrade(model.context()) == []
    model.run()
    assert open_release(model.lake_folder, release).release_id == release
    assert_same_release(rows_of_release(model.lake_folder, release), expected)


def test_an_upgrade_that_was_cut_short_is_finished_by_the_next(model, monkeypatch):
    as_format_1(model)
    steps = iter(range(100))

    def cut(_self):
        if next(steps) == 4:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("sigmalake.lake.lake.Lake.verify_lease", cut)
        with pytest.raises(KeyboardInterrupt):
            upgrade(model.context())
    assert upgrade(model.context())
    assert upgrade(model.context()) == []
    model.run()


def test_a_lake_of_the_present_format_has_nothing_to_upgrade(model):
    before = model.versions()
    assert upgrade(model.context()) == []
    assert model.versions() == before


def test_a_format_of_the_future_is_refused(model):
    log = open_table(str(model.lake_folder / "panel"))
    log.alter.set_table_properties({FORMAT_PROPERTY: "99"}, raise_if_not_exists=False)
    with pytest.raises(ConfigError, match=r"panel has lake format 99; this version reads and writes format 2\. Use the version"):
        upgrade(model.context())


@pytest.mark.parametrize(("table", "name"), YOUNGER, ids=lambda value: getattr(value, "name", value))
def test_older_values_are_none_of_what_a_column_counts(table, name):
    assert (table, name) in [
        (CROSS_SECTIONS, "outliers"),
        (CROSS_SECTIONS, "n_reweighted"),
        (CROSS_SECTIONS, "vif"),
        (RISK_MODELS, "zero_factors"),
        (FORECAST_EVALUATION, "horizon"),
    ]
    column = table.arrow_schema().field(name)
    kept = table.arrow_schema().field("factor_return") if name == "vif" else None
    rows = pa.table(
        {name: pa.nulls(2, column.type), **({} if kept is None else {"factor_return": pa.array([[0.1, None], []], kept.type)})}
    )
    found = with_older_values(table, rows).column(name).to_pylist()
    assert found == {"vif": [[None, None], []], "n_reweighted": [0, 0], "horizon": [0, 0]}.get(name, [[], []])
