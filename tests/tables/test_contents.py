"""Counts and checksums of rows: the same for the same rows in any order and pieces, another for any other rows."""

from datetime import date

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sigmalake.tables.checksums.contents import NOTHING, Content, Key, contents_of, together, total
from sigmalake.tables.declaration import Column, Table, required

DAYS = [date(2024, 1, 2), date(2024, 1, 3), date(2024, 1, 4)]
TABLE = Table(
    name="t",
    comment="",
    key=("variant", "date", "id"),
    date="date",
    columns=(
        required("variant", "STRING", ""),
        required("date", "DATE", ""),
        required("id", "STRING", ""),
        Column("x", "DOUBLE", ""),
        Column("y", "DOUBLE", ""),
        Column("n", "INT", ""),
        Column("flag", "BOOLEAN", ""),
        Column("at", "TIMESTAMP", ""),
        Column("names", "ARRAY<STRING>", ""),
        Column("numbers", "ARRAY<DOUBLE>", ""),
        Column("steps", "ARRAY<STRUCT<name: STRING, value: DOUBLE>>", ""),
        Column("versions", "MAP<STRING, BIGINT>", ""),
    ),
)
ROW = {
    "variant": "short", "date": DAYS[0], "id": "A", "x": 1.5, "y": -2.25, "n": 3, "flag": True, "at": None,
    "names": ["a", None, "b"], "numbers": [1.0, None, 3.0], "steps": [{"name": "s", "value": 1.0}], "versions": [("panel", 3)],
}  # fmt: skip


def rows(*given: dict) -> pa.Table:
    return pa.Table.from_pylist([{**ROW, **row} for row in given], schema=TABLE.arrow_schema())


def of(*given: dict) -> dict:
    return contents_of(TABLE, rows(*given))


DRAWN = st.tuples(st.sampled_from(DAYS), st.text(max_size=20), st.one_of(st.none(), st.floats(allow_nan=False)))


@settings(deadline=None, max_examples=30)
@given(st.lists(DRAWN, max_size=12), st.randoms())
def test_order_and_pieces_do_not_matter(drawn, random):
    given_rows = [{"date": day, "id": name, "x": value} for day, name, value in drawn]
    shuffled = random.sample(given_rows, len(given_rows))
    cut = random.randint(0, len(given_rows))
    assert of(*given_rows) == of(*shuffled) == together([of(*shuffled[:cut]), of(*shuffled[cut:])])
    assert total(of(*given_rows)).rows == len(given_rows)


CHANGED = [
    {"x": 6.0}, {"x": None}, {"x": -2.25, "y": 1.5}, {"x": np.nextafter(1.5, 2)}, {"n": 4}, {"flag": False}, {"id": "B"},
    {"id": ""}, {"names": ["a", "b", None]}, {"names": ["a", "b"]}, {"names": None}, {"names": []},
    {"numbers": [1.0, 3.0, None]},
    {"numbers": [1.0, 0.0, 3.0]}, {"numbers": [3.0, None, 1.0]}, {"steps": [{"name": "s", "value": None}]}, {"steps": [None]},
    {"versions": [("panel", 4)]}, {"versions": [("factors", 3)]},
]  # fmt: skip


@pytest.mark.parametrize("changed", CHANGED, ids=str)
def test_a_value_that_changes_changes_the_checksum(changed):
    key = Key("short", DAYS[0])
    assert of(changed)[key].rows == of({})[key].rows == 1
    assert of(changed)[key].hash != of({})[key].hash
    assert of({}, changed)[key] != of({}, {})[key]


@pytest.mark.parametrize("names", [("x",), ("y",), ("x", "y")])
def test_numbers_that_are_multiplied_by_a_power_of_two_change_the_checksum(names):
    given_rows = [{"id": f"{n}", "x": 0.1 * n, "y": 0.3 * n} for n in range(1, 50)]
    four = [{**row, **{name: 4 * row[name] for name in names}} for row in given_rows]
    assert of(*given_rows) != of(*four)


def test_rows_belong_together_by_variant_and_date():
    found = of({}, {"date": DAYS[1]}, {"variant": "long"}, {"id": "B"}, {"date": DAYS[1], "id": "B"})
    assert {key: content.rows for key, content in found.items()} == {
        Key("short", DAYS[0]): 2, Key("short", DAYS[1]): 2, Key("long", DAYS[0]): 1,
    }  # fmt: skip


def test_a_column_that_comes_later_and_one_that_is_not_declared_change_nothing():
    without = rows({"numbers": None}).drop_columns(["numbers"])
    assert contents_of(TABLE, without) == of({"numbers": None})
    assert contents_of(TABLE, without.append_column("other", pa.array([1]))) == of({"numbers": None})


def test_slices_and_chunks_are_read_where_they_begin():
    whole = rows(*({"date": DAYS[n % 3], "id": f"id{n}", "names": [f"{n}"] * n, "numbers": [1.0] * n} for n in range(9)))
    chunked = pa.concat_tables([whole.slice(0, 4), whole.slice(4, 5)])
    expected = contents_of(TABLE, whole)
    assert contents_of(TABLE, chunked) == expected
    assert together(contents_of(TABLE, whole.slice(n, 1)) for n in range(9)) == expected


def test_ids_that_repeat_from_date_to_date_are_hashed_as_those_that_do_not():
    dates = [{"date": day, "id": name} for day in DAYS for name in ("A", "B", "C")]
    assert of(*dates) == together(of(row) for row in dates)


def test_counts_are_added_and_taken_away():
    one, two = Content(2, (1 << 63) - 1), Content(1, 5)
    assert (one + two) - two == one
    assert one - one == NOTHING


def test_a_checksum_stays_what_it_is():
    """A release keeps it: whoever changes how rows are hashed makes every kept release look altered."""
    assert of({})[Key("short", DAYS[0])] == Content(1, CHECKSUM)


CHECKSUM = 1543722444987497492
