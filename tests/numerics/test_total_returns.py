"""Total returns from prices: by hand, and against a walk through each asset's rows."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sigmalake.numerics.prices.rules import TotalReturnRules
from sigmalake.numerics.prices.total_returns import Note, PricedRows, total_returns

NONE = np.nan


def made(
    prices, *, position=None, by_rule=None, delisted=None, delisting=None, split=None, paid=None, asset=None, unknown=None, **rules
):
    """The returns of one asset, or of several."""
    n = len(prices)
    rows = PricedRows(
        asset=np.zeros(n, dtype=int) if asset is None else np.array(asset),
        position=np.arange(n) if position is None else np.array(position),
        price=np.array(prices, dtype=float),
        split=np.ones(n) if split is None else np.array(split, dtype=float),
        paid=np.zeros(n) if paid is None else np.array(paid, dtype=float),
        delisted=np.zeros(n, dtype=bool) if delisted is None else np.array(delisted, dtype=bool),
        delisting_return=np.full(n, np.nan) if delisting is None else np.array(delisting, dtype=float),
        unknown=np.zeros(n, dtype=bool) if unknown is None else np.array(unknown, dtype=bool),
    )
    flags = np.zeros(n, dtype=bool) if by_rule is None else np.array(by_rule, dtype=bool)
    return total_returns(rows, flags, TotalReturnRules(**rules))


@pytest.mark.parametrize(
    ("name", "given", "expected", "notes"),
    [
        ("a move", {"prices": [100, 110]}, [NONE, 0.1], [0, 0]),
        ("2 for 1", {"prices": [100, 51], "split": [1, 2]}, [NONE, 0.02], [0, 0]),
        ("1 for 10", {"prices": [1, 9], "split": [1, 0.1]}, [NONE, -0.1], [0, 0]),
        ("a dividend", {"prices": [100, 98], "paid": [0, 3]}, [NONE, 0.01], [0, 0]),
        ("a dividend of old shares with a split", {"prices": [100, 49], "split": [1, 2], "paid": [0, 4]}, [NONE, 0.02], [0, 0]),
        ("what is paid on the first day", {"prices": [100, 101], "paid": [5, 0]}, [NONE, 0.01], [0, 0]),
        ("a gap", {"prices": [100, NONE, 121]}, [NONE, NONE, NONE], [0, 0, 1]),
        ("a gap of two periods", {"prices": [100, NONE, 121], "max_gap": 2}, [NONE, NONE, 0.21], [0, 0, 0]),
        ("a date without a row", {"prices": [100, 121], "position": [0, 2]}, [NONE, NONE], [0, 1]),
        (
            "a split and dividends in a gap: 2 new shares for one, of which each then pays 1",
            {"prices": [100, NONE, 60], "split": [1, 2, 1], "paid": [0, 4, 1], "max_gap": 2},
            [NONE, NONE, (2 * 60 + 4 + 2 * 1) / 100 - 1],
            [0, 0, 0],
        ),
        (
            "a delisting on the day after",
            {"prices": [10, NONE], "delisted": [0, 1], "delisting": [NONE, -0.4]},
            [NONE, -0.4],
            [0, 0],
        ),
        (
            "a delisting after a trade of its day",
            {"prices": [10, 9], "delisted": [0, 1], "delisting": [NONE, -0.5]},
            [NONE, -0.55],
            [0, 0],
        ),
        ("a delisting that nothing says the return of", {"prices": [10, NONE], "delisted": [0, 1]}, [NONE, NONE], [0, 3]),
        ("the same after a trade", {"prices": [10, 9], "delisted": [0, 1]}, [NONE, -0.1], [0, 3]),
        (
            "for performance, by the rule",
            {"prices": [10, NONE], "delisted": [0, 1], "by_rule": [0, 1], "delisting_return": -0.3},
            [NONE, -0.3],
            [0, 2],
        ),
        (
            "not for performance",
            {"prices": [10, NONE], "delisted": [0, 1], "delisting_return": -0.3},
            [NONE, NONE],
            [0, 3],
        ),
        (
            "its own return before the rule's",
            {"prices": [10, NONE], "delisted": [0, 1], "by_rule": [0, 1], "delisting": [NONE, -0.8], "delisting_return": -0.3},
            [NONE, -0.8],
            [0, 0],
        ),
        (
            "an id that comes back begins anew",
            {"prices": [10, 9, 20, 22], "delisted": [0, 1, 0, 0], "delisting": [NONE, 0, NONE, NONE]},
            [NONE, -0.1, NONE, 0.1],
            [0, 0, 0, 0],
        ),
        (
            "two assets",
            {"prices": [10, 11, 50, 40], "asset": [0, 0, 1, 1], "position": [0, 1, 1, 2]},
            [NONE, 0.1, NONE, -0.2],
            [0] * 4,
        ),
        (
            "no return reaches over a row that cannot be read",
            {"prices": [10, 11, 12, 15], "unknown": [0, 1, 0, 0], "max_gap": 3},
            [NONE, NONE, NONE, 0.25],
            [0] * 4,
        ),
        ("no row", {"prices": []}, [], []),
    ],
)
def test_by_hand(name, given, expected, notes):
    found = made(**given)
    assert_allclose(found.returns, expected, rtol=1e-14, atol=1e-15, err_msg=name)
    assert_array_equal(found.notes, notes, err_msg=name)


@pytest.mark.parametrize("max_gap", [1, 3])
def test_a_walk_through_each_assets_rows_gives_the_same(max_gap):
    rng = np.random.default_rng(4)
    asset, position = np.divmod(np.flatnonzero(rng.random(40 * 60) < 0.9), 60)
    n = len(asset)
    price = np.where(rng.random(n) < 0.85, rng.lognormal(3, 0.3, n), np.nan)
    split = np.where(rng.random(n) < 0.1, rng.choice([0.5, 2.0, 3.0], n), 1.0)
    paid = np.where(rng.random(n) < 0.2, rng.random(n), 0.0)
    delisted, by_rule = rng.random(n) < 0.03, rng.random(n) < 0.5
    delisting = np.where(delisted & (rng.random(n) < 0.5), -rng.random(n), np.nan)
    unknown = ~delisted & (rng.random(n) < 0.05)
    given = {"split": split, "paid": paid, "delisted": delisted, "delisting": delisting, "by_rule": by_rule, "unknown": unknown}
    found = made(price, asset=asset, position=position, max_gap=max_gap, delisting_return=-0.3, **given)
    returns, notes = walked(asset, position, price, **given, max_gap=max_gap, rule=-0.3)
    assert_allclose(found.returns, returns, rtol=1e-13)
    assert_array_equal(found.notes, notes)
    assert set(Note) == set(notes.tolist())


def walked(asset, position, price, *, split, paid, delisted, delisting, by_rule, unknown, max_gap, rule):
    """One share is bought at each close with a price, and held to the next."""
    returns, notes = np.full(len(asset), np.nan), np.zeros(len(asset), dtype=int)
    bought = None
    for row in range(len(asset)):
        if bought is not None and (asset[row] != asset[bought] or (delisted | unknown)[bought:row].any()):
            bought = None
        if unknown[row]:
            continue
        worth = delisting[row]
        if delisted[row] and np.isnan(worth):
            notes[row] = Note.BY_RULE if by_rule[row] else Note.UNKNOWN_DELISTING
            worth = rule if by_rule[row] else np.nan
        ends = delisted[row] and not np.isnan(worth)
        if bought is not None and (not np.isnan(price[row]) or ends):
            if position[row] - position[bought] > max_gap:
                notes[row] = Note.GAP
            else:
                shares, cash = 1.0, 0.0
                for day in range(bought + 1, row + 1):
                    cash += shares * paid[day]
                    shares *= split[day]
                value = price[bought] if np.isnan(price[row]) else shares * price[row] + cash
                returns[row] = value / price[bought] * (1 + worth if ends else 1) - 1
        if not np.isnan(price[row]):
            bought = row
    return returns, notes


@pytest.mark.parametrize(
    ("rules", "words"), [({"max_gap": 0}, "max_gap is 0"), ({"delisting_return": -1.5}, "delisting_return is -1.5")]
)
def test_rules_that_cannot_be_are_refused(rules, words):
    with pytest.raises(ValueError, match=words):
        TotalReturnRules(**rules)
