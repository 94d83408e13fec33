"""Local returns and caps in a base currency: pandas says the same from the files, and a restated rate moves what it concerns."""

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from sigmalake.stages.queries.validate import validate
from sigmalake.tables.packed import PANEL
from sigmalake.tables.records import REJECTED_ROWS, RUNS

CURRENCIES = ("USD", "EUR", "JPY")
NO_RATE, CONFLICT = "no exchange rate", "key given more than once, with different values"


@pytest.fixture(scope="module")
def local(short) -> pd.DataFrame:
    """The market's returns as local ones; an asset lacks a row within."""
    days = sorted(short["date"].unique())
    number = short["asset_id"].str.removeprefix("A").astype(int)
    frame = short.assign(ccy=[CURRENCIES[n % 3] for n in number])
    return frame[~((frame["asset_id"] == "A01") & (frame["date"] == days[3]))].reset_index(drop=True)


@pytest.fixture(scope="module")
def rates(local) -> pd.DataFrame:
    """Rates of every day of the week, also of those that the calendar has not; of the base only its interest."""
    days = pd.date_range(local["date"].min(), local["date"].max()).date
    rng = np.random.default_rng(8)
    spot = {"USD": np.ones(len(days)), **{c: 2 * np.exp(np.cumsum(rng.normal(0, 0.01, len(days)))) for c in CURRENCIES[1:]}}
    interest = {"USD": 1e-4, "EUR": 2e-4, "JPY": -1e-5}
    found = [pd.DataFrame({"date": days, "ccy": c, "usd": spot[c], "i": interest[c] * (1 + np.arange(len(days)))}) for c in spot]
    return pd.concat(found, ignore_index=True)


def in_dollars(model, local, rates, *, columns=(), **rule):
    place = str(model.folder / "fx.parquet")
    rates.to_parquet(place)
    named = {"currency": "ccy", "rate": "usd"} | ({"interest_rate": "i"} if rule else {})
    model.body["sources"]["panel"]["columns"] |= {"currency": "ccy", **dict(columns)}
    model.body["checks"] = {"max_rejected": {"date": 1.0, "source": 0.5}}  # of a few rates, some are wrong
    model.body["sources"]["exchange_rates"] = {"path": place, "base": "USD", "columns": named, **rule}
    return model.write(local)


def expected(local, rates):
    """fx and the premium of each row's date and currency, over the dates of the calendar, whatever rows the asset has."""
    days = sorted(local["date"].unique())
    spot, interest = (rates.pivot(index="date", columns="ccy", values=name).reindex(days) for name in ("usd", "i"))
    fx = spot.pct_change(fill_method=None).stack()
    premium = (1 + interest["USD"]).to_numpy()[:, None] / (1 + interest) - 1
    keys = pd.MultiIndex.from_frame(local[["date", "ccy"]])
    return fx.reindex(keys).to_numpy(), premium.stack().reindex(keys).to_numpy(), spot.stack().reindex(keys).to_numpy()


def packed(model, column, dated) -> pd.Series:
    rows = model.rows(PANEL).dropna(subset=["return_date"])
    return rows.explode(["asset_id", column]).set_index([dated, "asset_id"])[column].astype(float)


def assert_packed(model, column, dated, local, values):
    found = packed(model, column, dated)
    wanted = pd.Series(np.asarray(values), index=pd.MultiIndex.from_frame(local[["date", "asset_id"]])).reindex(found.index)
    np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-15)
    assert found.notna().sum() > 400


