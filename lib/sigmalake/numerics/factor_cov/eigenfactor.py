"""The eigenfactor adjustment: variances of Sigma's eigenfactors corrected for their bias, found by simulation."""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from math import isfinite
from typing import ClassVar, NamedTuple

import numpy as np

from sigmalake.numerics.factor_cov.window_cov import Components, complete_dates_cov
from sigmalake.numerics.settings import setting
from sigmalake.numerics.types import Floats

_RANK = 1e-12  # an eigenvalue with a smaller share of the largest is rounding
_DIGITS = 5  # binary digits of a simulated length below the window


@dataclass(frozen=True, kw_only=True)
class EigenfactorAdjustment:
    """Eigenvalues times v^2, the bias of a simulated estimator (Menchero, Wang, Orr 2011); see `adjust_eigenfactors`."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    simulations: int = setting(100, "simulated histories; 100 leave an error of v of some .01", unit="draws", source="choice")
    scale: float = setting(
        1.0,
        "a: v becomes a (v - 1) + 1; 1 takes the bias as simulated; 1.4 in [M], which overshoots: docs/factor_covariance.md",
        unit="factor",
        source="[E]",
    )
    seed: str | None = setting(None, "seed of the simulations, any text; none: model/variant")

    def __post_init__(self) -> None:
        if self.simulations < 2:
            raise ValueError(f"simulations is {self.simulations}; give 2 or more, 100 are usual")
        if not (isfinite(self.scale) and self.scale > 0):
            raise ValueError(f"scale is {self.scale}; it must be > 0: 1 takes the bias as simulated, 1.4 is usual")


class SharedDraws(NamedTuple):
    """The estimator's two components, applied to standard normals: they serve every Sigma0."""

    volatility: Floats  # (M, K, K)
    correlation: Floats  # (M, K, K) the same array where the components are one


class EigenAdjusted(NamedTuple):
    """Sigma after the adjustment."""

    cov: Floats  # (K, K)
    bias: Floats  # (K,) v of each eigenfactor before `scale`, eigenvalues ascending; 1 beyond the rank
    n_beyond_rank: int  # eigenfactors with an eigenvalue of 0, in Sigma0 or in a simulation: not adjusted
    n_unscaled: int  # eigenfactors whose a (v - 1) + 1 is not above 0: they take v


def shared_draws(seed: str, simulations: int, n_factors: int, n_periods: int, components: Components) -> SharedDraws:
    """Estimates from M x T x K standard normals, seeded by (seed, T, K, m), T the longer window.

    Normals are drawn newest first, so that a shorter history is the newer part of the same draws. Their length is the
    window's, or while the history is shorter the history's to 5 binary digits (**choice**: at most 1/16 less, far below the
    simulation error, so that the first years of a backtest share their draws too). Gaps in the history are not simulated.

    Args:
        seed: any text.
        simulations: M.
        n_factors: K; a date with fewer takes the leading block.
        n_periods: periods of history, from the oldest date used.
        components: the estimator.
    """
    lengths = tuple(simulated_periods(n_periods, component.window) for component in components.distinct)
    return _draws(seed, simulations, n_factors, lengths, components)


@lru_cache(maxsize=2)  # a task takes its variants one by one; 100 draws of 70 factors are 4 MB a part
def _draws(seed: str, simulations: int, n_factors: int, lengths: tuple[int, ...], components: Components) -> SharedDraws:
    """The draws of histories of these lengths, one for each component; many lengths of a young history are one here."""
    longest = max(component.window for component in components.distinct)
    key = np.frombuffer(hashlib.sha256(f"{seed}\x1f{longest}\x1f{n_factors}".encode()).digest(), dtype=np.uint32).tolist()
    estimates = np.empty((len(lengths), simulations, n_factors, n_factors))
    for m in range(simulations):
        normals = np.random.default_rng([*key, m]).standard_normal((max(lengths), n_factors))
        for number, ((_, half_life, lags), length) in enumerate(zip(components.distinct, lengths, strict=True)):
            estimates[number, m] = complete_dates_cov(normals[:length][::-1], half_life, lags, centre=components.centre).cov
    if components.unbiased:
        estimates *= lengths[0] / (lengths[0] - 1)
    estimates.setflags(write=False)
    volatility = estimates[0]
    return SharedDraws(volatility, volatility if len(estimates) == 1 else estimates[1])


def simulated_periods(n_periods: int, window: int) -> int:
    """The window, or a shorter history's length rounded down to 5 binary digits."""
    if n_periods >= window:
        return window
    shift = max(0, n_periods.bit_length() - _DIGITS)
    return n_periods >> shift << shift


def adjust_eigenfactors(cov: Floats, draws: SharedDraws, scale: float) -> EigenAdjusted:
    """U diag(s^2 D) U' with Sigma0 = U D U', s = a (v - 1) + 1, v_k^2 = mean_m [U_m' Sigma0 U_m]_kk / D_m(k).

    Menchero, Wang, Orr 2011. Sigma_m = U_m D_m U_m' is the estimate from returns U D^1/2 z with z standard normal. Both
    components of the estimator are quadratic in the returns, so Sigma_m is D_vol Corr D_vol of (U D^1/2) S_vol,m (U D^1/2)' and
    (U D^1/2) S_corr,m (U D^1/2)', with the S of `shared_draws`. Each column of U has its largest element positive.

    Args:
        cov: (K, K) Sigma0.
        draws: (M, K+, K+) each, K+ >= K: the leading block is used.
        scale: a.
    """
    size = len(cov)
    values, vectors = np.linalg.eigh(cov)
    vectors = vectors * np.sign(vectors[np.abs(vectors).argmax(axis=0), np.arange(size)])
    usable = values > _RANK * values[-1]
    root = vectors * np.sqrt(np.where(usable, values, 0.0))
    found, axes = np.linalg.eigh(_simulated(root, draws, size))
    usable &= (found > _RANK * found[:, -1:]).all(axis=0)
    true_var = (axes * (cov @ axes)).sum(axis=1)
    bias = np.ones(size)
    bias[usable] = np.sqrt((true_var[:, usable] / found[:, usable]).mean(axis=0))
    scaled = scale * (bias - 1) + 1
    positive = scaled > 0
    adjusted = (vectors * (np.where(positive, scaled, bias) ** 2 * np.maximum(values, 0.0))) @ vectors.T
    return EigenAdjusted((adjusted + adjusted.T) / 2, bias, int((~usable).sum()), int((~positive).sum()))


def _simulated(root: Floats, draws: SharedDraws, size: int) -> Floats:
    """(M, K, K) Sigma_m."""
    correlation = draws.correlation[:, :size, :size]
    mapped: Floats = root @ correlation @ root.T
    if draws.volatility is draws.correlation:
        return mapped
    volatility = draws.volatility[:, :size, :size].reshape(len(mapped), -1)
    pairs = (root[:, :, None] * root[:, None, :]).reshape(size, -1)  # a variance is quadratic: one product for all m
    variances = volatility @ pairs.T
    ratio = np.sqrt(variances / np.einsum("mkk->mk", mapped))
    simulated: Floats = mapped * ratio[:, :, None] * ratio[:, None, :]
    return simulated
