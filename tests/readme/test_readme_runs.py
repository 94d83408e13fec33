"""README.md's commands and Python, on a small panel and the local engine: what they give is right."""

from contextlib import redirect_stdout
from io import StringIO

import numpy as np
from numpy.testing import assert_allclose
from small_lake import LAST, NAMED

from readme import blocks
from sigmalake.reader.open_release import open_release

WEIGHTS = np.array([0.6, 0.4])


def executed(block):
    names = {}
    with redirect_stdout(StringIO()) as out:
        exec(block, names)
    return names, out.getvalue()


def test_the_commands_validate_run_and_show(printed):
    assert list(printed) == ["validate", "run", "status"]
    assert "panel: 70 dates, 6 factors: market, energy, health, technology, size, momentum" in " ".join(printed["validate"].split())
    assert f"release {LAST}.1, daily" in printed["run"]
    assert f"release {LAST}.1, daily" in printed["status"]


def test_a_model_comes_from_a_frame_and_is_saved(folder, printed, monkeypatch):
    monkeypatch.chdir(folder)
    names, _ = executed(blocks("python", "README.md")[0])
    assert list(names["f"].columns) == ["market", "energy", "health", "technology", "size", "momentum"]
    assert len(names["r2"]) == 69
    V = names["V"].loc[NAMED, NAMED].to_numpy()
    assert_allclose(names["vol"], np.sqrt(WEIGHTS @ V @ WEIGHTS), rtol=1e-12)
    saved = open_release(folder / "lakes/first")
    assert_allclose(saved.risk().asset_cov(NAMED), V, rtol=0, atol=0)
    assert (folder / "lakes/first/model.yaml").is_file()


def test_a_frame_and_the_configuration_have_the_same_factor_returns(folder, model, monkeypatch):
    monkeypatch.chdir(folder)
    names, _ = executed(blocks("python", "README.md")[0].replace("lakes/first", "lakes/again"))
    assert_allclose(names["f"], model.factor_returns(), rtol=0, atol=0)


def test_the_example_of_reading_gives_the_volatility_by_hand(folder, model, V, monkeypatch):
    monkeypatch.chdir(folder)
    names, said = executed(blocks("python", "README.md")[1])
    assert said.startswith(f"{LAST}.1 ")
    assert_allclose(names["report"].vol, np.sqrt(WEIGHTS @ V @ WEIGHTS), rtol=1e-12)
    assert_allclose(names["report"].by_factor.sum() + names["report"].specific, names["report"].vol, rtol=1e-12)


def test_the_page_on_reading_reads_the_release(folder, model, V, monkeypatch):
    monkeypatch.chdir(folder)
    names, said = executed(blocks("python", "docs/reading.md")[0])
    assert said.startswith(f"{LAST}.1 ")
    assert_allclose(names["V"].loc[NAMED, NAMED], V, rtol=1e-12)
    assert names["X"].shape == (24, 6)
    assert names["Sigma"].shape == (6, 6)
    assert names["Delta"].shape == (24,)
    assert list(names["panel"].index) == sorted(names["panel"].index)
    assert len(names["f"]) == 69


def test_what_stood_at_an_instant_is_compared_with_what_stands(folder, model, monkeypatch):
    monkeypatch.chdir(folder)
    text = blocks("python", "docs/reading.md")[1].replace("2024-03-29T17:30+00:00", model.created_at.isoformat())
    text = text.replace("2024-03-01", str(model.as_of))
    one_variant, _, _ = text.partition("between =")  # the example's lake has one
    names, _ = executed(blocks("python", "docs/reading.md")[0] + one_variant)
    assert names["then"].release_id == model.release_id
    assert names["moved"].moves.empty
