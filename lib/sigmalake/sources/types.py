"""The type that a column has in all files of a source, and its values brought to that type."""

from collections.abc import Iterable
from enum import StrEnum

import pyarrow as pa
import pyarrow.compute as pc

MOMENT = pa.timestamp("us")  # years 1 to 9999, which nanoseconds do not reach
UTC_MOMENT = pa.timestamp("us", "UTC")
UTC_NAMES = frozenset({"UTC", "Etc/UTC", "GMT", "Etc/GMT", "Z", "Zulu", "Etc/Zulu", "UCT", "Universal", "+00:00", "-00:00"})


class Kind(StrEnum):
    """What sort of values a column holds; files of one kind are read together."""

    NOTHING = "nulls"
    FLAG = "flags"
    NUMBER = "numbers"
    DATE = "dates"
    TEXT = "text"
    MAP = "a map"
    OTHER = "other"


def kind_of(kind: pa.DataType) -> Kind:
    """The sort of values of an Arrow type."""
    t = pa.types
    if t.is_dictionary(kind):
        return kind_of(kind.value_type)
    tests = (
        (Kind.NOTHING, t.is_null(kind)),
        (Kind.FLAG, t.is_boolean(kind)),
        (Kind.NUMBER, t.is_integer(kind) or t.is_floating(kind) or t.is_decimal(kind)),
        (Kind.DATE, t.is_date(kind) or t.is_timestamp(kind)),
        (Kind.TEXT, t.is_string(kind) or t.is_large_string(kind) or t.is_string_view(kind)),
        (Kind.MAP, t.is_map(kind) and kind_of(kind.key_type) is Kind.TEXT and kind_of(kind.item_type) is Kind.NUMBER),
    )
    return next((one for one, holds in tests if holds), Kind.OTHER)


def is_whole(kind: pa.DataType) -> bool:
    """Whether a type holds whole numbers only: integers, and decimals without places, as databases export them."""
    return bool(pa.types.is_integer(kind) or (pa.types.is_decimal(kind) and kind.scale <= 0))


def unified(types: Iterable[pa.DataType]) -> pa.DataType | None:
    """The one type that columns of these types are read as; None: they cannot be reconciled.

    Whole numbers stay whole, and become doubles beside fractions. Dates and timestamps of any unit are one kind. A column of
    nulls alone takes the type of the others.
    """
    given = list(dict.fromkeys(types))
    kinds = {kind_of(one) for one in given} - {Kind.NOTHING}
    if len(kinds) > 1:
        return None
    held = [one.value_type if pa.types.is_dictionary(one) else one for one in given if kind_of(one) is not Kind.NOTHING]
    read_as = {
        Kind.NOTHING: pa.null,
        Kind.FLAG: pa.bool_,
        Kind.NUMBER: lambda: _number(held),
        Kind.DATE: lambda: _moment(held),
        Kind.TEXT: pa.string,
        Kind.MAP: lambda: pa.map_(pa.string(), pa.float64()),
        Kind.OTHER: lambda: held[0] if len(set(held)) == 1 else None,
    }
    return read_as[next(iter(kinds), Kind.NOTHING)]()


def _number(types: list[pa.DataType]) -> pa.DataType:
    if not all(map(is_whole, types)):
        return pa.float64()
    if all(map(pa.types.is_unsigned_integer, types)) and pa.uint64() in types:
        return pa.uint64()
    if pa.uint64() in types or any(map(pa.types.is_decimal, types)):
        return pa.decimal256(76, 0) if any(map(pa.types.is_decimal256, types)) else pa.decimal128(38, 0)
    return pa.int64()


def _moment(types: list[pa.DataType]) -> pa.DataType:
    """Without a zone if one has none; else UTC if one is, since its times may not be midnight; else one zone, or dates."""
    zones = {one.tz if pa.types.is_timestamp(one) else "date" for one in types}
    if None in zones:
        return MOMENT
    if zones & UTC_NAMES:
        return UTC_MOMENT
    if "date" in zones or len(zones) > 1:
        return pa.date32()
    return pa.timestamp("us", zones.pop())


def conformed(values: pa.Array, wanted: pa.DataType) -> pa.Array:
    """Values in the unified type, equal by value.

    Raises:
        ArrowInvalid: a timestamp is beyond the range of microseconds, or its zone is unknown.
    """
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if values.type == wanted:
        return values
    if kind_of(wanted) is Kind.DATE and kind_of(values.type) is Kind.DATE:
        return _moments(values, wanted)
    if pa.types.is_decimal(values.type) and pa.types.is_floating(wanted):
        values = values.cast(pa.string())  # Arrow's own cast is off by a bit for one number in seven; by its digits it is right
    return values.cast(wanted, safe=kind_of(wanted) is not Kind.NUMBER or is_whole(wanted))


def _moments(values: pa.Array, wanted: pa.DataType) -> pa.Array:
    """Dates and timestamps as the wanted type; those of a zone that is not kept are midnights of their local dates."""
    given = values.type
    if pa.types.is_date(given):
        return values.cast(pa.date32()) if pa.types.is_date(wanted) else values.cast(pa.date32()).cast(MOMENT).cast(wanted)
    values = _microseconds(values)
    zone = given.tz
    if pa.types.is_timestamp(wanted) and wanted.tz == zone:
        return values
    wall = values if zone is None else pc.local_timestamp(values)
    if pa.types.is_date(wanted):
        return local_dates(wall)
    if zone is not None and zone not in UTC_NAMES:
        wall = local_dates(wall).cast(MOMENT)
    return wall.cast(wanted)


def _microseconds(values: pa.Array) -> pa.Array:
    """Nanoseconds are floored, years that microseconds do not hold are an error."""
    zone = values.type.tz
    if values.type.unit == "ns":  # as instants: rounding knows no zone
        values = pc.floor_temporal(values.cast(pa.timestamp("ns")), unit="microsecond").cast(MOMENT)
    return values.cast(pa.timestamp("us", zone))


def local_dates(wall: pa.Array) -> pa.Array:
    """The dates of timestamps without a zone."""
    return pc.floor_temporal(wall, unit="day").cast(pa.date32())
