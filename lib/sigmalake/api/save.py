"""A model in memory becomes a lake: its tables, its panel and its configuration."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sigmalake.api.configuration import with_places
from sigmalake.api.model_yaml import yaml_of
from sigmalake.config.model import load_config
from sigmalake.engines.local.abilities import lake_obstacle
from sigmalake.engines.local.engine import LocalEngine
from sigmalake.engines.local.held import HeldTables
from sigmalake.engines.local.tables import LocalTables
from sigmalake.errors import ConfigError
from sigmalake.lake.lake import Lake, Writer
from sigmalake.tables.catalogue import ALL_TABLES
from sigmalake.tables.declaration import Table
from sigmalake.tables.records import RELEASES, RUNS

CONFIG_FILE = "model.yaml"


def save_model(storage: HeldTables, body: Mapping[str, Any], frames: Mapping[str, pa.Table], folder: Path) -> Path:
    """Write the tables of a model in memory to a folder, with the panel and a configuration that finds them up to date.

    Args:
        storage: the tables.
        body: the configuration, as a file would say it.
        frames: the rows that the model was made from, by source; others lie in files, which the configuration goes on to name.
        folder: that is empty, or is made.

    Returns:
        The configuration's file.

    Raises:
        ConfigError: the folder holds something, or no table can be written there.
    """
    if obstacle := lake_obstacle(str(folder)):
        raise ConfigError(f"{obstacle}; name another folder")
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise ConfigError(f"{folder} is not empty; name a folder that is empty or not there")
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{folder} cannot be made ({error.strerror}); name a folder that can hold files") from error
    file, places = folder / CONFIG_FILE, {}
    for source in ("panel", "exposures", "returns"):
        if body["sources"].get(source) is None:
            continue
        if source in frames:
            places[source] = f"{source}.parquet"
            pq.write_table(frames[source], folder / places[source])
        else:
            places[source] = str(Path(body["sources"][source]["path"]).resolve())
    file.write_text(yaml_of(with_places(body, places=places, lake=".")), encoding="utf-8")
    config = load_config(file)
    config_hash = config.full_hash()
    run_id = storage.tables[RUNS.name].column("run_id")[0].as_py()
    engine = LocalEngine(LocalTables(str(folder), 1))
    lake = Lake(engine.storage, Writer(run_id, config_hash, None, engine, config.model))
    held = [table for table in ALL_TABLES if table.name in storage.tables]
    ledger = (RUNS, RELEASES)
    for table in held:
        if table not in ledger:
            _write(lake, engine, table, storage.tables[table.name])
    saved = [table for table in held if table not in ledger]
    versions = {table.name: version for table in saved if (version := lake.version(table)) is not None}
    ids = {table.name: found for table in saved if (found := lake.table_id(table)) is not None}
    for table in ledger:
        rows = [_restated(row, versions, ids, config_hash) for row in storage.tables[table.name].to_pylist()]
        _write(lake, engine, table, pa.Table.from_pylist(rows, schema=table.arrow_schema()))
    return file


def _write(lake: Lake, engine: LocalEngine, table: Table, rows: pa.Table) -> None:
    ordered = rows if table.date is None else rows.sort_by(table.date)
    lake.append(table, engine.driver_rows(ordered), "save")


def _restated(row: dict[str, Any], versions: Mapping[str, int], ids: Mapping[str, str], config_hash: str) -> dict[str, Any]:
    """A row of the run ledger with the versions, the ids and the instant at which the lake has the tables."""
    now, found = datetime.now(UTC), {**row, "config_hash": config_hash}
    for column in ("table_versions", "tables"):
        if column in row and row[column] is not None:
            found[column] = [(name, versions[name]) for name, _ in row[column] if name in versions]
            found["table_ids"] = [(name, ids[name]) for name, _ in row[column] if name in ids]
    if "ledger_versions" in row:
        found["ledger_versions"] = None  # those of memory
    return found | {name: now for name in ("finished_at", "created_at") if name in row}
