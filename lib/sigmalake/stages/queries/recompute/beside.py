"""What rests on a release's model, computed again: V, where the risk of books comes from, exposure stability, residual
correlations and data quality.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.dataset as ds

from sigmalake.config.covariance import AssetFile, Covariance
from sigmalake.config.model import Config
from sigmalake.numerics.factors import Factor
from sigmalake.numerics.windows.calendar import month_ends
from sigmalake.stages.portfolios import contributing
from sigmalake.stages.quality import TASK_BYTES, measuring, source_names
from sigmalake.stages.queries.recompute.pinned_tables import REBUILT, TO_THE_LAST_BIT, PinnedTables, compared, hashes_of
from sigmalake.stages.sources.quality_counts import counted
from sigmalake.tables.books import PORTFOLIO_CONTRIBUTIONS, PORTFOLIO_RISK
from sigmalake.tables.declaration import Table
from sigmalake.tables.long import (
    ASSET_COVARIANCE,
    ASSET_COVARIANCE_CELLS,
    COVARIANCE_BUILDS,
    EXPOSURE_STABILITY,
    RESIDUAL_CORRELATION,
)
from sigmalake.tables.packed import CROSS_SECTIONS, PANEL, RISK_MODELS
from sigmalake.tables.quality import DATA_QUALITY
from sigmalake.tasks.asset_covariance import BLOCK, AssetCovariance, CovarianceBuilds, CovarianceCells, CovariancePart
from sigmalake.tasks.chunks import AsOf, chunks_of, first_row
from sigmalake.tasks.quality.rows import quality_table
from sigmalake.tasks.risk.residual_correlation import CorrelateResiduals
from sigmalake.tasks.stability import CorrelateStyles

FactorSets = Mapping[str, Sequence[Factor]]
_READ = (PANEL, RISK_MODELS)


class _Block(NamedTuple):
    """Which rows of V are a block; the outer blocks have no bound on one side, so that no row is in none."""

    number: int
    first: str | None  # asset
    before: str | None


def asset_covariances(tables: PinnedTables, config: Config, sets: FactorSets) -> Iterator[tuple[str, str]]:
    """What differs in V and its record; block by block, so that no more than a block of it is in memory."""
    if config.covariance is None:
        return
    builds = tables.sampled(COVARIANCE_BUILDS)
    for number in range(builds.num_rows):
        yield from _of_build(tables, config.covariance, builds.slice(number, 1), sets)


def _of_build(tables: PinnedTables, covariance: Covariance, build: pa.Table, sets: FactorSets) -> Iterator[tuple[str, str]]:
    (stored,), exposures = build.to_pylist(), covariance.exposures
    variant, day, asked = stored["variant"], stored["date"], _asked(covariance, stored)
    of_hash = {(variant, day): stored["inputs_hash"]}
    record = tables.mapped(CovarianceBuilds([CovariancePart(variant, day, 0)], sets, asked, exposures, of_hash), _READ)
    yield from compared(COVARIANCE_BUILDS, build, record, TO_THE_LAST_BIT)
    for block in _blocks(record.column("asset_id")[0].as_py() if record.num_rows else ()):
        V = tables.mapped(AssetCovariance([CovariancePart(variant, day, block.number)], sets, asked, exposures), _READ)
        yield from compared(ASSET_COVARIANCE, _of_block(tables, ASSET_COVARIANCE, build, block), V, TO_THE_LAST_BIT)
        if covariance.cells:
            cells = _of_block(tables, ASSET_COVARIANCE_CELLS, build, block)
            yield from compared(ASSET_COVARIANCE_CELLS, cells, CovarianceCells(record)(V), TO_THE_LAST_BIT)


def contributions(tables: PinnedTables, config: Config, sets: FactorSets) -> Iterator[tuple[str, str]]:
    """What differs in where the risk of books comes from, which follows from that risk."""
    task = contributing(config, tables.rows(RISK_MODELS, ["variant", "date", "factors"]), sets)
    if task is None or PORTFOLIO_CONTRIBUTIONS not in tables:
        return
    risk = tables.sampled(PORTFOLIO_RISK, columns=task.input.columns)
    days = risk.column("date").unique().to_pylist()
    stored = tables.rows(PORTFOLIO_CONTRIBUTIONS, PORTFOLIO_CONTRIBUTIONS.column_names, ds.field("date").isin(days))
    yield from compared(PORTFOLIO_CONTRIBUTIONS, stored, task(risk), TO_THE_LAST_BIT)


def stability(tables: PinnedTables, config: Config, sets: FactorSets) -> Iterator[tuple[str, str]]:
    """What differs in the styles' correlations with themselves a month before."""
    stored = tables.sampled(EXPOSURE_STABILITY)
    ends = month_ends(tables.dates(PANEL, "exposure_date"))
    hashes = hashes_of(stored, "exposure_date")
    as_of = [AsOf("", ends.index(day), value, ends.index(day) - 1) for day, value in hashes.items() if day in ends[1:]]
    task = CorrelateStyles(ends, chunks_of(as_of, 1), config.regression.instant_weights, sets)
    yield from compared(EXPOSURE_STABILITY, stored, tables.mapped(task, (PANEL,)), TO_THE_LAST_BIT)


