"""A variant with every layer of Sigma and Delta switched on: an increment equals a rebuild, and Spark equals the kernels."""

from datetime import timedelta
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from sigmalake.numerics.factors import Factor, Kind
from sigmalake.numerics.specific_risk.layers import Coverage, specific_history, specific_risk
from sigmalake.tables.long import FACTOR_RETURNS, RISK_DIAGNOSTICS, SPECIFIC_RETURNS, SPECIFIC_RISK
from sigmalake.tables.packed import RISK_MODELS
from small_model import Model, assert_same, make_model

LAYERED = {
    "factor_cov": {
        "estimator": "ewma", "half_life": 8, "window": 20, "corr_half_life": 16, "corr_window": 25, "min_periods": 10, "lags": 2,
        "short_history": "em", "eigenfactor": {"simulations": 10}, "eigenvalue_floor": 0.01, "regime": {"half_life": 4},
    },
    "specific_var": {
        "estimator": "ewma", "half_life": 8, "window": 20, "min_periods": 8, "lags": 2, "lags_half_life": 10,
        "structural": {"fewest_obs": 8, "ramp_obs": 8}, "size_shrinkage": {"groups": 4}, "regime": {"half_life": 4},
        "linked": {"min_periods": 10},
    },
}  # fmt: skip
LOOK_BACK = 20 + 12
LAYERS = ("ts_var", "structural_var", "blend_weight", "shrink_weight")


