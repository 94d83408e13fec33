"""The panel's sources: what each holds on each date, read from the files that are new, and the rows that go into the panel."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from sigmalake.config.model import Config
from sigmalake.config.sources import Location
from sigmalake.config.staleness import digest_of
from sigmalake.engines.engine import Engine
from sigmalake.errors import DataError
from sigmalake.lake.lake import Lake
from sigmalake.lake.storage import Rows
from sigmalake.sources.opened import OpenedSource
from sigmalake.stages import versions
from sigmalake.stages.planning import rules_hash
from sigmalake.stages.sources.base_currency import Exchanged, cap_rate_dates, exchanges_of
from sigmalake.stages.sources.paired_prices import paired_prices
from sigmalake.stages.sources.small_sources import SmallSource, read_small
from sigmalake.stages.sources.source_checks import refuse_rejected, refuse_times, refuse_unusable, since, warnings_of
from sigmalake.stages.sources.source_memory import Memory, recall
from sigmalake.tasks.packing.packed_dates import PanelRow
from sigmalake.tasks.sources.check_source import BesideExposures, CheckSource
from sigmalake.tasks.sources.checked_rates import rates_of_dates
from sigmalake.tasks.sources.fingerprints import FileFingerprint, Fingerprints, by_date, first_dates_of_levels
from sigmalake.tasks.sources.needed_columns import needed_columns
from sigmalake.tasks.sources.source_tasks import SURVEYED, SurveyConverted, Surveyed, ToPack, joined_surveys

SIDES = {"panel": ("exposures", "returns"), "exposures": ("exposures",), "returns": ("returns",), "caps": ("caps",)}
SMALL = ("rates", "exchange_rates", "factor_returns", "calendar")  # sources that the driver reads whole


@dataclass
class PackedSource:
    """A source whose rows are packed."""

    opened: OpenedSource
    check: CheckSource
    memory: Memory | None  # None: its files cannot be told, or say nothing on their own
    surveyed: Surveyed  # of the files that were read
    kept: Rows | None  # the columns to pack of all its rows; None: some files were not read

    @property
    def sides(self) -> tuple[str, ...]:
        """What it feeds."""
        return self.check.sides

    def fingerprints(self, side: str) -> list[FileFingerprint]:
        """Of all files, those that were read and those that are remembered."""
        known = [] if self.memory is None else self.memory.known[side]
        return known + self.surveyed.fingerprints[side]


@dataclass
class PanelSources:
    """All that is known of the sources before a date is packed."""

    packed: dict[str, PackedSource]  # by their name in the configuration
    small: dict[str, SmallSource]
    names: dict[str, str]  # each side's name in `rejected_rows` and in the account
    by_file: dict[str, list[FileFingerprint]]  # by side
    fingerprints: dict[str, Fingerprints]  # by side, of rows in the base currency
    countable: bool  # whether an asset of the panel is a row of the exposures' source
    cap_rates: Mapping[date, date]  # of local caps, by their date that of the rates that convert them
    warnings: list[str] = field(default_factory=list)

    @property
    def levels(self) -> dict[int, dict[str, date]]:
        """Of each membership group that learns its levels, these with their first dates."""
        return first_dates_of_levels(self.by_file["exposures"])

    @property
    def memories(self) -> dict[str, Memory]:
        """What was remembered of each source."""
        return {name: source.memory for name, source in self.packed.items() if source.memory is not None}

    def problems(self, side: str) -> pa.Table:
        """The problems of the rows that were read, counted by date."""
        of_side = next((source for source in self.packed.values() if side in source.sides), None)
        return self.small[side].problems if of_side is None else of_side.surveyed.problems[side]

    def rows_to_pack(self, engine: Engine, dates: Mapping[str, set[date]]) -> dict[str, Rows]:
        """By source, the columns to pack of at least these dates of each side."""
        return {name: source.kept or self._read(engine, source, dates) for name, source in self.packed.items()}

    def files_of(self, source: PackedSource, dates: Mapping[str, Collection[date]]) -> OpenedSource:
        """A source with the files that hold rows of these dates of its sides, or rows whose date is unreadable."""
        found = {
            one.file for side in source.sides for one in source.fingerprints(side) if one.date is None or one.date in dates[side]
        }
        return source.opened if None in found else source.opened.only({file for file in found if file is not None})

    def count_packed(
        self, side: str, rows: Mapping[date, PanelRow], compute: list[date], counts: Mapping[date, dict[str, int]]
    ) -> int | None:
        """Source rows that the panel holds, counted in the panel; None where it cannot tell."""
        if side == "returns":
            return sum(counts[day]["n_returns"] + counts[day]["n_missing"] for day in compute)
        if side == "exposures" and self.countable:
            first = {rows[day].exposures_from: day for day in reversed(compute)}  # carried rows count once
            return sum(counts[day]["n_assets"] for source_date, day in first.items() if source_date is not None)
        return None

    def _read(self, engine: Engine, source: PackedSource, dates: Mapping[str, set[date]]) -> Rows:
        wanted = set().union(*(dates[side] for side in source.sides))
        return engine.read_source(self.files_of(source, dates), ToPack(source.check), wanted)


def source_versions(engine: Engine, config: Config) -> dict[str, str]:
    """What says, without reading a row, that nothing has changed; "" for a source that cannot say it."""
    found = {name: engine.source_version(name, place) for name, place in config.sources.ingested().items()}
    return {**found, "configuration": rules_hash(config.ingest_hash(), versions.INGEST)}


def read_sources(
    engine: Engine, config: Config, lake: Lake | None = None, beside: BesideExposures | None = None, *, verify: bool = False
) -> PanelSources:
    """Survey every source: check its rows, and take its fingerprint by date.

    Args:
        engine: reads the rows.
        config: names the sources.
        lake: where fingerprints of files that have not changed are remembered; None: every row is read.
        beside: the descriptors and industry shares that stand beside the exposures; None: the model has none.
        verify: read every row all the same.

    Raises:
        ConfigError: a source is not there, or lacks a column.
        DataError: a source cannot be read as it is, or too much of it is rejected.
    """
    s = config.sources
    small = {name: read_small(engine, config, name, place) for name, place in s.ingested().items() if name in SMALL}
    rates = rates_of_dates(small["rates"].checked) if "rates" in small else None
    learning = tuple(number for number, group in enumerate(config.memberships) if group.listed is None)
    listed = [day for day in small["calendar"].fingerprints if day is not None] if "calendar" in small else []
    packed = {}
    for name, place in s.ingested().items():
        if name in SIDES:
            of_returns = rates if "returns" in SIDES[name] else None
            of_exposures = beside if "exposures" in SIDES[name] else None
            check = CheckSource(config, name, SIDES[name], learning, of_returns, of_exposures)
            packed[name] = _surveyed(engine, lake, place, check, listed, verify=verify)
    names = _names(config)
    by_file = {side: source.fingerprints(side) for source in packed.values() for side in source.sides}
    fingerprints = {side: by_date(found) for side, found in by_file.items()}
    fingerprints |= {name: source.fingerprints for name, source in small.items()}
    countable = s.exposure_columns.factor is None and (s.caps is None or s.exposures_max_age == 1)
    found = PanelSources(packed, small, names, by_file, fingerprints, countable, {})
    _refuse(config, found)
    return found if s.exchange_rates is None else _in_base_currency(engine, config, found)


def calendar_of(fingerprints: Mapping[str, Fingerprints]) -> list[date]:
    """The dates of the returns, or those that a source of its own lists up to the newest return: no date to come is regressed."""
    returned = sorted(day for day in fingerprints["returns"] if day is not None)
    if "calendar" not in fingerprints:
        return returned
    listed = sorted(day for day in fingerprints["calendar"] if day is not None)
    if found := [day for day in listed if day <= returned[-1]]:
        return found
    raise DataError(f"no return meets the calendar: it begins on {listed[0]}, the returns end on {returned[-1]}")


def usable_dates(fingerprints: Fingerprints) -> list[date]:
    """Dates of which some row can be used."""
    return sorted(day for day, found in fingerprints.items() if day is not None and found.rows > found.rejected)


def lost_dates(fingerprints: Fingerprints, days: Iterable[date]) -> set[date]:
    """Those of the days whose rows are all rejected: no panel row holds them."""
    return {day for day in days if day in fingerprints and fingerprints[day].rows == fingerprints[day].rejected}


def _names(config: Config) -> dict[str, str]:
    s = config.sources
    of_panel = {"returns": "panel.returns", "exposures": "panel.exposures"}
    found = of_panel if s.panel else {"returns": "returns", "exposures": "exposures"}
    return found | {name: name for name in ("caps", *SMALL)}


def _surveyed(
    engine: Engine, lake: Lake | None, place: Location, check: CheckSource, listed: Collection[date], *, verify: bool
) -> PackedSource:
    """A source, of which the files that are new are read; of prices all, since a return rests on the row before.

    `listed`: the dates of `sources.calendar`; none: those with a price.
    """
    config = check.config
    gathered = "exposures" in check.sides and config.sources.exposure_columns.factor is not None
    opened = engine.open_source(check.source, place, needed_columns(config, check.source), _date_column(place), gathered=gathered)
    opened = paired_prices(engine, opened, place, listed)
    memory = _recalled(lake, opened, check, place, verify=verify)
    fresh = opened if memory is None else opened.only(memory.fresh_files)
    if memory is not None and not memory.fresh_files:
        return PackedSource(opened, check, memory, joined_surveys(SURVEYED.empty_table(), check.sides), None)
    rows, kept = engine.survey_source(fresh, check)
    surveyed = joined_surveys(rows, check.sides)
    refuse_times(check.source, opened.where, surveyed.times)
    everything = check.can_keep and (memory is None or not memory.known_files)
    return PackedSource(opened, check, memory, surveyed, kept if everything else None)


def _date_column(place: Location) -> str:
    return str(place.columns.date)  # type: ignore[attr-defined]  # every source of the panel has dates


def _recalled(lake: Lake | None, opened: OpenedSource, check: CheckSource, place: Location, *, verify: bool) -> Memory | None:
    """What is remembered of a source; None where its files say nothing on their own.

    Of a long source the rows of an asset may lie in several files, and what is described decides whether a row can be used.
    """
    if opened.gathered or check.beside is not None:
        return None
    rates = "" if check.rates is None else digest_of([check.rates.days.tobytes().hex(), check.rates.rates.tobytes().hex()])
    key = digest_of([rules_hash(check.config.ingest_hash(), versions.INGEST), place.where, rates])
    return recall(lake, opened, key, check.sides, verify=verify)


def _refuse(config: Config, sources: PanelSources) -> None:
    """Refuse sources of which nothing, or too little, can be used."""
    places = config.sources.locations()
    for side, of_side in sources.fingerprints.items():
        found = of_side
        name = sources.names[side]
        source = f"sources.{name}: {places[name.partition('.')[0]].where}"
        files, problems = sources.by_file.get(side, []), sources.problems(side)
        if side == "exposures" and config.is_described and (usable := usable_dates(found)):  # the model begins there
            found = {day: one for day, one in found.items() if day is None or day >= usable[0]}
            files = [one for one in files if one.date is None or one.date >= usable[0]]
            problems = since(usable[0], problems)
        refuse_unusable(source, found, files, problems)
        refuse_rejected(source, found, problems, config.checks.max_rejected)
    surveyed = {side: one.surveyed for one in sources.packed.values() for side in one.sides}
    sources.warnings += warnings_of(config, sources.fingerprints, surveyed)


def _in_base_currency(engine: Engine, config: Config, sources: PanelSources) -> PanelSources:
    """The sources with checks that convert, and the fingerprints of dates on which some row's currency has no rate counted anew.

    Fingerprints of files are of local rows, so that a restated rate makes no file to be read again.
    """
    calendar = calendar_of(sources.fingerprints)
    priced = {*sources.fingerprints["exposures"], *sources.fingerprints.get("caps", ())}
    rates = sources.small["exchange_rates"]
    cap_rates = cap_rate_dates(config, calendar, priced, usable_dates(rates.fingerprints))
    exchanged: Exchanged = exchanges_of(config, rates.checked, sources.by_file, calendar, cap_rates)
    fingerprints = dict(sources.fingerprints)
    packed = {}
    for name, source in sources.packed.items():
        check = replace(source.check, exchanges=exchanged.exchanges)
        packed[name] = replace(source, check=check, kept=None)
        days = set().union(*(exchanged.lacking.get(side, set()) for side in source.sides))
        if days:
            counted = _counted_anew(engine, sources, packed[name], days)
            problems = {side: _of_dates(days, source.surveyed.problems[side], counted.problems[side]) for side in source.sides}
            packed[name].surveyed = source.surveyed._replace(problems=problems)
            for side in source.sides:
                anew = by_date(counted.fingerprints[side])
                fingerprints[side] = {**fingerprints[side], **{day: anew[day] for day in days if day in anew}}
    found = replace(sources, packed=packed, fingerprints=fingerprints, cap_rates=cap_rates)
    _refuse(config, replace(found, warnings=[]))
    return found


def _counted_anew(engine: Engine, sources: PanelSources, source: PackedSource, days: set[date]) -> Surveyed:
    read = sources.files_of(source, dict.fromkeys(source.sides, days))
    return joined_surveys(engine.collect(engine.read_source(read, SurveyConverted(source.check), days)), source.sides)


def _of_dates(days: set[date], others: pa.Table, anew: pa.Table) -> pa.Table:
    """Problems by date: those of the days as they were counted anew."""
    chosen = pa.array(sorted(days), pa.date32())
    rest = others.filter(pc.invert(pc.is_in(others.column("date"), chosen)))
    return pa.concat_tables([rest, anew.filter(pc.is_in(anew.column("date"), chosen))])
