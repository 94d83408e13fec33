"""From runs at three small sizes to one large model on 8, 64 and 512 cores, by simulation.

    python -m bench.extrapolate RUNS.json DESCRIBED.json [--panel FILE...]

The schedule of each measured run, replayed on as many cores, has to take as long as it did. What a row costs is taken from a
size at which fixed costs are small, the driver's part from the small runs and from the plan, and the dates of real panels say
how uneven tasks are.
"""

import argparse
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
from bench.scheduling import Job, Schedule, Stage, simulate
from numpy.typing import NDArray

CORES = (8, 64, 512)
LAUNCH = 0.002  # seconds that a driver takes to launch a task; 500 tasks a second
READ_AT_ONCE, OPENING = 128 << 20, 4 << 20  # bytes: spark.sql.files.maxPartitionBytes and openCostInBytes
CPU_A_ROW = {"ingest": 7.2e-6, "regress": 6.1e-6, "risk": 5.9e-6}  # seconds on Spark, at 2,520 dates x 3,000 assets: docs/scale.md
ROWS_EACH = {"ingest": 1, "regress": 1, "risk": 3}  # variants of the large model for one of the measured runs


def replayed(stage: dict[str, Any], cores: int) -> Schedule:
    """A measured stage of the model, its tasks and the driver's gaps as they were, on some cores."""
    jobs = sorted(stage["jobs"], key=lambda job: job["began"])
    spark_stages = {one["stage"]: Stage(tuple(one["parents"]), one["tasks"]) for one in stage["spark_stages"]}
    found = []
    for job in jobs:
        before = [(other["ended"], number) for number, other in enumerate(jobs) if other["ended"] <= job["began"]]
        ended, after = max(before, default=(stage["began"], None))
        found.append(Job(after, job["began"] - ended, tuple(job["stages"])))
    last = max((job["ended"] for job in jobs), default=stage["began"])
    return simulate(found, spark_stages, stage["ended"] - last, cores)


def replay(run: dict[str, Any], cores: int) -> dict[str, float]:
    """A whole run as it was measured, and as its schedule says it on as many cores."""
    stages = run["stages"].values()
    found = [replayed(stage, cores) for stage in stages]
    return {
        "measured": sum(stage["wall"] for stage in stages),
        "replayed": sum(one.seconds for one in found),
        "no task ran": sum(one.driver for one in found),
        "critical path": sum(one.critical for one in found),
        **{f"cpu of {what}": sum(stage["cpu"][what] for stage in stages) for what in run["stages"]["ingest"]["cpu"]},
    }


def rows_by_date(file: Path) -> NDArray[np.float64]:
    """The rows of a real panel on each of its dates, in their order."""
    counts = pc.value_counts(pq.read_table(file, columns=["date"]).column("date"))
    rows: NDArray[np.float64] = counts.field("counts").take(pc.sort_indices(counts.field("values"))).to_numpy().astype(float)
    return rows


