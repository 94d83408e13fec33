"""docs/develop: each page, applied to a copy of the code, gives files that pass the linter, and the test at its end."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs/develop").glob("add_*.md"))
BLOCK = re.compile(r"^`([\w/.]+)`(, new)?:\n\n```(python|diff)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MOST_TOUCHED = 3  # files besides the new one and its test


class Block(NamedTuple):
    path: str
    is_new: bool
    text: str


def blocks_of(page):
    text = page.read_text(encoding="utf-8")
    found = re.search(r'^REGRESS = "(\d+)"', (ROOT / "lib/sigmalake/stages/versions.py").read_text(), re.MULTILINE)
    text = text.replace("REGRESS_VERSION+1", str(int(found[1]) + 1)).replace('"REGRESS_VERSION"', f'"{found[1]}"')
    return [Block(path, bool(new), body) for path, new, _, body in BLOCK.findall(text)]


def apply(block, copy):
    path = copy / block.path
    if block.is_new:
        assert not path.exists(), block.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text)
        return
    lines = block.text.splitlines(keepends=True)
    before = "".join(line[1:] for line in lines if line[0] != "+")
    after = "".join(line[1:] for line in lines if line[0] != "-")
    text = path.read_text()
    assert text.count(before) == 1, f"{block.path} does not have, or has twice: {before}"
    path.write_text(text.replace(before, after))


def run(copy, *arguments):
    environment = os.environ | {"PYTHONPATH": str(copy / "lib")}
    said = subprocess.run(
        [sys.executable, "-m", *arguments], capture_output=True, text=True, check=False, cwd=copy, env=environment
    )
    assert said.returncode == 0, said.stdout + said.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_touches_few_files(page):
    blocks = blocks_of(page)
    assert len({block.path for block in blocks if not block.is_new}) <= MOST_TOUCHED
    assert [block.path.split("/")[0] for block in blocks if block.is_new] == ["lib", "tests"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_gives_code_that_passes_its_test(page, tmp_path):
    shutil.copytree(ROOT / "lib", tmp_path / "lib", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    blocks = blocks_of(page)
    for block in blocks:
        apply(block, tmp_path)
    changed = sorted({block.path for block in blocks})
    run(tmp_path, "ruff", "format", "--check", "--no-cache", *changed)
    run(tmp_path, "ruff", "check", "--no-cache", *changed)
    run(tmp_path, "pytest", "-p", "no:cacheprovider", *(block.path for block in blocks if block.path.startswith("tests/")))


def test_there_is_a_page_for_a_statistic_and_one_for_an_estimator():
    assert [page.stem for page in PAGES] == ["add_a_statistic", "add_an_estimator"]
