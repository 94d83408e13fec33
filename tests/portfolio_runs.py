"""`sigmalake portfolio` as a user runs it, and what its tests read from the answer."""

import json
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from deltalake import DeltaTable

from plain_market import exposures_of, factors_of
from sigmalake.cli import app as cli
from sigmalake.demo.market import Market

WEIGHTS = {"A001": 0.5, "A002": -0.2, "A003": 0.4, "A004": 0.1}
BENCHMARK = {"A001": 0.25, "A005": 0.75}
ACTIVE = {asset: WEIGHTS.get(asset, 0.0) - BENCHMARK.get(asset, 0.0) for asset in sorted({*WEIGHTS, *BENCHMARK})}

Run = Callable[..., tuple[int, str, str]]


def write(path: Path, weights: dict[str, float]) -> Path:
    pd.Series(weights, name="weight").rename_axis("asset_id").to_csv(path)
    return path


def verb_on(plain_lake: Path, capsys, monkeypatch) -> Run:
    """Runs the verb on a lake; gives exit code, stdout and stderr."""

    def run(*arguments: object, lake: object = plain_lake) -> tuple[int, str, str]:
        named = [] if lake is None else ["--lake", str(lake), "--variant", "ewma"]
        monkeypatch.setattr(sys, "argv", ["sigmalake", "portfolio", *map(str, arguments), *named])
        try:
            cli.main()
            code = 0
        except SystemExit as end:
            code = end.code or 0
        return code, *capsys.readouterr()

    return run


def answer(run: Run, *arguments: object) -> dict:
    """What a program reads."""
    code, out, err = run(*arguments, "--output", "json")
    assert (code, err) == (0, "")
    return json.loads(out)


def row(text: str, name: str) -> list[str]:
    """The cells of a table's first row that begins so."""
    return next(line for line in text.splitlines() if line.startswith(f"{name} ")).removeprefix(name).split()


def after(text: str, title: str) -> str:
    return text[text.index(title) :]


# The tables, without the reader


def rows_of(lake: Path, table: str, **wanted: object) -> list[dict]:
    rows = DeltaTable(lake / table).to_pyarrow_table().to_pylist()
    return [row for row in rows if all(row[name] == value for name, value in wanted.items())]


def full(upper: list[float], n: int) -> np.ndarray:
    cov = np.zeros((n, n))
    cov[np.triu_indices(n)] = upper
    return cov + np.triu(cov, 1).T


class Side(NamedTuple):
    """What is held on a date, of the variant ewma: h in the order of `assets`."""

    x: np.ndarray  # (K,) X'h
    vols: np.ndarray  # (K,)
    correlations: np.ndarray  # (K, K)
    specific_var: np.ndarray  # (n,) by asset


def side_on(day: date, lake: Path, market: Market, holdings: dict[str, float]) -> Side:
    (model,) = rows_of(lake, "risk_models", variant="ewma", date=day)
    factors, h = factors_of(market), np.array(list(holdings.values()))
    cov = full(model["factor_cov"], len(factors))
    vols = np.sqrt(np.diag(cov))
    known = market.panel[market.panel["date"] == day].set_index("asset_id").loc[list(holdings)]
    var = dict(zip(model["asset_id"], model["specific_var"], strict=True))
    return Side(exposures_of(known, factors).T @ h, vols, cov / np.outer(vols, vols), np.array([var[a] for a in holdings]))
