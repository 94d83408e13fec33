"""What `forecast_evaluation` says of each variant: the measures by kind of portfolio, beside what a right model would show."""

from collections.abc import Collection, Sequence
from datetime import date
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from sigmalake.numerics.evaluation.forecast_evaluation import EvaluationKind
from sigmalake.numerics.evaluation.forecast_measures import (
    ForecastRun,
    bias,
    bias_band,
    expected_deviation,
    q_band,
    q_statistic,
    qlike,
    rolling_deviation,
)
from sigmalake.numerics.evaluation.forecast_tests import bias_error, diebold_mariano, effective_forecasts, mincer_zarnowitz

READ = (
    "variant", "horizon", "kind", "portfolio", "date", "return_date", "n_forecasts", "n_zero", "n_left_out", "vol",
    "realised_return", "b", "b_squared", "log_var", "log_b_squared",
)  # fmt: skip
"""The columns of `forecast_evaluation` that a summary reads."""

_OF_THE_VARIANT = (
    EvaluationKind.EIGENFACTOR, EvaluationKind.MINIMUM_VARIANCE, EvaluationKind.ASSET_BY_VOLATILITY,
    EvaluationKind.SPECIFIC_BY_VOLATILITY,
)  # fmt: skip
"""Kinds of portfolios that depend on the variant, so that variants have different ones."""

_LEVEL = 0.05  # of a test that says no
_DAYS_A_YEAR = 365.25
_ROUNDING = 1e-12  # of a return that is the same


class PortfolioMeasures(NamedTuple):
    """The measures of one portfolio's forecasts by one variant; NaN if there are too few forecasts."""

    variant: str
    kind: str
    portfolio: str
    n_dates: int  # T, with a forecast
    bias: float
    bias_band: float  # about 1, of T normal returns, fewer where horizons overlap
    bias_error: float  # standard error of B from these forecasts, with their tails and their memory
    rolling_deviation: float  # mean |rolling B - 1|
    q: float
    q_band: float  # about 2.2704
    qlike: float
    mz_intercept: float  # Mincer and Zarnowitz: 0, and
    mz_slope: float  # 1 of a right forecast
    mz_p_value: float  # of both at once


class KindMeasures(NamedTuple):
    """The measures of all portfolios of one kind by one variant, as means over the portfolios."""

    variant: str
    kind: str
    n_portfolios: int
    first_date: date  # with a forecast
    last_date: date
    n_dates: int  # T, the most of any portfolio
    horizon: int  # h, periods
    n_effective: float  # independent forecasts that tell as much of B as T that overlap
    n_without: int  # rows without a forecast
    n_zero: int  # returns of exactly 0
    n_left_out: int  # assets, over all rows
    bias: float  # mean B
    bias_spread: float  # largest B - smallest B
    deviation: float  # mean |B - 1|
    expected_deviation: float  # of a right normal forecast, at T
    bias_error: float  # standard error of B, mean over portfolios
    n_in_band: int  # portfolios with B within 1 +- sqrt(2 / T), T the effective ones
    n_mz_rejected: int  # portfolios whose forecasts a Mincer-Zarnowitz regression refuses at 5 %
    rolling_window: int  # forecasts
    mrad: float  # over the portfolios with that many
    expected_mrad: float
    q: float
    q_band: float  # of one portfolio
    qlike: float  # over the forecasts of a return that every variant has forecast
    n_common: int  # rows of these


class Comparison(NamedTuple):
    """Whether two variants' QLIKE differ on the same returns (Diebold and Mariano 1995), mean over a kind's portfolios by date."""

    kind: str
    variant: str
    other: str
    horizon: int
    n_dates: int
    difference: float  # QLIKE of the variant less that of the other: below 0, the variant is better
    std_error: float
    p_value: float  # two-sided, of no difference; NaN: too few dates


class EvaluationSummary(NamedTuple):
    """The measures of every variant over one horizon, side by side."""

    kinds: list[KindMeasures]  # by kind, then variant
    portfolios: list[PortfolioMeasures]
    comparisons: list[Comparison]  # by kind, then pair of variants


