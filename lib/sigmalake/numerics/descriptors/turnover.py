"""How much of a company's shares changes hands: the three parts of liquidity."""

import numpy as np

from sigmalake.numerics.descriptors.trailing_window import Trailing
from sigmalake.numerics.types import Floats, Ints
from sigmalake.numerics.windows.ewma import check_history
from sigmalake.numerics.windows.rolling_windows import bands


def turnover(traded_value: Floats, caps: Floats) -> Floats:
    """The value traded in a period over the cap at its close; NaN without a cap > 0. Both in one currency."""
    known = ~np.isnan(traded_value) & (caps > 0)
    return np.where(known, traded_value, np.nan) / np.where(known, caps, 1.0)


def ln_turnover(turnovers: Floats, as_of: Ints, trailing: Trailing, *, month: int) -> Floats:
    """ln(`month` x the mean turnover of a period), over the window's periods that have one.

    Menchero, Orr, Wang 2011 (share turnover over 1, 3 and 12 months). A turnover of 0 is missing: sources write it
    where they know nothing; `min_periods` keeps names out that hardly trade, whose mean would be flattered. A negative
    one is missing too.

    Args:
        turnovers: (R, N) share of the company traded in the period, fraction, newest last, NaN where missing.
        as_of: (A,) positions of rows; ascending is fastest.
        trailing: the window.
        month: periods, so that windows of different length are in one unit.

    Returns:
        (A, N) ln of a fraction per month; NaN with fewer than `min_periods` turnovers > 0.
    """
    check_history("turnovers", turnovers)
    logs = np.empty((as_of.size, turnovers.shape[1]))
    for block, rows, band in bands(as_of, len(turnovers), trailing.window, trailing.decay, trailing.lag):
        traded = turnovers[rows] > 0
        n_obs = (band > 0) @ traded.astype(np.float64)
        total = np.where(n_obs >= trailing.fewest, band @ traded.astype(np.float64), np.nan)
        logs[block] = np.log(month * (band @ np.where(traded, turnovers[rows], 0.0)) / total)
    return logs
