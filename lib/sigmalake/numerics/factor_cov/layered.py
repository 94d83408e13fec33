"""What every estimator of Sigma has in common: how it stands to its history, and the layers that may follow it."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, Self

import numpy as np

from sigmalake.numerics.factor_cov.eigenvalue_floor import floor_eigenvalues
from sigmalake.numerics.factor_cov.em import splice
from sigmalake.numerics.factor_cov.pca_blend import PcaBlend, blend_components
from sigmalake.numerics.factor_cov.regime import VolatilityRegime, regime_multiplier
from sigmalake.numerics.factor_cov.windows import Diagnostic, FactorCov
from sigmalake.numerics.settings import FilledIn, described, setting
from sigmalake.numerics.types import Floats, Ints
from sigmalake.numerics.windows.ewma import check_history, check_min_periods, fewest


@dataclass(frozen=True, kw_only=True)
class LayeredFactorCov(ABC):
    """An estimator of Sigma, and what it can be followed by, off by default. Every estimator derives from it."""

    estimator: str
    min_periods: int | None = setting(
        None, "dates in either window; none: half the shorter one, 60 at most", unit="periods", source="choice"
    )
    proxy: dict[str, str] = field(
        default_factory=dict, metadata=described("new factor to old one, whose returns stand before the first of the new one")
    )
    pca_blend: PcaBlend | None = setting(
        None, "correlations mixed with those of their first components [ML]; off without the section"
    )
    eigenvalue_floor: float | None = setting(
        None, "least eigenvalue of the correlations, whose mean is 1; none: no floor", unit="share of the mean eigenvalue"
    )
    regime: VolatilityRegime | None = setting(None, "the volatility regime [M]; off without the section")

    version: ClassVar[str] = ""  # of another package's kernel; the kernels here have the stage's

    def __post_init__(self) -> None:
        check_min_periods(self.min_periods, min(self.windows))
        for new, old in self.proxy.items():
            if old in self.proxy:
                raise ValueError(f"proxy of {new} is {old}{' itself' if old == new else ', which has a proxy of its own'}")
        if self.eigenvalue_floor is not None and not 0 < self.eigenvalue_floor < 1:
            raise ValueError(f"eigenvalue_floor is {self.eigenvalue_floor}; it must be > 0 and below 1, the mean eigenvalue")

    @property
    @abstractmethod
    def windows(self) -> tuple[int, ...]:
        """Periods that it reads; of the volatilities first, where there is a second for the correlations."""

    @abstractmethod
    def over_windows(self, history: Floats) -> FactorCov:
        """Sigma before its layers, as of the newest row of (T, K) factor returns."""

    @abstractmethod
    def forecast_var(self, returns: Floats, as_of: Ints) -> Floats:
        """(A, K) each factor's variance before the layers, as of each row named; NaN or 0: none."""

    @property
    def fewest_periods(self) -> int:
        """Dates that a window needs, the default filled in."""
        return fewest(self.min_periods, min(self.windows))

    @property
    def filled_in(self) -> FilledIn:
        """Of the settings that may be left out, the values that count."""
        return {("min_periods",): self.fewest_periods}

    @property
    def look_back(self) -> int:
        """How many of the newest periods `estimate` reads; the regime reads its window and the volatilities' before it."""
        of_regime = 0 if self.regime is None else self.regime.periods + self.windows[0]
        return max(*self.windows, of_regime)

    @property
    def simulations(self) -> int:
        """Histories simulated for a date."""
        return 0

    def seeded(self, name: str) -> Self:  # noqa: ARG002 - of an estimator that simulates
        """With `name` as the seed of simulations, where there are any and none is given."""
        return self

    def unadjusted(self) -> Self:
        """Without the layers that follow Sigma over its windows."""
        return replace(self, pca_blend=None, eigenvalue_floor=None, regime=None)

    def eigenfactors_adjusted(self, found: FactorCov, history: Floats) -> FactorCov:  # noqa: ARG002 - of one that can simulate itself
        """Sigma after the eigenfactor adjustment, where the estimator has one."""
        return found

    def estimate(self, returns: Floats, factors: Sequence[str] = ()) -> FactorCov:
        """Sigma as of the newest row: over its windows, then the layers that are switched on.

        Args:
            returns: (T, K) factor returns, fractions, newest last, NaN where not estimated; rows before `look_back` do
                not matter.
            factors: (K,) names, for `proxy`.
        """
        check_history("returns", returns)
        history, spliced = self._spliced(returns[-max(self.windows) :], factors)
        found = self.over_windows(history)
        found = found._replace(diagnostics=(*spliced, *found.diagnostics))
        if found.kept.size:
            found = self.eigenfactors_adjusted(found, history)
            found = self._blended(found)
            found = self._floored(found)
            found = self._scaled_by_regime(found, returns)
        return found

    def _spliced(self, history: Floats, factors: Sequence[str]) -> tuple[Floats, list[Diagnostic]]:
        if self.proxy and len(factors) != history.shape[1]:
            raise ValueError(f"proxy needs the names of the {history.shape[1]} factors; {len(factors)} are given")
        found = []
        position = {name: number for number, name in enumerate(factors)}
        for new, old in self.proxy.items():
            if new in position and old in position:
                history, n_spliced = splice(history, position[new], position[old])
                found.append(Diagnostic(f"proxy:{new}", float(n_spliced), f"returns of {old} before its first"))
            elif new in position:
                found.append(Diagnostic(f"proxy:{new}", 0.0, f"the model has no factor {old} as of this date"))
        return history, found

    def _blended(self, found: FactorCov) -> FactorCov:
        if self.pca_blend is None:
            return found
        components, weight = self.pca_blend.components, self.pca_blend.weight
        cov, explained = blend_components(found.cov, components, weight)
        detail = f"share of the correlations' trace that the first {components} components hold; their weight is {weight:g}"
        return found.then(cov, Diagnostic("pca_blend_explained", explained, detail))

    def _floored(self, found: FactorCov) -> FactorCov:
        if self.eigenvalue_floor is None:
            return found
        cov, n_lifted, size = floor_eigenvalues(found.cov, self.eigenvalue_floor)
        detail = f"{n_lifted} eigenvalues of the correlations lifted to {self.eigenvalue_floor:g}; the share of their sum added"
        return found.then(cov, Diagnostic("eigenvalue_floor_size", size, detail))

    def _scaled_by_regime(self, found: FactorCov, returns: Floats) -> FactorCov:
        if self.regime is None:
            return found
        own = returns[-self.look_back :, found.kept]
        realised = np.arange(max(1, len(own) - self.regime.periods), len(own))
        min_dates = fewest(None, self.regime.periods)
        squared, n_dates = regime_multiplier(own[realised], self.forecast_var(own, realised - 1), self.regime.half_life, min_dates)
        short = f"; {min_dates} are needed, so it is 1" if n_dates < min_dates else ""
        detail = f"lambda; Sigma is times its square; from {n_dates} dates{short}"
        return found.then(found.cov * squared, Diagnostic("regime_multiplier", float(np.sqrt(squared)), detail))
