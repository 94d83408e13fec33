"""The panel's sources: their checked rows, and what each holds on each date, read from the files that are new."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from functools import reduce
from types import MappingProxyType
from typing import NamedTuple

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from sigmalake.config.model import Config
from sigmalake.config.sources import Location
from sigmalake.config.staleness import digest_of
from sigmalake.engines.spark.packing.pack import Sourced
from sigmalake.engines.spark.session import fit_batches
from sigmalake.engines.spark.sources.checked_exposures import exposure_half
from sigmalake.engines.spark.sources.checked_sources import (
    beside_rates,
    calendar_rows,
    cap_half,
    exchange_rate_rows,
    rate_rows,
    return_half,
)
from sigmalake.engines.spark.sources.checking import Half, accepted, where
from sigmalake.engines.spark.sources.described import Described
from sigmalake.engines.spark.sources.fingerprint import (
    FilePrint,
    Prints,
    by_date,
    fingerprint,
    first_dates_of_levels,
    location_version,
)
from sigmalake.engines.spark.sources.read import explained_read, read_source
from sigmalake.engines.spark.sources.rejects import worst_problems
from sigmalake.errors import DataError
from sigmalake.lake.dates import as_ranges
from sigmalake.lake.lake import Lake
from sigmalake.stages import versions
from sigmalake.stages.planning import rules_hash
from sigmalake.stages.sources.base_currency import cap_rate_dates, in_base_currency
from sigmalake.stages.sources.source_memory import Memory, Source, printed, recall
from sigmalake.tasks.packing.packed_dates import PanelRow

FLAT_ROW_BYTES = 256  # a source row, roughly
MOST_NAMED = 100  # files of a source in the plan of a query


class Sources(NamedTuple):
    """The checked rows of every source, what each holds by date, and where its rows go in `rejected_rows`."""

    packed: list[Source]  # exposures, returns and caps
    rows: dict[str, DataFrame]  # by half, also rates and calendar
    by_file: dict[str, list[FilePrint]]
    prints: dict[str, Prints]
    names: dict[str, str]  # the half's name in rejected_rows and in the account
    countable: bool  # whether an asset of the panel is a row of the exposures' source
    cap_rates: Mapping[date, date] = MappingProxyType({})  # of local caps, by their date that of the rates that convert them

    @property
    def levels(self) -> dict[int, dict[str, date]]:
        """Of each membership group that learns its levels, these with their first dates."""
        return first_dates_of_levels(self.by_file["exposures"])

    def rows_of(self, half: str, dates: Iterable[date]) -> DataFrame:
        """The half's rows of these dates, and those whose date is unreadable; Parquet skips the others."""
        wanted = self._within(F.col("date"), [half], set(dates))
        return self.rows[half] if wanted is None else self.rows[half].where(wanted | F.col("date").isNull())

    def sourced(self, dates: Mapping[str, set[date]]) -> Sourced:
        """What is packed: the rows of these dates of each half."""
        found = []
        for halves, _ in self.packed:
            some, days = next(iter(halves.values())).columns, {day for half in halves for day in dates[half]}
            wanted = self._within(some["date"], list(halves), days)
            if wanted is not None and (files := self._files(halves, days)):
                wanted &= some["file"].isin(files)  # Spark opens no other
            found.append(halves if wanted is None else where(halves, wanted))
        return Sourced(found)

    def _files(self, halves: Iterable[str], days: Collection[date]) -> list[str]:
        """The files that hold rows of these dates; none where they cannot be told, or are too many to name."""
        files = {found.file for half in halves for found in self.by_file[half] if found.date in days}
        return sorted(name for name in files if name) if None not in files and len(files) <= MOST_NAMED else []

    def _within(self, column: Column, halves: Sequence[str], wanted: set[date]) -> Column | None:
        """Whether a date is one of those wanted; None where all are."""
        known = {day for half in halves for day in self.prints[half] if day is not None}
        if wanted >= known:
            return None
        found = [column.between(r.first, r.last) for r in as_ranges(wanted, sorted(known))]
        return reduce(Column.__or__, found, F.lit(False))

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
    found = {name: location_version(spark, place) for name, place in config.sources.ingested().items()}
    return {**found, "configuration": rules_hash(config.ingest_hash(), versions.INGEST)}


