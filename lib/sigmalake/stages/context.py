"""What every stage is given, and how a stage is run and recorded."""

import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import NamedTuple

from sigmalake import __version__
from sigmalake.config.environment.secrets import masked
from sigmalake.config.model import Config
from sigmalake.engines.engine import Engine
from sigmalake.errors import (
    ConfigError,
    InfrastructureError,
    ReleaseRefusedError,
    SigmalakeError,
    caused_by_interrupt,
    telling_line,
)
from sigmalake.lake.books import AccountLine, StageRun, next_sequence, now, record_run
from sigmalake.lake.lake import Lake, Writer
from sigmalake.lake.lease import Lease
from sigmalake.lake.progress import Progress
from sigmalake.numerics.factors import Factor
from sigmalake.reader.storage.factor_sets import factor_sets_from
from sigmalake.tables.declaration import Table
from sigmalake.tables.long import FACTORS

Watch = Callable[[str], AbstractContextManager[None]]


class Asked(NamedTuple):
    """The return dates that the caller wants computed; None is open."""

    start: date | None = None
    end: date | None = None

    def holds(self, day: date) -> bool:
        """Whether a date is asked for."""
        return (self.start is None or day >= self.start) and (self.end is None or day <= self.end)

    @property
    def everything(self) -> bool:
        """Whether no date is left out."""
        return self.start is None and self.end is None


def _unwatched(_stage: str) -> AbstractContextManager[None]:
    return nullcontext()


@dataclass(frozen=True)
class Context:
    """One run: the lake, the configuration, the dates asked for, and where progress is said."""

    lake: Lake
    engine: Engine
    config: Config
    run_id: str
    asked: Asked = field(default_factory=Asked)
    say: Callable[[str], None] = print
    verify_sources: bool = False
    watch: Watch = _unwatched  # shows how far the stage named is
    drop_variants: bool = False  # whether rows of variants that the configuration does not name may be deleted
    results: "list[StageResult]" = field(default_factory=list)  # of the stages so far
    warnings: list[str] = field(default_factory=list)  # that were said so far

    def warn(self, text: str) -> None:
        """Say what is hardly right, and remember that it was said."""
        self.warnings.append(text)
        self.say(f"warning: {text}")

    def expect_rows(self, table: Table, unit: str, planned: int) -> None:
        """Have the rows of a table counted as they are written, for who watches."""
        if self._progress is not None:
            self._progress.plan(table.name, unit, planned)

    def expect_collected(self, table: Table, planned: int) -> None:
        """Have the dates of a table counted as its rows come to the driver, for who watches."""
        if self._progress is not None:
            self._progress.plan(table.name, "dates", planned, dated=table.date or "")

    @property
    def _progress(self) -> Progress | None:
        found: Progress | None = getattr(self.engine.storage, "progress", None)
        return found

    @cached_property
    def config_hash(self) -> str:
        """`Config.full_hash`."""
        return self.config.full_hash()

    @cached_property
    def config_text(self) -> str:
        """The configuration as it is written in `runs`."""
        return self.config.resolved()


def writing(
    engine: Engine, config: Config, run_id: str, lease: Lease | None = None, asked: Asked | None = None, *,
    say: Callable[[str], None] = print, verify_sources: bool = False, watch: Watch | None = None,
    drop_variants: bool = False,
) -> Context:  # fmt: skip
    """What stages are given that write to the engine's lake.

    Args:
        engine: opened on the lake.
        config: of the model.
        run_id: goes into every commit.
        lease: of the lake; None: nobody else can write to it.
        asked: return dates; None: all.
        say: where progress is said.
        verify_sources: whether sources are hashed although their version is unchanged.
        watch: shows how far the stage named is.
        drop_variants: whether rows of variants that the configuration does not name may be deleted.
    """
    lake = Lake(engine.storage, Writer(run_id, config.full_hash(), lease, engine, config.model))
    return Context(lake, engine, config, run_id, asked or Asked(), say, verify_sources, watch or _unwatched, drop_variants)


class Rejected(NamedTuple):
    """Rows of a source that could not be used, by what was wrong with them."""

    source: str
    column: str
    reason: str
    rows: int
    example: str | None


@dataclass
class Outcome:
    """What a stage did."""

    dates: list[date] = field(default_factory=list)
    rows_in: int | None = None
    rows_out: int | None = None
    rows_rejected: int | None = None
    account: list[AccountLine] | None = None
    source_versions: dict[str, str] | None = None
    tables: tuple[Table, ...] = ()
    said: str = ""
    rejected: list[Rejected] = field(default_factory=list)


