"""The long tables, from rows of the packed ones: arrays become rows, by date and then by position, with nothing computed anew.

What `factors` says is shipped. A task holds the rows that it is given, and their long form.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sigmalake.numerics.factors import Kind
from sigmalake.numerics.regression.answer import FactorStatus
from sigmalake.numerics.types import Bools, Floats, Ints
from sigmalake.tables.declaration import Table
from sigmalake.tables.long import (
    EXPOSURE_MOMENTS,
    EXPOSURES,
    FACTOR_COVARIANCE,
    FACTOR_PORTFOLIOS,
    FACTOR_RETURNS,
    RISK_DIAGNOSTICS,
    SPECIFIC_RETURNS,
    SPECIFIC_RISK,
)
from sigmalake.tables.packed import CROSS_SECTIONS, PANEL, RISK_MODELS
from sigmalake.tasks.arrays import as_array, bool_lists, flat_floats, float_lists, int_lists, lengths
from sigmalake.tasks.contract import Input, MapTask, no_rows, sorted_rows, table_of

Columns = dict[str, object]


@dataclass(frozen=True)
class Unpack(MapTask):
    """The rows of a long table, of rows of a packed one."""

    into: Table
    source: Table
    reads: tuple[str, ...]
    order: tuple[str, ...]  # of the packed rows
    unpack: Callable[[pa.Table], Columns]  # of rows in order, in one piece

    @property
    def inputs(self) -> Mapping[str, Input]:
        """The packed table, by its name."""
        return {self.source.name: Input(self.source, self.reads, self.order[0])}

    def __call__(self, rows: pa.Table) -> pa.Table:
        """By date, and within it by position."""
        if not rows.num_rows:
            return no_rows(self.into)
        return table_of(self.into, self.unpack(sorted_rows(rows.select(list(self.reads)), *self.order)))


def factor_returns(factors: pa.Table) -> Unpack:
    """The rows of `factor_returns` of rows of `cross_sections`; `factors` is the table of that name."""
    arrays = ("factor_return", "std_error", "vif", "n_members", "factor_status")
    return _of_sections(FACTOR_RETURNS, ("factor_set", "status", *arrays), partial(_factor_returns, factors))


def specific_returns() -> Unpack:
    """The rows of `specific_returns` of rows of `cross_sections`."""
    arrays = ("asset_id", "specific_return", "fitted_return", "in_estimation", "weight")
    return _of_sections(SPECIFIC_RETURNS, arrays, _specific_returns)


def factor_portfolios(factors: pa.Table) -> Unpack:
    """The rows of `factor_portfolios` of rows of `cross_sections`, without the assets outside the fit."""
    return _of_sections(FACTOR_PORTFOLIOS, ("factor_set", "asset_id", "portfolios"), partial(_factor_portfolios, factors))


def factor_covariance() -> Unpack:
    """The rows of `factor_covariance` of rows of `risk_models`: each number of the upper triangle beside its pair."""
    return _of_models(FACTOR_COVARIANCE, ("factors", "factor_cov"), _factor_covariance)


def specific_risk() -> Unpack:
    """The rows of `specific_risk` of rows of `risk_models`."""
    arrays = ("asset_id", "specific_var", "source", "n_obs", "ts_var", *_LAYERS, "regime_multiplier")
    return _of_models(SPECIFIC_RISK, arrays, _specific_risk)


def risk_diagnostics() -> Unpack:
    """The rows of `risk_diagnostics` of rows of `risk_models`."""
    return _of_models(RISK_DIAGNOSTICS, ("diagnostics",), _risk_diagnostics)


def exposures(factors: pa.Table) -> Unpack:
    """The rows of `exposures` of rows of `panel`: the market's ones, each membership and each style, by asset and factor."""
    arrays = ("asset_id", "styles", "styles_filled", "member_assets", "member_factors", "member_shares")
    return Unpack(
        EXPOSURES, PANEL, ("exposure_date", "return_date", "factor_set", *arrays), ("exposure_date",), partial(_exposures, factors)
    )


def exposure_moments() -> Unpack:
    """The rows of `exposure_moments` of rows of `panel`; none where all styles are as given."""
    return Unpack(EXPOSURE_MOMENTS, PANEL, ("exposure_date", "style_steps"), ("exposure_date",), _exposure_moments)


_LAYERS = ("structural_var", "blend_weight", "shrink_weight")


def _of_sections(into: Table, reads: Sequence[str], unpack: Callable[[pa.Table], Columns]) -> Unpack:
    return Unpack(into, CROSS_SECTIONS, ("date", *reads), ("date",), unpack)


def _of_models(into: Table, reads: Sequence[str], unpack: Callable[[pa.Table], Columns]) -> Unpack:
    return Unpack(into, RISK_MODELS, ("variant", "date", *reads), ("date", "variant"), unpack)


