"""What makes rows stale: settings by their meaning, and never one that stands at its default."""

from dataclasses import dataclass, field, fields, replace
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigmalake.config.checks import Checks
from sigmalake.config.covariance import Covariance
from sigmalake.config.defaults import beyond_defaults, filled_in
from sigmalake.config.factors import MarketFactor, Membership, StandardisedStyles, Styles
from sigmalake.config.model import Config
from sigmalake.config.presets import PRESETS
from sigmalake.config.sources import ExposureSource, PanelSource, SourcesConfig
from sigmalake.config.staleness import settings_hash
from sigmalake.config.variant import Variant
from sigmalake.numerics.descriptors.library import DescriptorRules
from sigmalake.numerics.descriptors.prices import PriceWindows
from sigmalake.numerics.descriptors.trailing_window import Trailing
from sigmalake.numerics.evaluation.forecast_evaluation import EvaluationRules
from sigmalake.numerics.exposures.style_rules import StyleRules
from sigmalake.numerics.factor_cov.eigenfactor import EigenfactorAdjustment
from sigmalake.numerics.factor_cov.estimators import EwmaFactorCov, SampleFactorCov
from sigmalake.numerics.factor_cov.regime import VolatilityRegime
from sigmalake.numerics.regression.rules import RegressionRules, RegressionWeights
from sigmalake.numerics.regression.two_pass import TwoPass
from sigmalake.numerics.specific_risk.estimators import EwmaSpecificVar, SampleSpecificVar
from sigmalake.numerics.specific_risk.linked_issues import LinkedIssues
from sigmalake.numerics.specific_risk.regime import SpecificRegime
from sigmalake.numerics.specific_risk.size_shrinkage import SizeShrinkage
from sigmalake.numerics.specific_risk.structural_vol import StructuralModel
from sigmalake.stages import versions
from sigmalake.stages.planning import Why, changes, join_hash, rules_hash

BODY = {
    "model": "m",
    "lake": "lake",
    "sources": {"panel": {"path": "p.parquet", "columns": {"cap": "cap", "issuer_id": "issuer"}}},
    "factors": [{"market": "market"}, {"styles": {"size": {}}}],
    "risk": {"v": {}},
}
RULES = [
    RegressionRules(huber=1.345),
    RegressionRules(weights=RegressionWeights.INVERSE_SPECIFIC_VAR),
    TwoPass(half_life=21),
    StyleRules(clip_beyond=2.5),
    EvaluationRules(seed=3),
    Trailing(window=30),
    PriceWindows(month=20),
    DescriptorRules(),
    VolatilityRegime(half_life=42),
    EigenfactorAdjustment(scale=1.4),
    EwmaFactorCov(half_life=84, corr_half_life=504, lags=5, regime=VolatilityRegime(half_life=42)),
    SampleFactorCov(window=60),
    StructuralModel(window=252),
    SizeShrinkage(),
    SpecificRegime(half_life=42),
    LinkedIssues(shrinkage=0.2),
    EwmaSpecificVar(half_life=84, lags=5, lags_half_life=252, structural=StructuralModel(), linked=LinkedIssues()),
    SampleSpecificVar(),
]
SECTIONS = [
    Variant(),
    Covariance(exposures="used"),
    Checks(min_r2=0.1),
    PanelSource(path="p"),
    ExposureSource(path="p"),
    SourcesConfig(panel=PanelSource(path="p")),
    MarketFactor(),
    Membership(membership="g", column="c"),
    Styles(styles=["a"]),
    StandardisedStyles(styles={"a": StyleRules()}),
]


def config(**changed):
    return Config.model_validate({**BODY, **changed})


def variant_hash(**given):
    return config(risk={"v": given}).variant_hash("v")


@pytest.mark.parametrize("rules", RULES, ids=lambda rules: type(rules).__name__)
def test_a_rule_that_becomes_possible_makes_nothing_stale_until_it_is_given(rules):
    @dataclass(frozen=True, kw_only=True)
    class Longer(type(rules)):
        later: float | None = None
        also_later: tuple[str, ...] = field(default=("a", "b"))

    given = {f.name: getattr(rules, f.name) for f in fields(rules)}
    assert settings_hash(Longer(**given)) == settings_hash(rules)
    assert settings_hash(Longer(**given, later=None, also_later=("a", "b"))) == settings_hash(rules)
    assert len({settings_hash(rules), *(settings_hash(Longer(**given, later=x)) for x in (0.0, 1.0))}) == 3
    assert settings_hash(Longer(**given, also_later=("a",))) != settings_hash(rules)


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: type(section).__name__)
def test_a_key_that_becomes_possible_makes_nothing_stale_until_it_is_given(section):
    class Longer(type(section)):
        later: Annotated[int | None, "a key of tomorrow"] = None

    given = {name: getattr(section, name) for name in type(section).model_fields}
    assert settings_hash(Longer(**given)) == settings_hash(section)
    assert settings_hash(Longer(**given, later=0)) != settings_hash(section)


