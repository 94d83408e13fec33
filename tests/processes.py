"""The product run as its users run it: in processes of its own."""

import os
import signal
import subprocess
import sys
from datetime import date
from pathlib import Path

import yaml

from sigmalake.demo.market import dirty, generate_market, write_panel

CONFIG = {
    "model": "small",
    "sources": {"panel": {"path": "panel.parquet", "columns": {"cap": "cap", "in_estimation": "in_estimation"}}},
    "regression": {"weights": "sqrt_cap"},
    "risk": {
        "short": {
            "factor_cov": {"estimator": "ewma", "half_life": 10, "window": 30},
            "specific_var": {"estimator": "ewma", "half_life": 10, "window": 30},
        }
    },
    "covariance": {"dates": "last"},
}


def small_model(folder: Path, *, n_assets: int = 60, n_dates: int = 50) -> Path:
    """A small generated market with rows to reject, and its configuration; returns the configuration's file."""
    market = dirty(
        generate_market(n_assets=n_assets, n_dates=n_dates, n_industries=3, n_styles=2, seed=7, start=date(2024, 1, 1)),
        seed=8,
        n_each=1,
    )
    folder.mkdir(parents=True, exist_ok=True)
    write_panel(market, folder / "panel.parquet")
    columns = market.panel.columns
    shares = {name.removeprefix("ind_"): name for name in columns if name.startswith("ind_")}
    known = {"date", "asset_id", "ret", "cap", "in_estimation", *shares.values()}
    factors = [
        {"market": "market"},
        {"membership": "industry", "columns": shares},
        {"styles": [name for name in columns if name not in known], "as_given": True},
    ]
    path = folder / "model.yaml"
    path.write_text(yaml.safe_dump({**CONFIG, "lake": "lake", "factors": factors}))
    return path


def run(*arguments: str | Path, timeout: float = 300, script: str | None = None) -> subprocess.CompletedProcess[str]:
    """`sigmalake ARGUMENTS`; or a script that ends up calling it with faults of its own."""
    call = [sys.executable, "-m", "sigmalake"] if script is None else [sys.executable, "-c", script]
    return subprocess.run(
        [*call, *map(str, arguments)], capture_output=True, text=True, timeout=timeout, check=False, env=dict(os.environ)
    )


def killed_after(table: str) -> str:
    """A script that runs the command line and is killed, as by `kill -9`, right after a table's first commit."""
    return (
        "import os, signal\n"
        "from sigmalake.lake.lake import Lake\n"
        "from sigmalake.cli.app import main\n"
        "write = Lake._write\n"
        "def write_and_die(self, table, *rest):\n"
        "    write(self, table, *rest)\n"
        f"    if table.name == {table!r}:\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "Lake._write = write_and_die\n"
        "main()\n"
    )


KILLED = -signal.SIGKILL
