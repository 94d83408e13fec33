"""Two lakes compared to the last bit, on lakes that differ in one element."""

import shutil

import numpy as np
import pyarrow as pa
import pytest
from deltalake import write_deltalake

from sigmalake.lake.comparison import differences
from sigmalake.tables.declaration import Column, Table, required

TABLE = Table(
    name="numbers",
    comment="rows of every kind of column",
    key=("name",),
    columns=(
        required("name", "STRING", "a name"),
        Column("value", "DOUBLE", "a number"),
        Column("values", "ARRAY<DOUBLE>", "numbers"),
        Column("parts", "ARRAY<STRUCT<name: STRING, value: DOUBLE>>", "named numbers"),
    ),
)
ROWS = [
    {"name": "a", "value": 0.1, "values": [1.0, None, 3.0], "parts": [{"name": "x", "value": 1.0}]},
    {"name": "b", "value": None, "values": None, "parts": []},
    {"name": "c", "value": 2.0, "values": [], "parts": [{"name": "y", "value": None}, {"name": "z", "value": 0.5}]},
]


def write(lake, rows):
    write_deltalake(str(lake / TABLE.name), pa.Table.from_pylist(rows, TABLE.arrow_schema()))


def changed(number, **values):
    return [row | values if at == number else row for at, row in enumerate(ROWS)]


@pytest.fixture
def one(tmp_path):
    write(tmp_path / "one", ROWS)
    return tmp_path / "one"


def test_a_copy_in_another_order_is_equal(one, tmp_path):
    write(tmp_path / "other", ROWS[::-1])
    assert differences(one, tmp_path / "other", [TABLE]) == []


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (changed(0, value=float(np.nextafter(0.1, 1))), "numbers.value differs in 1 of its elements"),
        (changed(0, value=None), "numbers.value differs in 1 of its elements"),
        (changed(0, values=[1.0, 2.0, 3.0]), "numbers.values differs in 1 of its elements"),
        (changed(0, values=[1.0, None]), "numbers.values differs in 1 of its elements"),
        (changed(1, values=[]), "numbers.values differs in 1 of its elements"),
        (
            changed(2, parts=[{"name": "y", "value": None}, {"name": "w", "value": 0.5}]),
            "numbers.parts differs in 1 of its elements",
        ),
        (ROWS[:2], "numbers has 3 rows in one lake and 2 in the other"),
    ],
)
def test_a_single_element_that_differs_is_reported_with_its_row(one, tmp_path, rows, said):
    write(tmp_path / "other", rows)
    assert differences(one, tmp_path / "other", [TABLE]) == [said]


def test_a_table_of_one_lake_only_is_reported(one, tmp_path):
    assert differences(one, tmp_path / "nowhere", [TABLE]) == ["numbers is in one lake only"]
    shutil.rmtree(one)
    assert differences(one, tmp_path / "nowhere", [TABLE]) == []
