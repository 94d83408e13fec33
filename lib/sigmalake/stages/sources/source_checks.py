"""What stops a run because of its sources, and what is said of them once."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from sigmalake.config.checks import MaxRejected
from sigmalake.config.model import Config
from sigmalake.errors import DataError
from sigmalake.sources.dates import TimesOfDay
from sigmalake.tasks.sources.fingerprints import FileFingerprint, Fingerprints
from sigmalake.tasks.sources.plausibility import dates_never_meet, ids_never_meet, implausible_values
from sigmalake.tasks.sources.rejected_rows import worst_problems
from sigmalake.tasks.sources.rejection_limits import BeyondLimit, beyond_limits, unusable_files
from sigmalake.tasks.sources.source_tasks import Surveyed

MOST_SHOWN = 3  # dates or files that a message names


def refuse_times(name: str, where: str, times: pa.Table) -> None:
    """Refuse a source whose timestamps do not tell of which day they are.

    Raises:
        DataError: with a count and an example.
    """
    sums: dict[str, TimesOfDay] = {}
    for row in times.to_pylist():
        column = row.pop("column")
        sums[column] = sums.get(column, TimesOfDay()).plus(TimesOfDay(**row))
    for column, total in sums.items():
        total.refuse(name, where, column)


def refuse_unusable(source: str, found: Fingerprints, files: Iterable[FileFingerprint], problems: pa.Table) -> None:
    """Refuse a source, or a file of it, of which no row can be used: a file does not pass for nothing new.

    Raises:
        DataError: with the most frequent problems.
    """
    total, rejected = sum(p.rows for p in found.values()), sum(p.rejected for p in found.values())
    if total == 0:
        raise DataError(f"{source} has no rows")
    if total == rejected:
        raise DataError(f"{source}: none of its {total} rows can be used: {worst_problems(problems)}")
    if wrong := unusable_files(files):
        listed = "; ".join(f"{file} ({n:,} rows)" for file, n in wrong[:MOST_SHOWN])
        more = f" and {len(wrong) - MOST_SHOWN} more files" if len(wrong) > MOST_SHOWN else ""
        raise DataError(f"{source}: of {listed}{more} no row can be used: {worst_problems(problems)}; mend or remove it")


def refuse_rejected(source: str, found: Fingerprints, problems: pa.Table, limits: MaxRejected) -> None:
    """Refuse a source of which more is rejected than `checks.max_rejected` allows.

    Raises:
        DataError: with the dates, the counts and the reasons.
    """
    beyond: Sequence[BeyondLimit] = beyond_limits(source, found, problems, limits)
    if beyond:
        more = f"; and on {len(beyond) - MOST_SHOWN} more dates" if len(beyond) > MOST_SHOWN else ""
        raise DataError("; ".join(one.message for one in beyond[:MOST_SHOWN]) + more)


def since(first: date, problems: pa.Table) -> pa.Table:
    """The problems of rows dated from a day on, and of those whose date is unreadable."""
    days = problems.column("date")
    return problems.filter(pc.or_kleene(days.is_null(), pc.greater_equal(days, pa.scalar(first, pa.date32()))))


def warnings_of(config: Config, fingerprints: Mapping[str, Fingerprints], surveyed: Mapping[str, Surveyed]) -> list[str]:
    """What is hardly right about the rows that were read, each once."""
    found = []
    for survey in {id(one): one for one in surveyed.values()}.values():
        for sums in survey.sums.values():
            found += implausible_values(sums)
    ids = {side: survey.ids[side] for side, survey in surveyed.items() if len(survey.ids[side])}
    if config.sources.panel is None and {"returns", "exposures"} <= ids.keys():
        found += ids_never_meet(("the returns", ids["returns"]), ("the exposures", ids["exposures"]))
    if {"returns", "caps"} <= ids.keys():
        found += ids_never_meet(("the returns", ids["returns"]), ("the caps", ids["caps"]))
    exposures, returns = ([day for day in fingerprints[side] if day is not None] for side in ("exposures", "returns"))
    if config.sources.panel is None and "calendar" not in fingerprints:
        found += dates_never_meet(exposures, returns, config.sources.exposures_max_age)
    return list(dict.fromkeys(found))
