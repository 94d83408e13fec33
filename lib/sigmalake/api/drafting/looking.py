"""What a file holds: its columns with the values that they mean, whatever types they were written in."""

import re
from enum import StrEnum
from pathlib import Path
from typing import Literal, NamedTuple

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from sigmalake.config.sources import UNREADABLE, Location
from sigmalake.errors import ConfigError, DataError
from sigmalake.sources.dates import date_of
from sigmalake.sources.files import list_files
from sigmalake.sources.opened import OpenedSource
from sigmalake.sources.schema import find_schema
from sigmalake.sources.types import Kind, is_whole, kind_of
from sigmalake.sources.values import flag_of, number_of

MOST_ROWS = 2_000_000  # that are looked at
MOSTLY = 0.95  # of the values of a column of text, that they are taken for numbers or dates
DIGITS = pa.scalar(19000101), pa.scalar(21001231)  # whole numbers between these may be dates

_FORMATTED = re.compile(r"\s*[$€£¥]?\s*[+-]?\d{1,3}([, ']\d{3})*([.,]\d+)?\s*([%kKmMbB]|[mM]n|[bB]n)?\s*")
_OTHER_DATE = re.compile(r"\s*\d{1,2}[/.\-]\d{1,2}[/.\-]\d{2,4}\s*|\s*\d{1,2}[- ][A-Za-z]{3,9}[- ]\d{2,4}\s*")


class Holds(StrEnum):
    """What the values of a column mean."""

    DATES = "dates"
    NUMBERS = "numbers"
    TEXT = "text"
    FLAGS = "flags"
    MAPS = "maps"
    NOTHING = "nothing"
    UNUSABLE = "values that cannot be used"


class Column(NamedTuple):
    """A column of a file."""

    name: str
    holds: Holds
    whole: bool = False  # whole numbers, also as text: they may be ids
    written: str = ""  # how dates or numbers are written, where that is worth a word
    example: str = ""


class Looked(NamedTuple):
    """A file, folder or table, and what it holds."""

    path: str  # as it was given
    read_as: Literal["parquet", "csv", "delta"]
    columns: dict[str, Column]
    values: pd.DataFrame  # dates as timestamps, numbers as doubles, text as categories
    n_rows: int | None  # of all of it, where that is more than was looked at

    @property
    def name(self) -> str:
        """Of the file, without its folder."""
        return Path(self.path).name or self.path

    def of(self, *kinds: Holds) -> list[str]:
        """The columns that hold such values, in the order of the file."""
        return [name for name, column in self.columns.items() if column.holds in kinds]


def look(path: str) -> Looked:
    """Read a file, folder or Delta table, at most its first `MOST_ROWS` rows.

    Raises:
        ConfigError: there is no such file, or none that can be read.
        DataError: it has no rows, or is damaged.
    """
    place = _place(path)
    files = list_files("panel", place)
    schema = find_schema("panel", place, files)
    if schema.n_rows == 0:
        raise DataError(f"{path} has no rows")
    usable = [name for name, column in schema.columns.items() if column.type is not None and column.twice is None]
    opened = OpenedSource("panel", path, tuple(usable), "", False, schema, tuple(files))
    tables, n_read, whole = [], 0, True
    for split in opened.splits():
        if n_read >= MOST_ROWS:
            whole = False
            break
        tables.append(opened.read(split).select(usable))
        n_read += tables[-1].num_rows
    table = pa.concat_tables(tables).slice(0, MOST_ROWS) if tables else None
    if table is None or table.num_rows == 0:
        raise DataError(f"{path} has no rows")
    columns, values = {}, {}
    for name in usable:
        columns[name], found = _meant(name, table.column(name).combine_chunks())
        if found is not None:
            values[name] = found
    for name in schema.columns.keys() - set(usable):
        columns[name] = Column(name, Holds.UNUSABLE, written="it is there twice, or of different types in different files")
    return Looked(path, place.read_as, columns, pd.DataFrame(values), None if whole and n_read == table.num_rows else schema.n_rows)  # type: ignore[arg-type]  # one of three


def _place(path: str) -> Location:
    where = Path(path)
    if "://" not in path and not where.exists():
        Location(path=path, format="parquet").check_exists("panel")
    if where.is_dir():
        names = [file.name.lower() for file in where.rglob("*") if file.is_file()]
        kind = "delta" if (where / "_delta_log").is_dir() else "parquet"
        if kind == "parquet" and any(name.endswith((".csv", ".csv.gz")) for name in names):
            kind = "csv"
        return Location(path=path, format=kind)  # type: ignore[arg-type]  # one of three
    if where.suffix.lower() in UNREADABLE:
        raise ConfigError(f"{path} is neither Parquet, CSV nor Delta by its suffix; convert it to one of them")
    return Location(path=path)


