"""Serial correlation in a covariance: the Newey-West sum over lags."""

import numpy as np

from sigmalake.numerics.types import Floats, Ints


def newey_west(deviations: Floats, lags: int) -> Floats:
    """C = G_0 + sum_{l=1..L} (1 - l/(L+1)) (G_l + G_l'), G_l = sum_j x_j x_{j-l}' (Newey and West 1987).

    Computed as 1/(L+1) sum_s y_s y_s' with y_s = x_s + ... + x_{s-L}, the sums of L+1 neighbours with zeros beyond both
    ends: the same number, and positive semi-definite by construction.

    Args:
        deviations: (T, K) x_j = sqrt(a_j) (f_j - fbar), a row a period; a period without an observation is a row of zeros.
        lags: L >= 0; 0 is the plain covariance.
    """
    n_rows = len(deviations)
    sums = np.zeros((n_rows + lags, deviations.shape[1]))
    for lag in range(lags + 1):
        sums[lag : lag + n_rows] += deviations
    cov: Floats = sums.T @ sums / (lags + 1)
    return cov


def on_calendar(deviations: Floats, rows: Ints) -> Floats:
    """Deviations of the observed periods at their places in the calendar, zeros between: a lag counts periods.

    Args:
        deviations: (n, K).
        rows: (n,) their positions, ascending.
    """
    placed = np.zeros((rows[-1] - rows[0] + 1, deviations.shape[1]))
    placed[rows - rows[0]] = deviations
    return placed


def check_lags(name: str, lags: int, window: int) -> None:
    """Refuse a number of lags outside 0 to the window."""
    if not 0 <= lags < window:
        raise ValueError(f"{name} is {lags}; it must be from 0 (no serial correlation) to below the window of {window} periods")
