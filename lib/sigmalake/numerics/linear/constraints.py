"""The linear constraints that identify a cross-section's factors."""

from collections.abc import Sequence

import numpy as np

from sigmalake.numerics.factors import Factor, Kind
from sigmalake.numerics.types import Bools, Floats, Ints

DEPENDENT_ROW = 1e-12  # what rounding leaves of a constraint that the rows before it imply


def membership_groups(factors: Sequence[Factor], *kinds: Kind) -> dict[str, Ints]:
    """The columns of each membership group of these kinds, in configuration order."""
    columns: dict[str, list[int]] = {}
    for position, factor in enumerate(factors):
        if factor.kind in kinds:
            columns.setdefault(factor.group, []).append(position)
    return {group: np.array(positions, dtype=np.int64) for group, positions in columns.items()}


def constraint_rows(exposures: Floats, caps: Floats, in_estimation: Bools, factors: Sequence[Factor], active: Bools) -> Floats:
    """The rows C of C f = 0: sum_k m_k f_k = 0 over each complete membership group that needs one.

    m_k = sum_n c_n X_nk / sum_n c_n over the estimation universe (Heston and Rouwenhorst 1994; Menchero, Orr, Wang
    2011). With a market factor every complete group needs its row, without one every complete group but the first.
    Partial groups need none. Columns that are not active have no part in a row.

    Args:
        exposures: (N, K) memberships as shares.
        caps: (N,) market capitalisations at t-1, any one currency.
        in_estimation: (N,) the universe at t-1, also the names whose return is missing at t.
        factors: the K columns.
        active: (K,) the columns that are estimated.

    Returns:
        (M, K) rows, 0 in the columns of other groups.
    """
    caps = below_one(caps)
    used = np.where(active, (caps * in_estimation) @ exposures / caps[in_estimation].sum(), 0.0)
    groups = [columns for columns in membership_groups(factors, Kind.MEMBERSHIP).values() if active[columns].any()]
    has_market = any(factor.kind is Kind.MARKET for factor in factors)
    constrained = groups if has_market else groups[1:]
    rows = np.zeros((len(constrained), len(factors)))
    for row, columns in zip(rows, constrained, strict=True):
        row[columns] = used[columns]
    return rows


def below_one(sizes: Floats) -> Floats:
    """The same relative sizes, to the last bit, whose sums and squares are numbers: divided by a power of 2."""
    scaled: Floats = np.ldexp(sizes, -np.frexp(sizes.max(initial=0.0))[1])
    return scaled


def null_space_basis(constraints: Floats) -> Floats:
    """An orthonormal basis R of {f : C f = 0}, by one Householder reflection a constraint.

    Each reflection maps the row's largest entry away and touches only the columns of that row, so that factors
    without a constraint keep their own column of R.

    Args:
        constraints: (M, K) the rows C; a row that is zero or follows from the others is passed over.

    Returns:
        (K, K - rank C) orthonormal columns.
    """
    basis = np.eye(constraints.shape[1])
    for row in constraints:
        direction = row @ basis
        length = np.linalg.norm(direction)
        if length <= DEPENDENT_ROW * np.linalg.norm(row):
            continue
        pivot = int(np.argmax(np.abs(direction)))
        reflector = direction / length
        reflector[pivot] += np.copysign(1.0, reflector[pivot])
        basis -= np.outer(basis @ reflector, reflector) / abs(reflector[pivot])
        basis = np.delete(basis, pivot, axis=1)
    return basis
