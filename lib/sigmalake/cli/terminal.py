"""What a user sees on the terminal: results on stdout, all else on stderr, without secrets and without control characters."""

import json
import re
import sys
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from textwrap import wrap
from typing import TYPE_CHECKING

import typer

from sigmalake.config.environment.secrets import masked

if TYPE_CHECKING:
    from rich.console import Console

FIRST_SECONDS = 0.7  # before which a quick verb has ended
WIDTH = 80  # columns that lines are broken at, where a terminal shows them
_CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")  # not the end of a line


class LogFormat(StrEnum):
    """How lines on stderr are written."""

    TEXT = "text"
    JSON = "json"


class _Hidden:
    """The secret values that are never to be shown by this process."""

    secrets: frozenset[str] = frozenset()
    copies: dict[str, str] = {}  # noqa: RUF012 - of what a URI names, by their paths on this machine


class _Log:
    """How this process writes its lines on stderr, and whether it has written one."""

    form = LogFormat.TEXT
    has_begun = False


def hide(secrets: Collection[str]) -> None:
    """Hide these values from now on, on the terminal and in the log."""
    _Hidden.secrets |= frozenset(secrets)


def show_as(copy: str, uri: str) -> None:
    """Show a URI in the place of the path of its copy on this machine."""
    _Hidden.copies[copy] = uri


def log_as(form: LogFormat) -> None:
    """Write the lines on stderr in this form from now on."""
    _Log.form = form


def without_secrets(text: str) -> str:
    """The text with every secret replaced by `***`, and copies called by their URIs."""
    for copy, uri in _Hidden.copies.items():
        text = text.replace(copy, uri)
    return masked(text, _Hidden.secrets)


def show(text: str) -> None:
    """Print a result on stdout."""
    _Log.has_begun = True
    typer.echo(_printable(without_secrets(text)))


def say(text: str, **fields: object) -> None:
    """Print progress, a warning or an error on stderr.

    Args:
        text: the message; one that begins with `warning: ` or `error: ` is of that level.
        fields: what else a line of JSON says.
    """
    _Log.has_begun = True
    shown = _printable(without_secrets(text))
    if _Log.form is LogFormat.JSON:
        head, _, rest = shown.partition(": ")
        level, message = (head, rest) if head in {"warning", "error"} else ("info", shown)
        shown = json.dumps(
            {"time": datetime.now(UTC).isoformat(), "level": level, "message": message, **fields}, ensure_ascii=False
        )
    elif sys.stderr.isatty():
        shown = "\n".join(line for given in shown.split("\n") for line in _broken(given))
    print(shown, file=sys.stderr, flush=True)  # not by typer, whose stream goes past a bar that is drawn there


@contextmanager
def first_line(what: str, after: float = FIRST_SECONDS) -> Iterator[None]:
    """Say on a terminal that a command is at work, where it has said nothing for a while: libraries may take seconds to load."""

    def begin() -> None:
        if not _Log.has_begun and _Log.form is LogFormat.TEXT:
            say(f"{what}: loading its libraries")

    _Log.has_begun = False
    timer = threading.Timer(after, begin)
    timer.daemon = True
    if sys.stderr.isatty():
        timer.start()
    try:
        yield
    finally:
        timer.cancel()


def draws() -> bool:
    """Whether stderr is a terminal on which a bar can move."""
    return _Log.form is LogFormat.TEXT and sys.stderr.isatty() and not stderr_console().is_dumb_terminal


def stderr_console() -> "Console":
    """The terminal as rich draws on it."""
    from rich.console import Console  # noqa: PLC0415 - `--help` needs none

    _Log.has_begun = True
    return Console(file=sys.stderr, width=WIDTH, highlight=False)


def _broken(line: str) -> Iterator[str]:
    """A line at most 80 columns wide, its rest below it and further in; words that are longer stay whole."""
    start = line[: len(line) - len(line.lstrip())]
    yield from wrap(
        line, WIDTH, initial_indent="", subsequent_indent=f"{start}    ", break_long_words=False, break_on_hyphens=False
    ) or [line]


def _printable(text: str) -> str:
    r"""The text with control characters written as `\x1b`: a name in somebody's data must not move the cursor."""
    return _CONTROL.sub(lambda found: repr(found[0])[1:-1], text)
