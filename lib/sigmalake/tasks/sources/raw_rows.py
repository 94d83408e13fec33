"""Rows of a source as they were read, each column turned into dates, numbers, texts or flags once, whoever asks for it."""

from functools import cached_property
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sigmalake.numerics.types import Bools, Floats, Ints
from sigmalake.sources.csv_rows import RAGGED
from sigmalake.sources.dates import TimesOfDay, date_of
from sigmalake.sources.reading import FILE
from sigmalake.sources.types import Kind, kind_of
from sigmalake.sources.values import flag_of, number_of, text_of
from sigmalake.tables.checksums.hashing import text_hashes
from sigmalake.tasks.sources.row_hash import ColumnWords, number_words, text_words, whole_words

NO_DAY = np.iinfo(np.int64).min  # in the place of a date that is missing or unreadable


class Dates(NamedTuple):
    """A column of dates."""

    days: Ints  # since 1970; `NO_DAY` where there is none
    values: pa.Array  # date32, null where there is none
    missing: Bools  # null, or blank text
    unreadable: Bools  # neither missing nor a date
    times: TimesOfDay  # by which a source may be refused as a whole


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


def plain_schema(raw: pa.Schema) -> pa.Schema:
    """Of rows without dictionaries, which rows of a JVM have none of."""
    plain = [f.type.value_type if pa.types.is_dictionary(f.type) else f.type for f in raw]
    return pa.schema([pa.field(field.name, kind) for field, kind in zip(raw, plain, strict=True)])


def numbers_of(column: pa.Array) -> Numbers:
    """An Arrow column of numbers."""
    found = number_of(column)
    values = to_floats(found.values)
    if is_text(column.type):
        return Numbers(values, to_bools(found.missing), to_bools(found.not_a_number))
    return Numbers(values, np.isnan(values), np.zeros(len(values), dtype=bool))


def is_text(kind: pa.DataType) -> bool:
    """Whether a column's values are text, plain or by dictionary."""
    return kind_of(kind) is Kind.TEXT


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
    text = values.cast(pa.string())
    if pa.types.is_floating(values.type):  # 50.0 is a real, Arrow writes 50
        text = pc.if_else(pc.match_substring_regex(text, r"^-?\d+$"), pc.binary_join_element_wise(text, ".0", ""), text)
    return text


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _dates(column: pa.Array) -> Dates:
    found = date_of(column)
    days = found.dates.cast(pa.int32()).cast(pa.int64()).fill_null(NO_DAY).to_numpy()
    return Dates(days, found.dates, to_bools(found.missing), to_bools(found.unreadable), found.times)


def _texts(column: pa.Array) -> Texts:
    encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    codes = encoded.indices.cast(pa.int64()).fill_null(-1).to_numpy()
    names = text_of(encoded.dictionary)
    given = encoded.dictionary.cast(pa.string()) if is_text(column.type) else names
    blank, trimmed = to_bools(names.is_null()), to_bools(pc.not_equal(names, given).fill_null(False))
    missing = np.append(blank, True)[codes]
    padded = np.append(trimmed, False)[codes]
    return Texts(codes, given, names, names.take(encoded.indices), missing, padded)


def _flags(column: pa.Array) -> Flags:
    found = flag_of(column)
    return Flags(found.values, to_bools(found.missing), to_bools(found.not_a_flag))


def _with_unreadable(words: ColumnWords, column: pa.Array, unreadable: Bools) -> ColumnWords:
    """What could not be read is hashed as the text that it is."""
    at = np.flatnonzero(unreadable)
    if len(at):
        words.words[at] = text_hashes(shown_as_text(column.take(pa.array(at))))
    return words
