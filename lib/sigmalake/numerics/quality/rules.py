"""What a configuration may ask of the data: what counts as a defect, and how many of them are worth a note, a warning, a stop."""

from dataclasses import dataclass, fields
from datetime import date
from enum import StrEnum
from math import isfinite
from typing import ClassVar

from sigmalake.numerics.settings import setting

CHOICE = "choice"


class Severity(StrEnum):
    """What a value means for a run, from the least to the most."""

    OK = "ok"
    NOTE = "note"
    WARN = "warn"
    STOP = "stop"


@dataclass(frozen=True)
class Limits:
    """Thresholds of a check's value."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    note: float | None = setting(0.0, "a value above it is noted; none: never", unit="as `warn`", source=CHOICE)
    warn: float | None = setting(None, "a value above it gives a warning; none: never", unit="of the measure", source=CHOICE)
    stop: float | None = setting(None, "a value above it ends the run before a release; none: never", unit="as `warn`")

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None and not (isfinite(value) and value >= 0):
                raise ValueError(f"{field.name} is {value}; it must be a finite number >= 0")

    def severity(self, value: float | None) -> Severity:
        """Of a value; None: there is none."""
        found = Severity.OK
        for level, limit in ((Severity.NOTE, self.note), (Severity.WARN, self.warn), (Severity.STOP, self.stop)):
            if value is not None and limit is not None and value > limit:
                found = level
        return found

    @property
    def lowest(self) -> float | None:
        """The least of the thresholds."""
        return min((limit for limit in (self.note, self.warn, self.stop) if limit is not None), default=None)


@dataclass(frozen=True)
class Rejected(Limits):
    """Of the share of a source's rows that are rejected."""

    warn: float | None = setting(0.02, "a share above it gives a warning; none: never", unit="share of rows", source=CHOICE)


@dataclass(frozen=True)
class CoverageDay(Limits):
    """Of the share of the assets that went since the date before."""

    note: float | None = setting(0.01, "a share above it is noted; none: never", unit="share of assets", source=CHOICE)
    warn: float | None = setting(0.1, "a share above it gives a warning; none: never", unit="share of assets", source=CHOICE)


@dataclass(frozen=True)
class CoverageYear(Limits):
    """Of the share of the assets that went within a year."""

    note: float | None = setting(0.1, "a share above it is noted; none: never", unit="share of assets", source=CHOICE)
    warn: float | None = setting(0.5, "a share above it gives a warning; none: never", unit="share of assets", source=CHOICE)


@dataclass(frozen=True)
class StalePrices(Limits):
    """Runs of zero returns."""

    warn: float | None = setting(0.02, "a share above it gives a warning; none: never", unit="share of returns", source=CHOICE)
    run: int = setting(5, "returns of exactly 0 in a row that make a price stale", unit="periods", source=CHOICE)


@dataclass(frozen=True)
class Jumps(Limits):
    """Of the largest return of a date in robust standard deviations."""

    note: float | None = setting(15.0, "a return above it is noted; none: never", unit="robust sd", source=CHOICE)
    warn: float | None = setting(40.0, "a return above it gives a warning; none: never", unit="robust sd", source=CHOICE)
    look_back: int = setting(21, "dates before that the asset's own standard deviation rests on", unit="periods", source=CHOICE)


@dataclass(frozen=True)
class BadTicks(Limits):
    """Jumps that the next return takes back."""

    warn: float | None = setting(0.0, "a count above it gives a warning; none: never", unit="assets", source=CHOICE)
    bound: float = setting(10.0, "a return beyond it is a jump", unit="robust sd", source=CHOICE)
    remains: float = setting(0.25, "share of the jump that is left after the next return, at most", unit="share", source=CHOICE)


@dataclass(frozen=True)
class StaleCaps(Limits):
    """Runs of equal caps beside returns other than 0."""

    warn: float | None = setting(0.05, "a share above it gives a warning; none: never", unit="share of caps", source=CHOICE)
    run: int = setting(5, "equal caps in a row, beside returns other than 0, that make a cap stale", unit="periods", source=CHOICE)


