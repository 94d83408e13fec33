"""Returns that are made from prices in their source: from files and frames to the panel, on both engines."""

from datetime import date
from functools import partial
from itertools import pairwise

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.testing import assert_allclose

from lakes import rows_of
from sigmalake import fit
from sigmalake.config.model import load_config
from sigmalake.config.sources import PriceSource, ReturnSource
from sigmalake.demo.market import generate_market
from sigmalake.engines.spark.engine import SparkEngine
from sigmalake.errors import ConfigError
from sigmalake.numerics.prices.total_returns import Note
from sigmalake.stages.context import new_run_id, writing
from sigmalake.stages.queries.plan import plan
from sigmalake.stages.run import run_stage
from sigmalake.tables.descriptors import PRICES
from sigmalake.tables.packed import PANEL
from sigmalake.tables.records import REJECTED_ROWS
from sigmalake.tasks.sources.returns.paired_prices import NOTE, RETURN, PairPrices
from small_model import local_engine, make_model, write_nullable

PRICED = ("price", "split", "dividend", "spin_off", "delisting_return", "delisting_code")


@pytest.fixture(scope="module")
def market():
    return generate_market(n_assets=24, n_dates=22, n_industries=2, n_styles=1, seed=3)


@pytest.fixture(scope="module")
def prices(market):
    """Prices that the market's returns give, with what may happen to them."""
    returns = market.panel.pivot(index="date", columns="asset_id", values="ret").fillna(0.0)
    level = 50 * (1 + returns).cumprod()
    rows = level.stack().rename("price").reset_index().sort_values(["date", "asset_id"]).reset_index(drop=True)
    rows["date"] = pd.to_datetime(rows["date"]).dt.date
    for name in ("split", "dividend", "spin_off", "delisting_return"):
        rows[name] = np.nan
    rows["delisting_code"] = pd.Series([None] * len(rows), dtype=object)
    days = sorted(rows["date"].unique())

    def at(asset, day):
        return (rows["asset_id"] == asset) & (rows["date"] == days[day])

    rows.loc[(rows["asset_id"] == "A01") & (rows["date"] >= days[5]), "price"] /= 2
    rows.loc[at("A01", 5), "split"] = 2.0
    rows.loc[at("A02", 6), "dividend"] = 1.5
    rows.loc[at("A02", 7), "spin_off"] = 2.5
    rows.loc[at("A03", 8), "price"] *= -1
    rows.loc[at("A04", 9), "price"] = np.nan
    rows.loc[at("A05", 10), "split"] = -1.0
    rows.loc[at("A06", 11), ["price", "delisting_code"]] = [np.nan, "574"]
    rows.loc[at("A07", 11), ["price", "delisting_return"]] = [np.nan, -0.6]
    rows = rows[~(rows["asset_id"].isin(["A06", "A07"]) & (rows["date"] > days[11]))]
    return rows.sample(frac=1, random_state=1).reset_index(drop=True)


@pytest.fixture
def model(market, prices, tmp_path):
    made = make_model(market, tmp_path)
    write_nullable(market.panel.drop(columns="ret"), tmp_path / "panel.parquet")
    write_nullable(prices, tmp_path / "prices.parquet")
    panel = made.body["sources"].pop("panel")
    columns = {name: name for name in PRICED}
    returns = {"path": str(tmp_path / "prices.parquet"), "columns": columns, "from_prices": {"delisting_return": -0.3}}
    made.body["sources"] = {"exposures": panel, "returns": returns}
    made.body |= {"risk": {}, "covariance": None, "checks": {"max_rejected": {"date": 0.5, "source": 0.5}}}
    return made


def packed(model):
    """`ret` of the panel by return date and asset."""
    rows = [row for row in rows_of(model.lake_folder, PANEL).to_pylist() if row["return_date"] is not None]
    return {(row["return_date"], asset): ret for row in rows for asset, ret in zip(row["asset_id"], row["ret"], strict=True)}


def expected(prices):
    """By pandas, an asset at a time, from one date to the next; by hand what is special."""
    found = {}
    for asset, rows in prices[prices["asset_id"] != "A05"].sort_values("date").groupby("asset_id"):
        price = rows["price"].abs()
        paid = rows["dividend"].fillna(0) + rows["spin_off"].fillna(0)
        ret = (price * rows["split"].fillna(1) + paid) / price.shift() - 1
        ret = ret.mask(rows["delisting_return"].notna(), rows["delisting_return"]).mask(rows["delisting_code"].notna(), -0.3)
        found |= {(day, asset): one for day, one in zip(rows["date"], ret, strict=True)}
    return found


