"""Sources as they come: files and tables become DataFrames, with errors that name the file and the column."""

import difflib
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow.dataset as ds
from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from sigmalake.config.sources import Location
from sigmalake.errors import ConfigError, DataError, InfrastructureError, SigmalakeError, telling_line

FILE = "_source_file"  # column of a source in files: the file of the row, as Spark names it
RAGGED = "_ragged_line"  # column of a CSV source: the line, where its values are too few or too many
_DAY = r"^\s*\d{4}-\d{1,2}-\d{1,2}([T ]00:00(:00(\.0+)?)?(Z|\+00:00)?)?\s*$"  # Spark's own cast takes 2024, and drops the hour
NUMBER_TYPES: tuple[type[T.DataType], ...] = (T.NumericType, T.StringType)


def read_source(spark: SparkSession, name: str, source: Location) -> DataFrame:
    """The rows of a source. CSV is read as text, so that a bad number is a rejected row and not a failed job.

    Raises:
        ConfigError: there is no such file or table.
        DataError: the file is damaged, or of another format.
        InfrastructureError: this Spark does not know the place.
    """
    source.check_exists(name)
    try:
        if source.table is not None:
            return spark.table(source.table)
        if source.read_as == "csv":
            return _with_file(_read_csv(spark, source.path or ""))
        return _with_timestamps(_with_file(spark.read.format(source.read_as).load(source.path)), source)
    except (PySparkException, Py4JJavaError) as error:  # of a file's schema, Spark's errors come as they are thrown
        raise _unreadable(name, source, error) from None


def _read_csv(spark: SparkSession, path: str) -> DataFrame:
    """Text columns, and the whole line of a row with too few or too many values.

    Every value of a row is parsed, also of columns that are not used, or such a row would not be seen. Of one file the names
    are its own; those of a folder's files are compared.
    """
    named = spark.read.format("csv").option("header", True)
    columns = ", ".join(f"{quoted(column)} STRING" for column in [*named.load(path).columns, RAGGED])
    options = {"mode": "PERMISSIVE", "columnNameOfCorruptRecord": RAGGED, "columnPruning": "false"}
    return named.options(**options, enforceSchema=Path(path).is_file()).schema(columns).load(path)


def _with_file(frame: DataFrame) -> DataFrame:
    return frame.withColumn(FILE, F.col("_metadata.file_path"))


def _with_timestamps(frame: DataFrame, source: Location) -> DataFrame:
    """Timestamps of nanoseconds, as pandas writes them, are whole numbers to Spark; Arrow knows which columns they are."""
    path = Path(source.path or "")
    whole = [field.name for field in frame.schema.fields if isinstance(field.dataType, T.LongType)]
    if not whole or source.read_as != "parquet" or not path.exists():
        return frame
    schema = ds.dataset(path, format="parquet").schema
    nanoseconds = [column for column in whole if str(schema.field(column).type).startswith("timestamp[ns")]
    return frame.withColumns({column: F.timestamp_micros(F.expr(f"{quoted(column)} div 1000")) for column in nanoseconds})


@contextmanager
def explained_read(name: str, source: Location) -> Iterator[None]:
    """Turn the failure of a job that reads a source's rows into what its reader can act on.

    Raises:
        DataError: a file is damaged.
    """
    try:
        yield
    except (PySparkException, Py4JJavaError) as error:
        if re.search(r"FAILED_READ_FILE|CANNOT_READ_FILE|parquet|thrift|DELTA_", str(error)):
            raise _unreadable(name, source, error) from error
        raise


_NO_FILE_SYSTEM = r"FileSystem(Exception)?\b.*not found|UnsupportedFileSystem|No FileSystem for scheme"
_SAID_BY_SPARK: tuple[tuple[str, type[SigmalakeError], str], ...] = (  # what its text holds, who can mend it, what he reads
    (_NO_FILE_SYSTEM, InfrastructureError, "this Spark has no file system for such a path ({said}); add its JARs under `spark:`"),
    (r"length is too low: 0\)", DataError, "{file} is empty (0 bytes); write it again"),
    (r"is not a Parquet file", DataError, "{file} is not a Parquet file, or was cut short; write it again, or say `format:`"),
    (r"UNABLE_TO_INFER_SCHEMA", DataError, "it holds no {format} files; name the folder or file that does"),
    (r"COLUMN_ALREADY_EXISTS", DataError, "two of its columns differ in case only: {said}"),
    (r"TABLE_OR_VIEW_NOT_FOUND", ConfigError, "there is no such table; name one that `SHOW TABLES` lists"),
    (r"DELTA_TABLE_NOT_FOUND|PATH_NOT_FOUND", ConfigError, "there is no {format} table or file; look at `path:` and `format:`"),
    (r"CSV header does not conform", DataError, "its files name other columns, or in another order; write them alike"),
    (r"FAILED_READ_FILE|CANNOT_READ_FILE|thrift", DataError, "{file} is damaged ({said}); write it again"),
)


