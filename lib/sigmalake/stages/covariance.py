"""Covariance: V = X Sigma X' + Delta, for the assets, dates and variants that the configuration names."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any, Literal

from sigmalake.config.covariance import AssetFile
from sigmalake.config.model import Config
from sigmalake.config.staleness import digest_of
from sigmalake.config.stores.files import readable
from sigmalake.errors import DataError
from sigmalake.lake.lake import Lake
from sigmalake.lake.row_filter import of_keys
from sigmalake.lake.storage import Rows
from sigmalake.numerics.windows.calendar import on_grid
from sigmalake.reader.files.asset_file import read_asset_file
from sigmalake.stages import versions
from sigmalake.stages.context import Context, Outcome, factor_sets, span
from sigmalake.stages.planning import Changes, PanelState, Why, changes, join_hash, panel_states, rules_hash, stored_risk_models
from sigmalake.stages.regress import panel_row_bytes
from sigmalake.stages.risk import RiskKey
from sigmalake.tables.declaration import Table
from sigmalake.tables.long import ASSET_COVARIANCE, ASSET_COVARIANCE_CELLS, COVARIANCE_BUILDS
from sigmalake.tables.packed import PANEL
from sigmalake.tasks.asset_covariance import (
    DATED,
    AssetCovariance,
    CovarianceBuilds,
    CovarianceCells,
    covariance_parts,
)

Exposures = Literal["known", "used"]


def plan_covariance(context: Context, panel: list[PanelState], risk_models: Mapping[RiskKey, str]) -> Changes[RiskKey]:
    """Which V are missing, not asked for any more, or rest on something that changed.

    Those not asked for any more go whichever dates this run is of: a new date puts the one before it out of `dates: last`.
    """
    expected = _expected(context.config, panel, risk_models)
    rows = context.lake.columns(COVARIANCE_BUILDS, ["variant", "date", "inputs_hash"]).to_pylist()
    found = changes(expected, {(row["variant"], row["date"]): row["inputs_hash"] for row in rows}, Why.UPSTREAM)
    compute = {key: value for key, value in found.compute.items() if context.asked.holds(key[1])}
    return Changes(compute, {key: found.why[key] for key in compute}, found.remove)


def covariance(context: Context) -> Outcome | None:
    """Build what `plan_covariance` names, into `asset_covariance`."""
    lake, config, engine = context.lake, context.config, context.engine
    plan = plan_covariance(context, panel_states(lake), stored_risk_models(lake))
    if not plan:
        return None
    asked = None if config.covariance is None else asked_assets(config)
    exposures: Exposures = "known" if config.covariance is None else config.covariance.exposures
    n_assets = _sizes(lake, plan.compute, exposures, asked)
    _refuse_impossible(config, n_assets)
    engine.expect_width(panel_row_bytes(lake))
    parts, sets, touched = covariance_parts(n_assets), factor_sets(lake), of_keys([*plan.compute, *plan.remove])
    rows = builds = None
    if parts:
        rows = engine.map_parts(AssetCovariance(parts, sets, asked, exposures))
        builds = engine.map_parts(CovarianceBuilds(parts, sets, asked, exposures, plan.compute))
    lake.replace_filtered(ASSET_COVARIANCE, rows or engine.no_rows(ASSET_COVARIANCE), "covariance", touched)
    tables = [ASSET_COVARIANCE, *_write_cells(context, plan, builds), COVARIANCE_BUILDS]
    lake.replace_filtered(COVARIANCE_BUILDS, builds or engine.no_rows(COVARIANCE_BUILDS), "covariance", touched)
    return _outcome(lake, plan, tables)


def _write_cells(context: Context, plan: Changes[RiskKey], builds: Rows | None) -> list[Table]:
    """Write the cells of each V just written, where the configuration asks for them; `covariance_builds` is written after them."""
    lake, engine, asked = context.lake, context.engine, context.config.covariance
    wanted = asked is not None and asked.cells
    if not (wanted or lake.exists(ASSET_COVARIANCE_CELLS)):
        return []
    rows = engine.no_rows(ASSET_COVARIANCE_CELLS)
    if wanted and builds is not None:
        rows = engine.unpack(CovarianceCells(engine.collect(builds)), of_keys(plan.compute))
    lake.replace_filtered(ASSET_COVARIANCE_CELLS, rows, "covariance", of_keys([*plan.compute, *plan.remove]))
    return [ASSET_COVARIANCE_CELLS]


def asked_assets(config: Config) -> list[str] | None:
    """The assets that the configuration asks V for; None for all.

    Raises:
        ConfigError: the file that lists them cannot be read.
    """
    asked = "all" if config.covariance is None else config.covariance.assets
    if isinstance(asked, AssetFile):
        with readable(asked.file) as file:
            return read_asset_file(file)
    return None if asked == "all" else list(asked)


def _expected(config: Config, panel: list[PanelState], risk_models: Mapping[RiskKey, str]) -> dict[RiskKey, str]:
    asked = config.covariance
    if asked is None:
        return {}
    by_date = {(row.return_date if asked.exposures == "used" else row.exposure_date): row.exposures_hash for row in panel}
    of_config = rules_hash(config.covariance_hash(asked_assets(config)), versions.COVARIANCE)
    expected = {}
    for variant in config.covariance_variants:
        dates = sorted(day for name, day in risk_models if name == variant)
        for day in _chosen(config, dates):
            expected[variant, day] = join_hash(digest_of([risk_models[variant, day], by_date.get(day, "")]), of_config)
    return expected


def _chosen(config: Config, dates: list[date]) -> list[date]:
    asked = "last" if config.covariance is None else config.covariance.dates
    if asked == "last":
        return dates[-1:]
    if asked == "month_end":
        return on_grid(dates, "month")
    if unknown := sorted(set(asked) - set(dates)):
        newest = dates[-1] if dates else "none"
        raise DataError(f"covariance.dates: no risk model as of {', '.join(map(str, unknown))}; the newest is {newest}")
    return sorted(asked)


def refuse_size(cells: int, n_assets: int, n_builds: int, limit: int) -> None:
    """Refuse a V beyond the guard.

    Raises:
        DataError: with the size.
    """
    if cells > limit:
        raise DataError(
            f"V of up to {n_assets:,} assets, {n_builds} times, has {cells:,} cells (some {cells * 8 / 1e9:.1f} GB), "
            f"more than covariance.max_cells ({limit:,}); ask for fewer assets or dates, or raise it"
        )


def _sizes(lake: Lake, keys: Collection[RiskKey], exposures: Exposures, asked: list[str] | None) -> dict[RiskKey, int]:
    """The assets that each V has at the most.

    Raises:
        DataError: a date has no such exposures.
    """
    dated = DATED[exposures]
    panel = lake.columns(PANEL, [dated, "n_assets"]).to_pylist()
    covered = {row[dated]: row["n_assets"] for row in panel if row["n_assets"]}
    if without := sorted({day for _, day in keys} - covered.keys()):
        raise DataError(
            f"covariance: no exposures are {exposures} as of {without[-1]}; V needs `exposures: used`, "
            "or a larger sources.exposures_max_age"
        )
    return {key: covered[key[1]] if asked is None else min(covered[key[1]], len(asked)) for key in keys}


def _refuse_impossible(config: Config, n_assets: Mapping[RiskKey, int]) -> None:
    if config.covariance is not None and n_assets:
        cells = sum(n * n for n in n_assets.values())
        refuse_size(cells, max(n_assets.values()), len(n_assets), config.covariance.max_cells)


def _outcome(lake: Lake, plan: Changes[RiskKey], tables: Sequence[Table]) -> Outcome:
    rows = lake.columns(COVARIANCE_BUILDS, ["variant", "date", "n_assets", "refused"]).to_pylist()
    built = [row for row in rows if (row["variant"], row["date"]) in plan.compute]
    dates = sorted({day for _, day in [*plan.compute, *plan.remove]})
    said = f"V: {span(dates)}" + ("; refused assets are in covariance_builds" if any(row["refused"] for row in built) else "")
    lines = [said, *map(_built_line, built[:10])]
    return Outcome(dates, rows_in=len(plan.compute), rows_out=len(plan.compute), tables=tuple(tables), said="\n".join(lines))


def _built_line(row: Mapping[str, Any]) -> str:
    refused = row["refused"]
    named = ", ".join(f"{r['asset_id']} ({r['reason']})" for r in refused[:3])
    without = f"; {len(refused)} without: {named}{', ...' if len(refused) > 3 else ''}" if refused else ""
    return f"  {row['variant']} {row['date']}: {row['n_assets']} assets{without}"
