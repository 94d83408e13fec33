"""The counts of `data_quality`: rows of each source and date, why some were rejected, and assets against earlier dates."""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from sigmalake.config.model import Config
from sigmalake.config.sources import Dated
from sigmalake.lake.dates import DateRange, envelope, single_days
from sigmalake.tables.declaration import Table
from sigmalake.tables.descriptors import PRICES
from sigmalake.tables.packed import PANEL
from sigmalake.tables.records import REJECTED_ROWS
from sigmalake.tasks.quality.measures import Names
from sigmalake.tasks.quality.rows import Finding, Measured

YEAR = timedelta(days=365)
COLUMNS = ("exposure_date", "return_date", "exposures_age", "n_assets", "n_returns", "n_missing", "n_unmatched")
SMALL = ("caps", "rates", "exchange_rates", "factor_returns")  # sources of which only the rejected rows are known by date


class Counts(NamedTuple):
    """The counts of a row of the panel."""

    exposure_date: date
    return_date: date | None
    exposures_age: int
    n_assets: int
    n_returns: int
    n_missing: int
    n_unmatched: int


class Rejected(NamedTuple):
    """The rejected rows of a source on a date."""

    rows: int
    reasons: list[Finding]  # each column and reason, with its rows


NONE = Rejected(0, [])


class Columns(Protocol):
    """What reads columns of a table, of all its rows or of some dates."""

    def __call__(self, table: Table, columns: Sequence[str], dates: DateRange | None = None, /) -> pa.Table:
        """The rows; none where there is no such table."""


def counted(read: Columns, config: Config, names: Names, compute: Mapping[date, str]) -> list[Measured]:
    """The counts of some dates.

    Args:
        read: reads the panel, the rejected rows and the prices.
        config: of the model.
        names: of the panel's sides.
        compute: hash of each date.
    """
    days = envelope(single_days(compute))
    found = read(REJECTED_ROWS, ["source", "date", "row_hash", "copy", "column", "reason", "value"], days)
    priced = dict(zip(*(read(PRICES, ["date", "n_assets"], days).column(n).to_pylist() for n in ("date", "n_assets")), strict=True))
    rows = read(PANEL, list(COLUMNS)).sort_by("exposure_date").to_pylist()
    return measured_counts([Counts(**row) for row in rows], rejected_by_date(found), config, names, compute, priced)


def measured_counts(
    panel: Sequence[Counts], rejected: Mapping[tuple[str, date], Rejected], config: Config, names: Names,
    compute: Mapping[date, str], priced: Mapping[date, int],
) -> list[Measured]:  # fmt: skip
    """Rows, rejected rows and coverage of some dates.

    Args:
        panel: every row of it, ascending.
        rejected: by source and date.
        config: says how exposures are dated.
        names: of the panel's sides.
        compute: hash of each date.
        priced: assets with a price, by date.
    """
    starts = config.sources.exposure_source.exposures_dated is Dated.START_OF_PERIOD
    calendar = [row.exposure_date for row in panel]
    found = []
    for position, row in enumerate(panel):
        day = row.exposure_date
        if day not in compute:
            continue
        before = _row_of_returns(panel, position)
        dated = before if starts else row
        used = {} if dated is None else {names.exposures: dated.n_assets if dated.exposures_age == 1 else 0}
        if before is not None:
            used[names.returns] = before.n_returns + before.n_missing + before.n_unmatched
        if day in priced:
            used["prices"] = priced[day]
        sources = [*used, *(name for name in SMALL if name not in used and (name, day) in rejected)]
        measures = [one for name in sources for one in _rows(name, used.get(name), rejected.get((name, day), NONE))]
        measures += _coverage(panel, calendar, position, names)
        found += [Measured(day, compute[day], *measure) for measure in measures]
    return found


_Measure = tuple[str, str, float | None, int, int, list[Finding]]  # source, measure, value, n_checked, n_found, found


def _rows(source: str, used: int | None, rejected: Rejected) -> Iterator[_Measure]:
    total = (used or 0) + rejected.rows
    if used is not None:
        yield source, "rows", float(total), total, used, []
    share = rejected.rows / total if total and used is not None else None
    yield source, "rejected", share, total, rejected.rows, rejected.reasons


def _coverage(panel: Sequence[Counts], calendar: Sequence[date], position: int, names: Names) -> Iterator[_Measure]:
    earlier = (("coverage_day", position - 1), ("coverage_year", year_before(calendar, position)))
    returned = _row_of_returns(panel, position)
    for measure, then in earlier:
        if then is None or then < 0:
            continue
        yield _against(names.exposures, measure, panel[position].n_assets, panel[then].n_assets, calendar[then])
        if returned is not None and (had := _row_of_returns(panel, then)) is not None:
            yield _against(names.returns, measure, returned.n_returns, had.n_returns, calendar[then])


def year_before(calendar: Sequence[date], position: int) -> int | None:
    """The newest position a year or more before; None where the calendar does not reach back so far."""
    day = calendar[position]
    if day - calendar[0] < YEAR:  # a year before it there may be no date at all
        return None
    return bisect_right(calendar, day - YEAR) - 1


def _against(source: str, measure: str, has: int, had: int, then: date) -> _Measure:
    lost = 1 - has / had if had else None
    found = [Finding("assets", float(had), f"on {then}", 0.0)] if has != had else []
    return source, measure, lost, had, has, found


def _row_of_returns(panel: Sequence[Counts], position: int) -> Counts | None:
    """The row whose returns are of the period that ends at a position."""
    before = panel[position - 1] if position else None
    return before if before is not None and before.return_date == panel[position].exposure_date else None


def rejected_by_date(rows: pa.Table) -> dict[tuple[str, date], Rejected]:
    """Rows of `rejected_rows` by source and date, counted as rows and as reasons."""
    dated = rows.filter(pc.is_valid(rows.column("date")))
    key = ["source", "date"]
    each = dated.group_by([*key, "row_hash", "copy"]).aggregate([])
    counts = each.group_by(key).aggregate([("row_hash", "count")]).to_pylist()
    reasons: dict[tuple[str, date], list[Finding]] = {}
    grouped = dated.group_by([*key, "column", "reason"]).aggregate([("row_hash", "count"), ("value", "min")]).to_pylist()
    for row in grouped:
        n, seen = float(row["row_hash_count"]), "" if row["value_min"] is None else f"e.g. {row['value_min']!r}"
        reasons.setdefault((row["source"], row["date"]), []).append(Finding(f"{row['column']} {row['reason']}", n, seen, n))
    return {(row["source"], row["date"]): Rejected(row["row_hash_count"], reasons[row["source"], row["date"]]) for row in counts}
