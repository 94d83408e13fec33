"""Columns of arrays as flat numbers and back: without a copy where nothing is missing, and never number by number."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sigmalake.numerics.types import Bools, Floats, Ints


class Lists(NamedTuple):
    """A column of arrays: the numbers of all rows one after the other, and where those of each row begin."""

    flat: NDArray[Any]
    offsets: Ints  # (R + 1,)
    is_valid: Bools  # (R,) false where the array is null as a whole

    def row(self, number: int) -> NDArray[Any]:
        """The numbers of one row; none where its array is null."""
        return self.flat[self.offsets[number] : self.offsets[number + 1]]


def float_lists(table: pa.Table, column: str) -> Lists:
    """A column of arrays of numbers; null within an array is NaN."""
    values, offsets, is_valid = _parts(table, column)
    return Lists(values.cast(pa.float64()).to_numpy(zero_copy_only=False), offsets, is_valid)


def int_lists(table: pa.Table, column: str) -> Lists:
    """A column of arrays of whole numbers without nulls."""
    values, offsets, is_valid = _parts(table, column)
    return Lists(values.to_numpy(zero_copy_only=False).astype(np.int64), offsets, is_valid)


def bool_lists(table: pa.Table, column: str) -> Lists:
    """A column of arrays of flags; null within an array is false."""
    values, offsets, is_valid = _parts(table, column)
    return Lists(values.fill_null(False).to_numpy(zero_copy_only=False), offsets, is_valid)


def _parts(table: pa.Table, column: str) -> tuple[pa.Array, Ints, Bools]:
    """The values that the rows hold, without those of rows that were cut off."""
    arrays = as_array(table.column(column))
    is_valid = arrays.is_valid().to_numpy(zero_copy_only=False)
    offsets = arrays.offsets.to_numpy().astype(np.int64)
    if np.diff(offsets)[~is_valid].any():  # Arrow allows values behind a null
        return arrays.flatten(), np.concatenate([[0], np.cumsum(np.where(is_valid, np.diff(offsets), 0))]), is_valid
    return arrays.values.slice(offsets[0], offsets[-1] - offsets[0]), offsets - offsets[0], is_valid


def as_array(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """A column in one piece."""
    if not isinstance(column, pa.ChunkedArray):
        return column
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def lengths(table: pa.Table, column: str) -> Ints:
    """The length of each row's array, 0 where it is null."""
    counts: Ints = pc.list_value_length(as_array(table.column(column))).fill_null(0).to_numpy().astype(np.int64)
    return counts


def flat_floats(table: pa.Table, column: str) -> Floats:
    """All numbers of a column of arrays, row after row; null is NaN."""
    flat: Floats = float_lists(table, column).flat
    return flat


def ranked_ids(flat: Sequence[pa.Array]) -> tuple[list[str], Ints]:
    """The distinct ids, ascending, and each given id as a position among them; strings stay in Arrow."""
    encoded = as_array(pa.chunked_array(flat, pa.string())).dictionary_encode()
    ids = encoded.dictionary.to_numpy(zero_copy_only=False).astype(str)
    order = np.argsort(ids)
    rank = np.empty(len(ids), dtype=np.int64)
    rank[order] = np.arange(len(ids))
    codes: Ints = rank[encoded.indices.to_numpy().astype(np.int64)]
    return ids[order].tolist(), codes


def numbers(values: Floats) -> pa.Array:
    """Numbers, null where they are NaN: Arrow keeps NaN as a number, and in every table missing is null."""
    return pa.array(values, pa.float64(), from_pandas=True)


def finite_numbers(values: Sequence[float]) -> pa.Array:
    """Numbers, null where they are NaN or infinite."""
    given = np.asarray(values, dtype=np.float64)
    return pa.array(given, mask=~np.isfinite(given))


def lists(values: pa.Array, counts: Sequence[int] | Ints) -> pa.Array:
    """A column of arrays from their values, row after row, and the length of each."""
    offsets = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values)


def number_lists(arrays: Sequence[Floats | None]) -> pa.Array:
    """An array of numbers a row, null within it where they are NaN; null as a whole where the row has none."""
    found = [np.empty(0) if array is None else array for array in arrays]
    offsets = np.concatenate([[0], np.cumsum([len(array) for array in found], dtype=np.int64)])
    absent = pa.array([array is None for array in arrays], pa.bool_())
    flat = numbers(np.concatenate([np.empty(0), *found]))
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), flat, mask=absent)


def joined(arrays: Sequence[NDArray[Any]], dtype: type) -> NDArray[Any]:
    """Arrays one after the other, also none of them."""
    return np.concatenate([np.empty(0, dtype=dtype), *arrays]).astype(dtype, copy=False)
