"""Every page of the documentation: what can be run is run, by this test or by another that names the page."""

import re
import shlex
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest
import yaml

from readme import PAGES, ROOT, TEXT_OF, blocks
from sigmalake.cli import app as cli
from sigmalake.config.model import load_config

TESTS = [path.read_text(encoding="utf-8") for path in (ROOT / "tests").glob("**/test_*.py") if path.name != Path(__file__).name]
ELSEWHERE = {
    page for page in PAGES if page == "README.md" or page.startswith("docs/develop/") or any(page in text for text in TESTS)
}
RUNNABLE = {"python", "bash", "yaml", "toml", "pycon", "sql", "csv", "diff"}
SHOWN = {"text", "{toctree}", "{eval-rst}", "{commands}", "{picture}"}  # of `text`, the verbs and options are looked up
BUILT = "docs/your_estimators.md"  # its package is built and installed by tests/test_entry_point.py, which runs the configuration
HERE = [page for page in PAGES if page not in ELSEWHERE]


def languages(page):
    return set(re.findall(r"^```(\S+)", TEXT_OF[page], re.MULTILINE))


def test_every_block_is_of_a_kind_that_is_run_or_looked_up():
    for page in PAGES:
        assert languages(page) <= RUNNABLE | SHOWN, page


def test_pages_with_a_test_of_their_own_are_told_from_others():
    assert {"README.md", "docs/reading.md", "docs/portfolio.md"} <= ELSEWHERE
    assert "docs/start_from_a_dataframe.md" in HERE


@pytest.mark.parametrize("page", [page for page in HERE if languages(page) & {"python", "bash"}])
def test_what_a_page_says_to_run_runs(page, folder, printed, monkeypatch):
    monkeypatch.chdir(folder)
    names = {}
    for language, block in re.findall(r"^```(python|bash)\n(.*?)^```$", TEXT_OF[page], re.MULTILINE | re.DOTALL):
        with redirect_stdout(StringIO()):
            if language == "python":
                exec(block, names)
                continue
            for line in block.splitlines():
                program, *arguments = shlex.split(line, comments=True)
                assert program == "sigmalake", f"{line}: a block of bash has commands of sigmalake; others are text"
                cli.app(arguments, standalone_mode=False)


@pytest.mark.parametrize("page", [page for page in PAGES if "yaml" in languages(page) and page != BUILT])
def test_what_a_page_configures_is_a_configuration(page, tmp_path):
    whole = yaml.safe_load(blocks("yaml", "README.md")[0])
    for block in blocks("yaml", page):
        given = yaml.safe_load(block)
        sources = given.get("sources", {})
        given["sources"] = {**({} if "exposures" in sources else whole["sources"]), **sources}  # a panel, or exposures and returns
        (tmp_path / "page.yaml").write_text(yaml.safe_dump({**whole, **given}, sort_keys=False))
        load_config(tmp_path / "page.yaml")
