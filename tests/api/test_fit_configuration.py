"""The arguments of `fit` say what a YAML file says, and the file that is written from them reads back as the same."""

from enum import Enum
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import yaml

from sigmalake import fit
from sigmalake.api.configuration import with_places
from sigmalake.api.model_yaml import yaml_of
from sigmalake.config.model import load_config, read_given
from sigmalake.config.yaml_file import read_mapping
from sigmalake.errors import ConfigError

CONF = Path(__file__).parents[2] / "conf"
SHIPPED = sorted(CONF.glob("*.yaml"))


@pytest.fixture
def fit_configuration(monkeypatch):
    """The configuration by which `fit` would estimate, from its arguments beside the panel."""
    monkeypatch.setattr("sigmalake.api.fit.estimate", lambda _panel, body, **_: body)
    return partial(fit, None)


def loaded(configuration, tmp_path):
    return load_config(with_places(configuration, places={"panel": str(tmp_path / "panel.parquet")}, lake=str(tmp_path / "lake")))


def test_the_first_example_says_the_whole_model(fit_configuration, tmp_path):
    found = fit_configuration(returns="ret", caps="mcap", groups=["sector"], styles=["size", "value"], market=True, preset="short")
    assert found == {
        "model": "fit",
        "sources": {"panel": {"columns": {"ret": "ret", "cap": "mcap"}, "exposures_dated": "end_of_period"}},
        "factors": [
            {"market": "market"}, {"membership": "sector", "column": "sector"}, {"styles": ["size", "value"], "as_given": True},
        ],
        "regression": {"weights": "sqrt_cap"},
        "risk": {"short": {"preset": "short"}},
    }  # fmt: skip
    config = loaded(found, tmp_path)
    assert config.sources.panel.columns.cap == "mcap"
    assert config.risk["short"].every == "day"


def test_a_market_alone_needs_nothing_else(fit_configuration, tmp_path):
    config = loaded(fit_configuration(), tmp_path)
    assert [entry.market for entry in config.factors] == ["market"]
    assert config.regression.weights == "equal"
    assert list(config.risk) == ["short"]
    assert config.risk["short"].specific_var.size_shrinkage is None
    with_caps = loaded(fit_configuration(caps="cap"), tmp_path)
    assert with_caps.risk["short"].specific_var.size_shrinkage is not None
    assert loaded(fit_configuration(preset="monthly_60"), tmp_path).risk["monthly_60"].preset == "monthly_60"


def test_a_model_without_a_market_has_what_is_given(fit_configuration):
    assert fit_configuration(market=False, groups={"country": "ctry"})["factors"] == [{"membership": "country", "column": "ctry"}]


def test_groups_and_styles_may_have_their_rules(fit_configuration, tmp_path):
    found = fit_configuration(
        groups={"sector": "gics", "country": {"columns": {"USA": "usa"}, "partial": True}},
        styles={"size": {"clip_beyond": 4, "missing": "zero"}}, caps="cap",
    )  # fmt: skip
    assert found["factors"][1:] == [
        {"membership": "sector", "column": "gics"},
        {"membership": "country", "columns": {"USA": "usa"}, "partial": True},
        {"styles": {"size": {"clip_beyond": 4, "missing": "zero"}}, "as_given": False},
    ]
    assert loaded(found, tmp_path).style_rules["size"].clip_beyond == 4


def test_columns_weights_and_dating_are_put_where_the_file_has_them(fit_configuration, tmp_path):
    found = fit_configuration(
        date="day", asset_id="symbol", returns="r", caps="c", rate="rf", weight="w", weights="column", in_estimation="est",
        issuer_id="issuer", exposures_dated="start_of_period", model="mine",
    )  # fmt: skip
    panel = loaded(found, tmp_path).sources.panel
    assert panel.columns.model_dump(exclude_none=True) == {
        "date": "day", "asset_id": "symbol", "ret": "r", "cap": "c", "rate": "rf", "weight": "w", "in_estimation": "est",
        "issuer_id": "issuer",
    }  # fmt: skip
    assert panel.exposures_dated == "start_of_period"
    assert (found["model"], found["regression"]) == ("mine", {"weights": "column"})


