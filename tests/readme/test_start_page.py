"""docs/start_from_a_file.md and docs/presets.md: their commands, Python and tables."""

import re
import shlex

import numpy as np
import pandas as pd
import pytest

from readme import ROOT
from sigmalake.cli import app as cli
from sigmalake.config.presets import PRESETS
from sigmalake.config.texts.presets import USES, presets_markdown, presets_text

TEXT = (ROOT / "docs/start_from_a_file.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The file that the page begins with, 24 assets on 70 days."""
    random, header = np.random.default_rng(2), blocks("csv")[0].splitlines()[0].split(",")
    beta, momentum, cap, rows = random.standard_normal(24), random.standard_normal(24), np.full(24, 5000.0), []
    for day in pd.bdate_range("2024-01-02", periods=70):
        ret = random.standard_normal() + beta * random.standard_normal() / 2 + 2 * random.standard_normal(24)
        cap = cap * (1 + ret / 100)
        momentum = 0.95 * momentum + 0.3 * random.standard_normal(24)
        rows += [
            (f"{day:%Y%m%d}", f"S{n:02d}", ret[n], cap[n], ("Energy", "Health", "Technology")[n % 3], beta[n], momentum[n])
            for n in range(24)
        ]
    pd.DataFrame(rows, columns=header).to_csv(tmp_path / "panel.csv", index=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_commands_of_the_page_make_the_model_that_its_python_reads(folder, capsys):
    printed = {}
    for command in blocks("bash"):
        arguments = shlex.split(command)[1:]
        engine = ["--engine", "local"] if arguments[0] in {"validate", "run"} else []
        cli.app([*arguments, *engine], standalone_mode=False)
        printed[arguments[0]] = capsys.readouterr().out
    assert list(printed) == ["init", "validate", "run", "status"]
    assert "Total Return (%)         return" in printed["init"]
    assert "returns_in: percent" in (folder / "model.yaml").read_text()
    assert "panel: 70 dates, 6 factors: market, Energy, Health, Technology, Beta, Momentum" in " ".join(printed["validate"].split())
    assert "next: nothing, until the sources change" in printed["status"]
    assert all(len(line) <= 80 for text in printed.values() for line in text.splitlines() if "/" not in line)
    names = {}
    exec(blocks("python")[0], names)
    assert list(names["f"].columns) == ["market", "Energy", "Health", "Technology", "Beta", "Momentum"]
    assert 0.001 < names["vol"] < 0.1


def test_the_page_of_presets_has_the_tables_of_the_code_and_every_preset():
    assert presets_markdown() in (ROOT / "docs/presets.md").read_text(encoding="utf-8")
    assert set(USES) == {None, *PRESETS}
    assert max(map(len, presets_text().splitlines())) <= 80