def residual_correlations(tables: PinnedTables, config: Config, sets: FactorSets) -> Iterator[tuple[str, str]]:
    """What differs in what specific returns have in common."""
    stored, rules = tables.sampled(RESIDUAL_CORRELATION), config.residual_correlation
    calendar, hashes = tables.dates(CROSS_SECTIONS, "date"), hashes_of(stored)
    as_of = [AsOf("", place, hashes[day], first_row(place, rules.window)) for place, day in enumerate(calendar) if day in hashes]
    computed = tables.mapped(CorrelateResiduals(calendar, chunks_of(as_of, 1), rules, sets), (PANEL, CROSS_SECTIONS))
    yield from compared(RESIDUAL_CORRELATION, stored, computed, REBUILT)


def data_quality(tables: PinnedTables, config: Config, sets: FactorSets) -> Iterator[tuple[str, str]]:
    """What differs in the measures of the data."""
    stored, names = tables.sampled(DATA_QUALITY), source_names(config)
    hashes = hashes_of(stored, "date")
    task = measuring(config, tables.dates(PANEL, "exposure_date"), hashes, TASK_BYTES, names, sets)
    rows = quality_table(counted(tables.within, config, names, hashes), config.checks.quality)
    yield from compared(DATA_QUALITY, stored, pa.concat_tables([tables.mapped(task, (PANEL,)), rows]), REBUILT)


def _asked(covariance: Covariance, build: Mapping[str, Any]) -> list[str] | None:
    """The assets that a V was asked for; of a file, which may have changed since, those of its record."""
    if isinstance(covariance.assets, AssetFile):
        return [*build["asset_id"], *(one["asset_id"] for one in build["refused"])]
    return None if covariance.assets == "all" else list(covariance.assets)


def _blocks(assets: Sequence[str]) -> list[_Block]:
    cuts = [None, *assets[BLOCK::BLOCK], None]
    return [_Block(number, *pair) for number, pair in enumerate(pairwise(cuts))]


def _of_block(tables: PinnedTables, table: Table, build: pa.Table, block: _Block) -> pa.Table:
    """The stored rows of a block of V."""
    variant, day = (build.column(name)[0] for name in ("variant", "date"))
    where = (ds.field("variant") == variant) & (ds.field("date") == day)
    asset = ds.field("asset_1" if table is ASSET_COVARIANCE_CELLS else "asset_id")
    where = where if block.first is None else where & (asset >= block.first)
    where = where if block.before is None else where & (asset < block.before)
    return tables.rows(table, table.column_names, where)