def test_variants_are_presets_by_name_or_as_given_in_their_order(fit_configuration):
    assert list(fit_configuration(preset=["trading", "short"])["risk"]) == ["trading", "short"]
    risk = {"z": {"preset": "long"}, "a": {}}
    assert list(fit_configuration(risk=risk)["risk"].items()) == list(risk.items())
    with pytest.raises(ConfigError, match="preset and risk both say which variants there are"):
        fit_configuration(preset="short", risk=risk)


# config


def given_config():
    return {
        "model": "of the file",
        "lake": "lake",
        "sources": {
            "panel": {"path": "p.csv", "format": "csv", "columns": {"asset_id": "symbol", "cap": "cap"}},
            "rates": {"path": "rates.csv"},
            "exposures_max_age": 3,
        },
        "factors": [{"market": "mkt"}, {"membership": "sector", "column": "gics"}, {"styles": ["size"]}],
        "regression": {"weights": "cap", "huber": 1.345},
        "risk": {"own": {"preset": "long"}},
        "covariance": {"assets": "all"},
    }


def test_a_configuration_stays_where_nothing_else_is_said(fit_configuration, tmp_path):
    config = given_config()
    found = fit_configuration(config=config)
    assert config == given_config()  # the caller's is not changed
    assert found["factors"] == config["factors"]
    assert (found["risk"], found["regression"], found["model"]) == (config["risk"], config["regression"], config["model"])
    panel = {"columns": {"ret": "ret", "asset_id": "symbol", "cap": "cap"}, "exposures_dated": "end_of_period"}
    assert found["sources"]["panel"] == panel  # and the frame takes the place of the panel's file
    assert found["sources"]["exposures_max_age"] == 3
    assert Path(found["sources"]["rates"]["path"]).is_absolute()
    assert loaded(found, tmp_path).covariance is not None


def test_arguments_go_over_a_configuration_each_over_its_own_kind(fit_configuration):
    found = fit_configuration(config=given_config(), styles=["value"], caps="mcap", weights="sqrt_cap", preset="short", model="new")
    assert found["factors"] == [
        {"market": "mkt"}, {"membership": "sector", "column": "gics"}, {"styles": ["value"], "as_given": True},
    ]  # fmt: skip
    assert found["sources"]["panel"]["columns"]["cap"] == "mcap"
    assert found["regression"] == {"weights": "sqrt_cap", "huber": 1.345}
    assert (found["risk"], found["model"]) == ({"short": {"preset": "short"}}, "new")
    assert fit_configuration(config=given_config(), market=False, groups=[])["factors"] == [{"styles": ["size"]}]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_a_file_is_taken_as_its_mapping_is(fit_configuration, path):
    body = read_given(path)
    if body["sources"].get("panel") is None:
        with pytest.raises(ConfigError, match=r"the configuration has sources\.returns, and the frame is a panel that holds it"):
            fit_configuration(config=path)
        return
    found = fit_configuration(config=path)
    assert found == fit_configuration(config=str(path))
    assert {key: found[key] for key in ("factors", "risk")} == {key: body[key] for key in ("factors", "risk")}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"groups": "sector"}, r"groups is 'sector'; give a list, e.g. groups=\['sector'\]"),
        ({"styles": "size"}, r"styles is 'size'; give a list, e.g. styles=\['size'\]"),
        ({"config": {"sources": ["panel"]}}, r"sources must be a section of `key: value` lines; it is \['panel'\]"),
        ({"config": {"sources": {"caps": {"path": "c.csv"}}}}, r"the configuration has sources.caps, and the frame is a panel"),
        ({"config": "nowhere.yaml"}, r"configuration nowhere.yaml does not exist"),
    ],
)
def test_an_argument_that_cannot_be_understood_is_refused_with_a_hint(fit_configuration, arguments, said):
    with pytest.raises(ConfigError, match=said):
        fit_configuration(**arguments)


