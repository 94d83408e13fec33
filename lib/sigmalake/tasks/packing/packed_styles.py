"""The styles of a date that are standardised here: arrays of its source rows for the kernel, and its answer in Arrow."""

from collections.abc import Sequence
from math import isnan
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from sigmalake.numerics.exposures.build_styles import BuiltStyles, StyleInputs, StyleRecipe, build_styles
from sigmalake.numerics.types import Floats, Ints
from sigmalake.tasks.packing.checked_columns import Columns, members_of, styles_of


class DateStyles(NamedTuple):
    """The styles of one date, and the source rows of all of its assets, also of those that have left."""

    built: BuiltStyles
    rows: Ints

    @property
    def steps(self) -> list[dict[str, str | float | None]]:
        """The column `style_steps`."""
        return [_without_nan(step._asdict()) for step in self.built.steps]

    def rejects(self, ids: pa.Array) -> list[dict[str, str | float]]:
        """The column `style_rejects`."""
        at = self.rows[[removed.asset for removed in self.built.removed]] if self.built.removed else self.rows[:0]
        named = zip(ids.take(pa.array(at)).to_pylist(), self.built.removed, strict=True)
        return [{"asset_id": asset, "column": removed.column, "value": removed.value} for asset, removed in named]


class Styling:
    """The source rows of some dates as the kernel takes them."""

    def __init__(self, rows: Columns, recipe: StyleRecipe, level_ranks: Sequence[dict[str, int]], *, caps_apart: bool) -> None:
        self._rows, self._recipe, self._caps_apart = rows, recipe, caps_apart
        self._ranks = level_ranks
        self._offsets = np.concatenate([[0], np.cumsum([len(ranks) for ranks in level_ranks])]).astype(np.int64)

    def built(self, rows: Ints, caps: Ints) -> DateStyles:
        """The styles of one date.

        Args:
            rows: (N,) source row of each asset's exposures.
            caps: (N,) source row of its cap, where caps lie apart.
        """
        cap = self._floats("cap_apart", caps) if self._caps_apart else self._floats("cap", rows)
        weights = self._floats("weight", rows)
        flags = self._taken("in_estimation", rows)
        given = StyleInputs(
            descriptors=styles_of(self._rows, rows),
            caps=np.ones(len(rows)) if np.isnan(cap).any() else cap,  # null for all where the model has none
            weight_column=None if np.isnan(weights).any() else weights,
            in_estimation=flags.to_numpy(zero_copy_only=False).astype(bool),
            memberships=self._memberships(rows),
        )
        return DateStyles(build_styles(self._recipe, given), rows)

    def _memberships(self, rows: Ints) -> Floats:
        """(N, M) shares, the levels of a group after those of the one before; nothing where no style reads them."""
        shares = np.zeros((len(rows), int(self._offsets[-1])))
        if not self._recipe.reads_memberships:
            return shares
        members = members_of(self._rows, rows, self._ranks)
        shares[members.row, self._offsets[members.group] + members.level] = members.share
        return shares

    def _taken(self, column: str, rows: Ints) -> pa.Array:
        return self._rows[column].take(pa.array(rows))

    def _floats(self, column: str, rows: Ints) -> Floats:
        values: Floats = self._taken(column, rows).to_numpy(zero_copy_only=False).astype(float)
        return values


def _without_nan(step: dict[str, str | float]) -> dict[str, str | float | None]:
    return {name: None if isinstance(value, float) and isnan(value) else value for name, value in step.items()}
