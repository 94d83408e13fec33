"""How often each test says no: to forecasts that are right, over horizons that overlap, and to forecasts that are not."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from sigmalake.numerics.evaluation.forecast_measures import ForecastRun, bias, bias_band, standardise
from sigmalake.numerics.evaluation.forecast_tests import bias_error, diebold_mariano, effective_forecasts, mincer_zarnowitz
from sigmalake.numerics.types import Floats

LEVEL = 0.05
DEGREES = 5
HORIZONS = (1, 5, 21)
RIGHT, LOW, BLIND = "none", "a tenth too low", "half of the swings unseen"
SWING, PERIOD = 0.3, 250  # of the logarithm of volatility, either way, and its dates
SCALES = (1.0, 1.025, 1.05, 1.075, 1.1, 1.15, 1.2)  # true volatility over the forecast's, of every date


class Rejections(NamedTuple):
    """Shares of simulated histories in which a test at 5 % says no."""

    naive: float  # |B - 1| beyond the band of as many forecasts that do not overlap
    band: float  # beyond that of the effective number
    error: float  # beyond 2 of its standard errors
    regression: float  # Mincer and Zarnowitz
    compared: float  # Diebold and Mariano: of two forecasts that are equally wrong, or of the wrong one against the right one


class Case(NamedTuple):
    """What was simulated."""

    horizon: int
    returns: str
    error: str
    rejections: Rejections


def size_and_power(n_dates: int, samples: int, seed: int) -> list[Case]:
    """Right forecasts of normal and of fat-tailed returns by horizon, then wrong ones of normal returns."""
    normal, fat = "normal", f"t with {DEGREES} degrees of freedom"
    cases = [(h, returns, RIGHT) for returns in (normal, fat) for h in HORIZONS]
    cases += [(h, normal, error) for error in (LOW, BLIND) for h in HORIZONS]
    found = []
    for horizon, returns, error in cases:
        rng = np.random.default_rng([seed, horizon])
        said = [_said(rng, n_dates, horizon, error, fat=returns == fat) for _ in range(samples)]
        found.append(Case(horizon, returns, error, Rejections(*np.mean(said, axis=0).tolist())))
    return found


def power_curves(n_dates: int, samples: int, seed: int) -> Mapping[int, list[float]]:
    """By horizon, how often the band of B refuses forecasts that are too low by each of `SCALES`, normal returns."""
    found = {}
    for horizon in HORIZONS:
        rng = np.random.default_rng([seed, horizon])
        B = np.array([bias(_run(*_history(rng, n_dates, horizon, fat=False))) for _ in range(samples)])
        band = bias_band(effective_forecasts(n_dates, horizon))
        found[horizon] = [float(np.mean(np.abs(scale * B - 1) > band)) for scale in SCALES]
    return found


def _history(rng: np.random.Generator, n_dates: int, horizon: int, *, fat: bool) -> tuple[Floats, Floats]:
    """Returns of each h periods, as of every date, and their true volatility, which swings and is known."""
    n = n_dates + horizon - 1
    vol = np.exp(SWING * np.sin(2 * np.pi * np.arange(n) / PERIOD))
    shocks = rng.standard_t(DEGREES, n) / np.sqrt(DEGREES / (DEGREES - 2)) if fat else rng.standard_normal(n)
    ones = np.ones(horizon)
    return np.convolve(vol * shocks, ones, "valid"), np.sqrt(np.convolve(vol**2, ones, "valid"))


def _said(rng: np.random.Generator, n_dates: int, horizon: int, error: str, *, fat: bool) -> tuple[bool, ...]:
    R, true_vol = _history(rng, n_dates, horizon, fat=fat)
    if error == RIGHT:
        vol = true_vol
        pair = [true_vol * np.exp(0.1 * rng.standard_normal(n_dates)) for _ in range(2)]
    else:
        half = np.sqrt(true_vol)
        vol = true_vol / 1.1 if error == LOW else half * np.sqrt((true_vol**2 / half**2).mean())
        pair = [vol, true_vol]
    run = _run(R, vol)
    off = abs(bias(run) - 1)
    one, other = (np.log(of**2) + (R / of) ** 2 for of in pair)
    return (
        off > bias_band(n_dates),
        off > bias_band(effective_forecasts(n_dates, horizon)),
        off > 2 * bias_error(run, horizon),
        mincer_zarnowitz(run.b_squared, vol**2, horizon).p_value < LEVEL,
        diebold_mariano(one, other, horizon).p_value < LEVEL,
    )


def _run(R: Floats, vol: Floats) -> ForecastRun:
    return standardise(vol, R, np.arange(len(R)), len(R))
