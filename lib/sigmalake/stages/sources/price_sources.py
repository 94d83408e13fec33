"""The sources of descriptors and shares: what each holds on each date, and their rows."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from hashlib import sha256

from sigmalake.config.model import Config
from sigmalake.config.sources import Location
from sigmalake.config.staleness import digest_of
from sigmalake.engines.engine import Engine
from sigmalake.errors import ConfigError, DataError
from sigmalake.lake.books import AccountLine
from sigmalake.lake.lake import Lake
from sigmalake.lake.storage import Rows
from sigmalake.stages import versions
from sigmalake.stages.context import Context
from sigmalake.stages.planning import rules_hash, version_with
from sigmalake.stages.sources.dated_sources import DatedSource, runs_of_dates, survey_source, write_rejected
from sigmalake.stages.sources.rejected import count_rejected
from sigmalake.stages.sources.small_sources import read_small
from sigmalake.stages.sources.source_memory import Memory
from sigmalake.tasks.packing.pack_prices import SOURCE_ROWS, EachOnce, PackPrices
from sigmalake.tasks.packing.packed_prices import (
    FIGURE_KEY,
    REVENUE_KEY,
    SEGMENT_KEY,
    usable_figures,
    usable_revenues,
    usable_segments,
)
from sigmalake.tasks.sources.checked_rates import returns_by_factor
from sigmalake.tasks.sources.fingerprints import FileFingerprint, Fingerprints
from sigmalake.tasks.sources.source_tasks import UsableRows

KEYS = {"prices": ("date", "asset_id"), "fundamentals": FIGURE_KEY, "segments": SEGMENT_KEY, "revenues": REVENUE_KEY}
RECORDS = {"fundamentals": usable_figures, "segments": usable_segments, "revenues": usable_revenues}
NOTHING = "there is nothing to describe: give `sources.prices` (date, asset_id, ret, cap, traded_value), or `sources.revenues`"


@dataclass(frozen=True)
class PriceSources:
    """Prices, fundamentals, segments and revenues, as far as there are some, by name."""

    sources: dict[str, DatedSource]
    fingerprints: dict[str, Fingerprints] = field(default_factory=dict)
    factor_returns: Mapping[str, Mapping[date, float]] = field(default_factory=dict)  # by factor and date, for sensitivities

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
        parts = [{day: hashes[day] for day in days} for days in runs_of_dates(sorted(hashes), self.fingerprints["prices"])]
        read = tuple(task.schema(source.opened.raw_schema).names)
        pack = PackPrices(parts, read, columns.cap is not None, bool(columns.traded_value or columns.volume))
        rows = engine.read_source(source.of_dates(set(hashes)), task, set(hashes))
        return engine.map_parts(pack, {SOURCE_ROWS: rows})

    def records(self, engine: Engine, name: str) -> Rows | None:
        """The usable records of fundamentals, segments or revenues, each once; None where there is no such source."""
        if name not in self.sources:
            return None
        source = self.sources[name]
        return engine.read_source(replace(source.opened, gathered=True), EachOnce(source.check, name, RECORDS[name]))


def price_source_versions(engine: Engine, config: Config) -> dict[str, str]:
    """What says, without reading a row, that nothing has changed; "" for a source that cannot say it."""
    places = config.sources.described() | _of_sensitivities(config)
    kernels = () if config.descriptors is None else config.descriptors.registered.values()
    rules = [
        *config.described_hashes(),
        *(config.described_source_hash(name) for name in _of_sensitivities(config)),
        version_with(versions.DESCRIBE, kernels),
    ]
    return {**{name: engine.source_version(name, place) for name, place in places.items()}, "configuration": digest_of(rules)}


def _of_sensitivities(config: Config) -> dict[str, Location]:
    """The source of factor returns, where descriptors are slopes on them."""
    place = config.sources.factor_returns
    return {"factor_returns": place} if place is not None and config.sensitivities else {}


def read_price_sources(engine: Engine, config: Config, lake: Lake | None = None, *, verify: bool = False) -> PriceSources:
    """Survey every source of descriptors: check the rows of files that are new, and take fingerprints by date.

    Args:
        engine: reads the rows.
        config: names the sources.
        lake: where fingerprints of files that have not changed are remembered; None: every row is read.
        verify: read every row all the same.

    Raises:
        ConfigError: the configuration names none of them.
        DataError: a source has no row that can be used, or too few.
    """
    places = config.sources.described()
    if not places:
        raise ConfigError(NOTHING)
    rules = {name: rules_hash(config.described_source_hash(name), versions.DESCRIBE) for name in KEYS if name in places}
    sources = {name: survey_source(engine, lake, config, name, KEYS[name], rules[name], verify=verify) for name in rules}
    given = {name: read_small(engine, config, name, place).checked for name, place in _of_sensitivities(config).items()}
    factor_returns = returns_by_factor(given["factor_returns"]) if given else {}
    if lacking := sorted(set(config.sensitivities) - set(factor_returns)):
        raise DataError(f"sources.factor_returns has no return of {', '.join(lacking)}, named by descriptors.sensitivities")
    found = PriceSources(sources, {name: source.fingerprints() for name, source in sources.items()}, factor_returns)
    for source in sources.values():
        source.refuse_unfit(config)
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
    write_rejected(context, "describe", list(sources.sources.values()), dates, removed)
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
