"""What is made of a source's rows, split by split: a survey, the columns to pack, rejected rows, usable rows of one side."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple, Protocol

import pyarrow as pa
from pyarrow import ipc

from sigmalake.tables.records import REJECTED_ROWS
from sigmalake.tasks.sources.check_source import TIMES, CheckSource, Survey
from sigmalake.tasks.sources.fingerprints import FileFingerprint, file_fingerprints
from sigmalake.tasks.sources.plausibility import joined_column_sums
from sigmalake.tasks.sources.raw_rows import plain_schema
from sigmalake.tasks.sources.rejected_rows import joined_problem_counts

SURVEYED = pa.schema([pa.field("kind", pa.string()), pa.field("side", pa.string()), pa.field("rows", pa.binary())])


class SourceTask(Protocol):
    """A function of raw rows of one source."""

    def schema(self, raw: pa.Schema) -> pa.Schema:
        """Of what is given back."""

    def __call__(self, raw: pa.Table, /) -> pa.Table:
        """What the rows of a split, or of some dates of a long source, become."""


@dataclass(frozen=True)
class SurveyRows:
    """The survey of a split, its tables as bytes, so that tables of several schemas travel alike."""

    check: CheckSource

    def schema(self, raw: pa.Schema) -> pa.Schema:
        """As `SourceTask`."""
        del raw
        return SURVEYED

    def __call__(self, raw: pa.Table) -> pa.Table:
        """As `SourceTask`."""
        return as_rows(self.check.survey(raw))


@dataclass(frozen=True)
class SurveyConverted:
    """The survey of a split in the base currency."""

    check: CheckSource

    def schema(self, raw: pa.Schema) -> pa.Schema:
        """As `SourceTask`."""
        del raw
        return SURVEYED

    def __call__(self, raw: pa.Table) -> pa.Table:
        """As `SourceTask`."""
        return as_rows(self.check.survey_converted(raw))


class AsRead:
    """A source's rows as they are, for sources that are small."""

    def schema(self, raw: pa.Schema) -> pa.Schema:
        """As `SourceTask`: without dictionaries, which rows of a JVM have none of."""
        return plain_schema(raw)

    def __call__(self, raw: pa.Table) -> pa.Table:
        """As `SourceTask`."""
        return raw.cast(self.schema(raw.schema))


@dataclass(frozen=True)
class ToPack:
    """The columns that packing takes."""

    check: CheckSource

    def schema(self, raw: pa.Schema) -> pa.Schema:
        """As `SourceTask`."""
        return self(raw.empty_table()).schema

    def __call__(self, raw: pa.Table) -> pa.Table:
        """As `SourceTask`."""
        return self.check.to_pack(raw)


@dataclass(frozen=True)
class RejectedRows:
    """The rows that are rejected for themselves."""

    check: CheckSource
    names: Mapping[str, str]  # of the sides in `rejected_rows`
    dates: Mapping[str, Collection[date | None]]  # of each side

    def schema(self, raw: pa.Schema) -> pa.Schema:
        """As `SourceTask`."""
        del raw
        return REJECTED_ROWS.arrow_schema()

    def __call__(self, raw: pa.Table) -> pa.Table:
        """As `SourceTask`."""
        return self.check.rejected(raw, self.names, self.dates)


@dataclass(frozen=True)
class UsableRows:
    """The usable rows of one side, with all that they carry."""

    check: CheckSource
    side: str

    def schema(self, raw: pa.Schema) -> pa.Schema:
        """As `SourceTask`."""
        return self(raw.empty_table()).schema

    def __call__(self, raw: pa.Table) -> pa.Table:
        """As `SourceTask`."""
        checked = self.check.checked(raw)[self.side]
        rows = checked.rows.filter(pa.array(checked.usable))
        file = rows.column_names.index("file")
        return rows.set_column(file, "file", rows.column("file").cast(pa.string()))


class Surveyed(NamedTuple):
    """The surveys of all splits, added up."""

    fingerprints: dict[str, list[FileFingerprint]]
    problems: dict[str, pa.Table]
    sums: dict[str, pa.Table]
    ids: dict[str, pa.Array]
    times: pa.Table


def as_rows(survey: Survey) -> pa.Table:
    """A survey as rows of `SURVEYED`."""
    found = [("times", "", survey.times)]
    for kind in ("fingerprints", "problems", "sums"):
        found += [(kind, side, table) for side, table in getattr(survey, kind).items()]
    found += [("ids", side, pa.table({"asset_id": ids})) for side, ids in survey.ids.items()]
    kinds, sides, tables = zip(*found, strict=True)
    return pa.table([pa.array(kinds), pa.array(sides), pa.array(map(_as_bytes, tables), pa.binary())], schema=SURVEYED)


def joined_surveys(rows: pa.Table, sides: Iterable[str]) -> Surveyed:
    """The surveys of all splits, from rows of `SURVEYED`."""
    found: dict[tuple[str, str], list[pa.Table]] = {}
    for row in rows.to_pylist():
        found.setdefault((row["kind"], row["side"]), []).append(_from_bytes(row["rows"]))
    named = list(sides)
    ids = {side: [table.column("asset_id") for table in found.get(("ids", side), [])] for side in named}
    return Surveyed(
        {side: file_fingerprints(found.get(("fingerprints", side), [])) for side in named},
        {side: joined_problem_counts(found.get(("problems", side), [])) for side in named},
        {side: joined_column_sums(found.get(("sums", side), [])) for side in named},
        {side: _unique(columns) for side, columns in ids.items()},
        pa.concat_tables([TIMES.empty_table(), *found.get(("times", ""), [])]),
    )


def _unique(columns: list[pa.ChunkedArray]) -> pa.Array:
    chunks = [chunk for column in columns for chunk in column.chunks]
    return pa.chunked_array(chunks, pa.string()).unique()


def _as_bytes(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return bytes(sink.getvalue().to_pybytes())


def _from_bytes(data: bytes) -> pa.Table:
    return ipc.open_stream(data).read_all()
