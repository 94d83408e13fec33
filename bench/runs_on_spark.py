"""First runs on a local Spark session at three sizes, each told by its event log: what the driver did, and what tasks did.

    python -m bench.runs_on_spark CACHE OUT.json

One session, warmed up at the smallest size. Seconds of tasks are those of the log, from launch to end, so that they hold
whatever else the machine does. CPU seconds are counted beside them: of the JVM's tasks by the log, of Python's workers and of
the whole by the system.
"""

import json
import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any

from bench.data import panel_of
from bench.event_log import read_events
from bench.measure import cpu_by_process
from bench.sizes import Size, write_config
from bench.warm import Warm, started

from sigmalake.config.model import load_config
from sigmalake.stages.context import new_run_id, writing
from sigmalake.stages.run import run_stage

GROWING = (Size(126, 300), Size(252, 400), Size(252, 1000))
STAGES = ("ingest", "regress", "risk")


def run_of(warm: Warm, size: Size, cache: Path) -> dict[str, Any]:
    """What each stage of a first run costs."""
    folder = cache / "growing" / "-".join(map(str, size))
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    config = load_config(write_config(folder / "model.yaml", size, panel=panel_of(size, cache), lake=folder / "lake"))
    found: dict[str, Any] = {"size": size._asdict(), "stages": {}}
    for stage in STAGES:
        engine, since, spent = warm.open_engine(config.lake), time.time(), dict[int, tuple[str, float]]()
        with cpu_by_process(spent):
            run_stage(writing(engine, config, new_run_id(), say=lambda text: print(text, file=sys.stderr)), stage)
        engine.close()
        until = time.time()
        time.sleep(1.0)  # the listener that writes the log is a thread of its own
        events = read_events(warm.events or cache, since, until)
        own = sum(seconds for pid, (name, seconds) in spent.items() if pid == os.getpid() or name == "java")
        python = sum(seconds for _, seconds in spent.values()) - own
        found["stages"][stage] = {
            "wall": until - since,
            "cpu": {"driver": own - events.jvm_cpu, "python_workers": python, "tasks_in_jvm": events.jvm_cpu},
            "began": since,
            "ended": until,
            "jobs": [job._asdict() for job in events.jobs],
            "spark_stages": [one._asdict() for one in events.stages.values()],
        }
        print(size, stage, found["stages"][stage]["cpu"], file=sys.stderr, flush=True)
    shutil.rmtree(folder / "lake", ignore_errors=True)
    return found


def main(cache: Path, out: Path) -> None:
    """Warm up, then run each size from an empty lake."""
    with started("spark", cache) as warm:
        run_of(warm, GROWING[0], cache)
        found = []
        for size in GROWING:
            found.append(run_of(warm, size, cache))
            out.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
