"""The regression of one date by sums over memberships: X is never dense."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from sigmalake.numerics.factors import Factor, FactorLayout
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
from sigmalake.numerics.regression.dense_fit import LARGEST_SQUARES, LEAST_SQUARES, NEAR, ROUNDING, assets_needed, is_finite
from sigmalake.numerics.regression.details import factor_statuses, huber_detail, joined, lost_detail
from sigmalake.numerics.regression.fit_statistics import fit_statistics
from sigmalake.numerics.regression.input_checks import CheckedDate
from sigmalake.numerics.regression.robust.huber import HuberFit
from sigmalake.numerics.regression.robust.sparse_robust import SparseEstimate, sparse_robust_estimate
from sigmalake.numerics.regression.rules import RegressionRules, Thin
from sigmalake.numerics.regression.thin_memberships import ROUNDING as MEMBERS_ROUNDING
from sigmalake.numerics.types import Bools, Floats, Ints

_VARIES = 1e-6  # share of a style's sum of squares that its variation has at least, for it to be no constant without a closer look
_LEAST_WEIGHT = 1e-300  # of the largest: a smaller one may count as 0


class SparseSample(NamedTuple):
    """Who is in the fit, and which factors the exposures alone rule out."""

    memberships: Memberships  # the shares of dropped factors moved
    weights: Floats  # (N,) mean 1 over the fit, 0 elsewhere
    fitted: Bools  # (N,)
    n_fitted: int
    dropped: "DroppedFactors | None"


class DroppedFactors(NamedTuple):
    """Thin memberships taken out."""

    dropped: Bools  # (K,)
    n_members: Ints  # (K,) before
    stranded: Bools  # (N,) assets that only a dropped factor explains


class SparseSolution(NamedTuple):
    """Factor returns by least squares, and what they rest on."""

    date: CheckedDate
    sample: SparseSample
    design: SparseDesign
    sums: WeightedSums
    system: ReducedSystem
    n_members: Ints  # (K,)
    active: Bools  # (K,) neither empty nor dropped
    thin: Bools | None  # (K,) thin factors that are kept; None where there are none
    centred_squares: Floats  # (S,) sums of w (x - xbar)^2 of the styles
    factor_returns: Floats  # (K,) 0 where there is none

    @property
    def all_active(self) -> bool:
        """Whether every factor is estimated."""
        return int(np.count_nonzero(self.active)) == len(self.active)


def solve_cross_section(date: CheckedDate, weights: Floats, rules: RegressionRules) -> SparseSolution:
    """Factor returns of one date by least squares, without statistics: what `fit_cross_section` starts from.

    Args:
        date: all but the weights.
        weights: (N,) >= 0.
        rules: of the regression.

    Raises:
        DoubtfulError: a date that has no fit, a style that is constant or empty or not finite, sizes near the ends of floating
            point, or columns that are nearly dependent.
    """
    layout = date.layout
    sample = _sample(date, weights, rules)
    returns = date.returns if date.n_returns == len(weights) else np.where(date.has_return, date.returns, 0.0)
    design = sparse_design(date.exposures, sample.memberships, returns, layout)
    sums = weighted_sums(design, sample.weights)
    n_members = _members(sample, design)
    active = n_members > 0 if sample.dropped is None else (n_members > 0) & ~sample.dropped.dropped
    centred_squares = _centred_squares(sums)
    thin = None
    if rules.thin != Thin.DROP:
        thin = _thin(sample.memberships, sample.weights, sums.weights, rules.min_members)
    constraints = reflections(*_constraints(date, sample.memberships, active))
    system = reduce_gram(sums.gram, constraints, active, disjoint=sample.memberships.whole)
    if not 0 < system.rank < sample.n_fitted:
        raise DoubtfulError
    factor_returns = solve_reduced(system, sums.returns)
    return SparseSolution(date, sample, design, sums, system, n_members, active, thin, centred_squares, factor_returns)


def fit_sparse(date: CheckedDate, weights: Floats, factors: Sequence[Factor], rules: RegressionRules) -> CrossSection:
    """What `fit_cross_section` says, outliers apart: their weights are 0 already.

    Arguments and errors are those of `solve_cross_section`; `factors` are the K columns.
    """
    solution = solve_cross_section(date, weights, rules)
    unit_var = unit_variances(solution.system)
    estimate = SparseEstimate(solution.factor_returns, unit_var, None)
    if rules.ridge > 0.0 or rules.huber is not None or (rules.thin == Thin.SHRINK and solution.thin is not None):
        sample = solution.sample
        robust = (solution.thin, estimate, sample.weights, sample.fitted, solution.system, rules)
        estimate = sparse_robust_estimate(solution.design, solution.sums, *robust)
        if estimate.huber is not None and not estimate.huber.converged:
            raise DoubtfulError
    answer = _answer(solution, estimate, unit_var, factors)
    if not is_finite(answer):
        raise DoubtfulError
    return answer


def factor_and_specific_returns(solution: SparseSolution) -> tuple[Floats, Floats]:
    """(K,) f and (N,) u = r - X f by least squares, null where the date's answer has them null."""
    specific_returns = solution.date.returns - explained(solution.design, solution.factor_returns)
    if solution.all_active:
        return solution.factor_returns, specific_returns
    specific_returns[_lost(solution)] = np.nan
    return np.where(solution.active, solution.factor_returns, np.nan), specific_returns


