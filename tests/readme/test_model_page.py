"""The theory pages name every key of regression, risk and styles, every diagnostic and status, and their figures are true."""

import ast
import doctest
import re

import pytest
import yaml

from readme import ROOT, quoted
from sigmalake.config.defaults import beyond_defaults
from sigmalake.config.fields import REQUIRED, all_keys, sections_below
from sigmalake.config.model import Config
from sigmalake.config.presets import PRESETS
from sigmalake.numerics.regression.cross_section import FactorStatus, Status

PAGES = [ROOT / f"docs/{name}.md" for name in ("model", "regression", "factor_covariance", "specific_risk")]
TEXTS = {page: page.read_text(encoding="utf-8") for page in PAGES}
TEXT = "\n".join(TEXTS.values())
ROWS = [[cell.strip() for cell in row.strip("|").split("|")] for row in TEXT.splitlines() if row.startswith("|")]
SECTIONS = (
    "regression.",
    "residual_correlation.",
    "risk.NAME.",
    "factors[].styles.NAME.",
    "evaluate.test_portfolios.",
    "evaluate.rolling",
    "evaluate.horizons",
)
KEYS: dict[str, list[object]] = {}
for _place, _, _key in all_keys(Config):
    if _place.startswith(SECTIONS) and not list(sections_below(_key.annotation)):
        _said = _key.tag or ("required" if _key.default is REQUIRED else beyond_defaults(_key.default))
        KEYS.setdefault(_place.removeprefix("risk.NAME."), []).append(_said)


def rows_of(name):
    return [row for row in ROWS if name in quoted(row[0])]


def value(default):
    found = yaml.safe_load(default.strip("`").replace("none", "null"))
    return float(found) if isinstance(found, int) and not isinstance(found, bool) else found


@pytest.mark.parametrize("key", KEYS)
def test_a_key_has_a_row_with_its_default_and_a_reason(key):
    (row,) = rows_of(key)
    assert len(row) == 4
    assert row[3]
    told = [value(text) for text in (row[1], *re.findall(r"`sample`: (\d+)", row[3]))]
    if key.endswith("estimator"):
        told += quoted(row[3])
    for default in KEYS[key]:
        assert default in told
    for said in told:
        assert said in KEYS[key]


def test_a_key_in_the_page_is_one_of_the_configuration():
    named = {name for row in ROWS if len(row) == 4 and row[3] != "why" for name in quoted(row[0]) if "." in name}
    assert named <= set(KEYS)
    assert len(named) > 50


def diagnostic_names():
    """What the library calls its diagnostics; of a name with a factor in it, what stands before."""
    names = {"left_out:", "n_assets", "n_without_specific_var"}
    source = (ROOT / "lib/sigmalake/tasks/risk/risk_rows.py").read_text(encoding="utf-8")
    assert all(f'"{name}' in source.replace('f"', '"') for name in names)
    for path in (ROOT / "lib/sigmalake").rglob("*.py"):
        module = ast.parse(path.read_text(encoding="utf-8"))
        constants = {
            node.targets[0].id: node.value
            for node in module.body
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        }
        for node in ast.walk(module):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Diagnostic":
                first = node.args[0]
                if isinstance(first, ast.Name):  # a constant of the module
                    first = constants[first.id]
                start = first.values[0] if isinstance(first, ast.JoinedStr) else first
                if isinstance(start, ast.Constant):  # not a name that an estimator of somebody else's gives
                    names.add(start.value)
    return names


def test_every_diagnostic_is_listed_and_no_other():
    listed = TEXT.split("## Diagnostics")[1].split("\n## ")[0]
    found = {name for row in listed.splitlines() if row.startswith("| `") for name in quoted(row.split("|")[1])}
    assert {re.sub(r":\w+$", ":", name) for name in found} == diagnostic_names()


@pytest.mark.parametrize("status", [*FactorStatus, *Status])
def test_every_status_of_a_regression_is_listed(status):
    assert rows_of(status.value)


def test_the_presets_are_listed_with_their_parameters():
    for name, preset in PRESETS.items():
        sigma, delta = preset["factor_cov"], preset["specific_var"]
        (row,) = rows_of(name)
        if sigma["estimator"] == "sample":
            assert (row[1], row[4]) == (f"sample of {sigma['window']}", f"sample of {delta['window']}")
            continue
        assert row[1] == f"{sigma['half_life']}, {sigma['lags']}"
        assert row[2] == f"{sigma['corr_half_life']}, {sigma['corr_lags']}"
        assert row[3] == f"{sigma['regime']['half_life']}"
        assert row[4] == f"{delta['half_life']}, {delta['lags']} lags"
        assert f"scale {sigma['eigenfactor']['scale']:g}, and of specific risk" in " ".join(TEXT.split())


def test_the_tests_and_pages_that_it_names_are_there():
    tests = re.findall(r"`(tests/[\w/]+\.py)`", TEXT)
    assert len(tests) > 50
    for path in tests:
        assert (ROOT / path).is_file(), path
    for page, text in TEXTS.items():
        for target in re.findall(r"\]\(([^)#]+)", text):
            assert (page.parent / target).is_file(), target


WITHOUT_TEST = ("In one paragraph", "Symbols", "Diagnostics", "Sources", "A country factor")  # words, and what others test


def test_every_section_of_an_estimator_names_its_test():
    for text in TEXTS.values():
        for section in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
            assert "`tests/" in section or section.startswith(WITHOUT_TEST), section.splitlines()[0]


@pytest.mark.parametrize("page", [*PAGES, ROOT / "docs/descriptors.md"], ids=lambda page: page.stem)
def test_the_figures_are_what_the_lines_above_them_give(page):
    found = doctest.testfile(str(page), module_relative=False, encoding="utf-8")
    assert found.failed == 0
    assert found.attempted > 3