class _FactorNames(NamedTuple):
    """The factors of all sets, set after set, in the order of positions."""

    factor: pa.Array
    group: pa.Array
    kind: NDArray[np.str_]
    start: dict[str, int]  # by set: where its factors begin
    size: dict[str, int]  # by set: how many they are

    def at(self, sets: Sequence[str], counts: Ints) -> Ints:
        """Of each row's factors one after the other, where each stands among the names."""
        starts = np.array([self.start[name] for name in sets], dtype=np.int64)
        return np.repeat(starts, counts) + _within(counts)


def _factor_names(factors: pa.Table) -> _FactorNames:
    rows = sorted_rows(factors.select(["factor_set", "position", "factor", "factor_group", "kind"]), "factor_set", "position")
    sets = rows.column("factor_set").to_pylist()
    start: dict[str, int] = {}
    for number, name in enumerate(sets):
        start.setdefault(name, number)
    kind = np.array(rows.column("kind").to_pylist(), dtype=np.str_)
    return _FactorNames(as_array(rows.column("factor")), as_array(rows.column("factor_group")), kind, start, Counter(sets))


def _factor_returns(factors: pa.Table, rows: pa.Table) -> Columns:
    names, counts = _factor_names(factors), lengths(rows, "factor_return")
    here = pa.array(names.at(rows.column("factor_set").to_pylist(), counts))
    values, errors = _flat(rows, "factor_return"), _flat(rows, "std_error")
    status, of_factor = _repeated(rows, "status", counts), _flat(rows, "factor_status")
    own = pc.or_(pc.equal(status, "ok"), pc.is_in(of_factor, pa.array([FactorStatus.GIVEN.value, FactorStatus.NOT_GIVEN.value])))
    return {
        "date": _repeated(rows, "date", counts),
        "factor": names.factor.take(here),
        "factor_group": names.group.take(here),
        "factor_return": values,
        "std_error": errors,
        "t_stat": _ratio(values, errors),
        "vif": _flat(rows, "vif"),
        "n_members": _flat(rows, "n_members"),
        "status": pc.if_else(own, of_factor, status),
    }


def _specific_returns(rows: pa.Table) -> Columns:
    arrays = ("asset_id", "specific_return", "fitted_return", "in_estimation", "weight")
    return {"date": _repeated(rows, "date", lengths(rows, "asset_id")), **{name: _flat(rows, name) for name in arrays}}


