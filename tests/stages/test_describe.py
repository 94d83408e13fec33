"""Descriptors from prices: from two files to a model, with every row accounted for, and a day added as a rebuild says it."""

from datetime import timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakes import rows_of
from sigmalake.engines.local.engine import LocalEngine
from sigmalake.numerics.descriptors.prices import PriceHistory
from sigmalake.numerics.descriptors.turnover import turnover
from sigmalake.stages.context import Asked
from sigmalake.tables.descriptors import DESCRIPTORS, PRICES
from sigmalake.tables.packed import PANEL
from sigmalake.tables.records import REJECTED_ROWS, RUNS
from small_model import write_nullable

N_DATES = 34
WINDOWS = {
    "month": 3, "range_months": 3,
    "beta": {"window": 10, "half_life": 5}, "momentum": {"window": 12, "half_life": 6, "lag": 2},
    "daily_volatility": {"window": 8, "half_life": 4}, "turnover_1m": {"window": 3}, "turnover_3m": {"window": 5},
    "turnover_12m": {"window": 8}, "reversal": {"window": 3},
}  # fmt: skip
STYLES = {"size": {}, "beta": {"missing": "regress"}, "liquidity": {"descriptors": {"turnover_1m": 1.0}, "missing": "zero"},
          "value": {"descriptors": {"book_to_price": 1.0}, "missing": "zero"}}  # fmt: skip


@pytest.fixture(scope="module")
def daily(panel) -> pd.DataFrame:
    """Returns, caps and volumes; no style."""
    days = sorted(panel["date"].unique())[:N_DATES]
    frame = panel[panel["date"].isin(days)].reset_index(drop=True)
    rng = np.random.default_rng(3)
    return frame.assign(close=rng.lognormal(3, 0.3, len(frame)), shares=frame["cap"] * rng.lognormal(-7, 0.5, len(frame)))


@pytest.fixture(scope="module")
def figures(daily) -> pd.DataFrame:
    """Book values, known before the first date; of one asset restated on the eleventh."""
    assets = sorted(daily["asset_id"].unique())
    day = min(daily["date"])
    known = pd.DataFrame({"asset_id": assets, "item": "book_value", "known_at": day - timedelta(days=3)})
    known = known.assign(period_end=day - timedelta(days=90), value=np.linspace(1.0, 5.0, len(assets)))
    return pd.concat([known, known.iloc[:1].assign(known_at=sorted(daily["date"].unique())[10], value=9.0)], ignore_index=True)


@pytest.fixture
def priced(model, figures):
    place = str(model.folder / "panel.parquet")
    columns = {"cap": "cap", "price": "close", "volume": "shares", "in_estimation": "in_estimation"}
    model.body["sources"]["prices"] = {"path": place, "columns": columns}
    model.body["sources"]["fundamentals"] = {"path": str(model.folder / "figures.parquet")}
    model.body["descriptors"] = {"prices": WINDOWS}
    model.body["factors"][2] = {"styles": STYLES}
    model.body |= {"risk": {}, "covariance": None}
    write_figures(model, figures)
    return model


def write(model, frame):
    write_nullable(frame, model.folder / "panel.parquet")
    return model


def write_figures(model, frame):
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), model.folder / "figures.parquet")


def dense(frame: pd.DataFrame, column: str) -> np.ndarray:
    return frame.pivot(index="date", columns="asset_id", values=column).to_numpy(float)


def test_descriptors_are_the_kernels_and_days_added_and_restated_are_a_rebuild(priced, daily):
    days = sorted(daily["date"].unique())
    stages(write(priced, daily[daily["date"] < days[-1]]))
    restated = daily.copy()
    moved = (daily["date"] == days[20]) & (daily["asset_id"] == "A05")
    restated.loc[moved, "ret"] = 0.25
    planned = write(priced, restated).plan()
    assert planned["describe"] == {day: "new" if day == days[-1] else "input changed" for day in days[20:]}
    assert sorted(planned["ingest"]) == days[19:]
    stages(priced)
    assert not any(priced.plan()[stage] for stage in ("describe", "ingest"))
    versions = priced.versions()
    stages(priced)
    assert priced.versions() == versions
    increments = {table.name: rows_of(priced.lake_folder, table) for table in (PRICES, DESCRIPTORS, PANEL)}
    priced.body["lake"] = str(priced.folder / "rebuilt")
    stages(priced)
    for name, table in ((PRICES.name, PRICES), (DESCRIPTORS.name, DESCRIPTORS), (PANEL.name, PANEL)):
        assert_close(rows_of(priced.lake_folder, table), increments[name])
    assert_kernel(priced, restated, increments[DESCRIPTORS.name].to_pylist())
    assert_joined(restated, increments)


def stages(model):
    for stage in ("describe", "ingest"):
        model.stage(stage)


def assert_close(one: pa.Table, other: pa.Table):
    """Hashes, ids and flags to the last bit, numbers to 1e-10: an increment sums the same windows in other blocks."""
    for name in one.column_names:
        left, right = one.column(name).to_pylist(), other.column(name).to_pylist()
        if one.schema.field(name).type == pa.list_(pa.float64()):
            for a, b in zip(left, right, strict=True):
                np.testing.assert_allclose(np.array(a, float), np.array(b, float), rtol=1e-10, atol=1e-13, err_msg=name)
        elif name != "style_steps":
            assert left == right, name