def unevenness(rows: NDArray[np.float64], dates_a_task: int) -> dict[str, float]:
    """The rows of a date, and of a task of some dates in a row, against their mean."""
    tasks = rows[: len(rows) // dates_a_task * dates_a_task].reshape(-1, dates_a_task).sum(axis=1)
    return {
        "dates": len(rows),
        "widest date": rows.max() / rows.mean(),
        "narrowest date": rows.min() / rows.mean(),
        "largest task": tasks.max() / tasks.mean(),
        "smallest task": tasks.min() / tasks.mean(),
    }


def tasks_of_files(n_files: int, file_bytes: float, cores: int) -> int:
    """Tasks that Spark reads files of one size with, by its defaults of 128 MB a task and 4 MB for opening a file."""
    a_core = n_files * (file_bytes + OPENING) / cores
    return -(-n_files // max(1, int(min(READ_AT_ONCE, max(OPENING, a_core)) // (file_bytes + OPENING))))


def read_share(run: dict[str, Any], stage: str) -> float:
    """Of the seconds of tasks, those of tasks that hand rows on to others."""
    told = run["stages"][stage]["spark_stages"]
    return float(sum(sum(one["tasks"]) for one in told if one["shuffled"]) / sum(sum(one["tasks"]) for one in told))


def large_run(
    runs: Sequence[dict[str, Any]], plan: dict[str, Any], growth: NDArray[np.float64], cores: int
) -> dict[str, dict[str, float]]:
    """Each stage of the large model on some cores: a stage of Spark's that reads, and one that computes what was handed on.

    Args:
        runs: at the small sizes.
        plan: of the large model.
        growth: rows by date, in proportion to which its tasks are uneven, from the first dates to the last.
        cores: at work at the same time.
    """
    rows, parts = plan["assets"] * plan["dates"], plan["ingest"]["parts"]
    reading = tasks_of_files(parts, plan["bytes of a file"], cores)
    n_tasks = {"ingest": (plan["source files"], parts), "regress": (0, reading), "risk": (reading, plan["risk"]["chunks"])}
    found = {}
    for stage, variants in ROWS_EACH.items():
        seconds = CPU_A_ROW[stage] * rows * variants
        first = read_share(runs[-1], stage) if n_tasks[stage][0] else 0.0
        of_stages = {
            number: Stage((0,) if number else (), list(_shared(seconds * share, n, growth)))
            for number, (share, n) in enumerate(zip((first, 1.0 - first), n_tasks[stage], strict=True))
        }
        driver = min(run["stages"][stage]["cpu"]["driver"] for run in runs) + plan["driver of"][stage]
        schedule = simulate([Job(None, driver, (0, 1))], of_stages, 0.0, cores, LAUNCH)
        largest = max(max(one.tasks, default=0.0) for one in of_stages.values())
        found[stage] = schedule._asdict() | {"tasks": sum(n_tasks[stage]), "task seconds": seconds, "largest task": largest}
    return found


def _shared(seconds: float, n_tasks: int, growth: NDArray[np.float64]) -> NDArray[np.float64]:
    """Seconds, shared among tasks in proportion to the rows of their dates."""
    rows = np.interp(np.linspace(0, 1, n_tasks), np.linspace(0, 1, len(growth)), growth)
    return seconds * rows / max(rows.sum(), 1.0)


def main() -> None:
    """Check, extrapolate, and print what was found as JSON."""
    parser = argparse.ArgumentParser(prog="bench.extrapolate", description=__doc__)
    parser.add_argument("runs", type=Path)
    parser.add_argument("described", type=Path)
    parser.add_argument("--panel", type=Path, nargs="*", default=[], help="real panels with a column `date`, Parquet")
    asked = parser.parse_args()
    runs, described = json.loads(asked.runs.read_text()), json.loads(asked.described.read_text())
    plan = {**described["plans"]["plain"], "assets": described["assets"]}
    plan["bytes of a file"] = described["widths"]["panel"]["bytes on disk"] * plan["ingest"]["dates a part"]
    here = len(os.sched_getaffinity(0))
    replays = {f"{run['size']['n_dates']} x {run['size']['n_assets']}": replay(run, here) for run in runs}
    steps = plan["driver"]
    plan["driver of"] = {stage: sum(step["cpu"] for name, step in steps.items() if name.startswith(stage)) for stage in ROWS_EACH}
    panels = {file.stem: rows_by_date(file) for file in asked.panel}
    even = {name: unevenness(rows, plan["ingest"]["dates a part"]) for name, rows in panels.items()}
    growth = panels[max(even, key=lambda name: even[name]["largest task"])] if even else np.ones(2)
    found = {
        "replayed schedules": replays, "unevenness of real panels": even,
        "large": {str(cores): large_run(runs, plan, growth, cores) for cores in CORES},
    }  # fmt: skip
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
