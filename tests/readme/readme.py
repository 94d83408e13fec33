"""README.md and the pages that it leads to for commands, tables and SQL, in parts: their code blocks and their tables."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = (
    "README.md",
    "docs/reading.md",
    "docs/operations.md",
    "docs/maintenance.md",
    "docs/sources.md",
    "docs/engines.md",
    "docs/model.md",
)
TEXT_OF = {name: (ROOT / name).read_text(encoding="utf-8") for name in PAGES}
TEXT = "\n".join(TEXT_OF.values())


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
