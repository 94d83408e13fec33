"""Whole commands in fresh processes: each stage, the first run, a run with nothing to do, one more day."""

import os
import shutil
import sys
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


def fresh_runs(size_name: str, cache: Path, n_days: int = DAYS) -> dict[str, Cost]:
    """What `sigmalake run` costs: from nothing to the last days, again, and as each of these days' files comes (the median)."""
    size, folder = SIZES[size_name], cache / "fresh" / size_name
    shutil.rmtree(folder, ignore_errors=True)
    newest = _without_last_days(panel_of(size, cache), folder / "panel", n_days)
    config = write_config(folder / "model.yaml", size, panel=folder / "panel", lake=folder / "lake")
    costs = {"first run": _run(config), "nothing to do": _run(config)}
    days = []
    for number, rows in enumerate(newest):
        pq.write_table(rows, folder / "panel" / f"newest-{number}.parquet")
        days.append(_run(config))
    costs["one more day"] = sorted(days, key=lambda cost: cost.cpu)[len(days) // 2]
    shutil.rmtree(folder)
    return costs


def fresh_stages(size_name: str, cache: Path) -> dict[str, Cost]:
    """What each stage costs as a command of its own, from nothing to a release."""
    size, folder = SIZES[size_name], cache / "fresh" / f"{size_name}-stages"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    config = write_config(folder / "model.yaml", size, panel=panel_of(size, cache), lake=folder / "lake")
    costs = {stage: _run(config, stage) for stage in STAGES}
    shutil.rmtree(folder)
    return costs


def wide_run(cache: Path) -> Cost:
    """Ingest, regress and risk of 10,000 assets, 150 industries and 40 styles in a heap of 2 GB, with default settings."""
    size, folder = SIZES["wide-many-factors"], cache / "fresh" / "wide"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    heap = {"spark.driver.memory": "2g"}
    panel = panel_of(size, cache)
    cost = _run(write_config(folder / "model.yaml", size, panel=panel, lake=folder / "lake", settings=heap, dense=False))
    shutil.rmtree(folder)
    return cost


def help_cost(cache: Path) -> Cost:
    """What `sigmalake --help` costs, after its bytecode has been made."""
    for _ in range(2):
        code, cost = run_measured([*COMMAND, "--help"], cache / "fresh.log")
    _refuse(code, cache / "fresh.log")
    return cost


def _run(config: Path, command: str = "run") -> Cost:
    log = config.with_name("run.log")
    code, cost = run_measured([*COMMAND, command, "--config", config], log)
    _refuse(code, log)
    return cost


def _refuse(code: int, log: Path) -> None:
    if code != 0:
        raise RuntimeError(f"exit code {code}: {log.read_text()[-2000:]}")


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
