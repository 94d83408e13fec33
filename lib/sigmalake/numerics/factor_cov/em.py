"""Mean and covariance where factors have histories of different length: EM, and its closed form for nested histories."""

from typing import NamedTuple

import numpy as np
import scipy

from sigmalake.numerics.types import Bools, Floats, Ints

_TOLERANCE = 1e-12  # of an EM step, in standard deviations and correlations
_MAX_ITERATIONS = 5000
_DEPENDENT = 1e-10  # a direction with a smaller share of the largest variance is rounding


class CompletedHistory(NamedTuple):
    """The Gaussian that fits a history with gaps, and the history with its gaps filled."""

    mean: Floats  # (K,)
    cov: Floats  # (K, K) divisor 1
    filled: Floats  # (T, K) a missing return is its mean given the others of its date
    conditional_cov: Floats  # (K, K) sum_j a_j Cov(missing | present)
    n_completed: int  # missing returns
    n_iterations: int  # of EM; 0: the closed form
    last_step: float  # relative size of the last EM step; above 1e-12: not converged


class _Pattern(NamedTuple):
    """The dates on which the same factors are present, by their weighted moments about 0."""

    present: Ints
    missing: Ints
    weight: float
    first: Floats  # (P,) sum_j a_j x_j
    second: Floats  # (P, P) sum_j a_j x_j x_j'


class Spliced(NamedTuple):
    """A history lengthened by another factor's."""

    returns: Floats  # (T, K)
    n_spliced: int


def splice(returns: Floats, new: int, old: int) -> Spliced:
    """The returns of `old` as those of `new` before the first value of `new` (Litterman et al. 2003, ch. 20).

    A factor without any value has no start: nothing is spliced.

    Args:
        returns: (T, K) NaN where missing.
        new: position of the factor with the shorter history.
        old: position of its proxy.
    """
    has_value = ~np.isnan(returns[:, new])
    start = int(has_value.argmax()) if has_value.any() else 0
    spliced = returns.copy()
    spliced[:start, new] = returns[:start, old]
    return Spliced(spliced, int((~np.isnan(returns[:start, old])).sum()))


def complete_history(returns: Floats, weights: Floats, *, centre: bool) -> CompletedHistory:
    """Mean and covariance that maximise sum_j a_j log N(present part of f_j; mean, cov).

    Nested histories have a closed form: each block of factors regressed on all that are longer, over its own dates
    (Stambaugh 1997, here with weights). Otherwise EM: E fills each date's missing part by regression on its present part
    and adds the conditional covariance, M takes weighted moments, until a step is below 1e-12 of a standard deviation.

    Args:
        returns: (T, K) NaN where missing, a value or more on each date; each factor's history longer than the number of
            factors that explain it, plus one.
        weights: (T,) a_j > 0, sum 1.
        centre: fit the mean; else it is 0.
    """
    present = ~np.isnan(returns)
    origin = returns[_newest(present), np.arange(returns.shape[1])] if centre else np.zeros(returns.shape[1])
    moved = np.where(present, returns - origin, 0.0)  # a constant is exactly 0
    mass = weights @ present
    mean = weights @ moved / mass if centre else np.zeros_like(origin)
    scale = np.sqrt(weights @ (np.where(present, moved - mean, 0.0) ** 2) / mass)
    scale[scale == 0.0] = 1.0
    z = moved / scale
    patterns, of_row = _patterns(z, present, weights)
    order = np.argsort(-present.sum(axis=0), kind="stable")
    nested = bool((present[:, order][:, 1:] <= present[:, order][:, :-1]).all())
    if nested:
        mean, cov = _nested(z, present, weights, order, centre=centre)
        n_iterations, step = 0, 0.0
    else:
        mean, cov, n_iterations, step = _em(patterns, mean / scale, centre=centre)
    filled, conditional = z.copy(), np.zeros_like(cov)
    for number, pattern in enumerate(patterns):
        beta, left = _regression(cov, pattern)
        rows = np.flatnonzero(of_row == number)
        known = z[np.ix_(rows, pattern.present)] - mean[pattern.present]
        filled[np.ix_(rows, pattern.missing)] = mean[pattern.missing] + known @ beta.T
        conditional[np.ix_(pattern.missing, pattern.missing)] += pattern.weight * left
    unit = np.outer(scale, scale)
    return CompletedHistory(
        mean=mean * scale + origin,
        cov=cov * unit,
        filled=filled * scale + origin,
        conditional_cov=conditional * unit,
        n_completed=int((~present).sum()),
        n_iterations=n_iterations,
        last_step=step,
    )


def _newest(present: Bools) -> Ints:
    newest: Ints = len(present) - 1 - present[::-1].argmax(axis=0)
    return newest


