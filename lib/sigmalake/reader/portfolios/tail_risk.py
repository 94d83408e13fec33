"""Value at risk and expected shortfall of holdings: normal, and by replaying the factor returns of the past."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import pandas as pd

from sigmalake.errors import DataError, MissingRiskError
from sigmalake.numerics.portfolio.tail_risk import Tail, convolved_tail, empirical_tail, normal_tail
from sigmalake.numerics.types import Bools, Floats
from sigmalake.reader.dates import Day
from sigmalake.reader.holdings import Holdings, Missing
from sigmalake.reader.portfolios.history import history_until
from sigmalake.reader.portfolios.units import checked_level

if TYPE_CHECKING:
    from sigmalake.reader.risk_model import RiskModel

LEVELS = (0.95, 0.99)
TailMethod = Literal["normal", "history", "history_of_factors"]
METHODS: tuple[TailMethod, ...] = ("normal", "history", "history_of_factors")
_ROUNDING = 1e-9  # of T (1 - a): 100 dates are enough for 0.99


class TailRisk(NamedTuple):
    """The tail at one level over the model's horizon; losses are positive, fractions of the value."""

    level: float  # a
    normal: Tail  # z_a sigma, and sigma phi(z_a) / (1 - a)
    history: Tail | None  # past factor returns on today's exposures, plus a normal specific part; None: too few dates
    history_of_factors: Tail | None  # past factor returns on today's exposures alone; None: too few dates


class TailReport(NamedTuple):
    """Tails of holdings, and the past losses that they stand on."""

    tails: tuple[TailRisk, ...]  # a level each
    losses: pd.Series  # by date: -sqrt(n) x'f_t over the horizon of n periods; empty: no history was given
    left_out_dates: pd.DatetimeIndex  # on which a factor with an exposure has no return
    left_out: dict[str, str]  # holdings without risk data, each with its reason; in no number here


def tail_risk_of(
    risk: "RiskModel",
    holdings: Holdings,
    levels: Sequence[float] = LEVELS,
    *,
    factor_returns: pd.DataFrame | None = None,
    start: Day | None = None,
    missing: Missing = "raise",
) -> TailReport:
    """Value at risk and expected shortfall over the model's horizon, by level and method.

    The mean of the normal loss is 0. History is today's exposures times the factor returns of each past date up to that of the
    model, scaled by the root of the horizon; `history` adds the specific part as a normal of its own, which the model forecasts.
    The formulas and their sources are those of `normal_tail`, `empirical_tail` and `convolved_tail`.

    Args:
        risk: the model, over its horizon.
        holdings: by asset, fractions of the value, any sign.
        levels: probabilities that the loss is not greater, from 0.5 to below 1.
        factor_returns: of the past, as `model.factor_returns()` gives them; None: the normal tail alone.
        start: first date of the history; None: the first there is.
        missing: what to do about holdings without risk data: `raise`, or `leave_out` and list them in the report.

    Raises:
        DataError: a level is no such probability.
        MissingRiskError: a holding has no risk data, or there are no factor returns in the period.
    """
    checked = [checked_level(level) for level in levels]
    report = risk.risk_of(holdings, missing=missing)
    x = report.exposures.to_numpy()
    losses, gone = pd.Series(dtype=float, index=pd.DatetimeIndex([], name="date"), name="loss"), pd.DatetimeIndex([])
    if factor_returns is not None:
        losses, gone = _past_losses(risk, x, factor_returns, start)
    tails = tuple(_tail(report.vol, report.specific_vol, losses.to_numpy(), level) for level in checked)
    return TailReport(tails, losses, gone, report.left_out)


def _tail(vol: float, specific_vol: float, losses: Floats, level: float) -> TailRisk:
    normal = normal_tail(vol, level)
    if losses.size * (1 - level) < 1 - _ROUNDING:
        return TailRisk(level, normal, None, None)
    return TailRisk(level, normal, convolved_tail(losses, specific_vol, level), empirical_tail(losses, level))


def _past_losses(
    risk: "RiskModel", exposures: Floats, factor_returns: pd.DataFrame, start: Day | None
) -> tuple[pd.Series, pd.DatetimeIndex]:
    """-sqrt(n) x'f_t by date, and the dates on which it cannot be said."""
    history = history_until(risk, factor_returns, start)
    lacking: Bools = np.asarray(history.needed(exposures).any(axis=1))
    returns = np.nan_to_num(history.returns.to_numpy()[~lacking]) @ exposures
    losses = pd.Series(0.0 - np.sqrt(risk.horizon) * returns, history.returns.index[~lacking], name="loss")
    return losses.rename_axis("date"), pd.DatetimeIndex(history.returns.index[lacking])


def tail_by(report: TailReport, method: TailMethod) -> Tail:
    """The tail of a report with one level.

    Raises:
        DataError: the method is unknown, or has no history.
        MissingRiskError: the history is too short for the level.
    """
    if method not in METHODS:
        raise DataError(f"method is {method!r}; give {', '.join(map(repr, METHODS))}")
    (tail,) = report.tails
    found: Tail | None = getattr(tail, method)
    if found is not None:
        return found
    if report.losses.empty and report.left_out_dates.empty:
        raise DataError(f"the method {method!r} replays the past: give factor_returns=model.factor_returns()")
    raise MissingRiskError(too_short(report, tail.level))


def too_short(report: TailReport, level: float) -> str:
    """Why a level has no history, for a message."""
    needed = int(np.ceil(1 / (1 - level) - _ROUNDING))
    lacking = f"; {report.left_out_dates.size} more lack a factor's return" if report.left_out_dates.size else ""
    return f"the history has {report.losses.size} dates{lacking}; the level {level:g} needs at least {needed}"
