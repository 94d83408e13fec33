"""What the measures say of models whose truth is known: right ones, wrong ones, and adjusted ones."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from validation.worlds import DEGREES, History, World, draw_history, forecast, generate_world, right_forecasts, without_assets

from sigmalake.numerics.evaluation.forecast_evaluation import DateForecast, EvaluationKind, EvaluationRules, evaluate_date
from sigmalake.numerics.evaluation.forecast_measures import ForecastRun, bias, bias_band, q_statistic, rolling_deviation
from sigmalake.numerics.factor_cov.layered import LayeredFactorCov
from sigmalake.numerics.specific_risk.layered import LayeredSpecificVar
from sigmalake.numerics.types import Floats, Ints

KURTOSIS = 3 + 6 / (DEGREES - 4)  # of t


class Calibration(NamedTuple):
    """A kind of portfolio under one model."""

    kind: str
    n_portfolios: int
    n_dates: int
    bias: float  # mean over portfolios
    in_band: float  # share of portfolios with B within the band of normal returns
    in_wide_band: float  # within that of the kurtosis of t with 5 degrees of freedom
    mrad: float  # over 60 dates
    q: float


def runs_of(dates: Iterable[DateForecast], rules: EvaluationRules) -> dict[tuple[EvaluationKind, str], ForecastRun]:
    """Every portfolio's forecasts over the dates."""
    rows: dict[tuple[EvaluationKind, str], list[tuple[float, ...]]] = {}
    for date in dates:
        for part in evaluate_date(date, rules):
            for name, row in zip(part.portfolios, zip(*part.run, strict=True), strict=True):
                rows.setdefault((part.kind, name), []).append(row)
    return {key: ForecastRun(*map(np.array, zip(*found, strict=True))) for key, found in rows.items()}


def calibrations(runs: Mapping[tuple[EvaluationKind, str], ForecastRun]) -> list[Calibration]:
    """The measures by kind."""
    found = []
    for kind in dict.fromkeys(kind for kind, _ in runs):
        own = [run for (of, _), run in runs.items() if of is kind]
        B = np.array([bias(run) for run in own])
        n = len(own[0].b)
        shares = [float((np.abs(B - 1) <= bias_band(n, kurtosis)).mean()) for kurtosis in (3, KURTOSIS)]
        mrad, q = (float(np.mean([measure(run) for run in own])) for measure in (lambda r: rolling_deviation(r, 60), q_statistic))
        found.append(Calibration(kind.value, len(own), n, float(B.mean()), *shares, mrad, q))
    return found


def right_model(
    n_assets: int, n_factors: int, n_dates: int, seed: int, *, fat_tails: bool = False, doubles: bool = False
) -> list[Calibration]:
    """The measures of forecasts made with the true Sigma, Delta and level."""
    world = generate_world(n_assets, n_factors, seed)
    history = draw_history(world, n_dates, seed + 1, fat_tails=fat_tails, doubles_at=n_dates // 2 if doubles else None)
    return calibrations(runs_of(right_forecasts(world, history), EvaluationRules(random_active=20)))


def blind_model(n_assets: int, n_factors: int, n_dates: int, seed: int) -> list[Calibration]:
    """The measures of a forecast that does not see every volatility double half-way, and is right on average."""
    world = generate_world(n_assets, n_factors, seed)
    history = draw_history(world, n_dates, seed + 1, doubles_at=n_dates // 2)
    average = float(np.sqrt((history.level**2).mean()))
    unmoved = World(world.exposures, world.factor_cov * average**2, world.specific_var * average**2, world.caps)
    dates = right_forecasts(unmoved, history._replace(level=np.ones(n_dates)))
    return calibrations(runs_of(dates, EvaluationRules(random_active=20)))


def factor_forecasts(estimator: LayeredFactorCov, F: Floats, dates: Sequence[int]) -> Iterable[DateForecast]:
    """Forecasts of rows of F from the rows before each."""
    for t in dates:
        yield without_assets(estimator.estimate(F[max(0, t - estimator.look_back) : t]).cov, F[t])


def eigenfactor_bias(estimator: LayeredFactorCov, n_factors: int, n_dates: int, seed: int) -> Floats:
    """(K,) B of each eigenfactor, the least variance first, over dates whose Sigma is estimated from the dates before them."""
    world = generate_world(0, n_factors, seed)
    F = draw_history(world, estimator.look_back + n_dates, seed + 1).factor_returns
    runs = runs_of(factor_forecasts(estimator, F, range(estimator.look_back, len(F))), EvaluationRules())
    return np.array([bias(run) for (kind, _), run in sorted(runs.items()) if kind is EvaluationKind.EIGENFACTOR])


def bias_after_doubling(estimator: LayeredFactorCov, n_factors: int, after: int, seed: int) -> float:
    """Root mean square of b of all factors together, which is B about 0, over the dates after every volatility doubled."""
    world = generate_world(0, n_factors, seed)
    F = draw_history(world, estimator.look_back + after, seed + 1, doubles_at=estimator.look_back).factor_returns
    runs = runs_of(factor_forecasts(estimator, F, range(estimator.look_back, len(F))), EvaluationRules())
    squares = [run.b_squared.mean() for (kind, _), run in runs.items() if kind is EvaluationKind.FACTOR]
    return float(np.sqrt(np.mean(squares)))


def specific_bias_by_volatility(estimator: LayeredSpecificVar, world: World, history: History, first: int) -> Floats:
    """(10,) B of specific returns, by decile of the forecast: rows from `first` on, from the rows before each."""
    u = history.specific_returns
    as_of = np.arange(first - 1, len(u) - 1)
    return bias_by_volatility(world, history, as_of, estimator.estimate(u, as_of).var)


def bias_by_volatility(world: World, history: History, as_of: Ints, specific_var: Floats) -> Floats:
    """(10,) B of specific returns by decile of the forecast, from (A, N) forecasts as of A rows."""
    f, u = history.factor_returns, history.specific_returns
    dates = (forecast(world, world.factor_cov, var, f[t + 1], u[t + 1]) for t, var in zip(as_of, specific_var, strict=True))
    runs = runs_of(dates, EvaluationRules(random_active=0, minimum_variance=0))
    return np.array([bias(run) for (kind, _), run in sorted(runs.items()) if kind is EvaluationKind.SPECIFIC_BY_VOLATILITY])
