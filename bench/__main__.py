"""scripts/bench: stages beside their floors, whole runs in fresh processes, peers on the same data; a table, JSON, Markdown."""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.data import panel_of
from bench.fresh import DAYS, fresh_runs, fresh_stages, help_cost, wide_run
from bench.measure import Cost, adopt_orphans, run_measured
from bench.peers_beside import DATES, ONE_THREAD, run_peer
from bench.report import as_markdown
from bench.sizes import SIZES
from bench.workers import worker_runs

KERNEL_DATES = 100
PARTS = ("stages", "fresh", "peers")
MORE = ("variants", "scaling", "wide", "workers")  # asked for by name: they take another half hour
SCALED = ("tiny", "five-years", "half-assets", "ten-years")


def main() -> None:
    """Measure what was asked for."""
    asked = _arguments()
    size_name = "tiny" if asked.quick else asked.size
    cache = Path(os.environ.get("SIGMALAKE_BENCH", Path.home() / ".cache" / "sigmalake-bench"))
    cache.mkdir(parents=True, exist_ok=True)
    adopt_orphans()
    found: dict[str, Any] = {"size": size_name, "panel": SIZES[size_name]._asdict(), "machine": _machine()}
    panel = panel_of(SIZES[size_name], cache)
    if "stages" in asked.parts:
        found["stages"] = _warm(size_name, cache)
    if "variants" in asked.parts:
        found["variants"] = _warm(size_name, cache, "variants")
    if "fresh" in asked.parts:
        found["fresh"] = _costs(fresh_runs(size_name, cache, 1 if asked.quick else DAYS))
        if not asked.quick:
            found["fresh_stages"] = _costs(fresh_stages(size_name, cache))
        if size_name != "tiny":
            found["fixed"] = _costs(fresh_runs("tiny", cache))
        found["help"] = asdict(help_cost(cache))
    if "scaling" in asked.parts:
        found["scaling"] = {name: _costs(fresh_runs(name, cache)) for name in SCALED}
    if "wide" in asked.parts:
        found["wide"] = asdict(wide_run(cache))
    if "workers" in asked.parts:
        found["workers"] = worker_runs(size_name, cache)
    if "peers" in asked.parts:
        found["kernel"] = _kernel(cache / "lakes" / size_name / "lake")
        dates = dict.fromkeys(DATES, 60) if asked.quick else DATES
        found["peers"] = [run_peer(peer, "regress", panel.parent, cache, n_dates=n) for peer, n in dates.items()]
        found["peers"].append(run_peer("skfolio", "risk", panel.parent, cache, n_dates=dates["skfolio"]))
        if (n_dates := SIZES[size_name].n_dates) > DATES["skfolio"]:  # all at once, as it takes them
            found["peers"].append(run_peer("skfolio", "regress", panel.parent, cache, n_dates=n_dates))
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / f"{size_name}.json").write_text(json.dumps(found, indent=1))
    page = as_markdown(found)
    (asked.out / f"{size_name}.md").write_text(page)
    print(page)


def _costs(runs: Mapping[str, Cost]) -> dict[str, Any]:
    return {name: asdict(cost) for name, cost in runs.items()}


def _warm(size_name: str, cache: Path, *what: str) -> Any:
    out, log = cache / "stages.json", cache / "stages.log"
    code, _ = run_measured([sys.executable, "-m", "bench.warm", size_name, "tiny", cache, out, *what], log)
    if code != 0:
        raise RuntimeError(f"the stages ended with {code}: {log.read_text()[-2000:]}")
    return json.loads(out.read_text())


def _kernel(lake: Path) -> Any:
    call = [sys.executable, "-m", "bench.kernel", str(lake), str(KERNEL_DATES)]
    done = subprocess.run(call, capture_output=True, text=True, check=False, env={**os.environ, **ONE_THREAD})
    return json.loads(done.stdout) if done.returncode == 0 else {"error": done.stderr.strip().splitlines()[-1]}


def _machine() -> dict[str, Any]:
    memory = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemTotal"))
    return {"cores": len(os.sched_getaffinity(0)), "memory_gb": round(int(memory.split()[1]) / 2**20, 1)}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--size", choices=list(SIZES), default="ten-years")
    parser.add_argument("--quick", action="store_true", help="the smallest size: three minutes")
    parser.add_argument("--parts", nargs="+", choices=PARTS + MORE, default=list(PARTS))
    parser.add_argument("--out", type=Path, default=Path("bench-results"), help="where the JSON and the Markdown go")
    return parser.parse_args()


if __name__ == "__main__":
    main()
