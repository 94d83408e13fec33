"""polars-ols' weighted least squares grouped by date, the constraint solved for one industry beforehand.

The problem of the model. The coefficients are the library's; residuals follow from them in numpy, for every asset.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
import polars_ols as pls
from dense_panel import Floats, read_rows
from regressions import Prepared, prepare, write_estimates
from stage import Stage, run


class Frames(NamedTuple):
    """The regressions as arrays, and as rows of one frame."""

    prepared: Prepared
    rows: pl.DataFrame  # date, ret, weight, and a column a free factor


class Estimates(NamedTuple):
    """Arrays over the T return dates."""

    prepared: Prepared
    factor_returns: Floats  # (T, K)
    specific_returns: Floats  # (T, N) NaN where unknown


def prepare_frames(table: object) -> Frames:
    """The rows of every regression, one date after the other."""
    prepared = prepare(table)
    dates = []
    for t, (_, design, returns, weights, _) in enumerate(prepared.regressions):
        fitted = weights > 0
        columns = {f"x{number}": column for number, column in enumerate(design[fitted].T)}
        at = np.full(int(fitted.sum()), t, dtype=np.int32)
        dates.append(pl.DataFrame({"date": at, "ret": returns[fitted], "weight": weights[fitted], **columns}))
    return Frames(prepared, pl.concat(dates))


def compute(frames: Frames) -> Estimates:
    """A group a date."""
    free = [name for name in frames.rows.columns if name.startswith("x")]
    fit = pls.compute_least_squares(pl.col("ret"), *map(pl.col, free), sample_weights=pl.col("weight"), mode="coefficients")
    found = frames.rows.group_by("date", maintain_order=True).agg(fit.alias("fit"))["fit"].struct.unnest().to_numpy()
    panel, regressions = frames.prepared
    specific_returns = np.full((len(regressions), len(panel.assets)), np.nan)
    for t, (_, design, returns, _, assets) in enumerate(regressions):
        specific_returns[t, assets] = returns - design @ found[t]
    factor_returns = np.stack([one.basis @ free_returns for one, free_returns in zip(regressions, found, strict=True)])
    return Estimates(frames.prepared, factor_returns, specific_returns)


def write(estimates: Estimates, out: Path) -> dict[str, int]:
    """Both as they come."""
    return write_estimates(estimates.prepared.panel, estimates.factor_returns, estimates.specific_returns, out)


COMPUTES = "factor returns (industries' cap-weighted sum 0), residuals of all assets"

if __name__ == "__main__":
    run("polars_ols", {"regress": Stage(COMPUTES, read_rows, prepare_frames, compute, write)})
