"""What a checked source row is, and how the problems of a column are found.

Rows of every source become `date, asset_id, file, row_hash, source_rows, usable` and the columns of what they carry. A row
without problems is usable; nothing is repaired, nothing is dropped. The problems of the few rows that have some stand apart.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from sigmalake.numerics.types import Bools, Ints
from sigmalake.sources.csv_rows import RAGGED
from sigmalake.tables.checksums.hashing import text_hashes
from sigmalake.tasks.sources.raw_rows import Numbers, RawRows, Texts, shown_as_text, to_bools
from sigmalake.tasks.sources.row_hash import ColumnWords, row_hashes

PROBLEMS = pa.schema(
    [("row", pa.int64()), ("column", pa.string()), ("reason", pa.string()), ("value", pa.string())]
)  # row: position among the checked rows


class Reason(StrEnum):
    """Why a source row is rejected."""

    MISSING = "missing"
    RAGGED = "too few or too many values"
    NOT_A_DATE = "not a date"
    NOT_A_NUMBER = "not a number"
    NOT_A_FLAG = "not true or false"
    NOT_FINITE = "not finite"
    NOT_POSITIVE = "not positive"
    NEGATIVE = "negative"
    BELOW_MINUS_ONE = "below -100 %"
    OUTSIDE_0_1 = "share outside 0 to 1"
    SHARES_DO_NOT_SUM = "shares do not sum to 1"
    SHARES_EXCEED = "shares sum to more than 1"
    UNKNOWN_CATEGORY = "unknown category"
    NAME_TAKEN = "called like another factor"
    NO_RATE = "no risk-free rate for the date"
    NO_EXCHANGE_RATE = "no exchange rate"
    NO_INTEREST_RATE = "no interest rate of the currency"
    NOT_ONE = "not 1, as the base currency's rate is"
    CONFLICTING_COPIES = "key given more than once, with different values"
    SAME_BUT_FOR_BLANKS = "key given more than once, by ids that differ in the blanks around them"
    IDENTICAL_COPY = "identical copy of a row"
    NO_CAP = "no cap on the date"
    TOO_FAR = "too far from the others of the date"


class CheckedRows(NamedTuple):
    """The rows of one side of a source, checked."""

    rows: pa.Table  # date, asset_id, given_id, file, row_hash, source_rows, usable, and what they carry
    problems: pa.Table  # see `PROBLEMS`

    @property
    def usable(self) -> Bools:
        """(N,) the rows without problems."""
        return to_bools(self.rows.column("usable"))

    @property
    def days(self) -> Ints:
        """(N,) days since 1970; null dates as 0."""
        found: Ints = self.rows.column("date").cast(pa.int32()).cast(pa.int64()).fill_null(0).to_numpy()
        return found

    def column(self, name: str) -> pa.Array:
        """A column in one piece."""
        column = self.rows.column(name)
        return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()

    def only(self, where: Bools) -> "CheckedRows":
        """Some of the rows, with their problems."""
        if where.all():
            return self
        position = np.cumsum(where) - 1
        rows = self.problems.column("row").to_numpy()
        held = where[rows] if len(rows) else np.zeros(0, dtype=bool)
        problems = self.problems.filter(pa.array(held))
        moved = pa.array(position[rows[held]], pa.int64())
        return CheckedRows(self.rows.filter(pa.array(where)), problems.set_column(0, "row", moved))

    def with_problems(self, *found: pa.Table) -> "CheckedRows":
        """The rows with further problems, which are not usable either."""
        usable = self.usable.copy()
        for problems in found:
            usable[problems.column("row").to_numpy()] = False
        rows = self.rows.set_column(self.rows.column_names.index("usable"), "usable", pa.array(usable))
        return CheckedRows(rows, pa.concat_tables([self.problems, *found]))


class Findings:
    """The problems of a source's rows, gathered check by check."""

    def __init__(self, n_rows: int) -> None:
        self.usable = np.ones(n_rows, dtype=bool)
        self._parts: list[pa.Table] = []

    def add(self, column: str, reason: Reason, wrong: Bools, shown: pa.Array | None) -> None:
        """Note the rows that are wrong.

        Args:
            column: that is wrong, by its name in the source.
            reason: what is.
            wrong: (N,) rows.
            shown: (N,) what is shown of them; None: nothing.
        """
        at = np.flatnonzero(wrong)
        if len(at):
            self.usable[at] = False
            self._parts.append(problem_table(at, column, reason, None if shown is None else shown.take(pa.array(at))))

    def add_key(self, raw: RawRows, date_column: str, asset_column: str | None) -> None:
        """Note what is wrong with a row's date, asset and line."""
        dates, given = raw.dates(date_column), raw.column(date_column)
        self.add(date_column, Reason.MISSING, dates.missing, given)
        self.add(date_column, Reason.NOT_A_DATE, dates.unreadable, given)
        if RAGGED in raw:
            self.add("line", Reason.RAGGED, raw.ragged, raw.column(RAGGED))
        if asset_column is not None:
            self.add(asset_column, Reason.MISSING, raw.texts(asset_column).missing, raw.column(asset_column))

    def add_number(self, column: str, numbers: Numbers, shown: pa.Array, *, required: bool) -> None:
        """Note what is wrong with numbers; `required`: whether one that is missing is."""
        self.add(column, Reason.NOT_FINITE, numbers.not_finite, shown)
        self.add(column, Reason.NOT_A_NUMBER, numbers.unreadable, shown)
        if required:
            self.add(column, Reason.MISSING, numbers.missing, shown)

    def add_flag(self, raw: RawRows, column: str) -> None:
        """Note what is wrong with flags."""
        flags = raw.flags(column)
        self.add(column, Reason.MISSING, flags.missing, raw.column(column))
        self.add(column, Reason.NOT_A_FLAG, flags.unreadable, raw.column(column))

    def add_text(self, raw: RawRows, column: str) -> None:
        """Note where a text is missing."""
        self.add(column, Reason.MISSING, raw.texts(column).missing, raw.column(column))

    @property
    def problems(self) -> pa.Table:
        """All that was noted, see `PROBLEMS`."""
        return pa.concat_tables([PROBLEMS.empty_table(), *self._parts])


