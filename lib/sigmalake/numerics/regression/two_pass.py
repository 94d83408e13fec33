"""Where the specific variances of a regression in two passes come from, and how far apart its weights may be."""

from dataclasses import dataclass
from math import isfinite
from typing import ClassVar

from sigmalake.numerics.specific_risk.estimators import EwmaSpecificVar, SampleSpecificVar, SpecificVarEstimator

_SAMPLE_WINDOW = 252  # periods


@dataclass(frozen=True, kw_only=True)
class TwoPass:
    """How the first pass's specific returns up to t-1 become the weights at t."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    half_life: float | None = 84.0  # periods, of the specific variances [M]; None: equal weights
    window: int | None = None  # periods up to t-1; None: 3 half-lives, or 252 with equal weights
    min_periods: int | None = None  # an asset's specific returns in it; None: half the window, at most 60
    max_ratio: float = 100.0  # largest over smallest weight (**choice**): specific volatilities count over a range of 10 to 1

    def __post_init__(self) -> None:
        if not (isfinite(self.max_ratio) and self.max_ratio >= 1.0):
            raise ValueError(f"max_ratio is {self.max_ratio}; it must be a finite number >= 1, e.g. 100")
        self.estimator()  # refuses what it cannot use

    def estimator(self) -> SpecificVarEstimator:
        """Of the specific variances, as of t-1."""
        if self.half_life is None:
            return SampleSpecificVar(window=_SAMPLE_WINDOW if self.window is None else self.window, min_periods=self.min_periods)
        return EwmaSpecificVar(half_life=self.half_life, window=self.window, min_periods=self.min_periods)

    @property
    def look_back(self) -> int:
        """How many periods before t are read."""
        return self.estimator().look_back
