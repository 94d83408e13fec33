"""The number of each factor in each row: from a column of its own, a map column, or the long rows of an asset and date."""

from collections.abc import Collection
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from sigmalake.config.columns import ExposureColumns
from sigmalake.numerics.types import Bools, Floats, Ints
from sigmalake.tasks.sources.duplicates import dense_codes, key_codes
from sigmalake.tasks.sources.raw_rows import Numbers, RawRows, numbers_of, shown_as_text, to_bools
from sigmalake.tasks.sources.row_hash import ColumnWords, entry_hashes, number_words, set_words, text_words


class FactorValues(NamedTuple):
    """One factor's numbers, and what is shown of those that cannot be used."""

    numbers: Numbers
    shown: pa.Array


class Entries(NamedTuple):
    """Numbers by factor, an entry for each that a row gives; each factor of a row once, in the order of rows."""

    rows: Ints  # (M,) ascending
    codes: Ints  # (M,) position among the names
    names: pa.Array  # factors
    values: Floats  # (M,) NaN: none, or none that can be used
    missing: Bools  # (M,)
    n_rows: int

    def factors(self, wanted: Collection[str]) -> dict[str, FactorValues]:
        """The numbers of each of these factors, by row."""
        position = {name: number for number, name in enumerate(wanted)}
        column = np.array([position.get(name, -1) for name in self.names.to_pylist()], dtype=np.int64)
        of_entry = column[self.codes] if len(column) else self.codes
        asked = of_entry >= 0
        at = of_entry[asked], self.rows[asked]
        values = np.full((len(position), self.n_rows), np.nan)
        missing = np.ones((len(position), self.n_rows), dtype=bool)
        values[at], missing[at] = self.values[asked], self.missing[asked]
        readable = np.zeros(self.n_rows, dtype=bool)
        return {
            name: FactorValues(Numbers(values[n], missing[n], readable), pa.array(values[n], mask=missing[n]))
            for name, n in position.items()
        }

    @property
    def words(self) -> ColumnWords:
        """The entries of each row as they are hashed, in whatever order they came."""
        values = number_words(self.values, self.missing)
        return set_words(entry_hashes(text_words(self.codes, self.names), values), self.rows, self.n_rows)


class LongRows(NamedTuple):
    """Long rows brought together: a row for each asset and date."""

    raw: RawRows  # with the date and asset of each
    entries: Entries
    source_rows: pa.Array  # rows of the source in each


def entries_of_map(column: pa.Array) -> Entries:
    """What a map column holds."""
    rows, keys, items = flat_map(column)
    numbers = numbers_of(items)
    encoded = keys.dictionary_encode()
    codes = encoded.indices.to_numpy().astype(np.int64)
    return _agreed(rows, codes, encoded.dictionary, numbers, numbers.unreadable, len(column))


def flat_map(column: pa.Array) -> tuple[Ints, pa.Array, pa.Array]:
    """The row, the key and the value of every entry of a map column."""
    offsets = column.offsets.to_numpy().astype(np.int64)
    lengths = np.where(to_bools(column.is_valid()), np.diff(offsets), 0)
    rows = np.repeat(np.arange(len(column)), lengths)
    at = np.arange(len(rows)) - np.repeat(np.cumsum(lengths) - lengths, lengths) + offsets[:-1][rows]
    taken = pa.array(at)
    return rows, column.keys.take(taken).cast(pa.string()), column.items.take(taken)


def gather_long_rows(raw: RawRows, columns: ExposureColumns) -> LongRows:
    """One row for each date and asset of a long source, of which all rows are here.

    Copies of a factor's value count once. One that is given with different values, or cannot be read, is a number that cannot
    be used; a row without the name of a factor gives none.

    Args:
        raw: rows of a date, asset, factor and value.
        columns: how these are called.
    """
    dates, assets = raw.dates(columns.date), raw.texts(columns.asset_id)
    keys = [dates.values, pa.array(assets.codes)]
    if dates.unreadable.any():
        shown = shown_as_text(raw.column(columns.date))
        keys.append(pa.array(np.where(dates.unreadable, shown.to_numpy(zero_copy_only=False), None), pa.string()))
    rows, first = dense_codes(key_codes(keys, raw.n_rows))
    factors, numbers = raw.texts(columns.factor or ""), raw.numbers(columns.value or "")
    named = ~factors.missing
    distinct = factors.names.dictionary_encode()
    codes = np.append(distinct.indices.to_numpy().astype(np.int64), -1)[factors.codes]
    wrong = numbers.unreadable | raw.ragged
    held = Numbers(numbers.values[named], (numbers.missing & ~wrong)[named], numbers.unreadable[named])
    entries = _agreed(rows[named], codes[named], distinct.dictionary, held, wrong[named], len(first))
    at = pa.array(first)
    gathered = pa.table({name: raw.column(name).take(at) for name in (columns.date, columns.asset_id)})
    return LongRows(RawRows(gathered), entries, pa.array(np.bincount(rows, minlength=len(first)).astype(np.int32)))


def _agreed(rows: Ints, codes: Ints, names: pa.Array, numbers: Numbers, wrong: Bools, n_rows: int) -> Entries:
    """Each factor of a row once; where its numbers differ, or one is wrong, none that can be used.

    Args:
        rows: (M,) in any order.
        codes: (M,) position among the names.
        names: of factors.
        numbers: (M,).
        wrong: (M,) whatever else was given, it cannot be used.
        n_rows: N.
    """
    keys = rows * max(len(names), 1) + codes
    order = np.arange(len(keys))
    if np.any(np.diff(keys) <= 0):
        order = np.argsort(keys, kind="stable")
    starts = np.flatnonzero(np.diff(keys[order], prepend=-1))
    values = np.where(numbers.missing, np.nan, numbers.values)[order]
    missing, wrong = numbers.missing[order], wrong[order] | (np.isnan(values) & ~numbers.missing[order])
    if len(starts) < len(keys):
        low, top = np.fmin.reduceat(values, starts), np.fmax.reduceat(values, starts)
        wrong = np.logical_or.reduceat(wrong, starts) | (low != top) & ~np.isnan(low)
        missing = np.logical_and.reduceat(missing, starts) & ~wrong
        values = low
    at = order[starts]
    return Entries(rows[at], codes[at], names, np.where(wrong, np.nan, values), missing & ~wrong, n_rows)
