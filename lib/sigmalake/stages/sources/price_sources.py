"""The sources of descriptors and industry shares: their checked rows, and what each holds on each date."""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import reduce
from hashlib import sha256
from typing import NamedTuple

from pyspark.sql import DataFrame, SparkSession

from sigmalake.config.model import Config
from sigmalake.config.sources import DESCRIBED_SOURCES
from sigmalake.config.staleness import digest_of
from sigmalake.engines.spark.engine import spark_of
from sigmalake.engines.spark.listed_rows import listed_rows
from sigmalake.engines.spark.packing.pack import repeated
from sigmalake.engines.spark.session import fit_batches
from sigmalake.engines.spark.sources.checked_sources import figure_half, price_half, segment_half
from sigmalake.engines.spark.sources.checking import Half
from sigmalake.engines.spark.sources.fingerprint import FilePrint, Prints, by_date, location_version
from sigmalake.engines.spark.sources.read import explained_read, read_source
from sigmalake.engines.spark.sources.rejects import rejected_rows, worst_problems
from sigmalake.errors import ConfigError, DataError
from sigmalake.lake.books import AccountLine
from sigmalake.lake.dates import as_ranges, within
from sigmalake.lake.lake import Lake
from sigmalake.stages import versions
from sigmalake.stages.context import Context
from sigmalake.stages.sources.panel_sources import FLAT_ROW_BYTES
from sigmalake.stages.sources.rejected import count_rejected
from sigmalake.stages.sources.source_memory import Source, printed, recall
from sigmalake.tables.records import REJECTED_ROWS
from sigmalake.tasks.packing.packed_prices import FIGURE_KEY, SEGMENT_KEY

KEYS = {"prices": ("date", "asset_id"), "fundamentals": FIGURE_KEY, "segments": SEGMENT_KEY}
NO_FIGURES = "asset_id string, item string, known_at date, period_end date, value double"


class PriceSources(NamedTuple):
    """Prices and, where there are some, fundamentals and segments, by name."""

    rows: dict[str, DataFrame]  # checked
    prints: dict[str, Prints]
    sources: list[Source]
    by_file: dict[str, list[FilePrint]]

    def known_hashes(self, source: str) -> list[tuple[date, str]]:
        """For each day on which a row of a source became known, a hash of all that is known by then; ascending."""
        found, known = [], b""
        for day, of_day in sorted((d, p) for d, p in self.prints.get(source, {}).items() if d is not None):
            known = sha256(known + f"{day}:{of_day.content}".encode()).digest()
            found.append((day, known.hex()[:16]))
        return found

    def content(self, source: str) -> str:
        """A hash of all that a source holds."""
        return digest_of([f"{day}:{found.content}" for day, found in sorted(self.prints.get(source, {}).items(), key=str)])


def price_source_versions(spark: SparkSession, config: Config) -> dict[str, str]:
    """What says, without reading a row, that nothing has changed; "" for a source that cannot say it."""
    places = {name: place for name, place in config.sources.locations().items() if name in DESCRIBED_SOURCES}
    rules = [*config.described_hashes(), versions.DESCRIBE]
    return {**{name: location_version(spark, place) for name, place in places.items()}, "configuration": digest_of(rules)}


