"""The JSON Schema of the configuration: it takes what the loader takes, and refuses unknown keys and wrong types."""

import copy
import json
import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from pydantic import ValidationError
from typer.testing import CliRunner

from sigmalake.cli import app as cli
from sigmalake.config.fields import all_keys
from sigmalake.config.model import Config, read_given
from sigmalake.config.texts.json_schema import config_schema
from sigmalake.config.yaml_file import read_mapping

ROOT = Path(__file__).parents[1]
SCHEMA = config_schema()
VALIDATOR = Draft202012Validator(SCHEMA)

BODY = {
    "model": "m",
    "lake": "lake",
    "sources": {"panel": {"path": "p.parquet", "columns": {"cap": "cap", "issuer_id": "issuer"}}},
    "factors": [{"market": "market"}, {"membership": "sector", "column": "sector"}, {"styles": ["size", "value"]}],
}
REGIME = {"half_life": 42}
PRICED = {
    "prices": {"path": "q.parquet", "columns": {"cap": "cap"}},
    "segments": {"path": "s.parquet", "columns": {"assets": "assets"}},
}
TAKEN = {
    "nothing": {},
    "levels": {"factors": [{"membership": "country", "map": "w", "levels": ["US", "DE"], "partial": True}]},
    "shares": {"factors": [{"membership": "country", "columns": {"US": "w_us"}}], "regression": {"weights": "equal"}},
    "rules": {
        "factors": [{"styles": {"value": {"descriptors": {"bp": 0.5}, "missing": "regress", "orthogonal_to": []}, "size": {}}}]
    },
    "apart": {"sources": {"returns": {"path": "r.csv"}, "exposures": {"table": "a.b", "columns": {"cap": "c"}}}},
    "segments": {
        "sources": {**BODY["sources"], **PRICED},
        "factors": [{"membership": "industry", "segments": True, "column": "sector", "levels": ["oil"]}],
    },
    "revenues": {
        "sources": {**BODY["sources"], "revenues": {"path": "r.csv", "columns": {"level": "country"}, "max_age": 400}},
        "factors": [{"membership": "country", "revenues": True, "column": "home", "only": ["US"], "rest": "abroad"}],
    },
    "currencies": {
        "sources": {
            "panel": {"path": "p.parquet", "columns": {"cap": "cap", "cap_currency": "ccy", "currency": "ccy"}},
            "exchange_rates": {"path": "fx.csv", "base": "USD", "hedged": True, "columns": {"interest_rate": "i"}},
        }
    },
    "regression": {"regression": {"huber": 1.345, "min_members": 3, "thin": "shrink", "outliers_beyond": None}},
    "empty variant": {"risk": {"v": {}}},
    "ewma": {"risk": {"v": {"factor_cov": {"estimator": "ewma", "half_life": 84, "regime": REGIME}, "every": "week"}}},
    "sample": {"risk": {"v": {"specific_var": {"estimator": "sample", "linked": {}, "structural": {"window": 252}}}}},
    "presets": {"risk": {name: {"preset": name} for name in ("short", "long", "trading", "monthly_60")}},
    "over a preset": {"risk": {"v": {"preset": "short", "factor_cov": {"lags": 3, "regime": {"window": 99}, "eigenfactor": None}}}},
    "over the sample": {"risk": {"v": {"preset": "monthly_60", "specific_var": {"window": 36}}}},
    "in place of a preset's": {"risk": {"v": {"preset": "monthly_60", "factor_cov": {"estimator": "ewma", "half_life": 6}}}},
    "dates": {"risk": {"v": {}}, "covariance": {"variants": ["v"], "dates": ["2024-06-28"], "assets": {"file": "a.txt"}}},
    "assets": {"covariance": {"dates": "month_end", "assets": ["A", "B"]}},
    "spark": {"spark": {"spark.driver.memory": "8g", "spark.cores.max": 2, "spark.ui.enabled": False}},
    "engine": {"engine": "local", "local": {"workers": 2, "memory": "4g", "scratch": None}},
    "rejected rows": {"checks": {"max_rejected": {"date": 0.5}}},
    "an encoding": {"sources": {"panel": {"path": "p.csv", "encoding": "latin-1", "columns": {"cap": "cap"}}}},
    "cells": {"covariance": {"cells": True}},
    "evaluate": {"evaluate": {"test_portfolios": {"seed": 3}, "rolling_window": 12, "portfolios": "own.csv"}},
}
REFUSED = {
    "unknown key": {"modle": "m"},
    "unknown key of a section": {"regression": {"weigths": "cap"}},
    "unknown key of an estimator": {"risk": {"v": {"factor_cov": {"estimator": "ewma", "half_life": 84, "half_lif": 1}}}},
    "unknown key over a preset": {"risk": {"v": {"preset": "short", "factor_cov": {"regime": {"half_lif": 3}}}}},
    "unknown preset": {"risk": {"v": {"preset": "shrt"}}},
    "no estimator": {"risk": {"v": {"factor_cov": {"half_life": 84}}}},
    "no half-life": {"risk": {"v": {"specific_var": {"estimator": "ewma"}}}},
    "no half-life of the regime": {"risk": {"v": {"factor_cov": {"estimator": "sample", "regime": {}}}}},
    "no half-life in place of a preset's": {"risk": {"v": {"preset": "monthly_60", "factor_cov": {"estimator": "ewma"}}}},
    "a word for a number": {"regression": {"min_members": "five"}},
    "a number for a word": {"model": 3},
    "a word that is none of the choices": {"risk": {"v": {"every": "year"}}},
    "a fraction for a count": {"evaluate": {"rolling_window": 12.5}},
    "a factor of no kind": {"factors": [{"styles": ["size"], "columns": {"a": "b"}}]},
    "a factor of two kinds": {"factors": [{"market": "m", "membership": "sector", "column": "sector"}]},
    "a membership of two forms": {"factors": [{"membership": "sector", "column": "sector", "map": "w"}]},
    "shares of two forms": {
        "sources": {**BODY["sources"], **PRICED},
        "factors": [{"membership": "g", "segments": True, "map": "w"}],
    },
    "segments without a figure": {"sources": {**BODY["sources"], **PRICED, "segments": {"path": "s.csv", "columns": {}}}},
    "revenues without their level": {"sources": {**BODY["sources"], "revenues": {"path": "r.csv", "columns": {}}}},
    "standardised styles as a list": {"factors": [{"styles": ["size"], "as_given": False}]},
    "no factor": {"factors": []},
    "two places": {"sources": {"panel": {"path": "p.parquet", "table": "a.b"}}},
    "no place": {"sources": {"panel": {}}},
    "a panel and returns": {"sources": {"panel": {"path": "p.parquet"}, "returns": {"path": "r.parquet"}}},
    "returns alone": {"sources": {"returns": {"path": "r.parquet"}}},
    "dates that are a word": {"covariance": {"dates": "first"}},
    "exchange rates without a base": {
        "sources": {"panel": {"path": "p.parquet", "columns": {"currency": "ccy"}}, "exchange_rates": {"path": "fx.csv"}}
    },
    "an unknown engine": {"engine": "sprak"},
    "no worker": {"local": {"workers": 0}},
    "a share beyond 1": {"checks": {"max_rejected": {"source": 5}}},
    "a setting that is a section": {"spark": {"spark": {"driver": 1}}},
}


