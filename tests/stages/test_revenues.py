"""Exposures from revenues: from files to a panel, every row accounted for, and a restatement as a rebuild says it."""

from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from lakes import REBUILT, differences
from plain_revenues import COUNTRIES, generate_revenues, plain_revenue_shares
from sigmalake.stages.context import Asked
from sigmalake.stages.queries.validate import validate
from sigmalake.tables.descriptors import REVENUE_SHARES
from sigmalake.tables.long import FACTORS
from sigmalake.tables.packed import PANEL
from sigmalake.tables.records import REJECTED_ROWS, RUNS
from small_model import write_nullable

MAX_AGE = 60


@pytest.fixture(scope="module")
def companies(short) -> pd.DataFrame:
    """Of a few companies, with a domicile."""
    found = short[short["asset_id"].isin(sorted(short["asset_id"].unique())[:16])]
    number = found["asset_id"].str.removeprefix("A").astype(int)
    return found.assign(domicile=np.where(number % 2 == 0, "USA", "Peru")).reset_index(drop=True)


@pytest.fixture(scope="module")
def revenues(companies) -> pd.DataFrame:
    """Of all companies but one; the newest period becomes known before the dates and between them, and one company's is old."""
    assets, days = sorted(companies["asset_id"].unique()), sorted(companies["date"].unique())
    found = generate_revenues(assets[2:], days[0] - timedelta(days=2 * 91 + 40))
    known_at = days[6] - timedelta(days=MAX_AGE)
    return pd.concat([found, found.iloc[[0]].assign(asset_id=assets[1], known_at=known_at, revenue=1.0)], ignore_index=True)


@pytest.fixture
def revenue_model(model):
    """Describes revenues without any prices."""
    columns = {"level": "country"}
    model.body["sources"]["revenues"] = {"path": str(model.folder / "revenues.parquet"), "columns": columns, "max_age": MAX_AGE}
    model.body["factors"] = [{"market": "market"}, {"membership": "country", "revenues": True}]
    model.body["checks"] = {"max_rejected": {"date": 1.0, "source": 0.9}}
    model.body |= {"risk": {}, "covariance": None}
    return model


def stages(model, companies, revenues, asked=None):
    for name, frame in (("panel", companies), ("revenues", revenues)):
        write_nullable(frame, model.folder / f"{name}.parquet")
    for stage in ("describe", "ingest"):
        model.stage(stage, asked)


def panel_shares(model) -> dict[date, dict[tuple[str, str], float]]:
    """Share by company and level, of each row of the panel."""
    factors = model.rows(FACTORS).set_index(["factor_set", "position"])["factor"]
    found = {}
    for row in model.rows(PANEL).to_dict("records"):
        members = zip(row["member_assets"], row["member_factors"], row["member_shares"], strict=True)
        found[row["exposure_date"]] = {(row["asset_id"][a], factors[row["factor_set"], f]): share for a, f, share in members}
    return found


def loops(companies, revenues) -> dict[date, dict[tuple[str, str], float]]:
    """The same from the files, of the companies with an exposure on the date."""
    found = {}
    for day, of_day in companies.groupby("date"):
        assets = set(of_day["asset_id"])
        found[day] = {key: share for key, share in plain_revenue_shares(revenues, day, MAX_AGE).items() if key[0] in assets}
    return found


