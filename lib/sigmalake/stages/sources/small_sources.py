"""Sources that the driver reads whole: rates, exchange rates, a calendar."""

from dataclasses import dataclass

import pyarrow as pa

from sigmalake.config.model import Config
from sigmalake.config.sources import Location
from sigmalake.engines.engine import Engine
from sigmalake.stages.sources.source_checks import refuse_times
from sigmalake.tasks.sources.check_source import CheckSource
from sigmalake.tasks.sources.checking import CheckedRows
from sigmalake.tasks.sources.fingerprints import Fingerprints, by_date
from sigmalake.tasks.sources.needed_columns import needed_columns
from sigmalake.tasks.sources.source_tasks import AsRead, as_rows, joined_surveys


@dataclass(frozen=True)
class SmallSource:
    """All rows of a source, checked."""

    checked: CheckedRows
    fingerprints: Fingerprints
    problems: pa.Table  # counts by date


def read_small(engine: Engine, config: Config, name: str, place: Location) -> SmallSource:
    """Read and check a whole source; a key that is given twice is found over all of its files.

    Raises:
        ConfigError: there is no such source, or it lacks a column.
        DataError: it cannot be read.
    """
    dated = str(place.columns.date)  # type: ignore[attr-defined]  # every source has dates
    opened = engine.open_source(name, place, needed_columns(config, name), dated, gathered=False)
    raw = engine.collect(engine.read_source(opened, AsRead()))
    check = CheckSource(config, name, (name,))
    surveyed = joined_surveys(as_rows(check.survey(raw)), [name])
    refuse_times(name, opened.where, surveyed.times)
    return SmallSource(check.checked(raw)[name], by_date(surveyed.fingerprints[name]), surveyed.problems[name])
