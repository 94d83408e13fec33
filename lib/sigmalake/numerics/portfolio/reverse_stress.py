"""Reverse stress: the likeliest factor returns with which a portfolio loses a given amount."""

from typing import NamedTuple

import numpy as np
import scipy

from sigmalake.numerics.types import Floats


class ReverseStress(NamedTuple):
    """The likeliest factor returns that lose an amount, and how unlikely they are if factor returns are normal with mean 0."""

    factor_returns: Floats  # (K,) f* = -loss Sigma x / (x' Sigma x), fractions; x'f* = -loss
    distance: float  # Mahalanobis distance sqrt(f*' Sigma^-1 f*) = loss / sqrt(x' Sigma x), in standard deviations
    probability: float  # that factor returns lose at least as much, 1 - Phi(distance)


def reverse_stress(exposures: Floats, factor_cov: Floats, loss: float) -> ReverseStress:
    """f* = -loss Sigma x / (x' Sigma x), which maximises the density of N(0, Sigma) over all f with x'f = -loss.

    It is also the mean of f given that the loss is `loss`. Sigma may be singular: f* lies in its range.

    Source: Breuer, Jandacka, Rheinberger and Summer, How to find plausible, severe, and useful stress scenarios (2009), for the
    Mahalanobis distance as the measure of plausibility; the solution is that of a Lagrange multiplier.

    Args:
        exposures: (K,) x of the portfolio.
        factor_cov: (K, K) fraction^2 over the horizon.
        loss: > 0, fraction of the value.

    Raises:
        ValueError: the factors give the portfolio no risk, so that no move of them loses anything.
    """
    factor_part = factor_cov @ exposures
    variance = float(exposures @ factor_part)
    if not variance > 0:
        raise ValueError("the factors give the portfolio no risk: no factor move loses anything")
    distance = loss / float(np.sqrt(variance))
    return ReverseStress(-loss * factor_part / variance, distance, float(scipy.special.ndtr(-distance)))
