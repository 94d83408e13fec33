"""What all figures share: names that are no markup, colours for both pages, small sizes, and an error where plotly is missing."""

import re
import subprocess
import sys
from html import unescape

import numpy as np
import pandas as pd
import pytest

from figures.drawn_models import NASTY
from figures.traces import as_drawn, texts_of
from sigmalake.errors import InfrastructureError
from sigmalake.figures.regressions.factor_returns import factor_returns_figure
from sigmalake.figures.regressions.r2 import r2_figure
from sigmalake.figures.regressions.slope import slope_figure
from sigmalake.figures.regressions.t_stats import t_stats_figure
from sigmalake.figures.risk.correlations import correlations_figure
from sigmalake.figures.text import lines, plain
from sigmalake.figures.theme import COLOURS, DARK, EITHER, LIGHT, dark, light

OURS = re.compile(r"<br>|<extra></extra>")  # the only markup that figures write
FIELDS = re.compile(r"%\{(x|y|z|text|customdata|fullData\.name)(\[\d\])?([|:][^}]*)?\}")


def figures_of(model):
    """Every figure that a model gives, by name."""
    plot, day = model.plot, model.calendar()[-2]
    factors, assets = list(model.factor_returns()), list(model.risk().usable)
    return {
        "factor_returns": plot.factor_returns(), "r2": plot.r2(), "t_stats": plot.t_stats(), "t_stats_some": plot.t_stats(factors),
        "factor_strength": plot.factor_strength(), "correlations": plot.correlations(),
        "exposure_stability": plot.exposure_stability(), "coverage": plot.coverage(), "specific_risk": plot.specific_risk(),
        "residual_correlation": plot.residual_correlation(),
        "data_quality": plot.data_quality(), "slope": plot.slope(factors[-1]), "covariance": plot.covariance(),
        "risk": plot.risk({asset: 1 / len(assets) for asset in assets}),
        **{f"scatter_{n}": plot.scatter(day, factor) for n, factor in enumerate(factors)},
    }  # fmt: skip


@pytest.fixture(scope="module")
def drawn(nasty):
    return {name: as_drawn(figure) for name, figure in figures_of(nasty).items()}


def test_names_that_are_markup_stand_escaped_in_every_text_of_every_figure(drawn):
    assert len(drawn) > 15
    seen = 0
    for name, figure in drawn.items():
        for text in texts_of({"data": figure["data"], "layout": {**figure["layout"], "template": None, "meta": None}}):
            left = FIELDS.sub("", OURS.sub("", text))
            assert not re.search(r"<[a-zA-Z/]|%\{|\$", left), (name, text)
            seen += "&lt;b&gt;" in text
    assert seen > 50


def test_an_escaped_name_reads_as_it_was():
    assert unescape(plain(NASTY)) == NASTY
    assert not set("<>$%{}") & set(plain(NASTY))
    broken = [unescape(line) for line in lines("a <b> c " * 20, 30)]
    assert " ".join(broken) == ("a <b> c " * 20).strip()
    assert max(map(len, broken)) <= 30


def test_every_figure_is_told_in_a_sentence_and_has_a_title_in_words(drawn):
    for name, figure in drawn.items():
        assert len(figure["layout"]["meta"]["alt"]) > 30, name
        assert figure["layout"]["title"]["text"], name
        assert figure["layout"]["height"] >= 300, name
        assert "width" not in figure["layout"], name


def test_colours_of_text_and_page_are_in_the_template_alone(drawn, nasty):
    for name, figure in drawn.items():
        layout = {key: value for key, value in figure["layout"].items() if key != "template"}
        assert "paper_bgcolor" not in layout, name
        assert "color" not in layout.get("font", {}), name
        assert layout["title"]["font"].get("color") is None, name
    figure = nasty.plot.r2()
    assert figure.layout.template == EITHER
    assert dark(figure).layout.template == DARK
    assert light(dark(figure)).layout.template == LIGHT
    assert figure.layout.template == EITHER


def luminance(colour):
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other):
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_text_is_read_on_its_page_and_lines_are_seen_on_both():
    assert contrast(LIGHT.layout.font.color, "#ffffff") > 7
    assert contrast(DARK.layout.font.color, "#16191d") > 7
    assert min(contrast(EITHER.layout.font.color, page) for page in ("#ffffff", "#16191d")) > 3.9
    for colour in COLOURS:
        assert min(contrast(colour, page) for page in ("#ffffff", "#16191d")) > 2.2, colour


def test_no_line_needs_webgl(drawn):
    assert {trace["type"] for figure in drawn.values() for trace in figure["data"]} <= {"scatter", "bar", "heatmap", "box"}


def test_without_plotly_the_error_names_the_extra(monkeypatch, nasty):
    for name in [name for name in sys.modules if name.split(".")[0] == "plotly" or "figures" in name or "model_plots" in name]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "plotly", None)
    nasty.__dict__.pop("plot", None)
    with pytest.raises(InfrastructureError, match=r"sigmalake\[report\]"):
        _ = nasty.plot


def test_reading_a_model_loads_no_plotly():
    code = "import sys; import sigmalake.reader.open_release; print('plotly' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "False"


def test_ten_years_of_seventy_one_factors_are_small():
    days, names = pd.bdate_range("2014-01-01", periods=2520), [f"factor {n}" for n in range(71)]
    numbers = pd.DataFrame(np.random.default_rng(0).standard_normal((2520, 71)), days, names)
    figures = [
        factor_returns_figure(numbers.iloc[:, :10] / 100, pd.DataFrame(1e-4, days, names[:10]), left_out=61),
        t_stats_figure(numbers),
        r2_figure(numbers["factor 0"].abs()),
        correlations_figure(numbers.cov(), date=days[-1].date(), variant="v"),
        slope_figure("factor 0", numbers["factor 0"], numbers["factor 1"].abs(), numbers["factor 2"] ** 2),
    ]
    sizes = [len(figure.to_json()) for figure in figures]
    assert max(sizes) < 400_000
    assert sum(sizes) < 1_000_000
