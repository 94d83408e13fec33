"""Validate: the configuration and its sources, without writing: what is missing, what would be rejected."""

from dataclasses import replace
from datetime import date
from typing import NamedTuple

import pyarrow as pa

from sigmalake.config.model import Config
from sigmalake.stages.context import Context, span
from sigmalake.stages.ingest import plan_rows
from sigmalake.stages.queries.quality_preview import preview_quality
from sigmalake.stages.queries.quality_summary import spoken_warnings, summary
from sigmalake.stages.sources.dated_sources import survey_source
from sigmalake.stages.sources.panel_sources import PanelSources, read_sources, usable_dates
from sigmalake.stages.sources.price_sources import PriceSources, read_price_sources
from sigmalake.tasks.books.pack_books import BOOK_KEY
from sigmalake.tasks.sources.check_source import BesideExposures, SharesBeside
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
    if config.sources.described():
        priced = read_price_sources(engine, config)
        reports = [
            _report(name, priced.fingerprints[name], source.surveyed.problems[name]) for name, source in priced.sources.items()
        ]
        if config.is_described:
            beside = _taken_to_be_described(config, priced)
    sources = read_sources(engine, config, None, beside)
    for source, group in config.computed_groups.items():
        if priced is not None and group.listed is None:
            records, level = engine.collect(priced.records(engine, source)), "industry" if group.segments else "level"
            sources = _with_levels(sources, config.memberships.index(group), records.column(level), records.column("known_at"))
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


def _taken_to_be_described(config: Config, priced: PriceSources) -> BesideExposures:
    """Descriptors and shares of each asset with a date of prices, and shares of revenue from the first day on that has some."""
    pending = dict.fromkeys(usable_dates(priced.fingerprints.get("prices", {})), "")
    known = [day for day, _ in priced.known_hashes("revenues")]
    shares = {"segments": SharesBeside(None, pending), "revenues": SharesBeside(None, dict.fromkeys(known, ""), known)}
    made = {source: shares[source] for source in config.computed_groups}
    return BesideExposures(tuple(config.described_columns), None, pending, made)


def _with_levels(sources: PanelSources, group: int, levels: pa.ChunkedArray, known_at: pa.ChunkedArray) -> PanelSources:
    """The levels of segments or revenues as those of their group, each from the day on which one of it is known."""
    named = pa.table({"level": levels, "known_at": known_at}).group_by("level").aggregate([("known_at", "min")]).to_pylist()
    learned = [FileFingerprint(None, row["known_at_min"], 0, 0, 0, 0, [(group, row["level"])]) for row in named]
    return replace(sources, by_file={**sources.by_file, "exposures": [*sources.by_file["exposures"], *learned]})


def _report(name: str, found: Fingerprints, counts: pa.Table) -> SourceReport:
    days = [day for day in found if day is not None]
    rejected = sum(of_day.rejected for of_day in found.values())
    total = sum(of_day.rows for of_day in found.values())
    problems = [(one.column, one.reason, one.n, one.value) for one in most_frequent(counts)]
    return SourceReport(name, total, rejected, min(days, default=None), max(days, default=None), problems)
