"""The cross-sectional regression of one date."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import isfinite
from typing import ClassVar, NamedTuple

import numpy as np

from sigmalake.numerics.arrays import Bools, Floats, Ints
from sigmalake.numerics.constraints import constraint_rows
from sigmalake.numerics.contract import check_cross_section
from sigmalake.numerics.estimation_sample import EstimationSample, estimation_sample
from sigmalake.numerics.exposures import Factor
from sigmalake.numerics.fit_statistics import fit_statistics
from sigmalake.numerics.least_squares import ConstrainedFit, solve_constrained
from sigmalake.numerics.thin_memberships import drop_thin_memberships, nothing_dropped


class Weighting(StrEnum):
    """What the regression weights are."""

    SQRT_CAP = "sqrt_cap"  # specific variance proportional to 1 / sqrt(cap)
    CAP = "cap"
    EQUAL = "equal"
    COLUMN = "column"


class Thin(StrEnum):
    """What happens to a membership factor with too few effective members."""

    KEEP = "keep"
    DROP = "drop"


class FactorStatus(StrEnum):
    """What became of one factor on the date."""

    OK = "ok"
    EMPTY = "empty"  # no member, or zero throughout: null
    THIN = "thin"  # too few effective members: with a value where kept, null where dropped
    COLLINEAR = "collinear"  # adds no rank to the factors before it: null, 0 in X f
    CONSTANT = "constant"  # a style without variation: null, 0 in X f
    NO_FIT = "no_fit"  # the date has no fit; its own status says why


class Status(StrEnum):
    """What became of the date."""

    OK = "ok"
    TOO_FEW = "too_few"  # fewer assets than min_assets, or no degree of freedom
    NO_FACTORS = "no_factors"  # every factor is empty, dropped or constant
    OUT_OF_RANGE = "out_of_range"  # numbers whose squares are beyond floating point


@dataclass(frozen=True)
class RegressionRules:
    """What the configuration's `regression:` says."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    weights: Weighting = Weighting.SQRT_CAP
    thin: Thin = Thin.KEEP
    min_members: float = 5.0  # effective members of a membership factor
    min_assets: int | None = None  # assets in the fit; None: twice the number of factors

    def __post_init__(self) -> None:
        if not (isfinite(self.min_members) and self.min_members >= 0):
            raise ValueError(f"min_members is {self.min_members}; it must be a finite number >= 0, e.g. 5")
        if self.min_assets is not None and self.min_assets < 0:
            raise ValueError(f"min_assets is {self.min_assets}; it must be a number of assets, e.g. 30")


class CrossSection(NamedTuple):
    """What one date's regression says. Returns are in the unit of `returns`; NaN is null."""

    factor_returns: Floats  # (K,)
    std_errors: Floats  # (K,)
    n_members: Ints  # (K,) fitted assets with a non-zero exposure; for a dropped factor, before it was dropped
    factor_status: tuple[str, ...]  # (K,) FactorStatus
    specific_returns: Floats  # (N,) NaN without a return, or exposed to an empty or dropped factor
    fitted_returns: Floats  # (N,) X f; NaN if exposed to an empty or dropped factor
    weights: Floats  # (N,) mean 1 over the fit, 0 elsewhere
    n_fitted: int
    rank: int  # p
    dof: int  # n_fitted - p
    r2: float  # about the weighted mean; NaN where the returns are all alike
    adj_r2: float
    r2_uncentred: float
    residual_var: float  # s2, for an asset of weight 1
    condition_number: float  # of diag(sqrt w) X R with columns of length 1
    status: str  # Status
    detail: str  # '' where there is nothing to say


def regression_weights(weighting: Weighting, caps: Floats, weight_column: Floats | None, in_estimation: Bools) -> Floats:
    """The unnormalised regression weights, 0 outside the estimation universe.

    Args:
        weighting: which.
        caps: (N,) market capitalisations at t-1, > 0.
        weight_column: (N,) the user's weights; read for Weighting.COLUMN only.
        in_estimation: (N,) the estimation universe at t-1.

    Raises:
        ValueError: Weighting.COLUMN without a column.
    """
    match weighting:
        case Weighting.SQRT_CAP:
            weights = np.sqrt(caps)
        case Weighting.CAP:
            weights = caps
        case Weighting.EQUAL:
            weights = np.ones_like(caps)
        case Weighting.COLUMN:
            if weight_column is None:
                raise ValueError("weights: column needs a column of weights; this cross-section has none")
            weights = weight_column
    return np.where(in_estimation, weights, 0.0)


