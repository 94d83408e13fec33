"""Holdings beside a benchmark: active risk and beta."""

from typing import NamedTuple

import numpy as np

from sigmalake.numerics.portfolio.linked_cov import UNLINKED, LinkedCov
from sigmalake.numerics.portfolio.risk import PortfolioRisk, portfolio_risk
from sigmalake.numerics.types import Floats


class BenchmarkRisk(NamedTuple):
    """Risk of one period against a benchmark b. `beta` is sum h_n `asset_betas`_n; the tracking error is `active.vol`."""

    portfolio: PortfolioRisk  # of h
    benchmark: PortfolioRisk  # of b
    active: PortfolioRisk  # of h - b
    beta: float  # h' V b / b' V b
    asset_betas: Floats  # (N,) V b / b' V b
    correlation: float  # h' V b / (sigma_h sigma_b); NaN when sigma_h is 0


def benchmark_risk(
    holdings: Floats, benchmark: Floats, exposures: Floats, factor_cov: Floats, specific_var: Floats, linked: LinkedCov = UNLINKED
) -> BenchmarkRisk:
    """Risk of holdings, of a benchmark and of their difference, in O(NK + K^2).

    Args:
        holdings: (N,) h, fractions of the value, any sign.
        benchmark: (N,) b, fractions of its own value.
        exposures: (N, K).
        factor_cov: (K, K) fraction^2 per period, positive semi-definite.
        specific_var: (N,) fraction^2 per period; may be NaN where neither holds anything.
        linked: specific covariances of linked issues.

    Raises:
        ValueError: the benchmark has no risk, or what `portfolio_risk` raises.
    """
    of_h, of_b, active = (
        portfolio_risk(h, exposures, factor_cov, specific_var, linked) for h in (holdings, benchmark, holdings - benchmark)
    )
    if of_b.vol == 0:
        raise ValueError("the benchmark has a volatility of 0: there is no beta to it")
    asset_betas = of_b.marginal / of_b.vol
    beta = float(holdings @ asset_betas)
    return BenchmarkRisk(of_h, of_b, active, beta, asset_betas, beta * of_b.vol / of_h.vol if of_h.vol > 0 else np.nan)
