"""What a verb works with: the configuration, the engine on its lake, and, where it writes, the lease of the lake."""

from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import TYPE_CHECKING

from sigmalake.cli.options import parse_date
from sigmalake.cli.setup.runtime import log_file
from sigmalake.cli.terminal import hide, say
from sigmalake.errors import ConfigError

if TYPE_CHECKING:
    from sigmalake.cli.lineage import Reporter
    from sigmalake.config.model import Config
    from sigmalake.engines.engine import Engine
    from sigmalake.lake.claims.claim import Claims
    from sigmalake.lake.lake import Lake
    from sigmalake.lake.lease import Lease
    from sigmalake.stages.context import Asked, Context

# stages for which a machine needs room
COMPUTING = ("describe", "ingest", "quality", "regress", "risk", "covariance", "portfolios")


@contextmanager
def reading_context(
    config_file: str, overrides: list[str] | None, start: str | None, end: str | None, verify: bool = False,
    *, engine: str | None = None, reads_sources: bool = False,
) -> "Iterator[Context]":  # fmt: skip
    """What a verb is given that writes nothing to the lake; its engine is closed after."""
    load_pandas_late()
    from sigmalake.cli.engines import choose_engine, opened_engine
    from sigmalake.lake.lake import Lake
    from sigmalake.stages.context import Context

    requested, config = _requested(start, end), _load(config_file, overrides, reads_sources=reads_sources)
    with opened_engine(config, choose_engine(config, engine), log_file(), say) as opened:
        yield Context(Lake(opened.storage), opened, config, "reading", requested, say, verify)


@contextmanager
def writing_context(
    config_file: str, overrides: list[str] | None = None, start: str | None = None, end: str | None = None, wait: float = 0.0,
    verify: bool = False, *, engine: str | None = None, reads_sources: bool = False, computes: Collection[str] = COMPUTING,
    drop_variants: bool = False, verb: str = "run",
) -> "Iterator[Context]":  # fmt: skip
    """What a verb is given that writes to the lake, which is its own until it ends.

    Args:
        config_file: of the model.
        overrides: `a.b=c`.
        start: first return date; None: open.
        end: last return date; None: open.
        wait: seconds for another writer to end.
        verify: whether sources are hashed although they look unchanged.
        engine: as the command line names it.
        reads_sources: whether they have to be there.
        computes: stages that need room.
        drop_variants: whether rows of variants that are not named may go.
        verb: as events of lineage call it.

    Raises:
        InfrastructureError: another run holds the lake, and did not end within `wait` seconds.
    """
    load_pandas_late()
    from sigmalake.cli.engines import choose_engine, opened_engine
    from sigmalake.cli.progress import watching
    from sigmalake.lake.lease import claims_of, hold
    from sigmalake.stages.context import new_run_id, writing
    from sigmalake.tables.catalogue import ALL_TABLES

    requested, config = _requested(start, end), _load(config_file, overrides, reads_sources=reads_sources)
    choice, run_id, reporter = choose_engine(config, engine), new_run_id(), _reporter(config)
    with ExitStack() as stack:
        open_once = cache(lambda: stack.enter_context(opened_engine(config, choice, log_file(), say, computes)))
        claims = claims_of(config.lake, lambda table: _table_claims(open_once(), config.lake, table))
        lease = stack.enter_context(hold(claims, f"run {run_id}", wait))
        opened = open_once()  # after the lease where that needs none: who has to wait need not start a JVM for it
        context = writing(
            opened, config, run_id, lease, requested, say=say, verify_sources=verify, watch=watching(opened),
            drop_variants=drop_variants,
        )  # fmt: skip
        context.lake.fence_off(ALL_TABLES)
        if reporter is not None:
            stack.enter_context(reporter.reporting(context, verb))
        yield context


@contextmanager
def lease_context(
    config_file: str, overrides: list[str] | None, engine: str | None
) -> "Iterator[tuple[Claims, Callable[[Lease], Lake]]]":
    """The claims to a lake, and what opens it for the holder of a lease; an engine is started where either needs one."""
    from sigmalake.cli.engines import choose_engine, opened_engine
    from sigmalake.lake.lake import Lake, Writer
    from sigmalake.lake.lease import claims_of
    from sigmalake.stages.context import new_run_id

    config = _load(config_file, overrides, reads_sources=False)
    choice = choose_engine(config, engine)
    with ExitStack() as stack:
        open_once = cache(lambda: stack.enter_context(opened_engine(config, choice, log_file(), say)))
        claims = claims_of(config.lake, lambda table: _table_claims(open_once(), config.lake, table))
        yield claims, lambda lease: Lake(open_once().storage, Writer(new_run_id(), config.full_hash(), lease, open_once()))


def _load(config_file: str, overrides: list[str] | None, *, reads_sources: bool) -> "Config":
    """The configuration; a source that does not exist is an error here, before a JVM starts."""
    from sigmalake.config.covariance import AssetFile
    from sigmalake.config.model import load_config
    from sigmalake.config.stores.opening import check_stores

    config = load_config(config_file, overrides or [])
    hide(config.secrets)
    check_stores([config.lake, *(place.path or "" for place in config.sources.locations().values() if reads_sources)])
    for name, place in config.sources.locations().items() if reads_sources else ():
        place.check_exists(name)
    if reads_sources and config.covariance is not None and isinstance(config.covariance.assets, AssetFile):
        config.covariance.assets.check_exists()
    return config


def load_pandas_late() -> None:
    """Delay the loading of pandas, as the local engine does. Call this before anything is imported that makes an Arrow array."""
    from sigmalake.engines.local.late_pandas import load_pandas_late as load_late

    load_late()


def _reporter(config: "Config") -> "Reporter | None":
    """What sends events of lineage; a client that lacks, or does not know where to, is an error before anything is computed."""
    if config.lineage is None:
        return None
    from sigmalake.cli.lineage import Reporter

    return Reporter(config)


def _requested(start: str | None, end: str | None) -> "Asked":
    from sigmalake.stages.context import Asked

    first, last = parse_date(start, "--start"), parse_date(end, "--end")
    if first is not None and last is not None and first > last:
        raise ConfigError(f"--start {first} is after --end {last}; give the earlier date as --start")
    return Asked(first, last)


def _table_claims(engine: "Engine", lake: str, table: str) -> "Claims":
    from sigmalake.engines.spark.engine import spark_of
    from sigmalake.engines.spark.table_claims import TableClaims

    return TableClaims(spark_of(engine).spark, lake, table)
