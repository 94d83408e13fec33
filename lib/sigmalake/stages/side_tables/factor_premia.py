"""Factor premia, kept by the stage that evaluates: over all dates, whatever is asked for, and only when a regression changed."""

from datetime import date

import pandas as pd

from sigmalake.config.staleness import digest_of
from sigmalake.reader.factor_premia import READ, factor_return_frame, premia_frame
from sigmalake.stages import versions
from sigmalake.stages.context import Context, factor_sets
from sigmalake.stages.planning import stored_cross_sections
from sigmalake.tables.evaluation import FACTOR_PREMIA
from sigmalake.tables.packed import CROSS_SECTIONS
from sigmalake.tables.rows import table_rows


def write_factor_premia(context: Context) -> list[date]:
    """Replace `factor_premia` where it rests on other regressions than there are; gives the dates that it then rests on.

    T x K factor returns pass through the driver.
    """
    lake = context.lake
    sections = stored_cross_sections(lake)
    expected = digest_of([*map(str, sections), *sections.values(), versions.PREMIA])
    stored = set(lake.columns(FACTOR_PREMIA, ["inputs_hash"]).column("inputs_hash").to_pylist())
    if stored == {expected} or not (sections or stored):
        return []
    premia = premia_frame(factor_return_frame(lake.columns(CROSS_SECTIONS, READ), factor_sets(lake)))
    rows = premia.reset_index().assign(inputs_hash=expected).astype(object).to_dict("records")
    listed = [{str(name): None if pd.isna(value) else value for name, value in row.items()} for row in rows]
    written = context.engine.driver_rows(table_rows(FACTOR_PREMIA, listed))
    lake.replace_rows(FACTOR_PREMIA, written, "evaluate", "factor IS NOT NULL")
    return list(sections)
