"""A sheet as a workbook of Excel: a block a sheet, fractions formatted as percent, no text taken for a formula."""

from pathlib import Path
from typing import Any

import numpy as np

from sigmalake.reader.exports.tools import tool
from sigmalake.report.sheet.blocks import Block, Cell, Column, Sheet

_LONGEST_TEXT = 32_767  # of a cell, by Excel
_WIDEST = 60  # characters of a column


def write_workbook(sheet: Sheet, path: Path) -> None:
    """One sheet for what it is about, then one for each block.

    Raises:
        InfrastructureError: xlsxwriter is not installed.
    """
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with tool("xlsxwriter", "sigmalake[excel]", f"{path}: a workbook").Workbook(str(path), options) as book:
        formats = _Formats(book)
        _write_front(book.add_worksheet("about"), sheet, formats)
        for block in sheet.blocks:
            if block.key != "about":
                _write_block(book.add_worksheet(block.key[:31]), block, formats)


class _Formats:
    """Formats of cells, each made once."""

    def __init__(self, book: Any) -> None:
        self._book = book
        self._known: dict[tuple[str, int], Any] = {}
        self.title = book.add_format({"bold": True, "font_size": 14})
        self.head = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
        self.note = book.add_format({"italic": True, "font_color": "#555555"})

    def of(self, column: Column) -> Any:
        key = (column.form, column.digits)
        if key not in self._known:
            decimals = f"0.{'0' * column.digits}" if column.digits else "0"
            code = {"percent": f"{decimals}%", "probability": "0.00E+00", "number": decimals, "integer": "#,##0", "text": "@"}[
                column.form
            ]
            self._known[key] = self._book.add_format({"num_format": code})
        return self._known[key]


def _write_front(page: Any, sheet: Sheet, formats: _Formats) -> None:
    page.write_string(0, 0, _text(sheet.title), formats.title)
    page.write_string(1, 0, _text(sheet.subtitle))
    about = next(block for block in sheet.blocks if block.key == "about")
    row = 3
    for name, cells in about.rows:
        page.write_string(row, 0, _text(name))
        for n, (column, cell) in enumerate(zip(about.columns, cells, strict=True), 1):
            _write(page, row, n, cell, column, formats)
        row += 1
    for note in sheet.notes:
        row += 1
        page.write_string(row, 0, _text(note), formats.note)
    page.set_column(0, 0, 24)
    page.set_column(1, 1, _WIDEST)


def _write_block(page: Any, block: Block, formats: _Formats) -> None:
    page.write_string(0, 0, _text(block.title), formats.title)
    page.write_string(1, 0, _text(block.note), formats.note)
    head = 3
    page.write_string(head, 0, block.label, formats.head)
    for n, column in enumerate(block.columns, 1):
        unit = f"\n{column.unit}" if column.unit else ""
        page.write_string(head, n, f"{column.label}{unit}", formats.head)
    rows = [*block.rows, *block.closing]
    for offset, (name, cells) in enumerate(rows, head + 1):
        page.write_string(offset, 0, _text(name))
        for n, (column, cell) in enumerate(zip(block.columns, cells, strict=True), 1):
            _write(page, offset, n, cell, column, formats)
    page.freeze_panes(head + 1, 1)
    page.set_column(0, 0, min(_WIDEST, max([12, *(len(name) + 2 for name, _ in rows)])))
    page.set_column(1, len(block.columns), 16)
    if block.rows:
        page.autofilter(head, 0, head + len(block.rows), len(block.columns))


def _write(page: Any, row: int, at: int, cell: Cell, column: Column, formats: _Formats) -> None:
    if isinstance(cell, str):
        page.write_string(row, at, _text(cell))
    elif cell is not None and np.isfinite(cell):
        page.write_number(row, at, float(cell), formats.of(column))


def _text(text: str) -> str:
    return text[:_LONGEST_TEXT]
