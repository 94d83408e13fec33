"""Variables of the environment in the values of a configuration: `${NAME}` and `${NAME:-default}`, as a shell writes them.

A variable that is not set is a mistake; one that is empty counts as not set where there is a default. `$${` stands for `${`. What
is put in is text, and is not looked through again.
"""

import os
import re
from collections.abc import Mapping
from typing import Any, Self

import yaml

from sigmalake.config.environment.secrets import is_secret
from sigmalake.errors import ConfigError

_REFERENCE = re.compile(r"\$(\$\{)|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^{}]*))?\}|\$\{([^}]*)\}?")


class Resolved(str):
    """Text that variables were put into."""

    __slots__ = ("secrets", "written")

    secrets: tuple[str, ...]  # the values of variables that are secret by their names or by the name of the key
    written: str  # as the file has it

    @classmethod
    def of(cls, text: str, written: str, secrets: tuple[str, ...]) -> Self:
        """The text, with what it was made from."""
        made = cls(text)
        made.written, made.secrets = written, secrets
        return made

    def __deepcopy__(self, _memo: object) -> Self:
        return self


def put_in(node: yaml.Node | None, where: str, environment: Mapping[str, str] | None = None) -> None:
    """Put the variables into the values below a node of YAML, in place.

    Args:
        node: of a whole document.
        where: the file, as a message names it.
        environment: the variables; None: of this process.

    Raises:
        ConfigError: a variable is not set, a reference is none, or a list or section holds itself; names the key and the line.
    """
    values = os.environ if environment is None else environment
    seen: set[int] = set()  # a node with an anchor stands in several places

    def visit(inner: yaml.Node | None, place: str, above: tuple[int, ...] = ()) -> None:
        if inner is not None and id(inner) in above:
            raise ConfigError(f"{where}: {place}: the anchor on line {inner.start_mark.line + 1} holds itself; write it out")
        if inner is None or id(inner) in seen:
            return
        seen.add(id(inner))
        above = (*above, id(inner))
        if isinstance(inner, yaml.MappingNode):
            for key, value in inner.value:
                visit(value, f"{place}.{key.value}" if place else str(key.value), above)
        elif isinstance(inner, yaml.SequenceNode):
            for position, value in enumerate(inner.value):
                visit(value, f"{place}.{position}" if place else str(position), above)
        elif isinstance(inner, yaml.ScalarNode) and "${" in inner.value:
            named = f"{place}, line {inner.start_mark.line + 1}" if place else f"line {inner.start_mark.line + 1}"
            inner.value = _resolved(inner.value, place, f"{where}: {named}", values)

    visit(node, "")


def _resolved(text: str, key: str, where: str, environment: Mapping[str, str]) -> str:
    secrets: list[str] = []

    def value(found: re.Match[str]) -> str:
        escaped, name, default, wrong = found.groups()
        if escaped is not None:
            return "${"
        if name is None:
            raise ConfigError(f"{where}: ${{{wrong}}} names no variable; write ${{NAME}} or ${{NAME:-default}}, and $${{ for ${{")
        given = environment.get(name)
        if default is not None:
            given = given or default
        if given is None:
            raise ConfigError(f"{where}: the variable {name} is not set; set it, or write ${{{name}:-default}}")
        if is_secret(name) or is_secret(key):
            secrets.append(given)
        return given

    return Resolved.of(_REFERENCE.sub(value, text), text, tuple(secrets))


def secrets_in(value: Any) -> set[str]:
    """The secrets that came from the environment into a configuration's mapping."""
    if isinstance(value, Resolved):
        return set(value.secrets)
    if isinstance(value, Mapping):
        return {secret for inner in value.values() for secret in secrets_in(inner)}
    return {secret for inner in value for secret in secrets_in(inner)} if isinstance(value, list) else set()
