"""Covariance: V = X Sigma X' + Delta, for the assets, dates and variants that the configuration names."""

from collections.abc import Collection, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from sigmalake.config.model import AssetFile, Config, digest_of
from sigmalake.engines.spark.estimation.asset_covariance import asset_covariance, covariance_builds, prepare_models
from sigmalake.engines.spark.listed_rows import listed_rows
from sigmalake.engines.spark.session import fit_batches
from sigmalake.errors import ConfigError, DataError
from sigmalake.lake.dates import single_days, within
from sigmalake.lake.lake import Lake
from sigmalake.numerics.windows.calendar import on_grid
from sigmalake.stages.context import Context, Outcome, factor_sets, span
from sigmalake.stages.planning import Changes, PanelState, Why, changes, join_hash, panel_states, stored_risk_models
from sigmalake.stages.regress import panel_row_bytes
from sigmalake.stages.risk import RiskKey, keys_sql
from sigmalake.tables.long import ASSET_COVARIANCE, COVARIANCE_BUILDS
from sigmalake.tables.packed import PANEL, RISK_MODELS

COVARIANCE_VERSION = "2"  # raised when the numbers of V change


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
    lake, config = context.lake, context.config
    plan = plan_covariance(context, panel_states(lake), stored_risk_models(lake))
    if not plan:
        return None
    asked = None if config.covariance is None else asked_assets(config)
    used = config.covariance is not None and config.covariance.exposures == "used"
    _refuse_impossible(lake, config, plan.compute, asked)
    models = with_hashes(lake.read(RISK_MODELS).where(keys_sql(plan.compute)), plan.compute)
    beside = beside_exposures(models, lake.read(PANEL), {day for _, day in plan.compute}, used=used)
    prepared = prepare_models(beside, factor_sets(lake), asked)
    ranges = single_days(day for _, day in [*plan.compute, *plan.remove])
    predicate = keys_sql([*plan.compute, *plan.remove])
    fit_batches(lake.spark, panel_row_bytes(lake))
    lake.replace_rows(ASSET_COVARIANCE, asset_covariance(prepared), "covariance", predicate, ranges)
    lake.replace_rows(COVARIANCE_BUILDS, covariance_builds(prepared), "covariance", predicate, ranges)
    return _outcome(lake, plan)


def asked_assets(config: Config) -> list[str] | None:
    """The assets that the configuration asks V for; None for all.

    Raises:
        ConfigError: the file that lists them cannot be read.
    """
    asked = "all" if config.covariance is None else config.covariance.assets
    if isinstance(asked, AssetFile):
        return read_asset_file(Path(asked.file))
    return None if asked == "all" else list(asked)


def read_asset_file(path: Path) -> list[str]:
    """Assets from a text file, one a line, or from the column `asset_id` of a CSV or Parquet file."""
    try:
        if path.suffix == ".parquet":
            listed = pd.read_parquet(path, columns=["asset_id"])["asset_id"].astype(str).tolist()
        elif path.suffix == ".csv":
            listed = pd.read_csv(path, dtype=str)["asset_id"].dropna().tolist()
        else:
            listed = [line.strip() for line in path.read_text().splitlines() if line.strip()]
    except (OSError, KeyError, ValueError) as error:
        raise ConfigError(f"assets cannot be read from {path}: {error}") from None
    if not listed:
        raise ConfigError(f"{path} lists no assets")
    return list(dict.fromkeys(listed))


def _expected(config: Config, panel: list[PanelState], risk_models: Mapping[RiskKey, str]) -> dict[RiskKey, str]:
    asked = config.covariance
    if asked is None:
        return {}
    by_date = {(row.return_date if asked.exposures == "used" else row.exposure_date): row.exposures_hash for row in panel}
    of_config = digest_of([str(asked_assets(config)), asked.exposures, COVARIANCE_VERSION])
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


def beside_exposures(models: DataFrame, panel: DataFrame, days: Collection[date], *, used: bool) -> DataFrame:
    """Rows of `risk_models`, each beside the panel's row with the exposures known at its date, or used in its regression."""
    dated = "return_date" if used else "exposure_date"
    rows = panel.where(within(dated, single_days(days)) + " AND n_assets > 0").select(
        F.col(dated).alias("date"), "exposure_date", "factor_set", F.col("asset_id").alias("panel_assets"),
        "styles", "member_assets", "member_factors", "member_shares", F.lit("used" if used else "known").alias("exposures"),
    )  # fmt: skip
    return models.drop("factor_set").join(rows, "date")


def with_hashes(models: DataFrame, keys: Mapping[RiskKey, str]) -> DataFrame:
    """Rows of `risk_models`, each with the hash that what is made of it will carry."""
    rows = [(name, day, value) for (name, day), value in keys.items()]
    hashes = listed_rows(models.sparkSession, rows, RISK_MODELS.arrow_schema("variant", "date", "inputs_hash"))
    return models.drop("inputs_hash").join(F.broadcast(hashes), ["variant", "date"])


def refuse_size(cells: int, n_assets: int, n_builds: int, limit: int) -> None:
    """Refuse a V beyond the guard.

    Raises:
        DataError: with the size.
    """
    if cells > limit:
        raise DataError(
            f"V of up to {n_assets:,} assets, {n_builds} times, has {cells:,} cells (some {cells * 25 / 1e9:.1f} GB as rows), "
            f"more than covariance.max_cells ({limit:,}); ask for fewer assets or dates, or raise it"
        )


def _refuse_impossible(lake: Lake, config: Config, keys: Collection[RiskKey], asked: list[str] | None) -> None:
    if config.covariance is None or not keys:
        return
    days = {day for _, day in keys}
    panel = lake.columns(PANEL, ["exposure_date", "return_date", "n_assets"]).to_pylist()
    dated = "return_date" if config.covariance.exposures == "used" else "exposure_date"
    size_of = {row[dated]: row["n_assets"] if asked is None else len(asked) for row in panel if row[dated] in days}
    without = sorted(day for day in days if not any(row[dated] == day and row["n_assets"] for row in panel))
    if without:
        raise DataError(
            f"covariance: no exposures are {config.covariance.exposures} as of {without[-1]}; V needs `exposures: used`, "
            "or a larger sources.exposures_max_age"
        )
    cells = sum(size_of.get(day, 0) ** 2 for _, day in keys)
    refuse_size(cells, max(size_of.values(), default=0), len(keys), config.covariance.max_cells)


def _outcome(lake: Lake, plan: Changes[RiskKey]) -> Outcome:
    rows = lake.columns(COVARIANCE_BUILDS, ["variant", "date", "n_assets", "refused"]).to_pylist()
    built = [row for row in rows if (row["variant"], row["date"]) in plan.compute]
    dates = sorted({day for _, day in [*plan.compute, *plan.remove]})
    said = f"V: {span(dates)}" + ("; refused assets are in covariance_builds" if any(row["refused"] for row in built) else "")
    tables = (ASSET_COVARIANCE, COVARIANCE_BUILDS)
    lines = [said, *map(_built_line, built[:10])]
    return Outcome(dates, rows_in=len(plan.compute), rows_out=len(plan.compute), tables=tables, said="\n".join(lines))


def _built_line(row: Mapping[str, Any]) -> str:
    refused = row["refused"]
    named = ", ".join(f"{r['asset_id']} ({r['reason']})" for r in refused[:3])
    without = f"; {len(refused)} without: {named}{', ...' if len(refused) > 3 else ''}" if refused else ""
    return f"  {row['variant']} {row['date']}: {row['n_assets']} assets{without}"
