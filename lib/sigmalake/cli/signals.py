"""SIGTERM, as cron, systemd and Kubernetes send it, and SIGHUP of a closed terminal end a run as Ctrl-C does."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

ENDING = {signal.SIGTERM: "terminated", signal.SIGHUP: "hung up"}


class TerminatedError(KeyboardInterrupt):
    """Raised when a signal asks this process to end. It is a KeyboardInterrupt, so that what handles Ctrl-C handles it."""


class Ending:
    """The signal that asked this process to end, if there was one."""

    received: signal.Signals | None = None

    @property
    def exit_code(self) -> int:
        """128 plus the number of the signal, as shells have it; 130 is that of Ctrl-C."""
        return 128 + (self.received or signal.SIGINT)

    @property
    def word(self) -> str:
        """A word for a message: what ended the process."""
        return "interrupted" if self.received is None else ENDING[self.received]


@contextmanager
def signals_as_interrupt() -> Iterator[Ending]:
    """In here a signal to end raises as Ctrl-C does, so that the lease is released; one that is ignored, say by nohup, stays so."""
    ending = Ending()

    def end(number: int, _frame: FrameType | None) -> None:
        ending.received = signal.Signals(number)
        raise TerminatedError(ending.word)

    before = {number: signal.getsignal(number) for number in ENDING}
    ours = [number for number, handler in before.items() if handler == signal.SIG_DFL]
    for number in ours:
        signal.signal(number, end)
    try:
        yield ending
    finally:
        for number in ours:
            signal.signal(number, before[number])
