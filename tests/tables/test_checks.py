import re
import struct

import numpy as np
import pyarrow as pa
import pytest

from declared_rows import BREAKING, NAN, SIGNED_NAN, bare_row, full_row
from sigmalake.errors import DataError
from sigmalake.tables.catalogue import ALL_TABLES
from sigmalake.tables.checks import check_rows
from sigmalake.tables.long import FACTORS, SPECIFIC_RETURNS
from sigmalake.tables.packed import CROSS_SECTIONS, PANEL, RISK_MODELS
from sigmalake.tables.rows import table_rows

FREE_OF_NAN = [(table, c.column) for table in ALL_TABLES for c in table.checks if c.column and not c.beside]
PARALLEL = [(table, c.column, c.beside) for table in ALL_TABLES for c in table.checks if c.beside]


def test_each_constraint_is_broken_by_some_row_of_the_tests():
    assert {(table.name, name) for table, name, _ in BREAKING} == {(t.name, c.name) for t in ALL_TABLES for c in t.checks}


def test_the_nan_of_these_tests_has_its_sign_bit_set():
    assert struct.pack(">d", SIGNED_NAN)[0] & 0x80
    assert np.isnan(SIGNED_NAN)


def told(table, rows):
    with pytest.raises(DataError) as caught:
        check_rows(table, rows)
    return str(caught.value)


def raw(table, rows):
    """Rows as Arrow holds them, unchecked."""
    return pa.Table.from_pylist(rows, table.arrow_schema())


@pytest.mark.parametrize("nan", [NAN, SIGNED_NAN], ids=["plain", "signed"])
@pytest.mark.parametrize(("table", "column"), FREE_OF_NAN, ids=lambda x: x if isinstance(x, str) else x.name)
def test_nan_is_found_in_every_column_of_numbers(table, column, nan):
    value = [None, nan] if table.arrow_schema().field(column).type == pa.list_(pa.float64()) else nan
    rows = raw(table, [bare_row(table), full_row(table), full_row(table, **{column: value})])
    assert re.search(rf"\b{column} (is|holds) NaN \(missing is null\) in 1 of 3 rows", told(table, rows))


@pytest.mark.parametrize(("table", "column", "beside"), PARALLEL, ids=lambda x: x if isinstance(x, str) else x.name)
def test_arrays_of_other_lengths_are_found(table, column, beside):
    value = full_row(table)[column][:1]
    rows = raw(table, [full_row(table, **{column: value}), bare_row(table), full_row(table, **{column: value})])
    assert f"{column} and {beside} are not equally long in 2 of 3 rows" in told(table, rows)


@pytest.mark.parametrize(("table", "name", "values"), [found for found in BREAKING if found[2]], ids=str)
def test_what_breaks_a_constraint_in_sql_breaks_it_in_arrow(table, name, values):
    rows = raw(table, [full_row(table), bare_row(table), full_row(table, **values)])
    assert re.search(rf"\b{name} \(.*\) does not hold in 1 of 3 rows, first where", told(table, rows))


@pytest.mark.parametrize("table", ALL_TABLES, ids=lambda table: table.name)
def test_a_null_in_a_column_that_has_none_is_found(table):
    needed = [column.name for column in table.columns if not column.nullable]
    for name in needed:
        found = told(table, raw(table, [full_row(table), full_row(table, **{name: None})]))
        assert f"{name} is null in 1 of 2 rows" in found


def test_the_first_row_is_named_by_its_key_and_every_problem_is_told():
    days = [np.datetime64("2024-01-02").astype(object), np.datetime64("2024-01-03").astype(object)]
    rows = [full_row(CROSS_SECTIONS, date=day) for day in days]
    rows[1] |= {"weight": [1.0, NAN], "r2": NAN, "vif": [1.0]}
    found = told(CROSS_SECTIONS, raw(CROSS_SECTIONS, rows))
    for problem in ("vif and factor_return are not equally long", "r2 is NaN", "weight holds NaN"):
        assert re.search(rf"{problem}.* in 1 of 2 rows, first where date 2024-01-03", found)


def test_infinity_and_null_are_no_nan():
    rows = [full_row(RISK_MODELS, ts_var=[float("inf"), None], regime_multiplier=float("-inf"))]
    check_rows(RISK_MODELS, raw(RISK_MODELS, rows))


def test_rows_in_chunks_slices_and_batches_are_counted_from_their_own_first():
    rows = [full_row(PANEL, ret=[0.5, NAN if n == 4 else 0.5]) for n in range(6)]
    whole = raw(PANEL, rows)
    assert "ret holds NaN (missing is null) in 1 of 2 rows" in told(PANEL, whole.slice(3, 2))
    assert "in 1 of 6 rows" in told(PANEL, pa.concat_tables([whole.slice(0, 3), whole.slice(3)]))
    assert "in 1 of 3 rows" in told(PANEL, whole.to_batches()[0].slice(3))
    check_rows(PANEL, whole.slice(0, 4))
    check_rows(PANEL, whole.slice(5))


def test_columns_that_are_not_the_declared_ones_are_all_named():
    rows = table_rows(FACTORS, [full_row(FACTORS)])
    wrong = rows.drop(["kind"]).append_column("colour", pa.array(["red"]))
    wrong = wrong.set_column(1, "position", pa.array([1], pa.int64()))
    expected = "kind is missing; colour is not declared; position is int64, declared int32"
    assert expected in told(FACTORS, wrong)


def test_columns_may_come_in_any_order():
    rows = table_rows(SPECIFIC_RETURNS, [full_row(SPECIFIC_RETURNS)])
    check_rows(SPECIFIC_RETURNS, rows.select(rows.column_names[::-1]))
