"""Where the specific variances of a regression in two passes come from, and how far apart its weights may be."""

from dataclasses import dataclass
from math import isfinite
from typing import ClassVar

from sigmalake.numerics.settings import FilledIn, setting
from sigmalake.numerics.specific_risk.estimators import EwmaSpecificVar, SampleSpecificVar
from sigmalake.numerics.specific_risk.layered import LayeredSpecificVar
from sigmalake.numerics.windows.ewma import fewest

_SAMPLE_WINDOW = 252  # periods


@dataclass(frozen=True, kw_only=True)
class TwoPass:
    """How the first pass's specific returns up to t-1 become the weights at t."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    half_life: float | None = setting(
        84.0, "half-life of the first pass's specific variances; null: equal weights", unit="periods", source="[M]"
    )
    window: int | None = setting(
        None, "window up to t-1; none: 3 half-lives, or 252 with equal weights", unit="periods", source="choice"
    )
    min_periods: int | None = setting(
        None,
        (
            "an asset's residuals in the window; none: half the window, 60 at most. An asset with fewer, or with a variance "
            "of 0, is weighed as in the first pass, at the scale of the others, and counted in `detail`"
        ),
        unit="periods",
        source="choice",
    )
    max_ratio: float = setting(
        100.0,
        "largest over smallest weight, about the median; 100 lets specific volatilities count over a range of 10 to 1",
        unit="ratio of weights",
        source="choice",
    )

    def __post_init__(self) -> None:
        if not (isfinite(self.max_ratio) and self.max_ratio >= 1.0):
            raise ValueError(f"max_ratio is {self.max_ratio}; it must be a finite number >= 1, e.g. 100")
        self.estimator()  # refuses what it cannot use

    def estimator(self) -> LayeredSpecificVar:
        """Of the specific variances, as of t-1."""
        if self.half_life is None:
            return SampleSpecificVar(window=_SAMPLE_WINDOW if self.window is None else self.window, min_periods=self.min_periods)
        return EwmaSpecificVar(half_life=self.half_life, window=self.window, min_periods=self.min_periods)

    @property
    def filled_in(self) -> FilledIn:
        """Of the settings that may be left out, the values that count."""
        variances = self.estimator()
        return {("window",): variances.weighting.window, ("min_periods",): fewest(self.min_periods, variances.weighting.window)}

    @property
    def look_back(self) -> int:
        """How many periods before t are read."""
        return self.estimator().look_back
