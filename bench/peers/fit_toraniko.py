"""toraniko's factor returns: two weighted regressions a date, market and sectors first, styles on what they leave.

Not the problem of the model: sectors sum to zero unweighted, styles are fitted to the residuals of the first step,
there is no estimation universe beside the assets given, an asset that is not fitted has no residual, and an asset whose
first date is not among the first 100 that it takes loses its residuals (polars guesses the columns from 100 rows).
"""

from pathlib import Path
from typing import NamedTuple

import polars as pl
from stage import Selection, Stage, run
from toraniko.model import estimate_factor_returns


class Frames(NamedTuple):
    """What `estimate_factor_returns` takes: exposures and caps at t-1 under the date of the return."""

    returns: pl.DataFrame
    caps: pl.DataFrame
    sectors: pl.DataFrame
    styles: pl.DataFrame


class Estimates(NamedTuple):
    """What it gives: a row a date, a column a factor or an asset."""

    factor_returns: pl.DataFrame
    residuals: pl.DataFrame


def read(selection: Selection) -> pl.DataFrame:
    """The selected rows, with the date before the first return."""
    path = selection.path / "**/*.parquet" if selection.path.is_dir() else selection.path
    rows = pl.scan_parquet(path)
    if selection.n_dates is not None:
        calendar = rows.select(pl.col("date").unique().sort()).collect()["date"]
        rows = rows.filter(pl.col("date") >= calendar[max(0, len(calendar) - selection.n_dates - 1)])
    if selection.n_assets is not None:
        names = rows.select(pl.col("asset_id").unique().sort()).collect()["asset_id"]
        rows = rows.filter(pl.col("asset_id") <= names[min(selection.n_assets, len(names)) - 1])
    return rows.collect()


def prepare(rows: pl.DataFrame) -> Frames:
    """Lag the exposures by one date of the calendar; keep the estimation universe with a return."""
    rows = rows.rename({"asset_id": "symbol"})
    calendar = rows["date"].unique().sort()
    following = pl.DataFrame({"date": calendar[:-1], "return_date": calendar[1:]})
    returns = rows.select("date", "symbol", asset_returns="ret").filter(pl.col("asset_returns").is_finite())
    known = rows.drop("ret").filter("in_estimation").join(following, on="date").drop("date").rename({"return_date": "date"})
    panel = known.join(returns, on=["date", "symbol"])
    key = panel.select("date", "symbol")
    return Frames(
        panel.select("date", "symbol", "asset_returns"),
        panel.select("date", "symbol", market_cap="cap"),
        key.hstack(panel.select("industry").to_dummies()),
        panel.select("date", "symbol", pl.col("^style_.*$")),
    )


def compute(frames: Frames) -> Estimates:
    """All dates, returns as they are (its default clips the outer 5 % on each side)."""
    return Estimates(*estimate_factor_returns(*frames, winsor_factor=None))


def write(estimates: Estimates, out: Path) -> dict[str, int]:
    """Both frames as they come."""
    estimates.factor_returns.write_parquet(out / "factor_returns.parquet")
    estimates.residuals.write_parquet(out / "specific_returns.parquet")
    return {"n_dates": estimates.factor_returns.height, "n_assets": estimates.residuals.width - 1}


COMPUTES = "market + sectors (unweighted zero sum), then styles on the residuals; residuals of the fitted assets"

if __name__ == "__main__":
    run("toraniko", {"regress": Stage(COMPUTES, read, prepare, compute, write)})
