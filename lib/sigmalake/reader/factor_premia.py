"""Factor returns as a table of periods by factors, and what they earned on average (Fama and MacBeth 1973)."""

from collections.abc import Mapping, Sequence
from datetime import date
from itertools import groupby

import pandas as pd
import pyarrow as pa

from sigmalake.errors import MissingRiskError
from sigmalake.numerics.evaluation.fama_macbeth import automatic_lags, fama_macbeth
from sigmalake.numerics.factors import Factor
from sigmalake.reader.dates import date_index

READ = ("date", "factor_set", "factor_return")
"""The columns of `cross_sections` that factor returns are read from."""

COLUMNS = ("n_periods", "first_date", "last_date", "mean", "std_error", "t_stat", "nw_lags", "nw_std_error", "nw_t_stat")


def factor_return_frame(cross_sections: pa.Table, factor_sets: Mapping[str, Sequence[Factor]]) -> pd.DataFrame:
    """Factor returns, a row a date and a column a factor, fractions per period; NaN: not estimated.

    Args:
        cross_sections: the columns `READ` of some rows.
        factor_sets: what the arrays by factor mean.
    """
    rows = cross_sections.sort_by("date")
    days, sets = (rows.column(name).to_pylist() for name in ("date", "factor_set"))
    returns = rows.column("factor_return").combine_chunks()
    frames = []
    for factor_set, run in groupby(range(rows.num_rows), key=lambda row: sets[row]):
        at = list(run)
        values = [returns[row].values.to_numpy(zero_copy_only=False) for row in at]
        frames.append(
            pd.DataFrame(values, date_index(days[row] for row in at), [factor.name for factor in factor_sets[factor_set]])
        )
    return pd.concat(frames) if frames else pd.DataFrame(index=date_index([]))


def in_period(factor_returns: pd.DataFrame, start: date | None, end: date | None) -> pd.DataFrame:
    """The rows of factor returns from one date to another, both included; None: from the first, to the last.

    Raises:
        MissingRiskError: there are none.
    """
    first, last = (None if day is None else pd.Timestamp(day) for day in (start, end))
    of_period = factor_returns.loc[first:last]
    if of_period.empty:
        days = factor_returns.index
        known = f"they go from {days[0]:%Y-%m-%d} to {days[-1]:%Y-%m-%d}" if len(days) else "there are none"
        raise MissingRiskError(f"no regression from {start or 'the first'} to {end or 'the last'}; {known}")
    return of_period


def premia_frame(factor_returns: pd.DataFrame, lags: int | None = None) -> pd.DataFrame:
    """The mean of each factor's return with its standard errors, a row a factor and the columns `COLUMNS`; see `fama_macbeth`.

    Args:
        factor_returns: as from `factor_return_frame`; a date without a return keeps its place in time.
        lags: of Newey-West, periods; None: floor(4 (T / 100)^(2/9)), T being the number of dates (Newey and West 1994).

    Raises:
        ValueError: lags below 0, or not below the number of dates.
    """
    used = automatic_lags(len(factor_returns)) if lags is None else lags
    premia = fama_macbeth(factor_returns.to_numpy(dtype=float), used)
    present = factor_returns.notna()
    spans = [_span(factor_returns.index[present[name]]) for name in present]
    first, last = (list(ends) for ends in zip(*spans, strict=True)) if spans else ([], [])
    columns = {**premia._asdict(), "first_date": first, "last_date": last, "nw_lags": used}
    return pd.DataFrame(columns, index=factor_returns.columns.rename("factor"))[list(COLUMNS)]


def _span(days: pd.Index) -> tuple[date | None, date | None]:
    return (days.min().date(), days.max().date()) if len(days) else (None, None)
