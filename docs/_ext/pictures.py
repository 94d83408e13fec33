"""The directive `picture`: a figure of plotly, drawn from data when the site is built; site.js draws it in the page's colours."""

import shutil
from pathlib import Path

import plotly
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective


def figure_html(figure: object) -> str:
    """A figure as data in the page. `</` cannot end the script early."""
    text = figure.to_json().replace("</", r"<\/")  # type: ignore[attr-defined]  # plotly has no types
    return f'<div class="picture"><script type="application/json">{text}</script></div>'


class Picture(SphinxDirective):
    """`{picture} NAME`: the function of that name in theory_pictures.py; the content is the caption."""

    required_arguments = 1
    has_content = True

    def run(self) -> list[nodes.Node]:
        """The figure, and its caption below."""
        import theory_pictures

        self.env.note_dependency(theory_pictures.__file__)
        drawn = theory_pictures.PICTURES[self.arguments[0]]()
        caption = nodes.container("", *self.parse_content_to_nodes(), classes=["picture-caption"])
        return [nodes.raw("", figure_html(drawn), format="html"), caption]


def _copy_library(app: Sphinx, exception: Exception | None) -> None:
    if exception is None and app.builder.format == "html":
        library = Path(plotly.__file__).parent / "package_data/plotly.min.js"
        shutil.copyfile(library, Path(app.outdir) / "_static/plotly.min.js")


def setup(app: Sphinx) -> dict[str, bool]:
    """Name the directive; bring the library of the browser along."""
    app.add_directive("picture", Picture)
    app.add_js_file("site.js", loading_method="defer")
    app.connect("build-finished", _copy_library)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
