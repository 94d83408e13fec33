"""The return of the market, beside the market factor."""

import numpy as np

from sigmalake.numerics.types import Bools, Floats


def market_return(returns: Floats, caps: Floats, in_estimation: Bools) -> float:
    """sum c r / sum c over the estimation universe's names with a return, caps known at t-1.

    The market factor's return is that of a portfolio with one unit of market and no net industry or style (Menchero, Orr,
    Wang 2011); this is what an investor in the universe earned.

    Args:
        returns: (N,) fractions; NaN is missing.
        caps: (N,) > 0.
        in_estimation: (N,) the universe.

    Returns:
        A fraction; NaN where no name of the universe has a return.
    """
    held = in_estimation & np.isfinite(returns)
    relative = caps[held] / caps[held].max(initial=1.0)
    return float(relative @ returns[held] / relative.sum()) if held.any() else float("nan")
