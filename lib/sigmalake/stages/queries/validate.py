"""Validate: the configuration and its sources, without writing: what is missing, what would be rejected."""

from dataclasses import replace
from datetime import date
from typing import NamedTuple

import pyarrow as pa

from sigmalake.stages.context import Context, span
from sigmalake.stages.ingest import plan_rows
from sigmalake.stages.queries.quality_preview import preview_quality
from sigmalake.stages.queries.quality_summary import spoken_warnings, summary
from sigmalake.stages.sources.dated_sources import survey_source
from sigmalake.stages.sources.panel_sources import PanelSources, read_sources, usable_dates
from sigmalake.stages.sources.price_sources import read_price_sources
from sigmalake.tasks.books.pack_books import BOOK_KEY
from sigmalake.tasks.sources.check_source import BesideExposures
from sigmalake.tasks.sources.fingerprints import FileFingerprint, Fingerprints
from sigmalake.tasks.sources.rejected_rows import most_frequent


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
    warnings: list[str]  # what is hardly right
    quality: str  # how many values of the newest dates are beyond a threshold of checks.quality


def validate(context: Context) -> Validation:
    """Read every source once and say what it holds."""
    engine, config, reports, beside = context.engine, context.config, [], None
    priced = None
    if config.sources.prices is not None:
        priced = read_price_sources(engine, config)
        reports = [
            _report(name, priced.fingerprints[name], source.surveyed.problems[name]) for name, source in priced.sources.items()
        ]
        if config.is_described:  # each asset with a date of prices is taken to have its descriptors and its shares
            pending = dict.fromkeys(usable_dates(priced.fingerprints["prices"]), "")
            shares = config.segment_group is not None
            beside = BesideExposures(tuple(config.described_columns), None, pending, shares, None, pending if shares else {})
    sources = read_sources(engine, config, None, beside)
    if priced is not None and config.segment_group is not None and config.segment_group.listed is None:
        segments = engine.collect(priced.records(engine, "segments"))
        sources = _with_levels(sources, config.memberships.index(config.segment_group), segments)
    for side, found in sources.fingerprints.items():
        reports.append(_report(sources.names[side], found, sources.problems(side)))
    if config.sources.books is not None:
        books = survey_source(engine, None, config, "books", BOOK_KEY, "")
        reports.append(_report(books.name, books.fingerprints(), books.surveyed.problems[books.name]))
    planned, sets, ranks = plan_rows(context.config, sources)
    newest = planned[max(planned)]
    factors = [factor.name for factor in sets[newest.factor_set]]
    if config.is_described:
        return Validation(reports, len(planned), factors, sources.warnings, "measured by a run, once descriptors are there")
    measured = preview_quality(context, sources, planned, sets, ranks)
    dates = sorted(set(measured.column("date").to_pylist()))
    return Validation(
        reports, len(planned), factors, [*sources.warnings, *spoken_warnings(measured)], f"{span(dates)}: {summary(measured)}"
    )


def _with_levels(sources: PanelSources, group: int, segments: pa.Table) -> PanelSources:
    """The industries of the segments as levels of their group, each from the day on which one of it is known."""
    named = segments.group_by("industry").aggregate([("known_at", "min")]).to_pylist()
    learned = [FileFingerprint(None, row["known_at_min"], 0, 0, 0, 0, [(group, row["industry"])]) for row in named]
    return replace(sources, by_file={**sources.by_file, "exposures": [*sources.by_file["exposures"], *learned]})


def _report(name: str, found: Fingerprints, counts: pa.Table) -> SourceReport:
    days = [day for day in found if day is not None]
    rejected = sum(of_day.rejected for of_day in found.values())
    total = sum(of_day.rows for of_day in found.values())
    problems = [(one.column, one.reason, one.n, one.value) for one in most_frequent(counts)]
    return SourceReport(name, total, rejected, min(days, default=None), max(days, default=None), problems)
