"""Memberships of source rows: checked, and as the share of each level that a row holds."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sigmalake.config.factors import Membership
from sigmalake.numerics.types import Bools, Floats, Ints
from sigmalake.tasks.sources.checking import Findings, Reason, texts_in
from sigmalake.tasks.sources.exposures.described import ComputedShares
from sigmalake.tasks.sources.exposures.factor_values import FactorValues, flat_map
from sigmalake.tasks.sources.raw_rows import RawRows, numbers_of, to_bools

SHARE_TOLERANCE = 1e-6  # of the sum of an asset's shares in a group [model 2]


class GroupShares(NamedTuple):
    """The shares of rows in one group that are not 0."""

    rows: Ints  # (M,) ascending
    levels: pa.Array  # (M,)
    shares: Floats  # (M,)


def category_levels(
    findings: Findings, raw: RawRows, group: Membership, column: str, taken: Sequence[str], within: Bools | None = None
) -> pa.Array:
    """The level of each row of a group that is a category, null where it has none.

    Args:
        findings: take the problems.
        raw: the source's rows.
        group: of factors.
        column: of the category.
        taken: names of factors that the configuration lists, which no level that is learned may have.
        within: (N,) the rows that are checked; None: all.
    """
    texts, shown = raw.texts(column), raw.column(column)
    checked = np.ones(raw.n_rows, dtype=bool) if within is None else within
    if not group.partial:
        findings.add(column, Reason.MISSING, texts.missing & checked, shown)
    if group.levels is not None:
        findings.add(column, Reason.UNKNOWN_CATEGORY, ~texts.missing & ~texts_in(texts, group.levels) & checked, shown)
    elif group.only is None:
        findings.add(column, Reason.NAME_TAKEN, ~texts.missing & texts_in(texts, taken) & checked, shown)
    return texts.values


def column_shares(findings: Findings, group: Membership, factors: Mapping[str, FactorValues], n_rows: int) -> GroupShares:
    """The shares of a group that has a column a level."""
    columns = list((group.columns or {}).values())
    total = np.zeros(n_rows)
    for column in columns:
        numbers, shown = factors[column]
        findings.add_number(column, numbers, shown, required=True)
        findings.add(column, Reason.OUTSIDE_0_1, np.isfinite(numbers.values) & _outside(numbers.values), shown)
        total = total + numbers.values
    _add_sum(findings, group.membership, group, total)
    shares = np.column_stack([factors[column].numbers.values for column in columns])
    rows, at = np.nonzero((shares != 0) & ~np.isnan(shares))
    names = pa.array(list(group.columns or {}))
    return GroupShares(rows, names.take(pa.array(at)), shares[rows, at] / _scale(group, total)[rows])


def map_shares(findings: Findings, raw: RawRows, group: Membership, column: str, taken: Sequence[str]) -> GroupShares:
    """The shares of a group that is a map column, level to share; `taken`: as for `category_levels`."""
    maps = raw.column(column)
    rows, keys, items = flat_map(maps)
    levels, numbers = pc.utf8_trim_whitespace(keys), numbers_of(items)
    shares = np.where(numbers.missing, np.nan, numbers.values)
    without = to_bools(maps.is_null())
    findings.add(column, Reason.MISSING, without | _any(rows, np.isnan(shares), raw.n_rows), maps)
    findings.add(column, Reason.OUTSIDE_0_1, _any(rows, _outside(shares), raw.n_rows), maps)
    if group.levels is not None:
        unknown = ~to_bools(pc.is_in(levels, pa.array(group.levels)))
        findings.add(column, Reason.UNKNOWN_CATEGORY, _any(rows, unknown, raw.n_rows), maps)
    elif group.only is None:
        findings.add(column, Reason.NAME_TAKEN, _any(rows, _named(levels, taken), raw.n_rows), maps)
    encoded = levels.dictionary_encode()
    rank = np.empty(len(encoded.dictionary), dtype=np.int64)
    rank[pc.sort_indices(encoded.dictionary.cast(pa.binary())).to_numpy()] = np.arange(len(rank))
    ranks = rank[encoded.indices.to_numpy()] if len(rows) else rows
    order = np.lexsort((ranks, rows))
    same = (np.diff(rows[order], prepend=-1) == 0) & (np.diff(ranks[order], prepend=-1) == 0)
    findings.add(column, Reason.CONFLICTING_COPIES, _any(rows[order], same, raw.n_rows), maps)
    total = _sums(rows[order], shares[order], raw.n_rows)
    _add_sum(findings, column, group, np.where(without, np.nan, total))
    return _scaled(rows[order], levels.take(pa.array(order)), shares[order], group, total)


def computed_shares(
    findings: Findings, raw: RawRows, group: Membership, computed: ComputedShares, taken: Sequence[str]
) -> GroupShares:
    """The shares that were computed from segments or revenues; in their place, where a company has none, its category.

    `taken`: as for `category_levels`.
    """
    table = "industry_shares" if group.segments else "revenue_shares"
    if group.column is None:
        findings.add(table, Reason.MISSING, computed.missing, None)
    if group.listed is None:
        findings.add(table, Reason.NAME_TAKEN, _any(computed.rows, _named(computed.levels, taken), raw.n_rows), None)
    total = _sums(computed.rows, computed.shares, raw.n_rows)
    found = _scaled(computed.rows, computed.levels, computed.shares, group, total)
    if group.column is None:
        return found
    levels = category_levels(findings, raw, group, group.column, taken, computed.missing)
    alone = np.flatnonzero(computed.missing & to_bools(levels.is_valid()))
    rows = np.concatenate([found.rows, alone])
    names = pa.concat_arrays([found.levels.cast(pa.string()), levels.take(pa.array(alone)).cast(pa.string())])
    order = np.argsort(rows, kind="stable")
    shares = np.concatenate([found.shares, np.ones(len(alone))])
    return GroupShares(rows[order], names.take(pa.array(order)), shares[order])


def levels_against_rest(levels: pa.Array, group: Membership) -> pa.Array:
    """The levels of a category where only some are factors: the others are the rest's, null where that is no factor."""
    if group.only is None:
        return levels
    elsewhere = pa.scalar(group.rest, levels.type)
    return pc.if_else(pc.is_in(levels, pa.array(group.only, levels.type)), levels, pc.if_else(levels.is_valid(), elsewhere, levels))


