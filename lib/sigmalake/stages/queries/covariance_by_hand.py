"""V by hand: from a release, for the assets, date and variant that the caller names, to a file or to the terminal."""

import shutil
import tempfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple, cast

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv

from sigmalake.config.covariance import Covariance
from sigmalake.config.stores.files import readable
from sigmalake.errors import ConfigError, DataError, MissingRiskError
from sigmalake.lake.books import release_ledger
from sigmalake.lake.releases import Release
from sigmalake.reader.files.asset_file import read_asset_file
from sigmalake.stages.context import Context, factor_sets
from sigmalake.stages.covariance import Exposures, refuse_size
from sigmalake.tables.long import FACTORS
from sigmalake.tables.packed import PANEL, RISK_MODELS
from sigmalake.tasks.asset_covariance import (
    DATED,
    AssetCovariance,
    CovarianceBuilds,
    CovarianceCells,
    CovariancePart,
    covariance_parts,
)

SUFFIXES = (".parquet", ".csv")
ROWS_AT_ONCE = 256  # assets whose cells are written at a time
SHOWN = 50  # assets whose V is printed where no file is named


class Choice(NamedTuple):
    """What is asked for."""

    release: Release
    assets: list[str] | None  # None: all
    date: date
    variant: str
    exposures: Exposures


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
        MissingRiskError: no such release or one that was withdrawn, or several variants and none named.
        ConfigError: `exposures` is neither known nor used.
    """
    chosen = release_ledger(context.lake).chosen(release, context.lake.root)
    name = variant or (chosen.variants[0] if len(chosen.variants) == 1 else None)
    if name not in chosen.variants:
        raise MissingRiskError(f"--variant {variant or 'is needed'}: release {chosen.release_id} has {', '.join(chosen.variants)}")
    if exposures not in (None, "known", "used"):
        raise ConfigError(f"--exposures {exposures!r} is neither known nor used")
    return Choice(chosen, assets, day or chosen.as_of, name, cast(Exposures, exposures or "known"))


def build_by_hand(context: Context, choice: Choice, to: Path | None) -> Built:
    """Build one V.

    Raises:
        MissingRiskError: there is no risk model or no exposures on the date; or a named asset cannot have a V.
        DataError: V is larger than the guard allows.
    """
    engine, versions = context.engine, choice.release.tables
    parts = _parts(context, choice)
    sets = factor_sets(context.lake, versions[FACTORS.name])
    hashes = {(choice.variant, choice.date): ""}
    built = CovarianceBuilds(parts, sets, choice.assets, choice.exposures, hashes)
    row = next(iter(engine.collect(engine.map_parts(built, versions=versions)).to_pylist()), None) if parts else None
    if row is None:
        raise MissingRiskError(_nothing_there(context, choice))
    refused = {item["asset_id"]: item["reason"] for item in row["refused"]}
    if choice.assets is not None and refused:
        named = "; ".join(f"{asset}: {reason}" for asset, reason in refused.items())
        raise MissingRiskError(f"no V as of {choice.date} for {named}")
    limit = (context.config.covariance or Covariance()).max_cells
    refuse_size(row["n_assets"] ** 2, row["n_assets"], 1, limit)
    if to is None and row["n_assets"] > SHOWN:
        raise DataError(f"V of {row['n_assets']} assets is too large to print (at most {SHOWN}); name a file with --to")
    V = engine.collect(engine.map_parts(AssetCovariance(parts, sets, choice.assets, choice.exposures), versions=versions))
    rows: list[tuple[str, str, float]] = []
    if to is not None:
        write_cells(V, row["asset_id"], choice, to)
    else:
        of_asset = zip(V.column("asset_id").to_pylist(), V.column("covariance").to_pylist(), strict=True)
        rows = [(one, other, value) for one, values in of_asset for other, value in zip(row["asset_id"], values, strict=True)]
    return Built(
        choice.release.release_id, choice.variant, row["exposure_date"], choice.date, choice.exposures, row["n_assets"], refused,
        None if to is None else str(to), rows,
    )  # fmt: skip


def write_cells(V: pa.Table, assets: Sequence[str], choice: Choice, to: Path) -> None:
    """Write V to one Parquet or CSV file, a row a pair in the order of the assets; an existing file is replaced at the end.

    Args:
        V: a row an asset, with its covariances in the order of `assets`.
        assets: of V.
        choice: which V it is.
        to: the file.

    Raises:
        ConfigError: another suffix, or a folder that does not exist.
    """
    check_target(to)
    builds = pa.table({"variant": [choice.variant], "date": [choice.date], "asset_id": [list(assets)]})
    cells = CovarianceCells(builds)
    with tempfile.TemporaryDirectory(dir=to.parent, prefix=".sigmalake-") as folder:
        partial = Path(folder, f"v{to.suffix}")
        schema = cells.into.arrow_schema()
        open_file = pq.ParquetWriter if to.suffix == ".parquet" else csv.CSVWriter
        with open_file(partial, schema) as file:
            for first in range(0, V.num_rows, ROWS_AT_ONCE):
                file.write_table(cells(V.slice(first, ROWS_AT_ONCE)))
        shutil.move(partial, to)


def check_target(to: Path | None) -> None:
    """Refuse a file that could not be written, before anything is computed.

    Raises:
        ConfigError: another suffix, or a folder that does not exist.
    """
    if to is not None and to.suffix not in SUFFIXES:
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
        with readable(given[1:]) as file:
            return read_asset_file(file)
    listed = [asset.strip() for asset in given.split(",") if asset.strip()]
    if not listed:
        raise ConfigError(f"--assets {given!r} names no asset")
    return list(dict.fromkeys(listed))


def _parts(context: Context, choice: Choice) -> list[CovariancePart]:
    """The blocks of the V; none where no exposures are as asked for."""
    dated = DATED[choice.exposures]
    version = choice.release.tables[PANEL.name]
    panel = context.lake.columns(PANEL, [dated, "n_assets"], version=version).to_pylist()
    n_assets = next((row["n_assets"] for row in panel if row[dated] == choice.date), 0)
    return covariance_parts({(choice.variant, choice.date): n_assets})


def _nothing_there(context: Context, choice: Choice) -> str:
    version = choice.release.tables[RISK_MODELS.name]
    rows = context.lake.columns(RISK_MODELS, ["variant", "date"], version=version).to_pylist()
    dates = [row["date"] for row in rows if row["variant"] == choice.variant]
    span = f"{min(dates)} to {max(dates)}" if dates else "none"
    asked = f"no {choice.variant} risk model with exposures {choice.exposures} as of {choice.date}"
    return f"{asked}; release {choice.release.release_id} has {span}"
