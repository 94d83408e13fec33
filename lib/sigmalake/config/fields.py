"""The keys of the configuration, as its fields declare them: names, types, defaults, meanings, units.

A section is a pydantic model, or a dataclass of the kernels' rules.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Annotated, Any, Literal, NamedTuple, cast, get_args, get_origin, get_type_hints

from pydantic import BaseModel

from sigmalake.numerics.registry.by_name import DISCRIMINATOR, ByName


class _Required(Enum):
    REQUIRED = "required"


REQUIRED = _Required.REQUIRED
"""The default of a key that has none."""


class Key(NamedTuple):
    """A key of a section."""

    name: str
    annotation: Any
    default: object  # REQUIRED where there is none
    meaning: str
    unit: str  # empty: it has none
    source: str  # of the default; empty: it has none
    is_shown: bool  # false for what stands for other keys, and is neither shown nor hashed

    @property
    def in_words(self) -> str:
        """Its meaning with its unit."""
        return self.meaning + (f" (unit: {self.unit})" if self.unit else "")

    @property
    def tag(self) -> str | None:
        """The name of the estimator whose section it is of; None: it is another key."""
        words = get_args(self.annotation) if self.name == DISCRIMINATOR and get_origin(self.annotation) is Literal else ()
        return str(words[0]) if words else None


class Placed(NamedTuple):
    """A key where it stands in a file."""

    place: str  # NAME: a name of the user's; []: an entry of a list
    section: type
    key: Key


def is_section(value: object) -> bool:
    """Whether a value of the configuration, or a type, is one with keys of its own."""
    return (isinstance(value, type) and issubclass(value, BaseModel)) or isinstance(value, BaseModel) or is_dataclass(value)


def switched_numbers(given: object, value: object, place: str = "") -> Iterator[str]:
    """The keys that were given true or false where a number counts: pydantic reads these as 1 and 0.

    Args:
        given: as a file says it.
        value: what was made of it.
        place: of both in the file.
    """
    if isinstance(given, bool):
        if isinstance(value, int | float) and not isinstance(value, bool):
            yield place
    elif isinstance(given, Mapping):
        for name, inner in given.items():
            found = value.get(name) if isinstance(value, Mapping) else getattr(value, str(name), None)
            yield from switched_numbers(inner, found, f"{place}.{name}".lstrip("."))
    elif isinstance(given, list) and isinstance(value, list | tuple):
        for number, (inner, found) in enumerate(zip(given, value, strict=False)):
            yield from switched_numbers(inner, found, f"{place}[{number}]")


def keys_of(section: type) -> Mapping[str, Key]:
    """The keys that a section takes, in order."""
    return _declared(section)


@cache
def _declared(section: type) -> Mapping[str, Key]:
    if issubclass(section, BaseModel):
        return {name: _key_of_model(section, name) for name in section.model_fields}
    hints = get_type_hints(section, include_extras=True)
    found = {}
    for field in fields(cast("type[Any]", section)):
        factory = REQUIRED if field.default_factory is MISSING else field.default_factory()
        default = factory if field.default is MISSING else field.default
        extra = field.metadata.get("json_schema_extra", {})
        meaning = field.metadata.get("description", "")
        found[field.name] = Key(
            field.name, hints[field.name], default, meaning, extra.get("unit", ""), extra.get("source", ""), is_shown=True
        )
    return found


def _key_of_model(section: type[BaseModel], name: str) -> Key:
    field = section.model_fields[name]
    default = REQUIRED if field.is_required() else field.get_default(call_default_factory=True, validated_data={})
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    unit, source = (str(extra.get(word, "")) for word in ("unit", "source"))
    named = [one for one in field.metadata if isinstance(one, ByName)]
    annotation = Annotated[field.annotation, named[0]] if named else field.annotation
    return Key(name, annotation, default, field.description or "", unit, source, is_shown=not field.exclude)


def sections_below(annotation: Any) -> Iterator[tuple[str, type]]:
    """The sections that a value of this type may be or hold, each with the step that leads there: none, `.NAME` or `[]`."""
    if isinstance(annotation, type) and is_section(annotation):
        yield "", annotation
        return
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        named = [part for part in parts[1:] if isinstance(part, ByName)]
        parts = tuple(named[0].sections()) if named else parts[:1]
    step = ""
    if isinstance(origin, type) and issubclass(origin, Mapping):
        parts, step = parts[1:], ".NAME"
    elif isinstance(origin, type) and issubclass(origin, Sequence):
        step = "[]"
    for part in parts:
        for below, section in sections_below(part):
            yield step + below, section


def all_keys(section: type, place: str = "") -> Iterator[Placed]:
    """Every key below a section, with those of its sections after each."""
    for key in keys_of(section).values():
        here = f"{place}.{key.name}" if place else key.name
        yield Placed(here, section, key)
        for step, below in sections_below(key.annotation):
            yield from all_keys(below, here + step)


def sections_at(section: type, place: Sequence[int | str]) -> list[type]:
    """The sections that may stand at a place, by pydantic's names of it, among which are the tags of estimators."""
    here = [section]
    for part in place:
        deeper = [below for one in here for below in _below(one, part)]
        tagged = [one for one in here if tag_of(one) == part]
        here = deeper or tagged or here
    return here


def _below(section: type, part: int | str) -> list[type]:
    key = keys_of(section).get(str(part))
    return [] if key is None else [below for _, below in sections_below(key.annotation)]


def is_tag(section: type, place: Sequence[int | str], part: int | str) -> bool:
    """Whether a part of pydantic's place is the name of an estimator, which is not in the file."""
    return any(tag_of(one) == part for one in sections_at(section, place))


def tag_of(section: type) -> str | None:
    """The name of the estimator whose section it is; None: it is no estimator's."""
    return next((key.tag for key in keys_of(section).values() if key.tag is not None), None)
