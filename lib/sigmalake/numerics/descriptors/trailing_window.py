"""The window of a descriptor: which rows before an as-of date count, and how many must be there."""

from dataclasses import dataclass, field
from typing import ClassVar

from sigmalake.numerics.settings import FilledIn, described, setting
from sigmalake.numerics.windows.ewma import EQUAL, check_half_life, check_window


@dataclass(frozen=True, kw_only=True)
class Trailing:
    """The `window` rows up to and including the as-of row, less the newest `lag` rows; weights 2^(-age / half_life).

    Rows are periods of the calendar, also those without a value of the asset: a halt does not make a window longer.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    window: int = field(metadata=described("rows up to the as-of date, less the newest `lag`", unit="periods"))
    half_life: float | None = setting(None, "half-life of the weights; none: equal weights", unit="periods")
    lag: int = setting(0, "newest periods left out", unit="periods")
    min_periods: int | None = setting(
        None, "values that must be in the window; none: half the window", unit="values", source="choice"
    )

    def __post_init__(self) -> None:
        if self.half_life is not None:
            check_half_life("half_life", self.half_life)
        if self.window < 1:
            raise ValueError(f"window is {self.window}; it must be 1 period or more")
        if self.window > 1:
            check_window("window", self.window, self.decay)
        if self.min_periods is not None and not 1 <= self.min_periods <= self.window:
            raise ValueError(f"min_periods is {self.min_periods}; it must be from 1 to the window of {self.window} periods")
        if self.lag < 0:
            raise ValueError(f"lag is {self.lag}; it is a number of periods >= 0, e.g. 21")

    @property
    def decay(self) -> float:
        """The half-life, endless for equal weights."""
        return EQUAL if self.half_life is None else self.half_life

    @property
    def look_back(self) -> int:
        """How many rows up to the as-of row are read."""
        return self.window + self.lag

    @property
    def filled_in(self) -> FilledIn:
        """Of the settings that may be left out, the values that count."""
        return {("min_periods",): self.fewest}

    @property
    def fewest(self) -> int:
        """Values needed, the default filled in."""
        return max(1, self.window // 2) if self.min_periods is None else self.min_periods
