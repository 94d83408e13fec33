"""The layers of Delta: the spread of B over deciles of forecast specific volatility, alone and with a layer."""

from typing import NamedTuple

import numpy as np
from validation.experiments import bias_by_volatility
from validation.worlds import World, draw_history, generate_world

from sigmalake.numerics.factors import Factor, Kind
from sigmalake.numerics.specific_risk.estimators import SampleSpecificVar
from sigmalake.numerics.specific_risk.layers import Coverage, specific_history, specific_risk
from sigmalake.numerics.specific_risk.size_shrinkage import SizeShrinkage
from sigmalake.numerics.specific_risk.structural_vol import StructuralModel
from sigmalake.numerics.types import Bools, Floats

SHORT = 20  # dates of the short window
YEAR = 252
CASES = {
    "a window of 20 dates, alone": (SHORT, {}),
    "the same, shrunk by size, q = .1": (SHORT, {"size_shrinkage": SizeShrinkage()}),
    "the same, shrunk by size, q = 1": (SHORT, {"size_shrinkage": SizeShrinkage(q=1.0)}),
    "252 dates, half of the names listed 10 to 15 dates ago, alone": (YEAR, {}),
    "the same, with the structural model": (YEAR, {"structural": StructuralModel()}),
    "the same, with it and shrunk by size, q = .1": (YEAR, {"structural": StructuralModel(), "size_shrinkage": SizeShrinkage()}),
}


class Spread(NamedTuple):
    """B by decile of one case."""

    case: str
    bias: Floats  # (10,)
    spread: float


def spreads(n_assets: int, n_dates: int, seed: int) -> list[Spread]:
    """Every case."""
    world = generate_world(n_assets, 3, seed, dispersion=0.1)
    return [_spread(name, world, window, layers, n_dates, seed) for name, (window, layers) in CASES.items()]


def _spread(name: str, world: World, window: int, layers: dict[str, object], n_dates: int, seed: int) -> Spread:
    estimator = SampleSpecificVar(window=window, min_periods=10, **layers)
    history = draw_history(world, window + n_dates, seed + 1)
    as_of = np.arange(window - 1, window + n_dates - 1)
    coverage, listed = _coverage(world), _listed(len(world.caps), window, seed)
    var = []
    for t in as_of:
        seen = np.where(listed, history.specific_returns[t - window + 1 : t + 1], np.nan)
        var.append(specific_risk(specific_history(estimator, seen, np.array([window - 1])), 0, coverage).specific_var)
    B = bias_by_volatility(world, history, as_of, np.array(var))
    return Spread(name, B, float(B.max() - B.min()))


def _coverage(world: World) -> Coverage:
    """Every asset, with a market and its size."""
    log_cap = np.log(world.caps)
    size = (log_cap - np.average(log_cap, weights=world.caps)) / log_cap.std()
    X = np.column_stack([np.ones(len(size)), size])
    factors = [Factor("market", "market", Kind.MARKET), Factor("size", "style", Kind.STYLE)]
    return Coverage(np.arange(len(size)), np.ones(len(size), dtype=bool), X, factors, world.caps, None)


def _listed(n_assets: int, window: int, seed: int) -> Bools:
    """(T, N) dates of the window with a return: with a year's window, half of the names have some 10 to 15 of them."""
    n_obs = np.full(n_assets, window)
    if window == YEAR:
        n_obs[::2] = np.random.default_rng(seed).integers(10, 16, len(n_obs[::2]))
    return np.arange(window)[:, None] >= window - n_obs
