"""Numbers, names and flags of source columns, each by one strict rule."""

import math
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sigmalake.errors import DataError
from sigmalake.sources.values import flag_of, number_of, text_of

NUMBERS = {"1": 1.0, " -1.5\t": -1.5, "+2": 2.0, ".5": 0.5, "5.": 5.0, "1e3": 1000.0, "1E-3": 0.001, "-0.0": -0.0, "007": 7.0}
NOT_NUMBERS = [
    "123f", "0.5F", "1d", "0x1p-3", "0x10", "1_000", "1,500", "-0,01", "1 000", "12%", "$1", "1e", "e5", ".", "+", "--1", "1.2.3",
    "nan(1)", "NA", "C", "B", "null", "\uff11", "1e5.0", "1l", "(1)", "\u221e",
]  # fmt: skip
NOT_FINITE = ["nan", "NaN", "-inf", "Infinity", "+INF", " inf "]


@pytest.mark.parametrize("text", NUMBERS)
@pytest.mark.parametrize("beside", ["2", "x"])  # x: the strict way; 2: the fast one
def test_a_number_in_text_is_read_alone_and_beside_what_is_none(text, beside):
    found = number_of(pa.array([text, beside, None, " "]))
    assert found.values[0].as_py() == NUMBERS[text]
    assert math.copysign(1, found.values[0].as_py()) == math.copysign(1, NUMBERS[text])
    assert found.missing.to_pylist() == [False, False, True, True]
    assert found.not_a_number.to_pylist() == [False, beside == "x", False, False]


@pytest.mark.parametrize("text", NOT_NUMBERS)
def test_what_has_a_suffix_a_separator_or_another_base_is_no_number(text):
    found = number_of(pa.array(["1.5", text]))
    assert found.values.to_pylist() == [1.5, None]
    assert (found.not_a_number.to_pylist(), found.missing.to_pylist()) == ([False, True], [False, False])


@pytest.mark.parametrize("text", NOT_FINITE)
def test_nan_and_infinity_are_numbers_that_are_not_finite(text):
    found = number_of(pa.array([text, "1"]))
    assert not math.isfinite(found.values[0].as_py())
    assert found.not_a_number.to_pylist() == [False, False]


@settings(deadline=None)  # the first call loads Arrow's functions
@given(st.lists(st.floats(allow_nan=False), min_size=1))
def test_every_double_that_python_writes_reads_back_to_the_bit(values):
    assert number_of(pa.array(list(map(repr, values)))).values.to_pylist() == values


@settings(deadline=None)  # the first call loads Arrow's functions
@given(st.text(max_size=5))
def test_what_python_and_the_strict_rule_both_take_they_read_alike(text):
    found = number_of(pa.array([text, "x"]))
    if found.values[0].is_valid and not math.isnan(found.values[0].as_py()):
        assert found.values[0].as_py() == float(text)


OF_NUMBERS = [
    pa.array([1, 2**60], pa.int64()), pa.array([1, 2**64 - 1], pa.uint64()), pa.array([0.5, 0.25], pa.float16()),
    pa.array([Decimal("1.25"), Decimal("-3")]), pa.array([Decimal("1.25"), Decimal("-3")], pa.decimal256(40, 2)),
]  # fmt: skip


@pytest.mark.parametrize("column", OF_NUMBERS, ids=lambda column: str(column.type))
def test_numbers_of_every_type_become_doubles(column):
    assert number_of(column).values.to_pylist() == [float(x) for x in column.to_pylist()]


@settings(deadline=None)  # the first call loads Arrow's functions
@given(st.lists(st.decimals(-(10**9), 10**9, places=8), min_size=1, max_size=50))
def test_a_decimal_becomes_the_nearest_double(values):
    assert number_of(pa.array(values, pa.decimal128(20, 8))).values.to_pylist() == [float(x) for x in values]


def test_nan_in_a_column_of_doubles_is_a_value_and_null_is_missing():
    found = number_of(pa.array([math.nan, None]))
    assert math.isnan(found.values[0].as_py())
    assert (found.missing.to_pylist(), found.not_a_number.to_pylist()) == ([False, True], [False, False])
    assert number_of(pa.nulls(1)).missing.to_pylist() == [True]


@pytest.mark.parametrize("column", [pa.array([True]), pa.array([[1.0]]), pa.array([b"1"])], ids=lambda column: str(column.type))
def test_a_column_of_another_type_is_refused_as_numbers(column):
    with pytest.raises(DataError, match=r"holds no numbers"):
        number_of(column)


NAMES = ["NA", "NULL", "null", "nan", "None", "TRUE", "1E5", "007", "#N/A", "N/A", "S 1", "Ü"]


@pytest.mark.parametrize("encoded", [False, True])
def test_names_are_stripped_of_blanks_and_of_nothing_else(encoded):
    given = [padded for name in NAMES for padded in (name, f" {name}", f"{name}   ", f"\t{name}\u00a0\n")] + ["", " \t", None]
    column = pa.chunked_array([given[:5], given[5:]])
    column = column.dictionary_encode() if encoded else column
    assert text_of(column).to_pylist() == [(text or "").strip() or None for text in given]


def test_every_blank_of_python_is_a_blank():
    blanks = [chr(code) for code in range(0x10000) if not 0xD800 <= code < 0xE000 and chr(code).isspace()]
    assert text_of(pa.array([f"{blank}A{blank}" for blank in blanks])).to_pylist() == ["A"] * len(blanks)


OF_IDS = [
    (pa.array([10001, -1, None], pa.int32()), ["10001", "-1", None]),
    (pa.array([2**64 - 1], pa.uint64()), [str(2**64 - 1)]),
    (pa.array([Decimal(10**30), Decimal(7)], pa.decimal128(38, 0)), [str(10**30), "7"]),
    (pa.array([Decimal(12000)], pa.decimal128(5, -3)), ["12000"]),
    (pa.nulls(2), [None, None]),
    (pa.array([], pa.string()), []),
]


@pytest.mark.parametrize(("column", "names"), OF_IDS, ids=lambda value: str(getattr(value, "type", "")))
def test_whole_numbers_are_their_digits(column, names):
    assert text_of(column).to_pylist() == names


@pytest.mark.parametrize("column", [pa.array([1.0]), pa.array([True]), pa.array([Decimal("1.5")])], ids=lambda c: str(c.type))
def test_fractions_and_flags_are_no_names(column):
    with pytest.raises(DataError, match=f"a column of {column.type}".replace("(", r"\(").replace(")", r"\)")):
        text_of(column)


OF_FLAGS = [
    (pa.array([True, False, None]), [True, False, None], [False, False, False]),
    (pa.array([1, 0, 2, None]), [True, False, None, None], [False, False, True, False]),
    (pa.array([1.0, 0.0, 0.5]), [True, False, None], [False, False, True]),
    (pa.array(["TRUE", " no ", "1", "maybe", ""]), [True, False, True, None, None], [False, False, False, True, False]),
    (pa.nulls(1), [None], [False]),
]


@pytest.mark.parametrize(("column", "values", "wrong"), OF_FLAGS, ids=lambda value: str(getattr(value, "type", "")))
def test_flags_are_true_false_their_names_or_one_and_zero(column, values, wrong):
    found = flag_of(column)
    assert found.values.to_pylist() == values
    assert found.not_a_flag.to_pylist() == wrong
