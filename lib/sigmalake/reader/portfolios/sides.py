"""Tails and stress of a portfolio, its benchmark and the active holdings, as `sigmalake portfolio` tells them."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

import pandas as pd

from sigmalake.errors import DataError
from sigmalake.reader.portfolios.replay import Period, ReplayReport
from sigmalake.reader.portfolios.reverse_stress import ReverseStressReport
from sigmalake.reader.portfolios.tail_risk import TailReport
from sigmalake.reader.portfolios.units import Unit, checked_level, checked_loss
from sigmalake.reader.risk_model import RiskModel

Sides = Mapping[str, pd.Series]  # holdings with risk data: portfolio, and with a benchmark also benchmark and active


class Replayed(NamedTuple):
    """A period of the past, and what each side would have earned in it."""

    period: Period
    reports: Mapping[str, ReplayReport]  # by side

    @property
    def shown(self) -> ReplayReport:
        """Of the active holdings where there is a benchmark."""
        return self.reports.get("active", self.reports["portfolio"])


def sides_of(portfolio: pd.Series, benchmark: pd.Series | None) -> Sides:
    """The holdings of each side."""
    if benchmark is None:
        return {"portfolio": portfolio}
    return {"portfolio": portfolio, "benchmark": benchmark, "active": portfolio.sub(benchmark, fill_value=0.0)}


def tails_of(
    risk: RiskModel, sides: Sides, levels: Sequence[float], factor_returns: pd.DataFrame, start: date | None
) -> dict[str, TailReport]:
    """The tails of each side at the same levels.

    Raises:
        DataError: a level is no probability.
        MissingRiskError: there are no factor returns from `start` on.
    """
    checked = [checked_level(level, "--level") for level in levels]
    return {side: risk.tail_risk(held, checked, factor_returns=factor_returns, start=start) for side, held in sides.items()}


def replays_of(risk: RiskModel, sides: Sides, periods: Sequence[Period], factor_returns: pd.DataFrame) -> tuple[Replayed, ...]:
    """What each side would have earned in each period.

    Raises:
        MissingRiskError: the stored factor returns do not cover a period.
    """
    return tuple(
        Replayed(period, {side: risk.replay(held, factor_returns, period.start, period.end) for side, held in sides.items()})
        for period in periods
    )


def reverse_of(risk: RiskModel, sides: Sides, loss: float, unit: Unit | None) -> dict[str, ReverseStressReport]:
    """The likeliest factor returns with which each side loses an amount; a benchmark's own is of no interest.

    Active holdings without factor risk, as those of an index fund, have none.

    Raises:
        DataError: the loss is not above 0, or beyond 100 % without its unit; the factors give the portfolio no risk.
    """
    size = checked_loss(loss, unit, "--shocks-in")
    found = {"portfolio": risk.reverse_stress(sides["portfolio"], size, loss_in="fraction")}
    if "active" in sides:
        try:
            found["active"] = risk.reverse_stress(sides["active"], size, loss_in="fraction")
        except DataError:
            return found
    return found
