"""statsmodels' WLS in a loop over the dates, the constraint solved for one industry beforehand.

The problem of the model, with the standard errors that every WLS result brings along. Slow: for a sample of dates.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from dense_panel import Floats, Panel, dense_panel, exposures_of, fit_weights, read_rows, write_wide
from numpy.typing import NDArray
from stage import Stage, run
from statsmodels.api import WLS


class Regression(NamedTuple):
    """One date's regression, free of constraints."""

    basis: Floats  # (K, K - 1) factor returns of the free ones
    design: Floats  # (n, K - 1) exposures to the free factors, of the assets with a return and exposures
    returns: Floats  # (n,)
    weights: Floats  # (n,) >= 0
    assets: NDArray[np.int64]  # (n,) positions in the panel


class Prepared(NamedTuple):
    """A regression for each return date."""

    panel: Panel
    regressions: list[Regression]


class Estimates(NamedTuple):
    """Arrays over the T return dates."""

    panel: Panel
    factor_returns: Floats  # (T, K)
    standard_errors: Floats  # (T, K - 1) of the free factors
    specific_returns: Floats  # (T, N) NaN where unknown


def constraint_basis(shares: Floats) -> Floats:
    """(K, K - 1) the f with sum_k m_k f_k = 0, solved for the industry with the largest share.

    Args:
        shares: (K,) cap shares m of the industries; 0 for the other factors.
    """
    largest = int(shares.argmax())
    basis = np.delete(np.eye(shares.size), largest, axis=1)
    basis[largest] = -np.delete(shares, largest) / shares[largest]
    return basis


def prepare(rows: pa.Table) -> Prepared:
    """Rows to a design matrix for each date."""
    panel = dense_panel(rows)
    exposures, weights = exposures_of(panel), fit_weights(panel)
    is_industry = np.array([family == "industry" for family in panel.families])
    regressions = []
    for t in range(panel.dates.size - 1):
        caps = panel.caps[t] * panel.in_estimation[t]
        shares = np.where(is_industry, caps @ np.nan_to_num(exposures[t]) / caps.sum(), 0.0)
        basis = constraint_basis(shares)
        assets = np.flatnonzero(np.isfinite(panel.returns[t + 1]) & np.isfinite(exposures[t]).all(axis=1))
        design = exposures[t, assets] @ basis
        regressions.append(Regression(basis, design, panel.returns[t + 1, assets], weights[t, assets], assets))
    return Prepared(panel, regressions)


def compute(prepared: Prepared) -> Estimates:
    """A WLS fit a date."""
    n_dates, n_factors = len(prepared.regressions), len(prepared.panel.factors)
    factor_returns = np.empty((n_dates, n_factors))
    standard_errors = np.empty((n_dates, n_factors - 1))
    specific_returns = np.full((n_dates, len(prepared.panel.assets)), np.nan)
    for t, (basis, design, returns, weights, assets) in enumerate(prepared.regressions):
        fitted = weights > 0
        result = WLS(returns[fitted], design[fitted], weights[fitted]).fit()
        factor_returns[t] = basis @ result.params
        standard_errors[t] = result.bse
        specific_returns[t, assets] = returns - design @ result.params
    return Estimates(prepared.panel, factor_returns, standard_errors, specific_returns)


def write(estimates: Estimates, out: Path) -> dict[str, int]:
    """A row a date, a column a factor or an asset."""
    panel, dates = estimates.panel, estimates.panel.dates[1:]
    write_wide(out / "factor_returns.parquet", dates, panel.factors, estimates.factor_returns)
    write_wide(out / "specific_returns.parquet", dates, panel.assets, estimates.specific_returns)
    return {"n_dates": dates.size, "n_assets": len(panel.assets)}


COMPUTES = "factor returns (industries' cap-weighted sum 0), standard errors, residuals of all assets"

if __name__ == "__main__":
    run("statsmodels", {"regress": Stage(COMPUTES, read_rows, prepare, compute, write)})
