"""No source row disappears: it is packed, rejected with its reason, outside the dates asked for, or without exposures."""

from typing import NamedTuple

import pandas as pd
import pytest
from built import Built, model_of, planned, run_stages, with_countries, write_parquet

from lakes import differences
from sigmalake.market import Defect, dirty, generate_market
from sigmalake.spark.checking import Reason
from sigmalake.stages.context import Asked
from sigmalake.tables.packed import PANEL
from sigmalake.tables.records import REJECTED_ROWS, RUNS

pytestmark = pytest.mark.jvm

SHARES = ["ind_energy", "ind_materials"]


def account_of(built: Built) -> dict[str, dict[str, int]]:
    """The newest account, by source."""
    runs = built.rows(RUNS).sort_values("finished_at")
    return {line["source"]: line for line in runs[runs["stage"] == "ingest"]["account"].iloc[-1]}


def rejected_of(built: Built, source: str) -> pd.DataFrame:
    """The rejected rows of a source, each once."""
    rows = built.rows(REJECTED_ROWS)
    return rows[rows["source"] == source].drop_duplicates(["row_hash", "copy", "date"])


class Planted(NamedTuple):
    reason: Reason
    column: str
    value: str | None
    source: str = "exposures"


# row of the table: what is written into its cells, and what is said of it; every row is of another asset and date
SPOILT = {
    5: ({"asset_id": None}, [Planted(Reason.MISSING, "asset_id", None)]),
    25: ({"date": None}, [Planted(Reason.MISSING, "date", None)]),
    35: ({"date": "2021-02-30"}, [Planted(Reason.NOT_A_DATE, "date", "2021-02-30")]),
    45: ({"size": None}, [Planted(Reason.MISSING, "size", None)]),
    55: ({"size": "big"}, [Planted(Reason.NOT_A_NUMBER, "size", "big")]),
    65: ({"size": "NaN", "cap": "Infinity"},
          [Planted(Reason.NOT_FINITE, "size", "NaN"), Planted(Reason.NOT_FINITE, "cap", "Infinity")]),
    75: ({"in_estimation": "perhaps"}, [Planted(Reason.NOT_A_FLAG, "in_estimation", "perhaps")]),
    85: ({"cap": 0.0}, [Planted(Reason.NOT_POSITIVE, "cap", "0.0")]),
    95: ({"w": -0.5}, [Planted(Reason.NEGATIVE, "w", "-0.5")]),
    105: ({"ind_energy": 1.25, "ind_materials": -0.25},
          [Planted(Reason.OUTSIDE_0_1, "ind_energy", "1.25"), Planted(Reason.OUTSIDE_0_1, "ind_materials", "-0.25")]),
    115: ({"ind_energy": 0.5, "ind_materials": 0.25}, [Planted(Reason.SHARES_DO_NOT_SUM, "industry", "0.75")]),
    125: ({"in_asia": 0.75, "in_europe": 0.5}, [Planted(Reason.SHARES_EXCEED, "abroad", "1.25")]),
    135: ({"sector": "growth"}, [Planted(Reason.UNKNOWN_CATEGORY, "sector", "growth")]),
    145: ({"sector": " "}, [Planted(Reason.MISSING, "sector", None)]),
}  # fmt: skip


@pytest.fixture(scope="module")
def spoilt(spark, tmp_path_factory) -> Built:
    """CSV files in which every reason occurs but the one of caps apart."""
    folder = tmp_path_factory.mktemp("spoilt")
    panel = generate_market(n_assets=20, n_dates=10, n_industries=2, n_styles=1, seed=4).panel
    panel = panel.assign(w=1.0, sector="A", in_asia=0.25, in_europe=0.5)
    days = sorted(panel["date"].unique())
    exposures = panel.drop(columns="ret").astype(object)
    for row, (cells, _) in SPOILT.items():
        exposures.loc[row, list(cells)] = list(cells.values())
    twins = exposures.loc[[155, 156]].assign(cap=[1.0, exposures.loc[156, "cap"]])  # another cap; a copy
    exposures = pd.concat([exposures, twins, exposures.loc[[156]]])
    returns = panel[["date", "asset_id", "ret"]].astype(object)
    returns.loc[66, "ret"] = "n.a."
    rates = pd.DataFrame({"date": days, "rate": 0.0}).query("date != @days[8]")
    places = {"exposures": exposures, "returns": returns, "rates": rates}
    for name, rows in places.items():
        rows.to_csv(folder / f"{name}.csv", index=False)
    columns = {"cap": "cap", "weight": "w", "in_estimation": "in_estimation"}
    body = {
        "model": "spoilt",
        "sources": {
            **{name: {"path": str(folder / f"{name}.csv")} for name in places},
            "exposures": {"path": str(folder / "exposures.csv"), "columns": columns},
        },
        "factors": [
            {"market": "market"},
            {"membership": "industry", "columns": {name.removeprefix("ind_"): name for name in SHARES}},
            {"membership": "sector", "column": "sector", "levels": ["A", "B"]},
            {"membership": "abroad", "columns": {"asia": "in_asia", "europe": "in_europe"}, "partial": True},
            {"styles": ["size"]},
        ],
    }
    return run_stages(spark, Built(folder / "lake", body, panel), "ingest")