def _unreadable(name: str, source: Location, error: Exception) -> SigmalakeError:
    """What is wrong with a source that Spark cannot read."""
    text, said = str(error), telling_line(error)
    named = re.search(r"(?:reading file |: )(?:file:/+)(\S+?)\.? ", text.replace("\n", " "))
    file = f"/{named[1]}" if named else source.where
    for pattern, kind, told in _SAID_BY_SPARK:
        if re.search(pattern, text):
            return kind(f"sources.{name}: {source.where}: {told.format(said=said, file=file, format=source.read_as)}")
    return DataError(f"sources.{name}: {source.where} cannot be read as {source.read_as}: {said}")


def quoted(column: str) -> str:
    """A column's name as Spark takes it, whatever characters it has."""
    return "`" + column.replace("`", "``") + "`"


def require_columns(frame: DataFrame, columns: Iterable[str], name: str, source: Location) -> None:
    """Every column that the configuration names is there.

    Raises:
        ConfigError: lists what is missing beside what there is.
    """
    missing = [column for column in dict.fromkeys(columns) if column not in frame.columns]
    if missing:
        there = [column for column in frame.columns if column not in (RAGGED, FILE)]
        close = [f"{c} (is it {near[0]}?)" if (near := _similar(c, there)) else c for c in missing]
        shown = ", ".join(column if column.isprintable() else repr(column) for column in there)
        header = "the first line of a CSV file names its columns, between commas; " if source.read_as == "csv" else ""
        raise ConfigError(
            f"sources.{name}: {source.where} has no column {', '.join(close)}; it has {shown[:1000] or 'none'}; "
            f"{header}name the right one under sources.{name}.columns or factors"
        )


def require_type(frame: DataFrame, column: str, kinds: tuple[type[T.DataType], ...], name: str, source: Location) -> None:
    """A column is of one of these types.

    Raises:
        ConfigError: names the type found.
    """
    found = frame.schema[column].dataType
    if not isinstance(found, kinds):
        if frame.isEmpty():  # a file without rows often has no types either
            raise DataError(f"sources.{name}: {source.where} has no rows")
        wanted = " or ".join(dict.fromkeys(_PLAIN_NAMES[kind] for kind in kinds))
        raise ConfigError(
            f"sources.{name}: column {column} of {source.where} holds {found.simpleString()}, not {wanted}; "
            "convert it in the source, or name another column"
        )


def _similar(column: str, there: Iterable[str]) -> list[str]:
    plain = {name.strip().lower(): name for name in there}
    return [plain[name] for name in difflib.get_close_matches(column.lower(), plain, n=1)]


def number(frame: DataFrame, column: str) -> Column:
    """A column as a double; null where its text is not a number."""
    text = isinstance(frame.schema[column].dataType, T.StringType)
    return F.col(quoted(column)).try_cast("double") if text else F.col(quoted(column)).cast("double")


def day(frame: DataFrame, column: str) -> Column:
    """A column as a DATE; null where it is no date, or a timestamp within the day."""
    given = F.col(quoted(column))
    if isinstance(frame.schema[column].dataType, T.TimestampType | T.TimestampNTZType):
        return F.when(given == F.date_trunc("day", given), given.cast("date"))
    if isinstance(frame.schema[column].dataType, T.StringType):
        return F.when(given.rlike(_DAY), given.try_cast("date"))
    return given


DATE_TYPES: tuple[type[T.DataType], ...] = (T.DateType, T.StringType, T.TimestampType, T.TimestampNTZType)
ID_TYPES: tuple[type[T.DataType], ...] = (T.StringType, T.IntegralType)
FLAG_TYPES: tuple[type[T.DataType], ...] = (T.BooleanType, T.NumericType, T.StringType)

_PLAIN_NAMES: dict[type[T.DataType], str] = {
    T.DateType: "dates", T.TimestampType: "timestamps", T.TimestampNTZType: "timestamps", T.StringType: "text",
    T.NumericType: "numbers", T.IntegralType: "whole numbers", T.BooleanType: "true or false", T.MapType: "a map",
}  # fmt: skip
