"""The styles of a date that are standardised here: arrays of its source rows for the kernel, and its answer in Arrow."""

from collections.abc import Sequence
from math import isnan
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from sigmalake.numerics.arrays import Floats, Ints
from sigmalake.numerics.built_styles import BuiltStyles, StyleInputs, StyleRecipe, build_styles


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


_READ = ("styles", "cap", "cap_apart", "weight", "in_estimation", "member_groups", "member_levels", "member_shares")


class Styling:
    """The source rows of some dates as the kernel takes them."""

    def __init__(self, rows: pa.Table, recipe: StyleRecipe, level_ranks: Sequence[dict[str, int]], *, caps_apart: bool) -> None:
        self._columns = {name: rows.column(name).combine_chunks() for name in _READ}  # once: it copies
        self._recipe, self._caps_apart = recipe, caps_apart
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
            descriptors=self._flat("styles", rows).to_numpy(zero_copy_only=False).reshape(len(rows), len(self._recipe.columns)),
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
        groups = self._flat("member_groups", rows).to_numpy()
        levels = self._flat("member_levels", rows).to_pylist()
        asset = np.repeat(np.arange(len(rows)), self._taken("member_groups", rows).value_lengths().to_numpy())
        level = [self._ranks[group][name] for group, name in zip(groups.tolist(), levels, strict=True)]
        shares[asset, self._offsets[groups] + np.array(level, dtype=np.int64)] = self._flat("member_shares", rows).to_numpy()
        return shares

    def _taken(self, column: str, rows: Ints) -> pa.Array:
        return self._columns[column].take(pa.array(rows))

    def _flat(self, column: str, rows: Ints) -> pa.Array:
        return self._taken(column, rows).flatten()

    def _floats(self, column: str, rows: Ints) -> Floats:
        values: Floats = self._taken(column, rows).to_numpy(zero_copy_only=False).astype(float)
        return values


def _without_nan(step: dict[str, str | float]) -> dict[str, str | float | None]:
    return {name: None if isinstance(value, float) and isnan(value) else value for name, value in step.items()}
