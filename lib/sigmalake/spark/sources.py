"""Sources as they come: files and tables become DataFrames, with errors that name the file and the column."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from py4j.protocol import Py4JJavaError
from pyspark.errors import AnalysisException, PySparkException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from sigmalake.config import Location
from sigmalake.errors import ConfigError, DataError, telling_line

NUMBER_TYPES: tuple[type[T.DataType], ...] = (T.NumericType, T.StringType)


def read_source(spark: SparkSession, name: str, source: Location) -> DataFrame:
    """The rows of a source. CSV is read as text, so that a bad number is a rejected row and not a failed job.

    Raises:
        ConfigError: the source does not exist, or is not of its format.
    """
    source.check_exists(name)
    try:
        if source.table is not None:
            return spark.table(source.table)
        reader = spark.read.format(source.read_as)
        if source.read_as == "csv":
            reader = reader.option("header", True).option("mode", "PERMISSIVE").option("enforceSchema", False)
        return reader.load(source.path)
    except AnalysisException as error:
        raise ConfigError(f"sources.{name}: {source.where} cannot be read as {source.read_as}: {telling_line(error)}") from None
    except (PySparkException, Py4JJavaError) as error:  # of a file's schema, Spark's errors come as they are thrown
        raise _unreadable(name, source, error) from None


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


def _unreadable(name: str, source: Location, error: Exception) -> DataError:
    path = Path(source.path or "")
    if path.is_file() and path.stat().st_size == 0:
        return DataError(f"sources.{name}: {path} is empty (0 bytes); write it again")
    said = telling_line(error)
    advice = "it is damaged or of another format: write it again, or say `format:`"
    return DataError(f"sources.{name}: {source.where} cannot be read as {source.read_as}: {said}; {advice}")


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
        raise ConfigError(
            f"sources.{name}: {source.where} has no column {', '.join(missing)}; it has {', '.join(frame.columns) or 'none'}. "
            f"Name the right one under sources.{name}.columns or factors"
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


def number(frame: DataFrame, column: str) -> Column:
    """A column as a double; null where its text is not a number."""
    text = isinstance(frame.schema[column].dataType, T.StringType)
    return F.col(quoted(column)).try_cast("double") if text else F.col(quoted(column)).cast("double")


def day(frame: DataFrame, column: str) -> Column:
    """A column as a DATE; null where it is no date, or a timestamp within the day."""
    given = F.col(quoted(column))
    if isinstance(frame.schema[column].dataType, T.TimestampType | T.TimestampNTZType):
        return F.when(given == F.date_trunc("day", given), given.cast("date"))
    return given.try_cast("date") if isinstance(frame.schema[column].dataType, T.StringType) else given


DATE_TYPES: tuple[type[T.DataType], ...] = (T.DateType, T.StringType, T.TimestampType, T.TimestampNTZType)
ID_TYPES: tuple[type[T.DataType], ...] = (T.StringType, T.IntegralType)
FLAG_TYPES: tuple[type[T.DataType], ...] = (T.BooleanType, T.NumericType, T.StringType)

_PLAIN_NAMES: dict[type[T.DataType], str] = {
    T.DateType: "dates", T.TimestampType: "timestamps", T.TimestampNTZType: "timestamps", T.StringType: "text",
    T.NumericType: "numbers", T.IntegralType: "whole numbers", T.BooleanType: "true or false", T.MapType: "a map",
}  # fmt: skip
