"""Sources of every form make one panel; what cannot be used is kept with its reason, and every row is accounted for."""

import os
from dataclasses import replace
from datetime import timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from deltalake import write_deltalake

from lakes import rows_of
from sigmalake.engines.local.engine import LocalEngine
from sigmalake.errors import DataError
from sigmalake.lake.books import all_releases
from sigmalake.stages.context import Asked
from sigmalake.stages.run import run_stage
from sigmalake.tables.packed import CROSS_SECTIONS, PANEL
from sigmalake.tables.records import REJECTED_ROWS, RUNS, SOURCE_PRINTS

ARRAYS = ["exposure_date", "return_date", "exposures_age", "factor_set", "asset_id", "ret", "cap", "in_estimation", "styles"]
ARRAYS += ["member_assets", "member_factors", "member_shares"]


@pytest.fixture
def expected(model, short):
    return panel_of(model.write(short))


def panel_of(model):
    model.stage("ingest")
    return rows_of(model.lake_folder, PANEL).select(ARRAYS).to_pylist()


def other(model, name, **sources):
    model.body = {**model.body, "lake": str(model.folder / name), "sources": sources}
    return model


def source(model, path, **columns):
    return {"path": str(model.folder / path), "columns": columns}


def to_table(frame: pd.DataFrame) -> pa.Table:
    return pa.Table.from_pandas(frame, preserve_index=False)


FLAGS = {"cap": "cap", "in_estimation": "in_estimation"}


def test_a_folder_of_files_in_any_order_makes_the_same_panel(model, short, expected):
    (model.folder / "parts").mkdir()
    shuffled = short.sample(frac=1, random_state=3)
    for number, part in enumerate(np.array_split(np.arange(len(shuffled)), 3)):
        pq.write_table(to_table(shuffled.iloc[part]), model.folder / "parts" / f"{number}.parquet")
    assert panel_of(other(model, "parts-lake", panel=source(model, "parts", **FLAGS))) == expected


def test_a_file_that_has_not_changed_is_not_read_again(model, short, expected, monkeypatch):
    read, survey = [], LocalEngine.survey_source

    def noting(engine, source, check):
        read.append({Path(file.path).name for file in source.files})
        return survey(engine, source, check)

    monkeypatch.setattr(LocalEngine, "survey_source", noting)
    (model.folder / "linked").mkdir()
    (model.folder / "parts").symlink_to(model.folder / "linked")
    (model.folder / "linked" / "1.parquet").symlink_to(model.folder / "elsewhere.parquet")
    other(model, "parts-lake", panel=source(model, "parts", **FLAGS))
    days = sorted(short["date"].unique())
    for number, of_file in enumerate((days[:4], days[4:8], days[8:])):
        pq.write_table(to_table(short[short["date"].isin(of_file)]), model.folder / "parts" / f"{number}.parquet")
        panel = panel_of(model)
    assert read == [{"0.parquet"}, {"1.parquet"}, {"2.parquet"}]
    assert panel == expected
    known = fingerprints_of(model)
    run_stage(replace(model.context(), verify_sources=True), "ingest")
    assert read[3] == {"0.parquet", "1.parquet", "2.parquet"}
    assert fingerprints_of(model) == known


def test_of_a_file_without_the_dates_at_hand_no_row_is_read(model, short, expected):
    folder, days = model.folder / "unopened", sorted(short["date"].unique())
    folder.mkdir()
    other(model, "unopened-lake", panel=source(model, "unopened", **FLAGS))
    for number, of_file in enumerate((days[:3], days[3:5], days[5:8])):
        pq.write_table(to_table(short[short["date"].isin(of_file)]), folder / f"{number}.parquet")
    panel_of(model)
    old = folder / "1.parquet"
    content, time = old.read_bytes(), old.stat().st_mtime_ns
    footer = int.from_bytes(content[-8:-4], "little") + 8  # which says the columns of the file
    old.write_bytes(content[:4] + b"?" * (len(content) - 4 - footer) + content[-footer:])
    os.utime(old, ns=(time, time))
    pq.write_table(to_table(short[short["date"].isin(days[8:])]), folder / "3.parquet")
    assert panel_of(model) == expected


def fingerprints_of(model):
    rows = model.rows(SOURCE_PRINTS)
    return sorted(zip(rows["source"], rows["file"], rows["date"], rows["rows"], strict=True))


def test_csv_makes_the_same_panel(model, short, expected):
    short.to_csv(model.folder / "panel.csv", index=False)
    assert panel_of(other(model, "csv-lake", panel=source(model, "panel.csv", **FLAGS))) == expected