def problem_table(at: Ints, column: str, reason: Reason | pa.Array, values: pa.Array | None) -> pa.Table:
    """One problem of each of these rows, as `PROBLEMS` has them."""
    n = len(at)
    reasons = pa.repeat(reason.value, n) if isinstance(reason, Reason) else reason
    shown = pa.nulls(n, pa.string()) if values is None else shown_as_text(values)
    return pa.table([pa.array(at, pa.int64()), pa.repeat(column, n), reasons, shown], schema=PROBLEMS)


def checked_rows(
    raw: RawRows,
    date_column: str,
    asset_column: str | None,
    findings: Findings,
    payload: Mapping[str, pa.Array],
    hashed: Mapping[str, ColumnWords],
    source_rows: pa.Array | None = None,
) -> CheckedRows:
    """The checked rows of a source.

    Args:
        raw: the source's rows.
        date_column: of its dates.
        asset_column: of its assets; None: it has none.
        findings: every problem.
        payload: what a row carries, by name.
        hashed: what is in the hash of a row beside its key.
        source_rows: rows of the source that each stands for; None: one.
    """
    n = raw.n_rows
    words = [raw.date_words(date_column)]
    asset, given = pa.repeat("", n), pa.nulls(n, pa.string())
    if asset_column is not None:
        texts = raw.texts(asset_column)
        words.append(raw.text_words(asset_column))
        asset, given = texts.values, texts.as_given
    if RAGGED in raw:
        words.append(_line_words(raw))
    keys = {date_column, asset_column}
    words += [of_column for name, of_column in hashed.items() if name not in keys]
    columns = {
        "date": raw.dates(date_column).values,
        "asset_id": asset,
        "given_id": given,
        "file": raw.files,
        "row_hash": pa.array(row_hashes(words, n)),
        "source_rows": pa.array(np.ones(n, dtype=np.int32)) if source_rows is None else source_rows,
        "usable": pa.array(findings.usable),
        **payload,
    }
    return CheckedRows(pa.table(columns), findings.problems)


def joined(parts: Sequence[CheckedRows]) -> CheckedRows:
    """The checked rows of several splits of a source, one after the other."""
    first = np.cumsum([0, *(part.rows.num_rows for part in parts)])
    moved = [
        part.problems.set_column(0, "row", pa.array(part.problems.column("row").to_numpy() + start, pa.int64()))
        for part, start in zip(parts, first, strict=False)
    ]
    return CheckedRows(pa.concat_tables([part.rows for part in parts]), pa.concat_tables(moved))


def texts_in(texts: Texts, known: Sequence[str]) -> Bools:
    """Whether each row's text is one of those known."""
    return texts.among(pa.array(list(known), pa.string()))


def _line_words(raw: RawRows) -> ColumnWords:
    words = np.zeros(raw.n_rows, dtype=np.uint64)
    at = np.flatnonzero(raw.ragged)
    if len(at):
        words[at] = text_hashes(raw.column(RAGGED).take(pa.array(at)).cast(pa.string()))
    return ColumnWords(words, ~raw.ragged)
