"""The words of a cross-section's answer: statuses of factors, and details."""

from collections.abc import Sequence

import numpy as np

from sigmalake.numerics.factors import Factor
from sigmalake.numerics.regression.answer import FactorStatus
from sigmalake.numerics.regression.robust.huber import HuberFit
from sigmalake.numerics.types import Bools, Ints


def huber_detail(huber: HuberFit) -> str:
    """Why Huber's reweighting ended without an answer of its own."""
    if huber.scale == 0.0:
        return f"Huber: the scale of the residuals is 0 after {huber.n_iterations} iterations; half of them or more are 0"
    return (
        f"Huber's reweighting has not converged: after {huber.n_iterations} iterations residuals change by "
        f"{huber.change:.2g} of their size; the scale is {huber.scale:.3g}"
    )


def joined(*details: str) -> str:
    """What there is to say, in one line."""
    return "; ".join(detail for detail in details if detail)


def factor_statuses(
    n_factors: int, *, dropped: Bools | None, empty: Bools, constant: Bools | None, missing: Bools | None, thin: Bools | None
) -> tuple[str, ...]:
    """(K,) FactorStatus of each factor; `missing` marks those without an estimate, `thin` those that are kept."""
    statuses = [FactorStatus.OK.value] * n_factors
    cases = [  # from the weakest
        (thin, FactorStatus.THIN),
        (missing, FactorStatus.COLLINEAR),
        (constant, FactorStatus.CONSTANT),
        (empty, FactorStatus.EMPTY),
        (dropped, FactorStatus.THIN),
    ]
    for where, status in cases:
        if where is not None:
            for factor in where.nonzero()[0].tolist():
                statuses[factor] = status.value
    return tuple(statuses)


def lost_detail(n_lost: int, exposed: Ints, empty: Bools, dropped: Bools, factors: Sequence[Factor]) -> str:
    """How many assets with a return have no specific return, by the factors they miss.

    Args:
        n_lost: such assets.
        exposed: (K,) of them, those exposed to each factor.
        empty: (K,) factors without members.
        dropped: (K,) thin factors taken out.
        factors: the K columns.
    """
    causes = [
        f"{exposed[position]} exposed to {factors[position].name} ({'empty' if empty[position] else 'thin, dropped'})"
        for position in np.flatnonzero(empty | dropped).tolist()
        if exposed[position]
    ]
    return f"assets with a return but no specific return: {n_lost}, {', '.join(causes)}" if causes else ""