def test_the_panel_has_total_returns_and_says_what_was_done(model, prices):
    context = model.context()
    run_stage(context, "ingest")
    found, wanted = packed(model), expected(prices)
    same = [key for key in found if key in wanted]
    assert len(same) > 400
    assert_allclose([np.nan if found[key] is None else found[key] for key in same], [wanted[key] for key in same], rtol=1e-12)
    days = sorted(prices["date"].unique())
    of_05 = [found[day, "A05"] for day in days[9:13] if (day, "A05") in found]
    assert of_05[1:3] == [None, None]  # the row of day 10 is rejected, and no return reaches over it
    (rejected,) = rows_of(model.lake_folder, REJECTED_ROWS).to_pylist()
    assert (rejected["source"], rejected["column"], rejected["reason"], rejected["value"]) == (
        "returns",
        "split",
        "not positive",
        "-1.0",
    )
    told = [warning.split(",")[0].split(" have")[0] for warning in context.warnings]
    assert sorted(told) == [
        "1 delistings without a return of their own",
        "1 prices are negative",
        "1 returns span more than `max_gap` periods",
    ]


def test_a_restated_price_moves_its_return_and_the_next_one(model, prices):
    model.stage("ingest")
    days = sorted(prices["date"].unique())
    restated = prices.copy()
    restated.loc[(prices["asset_id"] == "A10") & (prices["date"] == days[12]), "price"] *= 1.01
    write_nullable(restated, model.folder / "prices.parquet")
    assert sorted(model.plan()["ingest"]) == days[11:13]  # exposures of 11 and 12 explain returns of 12 and 13
    model.stage("ingest")
    assert not model.plan()["ingest"]


def test_a_calendar_of_rarer_dates_makes_returns_from_one_to_the_next(model, prices):
    days = sorted(prices["date"].unique())[::5]
    pq.write_table(pa.table({"date": days}), model.folder / "calendar.parquet")
    model.body["sources"]["calendar"] = {"path": str(model.folder / "calendar.parquet")}
    model.stage("ingest")
    found = packed(model)
    assert {day for day, _ in found} == set(days[1:])
    rows = prices[prices["asset_id"] == "A02"].set_index("date")["price"]
    paid = {days[2]: 4.0}  # of days 6 and 7, which lie between 5 and 10
    for before, day in pairwise(days):
        if (day, "A02") in found and found[day, "A02"] is not None:
            assert found[day, "A02"] == pytest.approx((rows[day] + paid.get(day, 0.0)) / rows[before] - 1, rel=1e-12)


def test_descriptors_rest_on_the_same_returns(model, prices):
    returns = model.body["sources"]["returns"]
    model.body["sources"]["prices"] = {**returns, "columns": {**returns["columns"], "cap": None}}
    model.stage("describe")
    found = {
        (row["date"], asset): np.nan if ret is None else ret
        for row in rows_of(model.lake_folder, PRICES).to_pylist()
        for asset, ret in zip(row["asset_id"], row["ret"], strict=True)
    }
    wanted = expected(prices)
    assert found.keys() >= wanted.keys()
    assert_allclose([found[key] for key in wanted], list(wanted.values()), rtol=1e-12)
    assert not model.plan()["describe"]


def test_copies_that_differ_make_no_return_and_equal_ones_count_once(model, prices):
    days = sorted(prices["date"].unique())
    pair = prices[prices["asset_id"].isin(["A08", "A09"]) & (prices["date"] == days[4])]
    more = pair.assign(price=np.where(pair["asset_id"] == "A08", pair["price"] + 1, pair["price"]))
    write_nullable(pd.concat([prices, more]), model.folder / "prices.parquet")
    model.stage("ingest")
    found, wanted = packed(model), expected(prices)
    assert found.get((days[4], "A08")) is None and found.get((days[5], "A08")) is None
    for day in days[4:6]:
        assert found[day, "A09"] == pytest.approx(wanted[day, "A09"], rel=1e-12)


@pytest.mark.parametrize(
    ("codes", "kind"),
    [
        ([None, 574, 233], pa.float64()),
        ([None, 520, 585], pa.int64()),
        ([None, "584.0", "bankrupt"], pa.string()),
        ([None, "gone", "519"], pa.string()),
    ],
)
def test_codes_are_numbers_or_words(codes, kind):
    days = [date(2024, 1, day) for day in (1, 2, 3)]
    rows = {"date": [days[0], days[1]] * 2, "asset_id": ["a", "a", "b", "b"], "price": [10.0, None] * 2}
    given = pa.table(rows).append_column("code", pa.array([codes[0], codes[1], codes[0], codes[2]], kind))
    rules = {"delisting_return": -0.3, "performance_codes": [500, "520-584", "gone"]}
    columns = {"price": "price", "delisting_code": "code"}
    task = PairPrices(ReturnSource(path="p", columns=columns, from_prices=rules), days)
    found = task(given)
    assert found.schema == task.schema(given.schema)
    assert found.column(RETURN).to_pylist() == [None, -0.3, None, None]
    assert found.column(NOTE).to_pylist() == [0, Note.BY_RULE, 0, Note.UNKNOWN_DELISTING]


def test_a_code_of_an_active_asset_is_no_delisting():
    days = [date(2024, 1, day) for day in (1, 2, 3)]
    given = pa.table({"date": days, "asset_id": ["a"] * 3, "price": [10.0, 11.0, 12.1], "code": [None, 100, 199]})
    columns = {"price": "price", "delisting_code": "code"}
    found = PairPrices(ReturnSource(path="p", columns=columns), days)(given)
    assert found.column(RETURN).to_pylist()[1:] == pytest.approx([0.1, 0.1], rel=1e-12)
    assert set(found.column(NOTE).to_pylist()) == {Note.NOTHING}


