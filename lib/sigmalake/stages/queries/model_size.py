"""How large a model is, told before its rows are read: from the panel of the lake, else from a look into some files."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from sigmalake import __version__
from sigmalake.config.model import Config
from sigmalake.config.sources import Location
from sigmalake.errors import SigmalakeError
from sigmalake.lake.books import last_source_versions, recorded_runs
from sigmalake.lake.lake import Lake
from sigmalake.numerics.types import Ints
from sigmalake.sources.columns import file_columns, opened_parquet
from sigmalake.sources.dates import date_of
from sigmalake.sources.files import SourceFile, list_files
from sigmalake.sources.opened import SPLIT_BYTES
from sigmalake.sources.reading import Split, read_split
from sigmalake.sources.schema import find_schema
from sigmalake.stages import versions
from sigmalake.stages.context import factor_sets
from sigmalake.stages.planning import rules_hash
from sigmalake.tables.books import PORTFOLIO_BOOKS
from sigmalake.tables.packed import PANEL
from sigmalake.tables.records import SOURCE_PRINTS
from sigmalake.tasks.sources.needed_columns import needed_columns

LARGE = ("panel", "exposures", "returns", "caps", "prices", "fundamentals", "segments", "revenues")  # of more than a row a date
DATED = ("panel", "exposures", "prices")  # of them, those that have a row for each asset of a date
LOOKED_INTO = 8  # files of a source beside the largest
LEARNED_LEVELS = 60  # of a group whose levels are not known before its rows are read: about as many as industries of GICS
TEXT_VALUE_BYTES = 16  # of a number in a CSV file, its comma included
HOLDINGS = 100  # of a book, before any is packed
GZIP = 3  # text in a byte of a .csv.gz file


class SourceSize(NamedTuple):
    """The rows of a source that a run has to read, as far as its files tell of them."""

    name: str
    n_bytes: int  # of the files
    text_bytes: int  # of the largest CSV file, which one task reads whole; 0: Parquet
    rows: int
    columns: int  # that are read
    split_rows: int  # rows that one task reads, of Parquet


class ModelSize(NamedTuple):
    """The widths that memory, disk and time follow from."""

    n_assets: int  # of a wide date
    n_dates: int
    n_fresh: int  # of the dates, those that a run computes: of new files, or all where it may be that settings have changed
    n_factors: int
    is_first: bool  # no date is in the lake
    sources: tuple[SourceSize, ...]  # those with new files
    books: "BooksSize | None" = None  # None: there are none, or their files cannot be opened


class BooksSize(NamedTuple):
    """The portfolios whose risk the stage `portfolios` computes."""

    source: SourceSize  # all files: the stage reads them whole where one is new
    n_books: int  # of a date


def model_size(config: Config, lake: Lake) -> ModelSize | None:
    """The size of a model; None where it cannot be told: no file can be opened, which the stage that reads it will explain."""
    try:
        size = _of_lake_or_sources(config, lake)
        return None if size is None else size._replace(books=_books_size(config, lake))
    except (SigmalakeError, OSError):
        return None


def _books_size(config: Config, lake: Lake) -> BooksSize | None:
    place = config.sources.books
    if place is None or place.path is None:
        return None
    files = list_files("books", place)
    source = _source_size(config, "books", place, files)
    stored = lake.columns(PORTFOLIO_BOOKS, ["date"]).column("date")
    if len(stored):
        return BooksSize(source, max(stored.value_counts().field("counts").to_pylist()))
    return BooksSize(source, -(-_rows_a_date("books", place, files, source.rows) // HOLDINGS))


def _of_lake_or_sources(config: Config, lake: Lake) -> ModelSize | None:
    known = _known_files(config, lake)
    places = {name: place for name, place in config.sources.locations().items() if name in LARGE and place.path is not None}
    files = {name: list_files(name, place) for name, place in places.items()}
    fresh = {name: [file for file in listed if (file.path, file.state) not in known] for name, listed in files.items()}
    sources = {name: _source_size(config, name, places[name], some) for name, some in fresh.items() if some}
    if stored := lake.columns(PANEL, ["n_assets"]).column("n_assets").to_pylist():
        if not (sets := factor_sets(lake)):
            return None
        n_factors = max(len(factors) for factors in sets.values())
        n_assets, n_dates = max(1, *stored), len(stored)
        of_files = -(-max((source.rows for source in sources.values()), default=0) // n_assets)
        n_fresh = min(n_dates, of_files) if _is_settled(config, lake) else n_dates
        return ModelSize(n_assets, n_dates, n_fresh, n_factors, False, tuple(sources.values()))
    widths = {}
    for name in sources.keys() & set(DATED):
        rows = _rows_a_date(name, places[name], files[name], sources[name].rows)
        rows_an_asset = len(config.style_columns) if name == "exposures" and config.sources.exposure_columns.factor else 1
        widths[name] = (max(1, rows // max(1, rows_an_asset)), max(1, sources[name].rows // max(1, rows)))
    if not widths:
        return None
    n_assets, n_dates = max(widths.values())
    n_factors = len(config.listed_factors) + LEARNED_LEVELS * sum(group.listed is None for group in config.memberships)
    return ModelSize(n_assets, n_dates, n_dates, n_factors, True, tuple(sources.values()))


def _is_settled(config: Config, lake: Lake) -> bool:
    """Whether the last run went to its end with this configuration and this version."""
    runs = recorded_runs(lake)
    last = runs[-1] if runs else None
    if last is None or last["status"] != "done" or last["stage"] not in {"release", "evaluate"}:
        return False
    return bool(last["config_hash"] == config.full_hash() and last["code_version"] == __version__)


def _known_files(config: Config, lake: Lake) -> set[tuple[str, str]]:
    """Path and state of the files that an earlier run has read by the same rules."""
    of_config = last_source_versions(lake, "ingest").get("configuration")
    if of_config != rules_hash(config.ingest_hash(), versions.INGEST):
        return set()
    rows = lake.columns(SOURCE_PRINTS, ["file", "state"])
    return set(zip(rows.column("file").to_pylist(), rows.column("state").to_pylist(), strict=True))


def _source_size(config: Config, name: str, place: Location, files: Sequence[SourceFile]) -> SourceSize:
    n_bytes, largest = sum(file.size for file in files), max(files, key=lambda file: file.size)
    columns = len(needed_columns(config, name))
    if place.read_as == "csv":
        n_columns = len(file_columns(name, largest, "csv", place.encoding).columns)
        zipped = GZIP if largest.path.endswith(".gz") else 1
        rows = n_bytes * zipped // (TEXT_VALUE_BYTES * n_columns)
        return SourceSize(name, n_bytes, largest.size * zipped, rows, columns, 0)
    with opened_parquet(name, largest.path) as parquet:
        n_rows, n_groups = parquet.metadata.num_rows, parquet.metadata.num_row_groups
    rows_a_byte = n_rows / max(1, largest.size)
    split = SPLIT_BYTES + (largest.size if largest.size <= SPLIT_BYTES else largest.size // max(1, n_groups))
    return SourceSize(name, n_bytes, 0, round(n_bytes * rows_a_byte), columns, round(min(n_bytes, split) * rows_a_byte))


def _rows_a_date(name: str, place: Location, files: Sequence[SourceFile], n_rows: int) -> int:
    """Rows of a source on a date: of the first rows of its largest file, and of some other files on the same date."""
    largest, *others = sorted(files, key=lambda file: file.size, reverse=True)
    days = _first_days(name, place, largest)
    if not len(days):
        return 1
    values, counts = np.unique(days, return_counts=True)
    if np.any(np.diff(days) < 0):  # an asset after the other, each with all dates
        return max(1, n_rows // len(values))
    widest = values[counts.argmax()]
    some = others[:: max(1, len(others) // LOOKED_INTO)]
    beside = [np.count_nonzero(_first_days(name, place, file) == widest) for file in some]
    return int(counts.max() + (len(others) * np.mean(beside) if beside else 0))


def _first_days(name: str, place: Location, file: SourceFile) -> Ints:
    """The dates of the first rows of a file, in days."""
    column = str(place.columns.date)  # type: ignore[attr-defined]  # every source of `DATED` has dates
    schema = find_schema(name, place, [file])
    batch = next(read_split(Split(file), schema, (column,)), None) if column in schema.columns else None
    if batch is None:  # no row, or no such column, which the stage that reads it explains
        return np.empty(0, dtype=np.int64)
    days: Ints = date_of(batch.column(column)).dates.drop_null().cast(pa.int32()).to_numpy()
    return days