def loads(body):
    try:
        Config.model_validate(copy.deepcopy(body))
    except ValidationError:
        return False
    return True


def test_it_is_a_schema_of_the_dialect_that_it_names():
    assert SCHEMA["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("path", sorted((ROOT / "conf").glob("*.yaml")), ids=lambda path: path.name)
def test_the_schema_accepts_every_example(path):
    assert list(VALIDATOR.iter_errors(read_mapping(path))) == []


@pytest.mark.parametrize("path", sorted((ROOT / "conf").glob("*.yaml")), ids=lambda path: path.name)
def test_the_schema_accepts_the_overrides_that_an_example_shows(path):
    for quoted, bare in re.findall(r"--set (?:'([^']+)'|([^\s;]+))", path.read_text(encoding="utf-8")):
        body = read_given(path, [quoted or bare])
        assert list(VALIDATOR.iter_errors(body)) == []
        assert Config.model_validate(body)


@pytest.mark.parametrize("change", TAKEN.values(), ids=TAKEN)
def test_what_the_loader_takes_is_taken(change):
    assert loads({**BODY, **change})
    assert list(VALIDATOR.iter_errors({**BODY, **change})) == []


@pytest.mark.parametrize("change", REFUSED.values(), ids=REFUSED)
def test_a_mistake_that_the_loader_refuses_is_refused(change):
    assert not loads({**BODY, **change})
    assert not VALIDATOR.is_valid({**BODY, **change})


@pytest.mark.parametrize("key", ["model", "lake", "sources", "factors"])
def test_a_key_that_must_be_there_is_missed(key):
    assert not VALIDATOR.is_valid({name: value for name, value in BODY.items() if name != key})


def described(section, place=""):
    """Each place of the schema with its descriptions, through references."""
    if "$ref" in section:
        section = SCHEMA["$defs"][section["$ref"].rsplit("/", 1)[1]]
    for word in ("anyOf", "oneOf", "allOf"):
        for form in section.get(word, ()):
            yield from described(form, place)
    for word in {"then", "else"} & section.keys():
        yield from described(section[word], place)
    for key, inner in section.get("properties", {}).items():
        below = f"{place}.{key}" if place else key
        yield below, inner.get("description", ""), inner
        yield from described(inner, below)
    for word, step in (("additionalProperties", ".NAME"), ("items", "[]")):
        if isinstance(section.get(word), dict):
            yield from described(section[word], place + step)


def test_each_key_carries_its_meaning_and_unit():
    found = {}
    for place, description, section in described(SCHEMA):
        if section != {"type": "null"}:
            found.setdefault(place, set()).add(description)
    for place, _, key in all_keys(Config):
        assert key.meaning, place
        assert key.in_words in found.pop(place, {key.in_words}), place
    assert found == {}


def test_the_command_prints_it_and_nothing_else():
    said = CliRunner().invoke(cli.app, ["schema"])
    assert said.exit_code == 0
    assert json.loads(said.stdout) == SCHEMA
    assert SCHEMA["title"] == "sigmalake configuration"
    assert SCHEMA["$defs"]["EigenfactorAdjustment"]["properties"]["simulations"]["default"] == 100
