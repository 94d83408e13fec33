"""Small sources, written as a test wants them and read back."""

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from sigmalake.config.sources import Location
from sigmalake.sources.files import list_files
from sigmalake.sources.reading import read_split, splits
from sigmalake.sources.schema import SourceSchema, Use, find_schema

DAYS = [dt.date(2023, 3, 24), dt.date(2023, 3, 27), dt.date(2023, 10, 30)]  # on both sides of London's clocks


class Encoded(Location):
    """A place whose files have an encoding of their own."""

    encoding: str | None = None


def place(path: Path, form: str | None = None, encoding: str | None = None) -> Location:
    return Encoded(path=str(path), format=form, encoding=encoding)


def put_parquet(path: Path, **columns: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path)
    return path


def put(path: Path, content: bytes | str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def schema_of(where: Location, uses: Mapping[str, Use] | None = None) -> SourceSchema:
    schema = find_schema("panel", where, list_files("panel", where))
    schema.require(uses or {})
    return schema


def read(where: Location, columns: Sequence[str], target_bytes: int = 1 << 27) -> pa.Table:
    files = list_files("panel", where)
    schema = find_schema("panel", where, files)
    batches = [batch for split in splits(schema, files, target_bytes) for batch in read_split(split, schema, columns)]
    return pa.Table.from_batches(batches)
