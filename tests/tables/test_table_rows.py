import re
from datetime import date, datetime
from typing import NamedTuple

import pyarrow as pa
import pytest

from declared_rows import bare_row, full_row
from sigmalake.errors import DataError
from sigmalake.tables.catalogue import ALL_TABLES
from sigmalake.tables.evaluation import FACTOR_PREMIA
from sigmalake.tables.long import FACTORS
from sigmalake.tables.packed import PANEL
from sigmalake.tables.records import RELEASES, RUNS
from sigmalake.tables.rows import table_rows


class FactorRow(NamedTuple):
    """A row of `factors`, its columns in an order of its own."""

    position: int
    kind: str
    factor_group: str
    factor: str
    factor_set: str
    given: str | None = None


def plain(value):
    """Maps, which Arrow gives back as pairs, as dictionaries."""
    pairs = isinstance(value, list) and value and isinstance(value[0], tuple)
    return dict(value) if pairs else value


@pytest.mark.parametrize("make", [full_row, bare_row])
@pytest.mark.parametrize("table", ALL_TABLES, ids=lambda table: table.name)
def test_rows_by_name_come_back_as_they_were_given(table, make):
    row = make(table)
    made = table_rows(table, [row])
    assert made.schema == table.arrow_schema()
    assert {name: plain(value) or row[name] for name, value in made.to_pylist()[0].items()} == row


def test_a_named_tuple_is_taken_by_its_names():
    made = table_rows(FACTORS, [FactorRow(3, "style", "style", "size", "set")])
    (row,) = made.to_pylist()
    assert row == {"factor_set": "set", "position": 3, "factor": "size", "factor_group": "style", "kind": "style", "given": None}


def test_no_rows_have_the_declared_columns():
    assert table_rows(PANEL, []).schema == PANEL.arrow_schema()


def test_every_difference_is_told_at_once():
    row = full_row(FACTORS, position=1.5, factor=7, colour="red")
    del row["kind"]
    told = "kind is missing in 1 of 1 rows; colour is not declared; position is no int32: .*; factor is no string: .*"
    with pytest.raises(DataError, match=told):
        table_rows(FACTORS, [row])


@pytest.mark.parametrize(
    ("table", "wrong", "told"),
    [
        (FACTOR_PREMIA, {"n_periods": True, "mean": "much"}, "mean is no double"),
        (FACTOR_PREMIA, {"first_date": datetime(2024, 1, 2, 12)}, "first_date is no date32.*has a time of day"),
        (RELEASES, {"checks": [("complete", True, "")]}, "checks is no .*does not name its fields name, passed, detail"),
        (
            RELEASES,
            {"checks": [{"name": "complete", "passed": True}]},
            "its fields are name, passed, declared name, passed, detail",
        ),
        (RUNS, {"table_versions": {"panel": 1.0}}, "table_versions is no map"),
        (RUNS, {"rows_in": 2**63}, "rows_in is no int64"),
        (FACTORS, {"factor": None}, "factor is null in 1 of 1 rows, first where factor_set a, position 1"),
        (FACTOR_PREMIA, {"mean": float("nan")}, re.escape("mean is NaN (missing is null) in 1 of 1 rows, first where factor a")),
    ],
)
def test_a_value_that_the_column_cannot_hold_is_refused_with_its_column(table, wrong, told):
    with pytest.raises(DataError, match=told):
        table_rows(table, [full_row(table, **wrong)])


def test_whole_numbers_of_numpy_are_whole_numbers():
    np = pytest.importorskip("numpy")
    made = table_rows(FACTORS, [full_row(FACTORS, position=np.int64(4))])
    assert made.column("position").to_pylist() == [4]
    assert made.schema.field("position").type == pa.int32()


def test_a_date_is_stored_as_a_date():
    made = table_rows(FACTOR_PREMIA, [full_row(FACTOR_PREMIA, first_date=date(2024, 2, 29))])
    assert made.column("first_date").to_pylist() == [date(2024, 2, 29)]
