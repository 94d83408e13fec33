"""Formulas as MathML, which browsers draw themselves: no script, no font, no network.

docutils, on which Sphinx stands, brings the converter from LaTeX, so that the site needs no library for formulas.
"""

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.writers.html5 import HTML5Translator

ALIGNED = r"\begin{{aligned}}{}\end{{aligned}}"


def _converted(node: nodes.Element, *, as_block: bool) -> str:
    text = node.astext().strip()
    if as_block and r"\\" in text and r"\begin" not in text:
        text = ALIGNED.format(text)
    try:
        return tex2mathml(text, as_block=as_block)
    except MathError as error:
        raise ExtensionError(f"{node.source}:{node.line}: the formula {text} cannot be drawn: {error}") from error


def _inline(translator: HTML5Translator, node: nodes.math) -> None:
    translator.body.append(_converted(node, as_block=False))
    raise nodes.SkipNode


def _block(translator: HTML5Translator, node: nodes.math_block) -> None:
    translator.body.append(f'<div class="formula">{_converted(node, as_block=True)}</div>')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """Name the renderer, which conf.py chooses."""
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
