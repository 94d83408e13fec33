"""Dates from dates, timestamps, text and whole numbers such as 20240131, by one rule.

A DATE is itself. A time with a zone or an offset is of its local date there. A time without one says its date only at midnight:
23:00 may be a midnight elsewhere, so that a source with such rows is refused as a whole.
"""

import re
from datetime import date, time
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sigmalake.errors import DataError
from sigmalake.sources.types import MOMENT, UTC_NAMES, Kind, conformed, is_whole, kind_of, local_dates
from sigmalake.sources.values import text_of

_TEXT = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})"
    r"(?:[T ](\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d+))?)?\s*(Z|UTC|[+-]\d{2}(?::?\d{2})?)?)?",
    re.ASCII,
)
_DIGITS = re.compile(r"(\d{4})(\d{2})(\d{2})", re.ASCII)  # 20240131
_UTC_OFFSETS = {"Z", "UTC", "+00", "+0000", "+00:00", "-00", "-0000", "-00:00"}
_FIRST, _LAST = pa.scalar(date.min), pa.scalar(date.max)


class TimesOfDay(NamedTuple):
    """How many rows have which times of day; those of several batches add up."""

    unzoned_within: int = 0  # without a zone, and not at midnight
    utc_midnight: int = 0
    utc_within: int = 0
    unzoned_example: str | None = None
    utc_example: str | None = None

    def plus(self, other: "TimesOfDay") -> "TimesOfDay":
        """The counts of both, and the first example."""
        return TimesOfDay(
            self.unzoned_within + other.unzoned_within,
            self.utc_midnight + other.utc_midnight,
            self.utc_within + other.utc_within,
            self.unzoned_example or other.unzoned_example,
            self.utc_example or other.utc_example,
        )

    def refuse(self, name: str, where: str, column: str) -> None:
        """Refuse a source whose times do not say their dates.

        In UTC, midnights beside other times are most likely the midnights of a place that changes its clocks: at 23:00 in summer,
        on the day before.

        Raises:
            DataError: rows have times within the day and no zone, or some times in UTC are midnight and others are not.
        """
        source = f"sources.{name}: column {column} of {where}: "
        if self.unzoned_within:
            raise DataError(
                f"{source}{self.unzoned_within:,} rows have a time within the day and no zone, e.g. {self.unzoned_example}, which "
                "does not say whose day; write dates, or timestamps with their zone"
            )
        if self.utc_within and self.utc_midnight:
            raise DataError(
                f"{source}{self.utc_within:,} rows have a time within the day of UTC, e.g. {self.utc_example}, beside "
                f"{self.utc_midnight:,} at midnight: midnights of a place, it seems, whose clocks change; write dates, or its zone"
            )


class Dates(NamedTuple):
    """The dates of a column."""

    dates: pa.Array  # date32, null where there is none
    missing: pa.BooleanArray  # null, or blank
    unreadable: pa.BooleanArray  # there is something that is no date, or a time within the day without a zone
    times: TimesOfDay


def date_of(values: pa.Array | pa.ChunkedArray) -> Dates:
    """The dates of a column of dates, of timestamps, or of text such as 2024-01-31, 20240131 or 2024-01-31T00:00:00+01:00.

    Whole numbers are read by their digits, year, month and day: 20240131.

    Raises:
        DataError: the column is of another type.
    """
    values = _one(values)
    match kind_of(values.type):
        case Kind.NOTHING:
            return _dates(pa.nulls(len(values), pa.date32()), pc.is_null(values), TimesOfDay())
        case Kind.TEXT:
            return _of_text(values)
        case Kind.NUMBER if is_whole(values.type):
            encoded = pc.dictionary_encode(values)
            return _of_text(pa.DictionaryArray.from_arrays(encoded.indices, text_of(encoded.dictionary)))
        case Kind.DATE if pa.types.is_date(values.type):
            return _dates(conformed(values, pa.date32()), pc.is_null(values), TimesOfDay())
        case Kind.DATE:
            return _of_timestamps(conformed(values, pa.timestamp("us", values.type.tz)))
    raise DataError(f"a column of {values.type} holds no dates")