class StageResult(NamedTuple):
    """How a stage of this run ended."""

    stage: str
    status: str  # done, nothing to do, failed or refused
    seconds: float
    outcome: Outcome | None = None
    error: str | None = None


def new_run_id() -> str:
    """The instant at which a run began, and four random digits: sortable, and no two alike."""
    return f"{now():%Y%m%dT%H%M%S}-{secrets.token_hex(2)}"


def recorded(context: Context, stage: str, work: Callable[[], Outcome | None], place: str = "") -> Outcome | None:
    """Do a stage's work and write its row of `runs`; a stage with nothing to do writes none.

    Args:
        context: of the run.
        stage: its name.
        work: what it does.
        place: among the stages of the run, such as 3/7; empty: it runs alone.
    """
    label = f"{place} {stage}".strip()
    started, clock = now(), time.perf_counter()
    try:
        with context.watch(label):
            outcome = work()
    except ConfigError:  # nothing has run yet, and `runs` need not be made for it
        raise
    except Exception as error:
        if caused_by_interrupt(error):
            raise
        gone = context.lake.vanished()
        told = _removed(context.lake.root, gone) if gone else error
        _record_failure(context, stage, started, clock, told)
        status = "refused" if isinstance(told, ReleaseRefusedError) else "failed"
        context.results.append(StageResult(stage, status, time.perf_counter() - clock, error=_told(told)))
        raise told from (error if gone else error.__cause__)
    seconds = time.perf_counter() - clock
    if outcome is None:
        context.results.append(StageResult(stage, "nothing to do", seconds))
        context.say(f"{label}: nothing to do ({seconds:.1f} s)")
        return None
    _record(context, stage, started, seconds, "done", outcome, None)
    seconds = time.perf_counter() - clock
    context.results.append(StageResult(stage, "done", seconds, outcome))
    first, *more = outcome.said.split("\n")
    context.say("\n".join([f"{label}: {first} ({seconds:.1f} s)", *more]))
    return outcome


def _removed(root: str, gone: Sequence[str]) -> InfrastructureError:
    return InfrastructureError(
        f"{', '.join(gone)} of {root} was removed while the run was at work; nothing else may change a lake meanwhile. Run again: "
        "what is missing is computed anew"
    )


def _record_failure(context: Context, stage: str, started: datetime, clock: float, error: Exception) -> None:
    status = "refused" if isinstance(error, ReleaseRefusedError) else "failed"
    try:
        told = masked(_told(error), context.config.secrets)
        _record(context, stage, started, time.perf_counter() - clock, status, Outcome(), told)
    except Exception as second:  # the first error is the one to tell
        context.say(f"{stage}: its failure could not be recorded in runs: {telling_line(second)}")


def _told(error: Exception) -> str:
    return str(error)[:2000] if isinstance(error, SigmalakeError) else f"{type(error).__name__}: {telling_line(error)}"


def _record(
    context: Context, stage: str, started: datetime, seconds: float, status: str, outcome: Outcome, error: str | None
) -> None:
    versions = {table.name: version for table in outcome.tables if (version := context.lake.version(table)) is not None}
    ids = {table.name: found for table in outcome.tables if (found := context.lake.table_id(table)) is not None}
    run = StageRun(
        run_id=context.run_id, stage=stage, started_at=started, finished_at=now(), status=status,
        first_date=min(outcome.dates, default=None), last_date=max(outcome.dates, default=None), n_dates=len(outcome.dates),
        rows_in=outcome.rows_in, rows_out=outcome.rows_out, rows_rejected=outcome.rows_rejected, account=outcome.account,
        engine=context.engine.name,
        config_hash=context.config_hash, config=context.config_text, code_version=__version__,
        source_versions=outcome.source_versions, table_versions=versions, seconds=seconds, error=error,
        sequence=next_sequence(context.lake), table_ids=ids,
    )  # fmt: skip
    record_run(context.lake, context.engine.driver_rows, run)


def factor_sets(lake: Lake, version: int | None = None) -> dict[str, list[Factor]]:
    """What the arrays of each factor set mean, as the lake stands or as it stood at a version of `factors`."""
    return factor_sets_from(lake.columns(FACTORS, FACTORS.column_names, version=version))


def span(dates: Sequence[date]) -> str:
    """Dates as a message names them."""
    if not dates:
        return "no dates"
    if len(dates) == 1:
        return f"1 date, {dates[0]}"
    return f"{len(dates)} dates, {min(dates)} to {max(dates)}"
