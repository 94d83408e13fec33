"""The stage `portfolios` on a real or generated daily market: `python -m bench.books PANEL FOLDER [BOOKS] [DATES]`.

Books of 20 to all assets at the ends of months, an index by cap as their benchmark, a fiftieth of them index funds that a tenth of
the others hold; a model of the market, sectors and styles, whose risk is of every date. What is timed is the stage as a command of
its own, at its default settings on the local engine, with the model already there.
"""

import json
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import yaml
from bench.fresh import COMMAND
from bench.measure import Cost, run_measured

STYLES = ["size", "beta", "momentum", "volatility", "reversal", "book_to_price"]


def write_books(panel: pa.Table, path: Path, n_books: int, n_dates: int) -> int:
    """Books of the last dates; the number of their rows."""
    rng = np.random.default_rng(7)
    days = pc.unique(panel.column("date")).sort()
    days = days.slice(len(days) - n_dates)
    months = pc.strftime(days.cast(pa.timestamp("s")), "%Y-%m").to_pylist()
    ends = [days[n] for n in range(len(days)) if n == 0 or n + 1 == len(days) or months[n] != months[n + 1]]
    sizes = rng.integers(20, 470, n_books)
    parts = []
    for day in ends:
        rows = panel.filter(pc.equal(panel.column("date"), day))
        ids, caps = rows.column("symbol").to_numpy(zero_copy_only=False), rows.column("mcap_bn").to_numpy()
        parts.append(_book("INDEX", ids, caps, day))
        for number in range(n_books - 1):
            held = rng.choice(len(ids), min(sizes[number], len(ids)), replace=False)
            names, weights = ids[held], rng.gamma(1.0, caps[held])
            if number % 10 == 1:
                names, weights = np.append(names, f"B{number // 500 * 50:05d}"), np.append(weights, weights.sum() / 4)
            parts.append(_book(f"B{number:05d}", names, weights, day))
    books = pa.concat_tables(parts)
    pq.write_table(books, path)
    return books.num_rows


def _book(name: str, ids: np.ndarray, weights: np.ndarray, day: pa.Scalar) -> pa.Table:
    n = len(ids)
    return pa.table({
        "portfolio": pa.repeat(name, n), "date": pa.array([day.as_py()] * n), "asset_id": pa.array(ids, pa.string()),
        "weight": weights / weights.sum(),
    })  # fmt: skip


def measured(panel: Path, folder: Path, n_books: int, n_dates: int) -> tuple[int, Cost]:
    """Rows of the books, and what the stage costs."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = write_books(pq.read_table(panel, columns=["date", "symbol", "mcap_bn"]), folder / "books.parquet", n_books, n_dates)
    columns = {"asset_id": "symbol", "cap": "mcap_bn"}
    body = {
        "model": "books", "lake": str(folder / "lake"), "sources": {"panel": {"path": str(panel), "columns": columns}},
        "factors": [{"market": "market"}, {"membership": "sector", "column": "sector"}, {"styles": STYLES, "as_given": True}],
        "risk": {"short": {name: {"estimator": "ewma", "half_life": 84} for name in ("factor_cov", "specific_var")}},
        "checks": {"max_failed_dates": 5000},
    }  # fmt: skip
    config = folder / "model.yaml"
    if not (folder / "lake" / "risk_models").exists():
        config.write_text(yaml.safe_dump(body))
        _run(["run", "--config", config], folder)
    body["sources"]["books"], body["books"] = {"path": str(folder / "books.parquet")}, {"benchmark": "INDEX"}
    config.write_text(yaml.safe_dump(body))
    return rows, _run(["portfolios", "--config", config], folder)


def _run(arguments: list[str | Path], folder: Path) -> Cost:
    code, cost = run_measured([*COMMAND, *arguments], folder / "log.txt")
    if code:
        raise RuntimeError((folder / "log.txt").read_text()[-2000:])
    return cost


if __name__ == "__main__":
    n_rows, spent = measured(Path(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:] or (5000, 252)))
    print(json.dumps({"rows": n_rows, "wall": spent.wall, "cpu": spent.cpu, "peak": spent.peak}))
