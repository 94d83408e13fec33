"""What a setting of the kernels' rules says of itself: its meaning, its unit, and where its default is from."""

from collections.abc import Mapping
from dataclasses import field
from typing import Any, TypeVar

Value = TypeVar("Value")
FilledIn = Mapping[tuple[str, ...], object]
"""Of rules: the settings that may be left out because others decide them, each by its place, with the value that counts.

A window stands before the half-life that may decide it."""


def described(meaning: str, *, unit: str = "", source: str = "") -> Mapping[str, Any]:
    """Metadata of a dataclass field, by the names of a JSON Schema: whoever shows the rules reads them from the field.

    Args:
        meaning: in words that stand alone, in Markdown.
        unit: of the value; empty: it has none.
        source: of the default: a paper's letter in brackets, or `choice`; empty: it switches something off.
    """
    extra = {"unit": unit, "source": source}
    return {"description": meaning, "json_schema_extra": {name: text for name, text in extra.items() if text}}


def setting(default: Value, meaning: str, *, unit: str = "", source: str = "") -> Value:
    """A dataclass field with a default that cannot change; see `described`."""
    found: Any = field(default=default, metadata=described(meaning, unit=unit, source=source))
    return found  # type: ignore[no-any-return]  # a dataclass takes it for the field's default
