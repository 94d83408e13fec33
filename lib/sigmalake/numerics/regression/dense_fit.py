"""The regression of one date with a dense X: what decides on columns that are nearly dependent, and the oracle of the tests."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from sigmalake.numerics.factors import Factor
from sigmalake.numerics.linear.constraints import below_one, constraint_rows
from sigmalake.numerics.linear.least_squares import ConstrainedFit, solve_constrained
from sigmalake.numerics.regression.answer import CrossSection, FactorStatus, Status
from sigmalake.numerics.regression.details import factor_statuses, huber_detail, joined, lost_detail
from sigmalake.numerics.regression.fit_statistics import fit_statistics, variance_inflation
from sigmalake.numerics.regression.robust.huber import HuberFit
from sigmalake.numerics.regression.robust.robust_estimate import Estimate, robust_estimate
from sigmalake.numerics.regression.rules import RegressionRules
from sigmalake.numerics.regression.sample import EstimationSample, ruled_sample
from sigmalake.numerics.types import Bools, Floats

ROUNDING = 1e-13  # of |r| + sum |x f|
NEAR = 1e-6  # of the largest |r|; a specific return beyond it is not looked at for rounding


class _Fit(NamedTuple):
    """The fit of the columns that are estimated."""

    active: Bools  # (K,)
    plain: ConstrainedFit  # by least squares, without ridge and pseudo-observations
    estimate: Estimate
    vif: Floats  # (K,)


def fit_dense(
    returns: Floats,
    exposures: Floats,
    caps: Floats,
    weights: Floats,
    in_estimation: Bools,
    factors: Sequence[Factor],
    rules: RegressionRules,
) -> CrossSection:
    """What `fit_cross_section` says, by a dense X and outliers apart: their weights are 0 already.

    Args:
        returns: (N,) NaN is missing.
        exposures: (N, K) X.
        caps: (N,) > 0.
        weights: (N,) >= 0.
        in_estimation: (N,) the universe of the constraints' shares.
        factors: the K columns.
        rules: of the regression.
    """
    caps, weights = below_one(caps), below_one(weights)
    sample = ruled_sample(returns, exposures, weights, factors, rules)
    n_fitted, needed = int(sample.fitted.sum()), assets_needed(rules, len(factors))
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
        failed = _no_fit(sample, Status.NOT_CONVERGED, huber_detail(estimate.huber))
        return failed._replace(rank=plain.rank, n_iterations=estimate.huber.n_iterations)
    vif = np.full(len(factors), np.nan)
    vif[active] = variance_inflation(design, root, plain.root_cov, used)
    return _answer(returns, exposures, sample, _Fit(active, plain, estimate, vif), factors)


def assets_needed(rules: RegressionRules, n_factors: int) -> int:
    """The fewest assets of a fit."""
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
    lost &= np.isfinite(returns)
    exposed = np.count_nonzero(exposures[lost], axis=0)
    detail = lost_detail(int(lost.sum()), exposed, sample.empty, sample.dropped, factors)
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
        detail=joined(detail, "" if huber is None or huber.scale > 0.0 else huber_detail(huber)),
    )


def _without_rounding(returns: Floats, exposures: Floats, factor_returns: Floats, fitted_returns: Floats) -> Floats:
    """u = r - X f, exactly 0 where it is rounding: the only member of a group is fitted exactly, and has no risk of its own."""
    specific_returns = returns - fitted_returns
    near = np.flatnonzero(np.abs(specific_returns) <= NEAR * np.nanmax(np.abs(returns), initial=0.0))
    size = np.abs(returns[near]) + np.abs(exposures[near]) @ np.abs(factor_returns)
    specific_returns[near[np.abs(specific_returns[near]) <= ROUNDING * size]] = 0.0
    return specific_returns


def _reweighted(sample: EstimationSample, huber: HuberFit | None) -> Floats:
    if huber is None:
        return sample.weights
    weights = sample.weights.copy()
    weights[sample.fitted] *= huber.reweights
    weights[sample.fitted] /= weights[sample.fitted].mean()
    return weights


def _factor_statuses(sample: EstimationSample, missing: Bools) -> tuple[str, ...]:
    marked = {"dropped": sample.dropped, "empty": sample.empty, "constant": sample.constant, "thin": sample.thin}
    return factor_statuses(len(missing), missing=missing, **marked)


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
