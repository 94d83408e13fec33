"""Release: check what was computed since the last release, then pin the version of every table in one commit."""

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from sigmalake.config.factors import MarketFactor, Membership
from sigmalake.config.model import Config
from sigmalake.errors import DataError, ReleaseRefusedError
from sigmalake.lake.books import all_releases, next_release_id, now, record_release, release_ledger, unsettled_ranges
from sigmalake.lake.dates import DateRange
from sigmalake.lake.lake import Lake
from sigmalake.lake.log import in_effect
from sigmalake.lake.releases import Check, Release
from sigmalake.lake.trust.contents import kept_contents
from sigmalake.stages.context import Context, Outcome
from sigmalake.stages.covariance import plan_covariance
from sigmalake.stages.ingest import INGESTED
from sigmalake.stages.planning import panel_states, stored_cross_sections, stored_risk_models
from sigmalake.stages.portfolios import MEASURED, has_books, plan_portfolios
from sigmalake.stages.quality import plan_quality
from sigmalake.stages.queries.quality_summary import stop_message
from sigmalake.stages.regress import REGRESSED, plan_regress
from sigmalake.stages.release_contents import present_contents, record_contents
from sigmalake.stages.risk import RISK_TABLES, plan_risk
from sigmalake.stages.side_tables.current_views import refresh_views
from sigmalake.stages.side_tables.exposures import plan_exposures
from sigmalake.stages.verify import refuse_altered
from sigmalake.tables.catalogue import ALL_TABLES, MODEL_TABLES
from sigmalake.tables.checksums.contents import Contents, total
from sigmalake.tables.declaration import Table
from sigmalake.tables.packed import CROSS_SECTIONS, RISK_MODELS
from sigmalake.tables.records import RELEASE_CONTENTS, RELEASES

R2_ROUNDING = 1e-12  # a market alone has an R2 of 0 but for rounding


def needs_release(context: Context) -> bool:
    """Whether anything differs from the last release."""
    return is_unreleased(context.lake, context.config)


def is_unreleased(lake: Lake, config: Config) -> bool:
    """Whether the tables or the configuration differ from the last release, or there is none."""
    releases = all_releases(lake)
    return not releases or releases[-1].config_hash != config.full_hash() or not _stands(lake, releases[-1])


def cut_stages(lake: Lake) -> list[str]:
    """The stages that were stopped before they were done."""
    return [stage for stage, tables in _STAGES if unsettled_ranges(lake, stage, *tables)]


def release(context: Context) -> Outcome | None:
    """Release the lake as it stands.

    Raises:
        ReleaseRefusedError: a check failed; the tables stay, the last release stays the last.
        DataError: there is nothing to release.
    """
    lake, config = context.lake, context.config
    if not needs_release(context):
        completed = _complete_contents(context)
        refresh_views(context)
        return completed
    refuse_altered(context)
    as_of = newest_date(lake, config)
    books = release_ledger(lake)
    earlier, standing = books.releases, books.standing
    tables, ids, ledger = _versions(lake, MODEL_TABLES), _ids(lake), _versions(lake, _LEDGER)
    before = kept_contents(lake.columns(RELEASE_CONTENTS, RELEASE_CONTENTS.column_names), earlier)
    contents = present_contents(context, before, earlier[-1] if earlier else None)
    checks = [*check_release(context, as_of, standing[-1] if standing else None), _counted(lake, contents)]
    if failed := [check for check in checks if not check.passed]:
        still = f"{standing[-1].release_id} stays the last release" if standing else "there is no release yet"
        reasons = "; ".join(f"{check.name}: {check.detail}" for check in failed)
        raise ReleaseRefusedError(f"not released as of {as_of}: {reasons}. The tables stay as they are; {still}")
    release_id, sequence = next_release_id(as_of, earlier)
    made = Release(
        release_id, now(), as_of, list(config.risk), tables, context.config_hash, context.run_id, checks, sequence, ids, ledger
    )
    record_release(lake, context.engine.driver_rows, made)
    record_contents(context, made, before, contents)
    refresh_views(context)
    said = f"{release_id}: {len(tables)} tables as of {as_of}; " + ", ".join(check.name for check in checks) + " passed"
    return Outcome([as_of], rows_out=1, tables=(RELEASES, RELEASE_CONTENTS), said=said)


