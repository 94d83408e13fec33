"""Books that cannot be measured, found before any is: those that hold each other, and weights that are hardly fractions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from sigmalake.tables.books import PORTFOLIO_BOOKS
from sigmalake.tables.declaration import Column, Table, required
from sigmalake.tables.shared_columns import AS_OF
from sigmalake.tasks.books.held_books import BOOK_COLUMNS, BookRows, BookRules
from sigmalake.tasks.contract import Input, PartTask, table_of

BOOKS = "books"  # the role of the rows of `portfolio_books`
CYCLE, GROSS = "cycle", "gross"

BOOK_FAULTS = Table(
    name="book_faults",
    comment="Books that cannot be measured",
    key=("date", "kind"),
    columns=(
        AS_OF,
        required("kind", "STRING", "cycle or gross"),
        required("portfolio", "ARRAY<STRING>", "portfolios each of which holds the next; or those whose weights are too large"),
        Column("value", "DOUBLE", "the largest sum of absolute weights"),
    ),
    date="date",
)


class BookPart(NamedTuple):
    """Risk dates that are computed together."""

    dates: tuple[date, ...]  # as of which, ascending
    book_dates: tuple[date, ...]  # whose books hold on some of them, ascending


@dataclass(frozen=True)
class CheckBooks(PartTask):
    """The faults of the books that hold on a part's dates."""

    parts: Sequence[BookPart]
    rules: BookRules
    into: Table = BOOK_FAULTS

    @property
    def n_parts(self) -> int:
        """A part a run of dates."""
        return len(self.parts)

    @property
    def inputs(self) -> Mapping[str, Input]:
        """The books."""
        return {BOOKS: Input(PORTFOLIO_BOOKS, BOOK_COLUMNS, "date")}

    def dates(self, part: int) -> Mapping[str, Sequence[date]]:
        """Those of the books."""
        return {BOOKS: self.parts[part].book_dates}

    def __call__(self, part: int, inputs: Mapping[str, pa.Table]) -> pa.Table:
        """A row a fault and date."""
        books = BookRows(inputs[BOOKS], self.rules)
        found: list[tuple[date, str, list[str], float | None]] = []
        for day in self.parts[part].dates:
            held = books.as_of(day)
            if cycle := held.cycle:
                found.append((day, CYCLE, cycle, None))
            gross = held.gross
            if not self.rules.are_values and (wrong := np.flatnonzero(gross > self.rules.max_gross)).size:
                largest = wrong[np.argsort(-gross[wrong], kind="stable")]
                found.append((day, GROSS, [held.portfolios[row] for row in largest], float(gross[largest[0]])))
        columns = zip(*found, strict=True) if found else ([], [], [], [])
        return table_of(self.into, dict(zip(self.into.column_names, map(list, columns), strict=True)))
