"""Rows of `risk_models`, still packed: Sigma, Delta and linked issues of one model are unpacked when they are asked for."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sigmalake.numerics.portfolio.coverage import full_symmetric
from sigmalake.numerics.portfolio.linked_cov import UNLINKED, LinkedCov, linked_among
from sigmalake.numerics.types import Floats
from sigmalake.tasks.arrays import Lists, as_array, float_lists, int_lists

MODEL_COLUMNS = ("factors", "zero_factors", "factor_cov", "asset_id", "specific_var", "linked_1", "linked_2", "linked_cov")
"""What V is made of, beside variant and date."""


class ModelRows(NamedTuple):
    """Rows of `risk_models`."""

    variant: list[str]
    date: list[date]
    factors: list[list[str]]  # of Sigma
    zero_factors: list[list[str]]  # not in Sigma, and count as 0
    asset_id: pa.ListArray
    lists: Mapping[str, Lists]  # by column

    def sigma(self, row: int) -> Floats:
        """Sigma of a row, whole."""
        return full_symmetric(self.lists["factor_cov"].row(row), len(self.factors[row]))

    def specific_var_of(self, row: int, assets: pa.Array) -> Floats:
        """Delta of some assets, NaN where the row has none."""
        at = pc.index_in(assets, self.asset_id[row].values)
        found = np.full(len(assets), np.nan)
        known = at.is_valid().to_numpy(zero_copy_only=False)
        found[known] = self.lists["specific_var"].row(row)[at.drop_null().to_numpy()]
        return found

    def linked_among(self, row: int, assets: Sequence[str]) -> LinkedCov:
        """The linked issues among some assets, by their positions there; none where the layer is off."""
        if not self.lists["linked_1"].is_valid[row]:
            return UNLINKED
        pairs = np.column_stack([self.lists["linked_1"].row(row), self.lists["linked_2"].row(row)])
        return linked_among(assets, self.asset_id[row].values.to_pylist(), pairs, self.lists["linked_cov"].row(row))


def read_model_rows(rows: pa.Table) -> ModelRows:
    """The packed columns of `MODEL_COLUMNS`."""
    numbers = {name: float_lists(rows, name) for name in ("factor_cov", "specific_var", "linked_cov")}
    positions = {name: int_lists(rows, name) for name in ("linked_1", "linked_2")}
    variant, day, factors, zero = (rows.column(name).to_pylist() for name in ("variant", "date", "factors", "zero_factors"))
    return ModelRows(variant, day, factors, zero, as_array(rows.column("asset_id")), {**numbers, **positions})