def assert_kernel(model, frame, rows):
    """Every number of `descriptors` that needs prices is what the kernels say of the frame as dense arrays."""
    days, assets = sorted(frame["date"].unique()), sorted(frame["asset_id"].unique())
    caps, traded = dense(frame, "cap"), dense(frame, "close") * dense(frame, "shares")
    flags = dense(frame, "in_estimation") == 1.0
    history = PriceHistory(dense(frame, "ret"), caps, caps, turnover(traded, caps), flags)
    expected = model.config.descriptors.prices.compute(history, np.arange(len(days)))._asdict()
    assert [row["date"] for row in rows] == days
    for t, row in enumerate(rows):
        at = [assets.index(asset) for asset in row["asset_id"]]
        for name, values in expected.items():
            np.testing.assert_allclose(np.array(row[name], float), values[t, at], rtol=1e-9, atol=1e-12, err_msg=name)
    book = {row["date"]: row["book_to_price"][row["asset_id"].index("A00")] for row in rows if "A00" in row["asset_id"]}
    cap = frame[frame["asset_id"] == "A00"].set_index("date")["cap"]
    assert {day: book[day] * cap[day] for day in book} == pytest.approx({day: 9.0 if day >= days[10] else 1.0 for day in book})


def assert_joined(frame, tables):
    """The panel begins where some asset has a size and so on; each asset's size is standardised ln cap of its own date."""
    panel = tables[PANEL.name].to_pylist()
    assert [row["exposure_date"] for row in panel] == sorted(frame["date"].unique())
    of_day = frame[frame["date"] == panel[-1]["exposure_date"]].sort_values("asset_id")
    sizes = np.reshape(panel[-1]["styles"], (-1, len(STYLES)))[:, 0]
    assert panel[-1]["asset_id"] == of_day["asset_id"].tolist()
    assert np.corrcoef(sizes, np.log(of_day["cap"]))[0, 1] > 0.98  # but for what is clipped


def test_a_model_begins_where_its_descriptors_do(priced, daily, monkeypatch):
    read, survey = [], LocalEngine.survey_source
    monkeypatch.setattr(LocalEngine, "survey_source", lambda engine, *given: read.append(given[0].name) or survey(engine, *given))
    del priced.body["sources"]["fundamentals"]
    priced.body["factors"][2] = {"styles": {"size": {}, "beta": {}}}  # a row without a beta is rejected
    days = sorted(daily["date"].unique())
    write(priced, daily)
    for _ in range(2):
        priced.stage("describe", Asked(end=days[-1]))
    assert read == ["prices"]  # the second reads no file again
    assert len(priced.rows(RUNS)) == 1  # the second has nothing to do, though a run of some dates is not known to cover the sources
    priced.stage("ingest")
    rows = priced.rows(DESCRIPTORS)
    first = next(row["date"] for row in rows.to_dict("records") if np.isfinite(np.array(row["beta"], float)).any())
    assert days[0] < first == priced.rows(PANEL)["exposure_date"].min()
    account = {line["source"]: line for line in priced.rows(RUNS).iloc[-1]["account"]}
    assert account["panel.returns"]["outside"] > 0
    for line in account.values():
        assert line["rows_in"] == line["packed"] + line["rejected"] + line["outside"] + line["without_exposures"]


def test_rows_that_cannot_be_used_are_listed_and_the_account_adds_up(priced, daily, figures):
    days = sorted(daily["date"].unique())[:6]
    frame = daily[daily["date"].isin(days)].reset_index(drop=True)
    at = frame.index[frame["date"] == days[2]]
    frame.loc[at[0], "ret"] = np.inf
    frame.loc[at[1], "shares"] = -1.0
    lost = frame["date"] == days[4]
    frame.loc[lost, "shares"] = -2.0
    priced.body["checks"] = {"max_rejected": {"date": 1.0, "source": 0.5}}
    twice = pd.concat([frame, frame.loc[[at[2], at[3]]].assign(ret=[frame.loc[at[2], "ret"], 0.7])])
    wrong = pd.concat([figures, figures.iloc[:1].assign(item="employees"), figures.iloc[[1]], figures.iloc[[2]].assign(value=7.0)])
    write_figures(priced, wrong)
    write(priced, twice).stage("describe")
    ids = {n: frame.loc[at[n], "asset_id"] for n in range(4)}
    rejected = priced.rows(REJECTED_ROWS)
    of_day = rejected[(rejected["source"] == "prices") & (rejected["date"] == days[2])]
    assert sorted(of_day[["asset_id", "column", "reason"]].itertuples(index=False, name=None)) == sorted(
        [
            (ids[0], "ret", "not finite"),
            (ids[1], "shares", "negative"),
            (ids[2], "key", "identical copy of a row"),
            *[(ids[3], "key", "key given more than once, with different values")] * 2,
        ]
    )
    assert (rejected["date"] == days[4]).sum() == lost.sum()
    told = rejected[rejected["source"] == "fundamentals"]
    assert sorted(told["reason"]) == sorted(
        ["unknown category", "identical copy of a row", *["key given more than once, with different values"] * 2]
    )
    account = {line["source"]: line for line in priced.rows(RUNS).iloc[-1]["account"]}
    assert account["prices"]["rejected"] == 5 + lost.sum()
    assert account["fundamentals"]["rejected"] == 4
    for line in account.values():
        assert line["rows_in"] == line["packed"] + line["rejected"] + line["outside"]
    prices = priced.rows(PRICES).set_index("date")
    assert prices["n_assets"].sum() == account["prices"]["packed"]
    assert prices.loc[days[4], "n_assets"] == 0
    assert sorted(priced.rows(DESCRIPTORS)["date"]) == [day for day in days if day != days[4]]
    repaired = frame.assign(shares=frame["shares"].abs(), ret=frame["ret"].replace(np.inf, 0.0))
    write_figures(priced, figures)
    write(priced, repaired).stage("describe")
    assert priced.rows(REJECTED_ROWS).empty
    assert sorted(priced.rows(DESCRIPTORS)["date"]) == days
