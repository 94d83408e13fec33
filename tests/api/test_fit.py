"""`fit` from a frame against the regression by hand, `sigmalake run` on the same rows, and what it leaves when it is saved."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import yaml
from numpy.testing import assert_allclose
from pandas.testing import assert_frame_equal

from lakes import differences
from sigmalake import fit, open_release
from sigmalake.cli import app as cli
from sigmalake.errors import ConfigError, DataError

STYLES = ["size", "momentum"]
RISK = {
    "short": {
        "factor_cov": {"estimator": "ewma", "half_life": 8, "window": 16, "min_periods": 8},
        "specific_var": {"estimator": "ewma", "half_life": 8, "window": 16, "min_periods": 8},
    }
}
ASKED = {"asset_id": "symbol", "caps": "cap", "groups": ["sector"], "styles": STYLES, "risk": RISK}


@pytest.fixture(scope="module")
def panel():
    """36 assets in 3 sectors over 26 business days."""
    random = np.random.default_rng(3)
    days, symbols = pd.bdate_range("2024-01-02", periods=26), [f"S{number:02d}" for number in range(36)]
    index = pd.MultiIndex.from_product([days, symbols], names=["date", "symbol"])
    frame = pd.DataFrame({"ret": random.normal(0, 0.02, len(index))}, index)
    frame["cap"] = np.exp(random.normal(3, 1, len(index)))
    frame["sector"] = np.tile(np.array(["bank", "energy", "tech"])[np.arange(36) % 3], 26)
    frame[STYLES] = random.normal(size=(len(index), 2))
    return frame.reset_index()


@pytest.fixture(scope="module")
def model(panel):
    return fit(panel, **ASKED)


def test_a_date_is_the_weighted_regression_under_the_constraint(panel, model):
    """The KKT system of sqrt(cap) least squares, whose sector returns weighted by cap sum to 0."""
    before, day = sorted(panel["date"].unique())[10:12]
    known = panel[panel["date"] == before].set_index("symbol")
    sectors = pd.get_dummies(known["sector"], dtype=float)
    X = np.column_stack([np.ones(len(known)), sectors, known[STYLES]])
    constraint = np.concatenate([[0.0], known["cap"] @ sectors, [0.0, 0.0]])
    weights = np.sqrt(known["cap"].to_numpy())
    ret = panel[panel["date"] == day].set_index("symbol")["ret"].loc[known.index]
    system = np.block([[X.T * weights @ X, constraint[:, None]], [constraint[None, :], np.zeros((1, 1))]])
    f = np.linalg.solve(system, np.append(X.T * weights @ ret, 0.0))[:-1]
    found = model.factor_returns().loc[day]
    assert_allclose(found[["market", *sectors.columns, *STYLES]], f, rtol=0, atol=1e-14)
    assert_allclose(model.specific_returns().loc[day, known.index], ret - X @ f, rtol=0, atol=1e-14)


@pytest.mark.parametrize(
    "given",
    [
        lambda frame: frame.set_index(["date", "symbol"]),
        pl.from_pandas,
        lambda frame: pa.Table.from_pandas(frame, preserve_index=False),
        lambda frame: frame.sample(frac=1.0, random_state=1),
    ],
    ids=["an index", "polars", "Arrow", "rows in another order"],
)
def test_another_kind_of_frame_gives_the_same_model(panel, model, given):
    other = fit(given(panel), **ASKED)
    assert_frame_equal(other.factor_returns(), model.factor_returns(), check_exact=True)
    assert_frame_equal(other.risk().asset_cov(), model.risk().asset_cov(), check_exact=True)


def test_a_path_gives_the_same_model(panel, model, tmp_path):
    panel.to_parquet(tmp_path / "panel.parquet")
    assert_frame_equal(fit(tmp_path / "panel.parquet", **ASKED).factor_returns(), model.factor_returns(), check_exact=True)


def told(arguments, capsys):
    cli.app(arguments, standalone_mode=False)
    return capsys.readouterr()


def test_a_saved_model_is_up_to_date_and_goes_on_from_there(panel, model, tmp_path, capsys):
    dates = sorted(panel["date"].unique())
    early = fit(panel[panel["date"] < dates[-1]], **ASKED)
    file = early.save(tmp_path / "lake")
    reopened = open_release(tmp_path / "lake")
    assert_frame_equal(reopened.factor_returns(), early.factor_returns(), check_exact=True)
    assert_frame_equal(reopened.risk().asset_cov(), early.risk().asset_cov(), check_exact=True)

    again = told(["run", "--engine", "local", "--config", str(file)], capsys).err
    for stage in ("ingest", "regress", "risk", "release"):
        assert f"{stage}: nothing to do" in again
    panel.to_parquet(tmp_path / "lake" / "panel.parquet", index=False)
    said = told(["run", "--engine", "local", "--config", str(file)], capsys).err
    assert "regress: cross-sections: 1 date, " in said
    after = open_release(tmp_path / "lake")
    assert after.as_of == model.as_of
    assert_frame_equal(after.factor_returns(), model.factor_returns(), check_exact=True)
    assert_frame_equal(after.risk().asset_cov(), model.risk().asset_cov(), rtol=1e-12, atol=0)


def test_a_saved_model_is_the_lake_that_run_makes(panel, model, tmp_path):
    file = model.save(tmp_path / "saved")
    panel.to_parquet(tmp_path / "panel.parquet", index=False)
    body = yaml.safe_load(file.read_text())
    body["sources"]["panel"]["path"] = str(tmp_path / "panel.parquet")
    (tmp_path / "model.yaml").write_text(yaml.safe_dump({**body, "lake": str(tmp_path / "built")}, sort_keys=False))
    cli.app(["run", "--engine", "local", "--config", str(tmp_path / "model.yaml")], standalone_mode=False)
    found = differences(tmp_path / "saved", tmp_path / "built")
    assert not found, "\n".join(found)


def test_a_missing_column_unusable_rows_and_a_full_folder_are_refused(panel, model, tmp_path):
    with pytest.raises(ConfigError, match="no column beta"):
        fit(panel, **{**ASKED, "styles": ["beta"]})
    with pytest.raises(DataError, match="none of its 936 rows"):
        fit(panel.assign(ret=np.inf), **ASKED)
    with pytest.raises(ConfigError, match="returns are given twice"):
        fit(panel, returns="ret", prices=panel.assign(price=1.0), **ASKED)
    (tmp_path / "kept").write_text("something")
    with pytest.raises(ConfigError, match="is not empty"):
        model.save(tmp_path)
    with pytest.raises(ConfigError, match=r"has '\[' in its path"):
        model.save(tmp_path / "lake [2]")
    assert not (tmp_path / "lake [2]").exists()
