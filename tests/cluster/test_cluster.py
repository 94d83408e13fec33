"""The job on a real standalone cluster: a master and two workers on this machine, spark-submit, several processes."""

import os
import runpy
import subprocess
import time

import pytest

from cluster.conftest import ROOT
from lakes import differences
from processes import run, small_model

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    config = small_model(tmp_path_factory.mktemp("local"))
    done = run("run", "--config", config)
    assert done.returncode == 0, done.stderr
    return config


def test_the_cluster_writes_the_tables_of_the_local_run_though_a_worker_dies_and_a_second_run_nothing(cluster, local, tmp_path):
    arguments = ("--config", local, "--set", f"lake={tmp_path / 'lake'}")
    job = cluster.submit("run_model", *arguments)
    give_up = time.monotonic() + 300
    regressions = tmp_path / "lake" / "cross_sections"  # both workers have ingested by then
    while not list(regressions.glob("*.parquet")) and job.process.poll() is None and time.monotonic() < give_up:
        time.sleep(0.1)
    worker = int((cluster.folder / "worker-1.pid").read_text())
    for pid in [*_children(worker), worker]:
        os.kill(pid, 9)
    job.finish()
    assert differences(tmp_path / "lake", local.parent / "lake") == []
    assert cluster.submit("run_model", *arguments).finish().count("nothing to do") == 6


def _children(pid: int) -> list[int]:
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return [int(line) for line in listed.stdout.split()]


@pytest.mark.exhaustive  # a second cluster, which starts for one example
def test_the_example_of_the_gallery_gives_the_tables_of_the_local_engine_on_a_cluster(monkeypatch):
    gallery = ROOT / "examples/gallery"
    monkeypatch.chdir(gallery)
    lakes = runpy.run_path(str(gallery / "cluster.py"))["lakes"]
    assert list(lakes) == ["local engine", "cluster"]
    assert lakes["cluster"].equals(lakes["local engine"])
