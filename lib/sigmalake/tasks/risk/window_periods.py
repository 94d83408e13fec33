"""The returns that a variant's estimators read, a row a period of the variant: the window's dates, or its months, compounded."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from sigmalake.numerics.factor_cov.windows import Diagnostic
from sigmalake.numerics.types import Floats, Ints
from sigmalake.numerics.windows.calendar import Month
from sigmalake.numerics.windows.compounding import NONE_MISSING, ONE_IN_FIVE_MISSING, Compounded, compound
from sigmalake.tasks.risk.window_arrays import Window


class MonthGaps(NamedTuple):
    """Months of which some dates lack a return."""

    factors: Compounded
    assets: Compounded

    def of_factors(self, rows: slice, columns: Sequence[int], names: Sequence[str]) -> list[Diagnostic]:
        """Of a window, the factors that have lost months."""
        lost = self.factors.has_gaps[rows][:, columns].sum(axis=0)
        detail = f"months of the window's {_months(rows)} without a return of the factor, which one of their dates lacks"
        return [Diagnostic(f"months_incomplete:{names[k]}", float(lost[k]), detail) for k in np.flatnonzero(lost).tolist()]

    def of_assets(self, rows: slice, columns: Ints) -> list[Diagnostic]:
        """Of a window, the months that assets have lost, and those compounded without all of their dates."""
        gaps = self.assets.has_gaps[rows][:, columns]
        lost = gaps & np.isnan(self.assets.returns[rows][:, columns])
        over = f"{_months(rows)} months and {len(columns)} assets"
        most = f"{ONE_IN_FIVE_MISSING:.0%} of the dates"
        return [
            Diagnostic("specific_months_incomplete", float(lost.sum()), f"of {over}: left out, more than {most} lack a residual"),
            Diagnostic(
                "specific_months_with_gaps", float((gaps & ~lost).sum()), f"of {over}: compounded, {most} or fewer lack one"
            ),
        ]


class PeriodReturns(NamedTuple):
    """T periods, ascending; what is not there is NaN."""

    factor_returns: Floats  # (T, F)
    specific_returns: Floats  # (T, A)
    caps_before: Floats | None  # (T, A) known one period before
    newest: Ints  # (as-of dates,) the row of the newest period that has ended by then
    gaps: MonthGaps | None = None  # by month only


def by_date(window: Window, positions: Ints) -> PeriodReturns:
    """The window's rows as they are."""
    return PeriodReturns(window.factor_returns, window.specific_returns, window.caps_before, positions - window.first)


def by_month(window: Window, positions: Ints, months: Sequence[Month]) -> PeriodReturns:
    """A row a complete month of the window, after a first without returns: what there is before any month is over.

    Args:
        window: rows by date.
        positions: (as-of dates,) in the calendar, ascending.
        months: the calendar's complete months, by position.
    """
    end = window.first + len(window.specific_returns)
    runs = [Month(m.first - window.first, m.last - window.first) for m in months if m.first >= window.first and m.last < end]
    factors = _after_none(compound(window.factor_returns, runs, NONE_MISSING))
    assets = _after_none(compound(window.specific_returns, runs, ONE_IN_FIVE_MISSING))
    caps = window.caps_before
    if caps is not None:
        caps = np.vstack([np.full(caps.shape[1], np.nan), caps[[run.first for run in runs]]])
    last = np.array([run.last for run in runs], dtype=np.int64)
    newest: Ints = np.searchsorted(last, positions - window.first, side="right")  # the first row stands before the first month
    return PeriodReturns(factors.returns, assets.returns, caps, newest, MonthGaps(factors, assets))


def _after_none(found: Compounded) -> Compounded:
    """With a month before the first that has no date."""
    nothing = np.zeros((1, found.returns.shape[1]), dtype=np.int64)
    return Compounded(
        np.vstack([np.full(nothing.shape, np.nan), found.returns]),
        np.vstack([nothing, found.n_missing]),
        np.concatenate([[0], found.n_dates]),
    )


def _months(rows: slice) -> int:
    """How many the slice holds, the one before the first left out."""
    return int(rows.stop) - max(1, int(rows.start))
