"""The descriptors that need returns, caps and turnover alone, as of many dates at once."""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from sigmalake.numerics.descriptors.log_returns import cumulative_range, weighted_log_return
from sigmalake.numerics.descriptors.market_beta import market_beta, market_return, overlapping_sums
from sigmalake.numerics.descriptors.size import ln_cap, size_cubed
from sigmalake.numerics.descriptors.trailing_window import Trailing
from sigmalake.numerics.descriptors.turnover import ln_turnover
from sigmalake.numerics.settings import FilledIn, setting
from sigmalake.numerics.types import Bools, Floats, Ints
from sigmalake.numerics.windows.weighted_var import weighted_var


class PriceHistory(NamedTuple):
    """Rows are periods of the calendar, newest last, columns assets; NaN where missing."""

    returns: Floats  # (R, N) simple returns of the period, fractions
    caps: Floats  # (R, N) at the close of the period, any one currency
    market_caps: Floats  # (R, N) what weighs the market: the caps, or 1 throughout in a model without them
    turnovers: Floats  # (R, N) share of the company traded in the period, fraction
    in_estimation: Bools  # (R, N) the universe at the close of the period

    def only(self, rows: slice, assets: Ints) -> "PriceHistory":
        """Of some rows and assets."""
        return PriceHistory(
            returns=self.returns[rows, assets],
            caps=self.caps[rows, assets],
            market_caps=self.market_caps[rows, assets],
            turnovers=self.turnovers[rows, assets],
            in_estimation=self.in_estimation[rows, assets],
        )


class PriceDescriptors(NamedTuple):
    """Raw descriptors known at the close of A dates, each (A, N); NaN is missing."""

    size: Floats  # ln of the cap
    size_cubed: Floats  # cube of the standardised size
    beta: Floats  # slope on the market
    momentum: Floats  # weighted log return
    daily_volatility: Floats  # fraction per period
    cumulative_range: Floats  # log return
    residual_volatility: Floats  # fraction per period
    turnover_1m: Floats  # ln of a fraction per month
    turnover_3m: Floats  # the same
    turnover_12m: Floats  # the same
    reversal: Floats  # log return of the last month: where returns revert, its factor's return is negative


@dataclass(frozen=True, kw_only=True)
class PriceWindows:
    """The windows of the price descriptors; the defaults are trading days (Menchero, Orr, Wang 2011).

    An asset without `min_periods` values in a window, as in the first months of a listing, has no such descriptor.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    month: int = setting(21, "a month, of the turnovers and the cumulative range", unit="periods", source="[M]")
    range_months: int = setting(12, "length of the cumulative range", unit="months", source="[M]")
    range_min_periods: int | None = setting(
        None, "returns that must be in these months; none: half of the periods", unit="returns", source="choice"
    )
    beta: Trailing = setting(
        Trailing(window=252, half_life=63), "window of the market beta and of the residual volatility", source="[M]"
    )
    beta_overlap: int = setting(
        1,
        (
            "periods over which the returns of stock and market are summed, overlapping, before `beta` is their slope: more than "
            "1 where markets close at different hours; the residual volatility is of single periods all the same"
        ),
        unit="periods",
        source="choice",
    )
    momentum: Trailing = setting(Trailing(window=504, half_life=126, lag=21), "window of momentum", source="[M]")
    daily_volatility: Trailing = setting(Trailing(window=252, half_life=42), "window of the daily volatility", source="[M]")
    turnover_1m: Trailing = setting(Trailing(window=21), "window of the turnover of a month", source="[M]")
    turnover_3m: Trailing = setting(Trailing(window=63), "window of the turnover of a quarter", source="[M]")
    turnover_12m: Trailing = setting(Trailing(window=252), "window of the turnover of a year", source="[M]")
    reversal: Trailing = setting(Trailing(window=21), "window of reversal", source="choice")

    def __post_init__(self) -> None:
        for name in ("month", "range_months", "beta_overlap"):
            if (value := getattr(self, name)) < 1:
                raise ValueError(f"{name} is {value}; it must be 1 or more")
        if self.range_min_periods is not None and not 1 <= self.range_min_periods <= self._range:
            raise ValueError(f"range_min_periods is {self.range_min_periods}; it must be from 1 to the {self._range} periods")
        for name, least in (("beta", 3), ("daily_volatility", 2)):
            if (fewest := getattr(self, name).fewest) < least:
                raise ValueError(f"{name} would rest on {fewest} returns; it needs a min_periods of {least} or more")
        if self.daily_volatility.lag:
            raise ValueError(f"daily_volatility has a lag of {self.daily_volatility.lag}; a volatility ends at its date")

    @property
    def look_back(self) -> int:
        """How many rows up to an as-of row `compute` reads; beta's first market return needs the caps of the row before."""
        others = (
            self.momentum, self.daily_volatility, self.turnover_1m, self.turnover_3m, self.turnover_12m, self.reversal,
        )  # fmt: skip
        return max(self.beta.look_back + self.beta_overlap, self._range, *(trailing.look_back for trailing in others))

    @property
    def filled_in(self) -> FilledIn:
        """Of the settings that may be left out, the values that count."""
        return {("range_min_periods",): self._fewest_of_range}

    @property
    def _fewest_of_range(self) -> int:
        return max(1, self._range // 2) if self.range_min_periods is None else self.range_min_periods

    @property
    def _range(self) -> int:
        return self.month * self.range_months

    def compute(self, history: PriceHistory, as_of: Ints) -> PriceDescriptors:
        """All of them, from what is known at the close of each as-of row.

        Args:
            history: from `look_back` - 1 rows before the first as-of row on, or from the first row there is.
            as_of: (A,) positions of rows; ascending is fastest.
        """
        returns, caps, market_caps, turnovers, in_estimation = history
        market = market_return(returns, market_caps, in_estimation)
        slope = market_beta(returns, market, as_of, self.beta)
        beta = slope.beta
        if self.beta_overlap > 1:
            sums, of_market = (overlapping_sums(rows, self.beta_overlap) for rows in (returns, market[:, None]))
            beta = market_beta(sums, of_market[:, 0], as_of, self.beta).beta
        of_day = self.daily_volatility
        daily_var = weighted_var(returns, as_of, of_day.window, of_day.decay, centre=True, min_periods=of_day.fewest).var
        return PriceDescriptors(
            size=ln_cap(caps[as_of]),
            size_cubed=size_cubed(caps[as_of], in_estimation[as_of]),
            beta=beta,
            momentum=weighted_log_return(returns, as_of, self.momentum),
            daily_volatility=np.sqrt(daily_var),
            cumulative_range=cumulative_range(
                returns, as_of, months=self.range_months, month=self.month, min_periods=self._fewest_of_range
            ),
            residual_volatility=slope.residual_vol,
            turnover_1m=ln_turnover(turnovers, as_of, self.turnover_1m, month=self.month),
            turnover_3m=ln_turnover(turnovers, as_of, self.turnover_3m, month=self.month),
            turnover_12m=ln_turnover(turnovers, as_of, self.turnover_12m, month=self.month),
            reversal=weighted_log_return(returns, as_of, self.reversal),
        )
