"""Validate: the configuration and its sources, without writing: what is missing, what would be rejected."""

from datetime import date
from typing import NamedTuple

from sigmalake.spark.rejects import problem_counts
from sigmalake.stages.context import Context
from sigmalake.stages.ingest import plan_rows
from sigmalake.stages.panel_sources import read_sources


class SourceReport(NamedTuple):
    """What a source holds."""

    name: str
    rows: int
    rejected: int  # rows with a problem; duplicate keys are found when rows are packed
    first_date: date | None
    last_date: date | None
    problems: list[tuple[str, str, int, str | None]]  # column, reason, rows, a value seen


class Validation(NamedTuple):
    """What a run would meet."""

    sources: list[SourceReport]
    dates: int  # rows that the panel would have
    factors: list[str]  # on the newest date


def validate(context: Context) -> Validation:
    """Read every source once and say what it holds."""
    sources = read_sources(context.lake.spark, context.config)
    reports = []
    for half, prints in sources.prints.items():
        days = [day for day in prints if day is not None]
        rejected = sum(found.rejected for found in prints.values())
        problems = problem_counts(sources.rows[half]) if rejected else []
        rows = sum(found.rows for found in prints.values())
        reports.append(
            SourceReport(sources.names[half], rows, rejected, min(days, default=None), max(days, default=None), problems)
        )
    planned, sets, _ = plan_rows(context.config, sources)
    newest = planned[max(planned)]
    return Validation(reports, len(planned), [factor.name for factor in sets[newest.factor_set]])
