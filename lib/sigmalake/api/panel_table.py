"""A panel in memory, a row a date and asset, from any kind of frame to the Arrow table that the checks of source rows read."""

from datetime import date as Date  # the plain name is an argument
from datetime import datetime

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from sigmalake.errors import ConfigError, DataError


def panel_table(frame: object, *, date: str = "date", asset_id: str = "asset_id") -> pa.Table:
    """The rows of a frame, with dates as dates and ids and categories as text; every other value is as it is given.

    Text ids stay as they are, and whole numbers become their digits. A time with a zone counts for its local date there. Dates
    that are text are left to the checks of source rows, as those of a CSV file are.

    Args:
        frame: a pandas or polars DataFrame, an Arrow table, batch or reader, or anything with `__arrow_c_stream__`. In pandas
            the date and the id may be levels of the index, in either order.
        date: name of the column of dates, or of the level.
        asset_id: name of the column of ids, or of the level.

    Raises:
        ConfigError: it is no frame, or has no such column.
        DataError: two columns have one name, or a column holds what it cannot; names the column.
    """
    table = _from_pandas(frame, date) if isinstance(frame, pd.DataFrame) else _from_arrow(frame)
    _check_columns(table.column_names, date, asset_id)
    if table.num_rows == 0:
        raise DataError("the frame has no rows; give a row for each date and asset")
    table = pa.table({name: _plain(table.column(name)) for name in table.column_names})
    for name, convert in ((date, _dates), (asset_id, _ids)):
        position = table.column_names.index(name)
        table = table.set_column(position, name, convert(table.column(position), name))
    return table


def _check_columns(names: list[str], date: str, asset_id: str) -> None:
    if date == asset_id:
        raise ConfigError(f"date and asset_id are both the column {date!r}; each has a column of its own")
    _refuse_repeated(names)
    for name in (date, asset_id):
        if name not in names:
            raise ConfigError(f"the frame has no column or index level {name!r}; it has {', '.join(names)}")


def _refuse_repeated(names: list[str]) -> None:
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise DataError(f"the frame has {twice[0]!r} twice, as column or index level; keep one")


def _from_pandas(frame: pd.DataFrame, date: str) -> pa.Table:
    """The columns of a frame, and the levels of its index that have a name, as columns."""
    levels = [name for name in frame.index.names if name is not None]
    names = [*levels, *frame.columns]
    if strangers := [name for name in names if not isinstance(name, str)]:
        raise DataError(f"the frame has a column called {strangers[0]!r}, a {type(strangers[0]).__name__}; call columns by text")
    _refuse_repeated(names)
    of_index = frame.index.to_frame(index=False)
    given = [of_index.iloc[:, position] for position, name in enumerate(frame.index.names) if name is not None]
    given += [frame.iloc[:, position] for position in range(frame.shape[1])]
    arrays = [_array_of(column, name, is_date=name == date) for name, column in zip(names, given, strict=True)]
    return pa.Table.from_arrays(arrays, names=names)


def _array_of(column: pd.Series, name: str, *, is_date: bool) -> pa.Array:
    if isinstance(column.dtype, pd.PeriodDtype):
        raise DataError(f"column {name} holds periods; give dates, e.g. column.dt.end_time.dt.normalize()")
    if is_date and column.dtype == object and not all(isinstance(value, str) for value in column.dropna()):
        return pa.array(_python_dates(column, name), pa.date32())
    try:
        return pa.array(column, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        kinds = sorted({type(value).__name__ for value in column.dropna()})
        raise DataError(f"column {name} holds {' and '.join(kinds)}: {str(error).splitlines()[0]}; give one type") from None


def _python_dates(column: pd.Series, name: str) -> list[Date | None]:
    """Dates of a column of Python objects; one with a zone has its local date there."""
    missing = column.isna().to_numpy()
    values = column.tolist()
    if strangers := [value for value, none in zip(values, missing, strict=True) if not none and not isinstance(value, Date)]:
        raise DataError(f"column {name} holds {strangers[0]!r}, a {type(strangers[0]).__name__}, among dates; give dates")
    times = [value for value, none in zip(values, missing, strict=True) if not none and isinstance(value, datetime)]
    naive = [value for value in times if value.tzinfo is None and value.time() != datetime.min.time()]
    _refuse_times(len(naive), name, naive[0] if naive else None)
    return [
        None if none else value.date() if isinstance(value, datetime) else value
        for value, none in zip(values, missing, strict=True)
    ]


def _from_arrow(frame: object) -> pa.Table:
    if isinstance(frame, pa.Table):
        return frame
    if isinstance(frame, pa.RecordBatch):
        return pa.Table.from_batches([frame])
    if hasattr(frame, "__arrow_c_stream__"):
        return pa.table(frame)
    collect = "; collect it first" if callable(getattr(frame, "collect", None)) else ""
    raise ConfigError(
        f"a panel is a pandas, polars or Arrow frame; this is a {type(frame).__module__}.{type(frame).__name__}{collect}"
    )


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Turn categories into their values, and every kind of text into text."""
    if pa.types.is_dictionary(column.type):
        kind = pa.string() if _is_text(column.type.value_type) else column.type.value_type
        return pa.chunked_array([_decoded(chunk, kind) for chunk in column.chunks], kind)
    return column.cast(pa.string()) if _is_text(column.type) else column


def _decoded(chunk: pa.DictionaryArray, kind: pa.DataType) -> pa.Array:
    return pa.DictionaryArray.from_arrays(chunk.indices, chunk.dictionary.cast(kind)).dictionary_decode()


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _ids(column: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    if pa.types.is_string(column.type):
        return column
    if pa.types.is_integer(column.type) or pa.types.is_null(column.type):
        return column.cast(pa.string())
    raise DataError(f"column {name} holds {column.type}, not text or whole numbers; convert it")


def _dates(column: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    kind = column.type
    if pa.types.is_date(kind):
        return column.cast(pa.date32())
    if pa.types.is_string(kind):
        return column
    if not pa.types.is_timestamp(kind):
        raise DataError(f"column {name} holds {kind}, not dates; convert it, e.g. by pandas.to_datetime(column, format='%Y%m%d')")
    local = column if kind.tz is None else pc.local_timestamp(column)
    day = pc.floor_temporal(local, unit="day")
    if kind.tz is None:
        later = pc.fill_null(pc.not_equal(local, day), False)
        position = pc.index(later, True).as_py()
        _refuse_times(pc.sum(later).as_py() or 0, name, None if position < 0 else local[position].as_py())
    return day.cast(pa.date32())


def _refuse_times(count: int, name: str, first: object) -> None:
    if count:
        raise DataError(
            f"column {name} has {count} times other than midnight and no time zone, the first {first}: whose date is meant is not "
            "known; give dates, or times with their zone"
        )
