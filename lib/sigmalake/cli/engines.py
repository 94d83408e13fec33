"""Chooses the engine, with the reason, and opens it."""

import os
import sys
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

from sigmalake.cli.setup.class_archive import archived_classes
from sigmalake.cli.setup.runtime import delta_jars, find_java, quiet_jvm
from sigmalake.cli.setup.secret_settings import secrets_from_file
from sigmalake.cli.setup.spark_packages import check_server, check_spark_packages, check_spark_version
from sigmalake.config.environment.secrets import is_secret
from sigmalake.config.model import Config
from sigmalake.config.stores.opening import spark_settings
from sigmalake.engines.engine import Engine
from sigmalake.engines.local.abilities import lake_obstacle, source_obstacle
from sigmalake.engines.local.engine import LocalEngine
from sigmalake.engines.local.tables import LocalTables
from sigmalake.errors import ConfigError
from sigmalake.lake.lake import Lake

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ENGINES = ("auto", "local", "spark")
SUBMITTED = ("PYSPARK_GATEWAY_PORT", "DATABRICKS_RUNTIME_VERSION", "SPARK_REMOTE")  # in the environment where Spark is at hand


class Choice(NamedTuple):
    """The engine that was chosen, and the reason."""

    name: str  # local or spark
    reason: str


def choose_engine(config: Config, option: str | None) -> Choice:
    """The engine that the command line or the configuration names, or the lightest that can do the work.

    Raises:
        ConfigError: there is no such engine, or the local one is asked for and cannot do it.
        InfrastructureError: it is Spark, and the extra [spark] is not installed.
    """
    chosen = _chosen_engine(config, option)
    if chosen.name == "spark":
        check_spark_packages(chosen.reason)
    return chosen


def _chosen_engine(config: Config, option: str | None) -> Choice:
    if option is not None and option not in ENGINES:
        raise ConfigError(f"--engine {option!r} is no engine; it is one of {', '.join(ENGINES)}")
    named = option or config.engine
    if named == "spark":
        return Choice("spark", "--engine" if option else "engine: spark")
    obstacle = _needs_spark(config)
    if named == "local":
        if obstacle:
            raise ConfigError(f"the local engine cannot do it: {obstacle}; use --engine spark")
        return Choice("local", "--engine" if option else "engine: local")
    if at_hand := _spark_at_hand():
        return Choice("spark", at_hand)
    return Choice("spark", obstacle) if obstacle else Choice("local", "nothing needs Spark")


def _spark_at_hand() -> str | None:
    """What says that a session of Spark is there already, or a server that gives one."""
    if found := next((name for name in SUBMITTED if name in os.environ), None):
        return f"{found} is set"
    if "pyspark.sql" in sys.modules:
        from sigmalake.engines.spark.session import found_session

        return "a session is active" if found_session() is not None else None
    return None


def _needs_spark(config: Config) -> str | None:
    """The parts of a configuration that only Spark can do, in words."""
    found = [lake_obstacle(config.lake), *(source_obstacle(*source) for source in config.sources.locations().items())]
    return next((obstacle for obstacle in found if obstacle), None)


@contextmanager
def opened_engine(
    config: Config, choice: Choice, log: Path, say: Callable[[str], None], computes: Collection[str] = ()
) -> Iterator[Engine]:
    """The engine, opened on the lake of a configuration, and closed after.

    Args:
        config: names the lake, and the settings of either engine.
        choice: which.
        log: where a JVM's own messages go.
        say: told which engine it is, and what of the configuration comes too late or is more than the machine has.
        computes: the stages that it is opened for, by which the local one sees whether the machine has room.

    Raises:
        ConfigError: a single process would need more memory than there is.
        InfrastructureError: the disk would fill up.
    """
    say(f"engine: {choice.name} ({choice.reason})")
    if choice.name == "local":
        from sigmalake.cli.room import room_for

        scratch = None if config.local.scratch is None else Path(config.local.scratch)
        tables = LocalTables(config.lake, config.local.workers)
        local = LocalEngine(tables, scratch)
        if computes:
            room = room_for(config, Lake(tables), computes, say)
            tables.workers = room.workers
            local.expect_rows(room.rows)
        try:
            if scratch is not None:
                local.check_scratch()
            yield local
        finally:
            local.close()
        return
    from sigmalake.engines.spark.engine import SparkEngine

    places = [config.lake, *(place.path or "" for place in config.sources.locations().values())]
    with opened_session(config.spark, log, say, places) as spark:
        yield SparkEngine(spark, config.lake)


@contextmanager
def opened_session(
    settings: Mapping[str, object], log: Path, say: Callable[[str], None], places: Sequence[str] = ()
) -> "Iterator[SparkSession]":
    """The session that this process has, left as it was; that of spark-submit, a platform or a server of Spark Connect; or one of
    this machine, stopped after.
    """  # fmt: skip
    from sigmalake.engines.spark.session import found_session, given_session, held_settings, local_session, of_a_run

    found, remote = found_session(), "SPARK_REMOTE" in os.environ
    if found is not None or any(name in os.environ for name in SUBMITTED):
        if found is None and remote:
            check_server(os.environ["SPARK_REMOTE"])
        spark = found or given_session(remote=remote)
        check_spark_version(spark.version, "the session")
        try:
            with held_settings(spark, of_a_run(settings)) as refused:
                if refused:
                    say(
                        f"spark: {', '.join(refused)} cannot be set on this session, which keeps its own; give them to "
                        "spark-submit, to the platform or to the server"
                    )
                yield spark
        finally:
            if found is None and remote:
                spark.stop()
        return
    find_java()
    jars = delta_jars()
    with TemporaryDirectory(prefix="sigmalake-spark-", ignore_cleanup_errors=True) as scratch:  # of mode 0700; Spark's own is open
        with quiet_jvm(log), secrets_from_file({"spark.local.dir": scratch, **spark_settings(places), **settings}) as shown:
            of_session = {name: str(shown.pop(name)) for name in list(shown) if _only_runs(name)}
            spark = local_session(jars, shown, archived_classes(jars))
        try:
            for name, value in of_session.items():
                spark.conf.set(name, value)
            yield spark
        finally:
            with warnings.catch_warnings(), suppress(Exception):  # of a JVM that has died, or that a signal reached first
                warnings.simplefilter("ignore")
                spark.stop()


def _only_runs(name: str) -> bool:
    """Whether a secret setting can be set on a running session alone: spark-submit passes over names that are not Spark's own."""
    return is_secret(name) and not name.startswith("spark.")
