"""The page of all keys of the configuration, written from their declarations: `python -m sigmalake.config.texts.reference`."""

from collections.abc import Iterable, Iterator, Sequence
from math import inf
from typing import NamedTuple

import yaml

from sigmalake.config.defaults import beyond_defaults
from sigmalake.config.fields import REQUIRED, Key, Placed, all_keys, keys_of, sections_below, tag_of
from sigmalake.config.model import Config
from sigmalake.config.texts.annotated import SOURCES

INTRODUCTION = """\
# The configuration, key by key

This page lists every key of a configuration, for looking things up. A configuration is a YAML file, or the same as a mapping
in Python. Unknown and duplicate keys are refused. Paths are relative to the file, and those of a mapping to the folder where
Python runs. `sigmalake validate --defaults` prints a file with its defaults, the unit of each value and where it is from;
`sigmalake schema > schema.json` makes the JSON Schema for an editor.

NAME is a name that you choose, `[]` an entry of a list; `{a, b}` stands for either, `*` for any source. A default of `none` means
that the key may be left out or be `null`. [model.md](model.md) has the reasons of the defaults, which are from

"""


class _Row(NamedTuple):
    """A line of a table: what a key declares, apart from where it stands."""

    name: str
    estimators: tuple[str, ...]  # that have it; none: every one that may stand there
    default: str
    unit: str
    meaning: str


def reference_page() -> str:
    """The whole page, in Markdown."""
    sources = "".join(f"{line}\n" for line in SOURCES.splitlines())
    top = keys_of(Config).values()
    tables = [_table(Placed(key.name, Config, key) for key in top)]
    for key in top:
        if list(sections_below(key.annotation)):
            below = [found for found in all_keys(Config) if found.place.startswith((f"{key.name}.", f"{key.name}["))]
            tables.append(f"## {key.name}\n\n{_capital(key.meaning)}.\n\n{_table(below)}")
    return INTRODUCTION + sources + "\n" + "\n".join(tables)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _table(keys: Iterable[Placed]) -> str:
    lines = ["| key | default | unit | meaning |", "|---|---|---|---|"]
    for row, places in _rows(keys).items():
        of = f"of {', '.join(f'`{name}`' for name in row.estimators)}: " if row.estimators else ""
        listed = ", ".join(f"`{place}`" for place in _joined(places))
        lines.append(f"| {listed} | {row.default} | {row.unit} | {of}{row.meaning} |")
    return "".join(f"{line}\n" for line in lines)


def _rows(keys: Iterable[Placed]) -> dict[_Row, list[str]]:
    """What each key declares, once, with all places that declare the same."""
    placed = list(keys)
    forms: dict[str, set[str]] = {}
    for place, section, _ in placed:
        if tag := tag_of(section):
            forms.setdefault(place.rpartition(".")[0], set()).add(tag)
    by_place: dict[tuple[str, _Row], list[str]] = {}
    for place, section, key in placed:
        row = _Row(key.name, (), _default(key), key.unit, key.meaning)
        by_place.setdefault((place, row), []).append(tag_of(section) or "")
    rows: dict[_Row, list[str]] = {}
    for (place, row), tags in by_place.items():
        some = tuple(sorted(tags)) if set(tags) < forms.get(place.rpartition(".")[0], set()) else ()
        rows.setdefault(row._replace(estimators=some), []).append(place)
    return rows


def _default(key: Key) -> str:
    if key.default is REQUIRED or key.tag is not None:
        return "required"
    if key.default is None:
        return "none"
    text = (
        yaml.safe_dump(beyond_defaults(key.default), default_flow_style=True, sort_keys=False, width=inf)
        .removesuffix("\n")
        .removesuffix("\n...")
    )
    return f"`{text}`" + (f" {key.source}" if key.source.startswith("[") else "")


def _joined(places: Sequence[str]) -> Iterator[str]:
    """The places in the fewest words: those that differ in one part alone are written as one."""
    left = list(places)
    while left:
        parts = left[0].split(".")
        for at in range(len(parts)):
            alike = [place for place in left if _apart(place.split("."), parts) == [at]]
            if alike:
                names = [parts[at], *(place.split(".")[at] for place in alike)]
                parts[at] = "*" if set(names) == _all_sources() and at == 1 else f"{{{', '.join(names)}}}"
                left = [left[0], *(place for place in left[1:] if place not in alike)]
                break
        yield ".".join(parts)
        left.pop(0)


def _apart(one: Sequence[str], other: Sequence[str]) -> list[int]:
    """Where two places differ; everywhere, where they are not of one length."""
    if len(one) != len(other):
        return list(range(max(len(one), len(other))))
    return [at for at, (a, b) in enumerate(zip(one, other, strict=True)) if a != b]


def _all_sources() -> set[str]:
    return {key.name for key in keys_of(keys_of(Config)["sources"].annotation).values() if list(sections_below(key.annotation))}


if __name__ == "__main__":
    print(reference_page(), end="")
