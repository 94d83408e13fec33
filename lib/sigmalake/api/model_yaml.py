"""Writes a configuration as a YAML file."""

from collections.abc import Iterable, Mapping
from datetime import date
from enum import Enum
from math import inf
from os import PathLike, fspath
from typing import Any

import numpy as np
import yaml

from sigmalake.config.environment.variables import Resolved
from sigmalake.config.fields import keys_of, sections_below
from sigmalake.config.model import Config

_NAMED, _LISTED = ".NAME", "[]"  # the steps of `sections_below` into a mapping by the user's names, and into a list

Choices = list[tuple[str, type]]


def yaml_of(configuration: Mapping[str, Any]) -> str:
    """The text of a file from which `load_config` reads the same configuration.

    The keys of a section stand in the order in which they are declared, so that equal configurations give equal texts. Names of
    the user's own keep their order, which is the model's.

    Args:
        configuration: as `load_config` takes it; nothing is added to it.
    """
    ordered = _ordered(configuration, [("", Config)])
    text: str = yaml.safe_dump(ordered, sort_keys=False, allow_unicode=True, width=inf, default_flow_style=None)
    return text


def _ordered(value: Any, choices: Choices) -> Any:
    """A value in plain types, with the keys of its sections in order.

    Args:
        value: of the configuration.
        choices: the sections that it may be or hold, each with the step to it.
    """
    if isinstance(value, Mapping):
        sections = [section for step, section in choices if step == ""]
        if not sections:
            below = _after(_NAMED, choices)
            return {name: _ordered(item, below) for name, item in value.items()}
        return {key: _ordered(value[key], _choices_of(key, sections)) for key in _in_order(value, sections)}
    if isinstance(value, list | tuple):
        below = _after(_LISTED, choices)
        return [_ordered(item, below) for item in value]
    return _plain(value)


def _in_order(value: Mapping[str, Any], sections: Iterable[type]) -> list[str]:
    """The keys of a section as the one that fits best declares them; what none declares comes last, and is refused when read."""
    best = max(sections, key=lambda section: len(value.keys() & keys_of(section).keys()))
    declared = [key for key in keys_of(best) if key in value]
    return declared + [key for key in value if key not in declared]


def _choices_of(key: str, sections: Iterable[type]) -> Choices:
    found = [keys_of(section)[key] for section in sections if key in keys_of(section)]
    return [choice for one in found for choice in sections_below(one.annotation)]


def _after(step: str, choices: Choices) -> Choices:
    return [(way.removeprefix(step), section) for way, section in choices if way.startswith(step)]


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Resolved):
        return value.written  # the variable, not what it held: that may be a secret
    return fspath(value) if isinstance(value, PathLike) else value
