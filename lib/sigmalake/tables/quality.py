"""What the data of each date look like, and what is hardly right about them."""

import pyarrow.compute as pc

from sigmalake.tables.declaration import Column, Constraint, Table, no_nan, required
from sigmalake.tables.shared_columns import INPUTS_HASH

DATA_QUALITY = Table(
    name="data_quality",
    comment="What the data of a date look like, from what is known at its close, and what is hardly right: see docs/quality.md",
    key=("date", "source", "measure"),
    date="date",
    columns=(
        required("date", "DATE", "of the rows of the source, or at whose close the defect is complete"),
        required("source", "STRING", "the source's name as in rejected_rows"),
        required(
            "measure",
            "STRING",
            "rows, rejected, coverage_day, coverage_year, stale_prices, jumps, bad_ticks, stale_caps, cap_moves, splits, "
            "exposure_moves or thin_factors",
        ),
        required("severity", "STRING", "ok, note, warn or stop: the highest threshold of checks.quality that the value is above"),
        Column("value", "DOUBLE", "what the thresholds are for, in the unit of the measure; null: nothing to compare with"),
        required("n_checked", "INT", "rows, assets, values or factors that were looked at"),
        required("n_found", "INT", "of these, what was found; of coverage, the assets of the date"),
        required(
            "found",
            "ARRAY<STRUCT<name: STRING, value: DOUBLE, detail: STRING>>",
            "the ten furthest off: asset, factor, or column and reason, with the value seen",
        ),
        INPUTS_HASH,
    ),
    checks=(
        Constraint(
            "severity_is_known",
            "severity IN ('ok', 'note', 'warn', 'stop')",
            holds=pc.field("severity").isin(["ok", "note", "warn", "stop"]),
        ),
        Constraint(
            "counts_are_not_negative",
            "n_checked >= 0 AND n_found >= 0",
            holds=(pc.field("n_checked") >= 0) & (pc.field("n_found") >= 0),
        ),
        *no_nan("value"),
    ),
)
