"""The factor covariance Sigma from a history of factor returns: its estimators as configured, and their layers in order."""

from abc import abstractmethod
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal, Self

import numpy as np

from sigmalake.numerics.factor_cov.eigenfactor import EigenfactorAdjustment, adjust_eigenfactors, shared_draws
from sigmalake.numerics.factor_cov.kernel_cov import KernelFactorCov
from sigmalake.numerics.factor_cov.layered import LayeredFactorCov
from sigmalake.numerics.factor_cov.newey_west import check_lags
from sigmalake.numerics.factor_cov.quadratic_shrinkage import quadratic_inverse
from sigmalake.numerics.factor_cov.shrinkage import ledoit_wolf, oas
from sigmalake.numerics.factor_cov.window_cov import Component, Components
from sigmalake.numerics.factor_cov.windows import Diagnostic, FactorCov, estimate_windows
from sigmalake.numerics.registry.group import Group
from sigmalake.numerics.settings import FilledIn, described, setting
from sigmalake.numerics.types import Floats, Ints
from sigmalake.numerics.windows.ewma import EQUAL, Weighting, check_half_life, check_window, window_of
from sigmalake.numerics.windows.weighted_var import weighted_var

_SHRINK = {"ledoit_wolf": ledoit_wolf, "oas": oas, "qis": quadratic_inverse}
_SHARE = {"qis": "of the spread of the eigenvalues that is gone"}
_SAME_ERROR = "both correct the same sampling error of the eigenvalues; choose one"


@dataclass(frozen=True, kw_only=True)
class QuadraticFactorCov(LayeredFactorCov):
    """An estimator that is quadratic in the returns, and what only such a one can be followed by; off by default."""

    lags: int = setting(0, "periods of serial correlation [NW]", unit="periods")
    short_history: Literal["leave_out", "em"] = setting(
        "leave_out", "`leave_out`: a factor that lacks dates leaves; or `em`: its history is completed, given the other factors'"
    )
    eigenfactor: EigenfactorAdjustment | None = setting(None, "the eigenfactor adjustment [E]; off without the section")

    def __post_init__(self) -> None:
        check_lags("lags", self.lags, self.components.volatility.window)
        super().__post_init__()
        if self.eigenfactor is not None and self.pca_blend is not None:
            raise ValueError(f"eigenfactor does not go with pca_blend: {_SAME_ERROR}")

    @property
    @abstractmethod
    def components(self) -> Components:
        """The estimator before its layers."""

    @property
    def windows(self) -> tuple[int, ...]:
        """Periods that the volatilities read, and the correlations where they differ."""
        return tuple(component.window for component in self.components.distinct)

    @property
    def simulations(self) -> int:
        """Histories simulated for a date."""
        return 0 if self.eigenfactor is None else self.eigenfactor.simulations

    def seeded(self, name: str) -> Self:
        """With `name` as the seed of the simulations, where none is given."""
        if self.eigenfactor is None or self.eigenfactor.seed is not None:
            return self
        return replace(self, eigenfactor=replace(self.eigenfactor, seed=name))

    def unadjusted(self) -> Self:
        """Without the layers that follow Sigma over its windows."""
        return replace(super().unadjusted(), eigenfactor=None)

    def over_windows(self, history: Floats) -> FactorCov:
        """See `estimate_windows`."""
        return estimate_windows(history, self.components, min_periods=self.fewest_periods, complete=self.short_history == "em")

    def eigenfactors_adjusted(self, found: FactorCov, history: Floats) -> FactorCov:
        """Sigma with its eigenvalues times v^2; see `adjust_eigenfactors`."""
        settings = self.eigenfactor
        if settings is None:
            return found
        n_missing = np.isnan(history[:, found.kept]).sum(axis=1)
        allowed = found.kept.size - 1 if self.short_history == "em" else 0
        n_periods = len(history) - int((n_missing <= allowed).argmax())
        draws = shared_draws(settings.seed or "", settings.simulations, history.shape[1], n_periods, self.components)
        adjusted = adjust_eigenfactors(found.cov, draws, settings.scale)
        unscaled = f"; {adjusted.n_unscaled} not scaled" if adjusted.n_unscaled else ""
        beyond = f"; {adjusted.n_beyond_rank} beyond the rank not adjusted" if adjusted.n_beyond_rank else ""
        detail = f"{settings.simulations} simulations, before scale {settings.scale:g}{unscaled}{beyond}"
        return found.then(
            adjusted.cov,
            Diagnostic("eigenfactor_v_min", float(adjusted.bias.min()), detail),
            Diagnostic("eigenfactor_v_max", float(adjusted.bias.max()), detail),
        )

    def forecast_var(self, returns: Floats, as_of: Ints) -> Floats:
        """(A, K) each factor's variance over its own values, without lags, as of each row named."""
        window, half_life, _ = self.components.volatility
        centre = self.components.centre
        found = weighted_var(returns, as_of, window, half_life, centre=centre, min_periods=self.fewest_periods)
        return found.var * (found.n_obs / np.maximum(found.n_obs - 1, 1)) if self.components.unbiased else found.var