def _complete_contents(context: Context) -> Outcome | None:
    """Keep the contents of the last release, whose run was stopped before it had; None where they are kept."""
    lake, releases = context.lake, all_releases(context.lake)
    kept = lake.columns(RELEASE_CONTENTS, ["sequence"]).column("sequence")
    last = releases[-1]
    if last.sequence in set(kept.to_pylist()):
        return None
    rows = lake.columns(RELEASE_CONTENTS, RELEASE_CONTENTS.column_names)
    before = kept_contents(rows, releases[:-1])
    record_contents(context, last, before, present_contents(context, before, releases[-2] if before else None))
    return Outcome([last.as_of], tables=(RELEASE_CONTENTS,), said=f"{last.release_id}: its row counts and checksums are kept")


def _counted(lake: Lake, contents: Mapping[str, Contents]) -> Check:
    """Whether every table has as many rows, by its log, as were counted by date."""
    found = {table: (lake.n_rows(table), total(contents[table.name]).rows) for table in MODEL_TABLES if table.name in contents}
    wrong = [f"{table.name} has {rows:,} rows, {n:,} counted" for table, (rows, n) in found.items() if rows not in (None, n)]
    detail = "; ".join(wrong) + "; run again" if wrong else "every table has the rows that were written"
    return Check("rows_counted", not wrong, detail)


def newest_date(lake: Lake, config: Config) -> date:
    """The newest date for which the whole model stands: every variant's, or the regressions' where there is no variant."""
    models = stored_risk_models(lake)
    newest = [max((day for name, day in models if name == variant), default=None) for variant in config.risk]
    if config.risk and all(day is not None for day in newest):
        return min(day for day in newest if day is not None)
    dates = stored_cross_sections(lake)
    if not dates:
        panel = [row.exposure_date for row in panel_states(lake)]
        found = f"the panel has one date, {panel[0]}" if len(panel) == 1 else "none has been run"
        raise DataError(
            f"there is nothing to release: no regression; {found}. A regression needs the exposures of one date and the returns "
            "of the next: bring two dates or more, then use `sigmalake run`"
        )
    return max(dates)


def check_release(context: Context, as_of: date, last: Release | None) -> list[Check]:
    """Every check of `checks:`, on the dates written since the last release."""
    lake, config = context.lake, context.config
    since = last.seen(CROSS_SECTIONS.name) if last else None
    spans = [span for commit in lake.commits(CROSS_SECTIONS, since) for span in commit.ranges]
    rows = lake.columns(CROSS_SECTIONS, ["date", "status", "detail", "r2", "r2_uncentred", "n_assets"]).sort_by("date").to_pylist()
    new = [row for row in rows if row["date"] <= as_of and _covered(row["date"], spans)]
    return [
        _complete(context, as_of),
        _coverage(rows, new, config.checks.max_coverage_drop),
        _r2(new, _least_r2(config), "r2" if _explains_mean(config) else "r2_uncentred"),
        _failed(new, config.checks.max_failed_dates),
        _quality(context),
        *([_factor_cov(lake, config, as_of)] if config.checks.require_factor_cov and config.risk else []),
    ]


_LEDGER = tuple(table for table in ALL_TABLES if table not in MODEL_TABLES)


def _versions(lake: Lake, tables: Iterable[Table]) -> dict[str, int]:
    found = {table.name: lake.version(table) for table in tables}
    return {name: version for name, version in found.items() if version is not None}


def _ids(lake: Lake) -> dict[str, str]:
    return {table.name: found for table in ALL_TABLES if (found := lake.table_id(table)) is not None}


def _stands(lake: Lake, last: Release) -> bool:
    """Whether every table holds the rows that were released; the fence of a takeover moves versions, and no row."""
    versions = _versions(lake, MODEL_TABLES)
    return versions.keys() == last.tables.keys() and all(
        lake.is_still(table, seen) and all(commit.keeps_rows for commit in in_effect(lake.commits(table, seen)))
        for table in MODEL_TABLES
        if (seen := last.seen(table.name)) is not None
    )


def _covered(day: date, spans: Sequence[DateRange]) -> bool:
    return any(span.first <= day <= span.last for span in spans)


