"""Markets whose Sigma and Delta are known, as arrays: what a forecast should be is no estimate here."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from sigmalake.numerics.evaluation.forecast_evaluation import DateForecast
from sigmalake.numerics.types import Floats

DEGREES = 5  # of freedom of the fat tails: a kurtosis of 9


class World(NamedTuple):
    """A market that stands still: only returns are drawn."""

    exposures: Floats  # (N, K): a market, and styles
    factor_cov: Floats  # (K, K) fraction^2 a day
    specific_var: Floats  # (N,) fraction^2 a day
    caps: Floats  # (N,)


class History(NamedTuple):
    """What was drawn."""

    factor_returns: Floats  # (T, K)
    specific_returns: Floats  # (T, N)
    level: Floats  # (T,) true volatility of the date over the world's


def generate_world(n_assets: int, n_factors: int, seed: int, dispersion: float = 0.35) -> World:
    """Volatilities and correlations of a usual size; specific volatilities fall with size, and scatter by `dispersion`.

    Args:
        n_assets: N.
        n_factors: K.
        seed: the same seed, the same world.
        dispersion: standard deviation of ln(specific volatility) around its mean given size.
    """
    rng = np.random.default_rng(seed)
    X = np.column_stack([np.ones(n_assets), rng.normal(size=(n_assets, n_factors - 1))])
    vols = np.r_[0.01, np.geomspace(0.006, 0.0015, n_factors - 1)]
    causes = rng.normal(0, 0.35, (n_factors, 3))
    cov = causes @ causes.T + np.eye(n_factors)
    scale = vols / np.sqrt(np.diag(cov))
    size = rng.normal(size=n_assets)
    log_vol = np.log(0.018) - 0.15 * size + rng.normal(0, dispersion, n_assets)
    return World(X, cov * np.outer(scale, scale), np.exp(2 * log_vol), np.exp(8 + 1.2 * size))


def draw_history(world: World, n_dates: int, seed: int, *, fat_tails: bool = False, doubles_at: int | None = None) -> History:
    """Returns of independent shocks with a variance of 1, mixed by the roots of Sigma and Delta.

    Args:
        world: what is true.
        n_dates: T.
        seed: of the shocks.
        fat_tails: shocks are t with 5 degrees of freedom, scaled to a variance of 1, instead of normal.
        doubles_at: the date from which every volatility is twice the world's.
    """
    rng = np.random.default_rng(seed)
    n_assets, n_factors = world.exposures.shape
    shape = (n_dates, n_factors + n_assets)
    shocks = rng.standard_t(DEGREES, shape) * np.sqrt((DEGREES - 2) / DEGREES) if fat_tails else rng.standard_normal(shape)
    level = np.where(np.arange(n_dates) < (n_dates if doubles_at is None else doubles_at), 1.0, 2.0)
    f = shocks[:, :n_factors] @ np.linalg.cholesky(world.factor_cov).T
    u = shocks[:, n_factors:] * np.sqrt(world.specific_var)
    return History(f * level[:, None], u * level[:, None], level)


def right_forecasts(world: World, history: History) -> Iterator[DateForecast]:
    """Each date with the forecast of one who knows the world and its level."""
    for f, u, level in zip(*history, strict=True):
        yield forecast(world, world.factor_cov * level**2, world.specific_var * level**2, f, u)


def forecast(world: World, factor_cov: Floats, specific_var: Floats, f: Floats, u: Floats) -> DateForecast:
    """A date's forecast beside what followed; every asset is in the estimation universe."""
    n_assets, n_factors = world.exposures.shape
    usable = ~np.isnan(specific_var)
    return DateForecast(
        [f"f{k:02d}" for k in range(n_factors)], factor_cov, f, [f"A{n:04d}" for n in range(n_assets)], world.exposures,
        specific_var, usable, world.caps, np.ones(n_assets, dtype=bool), world.exposures @ f + u, u,
    )  # fmt: skip


def without_assets(factor_cov: Floats, f: Floats) -> DateForecast:
    """A date of factors alone."""
    none = np.empty(0)
    return DateForecast(
        [f"f{k:02d}" for k in range(len(f))], factor_cov, f, [], np.empty((0, len(f))), none, none.astype(bool), none,
        none.astype(bool), none, none,
    )  # fmt: skip
