"""Keys of the engines, the gate on rejected rows, encodings and cells; and configurations that are given as a mapping."""

import copy
import re
from pathlib import Path

import pytest

from sigmalake.config.model import load_config
from sigmalake.errors import ConfigError

BODY = {
    "model": "m",
    "lake": "lake",
    "sources": {"panel": {"path": "data/p.csv", "columns": {"cap": "cap"}}},
    "factors": [{"market": "market"}],
}


def with_panel(**panel):
    return {**BODY, "sources": {"panel": {**BODY["sources"]["panel"], **panel}}}


def test_keys_that_are_left_out_have_their_defaults():
    config = load_config(BODY)
    assert config.engine == "auto"
    assert (config.local.workers, config.local.memory_bytes, config.local.scratch) == (None, None, None)
    assert (config.checks.max_rejected.date, config.checks.max_rejected.source) == (0.2, 0.05)
    assert config.sources.panel.encoding is None
    assert load_config({**BODY, "covariance": {}}).covariance.cells is False


def test_keys_take_valid_values_from_a_file_and_from_overrides():
    body = {**with_panel(encoding="cp1252"), "engine": "local", "local": {"workers": 3, "memory": "1.5g", "scratch": "big"}}
    config = load_config({**body, "checks": {"max_rejected": {"source": 0}}, "covariance": {"cells": True}})
    assert (config.engine, config.local.workers, config.local.memory_bytes) == ("local", 3, 3 * 2**29)
    assert config.local.scratch == str(Path.cwd() / "big")
    assert (config.checks.max_rejected.date, config.checks.max_rejected.source) == (0.2, 0.0)
    assert (config.sources.panel.encoding, config.covariance.cells) == ("cp1252", True)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"engine": "sprak"}, "engine: must be 'auto', 'local' or 'spark' (value: 'sprak'). It means: what moves the rows"),
        ({"local": {"workers": 0}}, "local.workers: must be 1 or more (value: 0). It means: processes at a time"),
        ({"local": {"workers": 1.5}}, "local.workers: must be a whole number (value: 1.5)"),
        ({"local": {"memory": "much"}}, "local.memory: memory is a number with k, m, g or t behind it, e.g. 4g (value: 'much')"),
        ({"local": {"memory": 4}}, "local.memory: must be text"),
        ({"local": {"disk": 4}}, "local.disk: unknown key; the keys here are memory, scratch, workers"),
        ({"checks": {"max_rejected": {"date": 20}}}, "max_rejected.date: must be 1 or less (value: 20). It means: largest"),
        ({"checks": {"max_rejected": {"source": -0.1}}}, "checks.max_rejected.source: must be 0 or more (value: -0.1)"),
        ({"checks": {"max_rejected": 0.2}}, "checks.max_rejected: must be a section of `key: value` lines (value: 0.2)"),
        ({"checks": {"max_rejected": {"date": True}}}, "checks.max_rejected.date: a number is wanted, and true or false is none"),
        ({"covariance": {"cells": "some"}}, "covariance.cells: must be true or false (value: 'some')"),
        (with_panel(encoding="latin-15"), "'latin-15' is not the name of an encoding; latin-1, cp1252"),
        (with_panel(encoding="latin-1", path="p.parquet"), "encoding: latin-1 is for CSV files, and"),
        (with_panel(encoding="latin-1", path="p.parquet"), "p.parquet is read as parquet; leave it out"),
        (with_panel(encoding="latin-1", path=None, table="a.b"), "is for CSV files, and a.b is a table; leave it out"),
    ],
)  # fmt: skip
def test_a_mistake_is_explained_with_the_meaning_of_its_key(body, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        load_config({**BODY, **body})


def test_a_mapping_is_read_relative_to_the_working_directory_and_left_as_it_was(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    others = {"covariance": {"assets": {"file": "a.txt"}}, "evaluate": {"portfolios": "own.csv"}}
    body = {**with_panel(path=Path("data/p.csv")), **others}
    before = copy.deepcopy(body)
    config = load_config(body, ["local.scratch=big"])
    assert config.lake == str(tmp_path / "lake")
    assert config.sources.panel.path == str(tmp_path / "data/p.csv")
    assert config.covariance.assets.file == str(tmp_path / "a.txt")
    assert config.evaluate.portfolios == str(tmp_path / "own.csv")
    assert config.local.scratch == str(tmp_path / "big")
    assert body == before


def test_a_mapping_and_a_file_of_the_same_are_one_configuration(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "m.yaml"
    sources = "sources: {panel: {path: data/p.csv, columns: {cap: cap}}}"
    file.write_text(f"model: m\nlake: lake\n{sources}\nfactors: [{{market: market}}]\n")
    assert load_config(BODY) == load_config(file) == load_config(str(file))


def test_a_mistake_in_a_mapping_is_said_to_be_there():
    with pytest.raises(ConfigError, match=r"(?s)the mapping is not a valid configuration:.*modle: unknown key; did you mean"):
        load_config({**BODY, "modle": "x"})
