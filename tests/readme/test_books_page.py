"""The example of docs/books.md, on README's lake: its members are called like assets of it."""

import csv

import pytest
import yaml
from numpy.testing import assert_allclose

from readme import blocks
from sigmalake.cli import app as cli
from sigmalake.reader.open_release import open_release

PAGE = "docs/books.md"


@pytest.fixture(scope="module")
def measured(folder, printed, tmp_path_factory):
    """A lake of its own, with the books of the page, whose assets and date are some of the panel's."""
    whole, given = (yaml.safe_load(blocks("yaml", page)[0]) for page in ("README.md", PAGE))
    known = open_release(folder / "lakes/mine").risk()
    names = dict(zip("ABC", known.usable[:3], strict=True)) | {"2024-03-28": f"{known.date:%Y-%m-%d}"}
    here = tmp_path_factory.mktemp("books")
    (folder / "books.csv").write_text("\n".join(",".join(names.get(cell, cell) for cell in row) for row in rows()))
    body = {**whole, "books": given["books"], "lake": str(here / "lake"), "covariance": None}
    body["sources"] = {**whole["sources"], **given["sources"]}
    (folder / "books.yaml").write_text(yaml.safe_dump(body))
    cli.app(["run", "--config", str(folder / "books.yaml")], standalone_mode=False)
    return open_release(here / "lake"), names


def rows():
    return list(csv.reader(blocks("csv", PAGE)[0].splitlines()))


def test_what_holds_the_index_alone_moves_as_it_does(measured):
    model, _ = measured
    last = model.portfolio_risk("TRACKER").iloc[-1]
    assert last["tracking_error"] == 0.0
    assert_allclose(last["beta"], 1.0, rtol=1e-12)


def test_a_fund_of_a_fund_is_looked_through_as_the_page_says(measured):
    model, names = measured
    held = {names["A"]: 0.3 + 0.6 * 0.5, names["B"]: 0.6 * 0.3, names["C"]: 0.6 * 0.2}
    assert_allclose(model.portfolio_risk("BALANCED").iloc[-1]["vol"], model.risk().risk_of(held).vol, rtol=1e-12)


def test_the_python_of_the_page_runs_on_the_model(measured, monkeypatch):
    model, names = measured
    monkeypatch.setattr("sigmalake.open_release", lambda _: model)
    for block in blocks("python", PAGE):
        exec(block.replace("2024-03-28", names["2024-03-28"]), {})
