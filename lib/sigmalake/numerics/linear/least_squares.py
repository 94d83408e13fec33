"""Least squares under linear constraints, told apart from columns that add nothing."""

from typing import NamedTuple

import numpy as np

from sigmalake.numerics.linear.constraints import null_space_basis
from sigmalake.numerics.types import Bools, Floats

# The normal equations lose about 4 eps cond(Gram) of relative accuracy: at this limit 1e-10 is left.
NORMAL_EQUATIONS_LIMIT = 1e5

# A column counts as dependent when changes of this relative size in the columns could make it so. Rounding of
# sqrt(w) x and of the decomposition is some 1e-15 to 1e-14; two columns of correlation 1 - 1e-10 differ by 1.4e-5.
DEPENDENCE = 1e-12


class RankDeficientError(ValueError):
    """Columns that have to be independent are not."""


class ConstrainedFit(NamedTuple):
    """The minimiser f of |y - A f|^2 subject to C f = 0, and what its statistics need."""

    coefficients: Floats  # (K,) NaN where the column adds no rank
    independent: Bools  # (K,) False where the column adds no rank to [A; C]
    root_cov: Floats  # (K, p) H with cov(f) = s2 H H' = s2 R (R'A'A R)^-1 R'; rows of dependent columns are 0
    rank: int  # p
    condition_number: float  # of A R with columns of length 1


class _Reduced(NamedTuple):
    """A R with columns of length 1."""

    columns: Floats  # (N, p)
    to_factors: Floats  # (K, p) R divided by the lengths: f = to_factors g
    gram: Floats  # (p, p)
    gram_condition: float


def solve_constrained(design: Floats, target: Floats, constraints: Floats) -> ConstrainedFit:
    """Minimise |y - A f|^2 over f subject to C f = 0, with f = R g and R an orthonormal null-space basis of C.

    [A; C] has independent columns exactly when A R has. So one number, the condition of the scaled Gram matrix of
    A R, decides both: where it is small, nothing is dependent and the normal equations keep 1e-10 relative accuracy.
    Elsewhere the columns are taken in order, those that add no rank to [A; C] leave, and an A R that stays
    ill-conditioned is solved by QR (Bjorck, Numerical Methods for Least Squares Problems, 1996, ch. 2 and 5).

    Args:
        design: (N, K) A = diag(sqrt w) X, no zero columns, K > 0, squares finite.
        target: (N,) y = sqrt(w) r.
        constraints: (M, K) the rows C.
    """
    independent = np.ones(design.shape[1], dtype=np.bool_)
    reduced = _reduce(design, constraints)
    if reduced.gram_condition > NORMAL_EQUATIONS_LIMIT:
        independent = independent_columns(design, constraints)
        reduced = _reduce(design[:, independent], constraints[:, independent])
    triangle, projected = _triangular_system(reduced, target)
    coefficients = np.full(design.shape[1], np.nan)
    coefficients[independent] = reduced.to_factors @ np.linalg.solve(triangle, projected)
    root_cov = np.zeros((design.shape[1], len(triangle)))
    root_cov[independent] = reduced.to_factors @ np.linalg.inv(triangle)
    return ConstrainedFit(coefficients, independent, root_cov, len(triangle), _condition(reduced, triangle))


def independent_columns(design: Floats, constraints: Floats) -> Bools:
    """Which columns of [A; C], taken in order, add rank to those before them.

    The columns have length 1. The triangle of their Householder QR stands for them; its columns are orthogonalised one
    after the other, each twice ("twice is enough", Parlett 1980). A column is out when what remains of it is at most
    DEPENDENCE (1 + sum |coefficients|), the coefficients being those of the columns that explain it.

    Returns:
        (K,) True where the column stays.
    """
    stacked = _unit_columns(np.vstack([design, _balanced(constraints, design)]))
    triangle = _triangle(stacked)
    basis, inverse = np.zeros_like(triangle), np.zeros((len(triangle.T), len(triangle.T)))
    keep = np.zeros(len(triangle.T), dtype=np.bool_)
    for position, column in enumerate(triangle.T):
        along = basis.T @ column
        remainder = column - basis @ along
        again = basis.T @ remainder
        remainder -= basis @ again
        coefficients = inverse @ (along + again)
        length = np.sqrt(remainder @ remainder)
        keep[position] = length > DEPENDENCE * (1.0 + np.abs(coefficients).sum())
        if keep[position]:
            basis[:, position] = remainder / length
            inverse[:, position] = -coefficients / length
            inverse[position, position] = 1.0 / length
    return keep


