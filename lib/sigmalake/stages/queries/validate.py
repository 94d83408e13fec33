"""Validate: the configuration and its sources, without writing: what is missing, what would be rejected."""

from datetime import date
from typing import NamedTuple

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from sigmalake.engines.spark.engine import spark_of
from sigmalake.engines.spark.sources.checking import accepted
from sigmalake.engines.spark.sources.described import Described, DescribedShares
from sigmalake.engines.spark.sources.fingerprint import FilePrint, Prints
from sigmalake.engines.spark.sources.rejects import problem_counts
from sigmalake.stages.context import Context
from sigmalake.stages.ingest import plan_rows
from sigmalake.stages.sources.panel_sources import Sources, read_sources, usable_dates
from sigmalake.stages.sources.price_sources import read_price_sources


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
    spark, config, reports, described = spark_of(context.engine).spark, context.config, [], None
    if config.sources.prices is not None:
        priced = read_price_sources(spark, config)
        reports = [_report(name, prints, priced.rows[name]) for name, prints in priced.prints.items()]
        if config.is_described:  # each asset with a date of prices is taken to have its descriptors and its shares
            pending = dict.fromkeys(usable_dates(priced.prints["prices"]), "")
            shares = DescribedShares(None, pending) if config.segment_group else None
            described = Described(config.described_columns, None, pending, shares)
    sources = read_sources(spark, config, None, described)
    if config.segment_group is not None and config.segment_group.listed is None:
        sources = _with_levels(sources, config.memberships.index(config.segment_group), priced.rows["segments"])
    reports += [_report(sources.names[half], prints, sources.rows[half]) for half, prints in sources.prints.items()]
    planned, sets, _ = plan_rows(context.config, sources)
    newest = planned[max(planned)]
    return Validation(reports, len(planned), [factor.name for factor in sets[newest.factor_set]])


def _with_levels(sources: Sources, group: int, segments: DataFrame) -> Sources:
    """The industries of the segments as levels of their group, each from the day on which one of it is known."""
    named = accepted(segments).groupBy("industry").agg(F.min("date").alias("first")).toArrow().to_pylist()
    learned = [FilePrint(None, row["first"], 0, 0, 0, 0, [(group, row["industry"])]) for row in named]
    return sources._replace(by_file={**sources.by_file, "exposures": [*sources.by_file["exposures"], *learned]})


def _report(name: str, prints: Prints, rows: DataFrame) -> SourceReport:
    days = [day for day in prints if day is not None]
    rejected = sum(found.rejected for found in prints.values())
    problems = problem_counts(rows) if rejected else []
    total = sum(found.rows for found in prints.values())
    return SourceReport(name, total, rejected, min(days, default=None), max(days, default=None), problems)
