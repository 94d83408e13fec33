"""A generated market's lake without Spark: the regressions by the kernel, Sigma and Delta of the last dates by numpy."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from plain_lake import append
from sigmalake.demo.market import Market
from sigmalake.numerics.factors import Factor, Kind
from sigmalake.numerics.regression.cross_section import fit_cross_section
from sigmalake.numerics.regression.rules import RegressionRules
from sigmalake.tables.declaration import Table
from sigmalake.tables.long import FACTORS
from sigmalake.tables.packed import CROSS_SECTIONS, PANEL, RISK_MODELS
from sigmalake.tables.records import RELEASES


def factors_of(market: Market) -> list[Factor]:
    industries = {name.removeprefix("ind_") for name in market.panel.columns if name.startswith("ind_")}
    kinds = [Kind.MARKET if f == "market" else Kind.MEMBERSHIP if f in industries else Kind.STYLE for f in market.truth.factors]
    groups = {Kind.MARKET: "market", Kind.MEMBERSHIP: "industry", Kind.STYLE: "style"}
    return [Factor(name, groups[kind], kind) for name, kind in zip(market.truth.factors, kinds, strict=True)]


def write_market_lake(
    root: Path, market: Market, variants: Sequence[str], rules: RegressionRules, n_risk: int = 2, *, by_month: bool = False
) -> None:
    """A release with risk models of the last `n_risk` dates; each variant's Sigma is a sample's, of another window."""
    factors, days = factors_of(market), sorted(market.panel["date"].unique())
    closes = {day: rows.sort_values("asset_id").set_index("asset_id") for day, rows in market.panel.groupby("date")}
    panel = [_panel_row(closes, days, n, factors) for n in range(len(days))]
    fits = [_cross_section_row(closes, days, n, factors, rules) for n in range(1, len(days))]
    history = pd.DataFrame({row["date"]: pd.Series(row["specific_return"], row["asset_id"], dtype=float) for row in fits})
    models = [
        _risk_row(variant, fits[: len(fits) - back], history.iloc[:, : len(fits) - back], factors, 60 // (1 + n))
        | {"frequency": "month" if by_month else "period"}
        for n, variant in enumerate(variants)
        for back in reversed(range(n_risk))
    ]
    names = [
        {"factor_set": "set", "position": n, "factor": f.name, "factor_group": f.group, "kind": f.kind.value}
        for n, f in enumerate(factors)
    ]
    tables = {
        "factors": append(root, FACTORS, names),
        "panel": append(root, PANEL, [complete(PANEL, row) for row in panel]),
        "cross_sections": append(root, CROSS_SECTIONS, [complete(CROSS_SECTIONS, row) for row in fits]),
        "risk_models": append(root, RISK_MODELS, [complete(RISK_MODELS, row) for row in models]),
    }
    release = {
        "release_id": f"{days[-1]}.1", "created_at": datetime(2024, 1, 1, tzinfo=UTC), "as_of": days[-1],
        "variants": list(variants), "tables": list(tables.items()), "config_hash": "-", "run_id": "-", "checks": [], "sequence": 1,
    }  # fmt: skip
    append(root, RELEASES, [release])


def complete(table: Table, row: Mapping[str, object]) -> dict[str, object]:
    """The row with a blank in each required column that no reader of holdings looks at."""
    blank = {"STRING": "-", "INT": 0, "DOUBLE": 0.0, "BOOLEAN": False}
    return {c.name: blank.get(c.type, []) for c in table.columns if not c.nullable} | dict(row)


def exposures_of(rows: pd.DataFrame, factors: Sequence[Factor]) -> np.ndarray:
    columns = {Kind.MEMBERSHIP: "ind_{}", Kind.STYLE: "{}"}
    return np.column_stack([np.ones(len(rows)) if f.kind is Kind.MARKET else rows[columns[f.kind].format(f.name)] for f in factors])


def _panel_row(closes, days, n, factors):
    rows, X = closes[days[n]], exposures_of(closes[days[n]], factors)
    newest = n + 1 == len(days)
    ret = pd.Series(np.nan, rows.index) if newest else closes[days[n + 1]]["ret"].reindex(rows.index)
    groups = [k for k, f in enumerate(factors) if f.kind is Kind.MEMBERSHIP]
    assets, members = np.nonzero(X[:, groups])
    styles = X[:, [k for k, f in enumerate(factors) if f.kind is Kind.STYLE]]
    return {
        "exposure_date": days[n], "return_date": None if newest else days[n + 1], "factor_set": "set",
        "asset_id": list(rows.index), "ret": nulls(ret), "cap": rows["cap"].tolist(),
        "in_estimation": rows["in_estimation"].tolist(),
        "styles": styles.ravel().tolist(), "member_assets": assets.tolist(), "member_factors": np.array(groups)[members].tolist(),
        "member_shares": X[:, groups][assets, members].tolist(),
    }  # fmt: skip


def _cross_section_row(closes, days, n, factors, rules):
    rows = closes[days[n - 1]]
    ret = closes[days[n]]["ret"].reindex(rows.index).to_numpy()
    caps, flags = rows["cap"].to_numpy(), rows["in_estimation"].to_numpy(dtype=bool)
    fit = fit_cross_section(ret, exposures_of(rows, factors), caps, np.sqrt(caps) * flags, flags, factors, rules)
    return {
        "date": days[n], "factor_set": "set", "status": fit.status, "detail": fit.detail,
        "factor_return": nulls(fit.factor_returns), "std_error": nulls(fit.std_errors),
        "factor_status": list(fit.factor_status), "vif": nulls(fit.vif), "n_members": fit.n_members.tolist(),
        "asset_id": list(rows.index),
        "specific_return": nulls(fit.specific_returns), "fitted_return": nulls(fit.fitted_returns),
        "in_estimation": flags.tolist(), "weight": fit.weights.tolist(),
    }  # fmt: skip


def _risk_row(variant, fits, history, factors, window):
    f = np.array([row["factor_return"] for row in fits[-window:]], dtype=float)
    kept = np.flatnonzero(np.isfinite(f).all(axis=0))
    cov = np.cov(f[:, kept].T)
    u = history.loc[sorted(fits[-1]["asset_id"])].iloc[:, -window:]
    var = u.var(axis=1).where(u.notna().sum(axis=1) >= 10)
    return {
        "variant": variant, "date": fits[-1]["date"], "factor_set": "set", "n_periods": len(f), "status": "ok",
        "factors": [factors[k].name for k in kept], "zero_factors": [], "factor_cov": cov[np.triu_indices(len(kept))].tolist(),
        "asset_id": list(var.index), "specific_var": nulls(var), "ts_var": nulls(var), "n_obs": [len(f)] * len(var),
        "source": ["time_series" if known else "none" for known in var.notna()],
    }  # fmt: skip


def nulls(values) -> list[float | None]:
    return [None if np.isnan(value) else float(value) for value in np.asarray(values, dtype=float)]
