"""How a configuration file becomes a mapping, and how its mistakes are told: the key, the value seen, what to write instead."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from sigmalake.errors import ConfigError

TAGS = ("<word>", "<list>", "<section>")  # forms of a value that has several, in pydantic's places but not in the file
BOOLEANS = "YAML reads NO, OFF, ON and YES as true or false"


def read_mapping(path: Path) -> dict[str, Any]:
    """What a YAML file holds.

    Raises:
        ConfigError: there is no such file, or it is not YAML, or not `key: value` lines; says where.
    """
    if path.is_dir():
        raise ConfigError(f"configuration {path} is a folder; give the YAML file in it")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(f"configuration {path} does not exist (looked for in {path.absolute().parent})") from None
    except UnicodeDecodeError as error:
        seen = f"byte 0x{error.object[error.start]:02x} at position {error.start}"
        raise ConfigError(f"configuration {path} is not UTF-8 text ({seen}); save it as UTF-8") from None
    except OSError as error:
        raise ConfigError(f"configuration {path} cannot be read: {error.strerror}") from None
    body = parse_yaml(text, str(path))
    if body is None:
        raise ConfigError(f"configuration {path} is empty; it needs at least model, lake, sources and factors")
    if not isinstance(body, dict):
        kind = "a list" if isinstance(body, list) else f"one value ({str(body)[:40]!r})"
        raise ConfigError(f"{path} is not a configuration: it holds {kind}, not `key: value` lines")
    return body


def parse_yaml(text: str, where: str) -> Any:
    """One YAML document, read safely: duplicate keys and keys that are no text are refused, dates stay text."""
    try:
        return yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        tabs = "; indent with spaces, not tabs" if "\\t" in (error.problem or "") else ""
        raise ConfigError(f"{where} is not YAML{place}: {error.problem or error.context}{tabs}") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{where} is not YAML: {str(error).splitlines()[0]}") from None
    except (ValueError, RecursionError) as error:  # a scalar that names its type, such as !!int x; or nesting without end
        raise ConfigError(f"{where} is not YAML: {str(error)[:200]}") from None
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None


class _Loader(yaml.SafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        lines: dict[str, int] = {}
        for key, _ in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                continue
            name, line = self._key(key), key.start_mark.line + 1
            if name in lines:
                raise ConfigError(f"key {name!r} is given twice, on line {lines[name]} and on line {line}; keep one")
            lines[name] = line
        return super().construct_mapping(node, deep)

    def _key(self, node: yaml.Node) -> str:
        line = node.start_mark.line + 1
        if not isinstance(node, yaml.ScalarNode):
            raise ConfigError(f"the key on line {line} is a list or a section; keys are text")
        read = self.construct_object(node)
        if not isinstance(read, str):
            why = f"{BOOLEANS}: " if isinstance(read, bool) else ""
            raise ConfigError(f"key {node.value} on line {line} is not text but {read}; {why}write '{node.value}' in quotes")
        return read


_Loader.yaml_implicit_resolvers = {  # a date that does not exist is a mistake with a place, not a failure of YAML's
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def overridden(body: Mapping[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    """What `a.b=c` overrides put over a file's mapping, as a mapping of its own."""
    given: dict[str, Any] = {}
    for override in overrides:
        _set_override(body, given, override)
    return given


def _set_override(body: Mapping[str, Any], given: dict[str, Any], override: str) -> None:
    path, equals, text = override.partition("=")
    keys = path.strip().split(".")
    if keys[0] == "spark" and len(keys) > 1:
        keys = ["spark", ".".join(keys[1:])]  # names of settings have dots
    if not equals or not all(keys):
        raise ConfigError(f"--set {override!r}: give it as a.b=c, e.g. regression.weights=equal")
    node, here = given, body
    for parent in keys[:-1]:
        inner = here.get(parent)
        put = node[parent] = node[parent] if node.get(parent) is not None else {}
        for found in (inner, put):
            if found is not None and not isinstance(found, Mapping):
                kind = "a list: set it whole" if isinstance(found, list) else f"the value {found!r}, not a section"
                raise ConfigError(f"--set {override!r}: {parent} is {kind}")
        node, here = put, inner or {}
    node[keys[-1]] = parse_yaml(text, f"--set {override!r}: the value")


def merge(body: dict[str, Any], given: Mapping[str, Any]) -> None:
    """Put what was given over what there is, section by section."""
    for key, value in given.items():
        if isinstance(value, Mapping) and isinstance(body.get(key), dict):
            merge(body[key], value)
        else:
            body[key] = value