def at_horizon(rows: pa.Table, horizon: int) -> pa.Table:
    """The rows of one horizon. Those that earlier versions wrote have the horizon 0, and count as 1."""
    return rows.filter(pc.equal(pc.max_element_wise(rows.column("horizon"), 1), horizon))


def summarise(rows: pa.Table, rolling_window: int | None, by_month: Collection[str] = (), horizon: int = 1) -> EvaluationSummary:
    """The measures of model 7 over one horizon, from rows of `forecast_evaluation`.

    Bias, MRAD and Q have a target of their own, and each variant is held to it on all of its dates. QLIKE has none: it compares
    variants of one frequency, over the portfolios and dates on which all of them forecast the same return. Eigenfactors, minimum
    variance and deciles by volatility are not the same portfolios under two variants.

    Args:
        rows: the columns of `READ`.
        rolling_window: forecasts of a rolling bias; None: those of 12 months, counted from the dates of each variant.
        by_month: variants whose forecasts are of a month's return.
        horizon: h, periods of a variant; rows of others do not count.
    """
    rows = at_horizon(rows, horizon)
    dates = rows.group_by(["variant", "date"]).aggregate([]).to_pandas()
    windows = {name: rolling_window or forecasts_a_year(of["date"].unique()) for name, of in dates.groupby("variant")}
    kinds: list[KindMeasures] = []
    portfolios: list[PortfolioMeasures] = []
    comparisons: list[Comparison] = []
    for kind in sorted(pc.unique(rows.column("kind")).to_pylist()):  # one at a time in memory
        frame = rows.select(list(READ)).filter(pc.field("kind") == kind).to_pandas()
        frame = frame.sort_values(["variant", "portfolio", "date"], ignore_index=True)
        frame["common"] = False
        for _, alike in frame.groupby(frame["variant"].isin(set(by_month))):
            frame.loc[alike.index, "common"] = _same_return(alike)
            comparisons += _comparisons(frame.loc[alike.index], horizon)
        for variant, of_kind in frame.groupby("variant", sort=True):
            overlap = overlap_of(of_kind)
            measured = [_portfolio(rows, windows[variant], overlap) for _, rows in of_kind.groupby("portfolio", sort=True)]
            portfolios += measured
            kinds.append(_kind(of_kind, measured, windows[variant], horizon, overlap))
    order = {kind.value: number for number, kind in enumerate(EvaluationKind)}
    return EvaluationSummary(
        sorted(kinds, key=lambda k: (order[k.kind], k.variant)), portfolios, sorted(comparisons, key=lambda c: order[c.kind])
    )


def _comparisons(rows: pd.DataFrame, horizon: int) -> list[Comparison]:
    """Every pair of variants on the returns that all of them forecast, a date's loss the mean over its portfolios."""
    common = rows[rows["common"] & (rows["n_forecasts"] > 0)]
    if common.empty:
        return []
    loss = (common["log_var"] + common["b_squared"]).groupby([common["date"], common["variant"]]).mean().unstack("variant")
    found = []
    for variant, other in combinations(sorted(map(str, loss.columns)), 2):
        test = diebold_mariano(loss[variant].to_numpy(), loss[other].to_numpy(), overlap_of(common))
        kind = str(rows["kind"].iloc[0])
        found.append(Comparison(kind, variant, other, horizon, test.n, test.difference, test.std_error, test.p_value))
    return found


def overlap_of(rows: pd.DataFrame) -> int:
    """How many forecasts are under way at once: h where each period has one, 1 where each has passed before the next is made."""
    spans = rows[["date", "return_date"]].drop_duplicates("date").sort_values("date")
    dates, ends = pd.to_datetime(spans["date"]).to_numpy(), pd.to_datetime(spans["return_date"]).to_numpy()
    begun = np.searchsorted(dates, ends) - np.arange(len(dates))
    passed = begun[ends <= dates[-1]]
    return max(1, round(float(passed.mean()))) if passed.size else len(dates)


