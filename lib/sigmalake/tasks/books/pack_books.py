"""Books packed: the checked members of a date's portfolios become a row; a part is a run of dates.

Hashes by date are shipped. A task holds the source's rows of its part.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sigmalake.numerics.types import Bools, Floats, Ints
from sigmalake.tables.books import PORTFOLIO_BOOKS
from sigmalake.tables.checksums.hashing import K, Words, mixed, text_hashes
from sigmalake.tables.declaration import Table
from sigmalake.tasks.arrays import as_array, joined, lists, ranked_ids
from sigmalake.tasks.contract import Input, PartTask, table_of
from sigmalake.tasks.sources.check_source import CheckSource
from sigmalake.tasks.sources.checking import PROBLEMS, CheckedRows
from sigmalake.tasks.sources.duplicates import duplicates

MEMBERS = "members"  # the role of the checked rows of books
BOOK_KEY = ("date", "portfolio", "asset_id")
_READ = ("date", "portfolio", "asset_id", "given_id", "row_hash", "usable", "holding")

BOOK_INDEX = Table(
    name="book_index",
    comment="Which portfolios have a book on a date, and what it holds: of books that are not packed yet",
    key=("date",),
    columns=tuple(column for column in PORTFOLIO_BOOKS.columns if column.name in {"date", "portfolio", "content"}),
    date="date",
)


@dataclass(frozen=True)
class CheckedMembers:
    """The checked rows of books, also those that cannot be used: of which book they are is counted."""

    check: CheckSource

    def schema(self, raw: pa.Schema) -> pa.Schema:
        """As `SourceTask`."""
        return self(raw.empty_table()).schema

    def __call__(self, raw: pa.Table) -> pa.Table:
        """As `SourceTask`."""
        return self.check.checked(raw)["books"].rows.select(list(_READ))


@dataclass(frozen=True)
class PackBooks(PartTask):
    """The rows of `portfolio_books` of each part's dates, or some of their columns."""

    parts: Sequence[Mapping[date, str]]  # hash of each date's row
    into: Table = PORTFOLIO_BOOKS

    @property
    def n_parts(self) -> int:
        """Runs of dates."""
        return len(self.parts)

    @property
    def inputs(self) -> Mapping[str, Input]:
        """The checked rows."""
        return {MEMBERS: Input(None, _READ, "date")}

    def dates(self, part: int) -> Mapping[str, Sequence[date]]:
        """The part's own."""
        return {MEMBERS: sorted(self.parts[part])}

    def __call__(self, part: int, inputs: Mapping[str, pa.Table]) -> pa.Table:
        """A row a date; one of which no source row can be used has portfolios without members, or none."""
        return pack_books(inputs[MEMBERS], self.parts[part]).select(self.into.column_names)


def pack_books(rows: pa.Table, hashes: Mapping[date, str]) -> pa.Table:
    """The rows of `portfolio_books` for these dates.

    Args:
        rows: checked members, all of these dates.
        hashes: of the rows to make.
    """
    checked = CheckedRows(rows.combine_chunks(), PROBLEMS.empty_table())
    twice = duplicates(checked, BOOK_KEY)
    used, lost = checked.usable & twice.used, ~(checked.usable & twice.used) & ~twice.copies
    named = as_array(checked.rows.column("portfolio")).is_valid().to_numpy(zero_copy_only=False)
    at = np.flatnonzero(named & (used | lost))
    taken = checked.rows.take(pa.array(at)).combine_chunks()
    portfolios, of_portfolio = ranked_ids([as_array(taken.column("portfolio"))])
    assets, of_asset = ranked_ids([pc.fill_null(as_array(taken.column("asset_id")), "")])
    day_of = as_array(taken.column("date"))
    found = _Members(portfolios, assets, of_portfolio, of_asset, taken.column("holding").to_numpy().astype(float), used[at])
    days = sorted(hashes)
    packed = [found.on(to_mask(pc.equal(day_of, pa.scalar(day, pa.date32())))) for day in days]
    names = {name: [word for one in packed for word in getattr(one, name)] for name in ("portfolios", "assets")}
    columns: dict[str, object] = {
        "date": days,
        "inputs_hash": [hashes[day] for day in days],
        "n_rows": [len(one.member) for one in packed],
        "portfolio": lists(
            pa.array([name for one in packed for name in one.portfolios], pa.string()), _sizes(packed, "portfolios")
        ),
        "asset_id": lists(pa.array(names["assets"], pa.string()), _sizes(packed, "assets")),
    }
    for name, kind in (("n_members", pa.int32()), ("n_rejected", pa.int32()), ("content", pa.int64()), ("member", pa.int32())):
        values = joined([getattr(one, name) for one in packed], np.int64)
        columns[name] = lists(pa.array(values, kind), _sizes(packed, name))
    columns["holding"] = lists(pa.array(joined([one.holding for one in packed], float)), _sizes(packed, "holding"))
    return table_of(PORTFOLIO_BOOKS, columns)


def to_mask(values: pa.Array) -> Bools:
    """Booleans, false where null."""
    found: Bools = pc.fill_null(values, False).to_numpy(zero_copy_only=False)
    return found


@dataclass(frozen=True)
class _Packed:
    """A row of `portfolio_books`."""

    portfolios: list[str]
    n_members: Ints
    n_rejected: Ints
    content: Ints
    assets: list[str]
    member: Ints
    holding: Floats


@dataclass(frozen=True)
class _Members:
    """Members of several dates, with their portfolios and assets as numbers in the order of their names."""

    portfolios: list[str]
    assets: list[str]
    of_portfolio: Ints
    of_asset: Ints
    holding: Floats
    used: Bools

    def on(self, of_day: Bools) -> _Packed:
        """Those of one date."""
        known = np.unique(self.of_portfolio[of_day])
        at = np.flatnonzero(of_day & self.used)
        at = at[np.lexsort((self.of_asset[at], self.of_portfolio[at]))]
        position = np.searchsorted(known, self.of_portfolio[at])
        held, member = np.unique(self.of_asset[at], return_inverse=True)
        n_members = np.bincount(position, minlength=len(known))
        lost = np.searchsorted(known, self.of_portfolio[of_day & ~self.used])
        n_rejected = np.bincount(lost, minlength=len(known))
        assets = [self.assets[number] for number in held]
        words = member_words(text_hashes(pa.array(assets, pa.string())), member, self.holding[at])
        content = mixed(sums_by_row(words, n_members) + K * n_rejected.astype(np.uint64) + n_members.astype(np.uint64))
        return _Packed(
            [self.portfolios[number] for number in known], n_members, n_rejected, content.view(np.int64), assets, member,
            self.holding[at],
        )  # fmt: skip


def member_words(names: Words, member: Ints, holding: Floats) -> Words:
    """A hash of each holding.

    Args:
        names: (M,) hashes of the members.
        member: (H,) which of them a holding is of.
        holding: (H,) finite.
    """
    with np.errstate(over="ignore"):
        return mixed(mixed(names)[member] * K + (holding + 0.0).view(np.uint64))  # -0.0 + 0.0 is 0.0


def sums_by_row(words: Words, counts: Ints) -> Words:
    """The sum mod 2^64 of each row's words, of which `counts` says how many there are."""
    sums = np.concatenate([[np.uint64(0)], np.cumsum(words, dtype=np.uint64)])
    ends = np.cumsum(counts)
    found: Words = sums[ends] - sums[ends - counts]
    return found


def _sizes(packed: Sequence[_Packed], name: str) -> list[int]:
    return [len(getattr(one, name)) for one in packed]
