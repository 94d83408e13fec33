"""Fields of named tuples and dataclasses: the comment beside a field in the source is its description on the site."""

import inspect
import re
from functools import cache

from sphinx.application import Sphinx

FIELD = re.compile(r"^    (\w+): [^#\n]+?(?:  # (.*))?$")
FOLLOWS = re.compile(r"^    # (.*)$")


@cache
def comments(owner: type) -> dict[str, str]:
    """What stands beside each field, lines of comment below it included."""
    found: dict[str, str] = {}
    last = ""
    for line in inspect.getsource(owner).splitlines():
        if field := FIELD.match(line):
            last = field[1] if field[2] else ""
            if last:
                found[last] = field[2]
        elif last and (more := FOLLOWS.match(line)):
            found[last] += f" {more[1]}"
        else:
            last = ""
    return found


def _comments_if_any(owner: type) -> dict[str, str]:
    return comments(owner) if owner.__module__.startswith("sigmalake.") else {}


def _describe(_app: Sphinx, what: str, name: str, _item: object, _options: object, lines: list[str]) -> None:
    if what not in {"attribute", "property"} or (lines and not lines[0].startswith("Alias for field")):
        return
    place, _, field = name.rpartition(".")
    module, _, owner = place.rpartition(".")
    known = getattr(inspect.importlib.import_module(module), owner, None) if module else None
    if isinstance(known, type):
        text = next((found[field] for base in known.__mro__ if field in (found := _comments_if_any(base))), "")
        lines[:] = [text[:1].upper() + text[1:] + ("" if text.endswith(".") or not text else "."), ""]


def setup(app: Sphinx) -> dict[str, bool]:
    """Look at each docstring as autodoc takes it."""
    app.connect("autodoc-process-docstring", _describe)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
