"""examples/gallery: each script runs from top to bottom, and what it shows as equal is equal."""

import runpy
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import pytest

from sigmalake.cli.setup import runtime
from sigmalake.errors import ConfigError

ROOT = Path(__file__).parents[2]
GALLERY = ROOT / "examples/gallery"
SCRIPTS = sorted(path.name for path in GALLERY.glob("*.py"))


def no_java():
    raise ConfigError("there is no Java")


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_runs_and_ends_with_a_figure(name, monkeypatch):
    monkeypatch.setenv("N_STOCKS", "120")
    monkeypatch.setenv("N_DAYS", "120")
    monkeypatch.setattr(runtime, "find_java", no_java)  # the cluster's page without one; tests/cluster runs it whole
    monkeypatch.chdir(GALLERY)
    names = runpy.run_path(name)
    assert any(isinstance(value, go.Figure) for value in names.values())
    CHECKS.get(name, lambda _names: None)(names)


def country_factor(names):
    assert np.abs(names["model"].factor_returns()["USA"] - names["usa"]).max() == 0
    slope = np.cov(names["date"]["USA"], names["date"]["ret"])[0, 1] / np.var(names["date"]["USA"], ddof=1)
    assert names["f"]["USA"] == pytest.approx(slope, rel=1e-10)


def cluster(names):
    assert list(names["lakes"]) == ["local engine"]
    assert names["first"]["USA"].notna().all()


def four_stocks(names):
    assert np.abs(names["V"] - names["risk"].asset_cov()).to_numpy().max() < 1e-15
    assert names["parts"].sum() == pytest.approx(names["report"].vol, rel=1e-12)


def attribution(names):
    assert names["active"].sum() == pytest.approx(names["of_fund"].returns.sum() - names["of_benchmark"].returns.sum(), rel=1e-9)


def year_of_a_market(names):
    days = names["days"]
    both = names["true"].loc[days, "market"], names["found"].loc[days, "market"]
    assert np.corrcoef(*both)[0, 1] > 0.9


CHECKS = {f"{check.__name__}.py": check for check in (country_factor, cluster, four_stocks, attribution, year_of_a_market)}
