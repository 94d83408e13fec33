"""A style explained by other factors of its date: to fill what is missing, or to keep what they do not explain."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from sigmalake.numerics.factors import Factor, Kind
from sigmalake.numerics.linear.constraints import constraint_rows
from sigmalake.numerics.linear.least_squares import solve_constrained
from sigmalake.numerics.types import Bools, Floats

EXPLAINED = 1e-18  # share of a style's variance that rounding leaves of what others explain wholly

CONSTANT = Factor("(constant)", "market", Kind.MARKET)
LN_CAP = Factor("(ln cap)", "style", Kind.STYLE)


class Explained(NamedTuple):
    """A style's regression on a constant and other factors."""

    explained: Floats  # (N,) for all of the coverage; NaN where there is no regression
    coefficients: Floats  # (1 + Q,) the constant's first; NaN where there is no regression, and for a column of zeros
    n_fitted: int


class Filled(NamedTuple):
    """A style after its missing values were filled."""

    values: Floats  # (N,)
    filled: Bools  # (N,)
    coefficients: Floats  # (2 + M,) of the constant, the memberships and ln cap; the constant's is NaN where 0 was filled in
    n_fitted: int


class Orthogonal(NamedTuple):
    """What other factors leave of a style; not yet standardised again."""

    values: Floats  # (N,)
    coefficients: Floats  # (1 + Q,) of the constant and the others; the constant's is NaN where nothing was taken out
    n_fitted: int


def explain_style(values: Floats, exposures: Floats, factors: Sequence[Factor], weights: Floats) -> Explained:
    """The weighted least squares fit of a style on a constant and other factors.

    min sum w (x - a - Z b)^2 over the names with w > 0 and a value. A complete membership group is identified by
    sum m_k b_k = 0, m_k its weighted shares: so a level that no fitted name has counts as the mean of its group. A column
    that adds no rank has coefficient 0. With fewer names than twice the independent columns there is no regression: as
    for a date's factor returns, it would fit noise. Nor is there one where squares of w or Z are beyond floating point.

    Args:
        values: (N,) NaN is missing.
        exposures: (N, Q) Z, finite.
        factors: its Q columns.
        weights: (N,) regression weights >= 0, 0 outside the estimation universe.
    """
    fitted = (weights > 0.0) & np.isfinite(values)
    design = np.column_stack([np.ones(len(values)), exposures])
    columns = [CONSTANT, *factors]
    none = Explained(np.full(len(values), np.nan), np.full(len(columns), np.nan), int(fitted.sum()))
    if not fitted.any():
        return none
    active = (design[fitted] != 0.0).any(axis=0)
    with np.errstate(over="ignore", invalid="ignore"):  # what is not finite gives `none` below
        rows = constraint_rows(design, weights, fitted, columns, active)
    root = np.sqrt(weights[fitted])
    with np.errstate(over="ignore"):
        weighted = root[:, None] * design[np.ix_(fitted, active)]
        squares = np.einsum("nk,nk->k", weighted, weighted)
    if not (np.isfinite(squares).all() and np.isfinite(rows).all()):
        return none
    fit = solve_constrained(weighted, root * values[fitted], rows[:, active])
    if none.n_fitted < 2 * fit.rank:
        return none
    coefficients = np.full(len(columns), np.nan)
    coefficients[active] = np.nan_to_num(fit.coefficients)
    return Explained(design[:, active] @ coefficients[active], coefficients, none.n_fitted)


def fill_by_regression(values: Floats, memberships: Floats, factors: Sequence[Factor], caps: Floats, weights: Floats) -> Filled:
    """A missing style is what memberships and size say of it (Menchero, Orr, Wang 2011).

    `explain_style` on the memberships and ln c, over the estimation universe's names that have the style, with the
    regression weights (**choice**). Without such a regression, say where hardly a name has the style, 0 is filled in.

    Args:
        values: (N,) standardised; NaN is missing.
        memberships: (N, M) shares.
        factors: the M memberships.
        caps: (N,) > 0; all 1 where the model has none, and size then says nothing.
        weights: (N,) regression weights >= 0, 0 outside the estimation universe.
    """
    missing = np.isnan(values)
    found = explain_style(values, np.column_stack([memberships, np.log(caps)]), [*factors, LN_CAP], weights)
    filled = np.where(missing, np.nan_to_num(found.explained), values)
    return Filled(filled, missing, found.coefficients, found.n_fitted)


def orthogonalise(values: Floats, exposures: Floats, factors: Sequence[Factor], weights: Floats) -> Orthogonal:
    """e = x - a - Z b, which has no weighted correlation with any column of Z over the estimation universe.

    The constant a is what lets that hold after e is standardised again, about another mean (**choice**). A style that the
    others explain wholly, to rounding, is exactly 0.

    Args:
        values: (N,) finite.
        exposures: (N, Q) Z, the factors that it is orthogonalised against.
        factors: its Q columns.
        weights: (N,) regression weights >= 0, 0 outside the estimation universe.
    """
    found = explain_style(values, exposures, factors, weights)
    if np.isnan(found.coefficients[0]):
        return Orthogonal(values, found.coefficients, found.n_fitted)
    residuals = values - found.explained
    about_mean = values - weights @ values / weights.sum()
    if weights @ residuals**2 <= EXPLAINED * (weights @ about_mean**2):
        residuals = np.zeros_like(values)
    return Orthogonal(residuals, found.coefficients, found.n_fitted)
