"""Industry shares from segments: from files to a model, every row accounted for, and a restatement as a rebuild says it."""

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from lakes import REBUILT, differences
from plain_segments import INDUSTRIES, generate_segments, plain_shares
from sigmalake.stages.queries.plan import plan
from sigmalake.stages.queries.validate import validate
from sigmalake.tables.descriptors import INDUSTRY_SHARES
from sigmalake.tables.long import FACTORS
from sigmalake.tables.packed import PANEL
from sigmalake.tables.records import REJECTED_ROWS, RUNS
from small_model import write_nullable


@pytest.fixture(scope="module")
def segments(short) -> pd.DataFrame:
    """Of all companies but three; the newest quarter becomes known before the dates and between them."""
    assets, first = sorted(short["asset_id"].unique()), min(short["date"])
    return generate_segments(assets[3:], first - timedelta(days=3 * 91 + 40))


@pytest.fixture
def priced(model, segments):
    columns = {"cap": "cap", "in_estimation": "in_estimation"}
    model.body["sources"]["prices"] = {"path": str(model.folder / "panel.parquet"), "columns": columns}
    figures = {"assets": "assets", "sales": "sales"}
    model.body["sources"]["segments"] = {"path": str(model.folder / "segments.parquet"), "columns": figures}
    model.body["factors"][1] = {"membership": "industry", "segments": True}
    model.body["regression"] = {"min_assets": 20}
    model.body["checks"] = {"max_rejected": {"date": 1.0, "source": 0.5}}  # three companies have no segments
    model.body |= {"risk": {}, "covariance": None}
    return model


def write(model, panel, segments):
    for name, frame in (("panel", panel), ("segments", segments)):
        write_nullable(frame, model.folder / f"{name}.parquet")
    return model


def stages(model):
    for stage in ("describe", "ingest"):
        model.stage(stage)


STAGES = ("describe", "ingest", "regress")


def write_prices(model, frame):
    write_nullable(frame, model.folder / "prices.parquet")


def shares_by_company(row) -> dict[tuple[str, str], float]:
    return dict(zip(zip(row["asset_id"], row["industry"], strict=True), row["share"], strict=True))


def panel_shares(model, row) -> dict[tuple[str, str], float]:
    """Share by company and industry, of a row of the panel."""
    factors = model.rows(FACTORS)
    of_row = factors[factors["factor_set"] == row["factor_set"]].set_index("position")
    members = zip(row["member_assets"], row["member_factors"], row["member_shares"], strict=True)
    return {(row["asset_id"][a], of_row.loc[f, "factor"]): share for a, f, share in members}


def account_of(model) -> dict[str, dict]:
    return {line["source"]: line for line in model.rows(RUNS).iloc[-1]["account"]}


def assert_loops_agree(model, panel, segments):
    """Both tables are what loops over the source files say of each date; who has no shares is rejected."""
    of_panel = {row["exposure_date"]: row for row in model.rows(PANEL).to_dict("records")}
    for row in model.rows(INDUSTRY_SHARES).to_dict("records"):
        of_day = panel[panel["date"] == row["date"]]
        expected = plain_shares(segments, row["date"], of_day)
        assert shares_by_company(row) == pytest.approx(expected, rel=1e-8)
        assert panel_shares(model, of_panel[row["date"]]) == pytest.approx(expected, rel=1e-8)
        assert row["n_assets"] == of_panel[row["date"]]["n_assets"] == len({asset for asset, _ in expected})


