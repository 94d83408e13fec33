"""The panel that README.md describes, and the lake that its commands make of it."""

import shlex
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from readme import blocks
from sigmalake.cli import app as cli

NAMED = ["AAPL", "XOM"]
LAST = "2024-03-29"


def small_panel():
    """24 assets in 3 sectors over 70 business days, the columns that README.md names."""
    rng = np.random.default_rng(11)
    symbols = [*NAMED, *(f"S{number:02d}" for number in range(22))]
    days = pd.bdate_range(end=LAST, periods=70).date
    n = len(symbols)
    styles = rng.standard_normal((2, n))
    frames = []
    for day in days:
        styles = 0.98 * styles + 0.2 * rng.standard_normal((2, n))
        ret = 0.01 * rng.standard_normal() + 0.003 * rng.standard_normal(2) @ styles + 0.02 * rng.standard_normal(n)
        sectors = np.array(["energy", "health", "technology"])[np.arange(n) % 3]
        frames.append(
            pd.DataFrame(
                {"date": day, "symbol": symbols, "ret": ret, "cap": np.exp(3 + np.arange(n) / 10), "sector": sectors}
                | {"size": styles[0], "momentum": styles[1]}
            )
        )
    frames[0]["ret"] = np.nan
    return pd.concat(frames, ignore_index=True)


def commands():
    lines = [line.split("#")[0].strip() for block in blocks("bash", "README.md") for line in block.splitlines()]
    return [shlex.split(line)[1:] for line in lines if line.startswith("sigmalake ")]


def run_commands(folder: Path) -> dict[str, str]:
    """Writes the panel and the configuration into a folder, runs the commands there; what each prints, by its verb."""
    (folder / "mine.yaml").write_text(blocks("yaml", "README.md")[0])
    small_panel().to_parquet(folder / "panel.parquet", index=False)
    said = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for arguments in commands():
            with redirect_stdout(StringIO()) as out:
                cli.app([*arguments, *(["--engine", "local"] if arguments[0] != "status" else [])], standalone_mode=False)
            said[arguments[0]] = out.getvalue()
    return said
