"""The job on a real standalone cluster: a master and two workers on this machine, spark-submit, several processes."""

import os
import runpy
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pytest

from lakes import differences
from processes import run, small_model
from sigmalake.cli.setup.runtime import delta_jars, find_java

pytestmark = pytest.mark.cluster

ROOT = Path(__file__).parents[2]

SETTINGS = {
    "spark.executor.memory": "1g",
    "spark.driver.memory": "1g",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.ui.enabled": "false",
    "spark.sql.shuffle.partitions": "4",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",  # short jobs: C1 alone starts sooner
    "spark.executor.extraJavaOptions": "-XX:TieredStopAtLevel=1",
}


class Submitted(NamedTuple):
    """A job on its way; what it says goes to a file, as nobody reads a pipe while a test waits for tables."""

    process: subprocess.Popen[str]
    log: Path

    def finish(self) -> str:
        assert self.process.wait(timeout=420) == 0, self.log.read_text()[-4000:]
        return self.log.read_text()


class Cluster:
    """A running cluster, and what is submitted to it."""

    def __init__(self, url: str, folder: Path, package: Path) -> None:
        self.url, self.folder, self._package, self._submitted = url, folder, package, 0

    def submit(self, job: str, *arguments: str | Path) -> Submitted:
        given = [part for key, value in SETTINGS.items() for part in ("--conf", f"{key}={value}")]
        submit = Path(sys.executable).parent / "spark-submit"
        jars = ",".join(map(str, delta_jars()))
        call = [submit, "--master", self.url, "--jars", jars, "--py-files", self._package, *given, ROOT / "jobs" / f"{job}.py"]
        own = {"JAVA_HOME": str(find_java()), "PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
        self._submitted += 1
        log = self.folder / f"submitted-{self._submitted}.log"
        with log.open("w") as said:
            environment = {**os.environ, **own}
            process = subprocess.Popen([*call, *arguments], env=environment, stdout=said, stderr=subprocess.STDOUT, text=True)
        return Submitted(process, log)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cluster")
    environment = {**os.environ, "SIGMALAKE_CLUSTER_DIR": str(folder)}
    packaged = subprocess.run([ROOT / "scripts" / "package"], capture_output=True, text=True, check=True)
    package = next(Path(line) for line in packaged.stdout.splitlines() if line.endswith(".zip"))
    started = subprocess.run([ROOT / "scripts" / "cluster", "start"], capture_output=True, text=True, check=True, env=environment)
    yield Cluster(started.stdout.strip(), folder, package)
    subprocess.run([ROOT / "scripts" / "cluster", "stop"], capture_output=True, check=True, env=environment)


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