def test_shares_are_those_of_loops_and_a_restated_revenue_and_a_day_added_are_a_rebuild(revenue_model, companies, revenues):
    days = sorted(companies["date"].unique())
    stages(revenue_model, companies[companies["date"] < days[-1]], revenues, Asked(end=days[3]))
    assert revenue_model.rows(REVENUE_SHARES)["date"].max() <= days[3]
    stages(revenue_model, companies[companies["date"] < days[-1]], revenues)
    sunday = days[5] - timedelta(days=1)
    newest = revenues[revenues["known_at"] < days[4]].sort_values(["period_end", "known_at"]).iloc[[-1]]
    restated = pd.concat([revenues, newest.assign(known_at=sunday, revenue=900.0)], ignore_index=True)
    for name, frame in (("panel", companies), ("revenues", restated)):
        write_nullable(frame, revenue_model.folder / f"{name}.parquet")
    planned = revenue_model.plan()
    assert set(planned["describe"]) == {day for day in restated["known_at"] if day >= sunday}
    assert sorted(planned["ingest"]) == days[5:]
    assert {"market", *COUNTRIES} == set(validate(revenue_model.context()).factors)
    stages(revenue_model, companies, restated)
    assert not any(revenue_model.plan()[stage] for stage in ("describe", "ingest"))
    expected = loops(companies, restated)
    found = panel_shares(revenue_model)
    assert found == {day: pytest.approx(expected[day], rel=1e-14) for day in days}
    held = {day: {asset for asset, _ in shares} for day, shares in expected.items()}
    assert [day for before, day in pairwise(days) if held[before] - held[day]] == [days[7]]  # its revenues are too old
    increment = revenue_model.lake_folder
    revenue_model.body["lake"] = str(revenue_model.folder / "rebuilt")
    stages(revenue_model, companies, restated)
    assert differences(increment, revenue_model.lake_folder, relative=REBUILT) == []
    missing = revenue_model.rows(REJECTED_ROWS)
    assert set(zip(missing["column"], missing["reason"], strict=True)) == {("revenue_shares", "missing")}
    assert len(missing) == len(companies) - sum(map(len, held.values())) > 0


@pytest.mark.parametrize("rest", [None, "abroad"])
def test_one_country_against_the_rest_rejects_no_row_and_bad_revenues_are_listed(revenue_model, companies, revenues, rest):
    group = {"membership": "country", "revenues": True, "only": ["USA"], "column": "domicile"}
    domicile = {"membership": "domicile", "column": "domicile", "only": ["Peru"]}  # 0 or 1 beside it
    revenue_model.body["factors"][1:] = [group | ({} if rest is None else {"rest": rest}), domicile]
    old = min(revenues["period_end"]) - timedelta(days=900)
    wrong = [
        revenues.iloc[[0]].assign(period_end=old, revenue=-1.0),
        revenues.iloc[[1]].assign(period_end=old, revenue=np.inf),
        revenues.iloc[[2]].assign(period_end=old, country=" "),
        revenues.iloc[[3]].assign(period_end=None),
        revenues.iloc[[4]].assign(revenue=7.0),  # contradicts the fifth
        revenues.iloc[[5]],  # the sixth again
    ]
    given = pd.concat([revenues, *wrong], ignore_index=True)
    companies = companies[companies["date"].isin(sorted(companies["date"].unique())[:3])]
    stages(revenue_model, companies, given)
    told = revenue_model.rows(REJECTED_ROWS)
    assert set(told["source"]) == {"revenues"}
    assert told["reason"].value_counts().to_dict() == {
        "negative": 1, "not finite": 1, "missing": 1, "not a date": 1,
        "key given more than once, with different values": 2, "identical copy of a row": 1,
    }  # fmt: skip
    account = {line["source"]: line for _, run in revenue_model.rows(RUNS).iterrows() for line in run["account"]}
    assert account["revenues"]["rows_in"] == len(given) == account["revenues"]["packed"] + account["revenues"]["rejected"]
    assert account["panel.exposures"]["rejected"] == 0
    expected = loops(companies, revenues.drop(index=4))
    for day, of_day in companies.groupby("date"):
        home, held = of_day.set_index("asset_id")["domicile"], {asset for asset, _ in expected[day]}
        usa = {
            asset: expected[day].get((asset, "USA"), 0.0) if asset in held else float(home[asset] == "USA") for asset in home.index
        }
        wanted = {(asset, "USA"): share for asset, share in usa.items() if share}
        wanted |= {(asset, "Peru"): 1.0 for asset in home.index if home[asset] == "Peru"}
        wanted |= {(asset, rest): 1 - share for asset, share in usa.items() if rest and share != 1}
        assert panel_shares(revenue_model)[day] == pytest.approx(wanted, rel=1e-12)
    kinds = revenue_model.rows(FACTORS).drop_duplicates("factor").set_index("factor")["kind"]
    assert kinds["USA"] == ("partial_membership" if rest is None else "membership")
    assert kinds["Peru"] == "partial_membership"