def pure_factor_portfolios(exposures: Floats, weights: Floats, constraints: Floats) -> Floats:
    """The portfolios whose returns are the factor returns: P = R (R'X'WXR)^-1 R'X'W, f = P r, P X R = R.

    Args:
        exposures: (N, K) X.
        weights: (N,) regression weights >= 0.
        constraints: (M, K) the rows C.

    Returns:
        (K, N) portfolio weights, 0 for assets of weight 0.

    Raises:
        RankDeficientError: a column adds no rank to [sqrt(W) X; C].
    """
    root = np.sqrt(weights)
    design = root[:, None] * exposures
    fit = solve_constrained(design, np.zeros(len(root)), constraints)
    if not fit.independent.all():
        raise RankDeficientError(f"columns {np.flatnonzero(~fit.independent).tolist()} of the exposures add no rank")
    return fit.root_cov @ (fit.root_cov.T @ (design * root[:, None]).T)


def _reduce(design: Floats, constraints: Floats) -> _Reduced:
    basis = null_space_basis(constraints)
    columns = design @ basis
    lengths = np.sqrt(np.einsum("np,np->p", columns, columns))
    lengths[lengths == 0.0] = 1.0
    columns /= lengths
    gram = columns.T @ columns
    eigenvalues = np.linalg.eigvalsh(gram)
    condition = eigenvalues[-1] / eigenvalues[0] if eigenvalues[0] > 0.0 else np.inf
    return _Reduced(columns, basis / lengths, gram, float(condition))


def _triangular_system(reduced: _Reduced, target: Floats) -> tuple[Floats, Floats]:
    """T and z with T g = z: by the normal equations where they are accurate, else by QR of [A R, y]."""
    if reduced.gram_condition <= NORMAL_EQUATIONS_LIMIT:
        lower = np.asarray(np.linalg.cholesky(reduced.gram), dtype=np.float64)
        return lower.T, np.asarray(np.linalg.solve(lower, reduced.columns.T @ target), dtype=np.float64)
    rank = reduced.columns.shape[1]
    triangle = _triangle(np.column_stack([reduced.columns, target]))
    return triangle[:rank, :rank], triangle[:rank, rank]


def _condition(reduced: _Reduced, triangle: Floats) -> float:
    if reduced.gram_condition <= NORMAL_EQUATIONS_LIMIT:
        return float(np.sqrt(reduced.gram_condition))
    singular_values = np.linalg.svd(triangle, compute_uv=False)
    return float(singular_values[0] / singular_values[-1])


def _balanced(constraints: Floats, design: Floats) -> Floats:
    """The rows C, each as long as the columns of A it binds, so that neither hides the other in [A; C]."""
    bound = np.sqrt((constraints != 0.0) @ np.einsum("nk,nk->k", design, design))
    lengths = np.linalg.norm(constraints, axis=1)
    lengths[lengths == 0.0] = 1.0
    balanced: Floats = constraints * (bound / lengths)[:, None]
    return balanced


def _triangle(matrix: Floats) -> Floats:
    return np.asarray(np.linalg.qr(matrix, mode="r"), dtype=np.float64)


def _unit_columns(matrix: Floats) -> Floats:
    lengths = np.sqrt(np.einsum("nk,nk->k", matrix, matrix))
    lengths[lengths == 0.0] = 1.0
    unit: Floats = matrix / lengths
    return unit
