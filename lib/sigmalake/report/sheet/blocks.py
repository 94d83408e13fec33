"""What a sheet is made of: blocks of labelled numbers, each with its unit, whatever file they end in."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

Form = Literal["percent", "number", "integer", "probability", "text"]
Cell = float | str | None


class Column(NamedTuple):
    """A column of a block."""

    key: str  # how rows of a .csv or .parquet file call it
    label: str  # how a page and a workbook do
    unit: str  # e.g. `fraction, annualised`; empty of text
    form: Form  # `percent` shows a fraction as percent
    digits: int = 2  # after the point, of what is shown
    bar: bool = False  # whether the page draws it
    adds: bool = False  # whether the rows that the page does not show have a sum
    minor: bool = False  # whether a phone leaves it out
    page: bool = True  # whether the page has it, beside the other files


class Block(NamedTuple):
    """A table with its title and its assumption."""

    key: str  # of rows, and the sheet of a workbook
    title: str
    label: str  # what the rows are: factor, asset, ...
    columns: tuple[Column, ...]
    rows: Sequence[tuple[str, tuple[Cell, ...]]]  # a name and a cell for each column; the important rows first
    closing: Sequence[tuple[str, tuple[Cell, ...]]] = ()  # rows that the page always shows, such as the sum
    note: str = ""
    shown: int | None = None  # rows of the page; None: all of them. 0: the block is for other files alone
    wide: bool = False  # whether it takes the whole width of the page


class Figure(NamedTuple):
    """A number at the head of the page."""

    label: str
    value: str
    note: str = ""


class Line(NamedTuple):
    """A series over dates for a chart."""

    name: str
    dates: tuple[str, ...]
    values: tuple[float, ...]


class Histogram(NamedTuple):
    """Counts of values in bins, with values that are marked."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    marks: tuple[tuple[str, float], ...]


class Chart(NamedTuple):
    """A picture below a block."""

    under: str  # key of the block
    title: str
    content: Histogram | tuple[Line, ...]


class Sheet(NamedTuple):
    """All that is told of a portfolio."""

    title: str
    subtitle: str
    figures: tuple[Figure, ...]
    blocks: tuple[Block, ...]
    charts: tuple[Chart, ...]
    notes: tuple[str, ...]
