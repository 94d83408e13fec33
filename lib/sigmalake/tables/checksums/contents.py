"""What rows of a table say, as counts and checksums by date: the same for the same rows, in whatever order and files.

The hash of a row is mix(sum over its columns of fold(value) K(column)), in numbers of 64 bits, where K is an odd number made of
the column's name and a value is the bits of its double, its days, its number or the hash of its text. A null adds nothing, so that
a column that a table gets later, null in its older rows, changes no hash. An array is a value: mix(its length + the sum over its
entries of fold(entry) R(position)). The checksum of a date is the sum of the hashes of its rows, of a variant if the table has one.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import cache
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sigmalake.tables.checksums.hashing import K, Words, mix_in_place, mixed, text_hashes
from sigmalake.tables.declaration import Table

LEAST_PIECE = 256  # texts of a run that is compared with the one before it
BLOCK = 1 << 14  # rows or entries that are hashed at once: their words stay in the cache
_HALF = np.uint64(32)
_NULL = mixed(np.array([1], dtype=np.uint64))[0]  # the word of a null within an array


class Key(NamedTuple):
    """Which rows of a table belong together."""

    variant: str | None  # None: the table has no variants
    date: date | None  # None: the table has no dates, or the row has none


class Content(NamedTuple):
    """How many rows, and the sum of their hashes mod 2^64."""

    rows: int
    hash: int  # as a signed number

    def __add__(self, other: "Content") -> "Content":  # type: ignore[override]  # a sum, not a longer tuple
        return Content(self.rows + other.rows, _signed(self.hash + other.hash))

    def __sub__(self, other: "Content") -> "Content":
        return Content(self.rows - other.rows, _signed(self.hash - other.hash))


NOTHING = Content(0, 0)

Contents = dict[Key, Content]


def contents_of(table: Table, rows: pa.Table | pa.RecordBatch) -> Contents:
    """Counts and checksums of rows by date, or by variant and date, over the declared columns.

    Args:
        table: the declaration.
        rows: of it, in any order; columns that they lack count as null.
    """
    found: Contents = {}
    if not rows.num_rows:
        return found
    rows = rows.select([name for name in table.column_names if name in rows.schema.names])
    starts, keys = _runs(rows, table.date)
    stops = [*starts[1:].tolist(), rows.num_rows]
    sums = np.add.reduceat(row_hashes(rows, stops, by_run=("variant", table.date or "")), starts)
    for key, n_rows, summed in zip(keys, np.diff([*starts, rows.num_rows]).tolist(), sums.view(np.int64).tolist(), strict=True):
        known, content = found.get(key), Content(n_rows, summed)
        found[key] = content if known is None else known + content
    return found


def total(contents: Mapping[Key, Content]) -> Content:
    """Of all rows."""
    return Content(sum(content.rows for content in contents.values()), _signed(sum(content.hash for content in contents.values())))


def together(all_of: Iterable[Contents]) -> Contents:
    """Of the rows of several pieces."""
    found: Contents = {}
    for contents in all_of:
        for key, content in contents.items():
            known = found.get(key)
            found[key] = content if known is None else known + content
    return found


def row_hashes(rows: pa.Table | pa.RecordBatch, stops: Sequence[int], by_run: Sequence[str] = ()) -> Words:
    """The hash of every row, whatever the order of its columns.

    Args:
        rows: of a table.
        stops: where the rows of a date end, and the next date's are likely to have the same ids; the last is the number of rows.
        by_run: columns with one value in all rows of a date.
    """
    hashes = np.zeros(rows.num_rows, dtype=np.uint64)
    starts = np.array([0, *stops[:-1]])
    lengths = np.diff([*starts, rows.num_rows])
    for name in rows.schema.names:
        values = _one_piece(rows.column(name))
        if name not in by_run:
            _add_in_place(hashes, *_words(values, stops), _column_factor(name))
            continue
        of_run = np.zeros(len(starts), dtype=np.uint64)
        _add_in_place(of_run, *_words(values.take(pa.array(starts)), ()), _column_factor(name))
        hashes += of_run if len(of_run) == len(hashes) else np.repeat(of_run, lengths)
    for first in range(0, len(hashes), BLOCK):
        block = hashes[first : first + BLOCK]
        mix_in_place(block, np.empty_like(block))
    return hashes


def _add_in_place(hashes: Words, words: Words, there: NDArray[np.bool_] | None, factor: np.uint64) -> None:
    """Add to each hash the folded word times the factor; `words` are the caller's to change no more."""
    scratch = np.empty(min(BLOCK, len(hashes)), dtype=np.uint64)
    for first in range(0, len(hashes), BLOCK):
        some = words[first : first + BLOCK]
        folded = scratch[: len(some)]
        np.right_shift(some, _HALF, out=folded)
        folded ^= some
        folded *= factor
        if there is not None:
            folded[~there[first : first + BLOCK]] = 0
        hashes[first : first + BLOCK] += folded


def _words(values: pa.Array, stops: Sequence[int]) -> tuple[Words, NDArray[np.bool_] | None]:
    """The word of each value, and which of them are not null; None: all."""
    kind = values.type
    if pa.types.is_dictionary(kind):
        return _words(values.cast(kind.value_type), stops)
    if pa.types.is_map(kind):
        return _words(values.cast(pa.list_(pa.struct([("key", kind.key_type), ("value", kind.item_type)]))), stops)
    return _plain_words(values, stops), values.is_valid().to_numpy(zero_copy_only=False) if values.null_count else None


