"""Who is in a cross-section's fit, and which factors the exposures alone rule out."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from sigmalake.numerics.factors import Factor, Kind
from sigmalake.numerics.regression.rules import RegressionRules, Thin
from sigmalake.numerics.regression.thin_memberships import WithoutThin, drop_thin_memberships, nothing_dropped, thin_memberships
from sigmalake.numerics.types import Bools, Floats, Ints

CONSTANT = 1e-12  # a style that varies by less, relative to its size, varies by rounding


class EstimationSample(NamedTuple):
    """The assets and exposures that a fit is made of."""

    exposures: Floats  # (N, K) with the shares of dropped factors moved
    weights: Floats  # (N,) mean 1 over the fit, 0 elsewhere
    fitted: Bools  # (N,)
    stranded: Bools  # (N,) assets that only a dropped factor explains
    dropped: Bools  # (K,) thin memberships taken out
    empty: Bools  # (K,) zero over the fit
    constant: Bools  # (K,) styles without variation over the fit, empty ones too
    thin: Bools  # (K,) memberships with too few effective members, kept
    n_members: Ints  # (K,) fitted assets with a non-zero exposure


def ruled_sample(
    returns: Floats, exposures: Floats, weights: Floats, factors: Sequence[Factor], rules: RegressionRules
) -> EstimationSample:
    """The sample of a date: assets with a weight and a return, thin factors as the rules say.

    Args:
        returns: (N,) NaN is missing.
        exposures: (N, K).
        weights: (N,) unnormalised, 0 outside the fit.
        factors: the K columns.
        rules: `thin` and `min_members`.
    """
    usable = np.where(np.isfinite(returns), weights, 0.0)
    if rules.thin != Thin.DROP:
        return estimation_sample(nothing_dropped(exposures, usable), factors, rules.min_members)
    kept = drop_thin_memberships(exposures, usable, factors, rules.min_members)
    sample = estimation_sample(kept, factors, rules.min_members)
    if not kept.dropped.any():
        return sample
    before = np.count_nonzero(exposures[usable > 0.0], axis=0)
    return sample._replace(n_members=np.where(sample.dropped, before, sample.n_members))


def estimation_sample(kept: WithoutThin, factors: Sequence[Factor], min_members: float) -> EstimationSample:
    """The sample after thin factors were dropped, or with none dropped.

    Args:
        kept: exposures and unnormalised weights, 0 for assets without a return.
        factors: the K columns.
        min_members: effective members below which a membership factor is thin.
    """
    fitted = kept.weights > 0.0
    members = kept.exposures[fitted]
    n_members = np.count_nonzero(members, axis=0)
    return EstimationSample(
        exposures=kept.exposures,
        weights=_mean_one(kept.weights, fitted),
        fitted=fitted,
        stranded=kept.stranded,
        dropped=kept.dropped,
        empty=(n_members == 0) & ~kept.dropped,
        constant=_constant_styles(members, factors),
        thin=thin_memberships(kept.exposures, kept.weights, factors, min_members),
        n_members=n_members,
    )


def _constant_styles(members: Floats, factors: Sequence[Factor]) -> Bools:
    constant = np.zeros(len(factors), dtype=np.bool_)
    styles = [position for position, factor in enumerate(factors) if factor.kind is Kind.STYLE]
    values = members[:, styles]
    lowest, highest = values.min(axis=0, initial=np.inf), values.max(axis=0, initial=-np.inf)
    constant[styles] = highest - lowest <= CONSTANT * np.maximum(np.abs(lowest), np.abs(highest))
    return constant


def _mean_one(weights: Floats, fitted: Bools) -> Floats:
    if not fitted.any():
        return np.zeros_like(weights)
    relative: Floats = weights / weights.max()
    return relative * (int(fitted.sum()) / float(relative.sum()))
