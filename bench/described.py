"""The plan of a model whose sources are described and not read: 50,000 assets x 30 years x 3 variants by default.

    python -m bench.described [--assets 50000] [--years 30] [--out OUT.json]

What tasks would tell the driver of the sources, a line a file and date, is made up. All that the driver makes of it is the code
of a run: the panel's rows, the regressions, risk models and their windows, the chunks, and the tasks that would be sent. How
wide a date is comes from a few dates of that many assets, which are really packed and regressed in a folder for the moment.
"""

import argparse
import json
import pickle
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import yaml
from bench.data import panel_of
from bench.sizes import Size, write_config

from sigmalake.config.model import load_config
from sigmalake.engines.local.engine import LocalEngine
from sigmalake.engines.local.tables import LocalTables
from sigmalake.lake.lake import Lake
from sigmalake.stages.context import Context, factor_sets, new_run_id, writing
from sigmalake.stages.ingest import _dates_a_file, plan_rows
from sigmalake.stages.planning import PanelState, Why, changes, expected_cross_sections, expected_risk_models, months_of
from sigmalake.stages.risk import _chunks
from sigmalake.stages.run import run_stage
from sigmalake.stages.sources.panel_sources import PanelSources
from sigmalake.tables.packed import CROSS_SECTIONS, PANEL
from sigmalake.tasks.packing.pack_panel import PackPanel
from sigmalake.tasks.regression import FitDates
from sigmalake.tasks.risk.windows import EstimateWindows
from sigmalake.tasks.sources.fingerprints import FINGERPRINTS, by_date, file_fingerprints

DAYS_A_YEAR, DAYS_A_FILE, WIDE_DATES = 252, 21, 4
SIDES = ("exposures", "returns")
DAILY = {"estimator": "ewma", "half_life": 84}
SLOW = {"estimator": "ewma", "half_life": 168, "window": 504}
PLAIN = {  # windows of 252 and 504 dates
    "fast": {"factor_cov": DAILY, "specific_var": DAILY},
    "plain": {"factor_cov": {**DAILY, "corr_half_life": 168}, "specific_var": DAILY},
    "slow": {"factor_cov": SLOW, "specific_var": SLOW},
}
VARIANTS = {"plain": PLAIN, "one a preset": {**PLAIN, "fast": {"preset": "short"}}}


