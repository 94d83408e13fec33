"""The panel's sources: their checked rows, and what each holds on each date, read from the files that are new."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from sigmalake.config import Config, Location, digest_of
from sigmalake.errors import DataError
from sigmalake.lake.dates import as_ranges, within
from sigmalake.lake.lake import Lake
from sigmalake.spark.checking import accepted, calendar_rows, cap_rows, exposure_rows, rate_rows, return_rows
from sigmalake.spark.fingerprint import (
    DatePrint,
    FilePrint,
    by_date,
    file_prints,
    fingerprint,
    first_dates_of_levels,
    location_version,
)
from sigmalake.spark.packing import PanelRow
from sigmalake.spark.rejects import worst_problems
from sigmalake.spark.session import fit_batches
from sigmalake.spark.source_files import SourceFile, plain_path, source_files, without_files
from sigmalake.spark.sources import explained_read
from sigmalake.tables.declaration import sql_text
from sigmalake.tables.records import SOURCE_PRINTS

INGEST_VERSION = "1"  # of checking and packing: raised when what they write changes
FLAT_ROW_BYTES = 256  # a source row, roughly
MOST_REMEMBERED = 300_000  # prints of a source, which pass through the driver: files that hold every date are not worth it
BY_FILE = ("exposures", "returns", "caps")  # the halves whose rows are checked one by one, whatever other files hold

Prints = dict[date | None, DatePrint]


class Memory(NamedTuple):
    """What is known of a half's files from earlier runs."""

    key: str  # of the rules by which rows were checked; another key, and nothing is known
    files: dict[str, SourceFile]  # as they are now, by path
    known: list[FilePrint]  # of files that have not changed since
    forgotten: bool  # whether some stored print holds no more


class Sources(NamedTuple):
    """The checked rows of every source, what each holds by date, and where its rows go in `rejected_rows`."""

    rows: dict[str, DataFrame]  # by half: exposures, returns, caps, rates, calendar
    prints: dict[str, Prints]
    names: dict[str, str]  # the half's name in rejected_rows and in the account
    countable: bool  # whether an asset of the panel is a row of the exposures' source
    levels: dict[int, dict[str, date]]  # of each membership group that learns them, with their first dates
    by_file: dict[str, list[FilePrint]]
    memory: dict[str, Memory]

    def rows_of(self, half: str, dates: Iterable[date]) -> DataFrame:
        """The half's rows of these dates, and those whose date is unreadable; of other files nothing is read."""
        wanted = set(dates)
        if wanted.issuperset(day for day in self.prints[half] if day is not None):
            return self.rows[half]
        ranges = as_ranges(wanted, [day for day in self.prints[half] if day is not None])
        rows = self.rows[half]
        if None in self.prints[half]:
            return rows.where(f"date IS NULL OR {within('date', ranges)}")
        return rows.where(within("date", ranges))

    def count_packed(
        self, half: str, rows: Mapping[date, PanelRow], compute: list[date], counts: Mapping[date, dict[str, int]]
    ) -> int | None:
        """Source rows that the panel holds, counted in the panel; None where it cannot tell."""
        if half == "returns":
            return sum(counts[day]["n_returns"] + counts[day]["n_missing"] for day in compute)
        if half == "exposures" and self.countable:
            first = {rows[day].exposures_from: day for day in reversed(compute)}  # carried rows count once
            return sum(counts[day]["n_assets"] for source_date, day in first.items() if source_date is not None)
        return None


def source_versions(spark: SparkSession, config: Config) -> dict[str, str]:
    """What says, without reading a row, that nothing has changed; "" for a source that cannot say it."""
    versions = {name: location_version(spark, place) for name, place in config.sources.locations().items()}
    return {**versions, "configuration": digest_of([config.ingest_hash(), INGEST_VERSION])}


def read_sources(spark: SparkSession, config: Config, lake: Lake | None = None) -> Sources:
    """Check the rows of every source, and take each source's print by date.

    Args:
        spark: the session.
        config: names the sources.
        lake: where prints of files that have not changed are remembered; None: every row is read.
    """
    fit_batches(spark, FLAT_ROW_BYTES)
    s = config.sources
    rows: dict[str, DataFrame] = {}
    names = {
        "exposures": "panel.exposures" if s.panel else "exposures",
        "returns": "panel.returns" if s.panel else "returns",
        "caps": "caps", "rates": "rates", "calendar": "calendar",
    }  # fmt: skip
    rates = None
    if s.rates is not None:
        rows["rates"] = rate_rows(spark, s.rates)
        rates = accepted(rows["rates"]).select(F.col("date").alias("rate_date"), F.col("rate").alias("rate_of_date"))
    if s.caps is not None:
        rows["caps"] = cap_rows(spark, s.caps)
    if s.calendar is not None:
        rows["calendar"] = calendar_rows(spark, s.calendar, s.calendar.columns.date)
    rows["returns"] = return_rows(spark, config, rates)
    rows["exposures"] = exposure_rows(spark, config)
    memory = _recall(spark, config, lake)
    learning = [number for number, group in enumerate(config.memberships) if group.listed is None]
    by_file: dict[str, list[FilePrint]] = {}
    for half, frame in rows.items():
        name = names[half].partition(".")[0]
        with explained_read(name, s.locations()[name]):
            by_file[half] = _printed(frame, memory.get(half), learning if half == "exposures" else [])
    prints = {half: by_date(found) for half, found in by_file.items()}
    for half, found in prints.items():
        _refuse_empty(f"sources.{names[half]}: {s.locations()[names[half].partition('.')[0]].where}", found, rows[half])
    countable = s.exposure_columns.factor is None and (s.caps is None or s.exposures_max_age == 1)
    return Sources(rows, prints, names, countable, first_dates_of_levels(by_file["exposures"]), by_file, memory)


