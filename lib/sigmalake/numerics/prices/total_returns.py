"""Total returns of assets from their prices, splits, distributions and delistings."""

from enum import IntEnum
from typing import NamedTuple

import numpy as np

from sigmalake.numerics.prices.rules import TotalReturnRules
from sigmalake.numerics.types import Bools, Floats, Ints


class Note(IntEnum):
    """What there is to say of a return."""

    NOTHING = 0
    GAP = 1  # it spans more than `max_gap` periods: missing
    BY_RULE = 2  # of a delisting without a return of its own, by `delisting_return`
    UNKNOWN_DELISTING = 3  # of a delisting that nothing says the return of


class PricedRows(NamedTuple):
    """M rows, by asset and within it by time, each asset and time once."""

    asset: Ints  # codes
    position: Ints  # of the period's date in the calendar; a row between two dates has that of the next
    price: Floats  # at the close; NaN where there is none, or on a day that is not of the calendar
    split: Floats  # shares that one of the close before has become, 1 without a split
    paid: Floats  # cash and value of what was spun off, for one share of the close before
    delisted: Bools  # nothing is traded from here on
    delisting_return: Floats  # from the last price on, fraction; NaN where unknown
    unknown: Bools  # a row that cannot be read: no return reaches over it, since it may have paid or split


class TotalReturns(NamedTuple):
    """The return of each of the M rows, and what there is to say of it."""

    returns: Floats  # fraction per period; NaN is missing
    notes: Ints  # `Note`


def total_returns(rows: PricedRows, by_rule: Bools, rules: TotalReturnRules) -> TotalReturns:
    """r_t = (p_t s_t + d_t) / p_t' - 1, t' the last close before with a price (CRSP, *Data Definitions*: returns).

    Over the rows after t' up to t, s is the product of splits, and d adds what each row paid on the shares held by then:
    d = sum_u d_u prod_{v < u} s_v. Nothing is reinvested within a return. A delisting at t, whose return is D:
    (1 + r_t)(1 + D) - 1 where t has a price, else D; what follows begins anew, as it does after a row that cannot be read.

    Args:
        rows: by asset and time.
        by_rule: (M,) delistings that `delisting_return` is for where their return is unknown.
        rules: how long a return may be, and what an unknown delisting is worth.
    """
    n = len(rows.asset)
    at = np.arange(n)
    delisting, notes = _delistings(rows, by_rule, rules)
    ended = np.append(False, (rows.delisted | rows.unknown)[:-1]) | np.append(True, rows.asset[1:] != rows.asset[:-1])[:n]
    life = np.cumsum(ended)
    priced = ~np.isnan(rows.price) & ~rows.unknown
    last = np.maximum.accumulate(np.where(priced, at, -1)) if n else at
    before = np.append(-1, last[:-1])[:n]
    has_before = (before >= 0) & (life[before] == life)
    wanted = has_before & (priced | (rows.delisted & ~np.isnan(delisting)))
    too_long = wanted & (rows.position - rows.position[before] > rules.max_gap)
    notes[too_long] = Note.GAP
    made = np.flatnonzero(wanted & ~too_long)
    returns = np.full(n, np.nan)
    returns[made] = np.where(priced[made], _traded(rows, before[made], made), 0.0)
    ends = made[rows.delisted[made] & ~np.isnan(delisting[made])]
    returns[ends] = np.where(priced[ends], (1.0 + returns[ends]) * (1.0 + delisting[ends]) - 1.0, delisting[ends])
    return TotalReturns(returns, notes)


def _traded(rows: PricedRows, first: Ints, last: Ints) -> Floats:
    """The returns from the close of one row to that of another of the same asset."""
    shares, paid = np.ones(len(last)), np.zeros(len(last))
    for step in range(1, int((last - first).max(initial=0)) + 1):
        running = first + step <= last
        row = first[running] + step
        paid[running] += shares[running] * rows.paid[row]
        shares[running] *= rows.split[row]
    with np.errstate(over="ignore"):  # an infinite return is found by whoever checks it
        found: Floats = (rows.price[last] * shares + paid) / rows.price[first] - 1.0
    return found


def _delistings(rows: PricedRows, by_rule: Bools, rules: TotalReturnRules) -> tuple[Floats, Ints]:
    """The return of each delisting, and what there is to say of it."""
    unknown = rows.delisted & np.isnan(rows.delisting_return)
    ruled = unknown & by_rule & (rules.delisting_return is not None)
    worth = np.nan if rules.delisting_return is None else rules.delisting_return
    notes = np.where(ruled, Note.BY_RULE, np.where(unknown, Note.UNKNOWN_DELISTING, Note.NOTHING))
    return np.where(ruled, worth, rows.delisting_return), notes
