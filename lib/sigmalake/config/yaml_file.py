"""How a configuration file becomes a mapping, and what is put over it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from sigmalake.config.environment.variables import put_in
from sigmalake.config.stores.files import readable
from sigmalake.config.stores.uri import is_uri
from sigmalake.errors import ConfigError

BOOLEANS = "YAML reads NO, OFF, ON and YES as true or false"


def read_mapping(given: str | Path) -> dict[str, Any]:
    """What a YAML file holds, by its path or URI.

    Raises:
        ConfigError: there is no such file, or it is not YAML, or not `key: value` lines; says where.
    """
    if is_uri(str(given)):
        with readable(str(given)) as copy:
            return read_mapping(copy)
    path = Path(given)
    try:
        if path.is_dir():
            raise ConfigError(f"configuration {path} is a folder; give the YAML file in it")
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
    """One YAML document, read safely: duplicate keys and keys that are no text are refused, dates stay text.

    Variables of the environment are put into its values.
    """
    try:
        return _read(text, where)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        hint = ". Look there for a bracket or quote that is not closed, or for an indent that does not fit"
        if "\\t" in (error.problem or ""):
            hint = "; indent with spaces, not tabs"
        if mark and "${" in "".join(text.split("\n")[mark.line : mark.line + 1]):
            hint = "; within [] and {}, put ${...} in quotes"
        raise ConfigError(f"{where} is not YAML{place}: {error.problem or error.context}{hint}") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{where} is not YAML: {str(error).splitlines()[0]}") from None
    except (ValueError, RecursionError) as error:  # a scalar that names its type, such as !!int x; or nesting without end
        raise ConfigError(f"{where} is not YAML: {str(error)[:200]}") from None
    except ConfigError as error:
        raise ConfigError(str(error) if str(error).startswith(where) else f"{where}: {error}") from None


def _read(text: str, where: str) -> Any:
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        put_in(node, where)
        return None if node is None else loader.construct_document(node)
    finally:
        loader.dispose()


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
