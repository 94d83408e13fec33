"""One cross-sectional regression a date: a pandas UDF over the rows of `panel`, one kernel call a row, no shuffle.

The driver ships the factor sets and the rules. A task holds one batch of rows (`fit_batches` bounds it by bytes) and the arrays of
one date at a time.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from sigmalake.engines.spark.listed_rows import listed_rows
from sigmalake.numerics.factors import Factor, dense_exposures
from sigmalake.numerics.regression.cross_section import CrossSection, fit_cross_section
from sigmalake.numerics.regression.market_return import market_return
from sigmalake.numerics.regression.pure_portfolios import date_portfolios
from sigmalake.numerics.regression.rules import RegressionRules
from sigmalake.numerics.types import Bools, Floats
from sigmalake.numerics.weights import complete_variances, inverse_variance_weights, regression_weights

FIT = (
    "n_estimation int, rank int, dof int, r2 double, adj_r2 double, r2_uncentred double, residual_var double, "
    "condition_number double, status string, detail string, factor_return array<double>, std_error array<double>, "
    "n_members array<int>, factor_status array<string>, specific_return array<double>, fitted_return array<double>, "
    "weight array<double>, n_outliers int, outliers array<string>, n_reweighted int, market_return double, vif array<double>, "
    "portfolios array<double>"
)

PACKED = (
    "factor_set",
    "n_assets",
    "asset_id",
    "ret",
    "cap",
    "weight_column",
    "in_estimation",
    "styles",
    "member_assets",
    "member_factors",
    "member_shares",
)


Strings = Sequence[str]


class PackedDate(NamedTuple):
    """The columns of a row of `panel` that the regression reads, in the order of `PACKED`, and in a second pass the variances."""

    factor_set: str
    n_assets: int
    asset_id: Strings
    ret: Floats
    cap: Floats | None
    weight_column: Floats | None
    in_estimation: Floats
    styles: Floats
    member_assets: Floats
    member_factors: Floats
    member_shares: Floats
    specific_var: Floats | None = None


def fit_each_date(panel: DataFrame, factor_sets: Mapping[str, Sequence[Factor]], rules: RegressionRules) -> DataFrame:
    """The rows of `cross_sections` for rows of `panel` with returns; `inputs_hash` must already be the regression's.

    The second of two passes also reads a column `specific_var`: N variances known one date before.
    """
    read = PACKED if rules.two_pass is None else (*PACKED, "specific_var")
    fitted = panel.withColumn("fit", _fitting(factor_sets, rules)(*read))
    return fitted.select(
        F.col("return_date").alias("date"), "factor_set", "inputs_hash", "n_assets",
        "fit.*", "asset_id", "in_estimation",
    )  # fmt: skip


def _fitting(factor_sets: Mapping[str, Sequence[Factor]], rules: RegressionRules) -> Any:
    def fit(batches: Iterator[tuple[pd.Series, ...]]) -> Iterator[pd.DataFrame]:
        for columns in batches:
            rows = (PackedDate(*row) for row in zip(*columns, strict=True))
            yield pd.DataFrame([_fit(row, factor_sets[row.factor_set], rules) for row in rows], columns=_FIELDS)

    return F.pandas_udf(fit, FIT)


_FIELDS = [field.split()[0] for field in FIT.split(", ")]


def _fit(row: PackedDate, factors: Sequence[Factor], rules: RegressionRules) -> tuple[object, ...]:
    n = row.n_assets
    caps = np.ones(n) if row.cap is None else np.asarray(row.cap, dtype=float)
    column = row.weight_column if n else ()  # the packed arrays of a date without assets are null
    given = None if column is None else np.asarray(column, dtype=float)
    in_estimation = np.asarray(row.in_estimation, dtype=bool)
    exposures = dense_exposures(
        n,
        factors,
        np.asarray(row.member_assets, dtype=np.int64),
        np.asarray(row.member_factors, dtype=np.int64),
        np.asarray(row.member_shares, dtype=float),
        np.asarray(row.styles, dtype=float),
    )
    weights = regression_weights(rules.instant_weights, caps, given, in_estimation)
    told = ""
    if rules.two_pass is not None:
        weights, told = second_weights(np.asarray(row.specific_var, dtype=float), weights, in_estimation, rules.two_pass.max_ratio)
    returns = np.asarray(row.ret, dtype=float)
    fit = fit_cross_section(returns, exposures, caps, weights, in_estimation, factors, rules)
    fit = fit._replace(detail="; ".join(part for part in (fit.detail, told) if part))
    portfolios = None
    if rules.portfolios:
        universe = (exposures, caps, in_estimation, fit.weights)
        portfolios = date_portfolios(*universe, factors, fit.factor_returns, fit.factor_status).ravel()
    outliers = np.asarray(row.asset_id, dtype=object)[fit.is_outlier].tolist()
    return _as_row(fit, outliers, market_return(returns, caps, in_estimation), portfolios)


def second_weights(specific_var: Floats, first_weights: Floats, in_estimation: Bools, max_ratio: float) -> tuple[Floats, str]:
    """The weights of a second pass, and what was supposed or capped in them, with the numbers of assets."""
    complete = complete_variances(specific_var, first_weights, in_estimation)
    found = inverse_variance_weights(complete.specific_var, in_estimation, max_ratio)
    counts = {
        f"of {in_estimation.sum()} assets without a specific variance, weighed as in the first pass": complete.n_supposed,
        f"raised to hold the ratio of weights at {max_ratio:g}": found.n_raised,
        f"lowered to hold the ratio of weights at {max_ratio:g}": found.n_lowered,
    }
    return found.weights, "; ".join(f"{count} {what}" for what, count in counts.items() if count)


def _as_row(fit: CrossSection, outliers: list[str], market: float, portfolios: Floats | None) -> tuple[object, ...]:
    return (
        fit.n_fitted, fit.rank, fit.dof, _number(fit.r2), _number(fit.adj_r2), _number(fit.r2_uncentred), _number(fit.residual_var),
        _number(fit.condition_number), fit.status, fit.detail, _nullable(fit.factor_returns), _nullable(fit.std_errors),
        fit.n_members.astype(np.int32), [str(status) for status in fit.factor_status], _nullable(fit.specific_returns),
        _nullable(fit.fitted_returns), fit.weights, fit.n_outliers,
        outliers, fit.n_reweighted, _number(market), _nullable(fit.vif), None if portfolios is None else _nullable(portfolios),
    )  # fmt: skip


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _nullable(values: Floats) -> Sequence[float | None] | Floats:
    """Arrow keeps NaN within an array as NaN; missing is null in every table."""
    missing = np.isnan(values)
    if not missing.any():
        return values
    return [None if gone else value for value, gone in zip(values.tolist(), missing.tolist(), strict=True)]


def hashed_for_regression(panel: DataFrame, expected: Mapping[date, str]) -> DataFrame:
    """The panel's rows of these return dates, each with the hash that its cross-section will carry."""
    hashes = listed_rows(panel.sparkSession, list(expected.items()), "return_date date, inputs_hash string")
    return panel.drop("inputs_hash").join(F.broadcast(hashes), "return_date")
