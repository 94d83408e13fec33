"""Whatever form the sources have, the panel is the same, and the one that pandas makes."""

from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from built import write_parquet
from expected_panel import ARRAYS, FACTS, expected_panel

from sigmalake.config import Config
from sigmalake.market import generate_market
from sigmalake.spark.packing import Sourced, pack, plan_frame
from sigmalake.stages.ingest import plan_rows, read_sources

pytestmark = pytest.mark.jvm

SHARES, STYLES = ["ind_energy", "ind_materials"], ["size", "value"]
MAPPED = {"cap": "cap", "in_estimation": "in_estimation"}


@pytest.fixture(scope="module")
def panel() -> pd.DataFrame:
    return generate_market(n_assets=14, n_dates=10, n_industries=2, n_styles=2, seed=3).panel


@pytest.fixture(scope="module")
def days(panel):
    return sorted(panel["date"].unique())


@pytest.fixture(scope="module")
def expected(panel, days):
    return expected_panel(panel, panel, days, SHARES, STYLES)


def packed(spark, sources: dict[str, Any], industry: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    """The rows that ingest would write to `panel`."""
    industry = industry or {"columns": {name.removeprefix("ind_"): name for name in SHARES}}
    factors = [{"market": "market"}, {"membership": "industry", **industry}, {"styles": STYLES}]
    config = Config.model_validate(
        {"model": "forms", "lake": "none", "sources": sources, "factors": factors, "regression": {"weights": "equal"}}
    )
    found = read_sources(spark, config)
    rows, sets, ranks = plan_rows(config, found)
    for factors_of_date in sets.values():
        assert [factor.name for factor in factors_of_date] == ["market", "energy", "materials", *STYLES]
    sourced = Sourced(found.rows["exposures"], found.rows["returns"], found.rows.get("caps"))
    panel = pack(plan_frame(spark, list(rows.values())), sourced, ranks, parts=2)
    return sorted(panel.select(*FACTS, *ARRAYS).toArrow().to_pylist(), key=lambda row: row["exposure_date"])


def one(path, **more) -> dict[str, Any]:
    return {"panel": {"path": str(path), "columns": MAPPED, **more}}


def in_one_file(spark, panel, folder):
    return one(write_parquet(panel, folder / "panel.parquet"))


def in_a_folder_of_files(spark, panel, folder):
    (folder / "panel").mkdir()
    shuffled = panel.sample(frac=1, random_state=0)
    for number in range(5):
        write_parquet(shuffled[number::5], folder / "panel" / f"{number}.parquet")
    return one(folder / "panel")


def in_csv(spark, panel, folder):
    panel.to_csv(folder / "panel.csv", index=False)
    return one(folder / "panel.csv")


def with_timestamps(spark, panel, folder):
    return one(write_parquet(panel.assign(date=pd.to_datetime(panel["date"]).astype("datetime64[us]")), folder / "panel.parquet"))


def in_a_delta_table(spark, panel, folder):
    spark.read.parquet(str(write_parquet(panel, folder / "p.parquet"))).write.format("delta").save(str(folder / "delta"))
    return one(folder / "delta", format="delta")


def in_a_catalog(spark, panel, folder):
    spark.sql("CREATE SCHEMA IF NOT EXISTS forms")
    rows = spark.read.parquet(str(write_parquet(panel, folder / "p.parquet")))
    rows.write.format("delta").mode("overwrite").saveAsTable("forms.panel")
    return {"panel": {"table": "forms.panel", "columns": MAPPED}}


def under_other_names(spark, panel, folder):
    path = write_parquet(
        panel.rename(columns={"date": "the day", "asset_id": "sym`bol", "ret": "r.et", "cap": "m cap"}), folder / "p.parquet"
    )
    columns = {"date": "the day", "asset_id": "sym`bol", "ret": "r.et", "cap": "m cap", "in_estimation": "in_estimation"}
    return {"panel": {"path": str(path), "columns": columns}}


def with_exposures_apart(spark, panel, folder):
    returns = write_parquet(panel[["date", "asset_id", "ret"]], folder / "returns.parquet")
    exposures = write_parquet(panel.drop(columns="ret"), folder / "exposures.parquet")
    return {"returns": {"path": str(returns)}, "exposures": {"path": str(exposures), "columns": MAPPED}}


def with_caps_and_rates_apart(spark, panel, folder):
    sources = with_exposures_apart(spark, panel, folder)
    caps = write_parquet(panel[["date", "asset_id", "cap"]], folder / "caps.parquet")
    rates = write_parquet(pd.DataFrame({"date": panel["date"].unique(), "rate": 0.0}), folder / "rates.parquet")
    sources["exposures"]["columns"] = {"in_estimation": "in_estimation"}
    return {**sources, "caps": {"path": str(caps)}, "rates": {"path": str(rates)}}


def with_exposures_in_a_map(spark, panel, folder):
    sources = with_exposures_apart(spark, panel, folder)
    cells = [list(row.items()) for row in panel[SHARES + STYLES].to_dict("records")]
    table = pa.table({
        "date": pa.array(panel["date"]), "asset_id": pa.array(panel["asset_id"]), "cap": pa.array(panel["cap"]),
        "in_estimation": pa.array(panel["in_estimation"]), "x": pa.array(cells, pa.map_(pa.string(), pa.float64())),
    })  # fmt: skip
    pq.write_table(table, folder / "map.parquet")
    return {**sources, "exposures": {"path": str(folder / "map.parquet"), "columns": {**MAPPED, "map": "x"}}}


@pytest.mark.parametrize(
    "form",
    [
        in_one_file, in_a_folder_of_files, in_csv, with_timestamps, in_a_delta_table, in_a_catalog, under_other_names,
        with_exposures_apart, with_caps_and_rates_apart, with_exposures_in_a_map,
    ],
)  # fmt: skip
def test_every_form_of_source_gives_the_panel_that_pandas_makes(spark, panel, expected, tmp_path, form):
    assert packed(spark, form(spark, panel, tmp_path)) == expected


def test_long_exposures_give_the_same_panel_but_for_the_flags_they_cannot_carry(spark, panel, days, tmp_path):
    sources = with_caps_and_rates_apart(spark, panel, tmp_path)
    long = panel.melt(["date", "asset_id"], SHARES + STYLES, "factor", "value").sample(frac=1, random_state=0)
    path = write_parquet(long, tmp_path / "long.parquet")
    sources["exposures"] = {"path": str(path), "columns": {"factor": "factor", "value": "value"}}
    assert packed(spark, sources) == expected_panel(panel.assign(in_estimation=True), panel, days, SHARES, STYLES)


@pytest.mark.parametrize("form", ["category", "columns", "map"])
@pytest.mark.parametrize("learned", [False, True])
def test_a_category_is_a_share_of_one(spark, panel, days, tmp_path, form, learned):
    if form == "columns" and learned:
        pytest.skip("columns of shares list their levels")
    one_hot = panel.assign(**{SHARES[0]: (panel["asset_id"] < "A08") * 1.0, SHARES[1]: (panel["asset_id"] >= "A08") * 1.0})
    names = np.where(one_hot[SHARES[0]] == 1, "energy", "materials")
    path = tmp_path / "panel.parquet"
    arrays = {name: pa.array(column, from_pandas=True) for name, column in one_hot.items()}
    arrays["sector"] = pa.array(names)
    arrays["shares"] = pa.array([[(name, 1.0)] for name in names], pa.map_(pa.string(), pa.float64()))
    pq.write_table(pa.table(arrays), path)
    levels = {} if learned else {"levels": ["energy", "materials"]}
    industry = {
        "category": {"column": "sector", **levels},
        "columns": {"columns": {name.removeprefix("ind_"): name for name in SHARES}},
        "map": {"map": "shares", **levels},
    }[form]
    assert packed(spark, one(path), industry) == expected_panel(one_hot, panel, days, SHARES, STYLES)


def test_shares_are_divided_by_their_sum(spark, panel, days, tmp_path):
    off = panel.assign(ind_energy=panel["ind_energy"] * (1 + 5e-7), ind_materials=panel["ind_materials"] * (1 + 5e-7))
    found = packed(spark, in_one_file(spark, off, tmp_path))
    for row in found:
        assert np.bincount(row["member_assets"], row["member_shares"]) == pytest.approx(1, abs=1e-15)


def test_exposures_dated_by_the_return_that_they_explain_give_the_same_model(spark, panel, days, expected, tmp_path):
    after = dict(zip(days, [*days[1:], days[-1] + timedelta(days=1)], strict=True))
    sources = with_exposures_apart(spark, panel, tmp_path)
    shifted = panel.drop(columns="ret").assign(date=panel["date"].map(after))
    shifted = write_parquet(shifted, tmp_path / "shifted.parquet")
    sources["exposures"] |= {"path": str(shifted), "exposures_dated": "start_of_period"}
    opening, *explained, newest = packed(spark, sources)
    assert (opening["return_date"], opening["n_assets"], opening["exposures_age"]) == (days[0], 0, 0)
    assert explained == expected[:-1]
    assert (newest["exposure_date"], newest["return_date"], newest["n_assets"]) == (days[-1], None, 0)


def test_an_asset_without_exposures_yesterday_is_not_beside_todays_return(spark, panel, days, tmp_path):
    gap = (panel["asset_id"] == "A05") & (panel["date"] == days[4])
    found = packed(spark, in_one_file(spark, panel[~gap], tmp_path))
    assert found == expected_panel(panel[~gap], panel[~gap], days, SHARES, STYLES)
    assert "A05" not in found[4]["asset_id"]
    assert found[4]["n_unmatched"] == 1 + sum(
        first == days[5] for first in panel.groupby("asset_id")["date"].min()
    )  # and those that list then
    assert "A05" in found[3]["asset_id"]
    assert found[3]["ret"][found[3]["asset_id"].index("A05")] is None


def test_the_newest_exposures_are_kept_without_a_return(spark, panel, days, tmp_path):
    newest = packed(spark, in_one_file(spark, panel, tmp_path))[-1]
    assert (newest["exposure_date"], newest["return_date"], newest["n_returns"]) == (days[-1], None, 0)
    assert newest["asset_id"] == sorted(panel.loc[panel["date"] == days[-1], "asset_id"])
    assert set(newest["ret"]) == {None}


@pytest.mark.parametrize("max_age", [1, 2, 3])
def test_exposures_are_carried_forward_to_their_greatest_age_and_no_further(spark, panel, days, tmp_path, max_age):
    rare = panel[panel["date"].isin(days[::3])]
    sources = with_exposures_apart(spark, panel, tmp_path)
    sources["exposures"]["path"] = str(write_parquet(rare.drop(columns="ret"), tmp_path / "rare.parquet"))
    found = packed(spark, {**sources, "exposures_max_age": max_age})
    source_of = {day: (days[i - i % 3], 1 + i % 3) for i, day in enumerate(days) if 1 + i % 3 <= max_age}
    assert found == expected_panel(rare, panel, days, SHARES, STYLES, source_of)


def test_the_risk_free_rate_of_the_period_is_taken_off(spark, panel, days, tmp_path):
    rates = {day: 1e-4 * (1 + i) for i, day in enumerate(days)}
    excess = panel.assign(ret=panel["ret"] - panel["date"].map(rates))
    expected = expected_panel(panel, excess, days, SHARES, STYLES)
    sources = with_caps_and_rates_apart(spark, panel, tmp_path)
    write_parquet(pd.DataFrame({"date": rates.keys(), "rate": rates.values()}), tmp_path / "rates.parquet")
    assert packed(spark, sources) == expected
    beside = write_parquet(panel.assign(rf=panel["date"].map(rates)), tmp_path / "beside.parquet")
    assert packed(spark, {"panel": {"path": str(beside), "columns": {**MAPPED, "rate": "rf"}}}) == expected


def test_a_calendar_of_ones_own_decides_which_date_comes_before(spark, panel, days, tmp_path):
    kept = [day for day in days if day != days[6]]
    path = write_parquet(pd.DataFrame({"date": kept}), tmp_path / "calendar.parquet")
    found = packed(spark, {**in_one_file(spark, panel, tmp_path), "calendar": {"path": str(path)}})
    assert found == expected_panel(panel, panel, kept, SHARES, STYLES)
    assert (found[5]["exposure_date"], found[5]["return_date"]) == (days[5], days[7])
