"""Serial correlation of specific returns: their long-run variance over the plain one."""

from math import isfinite

import numpy as np

from sigmalake.numerics.factor_cov.newey_west import newey_west
from sigmalake.numerics.types import Floats, Ints
from sigmalake.numerics.windows.ewma import Weighting, check_history
from sigmalake.numerics.windows.rolling_windows import as_of_blocks, band, check_as_of
from sigmalake.numerics.windows.weighted_var import weighted_deviations


def variance_ratio(specific_returns: Floats, as_of: Ints, weighting: Weighting, lags: int, *, centre: bool) -> Floats:
    """C = 1 + 2 sum_{l=1..L} (1 - l/(L+1)) rho_l, rho_l = G_l / G_0, G_l = sum_j x_j x_{j-l} (Newey and West 1987).

    x_j = sqrt(a_j) (u_j - ubar), 0 in a period without a return: a lag counts periods of the calendar, and C >= 0.
    Computed as G_0 C = 1/(L+1) sum_s y_s^2, y_s = x_s + ... + x_{s-L}. Within the window
    y_s = 2^(-age/(2 HL)) (P_s - ubar Q_s), P and Q sums of L+1 neighbours that are the same for every as-of date, so that
    a band times P^2, P Q and Q^2 serves all of them; the sums cut off by the window's two ends are added one by one.

    Args:
        specific_returns: (R, N) fractions, newest last, NaN where missing.
        as_of: (A,) positions of rows.
        weighting: window and half-life of a_j, periods.
        lags: L, 1 or more, below the window.
        centre: ubar the mean with the same weights, else 0.

    Returns:
        (A, N) C; 1 where the window has no variation.
    """
    check_history("specific_returns", specific_returns)
    check_as_of(as_of, len(specific_returns))
    ratio = np.ones((as_of.size, specific_returns.shape[1]))
    for block, rows in as_of_blocks(as_of, weighting.window):
        ratio[block] = _of_block(specific_returns[rows[0] : rows[-1] + 1], as_of[block] - rows[0], weighting, lags, centre)
    return ratio


def check_bounds(name: str, bounds: tuple[float, float]) -> None:
    """Refuse bounds of the ratio that do not hold 1, the plain variance."""
    low, high = bounds
    if not (0 < low <= 1 <= high and isfinite(high)):
        raise ValueError(f"{name} is [{low}, {high}]; it must hold 1, the plain variance, and begin above 0, e.g. [0.25, 4]")


def _of_block(u: Floats, as_of: Ints, weighting: Weighting, lags: int, centre: bool) -> Floats:
    window, half_life = weighting
    observed = (~np.isnan(u)).astype(np.float64)
    values = np.nan_to_num(u, nan=0.0)
    weights = band(as_of, np.arange(len(u)), window, half_life)
    total = np.maximum(weights @ observed, np.finfo(np.float64).tiny)  # 0 without any observation
    mean = weights @ values / total if centre else np.zeros_like(total)
    plain = weights @ values**2 - mean**2 * total
    ratio = np.ones_like(plain)
    varies = plain > 0
    long_run = _long_run(values, observed, mean, as_of, weighting, lags)
    ratio[varies] = long_run[varies] / plain[varies]
    row, asset = np.nonzero((mean**2 * total > 4 * plain) & (mean != 0))  # as in `weighted_var`, digits are lost there
    ratio[row, asset] = _from_deviations(u, as_of[row], asset, weighting, lags)
    return ratio


def _long_run(values: Floats, observed: Floats, mean: Floats, as_of: Ints, weighting: Weighting, lags: int) -> Floats:
    """(A, N) 1/(L+1) sum_s y_s^2."""
    window, half_life = weighting
    inner = band(as_of, np.arange(len(values)), window - lags, half_life)
    fading = np.exp2(-np.arange(lags + 1) / (2 * half_life))
    p, q = (_neighbours(series, fading) for series in (values, observed))
    squares: Floats = inner @ p**2 - 2 * mean * (inner @ (p * q)) + mean**2 * (inner @ q**2)
    squares += _cut_off(values, observed, mean, as_of, fading[:-1])
    oldest = as_of - window + 1
    rising = np.exp2(-(window - 1 - np.arange(lags)) / (2 * half_life))
    squares += _cut_off(values, observed, mean, oldest, rising, forward=True)
    return squares / (lags + 1)


def _neighbours(series: Floats, fading: Floats) -> Floats:
    """(R, N) sum_l fading_l series_{s-l}."""
    sums: Floats = fading[0] * series
    for lag in range(1, len(fading)):
        sums[lag:] += fading[lag] * series[:-lag]
    return sums


def _cut_off(values: Floats, observed: Floats, mean: Floats, edge: Ints, root_weights: Floats, *, forward: bool = False) -> Floats:
    """(A, N) the squares of the sums of 1, ..., L rows at one end of the window, from its outermost row inwards."""
    running, squares = np.zeros_like(mean), np.zeros_like(mean)
    for step, root_weight in enumerate(root_weights):
        rows = edge + step if forward else edge - step
        there = ((rows >= 0) & (rows < len(values)))[:, None]
        rows = np.clip(rows, 0, len(values) - 1)
        running += np.where(there, root_weight * (values[rows] - mean * observed[rows]), 0.0)
        squares += running**2
    return squares


def _from_deviations(u: Floats, as_of: Ints, asset: Ints, weighting: Weighting, lags: int) -> Floats:
    """(M,) the ratio of each pair of as-of row and asset, one after the other."""
    ratio = np.ones(as_of.size)
    for pair, (row, column) in enumerate(zip(as_of, asset, strict=True)):
        weights, deviations = weighted_deviations(u, np.array([row]), np.array([column]), *weighting)
        x = (np.sqrt(weights) * deviations).T
        plain = float(newey_west(x, 0)[0, 0])
        if plain > 0:
            ratio[pair] = newey_west(x, lags)[0, 0] / plain
    return ratio
