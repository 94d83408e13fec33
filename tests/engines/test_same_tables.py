"""A model built by Spark and by the local engine: every table is the same to the last bit, whatever happens to the sources."""

import shutil
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakes import differences
from plain_books import sample_books, write_books
from plain_revenues import generate_revenues
from plain_segments import generate_segments
from sigmalake.engines.spark.engine import SparkEngine
from sigmalake.lake.log import open_table
from sigmalake.stages.evaluate import run_evaluate
from sigmalake.tables.catalogue import MODEL_TABLES
from sigmalake.tables.descriptors import DESCRIPTORS, INDUSTRY_SHARES, PRICES, REVENUE_SHARES
from sigmalake.tables.evaluation import FORECAST_EVALUATION
from sigmalake.tables.long import ASSET_COVARIANCE_CELLS, EXPOSURE_MOMENTS, EXPOSURES
from sigmalake.tables.records import REJECTED_ROWS, RUNS, SOURCE_PRINTS
from small_model import Model, local_engine, make_model

pytestmark = pytest.mark.jvm

N_DATES = 34
COMPARED = (*MODEL_TABLES, SOURCE_PRINTS)


@pytest.fixture(scope="module")
def days(market) -> list[date]:
    return sorted(market.panel["date"].unique())[:N_DATES]


@pytest.fixture(scope="module")
def panel(market, days) -> pd.DataFrame:
    """The first dates, with some rows that cannot be used."""
    frame = market.panel[market.panel["date"].isin(days)].reset_index(drop=True)
    frame.loc[frame.index[::211], "ret"] = np.inf
    frame.loc[frame.index[7::307], "size"] = np.nan
    return pd.concat([frame, frame.iloc[[20, 21]], frame.iloc[[90]].assign(size=0.5)], ignore_index=True)


def by_spark(model: Model, spark) -> Model:
    """The same model and sources in a lake of its own, by Spark."""
    body = {**model.body, "lake": str(model.folder / "by_spark")}
    return replace(model, body=body, open_engine=partial(SparkEngine, spark))


def by_the_other_from(model: Model, name: str, open_engine) -> Model:
    """A copy of the lake, to go on from with another engine."""
    shutil.copytree(model.lake_folder, model.folder / name)
    return replace(model, body={**model.body, "lake": str(model.folder / name)}, open_engine=open_engine)


def assert_equal(one: Model, other: Model, *filled) -> None:
    """Both lakes hold the same; these tables have rows."""
    found = differences(one.lake_folder, other.lake_folder, COMPARED)
    assert not found, "\n".join(found)
    for table in filled:
        assert len(one.rows(table)), table.name


def tables_of(lake: Path) -> set[str]:
    return {table.name for table in COMPARED if open_table(str(lake / table.name)) is not None}


def write(frame: pd.DataFrame, path: Path) -> None:
    columns = {name: pa.array(values, from_pandas=True) for name, values in frame.items()}
    pq.write_table(pa.table(columns), path)


