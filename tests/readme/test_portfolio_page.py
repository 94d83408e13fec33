"""docs/portfolio.md: its files, commands and Python, on a smaller lake with the demo's factors and ids."""

import json
import re
import shlex
from datetime import date

import numpy as np
import pytest

from readme import ROOT
from sigmalake.cli import app as cli
from sigmalake.numerics.portfolio.attribution import link_returns

TEXT = (ROOT / "docs/portfolio.md").read_text(encoding="utf-8")

EARLIER = {"--since": "2021-03-03", "--versus-date": "2021-03-31"}  # dates that the smaller lake has


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


@pytest.fixture
def printed(folder, capsys):
    said = []
    for block in blocks("bash"):
        arguments = shlex.split(
            re.sub(r"(--since|--versus-date) [\d-]+", lambda option: f"{option[1]} {EARLIER[option[1]]}", block)
        )
        assert arguments[:2] == ["sigmalake", "portfolio"]
        cli.app(arguments[1:], standalone_mode=False)
        said.append(capsys.readouterr().out)
    return said


def words(text):
    """The lines without numbers, in no order: rows are ordered by their size."""
    return sorted(" ".join(re.sub(r"-?[\d.]*\d%?|-", "", line).split()) for line in text.splitlines())


def test_the_command_prints_the_lines_that_the_page_shows(printed):
    shown = blocks("text")[0]
    start = shown.index("Volatility, %")
    assert words(shown[start:]) == words(printed[0][printed[0].index("Volatility, %") :])
    assert re.sub(r"[\d.-]+", "", shown.splitlines()[0]) == re.sub(r"[\d.-]+", "", printed[0].splitlines()[0])


def test_the_numbers_that_the_page_shows_add_up():
    for table in re.split(r"\n\n", blocks("text")[0].split("By factor")[1]):
        rows = [line.split() for line in table.splitlines() if re.search(r"\d$", line)]
        *parts, total = [(float(row[-2]), float(row[-1])) for row in rows]
        assert np.abs(np.sum(parts, axis=0) - total).max() < 0.006 * len(parts) + 0.1


def test_the_second_command_is_json_over_the_horizon(printed):
    found = json.loads(printed[1])
    assert found["horizon"] == 21.0
    assert found["portfolio"]["vol"] ** 2 == pytest.approx(found["portfolio"]["variance"])
    assert found["cash"] == pytest.approx(25000 / found["value"])


def test_the_third_command_prints_the_sections_that_the_page_shows(printed):
    shown = re.split(r"\n\n(?=\w)", blocks("text")[1])
    assert [section.split()[0] for section in shown] == ["Scenario:", "What", "Realised"]
    for section in shown:
        told = printed[2][printed[2].index("\n" + section.split(":")[0].split(" from")[0]) + 1 :]
        assert words("\n\n".join(told.split("\n\n")[:2])) == words(section.rstrip())


def test_the_changes_that_the_page_shows_add_up():
    *parts, total = [float(line.split()[-1]) for line in blocks("text")[1].splitlines() if re.match(r"(the|sum) .*\d$", line)]
    assert sum(parts) == pytest.approx(total, abs=0.003)


def test_the_python_block_says_what_its_comments_say(folder):
    names = {}
    exec(blocks("python")[0], names)
    risk, h = names["risk"], names["h"]
    V = risk.asset_cov()
    held = np.array([h.get(asset, 0.0) for asset in V.index])
    assert names["report"].vol == pytest.approx(np.sqrt(held @ V @ held), rel=1e-10)
    assert names["minimum_variance"].sum() == pytest.approx(1.0)
    assert np.ptp(V @ names["minimum_variance"]) < 1e-9 * np.diag(V).mean()
    assert names["crash"].factor_returns["market"] == -0.10
    change, earned = names["change"], names["earned"]
    assert change.parts.sum() == pytest.approx(change.second - change.first, rel=1e-9)
    assert len(earned.returns) == 21
    assert earned.linked.sum() == pytest.approx(link_returns(earned.returns.to_numpy()[:, None]).sum(), rel=1e-10)


def test_the_frames_are_what_their_comments_say(folder):
    names = {}
    exec("\n".join(blocks("python")), names)
    model, Sigma = names["model"], names["Sigma"]
    assert [type(names[name].index).__name__ for name in ("returns", "t", "r2", "u", "history")] == ["DatetimeIndex"] * 5
    assert names["returns"].index[0] == min(day for day in model.calendar() if (day.year, day.month) >= (2021, 3))
    assert names["t"].shape == (len(names["r2"]), names["returns"].shape[1])
    assert set(names["X"].index) >= {"A005"}
    np.testing.assert_array_equal(names["history"].iloc[-1], names["X"].loc["A005"])
    np.testing.assert_allclose(Sigma, 252 * names["risk"].factor_cov, rtol=1e-15)
    assert names["before"].date == max(day.date() for day in model.dates("ewma") if day.date() <= date(2021, 4, 4))


def test_every_name_of_the_page_exists(folder):
    names = {}
    exec(blocks("python")[0], names)
    known = {*dir(names["risk"]), *names, *names["report"]._fields, *names["against"]._fields}
    table = TEXT[TEXT.index("| number | formula |") :].split("\n\n")[0]
    assert set(re.findall(r"`(\w+)`", table)) <= known


def test_no_path_is_of_one_machine_and_its_options_exist():
    assert not re.search(r"(?<![\w.])/(work|tmp|home|root|Users|mnt)/", TEXT)
    parameters = cli.typer.main.get_command(cli.app).commands["portfolio"].params
    options = {option for parameter in parameters for option in parameter.opts}
    assert set(re.findall(r"--[a-z][a-z-]+", TEXT)) <= options
