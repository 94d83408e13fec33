"""The resolved configuration in words: it is the configuration, and it says of each value its unit and where it is from."""

import re
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from sigmalake.cli import app as cli
from sigmalake.config.fields import all_keys
from sigmalake.config.model import Config, load_config, read_given
from sigmalake.config.texts.annotated import annotated

ROOT = Path(__file__).parents[1]
TEXT = """\
model: m
lake: lake
sources: {panel: {path: p.parquet, columns: {cap: cap}}}
factors:
  - {market: all}
  - {membership: "a: b", columns: {US: w_us, "NO": w_no}}
  - {styles: {value: {descriptors: {bp: 0.5}, clip_beyond: 2}}}
regression: {min_members: 3}
risk:
  plain: {}
  short: {preset: short, factor_cov: {lags: 3, regime: {window: 99}}, specific_var: {linked: null}}
  by_month: {preset: monthly_60, frequency: month, specific_var: {structural: {fewest_obs: 12, ramp_obs: 24}}}
  other: {preset: monthly_60, factor_cov: {estimator: ewma, half_life: 6, corr_half_life: 12}}
covariance: {dates: last, assets: {file: a.txt}}
"""


@pytest.fixture
def said(tmp_path):
    path = tmp_path / "m.yaml"
    path.write_text(TEXT)
    return annotated(load_config(path), read_given(path, ()))


def line(text, *keys):
    """The line of a key, found by the keys above it."""
    lines, start = text.splitlines(), 0
    for key in keys:
        start = next(n for n in range(start, len(lines)) if lines[n].lstrip(" -#").startswith(f"{key}:"))
    code, _, comment = lines[start].strip().removeprefix("# ").partition(" # ")
    return code.strip(), comment.strip()


@pytest.mark.parametrize("path", sorted((ROOT / "conf").glob("*.yaml")), ids=lambda path: path.name)
def test_it_reads_back_as_the_configuration(path):
    config = load_config(path)
    assert yaml.safe_load(annotated(config, read_given(path))) == yaml.safe_load(config.resolved())


def test_it_reads_back_with_names_that_yaml_has_to_quote(said, tmp_path):
    assert yaml.safe_load(said) == yaml.safe_load(load_config(tmp_path / "m.yaml").resolved())


@pytest.mark.parametrize(
    ("keys", "code", "comment"),
    [
        (("model",), "model: m", ""),
        (("sources", "exposures_max_age"), "exposures_max_age: 1", "periods; default choice"),
        (("sources", "cap"), "cap: cap", "any one currency"),
        (("factors", "clip_beyond"), "clip_beyond: 2.0", "sd"),
        (("factors", "remove_beyond"), "remove_beyond: 10.0", "sd; default [M]"),
        (("regression", "weights"), "weights: sqrt_cap", "default [M]"),
        (("regression", "min_members"), "min_members: 3.0", "effective members"),
        (("risk", "plain", "half_life"), "half_life: 84.0", "periods; default [M]"),
        (("risk", "short", "lags"), "lags: 3", "periods"),
        (("risk", "short", "scale"), "scale: 1.0", "factor; preset short [M, B]"),
        (("risk", "short", "simulations"), "simulations: 100", "draws; default choice"),
        (("risk", "short", "seed"), "seed: m/short", "default"),
        (("risk", "short", "regime", "window"), "window: 99", "periods"),
        (("risk", "short", "corr_window"), "corr_window: 1512", "periods; default choice"),
        (("risk", "short", "specific_var", "lags_window"), "lags_window: 756", "periods; default choice"),
        (("risk", "short", "specific_var", "structural", "window"), "window: 252", "periods; preset short [M, B]"),
        (("risk", "short", "specific_var", "q"), "q: 0.1", "factor; preset short [M, B]"),
        (("risk", "short", "specific_var", "regime", "window"), "window: 126", "periods; default choice"),
        (("risk", "other", "half_life"), "half_life: 6.0", "periods"),
        (("risk", "other", "lags"), "lags: 0", "periods; default"),
        (("risk", "other", "corr_window"), "corr_window: 36", "periods; default choice"),
        (("risk", "other", "specific_var", "estimator"), "estimator: sample", "preset monthly_60 [L]"),
        (("risk", "other", "specific_var", "window"), "window: 60", "periods; preset monthly_60 [L]"),
        (("risk", "by_month", "min_periods"), "min_periods: 30", "months; default choice"),
        (("risk", "by_month", "window"), "window: 60", "months; preset monthly_60 [L]"),
        (("risk", "by_month", "fewest_obs"), "fewest_obs: 12", "months"),
        (("risk", "by_month", "frequency"), "frequency: month", ""),
        (("risk", "by_month", "every"), "every: month", "default"),
        (("risk", "other", "frequency"), "frequency: period", "default"),
        (("checks", "min_r2"), "min_r2: 0.0", "share of variance; default choice"),
    ],
    ids=str,
)
def test_a_value_has_its_unit_and_where_it_is_from(said, keys, code, comment):
    assert line(said, *keys) == (code, comment)


def test_what_an_override_gives_is_given(tmp_path):
    path = tmp_path / "m.yaml"
    path.write_text(TEXT)
    overrides = ["regression.huber=1.345", "risk.short.factor_cov.eigenfactor.scale=1.4"]
    found = annotated(load_config(path, overrides), read_given(path, overrides))
    assert line(found, "regression", "huber") == ("huber: 1.345", "robust sd")
    assert line(found, "risk", "short", "scale") == ("scale: 1.4", "factor")


def test_periods_that_are_left_out_are_told_as_the_estimators_fill_them(said, tmp_path):
    short = load_config(tmp_path / "m.yaml").risk["short"]
    told = {found for row in said.splitlines() if (found := row.strip()).startswith("# ")}
    for key, value in {"window": short.factor_cov.volatility.window, "corr_window": short.factor_cov.correlation.window}.items():
        assert any(row.startswith(f"# {key}: {value} ") for row in told)


def test_the_sources_in_the_descriptions_are_explained(said):
    head = said[: said.index("model:")]
    sources = {key.source for _, _, key in all_keys(Config)} | set(re.findall(r"\[[A-Z]+\]", str(list(all_keys(Config)))))
    assert sources - {""} == {*re.findall(r"\[[A-Z]+\]", head), "choice"}
    assert "choice:" in head


def test_the_help_says_that_units_and_sources_are_shown():
    assert "defaults, units and sources" in CliRunner().invoke(cli.app, ["validate", "--help"]).output