def test_a_market_its_changes_and_an_engine_changed_in_the_middle(market, panel, days, spark, tmp_path):
    local = make_model(market, tmp_path)
    local.body["factors"][2:] = [{"styles": {"size": {}}, "given": "in_returns"}, {"styles": {"value": {"missing": "zero"}}}]
    given = pd.DataFrame({"date": days, "factor": "size", "value": np.random.default_rng(4).normal(0, 0.01, len(days))})
    write(given.drop(index=12), tmp_path / "factor_returns.parquet")
    local.body["sources"]["factor_returns"] = {"path": str(tmp_path / "factor_returns.parquet")}
    local.body["checks"] = {"max_failed_dates": 1}  # the date without one
    local.body["covariance"] = {"variants": ["short", "monthly"], "dates": "last", "cells": True}
    local.body["regression"] = {"min_assets": 20}
    books = sample_books(panel.drop_duplicates(["date", "asset_id"]), [days[22], days[30]])
    write_books(books, tmp_path / "books.parquet")
    local.body["sources"]["books"], local.body["books"] = {"path": str(tmp_path / "books.parquet")}, {"benchmark": "INDEX"}
    local.body["long_tables"] = {"exposures": True}
    ours, theirs = local, by_spark(local, spark)
    local.write(panel[panel["date"] < days[-1]])
    for model in (ours, theirs):
        model.run()
    assert_equal(ours, theirs, *(table for table in MODEL_TABLES if table.name in tables_of(ours.lake_folder)))
    made = {REJECTED_ROWS.name, EXPOSURE_MOMENTS.name, EXPOSURES.name, ASSET_COVARIANCE_CELLS.name}
    assert made <= tables_of(ours.lake_folder)
    changed = panel[panel["date"] != days[20]].copy()  # a date removed, another restated, and a day appended
    changed.loc[(changed["date"] == days[10]) & (changed["asset_id"] == "A05"), "ret"] = 0.25
    local.write(changed)
    write_books([(*row[:3], 2 * row[3]) if row[0] == "FUND1" else row for row in books], tmp_path / "books.parquet")
    ours.run()
    here = replace(theirs, open_engine=local_engine)
    for model, stages in ((theirs, ["ingest"]), (here, ["quality"]), (theirs, ["regress", "risk"]), (here, ["covariance"])):
        for stage in stages:
            model.stage(stage)
    theirs.run()
    assert_equal(ours, theirs)
    for model in (ours, theirs):
        model.body["evaluate"] = {"horizons": [1, 5], "test_portfolios": {"random_active": 3, "minimum_variance": 2}}
        run_evaluate(model.context())
    found = differences(ours.lake_folder, theirs.lake_folder, [FORECAST_EVALUATION])
    assert not found, "\n".join(found)
    assert set(theirs.rows(FORECAST_EVALUATION)["horizon"]) == {1, 5}
    assert set(theirs.rows(RUNS)["engine"]) == {"local", "spark"}


def test_a_long_source_in_files_that_split_assets(market, panel, days, spark, tmp_path):
    frame = panel[panel["date"].isin(days[:8])]
    styles = ["size", "value", *(name for name in frame.columns if name.startswith("ind_"))]
    long = frame[["date", "asset_id", *styles]].melt(["date", "asset_id"], var_name="name", value_name="x")
    (tmp_path / "long").mkdir()
    for number, rows in enumerate(np.array_split(np.random.default_rng(2).permutation(len(long)), 3)):
        write(long.iloc[rows], tmp_path / "long" / f"{number}.parquet")
    write(frame[["date", "asset_id", "ret"]], tmp_path / "returns.parquet")
    write(frame[["date", "asset_id", "cap"]], tmp_path / "caps.parquet")
    ours = make_model(market, tmp_path)
    ours.body["checks"] = {"max_rejected": {"date": 1.0, "source": 0.5}}
    ours.body["sources"] = {
        "returns": {"path": str(tmp_path / "returns.parquet")},
        "exposures": {"path": str(tmp_path / "long"), "columns": {"factor": "name", "value": "x"}},
        "caps": {"path": str(tmp_path / "caps.parquet")},
    }
    theirs = by_spark(ours, spark)
    for model in (ours, theirs):
        model.stage("ingest")
    assert_equal(ours, theirs, REJECTED_ROWS)


def test_a_described_model_with_segments_revenues_local_currencies_and_sensitivities(market, panel, days, spark, tmp_path):
    rng = np.random.default_rng(3)
    frame = panel[panel["date"].isin(days[:16])].drop_duplicates(["date", "asset_id"]).reset_index(drop=True)
    number = frame["asset_id"].str.removeprefix("A").astype(int)
    frame = frame.assign(traded=frame["cap"] * rng.lognormal(-4, 0.5, len(frame)), ccy=[("USD", "EUR")[n % 2] for n in number])
    ours = make_model(market, tmp_path)
    describe(ours)
    write_sources(tmp_path, frame[frame["date"] < days[15]], days)
    theirs = by_spark(ours, spark)
    for model in (ours, theirs):
        for stage in ("describe", "ingest"):
            model.stage(stage)
    assert_equal(ours, theirs, PRICES, DESCRIPTORS, INDUSTRY_SHARES, REVENUE_SHARES, REJECTED_ROWS)
    mixed = by_the_other_from(ours, "mixed", theirs.open_engine)
    write_sources(tmp_path, frame, days, restated=days[6])
    for model in (ours, mixed):
        for stage in ("describe", "ingest"):
            model.stage(stage)
    assert_equal(ours, mixed)


