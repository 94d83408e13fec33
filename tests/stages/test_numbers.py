"""What the stages wrote is what the kernels say of the same dates, cut out of the source by other means."""

from datetime import date
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from lakes import rows_of
from sigmalake.numerics.factors import Factor, Kind
from sigmalake.numerics.regression.cross_section import fit_cross_section
from sigmalake.numerics.regression.rules import RegressionRules
from sigmalake.numerics.weights import regression_weights
from sigmalake.tables.long import (
    ASSET_COVARIANCE,
    ASSET_COVARIANCE_CELLS,
    COVARIANCE_BUILDS,
    FACTOR_COVARIANCE,
    FACTOR_RETURNS,
    RISK_DIAGNOSTICS,
    SPECIFIC_RETURNS,
    SPECIFIC_RISK,
)
from sigmalake.tables.packed import CROSS_SECTIONS, RISK_MODELS


@pytest.fixture(scope="module")
def factors(panel) -> list[Factor]:
    shares = [name for name in panel.columns if name.startswith("ind_")]
    styles = [name for name in panel.columns if name not in {"date", "asset_id", "ret", "cap", "in_estimation", *shares}]
    industries = [Factor(name.removeprefix("ind_"), "industry", Kind.MEMBERSHIP) for name in shares]
    return [Factor("market", "market", Kind.MARKET), *industries, *(Factor(name, "style", Kind.STYLE) for name in styles)]


def cross_section_from_pandas(panel, factors, day, after):
    """The regression of one date, from the source and nothing else."""
    known = panel[panel["date"] == day].sort_values("asset_id").set_index("asset_id")
    returns = panel[panel["date"] == after].set_index("asset_id")["ret"].reindex(known.index).to_numpy(float)
    columns = [np.ones(len(known))]
    columns += [known[f"ind_{f.name}" if f.kind is Kind.MEMBERSHIP else f.name].to_numpy(float) for f in factors[1:]]
    caps, flags = known["cap"].to_numpy(float), known["in_estimation"].to_numpy(bool)
    rules = RegressionRules()
    weights = regression_weights(rules.weights, caps, None, flags)
    return known.index, fit_cross_section(returns, np.column_stack(columns), caps, weights, flags, factors, rules)


def test_every_cross_section_is_the_kernels_answer(built_once, panel, factors):
    stored = built_once.rows(CROSS_SECTIONS).set_index("date")
    days = sorted(panel["date"].unique())
    assert list(stored.index) == days[1:]
    for day, after in pairwise(days):
        ids, fit = cross_section_from_pandas(panel, factors, day, after)
        row = stored.loc[after]
        assert list(row["asset_id"]) == list(ids)
        assert_allclose(row["factor_return"].astype(float), fit.factor_returns, rtol=1e-12, atol=1e-16)
        assert_allclose(row["std_error"].astype(float), fit.std_errors, rtol=1e-12)
        assert_allclose(row["specific_return"].astype(float), fit.specific_returns, rtol=1e-12, atol=1e-16)
        assert_allclose(row["fitted_return"].astype(float), fit.fitted_returns, rtol=1e-12, atol=1e-16)
        assert_allclose(row["weight"], fit.weights, rtol=1e-12)
        assert_allclose([row["r2"], row["residual_var"]], [fit.r2, fit.residual_var], rtol=1e-11)
        assert (row["n_estimation"], row["rank"], row["dof"], row["status"]) == (fit.n_fitted, fit.rank, fit.dof, fit.status)


def test_long_tables_say_what_the_packed_ones_say(built_once):
    packed = built_once.rows(CROSS_SECTIONS).set_index("date")
    long = built_once.rows(SPECIFIC_RETURNS).set_index("date")
    returns = built_once.rows(FACTOR_RETURNS).set_index("date")
    for day, row in packed.iterrows():
        assert_allclose(long.loc[day, "specific_return"], row["specific_return"].astype(float), rtol=0)
        assert sorted(returns.loc[day, "factor_return"].dropna()) == sorted(row["factor_return"][pd.notna(row["factor_return"])])
    t = returns.dropna(subset=["t_stat"])
    assert_allclose(t["t_stat"], t["factor_return"] / t["std_error"], rtol=1e-14)


def history(built_once, factors) -> tuple[pd.DataFrame, pd.DataFrame]:
    returns = built_once.rows(FACTOR_RETURNS).pivot(index="date", columns="factor", values="factor_return")
    residuals = built_once.rows(SPECIFIC_RETURNS).pivot(index="date", columns="asset_id", values="specific_return")
    return returns[[factor.name for factor in factors]], residuals


def test_every_sigma_and_delta_is_the_estimators_answer_on_the_window(built_once, factors):
    returns, residuals = history(built_once, factors)
    models = built_once.rows(RISK_MODELS)
    calendar = list(returns.index)
    for row in models.itertuples():
        variant = built_once.config.risk[row.variant]
        end = calendar.index(row.date) + 1
        sigma = variant.factor_cov.estimate(returns.iloc[:end].to_numpy(float))
        assert list(row.factors) == [factors[k].name for k in sigma.kept]
        assert_allclose(row.factor_cov, sigma.cov[np.triu_indices(len(sigma.kept))], rtol=1e-11, atol=1e-18)
        window = residuals.iloc[:end].reindex(columns=row.asset_id).to_numpy(float)
        expected = variant.specific_var.estimate(window, np.array([end - 1]))
        assert_allclose(row.specific_var.astype(float), expected.var[0], rtol=1e-11)
        assert list(row.n_obs) == list(expected.n_obs[0])
        assert list(row.source) == ["none" if np.isnan(x) else "time_series" for x in expected.var[0]]