@dataclass
class Driver:
    """What each step costs the driver."""

    steps: dict[str, dict[str, float]] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Count the CPU seconds and the memory that a step adds."""
        began, before = time.process_time(), _resident()
        yield
        self.steps[name] = {"cpu": time.process_time() - began, "mb": (_resident() - before) / 2**20}


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def described(days: list[date], n_assets: int) -> list[pa.Table]:
    """What the tasks of a survey say: the rows of each date in its file, and sums of their hashes."""
    rng, tables = np.random.default_rng(1), []
    for first in range(0, len(days), DAYS_A_FILE):
        some = days[first : first + DAYS_A_FILE]
        sums = [pa.array(rng.integers(0, 2**47, len(some))) for _ in range(2)]
        n = [pa.array(np.full(len(some), number, dtype=np.int64)) for number in (n_assets, 0)]
        files = pa.array([f"/panel/{some[0]:%Y-%m}.parquet"] * len(some))
        levels = pa.nulls(len(some), FINGERPRINTS.field("levels").type)
        tables.append(pa.table([files, pa.array(some), *n, *sums, levels], schema=FINGERPRINTS))
    return tables


def plan_of(context: Context, days: list[date], n_assets: int) -> dict[str, Any]:
    """Every step of the plan of a first run, and of one more day after it."""
    config, driver, told = context.config, Driver(), {side: described(days, n_assets) for side in SIDES}
    with driver.step("what the tasks say of files and dates, added up"):
        by_file = {side: file_fingerprints(tables) for side, tables in told.items()}
        fingerprints = {side: by_date(found) for side, found in by_file.items()}
    sources = PanelSources({}, {}, {side: side for side in SIDES}, by_file, fingerprints, True, {})
    with driver.step("ingest: rows of the panel"):
        rows, sets, ranks = plan_rows(config, sources)
        changes({day: row.inputs_hash for day, row in rows.items()}, {}, Why.INPUT)
        panel = [PanelState(day, row.return_date, row.inputs_hash, row.exposures_hash) for day, row in rows.items()]
    with driver.step("ingest: the task"):
        n = _dates_a_file(sources, list(rows))
        planned = list(rows.values())
        parts = [planned[first : first + n] for first in range(0, len(planned), n)]
        pack = PackPanel(parts, {"panel": ["x"]}, {"panel": SIDES}, ranks, None)
        pack_bytes = len(pickle.dumps(pack))
    with driver.step("regress"):
        sections = expected_cross_sections(panel, config)
        fit_bytes = len(pickle.dumps(FitDates(sets, config.regression, changes(sections, {}, Why.UPSTREAM).compute)))
    with driver.step("risk: windows of every date"):
        models = expected_risk_models(panel, sections, config)
        planned_models = changes(models, {}, Why.UPSTREAM)
    with driver.step("risk: the task"):
        calendar = sorted(sections)
        months = months_of(panel, calendar)
        chunks = _chunks(context, planned_models, calendar, months)
        estimate = EstimateWindows(calendar, chunks, config.risk, sets, months)
        risk_bytes = len(pickle.dumps(estimate))
        places = [sum(map(len, estimate.dates(part).values())) for part in range(len(chunks))]
    with driver.step("the day after: which rows are stale"):
        stored = dict(list(models.items())[:-1])
        stale = changes(expected_risk_models(panel, expected_cross_sections(panel, config), config), stored, Why.UPSTREAM)
    return {
        "driver": driver.steps,
        "driver in all": {what: sum(step[what] for step in driver.steps.values()) for what in ("cpu", "mb")},
        "dates": len(rows), "regressions": len(sections), "risk models": len(models), "stale the day after": len(stale.compute),
        "source files": len(told["returns"]), "lines of files and dates": sum(map(len, by_file.values())),
        "ingest": {"parts": len(parts), "dates a part": n, "task bytes": pack_bytes},
        "regress": {"task bytes": fit_bytes},
        "risk": {
            "chunks": len(chunks), "dates a chunk, with its windows": max(len(chunk.dates(calendar)) for chunk in chunks),
            "task bytes": risk_bytes, "places of dates": sum(places),
        },
    }  # fmt: skip


def widths_of(context: Context, n_assets: int) -> dict[str, dict[str, float]]:
    """Bytes of one date, in memory and on the disk, from dates that were really computed."""
    lake, found = context.lake, dict[str, dict[str, float]]()
    for table in (PANEL, CROSS_SECTIONS):
        rows = lake.columns(table, table.column_names)
        files, n_bytes = lake.size(table)
        found[table.name] = {"bytes in memory": rows.nbytes / rows.num_rows, "bytes on disk": n_bytes / rows.num_rows}
        assert files
    history = lake.columns(CROSS_SECTIONS, ["asset_id", "specific_return", "factor_return", "factor_status"])
    found["window"] = {
        "bytes in memory": history.nbytes / history.num_rows,
        "bytes an asset": history.nbytes / history.num_rows / n_assets,
    }
    return found


def main() -> None:
    """Measure, and print what was found as JSON."""
    parser = argparse.ArgumentParser(prog="bench.described", description=__doc__)
    parser.add_argument("--assets", type=int, default=50_000)
    parser.add_argument("--years", type=int, default=30)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    days = [
        day.item() for day in np.busday_offset(np.datetime64("1996-01-01"), np.arange(asked.years * DAYS_A_YEAR), roll="forward")
    ]
    with TemporaryDirectory() as place:
        folder, size = Path(place), Size(WIDE_DATES, asked.assets)
        path = write_config(folder / "model.yaml", size, panel=panel_of(size, folder), lake=folder / "lake", dense=False)
        config = load_config(path)
        engine = LocalEngine(LocalTables(config.lake, 1))
        context = writing(engine, config, new_run_id(), say=lambda _: None)
        for stage in ("ingest", "regress"):
            run_stage(context, stage)
        assert factor_sets(Lake(engine.storage))
        found = {"assets": asked.assets, "years": asked.years, "widths": widths_of(context, asked.assets), "plans": {}}
        for name, variants in VARIANTS.items():
            path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | {"risk": variants}, sort_keys=False))
            found["plans"][name] = plan_of(replace(context, config=load_config(path)), days, asked.assets)
        found["peak of the process, mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
        engine.close()
    text = json.dumps(found, indent=1)
    print(text)
    if asked.out is not None:
        asked.out.write_text(text)


if __name__ == "__main__":
    main()
