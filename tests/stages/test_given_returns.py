"""Factors whose returns are given, from source to Sigma: against a model of what they leave, restated, missing, known late."""

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from sigmalake.config.model import load_config
from sigmalake.demo.market import generate_market
from sigmalake.errors import ConfigError, DataError
from sigmalake.stages.queries.validate import validate
from sigmalake.tables.long import FACTOR_RETURNS, SPECIFIC_RETURNS
from sigmalake.tables.packed import CROSS_SECTIONS, PANEL, RISK_MODELS
from sigmalake.tables.records import RUNS
from small_model import WINDOWS, assert_same, make_model

TEN_NANOS = 1e-14


@pytest.fixture(scope="module")
def tiny():
    return generate_market(n_assets=24, n_dates=34, n_industries=3, n_styles=2, seed=8)


@pytest.fixture(scope="module")
def days(tiny):
    return sorted(tiny.panel["date"].unique())


@pytest.fixture(scope="module")
def given(days):
    """Returns of size and value, of a factor that no model has, and revisions that were known a day late."""
    rng = np.random.default_rng(1)
    rows = [(day, name, rng.normal(0, 0.01), day) for day in days for name in ("size", "value", "other")]
    rows += [(day, "size", 9.0, day + timedelta(days=1)) for day in days[::5]]
    return pd.DataFrame(rows, columns=["day", "name", "x", "known"])


def model_in(folder, market, factor_returns):
    folder.mkdir(exist_ok=True)
    model = make_model(market, folder)
    model.body["factors"][2:] = [{"styles": ["size"], "given": "in_returns"}, {"styles": ["value"], "given": "beside_returns"}]
    model.body["risk"], model.body["covariance"] = {"short": WINDOWS["short"]}, None
    model.body["checks"] = {"max_failed_dates": 99}
    give(model, factor_returns)
    return model.write(market.panel)


def give(model, factor_returns):
    place = str(model.folder / "given.parquet")
    factor_returns.to_parquet(place)
    columns = {"date": "day", "factor": "name", "value": "x", "known_at": "known"}
    model.body["sources"]["factor_returns"] = {"path": place, "columns": columns}
    return model


def earned(market, days, given, style):
    """x(t-1) F(t) of each row of the panel, NaN where the asset had no row at t-1."""
    timely = given[(given["known"] <= given["day"]) & (given["name"] == style)].set_index("day")["x"]
    before = dict(zip(days[1:], days, strict=False))
    keys = pd.MultiIndex.from_arrays([market.panel["date"].map(before), market.panel["asset_id"]])
    return (
        market.panel.set_index(["date", "asset_id"])[style].reindex(keys).to_numpy() * market.panel["date"].map(timely).to_numpy()
    )


def long(model, table, column, key):
    return model.rows(table).set_index(["date", key])[column].sort_index()


def test_given_factors_from_the_source_to_sigma_and_back(tiny, days, given, tmp_path):
    model = model_in(tmp_path / "given", tiny, given)
    report = {source.name: source for source in validate(model.context()).sources}
    assert (report["factor_returns"].rows, report["factor_returns"].rejected) == (len(given), 0)
    model.run()
    # a model without styles of what the first leaves, whose returns the second is beside
    left = tiny.panel.assign(ret=tiny.panel["ret"] - earned(tiny, days, given, "size"))
    plain = make_model(tiny, tmp_path / "given" / "plain")
    (tmp_path / "given" / "plain").mkdir()
    plain.body["factors"], plain.body["risk"], plain.body["covariance"] = plain.body["factors"][:2], {}, None
    plain.write(left.drop(columns=["size", "value"])).run()
    found, wanted = (long(one, FACTOR_RETURNS, "factor_return", "factor") for one in (model, plain))
    np.testing.assert_allclose(found.reindex(wanted.index), wanted, rtol=0, atol=TEN_NANOS)
    u, v = (long(one, SPECIFIC_RETURNS, "specific_return", "asset_id") for one in (model, plain))
    np.testing.assert_allclose(u, v.reindex(u.index), rtol=0, atol=TEN_NANOS)
    timely = given[given["known"] <= given["day"]].set_index(["day", "name"])["x"]
    for style in ("size", "value"):
        np.testing.assert_array_equal(found.xs(style, level="factor"), timely.xs(style, level="name").loc[days[1:]])
    rows = model.rows(PANEL).dropna(subset=["return_date"]).explode(["asset_id", "ret"])
    whole = rows.set_index(["return_date", "asset_id"])["ret"].astype(float)
    wanted = tiny.panel.set_index(["date", "asset_id"])["ret"] + earned(tiny, days, given, "value")
    np.testing.assert_allclose(whole, wanted.reindex(whole.index), rtol=0, atol=TEN_NANOS)
    assert set(model.rows(RISK_MODELS)["factors"].iloc[-1]) >= {"size", "value", "market"}
    line = next(one for one in model.rows(RUNS).iloc[0]["account"] if one["source"] == "factor_returns")
    assert line["rows_in"] == line["packed"] + line["rejected"] + line["outside"] == len(given)


def test_a_restated_or_missing_return_moves_its_date_and_the_windows_that_hold_it(tiny, days, given, tmp_path):
    model = model_in(tmp_path / "one", tiny, given).run()
    assert not any(model.plan().values())
    other = given.assign(x=given["x"].mask((given["day"] == days[20]) & (given["name"] == "size"), 0.05))
    other = other[~((other["day"] == days[25]) & (other["name"] == "value"))]
    planned = give(model, other).plan()
    assert planned["ingest"] == {days[19]: "input changed", days[24]: "input changed"}
    assert planned["regress"] == {days[20]: "upstream changed", days[25]: "upstream changed"}
    assert sorted(planned["risk"]) == days[20:]  # windows of 25 periods
    model.run()
    found = model.rows(FACTOR_RETURNS).set_index(["date", "factor"])
    assert found.loc[(days[25], "value"), "status"] == "not_given"
    assert np.isnan(found.loc[(days[25], "value"), "factor_return"])
    assert (found.loc[(days[25], "size"), "status"], found.loc[(days[25], "market"), "status"]) == ("given", "not_given")
    section = model.rows(CROSS_SECTIONS).set_index("date").loc[days[25]]
    assert section["status"] == "not_given"
    assert "no given return" in section["detail"]
    assert "value" in section["detail"]
    assert_same(model, model_in(tmp_path / "two", tiny, other).run())


def test_what_does_not_go_together_is_refused(tiny, given, tmp_path):
    model = model_in(tmp_path / "wrong", tiny, given[given["name"] != "value"])
    with pytest.raises(DataError, match=r"no return of value that was known on its date; it has those of other, size"):
        model.run()
    body = dict(model.body, sources={"panel": model.body["sources"]["panel"]})
    with pytest.raises(ConfigError, match=r"factors with `given` have their returns from `sources.factor_returns`"):
        load_config(body)
    with pytest.raises(ConfigError, match=r"`sources.factor_returns` are for factors with `given: in_returns`"):
        load_config(dict(model.body, factors=[{"market": "market"}]))