def _factor_portfolios(factors: pa.Table, rows: pa.Table) -> Columns:
    """Number p of a row's weights is that of asset p mod N in the portfolio of factor p div N."""
    names, counts, n_assets = _factor_names(factors), lengths(rows, "portfolios"), lengths(rows, "asset_id")
    weights = flat_floats(rows, "portfolios")
    held = np.flatnonzero(~np.isnan(weights) & (weights != 0))
    row, place = np.repeat(np.arange(rows.num_rows), counts)[held], _within(counts)[held]
    starts = np.array([names.start[name] for name in rows.column("factor_set").to_pylist()], dtype=np.int64)
    first_asset = np.cumsum(n_assets) - n_assets
    return {
        "date": rows.column("date").take(pa.array(row)),
        "factor": names.factor.take(pa.array(starts[row] + place // n_assets[row])),
        "asset_id": _flat(rows, "asset_id").take(pa.array(first_asset[row] + place % n_assets[row])),
        "weight": pa.array(weights[held]),
    }


def _factor_covariance(rows: pa.Table) -> Columns:
    sizes, counts = lengths(rows, "factors"), lengths(rows, "factor_cov")
    triangles = {size: np.triu_indices(size) for size in set(sizes.tolist())}
    starts, factors = np.repeat(np.cumsum(sizes) - sizes, counts), _flat(rows, "factors")
    first, second = (
        np.concatenate([np.empty(0, dtype=np.int64), *(triangles[size][side] for size in sizes.tolist())]) for side in (0, 1)
    )
    return {
        "variant": _repeated(rows, "variant", counts),
        "date": _repeated(rows, "date", counts),
        "factor_1": factors.take(pa.array(starts + first)),
        "factor_2": factors.take(pa.array(starts + second)),
        "covariance": _flat(rows, "factor_cov"),
    }


def _specific_risk(rows: pa.Table) -> Columns:
    counts = lengths(rows, "asset_id")
    return {
        **{name: _repeated(rows, name, counts) for name in ("variant", "date", "regime_multiplier")},
        **{name: _flat(rows, name) for name in ("asset_id", "specific_var", "source", "n_obs", "ts_var")},
        **{name: _flat_or_null(rows, name, counts) for name in _LAYERS},
    }


def _risk_diagnostics(rows: pa.Table) -> Columns:
    counts = lengths(rows, "diagnostics")
    fields = _flat(rows, "diagnostics")
    keys = {name: _repeated(rows, name, counts) for name in ("variant", "date")}
    return {**keys, **{name: pc.struct_field(fields, name) for name in ("name", "value", "detail")}}


class _Cells(NamedTuple):
    """The numbers of X of one date that are stored, in the order of assets and factors."""

    asset: Ints
    factor: Ints
    value: Floats
    filled: Bools


def _exposures(factors: pa.Table, rows: pa.Table) -> Columns:
    names, sets = _factor_names(factors), rows.column("factor_set").to_pylist()
    n_assets = lengths(rows, "asset_id")
    styles, shares, filled = float_lists(rows, "styles"), float_lists(rows, "member_shares"), bool_lists(rows, "styles_filled")
    of_assets, of_factors = int_lists(rows, "member_assets"), int_lists(rows, "member_factors")
    cells = []
    for number, name in enumerate(sets):
        kinds = names.kind[names.start[name] : names.start[name] + names.size[name]]
        members = of_assets.row(number), of_factors.row(number), shares.row(number)
        cells.append(_cells_of(kinds, int(n_assets[number]), members, styles.row(number), filled.row(number)))
    counts = np.array([of.value.size for of in cells], dtype=np.int64)
    first_asset, first_factor = np.cumsum(n_assets) - n_assets, np.array([names.start[name] for name in sets], dtype=np.int64)
    none = _Cells(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0), np.empty(0, np.bool_))
    every = _Cells(*(np.concatenate(parts) for parts in zip(none, *cells, strict=True)))
    here = pa.array(np.repeat(first_factor, counts) + every.factor)
    return {
        "date": _repeated(rows, "exposure_date", counts),
        "return_date": _repeated(rows, "return_date", counts),
        "asset_id": _flat(rows, "asset_id").take(pa.array(np.repeat(first_asset, counts) + every.asset)),
        "factor": names.factor.take(here),
        "factor_group": names.group.take(here),
        "exposure": pa.array(every.value),
        "filled": pa.array(every.filled),
    }


def _cells_of(kinds: NDArray[np.str_], n_assets: int, members: tuple[Ints, Ints, Floats], styles: Floats, filled: Bools) -> _Cells:
    """Of one row of the panel; `members` are assets, factors and shares, `filled` is empty where all styles are as given."""
    markets, of_styles = np.flatnonzero(kinds == Kind.MARKET), np.flatnonzero(kinds == Kind.STYLE)
    every, none = np.arange(n_assets), np.zeros(members[0].size, dtype=np.bool_)
    ones = np.ones(n_assets * markets.size)
    asset = np.concatenate([np.repeat(every, markets.size), members[0], np.repeat(every, of_styles.size)])
    factor = np.concatenate([np.tile(markets, n_assets), members[1], np.tile(of_styles, n_assets)])
    value = np.concatenate([ones, members[2], styles])
    flags = np.concatenate([ones == 0, none, filled if filled.size else np.zeros(styles.size, dtype=np.bool_)])
    order = np.argsort(asset * kinds.size + factor, kind="stable")
    return _Cells(asset[order], factor[order], value[order], flags[order])


def _exposure_moments(rows: pa.Table) -> Columns:
    steps = _flat(rows, "style_steps")
    names = [name for name in EXPOSURE_MOMENTS.column_names if name != "exposure_date"]
    dates = _repeated(rows, "exposure_date", lengths(rows, "style_steps"))
    return {"exposure_date": dates, **{name: pc.struct_field(steps, name) for name in names}}


def _flat(rows: pa.Table, column: str) -> pa.Array:
    """The values of a column of arrays, row after row; those of an array that is null are left out."""
    return as_array(rows.column(column)).flatten()


def _flat_or_null(rows: pa.Table, column: str, counts: Ints) -> pa.Array:
    """The values of a column of arrays, of which some are null as a whole: then as many nulls as the row has entries."""
    given = as_array(rows.column(column)).is_valid().to_numpy(zero_copy_only=False)
    if given.all():
        return _flat(rows, column)
    is_there = np.repeat(given, counts)
    return _flat(rows, column).take(pa.array(np.cumsum(is_there) - 1, mask=~is_there))


def _repeated(rows: pa.Table, column: str, counts: Ints) -> pa.Array:
    """A value of the row for each of its entries."""
    return as_array(rows.column(column)).take(pa.array(np.repeat(np.arange(rows.num_rows), counts)))


def _ratio(values: pa.Array, errors: pa.Array) -> pa.Array:
    """Their quotient; null where one of them is null, or the error is 0."""
    over, under = (array.to_numpy(zero_copy_only=False) for array in (values, errors))
    without = np.isnan(over) | np.isnan(under) | (under == 0.0)
    ratio: Floats = np.divide(over, under, out=np.zeros(len(over)), where=~without)
    return pa.array(ratio, mask=without)


def _within(counts: Ints) -> Ints:
    """0, 1, 2, ... within each row."""
    total = int(counts.sum())
    found: Ints = np.arange(total) - np.repeat(np.cumsum(counts) - counts, counts)
    return found
