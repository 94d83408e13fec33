"""Specific variances Delta from a run of specific returns: the estimators as configured, with the layers they carry."""

from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np

from sigmalake.numerics.registry.group import Group
from sigmalake.numerics.settings import FilledIn, described, setting
from sigmalake.numerics.specific_risk.kernel_var import KernelSpecificVar
from sigmalake.numerics.specific_risk.layered import LayeredSpecificVar
from sigmalake.numerics.types import Floats, Ints
from sigmalake.numerics.windows.ewma import EQUAL, Weighting, check_half_life, check_window, window_of
from sigmalake.numerics.windows.weighted_var import WeightedVar, weighted_var


@dataclass(frozen=True, kw_only=True)
class SampleSpecificVar(LayeredSpecificVar):
    """Equal weights: 1/(n-1) sum_j (u_j - ubar)^2 over an asset's own n observations in the window.

    Litterman et al. 2003, ch. 20.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    estimator: Literal["sample"] = setting("sample", "name of the estimator; it must be given with the section, but over a preset")
    window: int = setting(252, "window with equal weights", unit="periods", source="choice")

    def __post_init__(self) -> None:
        check_window("window", self.window)
        super().__post_init__()

    @property
    def weighting(self) -> Weighting:
        """The window, with equal weights."""
        return Weighting(self.window, EQUAL)

    def estimate(self, specific_returns: Floats, as_of: Ints) -> WeightedVar:
        """Variances with divisor n - 1; see `weighted_var`."""
        found = weighted_var(specific_returns, as_of, *self.weighting, centre=True, min_periods=self.fewest_observations)
        return found._replace(var=found.var * (found.n_obs / np.maximum(found.n_obs - 1, 1)))


@dataclass(frozen=True, kw_only=True)
class EwmaSpecificVar(LayeredSpecificVar):
    """Exponential weights: sum_j a_j (u_j - ubar)^2, a_j proportional to 2^(-age/half_life), sum 1 over an asset's own.

    The age counts periods of the calendar, also those without a return of the asset (Menchero, Orr, Wang 2011).
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    estimator: Literal["ewma"] = setting("ewma", "name of the estimator; it must be given with the section, but over a preset")
    half_life: float = field(
        metadata=described("half-life of the weights; 84 where the whole section is left out", unit="periods", source="[M]")
    )
    window: int | None = setting(None, "window; none: 3 half-lives", unit="periods", source="choice")
    centre: bool = setting(True, "about the weighted mean; `false`: about 0", source="choice")

    def __post_init__(self) -> None:
        check_half_life("half_life", self.half_life)
        check_window("window", self.weighting.window, self.half_life)
        super().__post_init__()

    @property
    def weighting(self) -> Weighting:
        """Window and half-life, the window's default filled in."""
        return Weighting(window_of(self.half_life) if self.window is None else self.window, self.half_life)

    @property
    def filled_in(self) -> FilledIn:
        """Of the settings that may be left out, the values that count; of layers only where these are on."""
        return {("window",): self.weighting.window, **super().filled_in}

    @property
    def centred(self) -> bool:
        """Whether variances are about the mean; else about 0."""
        return self.centre

    def estimate(self, specific_returns: Floats, as_of: Ints) -> WeightedVar:
        """Variances with divisor 1; see `weighted_var`."""
        return weighted_var(specific_returns, as_of, *self.weighting, centre=self.centre, min_periods=self.fewest_observations)


SPECIFIC_VAR = Group("sigmalake.specific_var", (SampleSpecificVar, EwmaSpecificVar), KernelSpecificVar)
