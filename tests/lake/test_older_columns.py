"""A table made before a column was declared: the column reads as null, or the reader says what to do."""

from dataclasses import replace

import pyarrow as pa
import pyarrow.dataset as ds
import pytest
from deltalake import Schema

from declared_rows import full_row
from plain_lake import append
from sigmalake.errors import ConfigError
from sigmalake.lake.log import open_table, read_columns
from sigmalake.lake.older import missing_columns
from sigmalake.reader.storage.delta_tables import DeltaTables
from sigmalake.reader.storage.model_tables import ModelTables
from sigmalake.tables.catalogue import ALL_TABLES
from sigmalake.tables.packed import PANEL, RISK_MODELS

YOUNGER = [(table, column.name) for table in ALL_TABLES for column in table.columns if column.nullable]
NEEDED = [(table, column.name) for table in ALL_TABLES for column in table.columns if not column.nullable]


def named(value):
    return value if isinstance(value, str) else value.name


def without(table, name):
    """The declaration as it was before a column."""
    return replace(table, columns=tuple(column for column in table.columns if column.name != name), checks=())


def as_pairs(row):
    """A row as Arrow gives it: maps as pairs."""
    return {
        name: list(value.items()) if name.endswith(("versions", "tables", "table_ids")) else value for name, value in row.items()
    }


def stored_before(root, table, name):
    """The table with one row, written when it had no such column; gives the row."""
    before = without(table, name)
    row = {key: value for key, value in as_pairs(full_row(table)).items() if key != name}
    append(root, before, [row])
    return row


@pytest.mark.parametrize(("table", "name"), YOUNGER, ids=named)
def test_a_column_that_may_be_null_reads_as_null_where_it_is_lacking(tmp_path, table, name):
    row = stored_before(tmp_path, table, name)
    found = read_columns(open_table(f"{tmp_path}/{table.name}"), table.column_names, declared=table)
    assert found.schema.field(name).type == table.arrow_schema().field(name).type
    assert found.to_pylist() == [{key: row.get(key) for key in table.column_names}]


@pytest.mark.parametrize(("table", "name"), NEEDED, ids=named)
def test_a_column_that_is_never_null_is_missed_in_words(tmp_path, table, name):
    stored_before(tmp_path, table, name)
    log = open_table(f"{tmp_path}/{table.name}")
    with pytest.raises(
        ConfigError, match=f"another version of sigmalake: it has no column {name},.* name another folder as `lake:`"
    ):
        read_columns(log, table.column_names, declared=table)
    others = [other for other in table.column_names if other != name]
    assert read_columns(log, others, declared=table).num_rows == 1


def test_rows_are_chosen_by_a_column_that_is_lacking(tmp_path):
    stored_before(tmp_path, RISK_MODELS, "frequency")
    log = open_table(f"{tmp_path}/risk_models")
    for rows, count in ((ds.field("frequency").is_null(), 1), (ds.field("frequency") == "month", 0)):
        assert read_columns(log, ["variant"], rows, declared=RISK_MODELS).num_rows == count


def test_rows_of_before_and_of_after_are_read_together(tmp_path):
    stored_before(tmp_path, RISK_MODELS, "frequency")
    log = open_table(f"{tmp_path}/risk_models")
    log.alter.add_columns(Schema.from_arrow(pa.schema([pa.field("frequency", pa.string())])).fields)
    append(tmp_path, RISK_MODELS, [full_row(RISK_MODELS, frequency="month")])
    log = open_table(f"{tmp_path}/risk_models")
    assert sorted(read_columns(log, ["frequency"], declared=RISK_MODELS).column(0).to_pylist(), key=str) == [None, "month"]


def test_a_release_of_before_is_read(tmp_path):
    stored_before(tmp_path, PANEL, "style_steps")
    versions = {"panel": open_table(f"{tmp_path}/panel").version()}
    released = ModelTables(DeltaTables(str(tmp_path), "2024-01-02.1", versions))
    row = released.row(PANEL, ["n_assets", "style_steps"], {"exposure_date": full_row(PANEL)["exposure_date"]})
    assert row["n_assets"].as_py() == 2
    assert not row["style_steps"].is_valid


def test_what_is_lacking_is_listed_in_the_declared_order():
    stored = [name for name in RISK_MODELS.column_names if name not in {"frequency", "linked_1", "detail"}]
    found = missing_columns(RISK_MODELS, stored, "here", ["variant", "date"])
    assert [column.name for column in found] == ["linked_1", "frequency"]
    with pytest.raises(ConfigError, match="no column detail"):
        missing_columns(RISK_MODELS, stored, "here")