def test_a_delta_table_by_path_makes_the_same_panel(model, short, expected):
    write_deltalake(str(model.folder / "delta"), to_table(short))
    by_path = {**source(model, "delta", **FLAGS), "format": "delta"}
    assert panel_of(other(model, "delta-lake", panel=by_path)) == expected


@pytest.mark.jvm
def test_a_delta_table_by_name_makes_the_same_panel_and_tells_when_it_is_another(model, short, expected, spark):
    from sigmalake.engines.spark.engine import SparkEngine

    write_deltalake(str(model.folder / "delta"), to_table(short))
    model.open_engine = partial(SparkEngine, spark)
    spark.sql("CREATE DATABASE IF NOT EXISTS given")
    spark.sql("DROP TABLE IF EXISTS given.panel")
    spark.sql(f"CREATE TABLE given.panel USING delta LOCATION '{model.folder / 'delta'}'")
    assert panel_of(other(model, "table-lake", panel={"table": "given.panel", "columns": FLAGS})) == expected
    engine, place = model.context().engine, model.config.sources.panel
    before = engine.source_version("panel", place)
    assert before == engine.source_version("panel", place)
    spark.sql("DROP TABLE given.panel")
    spark.sql(f"CREATE TABLE given.panel USING delta AS SELECT * FROM delta.`{model.folder / 'delta'}` LIMIT 1")
    assert engine.source_version("panel", place) not in {before, ""}  # its version is 0 again


def test_a_time_within_a_day_is_refused_in_a_file_that_a_delta_table_adds(model, short):
    frame = short.assign(date=pd.to_datetime(short["date"]).astype("datetime64[us]"))
    days = sorted(frame["date"].unique())
    added = frame[frame["date"].isin(days[6:8])].reset_index(drop=True)
    added.loc[0, "date"] += pd.Timedelta(hours=10)
    other(model, "delta-lake", panel={**source(model, "delta", **FLAGS), "format": "delta"})
    write_deltalake(str(model.folder / "delta"), to_table(frame[frame["date"] < days[6]]))
    before = panel_of(model)
    write_deltalake(str(model.folder / "delta"), to_table(added), mode="append")
    with pytest.raises(DataError, match=r"column date of .*: 1 rows have a time within the day and no zone, e.g. "):
        panel_of(model)
    assert rows_of(model.lake_folder, PANEL).select(ARRAYS).to_pylist() == before


@pytest.mark.parametrize("form", ["wide", "long", "map"])
def test_returns_exposures_caps_and_rates_apart_make_the_same_panel(model, short, expected, form):
    styles = ["size", "value"]
    shares = [name for name in short.columns if name.startswith("ind_")]
    rate = {day: 0.0001 * n for n, day in enumerate(sorted(short["date"].unique()))}
    returns = short[["date", "asset_id", "ret"]].assign(ret=short["ret"] + short["date"].map(rate))
    pq.write_table(pa.table({c: pa.array(returns[c], from_pandas=True) for c in returns}), model.folder / "returns.parquet")
    pq.write_table(to_table(short[["date", "asset_id", "cap"]]), model.folder / "caps.parquet")
    pq.write_table(pa.table({"day": list(rate), "rf": list(rate.values())}), model.folder / "rates.parquet")
    wide = short[["date", "asset_id", *styles, *shares]]
    if form == "wide":
        frame, columns = to_table(wide), {}
    elif form == "long":
        frame, columns = (
            to_table(wide.melt(["date", "asset_id"], var_name="name", value_name="x")),
            {"factor": "name", "value": "x"},
        )
    else:
        maps = [list(zip([*styles, *shares], row, strict=True)) for row in wide[[*styles, *shares]].to_numpy().tolist()]
        kind = pa.map_(pa.string(), pa.float64())
        frame, columns = to_table(wide[["date", "asset_id"]]).append_column("x", pa.array(maps, kind)), {"map": "x"}
    pq.write_table(frame, model.folder / "exposures.parquet")
    apart = {
        "returns": source(model, "returns.parquet"),
        "exposures": source(model, "exposures.parquet", **columns),
        "caps": source(model, "caps.parquet"),
        "rates": source(model, "rates.parquet", date="day", rate="rf"),
    }
    found = panel_of(other(model, f"{form}-lake", **apart))
    assert len(found) == len(expected)
    for one, two in zip(found, expected, strict=True):
        assert {**one, "ret": 0, "in_estimation": 0} == {**two, "ret": 0, "in_estimation": 0}
        assert [r is None for r in one["ret"]] == [r is None for r in two["ret"]]
        np.testing.assert_allclose([r or 0 for r in one["ret"]], [r or 0 for r in two["ret"]], atol=1e-16)


