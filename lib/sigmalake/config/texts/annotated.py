"""The resolved configuration as YAML to read: behind each value its unit, and where it is from if the file does not say it."""

from collections.abc import Iterable, Iterator, Mapping
from math import inf
from typing import Any, NamedTuple

import yaml

from sigmalake.config.defaults import filled_in
from sigmalake.config.fields import Key, is_section, keys_of
from sigmalake.config.model import Config
from sigmalake.config.presets import PRESET_SOURCES, PRESETS, PresetName
from sigmalake.config.variant import Variant

SOURCES = """\
[M] Menchero, Orr, Wang 2011. [E] Menchero, Wang, Orr 2011. [B] Briner, Smith, Ward 2009. [L] Litterman et al. 2003.
[ML] Menchero and Li 2020. [NW] Newey and West 1987. [QIS] Ledoit and Wolf 2022. [V] Vasicek 1973.
[U] a lecture on a country's factor return, docs/model.md. choice: of this model, no paper's.
"""
HEAD = """\
Behind a value: its unit, and `default` or the preset where it is not given, with the source. A line that begins with # is what
an estimator makes of a key that is left out.
"""
COMMENT_AT = 44  # columns


class _Origin(NamedTuple):
    """What the file and the preset say of a part of the configuration."""

    given: Any
    preset: Any = None
    name: PresetName | None = None
    by_month: bool = False  # of a variant whose periods are months

    def below(self, key: str | int) -> "_Origin":
        return self._replace(given=_child(self.given, key), preset=_child(self.preset, key))

    def of_variant(self, variant: Variant) -> "_Origin":
        """With the sections of its preset that the file does not replace."""
        origin, name = self._replace(by_month=variant.by_month), _child(self.given, "preset")
        if name is None:
            return origin
        sections = PRESETS[name].items()
        kept = {key: body for key, body in sections if _child(_child(self.given, key), "estimator") in {None, body["estimator"]}}
        return origin._replace(preset=kept, name=name)

    def comment(self, key: Key) -> str:
        """Unit and source of a value: what counts periods counts months of a variant by month."""
        unit = "months" if self.by_month and key.unit in {"periods", "observations"} else key.unit
        return "; ".join(part for part in (unit, self._whence(key)) if part)

    def _whence(self, key: Key) -> str:
        """Where the value is from; empty: the file says it."""
        if self.given is not None:
            return ""
        if self.preset is not None and self.name is not None:
            return f"preset {self.name} {PRESET_SOURCES[self.name]}"
        return "default" + (f" {key.source}" if key.source else "")


def annotated(config: Config, given: Mapping[str, Any]) -> str:
    """The whole configuration as YAML, with units and the source of what was not given.

    Args:
        config: resolved.
        given: the file's mapping that it was made from, overrides included.
    """
    head = "".join(f"# {line}\n" for line in (HEAD + SOURCES).splitlines())
    return head + "".join(f"{line}\n" for line in _section(config, config.shown(), _Origin(given)))


class _Line(NamedTuple):
    text: str
    comment: str = ""

    def indented(self, by: str) -> "_Line":
        return self._replace(text=by + self.text)

    def __str__(self) -> str:
        return f"{self.text:<{COMMENT_AT}} # {self.comment}" if self.comment else self.text


def _section(
    section: Any, shown: Mapping[str, Any], origin: _Origin, filled: Mapping[tuple[str, ...], object] | None = None
) -> Iterator[_Line]:
    """The lines of a section.

    Args:
        section: the model, or the rules.
        shown: the same as plain values.
        origin: of the section.
        filled: what counts where its settings are left out; None: that is its own matter.
    """
    filled = filled_in(section) if filled is None else filled
    for name, key in keys_of(type(section)).items():
        if name in shown:
            below = {place[1:]: value for place, value in filled.items() if place[0] == name and len(place) > 1}
            if shown[name] is None and (name,) in filled:
                left_out = origin.below(name)._replace(given=None, preset=None)
                yield _Line(f"# {name}: {_flow(filled[name,])}", left_out.comment(key))
            else:
                yield from _entry(name, key, getattr(section, name), shown[name], origin.below(name), below)


def _entry(
    name: str, key: Key, value: Any, shown: Any, origin: _Origin, filled: Mapping[tuple[str, ...], object]
) -> Iterator[_Line]:
    """The lines of a key: a section, sections by name, a list of sections, or a value."""
    if is_section(value):
        lines = list(_section(value, shown, origin, filled))
        holds = any(not line.text.startswith("#") for line in lines)
        yield _Line(f"{_flow(name)}:" if holds else f"{_flow(name)}: {{}}")
        yield from _indented(lines)
    elif isinstance(value, Mapping) and any(map(is_section, value.values())):
        yield _Line(f"{_flow(name)}:")
        for own, inner in value.items():
            below = origin.below(own)
            below = below.of_variant(inner) if isinstance(inner, Variant) else below
            yield _Line(f"  {_flow(own)}:")
            yield from _indented(_section(inner, shown[own], below), "    ")
    elif isinstance(value, list) and any(map(is_section, value)):
        yield _Line(f"{_flow(name)}:")
        for number, inner in enumerate(value):
            first, *more = _section(inner, shown[number], origin.below(number))
            yield first.indented("  - ")
            yield from _indented(more, "    ")
    elif shown is not None:
        yield _Line(f"{_flow(name)}: {_flow(shown)}", origin.comment(key))


def _indented(lines: Iterable[_Line], by: str = "  ") -> Iterator[_Line]:
    return (line.indented(by) for line in lines)


def _flow(value: object) -> str:
    """A value in one line of YAML."""
    text: str = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, allow_unicode=True, width=inf)
    return text.removesuffix("\n").removesuffix("\n...")


def _child(body: Any, key: str | int) -> Any:
    if isinstance(body, list) and isinstance(key, int):
        return body[key] if key < len(body) else None
    return body.get(key) if isinstance(body, Mapping) else None
