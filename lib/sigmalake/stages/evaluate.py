"""Evaluate: the forecasts of every risk model against what happened in the next period, a date or a month; what factors earned."""

from bisect import bisect_left, bisect_right
from collections.abc import Container, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from sigmalake.config.model import Config
from sigmalake.config.staleness import digest_of
from sigmalake.errors import DataError
from sigmalake.lake.lake import Lake
from sigmalake.lake.row_filter import of_keys
from sigmalake.lake.storage import Rows
from sigmalake.numerics.windows.calendar import Frequency
from sigmalake.reader.evaluation_summary import READ, EvaluationSummary, summarise
from sigmalake.stages import versions
from sigmalake.stages.context import Asked, Context, Outcome, factor_sets, recorded, span
from sigmalake.stages.planning import (
    Changes,
    PanelState,
    Why,
    changes,
    join_hash,
    months_of,
    panel_states,
    rules_hash,
    stored_cross_sections,
    stored_risk_models,
)
from sigmalake.stages.regress import cross_section_bytes, panel_row_bytes
from sigmalake.stages.risk import RiskKey
from sigmalake.stages.side_tables.factor_premia import write_factor_premia
from sigmalake.stages.sources.own_portfolios import OwnDigests, read_own_portfolios
from sigmalake.stages.verify import verify
from sigmalake.tables.evaluation import FACTOR_PREMIA, FORECAST_EVALUATION
from sigmalake.tasks.evaluation import EvaluateForecasts, OwnHistory, forecast_parts

FREQUENCIES: tuple[Frequency, ...] = ("period", "month")


class Upstream(NamedTuple):
    """The tables that forecasts are evaluated from, by the hashes of their rows: as they are, or as a run will leave them."""

    panel: Sequence[PanelState]  # in order
    cross_sections: Mapping[date, str]
    risk_models: Mapping[RiskKey, str]


def run_evaluate(context: Context) -> Outcome | None:
    """The stage on tables that were verified, recorded in `runs`."""
    verify(context)
    return recorded(context, "evaluate", lambda: evaluate(context))


def evaluate(context: Context) -> Outcome | None:
    """Bring `factor_premia` and `forecast_evaluation` up to date."""
    premia = write_factor_premia(context)
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
    context.engine.expect_width(panel_row_bytes(lake) + cross_section_bytes(lake))
    touched = [*plan.compute, *plan.remove]
    rows = _evaluated(context, plan, panel, own)
    lake.replace_filtered(FORECAST_EVALUATION, rows, "evaluate", of_keys(touched, calendar))
    dates = sorted({day for _, day in touched})
    said = f"forecasts: {', '.join(sorted({name for name, _ in plan.compute})) or 'none computed'}; {span(dates)}"
    return Outcome(dates, rows_in=len(plan.compute), rows_out=len(plan.compute), tables=(FORECAST_EVALUATION,), said=said)


def _evaluated(context: Context, plan: Changes[RiskKey], panel: list[PanelState], own: OwnHistory) -> Rows:
    """The rows of the planned forecasts: of variants by period and by month apart, since other returns follow them."""
    lake, config = context.lake, context.config
    sections, known, found = stored_cross_sections(lake), [row.exposure_date for row in panel], []
    for frequency in FREQUENCIES:
        compute = {key: value for key, value in plan.compute.items() if config.risk[key[0]].frequency == frequency}
        days = {day for _, day in compute}
        after = _met(panel, sections, frequency, config.evaluate.horizons)
        after = {day: dates for day, dates in after.items() if day in days}
        if compute:
            parts, sets = forecast_parts(sorted(days), known), factor_sets(lake)
            task = EvaluateForecasts(parts, compute, after, sets, config.evaluate.test_portfolios, own)
            found.append(context.engine.map_parts(task))
    return context.engine.union(found) if found else context.engine.no_rows(FORECAST_EVALUATION)


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
    of_config = rules_hash(config.evaluate_hash(), versions.EVALUATE)
    panel, cross_sections, risk_models = upstream
    after = {frequency: _met(panel, cross_sections, frequency, config.evaluate.horizons) for frequency in FREQUENCIES}
    inputs = {row.exposure_date: row.inputs_hash for row in panel}
    expected, return_date = {}, {}
    for (variant, day), model in risk_models.items():
        if variant in config.evaluated_variants and (met := after[config.risk[variant].frequency].get(day)):
            dates = met[max(met)]  # those of the shorter horizons are among them
            data = digest_of([model, inputs[day], *map(str, met), *(cross_sections[of] for of in dates), own.on(day)])
            expected[variant, day], return_date[variant, day] = join_hash(data, of_config), dates[-1]
    return expected, return_date


def _met(
    panel: Sequence[PanelState], cross_sections: Mapping[date, str], frequency: Frequency, horizons: Sequence[int]
) -> dict[date, dict[int, list[date]]]:
    """By forecast date, of each horizon that has passed, the dates of the returns of the next h periods, or complete months.

    A forecast of several periods whose dates are not all regressed is held to none.
    """
    known = {row.return_date: row.exposure_date for row in panel if row.return_date in cross_sections}
    calendar = sorted(row.return_date for row in panel if row.return_date is not None)
    if frequency == "period":
        periods = [[day] for day in calendar]
    else:
        regressed = sorted(cross_sections)
        periods = [regressed[m.first : m.last + 1] for m in months_of(panel, regressed)]
    found: dict[date, dict[int, list[date]]] = {}
    for number, period in enumerate(periods):
        if period[0] in known:
            ahead = {h: [day for of in periods[number : number + h] for day in of] for h in horizons if number + h <= len(periods)}
            met = {h: dates for h, dates in ahead.items() if _is_whole(dates, calendar, cross_sections)}
            if met:
                found[known[period[0]]] = met
    return found


def _is_whole(dates: Sequence[date], calendar: Sequence[date], cross_sections: Container[date]) -> bool:
    """Whether these are all regressed, and leave out no date of the calendar between the first and the last of them."""
    n_between = bisect_right(calendar, dates[-1]) - bisect_left(calendar, dates[0])
    return len(dates) == n_between and all(day in cross_sections for day in dates)


def _stored(lake: Lake) -> tuple[dict[RiskKey, str], dict[RiskKey, date]]:
    """Hash, and date of the last return of the longest horizon, by variant and date."""
    key = ["variant", "date", "inputs_hash"]
    rows = lake.columns(FORECAST_EVALUATION, [*key, "return_date"]).group_by(key).aggregate([("return_date", "max")]).to_pylist()
    keyed = {(row["variant"], row["date"]): row for row in rows}
    return {key: row["inputs_hash"] for key, row in keyed.items()}, {key: row["return_date_max"] for key, row in keyed.items()}


def evaluation_summaries(context: Context) -> list[EvaluationSummary]:
    """What the table says of the dates asked for, by horizon, the shortest first; one that none has passed yet is left out.

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
    window = context.config.evaluate.rolling_window
    summaries = [summarise(found, window, by_month, horizon) for horizon in context.config.evaluate.horizons]
    return [summary for summary in summaries if summary.kinds]