def test_exposures_beside_their_return_are_the_same_model_a_period_later(model, short, expected):
    days = sorted(short["date"].unique())
    after = dict(pairwise(days))
    returns = short[["date", "asset_id", "ret"]]
    moved = short.drop(columns="ret").assign(date=short["date"].map(after)).dropna(subset=["date"])
    joined = moved.merge(returns, on=["date", "asset_id"], how="left")
    pq.write_table(pa.table({c: pa.array(joined[c], from_pandas=True) for c in joined}), model.folder / "start.parquet")
    started = {**source(model, "start.parquet", **FLAGS), "exposures_dated": "start_of_period"}
    found = panel_of(other(model, "start-lake", panel=started))
    explained = [{**row, "exposure_date": None} for row in expected[:-1]]
    assert [{**row, "exposure_date": None} for row in found[:-1]] == explained
    assert found[-1]["asset_id"] == []  # what explains the next return is not yet known


def test_an_asset_without_exposures_at_the_date_before_is_not_in_the_regression(model, short):
    days = sorted(short["date"].unique())
    gone = (short["date"] == days[5]) & (short["asset_id"] == "A05")
    model.write(short[~gone])
    for stage in ("ingest", "regress"):
        model.stage(stage)
    ids = model.rows(CROSS_SECTIONS).set_index("date")["asset_id"]
    assert "A05" in ids[days[5]]
    assert "A05" not in ids[days[6]]  # its row of days[4] is no substitute
    assert "A05" in ids[days[7]]


def test_rarer_exposures_are_carried_to_their_greatest_age(model, short):
    days = sorted(short["date"].unique())
    kept = short["date"].isin([days[0], days[5]])
    pq.write_table(to_table(short[["date", "asset_id", "ret"]].fillna({"ret": 0.0})), model.folder / "returns.parquet")
    pq.write_table(to_table(short[kept].drop(columns="ret")), model.folder / "exposures.parquet")
    apart = {
        "returns": source(model, "returns.parquet"),
        "exposures": source(model, "exposures.parquet", **FLAGS),
        "exposures_max_age": 3,
    }
    ages = {
        row["exposure_date"]: (row["exposures_age"], len(row["asset_id"]) > 0) for row in panel_of(other(model, "carried", **apart))
    }
    assert [ages[day] for day in days[:7]] == [(1, True), (2, True), (3, True), (0, False), (0, False), (1, True), (2, True)]


BAD = {
    "asset": ({"asset_id": None}, "missing", "asset_id"),
    "date": ({"date": None}, "missing", "date"),
    "cap": ({"cap": -3.0}, "not positive", "cap"),
    "style": ({"size": float("inf")}, "not finite", "size"),
    "no style": ({"value": None}, "missing", "value"),
}


def test_every_row_that_cannot_be_used_is_kept_with_its_reason_and_the_account_adds_up(model, short):
    days = sorted(short["date"].unique())
    frame = short.copy().astype({"cap": float}).astype(object).where(short.notna(), None)
    of_day = frame.index[frame["date"] == days[3]]
    for position, (change, _, _) in enumerate(BAD.values()):
        for column, value in change.items():
            frame.at[of_day[position], column] = value
    share = next(name for name in short.columns if name.startswith("ind_"))
    frame.at[of_day[7], share] = 1.5
    frame.at[of_day[8], "ret"] = float("-inf")
    conflict = frame.loc[of_day[10]].copy()
    conflict["size"] = 0.123
    copy = frame.loc[of_day[11]]
    frame = pd.concat([frame, conflict.to_frame().T, copy.to_frame().T, copy.to_frame().T])
    schema = pq.read_schema(model.write(short).folder / "panel.parquet")
    pq.write_table(
        pa.table([pa.array(frame[f.name].tolist(), f.type) for f in schema], schema=schema), model.folder / "panel.parquet"
    )
    model.stage("ingest")
    rejected = model.rows(REJECTED_ROWS)
    found = {(row.column, row.reason) for row in rejected.itertuples()}
    assert {(column, reason) for _, reason, column in BAD.values()} <= found
    assert (share, "share outside 0 to 1") in found
    assert ("ret", "not finite") in found
    twice = rejected[rejected["column"] == "key"].groupby(["source", "reason"]).size().to_dict()
    assert twice == {
        ("panel.exposures", "key given more than once, with different values"): 2,
        ("panel.exposures", "identical copy of a row"): 2,
        ("panel.returns", "identical copy of a row"): 3,  # the conflict is in the exposures: its returns are copies
    }
    assert rejected.loc[rejected["column"] == "cap", "value"].tolist() == ["-3.0"]
    packed = model.rows(PANEL)
    account = {line["source"]: line for line in model.rows(RUNS).iloc[-1]["account"]}
    assert account["panel.exposures"]["packed"] == packed["n_assets"].sum()
    nothing = short["ret"].isna().sum()  # a missing return is a row without a number
    assert account["panel.returns"]["packed"] >= packed["n_returns"].sum()
    assert account["panel.returns"]["packed"] <= packed["n_returns"].sum() + nothing
    for line in account.values():
        assert line["rows_in"] == len(frame)
        assert line["rows_in"] == line["packed"] + line["rejected"] + line["outside"] + line["without_exposures"]
    once = rejected.drop_duplicates(["source", "row_hash", "copy", "date"]).groupby("source").size()
    assert {name: line["rejected"] for name, line in account.items()} == once.to_dict()


