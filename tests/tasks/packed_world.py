"""A few dates of a small market as packed rows: names that come and go, missing returns, a date without assets."""

from datetime import date, timedelta

import numpy as np
import pyarrow as pa

from sigmalake.numerics.factors import Factor, Kind
from sigmalake.tables.declaration import Table
from sigmalake.tables.packed import PANEL

STYLE_FACTORS = [Factor(name, "style", Kind.STYLE) for name in ("size", "value")]
SECTORS = [Factor(name, "sector", Kind.MEMBERSHIP) for name in ("bank", "tech", "oil")]
MARKET = Factor("market", "market", Kind.MARKET)
SETS = {
    "first": [MARKET, *SECTORS[:2], *STYLE_FACTORS],
    "then": [MARKET, *SECTORS, *STYLE_FACTORS],  # a sector more
}
N_DATES = 12
DAYS = [date(2024, 3, 1) + timedelta(days=n) for n in range(N_DATES + 1)]
EMPTY, FEW = 5, 7  # dates without assets, and with too few of them for a fit
HASHES = {day: f"hash {day}" for day in DAYS}


def panel_row(number: int, *, n_assets: int = 40, has_caps: bool = True) -> dict[str, object]:
    """The row known at DAYS[number], with the returns of the day after."""
    rng = np.random.default_rng(number)
    n = {EMPTY: 0, FEW: 6}.get(number, n_assets - number)
    name = "first" if number < 4 else "then"
    ids = sorted(rng.choice([f"A{i:03d}" for i in range(2 * n_assets)], n, replace=False).tolist())
    sector = rng.integers(0, len(SETS[name]) - 3, n)
    ret = [None if gone else value for value, gone in zip(rng.normal(0, 0.02, n).tolist(), rng.random(n) < 0.1, strict=True)]
    return {
        "exposure_date": DAYS[number], "return_date": DAYS[number + 1], "exposures_age": 1, "factor_set": name,
        "inputs_hash": f"panel {number}", "exposures_hash": f"exposures {number}", "n_assets": n,
        "n_returns": sum(value is not None for value in ret), "n_missing": 0, "n_unmatched": 0, "n_conflicts": 0, "asset_id": ids,
        "ret": ret, "cap": rng.lognormal(5, 1, n).tolist() if has_caps and n else None, "weight_column": None,
        "in_estimation": (rng.random(n) < 0.9).tolist(), "issuer_id": None, "styles": rng.normal(size=2 * n).tolist(),
        "member_assets": list(range(n)), "member_factors": (1 + sector).tolist(), "member_shares": [1.0] * n,
    }  # fmt: skip


def rows_of(table: Table, rows: list[dict[str, object]]) -> pa.Table:
    """Rows with a table's columns, null where a row does not say."""
    return pa.Table.from_pylist(rows, table.arrow_schema())


def panel(numbers: range | list[int] = range(N_DATES)) -> pa.Table:
    """Rows of the panel."""
    return rows_of(PANEL, [panel_row(number) for number in numbers])


def exposures_of(row: dict[str, object]) -> np.ndarray:
    """X of a row, element by element."""
    factors = SETS[row["factor_set"]]
    X = np.zeros((row["n_assets"], len(factors)))
    X[:, 0] = 1.0
    for asset, factor, share in zip(row["member_assets"], row["member_factors"], row["member_shares"], strict=True):
        X[asset, factor] = share
    for asset in range(row["n_assets"]):
        for style in range(2):
            X[asset, len(factors) - 2 + style] = row["styles"][2 * asset + style]
    return X


def floats(values: list[float | None]) -> np.ndarray:
    """Numbers, NaN for null."""
    return np.array([np.nan if value is None else value for value in values], dtype=float)


def nullable(values: np.ndarray) -> list[float | None]:
    """Numbers, null for NaN."""
    return [None if np.isnan(value) else float(value) for value in values]


def model_row(number: int, variant: str = "v") -> dict[str, object]:
    """A risk model as of DAYS[number]: Sigma without one factor, some assets without a variance, some pairs linked."""
    rng = np.random.default_rng(100 + number)
    row = panel_row(number)
    names = [factor.name for factor in SETS[row["factor_set"]]]
    kept = [name for name in names if name != ("value" if number % 2 else "tech")]
    root = rng.normal(0, 0.01, (len(kept), len(kept)))
    ids = sorted({*row["asset_id"][: len(row["asset_id"]) - 2], "ZZZ"})  # two of the panel's are not here, and one more
    var = [
        None if gone else value for value, gone in zip(rng.uniform(1e-4, 4e-4, len(ids)), rng.random(len(ids)) < 0.1, strict=True)
    ]
    layers = number % 3 == 0
    out = [{"name": f"left_out:{name}", "value": None, "detail": "too short"} for name in names if name not in kept]
    return {
        "variant": variant, "date": row["exposure_date"], "factor_set": row["factor_set"], "inputs_hash": f"model {number}",
        "n_periods": 60, "effective_periods": 50.0, "status": "ok", "detail": "", "frequency": "period",
        "diagnostics": [*out, {"name": "n_assets", "value": float(len(ids)), "detail": None}],
        "factors": kept, "zero_factors": ["value"] if number % 2 else [],
        "factor_cov": (root @ root.T)[np.triu_indices(len(kept))].tolist(), "asset_id": ids, "specific_var": var,
        "source": ["none" if value is None else "time_series" for value in var], "n_obs": rng.integers(0, 60, len(ids)).tolist(),
        "ts_var": var, "structural_var": rng.uniform(size=len(ids)).tolist() if layers else None,
        "blend_weight": [None] * len(ids) if layers else None, "shrink_weight": None,
        "regime_multiplier": 1.1 if layers else None,
        "linked_1": [0, 1, 2] if len(ids) > 9 else None, "linked_2": [1, 7, 8] if len(ids) > 9 else None,
        "linked_cov": [1e-5, 2e-5, 3e-5] if len(ids) > 9 else None,
    }  # fmt: skip


def sigma_of(row: dict[str, object]) -> np.ndarray:
    """Sigma of a risk model, element by element."""
    size = len(row["factors"])
    full, given = np.zeros((size, size)), iter(row["factor_cov"])
    for i in range(size):
        for j in range(i, size):
            full[i, j] = full[j, i] = next(given)
    return full
