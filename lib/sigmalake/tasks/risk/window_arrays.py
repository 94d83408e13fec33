"""The rows that a chunk of as-of dates reads, as arrays: strings stay in Arrow, assets become columns."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from sigmalake.numerics.factors import Factor, PackedExposures
from sigmalake.numerics.regression.cross_section import FactorStatus
from sigmalake.numerics.specific_risk.layered import LayeredSpecificVar
from sigmalake.numerics.specific_risk.layers import Coverage
from sigmalake.numerics.types import Floats, Ints
from sigmalake.tasks.arrays import as_array, flat_floats, float_lists, lengths, ranked_ids
from sigmalake.tasks.panel_rows import PanelRows, read_panel_rows

HISTORY, KNOWN, CAPS_BEFORE = "history", "known", "caps_before"  # roles: a cross-section, the panel's row of an as-of date, or
# of the date before one of the window

_ZERO = (FactorStatus.COLLINEAR.value, FactorStatus.CONSTANT.value)


class Window(NamedTuple):
    """What the estimators read. R rows, from the first on; A assets."""

    first: int  # position of the first row
    factors: list[str]  # every factor of the window's sets
    factor_returns: Floats  # (R, F) NaN: not estimated
    factor_sets: dict[int, tuple[str, list[int]]]  # as-of position: set, and the columns of its factors in its order
    asset_ids: list[str]  # every asset of the window, ascending
    specific_returns: Floats  # (R, A) NaN: missing
    caps_before: Floats | None  # (R, A) known one row before, NaN: unknown; None: no variant reads them
    covered: dict[int, Ints]  # as-of position: columns of the covered assets, ascending
    known: dict[int, "KnownRow"]  # as-of position: what the panel says of it
    without_effect: dict[int, frozenset[str]]  # position: factors that its regression counts as 0

    def coverage(self, position: int, layers: LayeredSpecificVar) -> Coverage:
        """The assets of an as-of date, with what the layers of Delta read of them."""
        columns = self.covered[position]
        row = self.known.get(position)
        here = np.empty(0, dtype=np.int64) if row is None else row.columns
        is_known = np.zeros(len(columns), dtype=np.bool_)
        is_known[np.searchsorted(columns, here)] = True
        caps, issuers = np.full(len(columns), np.nan), np.full(len(columns), -1)
        exposures: Floats | PackedExposures = np.empty((0, 0))
        factors = list[Factor]()
        if row is not None:
            factors = list(row.factors)
            caps[is_known] = row.caps() if layers.reads_caps else np.nan
            issuers[is_known] = row.issuers() if layers.linked else -1
            exposures = row.exposures() if layers.reads_exposures else exposures
        return Coverage(
            columns, is_known, exposures if layers.reads_exposures else None, factors, caps if layers.reads_caps else None,
            issuers if layers.linked else None,
        )  # fmt: skip


class KnownRow(NamedTuple):
    """A row of `panel`, still packed."""

    panel: PanelRows
    row: int
    columns: Ints  # of its assets, ascending
    factors: Sequence[Factor]

    def exposures(self) -> PackedExposures:
        """X known at the date."""
        return self.panel.packed_exposures(self.row, self.factors)

    def caps(self) -> Floats:
        """Caps known at the date; 1 in a model without caps."""
        return self.panel.caps(self.row)

    def issuers(self) -> Ints:
        """A number an issuer, -1 where it is unknown."""
        return self.panel.issuers(self.row)


def read_window(
    history: pa.Table, known: pa.Table, caps_before: pa.Table | None, first: int, factor_sets: Mapping[str, Sequence[Factor]]
) -> Window:
    """The arrays of a chunk, from its rows by role, each in the order of positions.

    Args:
        history: cross-sections.
        known: the panel's rows of the as-of dates.
        caps_before: assets and caps known one date before; None where no variant reads them.
        first: position of the first row.
        factor_sets: what the arrays by factor mean.
    """
    factors, factor_returns = _factor_matrix(history, known, first, factor_sets)
    column = {factor: position for position, factor in enumerate(factors)}
    sets = {
        position: (name, [column[factor.name] for factor in factor_sets[name]])
        for table in (history, known)  # the set known at the date lists all of the set used in its regression
        for position, name in zip(table.column("position").to_pylist(), table.column("factor_set").to_pylist(), strict=True)
    }
    ids, codes = asset_codes([table for table in (history, known, caps_before) if table is not None])
    shape = (_rows(history, first), len(ids))
    specific = by_row_and_asset(history, codes[0], "specific_return", first, shape)
    covered, at_close = _assets_by_position(history, codes[0]), _assets_by_position(known, codes[1])
    for position, assets in at_close.items():
        covered[position] = _either(len(ids), covered.get(position), assets)
    panel = read_panel_rows(known)
    rows = {
        position: KnownRow(panel, row, at_close[position], factor_sets[name])
        for row, (position, name) in enumerate(
            zip(known.column("position").to_pylist(), known.column("factor_set").to_pylist(), strict=True)
        )
    }
    caps = None
    if caps_before is not None and caps_before.num_rows:
        caps = by_row_and_asset(caps_before, codes[2], "cap", first, shape)
    return Window(first, factors, factor_returns, sets, ids, specific, caps, covered, rows, _without_effect(history, factor_sets))


def _either(n_assets: int, first: Ints | None, second: Ints) -> Ints:
    """The assets of one list or the other, ascending."""
    found = np.zeros(n_assets, dtype=np.bool_)
    for assets in (second,) if first is None else (first, second):
        found[assets] = True
    return np.flatnonzero(found)


def _without_effect(history: pa.Table, factor_sets: Mapping[str, Sequence[Factor]]) -> dict[int, frozenset[str]]:
    """Of each cross-section, the factors that are collinear or constant: they have no return, and X f does without them."""
    columns = (history.column(name).to_pylist() for name in ("position", "factor_set", "factor_status"))
    return {
        position: frozenset(factor.name for factor, status in zip(factor_sets[name], statuses, strict=True) if status in _ZERO)
        for position, name, statuses in zip(*columns, strict=True)
    }


def _factor_matrix(
    history: pa.Table, known: pa.Table, first: int, factor_sets: Mapping[str, Sequence[Factor]]
) -> tuple[list[str], Floats]:
    names = [*history.column("factor_set").to_pylist(), *known.column("factor_set").to_pylist()]
    factors = list(dict.fromkeys(factor.name for name in dict.fromkeys(names) for factor in factor_sets[name]))
    column = {factor: position for position, factor in enumerate(factors)}
    matrix = np.full((_rows(history, first), len(factors)), np.nan)
    of_set = {name: np.array([column[factor.name] for factor in factor_sets[name]], dtype=np.int64) for name in set(names)}
    returns = float_lists(history, "factor_return")
    for row, (position, name) in enumerate(zip(history.column("position").to_pylist(), names, strict=False)):
        matrix[position - first, of_set[name]] = returns.row(row)
    return factors, matrix


def _rows(history: pa.Table, first: int) -> int:
    return int(history.column("position")[-1].as_py()) - first + 1 if history.num_rows else 0


def by_row_and_asset(table: pa.Table, codes: Ints, column: str, first: int, shape: tuple[int, int]) -> Floats:
    """A column of lists by row and asset, NaN where there is none."""
    matrix = np.full(shape, np.nan)
    at = table.column("position").to_numpy() - first
    matrix[np.repeat(at, lengths(table, "asset_id")), codes] = flat_floats(table, column)
    return matrix


def asset_codes(tables: Sequence[pa.Table]) -> tuple[list[str], list[Ints]]:
    """Ids of all tables as integers in the order of the ids; strings stay in Arrow."""
    flat = [as_array(table.column("asset_id")).flatten() for table in tables]
    ids, codes = ranked_ids(flat)
    return ids, np.split(codes, np.cumsum([len(column) for column in flat])[:-1])


def _assets_by_position(table: pa.Table, codes: Ints) -> dict[int, Ints]:
    ends = np.cumsum(lengths(table, "asset_id"))
    positions = table.column("position").to_pylist()
    return dict(zip(positions, np.split(codes, ends[:-1]), strict=True)) if positions else {}