@dataclass(frozen=True)
class CapMoves(Limits):
    """Caps that move apart from returns."""

    warn: float | None = setting(0.05, "a share above it gives a warning; none: never", unit="share of caps", source=CHOICE)
    bound: float = setting(0.05, "a cap that moved by more beside its return moved apart", unit="fraction", source=CHOICE)


@dataclass(frozen=True)
class Splits(Limits):
    """Caps and returns that differ by the ratio of a split."""

    warn: float | None = setting(0.0, "a count above it gives a warning; none: never", unit="assets", source=CHOICE)
    tolerance: float = setting(0.02, "distance from the ratio of a split", unit="fraction", source=CHOICE)


@dataclass(frozen=True)
class ExposureMoves(Limits):
    """Styles that move by more than a bound."""

    warn: float | None = setting(0.01, "a share above it gives a warning; none: never", unit="share of values", source=CHOICE)
    bound: float = setting(3.0, "a smaller change of a style is none", unit="cross-sectional sd", source=CHOICE)
    robust: float = setting(10.0, "nor is one within so many robust sd of its date's changes", unit="robust sd", source=CHOICE)


@dataclass(frozen=True)
class ThinFactors(Limits):
    """Memberships with few members, or with little of the weight."""

    warn: float | None = setting(0.0, "a count above it gives a warning; none: never", unit="factors", source=CHOICE)
    members: float = setting(5.0, "a membership with fewer is thin", unit="effective members", source=CHOICE)
    share: float = setting(0.001, "a membership with less of the weight is thin", unit="share of weight", source=CHOICE)


@dataclass(frozen=True)
class QualityRules:
    """What the configuration's `checks.quality` says."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    rejected: Rejected = setting(Rejected(), "rejected rows of a date")
    coverage_day: CoverageDay = setting(CoverageDay(), "assets that went since the date before")
    coverage_year: CoverageYear = setting(CoverageYear(), "assets that went within a year")
    stale_prices: StalePrices = setting(StalePrices(), "runs of zero returns")
    jumps: Jumps = setting(Jumps(), "the largest return of a date")
    bad_ticks: BadTicks = setting(BadTicks(), "jumps that the next return takes back")
    stale_caps: StaleCaps = setting(StaleCaps(), "runs of equal caps beside returns other than 0")
    cap_moves: CapMoves = setting(CapMoves(), "caps that move apart from returns")
    splits: Splits = setting(Splits(), "caps and returns that differ by the ratio of a split")
    exposure_moves: ExposureMoves = setting(ExposureMoves(), "styles that move by more than a bound")
    thin_factors: ThinFactors = setting(ThinFactors(), "memberships with few members, or with little of the weight")
    stops_from: date | None = setting(None, "first date on which a `stop` ends the run; none: every one")

    def __post_init__(self) -> None:
        for name, run in (("stale_prices.run", self.stale_prices.run), ("stale_caps.run", self.stale_caps.run)):
            if run < 2:
                raise ValueError(f"{name} is {run}; it must be a number of periods, 2 or more")
        if self.jumps.look_back < LEAST_HISTORY:
            raise ValueError(f"jumps.look_back is {self.jumps.look_back}; it must be {LEAST_HISTORY} periods or more")
        numbers = {
            "bad_ticks.bound": self.bad_ticks.bound, "bad_ticks.remains": self.bad_ticks.remains,
            "cap_moves.bound": self.cap_moves.bound, "splits.tolerance": self.splits.tolerance,
            "exposure_moves.bound": self.exposure_moves.bound, "exposure_moves.robust": self.exposure_moves.robust,
            "thin_factors.members": self.thin_factors.members, "thin_factors.share": self.thin_factors.share,
        }  # fmt: skip
        for name, value in numbers.items():
            if not (isfinite(value) and value >= 0):
                raise ValueError(f"{name} is {value}; it must be a finite number >= 0")

    def limits(self, measure: str) -> Limits:
        """The thresholds of a measure; none of one that only counts."""
        found = getattr(self, measure, None)
        return found if isinstance(found, Limits) else Limits(note=None)

    @property
    def reads(self) -> int:
        """Rows of the panel before a date's own that a date's checks read."""
        return max(self.jumps.look_back + 2, self.stale_prices.run + 1, self.stale_caps.run + 1)


LEAST_HISTORY = 10  # returns that an asset's own standard deviation rests on at the least
