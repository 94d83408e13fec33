"""The columns that each file of a source has: from a Parquet file's footer, from a CSV file's header, from folders' names."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from sigmalake.errors import ConfigError, DataError, telling_line
from sigmalake.sources.csv_text import csv_header
from sigmalake.sources.files import SourceFile
from sigmalake.sources.opening import open_file

MAGIC = b"PAR1"


class FileColumns(NamedTuple):
    """The columns of a file: those in it, and those that its folders' names give."""

    columns: tuple[tuple[str, pa.DataType], ...]
    n_rows: int | None  # None: it has to be read


def file_columns(name: str, file: SourceFile, read_as: str, encoding: str | None) -> FileColumns:
    """The columns of a file, before any of its rows is read.

    Raises:
        ConfigError: the file is of the other format.
        DataError: it is empty, cut short or not in the encoding.
    """
    if file.size == 0:
        raise DataError(f"sources.{name}: {file.path} is empty (0 bytes); write it again")
    named = tuple((key, pa.string()) for key, _ in file.partition)
    if read_as == "csv":
        refuse_parquet(name, file)
        return FileColumns((*named, *((column, pa.string()) for column in csv_header(name, file.path, encoding))), None)
    with opened_parquet(name, file.path) as parquet:
        inside = tuple((field.name, field.type) for field in parquet.schema_arrow)
        return FileColumns((*named, *inside), parquet.metadata.num_rows)


@contextmanager
def opened_parquet(name: str, path: str) -> Iterator[pq.ParquetFile]:
    """A Parquet file, whose footer is read.

    Raises:
        DataError: it is no Parquet file, or it is damaged.
    """
    try:
        with open_file(path) as content, pq.ParquetFile(content, coerce_int96_timestamp_unit="us") as parquet:
            yield parquet
    except FileNotFoundError as error:
        raise DataError(f"sources.{name}: {path} has gone since its folder was listed; run again") from error
    except (pa.ArrowException, OSError) as error:
        if "magic bytes" in str(error) or "too small" in str(error) or "smaller than" in str(error):
            message = "is not a Parquet file, or was cut short; write it again, take it out of the folder, or say `format:`"
        else:
            message = f"is damaged ({telling_line(error)}); write it again"
        raise DataError(f"sources.{name}: {path} {message}") from error


def refuse_parquet(name: str, file: SourceFile) -> None:
    """A Parquet file is no CSV file, whatever its folder is said to hold.

    Raises:
        ConfigError: it is Parquet.
    """
    with open_file(file.path) as content:
        if content.read(len(MAGIC)) == MAGIC:
            raise ConfigError(f"sources.{name}: {file.path} is a Parquet file, not CSV; say `format: parquet`")
