"""Realised attribution over a period, from the stored exposures, factor returns and specific returns."""

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import date
from typing import NamedTuple

import numpy as np
import pandas as pd

from sigmalake.errors import DataError, MissingRiskError
from sigmalake.numerics.portfolio.attribution import DateAttribution, attribute_date, link_returns
from sigmalake.numerics.regression.thin_memberships import drop_memberships, nothing_dropped
from sigmalake.numerics.types import Floats
from sigmalake.reader.dates import as_date, date_index, nearest
from sigmalake.reader.frames.over_dates import assets_of_newest
from sigmalake.reader.holdings import LEAVE_OUT, Holdings, Missing, check_missing, checked_holdings
from sigmalake.reader.storage.model_tables import EXPOSURE_COLUMNS, LabelledExposures, ModelTables, Row, values_of
from sigmalake.tables.packed import CROSS_SECTIONS, PANEL

SPECIFIC, UNEXPLAINED = "specific", "unexplained"
_FIT = ("asset_id", "factor_return", "factor_status", "specific_return")
_NAMED = 10  # gaps in a message


class RealisedAttribution(NamedTuple):
    """Where a portfolio's returns came from. A row of `parts` sums to the return of its date."""

    returns: pd.Series  # by date: r_p = sum h r over the holdings with a return, fraction
    parts: pd.DataFrame  # a row a date; a column a factor, x_k f_k (`factor.NAME` if it is called as the
    # next two), then `specific`, sum h u, and `unexplained`, sum h r of holdings that have no u
    exposures: pd.DataFrame  # a row a date, a column a factor: x = X(t-1)'h of the holdings with a specific return
    specific_by_asset: pd.Series  # sum over the dates of h u
    summed: pd.Series  # by part: the sum over the dates; sums to that of `returns`
    linked: pd.Series  # by part, of the value at the start; sums to prod (1 + r_p) - 1
    gaps: pd.DataFrame  # date, asset_id, weight, reason: holdings without a return (in no number) or only without a specific one


def attribute_returns(
    tables: ModelTables, holdings: Holdings | pd.DataFrame, start: date | None, end: date | None, missing: Missing
) -> RealisedAttribution:
    """r_p(t) = sum_k x_k f_k + sum h u + what is unexplained, with the holdings and exposures of the close before t [model 6].

    Sums are the default view: excess returns of factors add up over dates as they do over factors, and their variance is what
    the risk model forecasts. The linked view earns each part on what the portfolio is worth at the start of its date, so that
    it agrees with a compounded return.

    Args:
        tables: of a model.
        holdings: by asset, fractions of the value, held anew at every close; or a frame with a row for each close before a date
            of the period and a column an asset, 0 where it is not held.
        start: first date of returns; None: the first there is.
        end: last date of returns; None: the last there is.
        missing: what to do about holdings without a return or a specific return: `raise`, or `leave_out` and list in `gaps`.

    Raises:
        MissingRiskError: there are no returns in the period, or holdings have gaps and may not.
        DataError: the holdings are no numbers by asset, or have no row for a close.
    """
    check_missing(missing)
    closes = _closes(tables, start, end)
    held = _Held(holdings, closes, lambda: assets_of_newest(tables))
    days = list(closes)
    fits = tables.rows_by_date(CROSS_SECTIONS, _FIT, "date", days)
    panels = tables.rows_by_date(PANEL, [*EXPOSURE_COLUMNS, "ret"], "return_date", days)
    dates = [_attribute(tables, held.before(day), day, panel, fit) for day, panel, fit in _side_by_side(days, panels, fits)]
    gaps = pd.DataFrame([gap for of_date in dates for gap in of_date.gaps], columns=["date", "asset_id", "weight", "reason"])
    if missing == "raise" and len(gaps):
        raise MissingRiskError(f"{len(gaps)} holdings have gaps: {_listed(gaps)}. {LEAVE_OUT}")
    return _assembled(dates, gaps)


class _Held:
    """The holdings at each close, from constant weights or from a frame with a row for each close."""

    def __init__(self, holdings: Holdings | pd.DataFrame, closes: dict[date, date], known: Callable[[], Collection[str]]) -> None:
        self._closes = closes
        if isinstance(holdings, pd.DataFrame):
            given = holdings.set_axis([as_date(day) for day in holdings.index]).T
            if given.columns.has_duplicates:
                raise DataError(f"the holdings have {given.columns[given.columns.duplicated()][0]} twice; give a row a close")
            if lacking := [close for close in closes.values() if close not in given.columns]:
                raise DataError(f"the holdings have no row for {len(lacking)} closes of the period, the first {lacking[0]}")
            self._by_close = {close: checked_holdings(given[close], f"holdings of {close}", known) for close in closes.values()}
        else:
            self._by_close = dict.fromkeys(closes.values(), checked_holdings(holdings, "holdings", known))

    def before(self, day: date) -> pd.Series:
        """Weights that earn the return of a date, by asset; holdings of 0 are left out."""
        held = self._by_close[self._closes[day]]
        return held[held != 0]