def forecasts_a_year(dates: Sequence[date]) -> int:
    """Number of forecasts in 12 months if they go on at the pace of these dates; at least 2."""
    years = (max(dates) - min(dates)).days / _DAYS_A_YEAR
    return max(2, round((len(dates) - 1) / years)) if years else 2


def forecast_run(rows: pd.DataFrame) -> ForecastRun:
    """The rows of one portfolio that have a forecast, ascending by date."""
    counted = rows[rows["n_forecasts"] > 0]
    n_forecasts, n_zero = (counted[name].to_numpy(dtype=np.int64) for name in ("n_forecasts", "n_zero"))
    means = ("vol", "realised_return", "b", "b_squared", "log_var", "log_b_squared")
    return ForecastRun(n_forecasts, n_zero, *(counted[name].to_numpy(dtype=np.float64) for name in means))


def _portfolio(rows: pd.DataFrame, window: int, overlap: int) -> PortfolioMeasures:
    run, first = forecast_run(rows), rows.iloc[0]
    n = len(run.b)
    n_effective = effective_forecasts(n, overlap)
    regressed = mincer_zarnowitz(run.b_squared, run.vol**2, overlap)
    return PortfolioMeasures(
        first["variant"], first["kind"], first["portfolio"], n, bias(run), bias_band(n_effective), bias_error(run, overlap),
        rolling_deviation(run, window), q_statistic(run), q_band(n_effective), qlike(run),
        regressed.intercept, regressed.slope, regressed.p_value,
    )  # fmt: skip


def _kind(rows: pd.DataFrame, portfolios: Sequence[PortfolioMeasures], window: int, horizon: int, overlap: int) -> KindMeasures:
    B = np.array([one.bias for one in portfolios])
    bands = np.array([one.bias_band for one in portfolios])
    n_dates = max(one.n_dates for one in portfolios)
    n_effective = effective_forecasts(n_dates, overlap)
    common = rows[rows["common"]]
    forecast = rows[rows["n_forecasts"] > 0]
    spanned = forecast if len(forecast) else rows
    return KindMeasures(
        variant=rows["variant"].iloc[0],
        kind=rows["kind"].iloc[0],
        n_portfolios=len(portfolios),
        first_date=spanned["date"].min(),
        last_date=spanned["date"].max(),
        n_dates=n_dates,
        horizon=horizon,
        n_effective=n_effective,
        n_without=int((rows["n_forecasts"] == 0).sum()),
        n_zero=int(rows["n_zero"].sum()),
        n_left_out=int(rows["n_left_out"].sum()),
        bias=_mean(B),
        bias_spread=float(np.nanmax(B) - np.nanmin(B)) if np.isfinite(B).any() else float("nan"),
        deviation=_mean(np.abs(B - 1)),
        expected_deviation=expected_deviation(n_effective),
        bias_error=_mean(np.array([one.bias_error for one in portfolios])),
        n_in_band=int((np.abs(B - 1) <= bands).sum()),
        n_mz_rejected=sum(one.mz_p_value < _LEVEL for one in portfolios),
        rolling_window=window,
        mrad=_mean(np.array([one.rolling_deviation for one in portfolios])),
        expected_mrad=expected_deviation(effective_forecasts(window, overlap)),
        q=_mean(np.array([one.q for one in portfolios])),
        q_band=q_band(n_effective),
        qlike=_mean(np.array([qlike(forecast_run(one)) for _, one in common.groupby("portfolio")])),
        n_common=len(common),
    )


def _same_return(frame: pd.DataFrame) -> pd.Series:
    """Whether every variant forecast the same return in a portfolio on a date."""
    realised = frame.groupby(["kind", "portfolio", "date"])["realised_return"]
    largest, smallest = realised.transform("max"), realised.transform("min")
    alike = largest - smallest <= _ROUNDING * np.maximum(largest.abs(), smallest.abs())
    n_variants = frame["variant"].nunique()
    own = frame["kind"].isin(_OF_THE_VARIANT) & (n_variants > 1)
    return alike & (realised.transform("count") == n_variants) & ~own


def _mean(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else float("nan")
