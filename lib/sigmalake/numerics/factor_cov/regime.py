"""The volatility regime: how far recent returns went beyond their forecasts, over all factors at once."""

from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

import numpy as np

from sigmalake.numerics.settings import FilledIn, described, setting
from sigmalake.numerics.types import Floats
from sigmalake.numerics.windows.ewma import check_half_life, check_window, decay, window_of


@dataclass(frozen=True, kw_only=True)
class VolatilityRegime:
    """Sigma <- lambda^2 Sigma, lambda^2 the weighted mean of B^2 (Menchero, Orr, Wang 2011)."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    half_life: float = field(metadata=described("half-life of B^2", unit="periods"))
    window: int | None = setting(None, "window of B^2; none: 3 half-lives", unit="periods", source="choice")

    def __post_init__(self) -> None:
        check_half_life("half_life", self.half_life)
        check_window("window", self.periods, self.half_life)

    @property
    def filled_in(self) -> FilledIn:
        """Of the settings that may be left out, the values that count."""
        return {("window",): self.periods}

    @property
    def periods(self) -> int:
        """The window, its default filled in."""
        return window_of(self.half_life) if self.window is None else self.window


class RegimeMultiplier(NamedTuple):
    """What the recent past says of the level of all volatilities."""

    squared: float  # lambda^2; 1 where there are too few dates
    n_dates: int  # with a B^2


def regime_multiplier(returns: Floats, forecast_var: Floats, half_life: float, min_dates: int) -> RegimeMultiplier:
    """lambda^2 = sum_t a_t B_t^2, B_t^2 = mean_k (f_kt / sigma_k,t-1)^2, a_t proportional to 2^(-age/half_life), sum 1.

    Menchero, Orr, Wang 2011. A factor counts on a date where both its return and its forecast are there; a date without
    any is left out, the ages of the others kept.

    Args:
        returns: (R, K) factor returns, fractions, newest last, NaN where missing.
        forecast_var: (R, K) the variance forecast for the row's period, made one period before; NaN or 0: none.
        half_life: periods.
        min_dates: B^2 needed; with fewer lambda is 1 (**choice**).
    """
    counts = ~np.isnan(returns) & (forecast_var > 0)
    n_factors = counts.sum(axis=1)
    ratio = np.where(counts, returns, 0.0) ** 2 / np.where(counts, forecast_var, 1.0)
    squared_bias = np.where(n_factors > 0, ratio.sum(axis=1) / np.maximum(n_factors, 1), np.nan)
    return mean_squared_bias(squared_bias, half_life, min_dates)


def mean_squared_bias(squared_bias: Floats, half_life: float, min_dates: int) -> RegimeMultiplier:
    """lambda^2 = sum_t a_t B_t^2; see `regime_multiplier`.

    Args:
        squared_bias: (R,) B^2, newest last; NaN on a date without any.
        half_life: periods.
        min_dates: B^2 needed; with fewer lambda is 1 (**choice**).
    """
    rows = np.flatnonzero(~np.isnan(squared_bias))
    if len(rows) < max(1, min_dates):
        return RegimeMultiplier(1.0, len(rows))
    weights = decay(rows[-1] - rows, half_life)
    return RegimeMultiplier(float(weights @ squared_bias[rows] / weights.sum()), len(rows))
