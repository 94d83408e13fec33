"""How far a stage is, on stderr: a bar on a terminal, elsewhere a line every few seconds. It asks Spark for its counts of tasks."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, NamedTuple

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from sigmalake.engines.engine import Engine

BAR_SECONDS = 0.5
LINE_SECONDS = 10.0

Watch = Callable[[str], AbstractContextManager[None]]


class Tasks(NamedTuple):
    """Tasks of the Spark stages that run now."""

    done: int
    planned: int


def watching(engine: "Engine", *, on_terminal: bool | None = None) -> Watch:
    """What shows the progress of a named stage on Spark; nothing where an engine or a platform does not tell of its tasks."""
    spark = getattr(engine, "spark", None)
    return (lambda _: nullcontext()) if spark is None else watching_spark(spark, on_terminal=on_terminal)


def watching_spark(spark: "SparkSession", *, on_terminal: bool | None = None) -> Watch:
    """What shows the progress of a named stage; nothing on a platform whose sessions do not tell of their tasks."""
    try:
        tracker = spark.sparkContext.statusTracker()
    except Exception:  # Spark Connect and serverless have no sparkContext, and say so in errors of several kinds
        return lambda _: nullcontext()

    def count() -> Tasks:
        infos = [tracker.getStageInfo(stage) for stage in tracker.getActiveStageIds()]
        counts = [(info.numCompletedTasks, info.numTasks) for info in infos if info is not None]
        return Tasks(sum(done for done, _ in counts), sum(planned for _, planned in counts))

    terminal = sys.stderr.isatty() if on_terminal is None else on_terminal
    return (lambda stage: _bar(stage, count)) if terminal else (lambda stage: _lines(stage, count))


@contextmanager
def _bar(stage: str, count: Callable[[], Tasks]) -> Iterator[None]:
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:.0f}/{task.total:.0f} tasks"))
    console = Console(file=sys.stderr)
    with Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=console, transient=True) as progress:
        shown = progress.add_task(stage, total=0)

        def show(tasks: Tasks, _: float) -> None:
            progress.update(shown, completed=tasks.done, total=tasks.planned)

        with _repeated(count, show, BAR_SECONDS):
            yield


@contextmanager
def _lines(stage: str, count: Callable[[], Tasks]) -> Iterator[None]:
    def show(tasks: Tasks, seconds: float) -> None:
        print(f"{stage}: {tasks.done} of {tasks.planned} tasks, {seconds:.0f} s", file=sys.stderr, flush=True)

    with _repeated(count, show, LINE_SECONDS):
        yield


@contextmanager
def _repeated(count: Callable[[], Tasks], show: Callable[[Tasks, float], None], every: float) -> Iterator[None]:
    """Count and show in a thread of its own for as long as there are tasks to show."""
    started, over = time.monotonic(), threading.Event()

    def look() -> None:
        while not over.wait(every):
            try:
                tasks = count()
            except Exception:  # the session ends while it is asked: nothing is left to show
                return
            if tasks.planned:
                show(tasks, time.monotonic() - started)

    thread = threading.Thread(target=look, name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(timeout=5)
