"""The site: it builds without a warning, needs no network, and its generated parts are what the code has."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from sigmalake.cli.app import app

ROOT = Path(__file__).parents[2]
pytest.importorskip("sphinx")
sys.path.insert(0, str(ROOT / "docs/_ext"))

import theory_pictures  # noqa: E402 - after the path
from field_comments import comments  # noqa: E402

from sigmalake.api.fit import FittedModel  # noqa: E402
from sigmalake.reader.factor_model import FactorModel  # noqa: E402
from sigmalake.reader.plots.model_plots import ModelPlots  # noqa: E402
from sigmalake.reader.report import PortfolioReport  # noqa: E402
from sigmalake.reader.risk_model import RiskModel  # noqa: E402


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The pages, built from a copy, since Sphinx writes beside what it reads."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(
        ROOT / "docs", folder / "docs", ignore=shutil.ignore_patterns("gallery", "sg_execution_times.rst", "__pycache__")
    )
    for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md"):
        shutil.copy(ROOT / name, folder)
    built = folder / "built"
    said = subprocess.run(
        [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", "docs", built],
        capture_output=True, text=True, check=False, cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT / "lib")},
    )  # fmt: skip
    assert said.returncode == 0, said.stderr
    return built


def page(site, name):
    return (site / f"{name}.html").read_text(encoding="utf-8")


def test_every_page_is_there(site):
    for source in (ROOT / "docs").glob("**/*.md"):
        assert (site / source.relative_to(ROOT / "docs").with_suffix(".html")).is_file(), source.name


def test_no_page_loads_from_the_network(site):
    for built in site.glob("**/*.html"):
        text = built.read_text(encoding="utf-8")
        assert not re.findall(r"""<(?:script|link|img|iframe)[^>]+(?:src|href)=["']https?://[^"']+""", text), built.name


def test_every_verb_and_its_options_are_on_the_page_of_commands(site):
    text = page(site, "command_line")
    for name, command in get_command(app).commands.items():
        assert f'<section id="{name}">' in text
        for parameter in command.params:
            assert parameter.opts[0] in text or parameter.param_type_name == "argument", (name, parameter.opts)


def test_formulas_are_drawn_by_the_browser(site):
    for name in ("index", "model", "regression", "factor_covariance", "specific_risk", "portfolio"):
        assert "<math" in page(site, name)
        assert "$$" not in re.sub(r"<script.*?</script>", "", page(site, name), flags=re.DOTALL)


def test_a_field_is_described_by_the_comment_beside_it(site):
    text = comments(PortfolioReport)["specific_vol"]
    assert text == "root of h' D h"
    assert re.search(r"Root of h.{1,8} D h\.", page(site, "python_api"))  # with a typographer's apostrophe
    assert "Alias for field" not in page(site, "python_api")


@pytest.mark.parametrize("name", theory_pictures.PICTURES)
def test_a_picture_is_on_a_page_and_has_its_curves(name):
    figure = theory_pictures.PICTURES[name]()
    assert len(figure.data) >= 2
    pages = [path for path in (ROOT / "docs").glob("*.md") if f"```{{picture}} {name}\n" in path.read_text(encoding="utf-8")]
    assert len(pages) == 1


def curve(name, of):
    return next(trace for trace in theory_pictures.PICTURES[name]().data if trace.name == of).y


def test_the_pictures_show_what_their_captions_say():
    assert (
        curve("half_lives", "half-life 21")[-1] > curve("half_lives", "half-life 84")[-1] > curve("half_lives", "sample of 252")[-1]
    )
    assert curve("regime", "regime, half-life 4")[20] > curve("regime", "half-life 84 alone")[20]
    assert curve("eigenfactors", "without")[0] > 1.5 > curve("eigenfactors", "with")[0]
    assert curve("shrinkage", "Ledoit and Wolf")[0] > 5 * curve("shrinkage", "sample of 60")[0]
    slopes = {of: curve("huber", of)[1] - curve("huber", of)[0] for of in ("true", "least squares", "huber: 1.345")}
    assert abs(slopes["huber: 1.345"] - slopes["true"]) < abs(slopes["least squares"] - slopes["true"])


@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (420, "dark")])
def test_a_browser_draws_the_figures_and_finds_no_error(site, browser, width, theme):
    opened = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=theme)
    errors = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.on("request", lambda request: errors.append(request.url) if request.url.startswith("http") else None)
    opened.goto((site / "factor_covariance.html").as_uri())
    opened.wait_for_function("document.querySelectorAll('.picture .main-svg').length >= 5")
    assert opened.evaluate("document.documentElement.scrollWidth") <= width
    assert opened.evaluate("[...document.fonts].some(font => font.family.includes('Formulas') && font.status === 'loaded')")
    assert not errors


@pytest.mark.parametrize(
    "documented", [FactorModel, FittedModel, RiskModel, ModelPlots], ids=lambda documented: documented.__name__
)
def test_every_public_name_of_a_class_is_on_the_page_of_python_with_its_docstring(site, documented):
    text = page(site, "python_api")
    public = [name for name in dir(documented) if not name.startswith("_")]
    shown = {"FittedModel": ["save"]}.get(documented.__name__, public)  # the rest of it is FactorModel's
    missing = [name for name in shown if not re.search(rf'id="sigmalake\.[\w.]+\.{documented.__name__}\.{name}"', text)]
    assert not missing
    assert set(dir(FittedModel)) - set(dir(FactorModel)) == {"save"}
    assert all(getattr(documented, name).__doc__ for name in public if callable(getattr(documented, name)))
