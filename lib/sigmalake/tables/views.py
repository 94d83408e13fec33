"""Views for people who query: faces of the stored tables that are computed when they are read, declared once for DuckDB and Spark.

Nothing in them is stored. Their SQL uses what both dialects read alike.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sigmalake.tables.declaration import Column, required
from sigmalake.tables.long import FACTOR_COVARIANCE, SPECIFIC_RISK
from sigmalake.tables.shared_columns import AS_OF, ASSET, FACTOR, VARIANT

CURRENT = "current_"
"""What stands before the name of a table or view for its rows in the last release."""


class Periods(NamedTuple):
    """What a period of a variant is; a row of `periods_per_year`."""

    variant: str
    frequency: str  # month, or period, a step of the calendar
    a_year: float | None  # None: the calendar does not tell


@dataclass(frozen=True)
class View:
    """The promise of a view: its columns, and the SELECT that gives them from tables and views named in braces."""

    name: str
    comment: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    sql: str
    of: tuple[str, ...]  # tables and views, those in braces


_FACTOR_1 = required("factor_1", "STRING", "factor")
_FACTOR_2 = required("factor_2", "STRING", "factor")
_ROWS = "rows"  # in braces: the rows of `periods_per_year`

PERIODS_PER_YEAR = View(
    name="periods_per_year",
    comment="What a period of each variant is, and how many make a year: what annual numbers are computed with",
    key=("variant",),
    columns=(
        VARIANT,
        required("frequency", "STRING", "month, or period: a step of the calendar of returns"),
        Column("periods_per_year", "DOUBLE", "12 months, or 252, 52, 12 or 4 by the calendar; null: it tells none of these"),
    ),
    sql=f"{{{_ROWS}}}",
    of=(),
)

FACTOR_COVARIANCE_FULL = View(
    name="factor_covariance_full",
    comment="Sigma, the whole symmetric matrix: each pair of factors both ways round",
    key=("variant", "date", "factor_1", "factor_2"),
    columns=(
        VARIANT,
        AS_OF,
        _FACTOR_1,
        _FACTOR_2,
        required("covariance", "DOUBLE", "fraction^2 per period"),
        Column("annual_covariance", "DOUBLE", "times the periods in a year, as if returns had no memory, fraction^2 per year"),
    ),
    sql="""\
SELECT s.variant, s.date, s.factor_1, s.factor_2, s.covariance, s.covariance * p.periods_per_year AS annual_covariance
FROM (
  SELECT variant, date, factor_1, factor_2, covariance FROM {factor_covariance}
  UNION ALL
  SELECT variant, date, factor_2, factor_1, covariance FROM {factor_covariance} WHERE factor_1 <> factor_2
) AS s LEFT JOIN {periods_per_year} AS p ON p.variant = s.variant""",
    of=(FACTOR_COVARIANCE.name, PERIODS_PER_YEAR.name),
)

FACTOR_CORRELATION = View(
    name="factor_correlation",
    comment="Correlations of the factors by Sigma, the whole symmetric matrix",
    key=("variant", "date", "factor_1", "factor_2"),
    columns=(
        VARIANT,
        AS_OF,
        _FACTOR_1,
        _FACTOR_2,
        Column("correlation", "DOUBLE", "-1 to 1; null: a factor has no variance"),
    ),
    sql="""\
SELECT s.variant, s.date, s.factor_1, s.factor_2,
  CASE WHEN s.factor_1 = s.factor_2 AND a.covariance > 0 THEN CAST(1 AS DOUBLE)
    ELSE s.covariance / nullif(sqrt(a.covariance) * sqrt(b.covariance), 0) END AS correlation
FROM (
  SELECT variant, date, factor_1, factor_2, covariance FROM {factor_covariance}
  UNION ALL
  SELECT variant, date, factor_2, factor_1, covariance FROM {factor_covariance} WHERE factor_1 <> factor_2
) AS s
JOIN {factor_covariance} AS a
  ON a.variant = s.variant AND a.date = s.date AND a.factor_1 = s.factor_1 AND a.factor_2 = s.factor_1
JOIN {factor_covariance} AS b
  ON b.variant = s.variant AND b.date = s.date AND b.factor_1 = s.factor_2 AND b.factor_2 = s.factor_2""",
    of=(FACTOR_COVARIANCE.name,),
)

FACTOR_VOL = View(
    name="factor_vol",
    comment="Volatilities of the factors by Sigma",
    key=("variant", "date", "factor"),
    columns=(
        VARIANT,
        AS_OF,
        FACTOR,
        required("vol", "DOUBLE", "root of the variance, fraction per period"),
        Column("annual_vol", "DOUBLE", "times the root of the periods in a year, fraction per year"),
    ),
    sql="""\
SELECT s.variant, s.date, s.factor_1 AS factor, sqrt(s.covariance) AS vol,
  sqrt(s.covariance * p.periods_per_year) AS annual_vol
FROM {factor_covariance} AS s LEFT JOIN {periods_per_year} AS p ON p.variant = s.variant
WHERE s.factor_1 = s.factor_2""",
    of=(FACTOR_COVARIANCE.name, PERIODS_PER_YEAR.name),
)

SPECIFIC_VOL = View(
    name="specific_vol",
    comment="Specific volatilities of the assets by Delta",
    key=("variant", "date", "asset_id"),
    columns=(
        VARIANT,
        AS_OF,
        ASSET,
        Column("vol", "DOUBLE", "root of specific_var, fraction per period; null: the asset has none"),
        Column("annual_vol", "DOUBLE", "times the root of the periods in a year, fraction per year"),
    ),
    sql="""\
SELECT s.variant, s.date, s.asset_id, sqrt(s.specific_var) AS vol, sqrt(s.specific_var * p.periods_per_year) AS annual_vol
FROM {specific_risk} AS s LEFT JOIN {periods_per_year} AS p ON p.variant = s.variant""",
    of=(SPECIFIC_RISK.name, PERIODS_PER_YEAR.name),
)

VIEWS = (PERIODS_PER_YEAR, FACTOR_COVARIANCE_FULL, FACTOR_CORRELATION, FACTOR_VOL, SPECIFIC_VOL)
"""Each after those that it reads."""


def views_of(tables: Sequence[str]) -> list[View]:
    """The views whose tables are all there."""
    there, found = set(tables), []
    for view in VIEWS:
        if there >= set(view.of):
            there.add(view.name)
            found.append(view)
    return found


def select_of(view: View, names: Mapping[str, str], periods: Sequence[Periods]) -> str:
    """The SELECT of a view.

    Args:
        view: which.
        names: what SQL calls the tables and views that it reads, by their own names.
        periods: of the variants.
    """
    return view.sql.format_map({**names, _ROWS: _periods_rows(periods)})


def _periods_rows(periods: Sequence[Periods]) -> str:
    """Names of variants have letters, digits, _ and - only; a dialect has no escape to disagree on."""
    rows = [
        f"SELECT '{p.variant}' AS variant, '{p.frequency}' AS frequency, "
        f"CAST({'NULL' if p.a_year is None else p.a_year} AS DOUBLE) AS periods_per_year"
        for p in periods
    ]
    none = "SELECT CAST(NULL AS STRING) AS variant, CAST(NULL AS STRING) AS frequency, CAST(NULL AS DOUBLE) AS periods_per_year"
    return " UNION ALL ".join(rows) or f"{none} WHERE 1 = 0"
