"""Keys that are given more than once: of equal copies one is used, of unequal ones none."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from sigmalake.numerics.types import Bools, Ints
from sigmalake.tasks.sources.checking import CheckedRows, Reason, problem_table


class Duplicates(NamedTuple):
    """The rows whose key another row has, too; none of the rows that are not usable."""

    unequal: Bools  # (N,) their values differ
    padded: Bools  # (N,) of these, where already the ids differ, in the blanks around them
    copies: Bools  # (N,) equal to a row before them

    @property
    def used(self) -> Bools:
        """(N,) neither."""
        return ~(self.unequal | self.copies)

    def problems(self, shown: pa.Array | None = None) -> pa.Table:
        """What is wrong with each of these rows."""
        of_reason = {
            Reason.CONFLICTING_COPIES: self.unequal & ~self.padded,
            Reason.SAME_BUT_FOR_BLANKS: self.padded,
            Reason.IDENTICAL_COPY: self.copies,
        }
        at = {reason: np.flatnonzero(rows) for reason, rows in of_reason.items()}
        return pa.concat_tables(
            problem_table(rows, "key", reason, None if shown is None else shown.take(pa.array(rows))) for reason, rows in at.items()
        )


def duplicates(checked: CheckedRows, key: Sequence[str] = ("date", "asset_id"), within: Bools | None = None) -> Duplicates:
    """The usable rows whose key is given more than once.

    Args:
        checked: rows of one side.
        key: the columns that make it.
        within: (N,) the rows that count; None: all.
    """
    at = np.flatnonzero(checked.usable if within is None else checked.usable & within)
    found = Duplicates(*(np.zeros(checked.rows.num_rows, dtype=bool) for _ in range(3)))
    codes = key_codes([checked.column(name).take(pa.array(at)) for name in key], len(at))
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
    if len(starts) == len(at):
        return found
    sizes = np.diff(starts, append=len(at))
    several = np.repeat(sizes > 1, sizes)
    unequal = several & np.repeat(_differ(checked.column("row_hash").to_numpy()[at[order]], starts), sizes)
    ids = key_codes([checked.column("given_id").take(pa.array(at[order]))], len(at))
    later = np.ones(len(at), dtype=bool)
    later[starts] = False
    found.unequal[at[order]] = unequal
    found.padded[at[order]] = unequal & np.repeat(_differ(ids, starts), sizes)
    found.copies[at[order]] = later & ~unequal
    return found


def key_codes(columns: Sequence[pa.Array], n_rows: int) -> Ints:
    """(N,) a number for each combination of values, from 0; a null is a value."""
    codes = np.zeros(n_rows, dtype=np.int64)
    for column in columns:
        encoded = column.dictionary_encode(null_encoding="encode")
        codes = codes * max(len(encoded.dictionary), 1) + encoded.indices.to_numpy()
        if codes.max(initial=0) > np.iinfo(np.int32).max:
            codes = np.unique(codes, return_inverse=True)[1].astype(np.int64)
    return codes


def dense_codes(codes: Ints) -> tuple[Ints, Ints]:
    """(N,) the codes numbered from 0 without a gap, in their order; and the first row of each."""
    n_codes = int(codes.max(initial=-1)) + 1
    if n_codes > 4 * len(codes):
        _, first, rows = np.unique(codes, return_index=True, return_inverse=True)
        return rows.astype(np.int64), first
    first_of = np.full(n_codes, -1)
    first_of[codes[::-1]] = np.arange(len(codes))[::-1]  # of a position assigned more than once, the last stands
    there = first_of >= 0
    return (np.cumsum(there) - 1)[codes], first_of[there]


def without_duplicates(checked: CheckedRows, key: Sequence[str], shown: str | None = None) -> CheckedRows:
    """The rows, those among the usable ones whose key is given more than once with that problem.

    Args:
        checked: all rows of a source.
        key: the columns that make it.
        shown: the column that is shown of it.
    """
    found = duplicates(checked, key)
    return checked if found.used.all() else checked.with_problems(found.problems(None if shown is None else checked.column(shown)))


def _differ(values: Ints, starts: Ints) -> Bools:
    """Whether the values of each run differ."""
    unlike: Bools = np.minimum.reduceat(values, starts) != np.maximum.reduceat(values, starts)
    return unlike
