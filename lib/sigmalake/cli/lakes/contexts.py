"""What the verbs work with that need no source: a lake in a folder or behind a URI is opened without Spark, whatever the engine."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from sigmalake.cli.contexts import reading_context, writing_context
from sigmalake.cli.setup.runtime import log_file
from sigmalake.cli.terminal import hide, say
from sigmalake.errors import ConfigError

if TYPE_CHECKING:
    from sigmalake.config.model import Config
    from sigmalake.engines.local.tables import LocalTables
    from sigmalake.lake.claims.claim import Claims
    from sigmalake.reader.storage.places import LakePlace
    from sigmalake.stages.context import Context

LakeConfig = Annotated[str | None, typer.Option("--config", "-c", metavar="FILE", help="The configuration of the lake.")]
LakeOption = Annotated[str | None, typer.Option("--lake", metavar="FOLDER", help="The lake, in the place of --config.")]


@contextmanager
def released_lake(config_file: str | None, overrides: list[str] | None, lake: str | None) -> "Iterator[LakePlace]":
    """Where the releases of a lake are read; of one in a catalog by the session that is there, or by one of this verb's."""
    from sigmalake.config.model import load_config
    from sigmalake.config.types import CATALOG_NAME
    from sigmalake.reader.answer import lake_of
    from sigmalake.reader.storage.places import LakePlace

    root = lake_of(config_file, overrides, lake)
    if not CATALOG_NAME.fullmatch(root):
        yield LakePlace(root)
        return
    from sigmalake.cli.engines import opened_session
    from sigmalake.cli.setup.spark_packages import check_spark_packages

    check_spark_packages(f"the lake {root} is in a catalog")
    config = None if config_file is None else load_config(config_file, overrides or [])
    hide(frozenset() if config is None else config.secrets)
    with opened_session({} if config is None else config.spark, log_file(), say) as spark:
        yield LakePlace(root, spark)


@contextmanager
def lake_for_reading(config_file: str, overrides: list[str] | None) -> "Iterator[Context]":
    """Opens the lake of a configuration for reading."""
    from sigmalake.config.model import load_config
    from sigmalake.config.types import CATALOG_NAME

    config = load_config(config_file, overrides or [])
    hide(config.secrets)
    if CATALOG_NAME.fullmatch(config.lake):
        with reading_context(config_file, overrides, None, None) as context:
            yield context
        return
    from sigmalake.engines.local.engine import LocalEngine
    from sigmalake.lake.lake import Lake
    from sigmalake.stages.context import Context

    engine = LocalEngine(_local_tables(config))
    yield Context(Lake(engine.storage), engine, config, "reading", say=say)


@contextmanager
def lake_for_writing(config_file: str, overrides: list[str] | None, wait: float) -> "Iterator[Context]":
    """The lake of a configuration, which is this verb's own until it ends.

    Raises:
        InfrastructureError: another run holds the lake, and did not end within `wait` seconds.
    """
    from sigmalake.config.model import load_config
    from sigmalake.config.types import CATALOG_NAME

    config = load_config(config_file, overrides or [])
    hide(config.secrets)
    if CATALOG_NAME.fullmatch(config.lake):
        with writing_context(config_file, overrides, wait=wait, computes=()) as context:  # the lease is a Delta table of Spark's
            yield context
        return
    from sigmalake.engines.local.engine import LocalEngine
    from sigmalake.lake.lease import claims_of, hold
    from sigmalake.stages.context import new_run_id, writing
    from sigmalake.tables.catalogue import ALL_TABLES

    run_id = new_run_id()
    with hold(claims_of(config.lake, _no_table), f"run {run_id}", wait) as lease:
        context = writing(LocalEngine(_local_tables(config)), config, run_id, lease, say=say)
        context.lake.fence_off(ALL_TABLES)
        yield context


def _no_table(table: str) -> "Claims":
    raise ConfigError(f"the lease of this lake is the table {table}, which only Spark can write")


def _local_tables(config: "Config") -> "LocalTables":
    from sigmalake.engines.local.tables import LocalTables

    return LocalTables(config.lake, 1)
