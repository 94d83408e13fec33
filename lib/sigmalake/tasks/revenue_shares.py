"""Shares from revenues as of each day on which some became known: chunks of these days, each with the revenues known by then.

The days are shipped. A task holds the records of revenues known until its last day: some 15,000 live ones of 3,000 companies, and
those that they replaced. It gives a row a day.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sigmalake.numerics.descriptors.revenue_shares import RevenueShares, revenue_shares
from sigmalake.numerics.descriptors.segments import SegmentRecords, newest_periods
from sigmalake.tables.declaration import Table
from sigmalake.tables.descriptors import REVENUE_SHARES
from sigmalake.tasks.arrays import as_array, lists
from sigmalake.tasks.chunks import Chunk
from sigmalake.tasks.contract import Input, PartTask, table_of

REVENUES = "revenues"  # the role: a row a record

_REVENUES = ("known_at", "asset_id", "level", "period_end", "revenue")


@dataclass(frozen=True)
class ComputeRevenueShares(PartTask):
    """The rows of `revenue_shares`, one a day.

    Revenues are checked: finite, >= 0, null where withdrawn, each once, and none contradicts another of its day.
    """

    calendar: Sequence[date]  # days on which some revenue became known
    chunks: Sequence[Chunk]
    max_age: int  # days for which a company's revenues count after they became known
    into: Table = REVENUE_SHARES

    @property
    def n_parts(self) -> int:
        """A part a chunk."""
        return len(self.chunks)

    @property
    def inputs(self) -> Mapping[str, Input]:
        """The revenues known until a chunk's last day."""
        return {REVENUES: Input(None, _REVENUES, "known_at", until=True)}

    def dates(self, part: int) -> Mapping[str, Sequence[date]]:
        """The chunk's last day."""
        return {REVENUES: [self.calendar[self.chunks[part].last]]}

    def __call__(self, part: int, inputs: Mapping[str, pa.Table]) -> pa.Table:
        """Of a chunk, from the revenues known until its last day."""
        assets, levels, records = _read_revenues(inputs[REVENUES])
        as_of = self.chunks[part].as_of
        days = pa.array([self.calendar[row.position] for row in as_of], pa.date32())
        numbers = days.cast(pa.int32()).to_pylist()
        held = _needed_from(records, numbers[0])
        found = [revenue_shares(held, day, max_age=self.max_age) for day in numbers]
        counts = [len(one.shares) for one in found]
        joined = RevenueShares(*(np.concatenate(parts) for parts in zip(*found, strict=True)))
        columns: dict[str, object] = {
            "date": days,
            "inputs_hash": [row.inputs_hash for row in as_of],
            "n_assets": [len(np.unique(one.asset)) for one in found],
            "asset_id": lists(assets.take(pa.array(joined.asset)), counts),
            "level": lists(levels.take(pa.array(joined.level)), counts),
            "share": lists(pa.array(joined.shares), counts),
            "until": lists(pa.array(joined.until.astype(np.int32)).cast(pa.date32()), counts),
        }
        return table_of(self.into, columns)


def _read_revenues(rows: pa.Table) -> tuple[pa.Array, pa.Array, SegmentRecords]:
    """The companies and the levels, ascending, and the records as arrays; days count from 1970."""
    assets, levels = (pa.array(sorted(rows.column(name).unique().to_pylist()), pa.string()) for name in ("asset_id", "level"))
    known_at, period_end = (
        as_array(rows.column(name)).cast(pa.int32()).to_numpy().astype(np.int64) for name in ("known_at", "period_end")
    )
    revenue = rows.column("revenue").to_numpy()
    records = SegmentRecords(
        asset=pc.index_in(rows.column("asset_id"), assets).to_numpy().astype(np.int64),
        industry=pc.index_in(rows.column("level"), levels).to_numpy().astype(np.int64),
        known_at=known_at,
        period_end=period_end,
        assets=np.full(len(revenue), np.nan),
        sales=revenue,
    )
    return assets, levels, records


def _needed_from(records: SegmentRecords, first: int) -> SegmentRecords:
    """Without the records of periods that were superseded by a day: they do not come back."""
    before, after = newest_periods(records, first), records.only(records.known_at > first)
    return SegmentRecords(*(np.concatenate(pair) for pair in zip(before, after, strict=True)))
