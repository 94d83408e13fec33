"""Jobs by spark-submit, and a standalone cluster on this machine that they may be submitted to."""

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from sigmalake.cli.setup.runtime import delta_jars, find_java

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


class Place:
    """A master of Spark, and what is submitted to it."""

    def __init__(self, url: str, folder: Path, package: Path) -> None:
        self.url, self.folder, self._package, self._submitted = url, folder, package, 0

    def submit(self, job: str, *arguments: str | Path, archives: str = "", executors: str = sys.executable) -> Submitted:
        """A job of jobs/, with the archives that executors unpack, and the Python of theirs."""
        given = [part for key, value in SETTINGS.items() for part in ("--conf", f"{key}={value}")]
        given += ["--archives", archives] if archives else []
        submit = Path(sys.executable).parent / "spark-submit"
        jars = ",".join(map(str, delta_jars()))
        call = [submit, "--master", self.url, "--jars", jars, "--py-files", self._package, *given, ROOT / "jobs" / f"{job}.py"]
        pythons = {"PYSPARK_PYTHON": executors, "PYSPARK_DRIVER_PYTHON": sys.executable}
        environment = {**os.environ, **pythons, "JAVA_HOME": str(find_java()), "SPARK_LOCAL_IP": "127.0.0.1"}
        self._submitted += 1
        log = self.folder / f"submitted-{self._submitted}.log"
        with log.open("w") as said:
            process = subprocess.Popen([*call, *arguments], env=environment, stdout=said, stderr=subprocess.STDOUT, text=True)
        return Submitted(process, log)


@pytest.fixture(scope="session")
def package() -> Path:
    """What --py-files brings to executors."""
    packaged = subprocess.run([ROOT / "scripts" / "package"], capture_output=True, text=True, check=True)
    return next(Path(line) for line in packaged.stdout.splitlines() if line.endswith(".zip"))


@pytest.fixture(scope="module")
def cluster(package, tmp_path_factory):
    folder = tmp_path_factory.mktemp("cluster")
    environment = {**os.environ, "SIGMALAKE_CLUSTER_DIR": str(folder)}
    started = subprocess.run([ROOT / "scripts" / "cluster", "start"], capture_output=True, text=True, check=True, env=environment)
    yield Place(started.stdout.strip(), folder, package)
    subprocess.run([ROOT / "scripts" / "cluster", "stop"], capture_output=True, check=True, env=environment)