@pytest.fixture(scope="module")
def issued(panel) -> pd.DataFrame:
    """The panel with issuers: the first twenty assets in pairs, the others unknown."""
    number = panel["asset_id"].str[1:].astype(int)
    return panel.assign(issuer=np.where(number <= 20, "issuer " + ((number + 1) // 2).astype(str), None))


def layered_model(market, issued, folder) -> Model:
    model = make_model(market, folder)
    model.body["sources"]["panel"]["columns"]["issuer_id"] = "issuer"
    model.body["risk"] = {"layered": LAYERED}
    model.body["covariance"] = None
    return model.write(issued)


@pytest.fixture(scope="module")
def built(market, issued, tmp_path_factory) -> Model:
    return layered_model(market, issued, tmp_path_factory.mktemp("layered")).run()


def test_dates_added_inserted_and_restated_equal_a_rebuild_with_everything_on(market, issued, built, tmp_path):
    days = sorted(issued["date"].unique())
    other = issued[(issued["date"] != days[40]) & (issued["date"] <= days[-3])].copy()
    other.loc[(other["date"] == days[50]) & (other["asset_id"] == "A05"), ["cap", "size"]] *= 3
    other.loc[(other["date"] == days[-3]) & (other["asset_id"] == "A07"), "issuer"] = "issuer 1"
    model = layered_model(market, other, tmp_path).run()
    model.write(issued).run()
    assert_same(model, built)


def test_what_a_layer_reads_moves_the_risk_that_rests_on_it_and_nothing_else(issued, built, tmp_path):
    model, days = built.copied_to(tmp_path), sorted(issued["date"].unique())
    caps = issued.copy()
    caps.loc[(caps["date"] == days[45]) & (caps["asset_id"] == "A05"), "cap"] *= 2
    planned = model.write(caps).plan()
    assert planned["regress"] == {days[46]: "upstream changed"}
    assert sorted(planned["risk"]) == days[45 : 46 + LOOK_BACK]  # their own date, and every window with the return after it
    issuers = issued.copy()
    issuers.loc[issuers["date"] == days[-1], "issuer"] = None
    planned = model.write(issuers).plan()
    assert (planned["regress"], planned["risk"]) == ({}, {days[-1]: "upstream changed"})
    tomorrow = days[-1] + timedelta(days=1)
    planned = model.write(pd.concat([issued, issued[issued["date"] == days[-1]].assign(date=tomorrow)])).plan()
    assert planned["risk"] == {tomorrow: "new"}


def coverage(issued, factors, day, ids) -> Coverage:
    """What is known at a close, from the source and nothing else."""
    close = issued[issued["date"] == day].set_index("asset_id").reindex(ids)
    is_known = close["cap"].notna().to_numpy()
    known = close[is_known]
    columns = [f"ind_{f.name}" if f.kind is Kind.MEMBERSHIP else f.name for f in factors[1:]]
    X = np.column_stack([np.ones(len(known)), known[columns].to_numpy(float)])
    return Coverage(np.arange(len(ids)), is_known, X, factors, close["cap"].to_numpy(float), pd.factorize(close["issuer"])[0])


def test_every_delta_is_the_kernels_answer_on_the_whole_history(issued, built):
    shares = [name for name in issued.columns if name.startswith("ind_")]
    styles = [name for name in issued.columns if name not in {"date", "asset_id", "ret", "cap", "in_estimation", "issuer", *shares}]
    factors = [Factor("market", "market", Kind.MARKET)]
    factors += [Factor(name.removeprefix("ind_"), "industry", Kind.MEMBERSHIP) for name in shares]
    factors += [Factor(name, "style", Kind.STYLE) for name in styles]
    residuals = built.rows(SPECIFIC_RETURNS).pivot(index="date", columns="asset_id", values="specific_return")
    returns = built.rows(FACTOR_RETURNS).pivot(index="date", columns="factor", values="factor_return")
    caps = issued.pivot(index="date", columns="asset_id", values="cap").reindex(columns=residuals.columns)
    days, calendar = sorted(issued["date"].unique()), list(residuals.index)
    before = {after: day for day, after in pairwise(days)}
    known_before = caps.loc[[before[day] for day in calendar]].to_numpy(float)
    layers = built.config.risk["layered"].specific_var
    history = specific_history(layers, residuals.to_numpy(float), np.arange(len(calendar)), known_before)
    seen = set()
    for row in built.rows(RISK_MODELS).itertuples():
        number = calendar.index(row.date)
        ids = list(row.asset_id)
        found = coverage(issued, factors, row.date, ids)
        expected = specific_risk(history, number, found._replace(columns=residuals.columns.get_indexer(ids)))
        assert list(row.source) == expected.source
        assert_allclose(row.specific_var.astype(float), expected.specific_var, rtol=1e-10)
        for layer in LAYERS:
            assert_allclose(getattr(row, layer).astype(float), getattr(expected, layer), rtol=1e-10, atol=1e-14)
        assert row.regime_multiplier == pytest.approx(expected.regime_multiplier, rel=1e-10)
        assert (row.linked_1.tolist(), row.linked_2.tolist()) == (expected.linked.first.tolist(), expected.linked.second.tolist())
        assert_allclose(row.linked_cov, expected.linked.cov, rtol=1e-10)
        sigma = built.config.risk["layered"].factor_cov.estimate(
            returns[[factor.name for factor in factors]].iloc[: number + 1].to_numpy(float), [factor.name for factor in factors]
        )
        assert_allclose(row.factor_cov, sigma.cov[np.triu_indices(len(sigma.kept))], rtol=1e-9, atol=1e-16)
        seen |= set(expected.source)
    assert seen == {"time_series", "blend", "structural", "none"}
    assert len(row.linked_1) > 5


def test_every_asset_with_exposures_has_a_variance_once_there_is_a_structural_fit(built):
    risk, told = built.rows(SPECIFIC_RISK), built.rows(RISK_DIAGNOSTICS)
    fitted = told[(told["name"] == "structural_e0")]["date"]
    known = risk[risk["date"].isin(fitted) & risk["blend_weight"].notna()]
    assert len(fitted) > 50
    assert known["specific_var"].notna().all()
    assert (known["source"] != "none").all()


def test_the_long_table_says_every_layer_of_the_packed_one(built):
    long = built.rows(SPECIFIC_RISK).set_index("date")
    for row in built.rows(RISK_MODELS).itertuples():
        of_date = long.loc[row.date]
        assert list(of_date["asset_id"]) == list(row.asset_id)
        for layer in ("specific_var", *LAYERS):
            assert_allclose(of_date[layer], getattr(row, layer).astype(float), rtol=0)
        assert (of_date["regime_multiplier"] == row.regime_multiplier).all()
