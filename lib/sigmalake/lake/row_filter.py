"""Which rows of a table: those of some dates, of all variants or of some of them, as SQL and as an Arrow expression; or by SQL."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import reduce
from operator import and_, or_
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from sigmalake.lake.dates import DateRange, as_ranges, single_days, within
from sigmalake.tables.declaration import sql_text


class RowFilter(NamedTuple):
    """Rows whose date lies within closed ranges; of one variant each, or of all under the key None."""

    column: str
    ranges: Mapping[str | None, Sequence[DateRange]]

    @property
    def all_ranges(self) -> list[DateRange]:
        """The ranges of every variant."""
        return [found for ranges in self.ranges.values() for found in ranges]

    def sql(self) -> str:
        """The rows as a SQL condition that Spark and DataFusion read alike."""
        return " OR ".join(_sql(self.column, variant, ranges) for variant, ranges in self.ranges.items()) or "false"

    def expression(self) -> ds.Expression:
        """The rows as a condition on an Arrow data set."""
        found = [_expression(self.column, variant, ranges) for variant, ranges in self.ranges.items()]
        return reduce(or_, found) if found else ds.scalar(False)

    def mask(self, rows: pa.Table) -> pa.ChunkedArray:
        """Which of some rows in memory these are."""
        found = [_mask(rows, self.column, variant, ranges) for variant, ranges in self.ranges.items()]
        return pc.fill_null(reduce(pc.or_, found, pa.chunked_array([pa.repeat(False, rows.num_rows)])), False)


class AllBut(NamedTuple):
    """All rows but those of a filter; one without a date is among them."""

    rows: RowFilter

    def mask(self, rows: pa.Table) -> pa.ChunkedArray:
        """Which of some rows in memory these are."""
        return pc.invert(self.rows.mask(rows))


class SqlFilter(NamedTuple):
    """The rows of a small table for which a condition holds that dates alone do not say."""

    condition: str

    def sql(self) -> str:
        """The rows as a SQL condition that Spark and DataFusion read alike."""
        return self.condition


def of_dates(column: str, ranges: Sequence[DateRange]) -> RowFilter:
    """The rows of these ranges, whatever their variant."""
    return RowFilter(column, {None: ranges})


def of_keys(keys: Iterable[tuple[str, date]], calendar: Sequence[date] | None = None) -> RowFilter:
    """The rows of these variants and dates, by the ranges that they make in a calendar, or date by date."""
    by_variant: dict[str | None, set[date]] = {}
    for variant, day in keys:
        by_variant.setdefault(variant, set()).add(day)
    ranges = {name: single_days(days) if calendar is None else as_ranges(days, calendar) for name, days in by_variant.items()}
    return RowFilter("date", ranges)


def _sql(column: str, variant: str | None, ranges: Sequence[DateRange]) -> str:
    return within(column, ranges) if variant is None else f"(variant = {sql_text(variant)} AND {within(column, ranges)})"


def _mask(rows: pa.Table, column: str, variant: str | None, ranges: Sequence[DateRange]) -> pa.ChunkedArray:
    day = rows.column(column)
    spans = [pc.and_(pc.greater_equal(day, pa.scalar(r.first)), pc.less_equal(day, pa.scalar(r.last))) for r in ranges]
    found = reduce(pc.or_, spans, pa.chunked_array([pa.repeat(False, rows.num_rows)]))
    return found if variant is None else pc.and_(pc.equal(rows.column("variant"), variant), found)


def _expression(column: str, variant: str | None, ranges: Sequence[DateRange]) -> ds.Expression:
    day = ds.field(column)
    spans = [(day >= pa.scalar(r.first)) & (day <= pa.scalar(r.last)) for r in ranges]
    found = reduce(or_, spans) if spans else ds.scalar(False)
    return found if variant is None else and_(ds.field("variant") == variant, found)
