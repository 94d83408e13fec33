"""Factor premia, kept by the stage that evaluates: over all dates, whatever is asked for, and only when a regression changed."""

from datetime import date

import pandas as pd

from sigmalake.config.staleness import digest_of
from sigmalake.lake.lake import Lake
from sigmalake.reader.factor_premia import READ, factor_return_frame, premia_frame
from sigmalake.stages import versions
from sigmalake.stages.context import factor_sets
from sigmalake.stages.planning import stored_cross_sections
from sigmalake.tables.evaluation import FACTOR_PREMIA
from sigmalake.tables.packed import CROSS_SECTIONS


def write_factor_premia(lake: Lake) -> list[date]:
    """Replace `factor_premia` where it rests on other regressions than there are; gives the dates that it then rests on.

    T x K factor returns pass through the driver.
    """
    sections = stored_cross_sections(lake)
    expected = digest_of([*map(str, sections), *sections.values(), versions.PREMIA])
    stored = set(lake.columns(FACTOR_PREMIA, ["inputs_hash"]).column("inputs_hash").to_pylist())
    if stored == {expected} or not (sections or stored):
        return []
    premia = premia_frame(factor_return_frame(lake.columns(CROSS_SECTIONS, READ), factor_sets(lake)))
    rows = premia.reset_index().assign(inputs_hash=expected)[FACTOR_PREMIA.column_names].astype(object)
    listed = [[None if pd.isna(value) else value for value in row] for row in rows.itertuples(index=False)]
    written = lake.spark.createDataFrame(listed, FACTOR_PREMIA.schema_sql())
    lake.replace_rows(FACTOR_PREMIA, written, "evaluate", "factor IS NOT NULL")
    return list(sections)