def read_price_sources(spark: SparkSession, config: Config, lake: Lake | None = None, *, verify: bool = False) -> PriceSources:
    """Check the rows of every source of descriptors, and take its print by date, in one pass over the files that are new.

    Args:
        spark: the session.
        config: names the sources.
        lake: where prints of files that have not changed are remembered; None: every row is read.
        verify: read every row all the same.

    Raises:
        ConfigError: the configuration names no prices.
        DataError: a source has no row that can be used.
    """
    fit_batches(spark, FLAT_ROW_BYTES)
    s = config.sources
    if s.prices is None:
        raise ConfigError("there is nothing to describe: give `sources.prices` (date, asset_id, ret, cap, traded_value)")
    halves: dict[str, Half] = {"prices": price_half(read_source(spark, "prices", s.prices), s.prices)}
    dated = {"prices": s.prices.columns.date}
    if s.fundamentals is not None:
        halves["fundamentals"] = figure_half(read_source(spark, "fundamentals", s.fundamentals), s.fundamentals)
        dated["fundamentals"] = s.fundamentals.columns.known_at
    if s.segments is not None:
        halves["segments"] = segment_half(read_source(spark, "segments", s.segments), s.segments, config.segment_levels)
        dated["segments"] = s.segments.columns.known_at
    sources: list[Source] = []
    by_file: dict[str, list[FilePrint]] = {}
    prints: dict[str, Prints] = {}
    for name, half in halves.items():
        place = s.locations()[name]
        key = digest_of([config.described_source_hash(name), versions.DESCRIBE, place.where])
        source = Source({name: half}, recall(lake, place, dated[name], key, [name], verify=verify))
        with explained_read(name, place):
            by_file |= printed(source)
        prints[name] = by_date(by_file[name])
        _refuse_unusable(f"sources.{name}: {place.where}", prints[name], half.rows)
        sources.append(source)
    return PriceSources({name: half.rows for name, half in halves.items()}, prints, sources, by_file)


def _refuse_unusable(source: str, prints: Prints, rows: DataFrame) -> None:
    total = sum(found.rows for found in prints.values())
    if total == 0:
        raise DataError(f"{source} has no rows")
    if total == sum(found.rejected for found in prints.values()):
        raise DataError(f"{source}: none of its {total} rows can be used: {worst_problems(rows)}")


def account_for_prices(
    context: Context, sources: PriceSources, dates: Mapping[str, set[date]], removed: Mapping[str, set[date]], n_packed: int
) -> list[AccountLine]:
    """Replace the rejected rows of these dates and say where every row of every source went.

    Args:
        context: its lake has `rejected_rows`.
        sources: checked rows.
        dates: of each source that was read anew, the dates that were.
        removed: dates that it no longer has.
        n_packed: rows that `prices` holds on its dates.

    Raises:
        DataError: what `prices` holds is not what the source gave less what was rejected.
    """
    _write_rejected(context, sources, dates, removed)
    rejected = count_rejected(context.lake, dates)
    lines = []
    for name, days in dates.items():
        prints = sources.prints[name]
        rows_in = sum(found.rows for found in prints.values())
        asked = sum(found.rows for day, found in prints.items() if day is None or day in days)
        refused = sum(n for (source, _), n in rejected.items() if source == name)
        packed = asked - refused
        if name == "prices" and n_packed != packed:
            raise DataError(
                f"the account of prices does not add up: {asked} rows of the dates asked for, {refused} rejected, but {n_packed} "
                "packed. Was the source written while it was read? Run again"
            )
        lines.append(AccountLine(name, rows_in, packed, refused, rows_in - asked, 0))
    return lines


def _write_rejected(
    context: Context, sources: PriceSources, dates: Mapping[str, set[date]], removed: Mapping[str, set[date]]
) -> None:
    lake, engine = context.lake, spark_of(context.engine)
    lake.create(REJECTED_ROWS)
    found, clauses = [engine.no_rows(REJECTED_ROWS)], []
    for name, days in dates.items():
        known = [day for day in sources.prints[name] if day is not None]
        asked = listed_rows(engine.spark, [(day,) for day in sorted(days)], "date date")
        near = sources.rows[name].where(within("date", as_ranges(days, known)) + " OR date IS NULL")
        copies = repeated(near, name, asked, KEYS[name])
        found.append(rejected_rows(near, name, name, days, copies.select(*_CONFLICT)))
        gone = within("date", as_ranges(days | removed[name], [*known, *removed[name]]))
        clauses.append(f"(source = '{name}' AND (date IS NULL OR {gone}))")
    if clauses:
        lake.replace_rows(REJECTED_ROWS, reduce(DataFrame.unionByName, found), "describe", " OR ".join(clauses))


_CONFLICT: Sequence[str] = ("half", "date", "asset_id", "row_hash", "source_rows", "problems")


def no_figures(spark: SparkSession) -> DataFrame:
    """Fundamentals of a model without them."""
    return spark.createDataFrame([], NO_FIGURES)
