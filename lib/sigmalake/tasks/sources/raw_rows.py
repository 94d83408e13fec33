"""Rows of a source as they were read, each column turned into dates, numbers, texts or flags once, whoever asks for it."""

from functools import cached_property
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sigmalake.numerics.types import Bools, Floats, Ints
from sigmalake.tasks.sources.row_hash import ColumnWords, number_words, text_hashes, text_words, whole_words
from sigmalake.tasks.sources.values import date_of, number_of, text_of

FILE = "_source_file"  # column of a source in files: the file of the row
RAGGED = "_ragged_line"  # column of a CSV source: the line, where its values are too few or too many
NO_DAY = np.iinfo(np.int64).min  # in the place of a date that is missing or unreadable
_TRUE, _FALSE = ("true", "t", "yes", "y", "1"), ("false", "f", "no", "n", "0")


class Dates(NamedTuple):
    """A column of dates."""

    days: Ints  # since 1970; `NO_DAY` where there is none
    values: pa.Array  # date32, null where there is none
    missing: Bools  # null, or blank text
    unreadable: Bools  # neither missing nor a date


class Numbers(NamedTuple):
    """A column of numbers.

    NaN in a column of reals is missing, as null is: pandas writes null where polars writes NaN. The text `nan` is not: somebody
    wrote it, and it is a number that is not finite.
    """

    values: Floats  # NaN where there is none
    missing: Bools  # null, NaN of a real, or blank text
    unreadable: Bools  # text that is neither blank nor a number

    @property
    def not_finite(self) -> Bools:
        """Numbers that are infinite, or the text `nan`."""
        return ~(np.isfinite(self.values) | self.missing | self.unreadable)

    @property
    def array(self) -> pa.Array:
        """The numbers in Arrow, null where there is none."""
        return pa.array(self.values, from_pandas=True)


class Texts(NamedTuple):
    """A column of texts: ids, categories, names of currencies."""

    codes: Ints  # position among the names, -1 where null
    given: pa.Array  # distinct texts as they stand
    names: pa.Array  # the same without blanks around them
    values: pa.Array  # each row's name, null where it is null or blank
    missing: Bools  # null or blank
    padded: Bools  # blanks were taken off

    @property
    def as_given(self) -> pa.Array:
        """The texts of the padded rows as they stand, null for the others."""
        return self.given.take(pa.array(self.codes, mask=~self.padded))

    def among(self, known: pa.Array) -> Bools:
        """Whether each row's name is one of those known."""
        return self.of_names(to_bools(pc.is_in(self.names, known)))

    def of_names(self, flags: Bools) -> Bools:
        """What holds of each row's name; false where it has none."""
        return np.append(flags, False)[self.codes]


class Flags(NamedTuple):
    """A column of true and false."""

    values: pa.Array  # null where there is none
    missing: Bools  # null, or blank text
    unreadable: Bools  # neither missing nor a flag


class RawRows:
    """The columns of a source's rows, converted when they are first asked for."""

    def __init__(self, table: pa.Table) -> None:
        self._columns = {name: _whole(table.column(name)) for name in table.column_names}
        self._numbers: dict[str, Numbers] = {}
        self._texts: dict[str, Texts] = {}
        self._dates: dict[str, Dates] = {}
        self._flags: dict[str, Flags] = {}
        self.n_rows = table.num_rows

    def __contains__(self, column: str) -> bool:
        return column in self._columns

    def column(self, column: str) -> pa.Array:
        """A column as it was read."""
        return self._columns[column]

    def dates(self, column: str) -> Dates:
        """A column of dates."""
        if column not in self._dates:
            self._dates[column] = _dates(self.column(column))
        return self._dates[column]

    def numbers(self, column: str) -> Numbers:
        """A column of numbers."""
        if column not in self._numbers:
            self._numbers[column] = numbers_of(self.column(column))
        return self._numbers[column]

    def texts(self, column: str) -> Texts:
        """A column of texts."""
        if column not in self._texts:
            self._texts[column] = _texts(self.column(column))
        return self._texts[column]

    def flags(self, column: str) -> Flags:
        """A column of flags: true and false, their names, or 1 and 0."""
        if column not in self._flags:
            self._flags[column] = _flags(self.column(column))
        return self._flags[column]

    @cached_property
    def files(self) -> pa.Array:
        """The file of each row, null where it is not known."""
        return self.column(FILE).cast(pa.string()) if FILE in self else pa.nulls(self.n_rows, pa.string())

    @cached_property
    def ragged(self) -> Bools:
        """Lines of a CSV file with too few or too many values."""
        return to_bools(self.column(RAGGED).is_valid()) if RAGGED in self else np.zeros(self.n_rows, dtype=bool)

    def date_words(self, column: str) -> ColumnWords:
        """A column of dates as it is hashed."""
        dates = self.dates(column)
        words = whole_words(dates.days, dates.missing if dates.missing.any() else None)
        return _with_unreadable(words, self.column(column), dates.unreadable)

    def number_words(self, column: str) -> ColumnWords:
        """A column of numbers as it is hashed."""
        numbers = self.numbers(column)
        words = number_words(numbers.values, numbers.missing if numbers.missing.any() else None)
        return _with_unreadable(words, self.column(column), numbers.unreadable)

    def text_words(self, column: str) -> ColumnWords:
        """A column of texts as it is hashed: with the blanks around them, or what they hide would go unseen."""
        texts = self.texts(column)
        return text_words(texts.codes, texts.given)

    def flag_words(self, column: str) -> ColumnWords:
        """A column of flags as it is hashed."""
        flags = self.flags(column)
        words = whole_words(to_bools(flags.values.fill_null(False)), flags.missing if flags.missing.any() else None)
        return _with_unreadable(words, self.column(column), flags.unreadable)


