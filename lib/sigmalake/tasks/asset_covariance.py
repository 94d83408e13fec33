"""V for whole cross-sections: a part is a block of the rows of one V.

The factor sets and the assets asked for are shipped. A task holds X, Sigma and Delta of one date and `BLOCK` x N numbers of V:
12 MB for 3,000 assets, 205 MB for 50,000. A block of columns left of the diagonal is the mirror of the one above, computed as that
one is, so that V is symmetric to the last bit.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, NamedTuple

import numpy as np
import pyarrow as pa

from sigmalake.numerics.factors import Factor
from sigmalake.numerics.portfolio.asset_cov import asset_cov, asset_cov_block
from sigmalake.numerics.portfolio.coverage import align_model
from sigmalake.numerics.portfolio.linked_cov import LinkedCov
from sigmalake.numerics.types import Floats
from sigmalake.tables.declaration import Table
from sigmalake.tables.long import ASSET_COVARIANCE, ASSET_COVARIANCE_CELLS, COVARIANCE_BUILDS
from sigmalake.tables.packed import PANEL, RISK_MODELS
from sigmalake.tasks.arrays import as_array, float_lists, lengths, lists
from sigmalake.tasks.contract import Input, MapTask, PartTask, no_rows, sorted_rows, table_of
from sigmalake.tasks.model_rows import MODEL_COLUMNS, ModelRows, read_model_rows
from sigmalake.tasks.panel_rows import EXPOSURES, PanelRows, read_panel_rows

BLOCK = 512  # assets of a block of rows, or of columns within it: the numbers of V do not depend on who computes them

MODELS, EXPOSED = "models", "exposures"  # roles: the risk models, and the panel's rows with the exposures
ROWS_OF_V = "asset_covariance"  # the role of V's rows

DATED = {"known": "exposure_date", "used": "return_date"}
"""Which column of the panel says whose exposures they are: known at the date, or used in its regression."""


class BlockPlace(NamedTuple):
    """Where a block stands in V."""

    first: int  # number of the block of assets in its rows
    second: int  # the same of its columns, at least `first`
    size: int  # assets in a block; the last one may have fewer


class CovariancePart(NamedTuple):
    """A block of the rows of one V."""

    variant: str
    date: date
    block: int  # number of the block, from 0


class PreparedModel(NamedTuple):
    """What one V is made of."""

    assets: list[str]  # (N,) those that have a V
    exposures: Floats  # (N, K)
    factor_cov: Floats  # (K, K) fraction^2 per period
    specific_var: Floats  # (N,) fraction^2 per period
    linked: LinkedCov  # by position in `assets`
    refused: dict[str, str]  # assets asked for that cannot have a V, with the reason


def covariance_parts(n_assets: Mapping[tuple[str, date], int]) -> list[CovariancePart]:
    """The blocks of each V, by variant and date, of at most so many assets."""
    return [CovariancePart(*key, block) for key, n in n_assets.items() for block in range(-(-n // BLOCK))]


@dataclass(frozen=True)
class _OfModels(PartTask):
    """A task whose parts are risk models beside exposures."""

    parts: Sequence[CovariancePart]
    factor_sets: Mapping[str, Sequence[Factor]]  # what the arrays by factor mean
    assets: Collection[str] | None  # of V; None: all
    exposures: Literal["known", "used"]

    @property
    def n_parts(self) -> int:
        """A part a block."""
        return len(self.parts)

    @property
    def inputs(self) -> Mapping[str, Input]:
        """The risk models, and the panel's rows with the exposures."""
        dated = DATED[self.exposures]
        panel = dict.fromkeys((dated, "exposure_date", "factor_set", "asset_id", *EXPOSURES))
        models = ("variant", "date", "diagnostics", *MODEL_COLUMNS)
        return {MODELS: Input(RISK_MODELS, models, "date"), EXPOSED: Input(PANEL, tuple(panel), dated)}

    def dates(self, part: int) -> Mapping[str, Sequence[date]]:
        """The date of the V."""
        return {role: [self.parts[part].date] for role in (MODELS, EXPOSED)}

    def _rows(self, part: int, inputs: Mapping[str, pa.Table]) -> tuple[pa.Table, pa.Table] | None:
        """The part's model and exposures, a row each; None where one of them is not there."""
        asked, given = self.parts[part], {role: inputs[role].select(list(read.columns)) for role, read in self.inputs.items()}
        models, panel = given[MODELS], given[EXPOSED]
        model = [n for n, key in enumerate(_keys(models, "variant", "date")) if key == (asked.variant, asked.date)]
        exposed = [n for n, key in enumerate(_keys(panel, DATED[self.exposures])) if key == (asked.date,)]
        if not (model and exposed):
            return None
        return models.slice(model[0], 1), panel.slice(exposed[0], 1)

    def _prepared(self, model: pa.Table, panel: pa.Table) -> PreparedModel:
        rows = read_panel_rows(panel)
        factors = self.factor_sets[rows.factor_set[0]]
        return prepare_model(read_model_rows(model), left_out(model)[0], 0, rows, factors, self.assets)


