"""The cross-sectional regression of one date."""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

import numpy as np

from sigmalake.numerics.factors import Factor
from sigmalake.numerics.linear.constraints import constraint_rows
from sigmalake.numerics.linear.least_squares import ConstrainedFit, solve_constrained
from sigmalake.numerics.regression.fit_statistics import fit_statistics, variance_inflation
from sigmalake.numerics.regression.huber import HuberFit
from sigmalake.numerics.regression.input_checks import check_cross_section
from sigmalake.numerics.regression.outliers import find_outliers
from sigmalake.numerics.regression.robust_estimate import Estimate, robust_estimate
from sigmalake.numerics.regression.rules import RegressionRules
from sigmalake.numerics.regression.sample import EstimationSample, ruled_sample
from sigmalake.numerics.types import Bools, Floats, Ints

_ROUNDING = 1e-13  # of |r| + sum |x f|


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
    NOT_CONVERGED = "not_converged"  # Huber's reweighting still changes the residuals


class CrossSection(NamedTuple):
    """What one date's regression says. Returns are in the unit of `returns`; NaN is null."""

    factor_returns: Floats  # (K,)
    std_errors: Floats  # (K,)
    n_members: Ints  # (K,) fitted assets with a non-zero exposure; for a dropped factor, before it was dropped
    factor_status: tuple[str, ...]  # (K,) FactorStatus
    specific_returns: Floats  # (N,) NaN without a return, or exposed to an empty or dropped factor
    fitted_returns: Floats  # (N,) X f; NaN if exposed to an empty or dropped factor
    weights: Floats  # (N,) mean 1 over the fit, 0 elsewhere; Huber's factor included
    n_fitted: int
    rank: int  # p
    dof: int  # n_fitted - p
    r2: float  # about the weighted mean; NaN where the returns are all alike
    adj_r2: float
    r2_uncentred: float
    residual_var: float  # s2, for an asset of weight 1
    condition_number: float  # of diag(sqrt w) X R with columns of length 1, with the weights before Huber
    status: str  # Status
    detail: str  # '' where there is nothing to say
    vif: Floats  # (K,) variance inflation of styles, with the weights before Huber; NaN for other factors
    is_outlier: Bools  # (N,) left out of the fit, not of the answer
    n_outliers: int
    n_reweighted: int  # fitted assets that Huber weighs down
    n_iterations: int  # of Huber's reweighting; 0 where it is off


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

    The rules may leave outliers out (`find_outliers`), draw styles to 0 (`ridge_rows`) and thin factors to their group
    (`thin_factor_rows`), or reweight by Huber (`fit_huber`). Then w in sum w u^2, s2, r2 and `weights` includes Huber's
    factor, so that f is the plain fit with `weights` where nothing is drawn, and r2 does not compare with that of
    least squares; standard errors are those of Huber's estimator. `vif`, `condition_number` and p are those of X with
    the weights before Huber, without ridge and pseudo-observations, which are no assets and count nowhere. A drawn factor
    is biased: X'W u leaves the span of C' by what the drawing costs, and with pseudo-observations sum w u is not 0.

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
    data = (returns, exposures, caps, in_estimation, factors, rules)
    if rules.outliers_beyond is None:
        return _fit_sample(*data, ruled_sample(returns, exposures, weights, factors, rules))
    outliers = find_outliers(returns, weights, rules.outliers_beyond)
    inliers = np.where(outliers.is_outlier, 0.0, weights)
    section = _fit_sample(*data, ruled_sample(returns, exposures, inliers, factors, rules))
    nothing_told = "the robust sd of the returns is 0: no outlier is looked for" if outliers.robust_sd == 0.0 else ""
    return section._replace(
        is_outlier=outliers.is_outlier,
        n_outliers=int(outliers.is_outlier.sum()),
        detail=_joined(section.detail, nothing_told),
    )


class _Fit(NamedTuple):
    """The fit of the columns that are estimated."""

    active: Bools  # (K,)
    plain: ConstrainedFit  # by least squares, without ridge and pseudo-observations
    estimate: Estimate
    vif: Floats  # (K,)


def _fit_sample(
    returns: Floats,
    exposures: Floats,
    caps: Floats,
    in_estimation: Bools,
    factors: Sequence[Factor],
    rules: RegressionRules,
    sample: EstimationSample,
) -> CrossSection:
    n_fitted, needed = int(sample.fitted.sum()), _assets_needed(rules, len(factors))
    if n_fitted < needed:
        detail = f"{n_fitted} estimation assets with a return and a weight above 0; at least {needed} are needed"
        return _no_fit(sample, Status.TOO_FEW, detail)
    active = ~(sample.dropped | sample.empty | sample.constant)
    if not active.any():
        failed = _no_fit(sample, Status.NO_FACTORS, f"all {len(factors)} factors are empty, dropped or constant")
        return failed._replace(factor_status=_factor_statuses(sample, ~active))
    w, members = sample.weights[sample.fitted], sample.exposures[sample.fitted][:, active]
    root = np.sqrt(w)
    with np.errstate(over="ignore"):
        design, target = members * root[:, None], returns[sample.fitted] * root
    if not _squares_are_numbers(design, target):
        return _no_fit(sample, Status.OUT_OF_RANGE, _range_detail(sample, returns))
    constraints = constraint_rows(sample.exposures, caps, in_estimation, factors, active)[:, active]
    plain = solve_constrained(design, target, constraints)
    if n_fitted - plain.rank < 1:
        detail = f"{n_fitted} assets in the fit and rank {plain.rank} leave no degree of freedom"
        return _no_fit(sample, Status.TOO_FEW, detail)._replace(rank=plain.rank)
    used = [factor for factor, stays in zip(factors, active, strict=True) if stays]
    estimate = robust_estimate(members, returns[sample.fitted], w, constraints, used, sample.thin[active], plain, rules)
    if estimate.huber is not None and not estimate.huber.converged:
        failed = _no_fit(sample, Status.NOT_CONVERGED, _huber_detail(estimate.huber))
        return failed._replace(rank=plain.rank, n_iterations=estimate.huber.n_iterations)
    vif = np.full(len(factors), np.nan)
    vif[active] = variance_inflation(design, root, plain.root_cov, used)
    return _answer(returns, exposures, sample, _Fit(active, plain, estimate, vif), factors)


