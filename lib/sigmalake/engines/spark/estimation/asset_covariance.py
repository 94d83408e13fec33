"""V for whole cross-sections, block by block: a task computes one block of BLOCK x BLOCK assets and its mirror.

A block below the diagonal is the mirror of the one above, so that V is symmetric to the last bit. The driver ships the factor sets
and the assets asked for; a task holds the exposures of two blocks of assets.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from sigmalake.numerics.factors import Factor, dense_exposures
from sigmalake.numerics.portfolio.asset_cov import asset_cov, asset_cov_block
from sigmalake.numerics.portfolio.coverage import align_model, full_symmetric
from sigmalake.numerics.portfolio.linked_cov import UNLINKED, LinkedCov, linked_among
from sigmalake.numerics.types import Floats, Ints
from sigmalake.tables.long import ASSET_COVARIANCE

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
_READ = (
    "factor_set", "panel_assets", "styles", "member_assets", "member_factors", "member_shares",
    "factors", "factor_cov", "asset_id", "specific_var", "diagnostics",
    "linked_1", "linked_2", "linked_cov", "zero_factors",
)  # fmt: skip


class BlockPlace(NamedTuple):
    """Where a block stands in V."""

    first: int  # number of the block of assets in its rows
    second: int  # the same of its columns, at least `first`
    size: int  # assets in a block; the last one may have fewer


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
    return prepared.select("variant", "date", "exposures", "exposure_date", "inputs_hash", n_assets, "m.refused")


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


def block_of_v(
    place: BlockPlace, exposures_1: Floats, exposures_2: Floats, factor_cov: Floats, specific_var: Floats, linked: LinkedCov
) -> Floats:
    """One block of V.

    Args:
        place: of the block in V.
        exposures_1: (n1, K) of the rows.
        exposures_2: (n2, K) of the columns.
        factor_cov: (K, K) fraction^2 per period.
        specific_var: (n1,) of the rows, fraction^2 per period.
        linked: specific covariances of linked issues, by positions in all of V.

    Returns:
        (n1, n2) fraction^2 per period.
    """
    corner = np.array([place.first, place.second])
    here = (linked.pairs // place.size == corner).all(axis=1)
    inside = LinkedCov(linked.pairs[here] - corner * place.size, linked.cov[here])
    if place.first == place.second:
        return asset_cov(exposures_1, factor_cov, specific_var, inside)
    block = asset_cov_block(exposures_1, exposures_2, factor_cov)
    block[inside.pairs[:, 0], inside.pairs[:, 1]] += inside.cov
    return block


def _preparing(factor_sets: Mapping[str, Sequence[Factor]], asked: Sequence[str] | None) -> Any:
    def prepare(batches: Iterator[tuple[pd.Series, ...]]) -> Iterator[pd.DataFrame]:
        for columns in batches:
            models = (_Model(*row) for row in zip(*columns, strict=True))
            rows = [_prepare(model, factor_sets[model.factor_set], asked) for model in models]
            yield pd.DataFrame(rows, columns=_PREPARED_FIELDS)

    return F.pandas_udf(prepare, PREPARED).asNondeterministic()  # or the filter of what it returns would have it done twice


class _Model(NamedTuple):
    """A row of `risk_models` beside the panel's, in the order of `_READ`."""

    factor_set: str
    panel_assets: Sequence[str]
    styles: Floats
    member_assets: Ints
    member_factors: Ints
    member_shares: Floats
    factors: Sequence[str]
    factor_cov: Floats
    asset_id: Sequence[str]
    specific_var: Floats
    diagnostics: Sequence[Mapping[str, str]]
    linked_1: Sequence[int] | None  # the layer is off
    linked_2: Sequence[int]
    linked_cov: Floats
    zero_factors: Sequence[str]


def _prepare(model: _Model, factors: Sequence[Factor], asked: Sequence[str] | None) -> tuple[object, ...]:
    ids = [str(asset) for asset in model.panel_assets]
    X = dense_exposures(
        len(ids), factors, np.asarray(model.member_assets, dtype=np.int64), np.asarray(model.member_factors, dtype=np.int64),
        np.asarray(model.member_shares, dtype=float), np.asarray(model.styles, dtype=float),
    )  # fmt: skip
    size = len(model.factors)
    aligned = align_model(
        assets=ids, columns=[factor.name for factor in factors], exposures=X, factors=list(model.factors),
        factor_cov=full_symmetric(np.asarray(model.factor_cov, dtype=float), size),
        specific_var=dict(zip(model.asset_id, np.asarray(model.specific_var, dtype=float), strict=True)),
        left_out={d["name"].removeprefix("left_out:"): d["detail"] for d in model.diagnostics if d["name"].startswith("left_out:")},
        zero_factors=list(model.zero_factors),
    )  # fmt: skip
    refused = aligned.refused
    if asked is not None:
        here = set(ids)
        refused = {
            asset: refused.get(asset, "no exposures on the date") for asset in asked if asset in refused or asset not in here
        }
    wanted = set(ids if asked is None else asked) - set(refused)
    kept = [n for n, asset in enumerate(ids) if asset in wanted]
    listed = [{"asset_id": asset, "reason": reason} for asset, reason in refused.items()]
    sigma = aligned.factor_cov.ravel()
    assets = [ids[n] for n in kept]
    linked = _linked_of(model, assets)
    return (
        assets, aligned.exposures[kept].ravel(), sigma, aligned.specific_var[kept], listed,
        linked.pairs[:, 0], linked.pairs[:, 1], linked.cov,
    )  # fmt: skip


def _linked_of(model: _Model, assets: Sequence[str]) -> LinkedCov:
    """The linked issues among the assets of V, by their positions there; `risk_models` has them by its own."""
    if model.linked_1 is None:
        return UNLINKED
    pairs = np.column_stack([model.linked_1, model.linked_2]).astype(np.int64).reshape(-1, 2)
    return linked_among(assets, model.asset_id, pairs, np.asarray(model.linked_cov, dtype=float))
