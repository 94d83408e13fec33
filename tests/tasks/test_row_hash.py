"""A row's hash is a fixed function of its values, whatever type a file gives them; plain Python is the oracle."""

import struct
from datetime import date, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from sigmalake.tasks.sources.raw_rows import RawRows
from sigmalake.tasks.sources.row_hash import (
    BLOCK,
    ColumnWords,
    entry_hashes,
    number_words,
    row_hashes,
    set_words,
    text_hashes,
    text_words,
    whole_words,
)

MASK = (1 << 64) - 1
SEED, K = 0x243F6A8885A308D3, 0x9E3779B97F4A7C15


def mix(x):
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
    return x ^ (x >> 31)


def plain_text(text):
    octets, h = text.encode(), SEED
    for first in range(0, len(octets), 8):
        h = mix((h * K + int.from_bytes(octets[first : first + 8], "little")) & MASK)
    return mix((h * K + len(octets)) & MASK)


def plain_word(value):
    if value is None:
        return 0
    if isinstance(value, str):
        return plain_text(value)
    if isinstance(value, date):
        return (value - date(1970, 1, 1)).days & MASK
    return int.from_bytes(struct.pack("<d", float(value) + 0.0), "little")


def plain_row(values):
    h = SEED
    for value in values:
        h = mix((h * K + plain_word(value)) & MASK)
    for first in range(0, len(values), 64):
        flags = sum((value is None) << bit for bit, value in enumerate(values[first : first + 64]))
        h = mix((h * K + flags) & MASK)
    return h - (1 << 64) if h >> 63 else h


TEXTS = ["", "A", "AAPL", "Nestlé", "12345678", "123456789", "日本" * 9, "A ", " A", "x" * 1000]


def test_texts_are_hashed_as_their_bytes_in_words_of_eight():
    assert text_hashes(pa.array(TEXTS)).tolist() == [plain_text(text) for text in TEXTS]
    assert text_hashes(pa.array(["no", *TEXTS])[1:]).tolist() == [plain_text(text) for text in TEXTS]
    assert len(text_hashes(pa.array([], pa.string()))) == 0


def columns_of(rows):
    """Every column of rows of a date, an id and numbers, as `RawRows` hashes it."""
    names = [f"c{n}" for n in range(len(rows[0]))]
    raw = RawRows(pa.table({name: list(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}))
    return [raw.date_words("c0"), raw.text_words("c1"), *map(raw.number_words, names[2:])]


def test_rows_are_hashed_as_the_plain_function_hashes_them():
    random = np.random.default_rng(1)
    rows = [
        (
            None if random.random() < 0.1 else date.fromordinal(int(random.integers(700_000, 740_000))),
            None if random.random() < 0.1 else str(random.choice(TEXTS)),
            *(None if random.random() < 0.2 else float(x) for x in random.normal(size=66)),
        )
        for _ in range(300)
    ]
    assert row_hashes(columns_of(rows), 300).tolist() == [plain_row(row) for row in rows]


def test_the_hash_is_the_same_for_ever():
    rows = [(date(2024, 1, 2), "AAPL", 0.01, None), (date(1899, 12, 31), "Nestlé", -0.0, 1e300), (None, None, None, None)]
    assert row_hashes(columns_of(rows), 3).tolist() == VECTORS
    assert text_hashes(pa.array(["", "AAPL", "Nestlé"])).tolist() == TEXT_VECTORS


VECTORS = [874378967208069308, 485118103845631669, -1255511759946884086]
TEXT_VECTORS = [15574732934893814642, 11651714258843121809, 5986274420563772669]


def hash_of(**columns):
    raw = RawRows(pa.table(columns))
    kinds = {"day": raw.date_words, "x": raw.number_words, "id": raw.text_words, "flag": raw.flag_words}
    return row_hashes([kinds[name](name) for name in columns], raw.n_rows).tolist()


UINT, LARGE = pa.array([3], pa.uint8()), pa.array(["10001"], pa.large_string())


@pytest.mark.parametrize(
    "same",
    [
        [{"day": [date(2024, 7, 1)]}, {"day": pa.array([datetime(2024, 7, 1)], pa.timestamp("ns"))}, {"day": ["2024-07-01"]}],
        [{"x": [3]}, {"x": [3.0]}, {"x": pa.array([3.0], pa.float32())}, {"x": ["3"]}, {"x": [" 3.0 "]}, {"x": UINT}],
        [{"x": [0.0]}, {"x": [-0.0]}, {"x": ["0"]}, {"x": ["-0"]}],
        [{"x": pa.array([None], pa.float64())}, {"x": [float("nan")]}, {"x": [""]}, {"x": pa.array([None], pa.string())}],
        [{"id": ["10001"]}, {"id": [10001]}, {"id": pa.array(["10001"]).dictionary_encode()}, {"id": LARGE}],
        [{"flag": [True]}, {"flag": [1]}, {"flag": [1.0]}, {"flag": ["true"]}, {"flag": ["TRUE"]}, {"flag": ["1"]}],
    ],
    ids=["dates", "numbers", "zeros", "missing numbers", "ids", "flags"],
)  # fmt: skip
def test_equal_values_of_different_types_hash_alike(same):
    assert len({tuple(hash_of(**columns)) for columns in same}) == 1


def test_a_float32_hashes_as_the_double_that_it_is_and_not_as_its_decimal():
    assert hash_of(x=pa.array([0.1], pa.float32())) == hash_of(x=[float(np.float32(0.1))]) != hash_of(x=[0.1])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"x": [None, 5.0]}, {"x": [5.0, None]}),
        ({"x": pa.array([None], pa.float64())}, {"x": [0.0]}),
        ({"id": pa.array([None], pa.string())}, {"id": [""]}),
        ({"id": ["A"]}, {"id": ["A "]}),
        ({"x": ["abc"]}, {"x": ["abd"]}),
        ({"x": ["abc"]}, {"x": [""]}),
        ({"day": ["2024-02-30"]}, {"day": ["2024-02-31"]}),
        ({"flag": [False]}, {"flag": pa.array([None], pa.bool_())}),
    ],
    ids=["place", "null and 0", "null and no text", "blanks", "unreadable", "unreadable and none", "no dates", "false and null"],
)
def test_what_differs_hashes_differently(one, other):
    assert hash_of(**one) != hash_of(**other)


