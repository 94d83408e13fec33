"""Forecasts against what happened: a pandas UDF over rows of `risk_models`, each beside the panel's and the regression's row.

The driver ships the factor sets, the rules and the user's portfolios. The rows of a forecast meet by a join on its date; a task
holds one batch of them (`fit_batches` bounds it by bytes) and the arrays of one variant and date at a time.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from sigmalake.numerics.evaluation.forecast_evaluation import DateForecast, Evaluated, EvaluationRules, OwnPortfolio, evaluate_date
from sigmalake.numerics.factors import Factor, dense_exposures
from sigmalake.numerics.portfolio.coverage import full_symmetric
from sigmalake.numerics.portfolio.linked_cov import UNLINKED, LinkedCov, linked_among
from sigmalake.numerics.types import Floats, Ints

_COLUMNS = {
    "kind": "string", "portfolio": "string", "n_forecasts": "int", "n_zero": "int", "n_assets": "int", "n_left_out": "int",
    "left_out_weight": "double", "vol": "double", "realised_return": "double", "b": "double", "b_squared": "double",
    "log_var": "double", "log_b_squared": "double", "detail": "string",
}  # fmt: skip

EVALUATED = ", ".join(f"{name} array<{kind}>" for name, kind in _COLUMNS.items())

OwnHistory = Mapping[str, Sequence[tuple[date, OwnPortfolio]]]
"""By portfolio, its holdings by the date from which they hold, ascending."""


class _Row(NamedTuple):
    """What one forecast is evaluated from, in the order in which the UDF takes it."""

    date: date
    factors: Sequence[str]
    zero_factors: Sequence[str]
    factor_cov: Floats
    model_assets: Sequence[str]
    specific_var: Floats
    linked_1: Ints | None
    linked_2: Ints | None
    linked_cov: Floats | None
    panel_set: str
    asset_id: Sequence[str]
    cap: Floats | None
    in_estimation: Sequence[bool]
    styles: Floats
    member_assets: Ints
    member_factors: Ints
    member_shares: Floats
    return_set: str
    ret: Floats
    factor_return: Floats
    specific_return: Floats


def evaluate_each_date(
    models: DataFrame,
    panel: DataFrame,
    followed: DataFrame,
    factor_sets: Mapping[str, Sequence[Factor]],
    rules: EvaluationRules,
    own: OwnHistory,
) -> DataFrame:
    """The rows of `forecast_evaluation`.

    Args:
        models: rows of `risk_models`; their `inputs_hash` must already be the evaluation's.
        panel: its rows with the exposures known at the models' dates.
        followed: what happened after each date, with the columns of `FOLLOWED`.
        factor_sets: what the arrays by factor mean.
        rules: which portfolios.
        own: the user's portfolios.
    """
    known = panel.select(
        F.col("exposure_date").alias("date"), F.col("factor_set").alias("panel_set"), "asset_id", "cap",
        "in_estimation", "styles", "member_assets", "member_factors", "member_shares",
    )  # fmt: skip
    forecast = models.select(
        "variant",
        "date",
        "inputs_hash",
        "factors",
        "zero_factors",
        "factor_cov",
        F.col("asset_id").alias("model_assets"),
        "specific_var",
        "linked_1",
        "linked_2",
        "linked_cov",
    )
    beside = forecast.join(known, "date").join(followed, "date")
    evaluated = beside.withColumn("e", _evaluating(factor_sets, rules, own)(*_Row._fields))
    rows = F.arrays_zip(*(F.col(f"e.{name}").alias(name) for name in _COLUMNS))
    return evaluated.select("variant", "date", "return_date", "inputs_hash", F.inline(rows))


def holdings_of(own: OwnHistory, day: date) -> list[OwnPortfolio]:
    """Each portfolio as it was last known at a close; one that begins later is absent."""
    found = []
    for history in own.values():
        if at := bisect_right([since for since, _ in history], day):
            found.append(history[at - 1][1])
    return found


def _evaluating(factor_sets: Mapping[str, Sequence[Factor]], rules: EvaluationRules, own: OwnHistory) -> Any:
    def evaluate(batches: Iterator[tuple[pd.Series, ...]]) -> Iterator[pd.DataFrame]:
        for columns in batches:
            rows = [_Row(*row) for row in zip(*columns, strict=True)]
            evaluated = [evaluate_date(_read(row, factor_sets), rules, holdings_of(own, row.date)) for row in rows]
            yield pd.DataFrame([_as_columns(parts) for parts in evaluated], columns=list(_COLUMNS))

    return F.pandas_udf(evaluate, EVALUATED)


def _read(row: _Row, factor_sets: Mapping[str, Sequence[Factor]]) -> DateForecast:
    ids, columns = [str(asset) for asset in row.asset_id], factor_sets[row.panel_set]
    X = dense_exposures(
        len(ids), columns, np.asarray(row.member_assets, dtype=np.int64), np.asarray(row.member_factors, dtype=np.int64),
        np.asarray(row.member_shares, dtype=float), np.asarray(row.styles, dtype=float),
    )  # fmt: skip
    factors = [str(factor) for factor in row.factors]
    in_sigma = np.array([factor.name in set(factors) for factor in columns], dtype=bool)
    exposures = np.zeros((len(ids), len(factors)))  # nobody is exposed to a factor that X does not have
    exposures[:, [factors.index(factor.name) for factor in columns if factor.name in set(factors)]] = X[:, in_sigma]
    needed = ~in_sigma & np.array([factor.name not in set(row.zero_factors) for factor in columns], dtype=bool)
    known = dict(zip(row.model_assets, np.asarray(row.specific_var, dtype=float), strict=True))
    specific_var = np.array([known.get(asset, np.nan) for asset in ids])
    returned = zip((factor.name for factor in factor_sets[row.return_set]), np.asarray(row.factor_return, dtype=float), strict=True)
    returns = dict(returned)
    return DateForecast(
        factors=factors,
        factor_cov=full_symmetric(np.asarray(row.factor_cov, dtype=float), len(factors)),
        factor_returns=np.array([returns.get(factor, np.nan) for factor in factors]),
        asset_ids=ids,
        exposures=exposures,
        specific_var=specific_var,
        usable=~np.isnan(specific_var) & ~(X[:, needed] != 0).any(axis=1),
        caps=None if row.cap is None else np.asarray(row.cap, dtype=float),
        in_estimation=np.asarray(row.in_estimation, dtype=bool),
        returns=np.asarray(row.ret, dtype=float),
        specific_returns=np.asarray(row.specific_return, dtype=float),
        linked=_linked(row, ids),
    )


def _linked(row: _Row, ids: Sequence[str]) -> LinkedCov:
    """The model's pairs by position in the panel's row, where both assets are in it."""
    if row.linked_1 is None or row.linked_2 is None or row.linked_cov is None:
        return UNLINKED
    pairs = np.column_stack([row.linked_1, row.linked_2]).astype(np.int64).reshape(-1, 2)
    return linked_among(ids, row.model_assets, pairs, np.asarray(row.linked_cov, dtype=float))


def _as_columns(parts: Sequence[Evaluated]) -> list[list[object]]:
    """The arrays of one row, in the order of `_COLUMNS`; a number that is not there is null."""
    columns: list[list[object]] = [[] for _ in _COLUMNS]
    for part in parts:
        run, size = part.run, len(part.portfolios)
        counts = [run.n_forecasts, run.n_zero, part.n_assets, part.left_out]
        numbers = [part.left_out_weight, run.vol, run.realised, run.b, run.b_squared, run.log_var, run.log_b_squared]
        found: list[list[object]] = [[part.kind.value] * size, list(part.portfolios), *(count.tolist() for count in counts)]
        found += [[None if gone else value for value, gone in zip(x.tolist(), np.isnan(x), strict=True)] for x in numbers]
        found.append([None if n else part.without for n in run.n_forecasts])
        columns = [column + values for column, values in zip(columns, found, strict=True)]
    return columns
