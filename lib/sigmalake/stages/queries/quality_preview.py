"""What a run would say of the data of the newest dates, measured without writing: their rows are packed on the driver."""

from collections.abc import Mapping, Sequence
from datetime import date

import pyarrow as pa

from sigmalake.numerics.factors import Factor
from sigmalake.stages.context import Context
from sigmalake.stages.ingest import pack_rows, style_recipe
from sigmalake.stages.quality import measuring, source_names
from sigmalake.stages.sources.panel_sources import PanelSources
from sigmalake.stages.sources.quality_counts import COLUMNS, Counts, measured_counts
from sigmalake.tables.packed import PANEL
from sigmalake.tables.quality import DATA_QUALITY
from sigmalake.tasks.packing.packed_dates import PanelRow
from sigmalake.tasks.quality.rows import quality_table

MOST_ROWS = 500_000  # assets times dates that are packed


def preview_quality(
    context: Context,
    sources: PanelSources,
    planned: Mapping[date, PanelRow],
    sets: Mapping[str, Sequence[Factor]],
    ranks: Sequence[dict[str, int]],
) -> pa.Table:
    """Rows of `data_quality` of the newest dates, but for those that count source rows.

    Args:
        context: its engine reads the sources.
        sources: surveyed.
        planned: every row that the panel would have.
        sets: the factors of each factor set.
        ranks: of each membership group's levels.
    """
    config, engine = context.config, context.engine
    widest = max((found.rows for found in sources.fingerprints["exposures"].values()), default=1)
    reads, days = config.checks.quality.reads, sorted(planned)
    held = days[-max(2 * reads, MOST_ROWS // max(1, widest)) :]
    rows = [planned[day]._replace(part=0) for day in held]
    packed = engine.collect(pack_rows(context, sources, planned, rows, ranks, style_recipe(config, ranks), sets))
    packed = packed.cast(PANEL.arrow_schema()).sort_by("exposure_date")
    compute = dict.fromkeys(held if len(held) == len(days) else held[reads:], "")
    names = source_names(config)
    task = measuring(config, held, compute, max(1, packed.nbytes // max(1, len(held))), names, sets)
    given = {role: engine.driver_rows(packed.select(list(read.columns))) for role, read in task.inputs.items()}
    found = engine.collect(engine.map_parts(task, given)).cast(DATA_QUALITY.arrow_schema())
    counts = [Counts(**row) for row in packed.select(list(COLUMNS)).to_pylist()]
    coverage = [row for row in measured_counts(counts, {}, config, names, compute, {}) if row.measure.startswith("coverage")]
    return pa.concat_tables([found, quality_table(coverage, config.checks.quality)])
