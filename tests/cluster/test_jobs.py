"""Each stage as a job of its own by spark-submit, and executors whose Python is packed and sent to them."""

import subprocess
from importlib.metadata import version

import pyarrow.parquet as pq
import pytest
import yaml

from cluster.conftest import Place
from deployment.environments import environment
from lakes import differences
from processes import run, small_model
from sigmalake.stages.run import STAGES

pytestmark = pytest.mark.submit

# as docs/on_a_cluster.md says it
ON_EXECUTORS = ["numpy", "scipy", "pandas", "pyarrow", "pydantic", "PyYAML", "deltalake", "obstore", "loky", "threadpoolctl"]
WINDOWS = {
    "month": 3, "range_months": 3,
    "beta": {"window": 10, "half_life": 5}, "momentum": {"window": 12, "half_life": 6, "lag": 2},
    "daily_volatility": {"window": 8, "half_life": 4}, "reversal": {"window": 3},
}  # fmt: skip


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    """The configuration of a model in which every stage has something to do, and which the local engine has made."""
    config = small_model(tmp_path_factory.mktemp("local"), n_assets=24, n_dates=34)
    body, folder = yaml.safe_load(config.read_text()), config.parent
    body["sources"]["prices"] = body["sources"]["panel"]
    body["sources"]["books"] = {"path": "books.csv"}
    body["descriptors"] = {"prices": WINDOWS}
    body["factors"][2] = {"styles": {"size": {}, "beta": {"missing": "regress"}}}
    config.write_text(yaml.safe_dump(body))
    panel = pq.read_table(folder / "panel.parquet", columns=["date", "asset_id"]).to_pylist()
    assets = sorted({row["asset_id"] for row in panel if row["asset_id"]})[:4]
    day = max(row["date"] for row in panel if row["date"])
    rows = "".join(f"FUND,{day},{asset},0.25\n" for asset in assets)
    (folder / "books.csv").write_text("portfolio,date,asset_id,weight\n" + rows)
    done = run("run", "--config", config)
    assert done.returncode == 0, done.stderr
    assert "nothing to do" not in done.stderr
    return config


def test_the_jobs_of_the_stages_one_after_the_other_are_a_run(package, local, tmp_path):
    here = Place("local[2]", tmp_path, package)
    arguments = ("--config", local, "--set", f"lake={tmp_path / 'lake'}")
    for stage in STAGES:
        assert "nothing to do" not in here.submit(stage, *arguments).finish(), stage
    assert differences(tmp_path / "lake", local.parent / "lake") == []
    assert here.submit("run_model", *arguments).finish().count("nothing to do") == len(STAGES)
    assert "forecasts are too few for a verdict" in here.submit("evaluate", *arguments).finish()


def test_executors_take_a_packed_environment_and_the_package_from_the_job(cluster, local, tmp_path):
    pinned = [f"{name}=={version(name)}" for name in ON_EXECUTORS]
    packed = tmp_path / "executors.tar.gz"
    tools = environment("executors", *pinned, "venv-pack==0.2.0", "setuptools<81")  # venv-pack imports pkg_resources
    subprocess.run([tools / "python", "-m", "venv_pack", "-p", tools.parent, "--compress-level", "1", "-o", packed], check=True)
    submitted = cluster.submit(
        "run_model", "--config", local, "--set", f"lake={tmp_path / 'lake'}",
        archives=f"{packed}#environment", executors="./environment/bin/python",
    )  # fmt: skip
    submitted.finish()
    assert list((cluster.folder / "work").glob("app-*/*/environment/bin/python"))
    assert differences(tmp_path / "lake", local.parent / "lake") == []
