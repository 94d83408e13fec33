"""What a user sees on the terminal: results on stdout, all else on stderr, without secrets and without control characters."""

import re
from collections.abc import Collection

import typer

from sigmalake.config.environment.secrets import masked

_CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")  # not the end of a line


class _Hidden:
    """The secret values that are never to be shown by this process."""

    secrets: frozenset[str] = frozenset()


def hide(secrets: Collection[str]) -> None:
    """Hide these values from now on, on the terminal and in the log."""
    _Hidden.secrets |= frozenset(secrets)


def without_secrets(text: str) -> str:
    """The text with every secret replaced by `***`."""
    return masked(text, _Hidden.secrets)


def show(text: str) -> None:
    """Print a result on stdout."""
    typer.echo(_printable(without_secrets(text)))


def say(text: str) -> None:
    """Print progress, a warning or an error on stderr."""
    typer.echo(_printable(without_secrets(text)), err=True)


def _printable(text: str) -> str:
    r"""The text with control characters written as `\x1b`: a name in somebody's data must not move the cursor."""
    return _CONTROL.sub(lambda found: repr(found[0])[1:-1], text)
