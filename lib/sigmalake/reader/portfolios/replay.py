"""What today's exposures would have earned in a period of the past."""

import csv
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from sigmalake.errors import ConfigError, DataError, MissingRiskError
from sigmalake.numerics.portfolio.attribution import link_returns
from sigmalake.reader.dates import Day, as_date
from sigmalake.reader.files.rows_with_ids import utf8_text
from sigmalake.reader.holdings import Holdings, Missing
from sigmalake.reader.portfolios.history import checked_history

if TYPE_CHECKING:
    from sigmalake.reader.risk_model import RiskModel

_DAYS_A_MONTH = 365.25 / 12


class Period(NamedTuple):
    """A period of the past: the returns of the dates after one close up to another."""

    name: str
    start: date  # the close at which it begins
    end: date  # the close at which it ends


class ReplayReport(NamedTuple):
    """Returns in fractions of the value; the specific part is in none of them, but in `specific_vol`."""

    returns: pd.Series  # by date: x'f_t
    summed: float  # the sum over the dates; `by_factor` sums to it
    linked: float  # compounded: prod (1 + x'f_t) - 1
    drawdown: float  # the deepest fall of the compounded value from its highest point, <= 0
    by_factor: pd.Series  # by factor: x_k sum_t f_kt
    linked_by_factor: pd.Series  # by factor: as parts of `linked`, to which it sums
    specific_vol: float  # standard deviation of the specific part over the period, as forecast today
    gaps: pd.Series  # by factor with an exposure: dates without a return, on which it counts as 0
    left_out: dict[str, str]  # holdings without risk data, each with its reason; in no number here


def replay_of(
    risk: "RiskModel", holdings: Holdings, factor_returns: pd.DataFrame, start: Day, end: Day, *, missing: Missing = "raise"
) -> ReplayReport:
    """Today's exposures, held anew on every date, times the factor returns after the close of `start` up to `end`.

    Args:
        risk: the model that gives the exposures.
        holdings: by asset, fractions of the value, any sign.
        factor_returns: as `model.factor_returns()` gives them, a row a date.
        start: the close at which the period begins: its own return is not part of it.
        end: the close at which it ends: its return is.
        missing: what to do about holdings without risk data: `raise`, or `leave_out` and list them in the report.

    Raises:
        DataError: the period does not go forward.
        MissingRiskError: the period is not covered by the factor returns; a holding has no risk data.
    """
    report = risk.risk_of(holdings, missing=missing)
    f = _of_period(checked_history(factor_returns), as_date(start), as_date(end)).reindex(columns=list(risk.factors))
    x = report.exposures.to_numpy()
    lacking = (f.isna() & (x != 0)).sum()
    parts = x * np.nan_to_num(f.to_numpy(dtype=float))
    returns = pd.Series(parts.sum(axis=1), f.index, name="return")
    value = np.concatenate([[1.0], np.cumprod(1 + returns.to_numpy())])
    by_factor = pd.Series(parts.sum(axis=0), list(risk.factors), name="return")
    linked_by_factor = pd.Series(link_returns(parts), list(risk.factors), name="return")
    n_periods = len(f) if risk.frequency == "period" else (as_date(end) - as_date(start)).days / _DAYS_A_MONTH
    return ReplayReport(
        returns=returns,
        summed=float(by_factor.sum()),
        linked=float(linked_by_factor.sum()),
        drawdown=float((value / np.maximum.accumulate(value) - 1).min()),
        by_factor=by_factor,
        linked_by_factor=linked_by_factor,
        specific_vol=report.specific_vol * float(np.sqrt(n_periods / risk.horizon)),
        gaps=lacking[lacking > 0].rename("n_dates"),
        left_out=report.left_out,
    )


def _of_period(returns: pd.DataFrame, start: date, end: date) -> pd.DataFrame:
    if start >= end:
        raise DataError(f"the period {start} to {end} does not go forward; give the earlier close first")
    days = pd.DatetimeIndex(returns.index)
    if not days.size or start < _close_before(days) or end > days[-1].date():
        stored = f"from {days[0]:%Y-%m-%d} to {days[-1]:%Y-%m-%d}" if days.size else "nowhere"
        raise MissingRiskError(f"the period {start} to {end} is not in the stored factor returns, which go {stored}")
    inside = returns.loc[(days > pd.Timestamp(start)) & (days <= pd.Timestamp(end))]
    if inside.empty:
        raise MissingRiskError(f"there are no factor returns after {start} up to {end}")
    return inside


def _close_before(days: pd.DatetimeIndex) -> date:
    """The earliest start of a period: the usual distance of dates before the first return."""
    usual = (days[1:] - days[:-1]).to_series().median() if days.size > 1 else pd.Timedelta(1, "D")
    first: date = (days[0] - max(usual, pd.Timedelta(4, "D"))).date()
    return first


def parse_periods(given: Sequence[str]) -> list[Period]:
    """Periods from texts like `2020-02-19:2020-03-23`, or `covid=2020-02-19:2020-03-23` with a name.

    Raises:
        ConfigError: a text is not of this form, or a name comes twice.
    """
    periods = []
    for text in given:
        name, _, dates = text.rpartition("=")
        start, _, end = dates.partition(":")
        periods.append(_period(name.strip() or f"{start.strip()} to {end.strip()}", start, end, f"--replay {text!r}"))
    return named_once(periods, "--replay")


def read_periods(path: Path) -> list[Period]:
    """Periods from a .csv file with the columns name, start and end, dates as YYYY-MM-DD.

    Raises:
        ConfigError: the file cannot be read, has other columns or no rows, a date is none, or a name comes twice.
    """
    if not path.is_file():
        raise ConfigError(f"--replays: there is no file {path}")
    rows = csv.DictReader(utf8_text(path).splitlines())
    columns = [name.strip() for name in rows.fieldnames or []]
    if sorted(columns) != ["end", "name", "start"]:
        raise ConfigError(f"{path} has the columns {', '.join(columns) or 'none'}; give name, start and end")
    rows.fieldnames = columns
    periods = [
        _period((row["name"] or "").strip(), row["start"] or "", row["end"] or "", f"{path}, line {rows.line_num}") for row in rows
    ]
    if not periods:
        raise ConfigError(f"{path} names no period; give a row each: name, start, end")
    return named_once(periods, str(path))


def _period(name: str, start: str, end: str, where: str) -> Period:
    try:
        first, last = date.fromisoformat(start.strip()), date.fromisoformat(end.strip())
    except ValueError:
        raise ConfigError(f"{where} is no period; give two closes, START:END as YYYY-MM-DD:YYYY-MM-DD") from None
    if not name:
        raise ConfigError(f"{where} has no name; name each period")
    if first >= last:
        raise ConfigError(f"{where}: {first} is not before {last}; give the earlier close first")
    return Period(name, first, last)


def named_once(periods: list[Period], where: str) -> list[Period]:
    """The periods; ConfigError where a name comes twice."""
    names = [period.name for period in periods]
    if twice := [name for name in names if names.count(name) > 1]:
        raise ConfigError(f"{where} names {twice[0]} twice; give each period a name of its own")
    return periods
