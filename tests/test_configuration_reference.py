"""docs/configuration.md: written from the fields' declarations, and each default in it is the one that the model has."""

import re
from dataclasses import fields
from itertools import product
from pathlib import Path

import pytest
import yaml

from sigmalake.config.fields import all_keys
from sigmalake.config.model import Config
from sigmalake.config.texts.reference import reference_page
from sigmalake.numerics.exposures.style_rules import StyleRules
from sigmalake.numerics.factor_cov.estimators import EwmaFactorCov, SampleFactorCov
from sigmalake.numerics.regression.rules import RegressionRules
from sigmalake.numerics.specific_risk.estimators import EwmaSpecificVar, SampleSpecificVar

PAGE = (Path(__file__).parents[1] / "docs/configuration.md").read_text(encoding="utf-8")
SCHEMA = Config.model_json_schema()
SOURCES = sorted(name for name, key in SCHEMA["$defs"]["SourcesConfig"]["properties"].items() if "anyOf" in key)
REQUIRED = "required"


def expanded(pattern):
    """The places that a pattern of the page stands for."""
    parts = [
        SOURCES if part == "*" else part.strip("{}").split(", ") if part.startswith("{") else [part]
        for part in re.findall(r"\{[^}]*\}|[^.{]+", pattern)
    ]
    return {".".join(found) for found in product(*parts)}


def documented():
    """Of each place, the defaults that the page says it has, as values."""
    found = {}
    for line in PAGE.splitlines():
        if not line.startswith("| `"):
            continue
        keys, default, _, _ = (cell.strip() for cell in line.strip("|").split(" | "))
        code = re.match(r"`([^`]*)`", default)
        value = yaml.safe_load(code[1]) if code else {"none": None, REQUIRED: REQUIRED}[default]
        for pattern in re.findall(r"`([^`]+)`", keys):
            for place in expanded(pattern):
                found.setdefault(place, []).append(value)
    return found


def modelled(schema, place=""):
    """Of each place, the defaults of pydantic's own schema, which knows nothing of the page."""
    if "$ref" in schema:
        yield from modelled(SCHEMA["$defs"][schema["$ref"].rsplit("/", 1)[1]], place)
    for form in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        yield from modelled(form, place)
    for key, inner in schema.get("properties", {}).items():
        below = f"{place}.{key}" if place else key
        is_needed = key in schema.get("required", ()) or key == "estimator"
        yield below, REQUIRED if is_needed else inner.get("default", {})
        yield from modelled(inner, below)
    if isinstance(schema.get("additionalProperties"), dict):
        yield from modelled(schema["additionalProperties"], f"{place}.NAME")
    if "items" in schema:
        yield from modelled(schema["items"], f"{place}[]")


MODELLED = {}
for _place, _default in modelled(SCHEMA):
    MODELLED.setdefault(_place, []).append(_default)
DOCUMENTED = documented()


def agrees(said, default):
    """Whether a documented default is the model's: of a section it says what differs from the section's own defaults."""
    if isinstance(default, dict) and isinstance(said, dict):
        return all(key in default and agrees(value, default[key]) for key, value in said.items())
    return said == default and isinstance(said, bool) == isinstance(default, bool)


def test_the_page_is_written_from_the_declarations():
    assert reference_page() == PAGE, "python -m sigmalake.config.texts.reference > docs/configuration.md"


def test_a_documented_default_is_the_models():
    for place, defaults in MODELLED.items():
        for default in defaults:
            assert any(agrees(said, default) for said in DOCUMENTED[place]), f"{place}: the model's default is {default}"
        for said in DOCUMENTED[place]:
            assert any(agrees(said, default) for default in defaults), f"{place}: the page says {said}"


def test_the_page_has_the_keys_of_the_model_and_no_others():
    assert DOCUMENTED.keys() == MODELLED.keys()


@pytest.mark.parametrize(
    ("place", "rules"),
    [
        ("regression", RegressionRules()),
        ("factors[].styles.NAME", StyleRules()),
        ("risk.NAME.factor_cov", EwmaFactorCov(half_life=9)),
        ("risk.NAME.factor_cov", SampleFactorCov()),
        ("risk.NAME.specific_var", EwmaSpecificVar(half_life=9)),
        ("risk.NAME.specific_var", SampleSpecificVar()),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else "",
)
def test_a_documented_default_is_what_the_kernels_rules_are_made_with(place, rules):
    for field in fields(rules):
        value, said = getattr(rules, field.name), DOCUMENTED[f"{place}.{field.name}"]
        if REQUIRED not in said:
            assert (list(value) if isinstance(value, tuple) else value) in said, field.name


def test_every_key_says_what_it_means_and_every_number_its_unit():
    unitless = {"regression.two_pass", "evaluate.test_portfolios.seed"}
    for place, _, key in all_keys(Config):
        assert key.meaning, place
        is_number = isinstance(key.default, int | float) and not isinstance(key.default, bool)
        assert key.unit or not is_number or place in unitless, place
