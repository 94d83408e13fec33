"""What `sigmalake portfolio` adds to risk where options request it: a scenario, what moved the risk, a realised return."""

import difflib
from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

import numpy as np
import pandas as pd

from sigmalake.errors import ConfigError, MissingRiskError
from sigmalake.reader.attribution import RealisedAttribution
from sigmalake.reader.comparison import RiskComparison, compare_risk
from sigmalake.reader.factor_model import FactorModel
from sigmalake.reader.holdings import Missing
from sigmalake.reader.portfolios.units import Unit, checked_shocks
from sigmalake.reader.report import PortfolioReport
from sigmalake.reader.risk_model import RiskModel
from sigmalake.reader.scenario import ScenarioReport, run_scenario


class Scenario(NamedTuple):
    """What a portfolio, and its benchmark if there is one, would earn in a scenario."""

    shocks: Mapping[str, float]  # by factor, fractions
    portfolio: ScenarioReport
    benchmark: ScenarioReport | None
    active: ScenarioReport | None  # of the holdings minus the benchmark

    @property
    def shown(self) -> ScenarioReport:
        """The report whose parts are shown: of active holdings where there is a benchmark."""
        return self.portfolio if self.active is None else self.active


class RiskChange(NamedTuple):
    """What moved the risk of the same holdings from a first model to a second."""

    releases: tuple[str, str]
    models: tuple[RiskModel, RiskModel]
    reports: tuple[PortfolioReport, PortfolioReport]  # of what both have risk data for
    holdings: pd.Series  # the same, by asset
    comparison: RiskComparison


class PeriodReturn(NamedTuple):
    """A return over a period, in fractions; active ones are the portfolio's less the benchmark's, number by number."""

    returns: pd.Series  # by date
    summed: pd.Series  # by part, as of `RealisedAttribution`; sums to the sum of `returns`
    linked: pd.Series  # by part; sums to the compounded return
    mean_exposures: pd.Series  # by factor: over the dates
    specific_by_asset: pd.Series  # sum over the dates of h u


class Realised(NamedTuple):
    """Where the realised return over a period came from, for the portfolio and its benchmark."""

    close: date  # the last one before the period
    portfolio: PeriodReturn
    benchmark: PeriodReturn | None
    active: PeriodReturn | None
    gaps: pd.DataFrame  # of, portfolio or benchmark, and the columns of `RealisedAttribution.gaps`

    @property
    def shown(self) -> PeriodReturn:
        """The return whose parts are shown: the active one where there is a benchmark."""
        return self.portfolio if self.active is None else self.active


def parse_shocks(given: Sequence[str]) -> dict[str, float]:
    """Returns by factor, fractions, from texts like `market=-0.10`.

    Raises:
        ConfigError: a text is not of this form, or a factor comes twice.
    """
    shocks: dict[str, float] = {}
    for text in given:
        factor, _, size = text.rpartition("=")
        factor = factor.strip()
        if not factor or not np.isfinite(shock := _number(size)):
            raise ConfigError(f"--shock {text!r} is no shock; give FACTOR=RETURN, a fraction: market=-0.10 is a fall of 10 %")
        if factor in shocks:
            raise ConfigError(f"--shock names {factor} twice; give each factor once")
        shocks[factor] = shock
    return shocks


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return np.nan


def scenario_of(
    risk: RiskModel, given: Mapping[str, float], portfolio: pd.Series, benchmark: pd.Series | None, unit: Unit | None = None
) -> Scenario:
    """The scenario of holdings that have risk data, and beside a benchmark's; see `run_scenario`.

    Raises:
        ConfigError: Sigma has no such factor.
        DataError: a shocked factor has no variance, the shocked ones are linearly dependent, or a shock is beyond 100 % and `unit`
            does not say in what it is given.
    """
    for factor in given:
        if factor not in risk.factors:
            known = {name.lower(): name for name in risk.factors}
            close = difflib.get_close_matches(factor.lower(), known, n=1)
            hint = f"did you mean {known[close[0]]}?" if close else f"it has {', '.join(risk.factors)}"
            raise ConfigError(f"--shock {factor}: {risk.variant} has no such factor as of {risk.date}; {hint}")
    shocks = checked_shocks(given, unit, "--shocks-in")
    of_portfolio = run_scenario(risk, portfolio, shocks, shocks_in="fraction")
    if benchmark is None:
        return Scenario(shocks, of_portfolio, None, None)
    active = run_scenario(risk, portfolio.sub(benchmark, fill_value=0.0), shocks, shocks_in="fraction")
    return Scenario(shocks, of_portfolio, run_scenario(risk, benchmark, shocks, shocks_in="fraction"), active)


