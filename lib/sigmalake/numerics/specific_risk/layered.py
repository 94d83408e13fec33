"""What every estimator of specific variances has in common: the layers that may follow it, and what they need of the data."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from sigmalake.numerics.factor_cov.newey_west import check_lags
from sigmalake.numerics.settings import FilledIn, setting
from sigmalake.numerics.specific_risk.linked_issues import LinkedIssues
from sigmalake.numerics.specific_risk.regime import SpecificRegime
from sigmalake.numerics.specific_risk.serial_correlation import check_bounds, variance_ratio
from sigmalake.numerics.specific_risk.size_shrinkage import SizeShrinkage
from sigmalake.numerics.specific_risk.structural_vol import StructuralModel
from sigmalake.numerics.types import Bools, Floats, Ints
from sigmalake.numerics.windows.ewma import (
    EQUAL,
    Weighting,
    check_half_life,
    check_min_periods,
    check_window,
    fewest,
    window_of,
)
from sigmalake.numerics.windows.weighted_var import WeightedVar


class TimeSeriesVar(NamedTuple):
    """Each asset's variance from its own specific returns alone, as of A dates."""

    var: Floats  # (A, N) fraction^2 per period, serial correlation included; NaN: too few observations
    n_obs: Ints  # (A, N) observations in the window
    clipped: Bools  # (A, N) long-run variance held at a bound
    failures: Mapping[int, str]  # why there are none, by number of the as-of date


@dataclass(frozen=True, kw_only=True)
class LayeredSpecificVar(ABC):
    """An estimator of Delta, and what it can be followed by, off by default. Every estimator derives from it."""

    estimator: str
    min_periods: int | None = setting(
        None, "an asset's observations in the window; none: half the window, 60 at most", unit="periods", source="choice"
    )
    lags: int = setting(0, "periods of serial correlation [NW]", unit="periods")
    lags_half_life: float | None = setting(
        None, "half-life of the autocorrelations; none: the variances' weights; 252 in [M]", unit="periods"
    )
    lags_window: int | None = setting(
        None,
        "window of the autocorrelations; none: 3 `lags_half_life`, or the variances' window where that is none too",
        unit="periods",
        source="choice",
    )
    lags_bounds: tuple[float, float] = setting(
        (0.25, 4.0),
        "least and largest long-run variance over the plain one; held ones are counted",
        unit="ratio of variances",
        source="choice",
    )
    structural: StructuralModel | None = setting(
        None, "the structural model of volatility [B], of assets with a short history; off without the section"
    )
    size_shrinkage: SizeShrinkage | None = setting(
        None, "shrinkage towards the mean of the assets of like cap [M]; it needs caps; off without the section"
    )
    regime: SpecificRegime | None = setting(
        None, "the volatility regime [M]; without caps every asset counts alike; off without the section"
    )
    linked: LinkedIssues | None = setting(
        None, "specific covariances between the shares of an issuer; they need `issuer_id`; off without the section"
    )

    version: ClassVar[str] = ""  # of another package's kernel; the kernels here have the stage's

    def __post_init__(self) -> None:
        check_min_periods(self.min_periods, self.weighting.window)
        if self.lags_half_life is not None:
            check_half_life("lags_half_life", self.lags_half_life)
        check_window("lags_window", self.lags_weighting.window, self.lags_weighting.half_life)
        check_lags("lags", self.lags, self.lags_weighting.window)
        check_bounds("lags_bounds", self.lags_bounds)
        if self.structural is not None:
            self.structural.check_window(self.weighting.window)
        if self.linked is not None:
            self.linked.check_window(self.weighting.window)

    @property
    @abstractmethod
    def weighting(self) -> Weighting:
        """Window and half-life of the variances, defaults filled in."""

    @property
    def lags_weighting(self) -> Weighting:
        """Window and half-life of the autocorrelations, defaults filled in."""
        if self.lags_half_life is None:
            default, half_life = self.weighting
        else:
            default, half_life = window_of(self.lags_half_life), self.lags_half_life
        return Weighting(default if self.lags_window is None else self.lags_window, half_life)

    @property
    def look_back(self) -> int:
        """How many periods up to an as-of date are read; the regime reads its window and the variances' before it."""
        window = self.weighting.window
        return max(
            window,
            self.lags_weighting.window if self.lags else 0,
            self.structural.periods(window) if self.structural else 0,
            self.regime.periods + window if self.regime else 0,
            self.linked.periods(window) if self.linked else 0,
        )

    @property
    def filled_in(self) -> FilledIn:
        """Of the settings that may be left out, the values that count; of layers only where these are on."""
        window, found = self.weighting.window, dict[tuple[str, ...], object]()
        if self.lags:
            found["lags_window",] = self.lags_weighting.window
            if self.lags_weighting.half_life != EQUAL:
                found["lags_half_life",] = self.lags_weighting.half_life
        if self.structural is not None:
            found["structural", "window"] = self.structural.periods(window)
        if self.linked is not None:
            found["linked", "window"] = self.linked.periods(window)
            found["linked", "min_periods"] = self.linked.fewest_dates(window)
        return {("min_periods",): self.fewest_observations, **found}

    @property
    def reads_exposures(self) -> bool:
        """Whether X known at the as-of date enters."""
        return self.structural is not None

    @property
    def reads_caps(self) -> bool:
        """Whether caps known at the as-of date enter."""
        return self.structural is not None or self.size_shrinkage is not None

    @abstractmethod
    def estimate(self, specific_returns: Floats, as_of: Ints) -> WeightedVar:
        """(A, N) variances before any layer."""

    def time_series(self, specific_returns: Floats, as_of: Ints) -> TimeSeriesVar:
        """The variances, times `variance_ratio` where there are lags.

        Args:
            specific_returns: (R, N) fractions, newest last, NaN where missing.
            as_of: (A,) positions of rows.
        """
        plain = self.estimate(specific_returns, as_of)
        if not self.lags:
            return TimeSeriesVar(plain.var, plain.n_obs, np.zeros(plain.var.shape, dtype=np.bool_), plain.failures)
        ratio = variance_ratio(specific_returns, as_of, self.lags_weighting, self.lags, centre=self.centred)
        held = np.clip(ratio, *self.lags_bounds)
        return TimeSeriesVar(plain.var * held, plain.n_obs, (held != ratio) & ~np.isnan(plain.var), plain.failures)

    @property
    def centred(self) -> bool:
        """Whether variances are about the mean; else about 0."""
        return True

    @property
    def fewest_observations(self) -> int:
        """An asset's observations in the window that it takes, the default filled in."""
        return fewest(self.min_periods, self.weighting.window)