def explain_validation(error: ValidationError, where: str, model: type[BaseModel]) -> str:
    """All of pydantic's findings, as a quant reads them."""
    lines = problem_lines(error, model)
    return f"{where} is not a valid configuration:\n  " + "\n  ".join(lines)


def problem_lines(error: ValidationError, model: type[BaseModel], within: str = "") -> list[str]:
    """A line a finding: the key, what is wrong, the value seen.

    Args:
        error: the findings.
        model: what was validated.
        within: where it stands, for a part of a file.
    """
    lines = [_line(problem, model, within) for problem in error.errors(include_url=False)]
    return list(dict.fromkeys(lines))


def _line(problem: ErrorDetails, model: type[BaseModel], within: str) -> str:
    if problem["type"] == "explained":
        return problem["msg"]
    place = list(_in_file(problem["loc"]))
    message, seen = _message(problem, model), problem.get("input")
    if problem["type"] in {"union_tag_invalid", "union_tag_not_found"}:
        place.append("estimator")
    key = ".".join(str(part) for part in place)
    hidden = problem["type"] in {"missing", "union_tag_invalid", "union_tag_not_found"} or seen is None
    shown = "" if hidden or isinstance(seen, dict | list | BaseModel) or is_dataclass(seen) else f" (value: {seen!r})"
    return ": ".join(part for part in (within, key, message + shown) if part)


def _in_file(place: Sequence[int | str]) -> Iterator[int | str]:
    """The parts of pydantic's place that are in the file: not the name of an estimator, nor the form of a value."""
    for position, part in enumerate(place):
        tag = position > 0 and place[position - 1] in {"factor_cov", "specific_var"} and part in {"ewma", "sample"}
        if not tag and part not in {*TAGS, "[key]"}:
            yield part


_MESSAGES = {
    "missing": "is missing",
    "string_type": "must be text",
    "string_too_short": "is empty",
    "too_short": "is empty; give at least one",
    "list_type": "must be a list, e.g. [a, b]",
    "greater_than_equal": "must be {ge} or more",
    "less_than_equal": "must be {le} or less",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
    "union_tag_invalid": "{tag!r} is unknown; it must be one of {expected_tags}",
    "union_tag_not_found": "is missing",
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), "must be a whole number"),
    **dict.fromkeys(("float_type", "float_parsing"), "must be a number"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "must be true or false"),
    **dict.fromkeys(
        ("dict_type", "model_type", "model_attributes_type", "dataclass_type"), "must be a section of `key: value` lines"
    ),
    **dict.fromkeys(("date_type", "date_parsing", "date_from_datetime_parsing"), "must be a date, YYYY-MM-DD"),
}


def _message(problem: ErrorDetails, model: type[BaseModel]) -> str:
    kind, seen, context = problem["type"], problem.get("input"), problem.get("ctx", {})
    if kind in {"extra_forbidden", "unexpected_keyword_argument"}:
        return _unknown_key(problem["loc"], model)
    if seen is None and kind in _MESSAGES and kind != "missing":
        return "is empty; give a value, or leave the key out"
    if kind == "string_type":
        hint = f"{BOOLEANS}: write it in quotes" if isinstance(seen, bool) else "write it in quotes"
        return f"must be text; {hint}" if isinstance(seen, bool | int | float) else "must be text"
    told = _MESSAGES.get(kind)
    return told.format(**context) if told else problem["msg"].removeprefix("Value error, ")


def _unknown_key(place: Sequence[int | str], model: type[BaseModel]) -> str:
    known = sorted(_keys_at(model, place[:-1]))
    close = difflib.get_close_matches(str(place[-1]), known, n=1)
    return f"unknown key; did you mean `{close[0]}`?" if close else f"unknown key; the keys here are {', '.join(known)}"


def _keys_at(model: type, place: Sequence[int | str]) -> set[str]:
    """The keys that a section takes, found by following a place through the models' annotations."""
    here = [model]
    for part in place:
        deeper = [kind for section in here for kind in _sections_in(_annotations(section).get(str(part)))]
        tagged = [kind for kind in here if getattr(kind, "estimator", None) == part]
        here = deeper or tagged or here
    return {key for section in here for key in _annotations(section)}


def _annotations(section: type) -> dict[str, Any]:
    if is_dataclass(section):
        hints = get_type_hints(section)
        return {field.name: hints[field.name] for field in fields(section)}
    return {name: field.annotation for name, field in section.model_fields.items()} if issubclass(section, BaseModel) else {}


def _sections_in(annotation: Any) -> Iterator[type]:
    if isinstance(annotation, type) and (is_dataclass(annotation) or issubclass(annotation, BaseModel)):
        yield annotation
    for part in get_args(annotation):
        yield from _sections_in(part)
