"""The sources of descriptors and industry shares: what each holds on each date, and their rows."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from hashlib import sha256

import pyarrow as pa

from sigmalake.config.model import Config
from sigmalake.config.sources import DESCRIBED_SOURCES, Location
from sigmalake.config.staleness import digest_of
from sigmalake.engines.engine import Engine
from sigmalake.errors import ConfigError, DataError
from sigmalake.lake.books import AccountLine
from sigmalake.lake.dates import as_ranges, within
from sigmalake.lake.lake import Lake
from sigmalake.lake.storage import Rows
from sigmalake.sources.opened import OpenedSource
from sigmalake.stages import versions
from sigmalake.stages.context import Context
from sigmalake.stages.planning import rules_hash
from sigmalake.stages.sources.rejected import count_rejected
from sigmalake.stages.sources.source_checks import refuse_rejected, refuse_times, refuse_unusable
from sigmalake.stages.sources.source_memory import Memory, recall
from sigmalake.tables.records import REJECTED_ROWS
from sigmalake.tasks.packing.pack_prices import SOURCE_ROWS, EachOnce, PackPrices, RejectRepeated
from sigmalake.tasks.packing.packed_prices import FIGURE_KEY, SEGMENT_KEY, usable_figures, usable_segments
from sigmalake.tasks.sources.check_source import CheckSource
from sigmalake.tasks.sources.fingerprints import FileFingerprint, Fingerprints, by_date
from sigmalake.tasks.sources.needed_columns import needed_columns
from sigmalake.tasks.sources.rejected_rows import joined_rejected_rows
from sigmalake.tasks.sources.source_tasks import SURVEYED, RejectedRows, Surveyed, UsableRows, joined_surveys

KEYS = {"prices": ("date", "asset_id"), "fundamentals": FIGURE_KEY, "segments": SEGMENT_KEY}
RECORDS = {"fundamentals": usable_figures, "segments": usable_segments}
DATES_A_PART = 64  # of prices that one task packs


@dataclass(frozen=True)
class PriceSource:
    """A source of descriptors."""

    opened: OpenedSource
    check: CheckSource
    memory: Memory | None  # None: its files cannot be told
    surveyed: Surveyed  # of the files that were read

    @property
    def name(self) -> str:
        """In the configuration."""
        return self.check.source

    @property
    def by_file(self) -> list[FileFingerprint]:
        """Of all files, those that were read and those that are remembered."""
        return ([] if self.memory is None else self.memory.known[self.name]) + self.surveyed.fingerprints[self.name]

    def of_dates(self, days: set[date]) -> OpenedSource:
        """The source with the files that hold rows of these dates, or rows whose date is unreadable."""
        files = {one.file for one in self.by_file if one.date is None or one.date in days}
        return self.opened if None in files else self.opened.only({file for file in files if file is not None})


@dataclass(frozen=True)
class PriceSources:
    """Prices and, where there are some, fundamentals and segments, by name."""

    sources: dict[str, PriceSource]
    fingerprints: dict[str, Fingerprints] = field(default_factory=dict)

    @property
    def by_file(self) -> dict[str, list[FileFingerprint]]:
        """Fingerprints of each source's files."""
        return {name: source.by_file for name, source in self.sources.items()}

    @property
    def memories(self) -> dict[str, Memory]:
        """What was remembered of each source."""
        return {name: source.memory for name, source in self.sources.items() if source.memory is not None}

    def known_hashes(self, source: str) -> list[tuple[date, str]]:
        """For each day on which a row of a source became known, a hash of all that is known by then; ascending."""
        found, known = [], b""
        for day, of_day in sorted((d, p) for d, p in self.fingerprints.get(source, {}).items() if d is not None):
            known = sha256(known + f"{day}:{of_day.content}".encode()).digest()
            found.append((day, known.hex()[:16]))
        return found

    def content(self, source: str) -> str:
        """A hash of all that a source holds."""
        return digest_of([f"{day}:{found.content}" for day, found in sorted(self.fingerprints.get(source, {}).items(), key=str)])

    def packed_prices(self, engine: Engine, hashes: Mapping[date, str]) -> Rows:
        """The rows of `prices` of these dates."""
        source = self.sources["prices"]
        columns, task = source.check.config.sources.prices.columns, UsableRows(source.check, "prices")  # type: ignore[union-attr]
        parts = [{day: hashes[day] for day in days} for days in _runs(sorted(hashes))]
        read = tuple(task.schema(source.opened.raw_schema).names)
        pack = PackPrices(parts, read, columns.cap is not None, bool(columns.traded_value or columns.volume))
        rows = engine.read_source(source.of_dates(set(hashes)), task, set(hashes))
        return engine.map_parts(pack, {SOURCE_ROWS: rows})

    def records(self, engine: Engine, name: str) -> Rows | None:
        """The usable records of fundamentals or segments, each once; None where there is no such source."""
        if name not in self.sources:
            return None
        source = self.sources[name]
        return engine.read_source(replace(source.opened, gathered=True), EachOnce(source.check, name, RECORDS[name]))


