"""Sigma and Delta as of each date, in parallel: chunks of as-of dates, each with the rows of its window before it.

The driver ships the calendar's as-of dates, the variants and the factor sets. Each cross-section goes to the chunks whose windows
hold it; a task holds one chunk: (look_back + dates of the chunk) x N numbers, and gives back one row of `risk_models` a variant and
date. Nothing of N by T passes through the driver.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from sigmalake.config import Variant
from sigmalake.numerics.arrays import Bools, Floats, Ints
from sigmalake.numerics.exposures import Factor
from sigmalake.numerics.factor_windows import FactorCov
from sigmalake.spark.chunks import AsOf, Chunk, by_chunk, flat_floats, lengths, lists, ranked_ids, rows_read
from sigmalake.tables.packed import RISK_MODELS


def estimate_windows(
    cross_sections: DataFrame,
    panel: DataFrame,
    calendar: Sequence[date],
    chunks: Sequence[Chunk],
    variants: Mapping[str, Variant],
    factor_sets: Mapping[str, Sequence[Factor]],
) -> DataFrame:
    """The rows of `risk_models` for these chunks.

    Args:
        cross_sections: its rows for at least the dates that the windows read.
        panel: its rows for the as-of dates, whose assets are the coverage known then.
        calendar: dates of `cross_sections`, ascending: a position is an index into it.
        chunks: what to compute.
        variants: estimators by name.
        factor_sets: what the arrays by factor mean.
    """
    spark = cross_sections.sparkSession
    history = cross_sections.select(
        "date", F.lit(False).alias("covers"), "factor_set", "factor_return", "asset_id", "specific_return"
    )
    coverage = panel.select(
        F.col("exposure_date").alias("date"), F.lit(True).alias("covers"), "factor_set",
        F.lit(None).cast("array<double>").alias("factor_return"), "asset_id",
        F.lit(None).cast("array<double>").alias("specific_return"),
    )  # fmt: skip
    rows = [(day, False, number, i) for day, number, i in rows_read(calendar, chunks)]
    for number, chunk in enumerate(chunks):
        rows += [(calendar[i], True, number, i) for i in sorted({row.position for row in chunk.as_of})]
    wanted = F.broadcast(spark.createDataFrame(rows, "date date, covers boolean, chunk int, position int"))
    sent = history.unionByName(coverage).join(wanted, ["date", "covers"])
    schema = ", ".join(f"{c.name} {c.type}" for c in RISK_MODELS.columns)
    return by_chunk(sent, len(chunks)).applyInArrow(_estimating(calendar, chunks, variants, factor_sets), schema)


def _estimating(
    calendar: Sequence[date], chunks: Sequence[Chunk], variants: Mapping[str, Variant], factor_sets: Mapping[str, Sequence[Factor]]
) -> Callable[[pa.Table], pa.Table]:
    def estimate(rows: pa.Table) -> pa.Table:
        chunk = chunks[rows.column("chunk")[0].as_py()]
        return estimate_chunk(rows, chunk, calendar, variants, factor_sets)

    return estimate


def estimate_chunk(
    rows: pa.Table,
    chunk: Chunk,
    calendar: Sequence[date],
    variants: Mapping[str, Variant],
    factor_sets: Mapping[str, Sequence[Factor]],
) -> pa.Table:
    """The rows of `risk_models` for one chunk, from the cross-sections of its windows and the coverage of its as-of dates."""
    history = rows.filter(pc.invert(rows.column("covers"))).sort_by("position").combine_chunks()
    covering = rows.filter(rows.column("covers")).sort_by("position").combine_chunks()
    window = _read_window(history, covering, chunk.first, factor_sets)
    estimated = [
        row
        for name in sorted({row.variant for row in chunk.as_of})
        for row in _estimate_variant([row for row in chunk.as_of if row.variant == name], variants[name], window)
    ]
    return _as_table(estimated, window.asset_ids, calendar)


class _Window(NamedTuple):
    first: int  # position of the first row
    factors: list[str]  # every factor of the window's sets
    factor_returns: Floats  # (R, F) NaN: not estimated
    factor_sets: dict[int, tuple[str, list[int]]]  # as-of position: set, and the columns of its factors in its order
    asset_ids: list[str]  # every asset of the window, ascending
    specific_returns: Floats  # (R, A) NaN: missing
    covered: dict[int, Ints]  # as-of position: columns of the covered assets, ascending


def _read_window(history: pa.Table, covering: pa.Table, first: int, factor_sets: Mapping[str, Sequence[Factor]]) -> _Window:
    factors, factor_returns = _factor_matrix(history, covering, first, factor_sets)
    column = {factor: position for position, factor in enumerate(factors)}
    sets = {
        position: (name, [column[factor.name] for factor in factor_sets[name]])
        for table in (history, covering)  # the set known at the date lists all of the set used in its regression
        for position, name in zip(table.column("position").to_pylist(), table.column("factor_set").to_pylist(), strict=True)
    }
    ids, used, known = _codes(history, covering)
    n_rows = _rows(history, first)
    specific = np.full((n_rows, len(ids)), np.nan)
    at = history.column("position").to_numpy() - first
    specific[np.repeat(at, lengths(history, "asset_id")), used] = flat_floats(history, "specific_return")
    covered = _assets_by_position(history, used)
    for position, assets in _assets_by_position(covering, known).items():
        covered[position] = np.union1d(covered.get(position, np.array([], dtype=np.int64)), assets)
    return _Window(first, factors, factor_returns, sets, ids, specific, covered)


def _factor_matrix(
    history: pa.Table, covering: pa.Table, first: int, factor_sets: Mapping[str, Sequence[Factor]]
) -> tuple[list[str], Floats]:
    names = [*history.column("factor_set").to_pylist(), *covering.column("factor_set").to_pylist()]
    factors = list(dict.fromkeys(factor.name for name in dict.fromkeys(names) for factor in factor_sets[name]))
    column = {factor: position for position, factor in enumerate(factors)}
    matrix = np.full((_rows(history, first), len(factors)), np.nan)
    of_set = {name: np.array([column[factor.name] for factor in factor_sets[name]], dtype=np.int64) for name in set(names)}
    returns = history.column("factor_return").combine_chunks()
    for row, (position, name) in enumerate(zip(history.column("position").to_pylist(), names, strict=False)):
        matrix[position - first, of_set[name]] = returns[row].values.to_numpy(zero_copy_only=False)
    return factors, matrix


def _rows(history: pa.Table, first: int) -> int:
    return int(history.column("position")[-1].as_py()) - first + 1 if history.num_rows else 0


def _codes(history: pa.Table, covering: pa.Table) -> tuple[list[str], Ints, Ints]:
    """Ids of both tables as integers in the order of the ids; strings stay in Arrow."""
    flat = [pc.list_flatten(table.column("asset_id")) for table in (history, covering)]
    ids, codes = ranked_ids([chunk for column in flat for chunk in column.chunks])
    return ids, codes[: len(flat[0])], codes[len(flat[0]) :]


def _assets_by_position(table: pa.Table, codes: Ints) -> dict[int, Ints]:
    ends = np.cumsum(lengths(table, "asset_id"))
    positions = table.column("position").to_pylist()
    return dict(zip(positions, np.split(codes, ends[:-1]), strict=True)) if positions else {}


class _Row(NamedTuple):
    """One row of `risk_models`, its arrays still as arrays."""

    as_of: AsOf
    factor_set: str
    names: list[str]  # of the set's factors
    factor_cov: FactorCov
    covered: Ints
    specific_var: Floats  # (N,) NaN: none
    n_obs: Ints  # (N,)


def _estimate_variant(as_of: Sequence[AsOf], variant: Variant, window: _Window) -> list[_Row]:
    at = np.array([row.position - window.first for row in as_of], dtype=np.int64)
    delta = variant.specific_var.estimate(window.specific_returns, at)
    rows = []
    for number, row in enumerate(as_of):
        set_name, columns = window.factor_sets[row.position]
        start = max(0, at[number] + 1 - variant.factor_cov.look_back)
        names = [window.factors[column] for column in columns]
        sigma = variant.factor_cov.estimate(window.factor_returns[start : at[number] + 1][:, columns], names)
        covered = window.covered[row.position]
        rows.append(_Row(row, set_name, names, sigma, covered, delta.var[number, covered], delta.n_obs[number, covered]))
    return rows


def _as_table(rows: Sequence[_Row], ids: Sequence[str], calendar: Sequence[date]) -> pa.Table:
    """The columns of `risk_models`, in the table's order."""
    counts = [len(row.covered) for row in rows]
    names = pa.array(ids, pa.string())
    var = np.concatenate([row.specific_var for row in rows])
    missing: Bools = np.isnan(var)
    specific_var = pa.array(var, pa.float64(), mask=missing)
    upper = [row.factor_cov.cov[np.triu_indices(len(row.factor_cov.kept))] for row in rows]
    columns = {
        "variant": [row.as_of.variant for row in rows],
        "date": [calendar[row.as_of.position] for row in rows],
        "factor_set": [row.factor_set for row in rows],
        "inputs_hash": [row.as_of.inputs_hash for row in rows],
        "n_periods": [row.factor_cov.n_periods for row in rows],
        "effective_periods": [row.factor_cov.effective_periods for row in rows],
        "status": ["ok" if len(row.factor_cov.kept) else "no_factor_cov" for row in rows],
        "detail": [_detail(row) for row in rows],
        "diagnostics": [_diagnostics(row) for row in rows],
        "factors": [[row.names[position] for position in row.factor_cov.kept] for row in rows],
        "factor_cov": lists(pa.array(np.concatenate(upper)), [len(triangle) for triangle in upper]),
        "asset_id": lists(names.take(pa.array(np.concatenate([row.covered for row in rows]))), counts),
        "specific_var": lists(specific_var, counts),
        "source": lists(pc.if_else(pa.array(missing), "none", "time_series"), counts),
        "n_obs": lists(pa.array(np.concatenate([row.n_obs for row in rows]), pa.int32()), counts),
        "ts_var": lists(specific_var, counts),
    }
    schema = _schema()
    return pa.table([pa.array(c, schema.field(n).type) if isinstance(c, list) else c for n, c in columns.items()], schema=schema)


