"""The returns that a forecast is held to: those of the next date, or those of the next month, compounded."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from sigmalake.numerics.factors import Factor
from sigmalake.numerics.types import Floats
from sigmalake.numerics.windows.calendar import Month
from sigmalake.numerics.windows.compounding import NONE_MISSING, ONE_IN_FIVE_MISSING, compound
from sigmalake.tasks.arrays import Lists, as_array, float_lists, ranked_ids


class RealisedReturns(NamedTuple):
    """Returns over one or more dates of the assets and factors of the first, whose exposures are the forecast's."""

    return_date: date  # the last
    factor_set: str
    returns: Floats  # (N,) NaN: missing
    specific_returns: Floats  # (N,) NaN: missing
    factor_returns: Floats  # (K,) NaN: not estimated


class ReturnRows(NamedTuple):
    """Return dates of the panel that have been regressed, ascending."""

    at: dict[date, int]  # row by date
    asset_id: pa.ListArray
    returns: Lists
    specific_returns: Lists
    factor_set: list[str]
    factor_returns: Lists

    def over(self, dates: Sequence[date], factor_sets: Mapping[str, Sequence[Factor]]) -> RealisedReturns | None:
        """The returns over the dates that are here, compounded where there are several; None where none is."""
        known = [day for day in sorted(dates) if day in self.at]
        if not known:
            return None
        rows = [self.at[day] for day in known]
        if len(rows) == 1:
            returns, specific, factors = (x.row(rows[0]) for x in (self.returns, self.specific_returns, self.factor_returns))
            return RealisedReturns(known[-1], self.factor_set[rows[0]], returns, specific, factors)
        month = Month(0, len(rows) - 1)
        factors = compound(self._by_factor(rows, factor_sets), [month], NONE_MISSING).returns[0]
        returns, specific = (compound(values, [month], ONE_IN_FIVE_MISSING).returns[0] for values in self._by_asset(rows))
        return RealisedReturns(known[-1], self.factor_set[rows[0]], returns, specific, factors)

    def _by_asset(self, rows: Sequence[int]) -> list[Floats]:
        """(dates, N) returns and specific returns of the first date's assets."""
        ids, codes = ranked_ids([self.asset_id[row].values for row in rows])
        per_date = np.split(codes, np.cumsum([len(self.asset_id[row].values) for row in rows])[:-1])
        found = []
        for values in (self.returns, self.specific_returns):
            matrix = np.full((len(rows), len(ids)), np.nan)
            for number, (row, assets) in enumerate(zip(rows, per_date, strict=True)):
                matrix[number, assets] = values.row(row)
            found.append(matrix[:, per_date[0]])
        return found

    def _by_factor(self, rows: Sequence[int], factor_sets: Mapping[str, Sequence[Factor]]) -> Floats:
        """(dates, K) of the first date's factors, NaN where a date has no return of one."""
        names = [factor.name for factor in factor_sets[self.factor_set[rows[0]]]]
        found = np.full((len(rows), len(names)), np.nan)
        for number, row in enumerate(rows):
            here = (factor.name for factor in factor_sets[self.factor_set[row]])
            known = dict(zip(here, self.factor_returns.row(row).tolist(), strict=True))
            found[number] = [known.get(factor, np.nan) for factor in names]
        return found


def read_return_rows(returned: pa.Table, regressed: pa.Table) -> ReturnRows:
    """Rows of `panel` and of `cross_sections` of the same return dates; a date without the other is left out.

    Args:
        returned: return_date, asset_id and ret of the panel's rows.
        regressed: date, factor_set, factor_return and specific_return of their regressions, whose assets are the panel row's.
    """
    fitted = {day: row for row, day in enumerate(regressed.column("date").to_pylist())}
    given = {day: row for row, day in enumerate(returned.column("return_date").to_pylist()) if day in fitted}
    days = sorted(given)
    returned, regressed = returned.take(_rows(given, days)), regressed.take(_rows(fitted, days))
    return ReturnRows(
        {day: row for row, day in enumerate(days)}, as_array(returned.column("asset_id")), float_lists(returned, "ret"),
        float_lists(regressed, "specific_return"), regressed.column("factor_set").to_pylist(),
        float_lists(regressed, "factor_return"),
    )  # fmt: skip


def _rows(at: Mapping[date, int], days: Sequence[date]) -> pa.Array:
    return pa.array([at[day] for day in days], pa.int64())
