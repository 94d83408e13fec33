"""How the gallery is made of the scripts of examples/gallery: each runs, and its figures are drawn in the page's colours."""

from pathlib import Path

import plotly.graph_objects as go
from pictures import figure_html

ORDER = ["country_factor", "four_stocks", "year_of_a_market", "world", "attribution", "minimum_variance", "cluster"]


def _place(name: str) -> str:
    stem = name.removesuffix(".py")
    return f"{ORDER.index(stem) if stem in ORDER else len(ORDER):02d} {stem}"


def gallery_settings(examples: Path) -> dict[str, object]:
    """The settings of sphinx-gallery."""
    go.Figure._repr_html_ = figure_html  # data, not a script: site.js draws it
    return {
        "examples_dirs": str(examples),
        "gallery_dirs": "gallery",
        "filename_pattern": r"\.py$",
        "capture_repr": ("_repr_html_", "__repr__"),
        "image_scrapers": (),
        "reset_modules": (),
        "within_subsection_order": _place,
        "remove_config_comments": True,
        "download_all_examples": False,
        "show_memory": False,
        "show_signature": False,
        "min_reported_time": 5,
        "abort_on_example_error": True,
    }
