"""Quality: what the data of each date look like, what is hardly right about them, and whether that stops the run."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date

import pyarrow as pa

from sigmalake.config.model import Config
from sigmalake.config.staleness import digest_of, settings_hash
from sigmalake.lake.dates import as_ranges
from sigmalake.lake.lake import Lake
from sigmalake.numerics.factors import Factor
from sigmalake.stages import versions
from sigmalake.stages.context import Context, Outcome, factor_sets, span
from sigmalake.stages.planning import Changes, PanelState, Why, changes, join_hash, panel_states, rules_hash
from sigmalake.stages.queries.quality_summary import refuse_stops, spoken_warnings, summary
from sigmalake.stages.regress import packed_exposures_bytes
from sigmalake.stages.sources.quality_counts import counted, year_before
from sigmalake.tables.quality import DATA_QUALITY
from sigmalake.tasks.chunks import AsOf, chunks_of, first_row
from sigmalake.tasks.quality.measures import MeasureQuality, Names
from sigmalake.tasks.quality.rows import quality_table

LEAST_DATES, MOST_DATES = 16, 252  # of one task
TASK_BYTES = 128 << 20  # of its packed rows


def plan_quality(context: Context, panel: Sequence[PanelState]) -> Changes[date]:
    """Which dates are not measured yet, or rest on rows or rules that changed.

    A date of the panel is asked for where its own returns are, or those that its exposures explain.
    """
    after = {row.exposure_date: row.return_date for row in panel}

    def asked(day: date) -> bool:
        return context.asked.holds(day) or ((returned := after.get(day)) is not None and context.asked.holds(returned))

    found = changes(expected_quality(panel, context.config), _stored(context.lake), Why.UPSTREAM)
    compute = {day: value for day, value in found.compute.items() if asked(day)}
    return Changes(compute, {day: found.why[day] for day in compute}, [day for day in found.remove if asked(day)])


def quality(context: Context) -> Outcome | None:
    """Measure what `plan_quality` names, and say what is worth a warning.

    Raises:
        DataError: a value is above its threshold `stop`, measured now or before; the rows are kept.
    """
    lake, config = context.lake, context.config
    panel = panel_states(lake)
    plan = plan_quality(context, panel)
    if not plan:
        refuse_stops(lake, config.checks.quality)
        return None
    rows = measured(context, panel, plan.compute)
    calendar = [row.exposure_date for row in panel] + plan.remove
    lake.replace(DATA_QUALITY, context.engine.driver_rows(rows), "quality", as_ranges([*plan.compute, *plan.remove], calendar))
    for warning in spoken_warnings(rows):
        context.warn(warning)
    refuse_stops(lake, config.checks.quality)
    dates = sorted({*plan.compute, *plan.remove})
    said = f"data quality: {span(dates)}: {summary(rows)}"
    return Outcome(dates, rows_in=len(plan.compute), rows_out=rows.num_rows, tables=(DATA_QUALITY,), said=said)


def measured(context: Context, panel: Sequence[PanelState], compute: Mapping[date, str]) -> pa.Table:
    """The rows of some dates, on the driver: a dozen a date."""
    lake, config = context.lake, context.config
    if not compute:
        return DATA_QUALITY.arrow_schema().empty_table()
    row_bytes = packed_exposures_bytes(lake)
    context.engine.expect_width(row_bytes)
    names = source_names(config)
    task = measuring(config, [row.exposure_date for row in panel], compute, row_bytes, names, factor_sets(lake))
    context.expect_collected(DATA_QUALITY, len(compute))
    found = context.engine.collect(context.engine.map_parts(task)).cast(DATA_QUALITY.arrow_schema())
    rows = quality_table(counted(lake.columns, config, names, compute), config.checks.quality)
    return pa.concat_tables([found, rows]).sort_by([(name, "ascending") for name in DATA_QUALITY.key])


def measuring(
    config: Config,
    calendar: Sequence[date],
    compute: Mapping[date, str],
    row_bytes: int,
    names: Names,
    sets: Mapping[str, Sequence[Factor]],
) -> MeasureQuality:
    """The task that measures some dates of the panel.

    Args:
        config: of the model.
        calendar: exposure dates of the panel, ascending.
        compute: hash of each date.
        row_bytes: of the widest packed row.
        names: of the panel's sides.
        sets: what the arrays by factor mean.
    """
    rules = config.checks.quality
    as_of = [
        AsOf("", position, compute[day], first_row(position, rules.reads + 1))
        for position, day in enumerate(calendar)
        if day in compute
    ]
    chunks = chunks_of(as_of, min(MOST_DATES, max(LEAST_DATES, TASK_BYTES // row_bytes)))
    return MeasureQuality(calendar, chunks, rules, config.regression.instant_weights, sets, names)


def source_names(config: Config) -> Names:
    """What the sides of the panel are called in `rejected_rows`."""
    exposures, returns = ("panel.exposures", "panel.returns") if config.sources.panel else ("exposures", "returns")
    return Names(exposures, returns, exposures if config.sources.caps is None else "caps")


def expected_quality(panel: Sequence[PanelState], config: Config) -> dict[date, str]:
    """The hash of every date of the panel: of its exposures, the rows that its checks read, and the row of a year before."""
    rules = config.checks.quality
    of_config = rules_hash(settings_hash([replace(rules, stops_from=None), config.regression.instant_weights]), versions.QUALITY)
    calendar = [row.exposure_date for row in panel]
    expected = {}
    for position, row in enumerate(panel):
        before = panel[max(0, position - rules.reads) : position]
        year = year_before(calendar, position)
        behind = [] if year is None else [panel[year].exposures_hash, *(one.inputs_hash for one in panel[max(0, year - 1) : year])]
        data = digest_of([row.exposures_hash, *(one.inputs_hash for one in before), "year", *behind])
        expected[row.exposure_date] = join_hash(data, of_config)
    return expected


def _stored(lake: Lake) -> dict[date, str]:
    rows = lake.columns(DATA_QUALITY, ["date", "inputs_hash"])
    return {row["date"]: row["inputs_hash"] for row in rows.group_by(["date", "inputs_hash"]).aggregate([]).to_pylist()}