def _plain_words(values: pa.Array, stops: Sequence[int]) -> Words:
    kind = values.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _text_words(values, stops)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return _list_words(values)
    if pa.types.is_struct(kind):
        return _struct_words(values, stops)
    if pa.types.is_floating(kind):
        return _bits(values.cast(pa.float64())).view(np.uint64)
    if pa.types.is_date32(kind):
        values = values.view(pa.int32())
    elif pa.types.is_timestamp(kind):
        values = values.view(pa.int64())
    return _bits(values).astype(np.int64).view(np.uint64)


def _bits(values: pa.Array) -> NDArray[Any]:
    """The numbers, anything where they are null."""
    if values.null_count:
        values = pc.fill_null(values, False if pa.types.is_boolean(values.type) else 0)
    return np.ascontiguousarray(values.to_numpy(zero_copy_only=False))


def _text_words(values: pa.Array, stops: Sequence[int]) -> Words:
    """The hash of each text; a run of texts that is the one before it to the last byte is not hashed again."""
    values = values.cast(pa.large_string())
    pieces = _pieces(len(values), stops)
    again = _repeats(values, pieces)
    fresh = [values.slice(start, stop - start) for (start, stop), is_again in zip(pieces, again, strict=True) if not is_again]
    hashed = text_hashes(values if len(fresh) == len(pieces) else pa.concat_arrays(fresh))
    if len(fresh) == len(pieces):
        return hashed
    found, at, before = np.empty(len(values), dtype=np.uint64), 0, hashed
    for (start, stop), is_again in zip(pieces, again, strict=True):
        if not is_again:
            before, at = hashed[at : at + stop - start], at + stop - start
        found[start:stop] = before
    return found


def _pieces(n: int, stops: Sequence[int]) -> list[tuple[int, int]]:
    """Where runs of texts begin and end; all are one where runs are short."""
    cuts = [stop for stop in stops if 0 < stop < n] if len(stops) * LEAST_PIECE <= n else []
    return list(pairwise([0, *cuts, n]))


def _repeats(values: pa.Array, pieces: Sequence[tuple[int, int]]) -> list[bool]:
    """Of each run, whether it is the one before it, to the last byte."""
    if len(pieces) == 1 or values.null_count:
        return [False] * len(pieces)
    runs = [values.slice(start, stop - start) for start, stop in pieces]
    return [False, *(before.equals(run) for before, run in pairwise(runs))]


def _list_words(values: pa.Array) -> Words:
    lengths = pc.list_value_length(values).fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    ends = np.cumsum(lengths)
    entries, there = _words(values.flatten(), ends.tolist())
    if there is not None:
        entries = np.where(there, entries, _NULL)
    factors = _position_factors(int(lengths.max(initial=0)))
    found = np.zeros(len(values), dtype=np.uint64)
    held = np.flatnonzero(lengths)
    starts, stops = (ends - lengths)[held], ends[held]
    for some in _row_blocks(stops):
        first, last = int(starts[some][0]), int(stops[some][-1])
        of_position = np.concatenate([factors[:n] for n in lengths[held[some]].tolist()])
        found[held[some]] = np.add.reduceat(_folded(entries[first:last], of_position), starts[some] - first)
    with np.errstate(over="ignore"):
        return mixed(found + lengths.astype(np.uint64) * K)


def _row_blocks(stops: NDArray[np.int64]) -> Iterator[slice]:
    """Runs of lists with about `BLOCK` entries together; `stops` says where the entries of each end."""
    first = 0
    while first < len(stops):
        before = int(stops[first - 1]) if first else 0
        last = max(first + 1, int(np.searchsorted(stops, before + BLOCK, side="right")))
        yield slice(first, last)
        first = last


def _folded(words: Words, factors: Words) -> Words:
    folded = words >> _HALF
    folded ^= words
    folded *= factors
    return folded


def _struct_words(values: pa.StructArray, stops: Sequence[int]) -> Words:
    found = np.zeros(len(values), dtype=np.uint64)
    for position in range(values.type.num_fields):
        _add_in_place(found, *_words(values.field(position), stops), _column_factor(values.type.field(position).name))
    return mixed(found)


@cache
def _column_factor(name: str) -> np.uint64:
    return np.uint64(text_hashes(pa.array([name]))[0] | np.uint64(1))


_factors: list[Words] = [np.empty(0, dtype=np.uint64)]


def _position_factors(most: int) -> Words:
    """Odd numbers by position, at least so many."""
    if len(_factors[0]) < most:
        _factors[0] = mixed(np.arange(1, 2 * most + 1, dtype=np.uint64) * K) | np.uint64(1)
    return _factors[0]


def _runs(rows: pa.Table | pa.RecordBatch, dated: str | None) -> tuple[NDArray[np.int64], list[Key]]:
    """Where each run of rows with the same key begins, and the keys."""
    changes = np.zeros(rows.num_rows, dtype=bool)
    columns: list[pa.Array | None] = []
    for name in ("variant", dated):
        column = _one_piece(rows.column(name)) if name is not None and name in rows.schema.names else None
        columns.append(column)
        if column is not None:
            coded = column.dictionary_encode().indices if pa.types.is_string(column.type) else column.view(pa.int32())
            codes = coded.fill_null(np.iinfo(np.int32).min).to_numpy(zero_copy_only=False)
            changes[1:] |= codes[1:] != codes[:-1]
    changes[0] = True
    starts = np.flatnonzero(changes)
    nothing = [None] * len(starts)
    values = [nothing if column is None else column.take(pa.array(starts)).to_pylist() for column in columns]
    return starts, list(map(Key, *values))


def _one_piece(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    if not isinstance(column, pa.ChunkedArray):
        return column
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays([pa.array([], column.type), *column.chunks])


def _signed(number: int) -> int:
    """A number mod 2^64, as BIGINT holds it."""
    return (number + (1 << 63)) % (1 << 64) - (1 << 63)
