"""A daily market of one Parquet file, as `conf/us_sp500.yaml` reads it: runs, a script of pandas that does less, and `fit`.

A generated panel of that form is always measured. The panels of a real market are not part of the repository: they are read
where they lie, in $SIGMALAKE_DATA or in ../shared/data, and left out where they are in neither.
"""

import os
import shutil
import sys
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from bench.data import panel_of
from bench.fresh import must_run, run_command
from bench.measure import Cost
from bench.sizes import SIZES

ROOT = Path(__file__).parents[1]
DAILY, MINI = "us_sp500_daily", "us_sp500_mini"  # 470 stocks and 1,118 dates, 120 and 301
ROUNDS = 3  # the script and our runs take turns; the median of each counts
STYLES = ["size", "beta", "momentum", "volatility", "reversal", "book_to_price"]
CALLED = {"asset_id": "symbol", "cap": "mcap_bn", "industry": "sector"}
FIT = f"""
import sys
import pandas as pd
from sigmalake import fit
fit(pd.read_parquet(sys.argv[1]), asset_id="symbol", caps="mcap_bn", groups=["sector"], styles={STYLES}, preset="short")
"""


def market_runs(cache: Path, engines: list[str]) -> dict[str, Any]:
    """By panel and engine what the runs cost; beside them the script and `fit`, or why a panel was left out."""
    return {
        "generated": _runs(_generated(DAILY, cache), _generated(MINI, cache), cache, engines, in_place=False),
        "real": _real_runs(cache, engines),
    }


def _real_runs(cache: Path, engines: list[str]) -> dict[str, Any]:
    folder = Path(os.environ.get("SIGMALAKE_DATA", ROOT.parent / "shared" / "data"))
    daily, mini = (folder / f"{name}.parquet" for name in (DAILY, MINI))
    if not (daily.exists() and mini.exists()):
        return {"skipped": "its panels are neither in SIGMALAKE_DATA nor in ../shared/data"}
    return _runs(daily, mini, cache, engines, in_place=True)


def _runs(daily: Path, mini: Path, cache: Path, engines: list[str], *, in_place: bool) -> dict[str, Any]:
    folder = cache / "fresh" / "market"
    found: dict[str, list[dict[str, Cost]]] = {"beside": [], **{engine: [] for engine in engines}}
    for number in range(ROUNDS):
        for engine in engines if number == 0 else ["local"]:
            found.setdefault(engine, []).append(_daily_runs(daily, _emptied(folder), engine, in_place=in_place))
        script = [sys.executable, ROOT / "bench" / "peers" / "pandas_script.py", daily, _emptied(folder)]
        fit = [sys.executable, "-c", FIT, mini]
        found["beside"].append({"pandas script": must_run(script, folder), "fit, mini panel": must_run(fit, folder)})
    shutil.rmtree(folder)
    return {
        who: {what: asdict(_median([round_[what] for round_ in rounds])) for what in rounds[0]} for who, rounds in found.items()
    }


def _daily_runs(panel: Path, folder: Path, engine: str, *, in_place: bool) -> dict[str, Cost]:
    """First without the last day, then with it, then with nothing to do.

    Args:
        panel: the file.
        folder: of the lake, empty.
        engine: local or spark.
        in_place: read the file where it lies, the last day not being asked for at first; else a file is written that lacks it.
    """
    source = panel if in_place else folder / "panel.parquet"
    arguments: list[str | Path] = ["run", "--config", ROOT / "conf" / "us_sp500.yaml", "--engine", engine]
    for key, value in {"lake": folder / "lake", "sources.panel.path": source}.items():
        arguments += ["--set", f"{key}={value}"]
    last_two = sorted(pc.unique(pq.read_table(panel, columns=["date"]).column("date")).to_pylist())[-2:]
    if in_place:
        until: date = last_two[0]
        first = run_command(folder, *arguments, "--end", f"{until:%Y-%m-%d}")
    else:
        rows = pq.read_table(panel)
        pq.write_table(rows.filter(pc.field("date") < last_two[1]), source)
        first = run_command(folder, *arguments)
        pq.write_table(rows, source)
    return {"first run": first, "one more day": run_command(folder, *arguments), "nothing to do": run_command(folder, *arguments)}


def _generated(name: str, cache: Path) -> Path:
    """A generated panel as one file, its columns called as the configuration has them."""
    size = SIZES[name]
    file = panel_of(size, cache).with_name(f"{name}.parquet")
    if not file.exists():
        rows = pq.read_table(panel_of(size, cache)).drop_columns("in_estimation")
        names = {**CALLED, **dict(zip(size.styles, STYLES, strict=True))}
        sector = pa.chunked_array([chunk.cast(pa.string()) for chunk in rows.column("industry").chunks])
        rows = rows.set_column(rows.column_names.index("industry"), "industry", sector)
        pq.write_table(rows.rename_columns([names.get(column, column) for column in rows.column_names]), file)
    return file


def _emptied(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _median(costs: list[Cost]) -> Cost:
    return sorted(costs, key=lambda cost: cost.wall)[len(costs) // 2]
