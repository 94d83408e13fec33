"""The bare minimum of a date's regression in numpy: sums by category and one solve, without a check, a status or a statistic.

    python -m bench.limit

Prints one JSON line for each size: the wall seconds of the minimum, and those of `solve_cross_section` and
`fit_cross_section` on the same date, in the same process.
"""

import json
import time
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

from sigmalake.numerics.factors import Factor, Kind, PackedExposures, factor_layout
from sigmalake.numerics.regression.cross_section import fit_cross_section
from sigmalake.numerics.regression.input_checks import checked_date
from sigmalake.numerics.regression.rules import RegressionRules
from sigmalake.numerics.regression.sparse_fit import factor_and_specific_returns, solve_cross_section
from sigmalake.numerics.types import Bools, Floats, Ints
from sigmalake.numerics.weights import regression_weights

SIZES = [(3000, 60, 10), (470, 11, 6), (126, 11, 3)]  # assets, industries, styles
ROUNDS = 500
RULES = RegressionRules()


class Date(NamedTuple):
    """A generated date: a market, industries of which every asset has one, styles."""

    factors: list[Factor]
    returns: Floats
    caps: Floats
    industries: Ints
    styles: Floats


def generated(n_assets: int, n_industries: int, n_styles: int) -> Date:
    """A date of these sizes."""
    rng = np.random.default_rng(n_assets)
    factors = [Factor("market", "market", Kind.MARKET)]
    factors += [Factor(f"industry_{k}", "industry", Kind.MEMBERSHIP) for k in range(n_industries)]
    factors += [Factor(f"style_{k}", "style", Kind.STYLE) for k in range(n_styles)]
    caps, styles = np.exp(1.2 * rng.normal(size=n_assets)), rng.normal(size=(n_assets, n_styles))
    return Date(factors, 0.02 * rng.normal(size=n_assets), caps, rng.integers(0, n_industries, n_assets), styles)


def least(date: Date) -> tuple[Floats, Floats]:
    """Factor and specific returns under the constraint on cap shares, from a bordered system."""
    weights = np.sqrt(date.caps)
    n_industries, n_factors = int(date.industries.max()) + 1, 2 + int(date.industries.max()) + date.styles.shape[1]
    rows = np.vstack([date.returns, np.ones(len(weights)), date.styles.T])
    weighted = rows * weights
    sums = np.array([np.bincount(date.industries, row, n_industries) for row in weighted])
    full = [0, *range(1 + n_industries, n_factors)]
    system = np.zeros((n_factors + 1, n_factors + 1))
    between = weighted @ rows.T
    system[np.ix_(full, full)] = between[1:, 1:]
    system[1 : 1 + n_industries, full] = sums[1:].T
    system[full, 1 : 1 + n_industries] = sums[1:]
    np.fill_diagonal(system[1 : 1 + n_industries, 1 : 1 + n_industries], sums[1])
    system[n_factors, 1 : 1 + n_industries] = np.bincount(date.industries, date.caps, n_industries) / date.caps.sum()
    system[:, n_factors] = system[n_factors]
    right = np.zeros(n_factors + 1)
    right[full], right[1 : 1 + n_industries] = between[0, 1:], sums[0]
    f = np.linalg.solve(system, right)[:n_factors]
    return f, date.returns - f[0] - f[1 + date.industries] - date.styles @ f[1 + n_industries :]


def alone(date: Date, packed: PackedExposures, inside: Bools) -> None:
    """The same by the product: checked, without a statistic."""
    weights = regression_weights(RULES.weights, date.caps, None, inside)
    checked = checked_date(date.returns, packed, date.caps, weights, inside, factor_layout(tuple(date.factors)))
    factor_and_specific_returns(solve_cross_section(checked, weights, RULES))


def whole(date: Date, packed: PackedExposures, inside: Bools) -> None:
    """The product's regression with every status and statistic."""
    weights = regression_weights(RULES.weights, date.caps, None, inside)
    fit_cross_section(date.returns, packed, date.caps, weights, inside, date.factors, RULES)


def main() -> None:
    """Time the three of each size."""
    for size in SIZES:
        date = generated(*size)
        n_assets, inside = size[0], np.ones(size[0], dtype=np.bool_)
        packed = PackedExposures(n_assets, np.arange(n_assets), 1 + date.industries, np.ones(n_assets), date.styles)
        seconds = best([partial(least, date), partial(alone, date, packed, inside), partial(whole, date, packed, inside)])
        named = dict(zip(["limit", "factor_and_specific_returns", "with_statistics"], seconds, strict=True))
        print(json.dumps({"n_assets": n_assets, "n_factors": len(date.factors), **named}))


def best(functions: list[Callable[[], object]]) -> list[float]:
    """Wall seconds of a call, the least of many; the functions take turns, so that all meet the same machine."""
    found: list[list[float]] = [[] for _ in functions]
    for _ in range(ROUNDS):
        for times, function in zip(found, functions, strict=True):
            started = time.perf_counter()
            function()
            times.append(time.perf_counter() - started)
    return [min(times) for times in found]


if __name__ == "__main__":
    main()
