"""Two models, or two variants of one, compared number by number over a range of dates."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import NamedTuple

import pandas as pd
import pyarrow.dataset as ds

from sigmalake.errors import MissingRiskError
from sigmalake.lake.releases import releases_from
from sigmalake.lake.upkeep.origins import ORIGIN_COLUMNS, Difference, Origin, differences, origins
from sigmalake.reader.releases.books import MovedBooks, moved_books
from sigmalake.reader.releases.moves_by_date import MOST_MOVES, MovesByDate, MovesOfDate, moves_of_date
from sigmalake.reader.releases.quantities import QUANTITIES, SIDES, Quantity
from sigmalake.reader.releases.reasons import (
    CONFIGURATION,
    RESTATED,
    UNEXPLAINED,
    Side,
    panel_reasons,
    regression_reasons,
    risk_reasons,
)
from sigmalake.reader.releases.rows import Moved, moved
from sigmalake.reader.storage.model_tables import ModelTables, Row
from sigmalake.tables.declaration import Table
from sigmalake.tables.packed import CROSS_SECTIONS, PANEL, RISK_MODELS
from sigmalake.tables.records import RELEASES, RUNS

_AT_ONCE = 32  # dates of either model in memory
SOURCE_COLUMNS = ["date", "side", "asset_id", "column", "first", "second"]


class Compared(NamedTuple):
    """One side of a comparison: a model, or one variant of it."""

    name: str  # release id, or variant
    release_id: str | None  # None: of memory
    tables: ModelTables
    variant: str | None  # None: every variant that both have
    variants: Sequence[str]


class ModelComparison(NamedTuple):
    """What moved from a first model to a second; numbers that are equal are in no frame."""

    first: str
    second: str
    moves: pd.DataFrame  # a row a number: quantity, variant, date, factor, factor_2, asset_id, first, second, change
    dates: pd.DataFrame  # a row a quantity, variant and date: moved, a count; largest change in size, and of what; why
    source_rows: pd.DataFrame  # a row a restated value: date, side of the source, asset_id, column, first, second
    books: pd.DataFrame  # a row a book, variant and date whose risk moved: the columns of `BOOK_COLUMNS`
    differences: list[Difference]  # what the two were not made from alike: keys of the configuration, code, sources
    largest_only: int | None = None  # of a quantity, variant and date, `moves` and `source_rows` have no more; None: all
    largest_books_only: int | None = None  # of a variant and date, `books` has no more; None: all


class _Read(NamedTuple):
    """The rows of one table on both sides, and why those that differ do."""

    table: Table
    variants: tuple[str | None, str | None]
    days: list[date]  # of either side, ascending
    why: dict[date, list[str]]


def compare_models(
    first: Compared, second: Compared, start: date | None, end: date | None, most: int = MOST_MOVES
) -> ModelComparison:
    """What moved, element by element, and why.

    Between two releases these are the rows of the source as packed, factor and specific returns, Sigma and Delta of the variants
    that both have, and the risk of books. Between two variants of a release these are Sigma, Delta and the risk of books. A number
    that one side lacks is NaN there.

    Args:
        first: the earlier model, or one variant.
        second: the later model, or another variant.
        start: first date, itself included; None: the first there is.
        end: last date, itself included; None: the last there is.
        most: numbers that are kept, but for one of each quantity, variant and date. Where more moved, the largest changes of
            each of these are kept, equally many; `dates` counts all. A shorter range shows the rest. The same holds for books.
    """
    of_variants = first.variant is not None
    common = [name for name in first.variants if name in second.variants]
    pairs = [(first.variant, second.variant)] if of_variants else [(name, name) for name in common]
    sides = [_side(its.tables) for its in (first, second)]
    reads = [] if of_variants else [
        _Read(PANEL, (None, None), _days(sides, "panel"), panel_reasons(*sides)),
        _Read(CROSS_SECTIONS, (None, None), _days(sides, "regressions"), regression_reasons(*sides)),
    ]  # fmt: skip
    one, other = first.tables, second.tables
    for pair in pairs:
        hashes = _risk_hashes(one, pair[0]), _risk_hashes(other, pair[1])
        by_variant = [side._replace(risk_models=of_side) for side, of_side in zip(sides, hashes, strict=True)]
        days = _days(by_variant, "risk_models")
        reasons = {day: [CONFIGURATION] for day in days} if of_variants else risk_reasons(*by_variant)
        reads.append(_Read(RISK_MODELS, pair, days, reasons))
    collected = MovesByDate(most)
    for read in reads:
        for group in _moves(first, second, read, start, end):
            collected.add(group)
    source_rows = _source_rows(collected.frame(lambda group: group.quantity in SIDES and RESTATED in group.why))
    books = MovedBooks(most)
    for read in reads:
        for days in _some(read, start, end) if read.table is RISK_MODELS else ():
            books.add(moved_books(one, other, *read.variants, days))
    return ModelComparison(
        first.name, second.name, collected.frame(), collected.by_date(), source_rows, books.frame(),
        _not_alike(first, second), collected.largest_only, books.largest_only,
    )  # fmt: skip


def unlike_dates(first: Compared, second: Compared, last: date) -> list[date]:
    """Dates up to `last`, ascending, of which some row of the one model was not computed from what the other's was."""
    sides = [_side(its.tables) for its in (first, second)]
    found = {*regression_reasons(*sides)}
    for exposure_date in panel_reasons(*sides):
        found |= {exposure_date, *(day for side in sides for day, known in side.return_dates.items() if known == exposure_date)}
    for name in first.variants:
        if name in second.variants:
            one, other = (_risk_hashes(its.tables, name) for its in (first, second))
            found |= {day for day in one.keys() | other.keys() if one.get(day) != other.get(day)}
    return sorted(day for day in found if day <= last)


