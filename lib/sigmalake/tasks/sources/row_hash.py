"""A 64-bit hash of a row's values, the same on every machine, in every engine and whatever type a file gives a value.

A value is a word of 64 bits: a number is the bits of its double (a float32 or an integer is the double that it equals, -0.0 is
0.0), a date its days since 1970 (so is its midnight), a text the hash of its UTF-8 bytes in words of 8 bytes, little end first.
The words of a row are combined in the order of its columns, h <- mix(h K + word), and last the flags of the values that are
missing: null differs from every value, and a value that moves to the next column makes another row. `mix` is the finaliser of
splitmix64 (Steele, Lea and Flood 2014), a bijection, so that rows that differ in one word have different hashes.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from sigmalake.numerics.types import Bools, Floats, Ints
from sigmalake.tables.checksums.hashing import SEED, K, Words, mix_in_place, mixed, text_hashes

BLOCK = 1 << 14  # rows that are hashed at once: their words stay in the cache
_FLAGS_A_WORD = 64


class ColumnWords(NamedTuple):
    """A column as it is hashed."""

    words: Words  # (N,); anything where the value is missing
    missing: Bools | None = None  # (N,); None: no value is


def row_hashes(columns: Sequence[ColumnWords], n_rows: int) -> Ints:
    """The hash of every row, as the signed number of the same bits.

    Args:
        columns: in their order.
        n_rows: N.
    """
    hashes = np.full(n_rows, SEED)
    for first in range(0, n_rows, BLOCK):
        block = slice(first, first + BLOCK)
        _hash_block_in_place(hashes[block], [_within(column, block) for column in columns])
    return hashes.view(np.int64)


def number_words(values: Floats, missing: Bools | None = None) -> ColumnWords:
    """The words of numbers; every NaN that is not missing is the same."""
    bits = (values + 0.0).view(np.uint64)  # -0.0 + 0.0 is 0.0
    unordered = np.isnan(values)
    if unordered.any():
        bits[unordered] = np.array(np.nan).view(np.uint64)
    return ColumnWords(bits, missing)


def whole_words(values: Ints | Bools, missing: Bools | None = None) -> ColumnWords:
    """The words of days since 1970, of counts or of flags."""
    return ColumnWords(values.astype(np.int64).view(np.uint64), missing)


def text_words(codes: Ints, names: pa.Array) -> ColumnWords:
    """The words of a column of text: each row's position among its distinct values, -1 where it has none, and these."""
    missing = codes < 0
    of_name = text_hashes(names)
    if len(of_name) == 0:
        return ColumnWords(np.zeros(len(codes), dtype=np.uint64), missing)
    return ColumnWords(of_name[codes], missing if missing.any() else None)


def set_words(entries: Words, rows: Ints, n_rows: int, missing: Bools | None = None) -> ColumnWords:
    """The words of unordered sets, such as a map's entries: the sum of what each entry hashes to, and how many there are.

    Args:
        entries: (M,) hash of each entry.
        rows: (M,) the row that it belongs to, ascending.
        n_rows: N.
        missing: (N,) rows without a set.
    """
    sums = np.concatenate([[np.uint64(0)], np.cumsum(mixed(entries), dtype=np.uint64)])
    counts = np.bincount(rows, minlength=n_rows)
    ends = np.cumsum(counts)
    return ColumnWords(mixed(sums[ends] - sums[ends - counts] + counts.astype(np.uint64) * K), missing)


def entry_hashes(keys: ColumnWords, values: ColumnWords) -> Words:
    """The hash of each entry of a map."""
    return row_hashes([keys, values], len(keys.words)).view(np.uint64)


def _within(column: ColumnWords, block: slice) -> ColumnWords:
    return ColumnWords(column.words[block], None if column.missing is None else column.missing[block])


def _hash_block_in_place(hashes: Words, columns: Sequence[ColumnWords]) -> None:
    scratch = np.empty_like(hashes)
    for column in columns:
        words = column.words if column.missing is None else np.where(column.missing, np.uint64(0), column.words)
        _combine_in_place(hashes, words, scratch)
    for first in range(0, len(columns), _FLAGS_A_WORD):
        flags = np.zeros_like(hashes)
        for bit, column in enumerate(columns[first : first + _FLAGS_A_WORD]):
            if column.missing is not None:
                flags |= column.missing.astype(np.uint64) << np.uint64(bit)
        _combine_in_place(hashes, flags, scratch)


def _combine_in_place(hashes: Words, words: Words, scratch: Words) -> None:
    hashes *= K
    hashes += words
    mix_in_place(hashes, scratch)
