"""Columns of arrays as flat numbers: null, NaN and rows that were cut off mean what they say."""

import numpy as np
import pyarrow as pa
import pytest
from numpy.testing import assert_array_equal

from sigmalake.tables.packed import FIRST_PASS
from sigmalake.tasks.arrays import bool_lists, finite_numbers, float_lists, int_lists, lengths, lists, number_lists, ranked_ids
from sigmalake.tasks.contract import sorted_rows, table_of

ROWS = pa.table({"x": pa.array([[1.0, None], None, [], [3.0, 4.0, 5.0]], pa.list_(pa.float64()))})


def test_null_within_an_array_is_nan_and_a_null_array_has_no_numbers():
    x = float_lists(ROWS, "x")
    assert_array_equal(x.flat, [1.0, np.nan, 3.0, 4.0, 5.0])
    assert x.is_valid.tolist() == [True, False, True, True]
    assert [x.row(n).tolist() for n in (1, 2, 3)] == [[], [], [3.0, 4.0, 5.0]]
    assert lengths(ROWS, "x").tolist() == [2, 0, 0, 3]


def test_rows_that_are_cut_off_are_not_read():
    x = float_lists(ROWS.slice(2), "x")
    assert (x.flat.tolist(), x.offsets.tolist()) == ([3.0, 4.0, 5.0], [0, 0, 3])


def test_values_behind_a_null_are_not_read():
    values, mask = pa.array([1.0, 2.0, 3.0]), pa.array([True, False])
    hidden = pa.table({"x": pa.ListArray.from_arrays(pa.array([0, 2, 3], pa.int32()), values, mask=mask)})
    assert float_lists(hidden, "x").row(1).tolist() == [3.0]
    assert float_lists(hidden, "x").flat.tolist() == [3.0]


def test_numbers_without_nulls_are_not_copied():
    values = pa.array([1.0, 2.0, 3.0])
    column = pa.table({"x": lists(values, [2, 1])})
    assert np.shares_memory(float_lists(column, "x").flat, values.to_numpy())


def test_whole_numbers_are_64_bits_wide_and_unknown_flags_are_false():
    rows = pa.table({"n": pa.array([[1], [2, 3]], pa.list_(pa.int32())), "b": [[True], [None, True]]})
    assert (int_lists(rows, "n").flat.dtype, int_lists(rows, "n").row(1).tolist()) == (np.int64, [2, 3])
    assert bool_lists(rows, "b").flat.tolist() == [True, False, True]


def test_nan_becomes_null_within_arrays_and_infinity_beside_them():
    assert number_lists([np.array([1.0, np.nan]), None, np.empty(0)]).to_pylist() == [[1.0, None], None, []]
    assert finite_numbers([1.0, np.nan, np.inf]).to_pylist() == [1.0, None, None]
    assert number_lists([]).to_pylist() == []


def test_ids_are_numbered_in_their_own_order():
    ids, codes = ranked_ids([pa.array(["b", "é"]), pa.array(["Z", "b"])])
    assert (ids, codes.tolist()) == (["Z", "b", "é"], [1, 2, 0, 1])


def test_rows_are_sorted_and_those_without_a_first_key_are_left_out():
    rows = pa.table({"a": [2, None, 1, 1], "b": ["x", "y", "z", "q"]})
    assert sorted_rows(rows, "a", "b").column("b").to_pylist() == ["q", "z", "x"]


def test_a_table_is_made_by_name_and_says_which_column_is_wrong():
    columns = {"status": ["ok"], "date": [None], "asset_id": [["A"]], "n_estimation": [1], "specific_return": [[0.5]]}
    made = table_of(FIRST_PASS, {**columns, "inputs_hash": ["h"]})
    assert made.schema == FIRST_PASS.arrow_schema()
    assert made.to_pylist()[0]["status"] == "ok"
    with pytest.raises(ValueError, match="first_pass: inputs_hash is missing, or is no column of the table"):
        table_of(FIRST_PASS, columns)