def read_sources(
    spark: SparkSession, config: Config, lake: Lake | None = None, described: Described | None = None, *, verify: bool = False
) -> Sources:
    """Check the rows of every source, and take each source's print by date.

    Args:
        spark: the session.
        config: names the sources.
        lake: where prints of files that have not changed are remembered; None: every row is read.
        described: what stands beside the exposures.
        verify: read every row all the same.
    """
    fit_batches(spark, FLAT_ROW_BYTES)
    s = config.sources
    rows: dict[str, DataFrame] = {}
    names = {
        "returns": "panel.returns" if s.panel else "returns",
        "exposures": "panel.exposures" if s.panel else "exposures",
        "caps": "caps", "rates": "rates", "exchange_rates": "exchange_rates", "calendar": "calendar",
    }  # fmt: skip
    rates = None
    if s.rates is not None:
        rows["rates"] = rate_rows(spark, s.rates)
        rates = accepted(rows["rates"]).select(F.col("date").alias("rate_date"), F.col("rate").alias("rate_of_date"))
    if s.exchange_rates is not None:
        rows["exchange_rates"] = exchange_rate_rows(spark, s.exchange_rates)
    if s.calendar is not None:
        rows["calendar"] = calendar_rows(spark, s.calendar, s.calendar.columns.date)
    halves = _halves(spark, config, rates, described)
    rows |= {half: found.rows for half, found in halves.items()}
    packed = [Source(group, _recall(spark, config, lake, group, verify=verify)) for group in _by_frame(halves)]
    learning = [number for number, group in enumerate(config.memberships) if group.listed is None]
    by_file: dict[str, list[FilePrint]] = {}
    for apart in [half for half in rows if half not in halves]:
        with explained_read(apart, s.locations()[apart]):
            by_file |= fingerprint({apart: Half(rows[apart], {name: F.col(name) for name in rows[apart].columns})})
    for source in packed:
        name = names[next(iter(source.halves))].partition(".")[0]
        with explained_read(name, s.locations()[name]):
            by_file |= printed(source, learning)
    prints = {half: by_date(by_file[half]) for half in names if half in by_file}
    _refuse_unusable(config, names, prints, rows)
    cap_rates: dict[date, date] = {}
    if s.exchange_rates is not None:
        calendar, priced = calendar_of(prints), {*prints["exposures"], *prints.get("caps", ())}
        cap_rates = cap_rate_dates(config, calendar, priced, usable_dates(prints["exchange_rates"]))
        groups = [source.halves for source in packed]
        groups, prints = in_base_currency(config, rows["exchange_rates"], groups, by_file, prints, calendar, cap_rates)
        packed = [source._replace(halves=group) for source, group in zip(packed, groups, strict=True)]
        rows |= {half: found.rows for group in groups for half, found in group.items()}
        _refuse_unusable(config, names, prints, rows)
    countable = s.exposure_columns.factor is None and (s.caps is None or s.exposures_max_age == 1)
    return Sources(packed, rows, by_file, prints, names, countable, cap_rates)


def _halves(spark: SparkSession, config: Config, rates: DataFrame | None, described: Described | None) -> dict[str, Half]:
    """What is packed, by half; those of a wide panel rest on one frame."""
    s = config.sources
    if s.panel is not None:
        panel = beside_rates(read_source(spark, "panel", s.panel), config, rates)
        return {"exposures": exposure_half(panel, config, described), "returns": return_half(panel, config)}
    exposures = exposure_half(read_source(spark, "exposures", s.exposure_source), config, described)
    returns = return_half(beside_rates(read_source(spark, "returns", s.return_source), config, rates), config)
    halves = {"exposures": exposures, "returns": returns}
    if s.caps is not None:
        halves["caps"] = cap_half(read_source(spark, "caps", s.caps), s.caps)
    return halves


def _by_frame(halves: Mapping[str, Half]) -> list[dict[str, Half]]:
    groups: dict[int, dict[str, Half]] = {}
    for name, half in halves.items():
        groups.setdefault(id(half.frame), {})[name] = half
    return list(groups.values())


def calendar_of(prints: Mapping[str, Prints]) -> list[date]:
    """The dates of the returns, or those that a source of its own lists up to the newest return: no date to come is regressed."""
    returned = sorted(day for day in prints["returns"] if day is not None)
    if "calendar" not in prints:
        return returned
    listed = sorted(day for day in prints["calendar"] if day is not None)
    if found := [day for day in listed if day <= returned[-1]]:
        return found
    raise DataError(f"no return meets the calendar: it begins on {listed[0]}, the returns end on {returned[-1]}")


def usable_dates(prints: Prints) -> list[date]:
    """Dates of which some row can be used."""
    return sorted(day for day, found in prints.items() if day is not None and found.rows > found.rejected)


def lost_dates(prints: Prints, days: Iterable[date]) -> set[date]:
    """Those of the days whose rows are all rejected: no panel row holds them."""
    return {day for day in days if day in prints and prints[day].rows == prints[day].rejected}


def _recall(
    spark: SparkSession, config: Config, lake: Lake | None, halves: Mapping[str, Half], *, verify: bool = False
) -> Memory | None:
    """What is remembered of a source; None where its files cannot be told, or say nothing on their own."""
    s = config.sources
    place: Location
    if "exposures" in halves:
        place, date_column = s.exposure_source, s.exposure_columns.date
    elif "returns" in halves or s.caps is None:
        place, date_column = s.return_source, s.return_columns.date
    else:
        place, date_column = s.caps, s.caps.columns.date
    if "exposures" in halves and (s.exposure_columns.factor is not None or config.is_described):
        return (
            None  # a long source's rows of an asset may lie in several files; what is described decides whether a row can be used
        )
    rates = location_version(spark, s.rates) if s.rates is not None and "returns" in halves else None
    if rates == "":  # rates decide whether a return can be used
        return None
    key = digest_of([config.ingest_hash(), versions.INGEST, place.where, rates or ""])
    return recall(lake, place, date_column, key, halves, verify=verify)


def _refuse_unusable(config: Config, names: Mapping[str, str], prints: Mapping[str, Prints], rows: Mapping[str, DataFrame]) -> None:
    places = config.sources.locations()
    for half, found in prints.items():
        source = f"sources.{names[half]}: {places[names[half].partition('.')[0]].where}"
        total, rejected = sum(p.rows for p in found.values()), sum(p.rejected for p in found.values())
        if total == 0:
            raise DataError(f"{source} has no rows")
        if total == rejected:
            raise DataError(f"{source}: none of its {total} rows can be used: {worst_problems(rows[half])}")
