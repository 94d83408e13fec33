"""A child of the benchmark: every stage and its floor, side by side in one warm session.

    python -m bench.warm SIZE WARM_UP_SIZE CACHE OUT.json [STAGE... | variants]

The stages build the size's lake in the cache, or find it there, so that a single stage may be measured again.
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

from bench.data import panel_of
from bench.floors import covariance_floor, ingest_floor, regress_floor, risk_floor
from bench.measure import Cost, commits_in, count_events, measured
from bench.sizes import SIZES, VARIANTS, write_config
from pyspark.sql import SparkSession

from sigmalake.cli.setup.class_archive import archived_classes
from sigmalake.cli.setup.runtime import delta_jars, prepare_environment, quiet_jvm
from sigmalake.config.model import Config, load_config
from sigmalake.engines.spark.engine import SparkEngine
from sigmalake.engines.spark.session import local_session
from sigmalake.lake.folder import FolderTables
from sigmalake.lake.lake import Lake
from sigmalake.stages.context import new_run_id, writing
from sigmalake.stages.regress import cross_section_bytes, panel_row_bytes
from sigmalake.stages.run import run_stage

STAGES = ("ingest", "regress", "risk", "covariance")


class Bench:
    """A warm session, a size, and the costs found so far."""

    def __init__(self, spark: SparkSession, size_name: str, cache: Path) -> None:
        self.spark, self.size = spark, SIZES[size_name]
        self.panel = panel_of(self.size, cache)
        self.folder = cache / "lakes" / size_name
        self.folder.mkdir(parents=True, exist_ok=True)
        self.lake = self.folder / "lake"
        self.config: Config = load_config(write_config(self.folder / "model.yaml", self.size, panel=self.panel, lake=self.lake))

    def use(self, variant: str) -> None:
        """Estimate risk by another of `VARIANTS`."""
        path = self.folder / "model.yaml"
        self.config = load_config(write_config(path, self.size, panel=self.panel, lake=self.lake, variant=variant))

    def stage(self, name: str) -> None:
        """Do a stage; nothing of it is there yet."""
        run_id = new_run_id()
        engine = SparkEngine(self.spark, str(self.lake))
        run_stage(writing(engine, self.config, run_id, say=lambda text: print(text, file=sys.stderr)), name)

    def floor(self, name: str) -> None:
        """Do what the stage cannot do without."""
        to = self.folder / "floor"
        shutil.rmtree(to, ignore_errors=True)
        read = Lake(FolderTables(str(self.lake)))
        if name == "ingest":
            ingest_floor(self.spark, self.panel, to, max(4, self.size.n_dates // 64))
        elif name == "regress":
            regress_floor(self.spark, self.lake, to, self.size.n_factors, panel_row_bytes(read))
        elif name == "risk":
            risk_floor(self.spark, self.lake, to, self.size.n_factors, cross_section_bytes(read))
        else:
            covariance_floor(self.spark, to, self.size.n_assets)
        shutil.rmtree(to, ignore_errors=True)

    def forget(self, name: str) -> None:
        """Take back a stage and all after it."""
        tables = {
            "ingest": ["panel", "source_prints", "rejected_rows", "factors", "exposure_moments", "runs"],
            "regress": ["cross_sections", "factor_returns", "specific_returns", "exposure_stability"],
            "risk": ["risk_models", "factor_covariance", "specific_risk", "risk_diagnostics"],
            "covariance": ["asset_covariance", "covariance_builds"],
        }
        for stage in STAGES[STAGES.index(name) :]:
            for table in tables[stage]:
                shutil.rmtree(self.lake / table, ignore_errors=True)


def costed(work: Callable[[], None], events: Path, lake: Path) -> Cost:
    """What a piece of work costs."""
    cost, commits, since = Cost(), commits_in(lake), time.time()
    with measured(cost):
        work()
    count_events(events, since, time.time(), cost)
    cost.commits = commits_in(lake) - commits
    return cost


@contextmanager
def warm_session(cache: Path, warm_up: str) -> Iterator[tuple[SparkSession, Path, Bench]]:
    """A session that has done every stage once, where it tells its events, and the small size that it did them on."""
    prepare_environment()
    events = cache / "events" / f"{time.time():.0f}"
    events.mkdir(parents=True)
    logged = {"spark.eventLog.enabled": True, "spark.eventLog.compress": False, "spark.eventLog.dir": events.as_uri()}
    counted = {"spark.hadoop.parquet.hadoop.vectored.io.enabled": False}  # Spark does not count what is read otherwise
    settings = {**logged, **counted, "spark.local.dir": str(cache / "spark")}
    with quiet_jvm(cache / "warm.log"):
        spark = local_session(delta_jars(), settings, archived_classes(delta_jars()))
    small = Bench(spark, warm_up, cache)
    small.forget("ingest")
    for name in STAGES:
        small.floor(name) if name != "ingest" else None
        small.stage(name)
    small.floor("ingest")
    yield spark, events, small
    spark.stop()
    shutil.rmtree(events, ignore_errors=True)


def measure_stages(spark: SparkSession, events: Path, size_name: str, cache: Path, out: Path, stages: list[str]) -> None:
    """Each stage beside its floor."""
    found = {}
    bench = Bench(spark, size_name, cache)
    for name in stages:
        bench.forget(name)
        found[name] = {
            "floor": asdict(costed(partial(bench.floor, name), events, bench.lake)),
            "stage": asdict(costed(partial(bench.stage, name), events, bench.lake)),
        }
        ratio = found[name]["stage"]["cpu"] / found[name]["floor"]["cpu"]
        print(name, {k: {m: round(v, 1) for m, v in c.items()} for k, c in found[name].items()}, f"{ratio:.2f}", file=sys.stderr)
        out.write_text(json.dumps(found, indent=1))


def measure_variants(spark: SparkSession, events: Path, small: Bench, size_name: str, cache: Path, out: Path) -> None:
    """The stage `risk` by each variant, the regressions being there."""
    found = {}
    bench = Bench(spark, size_name, cache)
    if not (bench.lake / "cross_sections").exists():
        bench.forget("ingest")
        bench.stage("ingest")
        bench.stage("regress")
    for variant in VARIANTS:
        for of_size in (small, bench):
            of_size.forget("risk")
            of_size.use(variant)
            cost = costed(partial(of_size.stage, "risk"), events, of_size.lake)
        found[variant] = asdict(cost)
        print(variant, {name: round(value, 1) for name, value in found[variant].items()}, file=sys.stderr)
    out.write_text(json.dumps(found, indent=1))


def main(size_name: str, warm_up: str, cache: Path, out: Path, asked: list[str]) -> None:
    """Measure and write what was found."""
    with warm_session(cache, warm_up) as (spark, events, small):
        if asked == ["variants"]:
            measure_variants(spark, events, small, size_name, cache, out)
        else:
            measure_stages(spark, events, size_name, cache, out, asked or list(STAGES))


if __name__ == "__main__":
    _, size_asked, warm_up_asked, cache_asked, out_asked, *what = sys.argv
    main(size_asked, warm_up_asked, Path(cache_asked), Path(out_asked), what)