def _dates(days: pa.Array, missing: pa.Array, times: TimesOfDay) -> Dates:
    """Dates of the years 1 to 9999: what lies beyond, no calendar holds."""
    held = pc.if_else(pc.and_(pc.greater_equal(days, _FIRST), pc.less_equal(days, _LAST)), days, None)
    return Dates(held, missing, pc.and_(pc.is_null(held), pc.invert(missing)), times)


def _of_timestamps(values: pa.Array) -> Dates:
    zone = values.type.tz
    wall = values if zone is None else pc.local_timestamp(values)
    days = local_dates(wall)
    within = pc.fill_null(pc.not_equal(days.cast(MOMENT), wall), fill_value=False)
    n_within = pc.sum(within).as_py() or 0
    example = str(pc.filter(values, within)[0].as_py()) if n_within else None
    if zone is None:
        days = pc.if_else(within, pa.scalar(None, pa.date32()), days)
        return _dates(days, pc.is_null(values), TimesOfDay(unzoned_within=n_within, unzoned_example=example))
    n_midnight = len(values) - values.null_count - n_within
    times = TimesOfDay(utc_midnight=n_midnight, utc_within=n_within, utc_example=example) if zone in UTC_NAMES else TimesOfDay()
    return _dates(days, pc.is_null(values), times)


class _Read(NamedTuple):
    """What one text says."""

    day: date | None = None
    blank: bool = False
    unzoned_within: bool = False
    utc_midnight: bool = False
    utc_within: bool = False


def _of_text(values: pa.Array) -> Dates:
    """Every text that occurs is read once."""
    encoded = values if pa.types.is_dictionary(values.type) else pc.dictionary_encode(values)
    texts = encoded.dictionary.to_pylist()
    read = [_read(text) for text in texts]
    n_rows = np.bincount(encoded.indices.drop_null().to_numpy(), minlength=len(texts))
    missing = pc.or_(pc.is_null(values), pc.fill_null(_spread([r.blank for r in read], pa.bool_(), encoded), fill_value=False))
    return _dates(_spread([r.day for r in read], pa.date32(), encoded), missing, _times(texts, read, n_rows))


def _spread(of_texts: list[object], kind: pa.DataType, encoded: pa.DictionaryArray) -> pa.Array:
    return pc.take(pa.array(of_texts, kind), encoded.indices)


def _times(texts: list[str], read: list[_Read], n_rows: np.ndarray) -> TimesOfDay:
    def rows(flag: str) -> int:
        return int(sum(n for one, n in zip(read, n_rows, strict=True) if getattr(one, flag)))

    def example(flag: str) -> str | None:
        return next((text.strip() for text, one in zip(texts, read, strict=True) if getattr(one, flag)), None)

    return TimesOfDay(
        rows("unzoned_within"), rows("utc_midnight"), rows("utc_within"), example("unzoned_within"), example("utc_within")
    )


def _read(text: str | None) -> _Read:
    """The date that a text says: the one written in it, which is local to its offset."""
    stripped = (text or "").strip()
    if (digits := _DIGITS.fullmatch(stripped)) is not None:
        stripped = "-".join(digits.groups())
    if (match := _TEXT.fullmatch(stripped)) is None:
        return _Read(blank=not stripped)
    year, month, day, hour, minute, second, fraction, offset = match.groups()
    try:
        written = date(int(year), int(month), int(day))
        clock = time(int(hour or 0), int(minute or 0), int(second or 0))
    except ValueError:
        return _Read()
    within = clock != time() or bool((fraction or "").strip("0"))
    if hour is None or offset is None:
        return _Read(None if within else written, unzoned_within=within)
    utc = offset in _UTC_OFFSETS
    return _Read(written, utc_midnight=utc and not within, utc_within=utc and within)


def _one(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    return values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
