"""Estimates as the columns of `risk_models`: arrays become Arrow lists, NaN becomes null, a layer that is off is null."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from sigmalake.engines.spark.estimation.chunks import lists
from sigmalake.numerics.factor_cov.windows import FactorCov
from sigmalake.numerics.specific_risk.layers import SpecificRisk
from sigmalake.numerics.types import Floats, Ints
from sigmalake.numerics.windows.calendar import Frequency
from sigmalake.tables.packed import RISK_MODELS


class RiskRow(NamedTuple):
    """One row of `risk_models`, its arrays still as arrays."""

    variant: str
    frequency: Frequency
    position: int  # of its date in the calendar
    inputs_hash: str
    factor_set: str
    names: list[str]  # of the set's factors
    factor_cov: FactorCov
    zero_factors: list[str]  # that Sigma lacks and V does without
    covered: Ints  # (N,) numbers of its assets
    specific: SpecificRisk  # of them


def as_table(rows: Sequence[RiskRow], ids: Sequence[str], calendar: Sequence[date]) -> pa.Table:
    """The columns of `risk_models`, in the table's order."""
    counts = [len(row.covered) for row in rows]
    names = pa.array(ids, pa.string())
    delta = [row.specific for row in rows]
    linked = [row.specific.linked for row in rows]
    upper = [row.factor_cov.cov[np.triu_indices(len(row.factor_cov.kept))] for row in rows]
    columns = {
        "variant": [row.variant for row in rows],
        "date": [calendar[row.position] for row in rows],
        "factor_set": [row.factor_set for row in rows],
        "inputs_hash": [row.inputs_hash for row in rows],
        "n_periods": [row.factor_cov.n_periods for row in rows],
        "effective_periods": [row.factor_cov.effective_periods for row in rows],
        "status": ["ok" if len(row.factor_cov.kept) else "no_factor_cov" for row in rows],
        "detail": [_detail(row) for row in rows],
        "diagnostics": [_diagnostics(row) for row in rows],
        "factors": [[row.names[position] for position in row.factor_cov.kept] for row in rows],
        "zero_factors": [row.zero_factors for row in rows],
        "factor_cov": lists(pa.array(np.concatenate(upper)), [len(triangle) for triangle in upper]),
        "asset_id": lists(names.take(pa.array(np.concatenate([row.covered for row in rows]))), counts),
        "specific_var": _numbers([found.specific_var for found in delta]),
        "source": lists(pa.array([source for found in delta for source in found.source], pa.string()), counts),
        "n_obs": lists(pa.array(np.concatenate([found.n_obs for found in delta]), pa.int32()), counts),
        "ts_var": _numbers([found.ts_var for found in delta]),
        "structural_var": _numbers([found.structural_var for found in delta]),
        "blend_weight": _numbers([found.blend_weight for found in delta]),
        "shrink_weight": _numbers([found.shrink_weight for found in delta]),
        "regime_multiplier": [found.regime_multiplier for found in delta],
        "linked_1": [None if pairs is None else pairs.first for pairs in linked],
        "linked_2": [None if pairs is None else pairs.second for pairs in linked],
        "linked_cov": _numbers([None if pairs is None else pairs.cov for pairs in linked]),
        "frequency": [row.frequency for row in rows],
    }
    schema = _schema()
    return pa.table([pa.array(c, schema.field(n).type) if isinstance(c, list) else c for n, c in columns.items()], schema=schema)


def _numbers(arrays: Sequence[Floats | None]) -> pa.Array:
    """A list a row: null where the row has none, with nulls for NaN."""
    found = [np.empty(0) if array is None else array for array in arrays]
    values = np.concatenate(found)
    ends = np.concatenate([[0], np.cumsum([len(array) for array in found])])
    absent = pa.array([array is None for array in arrays])
    return pa.ListArray.from_arrays(pa.array(ends, pa.int32()), pa.array(values, mask=np.isnan(values)), mask=absent)


def _detail(row: RiskRow) -> str:
    left_out = row.factor_cov.left_out
    if not left_out:
        return ""
    more = f" and {len(left_out) - 3} more" if len(left_out) > 3 else ""
    return "left out of Sigma: " + "; ".join(f"{row.names[out.factor]}: {out.reason}" for out in left_out[:3]) + more


def _diagnostics(row: RiskRow) -> list[dict[str, object]]:
    left_out: list[dict[str, object]] = [
        {"name": f"left_out:{row.names[out.factor]}", "value": None, "detail": out.reason} for out in row.factor_cov.left_out
    ]
    counts = {"n_assets": len(row.covered), "n_without_specific_var": int(np.isnan(row.specific.specific_var).sum())}
    found = [diagnostic._asdict() for diagnostic in (*row.factor_cov.diagnostics, *row.specific.diagnostics)]
    return left_out + found + [{"name": name, "value": float(count), "detail": None} for name, count in counts.items()]


def _schema() -> pa.Schema:
    kinds = {
        "STRING": pa.string(), "DATE": pa.date32(), "INT": pa.int32(), "DOUBLE": pa.float64(),
        "ARRAY<STRING>": pa.list_(pa.string()), "ARRAY<DOUBLE>": pa.list_(pa.float64()), "ARRAY<INT>": pa.list_(pa.int32()),
    }  # fmt: skip
    diagnostic = pa.list_(pa.struct([("name", pa.string()), ("value", pa.float64()), ("detail", pa.string())]))
    return pa.schema([(c.name, kinds.get(c.type, diagnostic)) for c in RISK_MODELS.columns])
