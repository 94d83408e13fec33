"""Which books hold as of each date, on the driver: from names and hashes of books alone, whatever they hold."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from sigmalake.tables.checksums.hashing import K, mixed, text_hashes
from sigmalake.tasks.arrays import as_array, int_lists

INDEXED = ("date", "portfolio", "content")


class BooksOfDate(NamedTuple):
    """The books that hold as of a date."""

    content: str  # hash of them all
    book_dates: tuple[date, ...]  # their dates, ascending
    too_old: int  # portfolios whose newest book is too old


def books_as_of(index: pa.Table, days: Sequence[date], max_age: int) -> Mapping[date, BooksOfDate]:
    """The books of each of some dates; of a date without any there is no entry.

    Args:
        index: `INDEXED` columns of `portfolio_books`, a row a date of the source.
        days: as of which.
        max_age: of a portfolio's newest book, days.
    """
    rows = index.select(list(INDEXED)).sort_by("date").combine_chunks()
    dates: list[date] = rows.column("date").to_pylist()
    named = as_array(rows.column("portfolio")).flatten().dictionary_encode()
    names, codes = text_hashes(named.dictionary), named.indices.to_numpy()
    content = int_lists(rows, "content")
    newest, holds = np.full(len(names), -1), np.zeros(len(names), dtype=np.uint64)
    ordinal = np.array([day.toordinal() for day in dates] + [-(2**40)])
    found, row = {}, 0
    for day in sorted(days):
        while row < len(dates) and dates[row] <= day:
            of_row = slice(content.offsets[row], content.offsets[row + 1])
            newest[codes[of_row]] = row
            holds[codes[of_row]] = content.row(row).view(np.uint64)
            row += 1
        age = day.toordinal() - ordinal[newest]
        live = np.flatnonzero(age <= max_age)
        if not live.size:
            continue
        with np.errstate(over="ignore"):
            words = mixed(mixed(holds[live] + K * ordinal[newest[live]].astype(np.uint64)) + names[live] * K)
            whole = int(words.sum(dtype=np.uint64))
        of = sorted(dates[number] for number in np.unique(newest[live]).tolist())
        found[day] = BooksOfDate(f"{live.size}:{whole:016x}", tuple(of), int((newest >= 0).sum() - live.size))
    return found
