"""A variant by month on a daily panel: Spark equals the kernels, an increment a rebuild, and a forecast meets its month."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from lakes import rows_of
from sigmalake.demo.market import Market, generate_market
from sigmalake.numerics.specific_risk.layers import Coverage, specific_history, specific_risk
from sigmalake.stages.evaluate import evaluation_summaries, run_evaluate
from sigmalake.tables.evaluation import FORECAST_EVALUATION
from sigmalake.tables.long import FACTOR_RETURNS, SPECIFIC_RETURNS
from sigmalake.tables.packed import RISK_MODELS
from small_model import Model, assert_same, assert_same_rows, make_model

BY_MONTH = {
    "frequency": "month",
    "factor_cov": {"estimator": "sample", "window": 3, "min_periods": 2, "regime": {"half_life": 1, "window": 2}},
    "specific_var": {"estimator": "sample", "window": 3, "min_periods": 2, "regime": {"half_life": 1, "window": 2}},
}
BY_DATE = {
    "factor_cov": {"estimator": "sample", "window": 40, "min_periods": 20},
    "specific_var": {"estimator": "sample", "window": 40, "min_periods": 20},
    "every": "month",
}


@pytest.fixture(scope="module")
def half_year() -> Market:
    """From 11 January to 16 July: the first month and the last are no months."""
    return generate_market(n_assets=40, n_dates=133, n_industries=3, n_styles=1, seed=8, start=date(2021, 1, 11))


def monthly_model(market, folder) -> Model:
    model = make_model(market, folder)
    model.body["risk"] = {"by_month": BY_MONTH, "by_date": BY_DATE}
    model.body["covariance"] = None
    model.body["evaluate"] = {"test_portfolios": {"random_active": 2, "minimum_variance": 1}}
    return model


def through(model: Model, panel: pd.DataFrame) -> Model:
    """As far as the evaluation."""
    model.write(panel)
    for stage in ("ingest", "regress", "risk"):
        model.stage(stage)
    run_evaluate(model.context())
    return model


@pytest.fixture(scope="module")
def built(half_year, tmp_path_factory) -> Model:
    return through(monthly_model(half_year, tmp_path_factory.mktemp("months")), half_year.panel)


def compounded(long: pd.DataFrame, column: str, values: str, most_missing: float) -> pd.DataFrame:
    """By month and series, as pandas groups them, without the months at both ends."""
    daily = long.pivot(index="date", columns=column, values=values).astype(float)
    month = pd.DatetimeIndex(daily.index).to_period("M")
    total, missing = (1 + daily.fillna(0.0)).groupby(month).prod() - 1, daily.isna().groupby(month).mean()
    return total.where((missing <= most_missing) & (missing < 1)).iloc[1:-1]


def by_month(model: Model) -> pd.DataFrame:
    rows = model.rows(RISK_MODELS)
    return rows[rows["variant"] == "by_month"]


def test_every_sigma_and_delta_is_the_kernels_on_the_compounded_history(built, half_year):
    f = compounded(built.rows(FACTOR_RETURNS), "factor", "factor_return", 0.0)[list(half_year.truth.factors)]
    u = compounded(built.rows(SPECIFIC_RETURNS), "asset_id", "specific_return", 0.2)
    caps = half_year.panel.pivot(index="date", columns="asset_id", values="cap").reindex(columns=u.columns)
    days = sorted(caps.index)
    ends = [max(day for day in days if (day.year, day.month) == (month.year, month.month)) for month in u.index]
    opened = [max(day for day in days if (day.year, day.month) < (month.year, month.month)) for month in u.index]
    chosen = built.config.risk["by_month"]
    history = specific_history(chosen.specific_var, u.to_numpy(), np.arange(len(u)), caps.loc[opened].to_numpy())
    rows = by_month(built)
    assert list(rows["date"]) == [date(2021, 1, 29), *ends, days[-1]]
    assert set(rows["frequency"]) == {"month"}
    assert rows["n_periods"].tolist() == [0, 0, 2, 3, 3, 3, 3]  # January is none, and of February alone there is no covariance
    for row in rows.iloc[1:].itertuples():
        number = min(ends.index(row.date) if row.date in ends else len(ends), len(ends) - 1)
        sigma = chosen.factor_cov.estimate(f.to_numpy()[: number + 1])
        assert_allclose(row.factor_cov, sigma.cov[np.triu_indices(len(sigma.kept))], rtol=1e-9, atol=1e-16)
        columns = u.columns.get_indexer(list(row.asset_id))
        expected = specific_risk(history, number, Coverage(columns, columns >= 0, None, [], None, None))
        assert_allclose(row.specific_var.astype(float), expected.specific_var, rtol=1e-9)
        assert row.n_obs.tolist() == expected.n_obs.tolist()
        assert row.regime_multiplier == pytest.approx(expected.regime_multiplier, rel=1e-9)
    assert np.nanmax(rows["specific_var"].iloc[-1].astype(float)) > 0


def test_a_month_that_goes_on_and_ends_and_a_restated_day_equal_a_rebuild(built, half_year, tmp_path):
    panel, days = half_year.panel, sorted(half_year.panel["date"].unique())
    within_june = date(2021, 6, 17)
    other = panel[panel["date"] <= within_june].copy()
    other.loc[other.index[other["date"] == date(2021, 5, 12)][0], "ret"] = 0.3
    model = through(monthly_model(half_year, tmp_path), other)
    assert by_month(model)["date"].max() == within_june  # the months that are over, today's coverage
    one, other = (rows[rows["date"] < date(2021, 5, 12)] for rows in (built.rows(RISK_MODELS), model.rows(RISK_MODELS)))
    assert (
        one[["variant", "date", "inputs_hash"]].to_numpy().tolist() == other[["variant", "date", "inputs_hash"]].to_numpy().tolist()
    )
    for left, right in zip(one.itertuples(), other.itertuples(), strict=True):  # what was not yet known then moves nothing
        assert_allclose(left.factor_cov, right.factor_cov, rtol=1e-12, atol=1e-18)
        assert_allclose(left.specific_var.astype(float), right.specific_var.astype(float), rtol=1e-12)
    assert len(one) == 8
    planned = model.write(panel).plan()["risk"]
    changed = [day for day, why in planned.items() if why == "upstream changed"]
    assert changed == [date(2021, 5, 31)]
    assert set(planned) - set(changed) == {date(2021, 6, 30), days[-1]}
    through(model, panel)
    assert_same(model, built)
    one, other = (rows_of(m.lake_folder, FORECAST_EVALUATION) for m in (model, built))
    assert_same_rows(one, other)


def test_a_forecast_by_month_meets_the_compounded_returns_of_the_next_month(built, half_year):
    stored = built.rows(FORECAST_EVALUATION)
    found = stored[stored["variant"] == "by_month"]
    ends = [date(2021, 1, 29), date(2021, 2, 26), date(2021, 3, 31), date(2021, 4, 30), date(2021, 5, 31), date(2021, 6, 30)]
    met = found.groupby("date")["return_date"].unique()
    assert {day: list(after) for day, after in met.items()} == {ends[n]: [ends[n + 1]] for n in range(5)}
    by_date = stored[stored["variant"] == "by_date"]
    assert (by_date["return_date"] - by_date["date"]).max() <= timedelta(days=4)
    f = compounded(built.rows(FACTOR_RETURNS), "factor", "factor_return", 0.0)
    here = found[(found["date"] == ends[3]) & (found["kind"] == "factor")].set_index("portfolio")
    sigma = by_month(built).set_index("date").loc[ends[3]]
    k = len(sigma["factors"])
    variances = sigma["factor_cov"][np.cumsum([0, *range(k, 1, -1)])]
    assert_allclose(here.loc[list(sigma["factors"]), "vol"], np.sqrt(variances), rtol=1e-12)
    assert_allclose(here.loc[list(sigma["factors"]), "realised_return"], f.loc["2021-05", list(sigma["factors"])], rtol=1e-9)
    daily = half_year.panel.pivot(index="date", columns="asset_id", values="ret")
    may = daily[(daily.index > ends[3]) & (daily.index <= ends[4])]
    returns = ((1 + may).prod() - 1).where(may.isna().mean() <= 0.2)
    close = half_year.panel[half_year.panel["date"] == ends[3]].set_index("asset_id")
    weights = close["cap"].where(close["in_estimation"].astype(bool), 0.0)
    weights = (weights / weights.sum()).where(pd.Series(sigma["specific_var"], sigma["asset_id"]).astype(float).notna(), 0.0)
    market = found[(found["date"] == ends[3]) & (found["kind"] == "market")].iloc[0]
    assert market["realised_return"] == pytest.approx((weights * returns.reindex(weights.index)).sum(), rel=1e-9)
    summary = {kind.variant: kind for kind in evaluation_summaries(built.context())[0].kinds if kind.kind == "market"}
    assert summary["by_month"].n_common == summary["by_month"].n_dates  # compared with variants by month only
