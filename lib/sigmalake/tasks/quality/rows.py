"""Rows of `data_quality` from what was measured, with the severity of each value."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import pyarrow as pa

from sigmalake.numerics.quality.rules import QualityRules
from sigmalake.tables.quality import DATA_QUALITY
from sigmalake.tasks.arrays import finite_numbers, lists
from sigmalake.tasks.contract import table_of

MOST_LISTED = 10  # entries of `found`


class Finding(NamedTuple):
    """One thing that is hardly right."""

    name: str
    value: float
    detail: str
    distance: float  # how far off it is beside others of its measure


class Measured(NamedTuple):
    """A row of `data_quality`, but for its severity."""

    date: date
    inputs_hash: str
    source: str
    measure: str
    value: float | None
    n_checked: int
    n_found: int
    found: list[Finding]


def quality_table(measured: Sequence[Measured], rules: QualityRules) -> pa.Table:
    """The rows, in the order given; of what was found the ten furthest off."""
    shown = [row.found if len(row.found) < 2 else _furthest(row.found) for row in measured]
    flat = [one for found in shown for one in found]
    kind = DATA_QUALITY.arrow_schema().field("found").type.value_type
    values = [pa.array([one.name for one in flat], pa.string()), finite_numbers([one.value for one in flat])]
    entries = pa.StructArray.from_arrays([*values, pa.array([one.detail for one in flat], pa.string())], fields=list(kind))
    columns: dict[str, object] = {
        name: [getattr(row, name) for row in measured]
        for name in ("date", "source", "measure", "value", "n_checked", "n_found", "inputs_hash")
    }
    limits = {name: rules.limits(name) for name in {row.measure for row in measured}}
    severities = [limits[row.measure].severity(row.value).value for row in measured]
    return table_of(DATA_QUALITY, {**columns, "severity": severities, "found": lists(entries, [len(found) for found in shown])})


def _furthest(found: list[Finding]) -> list[Finding]:
    return sorted(found, key=lambda one: (-one.distance, one.name, one.detail))[:MOST_LISTED]
