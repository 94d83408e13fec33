"""Shrinkage of a sample covariance towards the identity times its mean variance."""

from typing import NamedTuple

import numpy as np

from sigmalake.numerics.types import Floats


class Shrunk(NamedTuple):
    """A shrunk covariance and how far it went."""

    cov: Floats  # (K, K) divisor T, the trace of the sample
    intensity: float  # s: 0 is the sample, 1 the scaled identity


def ledoit_wolf(deviations: Floats) -> Shrunk:
    """(1 - s) S + s m I, m = tr(S)/K, s = min(b^2, d^2) / d^2 (Ledoit and Wolf 2004).

    d^2 = |S - m I|^2 / K, b^2 = 1/T^2 sum_j |x_j x_j' - S|^2 / K, both in the Frobenius norm.

    Args:
        deviations: (T, K) centred returns x_j, equal weights.
    """
    n_periods, n_factors = deviations.shape
    sample = deviations.T @ deviations / n_periods
    distance = float(((sample - np.trace(sample) / n_factors * np.eye(n_factors)) ** 2).sum())
    fourth_moment = float(((deviations**2).sum(axis=1) ** 2).sum()) / n_periods
    noise = (fourth_moment - float((sample**2).sum())) / n_periods
    return _towards_identity(sample, min(noise, distance) / distance if distance > 0 else 0.0)


def oas(deviations: Floats) -> Shrunk:
    """(1 - s) S + s m I, m = tr(S)/K, s = min(1, (q + m^2) / ((T + 1) (q - m^2 / K))), q = tr(S S) / K^2.

    Oracle approximating shrinkage, Chen, Wiesel, Eldar and Hero 2010, equation 23 without its two terms in 2/K, as
    scikit-learn has it (**choice**).

    Args:
        deviations: (T, K) centred returns, equal weights.
    """
    n_periods, n_factors = deviations.shape
    sample = deviations.T @ deviations / n_periods
    mean_square = float((sample**2).mean())
    square_mean = float(np.trace(sample) / n_factors) ** 2
    spread = (n_periods + 1) * (mean_square - square_mean / n_factors)
    return _towards_identity(sample, min(1.0, (mean_square + square_mean) / spread) if spread > 0 else 1.0)


def _towards_identity(sample: Floats, intensity: float) -> Shrunk:
    target = np.trace(sample) / len(sample) * np.eye(len(sample))
    return Shrunk((1 - intensity) * sample + intensity * target, intensity)
