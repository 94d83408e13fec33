"""The command in this process, as a shell would see it."""

import io
import sys
import warnings
from contextlib import redirect_stderr, redirect_stdout
from typing import NamedTuple
from unittest.mock import patch

from sigmalake.cli import app


class Seen(NamedTuple):
    """What a user sees of one call."""

    code: int
    out: str
    err: str
    warned: tuple[str, ...] = ()  # what Python's own warnings would print


def sigmalake(*arguments: object) -> Seen:
    """Call the command with these arguments."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with (
        patch.object(sys, "argv", ["sigmalake", *map(str, arguments)]),
        redirect_stdout(out),
        redirect_stderr(err),
        warnings.catch_warnings(record=True) as warned,
    ):
        warnings.simplefilter("always")
        try:
            app.main()
        except SystemExit as done:
            code = int(done.code or 0)
    return Seen(code, out.getvalue(), err.getvalue(), texts_of(warned))


def texts_of(warned: list[warnings.WarningMessage]) -> tuple[str, ...]:
    """Each of the warnings once, with its place."""
    return tuple(sorted({f"{one.category.__name__}: {one.message} ({one.filename}:{one.lineno})" for one in warned}))
