"""Sigma and Delta as of each date, in parallel: chunks of as-of dates, each with the rows of its window before it.

The driver ships the calendar's as-of dates and complete months, the variants and the factor sets. Each cross-section goes to the
chunks whose windows hold it; a task holds one chunk: (dates of the longest window + dates of the chunk) x N numbers, for a variant
of months a row a month beside them, and gives back one row of `risk_models` a variant and date. Exposures, caps and issuers travel
only where a layer of Delta reads them: then a task also holds the packed exposures of its as-of dates. Nothing of N by T passes
through the driver.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from sigmalake.config.variant import Variant
from sigmalake.engines.spark.estimation.chunks import AsOf, Chunk, by_chunk, rows_read
from sigmalake.engines.spark.estimation.risk_rows import RiskRow, as_table
from sigmalake.engines.spark.estimation.window_arrays import CAPS_BEFORE, HISTORY, KNOWN, Window, read_window
from sigmalake.engines.spark.estimation.window_periods import by_date, by_month
from sigmalake.engines.spark.listed_rows import listed_rows
from sigmalake.numerics.factors import Factor
from sigmalake.numerics.specific_risk.layers import specific_history, specific_risk
from sigmalake.numerics.windows.calendar import Month
from sigmalake.tables.packed import RISK_MODELS


def estimate_windows(
    cross_sections: DataFrame,
    panel: DataFrame,
    caps_before: DataFrame | None,
    calendar: Sequence[date],
    chunks: Sequence[Chunk],
    variants: Mapping[str, Variant],
    factor_sets: Mapping[str, Sequence[Factor]],
    months: Sequence[Month] = (),
) -> DataFrame:
    """The rows of `risk_models` for these chunks.

    Args:
        cross_sections: its rows for at least the dates that the windows read.
        panel: its rows for the as-of dates, whose assets are the coverage known then.
        caps_before: the panel's rows whose return dates the windows read, for the caps known one date before; None where no
            variant reads them.
        calendar: dates of `cross_sections`, ascending: a position is an index into it.
        chunks: what to compute.
        variants: estimators by name.
        factor_sets: what the arrays by factor mean.
        months: the calendar's complete months, which a variant with `frequency: month` reads.
    """
    spark = cross_sections.sparkSession
    history = _sent(
        cross_sections, HISTORY, "date", ["factor_set", "factor_return", "factor_status", "asset_id", "specific_return"]
    )
    sent = history.unionByName(_sent(panel, KNOWN, "exposure_date", ["factor_set", "asset_id", *known_columns(variants.values())]))
    if caps_before is not None:
        sent = sent.unionByName(_sent(caps_before, CAPS_BEFORE, "return_date", ["asset_id", "cap"]))
    wanted = F.broadcast(_destinations(spark, calendar, chunks))
    sent = sent.join(wanted, ["date", "role"])
    schema = ", ".join(f"{c.name} {c.type}" for c in RISK_MODELS.columns)
    return by_chunk(sent, len(chunks)).applyInArrow(_estimating(calendar, chunks, variants, factor_sets, months), schema)


def known_columns(variants: Collection[Variant]) -> list[str]:
    """The columns of `panel` at the as-of dates that the layers of Delta read, beside its assets."""
    layers = [variant.specific_var for variant in variants]
    columns = ["styles", "member_assets", "member_factors", "member_shares"] if any(d.reads_exposures for d in layers) else []
    columns += ["cap"] if any(d.reads_caps for d in layers) else []
    return columns + (["issuer_id"] if any(d.linked for d in layers) else [])


_TYPES = {
    "factor_set": "string", "factor_return": "array<double>", "factor_status": "array<string>",
    "asset_id": "array<string>", "specific_return": "array<double>",
    "styles": "array<double>", "member_assets": "array<int>", "member_factors": "array<int>", "member_shares": "array<double>",
    "cap": "array<double>", "issuer_id": "array<string>",
}  # fmt: skip


def _sent(rows: DataFrame, role: str, dated: str, columns: Sequence[str]) -> DataFrame:
    """Rows as tasks get them: all with the same columns, null where their role has none."""

    def value(name: str, kind: str) -> Column:
        return (F.col(name) if name in columns else F.lit(None).cast(kind)).alias(name)

    return rows.select(F.col(dated).alias("date"), F.lit(role).alias("role"), *(value(name, kind) for name, kind in _TYPES.items()))


def _destinations(spark: SparkSession, calendar: Sequence[date], chunks: Sequence[Chunk]) -> DataFrame:
    rows = [(day, role, number, i) for day, number, i in rows_read(calendar, chunks) for role in (HISTORY, CAPS_BEFORE)]
    for number, chunk in enumerate(chunks):
        rows += [(calendar[i], KNOWN, number, i) for i in sorted({row.position for row in chunk.as_of})]
    return listed_rows(spark, rows, "date date, role string, chunk int, position int")


def _estimating(
    calendar: Sequence[date],
    chunks: Sequence[Chunk],
    variants: Mapping[str, Variant],
    factor_sets: Mapping[str, Sequence[Factor]],
    months: Sequence[Month],
) -> Callable[[pa.Table], pa.Table]:
    def estimate(rows: pa.Table) -> pa.Table:
        chunk = chunks[rows.column("chunk")[0].as_py()]
        return estimate_chunk(rows, chunk, calendar, variants, factor_sets, months)

    return estimate


def estimate_chunk(
    rows: pa.Table,
    chunk: Chunk,
    calendar: Sequence[date],
    variants: Mapping[str, Variant],
    factor_sets: Mapping[str, Sequence[Factor]],
    months: Sequence[Month] = (),
) -> pa.Table:
    """The rows of `risk_models` for one chunk, from the cross-sections of its windows and the coverage of its as-of dates."""
    history, known, caps_before = (_of_role(rows, role) for role in (HISTORY, KNOWN, CAPS_BEFORE))
    window = read_window(history, known, caps_before, chunk.first, factor_sets)
    estimated = [
        row
        for name in sorted({row.variant for row in chunk.as_of})
        for row in _estimate_variant([row for row in chunk.as_of if row.variant == name], variants[name], window, months)
    ]
    return as_table(estimated, window.asset_ids, calendar)


def _of_role(rows: pa.Table, role: str) -> pa.Table:
    """The rows of a role by position, copied once."""
    here = np.flatnonzero(pc.equal(rows.column("role"), role).to_numpy())
    order = np.argsort(rows.column("position").to_numpy()[here], kind="stable")
    return rows.take(pa.array(here[order])).combine_chunks()


def _estimate_variant(as_of: Sequence[AsOf], variant: Variant, window: Window, months: Sequence[Month]) -> list[RiskRow]:
    positions = np.array([row.position for row in as_of], dtype=np.int64)
    periods = by_month(window, positions, months) if variant.by_month else by_date(window, positions)
    layers, gaps = variant.specific_var, periods.gaps
    history = specific_history(layers, periods.specific_returns, periods.newest, periods.caps_before)
    rows = []
    for number, row in enumerate(as_of):
        set_name, columns = window.factor_sets[row.position]
        end = int(periods.newest[number]) + 1
        read = slice(max(0, end - variant.factor_cov.look_back), end)
        names = [window.factors[column] for column in columns]
        sigma = variant.factor_cov.estimate(periods.factor_returns[read][:, columns], names)
        zero = [names[out.factor] for out in sigma.left_out if names[out.factor] in window.without_effect[row.position]]
        coverage = window.coverage(row.position, layers)
        delta = specific_risk(history, number, coverage)
        if gaps is not None:
            sigma = sigma.then(sigma.cov, *gaps.of_factors(read, columns, names))
            read = slice(max(0, end - layers.look_back), end)
            delta = delta._replace(diagnostics=(*delta.diagnostics, *gaps.of_assets(read, coverage.columns)))
        rows.append(
            RiskRow(
                row.variant, variant.frequency, row.position, row.inputs_hash, set_name, names, sigma, zero, coverage.columns, delta
            )
        )
    return rows
