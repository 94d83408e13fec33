"""`sigmalake init`: what it takes the columns of a file for, what it writes validates and runs, and what it is not sure of."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from sigmalake.api.drafting.draft import draft
from sigmalake.cli import app as cli
from sigmalake.config.model import load_config
from sigmalake.errors import ConfigError, DataError
from sigmalake.reader.open_release import open_release

TARGET = Path("model.yaml")


def market(n_assets=24, n_dates=70, freq="B", vol=0.01):
    """Assets in three sectors; caps move with returns, momentum is persistent, both known at the close of the date."""
    random = np.random.default_rng(3)
    beta, momentum, cap = (
        random.standard_normal(n_assets),
        random.standard_normal(n_assets),
        np.exp(8 + random.standard_normal(n_assets)),
    )
    beta = (beta - beta.mean()) / beta.std()
    sectors, frames = np.array(["Energy", "Health", "Tech"])[np.arange(n_assets) % 3], []
    for day in pd.date_range("2023-01-02", periods=n_dates, freq=freq):
        ret = vol * (random.standard_normal() + 0.4 * random.standard_normal() * beta + 2 * random.standard_normal(n_assets))
        cap, momentum = cap * (1 + ret), 0.95 * momentum + 0.3 * random.standard_normal(n_assets)
        shown = (momentum - momentum.mean()) / momentum.std()
        ids = [f"S{number:02d}" for number in range(n_assets)]
        frames.append(pd.DataFrame({"date": day, "id": ids, "r": ret, "cap": cap, "sec": sectors, "beta": beta, "mom": shown}))
    return pd.concat(frames, ignore_index=True)


PANEL = market()


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def drafted(**files):
    """The draft of frames that are written as `name.csv`, and its YAML."""
    paths = []
    for name, frame in files.items():
        paths.append(f"{name}.parquet")
        frame.to_parquet(paths[-1], index=False)
    found = draft(paths, TARGET)
    return found, yaml.safe_load(found.text)


def doubts(found):
    return " | ".join(doubt.text for doubt in found.doubts)


def test_a_panel_with_plain_names_leaves_no_question_but_the_short_history(here):
    found, body = drafted(panel=PANEL)
    assert body["sources"]["panel"]["columns"] == {"date": "date", "asset_id": "id", "ret": "r", "cap": "cap"}
    assert body["factors"] == [{"market": "market"}, {"membership": "sec", "column": "sec"}, {"styles": ["beta", "mom"]}]
    assert body["sources"]["panel"]["returns_in"] == "fraction"
    assert [doubt.text for doubt in found.doubts] == ["69 returns are few: the half-life is short, and what comes of it is rough"]
    assert found.left_out == []


def test_each_doubt_names_its_line_of_the_file(here):
    found, _ = drafted(panel=PANEL)
    lines = found.text.splitlines()
    assert "half_life" in lines[found.doubts[0].line - 1]
    assert lines[found.doubts[0].line - 1].endswith("(?)")


def test_names_of_others_whole_numbers_as_dates_and_percent_are_understood(here):
    frame = PANEL.assign(r=PANEL["r"] * 100, date=PANEL["date"].dt.strftime("%Y%m%d").astype(int))
    renamed = frame.set_axis(
        ["TradeDate", "Ticker", "Total Return (%)", "MktCap (USD mn)", "GICS Sector", "Beta: raw", "Mom"], axis=1
    )
    _, body = drafted(panel=renamed)
    panel = body["sources"]["panel"]
    assert panel["columns"] == {
        "date": "TradeDate", "asset_id": "Ticker", "ret": "Total Return (%)", "cap": "MktCap (USD mn)",
    }  # fmt: skip
    assert panel["returns_in"] == "percent"
    assert body["factors"][2] == {"styles": ["Beta: raw", "Mom"]}


def test_exposures_known_at_the_start_of_the_period_are_seen_by_what_they_move_with(here):
    later = PANEL.assign(cap=PANEL.groupby("id")["cap"].shift(1)).dropna()
    assert drafted(panel=PANEL)[1]["sources"]["panel"]["exposures_dated"] == "end_of_period"
    assert drafted(panel=later)[1]["sources"]["panel"]["exposures_dated"] == "start_of_period"


def test_what_the_data_do_not_tell_is_the_safe_side_and_a_doubt(here):
    still = PANEL[["date", "id", "r", "beta"]]
    found, body = drafted(panel=still)
    assert body["sources"]["panel"]["exposures_dated"] == "end_of_period"
    assert "the data do not tell whether exposures are known at the end" in doubts(found)


def test_columns_that_are_no_factor_are_left_out_with_the_reason(here):
    days = PANEL["date"].unique()
    busy = PANEL.assign(
        bm_weight=PANEL["cap"] / PANEL.groupby("date")["cap"].transform("sum"), fwd_ret=PANEL.groupby("id")["r"].shift(-1),
        close=np.exp(PANEL["beta"]), volume=1e6, vix=PANEL["date"].map(dict(zip(days, np.arange(len(days)) * 0.1, strict=True))),
        row=range(len(PANEL)), twin=2 * PANEL["mom"] + 1e-9, country="US", estu=PANEL["beta"] > -1,
    )  # fmt: skip
    found, body = drafted(panel=busy)
    why = {column: reason for _, column, reason in found.left_out}
    assert set(why) == {"bm_weight", "fwd_ret", "close", "volume", "vix", "row", "twin", "country"}
    assert "later period" in why["fwd_ret"]
    assert why["twin"] == "nearly the same numbers as mom"
    assert why["vix"] == "the same for all assets of a date"
    assert body["sources"]["panel"]["columns"]["in_estimation"] == "estu"
    assert "like weights of a benchmark (they sum to 1 a date)" in doubts(found)


def test_styles_that_are_raw_or_have_gaps_get_rules(here):
    raw = PANEL.assign(beta=1000 + 50 * PANEL["beta"], mom=PANEL["mom"].where(PANEL["id"] != "S01"))
    _, body = drafted(panel=raw)
    assert body["factors"][2] == {"styles": {"beta": {}, "mom": {"missing": "regress"}}}


def test_columns_of_shares_are_a_group(here):
    shares = pd.get_dummies(PANEL["sec"], prefix="ind", dtype=float)
    _, body = drafted(panel=pd.concat([PANEL.drop(columns="sec"), shares], axis=1))
    assert body["factors"][1] == {
        "membership": "ind", "columns": {"Energy": "ind_Energy", "Health": "ind_Health", "Tech": "ind_Tech"},
    }  # fmt: skip


def test_a_group_that_another_one_tells_is_left_out(here):
    nested = PANEL.assign(industry=PANEL["sec"].str.cat((PANEL["id"].str[-1].astype(int) % 2).astype(str)))
    found, body = drafted(panel=nested.rename(columns={"sec": "sector"}))
    assert [entry.get("membership") for entry in body["factors"]] == [None, "sector", None]
    assert "industry is left out beside sector" in doubts(found)


def test_two_shares_of_a_company_with_one_cap_are_told(here):
    frame = PANEL.copy()
    frame.loc[frame["id"] == "S01", "cap"] = frame.loc[frame["id"] == "S00", "cap"].to_numpy()
    frame["issuer"] = frame["id"].replace({"S01": "S00"})
    found, body = drafted(panel=frame)
    assert body["sources"]["panel"]["columns"]["issuer_id"] == "issuer"
    assert "S00 and S01 have the same cap" in doubts(found)


@pytest.mark.parametrize(
    ("freq", "vol", "name", "half_life"), [("W-FRI", 0.02, "weekly", 26), ("ME", 0.04, "monthly", 36), ("7h", 0.01, "daily", 23)]
)
def test_the_frequency_gives_the_half_life(here, freq, vol, name, half_life):
    frame = market(12, 300 if freq == "ME" else 200, freq, vol) if freq != "7h" else PANEL
    assert drafted(panel=frame)[1]["risk"] == {
        name: {key: {"estimator": "ewma", "half_life": half_life} for key in ("factor_cov", "specific_var")}
    }


def test_returns_exposures_caps_and_rates_apart_are_told_from_each_other(here):
    long = PANEL.melt(["date", "id"], ["beta", "mom"], "factor", "exposure")
    rates = pd.DataFrame({"date": PANEL["date"].unique(), "rf": 0.0001})
    found, body = drafted(c=PANEL[["date", "id", "cap"]], x=long, f=rates, r=PANEL[["date", "id", "r"]])
    assert {name: source["path"] for name, source in body["sources"].items()} == {
        "returns": "r.parquet", "exposures": "x.parquet", "caps": "c.parquet", "rates": "f.parquet",
    }  # fmt: skip
    assert body["sources"]["exposures"]["columns"] == {"date": "date", "asset_id": "id", "factor": "factor", "value": "exposure"}
    TARGET.write_text(found.text)
    assert load_config(TARGET).listed_factors == ["market", "beta", "mom"]


def test_local_returns_with_exchange_rates_have_their_base(here):
    days = PANEL["date"].unique()
    listed = [(day, name, rate) for day in days for name, rate in (("EUR", 1.0), ("JPY", 0.006))]
    rates = pd.DataFrame(listed, columns=["date", "ccy", "fx"])
    found, body = drafted(panel=PANEL.assign(ccy=np.where(PANEL["beta"] > 0, "EUR", "JPY")), fx=rates)
    assert body["sources"]["panel"]["columns"]["currency"] == "ccy"
    assert body["sources"]["exchange_rates"]["base"] == "EUR"
    TARGET.write_text(found.text)
    load_config(TARGET)


REFUSED = {
    "no dates": (PANEL[["id", "r"]], "no column of dates was found among id \\(text, 'S00'\\), r \\(numbers\\). Looked for dates"),
    "no ids": (PANEL[["date", "r"]], "no column of asset ids was found among date \\(dates\\).*Looked for text or whole numbers"),
    "no returns": (PANEL[["date", "id", "beta"]], "no column of returns was found among.*Rename yours to `ret`"),
    "prices": (PANEL[["date", "id"]].assign(close=np.exp(PANEL["beta"])), "prices \\(close\\), and no returns.*pct_change"),
    "months first": (PANEL.assign(date=PANEL["date"].dt.strftime("%m/%d/%Y")), "like '01/02/2023', which may be read with the day"),
    "text": (PANEL.drop(columns="r").assign(ret="1.20%"), "the returns of column ret are written"),
    "a matrix": (PANEL.pivot(index="date", columns="id", values="r").reset_index(), "a column an asset, it seems.*melt"),
}  # fmt: skip


@pytest.mark.parametrize(("frame", "words"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_found_is_told_with_what_was_looked_for(here, frame, words):
    with pytest.raises(ConfigError, match=f"(?s){words}"):
        drafted(panel=frame)


def test_files_that_cannot_be_read_are_named(here):
    Path("empty.csv").write_text("date,id,ret\n")
    Path("notes.txt").write_text("x")
    with pytest.raises(DataError, match=r"empty.csv has no rows"):
        draft(["empty.csv"], TARGET)
    with pytest.raises(ConfigError, match=r"notes.txt is neither Parquet, CSV nor Delta"):
        draft(["notes.txt"], TARGET)
    with pytest.raises(ConfigError, match=r"^(?!sources).*emty.csv does not exist; did you mean empty.csv"):
        draft(["emty.csv"], TARGET)


ODD = {
    "written NA": PANEL.assign(r=PANEL["r"].where(PANEL["beta"] > -1).map(lambda x: "NA" if np.isnan(x) else x)),
    "caps with commas": PANEL.assign(cap=[f"{x:,.0f}" for x in PANEL["cap"]]),
    "four assets": PANEL[PANEL["id"] < "S04"],
    "two dates": PANEL.head(48),
    "returns alone": PANEL[["date", "id", "r"]],
    "names that YAML would mistake": PANEL.rename(columns={"mom": "no", "beta": "1e5: #x", "sec": "[s]"}),
}


@pytest.mark.parametrize("frame", ODD.values(), ids=ODD)
def test_what_is_written_for_an_odd_file_is_checked_and_runs(here, capsys, frame):
    frame.to_csv("panel.csv", index=False)
    cli.app(["init", "panel.csv"], standalone_mode=False)
    said = capsys.readouterr().out
    assert max(map(len, said.splitlines())) <= 80
    cli.app(["run", "--config", "model.yaml", "--engine", "local"], standalone_mode=False)
    assert open_release("lakes/panel").factor_returns()["market"].notna().any()


def test_a_file_that_is_there_is_not_written_over(here):
    PANEL.to_parquet("panel.parquet")
    TARGET.write_text("mine: 1\n")
    with pytest.raises(ConfigError, match=r"model.yaml is there already; give another file by --to, or --force"):
        cli.app(["init", "panel.parquet"], standalone_mode=False)
    assert TARGET.read_text() == "mine: 1\n"
    cli.app(["init", "panel.parquet", "--force", "--output", "json"], standalone_mode=False)
    assert load_config(TARGET).model == "panel"
