"""README.md and the pages of docs/, in parts: their code blocks and their tables."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
GENERATED = {"docs/configuration.md", "docs/tables.md"}
FOUND = sorted(page.relative_to(ROOT).as_posix() for page in (ROOT / "docs").glob("**/*.md"))
PAGES = ("README.md", *(name for name in FOUND if name not in GENERATED and not name.startswith("docs/gallery/")))
TEXT_OF = {name: (ROOT / name).read_text(encoding="utf-8") for name in PAGES}
TEXT = "\n".join(TEXT_OF.values())


def blocks(language: str, page: str | None = None) -> list[str]:
    """The fenced blocks of a language, of one page or of all."""
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT if page is None else TEXT_OF[page], re.MULTILINE | re.DOTALL)


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
