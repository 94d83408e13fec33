"""Evaluate: the forecasts of every risk model against what happened in the next period, a date or a month; what factors earned."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import reduce
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame

from sigmalake.config.model import Config, digest_of
from sigmalake.engines.spark.estimation.evaluation import evaluate_each_date
from sigmalake.engines.spark.session import fit_batches
from sigmalake.errors import DataError
from sigmalake.lake.dates import as_ranges, within
from sigmalake.lake.lake import Lake
from sigmalake.numerics.windows.calendar import Frequency
from sigmalake.reader.evaluation_summary import READ, EvaluationSummary, summarise
from sigmalake.stages.context import Asked, Context, Outcome, factor_sets, recorded, span
from sigmalake.stages.planning import (
    Changes,
    PanelState,
    Why,
    changes,
    join_hash,
    months_of,
    panel_states,
    stored_cross_sections,
    stored_risk_models,
)
from sigmalake.stages.regress import cross_section_bytes, panel_row_bytes
from sigmalake.stages.risk import RiskKey, keys_sql
from sigmalake.stages.side_tables.factor_premia import write_factor_premia
from sigmalake.stages.sources.own_portfolios import OwnDigests, read_own_portfolios
from sigmalake.tables.evaluation import FACTOR_PREMIA, FORECAST_EVALUATION
from sigmalake.tables.packed import CROSS_SECTIONS, PANEL, RISK_MODELS
from sigmalake.tasks.evaluation import EvaluateForecasts, OwnHistory, forecast_parts

FREQUENCIES: tuple[Frequency, ...] = ("period", "month")
EVALUATE_VERSION = "1"  # of the kernel: raised when its numbers change


class Upstream(NamedTuple):
    """The tables that forecasts are evaluated from, by the hashes of their rows: as they are, or as a run will leave them."""

    panel: Sequence[PanelState]  # in order
    cross_sections: Mapping[date, str]
    risk_models: Mapping[RiskKey, str]


def run_evaluate(context: Context) -> Outcome | None:
    """The stage, recorded in `runs`."""
    return recorded(context, "evaluate", lambda: evaluate(context))


def evaluate(context: Context) -> Outcome | None:
    """Bring `factor_premia` and `forecast_evaluation` up to date."""
    premia = write_factor_premia(context.lake)
    found = _evaluate_forecasts(context)
    if not premia:
        return found
    said = f"factor premia over {span(premia)}"
    if found is None:
        return Outcome(premia, rows_in=len(premia), tables=(FACTOR_PREMIA,), said=said)
    return replace(found, tables=(*found.tables, FACTOR_PREMIA), said=f"{found.said}; {said}")


def _evaluate_forecasts(context: Context) -> Outcome | None:
    """Evaluate what `plan_evaluate` names, into `forecast_evaluation`."""
    lake, config = context.lake, context.config
    own = read_own_portfolios(config.evaluate.portfolios)
    panel = panel_states(lake)
    upstream = Upstream(panel, stored_cross_sections(lake), stored_risk_models(lake))
    plan = plan_evaluate(lake, config, context.asked, upstream, own)
    if not plan:
        return None
    calendar = sorted({*(row.exposure_date for row in panel), *(day for _, day in plan.remove)})
    fit_batches(lake.spark, panel_row_bytes(lake) + cross_section_bytes(lake))
    touched = [*plan.compute, *plan.remove]
    ranges = as_ranges({day for _, day in touched}, calendar)
    rows = _evaluated(context, plan, panel, own)
    lake.replace_rows(FORECAST_EVALUATION, rows, "evaluate", keys_sql(touched, calendar), ranges)
    dates = sorted({day for _, day in touched})
    said = f"forecasts: {', '.join(sorted({name for name, _ in plan.compute})) or 'none computed'}; {span(dates)}"
    return Outcome(dates, rows_in=len(plan.compute), rows_out=len(plan.compute), tables=(FORECAST_EVALUATION,), said=said)


def _evaluated(context: Context, plan: Changes[RiskKey], panel: list[PanelState], own: OwnHistory) -> DataFrame:
    """The rows of the planned forecasts: of variants by period and by month apart, as other returns follow them."""
    found = [_of_frequency(context, frequency, plan, panel, own) for frequency in FREQUENCIES]
    rows = [one for one in found if one is not None]
    return reduce(DataFrame.unionByName, rows) if rows else context.lake.read(FORECAST_EVALUATION).limit(0)


def _of_frequency(
    context: Context, frequency: Frequency, plan: Changes[RiskKey], panel: list[PanelState], own: OwnHistory
) -> DataFrame | None:
    lake, config, sets = context.lake, context.config, factor_sets(context.lake)
    compute = {key: value for key, value in plan.compute.items() if config.risk[key[0]].frequency == frequency}
    if not compute:
        return None
    days = {day for _, day in compute}
    known = [row.exposure_date for row in panel]
    after = {day: dates for day, dates in _dates_after(panel, stored_cross_sections(lake), frequency).items() if day in days}
    task = EvaluateForecasts(forecast_parts(list(days), known), compute, after, sets, config.evaluate.test_portfolios, own)
    returned = [row.return_date for row in panel if row.return_date is not None]
    met = as_ranges({day for dates in after.values() for day in dates}, returned)
    return evaluate_each_date(
        task,
        lake.read(RISK_MODELS).where(keys_sql(compute, sorted(known))),
        lake.read(PANEL).where(within("exposure_date", as_ranges(days, known))),
        lake.read(PANEL).where(within("return_date", met)),
        lake.read(CROSS_SECTIONS).where(within("date", met)),
    )


def plan_evaluate(lake: Lake, config: Config, asked: Asked, upstream: Upstream, own: OwnHistory) -> Changes[RiskKey]:
    """Which forecasts have met their return and are not evaluated yet, or rest on something that changed.

    Args:
        lake: what is stored.
        config: variants and portfolios.
        asked: return dates; of a month the last.
        upstream: what the forecasts rest on.
        own: the user's portfolios.
    """
    expected, return_date = _expected(config, upstream, OwnDigests(own))
    stored, met = _stored(lake)
    found = changes(expected, stored, Why.UPSTREAM)
    return_date = met | return_date
    compute = {key: value for key, value in found.compute.items() if asked.holds(return_date[key])}
    remove = [key for key in found.remove if asked.holds(return_date[key])]
    return Changes(compute, {key: found.why[key] for key in compute}, remove)


def _expected(config: Config, upstream: Upstream, own: OwnDigests) -> tuple[dict[RiskKey, str], dict[RiskKey, date]]:
    """Hash by variant and date of every forecast that has met its return; and the last date of that return."""
    of_config = digest_of([config.evaluate_hash(), EVALUATE_VERSION])
    panel, cross_sections, risk_models = upstream
    after = {frequency: _dates_after(panel, cross_sections, frequency) for frequency in FREQUENCIES}
    inputs = {row.exposure_date: row.inputs_hash for row in panel}
    expected, return_date = {}, {}
    for (variant, day), model in risk_models.items():
        if variant in config.evaluated_variants and (dates := after[config.risk[variant].frequency].get(day)):
            data = digest_of([model, inputs[day], *(cross_sections[of] for of in dates), own.on(day)])
            expected[variant, day], return_date[variant, day] = join_hash(data, of_config), dates[-1]
    return expected, return_date


def _dates_after(panel: Sequence[PanelState], cross_sections: Mapping[date, str], frequency: Frequency) -> dict[date, list[date]]:
    """By the date of a forecast, the dates of the returns that it is held to: the next one, or the next complete month's."""
    rows = [row for row in panel if row.return_date in cross_sections]
    if frequency == "period":
        return {row.exposure_date: [row.return_date] for row in rows if row.return_date is not None}
    calendar = sorted(cross_sections)
    known = {row.return_date: row.exposure_date for row in rows}
    months = months_of(panel, calendar)
    return {known[calendar[m.first]]: calendar[m.first : m.last + 1] for m in months if calendar[m.first] in known}


