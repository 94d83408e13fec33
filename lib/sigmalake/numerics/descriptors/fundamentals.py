"""The descriptors that need a company's accounts, forecasts or dividends."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from sigmalake.numerics.descriptors.point_in_time import KnownRecords, growth_records, latest_known
from sigmalake.numerics.settings import setting
from sigmalake.numerics.types import Floats, Ints

ITEMS = (
    "book_value",  # of common equity
    "earnings",  # of the last twelve months
    "cash_earnings",  # of the last twelve months
    "forecast_earnings",  # of the next twelve months
    "dividends",  # paid in the last twelve months
    "long_term_debt",
    "preferred_equity",  # 0 where there is none
    "total_debt",
    "total_assets",
    "annual_earnings",  # a fiscal year's, per share on one share base
    "annual_sales",  # a fiscal year's, per share on one share base
)  # whole companies in the currency of the caps, but the last two

FIGURES = ITEMS[:-2]  # of a company as it is; the others become growth rates

_NO_DAYS = np.array([], dtype=np.int64)
_NONE = KnownRecords(_NO_DAYS, _NO_DAYS, _NO_DAYS, np.array([], dtype=np.float64))


class FundamentalDescriptors(NamedTuple):
    """Raw descriptors known at the close of A dates, each (A, N); NaN where an item is missing or a divisor is not > 0."""

    book_to_price: Floats  # book value / cap; negative where liabilities exceed assets
    earnings_to_price: Floats  # earnings / cap
    cash_earnings_to_price: Floats  # cash earnings / cap
    forecast_earnings_to_price: Floats  # forecast earnings / cap
    dividend_yield: Floats  # dividends / cap
    earnings_growth: Floats  # fraction per year, see `growth_records`
    sales_growth: Floats  # the same
    market_leverage: Floats  # (cap + preferred equity + long-term debt) / cap
    book_leverage: Floats  # (book value + preferred equity + long-term debt) / book value
    debt_to_assets: Floats  # total debt / total assets


@dataclass(frozen=True, kw_only=True)
class FundamentalRules:
    """How old a figure may be, and how far growth looks back (Menchero, Orr, Wang 2011: 5 years)."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    max_age: int = setting(
        550,
        (
            "age up to which a figure, or a company's segments, count after they became known; 550 serves annual accounts "
            "that come late"
        ),
        unit="days",
        source="choice",
    )
    growth_years: int = setting(5, "years of a growth rate", unit="years", source="[M]")
    growth_min_years: int = setting(3, "years of these that must be known", unit="years", source="choice")

    def __post_init__(self) -> None:
        if self.max_age < 1:
            raise ValueError(f"max_age is {self.max_age}; it is a number of days >= 1, e.g. 550")
        if not 2 <= self.growth_min_years <= self.growth_years:
            raise ValueError(f"growth_min_years is {self.growth_min_years}; it must be from 2 to the {self.growth_years} years")

    def compute(self, items: Mapping[str, KnownRecords], caps: Floats, as_of: Ints) -> FundamentalDescriptors:
        """All of them, from what is known at the close of each as-of day.

        Args:
            items: the records of `ITEMS`; an item that is absent is known of no asset.
            caps: (A, N) at the close of the as-of days, NaN where unknown.
            as_of: (A,) days, in the unit of the records.
        """
        if unknown := sorted(set(items) - set(ITEMS)):
            raise ValueError(f"there is no item {unknown[0]!r}; the items are {', '.join(ITEMS)}")
        figures = self.latest(items, caps.shape[1], as_of)
        debt = figures["preferred_equity"] + figures["long_term_debt"]
        return FundamentalDescriptors(
            book_to_price=over(figures["book_value"], caps),
            earnings_to_price=over(figures["earnings"], caps),
            cash_earnings_to_price=over(figures["cash_earnings"], caps),
            forecast_earnings_to_price=over(figures["forecast_earnings"], caps),
            dividend_yield=over(figures["dividends"], caps),
            earnings_growth=self._growth(items.get("annual_earnings", _NONE), caps.shape[1], as_of),
            sales_growth=self._growth(items.get("annual_sales", _NONE), caps.shape[1], as_of),
            market_leverage=over(caps + debt, caps),
            book_leverage=over(figures["book_value"] + debt, figures["book_value"]),
            debt_to_assets=over(figures["total_debt"], figures["total_assets"]),
        )

    def latest(self, items: Mapping[str, KnownRecords], n_assets: int, as_of: Ints) -> dict[str, Floats]:
        """(A, N) of each of `FIGURES`, as known at the close of the as-of days; NaN where none is young enough."""
        return {item: self._latest(items.get(item, _NONE), n_assets, as_of) for item in FIGURES}

    def _latest(self, records: KnownRecords, n_assets: int, as_of: Ints) -> Floats:
        return latest_known(records, as_of, n_assets, max_age=self.max_age)

    def _growth(self, records: KnownRecords, n_assets: int, as_of: Ints) -> Floats:
        growth = growth_records(records, years=self.growth_years, min_years=self.growth_min_years)
        return self._latest(growth, n_assets, as_of)


def over(values: Floats, divisors: Floats) -> Floats:
    """`values` / `divisors`; NaN where the divisor is not > 0: the ratio would turn its sign or have no bound."""
    ratio: Floats = values / np.where(divisors > 0, divisors, np.nan)
    return ratio