def _sample(date: CheckedDate, weights: Floats, rules: RegressionRules) -> SparseSample:
    usable = weights if date.n_returns == len(weights) else np.where(date.has_return, weights, 0.0)
    memberships, dropped = date.memberships, None
    if rules.thin == Thin.DROP:
        memberships, usable, dropped = _without_thin(date, usable, rules.min_members)
    fitted = usable > 0.0
    n_fitted = int(np.count_nonzero(fitted))
    if n_fitted < assets_needed(rules, date.layout.n_factors):
        raise DoubtfulError
    relative = usable / np.maximum.reduce(usable)
    if np.count_nonzero(relative > _LEAST_WEIGHT) < n_fitted:
        raise DoubtfulError
    relative *= n_fitted / float(np.add.reduce(relative))
    return SparseSample(memberships, relative, fitted, n_fitted, dropped)


def _without_thin(date: CheckedDate, usable: Floats, min_members: float) -> tuple[Memberships, Floats, DroppedFactors | None]:
    """The date after its thin factors left, as `drop_thin_memberships` has it."""
    memberships, layout = date.memberships, date.layout
    thin = _thin(memberships, usable, _sums_of(memberships, usable, layout), min_members)
    if thin is None:
        return memberships, usable, None
    n_members = _members_of(memberships, usable > 0.0, layout.n_factors)
    dropped, stranded = np.zeros_like(thin), np.zeros(len(usable), dtype=np.bool_)
    while thin is not None:
        memberships, without_share = without_factors(memberships, thin, layout)
        stranded |= without_share
        usable = np.where(stranded, 0.0, usable)
        dropped |= thin
        thin = _thin(memberships, usable, _sums_of(memberships, usable, layout), min_members)
    return memberships, usable, DroppedFactors(dropped, n_members, stranded)


def _sums_of(memberships: Memberships, values: Floats, layout: FactorLayout) -> Floats:
    return memberships.by_factor(memberships.of_assets(values), layout.n_factors)


def _thin(memberships: Memberships, weights: Floats, sums: Floats, min_members: float) -> Bools | None:
    """(K,) membership factors with some, but fewer than `min_members` effective members; None where there are none.

    Args:
        memberships: the triplets.
        weights: (N,) w.
        sums: (K,) X'w.
        min_members: in assets; see `effective_members`.
    """
    weighted = memberships.of_assets(weights)
    squares = memberships.by_factor(weighted * weighted, len(sums))
    thin: Bools = sums * sums < (min_members * (1.0 - MEMBERS_ROUNDING)) * squares
    return thin if np.count_nonzero(thin) else None


def _members_of(memberships: Memberships, fitted: Bools, n_factors: int) -> Ints:
    """(K,) triplets of the assets in the fit, by factor."""
    member = fitted if memberships.aligned else fitted.take(memberships.assets)
    if not memberships.whole:
        member = member & (memberships.shares != 0.0)
    return category_sums(memberships.factors, member, n_factors).astype(np.int64)


def _members(sample: SparseSample, design: SparseDesign) -> Ints:
    """(K,) fitted assets with a non-zero exposure; of dropped factors, before they were dropped."""
    layout, styles = design.layout, design.rows[2:]
    members = _members_of(sample.memberships, sample.fitted, layout.n_factors)
    for columns in layout.full:
        members[columns] = sample.n_fitted
    if np.count_nonzero(styles) < styles.size:
        members[layout.styles] = np.count_nonzero(styles[:, sample.fitted], axis=1)
    return members if sample.dropped is None else np.where(sample.dropped.dropped, sample.dropped.n_members, members)


def _centred_squares(sums: WeightedSums) -> Floats:
    """(S,) sums of w (x - xbar)^2 of the styles.

    Raises:
        DoubtfulError: unless squares are far from the ends of floating point and every style clearly varies.
    """
    squares, own = sums.style_squares, sums.between[1, 2:]
    centred: Floats = squares - own * own / sums.total
    if not LEAST_SQUARES < sums.squared_returns < LARGEST_SQUARES or np.maximum.reduce(squares, initial=0.0) >= LARGEST_SQUARES:
        raise DoubtfulError
    if np.count_nonzero(centred > _VARIES * squares) < len(squares):
        raise DoubtfulError
    return centred