def test_a_value_that_moves_to_the_next_column_makes_another_row():
    values = np.array([1.0, 5.0]), np.array([np.nan, 5.0]), np.array([5.0, np.nan])
    pairs = [(values[0], values[1]), (values[0], values[2])]
    columns = [[number_words(x, np.isnan(x)) for x in pair] for pair in pairs]
    assert not set(row_hashes(columns[0], 2).tolist()) & set(row_hashes(columns[1], 2).tolist())


def test_sets_hash_alike_in_any_order_and_differ_by_key_value_and_count():
    def of_sets(*sets):
        rows = np.repeat(np.arange(len(sets)), [len(one) for one in sets])
        keys, values = zip(*(entry for one in sets for entry in one), strict=True)
        encoded = pa.array(keys).dictionary_encode()
        words = text_words(encoded.indices.to_numpy().astype(np.int64), encoded.dictionary)
        found = set_words(entry_hashes(words, number_words(np.array(values))), rows, len(sets))
        return row_hashes([found], len(sets)).tolist()

    ab = [("a", 1.0), ("b", 2.0)]
    found = of_sets(ab, ab[::-1], [("a", 2.0), ("b", 1.0)], ab[:1], ab + ab[:1], [])
    assert found[0] == found[1]
    assert len(set(found)) == 5


def test_the_hash_of_a_row_does_not_depend_on_its_block():
    values = np.random.default_rng(2).normal(size=BLOCK + 7)
    whole = row_hashes([number_words(values)], len(values))
    assert whole[BLOCK:].tolist() == row_hashes([number_words(values[BLOCK:])], 7).tolist()


def test_two_million_values_that_are_near_to_one_another_do_not_collide():
    n = 1_000_000
    numbers = np.arange(n)
    prices = number_words(np.round(100 + numbers * 0.01, 2))
    found = [row_hashes([whole_words(numbers)], n), row_hashes([ColumnWords(np.zeros(n, dtype=np.uint64)), prices], n)]
    found.append(text_hashes(pc.binary_join_element_wise("A", pa.array(numbers[: n // 4]).cast(pa.string()), "")).view(np.int64))
    assert len(np.unique(np.concatenate(found))) == 2 * n + n // 4
    bits = [np.mean(found[0] >> bit & 1) for bit in range(64)]
    np.testing.assert_allclose(bits, 0.5, atol=5 * 0.5 / np.sqrt(n))
