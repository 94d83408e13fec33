"""A real panel: the model that is fitted to it, its returns, and the dates on which every peer makes its forecast."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import yaml

from sigmalake.api.fit import fit
from sigmalake.reader.factor_model import FactorModel
from sigmalake.reader.risk_model import RiskModel

CONF = Path(__file__).parents[2] / "conf"


class Grid(NamedTuple):
    """Lengths in periods of a panel."""

    a_year: int
    window: int  # of equally weighted returns; no forecast is made before it is full
    half_life: int  # of exponential weights
    corr_half_life: int


class Given(NamedTuple):
    """What is known of a panel before it is read."""

    title: str
    config: str  # of conf/, without the factors whose columns the panel lacks
    category: str  # the complete group, which the peers take for their industries
    grid: Grid


PANELS = (
    Given("470 large US stocks, daily", "us_sp500.yaml", "sector", Grid(252, 504, 84, 252)),
    Given("2,947 stocks of 8 countries, weekly", "world.yaml", "country", Grid(52, 104, 26, 52)),
)


class Market(NamedTuple):
    """A fitted panel, T periods and N assets."""

    given: Given
    model: FactorModel
    returns: pd.DataFrame  # (T, N) fractions; NaN: missing
    caps: pd.DataFrame | None  # (T, N) at the close of a row's date; None: the panel has none
    origins: list[int]  # positions of the forecasts in `returns`: the last date of each month
    ends: list[int]  # positions of the last return that each is held to: the next month's last date


class Origin(NamedTuple):
    """One forecast date and the assets that every peer forecasts."""

    position: int
    end: int
    assets: list[str]  # (N,)
    caps: np.ndarray[tuple[int], np.dtype[np.float64]] | None  # (N,)
    risk: Mapping[str, RiskModel]  # by variant of ours


def read_market(path: Path, variants_of: Callable[[str], Mapping[str, Mapping[str, Any]]]) -> Market:
    """Fit a panel with the variants that suit its configuration, each as of every month's end.

    Raises:
        SystemExit: no configuration of conf/ has this panel's columns.
    """
    columns = set(pq.read_schema(path).names)
    given = next((one for one in PANELS if _columns(one) <= columns), None)
    if given is None:
        raise SystemExit(f"{path}: its columns {sorted(columns)} are those of no panel in {[one.config for one in PANELS]}")
    body = yaml.safe_load((CONF / given.config).read_text())
    names = body["sources"]["panel"]["columns"]
    body["factors"] = [factor for factor in body["factors"] if factor.get("column", given.category) in columns]
    body["sources"]["panel"].pop("path")
    body["risk"] = {name: {**variant, "every": "month"} for name, variant in variants_of(given.config).items()}
    for other in ("covariance", "lake"):
        body.pop(other, None)
    model = fit(path, config=body)
    rows = pd.read_parquet(path, columns=list(names.values())).rename(columns={there: here for here, there in names.items()})
    returns = rows.pivot(index="date", columns="asset_id", values="ret")
    caps = rows.pivot(index="date", columns="asset_id", values="cap") if "cap" in names else None
    months = pd.Series(np.arange(len(returns)), pd.to_datetime(returns.index)).resample("ME").last().dropna().astype(int)
    month_ends = [end for end in months.tolist()[:-1] if end >= given.grid.window]  # the last month may be incomplete
    return Market(given, model, returns, caps, month_ends[:-1], month_ends[1:])


def _columns(given: Given) -> set[str]:
    body = yaml.safe_load((CONF / given.config).read_text())
    return {*body["sources"]["panel"]["columns"].values(), given.category}


def origin_of(market: Market, position: int, end: int, variants: Sequence[str]) -> Origin:
    """The assets with a V of ours and a return in each period of the window, and what is known of them at the date."""
    day = pd.Timestamp(market.returns.index[position]).date()
    risk = {variant: market.model.risk(day, variant) for variant in variants}
    window = market.returns.iloc[position - market.given.grid.window + 1 : position + 1]
    complete = window.columns[window.notna().all() & (window.std() > 0)]
    usable = set[str].intersection(*(set(one.usable) for one in risk.values()))
    assets = sorted(usable & set(complete))
    caps = None if market.caps is None else market.caps.iloc[position].reindex(assets).to_numpy(dtype=float)
    return Origin(position, end, assets, caps, risk)
