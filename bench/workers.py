"""Regress and risk on a standalone cluster, by one worker and by two; and a first run on the local engine, likewise.

A worker of one core has one: it, its executors and their Python are held to a processor of their own. Spark's `cores` alone only
counts tasks, and a single task keeps two processors busy, one in the JVM and one in Python.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.data import panel_of
from bench.fresh import run_command
from bench.measure import Cost
from bench.sizes import SIZES, write_config
from deltalake import DeltaTable

from sigmalake.cli.setup.runtime import delta_jars, find_java

ROOT = Path(__file__).parents[1]
STAGES = ("regress", "risk")


def worker_runs(size_name: str, cache: Path) -> dict[str, dict[str, float]]:
    """Seconds of each stage, as `runs` has them (without the session's start), by the number of workers."""
    size, folder = SIZES[size_name], cache / "workers" / size_name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    lake = folder / "lake"
    config = write_config(folder / "model.yaml", size, panel=panel_of(size, cache), lake=lake)
    run_command(folder, "ingest", "--config", config, "--engine", "spark")
    panel = {path.name for path in lake.iterdir()}
    found = {}
    with _cluster(folder / "cluster") as url:
        for workers in (1, 2):
            for stage in STAGES:
                _run([*_submit(url, workers), ROOT / "jobs" / f"{stage}.py", "--config", config], folder)
            found[str(workers)] = _seconds(lake)
            for path in lake.iterdir():
                if path.name not in panel:
                    shutil.rmtree(path)
    shutil.rmtree(folder)
    return found


def local_workers(size_name: str, cache: Path) -> dict[str, Cost]:
    """What a first run costs on the local engine, by the number of workers."""
    size, folder = SIZES[size_name], cache / "workers" / f"{size_name}-local"
    found = {}
    for workers in ("1", "2"):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        config = write_config(folder / "model.yaml", size, panel=panel_of(size, cache), lake=folder / "lake")
        found[workers] = run_command(folder, "run", "--config", config, "--engine", "local", "--set", f"local.workers={workers}")
    shutil.rmtree(folder)
    return found


def _hold(pid: int, processor: int) -> None:
    """Hold a process to a processor: every thread, from which those to come and their children take it over."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), {processor})


def _seconds(lake: Path) -> dict[str, float]:
    rows = DeltaTable(lake / "runs").to_pyarrow_table(columns=["stage", "started_at", "seconds"]).sort_by("started_at").to_pylist()
    return {row["stage"]: row["seconds"] for row in rows if row["stage"] in STAGES}  # the last of each


def _run(command: list[str | Path], folder: Path) -> None:
    with (folder / "log").open("w") as said:
        done = subprocess.run(list(map(str, command)), stdout=said, stderr=subprocess.STDOUT, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"exit code {done.returncode}: {(folder / 'log').read_text()[-2000:]}")


def _submit(url: str, workers: int) -> list[str | Path]:
    settings = {
        "spark.cores.max": workers, "spark.executor.memory": "1g", "spark.driver.memory": "3g",
        "spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1", "spark.ui.enabled": "false",
    }  # fmt: skip
    packaged = subprocess.run([ROOT / "scripts" / "package"], capture_output=True, text=True, check=True)
    zipped = next(line for line in packaged.stdout.splitlines() if line.endswith(".zip"))
    given = [part for key, value in settings.items() for part in ("--conf", f"{key}={value}")]
    jars = ",".join(map(str, delta_jars()))
    return [Path(sys.executable).parent / "spark-submit", "--master", url, "--jars", jars, "--py-files", zipped, *given]


@contextmanager
def _cluster(folder: Path) -> Iterator[str]:
    os.environ |= {
        "JAVA_HOME": str(find_java()), "PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1",
        "SIGMALAKE_CLUSTER_DIR": str(folder),
    }  # fmt: skip
    script = ROOT / "scripts" / "cluster"
    url = subprocess.run([script, "start"], capture_output=True, text=True, check=True).stdout.strip()
    try:
        for number, processor in enumerate(sorted(os.sched_getaffinity(0))[:2], start=1):
            _hold(int((folder / f"worker-{number}.pid").read_text()), processor)
        yield url
    finally:  # what is left running would be waited for
        subprocess.run([script, "stop"], capture_output=True, check=True)
