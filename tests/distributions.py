"""The distributions of the project, built from the files that git tracks."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
BUILD = "from setuptools import build_meta as b; b.build_sdist('dist'); b.build_wheel('dist')"


class Built(NamedTuple):
    """What a release uploads."""

    tracked: list[str]  # files of the repository
    wheel: Path
    sdist: Path


def build(folder: Path) -> Built:
    """Wheel and sdist, each from a copy that holds nothing but what is tracked."""
    if not (ROOT / ".git").exists():
        pytest.skip("what a distribution has to hold is known where git tracks it")
    pytest.importorskip("setuptools")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    tracked = [name for name in listed.split("\0") if name and (ROOT / name).exists()]
    for name in tracked:
        (folder / "source" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / "source" / name)
    subprocess.run([sys.executable, "-c", BUILD], cwd=folder / "source", check=True, capture_output=True, timeout=120)
    (wheel,), (sdist,) = (folder / "source/dist").glob("*.whl"), (folder / "source/dist").glob("*.tar.gz")
    return Built(tracked, wheel, sdist)