def _moves(first: Compared, second: Compared, read: _Read, start: date | None, end: date | None) -> Iterator[MovesOfDate]:
    quantities = [quantity for quantity in QUANTITIES if quantity.table == read.table]
    key = read.table.date or ""
    columns = list(dict.fromkeys([key, *(q.dated for q in quantities), *(c for q in quantities for c in q.columns)]))
    variant = " and ".join(dict.fromkeys(name for name in read.variants if name)) or None
    for days in _some(read, start, end):
        one, other = (
            _rows(its.tables, read.table, columns, key, days, name)
            for its, name in zip((first, second), read.variants, strict=True)
        )
        for day in days:
            why = "; ".join(read.why.get(day, [UNEXPLAINED]))
            for quantity in quantities:
                for dated, found in _of_quantity(quantity, (first.tables, one.get(day)), (second.tables, other.get(day))):
                    if found and (start is None or dated >= start) and (end is None or dated <= end):
                        yield moves_of_date(quantity.name, variant, dated, why, found)


def _some(read: _Read, start: date | None, end: date | None) -> Iterator[list[date]]:
    """The dates of a range, so many at a time as are to be in memory."""
    wanted = [day for n, day in enumerate(read.days) if _may_hold(read, n, start, end)]
    for at in range(0, len(wanted), _AT_ONCE):
        yield wanted[at : at + _AT_ONCE]


def _may_hold(read: _Read, place: int, start: date | None, end: date | None) -> bool:
    """Whether a row may be of the range: one of the panel holds the returns of the next date as well."""
    day = read.days[place]
    following = read.days[place + 1] if read.table is PANEL and place + 1 < len(read.days) else day
    return (start is None or max(day, following) >= start) and (end is None or day <= end)


def _of_quantity(
    quantity: Quantity, first: tuple[ModelTables, Row | None], second: tuple[ModelTables, Row | None]
) -> Iterator[tuple[date, list[Moved]]]:
    (tables, one), (others, other) = first, second
    if one is not None and other is not None and all(one[c].equals(other[c]) for c in (*quantity.columns, quantity.dated)):
        return
    dates = [None if row is None else row[quantity.dated].as_py() for row in (one, other)]
    numbers = [
        None if row is None or day is None else quantity.read(its, row)
        for its, row, day in zip((tables, others), (one, other), dates, strict=True)
    ]
    known = [day for day in dates if day is not None]
    if not known:
        return
    if len(set(known)) == 1:
        yield known[0], moved(*numbers)
        return
    if dates[0] is not None:
        yield dates[0], moved(numbers[0], None)
    if dates[1] is not None:
        yield dates[1], moved(None, numbers[1])


def _rows(
    tables: ModelTables, table: Table, columns: Sequence[str], key: str, days: Sequence[date], variant: str | None
) -> dict[date, Row]:
    where = ds.field(key).isin(list(days))
    rows = tables.rows(table, columns, where if variant is None else where & (ds.field("variant") == variant))
    return {day: {name: rows.column(name)[n] for name in columns} for n, day in enumerate(rows.column(key).to_pylist())}


def _side(tables: ModelTables) -> Side:
    """What the rows of a model were computed from, without its risk models."""
    panel = tables.rows(PANEL, ["exposure_date", "return_date", "inputs_hash"]).to_pylist()
    regressions = tables.rows(CROSS_SECTIONS, ["date", "inputs_hash"]).to_pylist()
    return Side(
        {row["exposure_date"]: row["inputs_hash"] for row in panel},
        {row["return_date"]: row["exposure_date"] for row in panel if row["return_date"] is not None},
        {row["date"]: row["inputs_hash"] for row in regressions},
        {},
    )


def _risk_hashes(tables: ModelTables, variant: str | None) -> dict[date, str]:
    rows = tables.rows(RISK_MODELS, ["date", "inputs_hash"], ds.field("variant") == variant).to_pylist()
    return {row["date"]: row["inputs_hash"] for row in rows}


def _days(sides: Sequence[Side], what: str) -> list[date]:
    one, other = (getattr(side, what) for side in sides)
    return sorted(one.keys() | other.keys())


def _source_rows(moves: pd.DataFrame) -> pd.DataFrame:
    """Values of the panel as rows of its source."""
    column = moves["factor"].where(moves["quantity"] == "exposure", moves["quantity"])
    found = moves.assign(side=moves["quantity"].map(SIDES), column=column)
    return found[SOURCE_COLUMNS].reset_index(drop=True)


def _not_alike(first: Compared, second: Compared) -> list[Difference]:
    """What the two models were made from differently, as far as it is on record."""
    try:
        one, other = (_origin(its) for its in (first, second))
    except MissingRiskError:  # a model in memory has no record of runs
        return []
    if first.variant is not None and second.variant is not None:
        one, other = (_of_variant(origin, str(its.variant)) for origin, its in ((one, first), (other, second)))
    return differences(one, other)


def _of_variant(origin: Origin, variant: str) -> Origin:
    """The settings of one variant, by their names below `risk.VARIANT`."""
    below = f"risk.{variant}."
    return origin._replace(
        settings={key.removeprefix(below): text for key, text in origin.settings.items() if key.startswith(below)}
    )


def _origin(its: Compared) -> Origin:
    if its.release_id is None:
        raise MissingRiskError("a model that was not released has no record of what it was made from")
    releases = releases_from(its.tables.rows(RELEASES, RELEASES.column_names, ds.field("release_id") == its.release_id))
    return origins(its.tables.rows(RUNS, ORIGIN_COLUMNS), releases)[its.release_id]