@dataclass(frozen=True)
class AssetCovariance(_OfModels):
    """The rows of `asset_covariance` of blocks of V: an asset's covariances with all assets of V, in their order."""

    into: Table = ASSET_COVARIANCE

    def __call__(self, part: int, inputs: Mapping[str, pa.Table]) -> pa.Table:
        """The rows of a block; none where V has fewer assets than the part supposed, or there is no model."""
        rows, (variant, day, block) = self._rows(part, inputs), self.parts[part]
        model = None if rows is None else self._prepared(*rows)
        if model is None or len(model.assets) <= block * BLOCK:
            return no_rows(self.into)
        V = block_of_rows(model, block, BLOCK)
        columns = {
            "variant": [variant] * len(V),
            "date": [day] * len(V),
            "asset_id": model.assets[block * BLOCK : (block + 1) * BLOCK],
            "covariance": lists(pa.array(V.ravel()), [V.shape[1]] * len(V)),
        }
        return table_of(self.into, columns)


@dataclass(frozen=True)
class CovarianceBuilds(_OfModels):
    """The rows of `covariance_builds`; of the parts of one V the first gives its row, the others none."""

    inputs_hashes: Mapping[tuple[str, date], str]  # by variant and date
    into: Table = COVARIANCE_BUILDS

    def __call__(self, part: int, inputs: Mapping[str, pa.Table]) -> pa.Table:
        """The row of a V that has a model and exposures."""
        rows, (variant, day, block) = self._rows(part, inputs), self.parts[part]
        if rows is None or block:
            return no_rows(self.into)
        model = self._prepared(*rows)
        columns: dict[str, object] = {
            "variant": [variant],
            "date": [day],
            "exposures": [self.exposures],
            "exposure_date": rows[1].column("exposure_date"),
            "inputs_hash": [self.inputs_hashes[variant, day]],
            "n_assets": [len(model.assets)],
            "refused": [[{"asset_id": asset, "reason": reason} for asset, reason in model.refused.items()]],
            "asset_id": [model.assets],
        }
        return table_of(self.into, columns)


@dataclass(frozen=True)
class CovarianceCells(MapTask):
    """The rows of `asset_covariance_cells` of rows of `asset_covariance`, by date, variant and both assets."""

    builds: pa.Table  # rows of `covariance_builds`: the order of the arrays
    into: Table = ASSET_COVARIANCE_CELLS

    @property
    def inputs(self) -> Mapping[str, Input]:
        """Rows of V."""
        return {ROWS_OF_V: Input(ASSET_COVARIANCE, tuple(ASSET_COVARIANCE.column_names), "date")}

    def __call__(self, rows: pa.Table) -> pa.Table:
        """A row a cell."""
        rows = sorted_rows(rows, "date", "variant", "asset_id")
        build_of = {key: number for number, key in enumerate(_keys(self.builds, "variant", "date"))}
        build = np.array([build_of[key] for key in _keys(rows, "variant", "date")], dtype=np.int64)
        sizes, counts = lengths(self.builds, "asset_id"), lengths(rows, "covariance")
        row = np.repeat(np.arange(rows.num_rows), counts)
        start = (np.cumsum(sizes) - sizes)[build] - (np.cumsum(counts) - counts)
        second = as_array(self.builds.column("asset_id")).flatten().take(pa.array(start[row] + np.arange(row.size)))
        repeated = {name: rows.column(name).take(pa.array(row)) for name in ("variant", "date", "asset_id")}
        columns = {
            "variant": repeated["variant"],
            "date": repeated["date"],
            "asset_1": repeated["asset_id"],
            "asset_2": second,
            "covariance": pa.array(float_lists(rows, "covariance").flat),
        }
        return table_of(self.into, columns)


