"""A run told to end, by Ctrl-C, SIGTERM or a closed terminal, gives its lease back, says a line and leaves no process behind."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from lakes import differences
from processes import run, small_model
from sigmalake.lake.claims.folder_claims import FolderClaims

SIGNALS = {signal.SIGINT: (130, "interrupted"), signal.SIGTERM: (143, "terminated"), signal.SIGHUP: (129, "hung up")}
BY_WORKERS = (
    "import sigmalake.engines.local.workers as workers\nfrom sigmalake.cli.app import main\nworkers.WORTH_A_PROCESS = 1\nmain()\n"
)
AT_WORK = (  # says that a stage is at work, and then takes its time over each piece
    "import time\nfrom sigmalake.engines.local import pieces\nfrom sigmalake.cli.app import main\nread = pieces.Part.read\n"
    "def slowly(self):\n    print('at work', flush=True)\n    time.sleep(0.5)\n    return read(self)\n"
    "pieces.Part.read = slowly\nmain()\n"
)
IN_A_WRITE = (  # says that a write is at work, of rows that do not end
    "import time\nfrom sigmalake.lake.data_files import FileWriter\nfrom sigmalake.cli.app import main\n"
    "def endless(self, rows):\n"
    "    print('at work', flush=True)\n"
    "    while True:\n"
    "        time.sleep(0.05)\n"
    "FileWriter.add = endless\nmain()\n"
)


def of_faults(number):
    return pytest.param(number, marks=pytest.mark.fault)


def of_every(number):
    return pytest.param(number, marks=pytest.mark.exhaustive)


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    return small_model(tmp_path_factory.mktemp("signals"))


@pytest.fixture(scope="module")
def clean(config, tmp_path_factory):
    """The lake of a run that nobody told to end."""
    lake = tmp_path_factory.mktemp("clean") / "lake"
    done = run("run", "--config", config, "--set", f"lake={lake}")
    assert done.returncode == 0, done.stderr
    return lake


@contextmanager
def started(script, config, lake):
    command = [sys.executable, "-c", script, "run", "--config", str(config), "--set", f"lake={lake}", "--set", "local.workers=2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ)) as running:
        try:
            yield running
        finally:
            running.kill()


def children(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(OSError):  # a thread that has ended meanwhile
            found += [int(child) for child in (task / "children").read_text().split()]
    return found


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def ended_as_told(running, number, lake, starting=False):
    """`starting`: worker processes were being started, which say that their parent is gone."""
    out, err = running.communicate(timeout=60)
    code, word = SIGNALS[number]
    assert running.returncode == code, err
    assert err.splitlines()[-1] == f"{word}; what was committed stays, and the next run goes on from there"
    assert starting or "Traceback" not in out + err
    assert FolderClaims(lake).newest().released


@pytest.mark.parametrize("number", [of_faults(signal.SIGINT), signal.SIGTERM, of_faults(signal.SIGHUP)], ids=str)
def test_a_run_that_is_told_to_end_between_pieces_gives_its_lease_back(config, tmp_path, number):
    lake = tmp_path / "lake"
    with started(AT_WORK, config, lake) as running:
        assert running.stdout.readline() == "at work\n"
        running.send_signal(number)
        ended_as_told(running, number, lake)


@pytest.mark.parametrize("number", [signal.SIGINT, of_faults(signal.SIGTERM)], ids=str)
def test_a_run_that_is_told_to_end_in_the_middle_of_a_write_does_not_finish_it_first(config, tmp_path, number):
    lake = tmp_path / "lake"
    with started(IN_A_WRITE, config, lake) as running:
        assert running.stdout.readline() == "at work\n"
        running.send_signal(number)
        ended_as_told(running, number, lake)


@pytest.mark.parametrize("number", [of_every(signal.SIGINT), of_faults(signal.SIGTERM), of_every(signal.SIGHUP)], ids=str)
def test_a_run_with_worker_processes_leaves_none_of_them(config, clean, tmp_path, number):
    lake = tmp_path / "lake"
    with started(BY_WORKERS, config, lake) as running:
        until, workers = time.monotonic() + 60, []
        while len(workers) < 2 and time.monotonic() < until and running.poll() is None:
            time.sleep(0.02)
            workers = children(running.pid) if alive(running.pid) else []
        assert len(workers) >= 2
        running.send_signal(number)
        ended_as_told(running, number, lake, starting=True)
    until = time.monotonic() + 10
    while any(alive(worker) for worker in workers) and time.monotonic() < until:
        time.sleep(0.1)
    assert not [worker for worker in workers if alive(worker)]
    again = run("run", "--config", config, "--set", f"lake={lake}")
    assert again.returncode == 0, again.stderr
    assert differences(lake, clean) == []


@pytest.mark.fault
def test_a_signal_that_is_ignored_stays_ignored(config, tmp_path):
    lake = tmp_path / "lake"
    ignoring = "import signal\nsignal.signal(signal.SIGHUP, signal.SIG_IGN)\n" + AT_WORK
    with started(ignoring, config, lake) as running:
        assert running.stdout.readline() == "at work\n"
        running.send_signal(signal.SIGHUP)
        _, err = running.communicate(timeout=120)
        assert running.returncode == 0, err
