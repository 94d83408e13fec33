"""docs/tear_sheet.md: its command, its Python and its options, on a smaller lake with the demo's factors and ids."""

import re
import shlex
from itertools import pairwise

import numpy as np
import pytest
from numpy.testing import assert_allclose

from readme import ROOT
from sigmalake.cli import app as cli

TEXT = (ROOT / "docs/tear_sheet.md").read_text(encoding="utf-8")
EARLIER = {"2023-10-18": "2021-03-03", "2023-03-06:2023-03-24": "2021-02-01:2021-02-19"}  # dates that the smaller lake has


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


@pytest.fixture
def folder(tmp_path, plain_market_lake, monkeypatch):
    for name, text in zip(re.findall(r"^`(\w+\.csv)`:$", TEXT, re.MULTILINE), blocks("csv"), strict=True):
        (tmp_path / name).write_text(text)
    (tmp_path / "lakes/demo").mkdir(parents=True)
    (tmp_path / "lakes/demo/lake").symlink_to(plain_market_lake)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_command_writes_the_files_that_it_names(folder):
    (block,) = blocks("bash")
    for there, here in EARLIER.items():
        block = block.replace(there, here)
    arguments = shlex.split(block.replace("\\\n", " "))
    cli.app(arguments[1:], standalone_mode=False)
    named = [name for option, name in pairwise(arguments) if option == "--to"]
    assert len(named) == 3
    assert all((folder / name).stat().st_size > 1000 for name in named)
    page = (folder / "fund.html").read_text(encoding="utf-8")
    assert "Fifty-Eight &amp; Sons" in page
    assert "spring fall" in page


def test_the_python_says_what_its_comments_say(folder):
    names = {}
    exec("\n".join(blocks("python")), names)
    risk, h = names["risk"], names["h"]
    assert names["normal"] == pytest.approx(1.6448536 * risk.risk_of(h).vol, rel=1e-6)
    assert names["shortfall"] > names["history"] > 0
    assert names["crash"].factor_returns["market"] == -0.10
    assert len(names["fall"].returns) == 6
    assert names["worst"].by_factor.sum() == pytest.approx(-0.10)
    summary = names["many"].summary
    assert_allclose(summary.loc["long-short", "vol"], risk.risk_of(h).vol, rtol=1e-12)
    assert np.isfinite(summary.to_numpy()).all()


def test_its_options_exist_and_the_verb_has_no_other_of_this_kind():
    parameters = cli.typer.main.get_command(cli.app).commands["portfolio"].params
    options = {option for parameter in parameters for option in parameter.opts}
    assert set(re.findall(r"--[a-z][a-z-]+", TEXT)) <= options


def test_no_path_is_of_one_machine():
    assert not re.search(r"(?<![\w.])/(work|tmp|home|root|Users|mnt)/", TEXT)
