"""V by hand: from a release, for the assets, date and variant that the caller names, to a file or to the terminal."""

import shutil
import tempfile
from datetime import date
from pathlib import Path
from typing import NamedTuple

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from sigmalake.config.covariance import Covariance
from sigmalake.engines.spark.engine import spark_of
from sigmalake.engines.spark.estimation.asset_covariance import asset_covariance, covariance_builds, prepare_models
from sigmalake.errors import ConfigError, DataError, MissingRiskError
from sigmalake.lake.books import all_releases
from sigmalake.lake.releases import Release
from sigmalake.stages.context import Context, factor_sets
from sigmalake.stages.covariance import beside_exposures, read_asset_file, refuse_size
from sigmalake.stages.regress import panel_row_bytes
from sigmalake.tables.long import FACTORS
from sigmalake.tables.packed import PANEL, RISK_MODELS

KINDS = {".parquet": "parquet", ".csv": "csv"}
SHOWN = 50  # assets whose V is printed where no file is named


class Choice(NamedTuple):
    """What is asked for."""

    release: Release
    assets: list[str] | None  # None: all
    date: date
    variant: str
    exposures: str  # known or used


class Built(NamedTuple):
    """What was built."""

    release: str
    variant: str
    exposure_date: date
    date: date
    exposures: str
    n_assets: int
    refused: dict[str, str]
    file: str | None
    rows: list[tuple[str, str, float]]  # asset_1, asset_2, covariance, where no file was named

    def text(self) -> str:
        """For a person."""
        head = f"V of {self.n_assets} assets, {self.variant} as of {self.date}, exposures of {self.exposure_date}"
        head += f", release {self.release}"
        body = f"\nwritten to {self.file}" if self.file else "".join(f"\n{a},{b},{value!r}" for a, b, value in self.rows)
        without = "".join(f"\nwithout: {asset}: {reason}" for asset, reason in self.refused.items())
        return head + without + body


def choose(
    context: Context, assets: list[str] | None, day: date | None, variant: str | None, exposures: str | None, release: str | None
) -> Choice:
    """The choice with its defaults: the last release, its date, its only variant, exposures known, all assets.

    Raises:
        MissingRiskError: no such release, or several variants and none named.
        ConfigError: `exposures` is neither known nor used.
    """
    releases = all_releases(context.lake)
    if not releases:
        raise MissingRiskError(f"{context.lake.root} has no release yet; use `sigmalake run`")
    found = [r for r in releases if release in (None, r.release_id)]
    if not found:
        raise MissingRiskError(f"no release {release}; there are {', '.join(r.release_id for r in releases[-5:])}")
    chosen = found[-1]
    name = variant or (chosen.variants[0] if len(chosen.variants) == 1 else None)
    if name not in chosen.variants:
        raise MissingRiskError(f"--variant {variant or 'is needed'}: release {chosen.release_id} has {', '.join(chosen.variants)}")
    if exposures not in (None, "known", "used"):
        raise ConfigError(f"--exposures {exposures!r} is neither known nor used")
    return Choice(chosen, assets, day or chosen.as_of, name, exposures or "known")


def build_by_hand(context: Context, choice: Choice, to: Path | None) -> Built:
    """Build one V on Spark.

    Raises:
        MissingRiskError: there is no risk model or no exposures on the date; or a named asset cannot have a V.
        DataError: V is larger than the guard allows.
    """
    prepared = _prepared(context, choice)
    row = covariance_builds(prepared).first()
    if row is None:
        raise MissingRiskError(_nothing_there(context, choice))
    refused = {item["asset_id"]: item["reason"] for item in row["refused"]}
    if choice.assets is not None and refused:
        named = "; ".join(f"{asset}: {reason}" for asset, reason in refused.items())
        raise MissingRiskError(f"no V as of {choice.date} for {named}")
    limit = (context.config.covariance or Covariance()).max_cells
    refuse_size(row["n_assets"] ** 2, row["n_assets"], 1, limit)
    long = asset_covariance(prepared).select("variant", "date", "asset_1", "asset_2", "covariance")
    rows: list[tuple[str, str, float]] = []
    if to is not None:
        write_one_file(long, to)
    elif row["n_assets"] > SHOWN:
        raise DataError(f"V of {row['n_assets']} assets is too large to print (at most {SHOWN}); name a file with --to")
    else:
        rows = [(r["asset_1"], r["asset_2"], r["covariance"]) for r in long.orderBy("asset_1", "asset_2").collect()]
    return Built(
        choice.release.release_id, choice.variant, row["exposure_date"], choice.date, choice.exposures, row["n_assets"], refused,
        None if to is None else str(to), rows,
    )  # fmt: skip


def write_one_file(rows: DataFrame, to: Path) -> None:
    """Write rows to one Parquet or CSV file, in the order of the assets; an existing file is replaced at the end.

    Raises:
        ConfigError: another suffix, or a folder that does not exist.
    """
    check_target(to)
    with tempfile.TemporaryDirectory(dir=to.parent, prefix=".sigmalake-") as folder:
        one = rows.coalesce(1).sortWithinPartitions("asset_1", "asset_2").write.mode("overwrite")
        one.format(KINDS[to.suffix]).option("header", True).save(f"{folder}/v")
        part = next(Path(folder, "v").glob("part-*"))
        shutil.move(part, to)


def check_target(to: Path | None) -> None:
    """Refuse a file that could not be written, before anything is computed.

    Raises:
        ConfigError: another suffix, or a folder that does not exist.
    """
    if to is not None and to.suffix not in KINDS:
        raise ConfigError(f"--to {to}: the name must end in .parquet or .csv")
    if to is not None and not to.parent.is_dir():
        raise ConfigError(f"--to {to}: the folder {to.parent} does not exist")


def named_assets(given: str | None) -> list[str] | None:
    """Assets between commas, or those of @FILE; None for all.

    Raises:
        ConfigError: the list is empty or unreadable.
    """
    if given is None or given == "all":
        return None
    if given.startswith("@"):
        return read_asset_file(Path(given[1:]))
    listed = [asset.strip() for asset in given.split(",") if asset.strip()]
    if not listed:
        raise ConfigError(f"--assets {given!r} names no asset")
    return list(dict.fromkeys(listed))


def _prepared(context: Context, choice: Choice) -> DataFrame:
    lake, engine, tables = context.lake, spark_of(context.engine), choice.release.tables
    engine.expect_width(panel_row_bytes(lake))
    models = engine.read(RISK_MODELS, tables[RISK_MODELS.name])
    models = models.where((F.col("variant") == choice.variant) & (F.col("date") == F.lit(choice.date)))
    panel = engine.read(PANEL, tables[PANEL.name])
    beside = beside_exposures(models, panel, [choice.date], used=choice.exposures == "used")
    return prepare_models(beside, factor_sets(lake, tables[FACTORS.name]), choice.assets)


def _nothing_there(context: Context, choice: Choice) -> str:
    version = choice.release.tables[RISK_MODELS.name]
    dates = (
        spark_of(context.engine)
        .read(RISK_MODELS, version)
        .where(F.col("variant") == choice.variant)
        .agg(F.min("date"), F.max("date"))
        .first()
    )
    span = "none" if dates is None or dates[0] is None else f"{dates[0]} to {dates[1]}"
    asked = f"no {choice.variant} risk model with exposures {choice.exposures} as of {choice.date}"
    return f"{asked}; release {choice.release.release_id} has {span}"
