"""statsmodels' WLS in a loop over the dates, the constraint solved for one industry beforehand.

The problem of the model, with the standard errors that every WLS result brings along. Slow: for a sample of dates.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from dense_panel import Floats, Panel, read_rows
from regressions import Prepared, prepare, write_estimates
from stage import Stage, run
from statsmodels.api import WLS


class Estimates(NamedTuple):
    """Arrays over the T return dates."""

    panel: Panel
    factor_returns: Floats  # (T, K)
    standard_errors: Floats  # (T, K - 1) of the free factors
    specific_returns: Floats  # (T, N) NaN where unknown


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
    """Without the standard errors."""
    return write_estimates(estimates.panel, estimates.factor_returns, estimates.specific_returns, out)


COMPUTES = "factor returns (industries' cap-weighted sum 0), standard errors, residuals of all assets"

if __name__ == "__main__":
    run("statsmodels", {"regress": Stage(COMPUTES, read_rows, prepare, compute, write)})
