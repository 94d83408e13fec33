"""The sizes that are measured, and the model of each."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import NamedTuple

import yaml

FIRST_DATE = date(2014, 1, 1)


class Size(NamedTuple):
    """A generated panel."""

    n_dates: int
    n_assets: int  # alive at a time, about
    n_industries: int = 60
    n_styles: int = 10

    @property
    def styles(self) -> list[str]:
        """Names of the style columns."""
        return [f"style_{number:02}" for number in range(1, self.n_styles + 1)]

    @property
    def industries(self) -> list[str]:
        """Names of the industries."""
        return [f"industry_{number:03}" for number in range(1, self.n_industries + 1)]

    @property
    def n_factors(self) -> int:
        """Market, industries and styles."""
        return 1 + self.n_industries + self.n_styles


SIZES = {
    "tiny": Size(126, 300, 12, 4),
    "small": Size(504, 1000),
    "five-years": Size(1260, 3000),
    "half-assets": Size(2520, 1500),
    "ten-years": Size(2520, 3000),
    "broad": Size(90, 5000),
    "us_sp500_daily": Size(1118, 470, 11, 6),  # the form of a real panel
    "us_sp500_mini": Size(301, 120, 11, 6),
    "wide": Size(250, 10_000),
    "wide-many-factors": Size(250, 10_000, 150, 40),
}

PLAIN = {
    "factor_cov": {"estimator": "ewma", "half_life": 84, "corr_half_life": 168},  # windows of 3 half-lives: 252 and 504 days
    "specific_var": {"estimator": "ewma", "half_life": 84},
    "every": "day",
}
VARIANTS: Mapping[str, Mapping[str, object]] = {
    "plain": PLAIN,
    "preset short without eigenfactors": {"preset": "short", "factor_cov": {"eigenfactor": None}},
    "preset short": {"preset": "short"},
}


def write_config(
    path: Path,
    size: Size,
    *,
    panel: Path,
    lake: Path,
    settings: Mapping[str, object] | None = None,
    variant: str = "plain",
    dense: bool = True,
) -> Path:
    """The model of a size as a configuration's file; `variant`: of `VARIANTS`; `dense`: with V of the last date."""
    body = {
        "model": "bench",
        "lake": str(lake),
        "sources": {"panel": {"path": str(panel), "columns": {"cap": "cap", "in_estimation": "in_estimation"}}},
        "factors": [
            {"market": "market"},
            {"membership": "industry", "column": "industry", "levels": size.industries},
            {"styles": size.styles, "as_given": True},
        ],
        "regression": {"weights": "sqrt_cap"},
        "risk": {"short": dict(VARIANTS[variant])},
        "covariance": {"variants": ["short"], "dates": "last"} if dense else None,
        "spark": dict(settings or {}),
    }
    path.write_text(yaml.safe_dump(body, sort_keys=False))
    return path
