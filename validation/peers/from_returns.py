"""What a user would take without a factor model: estimators of V from a window of returns."""

from typing import NamedTuple

import numpy as np
from sklearn.covariance import ledoit_wolf_shrinkage
from validation.peers.forecasts import Factored, Forecast, Spectral

from sigmalake.numerics.types import Floats

COMPONENTS = 15


class Spectrum(NamedTuple):
    """Sample covariance of T returns of N assets: eigenvalues above 0, ascending, divisor T - 1."""

    values: Floats  # (K,) K = min(N, T - 1)
    vectors: Floats  # (N, K)


def spectrum(returns: Floats) -> Spectrum:
    """Of (T, N) returns without gaps, by a decomposition of the centred returns themselves."""
    n_periods, n_assets = returns.shape
    _, singular, across = np.linalg.svd(returns - returns.mean(axis=0), full_matrices=False)
    rank = min(n_assets, n_periods - 1)
    return Spectrum(singular[:rank][::-1] ** 2 / (n_periods - 1), across[:rank][::-1].T)


def sample(found: Spectrum) -> Spectral:
    """The sample covariance; without an inverse where there are as many assets as returns."""
    return Spectral(found.vectors, found.values, 0.0)


def ledoit_wolf(returns: Floats, found: Spectrum) -> Spectral:
    """Shrunk linearly towards the scaled identity (Ledoit and Wolf 2004), by the intensity that scikit-learn finds."""
    share = ledoit_wolf_shrinkage(returns)
    n_periods, n_assets = returns.shape
    values = found.values * (n_periods - 1) / n_periods
    level = values.sum() / n_assets
    return Spectral(found.vectors, (1 - share) * values + share * level, share * level)


def qis(found: Spectrum, n: int) -> Spectral:
    """Quadratic inverse shrinkage (Ledoit and Wolf 2022), by the formulas of the authors' own code, with n = T - 1.

    x_j = 1 / lambda_j of the positive sample eigenvalues, c = N / n, h = min(c^2, 1/c^2)^.35 / N^.35;
    theta_j = mean_i x_i (x_i - x_j) / ((x_i - x_j)^2 + x_i^2 h^2), H_j = mean_i x_i^2 h / ((x_i - x_j)^2 + x_i^2 h^2).
    For c <= 1: 1 / delta_j = (1-c)^2 x_j + 2 c (1-c) x_j theta_j + c^2 x_j (theta_j^2 + H_j^2); else
    1 / delta_j = x_j (theta_j^2 + H_j^2), and beyond the rank 1 / delta_0 = (c - 1) mean x. Scaled to the sample's trace.
    """
    n_assets = len(found.vectors)
    c, x = n_assets / n, 1 / found.values
    h = min(c**2, 1 / c**2) ** 0.35 / n_assets**0.35
    apart, squared = x[:, None] - x[None, :], (x**2)[:, None]
    below = apart**2 + squared * h**2
    theta, conjugate = (x[:, None] * apart / below).mean(axis=0), (squared * h / below).mean(axis=0)
    amplitude = theta**2 + conjugate**2
    if c <= 1:
        values, rest = 1 / ((1 - c) ** 2 * x + 2 * c * (1 - c) * x * theta + c**2 * x * amplitude), 0.0
    else:
        values, rest = 1 / (x * amplitude), float(1 / ((c - 1) * x.mean()))
    scale = found.values.sum() / (values.sum() + rest * (n_assets - len(values)))
    return Spectral(found.vectors, values * scale, rest * scale)


def principal_components(returns: Floats, found: Spectrum) -> Factored:
    """A statistical factor model: the first components of the returns, and each asset's variance beside them."""
    values, vectors = found.values[-COMPONENTS:], found.vectors[:, -COMPONENTS:]
    own = returns.var(axis=0, ddof=1) - (vectors**2 @ values)
    return Factored(vectors, np.diag(values), own)


def ewma(returns: Floats, half_life: float, share: float = 0.1) -> Factored:
    """Second moments with exponential weights, a tenth of the way to their diagonal."""
    ages = np.arange(len(returns))[::-1]
    weights = 2.0 ** (-ages / half_life)
    moved = returns * np.sqrt(weights / weights.sum())[:, None]
    return Factored(moved.T, (1 - share) * np.eye(len(returns)), share * (moved**2).sum(axis=0))


def from_returns(returns: Floats, half_life: float) -> dict[str, Forecast]:
    """By name, V from a window of (T, N) returns, newest last; QIS also from the newer half."""
    year = returns[-(len(returns) // 2) :]
    whole, newer = spectrum(returns), spectrum(year)
    return {
        "sample covariance": sample(whole),
        "Ledoit-Wolf": ledoit_wolf(returns, whole),
        "QIS": qis(whole, len(returns) - 1),
        "QIS, half the window": qis(newer, len(year) - 1),
        f"{COMPONENTS} principal components": principal_components(returns, whole),
        "EWMA of returns": ewma(returns, half_life),
    }