def prepare_model(
    models: ModelRows,
    why_left_out: Mapping[str, str],
    number: int,
    panel: PanelRows,
    factors: Sequence[Factor],
    asked: Collection[str] | None,
    row: int | None = None,
) -> PreparedModel:
    """X, Sigma and Delta of one V over the same factors and assets.

    Args:
        models: the risk models.
        why_left_out: of the factors that Sigma of this row lacks, where it is known.
        number: which row of the models.
        panel: the exposures of each model.
        factors: columns of X.
        asked: the assets of V; None for all.
        row: which row of the panel; None: of the same number.
    """
    row = number if row is None else row
    ids = panel.ids(row).to_pylist()
    var = models.specific_var_of(number, panel.ids(row))
    aligned = align_model(
        assets=ids, columns=[factor.name for factor in factors], exposures=panel.exposures(row, factors),
        factors=models.factors[number], factor_cov=models.sigma(number), specific_var=dict(zip(ids, var.tolist(), strict=True)),
        left_out=why_left_out, zero_factors=models.zero_factors[number],
    )  # fmt: skip
    refused = aligned.refused if asked is None else _refused(aligned.refused, sorted(asked), set(ids))
    wanted = set(ids if asked is None else asked) - refused.keys()
    kept = [position for position, asset in enumerate(ids) if asset in wanted]
    assets = [ids[position] for position in kept]
    linked = models.linked_among(number, assets)
    return PreparedModel(
        assets, aligned.exposures[kept], aligned.factor_cov, aligned.specific_var[kept], linked, dict(refused),
    )  # fmt: skip


def left_out(models: pa.Table) -> list[dict[str, str]]:
    """Of each risk model, the factors that Sigma lacks and why, from its diagnostics."""
    prefix = "left_out:"
    return [
        {one["name"].removeprefix(prefix): one["detail"] for one in diagnostics if one["name"].startswith(prefix)}
        for diagnostics in models.column("diagnostics").to_pylist()
    ]


def block_of_rows(model: PreparedModel, block: int, size: int) -> Floats:
    """(n, N) the rows of one block of assets in V, fraction^2 per period.

    Args:
        model: N assets.
        block: number of the block.
        size: assets in a block; the last one may have fewer.
    """
    n = len(model.assets)
    rows = slice(block * size, min(n, (block + 1) * size))
    V = np.empty((rows.stop - rows.start, n))
    for other in range(-(-n // size)):
        columns = slice(other * size, min(n, (other + 1) * size))
        if other < block:
            V[:, columns] = _upper_block(model, BlockPlace(other, block, size), columns, rows).T
        else:
            V[:, columns] = _upper_block(model, BlockPlace(block, other, size), rows, columns)
    return V


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


def _upper_block(model: PreparedModel, place: BlockPlace, rows: slice, columns: slice) -> Floats:
    X = model.exposures
    return block_of_v(place, X[rows], X[columns], model.factor_cov, model.specific_var[rows], model.linked)


def _refused(refused: Mapping[str, str], asked: Sequence[str], here: Collection[str]) -> dict[str, str]:
    """Of the assets asked for, those without a V."""
    return {asset: refused.get(asset, "no exposures on the date") for asset in asked if asset in refused or asset not in here}


def _keys(rows: pa.Table, *columns: str) -> list[tuple[object, ...]]:
    return list(zip(*(rows.column(name).to_pylist() for name in columns), strict=True))
