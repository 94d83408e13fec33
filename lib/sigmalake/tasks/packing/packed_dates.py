"""Source rows of some dates, as Arrow columns, become packed rows: who is usable, who conflicts, and the arrays."""

from collections.abc import Sequence
from datetime import date
from functools import reduce
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sigmalake.numerics.exposures.build_styles import StyleRecipe
from sigmalake.numerics.types import Bools, Ints
from sigmalake.tables.packed import PANEL
from sigmalake.tasks.packing.checked_columns import Columns, checked_columns, members_of, styles_of, taken
from sigmalake.tasks.packing.packed_styles import DateStyles, Styling


class PanelRow(NamedTuple):
    """What the driver knows of a panel row before its arrays are packed."""

    part: int  # partition, and so file, that it goes to
    exposure_date: date
    return_date: date | None
    exposures_from: date | None  # date of the exposures' source rows
    caps_from: date | None  # date of the caps' source rows, where caps lie apart
    exposures_age: int
    factor_set: str
    first_factor: list[int]  # of each membership group, its first position in the factor set
    inputs_hash: str
    exposures_hash: str
    opening: date | None  # on the calendar's first row: its own date, whose returns no exposures explain
    given_return: list[float | None] | None = None  # of the given factors of the factor set, on return_date; None: there are none


class _SourceRows(NamedTuple):
    """Source rows, sorted by date and asset; a side that a row does not feed, or whose check it failed, is invalid."""

    dates: Ints  # days since 1970
    assets: Ints  # rank of the id among all ids here
    hashes: dict[str, Ints]  # by side
    valid: dict[str, Bools]
    has_return: Bools

    def on(self, side: str, day: date | None) -> "_UniqueRows":
        """The rows of one side on one date, one per asset."""
        if day is None:
            return _UniqueRows(*(np.array([], dtype=np.int64),) * 3, np.array([], dtype=bool))
        number = (day - _EPOCH).days
        first, last = np.searchsorted(self.dates, number), np.searchsorted(self.dates, number, side="right")
        rows = np.arange(first, last)[self.valid[side][first:last]]
        assets, starts, counts = np.unique(self.assets[rows], return_index=True, return_counts=True)
        if len(assets) == len(rows):
            return _UniqueRows(assets, rows, counts, np.ones(len(assets), dtype=bool))
        hashes = self.hashes[side][rows]
        same = np.minimum.reduceat(hashes, starts) == np.maximum.reduceat(hashes, starts)
        return _UniqueRows(assets, rows[starts], counts, same)


class _UniqueRows(NamedTuple):
    """Rows of one side on one date, one per asset, with duplicates flagged."""

    assets: Ints  # ascending
    rows: Ints  # the first row of each
    counts: Ints  # rows of each
    same: Bools  # whether these are copies of one another; of unequal ones none is used

    @property
    def n_rejected(self) -> int:
        """Of equal copies one is used, of unequal ones none."""
        extra = np.where(self.same, self.counts - 1, self.counts)
        return int(extra[self.counts > 1].sum())

    def only(self, where: Bools) -> "_UniqueRows":
        """Some of the assets."""
        return _UniqueRows(self.assets[where], self.rows[where], self.counts[where], self.same[where])


class _Date(NamedTuple):
    """What goes into one packed row: positions of source rows, -1 where there is none."""

    exposures: Ints  # of each usable asset
    returns: Ints
    caps: Ints
    n_missing: int
    n_unmatched: int
    n_conflicts: int
    styles: DateStyles | None  # None: as given


_EPOCH = date(1970, 1, 1)
SIDES = ("exposures", "returns", "caps")


