"""How far a stage is, on stderr: a bar on a terminal, elsewhere a line every few seconds.

Dates are counted as the local engine writes them, or as executors of Spark make them. Where nobody counts dates, as over Spark
Connect, Spark is asked for its counts of tasks.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from sigmalake.cli.terminal import draws, say, stderr_console

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from sigmalake.engines.engine import Engine
    from sigmalake.lake.progress import Progress as Written

BAR_SECONDS = 0.25
LINE_SECONDS = 10.0
BAR_WIDTH = 20  # columns, so that a line fits into 80

Watch = Callable[[str], AbstractContextManager[None]]


class Counted(NamedTuple):
    """What is done of what is planned; 0 of 0 where that is not known."""

    done: int = 0
    planned: int = 0
    unit: str = ""


def watching(engine: "Engine", *, on_terminal: bool | None = None) -> Watch:
    """What shows the progress of a named stage."""
    spark = getattr(engine, "spark", None)
    written: Written | None = getattr(getattr(engine, "storage", None), "progress", None)
    if spark is not None:
        return watching_spark(spark, written, on_terminal=on_terminal)

    def count() -> Counted:
        return Counted() if written is None else Counted(written.so_far, written.planned, written.unit)

    def begin() -> None:
        if written is not None:
            written.plan()

    return _watch(count, begin, on_terminal)


def watching_spark(spark: "SparkSession", written: "Written | None" = None, *, on_terminal: bool | None = None) -> Watch:
    """The same on Spark; without counts on a platform whose sessions do not tell of their tasks."""

    def begin() -> None:
        if written is not None:
            written.plan()

    try:
        tracker = spark.sparkContext.statusTracker()
    except Exception:  # Spark Connect and serverless have no sparkContext, and say so in errors of several kinds
        return _watch(Counted, begin, on_terminal)

    if written is not None:
        written.new_counter = partial(spark.sparkContext.accumulator, 0)

    def count() -> Counted:
        if written is not None and written.made is not None:
            return Counted(written.so_far, written.planned, written.unit)
        infos = [tracker.getStageInfo(stage) for stage in tracker.getActiveStageIds()]
        counts = [(info.numCompletedTasks, info.numTasks) for info in infos if info is not None]
        return Counted(sum(done for done, _ in counts), sum(planned for _, planned in counts), "tasks")

    return _watch(count, begin, on_terminal)


@contextmanager
def busy(what: str, *, on_terminal: bool | None = None) -> Iterator[None]:
    """Say on a terminal that something is at work; elsewhere nothing, since its end will be told."""
    if draws() if on_terminal is None else on_terminal:
        with _bar(what, Counted):
            yield
    else:
        yield


def _watch(count: Callable[[], Counted], begin: Callable[[], None], on_terminal: bool | None) -> Watch:
    terminal = draws() if on_terminal is None else on_terminal

    def watch(stage: str) -> AbstractContextManager[None]:
        begin()
        return _bar(stage, count) if terminal else _lines(stage, count)

    return watch


@contextmanager
def _bar(stage: str, count: Callable[[], Counted]) -> Iterator[None]:
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415 - a log needs none

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(BAR_WIDTH), TextColumn("{task.fields[counted]}"))
    with Progress(*columns, TimeElapsedColumn(), console=stderr_console(), transient=True) as progress:
        shown = progress.add_task(stage, total=None, counted="")

        def show(counted: Counted, _: float) -> None:
            told = f"{counted.done:,}/{counted.planned:,} {counted.unit}" if counted.planned else ""
            progress.update(shown, completed=counted.done, total=counted.planned or None, counted=told)

        with _repeated(count, show, BAR_SECONDS):
            yield


@contextmanager
def _lines(stage: str, count: Callable[[], Counted]) -> Iterator[None]:
    def show(counted: Counted, seconds: float) -> None:
        told = f"{counted.done} of {counted.planned} {counted.unit}, " if counted.planned else ""
        say(f"{stage}: {told}{seconds:.0f} s", stage=stage, done=counted.done, planned=counted.planned, seconds=round(seconds, 1))

    with _repeated(count, show, LINE_SECONDS):
        yield


@contextmanager
def _repeated(count: Callable[[], Counted], show: Callable[[Counted, float], None], every: float) -> Iterator[None]:
    """Count and show in a thread of its own."""
    started, over = time.monotonic(), threading.Event()

    def look() -> None:
        while not over.wait(every):
            try:
                counted = count()
            except Exception:  # the session ends while it is asked: nothing is left to show
                return
            show(counted, time.monotonic() - started)

    thread = threading.Thread(target=look, name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(timeout=5)
