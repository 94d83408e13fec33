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
STAGES = ("ingest", "regress", "risk", "covariance", "release")


def fresh_runs(size_name: str, cache: Path) -> dict[str, Cost]:
    """What `sigmalake run` costs: from nothing to the day before the last, again, and when the last day's file has come."""
    size, folder = SIZES[size_name], cache / "fresh" / size_name
    shutil.rmtree(folder, ignore_errors=True)
    newest = _without_last_day(panel_of(size, cache), folder / "panel")
    config = write_config(folder / "model.yaml", size, panel=folder / "panel", lake=folder / "lake")
    costs = {"first run": _run(config), "nothing to do": _run(config)}
    pq.write_table(newest, folder / "panel" / "newest.parquet")
    costs["one more day"] = _run(config)
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


def _without_last_day(panel: Path, to: Path) -> pa.Table:
    """The panel's files, but the last date's rows, which come back."""
    to.mkdir(parents=True)
    *months, last = sorted(panel.glob("*.parquet"))
    for month in months:
        os.link(month, to / month.name)
    rows = pq.read_table(last)
    newest = pc.max(rows.column("date"))
    pq.write_table(rows.filter(pc.less(rows.column("date"), newest)), to / last.name)
    return rows.filter(pc.equal(rows.column("date"), newest))
