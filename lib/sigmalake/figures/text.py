"""Text in a figure: names from data are shown as they are, never read as markup or as a template of plotly."""

from textwrap import wrap

_INERT = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "$": "&#36;", "%": "&#37;", "{": "&#123;", "}": "&#125;"}
_TABLE = str.maketrans(_INERT)


def plain(text: object) -> str:
    """The text so that plotly shows it literally, wherever it stands: title, axis, legend, label, hover or hover template.

    Plotly reads tags and entities in every text, `%{...}` in templates, and TeX between dollars where MathJax is loaded. It decodes
    numeric entities last, so that what they stand for is read as nothing else.
    """
    return str(text).translate(_TABLE)


def lines(text: str, width: int) -> list[str]:
    """The text in lines of at most so many characters, each to be shown literally."""
    return [plain(line) for line in wrap(text, width, break_long_words=True)] or [""]


def listed(names: list[str], most: int) -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