def test_returns_are_in_the_base_currency_and_what_lacks_a_rate_is_rejected_with_its_reason(model, local, rates):
    days = sorted(local["date"].unique())
    spoilt = rates[~((rates["ccy"] == "EUR") & (rates["date"] == days[5]))]
    of_yen = spoilt["ccy"] == "JPY"
    again = spoilt[of_yen & (spoilt["date"] == days[8])]
    wrong = spoilt[of_yen & (spoilt["date"] == days[2])].index
    spoilt = pd.concat([spoilt, again, again.assign(usd=9.0)])  # a copy of a rate, and another one: none of the three is used
    spoilt.loc[wrong, "usd"] = -1.0
    model = in_dollars(model, local, spoilt)
    report = {source.name: source for source in validate(model.context()).sources}
    model.stage("ingest")
    fx, _, _ = expected(local, rates)
    lost = (local["ccy"] == "EUR") & local["date"].isin(days[5:7])
    lost |= (local["ccy"] == "JPY") & local["date"].isin([*days[2:4], *days[8:10]])
    assert_packed(model, "ret", "return_date", local, ((1 + local["ret"]) * (1 + fx) - 1).where(~lost))
    rejected = model.rows(REJECTED_ROWS)
    assert rejected.groupby(["source", "column", "reason"]).size().to_dict() == {
        ("panel.returns", "ccy", NO_RATE): lost.sum(),
        ("exchange_rates", "usd", "not positive"): 1,
        ("exchange_rates", "key", CONFLICT): 3,
    }
    unpriced = rejected[rejected["reason"] == NO_RATE].set_index(["date", "asset_id"])["value"]
    assert unpriced.to_dict() == local[lost].set_index(["date", "asset_id"])["ccy"].to_dict()
    account = {line["source"]: line for line in model.rows(RUNS).iloc[-1]["account"]}
    for name, n_rejected in (("panel.returns", lost.sum()), ("exchange_rates", 4), ("panel.exposures", 0)):
        line = account[name]
        assert (line["rejected"], report[name].rejected) == (n_rejected, n_rejected)
        assert (
            line["rows_in"] == line["packed"] + line["rejected"] + line["outside"] + line["without_exposures"] == report[name].rows
        )
    assert account["exchange_rates"]["outside"] == (~spoilt["date"].isin(days)).sum()
    assert ("ccy", NO_RATE, lost.sum(), "EUR") in report["panel.returns"].problems


def test_a_restated_rate_moves_the_two_returns_that_span_it_hedged_and_with_local_caps(model, local, rates):
    days = sorted(local["date"].unique())
    model = in_dollars(model, local, rates, columns={"cap_currency": "ccy"}, hedged=True)
    model.stage("ingest")
    assert_hedged(model, local, rates)
    weekend = min(set(rates["date"]) - set(days))
    restated = rates.assign(usd=rates["usd"].where((rates["ccy"] != "EUR") | ~rates["date"].isin([weekend, days[6]]), 2.5))
    in_dollars(model, local, restated, columns={"cap_currency": "ccy"}, hedged=True)
    assert model.plan()["ingest"] == {days[5]: "input changed", days[6]: "input changed"}  # with the returns of days 6 and 7
    model.stage("ingest")
    assert_hedged(model, local, restated)
    assert not model.plan()["ingest"]


def assert_hedged(model, local, rates):
    fx, premium, spot = expected(local, rates)
    assert_packed(model, "ret", "return_date", local, local["ret"] * (1 + fx) + premium)
    assert_packed(model, "cap", "exposure_date", local, local["cap"] * spot)


def test_the_first_caps_beside_their_return_are_converted_at_the_newest_rates_before_it(model, local, rates):
    first = min(local["date"])
    earlier = rates[rates["date"] == first].assign(date=first - timedelta(days=3))
    earlier["usd"] = earlier["usd"].where(earlier["ccy"] == "USD", 2.5).where(earlier["ccy"] != "JPY", -1.0)
    model.body["sources"]["panel"]["exposures_dated"] = "start_of_period"
    in_dollars(model, local, pd.concat([rates, earlier]), columns={"cap_currency": "ccy"}).stage("ingest")
    opening = model.rows(PANEL).iloc[0]
    known = local[local["date"] == first].set_index("asset_id")
    known = known[known["ccy"] != "JPY"]
    assert list(opening["asset_id"]) == sorted(known.index)
    expected = known["cap"] * known["ccy"].map({"USD": 1.0, "EUR": 2.5})
    np.testing.assert_allclose(opening["cap"], expected.sort_index(), rtol=1e-12)
    rejected = model.rows(REJECTED_ROWS)
    of_rates = rejected[rejected["source"] == "exchange_rates"]
    assert of_rates[["date", "reason"]].to_numpy().tolist() == [[first - timedelta(days=3), "not positive"]]
    earlier["usd"] = earlier["usd"].replace(2.5, 3.0)
    in_dollars(model, local, pd.concat([rates, earlier]), columns={"cap_currency": "ccy"})
    assert model.plan()["ingest"] == {opening["exposure_date"]: "input changed"}
