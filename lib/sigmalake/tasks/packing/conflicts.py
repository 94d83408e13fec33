"""The rows that packing rejects: keys given more than once, assets without a cap where caps lie apart, styles too far out."""

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sigmalake.numerics.types import Bools, Ints
from sigmalake.tasks.packing.packed_dates import PanelRow
from sigmalake.tasks.sources.checking import CheckedRows, Reason, problem_table
from sigmalake.tasks.sources.duplicates import duplicates, key_codes
from sigmalake.tasks.sources.raw_rows import to_bools

_EPOCH = date(1970, 1, 1)
_DATED = {"exposures": ("exposures_from",), "returns": ("return_date", "opening"), "caps": ("caps_from",)}


def with_conflicts(
    plan: Sequence[PanelRow], serving: Sequence[PanelRow], sides: Mapping[str, CheckedRows], packed: pa.Table | None
) -> dict[str, CheckedRows]:
    """The sides, their rows that packing rejects with the reason.

    Args:
        plan: the panel rows that were packed.
        serving: these, and the others that carry the same exposures forward.
        sides: checked rows of exposures, returns and caps: all of the dates that these panel rows name.
        packed: `exposure_date` and `style_rejects` of the serving rows of `panel`, where styles are standardised here.
    """
    found = {}
    for side, checked in sides.items():
        days = {day for row in plan for name in _DATED[side] if (day := getattr(row, name)) is not None}
        doubled = duplicates(checked, within=_on(checked, days))
        found[side] = checked if doubled.used.all() else checked.with_problems(doubled.problems())
    exposures = sides["exposures"]
    refused = []
    if "caps" in sides:
        refused.append(_without_cap(serving, exposures, sides["caps"]))
    if packed is not None:
        refused.append(_too_far(serving, exposures, packed))
    if any(table.num_rows for table in refused):
        found["exposures"] = found["exposures"].with_problems(*refused)
    return found


def _used(checked: CheckedRows, days: set[date]) -> Bools:
    """The rows that packing takes: of equal copies one, of unequal ones, which are rejected as such, none."""
    within = _on(checked, days)
    return checked.usable & within & duplicates(checked, within=within).used


def _without_cap(serving: Sequence[PanelRow], exposures: CheckedRows, caps: CheckedRows) -> pa.Table:
    """Exposures that no cap stands beside on some date that they serve."""
    pairs = {(row.exposures_from, row.caps_from) for row in serving if row.exposures_from is not None}
    used = _used(exposures, {day for day, _ in pairs if day is not None})
    priced = _used(caps, {day for _, day in pairs if day is not None})
    capless = np.zeros(len(used), dtype=bool)
    ids, cap_ids = exposures.column("asset_id"), caps.column("asset_id")
    for day, caps_from in pairs:
        at = np.flatnonzero(used & _on(exposures, {day}))
        of_day = pa.array(np.flatnonzero(priced & _on(caps, {caps_from})))
        capless[at] |= ~to_bools(pc.is_in(ids.take(pa.array(at)), cap_ids.take(of_day)))
    return problem_table(np.flatnonzero(capless), "key", Reason.NO_CAP, None)


def _too_far(serving: Sequence[PanelRow], exposures: CheckedRows, packed: pa.Table) -> pa.Table:
    """Exposures without a style that their row must have, because its value was removed on some date that they serve."""
    source = {row.exposure_date: row.exposures_from for row in serving}
    rows = [
        (source[day], removed["asset_id"], removed["column"], removed["value"])
        for day, rejects in zip(packed.column("exposure_date").to_pylist(), packed.column("style_rejects").to_pylist(), strict=True)
        for removed in rejects or ()
        if source.get(day) is not None
    ]
    used = np.flatnonzero(_used(exposures, {day for day in source.values() if day is not None}))
    days, assets, columns, values = zip(*sorted(set(rows)), strict=True) if rows else ((),) * 4
    keys = _keys(exposures, used, days, assets)
    order = np.argsort(keys[: len(used)])
    ordered, wanted = keys[order], keys[len(used) :]
    at = np.minimum(np.searchsorted(ordered, wanted), max(len(used) - 1, 0))
    met = ordered[at] == wanted if len(used) else np.zeros(len(wanted), dtype=bool)
    tables = [problem_table(np.array([], dtype=np.int64), "", Reason.TOO_FAR, None)]
    for column in sorted(set(columns)):
        own = np.flatnonzero(met & np.array([name == column for name in columns], dtype=bool))
        shown = pa.array([values[n] for n in own], pa.float64())
        tables.append(problem_table(used[order[at[own]]], column, Reason.TOO_FAR, shown))
    return pa.concat_tables(tables)


def _keys(exposures: CheckedRows, used: Ints, days: Sequence[date], assets: Sequence[str]) -> Ints:
    """A number for the date and asset of the rows used, and of these days and assets, alike where they are."""
    taken = pa.array(used)
    dated = pa.concat_arrays([exposures.column("date").take(taken), pa.array(days, pa.date32())])
    named = pa.concat_arrays([exposures.column("asset_id").take(taken), pa.array(assets, pa.string())])
    return key_codes([dated, named], len(dated))


def _on(checked: CheckedRows, days: set[date] | set[date | None]) -> Bools:
    """The rows of these days."""
    numbers = [(day - _EPOCH).days for day in days if day is not None]
    return np.isin(checked.days, numbers) & to_bools(checked.column("date").is_valid())