def usable_dates(prints: Prints) -> list[date]:
    """Dates of which some row can be used."""
    return sorted(day for day, found in prints.items() if day is not None and found.rows > found.rejected)


def lost_dates(prints: Prints, days: Iterable[date]) -> set[date]:
    """Those of the days whose rows are all rejected: no panel row holds them."""
    return {day for day in days if day in prints and prints[day].rows == prints[day].rejected}


def remember(lake: Lake, sources: Sources) -> None:
    """Keep the prints of every half whose files are other than when they were last kept, in one commit."""
    found, clauses = [], []
    for half, memory in sources.memory.items():
        prints = sources.by_file[half]
        kept = {known.file or "" for known in memory.known}
        fresh = [p for p in prints if p.file not in kept]
        if len(prints) > MOST_REMEMBERED or not (fresh or memory.forgotten):
            continue
        state = {path: file.state for path, file in memory.files.items()}
        found += [(half, memory.key, state.get(plain_path(p.file or ""), ""), *p) for p in fresh]
        named = ", ".join(sql_text(file) for file in sorted(kept))
        clauses.append(f"(source = '{half}'" + (f" AND NOT (key = '{memory.key}' AND file IN ({named})))" if kept else ")"))
    if clauses:
        rows = lake.spark.createDataFrame(found, SOURCE_PRINTS.schema_sql())
        lake.replace_rows(SOURCE_PRINTS, rows, "ingest", " OR ".join(clauses))


def _recall(spark: SparkSession, config: Config, lake: Lake | None) -> dict[str, Memory]:
    """What is remembered of each half whose files can be told."""
    s = config.sources
    places: dict[str, tuple[Location, str]] = {
        "exposures": (s.exposure_source, s.exposure_columns.date),
        "returns": (s.return_source, s.return_columns.date),
    }
    if s.caps is not None:
        places["caps"] = (s.caps, s.caps.columns.date)
    if s.exposure_columns.factor is not None:
        del places["exposures"]  # a long source's rows of an asset may lie in several files
    rates = "" if s.rates is None else location_version(spark, s.rates)  # what decides whether a return can be used
    if s.rates is not None and not rates:
        del places["returns"]
    stored = [] if lake is None else lake.columns(SOURCE_PRINTS, SOURCE_PRINTS.column_names).to_pylist()
    memory = {}
    for half, (place, date_column) in places.items():
        files = source_files(place, date_column)
        if files is not None:
            key = digest_of([config.ingest_hash(), INGEST_VERSION, place.where, rates if half == "returns" else ""])
            memory[half] = _memory(key, files, [row for row in stored if row["source"] == half])
    return memory


def _memory(key: str, files: Sequence[SourceFile], stored: Sequence[dict[str, object]]) -> Memory:
    by_path = {file.path: file for file in files}
    known = [
        row
        for row in stored
        if row["key"] == key and (now := by_path.get(plain_path(str(row["file"])))) is not None and now.state == row["state"]
    ]
    return Memory(key, by_path, file_prints(known), len(known) < len(stored))


def _printed(rows: DataFrame, memory: Memory | None, learning: Sequence[int]) -> list[FilePrint]:
    """The prints of a source: those remembered, and those of the files that are not."""
    if memory is None:
        return fingerprint(rows.withColumn("file", F.lit(None).cast("string")), learning)
    known = {found.file or "" for found in memory.known}
    paths = {plain_path(file) for file in known}
    fresh = [file for path, file in memory.files.items() if path not in paths]
    if not fresh:
        return memory.known
    new = without_files(rows, sorted(known))
    spans = [file.span for file in fresh if file.span is not None]
    if known and len(spans) == len(fresh):  # Delta skips files by their dates, not by their names
        first, last = min(s[0] for s in spans), max(s[1] for s in spans)
        new = new.where(F.col("date").between(first, last))
    return memory.known + fingerprint(new, learning)


def _refuse_empty(source: str, prints: Prints, frame: DataFrame) -> None:
    total, rejected = sum(p.rows for p in prints.values()), sum(p.rejected for p in prints.values())
    if total == 0:
        raise DataError(f"{source} has no rows")
    if total == rejected:
        raise DataError(f"{source}: none of its {total} rows can be used: {worst_problems(frame)}")