def test_a_section_that_becomes_possible_makes_nothing_stale_until_it_is_given():
    class Longer(Config):
        later: Checks | None = None
        always: Checks = Checks()

    plain = config()
    for name in ("full_hash", "ingest_hash", "regress_hash", "describe_hash", "evaluate_hash"):
        assert getattr(Longer.model_validate(BODY), name)() == getattr(plain, name)(), name
    found = {
        plain.full_hash(),
        Longer.model_validate({**BODY, "later": {}}).full_hash(),
        Longer.model_validate({**BODY, "always": {"min_r2": 0.5}}).full_hash(),
    }
    assert len(found) == 3


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_written_out_is_the_preset(preset):
    by_name = config(risk={"v": {"preset": preset}})
    written_out = by_name.model_dump(mode="json")["risk"]
    assert config(risk=written_out).full_hash() == by_name.full_hash()
    for name, value in PRESETS[preset].items():
        assert variant_hash(preset=preset, **{name: value}) == by_name.variant_hash("v")


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_with_everything_filled_in_is_the_preset(preset):
    by_name = config(risk={"v": {"preset": preset}})
    body = by_name.model_dump(mode="json")["risk"]
    for place, value in filled_in(by_name.risk["v"]).items():
        node = body["v"]
        for name in place[:-1]:
            node = node[name]
        assert node[place[-1]] in (None, value)
        node[place[-1]] = value
    assert config(risk=body).variant_hash("v") == by_name.variant_hash("v")


