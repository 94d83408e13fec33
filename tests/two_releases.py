"""A lake of two releases, written without Spark from drawn numbers, and what was drawn."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from plain_lake import append, replace
from sigmalake.tables.long import FACTORS
from sigmalake.tables.packed import CROSS_SECTIONS, PANEL, RISK_MODELS
from sigmalake.tables.records import RELEASES

DAYS = [date(2024, 3, day) for day in (1, 4, 5, 7, 8)]  # nothing on the 6th
LAST = DAYS[-1]
STALE = DAYS[3]  # no exposures are known at its close
NO_SIGMA = DAYS[1]
FACTOR_SET = [
    ("market", "market", "market"),
    ("auto", "sector", "membership"),
    ("bank", "sector", "membership"),
    ("coal", "sector", "membership"),
    ("size", "style", "style"),
    ("cap", "style", "style"),  # called like a column of the panel
]
FACTOR_ROWS = [
    {"factor_set": "set", "position": n, "factor": factor, "factor_group": group, "kind": kind}
    for n, (factor, group, kind) in reversed(list(enumerate(FACTOR_SET)))
]
FACTORS_OF_X = [factor for factor, _, _ in FACTOR_SET]
SIGMA = ["market", "auto", "bank", "size", "cap"]  # coal is too young
ASSETS = [f"A{n:02d}" for n in range(12)]
MINER, NEWCOMER = ASSETS[4], ASSETS[7]  # the only one in coal; without a specific variance
REFUSED = {
    MINER: "exposed to coal, which is not in Sigma: 2 of 60 periods",
    NEWCOMER: "no specific variance: its history is too short",
}
USABLE = [asset for asset in ASSETS if asset not in REFUSED]


def by_date(days: list[date]) -> list[pd.Timestamp]:
    return [pd.Timestamp(day) for day in days]


class Truth(NamedTuple):
    """What was written for a date."""

    exposures: np.ndarray  # (N, K')
    ret: np.ndarray  # (N,)
    factor_cov: np.ndarray  # (K, K)
    specific_var: np.ndarray  # (N,)


def draw(seed: int) -> Truth:
    rng = np.random.default_rng(seed)
    X = np.zeros((len(ASSETS), len(FACTOR_SET)))
    X[:, 0] = 1.0
    X[np.arange(len(ASSETS)), 1 + np.arange(len(ASSETS)) % 2] = 1.0
    X[0, 1:3] = 0.25, 0.75  # half-way between two sectors
    X[ASSETS.index(MINER), 1:4] = 0.0, 0.0, 1.0
    X[:, 4:] = rng.standard_normal((len(ASSETS), 2))
    root = rng.standard_normal((len(SIGMA), 40)) * 0.01
    var = rng.uniform(1e-4, 9e-4, len(ASSETS))
    var[ASSETS.index(NEWCOMER)] = np.nan
    return Truth(X, rng.standard_normal(len(ASSETS)) * 0.02, root @ root.T / 40, var)


def nulls(values: np.ndarray) -> list[float | None]:
    return [None if np.isnan(value) else float(value) for value in values]


def panel_row(day: int, truth: Truth, n: int = len(ASSETS)) -> dict[str, object]:
    newest = DAYS[day] == LAST
    rows, columns = np.nonzero(truth.exposures[:n, 1:4])
    return {
        "exposure_date": DAYS[day], "return_date": None if newest else DAYS[day + 1], "exposures_age": 1, "factor_set": "set",
        "inputs_hash": "-", "exposures_hash": "-", "n_assets": n, "n_returns": 0 if newest else n, "n_missing": 0, "n_unmatched": 0,
        "n_conflicts": 0, "asset_id": ASSETS[:n], "ret": [None] * n if newest else truth.ret[:n].tolist(),
        "cap": np.arange(1.0, n + 1).tolist(), "weight_column": None, "in_estimation": [i != 2 for i in range(n)],
        "issuer_id": None, "styles": truth.exposures[:n, 4:].ravel().tolist(), "member_assets": rows.tolist(),
        "member_factors": (columns + 1).tolist(), "member_shares": truth.exposures[rows, columns + 1].tolist(),
        "style_steps": STEPS if newest else None,
    }  # fmt: skip


NONE = dict.fromkeys(("mean", "sd", "coefficient"))
STEPS = [
    {**NONE, "style": "value", "step": "removed", "term": "book", "mean": 1.0, "sd": 2.0, "n_values": 9, "n_changed": 1},
    {**NONE, "style": "value", "step": "filled_by", "term": "(constant)", "coefficient": 0.5, "n_values": 8, "n_changed": 0},
]


def risk_row(variant: str, day: date, truth: Truth) -> dict[str, object]:
    ok = day != NO_SIGMA
    factors = SIGMA if ok else []
    return {
        "variant": variant, "date": day, "factor_set": "set", "inputs_hash": "-", "n_periods": 60, "effective_periods": 60.0,
        "status": "ok" if ok else "no_factor_cov", "detail": "" if ok else "left out of Sigma: market: 1 of 60 periods",
        "diagnostics": [
            {"name": "left_out:coal", "value": None, "detail": "2 of 60 periods"},
            {"name": "n_assets", "value": 12.0, "detail": None},
        ],
        "factors": factors, "zero_factors": [],
        "factor_cov": truth.factor_cov[np.triu_indices(len(factors))].tolist(), "asset_id": ASSETS,
        "specific_var": nulls(truth.specific_var), "source": ["time_series"] * 12, "n_obs": [60] * 12,
        "ts_var": nulls(truth.specific_var),
    }  # fmt: skip


def cross_section_row(day: date, truth: Truth) -> dict[str, object]:
    specific = truth.ret.copy()
    specific[ASSETS.index(MINER)] = np.nan
    return {
        "date": day, "factor_set": "set", "inputs_hash": "-", "n_assets": 12, "n_estimation": 11, "n_outliers": 0, "outliers": [],
        "n_reweighted": 0, "vif": [None] * 6, "rank": 5,
        "dof": 6, "status": "ok", "detail": "", "factor_return": [0.01, 0.02, 0.03, None, 0.04, day.day / 100],
        "std_error": [0.001] * 6, "n_members": [12] * 6, "factor_status": ["ok"] * 6, "asset_id": ASSETS,
        "specific_return": nulls(specific), "fitted_return": [0.0] * 12, "in_estimation": [True] * 12, "weight": [1.0] * 12,
    }  # fmt: skip


def release_row(sequence: int, variants: list[str], tables: dict[str, int]) -> dict[str, object]:
    return {
        "release_id": f"{LAST}.{sequence}", "created_at": datetime(2024, 3, 8, 20 + sequence, tzinfo=UTC), "as_of": LAST,
        "variants": variants, "tables": list(tables.items()), "config_hash": "-", "run_id": "-",
        "checks": [{"name": "complete", "passed": True, "detail": ""}], "sequence": sequence,
    }  # fmt: skip


FIRST = {day: draw(number) for number, day in enumerate(DAYS)}
RESTATED = draw(99)  # the last date, as the second release has it
LONG = draw(77)  # the second variant


def v_by_loops(exposures: np.ndarray, truth: Truth, assets: list[str]) -> np.ndarray:
    """sum_k sum_l X_ik Sigma_kl X_jl, and Delta_i where i = j."""
    columns = [FACTORS_OF_X.index(factor) for factor in SIGMA]
    V = np.zeros((len(assets), len(assets)))
    for i, first in enumerate(assets):
        for j, second in enumerate(assets):
            x, y = exposures[ASSETS.index(first), columns], exposures[ASSETS.index(second), columns]
            V[i, j] = sum(x[k] * truth.factor_cov[k, m] * y[m] for k in range(len(SIGMA)) for m in range(len(SIGMA)))
        V[i, i] += truth.specific_var[ASSETS.index(first)]
    return V


def write_two_releases(root: Path) -> Path:
    """Two releases: the second restates the last date and adds a variant."""
    panel = [panel_row(n, FIRST[day], 0 if day == STALE else len(ASSETS)) for n, day in enumerate(DAYS)]
    tables = {
        "factors": append(root, FACTORS, FACTOR_ROWS),
        "panel": append(root, PANEL, panel, group=2),
        "cross_sections": append(root, CROSS_SECTIONS, [cross_section_row(day, FIRST[day]) for day in DAYS[1:]], group=2),
        "risk_models": append(root, RISK_MODELS, [risk_row("short", day, FIRST[day]) for day in DAYS[1:]], group=2),
    }
    append(root, RELEASES, [release_row(1, ["short"], tables)])
    tables["panel"] = replace(root, PANEL, [panel_row(4, RESTATED)], f"exposure_date = '{LAST}'")
    tables["risk_models"] = replace(root, RISK_MODELS, [risk_row("short", LAST, RESTATED)], f"date = '{LAST}'")
    tables["risk_models"] = append(root, RISK_MODELS, [risk_row("long", LAST, LONG)])
    append(root, RELEASES, [release_row(2, ["long", "short"], tables)])
    return root