def change_since(
    first: FactorModel, first_date: date | None, second: FactorModel, risk: RiskModel, holdings: pd.Series, missing: Missing
) -> RiskChange:
    """What moved the risk of holdings from a model of a first release to `risk`, of a second; see `compare_risk`.

    Args:
        first: the release of the earlier model, which has the variant and horizon of `risk`.
        first_date: of the earlier model; None: its release's.
        second: the release of `risk`.
        risk: the later model.
        holdings: by asset, the same on both sides.
        missing: what to do about holdings without risk data in the earlier model.

    Raises:
        ConfigError: the models are one, or the first is the later.
        MissingRiskError: the first release has no such model, or lacks holdings that may not be left out.
    """
    earlier = first.risk(first_date, risk.variant, horizon=risk.horizon).as_given  # the unit of the holdings was asked for before
    if earlier.date > risk.date:
        raise ConfigError(f"the comparison would go back in time, from {earlier.date} to {risk.date}; exchange the two")
    if (first.release_id, earlier.date) == (second.release_id, risk.date):
        raise ConfigError(
            f"release {first.release_id} as of {risk.date} is compared with itself; give another --versus-date or --versus-release"
        )
    try:
        comparison = compare_risk(earlier, risk, holdings, missing=missing)
    except MissingRiskError as error:  # of the earlier model: the later one has answered
        raise MissingRiskError(f"compared with {earlier.date}: {error}") from None
    held = holdings[comparison.by_asset.index]
    counted = held if held.size else holdings  # all 0: they need no risk data
    reports = earlier.risk_of(counted), risk.risk_of(counted)
    return RiskChange((str(first.release_id), str(second.release_id)), (earlier, risk), reports, held, comparison)


def realised_since(
    model: FactorModel, since: date, until: date, portfolio: pd.Series, benchmark: pd.Series | None, missing: Missing
) -> Realised:
    """Where the returns after the close of `since` came from, to `until`, itself included; see `attribute_returns`.

    Raises:
        ConfigError: `since` is not before `until`.
        MissingRiskError: the returns begin later; or holdings have gaps and may not.
    """
    if since >= until:
        raise ConfigError(f"--since {since} is not before {until}, the date of the risk; give an earlier close")
    first = next((day.date() for day in model.calendar() if day.date() > since), until)
    close: date = model.panel(return_date=first).attrs["exposure_date"]
    if close > since:
        raise MissingRiskError(f"--since {since}: the returns of release {model.release_id} begin after the close of {close}")
    given = {"portfolio": portfolio} if benchmark is None else {"portfolio": portfolio, "benchmark": benchmark}
    attributions = {of: model.attribution(held, first, until, missing=missing) for of, held in given.items()}
    gaps = [attributed.gaps.assign(of=of) for of, attributed in attributions.items()]
    listed = pd.concat([some for some in gaps if len(some)] or gaps, ignore_index=True)
    periods = [_over_period(attributed) for attributed in attributions.values()]
    if len(periods) == 1:
        return Realised(close, periods[0], None, None, listed)
    return Realised(close, periods[0], periods[1], _less(*periods), listed)


def _over_period(attributed: RealisedAttribution) -> PeriodReturn:
    return PeriodReturn(
        attributed.returns, attributed.summed, attributed.linked, attributed.exposures.mean(), attributed.specific_by_asset
    )


def _less(one: PeriodReturn, other: PeriodReturn) -> PeriodReturn:
    return PeriodReturn(*(mine.sub(its, fill_value=0.0) for mine, its in zip(one, other, strict=True)))