def test_dates_that_are_not_asked_for_are_accounted_as_outside(model, short):
    days = sorted(short["date"].unique())
    model.write(short).stage("ingest", Asked(days[4], days[6]))
    for line in model.rows(RUNS).iloc[-1]["account"]:
        assert line["outside"] > 0
        assert line["rows_in"] == line["packed"] + line["rejected"] + line["outside"] + line["without_exposures"]
    assert sorted(model.rows(PANEL)["exposure_date"]) == days[3:7]


def test_learned_levels_are_numbered_in_the_order_in_which_they_appear(model, short):
    days = sorted(short["date"].unique())
    frame = short.assign(sector=np.where(short["asset_id"] < "A20", "Zinc", "Iron"))
    frame.loc[(frame["date"] >= days[6]) & (frame["asset_id"] > "A50"), "sector"] = "Gold"
    model.body["factors"] = [{"market": "market"}, {"membership": "sector", "column": "sector"}, {"styles": ["size", "value"]}]
    model.write(frame[frame["date"] <= days[4]]).stage("ingest")
    model.write(frame).stage("ingest")
    increment = rows_of(model.lake_folder, PANEL).to_pylist()
    model.body["lake"] = str(model.folder / "rebuilt")
    model.stage("ingest")
    assert rows_of(model.lake_folder, PANEL).to_pylist() == increment
    first, last = increment[0], increment[-1]
    assert first["factor_set"] != last["factor_set"]
    assert max(first["member_factors"]) == 2
    assert max(last["member_factors"]) == 3


def test_the_panel_refuses_exposures_that_were_not_yet_known(model, short):
    model.write(short).stage("ingest")
    context = model.context()
    row = rows_of(model.lake_folder, PANEL).slice(0, 1)
    before = pc.subtract(row.column("exposure_date"), pa.scalar(timedelta(days=1))).cast(pa.date32())
    wrong = row.set_column(row.column_names.index("return_date"), row.schema.field("return_date"), before)
    with pytest.raises(Exception, match="no_look_ahead"):
        context.lake.append(PANEL, context.engine.driver_rows(wrong), "ingest")


@pytest.mark.jvm
def test_a_catalog_holds_a_lake_as_a_folder_does(model, short, spark):
    spark.sql("DROP DATABASE IF EXISTS risk_lake CASCADE")
    spark.sql("CREATE DATABASE risk_lake")
    from sigmalake.engines.spark.engine import SparkEngine

    model.write(short)
    model.body["risk"], model.body["covariance"] = {}, None
    model.body["lake"] = "spark_catalog.risk_lake"
    model.open_engine = partial(SparkEngine, spark)
    model.run()
    again = model.plan()
    assert not any(again.values())
    context = model.context()
    assert [release.as_of for release in all_releases(context.lake)] == [max(short["date"])]
    assert context.lake.columns(CROSS_SECTIONS, ["date"]).num_rows == short["date"].nunique() - 1
    assert (
        spark.sql("SELECT DISTINCT date FROM spark_catalog.risk_lake.current_factor_returns").count() == short["date"].nunique() - 1
    )


def test_the_calendar_is_the_returns_own_or_a_table_of_dates(model, short):
    days = sorted(short["date"].unique())
    pq.write_table(pa.table({"session": [*days[:5], *days[6:]]}), model.folder / "calendar.parquet")
    sources = {**model.body["sources"], "calendar": source(model, "calendar.parquet", date="session")}
    model.write(short)
    rows = panel_of(other(model, "calendar-lake", **sources))
    following = {row["exposure_date"]: row["return_date"] for row in rows}
    assert days[5] not in following
    assert following[days[4]] == days[6]
