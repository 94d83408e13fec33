"""A panel that is small and good, and its configuration: each test spoils one thing."""

from pathlib import Path

import numpy as np
import pandas as pd

CONFIG = """\
model: small
lake: lake
sources:
  panel:
    path: panel.parquet
    columns: {date: date, asset_id: symbol, ret: ret, cap: mcap}
factors:
  - {market: market}
  - {membership: sector, column: sector}
  - {styles: [size, beta], as_given: true}
risk:
  short:
    factor_cov: {estimator: ewma, half_life: 2, window: 4, min_periods: 3}
    specific_var: {estimator: sample, window: 4, min_periods: 3}
covariance: {variants: [short]}
"""


def small_panel(n_dates: int = 6, n_assets: int = 12) -> pd.DataFrame:
    """Two sectors, two styles; a row a date and asset, in that order."""
    random = np.random.default_rng(1)
    dates = pd.bdate_range("2024-01-02", periods=n_dates).date
    n_rows = n_dates * n_assets
    return pd.DataFrame(
        {
            "date": np.repeat(dates, n_assets),
            "symbol": [f"A{number:02d}" for number in range(n_assets)] * n_dates,
            "ret": random.normal(0, 0.01, n_rows).round(6),
            "mcap": np.exp(random.normal(3, 1, n_rows)).round(3),
            "sector": ["tech", "bank"] * (n_rows // 2) + ["tech"] * (n_rows % 2),
            "size": random.normal(size=n_rows).round(6),
            "beta": random.normal(size=n_rows).round(6),
        }
    )


def swapped(old: str, new: str, text: str = CONFIG) -> str:
    """The configuration with one part of its text replaced."""
    assert old in text, old
    return text.replace(old, new)


def written(folder: Path, text: str = CONFIG) -> Path:
    """The configuration as a file."""
    path = folder / "model.yaml"
    path.write_text(text, encoding="utf-8")
    return path
