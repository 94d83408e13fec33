"""Ridge, pseudo-observations of thin factors and Huber by sums over memberships: `robust_estimate` without a dense X."""

from typing import NamedTuple

import numpy as np

from sigmalake.numerics.linear.constrained_gram import ReducedSystem, reduce_gram, solve_reduced, unit_covariance
from sigmalake.numerics.linear.sparse_design import SparseDesign, WeightedSums, explained, weighted_sums
from sigmalake.numerics.regression.pseudo_observations import (
    PseudoObservations,
    penalties,
    stacked,
    thin_factor_rows,
)
from sigmalake.numerics.regression.robust.huber import HuberFit, fit_huber
from sigmalake.numerics.regression.rules import RegressionRules, Thin
from sigmalake.numerics.types import Bools, Floats


class SparseEstimate(NamedTuple):
    """Factor returns, and what their standard errors need."""

    factor_returns: Floats  # (K,) 0 where there is none
    unit_var: Floats  # (K,) var(f_k) for residuals sqrt(w) u of variance 1
    huber: HuberFit | None  # None where the rules do not ask for it


def sparse_robust_estimate(
    design: SparseDesign,
    sums: WeightedSums,
    thin: Bools | None,
    plain: SparseEstimate,
    weights: Floats,
    fitted: Bools,
    system: ReducedSystem,
    rules: RegressionRules,
) -> SparseEstimate:
    """What `robust_estimate` says, from the sums.

    Args:
        design: X and r, r = 0 where it is missing.
        sums: its sums with the weights.
        thin: (K,) membership factors with too few effective members; None where there are none.
        plain: the least-squares answer.
        weights: (N,) mean 1 over the fit, 0 elsewhere.
        fitted: (N,) the fit.
        system: the least-squares normal equations.
        rules: which of the three, and how strong.

    Raises:
        DoubtfulError: as `reduce_gram`.
    """
    pseudo, active = _pseudo_observations(design, sums, thin, weights, rules), sums.gram.diagonal() > 0.0
    disjoint = design.memberships.whole
    goals = pseudo.mean_share * (float(weights @ design.rows[0]) / sums.total)
    gram, right = pseudo.design.T @ pseudo.design, pseudo.design.T @ goals
    estimate = plain
    if len(pseudo.design):
        drawn = reduce_gram(sums.gram + gram, system.reflections, active, disjoint=disjoint)
        unit_var = _drawn_variances(unit_covariance(drawn), sums, pseudo)
        estimate = SparseEstimate(solve_reduced(drawn, sums.returns + right), unit_var, None)
    if rules.huber is None:
        return estimate
    root, returns, everyone = np.sqrt(weights[fitted]), design.rows[0][fitted], bool(fitted.all())

    def residuals(factor_returns: Floats) -> Floats:
        whole = explained(design, factor_returns)
        left: Floats = root * (returns - (whole if everyone else whole[fitted]))
        return left

    def refit(reweights: Floats) -> Floats:
        reweighted = weights.copy()
        reweighted[fitted] *= reweights
        again = weighted_sums(design, reweighted)
        return solve_reduced(reduce_gram(again.gram + gram, system.reflections, active, disjoint=disjoint), again.returns + right)

    huber = fit_huber(residuals, refit, root * returns, estimate.factor_returns, system.rank, rules.huber)
    return estimate._replace(factor_returns=huber.coefficients, huber=huber)


def _pseudo_observations(
    design: SparseDesign, sums: WeightedSums, thin: Bools | None, weights: Floats, rules: RegressionRules
) -> PseudoObservations:
    layout, memberships = design.layout, design.memberships
    ridge = penalties(np.sqrt(sums.gram.diagonal()), layout.styles, rules.ridge)
    if rules.thin != Thin.SHRINK or thin is None:
        return ridge
    weighted = memberships.of_assets(weights)
    squares = memberships.by_factor(weighted * weighted, layout.n_factors)
    effective = sums.weights**2 / np.where(squares > 0.0, squares, 1.0)
    drawn = thin_factor_rows(sums.weights, sums.total, effective, layout.group_of, thin, rules.min_members)
    return stacked(ridge, drawn)


def _drawn_variances(covariance: Floats, sums: WeightedSums, pseudo: PseudoObservations) -> Floats:
    """Row sums of squares of d f / d (sqrt(w) r), in which the mean return of pseudo-observations moves too."""
    by_mean = covariance @ (pseudo.design.T @ pseudo.mean_share)
    both = by_mean * (2.0 * (covariance @ sums.weights) + by_mean)
    variances: Floats = np.einsum("kj,kj->k", covariance @ sums.gram, covariance) + both / sums.total
    return variances