def _complete(context: Context, as_of: date) -> Check:
    """No stage is behind the one before it, up to the release's date."""
    lake = context.lake
    panel = panel_states(lake)
    everything = Context(lake, context.engine, context.config, context.run_id)
    regress, risk = plan_regress(everything, panel), plan_risk(everything, panel, stored_cross_sections(lake))
    builds, measures = plan_covariance(everything, panel, stored_risk_models(lake)), plan_quality(everything, panel)
    unmeasured = [day for day in [*measures.compute, *measures.remove] if day <= as_of]
    regressions = [day for day in [*regress.compute, *regress.remove] if day <= as_of]
    models = [day for _, day in [*risk.compute, *risk.remove] if day <= as_of]
    stale = [day for _, day in [*builds.compute, *builds.remove] if day <= as_of]
    books = (
        plan_portfolios(everything, panel, stored_risk_models(lake), packed=True).risk if has_books(lake, context.config) else None
    )
    unheld = [] if books is None else [day for _, day in [*books.compute, *books.remove] if day <= as_of]
    cut = cut_stages(lake)
    behind = [
        *([f"the quality of {len(unmeasured)} dates is behind the panel"] if unmeasured else []),
        *([f"{len(regressions)} regressions are behind the panel"] if regressions else []),
        *([f"{len(models)} risk models are behind the cross-sections"] if models else []),
        *([f"{len(stale)} V are behind the risk models"] if stale else []),
        *([f"the portfolios of {len(unheld)} dates are behind the risk models"] if unheld else []),
        *(["exposures in rows are behind the panel"] if plan_exposures(everything) else []),
        *(f"{stage} was stopped before it was done" for stage in cut),
    ]
    return Check("complete", not behind, "; ".join(behind) + "; use `sigmalake run`" if behind else "no stage is behind")


_STAGES = (
    ("ingest", INGESTED),
    ("regress", REGRESSED),
    ("risk", RISK_TABLES),
    ("portfolios", MEASURED),
)


def _coverage(rows: Sequence[dict[str, object]], new: Sequence[dict[str, object]], limit: float) -> Check:
    fresh = {row["date"] for row in new}
    drops = []
    for before, after in itertools.pairwise(rows):
        had, has = int(str(before["n_assets"])), int(str(after["n_assets"]))
        if after["date"] in fresh and had and 1 - has / had > limit:
            drops.append(f"{after['date']} has {has} assets after {had}")
    detail = (
        f"{'; '.join(drops[:3])}: more than {limit:.0%} fewer (checks.max_coverage_drop)"
        if drops
        else f"no drop beyond {limit:.0%}"
    )
    return Check("max_coverage_drop", not drops, detail)


def _explains_mean(config: Config) -> bool:
    """Whether a constant lies in the span of X; without one R2 about the mean may be negative, and says little."""
    return any(isinstance(e, MarketFactor) or (isinstance(e, Membership) and e.is_complete) for e in config.factors)


def _least_r2(config: Config) -> float:
    """What R2 may not be below; given factor returns are fitted to nothing, so that they may explain less than 0."""
    unbounded = config.has_given_factors and "min_r2" not in config.checks.model_fields_set
    return -math.inf if unbounded else config.checks.min_r2


def _r2(new: Sequence[dict[str, object]], least: float, column: str) -> Check:
    low = [(row["date"], value) for row in new if isinstance(value := row[column], float) and value < least - R2_ROUNDING]
    worst = min(low, key=lambda found: float(str(found[1])), default=None)
    found = f"{column} of {len(low)} dates below {least}"
    detail = f"{found}, the lowest {worst[1]:.4f} on {worst[0]}" if worst else f"none below {least}"
    return Check("min_r2", not low, detail)


def _failed(new: Sequence[dict[str, object]], most: int) -> Check:
    failed = [f"{row['date']} ({row['status']}: {row['detail']})" for row in new if row["status"] != "ok"]
    more = ", ..." if len(failed) > 3 else ""
    counted = f"{len(failed)} date{'' if len(failed) == 1 else 's'} without factor returns, {most} allowed"
    detail = counted + (f": {', '.join(failed[:3])}{more}" if failed else "")
    return Check("max_failed_dates", len(failed) <= most, detail)


def _quality(context: Context) -> Check:
    message = stop_message(context.lake, context.config.checks.quality)
    return Check("data_quality", message is None, message or "nothing beyond a stop")


def _factor_cov(lake: Lake, config: Config, as_of: date) -> Check:
    rows = lake.columns(RISK_MODELS, ["variant", "date", "status", "detail"]).to_pylist()
    status = {row["variant"]: (row["status"], row["detail"]) for row in rows if row["date"] == as_of}
    missing = [
        f"{v}: {status[v][1] or status[v][0] if v in status else 'no row'}"
        for v in config.risk
        if status.get(v, ("", ""))[0] != "ok"
    ]
    return Check(
        "require_factor_cov",
        not missing,
        f"no Sigma or no Delta as of {as_of}: {'; '.join(missing)}" if missing else "every variant has Sigma",
    )
