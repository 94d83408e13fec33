"""The configuration's JSON Schema, for editors: what each key takes, what it means, in which unit, and its default."""

from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from itertools import chain
from typing import Any

from pydantic import TypeAdapter

from sigmalake.config.fields import REQUIRED, keys_of, sections_below, tag_of
from sigmalake.config.model import Config
from sigmalake.config.presets import PRESETS
from sigmalake.config.sources import SHARE_SOURCES, Location, SourcesConfig
from sigmalake.config.variant import Variant
from sigmalake.numerics.descriptors.library import DescriptorRules
from sigmalake.numerics.registry.by_name import DISCRIMINATOR
from sigmalake.numerics.registry.group import Registered
from sigmalake.numerics.regression.rules import RegressionRules

Schema = dict[str, Any]
Estimators = Mapping[str, Mapping[str, str]]  # by section of a variant, the definition of each estimator by its name

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def config_schema() -> Schema:
    """What pydantic knows of the configuration, with each key's unit, and presets that sections stand over.

    Only the loader holds what relates keys to each other or bounds a number in words, e.g. windows beyond their half-lives.
    """
    schema = Config.model_json_schema()
    definitions: dict[str, Schema] = schema["$defs"]
    definitions |= _of_other_packages()
    _name_other_packages(definitions)
    for section in (schema, *definitions.values()):
        for key in section.get("properties", {}).values():
            _describe(key)
    _either_or(definitions)
    _stand_over_presets(definitions, _estimators())
    head = {"$schema": DIALECT, "$id": "urn:sigmalake:configuration", "title": "sigmalake configuration"}
    return {**head, **{key: value for key, value in schema.items() if key != "title"}}


def _describe(key: Schema) -> None:
    """Put the key's unit where editors look for it; pydantic's titles only repeat the name."""
    key.pop("title", None)
    if "unit" in key:
        key["description"] += f" (unit: {key['unit']})"


def _either_or(definitions: Mapping[str, Schema]) -> None:
    """Of these keys a section has exactly one, or one of these sets of keys."""
    for source in keys_of(SourcesConfig).values():
        for _, section in sections_below(source.annotation):
            if issubclass(section, Location):
                definitions[section.__name__]["oneOf"] = [{"required": ["path"]}, {"required": ["table"]}]
    forms = [{"required": [form]} for form in ("columns", "map", *SHARE_SOURCES)]
    alone = {"required": ["column"], "not": {"anyOf": [{"required": [form]} for form in SHARE_SOURCES]}}
    definitions["Membership"]["oneOf"] = [alone, *forms]  # a column beside segments or revenues serves companies without them
    definitions["SegmentColumns"]["anyOf"] = [{"required": [figure]} for figure in ("assets", "sales")]
    apart = ["returns", "exposures"]
    panel = {"required": ["panel"], "properties": {key: {"type": "null"} for key in apart}}
    definitions[SourcesConfig.__name__]["oneOf"] = [panel, {"required": apart, "properties": {"panel": {"type": "null"}}}]


def _name_other_packages(definitions: Mapping[str, Schema]) -> None:
    """What other packages register for the regression's weights, and for descriptors."""
    weights: dict[str, Any] = {tag: section for _, tag, section in _sections(RegressionRules)}
    for _, _, section in chain(_sections(RegressionRules), _sections(DescriptorRules)):
        own = definitions[section.__name__]
        own["required"] = [DISCRIMINATOR, *own.get("required", ())]
    key = definitions[RegressionRules.__name__]["properties"]["weights"]
    alone = [tag for tag, section in weights.items() if keys_of(section)["settings"].default is not REQUIRED]
    ours = {"$ref": key.pop("$ref")} if "$ref" in key else key.pop("allOf")[0]
    words = [{"enum": alone}] if alone else []
    key["anyOf"] = [ours, *words, *({"$ref": f"#/$defs/{section.__name__}"} for section in weights.values())]
    descriptors = [section.__name__ for _, _, section in _sections(DescriptorRules)]
    registered = definitions[DescriptorRules.__name__]["properties"]["registered"]
    registered["additionalProperties"] = _one_of(descriptors) if descriptors else False


def _estimators() -> Estimators:
    found: dict[str, dict[str, str]] = {}
    for key, tag, section in _sections(Variant):
        found.setdefault(key, {})[tag] = section.__name__
    return found


def _sections(of: type) -> Iterator[tuple[str, str, type]]:
    """The sections of estimators: the key of a section that they stand at, their names, and what they take."""
    for key in keys_of(of).values():
        for _, section in sections_below(key.annotation):
            if tag := tag_of(section):
                yield key.name, tag, section


def _of_other_packages() -> dict[str, Schema]:
    """Definitions of their sections; those that these refer to stand under the section's name, apart from ours."""
    found: dict[str, Schema] = {}
    for _, _, section in chain(*map(_sections, (Variant, RegressionRules, DescriptorRules))):
        if issubclass(section, Registered):
            name = section.__name__
            whole = TypeAdapter(section).json_schema(ref_template=f"#/$defs/{name}.{{model}}")
            found |= {f"{name}.{inner}": body for inner, body in whole.pop("$defs", {}).items()} | {name: whole}
    return found


def _stand_over_presets(definitions: dict[str, Schema], estimators: Estimators) -> None:
    """With a preset a section holds what stands over it; one that names another estimator stands alone, whole."""
    for name in {name for of_section in estimators.values() for name in of_section.values()}:
        definitions[name]["required"] = [DISCRIMINATOR, *definitions[name].get("required", ())]
    chosen: Schema = {"properties": {section: _one_of(names.values()) for section, names in estimators.items()}}
    for preset, body in PRESETS.items():
        over: Schema = {}
        for section, names in estimators.items():
            base = body[section][DISCRIMINATOR]
            over[section] = _one_of(_partial(definitions, name) if tag == base else name for tag, name in names.items())
        requested = {"properties": {"preset": {"const": preset}}, "required": ["preset"]}
        chosen = {"if": requested, "then": {"properties": over}, "else": chosen}
    properties = definitions["Variant"]["properties"]
    for section in estimators:
        properties[section] = {"description": properties[section]["description"]}
    definitions["Variant"]["allOf"] = [chosen]


def _one_of(names: Iterable[str]) -> Schema:
    return {"oneOf": [{"$ref": f"#/$defs/{name}"} for name in names]}


def _partial(definitions: dict[str, Schema], name: str) -> str:
    """The name of a copy of a section, and of those in it, in which no key is required."""
    partial = deepcopy(definitions[name])
    partial.pop("required", None)
    for key in partial["properties"].values():
        for form in key.get("anyOf", ()):
            if "$ref" in form:
                form["$ref"] = f"#/$defs/{_partial(definitions, form['$ref'].rsplit('/', 1)[1])}"
    definitions[f"{name}OverPreset"] = partial
    return f"{name}OverPreset"
