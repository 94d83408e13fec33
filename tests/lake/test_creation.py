"""Tables made by delta-rs: all of the declaration in one commit, and older ones brought to it."""

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from declared_rows import bare_row, full_row
from sigmalake.lake import creation
from sigmalake.lake.creation import AddColumns, SetProperties, all_properties, create_table, steps_to_declaration, take
from sigmalake.tables.catalogue import ALL_TABLES
from sigmalake.tables.declaration import Constraint
from sigmalake.tables.evaluation import FACTOR_PREMIA, FORECAST_EVALUATION
from sigmalake.tables.long import FACTOR_RETURNS, SPECIFIC_RETURNS
from sigmalake.tables.packed import CROSS_SECTIONS, PANEL, RISK_MODELS
from sigmalake.tables.rows import table_rows

EVERY = pytest.mark.parametrize("table", ALL_TABLES, ids=lambda table: table.name)
SIGNED_NAN = -float("nan")


def write(log, table, *rows):
    """Rows as Arrow holds them, looked at by delta-rs alone."""
    listed = [{name: list(v.items()) if isinstance(v, dict) else v for name, v in row.items()} for row in rows]
    write_deltalake(log, pa.Table.from_pylist(listed, table.arrow_schema()), mode="append")


@EVERY
def test_a_table_is_created_whole_in_one_commit(tmp_path, table):
    log = create_table(f"{tmp_path}/lake/{table.name}", table)
    assert log.version() == 0
    assert all_properties(table).items() <= log.metadata().configuration.items()
    assert log.metadata().description == table.comment
    assert log.protocol().min_writer_version == 3
    stored = pa.schema(log.schema().to_arrow())
    assert stored == table.arrow_schema()
    assert [field.nullable for field in stored] == [column.nullable for column in table.columns]
    assert [field.metadata["comment"] for field in log.schema().fields] == [column.comment for column in table.columns]
    assert steps_to_declaration(table, log) == []


@EVERY
def test_rows_that_obey_are_taken_by_the_constraints_of_every_table(tmp_path, table):
    log = create_table(str(tmp_path), table)
    write(log, table, full_row(table), bare_row(table))
    assert DeltaTable(tmp_path).count() == 2


@EVERY
def test_a_null_in_a_column_that_has_none_is_refused_by_the_table(tmp_path, table):
    log = create_table(str(tmp_path), table)
    for name in [column.name for column in table.columns if not column.nullable]:
        with pytest.raises(Exception, match=r"failed validation check|non-nullable|null"):
            write(log, table, full_row(table, **{name: None}))
    assert DeltaTable(tmp_path).count() == 0


BREAKING = [
    *((t, c.column, c.name) for t in ALL_TABLES for c in t.checks if c.column is not None),
    (FORECAST_EVALUATION, {"return_date": full_row(FORECAST_EVALUATION)["date"]}, "no_look_ahead"),
    (FORECAST_EVALUATION, {"n_zero": 2}, "counts_agree"),
    (FORECAST_EVALUATION, {"detail": "a reason"}, "a_forecast_or_a_reason"),
    (FORECAST_EVALUATION, {"vol": 0.0}, "vol_is_positive"),
    (FACTOR_PREMIA, {"nw_lags": -1}, "counts_are_not_negative"),
    (FACTOR_PREMIA, {"last_date": None}, "a_span_where_there_are_returns"),
    (SPECIFIC_RETURNS, {"weight": -0.5}, "weight_is_not_negative"),
    (PANEL, {"return_date": full_row(PANEL)["exposure_date"]}, "no_look_ahead"),
    (PANEL, {"n_assets": 3}, "n_assets_counts"),
    (CROSS_SECTIONS, {"portfolios": [0.5] * 3}, "portfolios_are_complete"),
    (RISK_MODELS, {"factor_cov": [0.5] * 4}, "upper_triangle"),
]


def broken_values(table, column, name):
    """Values of a column, each of which breaks a constraint."""
    if column is None or not isinstance(column, str):
        return [column]
    check = next(check for check in table.checks if check.name == name)
    if check.beside is not None:
        value = full_row(table)[column]
        return [{column: value[:1]}, {column: []}]
    if table.arrow_schema().field(column).type == pa.float64():
        return [{column: float("nan")}, {column: SIGNED_NAN}]
    lists = [[float("nan"), 1.0], [1.0, float("nan")], [SIGNED_NAN, 1.0], [None, SIGNED_NAN], [float("nan"), float("nan")]]
    return [{column: value} for value in lists]


@pytest.mark.parametrize(("table", "broken", "name"), BREAKING, ids=lambda x: getattr(x, "name", x if isinstance(x, str) else ""))
def test_a_row_that_breaks_a_constraint_is_refused_by_that_constraint(tmp_path, table, broken, name):
    alone = replace(table, checks=tuple(check for check in table.checks if check.name == name))
    log = create_table(str(tmp_path), alone)
    for values in broken_values(table, broken, name):
        with pytest.raises(Exception, match="1 rows failed validation check"):
            write(log, alone, full_row(table, **values))
    write(log, alone, full_row(table), bare_row(table))


