"""Sources that have stages of their own: what each holds on each date, read from the files that are new, and its rejected rows."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import pyarrow as pa

from sigmalake.config.model import Config
from sigmalake.config.staleness import digest_of
from sigmalake.engines.engine import Engine
from sigmalake.lake.dates import as_ranges, within
from sigmalake.lake.lake import Lake
from sigmalake.sources.opened import OpenedSource
from sigmalake.stages.context import Context
from sigmalake.stages.sources.paired_prices import paired_prices
from sigmalake.stages.sources.source_checks import refuse_rejected, refuse_times, refuse_unusable
from sigmalake.stages.sources.source_memory import Memory, recall
from sigmalake.tables.records import REJECTED_ROWS
from sigmalake.tasks.packing.pack_prices import SOURCE_ROWS, RejectRepeated
from sigmalake.tasks.sources.check_source import CheckSource
from sigmalake.tasks.sources.fingerprints import FileFingerprint, Fingerprints, by_date
from sigmalake.tasks.sources.needed_columns import needed_columns
from sigmalake.tasks.sources.rejected_rows import joined_rejected_rows
from sigmalake.tasks.sources.source_tasks import SURVEYED, RejectedRows, Surveyed, UsableRows, joined_surveys

DATES_A_PART = 64  # of a source that one task packs
ROWS_A_PART = 1 << 20  # of these dates together, beyond which fewer dates make a part


@dataclass(frozen=True)
class DatedSource:
    """A source whose rows are known by their dates."""

    opened: OpenedSource
    check: CheckSource
    memory: Memory | None  # None: its files cannot be told
    surveyed: Surveyed  # of the files that were read
    key: tuple[str, ...]  # what tells its rows apart

    @property
    def name(self) -> str:
        """In the configuration."""
        return self.check.source

    @property
    def by_file(self) -> list[FileFingerprint]:
        """Of all files, those that were read and those that are remembered."""
        return ([] if self.memory is None else self.memory.known[self.name]) + self.surveyed.fingerprints[self.name]

    def fingerprints(self) -> Fingerprints:
        """What it holds on each date."""
        return by_date(self.by_file)

    def of_dates(self, days: set[date]) -> OpenedSource:
        """The source with the files that hold rows of these dates, or rows whose date is unreadable."""
        files = {one.file for one in self.by_file if one.date is None or one.date in days}
        return self.opened if None in files else self.opened.only({file for file in files if file is not None})

    def refuse_unfit(self, config: Config) -> None:
        """Refuse it where no row, or too few, can be used.

        Raises:
            DataError: with the reasons.
        """
        where, problems = f"sources.{self.name}: {config.sources.locations()[self.name].where}", self.surveyed.problems[self.name]
        refuse_unusable(where, self.fingerprints(), self.by_file, problems)
        refuse_rejected(where, self.fingerprints(), problems, config.checks.max_rejected)


def survey_source(
    engine: Engine, lake: Lake | None, config: Config, name: str, key: tuple[str, ...], rules: str, *, verify: bool = False
) -> DatedSource:
    """A source, of which the files that are new are read and checked.

    Args:
        engine: reads the rows.
        lake: where fingerprints of files that have not changed are remembered; None: every row is read.
        config: names it.
        name: in the configuration.
        key: what tells its rows apart.
        rules: hash of all that decides how it is read.
        verify: read every row all the same.

    Raises:
        ConfigError: there is no such source, or it lacks a column.
        DataError: it cannot be read.
    """
    place, check = config.sources.locations()[name], CheckSource(config, name, (name,))
    columns = place.columns  # type: ignore[attr-defined]  # every source has some
    dated = str(getattr(columns, "date", None) or columns.known_at)
    opened = engine.open_source(name, place, needed_columns(config, name), dated, gathered=False)
    opened = paired_prices(engine, opened, place)
    memory = recall(lake, opened, digest_of([rules, place.where]), [name], verify=verify)
    if memory is not None and not memory.fresh_files:
        return DatedSource(opened, check, memory, joined_surveys(SURVEYED.empty_table(), [name]), key)
    rows, _ = engine.survey_source(opened if memory is None else opened.only(memory.fresh_files), check)
    surveyed = joined_surveys(rows, [name])
    refuse_times(name, opened.where, surveyed.times)
    return DatedSource(opened, check, memory, surveyed, key)


def write_rejected(
    context: Context, stage: str, sources: Sequence[DatedSource], dates: Mapping[str, set[date]], removed: Mapping[str, set[date]]
) -> None:
    """Replace the rejected rows of some dates, and those whose date is unreadable.

    Args:
        context: its lake has `rejected_rows`.
        stage: goes into the commit.
        sources: surveyed.
        dates: of each source that was read anew, the dates that were.
        removed: dates that it no longer has.
    """
    found, clauses = [], []
    for source in sources:
        name, fingerprints = source.name, source.fingerprints()
        if name not in dates:
            continue
        found += list(_rejected(context.engine, source, fingerprints, dates[name]))
        known = [day for day in fingerprints if day is not None]
        gone = within("date", as_ranges(dates[name] | removed[name], [*known, *removed[name]]))
        clauses.append(f"(source = '{name}' AND (date IS NULL OR {gone}))")
    if clauses:
        rows = context.engine.driver_rows(joined_rejected_rows(found))
        context.lake.replace_rows(REJECTED_ROWS, rows, stage, " OR ".join(clauses))


def runs_of_dates(days: Sequence[date], found: Fingerprints) -> Iterator[Sequence[date]]:
    """Dates in runs of at most `DATES_A_PART`, and of about `ROWS_A_PART` rows by the fingerprints of their source."""
    first = rows = 0
    for at, day in enumerate(days):
        if at > first and (at - first == DATES_A_PART or rows >= ROWS_A_PART):
            yield days[first:at]
            first, rows = at, 0
        rows += found[day].rows if day in found else 0
    if days:
        yield days[first:]


def _rejected(engine: Engine, source: DatedSource, fingerprints: Fingerprints, days: set[date]) -> Iterator[pa.Table]:
    """The rejected rows of one source: for themselves, and because their key is given more than once."""
    name = source.name
    wrong = {day for day in [*days, None] if day in fingerprints and fingerprints[day].rejected}
    if wrong:
        read = source.of_dates({day for day in wrong if day is not None})
        yield engine.collect(engine.read_source(read, RejectedRows(source.check, {name: name}, {name: wrong})))
    task = UsableRows(source.check, name)
    columns = tuple(task.schema(source.opened.raw_schema).names)
    if days:
        repeated = RejectRepeated(list(runs_of_dates(sorted(days), fingerprints)), name, source.key, columns)
        rows = engine.read_source(source.of_dates(days), task, days)
        yield engine.collect(engine.map_parts(repeated, {SOURCE_ROWS: rows}))
