"""Splits of a source's files, and their rows as record batches of raw columns in the unified types."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from sigmalake.errors import DataError, telling_line
from sigmalake.sources.columns import opened_parquet
from sigmalake.sources.csv_rows import RAGGED, csv_batches
from sigmalake.sources.files import SourceFile
from sigmalake.sources.schema import SourceSchema
from sigmalake.sources.types import conformed

FILE = "_source_file"  # column of every source: the file of the row
FILE_TYPE = pa.dictionary(pa.int32(), pa.string())
BATCH_ROWS = 1 << 17


class Split(NamedTuple):
    """What one task reads: a file, or some row groups of a Parquet file."""

    file: SourceFile
    row_groups: tuple[int, ...] | None = None  # None: all of the file


class DateFilter(NamedTuple):
    """Row groups without a row in [first, last] are passed over; a row that is read may still lie outside."""

    column: str
    first: date
    last: date


def splits(schema: SourceSchema, files: Sequence[SourceFile], target_bytes: int) -> list[Split]:
    """Files in parts of about `target_bytes`, between row groups; a CSV file is one.

    Raises:
        DataError: a file is damaged.
    """
    parts: list[Split] = []
    for file in files:
        if schema.read_as == "csv" or file.size <= target_bytes:
            parts.append(Split(file))
            continue
        with opened_parquet(schema.name, file.path) as parquet:
            parts += [Split(file, groups) for groups in _in_parts(parquet.metadata, target_bytes)]
    return parts


def _in_parts(footer: pq.FileMetaData, target_bytes: int) -> Iterator[tuple[int, ...]]:
    part: list[int] = []
    size = 0
    for group in range(footer.num_row_groups):
        row_group = footer.row_group(group)
        n_bytes = sum(row_group.column(at).total_compressed_size for at in range(row_group.num_columns))
        if part and size + n_bytes > target_bytes:
            yield tuple(part)
            part, size = [], 0
        part.append(group)
        size += n_bytes
    yield tuple(part)


def read_schema(schema: SourceSchema, columns: Sequence[str]) -> pa.Schema:
    """The schema of the batches that `read_split` gives."""
    fields = [pa.field(column, schema.type_of(column)) for column in columns]
    ragged = [pa.field(RAGGED, pa.string())] if schema.read_as == "csv" else []
    return pa.schema([*fields, pa.field(FILE, FILE_TYPE), *ragged])


def read_split(
    split: Split, schema: SourceSchema, columns: Sequence[str], *, dates: DateFilter | None = None
) -> Iterator[pa.RecordBatch]:
    """Every row of a split: the columns in their unified types, `_source_file` and, of CSV, `_ragged_line`.

    A column that the file lacks is null.

    Args:
        split: what is read.
        schema: of the source, on which `require` has been called for these columns.
        columns: that are wanted, each once.
        dates: what row groups of a Parquet file may be passed over, by their statistics alone.

    Raises:
        DataError: the file is damaged, not in its encoding, or holds a value that the unified type does not.
    """
    file = split.file
    given: Mapping[str, str | None] = dict(file.partition)
    wanted = read_schema(schema, columns)
    inside = [column for column in columns if column not in given]
    if schema.read_as == "csv":
        batches = csv_batches(schema.name, file.path, schema.encoding, inside)
    else:
        batches = _parquet(split, schema, inside, dates)
    for batch in batches:
        yield pa.RecordBatch.from_arrays([_values(batch, field, file, schema) for field in wanted], schema=wanted)


def _parquet(split: Split, schema: SourceSchema, inside: Sequence[str], dates: DateFilter | None) -> Iterator[pa.RecordBatch]:
    with opened_parquet(schema.name, split.file.path) as parquet:
        groups = range(parquet.num_row_groups) if split.row_groups is None else split.row_groups
        kept = [group for group in groups if dates is None or _may_hold(parquet.metadata.row_group(group), dates)]
        there = set(parquet.schema_arrow.names)
        names = [column for column in inside if column in there]
        yield from parquet.iter_batches(BATCH_ROWS, row_groups=kept, columns=names, use_threads=False)


def _values(batch: pa.RecordBatch, field: pa.Field, file: SourceFile, schema: SourceSchema) -> pa.Array:
    """A column of a batch: of the file, of its folders' names, or null."""
    if field.name == FILE:
        return pa.DictionaryArray.from_arrays(pa.repeat(pa.scalar(0, pa.int32()), batch.num_rows), pa.array([file.path]))
    partition = dict(file.partition)
    try:
        if field.name in partition:
            return pa.repeat(pa.scalar(partition[field.name], pa.string()).cast(field.type), batch.num_rows)
        at = batch.schema.get_all_field_indices(field.name)
        return conformed(batch.column(at[0]), field.type) if at else pa.nulls(batch.num_rows, field.type)
    except pa.ArrowException as error:
        raise DataError(
            f"sources.{schema.name}: column {field.name} of {file.path} cannot be read as {field.type}: {telling_line(error)}"
        ) from error


def _may_hold(row_group: pq.RowGroupMetaData, dates: DateFilter) -> bool:
    """Whether a row group may have a row in the range, or one without a date: that one is rejected, not passed over."""
    columns = (row_group.column(at) for at in range(row_group.num_columns))
    column = next((column for column in columns if column.path_in_schema == dates.column), None)
    statistics = None if column is None else column.statistics
    if statistics is None or not statistics.has_min_max or not statistics.has_null_count or statistics.null_count:
        return True
    first, last = _day(statistics.min), _day(statistics.max)
    if first is None or last is None:
        return True
    lowest, highest = (
        first.toordinal() - 1,
        last.toordinal() + 1,
    )  # which may lie beyond the years 1 to 9999
    return lowest <= dates.last.toordinal() and highest >= dates.first.toordinal()


def _day(value: object) -> date | None:
    """The date of a statistic, to a day, since a zone may move it; None of all else, as of text, which is in no order of dates."""
    if isinstance(value, datetime):
        return value.date()
    return value if isinstance(value, date) else None
