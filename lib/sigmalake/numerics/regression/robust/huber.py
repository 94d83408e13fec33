"""Huber's regression under linear constraints."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from sigmalake.numerics.regression.robust.outliers import NORMAL_MAD
from sigmalake.numerics.types import Floats

CONVERGED = 1e-10  # the largest relative change of a residual, |residual| + scale being 1
MAX_ITERATIONS = 500
EXACT = 1e-12  # a scale this small, relative to the targets, is rounding: more than half of the assets are fitted exactly


class HuberFit(NamedTuple):
    """The answer of the last iteration."""

    coefficients: Floats  # (K,)
    reweights: Floats  # (N,) h, 1 for assets within the tuning, less beyond
    scale: float  # s, of the residuals sqrt(w) u that the reweights rest on; unit of the returns
    residual_var: float  # what takes the place of s2 in cov(f)
    n_iterations: int
    change: float  # the last iteration's, as CONVERGED has it; NaN where the scale is 0
    converged: bool


def fit_huber(
    residuals_of: Callable[[Floats], Floats],
    refit: Callable[[Floats], Floats],
    target: Floats,
    start: Floats,
    rank: int,
    tuning: float,
) -> HuberFit:
    """Minimise sum rho((y - A f) / s) subject to C f = 0, rho Huber's, by iterated reweighting.

    h_n = min(1, k s / |e_n|), e = y - A f; s = MAD / 0.6745 about 0, estimated anew in each iteration; f minimises
    sum h e^2 plus the squares of the pseudo-observations, which are not reweighted (Huber 1964; Holland and Welsch 1977). At
    the answer sum_n h_n e_n A_n lies in the span of C'. `residual_var` = kappa^2 sum psi^2 / (N - p) / m^2, psi =
    h e, m the share of assets with h = 1, kappa = 1 + p (1 - m) / (N m) (Huber 1981, 7.6), so that residual_var
    R (R'A'AR)^-1 R' is cov(f). A scale of 0, which more than half of exactly fitted assets make, ends the iteration.

    Args:
        residuals_of: e = y - A f of an f, A = diag(sqrt w) X of independent columns.
        refit: the f with C f = 0 that minimises sum h e^2 plus the pseudo-observations, of an h.
        target: (N,) y = sqrt(w) r.
        start: (K,) the least-squares f.
        rank: p < N of the least-squares fit.
        tuning: k >= 0.7; 1.345 keeps 95 % of the efficiency on normal residuals.
    """
    coefficients, change, converged = start, np.nan, False
    residuals = residuals_of(coefficients)
    scale, reweights, n_iterations = _scale(residuals, target), np.ones(len(target)), 0
    while scale > 0.0 and not converged and n_iterations < MAX_ITERATIONS:
        reweights = _reweights(residuals, tuning * scale)
        coefficients = refit(reweights)
        former, residuals = residuals, residuals_of(coefficients)
        change = float((np.abs(residuals - former) / (np.abs(residuals) + scale)).max())
        scale, n_iterations, converged = _scale(residuals, target), n_iterations + 1, change <= CONVERGED
    residual_var = _residual_var(residuals, tuning * scale, rank) if scale > 0.0 else np.nan
    return HuberFit(coefficients, reweights, scale, residual_var, n_iterations, change, converged or scale == 0.0)


def _scale(residuals: Floats, target: Floats) -> float:
    scale = float(np.median(np.abs(residuals))) / NORMAL_MAD
    return scale if scale > EXACT * float(np.abs(target).max()) else 0.0


def _reweights(residuals: Floats, bound: float) -> Floats:
    return bound / np.maximum(np.abs(residuals), bound)


def _residual_var(residuals: Floats, bound: float, rank: int) -> float:
    n_fitted = len(residuals)
    psi = np.clip(residuals, -bound, bound)
    within = float((np.abs(residuals) <= bound).mean())
    kappa = 1.0 + rank * (1.0 - within) / (n_fitted * within)
    return kappa**2 * float(psi @ psi) / (n_fitted - rank) / within**2