def price_source_versions(engine: Engine, config: Config) -> dict[str, str]:
    """What says, without reading a row, that nothing has changed; "" for a source that cannot say it."""
    places = {name: place for name, place in config.sources.locations().items() if name in DESCRIBED_SOURCES}
    rules = [*config.described_hashes(), versions.DESCRIBE]
    return {**{name: engine.source_version(name, place) for name, place in places.items()}, "configuration": digest_of(rules)}


def read_price_sources(engine: Engine, config: Config, lake: Lake | None = None, *, verify: bool = False) -> PriceSources:
    """Survey every source of descriptors: check the rows of files that are new, and take fingerprints by date.

    Args:
        engine: reads the rows.
        config: names the sources.
        lake: where fingerprints of files that have not changed are remembered; None: every row is read.
        verify: read every row all the same.

    Raises:
        ConfigError: the configuration names no prices.
        DataError: a source has no row that can be used, or too few.
    """
    if config.sources.prices is None:
        raise ConfigError("there is nothing to describe: give `sources.prices` (date, asset_id, ret, cap, traded_value)")
    places = config.sources.locations()
    sources = {name: _surveyed(engine, lake, config, name, places[name], verify=verify) for name in KEYS if name in places}
    found = PriceSources(sources, {name: by_date(source.by_file) for name, source in sources.items()})
    for name, source in sources.items():
        where, problems = f"sources.{name}: {places[name].where}", source.surveyed.problems[name]
        refuse_unusable(where, found.fingerprints[name], source.by_file, problems)
        refuse_rejected(where, found.fingerprints[name], problems, config.checks.max_rejected)
    return found


def account_for_prices(
    context: Context, sources: PriceSources, dates: Mapping[str, set[date]], removed: Mapping[str, set[date]], n_packed: int
) -> list[AccountLine]:
    """Replace the rejected rows of these dates and say where every row of every source went.

    Args:
        context: its lake has `rejected_rows`.
        sources: surveyed.
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
        fingerprints = sources.fingerprints[name]
        rows_in = sum(found.rows for found in fingerprints.values())
        asked = sum(found.rows for day, found in fingerprints.items() if day is None or day in days)
        refused = sum(n for (source, _), n in rejected.items() if source == name)
        packed = asked - refused
        if name == "prices" and n_packed != packed:
            raise DataError(
                f"the account of prices does not add up: {asked} rows of the dates asked for, {refused} rejected, but {n_packed} "
                "packed. Was the source written while it was read? Run again"
            )
        lines.append(AccountLine(name, rows_in, packed, refused, rows_in - asked, 0))
    return lines


def _surveyed(engine: Engine, lake: Lake | None, config: Config, name: str, place: Location, *, verify: bool) -> PriceSource:
    check = CheckSource(config, name, (name,))
    columns = place.columns  # type: ignore[attr-defined]  # every source has some
    dated = str(getattr(columns, "date", None) or columns.known_at)
    opened = engine.open_source(name, place, needed_columns(config, name), dated, gathered=False)
    key = digest_of([rules_hash(config.described_source_hash(name), versions.DESCRIBE), place.where])
    memory = recall(lake, opened, key, [name], verify=verify)
    if memory is not None and not memory.fresh_files:
        return PriceSource(opened, check, memory, joined_surveys(SURVEYED.empty_table(), [name]))
    rows, _ = engine.survey_source(opened if memory is None else opened.only(memory.fresh_files), check)
    surveyed = joined_surveys(rows, [name])
    refuse_times(name, opened.where, surveyed.times)
    return PriceSource(opened, check, memory, surveyed)


def _write_rejected(
    context: Context, sources: PriceSources, dates: Mapping[str, set[date]], removed: Mapping[str, set[date]]
) -> None:
    found, clauses = [], []
    for name, days in dates.items():
        found += list(_rejected(context.engine, sources, name, days))
        known = [day for day in sources.fingerprints[name] if day is not None]
        gone = within("date", as_ranges(days | removed[name], [*known, *removed[name]]))
        clauses.append(f"(source = '{name}' AND (date IS NULL OR {gone}))")
    if clauses:
        rows = context.engine.driver_rows(joined_rejected_rows(found))
        context.lake.replace_rows(REJECTED_ROWS, rows, "describe", " OR ".join(clauses))


def _rejected(engine: Engine, sources: PriceSources, name: str, days: set[date]) -> Iterator[pa.Table]:
    """The rejected rows of one source: for themselves, and because their key is given more than once."""
    source, fingerprints = sources.sources[name], sources.fingerprints[name]
    wrong = {day for day in [*days, None] if day in fingerprints and fingerprints[day].rejected}
    if wrong:
        read = source.of_dates({day for day in wrong if day is not None})
        yield engine.collect(engine.read_source(read, RejectedRows(source.check, {name: name}, {name: wrong})))
    task = UsableRows(source.check, name)
    columns = tuple(task.schema(source.opened.raw_schema).names)
    if days:
        repeated = RejectRepeated(list(_runs(sorted(days))), name, KEYS[name], columns)
        rows = engine.read_source(source.of_dates(days), task, days)
        yield engine.collect(engine.map_parts(repeated, {SOURCE_ROWS: rows}))


def _runs(days: Sequence[date]) -> Iterator[Sequence[date]]:
    for first in range(0, len(days), DATES_A_PART):
        yield days[first : first + DATES_A_PART]
