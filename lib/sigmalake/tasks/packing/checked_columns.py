"""The columns of checked rows that packing takes, flat: a column a style, a column a category, lists only of shares."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sigmalake.numerics.types import Floats, Ints
from sigmalake.tasks.sources.checking import CheckedRows

TAKEN = {  # also style_0, style_1, ... of the columns of styles, level_0, ... of the groups that are a category: null where blank
    "date": pa.date32(), "asset_id": pa.string(), "ret": pa.float64(), "cap": pa.float64(), "cap_apart": pa.float64(),
    "exposures_hash": pa.int64(), "returns_hash": pa.int64(), "caps_hash": pa.int64(),  # null: not of this side, or not usable
    "weight": pa.float64(), "in_estimation": pa.bool_(), "issuer_id": pa.string(), "member_groups": pa.list_(pa.int32()),
    "member_levels": pa.list_(pa.string()), "member_shares": pa.list_(pa.float64()),
}  # fmt: skip
Columns = Mapping[str, pa.Array]


class Members(NamedTuple):
    """Memberships, by row and group."""

    row: Ints  # position among the rows asked for
    group: Ints
    level: Ints  # its rank in the group
    share: Floats


def checked_columns(rows: pa.Table) -> Columns:
    """The columns of `TAKEN`, those that no source gives null, and the others."""
    missing = {name: pa.nulls(rows.num_rows, kind) for name, kind in TAKEN.items() if name not in rows.column_names}
    return missing | {name: rows.column(name).combine_chunks() for name in rows.column_names}


def columns_to_pack(sides: Mapping[str, CheckedRows]) -> pa.Table:
    """The columns that packing takes of one source's rows.

    Args:
        sides: exposures, returns and caps, of those that the source feeds; a row of a wide panel is one of each.
    """
    some = next(iter(sides.values()))
    found = {"date": some.column("date"), "asset_id": some.column("asset_id")}
    for side, checked in sides.items():
        found[f"{side}_hash"] = pc.if_else(checked.column("usable"), checked.column("row_hash"), pa.scalar(None, pa.int64()))
    if "exposures" in sides:
        rows = sides["exposures"]
        taken = [name for name in rows.rows.column_names if name in TAKEN or name.startswith(("style_", "level_"))]
        found |= {name: rows.column(name) for name in taken}
    if "returns" in sides:
        found["ret"] = sides["returns"].column("ret")
    if "caps" in sides:
        found["cap_apart"] = sides["caps"].column("cap")
    return pa.table(found)


def styles_of(rows: Columns, at: Ints) -> Floats:
    """(N, S) what styles are made from, of N of the rows; NaN where null."""
    names = [f"style_{number}" for number in range(sum(name.startswith("style_") for name in rows))]
    found = np.empty((len(at), len(names)))
    for number, name in enumerate(names):
        found[:, number] = taken(rows[name], at).to_numpy(zero_copy_only=False)
    return found


def taken(column: pa.Array, at: Ints) -> pa.Array:
    """Values at these positions: of a run of them, as most often, without a copy."""
    if len(at) and at[-1] - at[0] == len(at) - 1 and (at[1:] > at[:-1]).all():
        return column.slice(at[0], len(at))
    return column.take(pa.array(at))


def members_of(rows: Columns, at: Ints, level_ranks: Sequence[Mapping[str, int]]) -> Members:
    """The memberships of these rows.

    Args:
        rows: the source rows.
        at: of them, those asked for.
        level_ranks: for each membership group, the rank of each level.
    """
    if not level_ranks:
        return Members(*(np.array([], dtype=np.int64),) * 3, np.array([]))
    categories = {group: taken(rows[f"level_{group}"], at) for group in range(len(level_ranks)) if f"level_{group}" in rows}
    found = [_of_category(group, levels, level_ranks[group]) for group, levels in categories.items()]
    if len(found) < len(level_ranks):
        found.append(_of_lists(rows, pa.array(at), level_ranks))
    if len(found) == 1:
        return found[0]
    joined = Members(*(np.concatenate(parts) for parts in zip(*found, strict=True)))
    order = np.lexsort((joined.group, joined.row))
    return Members(joined.row[order], joined.group[order], joined.level[order], joined.share[order])


def _of_category(group: int, levels: pa.Array, ranks: Mapping[str, int]) -> Members:
    held = np.flatnonzero(levels.is_valid().to_numpy(zero_copy_only=False))
    encoded = levels.drop_null().dictionary_encode()
    rank = np.array([ranks.get(level, -1) for level in encoded.dictionary.to_pylist()], dtype=np.int64)
    return Members(held, np.full(len(held), group), rank[encoded.indices.to_numpy()], np.ones(len(held)))


def _of_lists(rows: Columns, asked: pa.Array, level_ranks: Sequence[Mapping[str, int]]) -> Members:
    groups, levels, shares = (rows[f"member_{name}s"].take(asked) for name in ("group", "level", "share"))
    encoded = levels.flatten().dictionary_encode()
    rank = np.array([[ranks.get(level, -1) for level in encoded.dictionary.to_pylist()] for ranks in level_ranks], dtype=np.int64)
    row = np.repeat(np.arange(len(groups)), np.diff(groups.offsets.to_numpy()))
    group = groups.flatten().to_numpy().astype(np.int64)
    return Members(row, group, rank[group, encoded.indices.to_numpy()], shares.flatten().to_numpy())
