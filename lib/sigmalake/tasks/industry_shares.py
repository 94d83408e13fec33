"""Industry shares as of each date: chunks of as-of dates, each with their prices and the segments known by then.

The calendar's dates are shipped. A task holds the prices of its dates and the records of segments known until the last of them:
some 15,000 live ones of 3,000 companies, and those that they replaced or that replace them. It gives a row a date.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sigmalake.numerics.descriptors.segments import KnownShares, SegmentRecords, known_shares
from sigmalake.numerics.types import Bools, Floats, Ints
from sigmalake.tables.declaration import Table
from sigmalake.tables.descriptors import INDUSTRY_SHARES, PRICES
from sigmalake.tasks.arrays import as_array, bool_lists, float_lists, lists, numbers
from sigmalake.tasks.chunks import Chunk
from sigmalake.tasks.contract import Input, PartTask, no_rows, table_of

PRICE_ROWS, SEGMENTS = "prices", "segments"  # roles: rows of `prices`, and a row a segment's record

_SEGMENTS = ("known_at", "asset_id", "industry", "period_end", "assets", "sales")


@dataclass(frozen=True)
class ComputeIndustryShares(PartTask):
    """The rows of `industry_shares`, one an as-of date, of the companies that have prices and segments on it.

    Segments are checked: finite, >= 0, null where unknown, each once, and none contradicts another of its day.
    """

    calendar: Sequence[date]  # dates of `prices`
    chunks: Sequence[Chunk]  # an as-of date reads its own row of prices alone
    max_age: int  # days for which a company's segments count after they became known
    into: Table = INDUSTRY_SHARES

    @property
    def n_parts(self) -> int:
        """A part a chunk."""
        return len(self.chunks)

    @property
    def inputs(self) -> Mapping[str, Input]:
        """Prices of the dates, and the segments known until a chunk's last date."""
        prices = Input(PRICES, ("date", "asset_id", "cap", "in_estimation"), "date")
        return {PRICE_ROWS: prices, SEGMENTS: Input(None, _SEGMENTS, "known_at", until=True)}

    def dates(self, part: int) -> Mapping[str, Sequence[date]]:
        """Of a chunk; of the segments the last date."""
        chunk = self.chunks[part]
        return {PRICE_ROWS: chunk.as_of_dates(self.calendar), SEGMENTS: [self.calendar[chunk.last]]}

    def __call__(self, part: int, inputs: Mapping[str, pa.Table]) -> pa.Table:
        """Of a chunk, from the prices of its dates and the segments known until its last date."""
        prices, segments = self.rows_of(part, inputs, PRICE_ROWS), _read_segments(inputs[SEGMENTS])
        universe_of = dict(zip(prices.column("position").to_pylist(), _read_universes(prices), strict=True))
        as_of = [row for row in self.chunks[part].as_of if row.position in universe_of]
        if not as_of:
            return no_rows(self.into)
        days = pa.array([self.calendar[row.position] for row in as_of], pa.date32())
        found = []
        for row, day in zip(as_of, days.cast(pa.int32()).to_pylist(), strict=True):
            universe = universe_of[row.position]
            found.append(_row(_shares_as_of(segments, universe, day, self.max_age), universe, segments.industries))
        arrays = zip(_Row._fields, zip(*found, strict=True), strict=True)
        columns: dict[str, object] = {
            "date": days,
            "inputs_hash": [row.inputs_hash for row in as_of],
            "n_assets": [len(row.asset_id.unique()) for row in found],
            **{name: lists(pa.concat_arrays(parts), [len(one) for one in parts]) for name, parts in arrays},
        }
        return table_of(self.into, columns)


class _Segments(NamedTuple):
    asset_ids: pa.Array  # of the records' companies
    industries: pa.Array  # ascending
    records: SegmentRecords


class _Universe(NamedTuple):
    asset_ids: pa.Array  # (N,) ascending
    caps: Floats  # (N,)
    in_estimation: Bools  # (N,)


def _read_segments(records: pa.Table) -> _Segments:
    """The records as arrays; days count from 1970."""
    asset = as_array(records.column("asset_id")).dictionary_encode()
    industries = pa.array(sorted(records.column("industry").unique().to_pylist()), pa.string())
    found = SegmentRecords(
        asset=asset.indices.to_numpy().astype(np.int64),
        industry=pc.index_in(records.column("industry"), industries).to_numpy().astype(np.int64),
        known_at=records.column("known_at").cast(pa.int32()).to_numpy().astype(np.int64),
        period_end=records.column("period_end").cast(pa.int32()).to_numpy().astype(np.int64),
        assets=records.column("assets").to_numpy(),
        sales=records.column("sales").to_numpy(),
    )
    return _Segments(asset.dictionary, industries, found)


def _read_universes(prices: pa.Table) -> list[_Universe]:
    ids, caps, flags = as_array(prices.column("asset_id")), float_lists(prices, "cap"), bool_lists(prices, "in_estimation")
    return [_Universe(ids[row].values, caps.row(row), flags.row(row)) for row in range(prices.num_rows)]


def _shares_as_of(segments: _Segments, universe: _Universe, as_of: int, max_age: int) -> KnownShares:
    place = pc.index_in(segments.asset_ids, universe.asset_ids).fill_null(-1).to_numpy().astype(np.int64)
    at: Ints = place[segments.records.asset]
    of_universe = segments.records._replace(asset=at).only(at >= 0)
    return known_shares(of_universe, as_of, universe.caps, universe.in_estimation, max_age=max_age)


class _Row(NamedTuple):
    """The arrays of a row of `industry_shares`: company after company, the industries of each in their order."""

    asset_id: pa.Array
    industry: pa.Array
    share: pa.Array
    priced_industry: pa.Array
    per_asset: pa.Array
    per_sale: pa.Array
    unpriced: pa.Array


def _row(shares: KnownShares, universe: _Universe, industries: pa.Array) -> _Row:
    fitted, names = shares.fitted, industries.take(pa.array(shares.industries))
    asset, industry = np.nonzero(np.nan_to_num(fitted.shares))
    return _Row(
        asset_id=universe.asset_ids.take(pa.array(asset)),
        industry=names.take(pa.array(industry)),
        share=pa.array(fitted.shares[asset, industry]),
        priced_industry=names,
        per_asset=numbers(fitted.per_asset),
        per_sale=numbers(fitted.per_sale),
        unpriced=universe.asset_ids.filter(pa.array(fitted.unpriced)),
    )