def test_a_table_that_is_there_comes_back_as_it_is(tmp_path):
    create_table(str(tmp_path), FACTOR_RETURNS)
    write(DeltaTable(tmp_path), FACTOR_RETURNS, full_row(FACTOR_RETURNS))
    assert create_table(str(tmp_path), FACTOR_RETURNS).version() == 1


def test_a_creation_that_was_cut_off_in_its_commit_is_made_up_for(tmp_path):
    torn = tmp_path / "_delta_log"
    torn.mkdir()
    (torn / ".00000000000000000000.json.partial.tmp").write_text("{")
    (torn / "_commit_1b4e28ba.json.tmp").write_text("{")
    log = create_table(str(tmp_path), FACTOR_RETURNS)
    assert steps_to_declaration(FACTOR_RETURNS, log) == []


def test_of_two_who_create_a_table_the_second_takes_the_first_ones(tmp_path, monkeypatch):
    create_table(str(tmp_path), FACTOR_RETURNS)
    opened = iter([None, creation.open_table(str(tmp_path))])
    monkeypatch.setattr(creation, "open_table", lambda *_: next(opened))
    monkeypatch.setattr(creation, "clear_torn_log", lambda *_: None)
    assert create_table(str(tmp_path), FACTOR_RETURNS).version() == 0


def test_an_older_table_gets_the_columns_and_the_words_of_its_constraints(tmp_path):
    spark_s = (
        Constraint("asset_id_beside", "size(asset_id) = n_assets"),
        Constraint("specific_return_beside_asset_id", "specific_return IS NULL OR size(specific_return) = size(asset_id)"),
        Constraint("weight_are_numbers", "weight IS NULL OR array_position(weight, double('NaN')) = 0"),
    )
    younger = {"portfolios", "r2_uncentred"}
    before = replace(CROSS_SECTIONS, columns=tuple(c for c in CROSS_SECTIONS.columns if c.name not in younger), checks=spark_s[1:])
    log = create_table(str(tmp_path), before)
    steps = steps_to_declaration(CROSS_SECTIONS, log)
    added, set_ = steps
    assert [column.name for column in added.columns] == ["r2_uncentred", "portfolios"]
    assert isinstance(added, AddColumns)
    assert isinstance(set_, SetProperties)
    assert set_.properties == CROSS_SECTIONS.constraints()
    for step in steps:
        take(log, step)
    assert steps_to_declaration(CROSS_SECTIONS, log) == []
    assert log.schema().fields[-2].metadata["comment"] == next(
        c.comment for c in CROSS_SECTIONS.columns if c.name == "r2_uncentred"
    )
    rows = table_rows(CROSS_SECTIONS, [full_row(CROSS_SECTIONS)]).select([f.name for f in log.schema().fields])
    write_deltalake(log, rows, mode="append")


@pytest.mark.parametrize("done", [0, 1, 2])
def test_a_table_that_was_left_between_two_steps_is_brought_the_rest_of_the_way(tmp_path, done):
    before = replace(
        RISK_MODELS, columns=RISK_MODELS.columns[:-1], checks=(Constraint("upper_triangle", "cardinality(factors) >= 0"),)
    )
    log = create_table(str(tmp_path), before)
    for step in steps_to_declaration(RISK_MODELS, log)[:done]:
        take(log, step)
    log = DeltaTable(tmp_path)
    rest = steps_to_declaration(RISK_MODELS, log)
    assert len(rest) == 2 - done
    for step in rest:
        take(log, step)
    assert DeltaTable(tmp_path).metadata().configuration["delta.constraints.upper_triangle"] == next(
        check.sql for check in RISK_MODELS.checks if check.name == "upper_triangle"
    )


def test_blanks_that_spark_writes_into_a_constraint_are_no_difference(tmp_path):
    log = create_table(str(tmp_path), PANEL)
    spaced = {name: sql.replace("(", " ( ").replace(")", " )") for name, sql in PANEL.constraints().items()}
    log.alter.set_table_properties(spaced, raise_if_not_exists=False)
    assert steps_to_declaration(PANEL, log) == []


def test_what_an_operator_set_stays_and_what_was_never_set_is_added(tmp_path):
    log = create_table(str(tmp_path), FACTOR_RETURNS)
    log.alter.set_table_properties({"delta.logRetentionDuration": "interval 30 days"})
    assert steps_to_declaration(FACTOR_RETURNS, log) == []


def test_a_table_below_the_protocol_of_constraints_is_raised_to_it(tmp_path):
    log = DeltaTable.create(str(tmp_path), FACTOR_RETURNS.arrow_schema())
    (step,) = steps_to_declaration(FACTOR_RETURNS, log)
    take(log, step)
    assert log.protocol().min_writer_version == 3
    with pytest.raises(Exception, match="1 rows failed validation check"):
        write(log, FACTOR_RETURNS, full_row(FACTOR_RETURNS, t_stat=float("nan")))


def test_a_folder_that_holds_a_strangers_table_is_left_alone(tmp_path):
    write_deltalake(str(tmp_path), pa.table({"x": [1.0]}))
    files = sorted(Path(tmp_path, "_delta_log").iterdir())
    assert create_table(str(tmp_path), FACTOR_RETURNS).metadata().configuration == {}
    assert sorted(Path(tmp_path, "_delta_log").iterdir()) == files
