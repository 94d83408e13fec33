"""The directive `commands`: every verb of the command line, from the application itself."""

import inspect
import re
from collections.abc import Iterator
from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from typer.main import get_command

PROGRAM = "sigmalake"


def _cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip().replace("|", r"\|")


def _verb(name: str, command: Any, parent: Any) -> Iterator[str]:
    context = command.context_class(command, info_name=f"{PROGRAM} {name}", parent=parent)
    yield from (f"## {name}", "", *inspect.cleandoc(command.help or "").split("\n"), "")
    yield from ("```text", f"{PROGRAM} {name} {' '.join(command.collect_usage_pieces(context))}", "```", "")
    records = [parameter.get_help_record(context) for parameter in command.params]
    yield from ("| option | meaning |", "|---|---|")
    yield from (f"| `{_cell(spelled)}` | {_cell(meaning)} |" for spelled, meaning in filter(None, records))
    yield ""


def page() -> list[str]:
    """The lines of the page, in Markdown."""
    from sigmalake.cli.app import app

    group = get_command(app)
    context = group.context_class(group, info_name=PROGRAM)
    return [line for name, command in group.commands.items() for line in _verb(name, command, context)]


class Commands(SphinxDirective):
    """Parse the generated lines as a part of the page."""

    def run(self) -> list[nodes.Node]:
        """Sections of the verbs."""
        return self.parse_content_to_nodes_of(page())

    def parse_content_to_nodes_of(self, lines: list[str]) -> list[nodes.Node]:
        """Headings come out as sections of the page."""
        holder = nodes.Element()
        self.state.nested_parse(StringList(lines, "commands"), 0, holder, match_titles=True)
        return holder.children


def setup(app: Sphinx) -> dict[str, bool]:
    """Name the directive."""
    app.add_directive("commands", Commands)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