@pytest.mark.parametrize("row", SPOILT)
def test_a_row_that_cannot_be_used_is_kept_with_the_column_the_reason_and_the_value(spoilt, row):
    cells, planted = SPOILT[row]
    rejected = spoilt.rows(REJECTED_ROWS).query("source == 'exposures'")
    day, asset = (None if column in cells else spoilt.panel[column].iloc[row] for column in ("date", "asset_id"))
    of_row = rejected[
        (rejected["date"].isna() if day is None else rejected["date"] == day)
        & (rejected["asset_id"].isna() if asset is None else rejected["asset_id"] == asset)
    ]
    found = {(found.reason, found.column, found.value) for found in of_row.itertuples()}
    assert found == {(p.reason.value, p.column, p.value) for p in planted}


def test_of_unequal_copies_all_are_rejected_and_of_equal_ones_all_but_one(spoilt):
    rejected = spoilt.rows(REJECTED_ROWS).query("source == 'exposures' and column == 'key'")
    keys = [tuple(spoilt.panel.loc[row, ["date", "asset_id"]]) for row in (155, 156)]
    conflicting, copies = (rejected[(rejected["date"] == day) & (rejected["asset_id"] == asset)] for day, asset in keys)
    assert conflicting["reason"].tolist() == [Reason.CONFLICTING_COPIES.value] * 2
    assert conflicting["row_hash"].nunique() == 2
    assert copies["reason"].tolist() == [Reason.IDENTICAL_COPY.value] * 2
    assert (copies["row_hash"].nunique(), sorted(copies["copy"])) == (1, [1, 2])
    packed = spoilt.rows(PANEL).set_index("exposure_date")["asset_id"]
    assert keys[0][1] not in packed[keys[0][0]]
    assert keys[1][1] in packed[keys[1][0]]


def test_returns_are_rejected_apart_from_exposures(spoilt):
    rejected = spoilt.rows(REJECTED_ROWS).query("source == 'returns' and reason == @Reason.NOT_A_NUMBER.value")
    assert rejected[["date", "asset_id", "column", "value"]].to_numpy().tolist() == [
        [*spoilt.panel.loc[66, ["date", "asset_id"]], "ret", "n.a."]
    ]


def test_a_date_whose_returns_are_all_rejected_stays_in_the_calendar_and_in_the_account(spoilt):
    days = sorted(spoilt.panel["date"].unique())
    rejected = spoilt.rows(REJECTED_ROWS).query("source == 'returns' and reason == @Reason.NO_RATE.value")
    assert set(rejected["date"]) == {days[8]}
    assert len(rejected) == (spoilt.panel["date"] == days[8]).sum()
    rows = spoilt.rows(PANEL).set_index("exposure_date")
    assert rows.loc[days[7], ["return_date", "n_returns"]].tolist() == [days[8], 0]
    assert rows.loc[days[8], "return_date"] == days[9]


def test_every_row_of_every_source_is_accounted_for(spoilt):
    account = account_of(spoilt)
    panel = spoilt.rows(PANEL)
    n_exposures, n_returns = len(spoilt.panel) + 3, len(spoilt.panel)
    n_packed = sum(len(ids) for ids in panel["asset_id"])
    assert account["exposures"] == {
        "source": "exposures", "rows_in": n_exposures, "packed": n_packed, "rejected": n_exposures - n_packed,
        "outside": 0, "without_exposures": 0,
    }  # fmt: skip
    assert account["exposures"]["rejected"] == len(rejected_of(spoilt, "exposures")) == len(SPOILT) + 2 + 2
    line = account["returns"]
    assert line["rejected"] == len(rejected_of(spoilt, "returns"))
    assert line["packed"] == returns_packed(panel, spoilt.panel, rejected_of(spoilt, "returns"))
    assert line["outside"] == 0
    assert n_returns == line["packed"] + line["rejected"] + line["without_exposures"]
    assert account["rates"] == {
        "source": "rates", "rows_in": 9, "packed": 9, "rejected": 0, "outside": 0, "without_exposures": 0
    }  # fmt: skip


