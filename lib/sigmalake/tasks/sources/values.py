"""Dates, numbers and texts from columns as files give them."""

import pyarrow as pa
import pyarrow.compute as pc

_DATE = r"^\s*\d{4}-\d{2}-\d{2}([T ]00:00(:00(\.0+)?)?(Z|\+00:00)?)?\s*$"
_NUMBER = r"^\s*[+-]?(((\d+\.?\d*|\.\d+)([eE][+-]?\d+)?)|inf|Infinity|nan|NaN)\s*$"


def date_of(column: pa.Array) -> pa.Array:
    """A column as dates; null where it is no date, or a timestamp within the day."""
    if pa.types.is_timestamp(column.type):
        day = column.cast(pa.timestamp("us"), safe=False).cast(pa.date32(), safe=False)
        return pc.if_else(pc.equal(day.cast(column.type), column), day, pa.scalar(None, pa.date32()))
    if pa.types.is_date(column.type):
        return column.cast(pa.date32())
    text = text_of(column)
    good = pc.if_else(pc.match_substring_regex(text, _DATE), pc.utf8_slice_codeunits(pc.utf8_trim_whitespace(text), 0, 10), None)
    day = pc.strptime(good, "%Y-%m-%d", "s", error_is_null=True)
    return pc.if_else(pc.equal(pc.strftime(day, "%Y-%m-%d"), good), day.cast(pa.date32()), pa.scalar(None, pa.date32()))


def number_of(column: pa.Array) -> pa.Array:
    """A column as doubles; null where its text is no number."""
    if not _is_text(column.type):
        return column.cast(pa.float64(), safe=False)
    text = text_of(column)
    good = pc.if_else(pc.match_substring_regex(text, _NUMBER), pc.utf8_trim_whitespace(text), None)
    return good.cast(pa.float64())


def text_of(column: pa.Array) -> pa.Array:
    """A column as text; whole numbers by their digits."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    return column.cast(pa.string())


def _is_text(kind: pa.DataType) -> bool:
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))