class _Date(NamedTuple):
    """The attribution of one date, with its factors and assets."""

    day: date
    assets: list[str]
    factors: list[str]
    attribution: DateAttribution
    gaps: list[tuple[date, str, float, str]]


def _closes(tables: ModelTables, start: date | None, end: date | None) -> dict[date, date]:
    """For each date of returns in the period, ascending, the close before it."""
    rows = tables.rows(PANEL, ["return_date", "exposure_date"]).to_pylist()
    known = sorted((row["return_date"], row["exposure_date"]) for row in rows if row["return_date"] is not None)
    closes = {day: close for day, close in known if (start is None or day >= start) and (end is None or day <= end)}
    if not closes:
        period = f"from {start or 'the first'} to {end or 'the last'}"
        raise MissingRiskError(f"the panel has no returns {period}; {nearest(start or end or date.max, [day for day, _ in known])}")
    return closes


def _side_by_side(
    days: Sequence[date], panels: Iterable[tuple[date, Row]], fits: Iterable[tuple[date, Row]]
) -> Iterable[tuple[date, Row, Row]]:
    for wanted, (day, panel), (fitted, fit) in zip(days, panels, fits, strict=True):
        if not wanted == day == fitted:
            raise MissingRiskError(f"the release has no regression of {wanted}; open a newer one")
        yield wanted, panel, fit


def _attribute(tables: ModelTables, held: pd.Series, day: date, panel: Row, fit: Row) -> _Date:
    X = tables.exposures(panel)
    if X.assets != fit["asset_id"].as_py():
        raise DataError(f"the regression of {day} has other assets than the panel; the release is inconsistent")
    f, u, r = (values_of(cell).astype(float) for cell in (fit["factor_return"], fit["specific_return"], panel["ret"]))
    h = held.reindex(X.assets, fill_value=0.0).to_numpy()
    try:
        attribution = attribute_date(h, _used_exposures(X, f, fit["factor_status"].as_py()), f, u, r)
    except ValueError as error:
        raise DataError(f"{day}: {error}; the release is inconsistent") from None
    reasons = dict.fromkeys(held.index.difference(X.assets, sort=False), "no exposures at the close before")
    for n in np.flatnonzero((h != 0) & np.isnan(u)).tolist():
        reasons[X.assets[n]] = "no return" if np.isnan(r[n]) else "no specific return: a factor of its own has no return"
    gaps = [(day, asset, float(held[asset]), reason) for asset, reason in reasons.items()]
    return _Date(day, X.assets, X.names, attribution, gaps)


def _used_exposures(X: LabelledExposures, factor_returns: Floats, statuses: Sequence[str]) -> Floats:
    """What the regression used: shares in thin factors that it dropped went to the asset's others in the group."""
    gone = np.isnan(factor_returns) & (np.array(statuses) == "thin")
    if not gone.any():
        return X.values
    return drop_memberships(nothing_dropped(X.values, np.ones(len(X.values))), gone, X.factors).exposures


def _assembled(dates: Sequence[_Date], gaps: pd.DataFrame) -> RealisedAttribution:
    index = date_index(d.day for d in dates)
    names = list(dict.fromkeys(name for d in dates for name in d.factors))
    by_factor = _frame([pd.Series(d.attribution.by_factor, d.factors) for d in dates], index, names)
    specific = pd.concat([pd.Series(d.attribution.specific, d.assets) for d in dates])
    specific = specific[specific != 0].groupby(level=0).sum().rename("specific")
    parts = by_factor.rename(columns={name: f"factor.{name}" for name in (SPECIFIC, UNEXPLAINED)})
    parts[SPECIFIC] = [d.attribution.specific.sum() for d in dates]
    parts[UNEXPLAINED] = [d.attribution.unexplained.sum() for d in dates]
    return RealisedAttribution(
        returns=pd.Series([d.attribution.returns.sum() for d in dates], index, name="return"),
        parts=parts,
        exposures=_frame([pd.Series(d.attribution.exposures, d.factors) for d in dates], index, names),
        specific_by_asset=specific.rename_axis("asset_id"),
        summed=parts.sum().rename("summed"),
        linked=pd.Series(link_returns(parts.to_numpy()), parts.columns, name="linked"),
        gaps=gaps,
    )


def _frame(rows: Sequence[pd.Series], index: pd.Index, names: list[str]) -> pd.DataFrame:
    """A row a date; a factor that a date's model does not have has no part in it: 0."""
    return pd.DataFrame([row.reindex(names, fill_value=0.0).to_numpy() for row in rows], index, names)


def _listed(gaps: pd.DataFrame) -> str:
    shown = ", ".join(f"{row.asset_id} on {row.date} ({row.reason})" for row in gaps.head(_NAMED).itertuples())
    return shown + (f" and {len(gaps) - _NAMED} more" if len(gaps) > _NAMED else "")
