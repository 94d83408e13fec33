"""The volatility regime of specific returns: how far they went beyond their forecasts, over all assets at once."""

from dataclasses import dataclass
from math import isfinite

import numpy as np

from sigmalake.numerics.factor_cov.regime import VolatilityRegime
from sigmalake.numerics.settings import setting
from sigmalake.numerics.types import Floats


@dataclass(frozen=True, kw_only=True)
class SpecificRegime(VolatilityRegime):
    """Delta <- lambda^2 Delta, lambda^2 the weighted mean of B^2 (Menchero, Orr, Wang 2011)."""

    winsorise_beyond: float = setting(10.0, "where u / sigma is held", unit="sd", source="[M]")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (isfinite(self.winsorise_beyond) and self.winsorise_beyond > 0):
            raise ValueError(f"winsorise_beyond is {self.winsorise_beyond}; it must be a number of sd > 0, e.g. 10")


def specific_squared_bias(specific_returns: Floats, forecast_var: Floats, caps: Floats | None, winsorise_beyond: float) -> Floats:
    """B_t^2 = sum_n w_n (u_nt / sigma_n,t-1)^2, w_n the shares of cap, u / sigma winsorised (Menchero, Orr, Wang 2011).

    An asset counts on a date where its return, its forecast and its cap are there.

    Args:
        specific_returns: (R, N) fractions, NaN where missing.
        forecast_var: (R, N) the variance forecast for the row's period, made one period before; NaN or 0: none.
        caps: (R, N) known one period before, NaN where unknown; None: every cap is 1.
        winsorise_beyond: standard deviations.

    Returns:
        (R,) NaN for a date on which no asset counts.
    """
    counts = ~np.isnan(specific_returns) & (forecast_var > 0)
    if caps is not None:
        counts &= ~np.isnan(caps)
    weights = np.where(counts, 1.0 if caps is None else caps, 0.0)
    weights = np.ldexp(weights, -np.frexp(weights.max(axis=1, initial=0.0, keepdims=True))[1])  # sums are numbers, no bit changes
    sigma = np.sqrt(np.where(counts, forecast_var, 1.0))
    scores = np.clip(np.where(counts, specific_returns, 0.0) / sigma, -winsorise_beyond, winsorise_beyond)
    total = weights.sum(axis=1)
    squared: Floats = np.where(total > 0, (weights * scores**2).sum(axis=1) / np.where(total > 0, total, 1.0), np.nan)
    return squared
