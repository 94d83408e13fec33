"""Rows of `panel`, still packed: X, caps and flags of one date are unpacked when they are asked for."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from sigmalake.numerics.factors import Factor, PackedExposures, factor_layout
from sigmalake.numerics.types import Bools, Floats, Ints
from sigmalake.tasks.arrays import Lists, as_array, bool_lists, float_lists, int_lists, lengths

EXPOSURES = ("styles", "member_assets", "member_factors", "member_shares")
"""The columns from which X is made."""

_READERS = {
    "ret": float_lists, "given_return": float_lists, "cap": float_lists, "weight_column": float_lists,
    "specific_var": float_lists, "styles": float_lists,
    "member_shares": float_lists, "member_assets": int_lists, "member_factors": int_lists, "in_estimation": bool_lists,
}  # fmt: skip


class PanelRows(NamedTuple):
    """The rows of a table with the panel's columns, or some of them."""

    factor_set: list[str]
    n_assets: Ints
    asset_id: pa.ListArray
    issuer_id: pa.ListArray | None
    lists: Mapping[str, Lists]  # by column

    def packed_exposures(self, row: int, factors: Sequence[Factor]) -> PackedExposures:
        """X of a row as it is stored."""
        styles, assets, columns, shares = (self.lists[name].row(row) for name in EXPOSURES)
        n_assets, n_styles = int(self.n_assets[row]), len(factor_layout(tuple(factors)).styles)
        return PackedExposures(n_assets, assets, columns, shares, styles.reshape(n_assets, n_styles))

    def exposures(self, row: int, factors: Sequence[Factor]) -> Floats:
        """X of a row, dense."""
        return self.packed_exposures(row, factors).dense(factors)

    def caps(self, row: int) -> Floats:
        """Caps of a row; 1 in a model without caps."""
        caps = self.lists["cap"]
        return caps.row(row) if caps.is_valid[row] else np.ones(self.n_assets[row])

    def weight_column(self, row: int) -> Floats | None:
        """The weights that the source gives; None where it gives none, but of a date without assets no numbers."""
        weights = self.lists["weight_column"]
        return weights.row(row) if weights.is_valid[row] or not self.n_assets[row] else None

    def in_estimation(self, row: int) -> Bools:
        """The estimation universe of a row."""
        return self.lists["in_estimation"].row(row)

    def issuers(self, row: int) -> Ints:
        """A number an issuer of a row, -1 where it is unknown."""
        issuers = None if self.issuer_id is None else self.issuer_id[row]
        if issuers is None or not issuers.is_valid:
            return np.full(self.n_assets[row], -1)
        numbers: Ints = issuers.values.dictionary_encode().indices.fill_null(-1).to_numpy().astype(np.int64)
        return numbers

    def ids(self, row: int) -> pa.Array:
        """The assets of a row."""
        return self.asset_id[row].values


def read_panel_rows(rows: pa.Table) -> PanelRows:
    """The packed columns that a table has."""
    found = {name: read(rows, name) for name, read in _READERS.items() if name in rows.column_names}
    issuers = as_array(rows.column("issuer_id")) if "issuer_id" in rows.column_names else None
    sets = rows.column("factor_set").to_pylist()
    return PanelRows(sets, lengths(rows, "asset_id"), as_array(rows.column("asset_id")), issuers, found)
