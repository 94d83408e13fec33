"""`sigmalake portfolio`: the risk of a file of holdings, from a release, without Spark."""

from collections.abc import Mapping, Sequence
from datetime import date as Date  # the plain name is a field
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import pandas as pd

from sigmalake.config.model import load_config
from sigmalake.errors import ConfigError, MissingRiskError
from sigmalake.reader.factor_model import FactorModel
from sigmalake.reader.files.holdings_file import HoldingsFile, read_holdings, read_texts
from sigmalake.reader.holdings import Missing
from sigmalake.reader.open_release import open_release
from sigmalake.reader.portfolios.replay import Period
from sigmalake.reader.portfolios.reverse_stress import ReverseStressReport
from sigmalake.reader.portfolios.sides import Replayed, Sides, replays_of, reverse_of, sides_of, tails_of
from sigmalake.reader.portfolios.tail_risk import TailReport
from sigmalake.reader.portfolios.units import Unit
from sigmalake.reader.questions import Realised, RiskChange, Scenario, change_since, realised_since, scenario_of
from sigmalake.reader.report import BenchmarkReport, PortfolioReport
from sigmalake.reader.risk_model import RiskModel
from sigmalake.reader.storage.session_tables import Session

NO_GROUP = "no group"  # of assets that the user's file of groups does not name


class Question(NamedTuple):
    """What `sigmalake portfolio` was asked: its arguments and options."""

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
    names: Path | None = None  # a file of what assets are called
    weights_in: Unit | None = None  # the unit of weights in files; None: fractions, questioned where they look like others
    shocks_in: Unit | None = None  # the unit of shocks and of the loss of a reverse stress
    levels: Sequence[float] = ()  # of value at risk and expected shortfall; none: they are not asked for
    history_since: Date | None = None  # the first date of the factor returns that they replay
    periods: Sequence[Period] = ()  # of the past, to be replayed
    groups: Path | None = None  # a file of the user's own groups of assets
    loss: float | None = None  # of a reverse stress; None: there is none
    spark: Session | None = None  # what reads a lake in a catalog


class Answer(NamedTuple):
    """The answer to a `Question`: the numbers, and the files, release and risk model that they are of."""

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
    names: Mapping[str, str] = MappingProxyType({})  # what assets are called
    groups: Mapping[str, str] = MappingProxyType({})  # the user's own, by asset
    tails: Mapping[str, TailReport] = MappingProxyType({})  # by side: portfolio, benchmark, active
    replays: tuple[Replayed, ...] = ()
    reverse: Mapping[str, ReverseStressReport] = MappingProxyType({})  # by side: portfolio, active

    @property
    def reports(self) -> dict[str, PortfolioReport]:
        """The risk of each side: portfolio, and with a benchmark also benchmark and active."""
        if self.against is None:
            return {"portfolio": self.report}
        return {"portfolio": self.report, "benchmark": self.against.benchmark, "active": self.against.active}

    @property
    def sides(self) -> Sides:
        """The holdings of each side that have risk data."""
        h = self.holdings.weights[self.report.by_asset.index]
        if self.benchmark is None or self.against is None:
            return sides_of(h, None)
        return sides_of(h, self.benchmark.weights[self.against.benchmark.by_asset.index])

    def by_own_group(self, values: pd.Series) -> pd.Series:
        """Sums of numbers by asset over the user's own groups, in their order; assets without a group come last."""
        order = dict.fromkeys([*self.groups.values(), NO_GROUP])
        sums = values.groupby([self.groups.get(asset, NO_GROUP) for asset in values.index], sort=False).sum()
        return sums.reindex([name for name in order if name in sums.index])

    @property
    def shown(self) -> PortfolioReport:
        """The report whose parts are shown: of active holdings where there is a benchmark."""
        return self.report if self.against is None else self.against.active

    @property
    def weights(self) -> pd.Series:
        """The weights that `shown` describes: those of the portfolio, or portfolio minus benchmark."""
        h = self.holdings.weights
        return h if self.benchmark is None else h.sub(self.benchmark.weights, fill_value=0.0)

    @property
    def whose(self) -> str:
        """The name of the sum of the contributions in `shown`."""
        return "the volatility" if self.against is None else "the tracking error"

    def annual_percent(self, vol: float) -> float:
        """Annualise a volatility over the horizon: percent a year."""
        return 100 * vol * float(np.sqrt(self.periods_per_year / self.risk.horizon))