def _constraints(date: CheckedDate, memberships: Memberships, active: Bools) -> tuple[Floats, Sequence[Ints]]:
    """(K,) cap shares of the active columns, times a constant, and the groups that need a constraint."""
    layout, caps = date.layout, date.caps
    if np.count_nonzero(date.in_estimation) < len(caps):
        caps = np.where(date.in_estimation, caps, 0.0)
    shares, groups = _sums_of(memberships, caps, layout), layout.complete
    if np.count_nonzero(active) < len(active):
        shares *= active
        groups = tuple(columns for columns in groups if active[columns].any())
    return shares, groups if layout.markets.size else groups[1:]


def _answer(solution: SparseSolution, estimate: SparseEstimate, plain_var: Floats, factors: Sequence[Factor]) -> CrossSection:
    sample, system, huber, returns = solution.sample, solution.system, estimate.huber, solution.date.returns
    lost, missing = None, None
    fitted_returns = explained(solution.design, estimate.factor_returns)
    if not solution.all_active:
        lost, missing = _lost(solution), ~solution.active
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
    if missing is not None:
        factor_returns = np.where(missing, np.nan, factor_returns)
        std_errors[missing] = np.nan
    return CrossSection(
        factor_returns=factor_returns,
        std_errors=std_errors,
        n_members=solution.n_members,
        factor_status=_statuses(solution, missing),
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
        detail=_detail(solution, lost, huber, factors),
        vif=_variance_inflation(solution, plain_var),
        is_outlier=np.zeros(len(returns), dtype=np.bool_),
        n_outliers=0,
        n_reweighted=0 if huber is None else int((huber.reweights < 1.0).sum()),
        n_iterations=0 if huber is None else huber.n_iterations,
    )


def _empty(solution: SparseSolution) -> Bools:
    """(K,) factors without members."""
    dropped = solution.sample.dropped
    return ~solution.active if dropped is None else ~(solution.active | dropped.dropped)


def _lost(solution: SparseSolution) -> Bools:
    """(N,) assets exposed to an empty factor, or stranded."""
    memberships, dropped = solution.sample.memberships, solution.sample.dropped
    exposed = _empty(solution).take(memberships.factors) & (memberships.shares != 0.0)
    lost: Bools = category_sums(memberships.assets, exposed, memberships.n_assets) > 0.0
    return lost if dropped is None else lost | dropped.stranded


def _without_rounding(returns: Floats, design: SparseDesign, factor_returns: Floats, fitted_returns: Floats) -> Floats:
    """u = r - X f, exactly 0 where it is rounding: the only member of a group is fitted exactly, and has no risk of its own."""
    specific_returns = returns - fitted_returns
    near = np.abs(specific_returns) <= NEAR * float(np.fmax.reduce(np.abs(returns)))
    if np.count_nonzero(near):
        positive = design._replace(styles=np.abs(design.styles))
        size = np.abs(returns) + explained(positive, np.abs(factor_returns))
        specific_returns[near & (np.abs(specific_returns) <= ROUNDING * size)] = 0.0
    return specific_returns


def _reweighted(sample: SparseSample, huber: HuberFit) -> Floats:
    weights = sample.weights.copy()
    weights[sample.fitted] *= huber.reweights
    weights[sample.fitted] /= weights[sample.fitted].mean()
    return weights


def _statuses(solution: SparseSolution, missing: Bools | None) -> tuple[str, ...]:
    if missing is None and solution.thin is None:
        return (FactorStatus.OK.value,) * len(solution.active)
    dropped = None if solution.sample.dropped is None else solution.sample.dropped.dropped
    marked = {"dropped": dropped, "constant": None, "missing": None, "thin": solution.thin}
    return factor_statuses(len(solution.active), empty=_empty(solution), **marked)


def _detail(solution: SparseSolution, lost: Bools | None, huber: HuberFit | None, factors: Sequence[Factor]) -> str:
    robust = huber_detail(huber) if huber is not None and huber.scale == 0.0 else ""
    if lost is None:
        return robust
    with_return, empty = lost & solution.date.has_return, _empty(solution)
    exposed = _members_of(solution.date.memberships, with_return, len(factors))
    return joined(lost_detail(int(with_return.sum()), exposed, empty, ~(solution.active | empty), factors), robust)


def _variance_inflation(solution: SparseSolution, unit_var: Floats) -> Floats:
    """(K,) see `variance_inflation`."""
    layout, sums = solution.design.layout, solution.sums
    inflation = np.full(layout.n_factors, np.nan)
    if layout.styles.size:
        has_constant = layout.markets.size or any(solution.active[columns].any() for columns in layout.complete)
        squares = solution.centred_squares if has_constant else sums.style_squares
        inflation[layout.styles] = squares * unit_var[layout.styles]
    return inflation
