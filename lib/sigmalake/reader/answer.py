"""`sigmalake portfolio`: the risk of a file of holdings, from a release, without Spark."""

from collections.abc import Mapping, Sequence
from datetime import date as Date  # the plain name is a field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from sigmalake.config.model import load_config
from sigmalake.errors import ConfigError, MissingRiskError
from sigmalake.reader.factor_model import FactorModel
from sigmalake.reader.files.holdings_file import HoldingsFile, read_holdings
from sigmalake.reader.holdings import Missing
from sigmalake.reader.open_release import open_release
from sigmalake.reader.questions import Realised, RiskChange, Scenario, change_since, realised_since, scenario_of
from sigmalake.reader.report import BenchmarkReport, PortfolioReport
from sigmalake.reader.risk_model import RiskModel


class Question(NamedTuple):
    """What is asked for."""

    file: Path
    benchmark: Path | None
    lake: str
    release: str | None  # None: the last
    date: Date | None  # None: the release's
    variant: str | None  # None: the only one
    horizon: float  # periods of the variant: its `frequency`
    missing: Missing
    cash: str | None  # the asset_id of cash, in both files
    value: float | None  # of the portfolio; None: its positions sum to it
    periods_per_year: float | None  # None: from the calendar
    shocks: Mapping[str, float]  # by factor, fractions; none: no scenario
    versus_date: Date | None  # with the next, the earlier risk to compare with; both None: no comparison
    versus_release: str | None
    since: Date | None  # the close from which a return is realised; None: no attribution


class Answer(NamedTuple):
    """The risk of holdings, and of what."""

    release: str
    risk: RiskModel
    periods_per_year: float
    holdings: HoldingsFile
    benchmark: HoldingsFile | None
    report: PortfolioReport  # of the holdings
    against: BenchmarkReport | None  # beside the benchmark
    scenario: Scenario | None
    change: RiskChange | None
    realised: Realised | None

    @property
    def shown(self) -> PortfolioReport:
        """The report whose parts are told: of active holdings where there is a benchmark."""
        return self.report if self.against is None else self.against.active

    @property
    def weights(self) -> pd.Series:
        """What `shown` is about."""
        h = self.holdings.weights
        return h if self.benchmark is None else h.sub(self.benchmark.weights, fill_value=0.0)

    @property
    def whose(self) -> str:
        """What the parts of `shown` sum to."""
        return "the volatility" if self.against is None else "the tracking error"

    def annual_percent(self, vol: float) -> float:
        """A volatility over the horizon, annualised."""
        return 100 * vol * float(np.sqrt(self.periods_per_year / self.risk.horizon))


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
        ConfigError: a file that cannot be read or has other columns; no lake; a calendar that tells no periods per year; a shock
            to a factor that Sigma lacks, a comparison or a period that does not go forward.
        DataError: holdings that are no numbers by asset; shocks that have no answer.
        MissingRiskError: no such release, variant or date; holdings without risk data, or with gaps in the period.
    """
    holdings = read_holdings(asked.file, cash=asked.cash, value=asked.value)
    benchmark = None if asked.benchmark is None else read_holdings(asked.benchmark, cash=asked.cash)
    if asked.cash is not None and holdings.cash is None and (benchmark is None or benchmark.cash is None):
        raise ConfigError(f"--cash {asked.cash}: no file has an asset_id {asked.cash}; leave --cash out")
    model = open_release(asked.lake, asked.release)
    risk = model.risk(asked.date, _variant(asked, model), horizon=asked.horizon)
    a_year = _a_year(asked, model, risk)
    if benchmark is None:
        report, against = risk.risk_of(holdings.weights, missing=asked.missing), None
    else:
        against = risk.risk_against(holdings.weights, benchmark.weights, missing=asked.missing)
        report = against.portfolio
    found = Answer(str(model.release_id), risk, a_year, holdings, benchmark, report, against, None, None, None)
    return found._replace(
        scenario=_scenario(asked, found), change=_change(asked, model, found), realised=_realised(asked, model, found)
    )


def _variant(asked: Question, model: FactorModel) -> str | None:
    """The variant that is named; without a name there must be one."""
    if asked.variant is None and len(model.variants) > 1:
        raise MissingRiskError(f"release {model.release_id} has several variants; name one of {', '.join(model.variants)}")
    return asked.variant


def _scenario(asked: Question, found: Answer) -> Scenario | None:
    if not asked.shocks:
        return None
    h = found.holdings.weights[found.report.by_asset.index]
    if found.benchmark is None or found.against is None:
        return scenario_of(found.risk, asked.shocks, h, None)
    return scenario_of(found.risk, asked.shocks, h, found.benchmark.weights[found.against.benchmark.by_asset.index])


def _change(asked: Question, model: FactorModel, found: Answer) -> RiskChange | None:
    """From the date that is named, else from the one that --date names, else from the earlier release's own."""
    if asked.versus_date is None and asked.versus_release is None:
        return None
    first = model if asked.versus_release is None else open_release(asked.lake, asked.versus_release)
    held = found.weights[found.shown.by_asset.index]
    return change_since(first, asked.versus_date or asked.date, model, found.risk, held, asked.missing)


def _realised(asked: Question, model: FactorModel, found: Answer) -> Realised | None:
    if asked.since is None:
        return None
    b = None if found.benchmark is None else found.benchmark.weights
    return realised_since(model, asked.since, found.risk.date, found.holdings.weights, b, asked.missing)


def _a_year(asked: Question, model: FactorModel, risk: RiskModel) -> float:
    """Periods of the variant in a year: as asked for, 12 months, or what the calendar tells."""
    if asked.periods_per_year is not None:
        return _checked(asked.periods_per_year)
    return model.periods_per_year(risk.variant)


def _checked(a_year: float) -> float:
    if not (np.isfinite(a_year) and a_year > 0):
        raise ConfigError(f"--periods-per-year is {a_year}; give a number above 0")
    return a_year
