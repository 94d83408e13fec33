"""Estimates as the columns of `risk_models`: arrays become Arrow lists, NaN becomes null, a layer that is off is null."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from sigmalake.numerics.factor_cov.kernel_cov import FAILED as FACTOR_COV_FAILED
from sigmalake.numerics.factor_cov.windows import Diagnostic, FactorCov
from sigmalake.numerics.specific_risk.layers import FAILED as SPECIFIC_VAR_FAILED
from sigmalake.numerics.specific_risk.layers import SpecificRisk
from sigmalake.numerics.types import Ints
from sigmalake.numerics.windows.calendar import Frequency
from sigmalake.tables.packed import RISK_MODELS
from sigmalake.tasks.arrays import joined, lists, number_lists
from sigmalake.tasks.contract import table_of

_FAILED = (FACTOR_COV_FAILED, SPECIFIC_VAR_FAILED)


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
    return table_of(RISK_MODELS, {**_keys(rows, calendar), **_sigma(rows), **_specific(rows, ids), **_linked(rows)})


def _keys(rows: Sequence[RiskRow], calendar: Sequence[date]) -> dict[str, object]:
    return {
        "variant": [row.variant for row in rows],
        "date": [calendar[row.position] for row in rows],
        "factor_set": [row.factor_set for row in rows],
        "inputs_hash": [row.inputs_hash for row in rows],
        "frequency": [row.frequency for row in rows],
        "detail": [_detail(row) for row in rows],
        "diagnostics": [_diagnostics(row) for row in rows],
    }


def _sigma(rows: Sequence[RiskRow]) -> dict[str, object]:
    return {
        "n_periods": [row.factor_cov.n_periods for row in rows],
        "effective_periods": [row.factor_cov.effective_periods for row in rows],
        "status": [_status(row) for row in rows],
        "factors": [[row.names[position] for position in row.factor_cov.kept] for row in rows],
        "zero_factors": [row.zero_factors for row in rows],
        "factor_cov": number_lists([row.factor_cov.cov[np.triu_indices(len(row.factor_cov.kept))] for row in rows]),
    }


def _specific(rows: Sequence[RiskRow], ids: Sequence[str]) -> dict[str, object]:
    counts, found = [len(row.covered) for row in rows], [row.specific for row in rows]
    assets = pa.array(joined([row.covered for row in rows], np.int64))
    return {
        "asset_id": lists(pa.array(ids, pa.string()).take(assets), counts),
        "specific_var": number_lists([delta.specific_var for delta in found]),
        "source": lists(pa.array([source for delta in found for source in delta.source], pa.string()), counts),
        "n_obs": lists(pa.array(joined([delta.n_obs for delta in found], np.int32)), counts),
        "ts_var": number_lists([delta.ts_var for delta in found]),
        "structural_var": number_lists([delta.structural_var for delta in found]),
        "blend_weight": number_lists([delta.blend_weight for delta in found]),
        "shrink_weight": number_lists([delta.shrink_weight for delta in found]),
        "regime_multiplier": [delta.regime_multiplier for delta in found],
    }


def _linked(rows: Sequence[RiskRow]) -> dict[str, object]:
    linked = [row.specific.linked for row in rows]
    return {
        "linked_1": [None if pairs is None else pairs.first for pairs in linked],
        "linked_2": [None if pairs is None else pairs.second for pairs in linked],
        "linked_cov": number_lists([None if pairs is None else pairs.cov for pairs in linked]),
    }


def _status(row: RiskRow) -> str:
    if not len(row.factor_cov.kept):
        return "no_factor_cov"
    return "no_specific_var" if any(each.name == SPECIFIC_VAR_FAILED for each in row.specific.diagnostics) else "ok"


def _found(row: RiskRow) -> list[Diagnostic]:
    return [*row.factor_cov.diagnostics, *row.specific.diagnostics]


def _detail(row: RiskRow) -> str:
    found = [each.detail for each in _found(row) if each.name in _FAILED and each.detail]
    if left_out := row.factor_cov.left_out:
        more = f" and {len(left_out) - 3} more" if len(left_out) > 3 else ""
        reasons = "; ".join(f"{row.names[out.factor]}: {out.reason}" for out in left_out[:3])
        found.append(f"left out of Sigma: {reasons}{more}")
    return "; ".join(found)


def _diagnostics(row: RiskRow) -> list[dict[str, object]]:
    left_out: list[dict[str, object]] = [
        {"name": f"left_out:{row.names[out.factor]}", "value": None, "detail": out.reason} for out in row.factor_cov.left_out
    ]
    counts = {"n_assets": len(row.covered), "n_without_specific_var": int(np.isnan(row.specific.specific_var).sum())}
    found = [diagnostic._asdict() for diagnostic in _found(row)]
    return left_out + found + [{"name": name, "value": float(count), "detail": None} for name, count in counts.items()]
