"""Numbers, names and flags from the columns of a source, by one strict rule for each."""

from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from sigmalake.errors import DataError
from sigmalake.sources.types import Kind, conformed, is_whole, kind_of

NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
NOT_FINITE = r"^[+-]?(?i:nan|inf|infinity)$"
TRUE = ("true", "t", "yes", "y", "1")
FALSE = ("false", "f", "no", "n", "0")


class Numbers(NamedTuple):
    """The numbers of a column."""

    values: pa.DoubleArray  # null where there is none
    missing: pa.BooleanArray  # null, or blank
    not_a_number: pa.BooleanArray  # text that is none; `nan` and `inf` are numbers that are not finite


class Flags(NamedTuple):
    """The flags of a column."""

    values: pa.BooleanArray  # null where there is none
    missing: pa.BooleanArray  # null, or blank
    not_a_flag: pa.BooleanArray


def number_of(values: pa.Array | pa.ChunkedArray) -> Numbers:
    """The numbers of a column of numbers or of text.

    Text is a number if it is a sign, digits with a decimal point, and an exponent, of which sign, point and exponent may be
    absent; blanks around it are no part of it. Units, suffixes, hexadecimal digits and separators of thousands are not taken.

    Raises:
        DataError: the column is of another type.
    """
    values = _plain(values)
    kind = kind_of(values.type)
    if kind is Kind.TEXT:
        return _numbers_of_text(values)
    if kind not in {Kind.NUMBER, Kind.NOTHING}:
        raise DataError(f"a column of {values.type} holds no numbers")
    return Numbers(conformed(values, pa.float64()), pc.is_null(values), pc.and_(pc.is_null(values), pc.is_valid(values)))


def _numbers_of_text(values: pa.Array) -> Numbers:
    text = _unblanked(values)
    missing = pc.is_null(text)
    try:
        result = pc.cast(text, pa.float64())
        if not pc.any(pc.is_nan(result)).as_py():  # Arrow also takes nan(1) for a number
            return Numbers(result, missing, pc.invert(pc.is_valid(missing)))
    except pa.ArrowInvalid:
        pass
    is_number = pc.or_(pc.match_substring_regex(text, NUMBER), pc.match_substring_regex(text, NOT_FINITE))
    result = pc.cast(pc.if_else(is_number, text, None), pa.float64())
    return Numbers(result, missing, pc.fill_null(pc.invert(is_number), fill_value=False))


def text_of(values: pa.Array | pa.ChunkedArray) -> pa.StringArray:
    """The names in a column of text or whole numbers: ids, categories, currencies; null where a cell is null or blank.

    Blanks around a name are no part of it. `NA`, `NULL` and `nan` are names. A whole number is its digits.

    Raises:
        DataError: the column is of another type.
    """
    values = _one(values)
    if kind_of(values.type) is Kind.TEXT:
        encoded = values if pa.types.is_dictionary(values.type) else pc.dictionary_encode(values)
        return pc.take(_unblanked(encoded.dictionary.cast(pa.string())), encoded.indices)
    if kind_of(values.type) is Kind.NOTHING:
        return pa.nulls(len(values), pa.string())
    if not is_whole(values.type):
        raise DataError(f"a column of {values.type} holds no names; text and whole numbers are")
    if pa.types.is_decimal(values.type):  # 10^3 of a negative scale would be written with an exponent
        values = values.cast(pa.decimal256(76, 0))
    return values.cast(pa.string())


def flag_of(values: pa.Array | pa.ChunkedArray) -> Flags:
    """The flags of a column of true and false, of their names in any case, or of 1 and 0.

    Raises:
        DataError: the column is of another type.
    """
    values = _plain(values)
    kind = kind_of(values.type)
    missing = pc.is_null(values)
    if kind is Kind.TEXT:
        text = pc.utf8_lower(_unblanked(values))
        missing = pc.is_null(text)
        true, false = pc.is_in(text, pa.array(TRUE)), pc.is_in(text, pa.array(FALSE))
    elif kind is Kind.NUMBER:
        number = conformed(values, pa.float64())
        true, false = pc.equal(number, 1.0), pc.equal(number, 0.0)
    elif kind in {Kind.FLAG, Kind.NOTHING}:
        true = values.cast(pa.bool_())
        false = pc.invert(true)
    else:
        raise DataError(f"a column of {values.type} holds no flags")
    result = pc.if_else(pc.or_(true, false), true, pa.scalar(None, pa.bool_()))
    return Flags(result, missing, pc.and_(pc.is_null(result), pc.invert(missing)))


def _unblanked(text: pa.Array) -> pa.Array:
    """Text without blanks around it, of any kind that Unicode knows; null where nothing else is there."""
    stripped = pc.utf8_trim_whitespace(text)
    return pc.if_else(pc.equal(pc.binary_length(stripped), 0), pa.scalar(None, stripped.type), stripped)


def _one(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    return values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values


def _plain(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    values = _one(values)
    return values.dictionary_decode() if pa.types.is_dictionary(values.type) else values
