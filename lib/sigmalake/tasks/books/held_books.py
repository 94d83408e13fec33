"""Which book of each portfolio holds as of a date, and what it holds once members that are portfolios are looked through."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import scipy

from sigmalake.numerics.portfolio.look_through import Weights, first_cycle, look_through
from sigmalake.numerics.types import Bools, Floats, Ints
from sigmalake.tables.checksums.hashing import K, Words, mixed, text_hashes
from sigmalake.tasks.arrays import Lists, as_array, float_lists, int_lists, joined, ranked_ids
from sigmalake.tasks.books.pack_books import member_words, sums_by_row
from sigmalake.tasks.contract import sorted_rows

BOOK_COLUMNS = ("date", "portfolio", "n_members", "n_rejected", "asset_id", "member", "holding")
_EPOCH = date(1970, 1, 1)


class BookRules(NamedTuple):
    """How books are read."""

    max_age: int  # days
    are_values: bool  # holdings are values, of which weights are made
    cash: frozenset[str]
    max_gross: float  # of the weights of a book


@dataclass(frozen=True)
class HeldBooks:
    """The books that hold as of a date, by portfolio ascending."""

    portfolios: list[str]  # (P,)
    members: list[str]  # (M,)
    member_hash: Words  # (M,)
    book_day: Ints  # (P,) days since 1970
    n_members: Ints  # (P,)
    n_rejected: Ints  # (P,)
    weights: Weights  # (P, M) as given; rows without weights are empty
    has_weights: Bools  # (P,)
    portfolio_of: Ints  # (M,) which of the portfolios a member is, of those with weights; -1: none

    @cached_property
    def holdings(self) -> Weights:
        """(P, M) weights, looked through."""
        return look_through(self.weights, self.portfolio_of)

    @cached_property
    def n_portfolios(self) -> Ints:
        """(P,) members that are looked through."""
        nested = (self.portfolio_of >= 0)[self.weights.indices] & (self.weights.data != 0)
        counts = np.concatenate([[0], np.cumsum(nested)])
        found: Ints = counts[self.weights.indptr[1:]] - counts[self.weights.indptr[:-1]]
        return found

    @cached_property
    def content(self) -> Words:
        """(P,) hash of what each portfolio holds, and of all else that is said of its book."""
        held = self.holdings
        words = member_words(self.member_hash, held.indices.astype(np.int64), held.data)
        found = sums_by_row(words, np.diff(held.indptr).astype(np.int64))
        for numbers in (self.book_day, self.n_members, self.n_rejected, self.n_portfolios, self.has_weights):
            found = mixed(found * K + numbers.astype(np.uint64))
        return found

    @cached_property
    def cycle(self) -> list[str]:
        """Portfolios each of which holds the next, the last one the first; none where no book holds itself at any remove."""
        return [self.portfolios[row] for row in first_cycle(self.weights, self.portfolio_of)]

    @cached_property
    def gross(self) -> Floats:
        """(P,) sum of the absolute weights as given."""
        found: Floats = np.asarray(abs(self.weights).sum(axis=1), dtype=np.float64).ravel()
        return found


class BookRows:
    """Rows of `portfolio_books`, by date."""

    def __init__(self, rows: pa.Table, rules: BookRules) -> None:
        rows = sorted_rows(rows.select(list(BOOK_COLUMNS)), "date")
        self._rules = rules
        self._last: tuple[bytes, HeldBooks] | None = None
        self._days: list[int] = [(day - _EPOCH).days for day in rows.column("date").to_pylist()]
        names, ids = as_array(rows.column("portfolio")), as_array(rows.column("asset_id"))
        self._portfolios, portfolio = ranked_ids([names.flatten()])
        self._members, asset = ranked_ids([ids.flatten()])
        self._portfolio = Lists(portfolio, _offsets(names), _all(rows))
        self._asset = Lists(asset, _offsets(ids), _all(rows))
        self._counts = {name: int_lists(rows, name) for name in ("n_members", "n_rejected", "member")}
        self._holding = float_lists(rows, "holding")
        self._member_hash = text_hashes(pa.array(self._members, pa.string()))
        code = {name: number for number, name in enumerate(self._portfolios)}
        self._portfolio_of: Ints = np.array([code.get(name, -1) for name in self._members], dtype=np.int64)

    def as_of(self, day: date) -> HeldBooks:
        """The newest book of each portfolio at a date, if it is young enough; the same object while these are the same books."""
        today = (day - _EPOCH).days
        newest = np.full(len(self._portfolios), -1)
        for row, of in enumerate(self._days):
            if of <= today:
                newest[self._portfolio.row(row)] = row
        days = np.array([*self._days, -(2**40)])[newest]
        live = np.flatnonzero(today - days <= self._rules.max_age)
        key = live.tobytes() + newest[live].tobytes()
        if self._last is None or self._last[0] != key:
            self._last = key, self._held(newest, live, days)
        return self._last[1]

    def _held(self, newest: Ints, live: Ints, days: Ints) -> HeldBooks:
        """The books of some portfolios, each from the row that is its newest."""
        position = np.full(len(self._portfolios), -1)
        position[live] = np.arange(len(live))
        book, member, holding = self._members_of(newest, position)
        n_members, n_rejected = self._counted(newest, live)
        shape = (len(live), len(self._members))
        weights = scipy.sparse.csr_array((holding, member, np.concatenate([[0], np.cumsum(n_members)])), shape=shape)
        has_weights = n_members > 0
        if self._rules.are_values:
            has_weights &= _divided_in_place(weights, book, self._rules.max_gross)
        nested = self._portfolio_of.copy()
        found = nested >= 0
        nested[found] = position[nested[found]]
        found = nested >= 0
        nested[found] = np.where(has_weights[nested[found]], nested[found], -1)
        return HeldBooks(
            [self._portfolios[number] for number in live], self._members, self._member_hash, days[live], n_members, n_rejected,
            weights, has_weights, nested,
        )  # fmt: skip

    def is_cash(self) -> Bools:
        """(M,) the members without risk."""
        return np.array([name in self._rules.cash for name in self._members], dtype=bool)

    def _members_of(self, newest: Ints, position: Ints) -> tuple[Ints, Ints, Floats]:
        """The holdings of the books that hold: which of them, which member, and how much; book by book."""
        books: list[Ints] = []
        members: list[Ints] = []
        holdings: list[Floats] = []
        for row in np.unique(newest[position >= 0]).tolist():
            portfolios = self._portfolio.row(row)
            kept = (newest[portfolios] == row) & (position[portfolios] >= 0)
            counts = self._counts["n_members"].row(row)
            of_member = np.repeat(kept, counts)
            books.append(np.repeat(position[portfolios], counts)[of_member])
            members.append(self._asset.row(row)[self._counts["member"].row(row)[of_member]])
            holdings.append(self._holding.row(row)[of_member])
        book, member, holding = joined(books, np.int64), joined(members, np.int64), joined(holdings, float)
        order = np.argsort(book, kind="stable")
        return book[order], member[order], holding[order]

    def _counted(self, newest: Ints, live: Ints) -> tuple[Ints, Ints]:
        found = {name: np.zeros(len(newest), dtype=np.int64) for name in ("n_members", "n_rejected")}
        for row in np.unique(newest[live]).tolist():
            portfolios = self._portfolio.row(row)
            kept = newest[portfolios] == row
            for name, counts in found.items():
                counts[portfolios[kept]] = self._counts[name].row(row)[kept]
        return found["n_members"][live], found["n_rejected"][live]


def holders(rows: Collection[str]) -> str:
    """Portfolios that hold each other, as a message names them."""
    named = list(rows)
    return " -> ".join([*named, named[0]])


def _divided_in_place(weights: Weights, book: Ints, max_gross: float) -> Bools:
    """Values over their sum; the books whose sum divides nothing, or next to nothing of what they hold, are emptied."""
    n = weights.shape[0]
    total = np.bincount(book, weights.data, minlength=n)
    gross = np.bincount(book, np.abs(weights.data), minlength=n)
    divides: Bools = (total > 0) & (gross <= max_gross * total)
    weights.data = np.where(divides[book], weights.data / np.where(divides, total, 1.0)[book], 0.0)
    return divides


def _offsets(arrays: pa.ListArray) -> Ints:
    offsets: Ints = arrays.offsets.to_numpy().astype(np.int64)
    offsets -= offsets[0]
    return offsets


def _all(rows: pa.Table) -> Bools:
    return np.ones(rows.num_rows, dtype=bool)