SAME = [
    ({"half_life": 84}, {"half_life": 84, "window": 252}),
    ({"half_life": 84}, {"half_life": 84.0, "corr_half_life": 84, "corr_window": 252, "corr_lags": 0, "min_periods": 60}),
    ({"half_life": 84, "window": 300}, {"half_life": 84, "window": 300, "corr_window": 300}),
    ({"half_life": 84, "window": 300}, {"half_life": 84, "window": 300, "corr_half_life": 84, "corr_window": 300}),
    ({"half_life": 84, "corr_half_life": 504}, {"half_life": 84, "corr_half_life": 504, "corr_window": 1512}),
    (
        {"half_life": 84, "window": 300, "corr_half_life": 84},
        {"half_life": 84, "window": 300, "corr_window": 252},
    ),
    ({"half_life": 84, "regime": {"half_life": 42}}, {"half_life": 84, "regime": {"half_life": 42, "window": 126}}),
]
DIFFERENT = [
    {"half_life": 84},
    {"half_life": 84, "window": 251},
    {"half_life": 84, "corr_window": 300},
    {"half_life": 84, "window": 300},
    {"half_life": 84, "min_periods": 59},
    {"half_life": 84, "centre": False},
    {"half_life": 84, "lags": 1},
    {"half_life": 84, "lags": 1, "corr_lags": 0},
    {"half_life": 84, "corr_half_life": 85},
    {"half_life": 84, "corr_half_life": 504},
    {"half_life": 84, "regime": {"half_life": 42}},
    {"half_life": 84, "regime": {"half_life": 42, "window": 125}},
    {"half_life": 84, "eigenfactor": {}},
    {"half_life": 84, "proxy": {"size": "market"}},
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_what_is_given_as_it_would_be_filled_in_is_left_out(one, other):
    assert EwmaFactorCov(**one).components == EwmaFactorCov(**other).components or "regime" in one
    hashes = {variant_hash(factor_cov={"estimator": "ewma", **given}) for given in (one, other)}
    assert len(hashes) == 1


def test_what_means_something_else_hashes_otherwise():
    assert len({variant_hash(factor_cov={"estimator": "ewma", **given}) for given in DIFFERENT}) == len(DIFFERENT)
    sample = {"estimator": "sample", "window": 252}
    assert variant_hash(factor_cov=sample) == variant_hash(factor_cov={"estimator": "sample"}) != variant_hash()


HALF_LIVES = st.sampled_from([None, 21.0, 42.0, 84.0])
WINDOWS = st.sampled_from([None, 63, 126, 252, 300])


@given(HALF_LIVES, WINDOWS, WINDOWS, st.sampled_from([None, 30, 60]), st.booleans())
def test_specific_variances_of_one_meaning_have_one_hash(lags_half_life, window, lags_window, min_periods, is_linked):
    rules = EwmaSpecificVar(
        half_life=84, window=window, lags=2, lags_half_life=lags_half_life, lags_window=lags_window, min_periods=min_periods,
        linked=LinkedIssues(min_periods=min_periods) if is_linked else None,
    )  # fmt: skip
    hashes = {settings_hash(rules)}
    for place, value in filled_in(rules).items():
        if len(place) == 1:
            hashes.add(settings_hash(replace(rules, **{place[0]: value, "lags_window": rules.lags_weighting.window})))
    assert len(hashes) == 1
    names = {"window", "lags_half_life", "lags_window", "min_periods"}
    assert len(names & beyond_defaults(rules).keys()) <= sum(getattr(rules, name) is not None for name in names)


def test_two_passes_hash_by_their_resolved_windows():
    def hashed(**two_pass):
        return config(regression={"weights": "inverse_specific_var", "two_pass": two_pass}).regress_hash()

    assert hashed() == hashed(half_life=84, window=252, min_periods=60, max_ratio=100)
    assert hashed() == config(regression={"weights": "inverse_specific_var"}).regress_hash()
    assert hashed(half_life=None) == hashed(half_life=None, window=252)
    assert len({hashed(), hashed(half_life=None), hashed(window=251), hashed(min_periods=59)}) == 4


def test_a_style_of_its_own_column_hashes_as_it_is_written_out():
    def hashed(**rules):
        return config(factors=[{"styles": {"size": rules}}]).ingest_hash()

    assert hashed() == hashed(descriptors={"size": 1}) == hashed(remove_beyond=10, clip_beyond=3, missing="reject")
    assert len({hashed(), hashed(descriptors={"size": 1, "cap": 1}), hashed(missing="zero"), hashed(clip_beyond=2)}) == 4


def test_descriptor_windows_hash_by_their_meaning():
    def hashed(**prices):
        priced = {**BODY["sources"], "prices": {"path": "q.parquet"}}
        return config(sources=priced, descriptors={"prices": prices}).describe_hash()

    whole = {"window": 252, "half_life": 63, "lag": 0, "min_periods": 126}
    assert hashed() == hashed(beta=whole) == hashed(month=21, range_min_periods=126)
    assert hashed() != hashed(beta={**whole, "min_periods": 125})


def test_places_and_engines_make_nothing_stale():
    moved = {"panel": {**BODY["sources"]["panel"], "path": "elsewhere.parquet", "format": "parquet"}}
    for other in ({"lake": "other"}, {"sources": moved}, {"engine": "local"}, {"local": {"workers": 3}}, {"spark": {"a.b": 1}}):
        assert (config(**other).full_hash(), config(**other).ingest_hash()) == (config().full_hash(), config().ingest_hash()), other


def test_what_a_source_is_read_by_is_of_the_panel():
    def hashed(**panel):
        return config(sources={"panel": {"path": "p.csv", "columns": {"cap": "cap"}, **panel}}).ingest_hash()

    dated = {"exposures_dated": "start_of_period"}
    assert len({hashed(), hashed(encoding="latin-1"), hashed(**dated), hashed(columns={"cap": "mcap"})}) == 4


def test_v_is_stale_by_its_assets_its_exposures_and_its_form():
    def hashed(assets=None, **covariance):
        return config(covariance=covariance).covariance_hash(assets)

    assert hashed() == hashed(dates="month_end", max_cells=9, variants=["v"], exposures="known", cells=False)
    assert len({hashed(), hashed(["A"]), hashed(["B"]), hashed(exposures="used"), hashed(cells=True)}) == 5


def test_a_hash_says_whether_data_settings_or_version_changed():
    def row(data="d", settings="a" * 16, version="1"):
        return join_hash(data, rules_hash(settings, version))

    def why(stored):
        return changes({1: row()}, {1: stored} if stored else {}, Why.UPSTREAM).why.get(1)

    assert why(row()) is None
    assert why(None) is Why.NEW
    assert why(row(data="other")) is Why.UPSTREAM
    assert why(row(settings="b" * 16)) is Why.CONFIGURATION
    assert why(row(version="2")) is Why.VERSION
    assert why(row(settings="b" * 16, version="2")) is Why.VERSION
    assert why("d.0123abcd") is Why.VERSION  # a lake of before there were versions in it


def test_every_version_is_a_plain_word():
    found = {name: value for name, value in vars(versions).items() if name.isupper()}
    assert len(found) == 12
    assert all(value.isalnum() for value in found.values())
