"""A model of sixteen stocks and twenty-two days, whose sources and lake lie where a test wants them."""

import io
from typing import Any

import pandas as pd

from sigmalake.demo.market import generate_market

WINDOW = {"estimator": "ewma", "half_life": 8, "window": 12, "min_periods": 6}


def tiny_panel() -> pd.DataFrame:
    return generate_market(n_assets=16, n_dates=22, n_industries=2, n_styles=1, seed=5).panel


def tiny_body(lake: str, source: str) -> dict[str, Any]:
    """Its configuration."""
    shares = {name.removeprefix("ind_"): name for name in tiny_panel().columns if name.startswith("ind_")}
    return {
        "model": "tiny",
        "lake": lake,
        "sources": {"panel": {"path": source, "columns": {"cap": "cap", "in_estimation": "in_estimation"}}},
        "factors": [{"market": "market"}, {"membership": "industry", "columns": shares}, {"styles": ["size"], "as_given": True}],
        "regression": {"min_assets": 8},
        "risk": {"daily": {"factor_cov": WINDOW, "specific_var": WINDOW}},
    }


def parquet(panel: pd.DataFrame) -> bytes:
    written = io.BytesIO()
    panel.to_parquet(written, index=False)
    return written.getvalue()