def describe(model: Model) -> None:
    """Styles of prices and accounts, industries of segments, the USA by revenue, local returns and caps, a slope on oil."""
    place, body = model.folder, model.body
    named = {"cap": "cap", "in_estimation": "in_estimation"}
    body["sources"] = {
        "panel": {"path": str(place / "panel.parquet"), "columns": {**named, "currency": "ccy", "cap_currency": "ccy"}},
        "prices": {"path": str(place / "prices.parquet"), "columns": {**named, "traded_value": "traded", "group": "ccy"}},
        "factor_returns": {"path": str(place / "factor_returns.parquet")},
        "fundamentals": {"path": str(place / "figures.parquet")},
        "segments": {"path": str(place / "segments.parquet"), "columns": {"assets": "assets", "sales": "sales"}},
        "revenues": {"path": str(place / "revenues.parquet"), "columns": {"level": "country"}},
        "exchange_rates": {"path": str(place / "fx.parquet"), "base": "USD", "columns": {"currency": "ccy", "rate": "usd"}},
    }
    sensitivities = {"factors": ["oil"], "trailing": {"window": 6, "half_life": 3, "min_periods": 4}}
    prices = {"month": 3, "range_months": 2, "beta": {"window": 6, "half_life": 3}}
    body["descriptors"] = {"prices": prices, "sensitivities": sensitivities}
    styles = {"size": {}, "beta": {"missing": "zero"}, "value": {"descriptors": {"book_to_price": 1.0}, "missing": "zero"}}
    of_revenue = {"membership": "country", "revenues": True, "only": ["USA"]}
    oil = {"styles": ["oil"], "given": "beside_returns"}
    body["factors"] = [{"market": "market"}, {"membership": "industry", "segments": True}, of_revenue, {"styles": styles}, oil]
    body["checks"] = {"max_rejected": {"date": 1.0, "source": 0.9}}
    body |= {"risk": {}, "covariance": None}


def write_sources(place: Path, frame: pd.DataFrame, days: list[date], restated: date | None = None) -> None:
    """The files of a described model; a rate of exchange and returns of one day may be restated."""
    rng = np.random.default_rng(4)
    moved = (frame["date"] == restated) & (frame["asset_id"] == "A05")
    frame = frame.assign(ret=frame["ret"].where(~moved, 0.2))
    write(frame.drop(columns="traded"), place / "panel.parquet")
    write(frame[["date", "asset_id", "ret", "cap", "traded", "in_estimation", "ccy"]], place / "prices.parquet")
    oil = pd.DataFrame({"date": days[:16], "factor": "oil", "value": rng.normal(0, 0.02, 16)})
    write(oil.assign(value=oil["value"].mask(oil["date"] == restated, 0.1)).drop(index=12), place / "factor_returns.parquet")
    assets = sorted(frame["asset_id"].unique())
    known = pd.DataFrame({"asset_id": assets, "item": "book_value", "known_at": days[0], "value": rng.uniform(1, 9, len(assets))})
    write(known.assign(period_end=date(2020, 9, 30)), place / "figures.parquet")
    write(generate_segments(assets[3:], date(2020, 2, 1)), place / "segments.parquet")
    revenues = generate_revenues(assets, days[3] - timedelta(days=40), periods=1)
    revenues["revenue"] = revenues["revenue"].where(revenues["known_at"] != restated, 1.0)
    write(revenues, place / "revenues.parquet")
    euro = pd.DataFrame({"date": days[:16], "ccy": "EUR", "usd": np.exp(np.cumsum(rng.normal(0, 0.01, 16)))})
    euro["usd"] = euro["usd"].where(euro["date"] != restated, 1.3)
    write(pd.concat([euro, euro.assign(ccy="USD", usd=1.0)], ignore_index=True), place / "fx.parquet")
