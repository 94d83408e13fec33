"""What can be measured: each part gives what it found as values of JSON, and may be measured without the others."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from bench.data import panel_of
from bench.fresh import DAYS, demo_cost, fresh_runs, fresh_stages, help_cost, must_run, wide_run
from bench.market import market_runs
from bench.measure import Cost
from bench.peers_beside import DATES, ONE_THREAD, run_peer
from bench.sizes import SIZES
from bench.workers import local_workers, worker_runs

ROOT = Path(__file__).parents[1]
KERNEL_DATES = 100
SCALED = ("small", "five-years", "half-assets", "ten-years")  # beside the smallest, whose costs are the fixed ones


class Asked(NamedTuple):
    """What is to be measured."""

    size: str
    engines: list[str]
    cache: Path
    quick: bool

    @property
    def sizes(self) -> list[str]:
        """The size asked for, and the smallest, whose cost is the fixed one."""
        return list(dict.fromkeys([self.size, "tiny"]))

    @property
    def days(self) -> int:
        """One more day is measured on so many."""
        return 1 if self.quick else DAYS


def limit(_asked: Asked) -> Any:
    """The regression of generated dates beside the bare minimum, wall seconds."""
    return [json.loads(line) for line in _single_threaded("bench.limit").splitlines()]


def stages(asked: Asked) -> Any:
    """By size and engine, each stage in a warm process; on Spark beside its floor."""
    found = {size: {engine: _warm(asked, engine, size) for engine in asked.engines} for size in [asked.size]}
    if "local" in asked.engines and "tiny" not in found:
        found["tiny"] = {"local": _warm(asked, "local", "tiny")}
    return found


def variants(asked: Asked) -> Any:
    """By engine, risk of every date by each variant."""
    return {engine: _warm(asked, engine, asked.size, "variants") for engine in asked.engines}


def fresh(asked: Asked) -> Any:
    """By size and engine, what `sigmalake run` costs."""
    return {size: _fresh(asked, size) for size in asked.sizes}


def scaling(asked: Asked) -> Any:
    """The same of the other sizes."""
    return {size: _fresh(asked, size) for size in SCALED if size not in asked.sizes}


def commands(asked: Asked) -> Any:
    """By engine each stage as a command of its own; help, the demonstration."""
    found: dict[str, Any] = {engine: _costs(fresh_stages(asked.size, asked.cache, engine)) for engine in asked.engines}
    return {**found, "help": asdict(help_cost(asked.cache)), "demo": asdict(demo_cost(asked.cache))}


def peers(asked: Asked) -> Any:
    """By size the regression of a lake's dates in memory, and what peers take for the same panel."""
    return {size: {"ours": _kernel(asked, size), "peers": _peers(asked, size)} for size in asked.sizes}


def market(asked: Asked) -> Any:
    """A daily market of 470 stocks beside a script of pandas, and `fit`."""
    return market_runs(asked.cache, asked.engines)


def wide(asked: Asked) -> Any:
    """10,000 assets in a heap of 2 GB."""
    return asdict(wide_run(asked.cache))


def workers(asked: Asked) -> Any:
    """One worker and two: of a cluster at this size and the smallest, and of the local engine."""
    found: dict[str, Any] = {}
    if "spark" in asked.engines:
        found["spark"] = {size: worker_runs(size, asked.cache) for size in asked.sizes}
    if "local" in asked.engines:
        found["local"] = _costs(local_workers(asked.size, asked.cache))
    return found


def tests(asked: Asked) -> Any:
    """`scripts/test quick` and whole."""
    return {scope: asdict(must_run([ROOT / "scripts" / "test", scope], asked.cache)) for scope in ("quick", "all")}


PARTS: Mapping[str, Callable[[Asked], Any]] = {
    part.__name__: part for part in (limit, stages, fresh, commands, peers, market, variants, scaling, wide, tests, workers)
}
QUICK = ("limit", "stages", "fresh", "peers", "market")


def _fresh(asked: Asked, size: str) -> dict[str, Any]:
    return {engine: _costs(fresh_runs(size, asked.cache, engine, asked.days)) for engine in asked.engines}


def _warm(asked: Asked, engine: str, size: str, *what: str) -> Any:
    out = asked.cache / "stages.json"
    must_run([sys.executable, "-m", "bench.warm", engine, size, asked.cache, out, *what], asked.cache)
    return json.loads(out.read_text())


def _kernel(asked: Asked, size: str) -> Any:
    lakes = [asked.cache / "lakes" / f"{size}-{engine}" / "lake" for engine in asked.engines]
    lake = next((lake for lake in lakes if (lake / "panel").exists()), None)
    if lake is None:
        return {"error": "there is no lake of this size: measure the part `stages` first"}
    return json.loads(_single_threaded("bench.kernel", str(lake), str(KERNEL_DATES)))


def _peers(asked: Asked, size: str) -> list[Any]:
    panel, n_dates = panel_of(SIZES[size], asked.cache), SIZES[size].n_dates
    jobs = [(peer, "regress", n) for peer, n in DATES.items()] + [("skfolio", "risk", DATES["skfolio"])]
    jobs.append(("riskprism", "risk", DATES["riskprism"]))
    if n_dates > DATES["skfolio"]:  # all at once, as it takes them
        jobs.append(("skfolio", "regress", n_dates))
    return [run_peer(peer, stage, panel.parent, asked.cache, n_dates=n) for peer, stage, n in jobs]


def _single_threaded(module: str, *arguments: str) -> str:
    call = [sys.executable, "-m", module, *arguments]
    return subprocess.run(call, capture_output=True, text=True, check=True, env={**os.environ, **ONE_THREAD}).stdout


def _costs(runs: Mapping[str, Cost]) -> dict[str, Any]:
    return {name: asdict(cost) for name, cost in runs.items()}