def fit_cross_section(
    returns: Floats,
    exposures: Floats,
    caps: Floats,
    weights: Floats,
    in_estimation: Bools,
    factors: Sequence[Factor],
    rules: RegressionRules,
) -> CrossSection:
    """Factor and specific returns of one date.

    Minimises sum_n w_n (r_n - x_n f)^2 over f with C f = 0 (Heston and Rouwenhorst 1994; Menchero, Orr, Wang 2011), C
    the cap shares of the complete membership groups. s2 = sum w u^2 / (N - p), cov(f) = s2 R (R'X'WXR)^-1 R'.
    Weight 0 or a missing return leaves an asset out of the fit, not out of the answer. Empty, dropped and constant
    factors leave before the fit, then those that add no rank. A date that cannot be fitted is a status with numbers.

    Args:
        returns: (N,) excess returns of the period, fractions; NaN is missing.
        exposures: (N, K) styles in standard deviations, memberships as shares; known at t-1, like all that follows.
        caps: (N,) > 0, any one currency; all 1 in a model without caps.
        weights: (N,) >= 0 as from `regression_weights`, 0 outside the estimation universe.
        in_estimation: (N,) the universe of the constraints' shares, also names without a return.
        factors: the K columns.
        rules: thresholds and what to do about thin factors.

    Raises:
        ValueError: arrays of other shapes, numbers that are not finite, caps <= 0, weights < 0 or outside the
            estimation universe, shares outside [0, 1] or not summing to 1 in a complete group.
    """
    check_cross_section(returns, exposures, caps, weights, in_estimation, factors)
    caps, weights = _below_one(caps), _below_one(weights)
    sample = _sample(returns, exposures, weights, factors, rules)
    n_fitted, needed = int(sample.fitted.sum()), _assets_needed(rules, len(factors))
    if n_fitted < needed:
        detail = f"{n_fitted} estimation assets with a return and a weight above 0; at least {needed} are needed"
        return _no_fit(sample, Status.TOO_FEW, detail)
    active = ~(sample.dropped | sample.empty | sample.constant)
    if not active.any():
        failed = _no_fit(sample, Status.NO_FACTORS, f"all {len(factors)} factors are empty, dropped or constant")
        return failed._replace(factor_status=_factor_statuses(sample, ~active))
    root = np.sqrt(sample.weights[sample.fitted])
    design, target = sample.exposures[sample.fitted][:, active] * root[:, None], returns[sample.fitted] * root
    if not _squares_are_numbers(design, target):
        return _no_fit(sample, Status.OUT_OF_RANGE, _range_detail(sample, returns))
    constraints = constraint_rows(sample.exposures, caps, in_estimation, factors, active)
    fit = solve_constrained(design, target, constraints[:, active])
    if n_fitted - fit.rank < 1:
        detail = f"{n_fitted} assets in the fit and rank {fit.rank} leave no degree of freedom"
        return _no_fit(sample, Status.TOO_FEW, detail)._replace(rank=fit.rank)
    return _answer(returns, exposures, sample, active, fit, factors)


def _below_one(sizes: Floats) -> Floats:
    """The same relative sizes, to the last bit, whose sums and squares are numbers: divided by a power of 2."""
    scaled: Floats = np.ldexp(sizes, -np.frexp(sizes.max(initial=0.0))[1])
    return scaled


def _sample(
    returns: Floats, exposures: Floats, weights: Floats, factors: Sequence[Factor], rules: RegressionRules
) -> EstimationSample:
    usable = np.where(np.isfinite(returns), weights, 0.0)
    if rules.thin == Thin.KEEP:
        return estimation_sample(nothing_dropped(exposures, usable), factors, rules.min_members)
    kept = drop_thin_memberships(exposures, usable, factors, rules.min_members)
    sample = estimation_sample(kept, factors, rules.min_members)
    if not kept.dropped.any():
        return sample
    before = np.count_nonzero(exposures[usable > 0.0], axis=0)
    return sample._replace(n_members=np.where(sample.dropped, before, sample.n_members))


def _assets_needed(rules: RegressionRules, n_factors: int) -> int:
    return max(1, 2 * n_factors if rules.min_assets is None else rules.min_assets)


