"""docs/figures.md: its Python does what it says, and it names every figure."""

import re
from inspect import getmembers, isfunction
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose
from plotly.graph_objects import Figure

from sigmalake.reader.plots.model_plots import ModelPlots

TEXT = (Path(__file__).parents[2] / "docs/figures.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def names(full, tmp_path_factory):
    """What the page's Python leaves behind, run in a folder where the lake is."""
    folder = tmp_path_factory.mktemp("page")
    (folder / "lakes/demo").mkdir(parents=True)
    (folder / "lakes/demo/lake").symlink_to(full.lake_folder)
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(Figure, "show", lambda _: None)
        for block in BLOCKS:
            exec(block.replace('"A00', '"A0'), found)  # the smaller market has ids of two digits
    found["folder"] = folder
    return found


def test_every_figure_is_in_a_table_and_every_row_is_a_figure():
    listed = re.findall(r"^\| `(\w+)\(", TEXT, re.MULTILINE)
    assert sorted(listed) == sorted(name for name, _ in getmembers(ModelPlots, isfunction) if not name.startswith("_"))


def test_the_slope_of_the_pages_points_is_the_stored_factor_return(names):
    assert names["slope"] == pytest.approx(names["stored"], abs=1e-12)


def test_the_pages_v_is_that_of_the_model(names):
    assert_allclose(names["V"], names["matrices"]["covariance"], rtol=1e-12)
    assert_allclose(np.asarray(names["V"]) / 1e4, names["model"].risk().asset_cov(["A01", "A02", "A03"]), rtol=1e-12)


def test_a_kept_figure_needs_no_network(names):
    for name in ("factor_returns.html", "dark.html"):
        page = (names["folder"] / name).read_text(encoding="utf-8")
        assert not re.search(r"<(script|link|img)[^>]*(src|href)=", page)
        assert "Plotly.newPlot" in page


def test_each_frame_that_the_page_names_is_there(names):
    for name in re.findall(r"`model\.(\w+)\(", TEXT):
        assert callable(getattr(names["model"], name)), name
