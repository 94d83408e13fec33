"""`sigmalake portfolio`: the risk of a file of holdings, from a release, without Spark."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from sigmalake.config import load_config
from sigmalake.errors import ConfigError
from sigmalake.holdings import Missing
from sigmalake.holdings_file import HoldingsFile, read_holdings
from sigmalake.model import ReleasedModel, open_release
from sigmalake.portfolio_report import BenchmarkReport, PortfolioReport
from sigmalake.risk_model import RiskModel

_A_YEAR = {(1, 4): 252.0, (5, 9): 52.0, (26, 33): 12.0, (80, 100): 4.0}  # periods, by the days from one date to the next


class Question(NamedTuple):
    """What is asked for."""

    file: Path
    benchmark: Path | None
    lake: str
    release: str | None  # None: the last
    date: date | None  # None: the release's
    variant: str | None  # None: the only one
    horizon: float  # periods of the variant: its `frequency`
    missing: Missing
    cash: str | None  # the asset_id of cash, in both files
    value: float | None  # of the portfolio; None: its positions sum to it
    periods_per_year: float | None  # None: from the calendar


class Answer(NamedTuple):
    """The risk of holdings, and of what."""

    release: str
    risk: RiskModel
    periods_per_year: float
    holdings: HoldingsFile
    benchmark: HoldingsFile | None
    report: PortfolioReport  # of the holdings
    against: BenchmarkReport | None  # beside the benchmark

    @property
    def shown(self) -> PortfolioReport:
        """The report whose parts are told: of active holdings where there is a benchmark."""
        return self.report if self.against is None else self.against.active

    @property
    def weights(self) -> pd.Series:
        """What `shown` is about."""
        h = self.holdings.weights
        return h if self.benchmark is None else h.sub(self.benchmark.weights, fill_value=0.0)


def lake_of(config: Path | None, overrides: Sequence[str] | None, lake: str | None) -> str:
    """The lake that is named, directly or by a configuration.

    Raises:
        ConfigError: both are named, or neither; or the configuration is wrong.
    """
    if (config is None) == (lake is None):
        raise ConfigError("name the lake by --config FILE or by --lake FOLDER, one of the two")
    if config is not None:
        return load_config(config, overrides or []).lake
    if overrides:
        raise ConfigError(f"--set {overrides[0]} goes over a configuration; give --config FILE, or leave it out")
    return str(lake)


def answer(asked: Question) -> Answer:
    """Read the files, open the release, compute.

    Raises:
        ConfigError: a file that cannot be read or has other columns; no lake; a calendar that tells no periods per year.
        DataError: holdings that are no numbers by asset.
        MissingRiskError: no such release, variant or date; holdings without risk data.
    """
    holdings = read_holdings(asked.file, cash=asked.cash, value=asked.value)
    benchmark = None if asked.benchmark is None else read_holdings(asked.benchmark, cash=asked.cash)
    if asked.cash is not None and holdings.cash is None and (benchmark is None or benchmark.cash is None):
        raise ConfigError(f"--cash {asked.cash}: no file has an asset_id {asked.cash}; leave --cash out")
    model = open_release(asked.lake, asked.release)
    risk = model.risk(asked.date, asked.variant, horizon=asked.horizon)
    a_year = _a_year(asked, model, risk)
    if benchmark is None:
        report, against = risk.risk_of(holdings.weights, missing=asked.missing), None
    else:
        against = risk.risk_against(holdings.weights, benchmark.weights, missing=asked.missing)
        report = against.portfolio
    return Answer(model.release_id, risk, a_year, holdings, benchmark, report, against)


def _a_year(asked: Question, model: ReleasedModel, risk: RiskModel) -> float:
    """Periods of the variant in a year: as asked for, 12 months, or what the calendar tells."""
    if asked.periods_per_year is not None:
        return _checked(asked.periods_per_year)
    return 12.0 if risk.frequency == "month" else periods_per_year(model.calendar())


def periods_per_year(calendar: Sequence[date]) -> float:
    """252, 52, 12 or 4, by the median of the days from one date of returns to the next.

    Raises:
        ConfigError: the dates are no days, weeks, months or quarters.
    """
    days = float(np.median(np.diff(np.array(calendar, dtype="datetime64[D]")).astype(float))) if len(calendar) > 1 else np.nan
    found = [count for (least, most), count in _A_YEAR.items() if least <= days <= most]
    if not found:
        raise ConfigError(f"dates {days:g} days apart do not tell how many make a year; give --periods-per-year")
    return found[0]


def _checked(a_year: float) -> float:
    if not (np.isfinite(a_year) and a_year > 0):
        raise ConfigError(f"--periods-per-year is {a_year}; give a number above 0")
    return a_year
