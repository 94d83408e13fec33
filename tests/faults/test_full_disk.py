"""A disk that fills up in the middle of a run."""

import os
import shutil
import subprocess

import pytest

from processes import run, small_model

pytestmark = pytest.mark.fault


@pytest.fixture
def tiny_disk(tmp_path):
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root can mount a disk of 300 kB")
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", folder], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"this machine mounts no disk: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_full_disk_is_a_mishap_worth_a_retry_and_the_retry_goes_through(tiny_disk, tmp_path):
    config = small_model(tmp_path / "model")
    failed = run("run", "--config", config, "--set", f"lake={tiny_disk / 'lake'}")
    assert failed.returncode == 3, failed.stderr
    assert "no space left" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert "\tat " not in failed.stderr
    subprocess.run(["mount", "-o", "remount,size=100m", tiny_disk], check=True)
    mended = run("run", "--config", config, "--set", f"lake={tiny_disk / 'lake'}")
    assert mended.returncode == 0, mended.stderr
