"""The regression of one date by sums over memberships: X is never dense."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from sigmalake.numerics.factors import Factor, FactorLayout, PackedExposures, factor_layout
from sigmalake.numerics.linear.constrained_gram import (
    DoubtfulError,
    ReducedSystem,
    condition_number,
    reduce_gram,
    reflections,
    solve_reduced,
    unit_variances,
)
from sigmalake.numerics.linear.memberships import Memberships, category_sums, without_factors
from sigmalake.numerics.linear.sparse_design import SparseDesign, WeightedSums, explained, sparse_design, weighted_sums
from sigmalake.numerics.regression.answer import CrossSection, FactorStatus, Status
from sigmalake.numerics.regression.dense_fit import NEAR, ROUNDING, assets_needed
from sigmalake.numerics.regression.details import factor_statuses, huber_detail, joined, lost_detail
from sigmalake.numerics.regression.fit_statistics import fit_statistics
from sigmalake.numerics.regression.robust.huber import HuberFit
from sigmalake.numerics.regression.robust.sparse_robust import SparseEstimate, sparse_robust_estimate
from sigmalake.numerics.regression.rules import RegressionRules, Thin
from sigmalake.numerics.regression.thin_memberships import ROUNDING as MEMBERS_ROUNDING
from sigmalake.numerics.types import Bools, Floats, Ints

_VARIES = 1e-6  # share of a style's sum of squares that its variation has at least, for it to be no constant without a closer look


class SparseSample(NamedTuple):
    """Who is in the fit, and which factors the exposures alone rule out."""

    memberships: Memberships  # the shares of dropped factors moved
    weights: Floats  # (N,) mean 1 over the fit, 0 elsewhere
    fitted: Bools  # (N,)
    n_fitted: int
    stranded: Bools | None  # (N,) assets that only a dropped factor explains; None where no factor was dropped
    dropped: Bools  # (K,)
    n_dropped: Ints  # (K,) members of the dropped factors before


class SparseSolution(NamedTuple):
    """Factor returns by least squares, and what they rest on."""

    sample: SparseSample
    design: SparseDesign
    sums: WeightedSums
    system: ReducedSystem
    empty: Bools  # (K,)
    n_members: Ints  # (K,)
    thin: Bools  # (K,) kept
    factor_returns: Floats  # (K,) 0 where there is none


def solve_cross_section(
    returns: Floats,
    exposures: PackedExposures,
    memberships: Memberships,
    caps: Floats,
    weights: Floats,
    in_estimation: Bools,
    layout: FactorLayout,
    rules: RegressionRules,
) -> SparseSolution:
    """Factor returns of one date by least squares, without statistics: what `fit_cross_section` starts from.

    Args:
        returns: (N,) NaN is missing.
        exposures: X packed, checked.
        memberships: its triplets, sorted.
        caps: (N,) > 0.
        weights: (N,) >= 0.
        in_estimation: (N,) the universe of the constraints' shares.
        layout: of the K columns.
        rules: of the regression.

    Raises:
        DoubtfulError: a date that has no fit, a style that is constant or empty, sizes near the ends of floating point, or columns
            that are nearly dependent.
    """
    finite = np.isfinite(returns)
    sample = _sample(finite, memberships, weights, layout, rules)
    design = sparse_design(exposures, sample.memberships, np.where(finite, returns, 0.0), layout)
    sums = weighted_sums(design, sample.weights)
    if not np.isfinite(sums.squared_returns):
        raise DoubtfulError
    n_members = _members(sample, design)
    empty = (n_members == 0) & ~sample.dropped
    _refuse_constants(sums, empty, layout)
    active = ~(empty | sample.dropped)
    thin = np.zeros_like(empty)
    if rules.thin != Thin.DROP:
        thin = _thin(sample.memberships, sample.weights, layout, rules.min_members)
    shares = sample.memberships.by_factor(sample.memberships.of_assets(np.where(in_estimation, caps, 0.0)), layout.n_factors)
    groups = layout.complete if active.all() else [columns for columns in layout.complete if active[columns].any()]
    constrained = groups if layout.markets.size else groups[1:]
    system = reduce_gram(sums.gram, reflections(np.where(active, shares, 0.0), constrained), active)
    if not 0 < system.rank < sample.n_fitted:
        raise DoubtfulError
    return SparseSolution(sample, design, sums, system, empty, n_members, thin, solve_reduced(system, sums.returns))


def fit_sparse(
    returns: Floats,
    exposures: PackedExposures,
    memberships: Memberships,
    caps: Floats,
    weights: Floats,
    in_estimation: Bools,
    factors: Sequence[Factor],
    rules: RegressionRules,
) -> CrossSection:
    """What `fit_cross_section` says, outliers apart: their weights are 0 already. Arguments and errors of `solve_cross_section`."""
    layout = factor_layout(tuple(factors))
    data = (exposures, memberships, caps, weights, in_estimation, layout, rules)
    with np.errstate(over="ignore", invalid="ignore"):  # looked at where squares are summed
        solution = solve_cross_section(returns, *data)
        estimate = SparseEstimate(solution.factor_returns, unit_variances(solution.system), None)
        plain_var = estimate.unit_var
        if rules.ridge > 0.0 or rules.huber is not None or (rules.thin == Thin.SHRINK and solution.thin.any()):
            sample = solution.sample
            robust = (solution.thin, estimate, sample.weights, sample.fitted, solution.system, rules)
            estimate = sparse_robust_estimate(solution.design, solution.sums, *robust)
            if estimate.huber is not None and not estimate.huber.converged:
                raise DoubtfulError
        return _answer(returns, memberships, solution, estimate, plain_var, factors)


def _sample(finite: Bools, memberships: Memberships, weights: Floats, layout: FactorLayout, rules: RegressionRules) -> SparseSample:
    usable = np.where(finite, weights, 0.0)
    nothing = np.zeros(layout.n_factors, dtype=np.bool_)
    dropped, n_dropped, stranded = nothing, np.zeros(layout.n_factors, dtype=np.int64), None
    if rules.thin == Thin.DROP and (thin := _thin(memberships, usable, layout, rules.min_members)).any():
        n_before = _members_of(memberships, usable > 0.0, layout.n_factors)
        stranded = np.zeros(len(usable), dtype=np.bool_)
        while thin.any():
            memberships, without_share = without_factors(memberships, thin, layout)
            stranded |= without_share
            usable = np.where(stranded, 0.0, usable)
            dropped = dropped | thin
            thin = _thin(memberships, usable, layout, rules.min_members)
        n_dropped = np.where(dropped, n_before, 0)
    fitted = usable > 0.0
    n_fitted = int(np.count_nonzero(fitted))
    if n_fitted < assets_needed(rules, layout.n_factors):
        raise DoubtfulError
    relative = usable / usable.max()
    relative *= n_fitted / float(relative.sum())
    return SparseSample(memberships, relative, fitted, n_fitted, stranded, dropped, n_dropped)


def _thin(memberships: Memberships, weights: Floats, layout: FactorLayout, min_members: float) -> Bools:
    """(K,) membership factors with some, but fewer than `min_members` effective members: see `effective_members`."""
    weighted = memberships.of_assets(weights)
    squares = memberships.by_factor(weighted * weighted, layout.n_factors)
    sums = memberships.by_factor(weighted, layout.n_factors)
    thin: Bools = sums * sums < min_members * (1.0 - MEMBERS_ROUNDING) * squares
    return thin


def _members_of(memberships: Memberships, fitted: Bools, n_factors: int) -> Ints:
    member = (fitted if memberships.aligned else fitted.take(memberships.assets)) & (memberships.shares != 0.0)
    return category_sums(memberships.factors, member, n_factors).astype(np.int64)


def _members(sample: SparseSample, design: SparseDesign) -> Ints:
    """(K,) fitted assets with a non-zero exposure; of dropped factors, before they were dropped."""
    layout, styles = design.layout, design.rows[2:]
    members = _members_of(sample.memberships, sample.fitted, layout.n_factors) + sample.n_dropped
    members[layout.markets] = sample.n_fitted
    members[layout.styles] = sample.n_fitted
    if np.count_nonzero(styles) < styles.size:
        members[layout.styles] = np.count_nonzero(styles[:, sample.fitted], axis=1)
    return members


def _refuse_constants(sums: WeightedSums, empty: Bools, layout: FactorLayout) -> None:
    """Raise DoubtfulError unless every style clearly varies."""
    squares, own = sums.gram.diagonal()[layout.styles], sums.weights[layout.styles]
    if empty[layout.styles].any() or not (squares - own * own / sums.total > _VARIES * squares).all():
        raise DoubtfulError


def _answer(
    returns: Floats,
    given: Memberships,
    solution: SparseSolution,
    estimate: SparseEstimate,
    plain_var: Floats,
    factors: Sequence[Factor],
) -> CrossSection:
    sample, system, huber = solution.sample, solution.system, estimate.huber
    absent = solution.empty | sample.dropped
    fitted_returns = explained(solution.design, estimate.factor_returns)
    lost = _lost(solution) if absent.any() else None
    if lost is not None:
        fitted_returns[lost] = np.nan
    specific_returns = _without_rounding(returns, solution.design, estimate.factor_returns, fitted_returns)
    weights = sample.weights if huber is None else _reweighted(sample, huber)
    on_fit = (returns, specific_returns, weights)
    if sample.n_fitted < len(returns):
        at = np.flatnonzero(sample.fitted)
        on_fit = (returns.take(at), specific_returns.take(at), weights.take(at))
    statistics = fit_statistics(*on_fit, system.rank)
    noise_var = statistics.residual_var if huber is None or huber.scale == 0.0 else huber.residual_var
    factor_returns, std_errors = estimate.factor_returns, np.sqrt(noise_var * estimate.unit_var)
    if lost is not None:
        factor_returns = np.where(absent, np.nan, factor_returns)
        std_errors[absent] = np.nan
    return CrossSection(
        factor_returns=factor_returns,
        std_errors=std_errors,
        n_members=solution.n_members,
        factor_status=_statuses(solution, absent),
        specific_returns=specific_returns,
        fitted_returns=fitted_returns,
        weights=weights,
        n_fitted=sample.n_fitted,
        rank=system.rank,
        dof=sample.n_fitted - system.rank,
        r2=statistics.r2,
        adj_r2=statistics.adj_r2,
        r2_uncentred=statistics.r2_uncentred,
        residual_var=statistics.residual_var,
        condition_number=condition_number(system),
        status=Status.OK.value,
        detail=_detail(returns, given, lost, solution, huber, factors),
        vif=_variance_inflation(solution, plain_var, absent),
        is_outlier=np.zeros(len(returns), dtype=np.bool_),
        n_outliers=0,
        n_reweighted=0 if huber is None else int((huber.reweights < 1.0).sum()),
        n_iterations=0 if huber is None else huber.n_iterations,
    )


def _lost(solution: SparseSolution) -> Bools:
    """(N,) assets exposed to an empty factor, or stranded."""
    memberships, stranded = solution.sample.memberships, solution.sample.stranded
    exposed = solution.empty.take(memberships.factors) & (memberships.shares != 0.0)
    lost: Bools = category_sums(memberships.assets, exposed, memberships.n_assets) > 0.0
    return lost if stranded is None else lost | stranded


def _without_rounding(returns: Floats, design: SparseDesign, factor_returns: Floats, fitted_returns: Floats) -> Floats:
    """u = r - X f, exactly 0 where it is rounding: the only member of a group is fitted exactly, and has no risk of its own."""
    specific_returns = returns - fitted_returns
    near = np.abs(specific_returns) <= NEAR * float(np.fmax.reduce(np.abs(returns)))
    if near.any():
        positive = design._replace(styles=np.abs(design.styles))
        size = np.abs(returns) + explained(positive, np.abs(factor_returns))
        specific_returns[near & (np.abs(specific_returns) <= ROUNDING * size)] = 0.0
    return specific_returns


def _reweighted(sample: SparseSample, huber: HuberFit) -> Floats:
    weights = sample.weights.copy()
    weights[sample.fitted] *= huber.reweights
    weights[sample.fitted] /= weights[sample.fitted].mean()
    return weights


def _statuses(solution: SparseSolution, absent: Bools) -> tuple[str, ...]:
    if not (absent.any() or solution.thin.any()):
        return (FactorStatus.OK.value,) * len(absent)
    constant = np.zeros_like(absent)
    return factor_statuses(solution.sample.dropped, solution.empty, constant, solution.thin, constant)


def _detail(
    returns: Floats,
    given: Memberships,
    lost: Bools | None,
    solution: SparseSolution,
    huber: HuberFit | None,
    factors: Sequence[Factor],
) -> str:
    robust = huber_detail(huber) if huber is not None and huber.scale == 0.0 else ""
    if lost is None:
        return robust
    with_return = lost & np.isfinite(returns)
    exposed = _members_of(given, with_return, len(factors))
    return joined(lost_detail(int(with_return.sum()), exposed, solution.empty, solution.sample.dropped, factors), robust)


def _variance_inflation(solution: SparseSolution, unit_var: Floats, absent: Bools) -> Floats:
    """(K,) see `variance_inflation`."""
    layout, sums = solution.design.layout, solution.sums
    styles = layout.styles
    inflation = np.full(layout.n_factors, np.nan)
    squares = sums.gram.diagonal()[styles]
    if layout.markets.size or any(not absent[columns].all() for columns in layout.complete):
        squares = squares - sums.weights[styles] ** 2 / sums.total
    inflation[styles] = squares * unit_var[styles]
    return inflation
