"""What `forecast_evaluation` says of each variant: the measures by kind of portfolio, beside what a right model would show."""

from collections.abc import Collection, Sequence
from datetime import date
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

READ = (
    "variant", "kind", "portfolio", "date", "return_date", "n_forecasts", "n_zero", "n_left_out", "vol", "realised_return", "b",
    "b_squared", "log_var", "log_b_squared",
)  # fmt: skip
"""The columns of `forecast_evaluation` that a summary reads."""

_OF_THE_VARIANT = (
    EvaluationKind.EIGENFACTOR, EvaluationKind.MINIMUM_VARIANCE, EvaluationKind.ASSET_BY_VOLATILITY,
    EvaluationKind.SPECIFIC_BY_VOLATILITY,
)  # fmt: skip
"""Kinds of portfolios that depend on the variant, so that variants have different ones."""

_DAYS_A_YEAR = 365.25
_ROUNDING = 1e-12  # of a return that is the same


class PortfolioMeasures(NamedTuple):
    """The measures of one portfolio's forecasts by one variant; NaN if there are too few forecasts."""

    variant: str
    kind: str
    portfolio: str
    n_dates: int  # T, with a forecast
    bias: float
    bias_band: float  # about 1, of T normal returns
    rolling_deviation: float  # mean |rolling B - 1|
    q: float
    q_band: float  # about 2.2704
    qlike: float


class KindMeasures(NamedTuple):
    """The measures of all portfolios of one kind by one variant, as means over the portfolios."""

    variant: str
    kind: str
    n_portfolios: int
    first_date: date  # with a forecast
    last_date: date
    n_dates: int  # T, the most of any portfolio
    n_without: int  # rows without a forecast
    n_zero: int  # returns of exactly 0
    n_left_out: int  # assets, over all rows
    bias: float  # mean B
    bias_spread: float  # largest B - smallest B
    deviation: float  # mean |B - 1|
    expected_deviation: float  # of a right normal forecast, at T
    n_in_band: int  # portfolios with B within 1 +- sqrt(2 / T)
    rolling_window: int  # forecasts
    mrad: float  # over the portfolios with that many
    expected_mrad: float
    q: float
    q_band: float  # of one portfolio
    qlike: float  # over the forecasts of a return that every variant has forecast
    n_common: int  # rows of these


class EvaluationSummary(NamedTuple):
    """The measures of every variant, side by side."""

    kinds: list[KindMeasures]  # by kind, then variant
    portfolios: list[PortfolioMeasures]


def summarise(rows: pa.Table, rolling_window: int | None, by_month: Collection[str] = ()) -> EvaluationSummary:
    """The measures of model 7, from rows of `forecast_evaluation`.

    Bias, MRAD and Q have a target of their own, and each variant is held to it on all of its dates. QLIKE has none: it compares
    variants of one frequency, over the portfolios and dates on which all of them forecast the same return. Eigenfactors, minimum
    variance and deciles by volatility are not the same portfolios under two variants.

    Args:
        rows: the columns of `READ`.
        rolling_window: forecasts of a rolling bias; None: those of 12 months, counted from the dates of each variant.
        by_month: variants whose forecasts are of a month's return.
    """
    dates = rows.group_by(["variant", "date"]).aggregate([]).to_pandas()
    windows = {name: rolling_window or forecasts_a_year(of["date"].unique()) for name, of in dates.groupby("variant")}
    kinds: list[KindMeasures] = []
    portfolios: list[PortfolioMeasures] = []
    for kind in sorted(pc.unique(rows.column("kind")).to_pylist()):  # one at a time in memory
        frame = rows.select(list(READ)).filter(pc.field("kind") == kind).to_pandas()
        frame = frame.sort_values(["variant", "portfolio", "date"], ignore_index=True)
        frame["common"] = False
        for _, alike in frame.groupby(frame["variant"].isin(set(by_month))):
            frame.loc[alike.index, "common"] = _same_return(alike)
        for variant, of_kind in frame.groupby("variant", sort=True):
            measured = [_portfolio(rows, windows[variant]) for _, rows in of_kind.groupby("portfolio", sort=True)]
            portfolios += measured
            kinds.append(_kind(of_kind, measured, windows[variant]))
    order = {kind.value: number for number, kind in enumerate(EvaluationKind)}
    return EvaluationSummary(sorted(kinds, key=lambda k: (order[k.kind], k.variant)), portfolios)


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


def _portfolio(rows: pd.DataFrame, window: int) -> PortfolioMeasures:
    run, first = forecast_run(rows), rows.iloc[0]
    n = len(run.b)
    return PortfolioMeasures(
        first["variant"], first["kind"], first["portfolio"], n, bias(run), bias_band(n), rolling_deviation(run, window),
        q_statistic(run), q_band(n), qlike(run),
    )  # fmt: skip


def _kind(rows: pd.DataFrame, portfolios: Sequence[PortfolioMeasures], window: int) -> KindMeasures:
    B = np.array([one.bias for one in portfolios])
    bands = np.array([one.bias_band for one in portfolios])
    n_dates = max(one.n_dates for one in portfolios)
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
        n_without=int((rows["n_forecasts"] == 0).sum()),
        n_zero=int(rows["n_zero"].sum()),
        n_left_out=int(rows["n_left_out"].sum()),
        bias=_mean(B),
        bias_spread=float(np.nanmax(B) - np.nanmin(B)) if np.isfinite(B).any() else float("nan"),
        deviation=_mean(np.abs(B - 1)),
        expected_deviation=expected_deviation(n_dates),
        n_in_band=int((np.abs(B - 1) <= bands).sum()),
        rolling_window=window,
        mrad=_mean(np.array([one.rolling_deviation for one in portfolios])),
        expected_mrad=expected_deviation(window),
        q=_mean(np.array([one.q for one in portfolios])),
        q_band=q_band(n_dates),
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
