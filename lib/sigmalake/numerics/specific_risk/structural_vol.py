"""Specific volatilities from exposures, for assets whose own history is short or wild."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from sigmalake.numerics.factors import Factor, FactorLayout, Kind, PackedExposures, factor_layout
from sigmalake.numerics.linear.constrained_gram import DoubtfulError, reduce_gram, reflections, solve_reduced
from sigmalake.numerics.linear.constraints import constraint_rows
from sigmalake.numerics.linear.least_squares import solve_constrained
from sigmalake.numerics.linear.memberships import sorted_memberships
from sigmalake.numerics.linear.sparse_design import explained, sparse_design, weighted_sums
from sigmalake.numerics.settings import setting
from sigmalake.numerics.types import Bools, Floats
from sigmalake.numerics.windows.ewma import check_window

_LEAST_VOL = 1e-3  # of the median: what is below is no volatility, e.g. of an asset that its group's factor follows
_BEYOND = 10.0  # times the largest fitted volatility, or its part of the smallest, is as far as a structural one goes


@dataclass(frozen=True, kw_only=True)
class StructuralModel:
    """sigma = gamma sigma_TS + (1 - gamma) sigma_STR (Briner, Smith, Ward 2009); the counts are for daily returns."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    fewest_obs: int = setting(60, "observations up to which gamma is 0; 60 days", unit="observations", source="[B]")
    ramp_obs: int = setting(
        120,
        "observations beyond `fewest_obs` from which on the length no longer limits gamma; 120 days",
        unit="observations",
        source="[B]",
    )
    window: int | None = setting(
        None,
        "window in which observations are counted, at least `fewest_obs` + `ramp_obs`; none: the variances' window",
        unit="periods",
    )

    def __post_init__(self) -> None:
        if self.fewest_obs < 0:
            raise ValueError(f"fewest_obs is {self.fewest_obs}; it must be 0 or more observations, e.g. 60")
        if self.ramp_obs < 1:
            raise ValueError(f"ramp_obs is {self.ramp_obs}; it must be 1 or more observations, e.g. 120")

    def periods(self, window: int) -> int:
        """The window, where none is given that of the variances."""
        return window if self.window is None else self.window

    def check_window(self, window: int) -> None:
        """Refuse a window in which no asset can have gamma = 1: nothing could be fitted."""
        periods, needed = self.periods(window), self.fewest_obs + self.ramp_obs
        check_window("structural.window", periods)
        if periods < needed:
            raise ValueError(
                f"structural: its window is {periods} periods, and gamma = 1 takes fewest_obs + ramp_obs = {needed} observations; "
                f"give structural.window (252 is usual for days), or fewer observations"
            )


class StructuralVol(NamedTuple):
    """What the regression of ln sigma on X says of every asset."""

    vol: Floats  # (N,) sigma_STR, fraction per period; NaN throughout where there is no fit
    smearing: float  # E0; NaN without a fit
    n_fitted: int  # assets with gamma = 1
    n_held: int  # assets held at a bound
    n_needed: int
    rank: int  # 0 without a fit
    unexplained: tuple[str, ...]  # factors without an estimate: no fitted asset is exposed, or no rank is added

    @property
    def has_fit(self) -> bool:
        """Whether there were enough assets."""
        return self.rank > 0


def structural_vol(
    ts_vol: Floats, gamma: Floats, exposures: Floats | PackedExposures, caps: Floats, factors: Sequence[Factor]
) -> StructuralVol:
    """sigma_STR = E0 exp(X b), b from ln sigma_TS = X b over the assets with gamma = 1 (Briner, Smith, Ward 2009).

    Weighted by sqrt(cap), under the model's constraints with the fitted assets' cap shares. E0 is the mean of
    exp(residual) (Duan 1983, **choice**). A model without a constant in the span of X gets one. A membership without an
    estimate counts as its group's mean, any other factor as 0 (**choice**), so that every asset has an answer. Fewer
    assets than twice the factors: none has. A volatility below a thousandth of the median is not fitted, and no answer is
    further than ten times beyond the fitted volatilities (**choice**): one absurd exposure would otherwise be e to its power.

    Args:
        ts_vol: (N,) fraction per period, NaN where there is none.
        gamma: (N,) 0 to 1; below 1 an asset is not fitted.
        exposures: (N, K) X known at the as-of date, packed or as a matrix.
        caps: (N,) > 0; all 1 in a model without caps.
        factors: the K columns.
    """
    exposures, factors = _with_constant(exposures, factors)
    seasoned = (gamma >= 1.0) & (ts_vol > 0)
    fitted = seasoned & (ts_vol > _LEAST_VOL * np.median(ts_vol[seasoned] if seasoned.any() else 0.0))
    n_fitted, n_needed = int(fitted.sum()), 2 * len(factors)
    if n_fitted < max(1, n_needed):
        return StructuralVol(np.full(len(ts_vol), np.nan), np.nan, n_fitted, 0, n_needed, 0, ())
    found = _explain(np.log(ts_vol[fitted]), fitted, exposures, caps, factors)
    smearing = float(np.exp(found.target - found.level[fitted]).mean())
    unexplained = tuple(factor.name for factor, out in zip(factors, found.missing, strict=True) if out)
    level, beyond, target, rank = np.log(smearing) + found.level, np.log(_BEYOND), found.target, found.rank
    held = np.clip(level, target.min() - beyond, target.max() + beyond)
    return StructuralVol(np.exp(held), smearing, n_fitted, int((held != level).sum()), n_needed, rank, unexplained)