def _stored(lake: Lake) -> tuple[dict[RiskKey, str], dict[RiskKey, date]]:
    """Hash, and date of the return, by variant and date."""
    columns = ["variant", "date", "return_date", "inputs_hash"]
    rows = lake.columns(FORECAST_EVALUATION, columns).group_by(columns).aggregate([]).to_pylist()
    keyed = {(row["variant"], row["date"]): row for row in rows}
    return {key: row["inputs_hash"] for key, row in keyed.items()}, {key: row["return_date"] for key, row in keyed.items()}


def evaluation_summary(context: Context) -> EvaluationSummary:
    """What the table says of the dates asked for.

    Raises:
        DataError: no forecast among them has met its return yet.
    """
    rows = context.lake.columns(FORECAST_EVALUATION, READ)
    asked = pc.and_kleene(
        pc.greater_equal(rows.column("return_date"), pa.scalar(context.asked.start or date.min)),
        pc.less_equal(rows.column("return_date"), pa.scalar(context.asked.end or date.max)),
    )
    found = rows.filter(asked) if rows.num_rows else rows
    if not found.num_rows:
        raise DataError(
            f"no forecast of {context.lake.root} has met its return among the dates asked for; a risk model and the return of the "
            "date after it are needed: use `sigmalake run`, and variants under `risk:`"
        )
    by_month = {name for name, variant in context.config.risk.items() if variant.by_month}
    return summarise(found, context.config.evaluate.rolling_window, by_month)