def pack_dates(
    rows: pa.Table,
    plan: Sequence[PanelRow],
    level_ranks: Sequence[dict[str, int]],
    recipe: StyleRecipe | None,
    *,
    caps_apart: bool,
) -> pa.Table:
    """The planned rows of `panel`, from the source rows of their dates.

    Args:
        rows: columns as `checked_columns` names them, in any order.
        plan: the rows to make.
        level_ranks: for each membership group, the rank of each level.
        recipe: of the styles; None where all are as given.
        caps_apart: whether caps come from a source of their own, which an asset must be in to be used.
    """
    given = [f"{side}_hash" for side in SIDES if f"{side}_hash" in rows.column_names]
    if all(rows.column(name).null_count for name in given):
        rows = rows.filter(reduce(pc.or_, (rows.column(name).is_valid() for name in given)))
    codes = _ranked(rows.column("asset_id"))
    days = rows.column("date").cast(pa.int32()).to_numpy().astype(np.int64)
    if not _in_order(days, codes):
        order = np.lexsort((codes, days))
        rows, days, codes = rows.take(pa.array(order)), days[order], codes[order]
    columns = checked_columns(rows)
    hashes = {side: columns[f"{side}_hash"].fill_null(0).to_numpy() for side in SIDES}
    valid = {side: _is_valid(columns[f"{side}_hash"]) for side in SIDES}
    by_side = _SourceRows(days, codes, hashes, valid, _is_valid(columns["ret"]))
    styling = None if recipe is None else Styling(columns, recipe, level_ranks, caps_apart=caps_apart)
    packed = [_pack_date(by_side, row, styling, caps_apart=caps_apart) for row in plan]
    return _as_table(columns, plan, packed, level_ranks, caps_apart=caps_apart)


def _ranked(ids: pa.ChunkedArray) -> Ints:
    """Ids as integers in their order, byte by byte; strings stay in Arrow."""
    encoded = ids.combine_chunks().dictionary_encode()
    order = pc.sort_indices(encoded.dictionary.cast(pa.binary())).to_numpy()
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    codes: Ints = rank[encoded.indices.to_numpy()]
    return codes


def _in_order(days: Ints, codes: Ints) -> bool:
    """Whether rows are sorted by day, and those of a day by asset."""
    step = np.diff(days)
    return not ((step < 0) | ((step == 0) & (np.diff(codes) < 0))).any()


def _pack_date(rows: _SourceRows, row: PanelRow, styling: Styling | None, *, caps_apart: bool) -> _Date:
    x, r = rows.on("exposures", row.exposures_from), rows.on("returns", row.return_date)
    n_conflicts = x.n_rejected + r.n_rejected + rows.on("returns", row.opening).n_rejected
    x, r = x.only(x.same), r.only(r.same)
    caps = np.full(len(x.assets), -1)
    if caps_apart:
        c = rows.on("caps", row.caps_from)
        n_conflicts += c.n_rejected
        caps = _meet(x.assets, c.only(c.same))
        n_conflicts += int((caps < 0).sum())
        x, caps = x.only(caps >= 0), caps[caps >= 0]
    styles = None
    if styling is not None:
        styles = styling.built(x.rows, caps)
        kept = styles.built.kept
        n_conflicts += int((~kept).sum())
        x, caps = x.only(kept), caps[kept]
    returns = _meet(x.assets, r)
    found = returns[returns >= 0]
    return _Date(
        exposures=x.rows,
        returns=returns,
        caps=caps,
        n_missing=int((~rows.has_return[found]).sum()),
        n_unmatched=len(r.assets) - len(found),
        n_conflicts=n_conflicts,
        styles=styles,
    )


def _meet(assets: Ints, side: _UniqueRows) -> Ints:
    """Each asset's row of a side, -1 where it has none."""
    if len(side.assets) == 0:
        return np.full(len(assets), -1)
    at = np.minimum(np.searchsorted(side.assets, assets), len(side.assets) - 1)
    return np.where(side.assets[at] == assets, side.rows[at], -1)