def test_shares_are_those_of_loops_and_a_restated_segment_and_a_day_added_are_a_rebuild(priced, short, segments):
    days = sorted(short["date"].unique())
    stages(write(priced, short[short["date"] < days[-1]], segments))
    newest = segments[segments["known_at"] < days[4]].sort_values("period_end").iloc[[-1]]
    restated = pd.concat([segments, newest.assign(known_at=days[6], assets=900.0)], ignore_index=True)
    planned = write(priced, short, restated).plan()
    assert planned["describe"] == {day: "new" if day == days[-1] else "input changed" for day in days[6:]}
    assert sorted(planned["ingest"]) == days[6:]
    assert {"market", *INDUSTRIES} < set(validate(priced.context()).factors)
    stages(priced)
    assert not any(priced.plan()[stage] for stage in ("describe", "ingest"))
    assert_loops_agree(priced, short, restated)
    increment = priced.lake_folder
    priced.body["lake"] = str(priced.folder / "rebuilt")
    stages(priced)
    assert differences(increment, priced.lake_folder, relative=REBUILT) == []
    missing = priced.rows(REJECTED_ROWS)
    assert set(zip(missing["source"], missing["column"], missing["reason"], strict=True)) == {
        ("panel.exposures", "industry_shares", "missing")
    }
    without = account_of(priced)["panel.exposures"]
    assert without["rejected"] == len(missing) > 0
    assert without["rows_in"] == without["packed"] + without["rejected"] + without["outside"]


def test_bad_segments_are_listed_and_a_company_without_any_has_its_category(priced, short, segments):
    days = sorted(short["date"].unique())[:4]
    panel = short[short["date"].isin(days)].assign(sector="other")
    priced.body["factors"][1] |= {"column": "sector", "levels": [*INDUSTRIES[:-1], "other"]}
    good = segments[segments["industry"] != INDUSTRIES[-1]].reset_index(drop=True)
    wrong = [
        good.iloc[[0]].assign(period_end=days[0] - timedelta(days=900), assets=-1.0),
        good.iloc[[1]].assign(period_end=days[0] - timedelta(days=900), sales=np.inf),
        good.iloc[[2]].assign(period_end=days[0] - timedelta(days=900), industry=None),
        good.iloc[[3]].assign(assets=7.0),  # contradicts the fourth
        good.iloc[[4]],  # the fifth again
    ]
    given = pd.concat([good, segments[segments["industry"] == INDUSTRIES[-1]], *wrong], ignore_index=True)
    stages(write(priced, panel, given))
    rejected = priced.rows(REJECTED_ROWS)
    told = rejected[rejected["source"] == "segments"]["reason"].value_counts().to_dict()
    assert told == {
        "unknown category": (segments["industry"] == INDUSTRIES[-1]).sum(),
        "negative": 1, "not finite": 1, "missing": 1,
        "key given more than once, with different values": 2, "identical copy of a row": 1,
    }  # fmt: skip
    runs = priced.rows(RUNS)
    account = {line["source"]: line for line in runs[runs["stage"] == "describe"].iloc[-1]["account"]}["segments"]
    assert account["rows_in"] == len(given) == account["packed"] + account["rejected"]
    assert account["rejected"] == sum(told.values())
    used = good.drop(index=3)
    for row in priced.rows(PANEL).to_dict("records"):
        of_day = panel[panel["date"] == row["exposure_date"]]
        expected = plain_shares(used, row["exposure_date"], of_day)
        held = {asset for asset, _ in expected}
        expected |= {(asset, "other"): 1.0 for asset in of_day["asset_id"] if asset not in held}
        assert panel_shares(priced, row) == pytest.approx(expected, rel=1e-8)
    assert account_of(priced)["panel.exposures"]["rejected"] == 0


def test_a_plan_where_a_price_date_is_withdrawn_names_what_a_run_then_does(priced, short, segments):
    priced.body["sources"]["prices"]["path"] = str(priced.folder / "prices.parquet")
    days = sorted(short["date"].unique())[:8]
    panel = short[short["date"].isin(days)]
    for prices in (panel, panel[panel["date"] != days[5]]):
        write_prices(write(priced, panel, segments), prices)
        planned = plan(priced.context())
        for stage in STAGES:
            priced.stage(stage)
    touched = {stage.stage: {*stage.compute, *stage.remove} for stage in planned}
    done = priced.rows(RUNS).groupby("stage").last()
    for stage in STAGES:
        days_of = touched[stage]
        assert (min(days_of), max(days_of), len(days_of)) == tuple(done.loc[stage, ["first_date", "last_date", "n_dates"]])
    assert days[5] in touched["ingest"]
    assert days[6] in touched["regress"]  # by the exposures of the date
