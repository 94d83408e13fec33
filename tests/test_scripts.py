import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPTS = sorted(
    path
    for path in (*ROOT.glob("scripts/*"), ROOT / ".ci/run")
    if path.is_file() and path.read_bytes().startswith(b"#!/usr/bin/env bash\n")
)
LOCK = (ROOT / "requirements.lock").read_text()


def run(*command, **environment):
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd="/", env=os.environ | environment, timeout=60)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_is_executable_bash(script):
    assert os.access(script, os.X_OK)
    said = run("bash", "-n", script)
    assert (said.returncode, said.stderr) == (0, "")


def test_a_second_set_up_is_silent():
    if Path(sys.prefix) != ROOT / ".venv":
        pytest.skip("these tests do not run in the .venv of scripts/setup.sh")
    said = run(ROOT / "scripts/setup.sh")
    assert (said.returncode, said.stdout, said.stderr) == (0, "", "")


def test_set_up_without_a_python_says_what_to_install(tmp_path):
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts/setup.sh").write_bytes((ROOT / "scripts/setup.sh").read_bytes())
    for name in ("requirements.lock", "pyproject.toml"):
        (tmp_path / name).touch()
    said = run("bash", tmp_path / "scripts/setup.sh", PYTHON="no-such-python")
    assert (said.returncode, said.stdout) == (3, "")
    assert "needs Python 3.11 or newer" in said.stderr


def test_no_cluster_is_told_apart_from_a_running_one(tmp_path):
    folder = str(tmp_path / "cluster")
    assert run(ROOT / "scripts/cluster", "status", SIGMALAKE_CLUSTER_DIR=folder).returncode == 1
    assert run(ROOT / "scripts/cluster", "stop", SIGMALAKE_CLUSTER_DIR=folder).returncode == 0
    assert run(ROOT / "scripts/cluster", "restart", SIGMALAKE_CLUSTER_DIR=folder).returncode == 2


def test_the_lock_holds_what_the_project_asks_for():
    lock = dict(line.removesuffix(" \\").split("==") for line in LOCK.split("\n") if "==" in line)
    assert lock["pyspark"] == "4.2.0"
    assert int(lock["pandas"].split(".")[0]) < 3


def test_every_package_of_the_lock_has_its_hashes():
    entries = [entry for entry in re.split(r"(?m)^(?=[A-Za-z])", LOCK) if "==" in entry and not entry.startswith("#")]
    assert len(entries) > 70
    assert not [entry for entry in entries if not re.search(r"--hash=sha256:[0-9a-f]{64}\b", entry)]