def test_pandas_agrees_on_the_volatilities_of_the_newest_date(built_once, factors):
    returns, residuals = history(built_once, factors)
    stored = built_once.rows(FACTOR_COVARIANCE)
    newest = stored[(stored["variant"] == "short") & (stored["date"] == stored["date"].max())].set_index(["factor_1", "factor_2"])
    last = returns.iloc[-20:].ewm(halflife=8).var(bias=True).iloc[-1]
    for name in returns.columns:
        assert_allclose(newest.loc[(name, name), "covariance"], last[name], rtol=1e-10)
    risk = built_once.rows(SPECIFIC_RISK)
    row = risk[(risk["variant"] == "short") & (risk["date"] == risk["date"].max())].set_index("asset_id")["specific_var"]
    own = residuals.iloc[-20:].ewm(halflife=8, ignore_na=False).var(bias=True).iloc[-1]
    full = residuals.iloc[-20:].notna().all()
    assert full.sum() > 30
    assert_allclose(row[own.index[full]], own[full], rtol=1e-10)


def test_grids_keep_the_last_date_of_a_month_so_far(built_once):
    models = built_once.rows(RISK_MODELS)
    months = models[models["variant"] == "monthly"]["date"]
    every = pd.Series(sorted(models[models["variant"] == "short"]["date"]))
    assert sorted(months) == list(every.groupby([d.year * 12 + d.month for d in every]).max())


def test_factors_without_history_are_absent_with_their_reason(built_once):
    first = built_once.rows(RISK_MODELS).query("variant == 'short'").iloc[0]
    found = built_once.rows(RISK_DIAGNOSTICS)
    reasons = found[(found["variant"] == "short") & (found["date"] == first["date"]) & found["name"].str.startswith("left_out:")]
    assert first["status"] == "no_factor_cov"
    assert len(reasons) == 7
    assert reasons["detail"].str.contains("10 are needed").all()


def test_v_is_x_sigma_x_plus_delta_symmetric_and_positive(built_once, panel, factors):
    stored = built_once.rows(ASSET_COVARIANCE)
    day: date = stored["date"].max()
    order = built_once.rows(COVARIANCE_BUILDS)["asset_id"].iloc[0].tolist()
    assert stored["asset_id"].tolist() == order
    V = pd.DataFrame(np.vstack(stored["covariance"]), stored["asset_id"], order)
    assert (V.to_numpy() == V.to_numpy().T).all()
    model = built_once.rows(RISK_MODELS).query("variant == 'short'").iloc[-1]
    k = len(model["factors"])
    sigma = np.zeros((k, k))
    sigma[np.triu_indices(k)] = model["factor_cov"]
    sigma += np.triu(sigma, 1).T
    var = dict(zip(model["asset_id"], model["specific_var"], strict=True))
    known = panel[panel["date"] == day].set_index("asset_id").loc[V.index]
    X = np.column_stack(
        [np.ones(len(known)), *(known[f"ind_{f.name}" if f.kind is Kind.MEMBERSHIP else f.name] for f in factors[1:])]
    )
    expected = np.array(
        [[sum(X[a, i] * sigma[i, j] * X[b, j] for i in range(k) for j in range(k)) for b in range(len(X))] for a in range(len(X))]
    )
    expected += np.diag([var[asset] for asset in V.index])
    assert_allclose(V.to_numpy(), expected, rtol=1e-13, atol=1e-13 * expected.max())
    assert np.linalg.eigvalsh(V.to_numpy()).min() > 0


def test_cells_are_written_where_they_are_asked_for_and_leave_with_the_setting(built_once, tmp_path):
    model = built_once.copied_to(tmp_path)
    assert rows_of(model.lake_folder, ASSET_COVARIANCE_CELLS) is None
    model.body["covariance"] = {**model.body["covariance"], "cells": True}
    model.run()
    V = model.rows(ASSET_COVARIANCE).set_index("asset_id")["covariance"]
    cells = model.rows(ASSET_COVARIANCE_CELLS)
    assert cells["asset_1"].tolist() == [asset for asset in V.index for _ in V.index]
    assert cells["asset_2"].tolist() == list(V.index) * len(V)
    assert (cells["covariance"].to_numpy() == np.concatenate(V.to_list())).all()
    assert not any(model.plan().values())
    model.body["covariance"]["cells"] = False
    model.run()
    assert model.rows(ASSET_COVARIANCE_CELLS).empty


def test_the_generated_market_is_recovered_within_its_standard_errors(built_once, market, factors):
    returns, _ = history(built_once, factors)
    long = built_once.rows(FACTOR_RETURNS)
    errors = long.pivot(index="date", columns="factor", values="std_error")[returns.columns]
    truth = pd.DataFrame(market.truth.factor_returns, index=market.truth.dates, columns=list(market.truth.factors)).loc[
        returns.index, returns.columns
    ]
    score = ((returns - truth) / errors).to_numpy(float)
    n = np.isfinite(score).sum()
    assert abs(np.sqrt(np.nanmean(score**2)) - 1) < 0.25  # residuals are not homoscedastic, weights are a rule
    assert abs(np.nanmean(score)) < 4 / np.sqrt(n)
