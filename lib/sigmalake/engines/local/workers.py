"""Pieces read in their order, by this process or by several of them."""

import multiprocessing
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from itertools import islice
from typing import Protocol, TypeVar

from loky import get_reusable_executor
from threadpoolctl import threadpool_limits

from sigmalake.errors import InfrastructureError

Found = TypeVar("Found")
Found_co = TypeVar("Found_co", covariant=True)

WORTH_A_PROCESS = 96 << 20  # bytes that a stage reads: with fewer, processes cost more to start than they save
AHEAD = 2  # pieces a worker that are computed before they are wanted: they wait in memory
IDLE_SECONDS = 60  # after which the workers end


class Readable(Protocol[Found_co]):
    """What is read where a process is free."""

    @property
    def n_bytes(self) -> int:
        """About how many bytes reading it moves."""

    def read(self) -> Found_co:
        """What it is read for."""


def read_each(pieces: Sequence[Readable[Found]], workers: int) -> Iterator[Found]:
    """What each piece is read for, in the order of the pieces, whichever process reads them.

    Args:
        pieces: to read.
        workers: processes at the most; 1: this one reads them all.

    Raises:
        InfrastructureError: a worker died, say for lack of memory.
    """
    alone = workers == 1 or len(pieces) < 2 or sum(piece.n_bytes for piece in pieces) < WORTH_A_PROCESS
    if alone or multiprocessing.current_process().daemon:  # a daemonic process may have no children
        with threadpool_limits(limits=1):  # of BLAS: the same sums in the same order, in any process
            for piece in pieces:
                yield piece.read()
    else:
        yield from _by_processes(pieces, workers)


def _by_processes(pieces: Sequence[Readable[Found]], workers: int) -> Iterator[Found]:
    pool = get_reusable_executor(max_workers=workers, timeout=IDLE_SECONDS, initializer=_one_thread)
    waiting: deque[Future[Found]] = deque()
    left = iter(pieces)
    try:
        waiting.extend(pool.submit(_read, piece) for piece in islice(left, AHEAD * workers))
        while waiting:
            found = waiting.popleft().result()
            waiting.extend(pool.submit(_read, piece) for piece in islice(left, 1))
            yield found
    except BrokenProcessPool as error:
        raise InfrastructureError(
            "a worker process of this run ended unexpectedly, perhaps for lack of memory; run again, with fewer workers "
            "(`local: {workers: 1}`) or on a machine with more memory"
        ) from error
    finally:
        for future in waiting:
            future.cancel()


def _one_thread() -> None:
    with suppress(RuntimeError):
        threadpool_limits(limits=1)


def _read(piece: Readable[Found]) -> Found:
    return piece.read()
