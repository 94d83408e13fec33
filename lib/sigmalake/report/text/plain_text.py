"""Text for a terminal: titled sections and paragraphs of 80 columns, and tables of at most 100."""

from collections.abc import Collection, Iterable, Sequence
from textwrap import fill, wrap

NARROW = 80  # columns of a terminal that nobody has made wider
WIDTH = 100  # of a table, which has more where names are long


def section(title: str, *parts: str) -> str:
    """A titled part of the report."""
    lines = wrap(title, NARROW, break_long_words=False, break_on_hyphens=False)
    return "\n".join([*lines, "-" * min(NARROW, max(map(len, lines))), *parts, ""])


def note(text: str) -> str:
    """A paragraph under a table."""
    return fill(text, NARROW, break_long_words=False, break_on_hyphens=False)


def wrapped(text: str, indent: str = "", rest: str | None = None) -> list[str]:
    """The lines of a text on a terminal of 80 columns; words that are longer, such as paths, stay whole.

    Args:
        text: one line, however long.
        indent: before the first line.
        rest: before the others; None: as before the first.
    """
    return wrap(
        text, NARROW, initial_indent=indent, subsequent_indent=indent if rest is None else rest, break_long_words=False,
        break_on_hyphens=False, drop_whitespace=True,
    )  # fmt: skip


def table(header: Sequence[str], rows: Iterable[Sequence[str]], *, left: Collection[int] = (0,), width: int | None = WIDTH) -> str:
    """Columns under their names, to the right but for those in `left`; lines are cut at `width`, None: nowhere."""
    cells = [list(header), *map(list, rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    placed = [
        [cell.ljust(wide) if n in left else cell.rjust(wide) for n, (cell, wide) in enumerate(zip(row, widths, strict=True))]
        for row in cells
    ]
    return "\n".join("  ".join(row)[:width].rstrip() for row in placed)
