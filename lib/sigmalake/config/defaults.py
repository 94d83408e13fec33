"""What a configuration says beyond its defaults: the part of it that decides what is computed.

A setting that stands at its default is left out, so that one that becomes possible later leaves everything before it as it
was. A setting that others decide, such as a window of 3 half-lives, counts as left out where it is given that same value.
"""

from collections.abc import Mapping
from dataclasses import is_dataclass, replace
from datetime import date
from enum import Enum
from typing import Any

from sigmalake.config.fields import REQUIRED, is_section, keys_of

Place = tuple[str, ...]


def filled_in(section: Any) -> dict[Place, object]:
    """Of the settings below a section that may be left out because others decide them, the values that count."""
    found: dict[Place, object] = dict(getattr(section, "filled_in", {}))
    for name in keys_of(type(section)):
        inner = getattr(section, name)
        if is_section(inner):
            found |= {(name, *place): value for place, value in filled_in(inner).items()}
    return found


def beyond_defaults(value: Any) -> Any:
    """A value of the configuration without the settings at their defaults, as mappings, lists, words and numbers."""
    if is_section(value):
        return _section_beyond_defaults(_left_out(value) if is_dataclass(value) else value)
    if isinstance(value, Mapping):
        return {str(name): beyond_defaults(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [beyond_defaults(inner) for inner in value]
    if isinstance(value, Enum):
        return value.value
    return value.isoformat() if isinstance(value, date) else value


def _section_beyond_defaults(section: Any) -> dict[str, Any]:
    found = {}
    for key in keys_of(type(section)).values():
        if not key.is_shown:
            continue
        value, counts = getattr(section, key.name), key.tag is not None or key.default is REQUIRED
        if not counts and value == key.default:
            continue
        inner = beyond_defaults(value)
        if counts or inner != beyond_defaults(key.default):
            found[key.name] = inner
    return found


def _left_out(rules: Any) -> Any:
    """The same rules, with every setting left out that would be filled in with the value that it has.

    All of them are written out first, so that two ways of saying the same come to one. They are left out in the reverse order:
    a window, which stands first, while the half-life that may decide it is already as given.
    """
    meant = filled_in(rules)
    for place, value in meant.items():
        rules = _with(rules, place, value)
    for place in reversed(meant):
        less = _without(rules, place)
        if less is not None and filled_in(less) == meant:
            rules = less
    return rules


def _without(rules: Any, place: Place) -> Any:
    """The rules with one setting at its default; None where that cannot be."""
    section = rules
    for name in place[:-1]:
        section = getattr(section, name)
    try:
        return _with(rules, place, keys_of(type(section))[place[-1]].default)
    except ValueError:
        return None


def _with(rules: Any, place: Place, value: object) -> Any:
    name, *below = place
    return replace(rules, **{name: _with(getattr(rules, name), tuple(below), value) if below else value})
