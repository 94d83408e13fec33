"""A child of the benchmark: the stages of a size in one warm process, on Spark each beside its floor.

    python -m bench.warm ENGINE SIZE CACHE OUT.json [STAGE... | variants]

Everything is done once at the smallest size before it is measured.
"""

import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from bench.lakes import STAGES, BenchLake
from bench.measure import Cost, commits_in, count_events, measured
from bench.sizes import VARIANTS

from sigmalake.cli.setup.class_archive import archived_classes
from sigmalake.cli.setup.runtime import delta_jars, prepare_environment, quiet_jvm
from sigmalake.engines.engine import Engine
from sigmalake.engines.local.engine import LocalEngine
from sigmalake.engines.local.tables import LocalTables
from sigmalake.lake.folder import FolderTables
from sigmalake.lake.lake import Lake
from sigmalake.stages.regress import cross_section_bytes, panel_row_bytes

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

WARM_UP = "tiny"
ROUNDS, SHORT = 5, 3.0  # so often, where it takes less than so many seconds


class Warm(NamedTuple):
    """An engine that has started."""

    name: str
    open_engine: Callable[[str], Engine]
    spark: "SparkSession | None"
    events: Path | None  # where Spark's jobs and tasks are told


def local_engine(lake: str) -> Engine:
    """The local engine with a worker a core."""
    return LocalEngine(LocalTables(lake, None))


@contextmanager
def started(engine: str, cache: Path) -> Iterator[Warm]:
    """The engine; of Spark a session that tells its events."""
    if engine == "local":
        yield Warm(engine, local_engine, None, None)
        return
    from sigmalake.engines.spark.engine import SparkEngine
    from sigmalake.engines.spark.session import local_session, prepare

    prepare_environment()
    events = cache / "events" / f"{time.time():.0f}"
    events.mkdir(parents=True)
    logged = {"spark.eventLog.enabled": True, "spark.eventLog.compress": False, "spark.eventLog.dir": events.as_uri()}
    counted = {"spark.hadoop.parquet.hadoop.vectored.io.enabled": False}  # Spark does not count what is read otherwise
    settings = {**logged, **counted, "spark.local.dir": str(cache / "spark")}
    with quiet_jvm(cache / "warm.log"):
        spark = local_session(delta_jars(), settings, archived_classes(delta_jars()))

    def open_engine(lake: str) -> Engine:
        prepare(spark, settings)  # as a run of its own finds them: a floor or a stage before has set the rows a batch
        return SparkEngine(spark, lake)

    yield Warm(engine, open_engine, spark, events)
    spark.stop()
    shutil.rmtree(events, ignore_errors=True)


def floor(spark: "SparkSession", bench: BenchLake, name: str) -> None:
    """Do what the stage cannot do without."""
    from bench.floors import covariance_floor, ingest_floor, regress_floor, risk_floor

    to, size, read = bench.folder / "floor", bench.size, Lake(FolderTables(str(bench.lake)))
    shutil.rmtree(to, ignore_errors=True)
    if name == "ingest":
        ingest_floor(spark, bench.panel, to, size, max(4, size.n_dates // 64))
    elif name == "regress":
        regress_floor(spark, bench.lake, to, size, panel_row_bytes(read))
    elif name == "risk":
        risk_floor(spark, bench.lake, to, size, cross_section_bytes(read))
    else:
        covariance_floor(spark, to, size.n_assets)
    shutil.rmtree(to, ignore_errors=True)


def costed(work: Callable[[], None], events: Path | None, lake: Path) -> Cost:
    """What a piece of work costs."""
    cost, commits, since = Cost(), commits_in(lake), time.time()
    with measured(cost):
        work()
    if events is not None:
        count_events(events, since, time.time(), cost)
    cost.commits = commits_in(lake) - commits
    return cost


def measure_stages(warm: Warm, bench: BenchLake, stages: list[str]) -> dict[str, Any]:
    """What each stage costs, and its floor on Spark; of short ones the median of several."""
    found: dict[str, Any] = {}
    for name in stages:
        works = {"stage": partial(bench.stage, name)}
        if warm.spark is not None:
            works = {"floor": partial(floor, warm.spark, bench, name), **works}
        rounds: list[dict[str, Cost]] = []
        while len(rounds) < ROUNDS and all(cost.wall < SHORT for cost in (rounds[0] if rounds else {}).values()):
            bench.forget(name)
            rounds.append({what: costed(work, warm.events, bench.lake) for what, work in works.items()})
        found[name] = {what: asdict(sorted((one[what] for one in rounds), key=_cpu)[len(rounds) // 2]) for what in works}
        print(warm.name, name, {what: round(cost["cpu"], 1) for what, cost in found[name].items()}, file=sys.stderr)
    return found


def _cpu(cost: Cost) -> float:
    return cost.cpu


def measure_variants(warm: Warm, small: BenchLake, bench: BenchLake) -> dict[str, Any]:
    """The stage `risk` by each variant, the regressions being there."""
    found: dict[str, Any] = {}
    if not (bench.lake / "cross_sections").exists():
        bench.forget("ingest")
        bench.stage("ingest")
        bench.stage("regress")
    for variant in VARIANTS:
        for of_size in (small, bench):
            of_size.forget("risk")
            of_size.use(variant)
            cost = costed(partial(of_size.stage, "risk"), warm.events, of_size.lake)
        found[variant] = asdict(cost)
        print(warm.name, variant, {name: round(value, 1) for name, value in found[variant].items()}, file=sys.stderr)
    return found


def main(engine: str, size_name: str, cache: Path, out: Path, asked: list[str]) -> None:
    """Warm up, measure and write what was found."""
    with started(engine, cache) as warm:
        small = BenchLake(WARM_UP, cache, f"{engine}-warm", warm.open_engine)
        small.forget("ingest")
        for name in STAGES:
            small.stage(name)
            if warm.spark is not None:
                floor(warm.spark, small, name)
        bench = BenchLake(size_name, cache, engine, warm.open_engine)
        variants = asked == ["variants"]
        found = measure_variants(warm, small, bench) if variants else measure_stages(warm, bench, asked or list(STAGES))
        out.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    _, engine_asked, size_asked, cache_asked, out_asked, *what = sys.argv
    main(engine_asked, size_asked, Path(cache_asked), Path(out_asked), what)
