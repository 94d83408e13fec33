"""A run killed at any point of a first or of an incremental run, and run again, has what a run that nobody killed has."""

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

from lakes import REBUILT, differences
from processes import run, small_model
from sigmalake.tables.catalogue import MODEL_TABLES
from sigmalake.tables.evaluation import FORECAST_EVALUATION
from sigmalake.tables.records import REJECTED_ROWS

TABLES = tuple(dict.fromkeys([*MODEL_TABLES, FORECAST_EVALUATION, REJECTED_ROWS]))
COMMANDS = ["run", "evaluate"]
SOME = 60  # every which point is tried where not each of them is


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """The configuration of a market, and a lake of it as it was before three dates came and one was restated."""
    folder = tmp_path_factory.mktemp("kills")
    config = small_model(folder / "model", n_assets=40, n_dates=40)
    panel = pd.read_parquet(config.parent / "panel.parquet")
    days = sorted(set(panel["date"].dropna()))
    body = yaml.safe_load(config.read_text())
    body["sources"]["books"], body["books"] = {"path": "books.parquet"}, {"benchmark": "INDEX"}
    config.write_text(yaml.safe_dump(body))
    books(panel, [days[20], days[-2]]).to_parquet(config.parent / "books.parquet")
    before = panel[panel["date"] < days[-3]].copy()
    before.loc[before["date"] == days[20], "ret"] *= 1.5
    earlier = folder / "earlier"
    shutil.copytree(config.parent, earlier)
    before.to_parquet(earlier / "panel.parquet")
    books(panel, [days[20]]).to_parquet(earlier / "books.parquet")
    done = run("run", "--config", earlier / "model.yaml", "--set", f"lake={folder / 'before'}")
    assert done.returncode == 0, done.stderr
    done = run("evaluate", "--config", earlier / "model.yaml", "--set", f"lake={folder / 'before'}")
    assert done.returncode == 0, done.stderr
    return config, folder / "before"


def books(panel: pd.DataFrame, days: list) -> pd.DataFrame:
    """An index of equal weights, and a fund that holds half of it."""
    assets = sorted(set(panel["asset_id"].dropna()))[:20]
    rows = [("INDEX", day, asset, 0.05) for day in days for asset in assets]
    rows += [("FUND", day, member, 0.5) for day in days for member in ("INDEX", assets[0])]
    return pd.DataFrame(rows, columns=["portfolio", "date", "asset_id", "weight"])


def killed(config: Path, before: Path | None, folder: Path, only: int) -> dict:
    commands = [[verb, "--config", str(config), "--set", "lake=LAKE", "--set", "local.workers=1"] for verb in COMMANDS]
    asked = {"commands": commands, "before": before and str(before), "folder": str(folder), "only": only}
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("kills.py")), json.dumps(asked)],
        capture_output=True, text=True, check=False, timeout=1800,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def nothing_lost_or_doubled(found: dict, folder: Path) -> None:
    for point, (number, died, again) in found["killed"].items():
        assert died == -signal.SIGKILL, point
        assert again == 0, f"{point}: {(folder / 'runs.log').read_text()[-2000:]}"
        assert differences(folder / str(number), folder / "whole", TABLES, relative=REBUILT) == [], point


@pytest.mark.fault
@pytest.mark.parametrize("first", [True, False], ids=["a first run", "an incremental run"])
def test_a_run_killed_at_some_points_heals(models, tmp_path, first):
    config, before = models
    found = killed(config, None if first else before, tmp_path, SOME)
    assert len(found["killed"]) >= 3
    nothing_lost_or_doubled(found, tmp_path)


@pytest.mark.exhaustive
@pytest.mark.parametrize("first", [True, False], ids=["a first run", "an incremental run"])
def test_a_run_killed_at_every_point_heals(models, tmp_path, first):
    config, before = models
    found = killed(config, None if first else before, tmp_path, 1)
    assert found["points"] == list(found["killed"])
    stages = {point.split(" writes ")[0].removeprefix("before ") for point in found["points"] if " writes " in point}
    assert {"ingest", "regress", "risk", "covariance", "portfolios", "release", "evaluate"} <= stages
    assert len(found["points"]) >= 60
    nothing_lost_or_doubled(found, tmp_path)
