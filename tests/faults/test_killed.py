"""What a run leaves when it is killed, and what the next run makes of it."""

import shutil

import pytest

from lakes import differences
from processes import KILLED, killed_after, run, small_model
from sigmalake.lake.log import open_table

pytestmark = pytest.mark.fault

POINTS = ("panel", "cross_sections", "risk_models", "asset_covariance")


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    config = small_model(tmp_path_factory.mktemp("clean"))
    done = run("run", "--config", config)
    assert done.returncode == 0, done.stderr
    return config


def test_a_run_killed_at_every_table_in_turn_loses_and_doubles_nothing(clean, tmp_path):
    shutil.copytree(clean.parent, tmp_path / "model", ignore=shutil.ignore_patterns("lake"))
    config = tmp_path / "model" / "model.yaml"
    for table in POINTS:
        killed = run("run", "--config", config, script=killed_after(table))
        assert killed.returncode == KILLED, f"{table}: {killed.stderr}"
        assert open_table(str(config.parent / "lake" / "releases")) is None, "half a run was released"
    finished = run("run", "--config", config)
    assert finished.returncode == 0, finished.stderr
    assert differences(config.parent / "lake", clean.parent / "lake") == []


def test_a_run_after_a_run_has_nothing_to_do(clean):
    before = {path: path.stat().st_mtime_ns for path in (clean.parent / "lake").rglob("_delta_log/*.json")}
    again = run("run", "--config", clean)
    assert again.returncode == 0, again.stderr
    assert again.stderr.count("nothing to do") == 6
    assert {path: path.stat().st_mtime_ns for path in (clean.parent / "lake").rglob("_delta_log/*.json")} == before
