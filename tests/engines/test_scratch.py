"""Scratch folders of the local engine: they go when a run ends, or with the next one where it was killed."""

import pickle
import signal
import subprocess
import sys
from datetime import date
from pathlib import Path

import pyarrow as pa

from sigmalake.engines.local.engine import LocalEngine
from sigmalake.engines.local.scratch import Scratch
from sigmalake.engines.local.tables import LocalTables

DAYS = [date(2024, 1, 2), date(2024, 1, 3), date(2024, 9, 2), None]
ROWS = pa.table({"date": pa.array(DAYS, pa.date32()), "n": [1, 2, 3, 4]})

KILLED = """
import os, signal, sys
from pathlib import Path
import pyarrow as pa
from datetime import date
from pathlib import Path
from sigmalake.engines.local.scratch import Scratch
scratch = Scratch(Path(sys.argv[1]))
scratch.spill(pa.table({"date": pa.array([date(2024, 1, 2)])}), "date")
print(scratch.folder, flush=True)
sys.stdin.read()
"""


def test_rows_come_back_by_their_dates_and_those_without_one_do_not(tmp_path):
    scratch = Scratch(tmp_path)
    pieces = scratch.spill(ROWS, "date")
    assert sorted(n for piece in pieces for n in piece.read().column("n").to_pylist()) == [1, 2, 3]
    some = [piece.within("date", {DAYS[1]}) for piece in pieces]
    assert [n for piece in some if piece is not None for n in piece.read().column("n").to_pylist()] == [2]


def test_a_run_that_ends_leaves_nothing(tmp_path):
    scratch = Scratch(tmp_path / "scratch")
    pickle.loads(pickle.dumps(scratch)).spill(ROWS, "date")  # as a worker does
    assert scratch.folder.is_dir()
    scratch.close()
    assert list((tmp_path / "scratch").iterdir()) == []


def open_engine(scratch: Path) -> None:
    """A run that keeps nothing itself."""
    LocalEngine(LocalTables(str(scratch / "lake")), scratch).close()


def test_what_a_killed_run_left_goes_with_the_next_and_what_a_run_at_work_keeps_stays(tmp_path):
    call = [sys.executable, "-c", KILLED, str(tmp_path)]
    with subprocess.Popen(call, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        folder = running.stdout.readline().strip()
        open_engine(tmp_path)
        assert list(Path(folder).iterdir())  # it is at work
        running.send_signal(signal.SIGKILL)
        running.wait()
    assert list(Path(folder).iterdir())
    open_engine(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_engine_makes_a_folder_when_it_needs_one_and_removes_it(tmp_path):
    engine = LocalEngine(LocalTables(str(tmp_path / "lake")), tmp_path / "scratch")
    engine.close()
    assert not (tmp_path / "scratch").exists()
    engine.scratch.spill(ROWS, "date")
    engine.close()
    engine.close()
    assert list((tmp_path / "scratch").iterdir()) == []
