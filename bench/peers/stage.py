"""A peer's stage, run once: read, prepare, compute, write, each timed, and one JSON line that says how it went."""

import argparse
import json
import resource
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

OOM_SCORE = Path("/proc/self/oom_score_adj")


class Selection(NamedTuple):
    """What of the panel a run takes."""

    path: Path  # a Parquet file or a folder of them
    n_dates: int | None  # the newest returns; None: all
    n_assets: int | None  # the first in the order of their names; None: all


class Stage(NamedTuple):
    """What a peer does, in four steps; each gets what the one before gave."""

    computes: str  # in words
    read: Callable[[Selection], Any]
    prepare: Callable[[Any], Any]  # into the peer's own format
    compute: Callable[[Any], Any]  # the peer's own work, nothing else
    write: Callable[[Any, Path], dict[str, int]]  # returns the sizes to report


def run(peer: str, stages: dict[str, Stage]) -> None:
    """Run the stage that the command line names, the first one by default.

    Prints seconds and CPU seconds a step, sizes, the peak of this process's memory; or the error and the step that met
    it, and exits 1. A process that the system kills for its memory prints nothing.
    """
    arguments = _arguments(peer, list(stages))
    if OOM_SCORE.exists():
        OOM_SCORE.write_text("1000")  # where memory runs out, nothing else is to be killed first
    stage = stages[arguments.stage]
    report: dict[str, Any] = {"peer": peer, "version": version(peer), "stage": arguments.stage, "computed": stage.computes}
    seconds: dict[str, float] = {}
    cpu_seconds: dict[str, float] = {}
    value: Any = Selection(arguments.data / "panel", arguments.dates, arguments.assets)
    arguments.out.mkdir(parents=True, exist_ok=True)
    steps = {"read": stage.read, "prepare": stage.prepare, "compute": stage.compute}
    steps["write"] = lambda results: stage.write(results, arguments.out)
    step = ""
    try:
        for step, work in steps.items():
            if step == "compute":
                work(value)  # once to warm up, as ours is measured
            wall, cpu = time.perf_counter(), time.process_time()
            value = work(value)
            seconds[step] = round(time.perf_counter() - wall, 4)
            cpu_seconds[step] = round(time.process_time() - cpu, 4)
        report |= value
    except Exception as error:  # a peer's failure is a result of the benchmark
        report |= {"error": f"{type(error).__name__}: {error}", "failed_in": step}
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps(report | {"seconds": seconds, "cpu_seconds": cpu_seconds, "peak_mb": peak_mb}))
    raise SystemExit(1 if "error" in report else 0)


def _arguments(peer: str, stages: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=f"Run {peer} on DATA/panel; results go to OUT as Parquet.")
    parser.add_argument("data", type=Path, metavar="DATA")
    parser.add_argument("out", type=Path, metavar="OUT")
    parser.add_argument("--stage", choices=stages, default=stages[0])
    parser.add_argument("--dates", type=int, metavar="N", help="only the newest N returns of each asset")
    parser.add_argument("--assets", type=int, metavar="N", help="only the first N assets in the order of their names")
    return parser.parse_args()
