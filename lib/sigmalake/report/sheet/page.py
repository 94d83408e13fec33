"""A sheet as one HTML page: no script, no network, light and dark, printed on A4; every text from the data is escaped."""

from collections.abc import Sequence
from html import escape
from pathlib import Path

import numpy as np

from sigmalake.report.sheet.blocks import Block, Cell, Chart, Column, Figure, Histogram, Sheet
from sigmalake.report.sheet.drawings import bar, histogram, lines
from sigmalake.report.sheet.style import STYLE
from sigmalake.report.text.numbers import fixed


def write_page(sheet: Sheet, path: Path) -> None:
    """The page, UTF-8."""
    path.write_text(page_of(sheet), encoding="utf-8")


def page_of(sheet: Sheet) -> str:
    """The whole document."""
    title = escape(sheet.title)
    blocks = "".join(_block(block, [chart for chart in sheet.charts if chart.under == block.key]) for block in sheet.blocks)
    notes = "".join(f"<li>{escape(note)}</li>" for note in sheet.notes)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<style>{STYLE}</style></head>\n<body><header><h1>{title}</h1><p>{escape(sheet.subtitle)}</p></header>\n"
        f'<dl class="figures">{"".join(map(_figure, sheet.figures))}</dl>\n<main>{blocks}</main>\n'
        f"<footer><h2>Read this with it</h2><ul>{notes}</ul></footer></body></html>\n"
    )


def _figure(figure: Figure) -> str:
    return f'<div><dt>{escape(figure.label)}</dt><dd>{escape(figure.value)}</dd><dd class="note">{escape(figure.note)}</dd></div>'


def _block(block: Block, charts: Sequence[Chart]) -> str:
    if block.shown == 0:
        return ""
    scale = _largest(block)
    head = "".join(f"<th{_side(column)} scope=col>{escape(column.label)}</th>" for column in block.columns if column.page)
    named, others = block.rows[: block.shown], block.rows[block.shown :] if block.shown is not None else []
    body = "".join(_row(block, name, cells, scale) for name, cells in named)
    body += _others(block, others)
    foot = "".join(_row(block, name, cells, 0.0) for name, cells in block.closing)
    note = f'<p class="note">{escape(block.note)}</p>' if block.note else ""
    wide = ' class="wide"' if block.wide else ""
    foot = f"<tfoot>{foot}</tfoot>" if foot else ""
    return (
        f'<section{wide} id="{block.key}"><h2>{escape(block.title)}</h2><div class="scroll"><table><thead><tr>'
        f"<th scope=col>{escape(block.label)}</th>{head}</tr></thead><tbody>{body}</tbody>{foot}</table></div>"
        f"{''.join(map(_chart, charts))}{note}</section>\n"
    )


def _row(block: Block, name: str, cells: Sequence[Cell], scale: float) -> str:
    paired = zip(cells, block.columns, strict=True)
    shown = "".join(_cell(cell, column, scale) for cell, column in paired if column.page)
    return f"<tr><th scope=row>{escape(name)}</th>{shown}</tr>"


def _others(block: Block, others: Sequence[tuple[str, tuple[Cell, ...]]]) -> str:
    """One row for the rows that are not shown, with their sums."""
    if not others:
        return ""
    cells = tuple(
        float(np.nansum([cell for _, row in others if isinstance(cell := row[n], float)])) if column.adds else None
        for n, column in enumerate(block.columns)
    )
    return _row(block, f"{len(others)} others", cells, 0.0)


def _cell(cell: Cell, column: Column, scale: float) -> str:
    if isinstance(cell, str):
        return f"<td{_side(column)}>{escape(cell)}</td>"
    if cell is None or not np.isfinite(cell):
        return f"<td{_side(column)}></td>"
    if column.form == "probability":
        return f"<td{_side(column)}>{_chance(cell)}</td>"
    shown = fixed(100 * cell if column.form == "percent" else cell, 0 if column.form == "integer" else column.digits)
    unit = "&#8239;%" if column.form == "percent" else ""
    drawn = bar(cell / scale) if column.bar and scale > 0 else ""
    return f"<td{_side(column)}>{drawn}{shown.replace('-', chr(0x2212), 1) if shown != '-' else shown}{unit}</td>"


def _chance(probability: float) -> str:
    """A probability in percent; of a tiny one that it is tiny."""
    return f"{100 * probability:.2f}&#8239;%" if probability >= 1e-4 else "&lt;&#8239;0.01&#8239;%"


def _side(column: Column) -> str:
    kinds = [kind for kind, is_so in (("text", column.form == "text"), ("minor", column.minor)) if is_so]
    return f' class="{" ".join(kinds)}"' if kinds else ""


def _largest(block: Block) -> float:
    """What the longest bar stands for: the largest of the rows, not of their sum."""
    drawn = [n for n, column in enumerate(block.columns) if column.bar]
    cells = (row[n] for _, row in block.rows for n in drawn)
    return max((abs(cell) for cell in cells if isinstance(cell, float) and np.isfinite(cell)), default=0.0)


def _chart(chart: Chart) -> str:
    drawn = histogram(chart.content) if isinstance(chart.content, Histogram) else lines(chart.content)
    return f"<figure>{drawn}<figcaption>{escape(chart.title)}</figcaption></figure>"