def _below_one(sizes: Floats) -> Floats:
    """The same relative sizes, to the last bit, whose sums and squares are numbers: divided by a power of 2."""
    scaled: Floats = np.ldexp(sizes, -np.frexp(sizes.max(initial=0.0))[1])
    return scaled


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


def _answer(returns: Floats, exposures: Floats, sample: EstimationSample, fit: _Fit, factors: Sequence[Factor]) -> CrossSection:
    factor_returns, std_errors = np.full((2, len(factors)), np.nan)
    factor_returns[fit.active] = fit.estimate.coefficients
    explained = sample.exposures @ np.nan_to_num(factor_returns)
    lost = sample.stranded | (sample.exposures[:, sample.empty] != 0.0).any(axis=1)
    fitted_returns = np.where(lost, np.nan, explained)
    specific_returns = _without_rounding(returns, sample.exposures, np.nan_to_num(factor_returns), fitted_returns)
    huber, weights = fit.estimate.huber, _reweighted(sample, fit.estimate.huber)
    on_fit = (returns[sample.fitted], specific_returns[sample.fitted], weights[sample.fitted])
    statistics = fit_statistics(*on_fit, fit.plain.rank)
    noise_var = statistics.residual_var if huber is None or huber.scale == 0.0 else huber.residual_var
    std_errors[fit.active] = np.sqrt(noise_var * fit.estimate.unit_var)
    std_errors[np.isnan(factor_returns)] = np.nan
    lost_detail = _lost_detail(lost & np.isfinite(returns), exposures, sample, factors)
    return CrossSection(
        factor_returns=factor_returns,
        std_errors=std_errors,
        n_members=sample.n_members,
        factor_status=_factor_statuses(sample, np.isnan(factor_returns)),
        specific_returns=specific_returns,
        fitted_returns=fitted_returns,
        weights=weights,
        vif=fit.vif,
        is_outlier=np.zeros(len(returns), dtype=np.bool_),
        n_outliers=0,
        n_reweighted=0 if huber is None else int((huber.reweights < 1.0).sum()),
        n_iterations=0 if huber is None else huber.n_iterations,
        n_fitted=len(on_fit[0]),
        rank=fit.plain.rank,
        dof=len(on_fit[0]) - fit.plain.rank,
        **statistics._asdict(),
        condition_number=fit.plain.condition_number,
        status=Status.OK.value,
        detail=_joined(lost_detail, "" if huber is None or huber.scale > 0.0 else _huber_detail(huber)),
    )


def _without_rounding(returns: Floats, exposures: Floats, factor_returns: Floats, fitted_returns: Floats) -> Floats:
    """u = r - X f, exactly 0 where it is rounding: the only member of a group is fitted exactly, and has no risk of its own."""
    specific_returns = returns - fitted_returns
    near = np.flatnonzero(np.abs(specific_returns) <= 1e-6 * np.nanmax(np.abs(returns), initial=0.0))
    size = np.abs(returns[near]) + np.abs(exposures[near]) @ np.abs(factor_returns)
    specific_returns[near[np.abs(specific_returns[near]) <= _ROUNDING * size]] = 0.0
    return specific_returns


def _reweighted(sample: EstimationSample, huber: HuberFit | None) -> Floats:
    if huber is None:
        return sample.weights
    weights = sample.weights.copy()
    weights[sample.fitted] *= huber.reweights
    weights[sample.fitted] /= weights[sample.fitted].mean()
    return weights


def _huber_detail(huber: HuberFit) -> str:
    if huber.scale == 0.0:
        return f"Huber: the scale of the residuals is 0 after {huber.n_iterations} iterations; half of them or more are 0"
    return (
        f"Huber's reweighting has not converged: after {huber.n_iterations} iterations residuals change by "
        f"{huber.change:.2g} of their size; the scale is {huber.scale:.3g}"
    )


def _joined(*details: str) -> str:
    return "; ".join(detail for detail in details if detail)


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
        vif=np.full(n_factors, np.nan),
        is_outlier=np.zeros(n_assets, dtype=np.bool_),
        n_outliers=0,
        n_reweighted=0,
        n_iterations=0,
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