def _patterns(z: Floats, present: Bools, weights: Floats) -> tuple[list[_Pattern], Ints]:
    kinds, of_row = np.unique(present, axis=0, return_inverse=True)
    patterns = []
    for number, kind in enumerate(kinds):
        rows = of_row == number
        x, a = z[np.ix_(rows, kind)], weights[rows]
        patterns.append(_Pattern(np.flatnonzero(kind), np.flatnonzero(~kind), float(a.sum()), a @ x, (x * a[:, None]).T @ x))
    return patterns, of_row


def _nested(z: Floats, present: Bools, weights: Floats, order: Ints, *, centre: bool) -> tuple[Floats, Floats]:
    """Longest histories first, each block regressed on all before it, by weighted least squares over its own dates."""
    n_factors = len(order)
    mean, cov = np.zeros(n_factors), np.zeros((n_factors, n_factors))
    n_values = present.sum(axis=0)
    for n_dates in np.unique(n_values)[::-1]:
        block, longer = order[n_values[order] == n_dates], order[n_values[order] > n_dates]
        rows = present[:, block[0]]
        a = weights[rows] / weights[rows].sum()
        y, x = z[np.ix_(rows, block)], z[np.ix_(rows, longer)]
        y_mean, x_mean = (a @ y, a @ x) if centre else (np.zeros(len(block)), np.zeros(len(longer)))
        root = np.sqrt(a)[:, None]
        y_root, x_root = root * (y - y_mean), root * (x - x_mean)
        beta = np.linalg.lstsq(x_root, y_root, rcond=_DEPENDENT)[0]
        residual = y_root - x_root @ beta
        between = cov[np.ix_(longer, longer)] @ beta
        mean[block] = y_mean + (mean[longer] - x_mean) @ beta
        cov[np.ix_(longer, block)], cov[np.ix_(block, longer)] = between, between.T
        cov[np.ix_(block, block)] = residual.T @ residual + beta.T @ between
    return mean, (cov + cov.T) / 2


def _em(patterns: list[_Pattern], mean: Floats, *, centre: bool) -> tuple[Floats, Floats, int, float]:
    """From uncorrelated factors, by the moments of each pattern of presence: an iteration costs no pass over the dates."""
    cov, step, iteration = np.eye(len(mean)), np.inf, 0
    while step > _TOLERANCE and iteration < _MAX_ITERATIONS:
        iteration += 1
        first, second = np.zeros_like(mean), np.zeros_like(cov)
        for pattern in patterns:
            present, missing = pattern.present, pattern.missing
            beta, left = _regression(cov, pattern)
            cross = np.outer(pattern.first, mean[present])
            known = pattern.second - cross - cross.T + pattern.weight * np.outer(mean[present], mean[present])
            between = beta @ known
            second[np.ix_(present, present)] += known
            second[np.ix_(missing, present)] += between
            second[np.ix_(present, missing)] += between.T
            second[np.ix_(missing, missing)] += between @ beta.T + pattern.weight * left
            deviation = pattern.first - pattern.weight * mean[present]
            first[present] += deviation
            first[missing] += beta @ deviation
        moved = first if centre else np.zeros_like(first)
        found = second - np.outer(moved, moved)
        found = (found + found.T) / 2
        step = max(float(np.abs(found - cov).max()), float(np.abs(moved).max()))
        mean, cov = mean + moved, found
    return mean, cov, iteration, step


def _regression(cov: Floats, pattern: _Pattern) -> tuple[Floats, Floats]:
    """Coefficients of the missing on the present part, and the covariance that they leave.

    Where the present part is dependent (a linear constraint on the factors), the coefficients are those of least length,
    which give the same conditional mean.
    """
    known, across = cov[np.ix_(pattern.present, pattern.present)], cov[np.ix_(pattern.missing, pattern.present)]
    if not pattern.missing.size:
        return across, np.zeros((0, 0))
    within = cov[np.ix_(pattern.missing, pattern.missing)]
    root, failed = scipy.linalg.lapack.dpotrf(known, lower=1)
    if not failed and np.diag(root).min() ** 2 > _DEPENDENT * known.max():
        projected = scipy.linalg.solve_triangular(root, across.T, lower=True, check_finite=False)
        beta: Floats = scipy.linalg.solve_triangular(root, projected, lower=True, trans=1, check_finite=False).T
        return beta, within - projected.T @ projected
    values, vectors = np.linalg.eigh(known)
    usable = values > _DEPENDENT * values[-1]
    vectors = vectors[:, usable] / np.sqrt(values[usable])
    projected = vectors.T @ across.T
    return (vectors @ projected).T, within - projected.T @ projected