def _with_constant(
    exposures: Floats | PackedExposures, factors: Sequence[Factor]
) -> tuple[Floats | PackedExposures, Sequence[Factor]]:
    if any(factor.kind in (Kind.MARKET, Kind.MEMBERSHIP) for factor in factors):
        return exposures, factors
    factors = [Factor("constant", "market", Kind.MARKET), *factors]
    if isinstance(exposures, PackedExposures):
        return exposures._replace(member_factors=exposures.member_factors + 1), factors
    return np.column_stack([np.ones(len(exposures)), exposures]), factors


class _Explained(NamedTuple):
    """ln sigma by X, before the smearing."""

    target: Floats  # of the fitted assets
    level: Floats  # (N,) X b
    rank: int
    missing: Bools  # (K,) factors without an estimate of their own


def _explain(
    target: Floats, fitted: Bools, exposures: Floats | PackedExposures, caps: Floats, factors: Sequence[Factor]
) -> _Explained:
    """The regression of ln sigma: by sums over memberships where X is packed and they carry it, else by a dense X."""
    caps = np.where(fitted, caps, 0.0) / caps[fitted].max()
    if isinstance(exposures, PackedExposures):
        try:
            return _explain_sparse(target, fitted, exposures, caps, factor_layout(tuple(factors)))
        except DoubtfulError:
            exposures = exposures.dense(factors)
    X, caps = exposures[fitted], caps[fitted]
    active: Bools = (X != 0).any(axis=0)
    constraints = constraint_rows(X, caps, np.ones(len(X), dtype=np.bool_), factors, active)[:, active]
    root_weights = caps**0.25  # the root of sqrt(cap)
    fit = solve_constrained(root_weights[:, None] * X[:, active], root_weights * target, constraints)
    coefficients = np.full(len(factors), np.nan)
    coefficients[active] = fit.coefficients
    missing: Bools = np.isnan(coefficients)
    _fill_in_place(coefficients, missing, caps @ X, factor_layout(tuple(factors)))
    return _Explained(target, exposures @ coefficients, fit.rank, missing)


def _explain_sparse(target: Floats, fitted: Bools, exposures: PackedExposures, caps: Floats, layout: FactorLayout) -> _Explained:
    memberships = sorted_memberships(exposures, layout)
    if memberships is None or len(layout.markets) > 1:
        raise DoubtfulError
    everyone = np.zeros(len(fitted))
    everyone[fitted] = target
    design = sparse_design(exposures, memberships, everyone, layout)
    sums = weighted_sums(design, np.sqrt(caps))
    active = sums.gram.diagonal() > 0.0
    shares = memberships.by_factor(memberships.of_assets(caps), layout.n_factors)
    groups = [columns for columns in layout.complete if active[columns].any()]
    constraints = reflections(np.where(active, shares, 0.0), groups if layout.markets.size else groups[1:])
    system = reduce_gram(sums.gram, constraints, active, disjoint=memberships.whole)
    coefficients = solve_reduced(system, sums.returns)
    _fill_in_place(coefficients, ~active, shares, layout)
    return _Explained(target, explained(design, coefficients), system.rank, ~active)


def _fill_in_place(coefficients: Floats, missing: Bools, shares: Floats, layout: FactorLayout) -> None:
    """A membership without an estimate counts as its group's mean, any other factor as 0."""
    coefficients[missing] = 0.0
    for columns in layout.complete:
        known = columns[~missing[columns]]
        if known.size < columns.size and known.size:
            coefficients[columns[missing[columns]]] = np.average(coefficients[known], weights=shares[known])