def _detail(row: _Row) -> str:
    left_out = row.factor_cov.left_out
    if not left_out:
        return ""
    more = f" and {len(left_out) - 3} more" if len(left_out) > 3 else ""
    return "left out of Sigma: " + "; ".join(f"{row.names[out.factor]}: {out.reason}" for out in left_out[:3]) + more


def _diagnostics(row: _Row) -> list[dict[str, object]]:
    left_out: list[dict[str, object]] = [
        {"name": f"left_out:{row.names[out.factor]}", "value": None, "detail": out.reason} for out in row.factor_cov.left_out
    ]
    counts = {"n_assets": len(row.covered), "n_without_specific_var": int(np.isnan(row.specific_var).sum())}
    found = [diagnostic._asdict() for diagnostic in row.factor_cov.diagnostics]
    return left_out + found + [{"name": name, "value": float(count), "detail": None} for name, count in counts.items()]


def _schema() -> pa.Schema:
    kinds = {
        "STRING": pa.string(), "DATE": pa.date32(), "INT": pa.int32(), "DOUBLE": pa.float64(),
        "ARRAY<STRING>": pa.list_(pa.string()), "ARRAY<DOUBLE>": pa.list_(pa.float64()), "ARRAY<INT>": pa.list_(pa.int32()),
    }  # fmt: skip
    diagnostic = pa.list_(pa.struct([("name", pa.string()), ("value", pa.float64()), ("detail", pa.string())]))
    return pa.schema([(c.name, kinds.get(c.type, diagnostic)) for c in RISK_MODELS.columns])
