"""Checked rows of prices become a row a date; figures of the accounts, segments and revenues stay as they are, each once."""

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sigmalake.tables.descriptors import PRICES
from sigmalake.tasks.sources.checking import CheckedRows
from sigmalake.tasks.sources.duplicates import duplicates

FIGURE_KEY = ("date", "asset_id", "item", "period_end")
SEGMENT_KEY = ("date", "asset_id", "industry", "period_end")
REVENUE_KEY = ("date", "asset_id", "level", "period_end")
_EPOCH = date(1970, 1, 1)


def pack_prices(checked: CheckedRows, hashes: Mapping[date, str], *, has_caps: bool, has_volumes: bool) -> pa.Table:
    """The rows of `prices` for these dates; a date of which no row can be used has empty arrays.

    Args:
        checked: rows of prices, all of these dates.
        hashes: of the rows to make.
        has_caps: whether the source has caps; else the array is null as a whole.
        has_volumes: the same of values traded.
    """
    rows = each_once(checked, ("date", "asset_id"))
    rows = rows.set_column(rows.column_names.index("asset_id"), "asset_id", rows.column("asset_id").cast(pa.binary()))
    rows = rows.filter(pc.is_in(rows.column("date"), pa.array(list(hashes), pa.date32())))
    rows = rows.sort_by([("date", "ascending"), ("asset_id", "ascending")]).combine_chunks()
    dates = sorted(hashes)
    days = rows.column("date").cast(pa.int32()).to_numpy()
    ends = np.searchsorted(days, [(day - _EPOCH).days for day in dates], side="right")
    offsets = pa.array(np.concatenate([[0], ends]).astype(np.int32))
    there = {"asset_id": True, "ret": True, "cap": has_caps, "traded_value": has_volumes, "in_estimation": True}
    there["asset_group"] = "asset_group" in rows.column_names
    schema = PRICES.arrow_schema()
    lists = {
        name: pa.ListArray.from_arrays(offsets, rows.column(name).combine_chunks().cast(schema.field(name).type.value_type))
        if given
        else pa.nulls(len(dates), schema.field(name).type)
        for name, given in there.items()
    }
    n_assets = pa.array(np.diff(ends, prepend=0).astype(np.int32))
    columns = {"date": pa.array(dates), "inputs_hash": pa.array([hashes[day] for day in dates]), "n_assets": n_assets, **lists}
    return pa.table([columns[field.name].cast(field.type) for field in schema], schema=schema)


def usable_figures(checked: CheckedRows) -> pa.Table:
    """The figures as descriptors are computed from: asset_id, item, known_at, period_end, value."""
    return _known(each_once(checked, FIGURE_KEY), ("asset_id", "item", "known_at", "period_end", "value"))


def usable_segments(checked: CheckedRows) -> pa.Table:
    """The segments as industry shares are computed from: asset_id, industry, known_at, period_end, assets, sales."""
    return _known(each_once(checked, SEGMENT_KEY), ("asset_id", "industry", "known_at", "period_end", "assets", "sales"))


def usable_revenues(checked: CheckedRows) -> pa.Table:
    """The revenues as shares are computed from: asset_id, level, known_at, period_end, revenue."""
    return _known(each_once(checked, REVENUE_KEY), ("asset_id", "level", "known_at", "period_end", "revenue"))


def each_once(checked: CheckedRows, key: Sequence[str]) -> pa.Table:
    """The rows without problems: of equal copies one, of unequal ones none."""
    return checked.rows.filter(pa.array(checked.usable & duplicates(checked, key).used))


def _known(rows: pa.Table, names: Sequence[str]) -> pa.Table:
    return pa.table({name: rows.column("date" if name == "known_at" else name) for name in names})
