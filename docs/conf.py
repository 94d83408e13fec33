"""The site: `scripts/docs` builds it into build/site. Pages are Markdown that GitHub reads as well."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
sys.path[:0] = [str(HERE / "_ext"), str(ROOT / "lib")]

from pygments.lexers.special import TextLexer  # noqa: E402 - after the path
from sphinx.application import Sphinx  # noqa: E402 - after the path

from sigmalake import __version__  # noqa: E402 - after the path

project = "sigmalake"
author = "the authors of sigmalake"
project_copyright = "the authors of sigmalake, Apache 2.0"
release = version = __version__

extensions = [
    "myst_parser",
    "sphinx_design",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "mathml",
    "outside_links",
    "commands",
    "field_comments",
    "pictures",
]
exclude_patterns = ["_ext", "_static", "pictures", "gallery/*.ipynb", "gallery/*.py", "sg_execution_times.rst"]
suppress_warnings = [
    "config.cache",  # the gallery is set by functions
]
nitpicky = False  # types of numpy, pandas and the standard library are named, not linked

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 4
myst_links_external_new_tab = False
html_math_renderer = "mathml"

autodoc_typehints = "none"  # the docstrings say shapes and units; the signature has the types
autodoc_member_order = "bysource"
autodoc_class_signature = "separated"
python_maximum_signature_line_length = 88
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True

html_theme = "pydata_sphinx_theme"
html_title = "sigmalake"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "navbar_align": "left",
    "header_links_before_dropdown": 6,
    "show_prev_next": True,
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
html_sidebars = {"index": [], "changelog": []}
html_context = {"default_mode": "auto"}

if "gallery" in tags:  # noqa: F821 - Sphinx gives the name; `scripts/docs --gallery` runs the examples
    from gallery_settings import gallery_settings

    extensions.append("sphinx_gallery.gen_gallery")
    sphinx_gallery_conf = gallery_settings(ROOT / "examples/gallery")
else:
    exclude_patterns.append("gallery")


def setup(app: Sphinx) -> None:
    """Blocks of rows with commas have no colours."""
    app.add_lexer("csv", TextLexer)
