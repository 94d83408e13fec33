"""Descriptors and shares beside rows of exposures: an asset's row of a date meets those of the same date."""

from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from functools import cached_property
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sigmalake.numerics.types import Bools, Floats, Ints
from sigmalake.tasks.sources.raw_rows import NO_DAY, Texts, to_floats
from sigmalake.tasks.sources.row_hash import ColumnWords, text_words

_EPOCH = date(1970, 1, 1)
_HASHED = {"segments": "industry shares' hash", "revenues": "revenue shares' hash"}


class DescribedShares(NamedTuple):
    """The shares of one group that stand beside the exposures."""

    rows: pa.Table | None  # of `industry_shares` or `revenue_shares`; None: there are none yet
    pending: Mapping[date, str]  # hash of the dates still to be computed, for a plan: no company is taken to lack shares then
    level: str = "industry"  # the column of levels
    since: Sequence[date] | None = None  # ascending: a row counts from its date to the next of these; None: on its date alone


class Described(NamedTuple):
    """The descriptors and the shares that stand beside the exposures: rows of the dates of a task."""

    columns: Sequence[str]  # what the styles use
    rows: pa.Table | None  # of `descriptors`; None: there are none yet
    pending: Mapping[date, str]  # hash of the dates still to be described, for a plan: every asset is taken to have them all
    shares: Mapping[str, DescribedShares] = MappingProxyType({})  # by source: segments, revenues


class ComputedShares(NamedTuple):
    """Shares of rows that were computed from segments or revenues, an entry a level; those of a row lie together, by level."""

    rows: Ints  # (M,) ascending
    levels: pa.Array  # (M,)
    shares: Floats  # (M,)
    missing: Bools  # (N,) rows without any, on dates that are not pending


def with_registered(rows: pa.Table, columns: Sequence[str]) -> pa.Table:
    """Rows of `descriptors`, with sensitivities and those of other packages among these as columns of their own."""
    if beside := [name for name in columns if name not in rows.column_names]:
        packed = _packed(rows)
        for name in beside:
            rows = rows.append_column(name, pa.array([_registered(row, name) for row in packed], pa.list_(pa.float64())))
    return rows


_Packed = tuple[list[str], pa.ListScalar, list[str], pa.ListScalar, int]


def _packed(rows: pa.Table) -> list[_Packed]:
    registered, factors = ([one or [] for one in rows.column(name).to_pylist()] for name in ("registered", "sensitivity_factor"))
    values, slopes, n_assets = rows.column("registered_values"), rows.column("sensitivity"), rows.column("n_assets").to_pylist()
    return list(zip(registered, values, factors, slopes, n_assets, strict=True))


def _registered(row: _Packed, name: str) -> Floats:
    """(N,) a descriptor of one date; NaN where it has none."""
    registered, values, factors, slopes, n_assets = row
    if name in factors:
        return to_floats(slopes.values).reshape(n_assets, len(factors))[:, factors.index(name)]
    if name not in registered:
        return np.full(n_assets, np.nan)
    return to_floats(values.values.slice(registered.index(name) * n_assets, n_assets))


class BesideRows:
    """What was described, of rows with these dates and assets."""

    def __init__(self, described: Described, days: Ints, assets: Texts) -> None:
        self._described, self._days, self._assets = described, days, assets

    @cached_property
    def descriptors(self) -> dict[str, Floats]:
        """(N,) of each descriptor, NaN where there is none; 0 on a pending date."""
        found, planned = self._descriptors, _pending(self._described.pending, self._days)[0] >= 0
        taken = {name: found.floats(name) for name in self._described.columns}
        return {name: np.where(planned, 0.0, values) for name, values in taken.items()}

    def shares(self, source: str) -> ComputedShares:
        """On a pending date, shares that are stored stand for those to come, so that a plan numbers the levels alike.

        Args:
            source: segments or revenues.
        """
        shares, days, found = self._shares[source]
        rows, entries = found.entries
        if shares.since is not None and len(rows):
            until = found.flat("until", pa.date32()).take(pa.array(entries)).cast(pa.int32()).to_numpy()
            young = until >= self._days[rows]
            rows, entries = rows[young], entries[young]
        known = np.zeros(len(days), dtype=bool)
        known[rows] = True
        levels = found.flat(shares.level, pa.string()).take(pa.array(entries))
        values = to_floats(found.flat("share", pa.float64()).take(pa.array(entries)))
        return ComputedShares(rows, levels, values, ~known & (_pending(shares.pending, days)[0] < 0))

    @property
    def hashed(self) -> dict[str, ColumnWords]:
        """What the descriptors and shares of each row were computed from: their numbers may differ in the last bit."""
        found = {}
        if self._described.columns:
            found["descriptors' hash"] = _hash_words(self._descriptors, self._described.pending, self._days)
        for source, (shares, days, met) in self._shares.items():
            found[_HASHED[source]] = _hash_words(met, shares.pending, days)
        return found

    @cached_property
    def _descriptors(self) -> "_Met":
        return _Met(self._described.rows, self._days, self._assets)

    @cached_property
    def _shares(self) -> dict[str, tuple[DescribedShares, Ints, "_Met"]]:
        """By source, the shares, the day of the row that each row meets, and what it met."""
        found = {}
        for source, shares in self._described.shares.items():
            days = self._days if shares.since is None else days_since(shares.since, self._days)
            found[source] = shares, days, _Met(shares.rows, days, self._assets)
        return found


