"""scripts/validate --engines: models built by both engines, every table compared to the last bit.

Each model is built by the local engine and by Spark, from the same sources. One is changed then: a date removed, a date restated,
one appended. And a run is killed on one engine and finished by the other.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import yaml

from sigmalake.lake.comparison import differences, rows_by_key
from sigmalake.tables.catalogue import MODEL_TABLES

CONF = Path(__file__).parents[1] / "conf"
ENGINES = ("local", "spark")
VARIANTS = {
    "short": {"preset": "short"},
    "long": {"preset": "long"},
    "trading": {"preset": "trading"},
    "monthly": {"preset": "monthly_60", "frequency": "month"},
    "sample": {"factor_cov": {"estimator": "sample", "window": 60}, "specific_var": {"estimator": "sample", "window": 60}},
}


class Compared(NamedTuple):
    """A model that both engines built."""

    name: str
    seconds: dict[str, float]  # by engine
    n_tables: int
    differences: list[str]

    @property
    def text(self) -> str:
        """A line of the report."""
        took = ", ".join(f"{engine} {seconds:.1f} s" for engine, seconds in self.seconds.items())
        verdict = f"{self.n_tables} tables equal to the last bit" if not self.differences else "; ".join(self.differences)
        return f"{self.name}: {verdict} ({took})"


def compare_engines(data: Path | None) -> bool:
    """Print a line for each model; whether all are equal.

    Args:
        data: folder of `us_sp500_daily.parquet`, `us_sp500_mini.parquet` and `intl_weekly.parquet`; None: they are left out.
    """
    equal = True
    with TemporaryDirectory() as folder:
        for found in _compared(Path(folder), data):
            print(found.text, flush=True)
            equal &= not found.differences
    return equal


def _compared(folder: Path, data: Path | None) -> Iterator[Compared]:
    for name in ("country_usa", "litterman"):
        yield _by_both(name, _model(CONF / f"{name}.yaml"), folder)
    demo = _demo(folder / "demo")
    yield _by_both("demo", demo, folder)
    yield from _changed("demo, a date removed, one restated, one appended", demo, folder)
    yield from _killed("demo", demo, folder)
    presets = {"risk": VARIANTS, "covariance": {"variants": ["short"]}}
    yield _by_both("all presets on the demo's market", {**demo, **presets}, folder)
    if data is None:
        print("no folder of real panels: us_sp500 and world are left out", flush=True)
        return
    mini = _model(CONF / "us_sp500.yaml", data / "us_sp500_mini.parquet")
    by_day = {name: given for name, given in VARIANTS.items() if name != "monthly"}  # of 14 months there is no Sigma
    yield _by_both("us_sp500_mini, all daily presets", {**mini, **presets, "risk": by_day}, folder)
    yield _by_both("us_sp500_daily", _model(CONF / "us_sp500.yaml", data / "us_sp500_daily.parquet"), folder)
    world = _model(CONF / "world.yaml", data / "intl_weekly.parquet")
    world["factors"] = [factor for factor in world["factors"] if factor.get("membership") != "currency"]  # the panel has no column
    yield _by_both("world, intl_weekly", world, folder)


def _by_both(name: str, model: dict[str, Any], folder: Path) -> Compared:
    lakes = {engine: folder / f"{name}-{engine}" for engine in ENGINES}
    seconds = {engine: _run(model, engine, lake) for engine, lake in lakes.items()}
    return _difference(name, seconds, *lakes.values())


def _changed(name: str, demo: dict[str, Any], folder: Path) -> Iterator[Compared]:
    """The lakes of the demo, brought up to date with a panel of other dates; then a clean build of it."""
    path = Path(demo["sources"]["panel"]["path"])
    whole = pq.read_table(path)
    days = sorted(pc.unique(whole.column("date").drop_null()).to_pylist())
    try:
        pq.write_table(_without(whole, days[-1]), path)
        lakes = {engine: folder / f"changed-{engine}" for engine in ENGINES}
        for engine, lake in lakes.items():
            _run(demo, engine, lake)
        restated = pc.if_else(pc.fill_null(pc.equal(whole.column("date"), pa.scalar(days[-100])), False), 0.5, 1.0)
        rows = whole.set_column(whole.column_names.index("ret"), "ret", pc.multiply(whole.column("ret"), restated))
        pq.write_table(_without(rows, days[-50]), path)
        seconds = {engine: _run(demo, engine, lake) for engine, lake in lakes.items()}
        yield _difference(name, seconds, *lakes.values())
    finally:
        pq.write_table(whole, path)


def _killed(name: str, demo: dict[str, Any], folder: Path) -> Iterator[Compared]:
    """A run killed within risk on one engine, and finished by the other."""
    for first, then in (ENGINES, ENGINES[::-1]):
        lake = folder / f"killed-{first}"
        with subprocess.Popen(_command(demo, first, lake), stderr=subprocess.PIPE, text=True, start_new_session=True) as run:
            for line in run.stderr or ():
                if line.startswith("regress: cross-sections"):
                    time.sleep(0.3)
                    os.killpg(run.pid, signal.SIGKILL)
        if run.returncode != -signal.SIGKILL:
            raise RuntimeError(f"the run on {first} ended with {run.returncode} before it was killed")
        seconds = {then: _run(demo, then, lake)}
        yield _difference(f"{name}, killed on {first}, finished on {then}", seconds, lake, folder / f"{name}-{first}")


def _difference(name: str, seconds: dict[str, float], one: Path, other: Path) -> Compared:
    there = [table for table in MODEL_TABLES if rows_by_key(one, table) is not None]
    return Compared(name, seconds, len(there), differences(one, other, MODEL_TABLES))


def _run(model: dict[str, Any], engine: str, lake: Path) -> float:
    start = time.perf_counter()
    done = subprocess.run(_command(model, engine, lake), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{lake.name}: exit code {done.returncode}: {done.stderr[-2000:]}")
    return time.perf_counter() - start


def _command(model: dict[str, Any], engine: str, lake: Path) -> list[str]:
    config = lake.parent / f"{lake.name}.yaml"
    config.write_text(yaml.safe_dump({**model, "lake": str(lake)}))
    return [sys.executable, "-m", "sigmalake", "run", "--config", str(config), "--engine", engine, "--wait", "120"]


def _model(config: Path, panel: Path | None = None) -> dict[str, Any]:
    """A configuration with absolute paths, and another panel."""
    model: dict[str, Any] = yaml.safe_load(config.read_text())
    for name, source in model["sources"].items():
        given = panel if name == "panel" and panel is not None else Path(source["path"])
        source["path"] = str(config.parent / given)
    return model


def _demo(folder: Path) -> dict[str, Any]:
    subprocess.run([sys.executable, "-m", "sigmalake", "demo", str(folder), "--engine", "local"], capture_output=True, check=True)
    return _model(CONF / "demo.yaml", next(folder.rglob("panel.parquet")).resolve())


def _without(rows: pa.Table, day: object) -> pa.Table:
    return rows.filter(pc.fill_null(pc.not_equal(rows.column("date"), pa.scalar(day)), True))
