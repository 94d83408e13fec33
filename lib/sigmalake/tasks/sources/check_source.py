"""The checks of one source as tasks: what its rows hold is surveyed, and what of them is packed or rejected is given back.

The configuration is shipped, and what small sources say: risk-free rates by date, exchange rates of the dates. A task holds the
rows of a split, or of the dates of a part.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from sigmalake.config.model import Config
from sigmalake.tables.records import REJECTED_ROWS
from sigmalake.tasks.packing.checked_columns import columns_to_pack
from sigmalake.tasks.sources.checked_books import checked_books
from sigmalake.tasks.sources.checked_prices import checked_figures, checked_prices, checked_revenues, checked_segments
from sigmalake.tasks.sources.checked_rates import checked_calendar, checked_exchange_rates, checked_factor_returns, checked_rates
from sigmalake.tasks.sources.checking import CheckedRows
from sigmalake.tasks.sources.exchange_rates import Exchange, converted
from sigmalake.tasks.sources.exposures.checked_exposures import checked_exposures
from sigmalake.tasks.sources.exposures.described import Described, DescribedShares, days_before, with_registered
from sigmalake.tasks.sources.fingerprints import fingerprint_rows
from sigmalake.tasks.sources.plausibility import column_sums, ids_of
from sigmalake.tasks.sources.raw_rows import RawRows
from sigmalake.tasks.sources.rejected_rows import problem_counts, rejected_rows
from sigmalake.tasks.sources.returns.checked_returns import RatesOfDates, checked_caps, checked_returns

TIMES = pa.schema(
    [
        pa.field("column", pa.string()), pa.field("unzoned_within", pa.int64()), pa.field("utc_midnight", pa.int64()),
        pa.field("utc_within", pa.int64()), pa.field("unzoned_example", pa.string()), pa.field("utc_example", pa.string()),
    ]
)  # fmt: skip


class StoredByDate(Protocol):
    """Stored rows of a table that a task reads by their dates."""

    def on(self, days: Collection[date]) -> pa.Table:
        """The rows of these dates."""


class SharesBeside(NamedTuple):
    """The shares of one group that stand beside exposures, not read yet."""

    stored: StoredByDate | None
    pending: Mapping[date, str]
    since: Sequence[date] | None = None  # as of `DescribedShares`

    def on(self, days: Collection[date]) -> DescribedShares:
        """What stands beside the exposures of these dates."""
        wanted = days if self.since is None else days_before(self.since, days)
        rows = None if self.stored is None else self.stored.on(wanted)
        return DescribedShares(rows, self.pending, "industry" if self.since is None else "level", self.since)


class BesideExposures(NamedTuple):
    """The descriptors and shares that stand beside exposures, not read yet."""

    columns: tuple[str, ...]  # what the styles use
    descriptors: StoredByDate | None
    pending: Mapping[date, str]
    shares: Mapping[str, SharesBeside]  # by source: segments, revenues
    gone: frozenset[date] = frozenset()  # dates that still stand, and will not

    def on(self, days: Collection[date]) -> Described:
        """What stands beside the exposures of these dates."""
        kept = [day for day in days if day not in self.gone]
        rows = None if self.descriptors is None else with_registered(self.descriptors.on(kept), self.columns)
        shares = {source: one.on(kept if one.since is None else days) for source, one in self.shares.items()}
        return Described(self.columns, rows, self.pending, shares)


class Survey(NamedTuple):
    """What is told of the rows of a split, side by side."""

    fingerprints: dict[str, pa.Table]
    problems: dict[str, pa.Table]
    sums: dict[str, pa.Table]
    ids: dict[str, pa.Array]
    times: pa.Table


@dataclass(frozen=True)
class CheckSource:
    """The checks of one source: raw rows become the checked rows of each side that it feeds."""

    config: Config
    source: str  # as the configuration calls it
    sides: tuple[str, ...]
    learning: tuple[int, ...] = ()  # positions of the membership groups whose levels are learned
    rates: RatesOfDates | None = None
    beside: BesideExposures | None = None
    exchanges: Mapping[date, Exchange] | None = None  # None: rows stay in the currency that they are given in

    def checked(self, raw: pa.Table) -> dict[str, CheckedRows]:
        """The sides of some raw rows; of a long source all rows of their dates."""
        rows = RawRows(raw)
        found = {side: self._side(side, rows) for side in self.sides}
        if self.exchanges is None:
            return found
        return {side: converted(checked, self.exchanges, self._currency(side)) for side, checked in found.items()}

    @property
    def can_keep(self) -> bool:
        """Whether what is to be packed is known from the rows as they are given: no rate of exchange is still to come."""
        return self.config.sources.exchange_rates is None and bool({"exposures", "returns", "caps"} & set(self.sides))

    def survey(self, raw: pa.Table) -> Survey:
        """What is told of some raw rows, in the currency that they are given in."""
        rows = RawRows(raw)
        return self._survey(rows, {side: self._side(side, rows) for side in self.sides})

    def survey_converted(self, raw: pa.Table) -> Survey:
        """What is told of some raw rows in the base currency."""
        return self._survey(RawRows(raw), self.checked(raw))

    def survey_and_pack(self, raw: pa.Table) -> tuple[Survey, pa.Table]:
        """The survey of some raw rows, and the columns that packing takes of them; of rows that need no conversion."""
        rows = RawRows(raw)
        sides = {side: self._side(side, rows) for side in self.sides}
        return self._survey(rows, sides), columns_to_pack(sides)

    def _survey(self, rows: RawRows, sides: Mapping[str, CheckedRows]) -> Survey:
        return Survey(
            {side: fingerprint_rows(checked, self.learning if side == "exposures" else ()) for side, checked in sides.items()},
            {side: problem_counts(checked) for side, checked in sides.items()},
            {side: column_sums(checked, self.config) for side, checked in sides.items()},
            {side: ids_of(checked) for side, checked in sides.items()},
            self._times(rows),
        )

    def to_pack(self, raw: pa.Table) -> pa.Table:
        """The columns that packing takes of some raw rows."""
        return columns_to_pack(self.checked(raw))

    def rejected(self, raw: pa.Table, names: Mapping[str, str], dates: Mapping[str, Collection[date | None]]) -> pa.Table:
        """The rows of `rejected_rows` that are rejected for themselves.

        Args:
            raw: rows of the source.
            names: of the sides in `rejected_rows`.
            dates: of each side, those asked for; rows whose date is unreadable are always there.
        """
        found = [rejected_rows(checked, names[side], dates[side]) for side, checked in self.checked(raw).items() if side in names]
        return pa.concat_tables([REJECTED_ROWS.arrow_schema().empty_table(), *found])

    def _side(self, side: str, rows: RawRows) -> CheckedRows:
        s = self.config.sources
        if side == "exposures":
            return checked_exposures(rows, self.config, self._described(rows))
        if side == "returns":
            return checked_returns(rows, self.config, self.rates)
        check = {
            "caps": (checked_caps, s.caps), "rates": (checked_rates, s.rates), "calendar": (checked_calendar, s.calendar),
            "exchange_rates": (checked_exchange_rates, s.exchange_rates), "prices": (checked_prices, s.prices),
            "factor_returns": (checked_factor_returns, s.factor_returns),
            "fundamentals": (checked_figures, s.fundamentals), "books": (checked_books, s.books),
        }  # fmt: skip
        if side == "segments" and s.segments is not None:
            return checked_segments(rows, s.segments, self.config.levels_of(side))
        if side == "revenues" and s.revenues is not None:
            return checked_revenues(rows, s.revenues, self.config.levels_of(side))
        function, place = check[side]
        found: CheckedRows = function(rows, place)  # type: ignore[operator]  # each takes its own place
        return found

    def _described(self, rows: RawRows) -> Described | None:
        if self.beside is None:
            return None
        days = rows.dates(self.config.sources.exposure_columns.date).values
        return self.beside.on(pc.unique(days).drop_null().to_pylist())

    def _currency(self, side: str) -> str | None:
        s = self.config.sources
        capped = "caps" if s.caps else "exposures"
        return {"returns": s.return_columns.currency, capped: s.cap_currency}.get(side)

    def _times(self, rows: RawRows) -> pa.Table:
        found = [{"column": name, **rows.dates(name).times._asdict()} for name in self._dated()]
        return pa.Table.from_pylist(found, schema=TIMES)

    def _dated(self) -> list[str]:
        columns = self.config.sources.locations()[self.source].columns  # type: ignore[attr-defined]  # every source has some
        named = (getattr(columns, key, None) for key in ("date", "known_at", "period_end"))
        return [name for name in named if name is not None]
