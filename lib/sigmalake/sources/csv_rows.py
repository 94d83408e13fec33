"""The rows of a CSV file by RFC 4180, as text; those with too few or too many values are kept with their lines."""

import csv
import io
import re
from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.csv

from sigmalake.errors import DataError, telling_line
from sigmalake.sources.csv_text import Utf8Text, csv_header

RAGGED = "_ragged_line"  # column of a CSV source: the line, where its values are too few or too many
BLOCK_BYTES = 16 << 20  # of text that are parsed at a time; a row is shorter
END = "\x1eend of file\x1e"  # a record behind the last, with a value too many; within quotes that no one closes it is none


def csv_batches(name: str, path: str, encoding: str | None, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Batches of those of the columns that the file has, as text, and of `_ragged_line`.

    The header may have them in any order. A quote is doubled within quotes, and a backslash is a character. A line of too few
    or too many values keeps those that it has, from the left; where it has line breaks in quotes, which are probably not meant,
    each of its lines is a row.

    Raises:
        DataError: the file is not in its encoding, damaged, or ends within quotes.
    """
    header = csv_header(name, path, encoding)
    columns = [column for column in columns if column in header]
    ragged: list[str] = []
    ending = "\n" + ",".join([END] * (len(header) + 1)) + "\n"
    with Utf8Text(name, path, encoding, ending.encode()) as text:
        try:
            yield from _parsed(text, header, columns, ragged)
        except (pa.ArrowException, UnicodeError) as error:
            raise text.failure or _not_parsed(name, path, error) from error
    if not ragged or not ragged[-1].startswith(END):
        raise _not_parsed(name, path, None)
    yield _ragged_batch(ragged[:-1], header, columns)


def _parsed(text: Utf8Text, header: Sequence[str], columns: Sequence[str], ragged: list[str]) -> Iterator[pa.RecordBatch]:
    included = list(columns) or header[:1]  # of none at all, Arrow reads every column
    reader = pa.csv.open_csv(
        pa.PythonFile(text, mode="r"),
        read_options=pa.csv.ReadOptions(block_size=BLOCK_BYTES),
        parse_options=pa.csv.ParseOptions(newlines_in_values=True, invalid_row_handler=lambda row: _keep(row, ragged)),
        convert_options=pa.csv.ConvertOptions(
            strings_can_be_null=False, include_columns=included, column_types=dict.fromkeys(included, pa.string())
        ),
    )
    for batch in reader:
        n_ragged = len(ragged) - 1  # the last may be the end; meanwhile Arrow parses on, and adds others behind
        if n_ragged > 0:
            yield _ragged_batch(ragged[:n_ragged], header, columns)
            del ragged[:n_ragged]
        if batch.num_rows:
            fine = pa.nulls(batch.num_rows, pa.string())
            yield pa.RecordBatch.from_arrays([*(batch.column(column) for column in columns), fine], names=[*columns, RAGGED])


def _keep(row: pa.csv.InvalidRow, ragged: list[str]) -> str:
    if row.text.strip():
        ragged.append(row.text)
    return "skip"


def _ragged_batch(rows: Sequence[str], header: Sequence[str], columns: Sequence[str]) -> pa.RecordBatch:
    """Rows with too few or too many values, and those that they have."""
    lines = [line for row in rows for line in re.split("[\r\n]+", row) if line.strip()]
    values = [_split(line) for line in lines]
    places = {column: header.index(column) for column in columns}
    arrays = [pa.array([row[at] if at < len(row) else None for row in values], pa.string()) for at in places.values()]
    return pa.RecordBatch.from_arrays([*arrays, pa.array(lines, pa.string())], names=[*places, RAGGED])


def _split(line: str) -> list[str]:
    """The values of a line; none of one with a value of more than 128 kB."""
    try:
        return next(csv.reader(io.StringIO(line, newline="")), [])
    except csv.Error:
        return []


def _not_parsed(name: str, path: str, error: Exception | None) -> DataError:
    if error is None or "straddling" in str(error):
        message = "has a quote that is never closed, so that the rows behind it cannot be told; a quote within quotes is doubled"
    else:
        message = f"cannot be read as CSV: {telling_line(error)}"
    return DataError(f"sources.{name}: {path} {message}")
