"""A run that is suspended while another takes the lake over stops when it wakes, and what it was in does no harm."""

import os
import signal
import subprocess
import sys

import pytest

from lakes import differences
from processes import run, small_model
from sigmalake.lake.claims.folder_claims import FolderClaims

pytestmark = pytest.mark.fault

BRIEF = (  # a lease that lapses after two seconds without renewal
    "from sigmalake.lake.claims.claim import Pace\nfrom sigmalake.lake.claims.folder_claims import FolderClaims\n"
    "from sigmalake.cli.app import main\nFolderClaims.__init__.__defaults__ = (Pace(2.0, 0.1),)\n"
)
IN_A_WRITE = BRIEF + (  # of the regressions, whose rows are on their way
    "import time\nfrom sigmalake.lake.data_files import FileWriter\nadd = FileWriter.add\nseen = []\n"
    "def slowly(self, rows):\n"
    "    if 'factor_return' in rows.column_names and not seen:\n"
    "        seen.append(1)\n"
    "        print('at work', flush=True)\n"
    "        time.sleep(1.0)\n"
    "    add(self, rows)\n"
    "FileWriter.add = slowly\nmain()\n"
)


def test_a_suspended_run_that_lost_the_lake_adds_nothing_when_it_wakes(tmp_path):
    config, lake = small_model(tmp_path / "model"), tmp_path / "lake"
    options = ["run", "--config", str(config), "--set", f"lake={lake}"]
    command = [sys.executable, "-c", IN_A_WRITE, *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ)) as sleeper:
        try:
            assert sleeper.stdout.readline() == "at work\n"
            sleeper.send_signal(signal.SIGSTOP)
            heir = run(*options, "--wait", "60", script=BRIEF + "main()\n")
            assert heir.returncode == 0, heir.stderr
            before = FolderClaims(lake).newest()
            sleeper.send_signal(signal.SIGCONT)
            _, told = sleeper.communicate(timeout=120)
        finally:
            sleeper.kill()
    assert sleeper.returncode == 3, told
    assert "another writer committed at the same time" in told or "lost the lease" in told
    assert "Traceback" not in told
    assert FolderClaims(lake).newest() == before
    clean = run("run", "--config", config, "--set", f"lake={tmp_path / 'clean'}")
    assert clean.returncode == 0, clean.stderr
    assert differences(lake, tmp_path / "clean") == []
