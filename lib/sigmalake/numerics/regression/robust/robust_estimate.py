"""From the least-squares fit of a date to what the rules ask for: ridge, pseudo-observations, Huber."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from sigmalake.numerics.factors import Factor, factor_layout
from sigmalake.numerics.linear.least_squares import ConstrainedFit, solve_constrained
from sigmalake.numerics.regression.pseudo_observations import PseudoObservations, penalties, stacked, thin_factor_rows
from sigmalake.numerics.regression.robust.huber import HuberFit, fit_huber
from sigmalake.numerics.regression.rules import RegressionRules, Thin
from sigmalake.numerics.regression.thin_memberships import effective_members
from sigmalake.numerics.types import Bools, Floats


class Estimate(NamedTuple):
    """Factor returns, and what their standard errors need."""

    coefficients: Floats  # (K,) NaN where the column adds no rank
    unit_var: Floats  # (K,) var(f_k) for residuals sqrt(w) u of variance 1
    huber: HuberFit | None  # None where the rules do not ask for it


def robust_estimate(
    exposures: Floats,
    returns: Floats,
    weights: Floats,
    constraints: Floats,
    factors: Sequence[Factor],
    thin: Bools,
    plain: ConstrainedFit,
    rules: RegressionRules,
) -> Estimate:
    """The estimate that the rules ask for, begun at the least-squares fit, whose columns without rank stay out.

    Ridge and thin factors add rows below diag(sqrt w) X; f stays linear in r, f = P r, and `unit_var` is
    sum_n P_kn^2 / w_n, the variance about f's own mean: a drawn factor is biased, its standard error smaller. Huber
    reweights the assets, not those rows.

    Args:
        exposures: (N, K) of the assets in the fit.
        returns: (N,) theirs.
        weights: (N,) theirs, mean 1.
        constraints: (M, K) the rows C.
        factors: the K columns.
        thin: (K,) membership factors with too few effective members.
        plain: the least-squares fit of the same.
        rules: which of the three, and how strong.
    """
    estimate = Estimate(plain.coefficients, np.einsum("kp,kp->k", plain.root_cov, plain.root_cov), None)
    shrunk = thin if rules.thin == Thin.SHRINK else np.zeros_like(thin)
    if rules.ridge == 0.0 and rules.huber is None and not shrunk.any():
        return estimate
    columns, root = plain.independent, np.sqrt(weights)
    exposures, constraints = exposures[:, columns], constraints[:, columns]
    design, target = exposures * root[:, None], returns * root
    kept = [factor for factor, stays in zip(factors, columns, strict=True) if stays]
    layout, sums, total = factor_layout(tuple(kept)), weights @ exposures, float(weights.sum())
    pseudo = stacked(
        penalties(np.sqrt(np.einsum("nk,nk->k", design, design)), layout.styles, rules.ridge),
        thin_factor_rows(sums, total, effective_members(exposures, weights), layout.group_of, shrunk[columns], rules.min_members),
    )
    goals = pseudo.mean_share * float(weights @ returns / total)
    if len(pseudo.design):
        drawn = solve_constrained(np.vstack([design, pseudo.design]), np.append(target, goals), constraints)
        unit_var = _unit_var(drawn.root_cov, design, pseudo, root)
        estimate = Estimate(_spread(drawn.coefficients, columns), _spread(unit_var, columns), None)
    if rules.huber is None:
        return estimate
    start = estimate.coefficients[columns]

    def refit(reweights: Floats) -> Floats:
        again = np.sqrt(reweights)
        rows, targets = np.vstack([design * again[:, None], pseudo.design]), np.append(target * again, goals)
        return np.nan_to_num(solve_constrained(rows, targets, constraints).coefficients)

    huber = fit_huber(lambda f: target - design @ f, refit, target, start, plain.rank, rules.huber)
    return estimate._replace(coefficients=_spread(huber.coefficients, columns), huber=huber)


def _unit_var(root_cov: Floats, design: Floats, pseudo: PseudoObservations, root: Floats) -> Floats:
    """Row sums of squares of d f / d (sqrt(w) r): its return is the weighted mean, so that r moves it too."""
    by_asset = root_cov @ (root_cov.T @ design.T)
    by_mean = root_cov @ (root_cov.T @ (pseudo.design.T @ pseudo.mean_share))
    by_asset += np.outer(by_mean, root / (root @ root))
    squares: Floats = np.einsum("kn,kn->k", by_asset, by_asset)
    return squares


def _spread(values: Floats, columns: Bools) -> Floats:
    spread = np.full(len(columns), np.nan)
    spread[columns] = values
    return spread
