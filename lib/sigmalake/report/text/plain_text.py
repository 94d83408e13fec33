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


def table(header: Sequence[str], rows: Iterable[Sequence[str]], *, left: Collection[int] = (0,)) -> str:
    """Columns under their names, to the right but for those in `left`."""
    cells = [list(header), *map(list, rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    placed = [
        [cell.ljust(width) if n in left else cell.rjust(width) for n, (cell, width) in enumerate(zip(row, widths, strict=True))]
        for row in cells
    ]
    return "\n".join("  ".join(row)[:WIDTH].rstrip() for row in placed)
