"""A risk model with linked issues and a Sigma that a constraint makes singular, and its V cell by cell."""

from datetime import date

import numpy as np
import pandas as pd

from sigmalake.reader.model.assembled import assemble
from sigmalake.reader.risk_model import RiskModel

ASSETS = [f"A{n:02d}" for n in range(24)]
FACTORS = ["market", "auto", "bank", "coal", "size", "value"]
GROUPS = ["market", "sector", "sector", "sector", "style", "style"]
LINKED = {("A06", "A02"): 1e-4, ("A02", "A11"): 5e-5, ("A06", "A11"): -3e-5, ("A01", "A07"): -1e-4}


def linked_risk(linked: dict[tuple[str, str], float] = LINKED, horizon: float = 1.0) -> RiskModel:
    """Sectors sum to the market, and 0.5 auto + 0.3 bank + 0.2 coal returns nothing: Sigma has a rank of 5."""
    draw = np.random.default_rng(7)
    n = len(ASSETS)
    X = np.zeros((n, len(FACTORS)))
    X[:, 0] = 1.0
    X[np.arange(n), 1 + np.arange(n) % 3] = 1.0
    X[:, 4:] = draw.standard_normal((n, 2))
    f = draw.standard_normal((80, len(FACTORS))) * [0.01, 0.004, 0.005, 0.006, 0.002, 0.003]
    shares = np.array([0.5, 0.3, 0.2])
    f[:, 1:4] -= np.outer(f[:, 1:4] @ shares, shares / (shares @ shares))
    var = dict(zip(ASSETS, draw.uniform(2e-4, 9e-4, n), strict=True))
    return assemble(
        variant="short", date=date(2024, 3, 8), exposure_date=date(2024, 3, 8), assets=ASSETS, columns=FACTORS, groups=GROUPS,
        exposures=X, factors=FACTORS, factor_cov=f.T @ f / len(f), specific_var=var, left_out={}, linked=linked,
    ).over(horizon)  # fmt: skip


def v_by_loops(risk: RiskModel, linked: dict[tuple[str, str], float] = LINKED) -> pd.DataFrame:
    """sum_k sum_l X_ik Sigma_kl X_jl, Delta_i where i = j, and what links i and j."""
    n, k = len(risk.assets), range(len(risk.factors))
    V = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            V[i, j] = sum(risk.exposures[i, a] * risk.factor_cov[a, b] * risk.exposures[j, b] for a in k for b in k)
        V[i, i] += risk.specific_var[i]
    for (first, second), cov in linked.items():
        i, j = risk.assets.index(first), risk.assets.index(second)
        V[i, j] += cov * risk.horizon
        V[j, i] += cov * risk.horizon
    return pd.DataFrame(V, list(risk.assets), list(risk.assets))


def assert_same_cov(found: np.ndarray, expected: np.ndarray, tolerance: float) -> None:
    """Cell by cell, each relative to the volatilities of its two assets."""
    expected = np.asarray(expected)
    vols = np.sqrt(np.diag(expected))
    off = np.abs(np.asarray(found) - expected) / np.outer(vols, vols)
    assert off.max() <= tolerance, f"off by {off.max():.2g}"
