"""Rows of a .csv or .parquet file whose assets are named: the one place where ids are read from a file."""

import codecs
import csv
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from sigmalake.errors import ConfigError, DataError
from sigmalake.reader.names import hints

_BYTES_SEEN = 1 << 16


def read_rows_with_ids(path: Path, ids: Sequence[str] = ("asset_id",)) -> pa.Table:
    """Rows of a file in which ids are text without blanks around it.

    Every cell of a .csv file is text, so that NA, NULL or nan are names there, and its columns are called without blanks around
    their names, too. Of a .parquet file, ids are text or whole numbers, which become their digits.

    Args:
        path: ends in .csv or .parquet.
        ids: columns of ids; those that the file lacks are for the caller to miss.

    Raises:
        ConfigError: the file is not there, cannot be read, or has two columns of one name.
        DataError: an id is missing, empty, or neither text nor a whole number.
    """
    if path.suffix not in {".csv", ".parquet"}:
        raise ConfigError(f"{path}: the name of a file of holdings, assets or portfolios ends in .csv or .parquet")
    if path.is_dir():
        raise ConfigError(f"{path} is a folder; name a file in it")
    if not path.is_file():
        beside = [one.name for one in path.absolute().parent.glob(f"*{path.suffix}")]
        raise ConfigError(f"there is no file {path.absolute()}{hints([path.name], beside)}; give the path of one that is there")
    try:
        rows = _read_csv(path) if path.suffix == ".csv" else pq.read_table(path, partitioning=None)
    except (OSError, ValueError, csv.Error, pa.ArrowException) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from None
    for name in ids:
        if name in rows.column_names:
            column = rows.column_names.index(name)
            rows = rows.set_column(column, name, asset_ids_of(rows.column(column), f"{path}: {name}"))
    return rows


def asset_ids_of(column: pa.ChunkedArray, where: str) -> pa.ChunkedArray:
    """A column of ids as text, without the blanks around it; whole numbers are their digits.

    Args:
        column: as it was read.
        where: it stands, for a message.

    Raises:
        DataError: an id is missing, empty, or neither text nor a whole number.
    """
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    kind = column.type
    is_text = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    if column.null_count or not (is_text or pa.types.is_integer(kind)):
        row = pc.index(pc.is_null(column), True).as_py() if column.null_count else 0
        seen = repr(column[row].as_py()) if column.length() else f"of type {kind}"
        raise DataError(f"{where} of row {row + 1} is {seen}; give text or a whole number")
    ids = pc.utf8_trim_whitespace(column.cast(pa.string())) if is_text else column.cast(pa.string())
    empty = pc.index(ids, "").as_py()
    if empty >= 0:
        raise DataError(f"{where} of row {empty + 1} is empty")
    return ids


def utf8_text(path: Path) -> str:
    """The text of a file, without a byte order mark.

    Raises:
        ConfigError: it is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 text (byte {error.object[error.start]:#04x}); save it as UTF-8") from None


def _read_csv(path: Path) -> pa.Table:
    names = _header(path)
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigError(f"{path} has two columns {twice[0]!r}; keep one")
    return pa_csv.read_csv(
        path,
        read_options=pa_csv.ReadOptions(use_threads=False, column_names=names, skip_rows_after_names=1),
        parse_options=pa_csv.ParseOptions(newlines_in_values=True),
        convert_options=pa_csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False),
    )


def _header(path: Path) -> list[str]:
    """The names of the columns.

    Raises:
        ConfigError: the file is empty, or not UTF-8.
    """
    with path.open("rb") as opened:
        first = opened.read(_BYTES_SEEN)
    if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise ConfigError(f"{path} is UTF-16; save it as UTF-8")
    utf8_text(path)
    with path.open(encoding="utf-8-sig", newline="") as opened:
        names = next(csv.reader(opened), None)
    if not names:
        raise ConfigError(f"{path} cannot be read: it has no columns; its first line names them")
    if len(names) == 1 and (other := next((mark for mark in ";\t|" if mark in names[0]), None)):
        raise ConfigError(f"{path} separates its columns by {other!r}; save it with commas")
    return [name.strip() for name in names]
