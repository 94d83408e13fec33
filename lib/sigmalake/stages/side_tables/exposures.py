"""X in rows, from the panel, where the configuration asks for it: each run writes the dates that changed."""

from sigmalake.lake.books import settled_versions, unsettled_ranges
from sigmalake.lake.dates import DateRange
from sigmalake.lake.row_filter import of_dates
from sigmalake.stages.context import Context
from sigmalake.stages.regress import packed_exposures_bytes
from sigmalake.tables.declaration import Table
from sigmalake.tables.long import EXPOSURES, FACTORS
from sigmalake.tables.packed import PANEL
from sigmalake.tasks.long_tables import exposures

LONGER = 8  # times what a row of the panel is packed


def plan_exposures(context: Context) -> list[DateRange]:
    """The dates on which `exposures` is not what the panel and the configuration say, as far as the panel stands.

    Where the configuration does not ask for the table, these are all dates that it has rows of. Where it asks for one that was not
    written before, they are all dates of the panel.
    """
    lake = context.lake
    held, whole = lake.span(EXPOSURES), lake.span(PANEL)
    if not context.config.long_tables.exposures:
        return [] if held is None else [held]
    if whole is None:
        return []
    if EXPOSURES.name not in settled_versions(lake, "ingest"):
        return [whole]
    if held is None and any(lake.columns(PANEL, ["n_assets"]).column("n_assets").to_pylist()):
        return [whole]
    return unsettled_ranges(lake, "ingest", PANEL, EXPOSURES)


def write_exposures(context: Context) -> tuple[Table, ...]:
    """Write the dates that `plan_exposures` names; says which tables were written, none or one."""
    lake, engine = context.lake, context.engine
    changed = plan_exposures(context)
    if not changed:
        return ()
    rows = engine.no_rows(EXPOSURES)
    if context.config.long_tables.exposures:
        engine.expect_width(LONGER * packed_exposures_bytes(lake))
        rows = engine.unpack(exposures(lake.columns(FACTORS, FACTORS.column_names)), of_dates(str(PANEL.date), changed))
    lake.replace(EXPOSURES, rows, "ingest", changed)
    return (EXPOSURES,)