def shares_against_rest(found: GroupShares, group: Membership, n_rows: int) -> GroupShares:
    """The shares where only some levels are factors: a row's others are summed to the rest's, or left out where that is none."""
    if group.only is None:
        return found
    own = to_bools(pc.is_in(found.levels, pa.array(group.only, found.levels.type)))
    kept = GroupShares(found.rows[own], found.levels.filter(pa.array(own)).cast(pa.string()), found.shares[own])
    if group.rest is None:
        return kept
    elsewhere = _sums(found.rows[~own], found.shares[~own], n_rows)
    at = np.flatnonzero(elsewhere)
    rows = np.concatenate([kept.rows, at])
    order = np.argsort(rows, kind="stable")
    names = pa.concat_arrays([kept.levels, pa.array([group.rest] * len(at), pa.string())])
    return GroupShares(rows[order], names.take(pa.array(order)), np.concatenate([kept.shares, elsewhere[at]])[order])


def member_columns(groups: Mapping[int, GroupShares], n_rows: int) -> dict[str, pa.Array]:
    """The columns `member_groups`, `member_levels` and `member_shares`: lists, of a row's groups one after the other.

    Args:
        groups: by their position in the model.
        n_rows: N.
    """
    if not groups:
        return {}
    rows = np.concatenate([group.rows for group in groups.values()])
    numbers = np.concatenate([np.full(len(group.rows), position, dtype=np.int32) for position, group in groups.items()])
    levels = pa.concat_arrays([group.levels.cast(pa.string()) for group in groups.values()])
    shares = np.concatenate([group.shares for group in groups.values()])
    order = np.argsort(rows, kind="stable")
    ends = pa.array(np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=n_rows))]).astype(np.int32))
    flat = {
        "member_groups": pa.array(numbers[order]),
        "member_levels": levels.take(pa.array(order)),
        "member_shares": pa.array(shares[order]),
    }
    return {name: pa.ListArray.from_arrays(ends, values) for name, values in flat.items()}


def levels_in(columns: Mapping[str, pa.Array], learning: Sequence[int]) -> list[tuple[int, Ints, pa.Array]]:
    """Of each group that learns its levels, the rows that have some and these levels."""
    found = []
    for group in learning:
        if (levels := columns.get(f"level_{group}")) is not None:
            at = np.flatnonzero(to_bools(levels.is_valid()))
            found.append((group, at, levels.take(pa.array(at))))
    if "member_groups" in columns and learning:
        lists = columns["member_groups"]
        rows = np.repeat(np.arange(len(lists)), pc.list_value_length(lists).to_numpy())
        of_entry, levels = lists.flatten().to_numpy(), columns["member_levels"].flatten()
        for group in learning:
            at = np.flatnonzero(of_entry == group)
            if len(at):
                found.append((group, rows[at], levels.take(pa.array(at))))
    return found


def _scaled(rows: Ints, levels: pa.Array, shares: Floats, group: Membership, total: Floats) -> GroupShares:
    held = np.flatnonzero((shares != 0) & ~np.isnan(shares))
    return GroupShares(rows[held], levels.take(pa.array(held)), shares[held] / _scale(group, total)[rows[held]])


def _scale(group: Membership, total: Floats) -> Floats:
    """What shares are divided by: a complete group's by their sum; the rest has a problem."""
    return np.where(total > (1.0 if group.partial else 0.0), total, 1.0)


def _add_sum(findings: Findings, column: str, group: Membership, total: Floats) -> None:
    if group.partial:
        findings.add(column, Reason.SHARES_EXCEED, total > 1 + SHARE_TOLERANCE, pa.array(total))
    else:
        findings.add(column, Reason.SHARES_DO_NOT_SUM, np.abs(total - 1) > SHARE_TOLERANCE, pa.array(total))


def _outside(shares: Floats) -> Bools:
    outside: Bools = (shares < 0) | (shares > 1 + SHARE_TOLERANCE)
    return outside


def _sums(rows: Ints, shares: Floats, n_rows: int) -> Floats:
    """The sum of each row's shares, added in their order."""
    return np.bincount(rows, weights=shares, minlength=n_rows).astype(np.float64, copy=False)


def _named(levels: pa.Array, taken: Sequence[str]) -> Bools:
    return to_bools(pc.is_in(levels, pa.array(taken, pa.string())))


def _any(rows: Ints, wrong: Bools, n_rows: int) -> Bools:
    """The rows with an entry that is wrong."""
    found = np.zeros(n_rows, dtype=bool)
    found[rows[wrong]] = True
    return found
