"""What followed each forecast: the returns of the next date, or those of the next month, compounded.

Of a date, the panel's row and its regression meet by a join. Of a month, their rows are grouped by the forecast's date: a task
holds the returns and residuals of one month, some 21 dates x N numbers each, and gives back one row.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from sigmalake.engines.spark.estimation.chunks import lists
from sigmalake.engines.spark.estimation.window_arrays import asset_codes, by_row_and_asset
from sigmalake.engines.spark.listed_rows import listed_rows
from sigmalake.numerics.factors import Factor
from sigmalake.numerics.types import Floats
from sigmalake.numerics.windows.calendar import Month
from sigmalake.numerics.windows.compounding import NONE_MISSING, ONE_IN_FIVE_MISSING, compound

FOLLOWED = (
    "date date, return_date date, return_set string, ret array<double>, factor_return array<double>, specific_return array<double>"
)
"""Of a forecast as of `date`: returns up to `return_date` of the assets in the panel's row of `date`, in its order."""

_COLUMNS = [part.split()[0] for part in FOLLOWED.split(", ")]


def next_dates(panel: DataFrame, cross_sections: DataFrame) -> DataFrame:
    """The returns of the date after each panel row's exposures; columns as `FOLLOWED`.

    Args:
        panel: its rows with the exposures known at the forecasts' dates.
        cross_sections: the regressions of these rows' returns: their assets are the panel row's, in its order.
    """
    return _beside(panel, cross_sections).withColumnRenamed("exposure_date", "date").select(*_COLUMNS)


def next_months(
    panel: DataFrame,
    cross_sections: DataFrame,
    followed: Mapping[date, Sequence[date]],
    factor_sets: Mapping[str, Sequence[Factor]],
) -> DataFrame:
    """The compounded returns of the month after each forecast; columns as `FOLLOWED`.

    Args:
        panel: its rows whose returns are of these months.
        cross_sections: their regressions.
        followed: by the forecast's date, the return dates of the month after it, ascending.
        factor_sets: what the arrays by factor mean.
    """
    wanted = [(day, of_month) for day, dates in followed.items() for of_month in dates]
    dates = listed_rows(panel.sparkSession, wanted, "date date, return_date date")
    rows = _beside(panel, cross_sections).join(F.broadcast(dates), "return_date")
    return rows.groupBy("date").applyInArrow(_compounding(factor_sets), FOLLOWED)


def _beside(panel: DataFrame, cross_sections: DataFrame) -> DataFrame:
    returned = panel.select("exposure_date", "return_date", "asset_id", "ret")
    fitted = cross_sections.select(
        F.col("date").alias("return_date"), F.col("factor_set").alias("return_set"), "factor_return", "specific_return"
    )
    return returned.join(fitted, "return_date")


def _compounding(factor_sets: Mapping[str, Sequence[Factor]]) -> Callable[[pa.Table], pa.Table]:
    def compounded(rows: pa.Table) -> pa.Table:
        return compound_month(rows, factor_sets)

    return compounded


def compound_month(rows: pa.Table, factor_sets: Mapping[str, Sequence[Factor]]) -> pa.Table:
    """One month's rows as one: of the assets and factors of its first date, whose exposures are the forecast's."""
    rows = rows.sort_by("return_date").combine_chunks()
    rows = rows.append_column("position", pa.array(np.arange(rows.num_rows)))
    month, names = Month(0, rows.num_rows - 1), [factor.name for factor in factor_sets[rows.column("return_set")[0].as_py()]]
    ids, (codes,) = asset_codes([rows])
    assets = codes[: len(rows.column("asset_id")[0])]
    columns = {
        name: compound(by_row_and_asset(rows, codes, name, 0, (rows.num_rows, len(ids)))[:, assets], [month], ONE_IN_FIVE_MISSING)
        for name in ("ret", "specific_return")
    }
    columns["factor_return"] = compound(_by_factor(rows, names, factor_sets), [month], NONE_MISSING)
    arrays = {name: lists(pa.array(c.returns[0], mask=np.isnan(c.returns[0])), [c.returns.shape[1]]) for name, c in columns.items()}
    dated = {name: rows.column(name).slice(0, 1).combine_chunks() for name in ("date", "return_set")}
    last = {"return_date": rows.column("return_date").slice(rows.num_rows - 1).combine_chunks()}
    return pa.table({**dated, **last, **arrays}).select(_COLUMNS)


def _by_factor(rows: pa.Table, names: Sequence[str], factor_sets: Mapping[str, Sequence[Factor]]) -> Floats:
    """(dates, factors) NaN where a date has no return of the factor."""
    found = np.full((rows.num_rows, len(names)), np.nan)
    sets, returns = rows.column("return_set").to_pylist(), rows.column("factor_return")
    for row, name in enumerate(sets):
        values = returns[row].values.to_numpy(zero_copy_only=False)
        known = dict(zip((factor.name for factor in factor_sets[name]), values, strict=True))
        found[row] = [known.get(factor, np.nan) for factor in names]
    return found
