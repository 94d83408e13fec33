"""As-of dates in chunks, each with the rows that its windows read, and the packed columns of a chunk as arrays."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame, GroupedData

from sigmalake.numerics.types import Floats, Ints


class AsOf(NamedTuple):
    """One row to compute."""

    variant: str  # of what is computed
    position: int  # of its date in the calendar
    inputs_hash: str
    first: int  # position of the first row that its window reads


class Chunk(NamedTuple):
    """As-of dates computed by one task."""

    first: int  # position of the first row that a window reads
    last: int  # position of the last as-of date
    as_of: tuple[AsOf, ...]


def chunks_of(as_of: Sequence[AsOf], size: int) -> list[Chunk]:
    """As-of dates in chunks of `size` positions; dates far apart do not share one.

    Args:
        as_of: what to compute.
        size: positions that a chunk spans.
    """
    by_block: dict[int, list[AsOf]] = {}
    for row in sorted(as_of, key=lambda row: (row.position, row.variant)):
        by_block.setdefault(row.position // size, []).append(row)
    return [Chunk(min(row.first for row in rows), max(row.position for row in rows), tuple(rows)) for rows in by_block.values()]


def first_row(position: int, look_back: int) -> int:
    """The first of `look_back` rows up to a position."""
    return max(0, position - look_back + 1)


def rows_read(calendar: Sequence[date], chunks: Sequence[Chunk]) -> list[tuple[date, int, int]]:
    """Date, chunk and position of every row that goes to a chunk."""
    return [(calendar[i], number, i) for number, chunk in enumerate(chunks) for i in range(chunk.first, chunk.last + 1)]


def by_chunk(sent: DataFrame, n_chunks: int) -> GroupedData:
    """Rows grouped by their column `chunk`, one task a chunk; a hash would put three in one task and none in another."""
    return sent.repartitionById(n_chunks, "chunk").groupBy("chunk")


def ranked_ids(flat: Sequence[pa.Array]) -> tuple[list[str], Ints]:
    """The distinct ids, ascending, and each given id as a position among them; strings stay in Arrow."""
    encoded = pa.chunked_array(flat, pa.string()).combine_chunks().dictionary_encode()
    ids = encoded.dictionary.to_numpy(zero_copy_only=False).astype(str)
    order = np.argsort(ids)
    rank = np.empty(len(ids), dtype=np.int64)
    rank[order] = np.arange(len(ids))
    codes: Ints = rank[encoded.indices.to_numpy().astype(np.int64)]
    return ids[order].tolist(), codes


def lengths(table: pa.Table, column: str) -> Ints:
    """The length of each row's array."""
    counts: Ints = pc.list_value_length(table.column(column)).to_numpy().astype(np.int64)
    return counts


def flat_floats(table: pa.Table, column: str) -> Floats:
    """All numbers of a column of arrays, row after row; null is NaN."""
    flat: Floats = pc.list_flatten(table.column(column)).to_numpy()
    return flat


def lists(values: pa.Array, counts: Sequence[int]) -> pa.Array:
    """A column of arrays from their numbers, row after row."""
    return pa.ListArray.from_arrays(pa.array(np.concatenate([[0], np.cumsum(counts)]), pa.int32()), values)
