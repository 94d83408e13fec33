"""What is asked of V beyond the risk of holdings: inverse, benchmark, horizon, scenario, comparison; linked issues in each."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sigmalake.errors import DataError, MissingRiskError
from sigmalake.reader.comparison import compare_risk
from sigmalake.reader.model.assembled import assemble
from sigmalake.reader.risk_model import RiskModel
from sigmalake.reader.scenario import run_scenario

DAY = date(2024, 3, 8)
ASSETS = [f"A{n}" for n in range(8)]
FACTORS = ["market", "auto", "bank", "size"]
GROUPS = ["market", "sector", "sector", "style"]
LINKED = {("A6", "A2"): 2e-4, ("A1", "A7"): -1e-4, ("A0", "GONE"): 9.0}


def random_risk(seed: int = 0, assets=tuple(ASSETS), factors=tuple(FACTORS), **changed) -> RiskModel:
    rng = np.random.default_rng(seed)
    root = rng.normal(0, 0.01, (len(factors), len(factors)))
    given = {
        "variant": "short", "date": DAY, "exposure_date": DAY, "assets": list(assets), "columns": list(factors),
        "groups": [dict(zip(FACTORS, GROUPS, strict=True)).get(factor, "style") for factor in factors],
        "exposures": rng.normal(size=(len(assets), len(factors))), "factors": list(factors), "factor_cov": root @ root.T,
        "specific_var": dict(zip(assets, rng.uniform(4e-4, 9e-4, len(assets)), strict=True)), "left_out": {}, "linked": LINKED,
    }  # fmt: skip
    return assemble(**{**given, **changed})


def dense(risk: RiskModel) -> pd.DataFrame:
    """V of all assets, from the arrays that a user sees."""
    V = risk.exposures @ risk.factor_cov @ risk.exposures.T + np.diag(risk.specific_var)
    for (first, second), cov in LINKED.items():
        if first in risk.assets and second in risk.assets:
            i, j = risk.assets.index(first), risk.assets.index(second)
            V[[i, j], [j, i]] += cov * risk.horizon
    return pd.DataFrame(V, risk.assets, risk.assets)


H = pd.Series({"A6": 0.5, "A2": -0.25, "A3": 0.75, "A0": 0.0})
B = pd.Series({"A1": 0.2, "A2": 0.5, "A3": 0.3})


@pytest.fixture(scope="module")
def risk() -> RiskModel:
    return random_risk()


# Linked issues


def test_v_has_the_covariances_of_linked_issues_whatever_order_is_asked(risk):
    assert_allclose(risk.asset_cov(), dense(risk), rtol=1e-12)
    asked = ["A7", "A6", "A1", "A2"]
    assert_allclose(risk.asset_cov(asked), dense(risk).loc[asked, asked], rtol=1e-12)


def test_linked_issues_that_are_not_in_the_exposures_are_no_pair(risk):
    assert len(risk.linked.pairs) == 2


def test_an_asset_that_is_refused_takes_its_links_with_it():
    var = dict.fromkeys(ASSETS, 5e-4) | {"A2": np.nan}
    risk = random_risk(specific_var=var)
    usable = [asset for asset in ASSETS if asset != "A2"]
    assert_allclose(risk.asset_cov(), dense(risk).loc[usable, usable], rtol=1e-12)


def test_risk_of_holdings_in_linked_issues_is_that_of_the_dense_v(risk):
    h = H.to_numpy()
    V = dense(risk).loc[H.index, H.index].to_numpy()
    report = risk.risk_of(H)
    assert report.vol == pytest.approx(np.sqrt(h @ V @ h), rel=1e-12)
    assert_allclose(report.by_asset, h * (V @ h) / np.sqrt(h @ V @ h), rtol=1e-10, atol=1e-18)


# Contributions


def test_contributions_by_group_are_those_of_its_factors_in_the_models_order(risk):
    report = risk.risk_of(H)
    assert list(report.by_group.index) == ["market", "sector", "style"]
    assert report.by_group["sector"] == pytest.approx(report.by_factor["auto"] + report.by_factor["bank"])
    assert report.by_group.sum() + report.specific == pytest.approx(report.vol, rel=1e-12)


def test_exposure_times_volatility_times_correlation_is_the_contribution(risk):
    report = risk.risk_of(H)
    assert_allclose(report.factor_vols, np.sqrt(np.diag(risk.factor_cov)), rtol=1e-12)
    assert_allclose(report.exposures * report.factor_vols * report.factor_correlations, report.by_factor, rtol=1e-11)
    assert report.specific_vol**2 / report.vol == pytest.approx(report.specific, rel=1e-12)


# Benchmark


def test_tracking_error_and_beta_are_those_of_the_dense_v(risk):
    V = dense(risk).to_numpy()
    h, b = (w.reindex(ASSETS, fill_value=0.0).to_numpy() for w in (H, B))
    found = risk.risk_against(H, B)
    assert found.active.vol == pytest.approx(np.sqrt((h - b) @ V @ (h - b)), rel=1e-12)
    assert found.beta == pytest.approx(h @ V @ b / (b @ V @ b), rel=1e-11)
    assert_allclose(found.asset_betas[ASSETS], V @ b / (b @ V @ b), rtol=1e-10)
    assert found.portfolio.vol == risk.risk_of(H).vol
    assert found.benchmark.vol == risk.risk_of(B).vol
    assert list(found.active.by_asset.index) == ["A6", "A2", "A3", "A0", "A1"]
    assert found.active.by_asset.sum() == pytest.approx(found.active.vol, rel=1e-12)


def test_holdings_without_risk_data_leave_the_active_position_on_both_sides(risk):
    found = risk.risk_against({"A1": 0.5, "ZZZ": 0.5}, {"A2": 0.9, "ZZZ": 0.1}, missing="leave_out")
    assert found.active.vol == risk.risk_against({"A1": 0.5}, {"A2": 0.9}).active.vol
    assert list(found.active.left_out) == list(found.portfolio.left_out) == list(found.benchmark.left_out) == ["ZZZ"]


def test_a_benchmark_that_holds_nothing_is_refused(risk):
    with pytest.raises(DataError, match="the benchmark has a volatility of 0"):
        risk.risk_against(H, {"A1": 0.0})


# Inverse


def test_solve_and_inverse_are_those_of_the_dense_v(risk):
    b = pd.Series({"A7": 1.0, "A1": -2.0, "A3": 0.5})
    V = dense(risk).loc[b.index, b.index].to_numpy()
    assert_allclose(risk.solve(b), np.linalg.solve(V, b), rtol=1e-10)
    assert list(risk.solve(b).index) == list(b.index)
    inverse = risk.inverse(["A7", "A1", "A3"])
    assert_allclose(inverse, np.linalg.inv(V), rtol=1e-9, atol=1e-8)
    assert_array_equal(inverse, inverse.T)


def test_v_is_inverted_also_where_an_asset_has_no_specific_variance_of_its_own():
    risk = random_risk(specific_var=dict.fromkeys(ASSETS, 5e-4) | {"A3": 0.0}, linked={})
    b = pd.Series(1.0, ASSETS)
    assert_allclose(risk.solve(b), np.linalg.solve(risk.asset_cov().to_numpy(), b), rtol=1e-9)
    assert risk.risk_of({"A3": 1.0}).specific == 0.0


def test_linked_issues_that_are_one_asset_have_no_inverse():
    risk = random_risk(specific_var=dict.fromkeys(ASSETS, 5e-4), linked={("A0", "A1"): 5e-4})
    risk.exposures[1] = risk.exposures[0]
    with pytest.raises(DataError, match=r"V of 8 assets has no inverse: V is too near to a singular matrix: V y misses"):
        risk.inverse()
    with pytest.raises(DataError, match="V of 8 assets has no inverse: V is too near to a singular matrix"):
        risk.solve(pd.Series(range(8), ASSETS, dtype=float))


def test_an_inverse_has_the_size_guard_and_the_reasons_of_v(risk):
    with pytest.raises(DataError, match=r"the inverse of V of 8 assets has 64 cells .* use solve"):
        risk.inverse(max_cells=63)
    with pytest.raises(MissingRiskError, match="no risk for ZZZ"):
        risk.solve(pd.Series({"ZZZ": 1.0}))
    with pytest.raises(DataError, match="1 of 1 values are not finite numbers"):
        risk.solve(pd.Series({"A0": np.nan}))


# Horizon


def test_a_horizon_multiplies_v_and_leaves_ratios_alone(risk):
    month = risk.over(21)
    assert (month.horizon, risk.horizon) == (21.0, 1.0)
    assert_allclose(month.asset_cov(), 21 * dense(risk), rtol=1e-12)
    assert month.risk_of(H).vol == pytest.approx(np.sqrt(21) * risk.risk_of(H).vol, rel=1e-12)
    assert month.risk_against(H, B).beta == pytest.approx(risk.risk_against(H, B).beta, rel=1e-12)
    assert month.over(1 / 21).horizon == pytest.approx(1.0)


def test_a_horizon_of_one_period_changes_no_bit(risk):
    same = risk.over(1)
    assert_array_equal(same.factor_cov, risk.factor_cov)
    assert_array_equal(same.specific_var, risk.specific_var)
    assert_array_equal(same.linked.cov, risk.linked.cov)


@pytest.mark.parametrize("horizon", [0, -1, np.nan, np.inf])
def test_a_horizon_that_is_none_is_refused(risk, horizon):
    with pytest.raises(DataError, match=r"the horizon is .*; give periods, more than 0"):
        risk.over(horizon)


# Scenario


def test_a_scenario_moves_the_holdings_by_the_conditional_mean(risk):
    found = run_scenario(risk, H, {"size": 0.02, "market": -0.1})
    S, cov = [3, 0], risk.factor_cov
    f = cov[:, S] @ np.linalg.solve(cov[np.ix_(S, S)], [0.02, -0.1])
    X = pd.DataFrame(risk.exposures, risk.assets)
    assert_allclose(found.factor_returns, f, rtol=1e-9)
    assert_allclose(found.by_asset, H * (X.loc[H.index] @ f), rtol=1e-9)
    assert found.by_asset.sum() == pytest.approx(found.portfolio_return, rel=1e-12)
    assert found.by_factor.sum() == pytest.approx(found.portfolio_return, rel=1e-12)
    assert list(found.by_factor.index) == FACTORS
    assert run_scenario(risk.over(21), H, {"market": -0.1}).by_factor["bank"] == pytest.approx(
        run_scenario(risk, H, {"market": -0.1}).by_factor["bank"], rel=1e-9
    )


def test_holdings_left_out_of_a_scenario_are_listed(risk):
    found = run_scenario(risk, {"A0": 1.0, "ZZZ": 1.0}, {"market": -0.1}, missing="leave_out")
    assert list(found.left_out) == ["ZZZ"]
    assert list(found.by_asset.index) == ["A0"]


@pytest.mark.parametrize(
    ("shocks", "said"),
    [
        ({}, "the scenario has no shocks"),
        ({"oil": 0.1, "market": 0.1}, "the scenario shocks oil; Sigma has market, auto, bank, size"),
        ({"market": np.nan}, "shocks that are not finite"),
    ],
)
def test_shocks_that_say_nothing_are_refused(risk, shocks, said):
    with pytest.raises(DataError, match=said):
        run_scenario(risk, H, shocks)


def test_shocks_to_dependent_factors_are_refused_by_name():
    risk = random_risk(factor_cov=np.ones((4, 4)))
    with pytest.raises(DataError, match="the scenario of market, size has no answer: the shocked factors depend on each other"):
        run_scenario(risk, H, {"market": 0.1, "size": 0.0})


# Comparison


def test_the_parts_of_a_comparison_sum_to_the_difference(risk):
    later = random_risk(1)
    found = compare_risk(risk, later, H, B)
    assert found.first == pytest.approx(risk.risk_of(H).variance, rel=1e-12)
    assert found.second == pytest.approx(later.risk_of(B).variance, rel=1e-12)
    assert found.parts.sum() == pytest.approx(found.second - found.first, rel=1e-10)
    assert_allclose(found.by_factor.sum(), found.parts[list(found.by_factor.columns)], rtol=1e-10, atol=1e-20)
    assert_allclose(found.by_asset.sum(), found.parts[list(found.by_asset.columns)], rtol=1e-10, atol=1e-20)
    assert list(found.by_asset.index) == ["A6", "A2", "A3", "A1"]


def test_the_same_model_and_holdings_have_nothing_to_explain(risk):
    assert (compare_risk(risk, risk, H).parts == 0).all()


def test_a_factor_that_is_new_and_an_asset_that_is_new_are_accounted_for(risk):
    later = random_risk(1, assets=(*ASSETS[:5], "NEW"), factors=(*FACTORS[1:], "value"))
    found = compare_risk(risk, later, {"A0": 0.5, "A7": 0.5}, {"A0": 0.4, "NEW": 0.6})
    assert list(found.by_factor.index) == [*FACTORS, "value"]
    assert found.parts.sum() == pytest.approx(found.second - found.first, rel=1e-10)
    assert_array_equal(found.by_asset.loc[["A7", "NEW"], ["exposures", "specific"]], 0)


def test_an_asset_that_one_side_does_not_know_changes_neither_exposures_nor_specific_risk(risk):
    later = random_risk(1, assets=ASSETS[:5])  # without A6, which is linked with A2
    found = compare_risk(risk, later, {"A6": 0.5, "A2": 0.5}, {"A2": 0.8})
    assert_array_equal(found.by_asset.loc["A6", ["exposures", "specific"]], 0)
    change = later.specific_var[2] - risk.specific_var[2]
    assert found.by_asset.loc["A2", "specific"] == pytest.approx((0.5**2 + 0.8**2) / 2 * change, rel=1e-10)
    assert found.parts.sum() == pytest.approx(found.second - found.first, rel=1e-10)


def test_an_asset_without_data_on_one_side_is_left_out_on_both(risk):
    later = random_risk(1, assets=ASSETS[:5])
    with pytest.raises(MissingRiskError, match="no risk for 1 of 2 holdings: A6"):
        compare_risk(risk, later, {"A0": 0.5, "A6": 0.5})
    found = compare_risk(risk, later, {"A0": 0.5, "A6": 0.5}, missing="leave_out")
    assert list(found.left_out) == ["A6"]
    assert (found.first, found.second) == tuple(model.risk_of({"A0": 0.5}).variance for model in (risk, later))


def test_a_comparison_of_nothing_or_of_unequal_horizons_is_refused(risk):
    with pytest.raises(DataError, match="the models are for 1 and 21 periods; compare equal horizons"):
        compare_risk(risk, risk.over(21), H)
    without = [
        random_risk(seed, assets=[asset for asset in ASSETS if asset != left_out]) for seed, left_out in ((0, "A0"), (1, "A1"))
    ]
    with pytest.raises(MissingRiskError, match="nothing is held that both models have risk data for"):
        compare_risk(*without, {"A0": 0.5, "A1": 0.5}, missing="leave_out")


def test_holdings_of_nothing_but_0_have_no_risk_that_moves(risk):
    found = compare_risk(risk, random_risk(1), {"A0": 0.0, "A1": 0.0})
    assert (found.first, found.second, *found.parts) == (0,) * 7
    assert found.by_asset.empty
