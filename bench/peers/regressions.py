"""Each date's regression free of its constraint, for the peers that know no constraints, and what all of them write."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from dense_panel import Floats, Panel, dense_panel, exposures_of, fit_weights, write_wide
from numpy.typing import NDArray


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


def write_estimates(panel: Panel, factor_returns: Floats, specific_returns: Floats, out: Path) -> dict[str, int]:
    """A row a date, a column a factor or an asset."""
    dates = panel.dates[1:]
    write_wide(out / "factor_returns.parquet", dates, panel.factors, factor_returns)
    write_wide(out / "specific_returns.parquet", dates, panel.assets, specific_returns)
    return {"n_dates": dates.size, "n_assets": len(panel.assets)}
