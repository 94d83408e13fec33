"""What a run would do now, stage by stage; nothing is written."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple, TypeVar

from sigmalake.errors import ConfigError, DataError
from sigmalake.lake.books import unsettled_ranges
from sigmalake.lake.dates import DateRange
from sigmalake.stages.context import Context
from sigmalake.stages.covariance import plan_covariance
from sigmalake.stages.describe import DESCRIBED, Pending, plan_describe
from sigmalake.stages.evaluate import Upstream, plan_evaluate
from sigmalake.stages.ingest import INGESTED, plan_ingest
from sigmalake.stages.planning import Changes, PanelState, Why, stored_cross_sections, stored_risk_models
from sigmalake.stages.portfolios import MEASURED, has_books, plan_portfolios
from sigmalake.stages.quality import plan_quality
from sigmalake.stages.regress import REGRESSED, plan_regress
from sigmalake.stages.release import needs_release
from sigmalake.stages.risk import RISK_TABLES, plan_risk
from sigmalake.stages.side_tables.exposures import plan_exposures
from sigmalake.stages.side_tables.residual_correlation import plan_residual_correlation
from sigmalake.stages.side_tables.stability import plan_stability
from sigmalake.stages.sources.own_portfolios import read_own_portfolios
from sigmalake.stages.verify import dropped_variants, find, refuse, refuse_other_model
from sigmalake.tables.evaluation import FORECAST_EVALUATION

StageKey = TypeVar("StageKey", date, tuple[str, date])


class PlannedStage(NamedTuple):
    """What a stage would do."""

    stage: str
    compute: dict[date, Why]
    rows: int  # of its packed table to compute, or where that is as it should be of what stands beside it: a date may have several
    remove: list[date]
    error: str | None = None  # why it cannot be said
    notes: tuple[str, ...] = ()  # what else there is to know


def plan(context: Context) -> list[PlannedStage]:
    """What a run would do now, stage by stage: each sees the tables as the stages before it will leave them.

    Where forecasts were evaluated before, also what `evaluate` would do after it.
    """
    lake = context.lake
    planned, pending = _altered(context), Pending()
    if context.config.sources.described():
        found = plan_describe(context)
        pending = found.pending
        planned.append(_stage("describe", found.why, found.remove, unsettled_ranges(lake, "describe", *DESCRIBED)))
    ingested = plan_ingest(context, pending)
    panel = ingested.expected
    of_ingest = _stage("ingest", ingested.changes.why, ingested.changes.remove, unsettled_ranges(lake, "ingest", *INGESTED))
    for span in plan_exposures(context):
        for day in (span.first, span.last):
            of_ingest.compute.setdefault(day, Why.CONFIGURATION)
    planned.append(of_ingest)
    measures = plan_quality(context, panel)
    planned.append(_stage("quality", measures.why, measures.remove, []))
    regressions = plan_regress(context, panel)
    sections = stored_cross_sections(lake)
    sections.update(regressions.compute)
    sections = {day: value for day, value in sections.items() if day not in regressions.remove}
    touched = regressions or _beside_regressions(context, panel, sections)  # beside regressions they go without saying
    planned.append(_stage("regress", touched.why, touched.remove, unsettled_ranges(lake, "regress", *REGRESSED)))
    models = plan_risk(context, panel, sections)
    of_risk = _stage("risk", models.why, models.remove, unsettled_ranges(lake, "risk", *RISK_TABLES))
    planned.append(of_risk._replace(notes=_dropped(context)))
    stored = {key: value for key, value in stored_risk_models(lake).items() if key not in models.remove}
    stored.update(models.compute)
    builds = plan_covariance(context, panel, stored)
    planned.append(_stage("covariance", builds.why, builds.remove, []))
    if has_books(lake, context.config):
        measured = plan_portfolios(context, panel, stored)
        planned.append(
            _stage("portfolios", measured.risk.why, measured.risk.remove, unsettled_ranges(lake, "portfolios", *MEASURED))
        )
    due = any(stage.compute or stage.remove for stage in planned) or (bool(panel) and needs_release(context))
    newest = max((row.exposure_date for row in panel), default=None)
    planned.append(PlannedStage("release", {newest: Why.NEW} if due and newest else {}, int(due), []))
    if lake.exists(FORECAST_EVALUATION):
        planned.append(_evaluation(context, Upstream(panel, sections, stored)))
    return planned


def _beside_regressions(context: Context, panel: list[PanelState], sections: Mapping[date, str]) -> Changes[date]:
    """Of exposure stability, or where that is as it should be of residual correlations."""
    stability = plan_stability(context.lake, context.config, panel)
    return stability or plan_residual_correlation(context.lake, context.config, panel, sections)


def _altered(context: Context) -> list[PlannedStage]:
    """What a run would put right before all else; what it plans after that is of the tables as they are now."""
    found = find(context.lake)
    refuse(context.lake, found)
    refuse_other_model(context)
    return [PlannedStage("verify", {}, 0, [], notes=tuple(one.text for one in found))] if found else []


def _dropped(context: Context) -> tuple[str, ...]:
    """Whose rows would go."""
    retired = context.config.retired_variants or ()
    return tuple(
        f"all rows of {name} would be deleted: `risk:` does not name it"
        + ("" if name in retired else "; `run` needs --drop-variants, or the name under `retired_variants:`")
        for name in dropped_variants(context)
    )


def _evaluation(context: Context, upstream: Upstream) -> PlannedStage:
    try:
        own = read_own_portfolios(context.config.evaluate.portfolios)
    except (ConfigError, DataError) as error:  # of a file that no stage of a run reads
        return PlannedStage("evaluate", {}, 0, [], str(error))
    found = plan_evaluate(context.lake, context.config, context.asked, upstream, own)
    return _stage("evaluate", found.why, found.remove, [])


def _stage(stage: str, why: Mapping[StageKey, Why], remove: Sequence[StageKey], interrupted: Sequence[DateRange]) -> PlannedStage:
    by_date = {_day(key): reason for key, reason in why.items()}
    for span in interrupted:
        for day in (span.first, span.last):
            by_date.setdefault(day, Why.INTERRUPTED)
    return PlannedStage(stage, by_date, len(why), sorted(_day(key) for key in remove))


def _day(key: StageKey) -> date:
    return key[1] if isinstance(key, tuple) else key
