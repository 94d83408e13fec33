"""Whole commands in fresh processes: the first run, a run with nothing to do, one more day, each stage, help, the demonstration."""

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from bench.data import panel_of
from bench.measure import Cost, run_measured
from bench.sizes import SIZES, write_config

COMMAND = [sys.executable, "-m", "sigmalake"]
DAYS = 3  # one more day is run on so many: it costs little beyond what starting a JVM costs, which is never twice the same
STAGES = ("ingest", "regress", "risk", "covariance", "release")


def fresh_runs(size_name: str, cache: Path, engine: str, n_days: int = DAYS) -> dict[str, Cost]:
    """What `sigmalake run` costs: from nothing to the last days, again, and as each of these days' files comes (the median)."""
    size, folder = SIZES[size_name], cache / "fresh" / f"{size_name}-{engine}"
    shutil.rmtree(folder, ignore_errors=True)
    newest = _without_last_days(panel_of(size, cache), folder / "panel", n_days)
    config = write_config(folder / "model.yaml", size, panel=folder / "panel", lake=folder / "lake")
    arguments = ["run", "--config", config, "--engine", engine]
    costs = {name: run_command(folder, *arguments) for name in ("first run", "nothing to do")}
    days = []
    for number, rows in enumerate(newest):
        pq.write_table(rows, folder / "panel" / f"newest-{number}.parquet")
        days.append(run_command(folder, *arguments))
    costs["one more day"] = sorted(days, key=lambda cost: cost.cpu)[len(days) // 2]
    shutil.rmtree(folder)
    return costs


def fresh_stages(size_name: str, cache: Path, engine: str) -> dict[str, Cost]:
    """What each stage costs as a command of its own, from nothing to a release."""
    size, folder = SIZES[size_name], cache / "fresh" / f"{size_name}-{engine}-stages"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    config = write_config(folder / "model.yaml", size, panel=panel_of(size, cache), lake=folder / "lake")
    costs = {stage: run_command(folder, stage, "--config", config, "--engine", engine) for stage in STAGES}
    shutil.rmtree(folder)
    return costs


def wide_run(cache: Path) -> Cost:
    """Ingest, regress and risk of 10,000 assets, 150 industries and 40 styles in a heap of 2 GB, with default settings."""
    size, folder = SIZES["wide-many-factors"], cache / "fresh" / "wide"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    heap = {"spark.driver.memory": "2g"}
    panel = panel_of(size, cache)
    config = write_config(folder / "model.yaml", size, panel=panel, lake=folder / "lake", settings=heap, dense=False)
    cost = run_command(folder, "run", "--config", config, "--engine", "spark")
    shutil.rmtree(folder)
    return cost


def help_cost(cache: Path) -> Cost:
    """What `sigmalake --help` costs, after its bytecode has been made."""
    run_command(cache, "--help")
    return run_command(cache, "--help")


def demo_cost(cache: Path) -> Cost:
    """What `scripts/demo --engine local` costs after set-up, the market being generated anew."""
    folder = cache / "fresh" / "demo"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    cost = run_command(folder, "demo", folder / "lakes", "--engine", "local")
    shutil.rmtree(folder)
    return cost


def run_command(folder: Path, *arguments: str | Path) -> Cost:
    """What a command of ours costs; its output goes to a file of the folder.

    Raises:
        RuntimeError: it failed.
    """
    return must_run([*COMMAND, *arguments], folder)


def must_run(command: Sequence[str | Path], folder: Path) -> Cost:
    """What any command costs, likewise."""
    log = folder / "run.log"
    code, cost = run_measured(command, log)
    if code != 0:
        raise RuntimeError(f"exit code {code}: {log.read_text()[-2000:]}")
    return cost


def _without_last_days(panel: Path, to: Path, n_days: int) -> list[pa.Table]:
    """The panel's files, but the rows of the last dates, which come back date by date."""
    to.mkdir(parents=True)
    *months, last = sorted(panel.glob("*.parquet"))
    for month in months:
        os.link(month, to / month.name)
    rows = pq.read_table(last)
    newest = sorted(pc.unique(rows.column("date")).to_pylist())[-n_days:]
    pq.write_table(rows.filter(pc.field("date") < newest[0]), to / last.name)
    return [rows.filter(pc.field("date") == day) for day in newest]
