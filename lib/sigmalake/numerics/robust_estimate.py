"""From the least-squares fit of a date to what the rules ask for: ridge, phantom members, Huber."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from sigmalake.numerics.arrays import Bools, Floats
from sigmalake.numerics.exposures import Factor
from sigmalake.numerics.huber import HuberFit, fit_huber
from sigmalake.numerics.least_squares import ConstrainedFit, solve_constrained
from sigmalake.numerics.prior_rows import PriorRows, no_rows, phantom_members, ridge_rows, stacked
from sigmalake.numerics.regression_rules import RegressionRules, Thin


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

    Ridge and phantom members are rows below diag(sqrt w) X; f stays linear in r, f = P r, and `unit_var` is
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
    columns, root = plain.independent, np.sqrt(weights)
    design, target = exposures[:, columns] * root[:, None], returns * root
    kept = [factor for factor, stays in zip(factors, columns, strict=True) if stays]
    prior = _prior(design, exposures[:, columns], weights, kept, thin[columns], rules)
    prior_target = prior.mean_share * float(weights @ returns / weights.sum())
    found, unit_var = plain.coefficients[columns], np.einsum("kp,kp->k", plain.root_cov, plain.root_cov)[columns]
    if len(prior.design):
        drawn = solve_constrained(np.vstack([design, prior.design]), np.append(target, prior_target), constraints[:, columns])
        found, unit_var = drawn.coefficients, _unit_var(drawn.root_cov, design, prior, root)
    huber = None
    if rules.huber is not None:
        rows = (prior.design, prior_target)
        huber = fit_huber(design, target, rows, constraints[:, columns], found, plain.rank, rules.huber)
        found = huber.coefficients
    return Estimate(_spread(found, columns), _spread(unit_var, columns), huber)


def _prior(
    design: Floats, exposures: Floats, weights: Floats, factors: Sequence[Factor], thin: Bools, rules: RegressionRules
) -> PriorRows:
    rows = ridge_rows(design, factors, rules.ridge) if rules.ridge > 0.0 else no_rows(len(factors))
    if rules.thin != Thin.SHRINK or not thin.any():
        return rows
    return stacked(rows, phantom_members(exposures, weights, factors, thin, rules.min_members))


def _unit_var(root_cov: Floats, design: Floats, prior: PriorRows, root: Floats) -> Floats:
    """Row sums of squares of d f / d (sqrt(w) r): a phantom's return is the weighted mean, so that r moves it too."""
    by_asset = root_cov @ (root_cov.T @ design.T)
    by_mean = root_cov @ (root_cov.T @ (prior.design.T @ prior.mean_share))
    by_asset += np.outer(by_mean, root / (root @ root))
    squares: Floats = np.einsum("kn,kn->k", by_asset, by_asset)
    return squares


def _spread(values: Floats, columns: Bools) -> Floats:
    spread = np.full(len(columns), np.nan)
    spread[columns] = values
    return spread