def _meant(name: str, values: pa.Array) -> tuple[Column, pd.Series | None]:  # noqa: PLR0911 - one for each kind
    """A column by its values, and these in the type that they mean."""
    kind = kind_of(values.type)
    if values.null_count == len(values) or kind is Kind.NOTHING:
        return Column(name, Holds.NOTHING), None
    if kind is Kind.DATE:
        return Column(name, Holds.DATES), _as_dates(values)
    if kind is Kind.FLAG:
        return Column(name, Holds.FLAGS), flag_of(values).values.to_pandas()
    if kind is Kind.MAP:
        return Column(name, Holds.MAPS), None
    if kind is Kind.NUMBER:
        whole = is_whole(values.type)
        if whole and _may_be_dates(values) and (found := _as_dates(values)).notna().mean() >= MOSTLY:
            return Column(name, Holds.DATES, written=f"whole numbers such as {values.drop_null()[0]}"), found
        return Column(name, Holds.NUMBERS, whole), number_of(values).values.to_pandas()
    if kind is not Kind.TEXT:
        return Column(name, Holds.UNUSABLE, written=f"it holds {values.type}"), None
    return _of_text(name, values)


def _of_text(name: str, values: pa.Array) -> tuple[Column, pd.Series | None]:  # noqa: PLR0911 - one for each meaning
    encoded = values if pa.types.is_dictionary(values.type) else pc.dictionary_encode(values)
    texts = pc.utf8_trim_whitespace(encoded.dictionary.cast(pa.string()))
    texts = pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)
    there = texts.drop_null()
    if len(there) == 0:
        return Column(name, Holds.NOTHING), None
    example = there[0].as_py()
    if _share(date_of(texts).dates, there) >= MOSTLY:
        written = f"text such as {example}" if len(example) != len("2024-01-31") else ""
        return Column(name, Holds.DATES, written=written, example=example), _as_dates(values)
    numbers = number_of(texts)
    if _share(numbers.values, there) >= MOSTLY:
        whole = pc.all(pc.match_substring_regex(there, r"^\d+$")).as_py()
        plain = pc.take(numbers.values, encoded.indices)
        return Column(name, Holds.NUMBERS, whole, written=_missing_as(numbers.not_a_number, texts)), plain.to_pandas()
    if {text.lower() for text in there.to_pylist()[:10]} <= {"true", "false", "t", "f", "yes", "no", "y", "n"}:
        return Column(name, Holds.FLAGS), flag_of(values).values.to_pandas()
    plain = pa.DictionaryArray.from_arrays(encoded.indices, texts.fill_null(""))
    strange = there.to_pylist()[:200]
    if sum(bool(_FORMATTED.fullmatch(text)) for text in strange) >= MOSTLY * len(strange):
        return Column(name, Holds.UNUSABLE, written="numbers are written as text that is no number", example=example), None
    if sum(bool(_OTHER_DATE.fullmatch(text)) for text in strange) >= MOSTLY * len(strange):
        return Column(name, Holds.UNUSABLE, written="dates are not written as YYYY-MM-DD", example=example), None
    found = plain.to_pandas()
    found = found.cat.remove_categories([""]) if "" in found.cat.categories else found
    return Column(name, Holds.TEXT, example=example), found


def _missing_as(wrong: pa.Array, texts: pa.Array) -> str:
    """What else a column of numbers holds."""
    others = pc.unique(texts.filter(wrong)).drop_null().to_pylist()
    return f"not a number: {others[0]!r}" if others else ""


def _as_dates(values: pa.Array) -> pd.Series:
    dates: pd.Series = date_of(values).dates.cast(pa.timestamp("s")).to_pandas().astype("datetime64[s]")
    return dates


def _may_be_dates(values: pa.Array) -> bool:
    low, high = (values.type is not None and bound.cast(values.type, safe=False) for bound in DIGITS)
    if pa.types.is_integer(values.type) and values.type.bit_width < 32:
        return False
    inside = pc.and_(pc.greater_equal(values, low), pc.less_equal(values, high))
    return bool((pc.mean(inside).as_py() or 0) >= MOSTLY)


def _share(read: pa.Array, there: pa.Array) -> float:
    """Of the texts that are there, those that could be read."""
    return float((len(read) - read.null_count) / len(there))
