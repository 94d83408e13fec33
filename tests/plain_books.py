"""Books of a small market, and what they hold by a plain walk through dictionaries."""

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from small_model import Model, write_nullable

BENCHMARK, CASH = "INDEX", "USD"
Row = tuple[str, date, str, float]


def write_books(rows: list[Row] | pd.DataFrame, path: Path, size: str = "weight") -> Path:
    frame = rows if isinstance(rows, pd.DataFrame) else pd.DataFrame(rows, columns=["portfolio", "date", "asset_id", size])
    write_nullable(frame, path)
    return path


def with_books(model: Model, **rules: object) -> Model:
    """The model with books from `books.parquet` of its folder; the other tables are few, so that a run is short."""
    columns = {"value": "value"} if rules.pop("values", False) else {}
    model.body["sources"] = {**model.body["sources"], "books": {"path": str(model.folder / "books.parquet"), "columns": columns}}
    model.body["books"] = {"benchmark": BENCHMARK, "cash": [CASH], **rules}
    model.body["covariance"] = None
    return model


def sample_books(panel: pd.DataFrame, days: list[date]) -> list[Row]:
    """An index by cap on each of the days, funds that hold assets, the index, each other and cash, and one with strangers."""
    rng, rows = np.random.default_rng(3), []
    for day in days:
        caps = panel[panel["date"] == day].set_index("asset_id")["cap"].sort_index()
        rows += [(BENCHMARK, day, asset, weight) for asset, weight in (caps / caps.sum()).items()]
        rows.append(("TRACKER", day, BENCHMARK, 1.0))
        for number in range(5):
            held = sorted(rng.choice(caps.index, 8, replace=False))
            rows += [(f"FUND{number}", day, asset, weight) for asset, weight in zip(held, rng.normal(0.1, 0.1, 8), strict=True)]
        rows += [("OFFUNDS", day, "FUND0", 0.5), ("OFFUNDS", day, "FUND1", -0.2), ("OFFUNDS", day, "TRACKER", 0.6)]
        rows += [("OFFUNDS", day, CASH, 0.1), ("TOP", day, "OFFUNDS", 0.7), ("TOP", day, "FUND0", 0.1), ("TOP", day, "A05", 0.2)]
        rows += [("STRANGE", day, "A05", 0.5), ("STRANGE", day, "NOBODY", 0.3), ("STRANGE", day, CASH, 0.2)]
        rows += [("LOST", day, "NOBODY", 1.0), ("MONEY", day, CASH, 1.0)]
    return rows


def flattened(rows: list[Row], portfolio: str, as_of: date, max_age: int) -> dict[str, float] | None:
    """What a portfolio holds as of a date, looked through; None where it has no book young enough."""
    dated = sorted({day for name, day, *_ in rows if name == portfolio and day <= as_of})
    if not dated or (as_of - dated[-1]).days > max_age:
        return None
    found: dict[str, float] = {}
    for name, day, member, weight in rows:
        if (name, day) == (portfolio, dated[-1]):
            inside = flattened(rows, member, as_of, max_age)
            for asset, share in ({member: 1.0} if inside is None else inside).items():
                found[asset] = found.get(asset, 0.0) + weight * share
    return found
