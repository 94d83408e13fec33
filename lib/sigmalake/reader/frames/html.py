"""What a notebook shows of a model: a small table, in which every text from the data is escaped."""

from collections.abc import Sequence
from html import escape


def html_table(title: str, rows: Sequence[Sequence[str]], header: Sequence[str] = ()) -> str:
    """A table under its title.

    Args:
        title: plain text.
        rows: cells, plain text; the first of each row is its name.
        header: names of the columns; none: there is no such line.
    """
    head = f"<tr>{''.join(f'<th>{escape(name)}</th>' for name in header)}</tr>" if header else ""
    body = "".join(_row(cells) for cells in rows)
    return f"<table><caption>{escape(title)}</caption>{head}{body}</table>"


def _row(cells: Sequence[str]) -> str:
    first, *others = cells
    return f"<tr><th>{escape(first)}</th>{''.join(f'<td>{escape(cell)}</td>' for cell in others)}</tr>"
