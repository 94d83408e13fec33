"""The configuration's JSON Schema, for editors: what each key takes, what it means, in which unit, and its default."""

from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from typing import Any

from sigmalake.config.keys import key_at
from sigmalake.config.model import Config
from sigmalake.config.presets import PRESETS

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
SECTIONS = {  # of a variant: what they say, and the sections of their estimators
    "factor_cov": ("How Sigma is estimated, and its layers.", {"ewma": "EwmaFactorCov", "sample": "SampleFactorCov"}),
    "specific_var": ("How Delta is estimated, and its layers.", {"ewma": "EwmaSpecificVar", "sample": "SampleSpecificVar"}),
}

ONE_OF = {  # of these keys a section has exactly one
    **dict.fromkeys(
        (
            f"{name}Source"
            for name in (
                "Panel", "Return", "Exposure", "Cap", "Rate", "ExchangeRate", "Calendar", "Price", "Fundamental", "Segment",
            )
        ),
        ("path", "table"),
    ),
}  # fmt: skip


def config_schema() -> Schema:
    """What pydantic knows of the configuration, with each key's description, and presets that sections stand over.

    Only the loader holds what relates keys to each other or bounds a number in words, e.g. windows beyond their half-lives.
    """
    schema = Config.model_json_schema()
    definitions: dict[str, Schema] = schema["$defs"]
    for place, section, key in _keys_in(schema, definitions, ""):
        _describe(section["properties"][key], place)
    for _, estimators in SECTIONS.values():
        for name in estimators.values():
            definitions[name]["required"] = ["estimator", *definitions[name].get("required", ())]
    for name, keys in ONE_OF.items():
        definitions[name]["oneOf"] = [{"required": [key]} for key in keys]
    forms = [{"required": [form]} for form in ("columns", "map", "segments")]
    alone = {"required": ["column"], "not": {"required": ["segments"]}}
    definitions["Membership"]["oneOf"] = [alone, *forms]  # a column beside segments serves companies without them
    definitions["SegmentColumns"]["anyOf"] = [{"required": [figure]} for figure in ("assets", "sales")]
    apart = ["returns", "exposures"]
    panel = {"required": ["panel"], "properties": {key: {"type": "null"} for key in apart}}
    definitions["Sources"]["oneOf"] = [panel, {"required": apart, "properties": {"panel": {"type": "null"}}}]
    _stand_over_presets(definitions)
    head = {"$schema": DIALECT, "$id": "urn:sigmalake:configuration", "title": "sigmalake configuration"}
    return {**head, **{key: value for key, value in schema.items() if key != "title"}}


def _keys_in(section: Schema, definitions: Mapping[str, Schema], place: str) -> Iterator[tuple[str, Schema, str]]:
    """Each key below a place, as (its own place, the section that holds it, its name there)."""
    if "$ref" in section:
        section = definitions[section["$ref"].rsplit("/", 1)[1]]
    for form in (*section.get("anyOf", ()), *section.get("oneOf", ())):
        yield from _keys_in(form, definitions, place)
    for key, inner in section.get("properties", {}).items():
        below = f"{place}.{key}" if place else key
        yield below, section, key
        yield from _keys_in(inner, definitions, below)
    if isinstance(section.get("additionalProperties"), dict):
        yield from _keys_in(section["additionalProperties"], definitions, f"{place}.NAME")
    if "items" in section:
        yield from _keys_in(section["items"], definitions, f"{place}[]")


def _describe(key: Schema, place: str) -> None:
    """Put the key's meaning and unit where editors look for them; pydantic's titles only repeat the name."""
    key.pop("title", None)
    known = key_at(place)
    if known is None:
        return
    key["description"] = known.meaning + (f" (unit: {known.unit})" if known.unit else "")
    if known.default == "{}":
        key["default"] = {}


def _stand_over_presets(definitions: dict[str, Schema]) -> None:
    """With a preset a section holds what stands over it; one that names the other estimator stands alone, whole."""
    variant = definitions["Variant"]
    chosen: Schema = {"properties": {section: _one_of(estimators.values()) for section, (_, estimators) in SECTIONS.items()}}
    for base in ("ewma", "sample"):
        presets = [name for name, body in PRESETS.items() if body["factor_cov"]["estimator"] == base]
        over: Schema = {}
        for section, (_, estimators) in SECTIONS.items():
            over[section] = _one_of(_partial(definitions, name) if kind == base else name for kind, name in estimators.items())
        asked = {"properties": {"preset": {"enum": presets}}, "required": ["preset"]}
        chosen = {"if": asked, "then": {"properties": over}, "else": chosen}
    for section, (said, _) in SECTIONS.items():
        variant["properties"][section] = {"description": said}
    variant["allOf"] = [chosen]


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
