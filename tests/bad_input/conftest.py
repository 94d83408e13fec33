"""How the tests of bad input ask: the command line in this process, with no session or with the shared one."""

import sys
from contextlib import contextmanager
from typing import NamedTuple

import pytest

from sigmalake.cli import app as cli
from sigmalake.cli import engines


class Outcome(NamedTuple):
    """What a user sees, but for the line that names the engine."""

    exit_code: int
    out: str
    err: str

    def says(self, *words: str) -> bool:
        """Whether the message holds all of these, and no traceback and no stack."""
        assert "Traceback" not in self.err, self.err
        assert "\tat " not in self.err, self.err
        missing = [word for word in words if word not in self.err]
        assert not missing, f"{missing} not in: {self.err}"
        return True


@pytest.fixture
def asked(monkeypatch, capsys, tmp_path):
    """`asked(*arguments, session=None)` runs the command; None: one that starts a JVM fails the test."""
    monkeypatch.setenv("SIGMALAKE_CACHE", str(tmp_path / "cache"))

    def ask(*arguments, session=None) -> Outcome:
        @contextmanager
        def shared(*_):
            assert session is not None, "a JVM was started for a mistake that needs none"
            yield session

        monkeypatch.setattr(engines, "opened_session", shared)
        monkeypatch.setattr(engines, "_spark_at_hand", lambda: session and "a test has one")
        monkeypatch.setattr(sys, "argv", ["sigmalake", *map(str, arguments)])
        capsys.readouterr()
        try:
            cli.main()
            code = 0
        except SystemExit as done:
            code = int(done.code or 0)
        seen = capsys.readouterr()
        told = [line for line in seen.err.splitlines(keepends=True) if not line.startswith("engine: ")]
        return Outcome(code, seen.out, "".join(told))

    return ask