@dataclass(frozen=True, kw_only=True)
class SampleFactorCov(QuadraticFactorCov):
    """Equal weights: 1/(T-1) sum_j (f_j - fbar)(f_j - fbar)' over the window's T complete dates.

    Litterman et al. 2003, ch. 20.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    estimator: Literal["sample"] = setting("sample", "name of the estimator; it must be given with the section, but over a preset")
    window: int = setting(252, "window with equal weights", unit="periods", source="choice")
    shrinkage: Literal["ledoit_wolf", "oas", "qis"] | None = setting(
        None,
        "`ledoit_wolf` or `oas`: towards the identity times the mean variance; `qis`: each eigenvalue by itself [QIS]; none: off",
    )

    def __post_init__(self) -> None:
        check_window("window", self.window)
        super().__post_init__()
        if self.shrinkage is not None:
            self._refuse_with_shrinkage(self.shrinkage)

    def _refuse_with_shrinkage(self, shrinkage: str) -> None:
        refused = {
            "lags": (self.lags > 0, "its intensity takes the periods as independent; leave `lags` at 0"),
            "short_history: em": (self.short_history == "em", "its intensity needs complete dates; use `leave_out`"),
            "eigenfactor": (self.eigenfactor is not None, _SAME_ERROR),
            "pca_blend": (self.pca_blend is not None, _SAME_ERROR),
        }
        for option, (given, reason) in refused.items():
            if given:
                raise ValueError(f"shrinkage: {shrinkage} does not go with {option}: {reason}")

    @property
    def components(self) -> Components:
        """One component with equal weights."""
        equal = Component(self.window, EQUAL, self.lags)
        return Components(equal, equal, centre=True, unbiased=True)

    def over_windows(self, history: Floats) -> FactorCov:
        """Shrunk where that is asked for."""
        found = super().over_windows(history)
        if self.shrinkage is None or not found.kept.size:
            return found
        complete = history[:, found.kept]
        complete = complete[~np.isnan(complete).any(axis=1)]
        cov, intensity = _SHRINK[self.shrinkage](complete - complete.mean(axis=0))
        unbiased = len(complete) / (len(complete) - 1)
        detail = f"{self.shrinkage}: the share {_SHARE.get(self.shrinkage, 'of the scaled identity')}"
        return found.then(cov * unbiased, Diagnostic("shrinkage_intensity", intensity, detail))


@dataclass(frozen=True, kw_only=True)
class EwmaFactorCov(QuadraticFactorCov):
    """Exponential weights: sum_j a_j (f_j - fbar)(f_j - fbar)', a_j proportional to 2^(-age/half_life), sum 1.

    With a half-life, window or lags of its own for the correlations, Sigma = D_vol Corr D_vol (Menchero, Orr, Wang 2011).
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    estimator: Literal["ewma"] = setting("ewma", "name of the estimator; it must be given with the section, but over a preset")
    half_life: float = field(
        metadata=described(
            "half-life of the weights, of the volatilities; 84 where the whole section is left out", unit="periods", source="[M]"
        )
    )
    window: int | None = setting(None, "window, of the volatilities; none: 3 half-lives", unit="periods", source="choice")
    corr_half_life: float | None = setting(None, "half-life of the correlations; none: `half_life`", unit="periods")
    corr_window: int | None = setting(
        None,
        "window of the correlations; none: 3 `corr_half_life`, or `window` where that is none too",
        unit="periods",
        source="choice",
    )
    corr_lags: int | None = setting(None, "lags of the correlations; none: `lags`", unit="periods")
    centre: bool = setting(True, "about the weighted mean; `false`: about 0", source="choice")

    def __post_init__(self) -> None:
        check_half_life("half_life", self.half_life)
        check_window("window", self.volatility.window, self.half_life)
        if self.corr_half_life is not None:
            check_half_life("corr_half_life", self.corr_half_life)
        check_window("corr_window", self.correlation.window, self.correlation.half_life)
        super().__post_init__()
        check_lags("lags" if self.corr_lags is None else "corr_lags", self.components.correlation.lags, self.correlation.window)

    @property
    def volatility(self) -> Weighting:
        """Window and half-life of D_vol, defaults filled in."""
        return Weighting(window_of(self.half_life) if self.window is None else self.window, self.half_life)

    @property
    def correlation(self) -> Weighting:
        """Window and half-life of Corr, defaults filled in."""
        if self.corr_half_life is None:
            half_life, default_window = self.half_life, self.volatility.window
        else:
            half_life, default_window = self.corr_half_life, window_of(self.corr_half_life)
        return Weighting(default_window if self.corr_window is None else self.corr_window, half_life)

    @property
    def filled_in(self) -> FilledIn:
        """Of the settings that may be left out, the values that count."""
        window, half_life, lags = self.components.correlation
        correlation: FilledIn = {("corr_window",): window, ("corr_half_life",): half_life, ("corr_lags",): lags}
        return {("window",): self.volatility.window, **correlation, **super().filled_in}

    @property
    def components(self) -> Components:
        """Both components, defaults filled in."""
        corr_lags = self.lags if self.corr_lags is None else self.corr_lags
        return Components(
            Component(*self.volatility, self.lags), Component(*self.correlation, corr_lags), centre=self.centre, unbiased=False
        )


FACTOR_COV = Group("sigmalake.factor_cov", (SampleFactorCov, EwmaFactorCov), KernelFactorCov)
