"""V for whole cross-sections, block by block: a task computes one block of BLOCK x BLOCK assets and its mirror.

A block below the diagonal is the mirror of the one above, so that V is symmetric to the last bit. The driver ships the factor sets
and the assets asked for; a task holds the exposures of two blocks of assets.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from sigmalake.numerics.factors import Factor
from sigmalake.numerics.portfolio.linked_cov import LinkedCov
from sigmalake.numerics.types import Floats
from sigmalake.tables.declaration import Table
from sigmalake.tables.long import ASSET_COVARIANCE
from sigmalake.tables.packed import PANEL, RISK_MODELS
from sigmalake.tasks.asset_covariance import BlockPlace, PreparedModel, block_of_v, left_out, prepare_model
from sigmalake.tasks.model_rows import MODEL_COLUMNS, read_model_rows
from sigmalake.tasks.panel_rows import EXPOSURES, read_panel_rows

BLOCK = 1000  # assets; 8 MB of numbers a block
CELLS_A_BATCH = 1 << 16  # of V on their way to the table: some 2 MB

PREPARED = (
    "asset_id array<string>, exposures array<double>, factor_cov array<double>, specific_var array<double>, "
    "refused array<struct<asset_id:string,reason:string>>, linked_1 array<int>, linked_2 array<int>, linked_cov array<double>"
)

_PREPARED_FIELDS = (
    "asset_id", "exposures", "factor_cov", "specific_var", "refused", "linked_1", "linked_2", "linked_cov",
)  # fmt: skip
_NUMBERS = ("x_1", "x_2", "factor_cov", "specific_var", "linked_1", "linked_2", "linked_cov")
_OF_PANEL = ("factor_set", *EXPOSURES)
_OF_MODEL = ("variant", "date", "diagnostics", *MODEL_COLUMNS)
_READ = (*_OF_PANEL, "panel_assets", *_OF_MODEL)


def prepare_models(models: DataFrame, factor_sets: Mapping[str, Sequence[Factor]], asked: Collection[str] | None) -> DataFrame:
    """A row a V: `variant, date, exposures_used, exposure_date, inputs_hash` and `m`, the struct of PREPARED.

    Args:
        models: rows of `risk_models` beside the panel's row with the exposures (its ids in `panel_assets`).
        factor_sets: what the arrays by factor mean.
        asked: the assets of V; None for all.
    """
    wanted = None if asked is None else sorted(asked)
    prepared = models.withColumn("m", _preparing(factor_sets, wanted)(*_READ))
    return prepared.select("variant", "date", "exposures", "exposure_date", "inputs_hash", "m")


def covariance_builds(prepared: DataFrame) -> DataFrame:
    """The rows of `covariance_builds`."""
    n_assets = F.size("m.asset_id").alias("n_assets")
    return prepared.select("variant", "date", "exposures", "exposure_date", "inputs_hash", n_assets, "m.refused", "m.asset_id")


def asset_covariance(prepared: DataFrame) -> DataFrame:
    """The rows of `asset_covariance`."""
    n_factors = F.try_divide(F.size("m.exposures"), F.size("m.asset_id")).cast("int")
    blocks = prepared.where(F.size("m.asset_id") > 0).select(
        "variant", "date", "m", n_factors.alias("k"), F.explode(_block_pairs()).alias("b")
    )
    sliced = blocks.select(
        "variant", "date", F.col("b.first").alias("first"), F.col("b.second").alias("second"),
        _block("m.asset_id", "b.first").alias("ids_1"), _block("m.asset_id", "b.second").alias("ids_2"),
        _block("m.exposures", "b.first", F.col("k")).alias("x_1"), _block("m.exposures", "b.second", F.col("k")).alias("x_2"),
        F.col("m.factor_cov").alias("factor_cov"), _block("m.specific_var", "b.first").alias("specific_var"),
        "m.linked_1", "m.linked_2", "m.linked_cov",
    )  # fmt: skip
    # by number: the small rows of blocks would be merged into one task, which has all of V to write
    tasks = int(prepared.sparkSession.conf.get("spark.sql.shuffle.partitions", "200"))
    sliced = sliced.repartition(tasks, "variant", "date", "first", "second")
    return sliced.mapInArrow(_cells(BLOCK), ASSET_COVARIANCE.schema_sql())


def _block_pairs() -> Column:
    last = F.ceil(F.size("m.asset_id") / F.lit(BLOCK)).cast("int") - 1

    def after(first: Column) -> Column:
        return F.transform(F.sequence(first, last), lambda second: F.struct(first.alias("first"), second.alias("second")))

    return F.flatten(F.transform(F.sequence(F.lit(0), last), after))


def _block(array: str, number: str, width: Column | None = None) -> Column:
    wide = F.lit(BLOCK) if width is None else F.lit(BLOCK) * width
    return F.slice(array, F.col(number) * wide + 1, wide)


def _cells(block_size: int) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def cells_of(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for n in range(batch.num_rows):
                yield from _cells_of_block({name: batch.column(name)[n] for name in batch.schema.names}, block_size)

    return cells_of


def _cells_of_block(row: Mapping[str, pa.Scalar], block_size: int) -> Iterator[pa.RecordBatch]:
    """The rows of a block of V and, off the diagonal, of its mirror."""
    ids_1, ids_2 = row["ids_1"].values, row["ids_2"].values
    numbers = {name: row[name].values.to_numpy() for name in _NUMBERS}
    X1, X2 = numbers["x_1"].reshape(len(ids_1), -1), numbers["x_2"].reshape(len(ids_2), -1)
    pairs = np.column_stack([numbers["linked_1"], numbers["linked_2"]]).astype(np.int64)
    place = BlockPlace(row["first"].as_py(), row["second"].as_py(), block_size)
    sigma = numbers["factor_cov"].reshape(X1.shape[1], -1)
    v = block_of_v(place, X1, X2, sigma, numbers["specific_var"], LinkedCov(pairs, numbers["linked_cov"]))
    yield from _as_rows(row, ids_1, ids_2, v)
    if place.first != place.second:
        yield from _as_rows(row, ids_2, ids_1, np.ascontiguousarray(v.T))


def _as_rows(given: Mapping[str, pa.Scalar], rows: pa.Array, columns: pa.Array, v: Floats) -> Iterator[pa.RecordBatch]:
    """A row of `asset_covariance` for each cell, some rows of the block at a time."""
    step = max(1, CELLS_A_BATCH // len(columns))
    for start in range(0, len(rows), step):
        cells = v[start : start + step]
        n = len(cells)
        row, column = np.repeat(np.arange(start, start + n), len(columns)), np.tile(np.arange(len(columns)), n)
        key = [pa.repeat(given[name], cells.size) for name in ("variant", "date")]
        assets = [rows.take(pa.array(row)), columns.take(pa.array(column))]
        yield pa.RecordBatch.from_arrays([*key, *assets, pa.array(cells.ravel())], ASSET_COVARIANCE.column_names)


def _preparing(factor_sets: Mapping[str, Sequence[Factor]], asked: Sequence[str] | None) -> Any:
    def prepare(batches: Iterator[tuple[pd.Series, ...]]) -> Iterator[pd.DataFrame]:
        for columns in batches:
            given = dict(zip(_READ, columns, strict=True))
            models = _as_table({name: given[name] for name in _OF_MODEL}, RISK_MODELS)
            exposed = {"asset_id": given["panel_assets"], **{name: given[name] for name in _OF_PANEL}}
            panel = read_panel_rows(_as_table(exposed, PANEL))
            rows, reasons = read_model_rows(models), left_out(models)
            factors = [factor_sets[name] for name in panel.factor_set]
            found = [prepare_model(rows, reasons[n], n, panel, factors[n], asked) for n in range(models.num_rows)]
            yield pd.DataFrame([_as_row(model) for model in found], columns=_PREPARED_FIELDS)

    return F.pandas_udf(prepare, PREPARED).asNondeterministic()  # or the filter of what it returns would have it done twice


def _as_table(columns: Mapping[str, pd.Series], table: Table) -> pa.Table:
    schema = table.arrow_schema()
    return pa.table({name: pa.array(column, schema.field(name).type) for name, column in columns.items()})


def _as_row(model: PreparedModel) -> tuple[object, ...]:
    refused = [{"asset_id": asset, "reason": reason} for asset, reason in model.refused.items()]
    return (
        model.assets, model.exposures.ravel(), model.factor_cov.ravel(), model.specific_var, refused,
        model.linked.pairs[:, 0], model.linked.pairs[:, 1], model.linked.cov,
    )  # fmt: skip