def returns_packed(rows: pd.DataFrame, returns: pd.DataFrame, rejected: pd.DataFrame) -> int:
    """Rows of returns, null ones too, whose asset is in the arrays of the date before."""
    refused = set(zip(rejected["date"], rejected["asset_id"], strict=True))
    assets_on = {row.return_date: set(row.asset_id) for row in rows.itertuples() if row.return_date is not None}
    keys = returns[["date", "asset_id"]].drop_duplicates().itertuples(index=False)
    return sum(key not in refused and key.asset_id in assets_on.get(key.date, ()) for key in keys)


@pytest.fixture(scope="module")
def soiled(market):
    return dirty(market._replace(panel=with_countries(market)), seed=2)


@pytest.fixture(scope="module")
def ingested(spark, soiled, tmp_path_factory) -> Built:
    """The market with every defect, ingested in one go."""
    folder = tmp_path_factory.mktemp("soiled")
    source = write_parquet(soiled.panel, folder / "panel.parquet")
    return run_stages(spark, Built(folder / "lake", model_of(soiled.panel, source), soiled.panel), "ingest")


def check_account(built: Built, first, last) -> None:
    """Rows in = packed + rejected + outside + without exposures, each counted here; panel rows from first to last were computed."""
    account, panel = account_of(built), built.panel
    rows = built.rows(PANEL).set_index("exposure_date", drop=False).sort_index()[first:last]
    computed = set(rows["exposure_date"])
    returned = set(rows["return_date"].dropna()) | ({first} if first == panel["date"].dropna().min() else set())
    for source, dates in (("panel.exposures", computed), ("panel.returns", returned)):
        inside = panel[panel["date"].isin(dates) | panel["date"].isna()]
        rejected = rejected_of(built, source)
        rejected = rejected[rejected["date"].isin(dates) | rejected["date"].isna()]
        packed = returns_packed(rows, inside, rejected) if source == "panel.returns" else sum(map(len, rows["asset_id"]))
        line = account[source]
        assert line["rows_in"] == len(panel)
        assert line["rejected"] == len(rejected)
        assert line["packed"] == packed
        assert line["outside"] == len(panel) - len(inside)
        assert line["rows_in"] == packed + len(rejected) + line["outside"] + line["without_exposures"]


def test_the_account_of_a_market_with_every_defect_adds_up(ingested, market):
    check_account(ingested, market.truth.dates[0], market.truth.dates[-1])


@pytest.mark.parametrize("defect", [defect for defect in Defect if defect is not Defect.OUTLIER])
def test_every_planted_defect_is_found_in_the_exposures(ingested, soiled, defect):
    rejected = rejected_of(ingested, "panel.exposures")
    for planted in soiled.planted:
        if planted.defect is not defect:
            continue
        at = rejected["date"].isna() if planted.date is None else rejected["date"] == planted.date
        at &= rejected["asset_id"].isna() if planted.asset_id is None else rejected["asset_id"] == planted.asset_id
        n_without_key = 3 if defect in {Defect.NULL_DATE, Defect.NULL_ASSET} and planted.date is None else 1
        assert planted.n_unusable <= at.sum() <= n_without_key * planted.n_unusable


def test_outliers_are_used(ingested, soiled):
    outliers = {(p.date, p.asset_id) for p in soiled.planted if p.defect is Defect.OUTLIER}
    packed = {
        (row.return_date, asset): ret
        for row in ingested.rows(PANEL).itertuples()
        for asset, ret in zip(row.asset_id, row.ret, strict=True)
    }
    assert {abs(packed[key]) for key in outliers} == {0.5}