def _squares_are_numbers(design: Floats, target: Floats) -> bool:
    with np.errstate(over="ignore"):
        squares = np.append(np.einsum("nk,nk->k", design, design), target @ target)
    return bool(np.isfinite(squares).all() and (squares[:-1] > 0.0).all())


def _range_detail(sample: EstimationSample, returns: Floats) -> str:
    sizes = np.abs(sample.exposures[sample.fitted])
    largest_return = np.abs(returns[sample.fitted]).max()
    return (
        f"squares beyond floating point: the largest |return| is {largest_return:.3g}, "
        f"the largest |exposure| {sizes.max():.3g}, the smallest but 0 {sizes[sizes > 0.0].min():.3g}"
    )


def _answer(
    returns: Floats,
    exposures: Floats,
    sample: EstimationSample,
    active: Bools,
    fit: ConstrainedFit,
    factors: Sequence[Factor],
) -> CrossSection:
    factor_returns, std_errors = np.full((2, len(factors)), np.nan)
    factor_returns[active] = fit.coefficients
    explained = sample.exposures @ np.nan_to_num(factor_returns)
    lost = sample.stranded | (sample.exposures[:, sample.empty] != 0.0).any(axis=1)
    fitted_returns = np.where(lost, np.nan, explained)
    specific_returns = returns - fitted_returns
    on_fit = (returns[sample.fitted], specific_returns[sample.fitted], sample.weights[sample.fitted])
    statistics = fit_statistics(*on_fit, fit.rank)
    std_errors[active] = np.sqrt(statistics.residual_var * np.einsum("kp,kp->k", fit.root_cov, fit.root_cov))
    std_errors[np.isnan(factor_returns)] = np.nan
    return CrossSection(
        factor_returns=factor_returns,
        std_errors=std_errors,
        n_members=sample.n_members,
        factor_status=_factor_statuses(sample, np.isnan(factor_returns)),
        specific_returns=specific_returns,
        fitted_returns=fitted_returns,
        weights=sample.weights,
        n_fitted=len(on_fit[0]),
        rank=fit.rank,
        dof=len(on_fit[0]) - fit.rank,
        **statistics._asdict(),
        condition_number=fit.condition_number,
        status=Status.OK.value,
        detail=_lost_detail(lost & np.isfinite(returns), exposures, sample, factors),
    )


def _factor_statuses(sample: EstimationSample, missing: Bools) -> tuple[str, ...]:
    cases = [
        (sample.dropped, FactorStatus.THIN),
        (sample.empty, FactorStatus.EMPTY),
        (sample.constant, FactorStatus.CONSTANT),
        (missing, FactorStatus.COLLINEAR),
        (sample.thin, FactorStatus.THIN),
    ]
    return tuple(
        next((status.value for where, status in cases if where[factor]), FactorStatus.OK.value) for factor in range(len(missing))
    )


def _lost_detail(lost: Bools, exposures: Floats, sample: EstimationSample, factors: Sequence[Factor]) -> str:
    """How many assets with a return have no specific return, by the factors they miss."""
    causes = []
    for position in np.flatnonzero(sample.empty | sample.dropped).tolist():
        exposed = int((lost & (exposures[:, position] != 0.0)).sum())
        if exposed:
            reason = "empty" if sample.empty[position] else "thin, dropped"
            causes.append(f"{exposed} exposed to {factors[position].name} ({reason})")
    return f"assets with a return but no specific return: {lost.sum()}, {', '.join(causes)}" if causes else ""


def _no_fit(sample: EstimationSample, status: Status, detail: str) -> CrossSection:
    n_assets, n_factors = sample.exposures.shape
    return CrossSection(
        factor_returns=np.full(n_factors, np.nan),
        std_errors=np.full(n_factors, np.nan),
        n_members=sample.n_members,
        factor_status=(FactorStatus.NO_FIT.value,) * n_factors,
        specific_returns=np.full(n_assets, np.nan),
        fitted_returns=np.full(n_assets, np.nan),
        weights=np.zeros(n_assets),
        n_fitted=int(sample.fitted.sum()),
        rank=0,
        dof=0,
        r2=np.nan,
        adj_r2=np.nan,
        r2_uncentred=np.nan,
        residual_var=np.nan,
        condition_number=np.nan,
        status=status.value,
        detail=detail,
    )