def numbers_of(column: pa.Array) -> Numbers:
    """An Arrow column of numbers."""
    if not is_text(column.type):
        values = to_floats(number_of(column))
        return Numbers(values, np.isnan(values), np.zeros(len(values), dtype=bool))
    read = number_of(column)
    missing = _is_blank(column)
    return Numbers(to_floats(read), missing, to_bools(read.is_null()) & ~missing)


def is_text(kind: pa.DataType) -> bool:
    """Whether a column's values are text, plain or by dictionary."""
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def to_floats(values: pa.Array) -> Floats:
    """Doubles; NaN where null."""
    found: Floats = values.to_numpy(zero_copy_only=False)
    return found.astype(np.float64, copy=False)


def to_bools(values: pa.Array) -> Bools:
    """Booleans without nulls."""
    found: Bools = values.to_numpy(zero_copy_only=False)
    return found.astype(bool, copy=False)


def shown_as_text(values: pa.Array) -> pa.Array:
    """Values as `rejected_rows` shows them."""
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_nested(values.type) or pa.types.is_binary(values.type):
        return pa.array([None if value is None else str(value) for value in values.to_pylist()], pa.string())
    return values.cast(pa.string())


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _dates(column: pa.Array) -> Dates:
    values = date_of(column)
    none = to_bools(values.is_null())
    days = values.cast(pa.int32()).cast(pa.int64()).fill_null(NO_DAY).to_numpy()
    if not none.any():
        return Dates(days, values, none, none)
    missing = _is_blank(column)
    return Dates(days, values, missing, none & ~missing)


def _texts(column: pa.Array) -> Texts:
    text = text_of(column) if pa.types.is_dictionary(column.type) else column
    encoded = text.dictionary_encode()
    given = text_of(encoded.dictionary)
    codes = encoded.indices.cast(pa.int64()).fill_null(-1).to_numpy()
    names = pc.utf8_trim_whitespace(given)
    blank, trimmed = to_bools(pc.equal(names, "")), to_bools(pc.not_equal(names, given))
    missing = np.append(blank, True)[codes]
    padded = np.append(trimmed & ~blank, False)[codes]
    values = names.take(pa.array(codes, mask=missing)) if missing.any() or padded.any() else text_of(text)
    return Texts(codes, given, names, values, missing, padded)


def _flags(column: pa.Array) -> Flags:
    if pa.types.is_boolean(column.type):
        missing = to_bools(column.is_null())
        return Flags(column, missing, np.zeros(len(column), dtype=bool))
    if not is_text(column.type):
        numbers = numbers_of(column)
        wrong = ~numbers.missing & ~np.isin(numbers.values, (0.0, 1.0))
        return Flags(pa.array(numbers.values == 1.0, mask=numbers.missing | wrong), numbers.missing, wrong)
    missing = _is_blank(column)
    words = pc.utf8_lower(pc.utf8_trim_whitespace(text_of(column))).fill_null("")
    true, false = (to_bools(pc.is_in(words, pa.array(known))) for known in (_TRUE, _FALSE))
    return Flags(pa.array(true, mask=~(true | false)), missing, ~(true | false | missing))


def _is_blank(column: pa.Array) -> Bools:
    if not is_text(column.type):
        return to_bools(column.is_null())
    return to_bools(pc.equal(pc.utf8_trim_whitespace(text_of(column)), "").fill_null(True))


def _with_unreadable(words: ColumnWords, column: pa.Array, unreadable: Bools) -> ColumnWords:
    """What could not be read is hashed as the text that it is."""
    at = np.flatnonzero(unreadable)
    if len(at):
        words.words[at] = text_hashes(shown_as_text(column.take(pa.array(at))))
    return words
