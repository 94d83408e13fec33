"""Pieces read in their order, by this process or by several of them."""

import gc
import multiprocessing
import os
import pickle
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from importlib import import_module
from itertools import islice
from threading import Lock, Thread
from typing import Protocol, TypeVar

import numpy as np
from loky import ProcessPoolExecutor
from threadpoolctl import threadpool_limits

from sigmalake.engines.local.late_pandas import load_pandas_late
from sigmalake.errors import InfrastructureError

Found = TypeVar("Found")
Sent = TypeVar("Sent")
Found_co = TypeVar("Found_co", covariant=True)

WORTH_A_PROCESS = 96 << 20  # bytes that a stage reads: with fewer, processes cost more to start than they save
WORTH_SECONDS = 4.0  # of pieces that are left, by what the last one took: with more, processes save what they cost
WORTH_ROWS = 300_000  # assets on dates that a run computes in all its stages: with more, it starts processes before they are needed
AHEAD = 2  # pieces a worker that are computed before they are wanted: they wait in memory
RETRIES = 2  # of what was at work when a worker died
IDLE_SECONDS = 60  # after which the workers end
ENVIRONMENT = {
    # Of BLAS: the same sums in the same order, in any process.
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
    "LOKY_MAX_MEMORY_LEAK_SIZE": "1e15",  # where psutil is installed, loky ends workers that hold 300 MB
}
TASK_MODULES = ("sigmalake.engines.local.written", "sigmalake.tasks.regression", "sigmalake.tasks.risk.windows")
_POOLS: dict[int, ProcessPoolExecutor] = {}  # by their number of workers: one pool serves all stages of a run
_STARTED: dict[int, Future[None]] = {}  # by number of workers: done when the first can work
_CHANGING_POOLS = Lock()


class Readable(Protocol[Found_co]):
    """What is read where a process is free."""

    @property
    def n_bytes(self) -> int:
        """About how many bytes reading it moves."""

    def read(self) -> Found_co:
        """What it is read for."""


def start_early(workers: int, rows: int) -> None:
    """Start the processes of a run that will compute so many rows, while this one goes on: tasks go to them once one is ready.

    Args:
        workers: processes; with 1 none is started.
        rows: assets on dates; of few, none is started.
    """
    if workers == 1 or rows < WORTH_ROWS or workers in _STARTED or multiprocessing.current_process().daemon:
        return
    _STARTED[workers] = _pool(workers).submit(_nothing)


def stop() -> None:
    """End the processes of this run at once: a pool that an interrupt met while it started does not end by itself at the exit.

    Who goes on in the same process has new ones.
    """
    for pool in list(_POOLS.values()):
        _forget(pool)
        pool.shutdown(wait=False, kill_workers=True)


def read_each(pieces: Sequence[Readable[Found]], workers: int) -> Iterator[Found]:
    """What each piece is read for, in the order of the pieces, whichever process reads them: see `read_or_send`."""
    return read_or_send(pieces, workers, lambda left: left)


def read_or_send(
    pieces: Sequence[Readable[Found]], workers: int, send: Callable[[Sequence[Readable[Found]]], Sequence[Readable[Sent]]]
) -> Iterator[Found | Sent]:
    """What each piece is read for, in the order of the pieces.

    Few bytes are read by this process, until a piece takes so long that others are worth starting for those that are left. Where
    others are ready, they read whatever is more than one piece.

    Args:
        pieces: to read.
        workers: processes at the most; 1: this one reads them all.
        send: what other processes read in the place of the pieces that are left.

    Raises:
        InfrastructureError: workers died again and again, say for lack of memory.
    """
    left = deque(pieces)
    many = _are_ready(workers) or sum(piece.n_bytes for piece in left) >= WORTH_A_PROCESS
    alone = workers == 1 or multiprocessing.current_process().daemon  # a daemonic process may have no children
    with threadpool_limits(limits=1):  # as `ENVIRONMENT`
        while left and (alone or len(left) == 1 or not many):
            start = time.perf_counter()
            found = _result(left.popleft())
            many = (time.perf_counter() - start) * len(left) > WORTH_SECONDS
            yield found
    if left:
        yield from _by_processes(send(list(left)), workers)


def _are_ready(workers: int) -> bool:
    started = _STARTED.get(workers)
    return started is not None and started.done() and started.exception() is None


def _nothing() -> None:
    """What the first task of a pool computes."""


def _by_processes(pieces: Iterable[Readable[Found]], workers: int) -> Iterator[Found]:
    """As `read_each`, all by processes; where one dies, what was not given yet is read again, at last by a single process."""
    left, failed = deque(pieces), 0
    while left:
        pool, count = _pool(workers if failed < RETRIES else 1), len(left)
        try:
            for found in _by_pool(pool, left, workers):
                left.popleft()
                yield found
        except BrokenProcessPool as error:
            _forget(pool)
            failed = failed + 1 if len(left) == count else 1
            if failed > RETRIES:
                raise InfrastructureError(
                    f"a worker process of this run ended unexpectedly {failed} times, perhaps for lack of memory; run again, with "
                    "fewer workers (`local: {workers: 1}`) or on a machine with more memory"
                ) from error


def _by_pool(pool: ProcessPoolExecutor, pieces: Sequence[Readable[Found]], workers: int) -> Iterator[Found]:
    waiting: deque[Future[Found]] = deque()
    left = iter(list(pieces))
    try:
        waiting.extend(pool.submit(_read, _pickled(piece)) for piece in islice(left, AHEAD * workers))
        while waiting:
            found = waiting.popleft().result()
            waiting.extend(pool.submit(_read, _pickled(piece)) for piece in islice(left, 1))
            yield found
    finally:
        for future in waiting:
            future.cancel()


def _forget(pool: ProcessPoolExecutor) -> None:
    """Have the next reader start a new pool in the place of one that is broken."""
    with _CHANGING_POOLS:
        for workers in [workers for workers, kept in _POOLS.items() if kept is pool]:
            del _POOLS[workers]
            _STARTED.pop(workers, None)


def _pool(workers: int) -> ProcessPoolExecutor:
    """The pool of this process, which all of its threads share: loky's own reusable pool is one for each thread."""
    with _CHANGING_POOLS:
        if workers not in _POOLS:
            _POOLS[workers] = ProcessPoolExecutor(
                workers, timeout=IDLE_SECONDS, initializer=_begin, initargs=(os.getpid(),), env=ENVIRONMENT
            )
        return _POOLS[workers]


def _begin(parent: int) -> None:
    """Import what most tasks need, which takes longer than the start of a process."""
    _watch_parent(parent)
    load_pandas_late()
    for module in TASK_MODULES:
        import_module(module)


def _watch_parent(parent: int) -> None:
    """Have this worker end when its parent was killed: it would wait for work, with its memory, for ever."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    Thread(target=watch, daemon=True).start()


def _result(piece: Readable[Found]) -> Found:
    """What a piece is read for. Numbers that overflow are no warning on a terminal: tables are checked for them when written."""
    with np.errstate(all="ignore"):
        return piece.read()


def _pickled(piece: Readable[Found]) -> bytes:
    """A piece with its task as bytes: loky's own pickler is written in Python, and a task names thousands of dates."""
    return pickle.dumps(piece, protocol=pickle.HIGHEST_PROTOCOL)


def _read(pickled: bytes) -> object:
    piece: Readable[object] = pickle.loads(pickled)
    found = _result(piece)
    if not gc.get_freeze_count():
        gc.freeze()  # loky collects garbage each second, and need not look at modules
    return found