def lake_of(config: str | Path | None, overrides: Sequence[str] | None, lake: str | None) -> str:
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


def answer(question: Question) -> Answer:
    """Read the files, open the release, compute.

    Raises:
        ConfigError: a file that cannot be read or has other columns; no lake; a calendar that tells no periods per year; a shock
            to a factor that Sigma lacks, a comparison or a period that does not go forward.
        DataError: holdings that are no numbers by asset; shocks that have no answer.
        MissingRiskError: no such release, variant or date; holdings without risk data, or with gaps in the period.
    """
    unit = question.weights_in
    holdings = read_holdings(question.file, cash=question.cash, value=question.value, weights_in=unit)
    benchmark = None if question.benchmark is None else read_holdings(question.benchmark, cash=question.cash, weights_in=unit)
    names = {} if question.names is None else read_texts(question.names, "name")
    groups = {} if question.groups is None else read_texts(question.groups, "group")
    if question.cash is not None and holdings.cash is None and (benchmark is None or benchmark.cash is None):
        raise ConfigError(f"--cash {question.cash}: no file has an asset_id {question.cash}; leave --cash out")
    model = open_release(question.lake, question.release, spark=question.spark)
    risk = model.risk(question.date, _variant(question, model), horizon=question.horizon).as_given
    a_year = _a_year(question, model, risk)
    if benchmark is None:
        report, against = risk.risk_of(holdings.weights, missing=question.missing), None
    else:
        against = risk.risk_against(holdings.weights, benchmark.weights, missing=question.missing)
        report = against.portfolio
    result = Answer(str(model.release_id), risk, a_year, holdings, benchmark, report, against, None, None, None)
    of_files = (benchmark.names if benchmark is not None else {}) | holdings.names
    groups = (benchmark.groups if benchmark is not None else {}) | holdings.groups | groups
    return _stressed(question, model, result)._replace(
        scenario=_scenario(question, result), change=_change(question, model, result), realised=_realised(question, model, result),
        names=of_files | names, groups=groups,
    )  # fmt: skip


def _stressed(question: Question, model: FactorModel, result: Answer) -> Answer:
    """With the tails, replays and reverse stress that were asked for."""
    if question.loss is not None:
        result = result._replace(reverse=reverse_of(result.risk, result.sides, question.loss, question.shocks_in))
    if not question.levels and not question.periods:
        return result
    factor_returns, sides = model.factor_returns(), result.sides
    tails = tails_of(result.risk, sides, question.levels, factor_returns, question.history_since) if question.levels else {}
    return result._replace(tails=tails, replays=replays_of(result.risk, sides, question.periods, factor_returns))


def _variant(question: Question, model: FactorModel) -> str | None:
    """The variant that the user named; None if the release has a single one."""
    if question.variant is None and len(model.variants) > 1:
        raise MissingRiskError(f"release {model.release_id} has several variants; name one of {', '.join(model.variants)}")
    return question.variant


def _scenario(question: Question, result: Answer) -> Scenario | None:
    if not question.shocks:
        return None
    sides = result.sides
    return scenario_of(result.risk, question.shocks, sides["portfolio"], sides.get("benchmark"), question.shocks_in)


def _change(question: Question, model: FactorModel, result: Answer) -> RiskChange | None:
    """From the date that is named, else from the one that --date names, else from the earlier release's own."""
    if question.versus_date is None and question.versus_release is None:
        return None
    first = model if question.versus_release is None else open_release(question.lake, question.versus_release, spark=question.spark)
    held = result.weights[result.shown.by_asset.index]
    return change_since(first, question.versus_date or question.date, model, result.risk, held, question.missing)


def _realised(question: Question, model: FactorModel, result: Answer) -> Realised | None:
    if question.since is None:
        return None
    b = None if result.benchmark is None else result.benchmark.weights
    return realised_since(model, question.since, result.risk.date, result.holdings.weights, b, question.missing)


def _a_year(question: Question, model: FactorModel, risk: RiskModel) -> float:
    """Periods of the variant in a year: as requested, 12 months, or what the calendar tells."""
    if question.periods_per_year is not None:
        return _checked(question.periods_per_year)
    return model.periods_per_year(risk.variant)


def _checked(a_year: float) -> float:
    if not (np.isfinite(a_year) and a_year > 0):
        raise ConfigError(f"--periods-per-year is {a_year}; give a number above 0")
    return a_year