def _as_table(
    rows: Columns,
    plan: Sequence[PanelRow],
    packed: Sequence[_Date],
    level_ranks: Sequence[dict[str, int]],
    *,
    caps_apart: bool,
) -> pa.Table:
    sizes = np.array([len(found.exposures) for found in packed], dtype=np.int64)
    x = _joined([found.exposures for found in packed])
    ret = _taken(rows["ret"], _joined([found.returns for found in packed]))
    cap = _taken(rows["cap_apart" if caps_apart else "cap"], _joined([found.caps for found in packed]) if caps_apart else x)
    columns = {
        "exposure_date": [row.exposure_date for row in plan],
        "return_date": [row.return_date for row in plan],
        "exposures_age": [row.exposures_age for row in plan],
        "factor_set": [row.factor_set for row in plan],
        "inputs_hash": [row.inputs_hash for row in plan],
        "exposures_hash": [row.exposures_hash for row in plan],
        "n_assets": sizes,
        "n_returns": _sums(_is_valid(ret), sizes),
        "n_missing": [found.n_missing for found in packed],
        "n_unmatched": [found.n_unmatched for found in packed],
        "n_conflicts": [found.n_conflicts for found in packed],
        "asset_id": _lists(_taken(rows["asset_id"], x), sizes),
        "ret": _lists(ret, sizes),
        "given_return": [row.given_return for row in plan],
        "cap": _present(cap, sizes),
        "weight_column": _present(_taken(rows["weight"], x), sizes),
        "in_estimation": _lists(_taken(rows["in_estimation"], x), sizes),
        "issuer_id": _present(_taken(rows["issuer_id"], x), sizes),
        **_styles(rows, x, sizes, [found.styles for found in packed if found.styles is not None]),
        **_memberships(rows, plan, x, sizes, level_ranks),
    }
    return pa.table([pa.array(columns[field.name], field.type) for field in PANEL.arrow_schema()], names=PANEL.column_names)


def _styles(rows: Columns, x: Ints, sizes: Ints, found: Sequence[DateStyles]) -> dict[str, object]:
    """X's styles by date, and how they came about."""
    if not found:
        styles = styles_of(rows, x)
        given = {"styles": _lists(pa.array(styles.ravel()), sizes * styles.shape[1])}
        return given | dict.fromkeys(("n_filled", "styles_filled", "style_steps", "style_rejects"), [None] * len(sizes))
    counts = np.array([date.built.exposures.size for date in found], dtype=np.int64)
    return {
        "styles": _lists(pa.array(np.concatenate([date.built.exposures.ravel() for date in found])), counts),
        "n_filled": [int(date.built.filled.sum()) for date in found],
        "styles_filled": _lists(pa.array(np.concatenate([date.built.filled.ravel() for date in found])), counts),
        "style_steps": [date.steps for date in found],
        "style_rejects": [date.rejects(rows["asset_id"]) for date in found],
    }


def _memberships(
    rows: Columns, plan: Sequence[PanelRow], x: Ints, sizes: Ints, level_ranks: Sequence[dict[str, int]]
) -> dict[str, pa.Array]:
    """The triplets (asset, factor, share) of every date."""
    members = members_of(rows, x, level_ranks)
    first = np.array([row.first_factor for row in plan], dtype=np.int64).reshape(len(plan), len(level_ranks))
    of_date = np.repeat(np.arange(len(plan)), sizes)[members.row]
    assets = members.row - _starts(sizes)[of_date]
    factors = first[of_date, members.group] + members.level
    n_members = np.bincount(of_date, minlength=len(plan))
    return {
        "member_assets": _lists(pa.array(assets.astype(np.int32)), n_members),
        "member_factors": _lists(pa.array(factors.astype(np.int32)), n_members),
        "member_shares": _lists(pa.array(members.share), n_members),
    }


def _joined(parts: Sequence[Ints]) -> Ints:
    return np.concatenate([np.array([], dtype=np.int64), *parts])


def _starts(sizes: Ints) -> Ints:
    return np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)


def _sums(lengths: Ints | Bools, sizes: Ints) -> Ints:
    """Sums of the lengths over runs of these sizes."""
    ends = np.concatenate([[0], np.cumsum(lengths)])
    sums: Ints = ends[np.cumsum(sizes)] - ends[_starts(sizes)]
    return sums


def _taken(column: pa.Array, at: Ints) -> pa.Array:
    """Values at these positions; null at -1."""
    missing = at < 0
    return column.take(pa.array(at, mask=missing)) if missing.any() else taken(column, at)


def _is_valid(values: pa.Array) -> Bools:
    found: Bools = values.is_valid().to_numpy(zero_copy_only=False)
    return found


def _lists(values: pa.Array, sizes: Ints, missing: Bools | None = None) -> pa.Array:
    ends = pa.array(np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32))
    return pa.ListArray.from_arrays(ends, values, mask=None if missing is None else pa.array(missing))


def _present(values: pa.Array, sizes: Ints) -> pa.Array:
    """Lists; null where every value of one is."""
    known = _sums(_is_valid(values), sizes)
    return _lists(values, sizes, known == 0)
