"""Sensitivities to given factors as the exposures of a model: known at t-1, by hand, and what a restated factor return moves."""

import numpy as np
import pandas as pd
import pytest

from sigmalake.config.model import load_config
from sigmalake.demo.market import generate_market
from sigmalake.errors import ConfigError
from sigmalake.stages.queries.validate import validate
from sigmalake.tables.descriptors import DESCRIPTORS
from sigmalake.tables.long import FACTOR_RETURNS
from sigmalake.tables.packed import CROSS_SECTIONS, PANEL
from small_model import WINDOWS, assert_same, make_model

WINDOW, FEWEST = 14, 8


@pytest.fixture(scope="module")
def tiny():
    """Returns on two factors that are known, beside a market's own."""
    market = generate_market(n_assets=24, n_dates=34, n_industries=2, n_styles=1, seed=3)
    panel = market.panel.drop(columns=["size"])
    names, rng = sorted(panel["asset_id"].unique()), np.random.default_rng(6)
    true = pd.DataFrame(rng.normal(1.0, 0.4, (len(names), 2)), names, ["oil", "rates"])
    days = sorted(panel["date"].unique())
    F = pd.DataFrame(0.02 * rng.standard_normal((len(days), 2)), days, ["oil", "rates"])
    earned = (true.loc[panel["asset_id"]].to_numpy() * F.loc[panel["date"]].to_numpy()).sum(axis=1)
    panel = panel.assign(ret=panel["ret"] + earned, grp=np.where(panel["asset_id"] < "A12", "a", "b"))
    return market._replace(panel=panel), F


def model_in(folder, market, F):
    folder.mkdir(exist_ok=True)
    model = make_model(market, folder)
    model.body["factors"] = [{"market": "market"}, {"styles": ["oil", "rates"], "given": "in_returns"}]
    model.body["sources"]["prices"] = {
        "path": str(folder / "panel.parquet"),
        "columns": {"in_estimation": "in_estimation", "group": "grp"},
    }
    rules = {"factors": ["oil", "rates"], "trailing": {"window": WINDOW, "half_life": 7, "min_periods": FEWEST}}
    model.body["descriptors"] = {"sensitivities": rules}
    model.body["risk"], model.body["covariance"] = {"short": WINDOWS["short"]}, None
    model.body["checks"] = {"max_rejected": {"date": 1.0, "source": 0.5}, "max_coverage_drop": 1.0}
    return give(model, F).write(market.panel)


def give(model, F):
    place = str(model.folder / "factor_returns.parquet")
    F.rename_axis("date").melt(ignore_index=False, var_name="factor").reset_index().to_parquet(place)
    model.body["sources"]["factor_returns"] = {"path": place}
    return model


def slope_by_hand(panel, F, asset, day):
    """Weighted least squares over the window's dates, by the normal equations."""
    days = sorted(panel["date"].unique())
    window = days[max(0, days.index(day) - WINDOW + 1) : days.index(day) + 1]
    r = panel[panel["asset_id"] == asset].set_index("date")["ret"].reindex(window)
    Z = np.column_stack([np.ones(len(window)), F.loc[window]])
    w = np.where(r.notna(), 0.5 ** (np.arange(len(window))[::-1] / 7), 0.0)
    return np.linalg.solve(Z.T @ (w[:, None] * Z), Z.T @ (w * r.fillna(0.0)))[1:]


def test_exposures_are_slopes_known_the_date_before_and_the_given_factors_are_taken_off(tiny, tmp_path):
    market, F = tiny
    model, days = model_in(tmp_path / "one", market, F), list(F.index)
    assert validate(model.context()).factors == ["market", "oil", "rates"]
    model.run()
    described = model.rows(DESCRIPTORS).set_index("date").loc[days[20]]
    ids, own = list(described["asset_id"]), np.reshape(described["sensitivity_own"], (-1, 2))
    for asset in (ids[3], ids[8], ids[-4]):
        np.testing.assert_allclose(own[ids.index(asset)], slope_by_hand(market.panel, F, asset, days[20]), rtol=1e-9)
    used, errors = np.reshape(described["sensitivity"], (-1, 2)), np.reshape(described["sensitivity_error"], (-1, 2))
    now = market.panel[market.panel["date"] == days[20]].set_index("asset_id").loc[ids]
    for group in ("a", "b"):
        of_group = (now["grp"] == group).to_numpy()
        inside = own[of_group & now["in_estimation"].to_numpy() & np.isfinite(own[:, 0])]
        m, v = inside.mean(axis=0), inside.var(axis=0, ddof=1)
        drawn = (v * own + errors**2 * m) / (v + errors**2)
        np.testing.assert_allclose(used[of_group], np.where(np.isfinite(own), drawn, m)[of_group], rtol=1e-9)
    row = model.rows(PANEL).set_index("exposure_date").loc[days[20]]
    assert row["return_date"] == days[21]
    exposures = pd.DataFrame(np.reshape(row["styles"], (-1, 2)), list(row["asset_id"]))
    np.testing.assert_allclose(exposures, pd.DataFrame(used, ids).loc[exposures.index], rtol=0, atol=0)
    section = model.rows(CROSS_SECTIONS).set_index("date").loc[days[21]]
    left = np.array(row["ret"], float) - exposures.to_numpy() @ F.loc[days[21]].to_numpy()
    market_return = section["factor_return"][0]
    np.testing.assert_allclose(np.array(section["specific_return"], float), left - market_return, rtol=0, atol=1e-14)
    assert set(model.rows(FACTOR_RETURNS).query("factor == 'oil'")["status"]) == {"given"}
    # a factor return that is restated moves the slopes of the windows that hold it, and the regression of its date
    other = F.copy()
    other.loc[days[16], "oil"] = 0.1
    planned = give(model, other).plan()
    assert sorted(planned["describe"]) == days[16 : 16 + WINDOW]
    assert sorted(planned["ingest"]) == days[15 : 16 + WINDOW]
    model.run()
    assert_same(model, model_in(tmp_path / "two", market, other).run())


def test_names_that_do_not_fit_are_refused(tiny, tmp_path):
    market, F = tiny
    model = model_in(tmp_path / "wrong", market, F)
    rules = {"factors": ["size"], "trailing": {"window": WINDOW}}
    with pytest.raises(ConfigError, match="has size, a descriptor of another kind or another column of `descriptors`"):
        load_config({**model.body, "descriptors": {"sensitivities": rules}})
    sources = {name: place for name, place in model.body["sources"].items() if name != "factor_returns"}
    with pytest.raises(ConfigError, match=r"`descriptors.sensitivities` read returns from `sources.factor_returns`"):
        load_config({**model.body, "sources": sources, "factors": [{"market": "market"}]})
