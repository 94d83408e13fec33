"""Local returns in a base currency, with the exchange rate's risk or hedged against it."""

from typing import NamedTuple

import numpy as np

from sigmalake.numerics.types import Floats


def exchange_returns(rates: Floats) -> Floats:
    """S(t) / S(t-1) - 1: what a currency returned to a holder who counts in the base currency.

    Args:
        rates: (T, C) units of the base currency for one of each currency, newest last; the base's own is 1. NaN where
            unknown, which is not carried forward.

    Returns:
        (T, C) fractions; NaN in the first row, and where either rate is missing.
    """
    if n_wrong := int(((rates <= 0) | np.isinf(rates)).sum()):
        raise ValueError(f"rates has {n_wrong} values that are not finite and > 0; a missing rate is NaN")
    returns = np.full(rates.shape, np.nan)
    returns[1:] = rates[1:] / rates[:-1] - 1.0
    return returns


class Conversion(NamedTuple):
    """Local returns r in the base currency: growth r + carry; NaN where a rate is missing."""

    growth: Floats  # (T, C) 1 + fx
    carry: Floats  # (T, C) fraction per period: of unhedged returns fx, of hedged ones the forward premium


def conversion(rates: Floats, premium: Floats | None = None) -> Conversion:
    """What a local return is multiplied by, and what is added: numbers of the date and the currency alone.

    Unhedged, (1 + r)(1 + fx) - 1 = (1 + fx) r + fx. Hedged, (1 + fx) r + premium: at t-1 the position's value is sold forward for
    one period, which pays premium - fx on it, so that the exchange rate moves only what the asset earned since. A premium of 0
    leaves the interest differential out: an approximation that is off by i_base - i_local a period.

    Args:
        rates: (T, C) see `exchange_returns`.
        premium: (T, C) see `forward_premium`; None: not hedged.
    """
    exchange = exchange_returns(rates)
    return Conversion(1.0 + exchange, exchange if premium is None else premium)


def forward_premium(base_rate: Floats, local_rate: Floats) -> Floats:
    """(1 + i_base) / (1 + i_local) - 1: what a forward sale of the currency earns over the spot rate (covered parity).

    Args:
        base_rate: interest of the period that ends at t, known at t-1, fraction per period.
        local_rate: the same in the currency that is sold.
    """
    premium: Floats = (1.0 + base_rate) / (1.0 + local_rate) - 1.0
    return premium
