"""docs/sql.md: its statements on a smaller market with the demo's factors and ids; each answer is derived again from the reader."""

import re
import shlex

import numpy as np
import pandas as pd
import pytest

from readme import ROOT
from sigmalake.cli import app as cli
from sigmalake.reader.open_release import open_release
from small_model import make_model

TEXT = (ROOT / "docs/sql.md").read_text(encoding="utf-8")
ASKED = re.findall(r"^### \d+\. .*?```sql\n(.*?)```\n\n```text\n(.*?)```", TEXT, re.MULTILINE | re.DOTALL)
EARLIER = {"2023-10-01": "2021-02-01", "2023-10-31": "2021-02-28", "2023-08-01": "2021-01-01", "2023-06-01": "2021-01-01"}
HELD = {"A005": 0.5, "A020": 0.3, "A042": 0.2}
WINDOWS = {
    "factor_cov": {"estimator": "sample", "window": 40, "min_periods": 30},
    "specific_var": {"estimator": "sample", "window": 40, "min_periods": 30},
}


@pytest.fixture(scope="module")
def lake(lake_market, tmp_path_factory):
    model = make_model(lake_market, tmp_path_factory.mktemp("page"))
    model.body |= {"risk": {"ewma": WINDOWS}, "covariance": None, "long_tables": {"exposures": True}}
    model.body["regression"] = {"min_assets": 30}
    return model.write(lake_market.panel).run().lake_folder


@pytest.fixture(scope="module")
def model(lake):
    return open_release(lake)


@pytest.fixture(scope="module")
def answers(model):
    """A frame a question."""
    con = model.duckdb(locked=True)
    return [
        con.sql(re.sub(r"\d{4}-\d\d-\d\d", lambda day: EARLIER.get(day[0], str(model.as_of)), query)).df() for query, _ in ASKED
    ]


def test_the_page_asks_ten_questions_and_shows_each_answer_under_its_columns(answers):
    assert len(ASKED) == 10
    for (_, shown), found in zip(ASKED, answers, strict=True):
        assert shown.splitlines()[0].split() == list(found.columns)
        assert len(found) > 0


def test_factor_returns_of_a_day_and_of_a_month(model, answers):
    day = model.regression(model.as_of)
    expected = day.reindex(day["t_stat"].abs().sort_values(ascending=False).index)[:5]
    np.testing.assert_array_equal(answers[0]["factor"], expected.index)
    np.testing.assert_allclose(answers[0]["percent"], 100 * expected["factor_return"], rtol=1e-15)
    f = model.factor_returns().loc["2021-02", ["size", "value"]]
    earned = 100 * ((1 + f).prod() - 1)
    np.testing.assert_allclose(answers[1].set_index("factor")["percent"].loc[earned.index], earned, rtol=1e-11)
    assert set(answers[1]["days"]) == {len(f)}


def test_r2_by_month(model, answers):
    expected = model.r2().groupby(model.r2().index.to_period("M")).agg(["mean", "min"])
    np.testing.assert_allclose(answers[2][["mean_r2", "least"]], expected, rtol=1e-13)


def test_volatilities_and_correlations(model, answers):
    Sigma = model.factor_cov(annualised=True)
    vols = pd.Series(100 * np.sqrt(np.diag(Sigma)), Sigma.index)
    np.testing.assert_allclose(answers[3].set_index("factor")["percent_a_year"], vols.nlargest(5), rtol=1e-14)
    with_market = (Sigma.loc["market"] / np.sqrt(np.diag(Sigma) * Sigma.loc["market", "market"])).drop("market")
    np.testing.assert_allclose(answers[4].set_index("factor")["correlation"], with_market.reindex(answers[4]["factor"]), rtol=1e-13)
    assert answers[4]["correlation"].abs().min() == pytest.approx(with_market.abs().nlargest(5).min())
    for day, percent in answers[5].itertuples(index=False):
        assert percent == pytest.approx(100 * np.sqrt(model.factor_cov(day, annualised=True).loc["market", "market"]), rel=1e-14)


def test_stocks(model, answers):
    risk = model.risk()
    own = pd.Series(100 * np.sqrt(252 * risk.specific_var), risk.assets).nlargest(5)
    np.testing.assert_allclose(answers[6].set_index("asset_id")["percent_a_year"], own, rtol=1e-14)
    X = model.exposures().loc["A005"].drop("market")
    np.testing.assert_array_equal(answers[7].set_index("factor")["exposure"].sort_index(), X[X != 0].sort_index())
    day = model.panel(return_date=model.as_of)
    parts = answers[8].set_index("part")["percent"]
    assert parts["return"] == pytest.approx(100 * day.loc["A005", "ret"], rel=1e-12)
    assert parts.drop("return").sum() == pytest.approx(parts["return"], rel=1e-12)
    assert parts["specific"] == pytest.approx(100 * model.cross_section(model.as_of).loc["A005", "specific_return"], rel=1e-14)


def test_a_portfolio(model, answers):
    report = model.risk(horizon=252).risk_of(HELD)
    (found,) = answers[9].itertuples(index=False)
    assert found.vol == pytest.approx(100 * report.vol, rel=1e-12)
    assert found.specific_vol == pytest.approx(100 * report.specific_vol, rel=1e-12)
    assert found.factor_vol**2 + found.specific_vol**2 == pytest.approx(found.vol**2, rel=1e-12)


def test_the_commands_and_the_python_run(lake, model, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lakes").mkdir()
    (tmp_path / "lakes/mine").symlink_to(lake)
    (tmp_path / "query.sql").write_text("select max(date) as newest from factor_returns")
    first, python = (
        re.search(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)[1] for language in ("bash", "python")
    )
    for line in (
        first.replace("--config mine.yaml", "--lake lakes/mine").replace("2023-11-17.1", str(model.release_id)).splitlines()
    ):
        cli.app(shlex.split(line.split("  #")[0])[1:], standalone_mode=False)
    assert str(model.as_of) in capsys.readouterr().out
    assert len(pd.read_parquet("risk.parquet")) == len(model.duckdb().sql("select * from specific_risk").df())
    names = {}
    exec(python.replace("2023-11-17", str(model.as_of)), names)
    assert len(names["vols"]) == len(model.factor_cov())