def days_since(since: Sequence[date], days: Ints) -> Ints:
    """The newest of some ascending dates up to each day, `NO_DAY` where there is none."""
    known = np.array([(day - _EPOCH).days for day in since], dtype=np.int64)
    at = np.searchsorted(known, days, side="right") - 1
    return np.where((at >= 0) & (days != NO_DAY), np.append(known, NO_DAY)[at], NO_DAY)


def days_before(since: Sequence[date], days: Collection[date]) -> list[date]:
    """Those of some ascending dates that are the newest up to one of these days."""
    return sorted({since[at - 1] for day in days if (at := bisect_right(since, day))})


class _Met:
    """The entries of packed rows that have the date and the asset of each row."""

    def __init__(self, packed: pa.Table | None, days: Ints, assets: Texts) -> None:
        self._packed = None
        self._first, self._counts = np.zeros(len(days), dtype=np.int64), np.zeros(len(days), dtype=np.int64)
        self.of_packed = np.full(len(days), -1)  # the packed row that each row met
        if packed is None or packed.num_rows == 0:
            return
        self._packed = packed = packed.combine_chunks()
        own = packed.column("date").cast(pa.int32()).cast(pa.int64()).to_numpy()
        lists = packed.column("asset_id").combine_chunks()
        of_packed = np.repeat(np.arange(len(own)), pc.list_value_length(lists).to_numpy())
        distinct = assets.names.dictionary_encode()
        known = distinct.dictionary
        ids = pc.index_in(lists.flatten(), known).fill_null(-1).to_numpy().astype(np.int64)
        codes = np.append(distinct.indices.to_numpy().astype(np.int64), -1)[assets.codes]
        keys = np.where(ids < 0, -1, (own[of_packed] - own.min()) * len(known) + ids)
        within = (days >= own.min()) & (days <= own.max()) & (codes >= 0)
        wanted = np.where(within, (np.where(within, days, own.min()) - own.min()) * len(known) + codes, -2)
        self._order = np.argsort(keys, kind="stable")
        ordered = keys[self._order]
        self._first = np.searchsorted(ordered, wanted)
        self._counts = np.searchsorted(ordered, wanted, side="right") - self._first
        met = self._counts > 0
        self.of_packed[met] = of_packed[self._order[self._first[met]]]

    def floats(self, name: str) -> Floats:
        """(N,) of a column with a value an asset; NaN where there is none."""
        values = np.full(len(self._counts), np.nan)
        met = np.flatnonzero(self._counts)
        if len(met):
            values[met] = to_floats(self.flat(name, pa.float64()).take(pa.array(self._order[self._first[met]])))
        return values

    @property
    def entries(self) -> tuple[Ints, Ints]:
        """The rows, each as often as it met an entry, and these entries' positions."""
        rows = np.repeat(np.arange(len(self._counts)), self._counts)
        if len(rows) == 0:
            return rows, rows
        within = np.arange(len(rows)) - np.repeat(np.cumsum(self._counts) - self._counts, self._counts)
        return rows, self._order[self._first[rows] + within]

    def flat(self, name: str, kind: pa.DataType) -> pa.Array:
        """A column's lists, one after the other."""
        return pa.array([], kind) if self._packed is None else self._packed.column(name).combine_chunks().flatten()

    @property
    def hashes(self) -> list[str]:
        """What each packed row was computed from."""
        return [] if self._packed is None else self._packed.column("inputs_hash").to_pylist()


def _pending(pending: Mapping[date, str], days: Ints) -> tuple[Ints, list[str]]:
    """(N,) the position of each row's date among the pending ones, -1 where it is not, and these dates' hashes."""
    planned = sorted(pending)
    if not planned:
        return np.full(len(days), -1), []
    numbers = np.array([(day - _EPOCH).days for day in planned])
    at = np.minimum(np.searchsorted(numbers, days), len(numbers) - 1)
    return np.where((numbers[at] == days) & (days != NO_DAY), at, -1), [pending[day] for day in planned]


def _hash_words(met: _Met, pending: Mapping[date, str], days: Ints) -> ColumnWords:
    planned, hashes = _pending(pending, days)
    codes = np.where(planned >= 0, len(met.hashes) + planned, met.of_packed)
    return text_words(codes, pa.array([*met.hashes, *hashes], pa.string()))
