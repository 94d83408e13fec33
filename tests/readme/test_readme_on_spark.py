"""README.md's minimal configuration, commands, Python and SQL, on a small panel: what they give is right."""

import shlex
from contextlib import nullcontext, redirect_stdout
from io import StringIO

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from readme import blocks
from sigmalake.cli import app as cli
from sigmalake.cli import engines
from sigmalake.reader.open_release import open_release

pytestmark = pytest.mark.jvm

PLACE = "/data/lakes/mine"  # of the lake, in the SQL
NAMED = ["AAPL", "XOM"]
LAST = "2024-03-29"


def small_panel():
    """24 assets in 3 sectors over 70 business days, the columns that README.md names."""
    rng = np.random.default_rng(11)
    symbols = [*NAMED, *(f"S{number:02d}" for number in range(22))]
    days = pd.bdate_range(end=LAST, periods=70).date
    n = len(symbols)
    styles = rng.standard_normal((2, n))
    frames = []
    for day in days:
        styles = 0.98 * styles + 0.2 * rng.standard_normal((2, n))
        ret = 0.01 * rng.standard_normal() + 0.003 * rng.standard_normal(2) @ styles + 0.02 * rng.standard_normal(n)
        sectors = np.array(["energy", "health", "technology"])[np.arange(n) % 3]
        frames.append(
            pd.DataFrame(
                {"date": day, "symbol": symbols, "ret": ret, "cap": np.exp(3 + np.arange(n) / 10), "sector": sectors}
                | {"size": styles[0], "momentum": styles[1]}
            )
        )
    frames[0]["ret"] = np.nan
    return pd.concat(frames, ignore_index=True)


def commands():
    lines = [line.split("#")[0].strip() for block in blocks("bash") for line in block.splitlines()]
    return [shlex.split(line)[1:] for line in lines if line.startswith(".venv/bin/sigmalake")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("readme")
    (place / "mine.yaml").write_text(blocks("yaml")[0])
    small_panel().to_parquet(place / "panel.parquet", index=False)
    return place


@pytest.fixture(scope="module")
def printed(spark, folder):
    """What each command prints, by its verb."""
    said = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engines, "opened_session", lambda *_: nullcontext(spark))
        patch.setattr(engines, "_spark_at_hand", lambda: "a test has one")
        patch.chdir(folder)
        for arguments in commands():
            with redirect_stdout(StringIO()) as out:
                cli.app(arguments, standalone_mode=False)
            said[arguments[0]] = out.getvalue()
    return said


@pytest.fixture(scope="module")
def answers(spark, folder, printed):
    """The rows of each query, in the order of README.md; its views stay in the session."""
    found = []
    for block in blocks("sql"):
        for statement in block.replace(PLACE, str(folder / "lakes/mine")).split(";"):
            if statement.strip():
                rows = spark.sql(statement)
                if rows.columns:
                    found.append(rows.toPandas())
    return found


@pytest.fixture(scope="module")
def model(folder, printed):
    return open_release(folder / "lakes/mine")


@pytest.fixture(scope="module")
def V(model):  # noqa: N802 - the model's symbol
    """V of the two assets, from X, Sigma and Delta as the reader gives them."""
    risk = model.risk()
    rows = [risk.assets.index(asset) for asset in NAMED]
    X = risk.exposures[rows]
    return X @ risk.factor_cov @ X.T + np.diag(risk.specific_var[rows])


def test_the_commands_validate_run_and_show(printed):
    assert list(printed) == ["validate", "run", "status"]
    assert "panel: 70 dates, 6 factors: market, energy, health, technology, size, momentum" in printed["validate"]
    assert f"release {LAST}.1, daily" in printed["run"]
    assert f"release {LAST}.1, daily" in printed["status"]


def test_the_python_block_reads_the_release(folder, model, V, monkeypatch):
    monkeypatch.chdir(folder)
    names = {}
    with redirect_stdout(StringIO()) as out:
        exec(blocks("python")[0], names)
    assert out.getvalue().startswith(f"{LAST}.1 ")
    assert_allclose(names["V"].loc[NAMED, NAMED], V, rtol=1e-12)
    h = np.array([0.6, 0.4])
    assert_allclose(names["report"].vol, np.sqrt(h @ V @ h), rtol=1e-12)
    assert_allclose(names["report"].by_factor.sum() + names["report"].specific, names["report"].vol, rtol=1e-12)
    assert names["X"].shape == (24, 6)
    assert names["Sigma"].shape == (6, 6)
    assert names["Delta"].shape == (24,)
    assert list(names["panel"].index) == sorted(names["panel"].index)
    assert len(names["f"]) == 69


def test_the_rows_of_a_release_are_at_its_version(answers, model):
    newest, returns, sections = answers[:3]
    assert newest.release_id.tolist() == [model.release_id]
    assert newest.version.tolist() == [model.tables["factor_returns"]] == [1]
    wide = returns.pivot(index="date", columns="factor", values="factor_return")
    assert_allclose(wide[list(model.factor_returns().columns)], model.factor_returns(), rtol=1e-14)
    assert len(sections) == 69


@pytest.mark.parametrize("day", [LAST, "2024-01-15"])
def test_the_unpacked_panel_is_the_readers(spark, answers, model, day):
    found = spark.sql(f"SELECT * FROM x WHERE exposure_date = DATE'{day}'").toPandas()
    assert not found.duplicated(["asset_id", "factor"]).any()
    wide = found.pivot(index="asset_id", columns="factor", values="exposure").fillna(0.0)
    expected = model.panel(exposure_date=day)[["market", "energy", "health", "technology", "size", "momentum"]]
    assert list(wide.index) == list(expected.index)
    assert set(wide.columns) == set(expected.columns)
    assert_allclose(wide[list(expected.columns)], expected, rtol=0, atol=0)


def test_v_of_two_assets_is_that_of_the_model(answers, V):
    stored, computed = answers[3:]
    assert_allclose(stored.covariance, [V[0, 1]], rtol=1e-12)
    found = computed.pivot(index="asset_1", columns="asset_2", values="covariance").loc[NAMED, NAMED]
    assert_allclose(found, V, rtol=1e-12)
