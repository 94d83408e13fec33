"""Evaluate: the forecasts of every risk model against what happened on the next date of the calendar; and what factors earned."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from sigmalake.config import Config, digest_of
from sigmalake.errors import DataError
from sigmalake.evaluation_summary import READ, EvaluationSummary, summarise
from sigmalake.lake.dates import as_ranges, within
from sigmalake.lake.lake import Lake
from sigmalake.spark.evaluation import OwnHistory, evaluate_each_date
from sigmalake.spark.session import fit_batches
from sigmalake.stages.context import Asked, Context, Outcome, factor_sets, recorded, span
from sigmalake.stages.covariance import with_hashes
from sigmalake.stages.factor_premia import write_factor_premia
from sigmalake.stages.own_portfolios import OwnDigests, read_own_portfolios
from sigmalake.stages.planning import (
    Changes,
    PanelState,
    Why,
    changes,
    join_hash,
    panel_states,
    stored_cross_sections,
    stored_risk_models,
)
from sigmalake.stages.regress import cross_section_bytes, panel_row_bytes
from sigmalake.stages.risk import RiskKey, keys_sql
from sigmalake.tables.evaluation import FACTOR_PREMIA, FORECAST_EVALUATION
from sigmalake.tables.packed import CROSS_SECTIONS, PANEL, RISK_MODELS

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
    days = {day for _, day in plan.compute}
    known = [row.exposure_date for row in panel]
    calendar = sorted({*known, *(day for _, day in plan.remove)})
    models = with_hashes(lake.read(RISK_MODELS).where(keys_sql(plan.compute, calendar)), plan.compute)
    beside = lake.read(PANEL).where(within("exposure_date", as_ranges(days, known)))
    returned = [row.return_date for row in panel if row.return_date is not None]
    followed = {row.return_date for row in panel if row.exposure_date in days and row.return_date is not None}
    after = lake.read(CROSS_SECTIONS).where(within("date", as_ranges(followed, returned)))
    fit_batches(lake.spark, panel_row_bytes(lake) + cross_section_bytes(lake))
    rows = evaluate_each_date(models, beside, after, factor_sets(lake), config.evaluate.test_portfolios, own)
    touched = [*plan.compute, *plan.remove]
    ranges = as_ranges({day for _, day in touched}, calendar)
    lake.replace_rows(FORECAST_EVALUATION, rows, "evaluate", keys_sql(touched, calendar), ranges)
    dates = sorted({day for _, day in touched})
    said = f"forecasts: {', '.join(sorted({name for name, _ in plan.compute})) or 'none computed'}; {span(dates)}"
    return Outcome(dates, rows_in=len(plan.compute), rows_out=len(plan.compute), tables=(FORECAST_EVALUATION,), said=said)


def plan_evaluate(lake: Lake, config: Config, asked: Asked, upstream: Upstream, own: OwnHistory) -> Changes[RiskKey]:
    """Which forecasts have met their return and are not evaluated yet, or rest on something that changed.

    Args:
        lake: what is stored.
        config: variants and portfolios.
        asked: return dates.
        upstream: what the forecasts rest on.
        own: the user's portfolios.
    """
    expected = _expected(config, upstream, OwnDigests(own))
    stored, return_date = _stored(lake)
    return_date |= {row.exposure_date: row.return_date for row in upstream.panel if row.return_date is not None}
    found = changes(expected, stored, Why.UPSTREAM)
    compute = {key: value for key, value in found.compute.items() if asked.holds(return_date[key[1]])}
    remove = [key for key in found.remove if asked.holds(return_date[key[1]])]
    return Changes(compute, {key: found.why[key] for key in compute}, remove)


def _expected(config: Config, upstream: Upstream, own: OwnDigests) -> dict[RiskKey, str]:
    of_config = digest_of([config.evaluate_hash(), EVALUATE_VERSION])
    panel, cross_sections, risk_models = upstream
    followed = {row.exposure_date: row for row in panel if row.return_date in cross_sections}
    expected = {}
    for (variant, day), model in risk_models.items():
        if variant in config.evaluated_variants and (row := followed.get(day)) is not None and row.return_date is not None:
            data = digest_of([model, row.inputs_hash, cross_sections[row.return_date], own.on(day)])
            expected[variant, day] = join_hash(data, of_config)
    return expected


def _stored(lake: Lake) -> tuple[dict[RiskKey, str], dict[date, date]]:
    """Hash by variant and date; and the return date of each date."""
    columns = ["variant", "date", "return_date", "inputs_hash"]
    rows = lake.columns(FORECAST_EVALUATION, columns).group_by(columns).aggregate([]).to_pylist()
    hashes = {(row["variant"], row["date"]): row["inputs_hash"] for row in rows}
    return hashes, {row["date"]: row["return_date"] for row in rows}


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
    return summarise(found, context.config.evaluate.rolling_window)
