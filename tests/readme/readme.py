"""README.md in parts: its code blocks and its tables; and the keys of the configuration, which it lists."""

import re
from functools import cache
from pathlib import Path

from sigmalake.config.model import Config

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """The fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def rows_under(header: str) -> list[list[str]]:
    """The cells of the table whose header line begins so."""
    lines = TEXT.splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith(header)) + 2
    rows = []
    for line in lines[first:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


def quoted(cell: str) -> list[str]:
    """What a cell has between backticks."""
    return re.findall(r"`([^`]+)`", cell)


REQUIRED = "required"


def leaves(schema, definitions, path="", default=REQUIRED):
    """Each key of a JSON schema that holds no further keys, with its default."""
    if "$ref" in schema:
        schema = definitions[schema["$ref"].rsplit("/", 1)[1]]
    forms = schema.get("anyOf") or schema.get("oneOf")
    if forms:
        for form in forms:
            if form.get("type") != "null":
                yield from leaves(form, definitions, path, default)
    elif "properties" in schema:
        for key, inner in schema["properties"].items():
            missing = REQUIRED if key in schema.get("required", ()) else {}
            yield from leaves(inner, definitions, f"{path}.{key}" if path else key, inner.get("default", missing))
    elif "$ref" in (schema.get("additionalProperties") or {}):
        yield from leaves(schema["additionalProperties"], definitions, f"{path}.NAME")
    elif any(word in schema.get("items", {}) for word in ("$ref", "anyOf")):
        yield from leaves(schema["items"], definitions, f"{path}[]")
    else:
        yield path, "none" if default is None else str(default).lower() if isinstance(default, bool) else str(default)


@cache
def configuration_keys():
    """Each key, with the defaults that it has in the sections where it stands."""
    schema = Config.model_json_schema()
    found = {}
    for path, default in leaves(schema, schema["$defs"]):
        found.setdefault(path, set()).add(default)
    return found