def test_a_mistake_is_named_when_the_configuration_is_checked(fit_configuration, tmp_path):
    with pytest.raises(ConfigError, match=r"regression\.weights"):
        loaded(fit_configuration(weights="by_cap"), tmp_path)
    with pytest.raises(ConfigError, match=r"risk\.shrt\.preset"):
        loaded(fit_configuration(preset="shrt"), tmp_path)


def test_places_are_put_into_a_configuration_of_its_own(fit_configuration):
    configuration = fit_configuration()
    placed = with_places(configuration, places={"panel": "p.parquet"}, lake="l")
    assert (placed["lake"], placed["sources"]["panel"]["path"]) == ("l", "p.parquet")
    assert "lake" not in configuration
    assert "path" not in configuration["sources"]["panel"]


# YAML


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_a_written_configuration_reads_back_as_the_same(path, tmp_path):
    body = read_given(path)
    written = tmp_path / "model.yaml"
    written.write_text(yaml_of(body), encoding="utf-8")
    assert read_mapping(written) == body
    assert load_config(written) == load_config(path)
    assert load_config(written).full_hash() == load_config(path).full_hash()


def test_a_configuration_by_arguments_reads_back_as_the_same(fit_configuration, tmp_path):
    configuration = with_places(
        fit_configuration(caps="cap", groups=["sector"], styles=["size", "NO", "10001"]),
        places={"panel": str(tmp_path / "p")},
        lake=str(tmp_path),
    )
    written = tmp_path / "model.yaml"
    written.write_text(yaml_of(configuration), encoding="utf-8")
    assert load_config(written) == load_config(configuration)
    assert load_config(written).styles == ["size", "NO", "10001"]


def test_equal_configurations_give_equal_texts_and_sections_stand_in_the_declared_order():
    def turned(value):
        return {key: turned(item) for key, item in reversed(value.items())} if isinstance(value, dict) else value

    body = {
        "model": "m", "lake": "l", "sources": {"panel": {"path": "p", "columns": {"date": "d", "ret": "r", "cap": "c"}}},
        "factors": [{"market": "market"}], "regression": {"weights": "cap", "huber": 1.345},
        "risk": {"only": {"factor_cov": {"estimator": "ewma", "half_life": 84, "regime": {"half_life": 42}}}},
    }  # fmt: skip
    assert yaml_of(turned(body)) == yaml_of(body)
    assert list(yaml.safe_load(yaml_of(turned(body)))) == ["model", "lake", "sources", "factors", "regression", "risk"]


def test_names_of_the_users_own_keep_their_order(fit_configuration):
    styles = {"weights": {}, "cap": {"missing": "zero", "clip_beyond": 4}, "beta": {}}
    risk = {"regression": {"every": "week"}, "every": {}, "a": {}}
    levels = {"USA": "usa", "column": "c", "Asia": "asia"}
    body = fit_configuration(styles=styles, risk=risk, groups={"country": {"columns": levels}})
    read = yaml.safe_load(yaml_of(body))
    assert list(read["risk"]) == list(risk)
    assert list(read["factors"][2]["styles"]) == list(styles)
    assert list(read["factors"][2]["styles"]["cap"]) == ["clip_beyond", "missing"]
    assert list(read["factors"][1]["columns"]) == list(levels)


class Word(Enum):
    CAP = "cap"


def test_values_of_python_are_written_as_plain_ones():
    body = {"regression": {"weights": Word.CAP, "huber": np.float64(1.5)}, "lake": Path("a/b"), "factors": ({"market": "m"},)}
    body["covariance"] = {"dates": [np.datetime64("2024-06-28").item()]}
    assert yaml.safe_load(yaml_of(body)) == {
        "lake": "a/b", "factors": [{"market": "m"}], "regression": {"weights": "cap", "huber": 1.5},
        "covariance": {"dates": ["2024-06-28"]},
    }  # fmt: skip
