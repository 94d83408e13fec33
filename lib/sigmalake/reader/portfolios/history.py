"""Stored factor returns beside the exposures of today: in the model's order, of its periods, up to its date."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from sigmalake.errors import DataError, MissingRiskError
from sigmalake.numerics.types import Bools, Floats
from sigmalake.numerics.windows.calendar import complete_months
from sigmalake.numerics.windows.compounding import NONE_MISSING, compound
from sigmalake.reader.dates import Day, as_date

if TYPE_CHECKING:
    from sigmalake.reader.risk_model import RiskModel


class FactorHistory(NamedTuple):
    """Factor returns of T periods of a risk model, oldest first."""

    returns: pd.DataFrame  # (T, K) a row a period by its last date, a column a factor of the model; NaN: not estimated

    def needed(self, exposures: Floats) -> Bools:
        """(T, K) where a factor with an exposure has no return."""
        lacking: Bools = np.isnan(self.returns.to_numpy()) & (exposures != 0)
        return lacking


def checked_history(factor_returns: pd.DataFrame) -> pd.DataFrame:
    """Factor returns with a DatetimeIndex that ascends.

    Raises:
        DataError: they are no frame of numbers by date, as `model.factor_returns()` gives.
    """
    if not isinstance(factor_returns, pd.DataFrame) or not isinstance(factor_returns.index, pd.DatetimeIndex):
        given = type(factor_returns).__name__
        raise DataError(f"factor_returns is a {given} without dates; give what model.factor_returns() gives, a row a date")
    return factor_returns.sort_index()


def history_until(risk: "RiskModel", factor_returns: pd.DataFrame, start: Day | None = None) -> FactorHistory:
    """What is known at the close of the model's date, so that no number looks ahead.

    Args:
        risk: the model; of one by calendar month, returns are compounded over complete months.
        factor_returns: a row a date, a column a factor, fractions per period of the calendar.
        start: the first date of returns, itself included; None: the first there is.

    Raises:
        MissingRiskError: there are none from `start` to the model's date.
        DataError: they are no frame by date.
    """
    known = checked_history(factor_returns).loc[: pd.Timestamp(risk.date)]
    if start is not None:
        known = known.loc[pd.Timestamp(as_date(start)) :]
    if known.empty:
        since = "" if start is None else f"from {as_date(start)} "
        raise MissingRiskError(f"there are no factor returns {since}to {risk.date}, the date of the risk")
    return FactorHistory(_of_months(known, risk) if risk.frequency == "month" else known.reindex(columns=list(risk.factors)))


def _of_months(known: pd.DataFrame, risk: "RiskModel") -> pd.DataFrame:
    months = complete_months([day.date() for day in known.index])
    if not months:
        raise MissingRiskError(f"there is no complete month of factor returns up to {risk.date}")
    returns = compound(known.reindex(columns=list(risk.factors)).to_numpy(dtype=float), months, NONE_MISSING).returns
    return pd.DataFrame(returns, known.index[[month.last for month in months]], list(risk.factors))
