"""Returns that are given without what some factors earned, made whole: r + X_g F_g."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from sigmalake.numerics.factors import Factor, Given, exposures_to, given_factors
from sigmalake.numerics.regression.given_factors import explained_by_given
from sigmalake.tasks.arrays import number_lists
from sigmalake.tasks.panel_rows import PanelRows, read_panel_rows


def whole_returns(rows: pa.Table, factor_sets: Mapping[str, Sequence[Factor]]) -> pa.Table:
    """Rows of `panel` whose returns contain what the factors beside them earned; null where one of these has no return.

    Args:
        rows: of `panel`.
        factor_sets: those with factors beside the returns; rows of other sets stay as they are.
    """
    if not factor_sets or not rows.num_rows:
        return rows
    panel = read_panel_rows(rows.combine_chunks())
    found = [_whole(panel, row, factor_sets.get(panel.factor_set[row], ())) for row in range(rows.num_rows)]
    at = rows.column_names.index("ret")
    return rows.set_column(at, rows.schema.field(at), number_lists(found))


def _whole(panel: PanelRows, row: int, factors: Sequence[Factor]) -> np.ndarray:
    returns = panel.lists["ret"].row(row)
    if not (factors and panel.lists["given_return"].is_valid[row]):
        return returns
    beside = np.array([factor.given is Given.BESIDE_RETURNS for factor in factors])
    X = exposures_to(panel.packed_exposures(row, factors), factors, beside)
    F = panel.lists["given_return"].row(row)[beside[given_factors(factors)]]
    return returns + explained_by_given(X, [factor for factor in factors if factor.given is Given.BESIDE_RETURNS], F)