def test_increments_and_narrowed_runs_account_for_every_row_and_leave_what_one_run_leaves(spark, ingested, market, tmp_path):
    days = market.truth.dates
    panel = ingested.panel
    until = panel[(panel["date"] <= days[50]) | panel["date"].isna()]
    source = write_parquet(until, tmp_path / "panel.parquet")
    built = Built(tmp_path / "lake", model_of(panel, source), until)
    run_stages(spark, built, "ingest", asked=Asked(days[10], days[20]))
    check_account(built, days[9], days[20])
    run_stages(spark, built, "ingest", asked=Asked(None, days[9]))
    check_account(built, days[0], days[8])
    run_stages(spark, built, "ingest")
    check_account(built, days[21], days[50])
    write_parquet(panel, source)
    built = built._replace(panel=panel)
    run_stages(spark, built, "ingest")
    check_account(built, days[50], days[-1])
    assert [where for where in differences(built.lake, ingested.lake) if not where.startswith("factors")] == []
    assert not planned(spark, built)["ingest"]


def test_a_repaired_row_is_no_longer_rejected(spark, ingested, tmp_path):
    rejected = rejected_of(ingested, "panel.exposures").dropna(subset=["date", "asset_id"])
    keys = set(zip(rejected["date"], rejected["asset_id"], strict=True))
    panel = ingested.panel
    mended = panel[[key not in keys for key in zip(panel["date"], panel["asset_id"], strict=True)]].dropna(
        subset=["date", "asset_id"]
    )
    source = write_parquet(mended, tmp_path / "panel.parquet")
    built = ingested.copied(tmp_path / "lake")._replace(panel=mended, body=model_of(mended, source))
    run_stages(spark, built, "ingest")
    assert len(built.rows(REJECTED_ROWS)) == 0
    assert not planned(spark, built)["ingest"]


@pytest.fixture(scope="module")
def capless(spark, tmp_path_factory) -> Built:
    """Caps apart, daily; exposures every third date: one asset without any cap, one with two on a date, one listed twice."""
    folder = tmp_path_factory.mktemp("capless")
    panel = generate_market(n_assets=20, n_dates=10, n_industries=2, n_styles=1, seed=4).panel
    days = sorted(panel["date"].unique())
    x = panel.drop(columns=["ret", "cap"])
    x = x[x["date"].isin(days[::3])]
    x = pd.concat([x, x[(x["asset_id"] == "A07") & (x["date"] == days[0])].assign(size=9.0)])
    caps = panel.loc[~panel["asset_id"].isin(["A05", "A07"]), ["date", "asset_id", "cap"]]
    caps = pd.concat([caps, caps[(caps["asset_id"] == "A09") & (caps["date"] == days[3])].assign(cap=7.0)])
    stray = caps.head(1).assign(asset_id="Z")  # an asset that has no exposures
    places = {"returns": panel[["date", "asset_id", "ret"]], "exposures": x, "caps": pd.concat([caps, stray])}
    sources = {name: {"path": str(write_parquet(rows, folder / f"{name}.parquet"))} for name, rows in places.items()}
    body = model_of(panel, folder, sources={**sources, "exposures_max_age": 3}, risk={}, covariance=None)
    body["factors"] = [body["factors"][0], body["factors"][1], {"styles": ["size"]}]
    return run_stages(spark, Built(folder / "lake", body, panel), "ingest")


def test_an_asset_without_a_cap_is_rejected_once_for_each_of_its_rows(capless):
    rejected = capless.rows(REJECTED_ROWS)
    days = sorted(capless.panel["date"].unique())
    no_cap = rejected[rejected["reason"] == Reason.NO_CAP.value]
    assert set(no_cap["source"]) == {"exposures"}
    found = no_cap.groupby("asset_id")["date"].agg(sorted).to_dict()
    assert found == {"A05": days[::3], "A07": days[3::3], "A09": [days[3]]}
    assert set(no_cap["copy"]) == {1}
    assert (
        rejected.query("source == 'caps'")[["asset_id", "reason"]].to_numpy().tolist()
        == [["A09", Reason.CONFLICTING_COPIES.value]] * 2
    )


def test_rows_that_fail_twice_are_counted_once(capless):
    account, panel = account_of(capless), capless.rows(PANEL)
    line = account["exposures"]
    assert line["rejected"] == 4 + 2 + 3 + 1
    assert line["rows_in"] == line["packed"] + line["rejected"]
    fresh = panel[panel["exposures_age"] == 1]
    assert sum(map(len, fresh["asset_id"])) == line["packed"]


def test_caps_of_assets_without_exposures_are_counted_apart(capless):
    line = account_of(capless)["caps"]
    packed = {(row.exposure_date, asset) for row in capless.rows(PANEL).itertuples() for asset in row.asset_id}
    assert (line["packed"], line["rejected"]) == (len(packed), 2)
    assert line["rows_in"] == line["packed"] + line["rejected"] + line["outside"] + line["without_exposures"]