def test_a_cumulative_factor_says_the_same_as_splits():
    days = [date(2024, 1, day) for day in range(1, 7)]
    rows = {"date": days, "asset_id": ["a"] * 6, "price": [10.0, 6.0, 5.0, 16.0, 15.0, 14.0], "pays": [0, 0, 0.5, 0, 0, 0.25]}
    split, factor = [1.0, 2.0, 1.0, 1 / 3, 1.0, 1.0], [2 / 3, 1 / 3, 1 / 3, 1.0, 1.0, None]
    given = pa.table(rows).append_column("split", pa.array(split)).append_column("factor", pa.array(factor))
    columns = {"price": "price", "dividend": "pays"}
    by_split, by_factor = (
        PairPrices(ReturnSource(path="p", columns={**columns, **named}), days)(given).column(RETURN).to_pylist()
        for named in ({"split": "split"}, {"adjustment": "factor"})
    )
    assert by_split[1:] == pytest.approx([0.2, -1 / 12, 16 / 15 - 1, -1 / 16, 14.25 / 15 - 1], rel=1e-12)
    assert by_factor[1:] == pytest.approx(by_split[1:], rel=1e-12)


@pytest.mark.jvm
def test_spark_packs_the_same_to_the_bit(model, spark):
    model.stage("ingest")
    local = rows_of(model.lake_folder, PANEL).sort_by("exposure_date")
    model.body["lake"] = str(model.folder / "by_spark")
    model.open_engine = partial(SparkEngine, spark)
    model.stage("ingest")
    assert rows_of(model.lake_folder, PANEL).sort_by("exposure_date").equals(local)


def test_fit_takes_prices_beside_the_panel_and_saves_both(market, prices, tmp_path):
    panel = market.panel.drop(columns="ret")
    style = [
        name for name in panel.columns if name not in {"date", "asset_id", "cap", "in_estimation"} and not name.startswith("ind_")
    ]
    frame = prices[[name for name in prices.columns if name != "delisting_code"]]
    risk = {
        "daily": {
            name: {"estimator": "ewma", "half_life": 4, "window": 8, "min_periods": 4} for name in ("factor_cov", "specific_var")
        }
    }
    config = {"checks": {"max_rejected": {"date": 0.5, "source": 0.5}}}
    model = fit(panel, prices=frame, caps="cap", styles=style, risk=risk, config=config)
    f = model.factor_returns()
    assert len(f) == 21 and f.notna().all(axis=None)
    file = model.save(tmp_path / "lake")
    written = load_config(file)
    again = writing(local_engine(str(tmp_path / "lake")), written, new_run_id(), say=lambda _: None)
    assert not any(stage.compute for stage in plan(again))
    assert written.sources.returns.columns.price == "price"
    assert {path.name for path in (tmp_path / "lake").glob("*.parquet")} == {"exposures.parquet", "returns.parquet"}
    with pytest.raises(ConfigError, match="prices has no column `price`; it has date, asset_id, close"):
        fit(panel, prices=frame.rename(columns={"price": "close"})[["date", "asset_id", "close"]], caps="cap", styles=style)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"columns": {"price": "price", "ret": "ret"}}, "returns are given twice: as `ret` and by `price`"),
        ({"columns": {"dividend": "d"}}, "`dividend` goes with `price`"),
        ({"columns": {"price": "p", "split": "s", "adjustment": "a"}}, "splits are given twice"),
        ({"columns": {"price": "p"}, "returns_in": "percent"}, "are fractions; leave `returns_in` out"),
        ({"from_prices": {"max_gap": 2}, "columns": {}}, "`price`, which is not mapped"),
        ({"columns": {"price": "p"}, "from_prices": {"max_gap": 0}}, "max_gap is 0"),
        ({"columns": {"price": "p", "split": "p"}}, "column 'p' is named twice"),
    ],
)
def test_what_says_two_things_is_refused(model, change, words):
    returns = {**{k: v for k, v in model.body["sources"]["returns"].items() if k == "path"}, **change}
    body = {name: value for name, value in model.body.items() if value is not None}
    with pytest.raises(ConfigError, match=words):
        load_config({**body, "sources": {**body["sources"], "returns": returns}})


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"columns": {"price": "p"}}, "the value traded needs both `price` and `volume`"),
        ({"columns": {"volume": "v"}, "from_prices": {}}, "the value traded needs both `price` and `volume`"),
        ({"columns": {"split": "s"}}, "`split` is for returns that are made from `price`: say `from_prices: {}`"),
        ({"from_prices": {}}, "`price`, which is not mapped"),
        ({"columns": {"price": "p", "ret": "r"}, "from_prices": {}}, "leave `ret` and `returns_in` out"),
    ],
)
def test_prices_of_descriptors_say_where_returns_are(given, words):
    with pytest.raises(ValueError, match=words):
        PriceSource.model_validate({"path": "p", **given})
