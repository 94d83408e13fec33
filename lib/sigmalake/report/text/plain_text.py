"""Text for a terminal: titled sections, paragraphs and tables of at most 100 columns."""

from collections.abc import Collection, Iterable, Sequence
from textwrap import fill

WIDTH = 100  # columns


def section(title: str, *parts: str) -> str:
    """A titled part of the report."""
    return "\n".join([title, "-" * len(title), *parts, ""])


def note(text: str) -> str:
    """A paragraph under a table."""
    return fill(text, WIDTH)


def table(header: Sequence[str], rows: Iterable[Sequence[str]], *, left: Collection[int] = (0,), width: int | None = WIDTH) -> str:
    """Columns under their names, to the right but for those in `left`; lines are cut at `width`, None: nowhere."""
    cells = [list(header), *map(list, rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    placed = [
        [cell.ljust(wide) if n in left else cell.rjust(wide) for n, (cell, wide) in enumerate(zip(row, widths, strict=True))]
        for row in cells
    ]
    return "\n".join("  ".join(row)[:width].rstrip() for row in placed)
