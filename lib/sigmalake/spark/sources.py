"""Sources as they come: files and tables become DataFrames, with errors that name the file and the column."""

from collections.abc import Iterable

from pyspark.errors import AnalysisException, PySparkException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from sigmalake.config import Location
from sigmalake.errors import ConfigError, DataError

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
        raise ConfigError(f"sources.{name}: {source.where} cannot be read as {source.read_as}: {_first_line(error)}") from None
    except PySparkException as error:
        raise DataError(f"sources.{name}: {source.where} cannot be read as {source.read_as}: {_first_line(error)}") from None


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
        wanted = " or ".join(kind.__name__.removesuffix("Type").lower() for kind in kinds)
        raise ConfigError(f"sources.{name}: column {column} of {source.where} is {found.simpleString()}, not {wanted}")


def number(frame: DataFrame, column: str) -> Column:
    """A column as a double; null where its text is not a number."""
    text = isinstance(frame.schema[column].dataType, T.StringType)
    return F.col(f"`{column}`").try_cast("double") if text else F.col(f"`{column}`").cast("double")


def day(frame: DataFrame, column: str) -> Column:
    """A column as a DATE; null where it is no date, or a timestamp within the day."""
    given = F.col(f"`{column}`")
    if isinstance(frame.schema[column].dataType, T.TimestampType | T.TimestampNTZType):
        return F.when(given == F.date_trunc("day", given), given.cast("date"))
    return given.try_cast("date") if isinstance(frame.schema[column].dataType, T.StringType) else given


DATE_TYPES: tuple[type[T.DataType], ...] = (T.DateType, T.StringType, T.TimestampType, T.TimestampNTZType)
ID_TYPES: tuple[type[T.DataType], ...] = (T.StringType, T.IntegralType)
FLAG_TYPES: tuple[type[T.DataType], ...] = (T.BooleanType, T.NumericType, T.StringType)


def _first_line(error: PySparkException) -> str:
    return str(error).splitlines()[0][:300]
