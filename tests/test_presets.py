"""Presets of the configuration: what they stand for, and what is put over them."""

import re

import pytest

from sigmalake.config.model import Config, load_config
from sigmalake.config.variant import Variant
from sigmalake.errors import ConfigError
from sigmalake.numerics.factor_cov.eigenfactor import EigenfactorAdjustment
from sigmalake.numerics.factor_cov.estimators import EwmaFactorCov, SampleFactorCov
from sigmalake.numerics.factor_cov.regime import VolatilityRegime
from sigmalake.numerics.specific_risk.estimators import EwmaSpecificVar, SampleSpecificVar
from sigmalake.numerics.specific_risk.regime import SpecificRegime
from sigmalake.numerics.specific_risk.size_shrinkage import SizeShrinkage
from sigmalake.numerics.specific_risk.structural_vol import StructuralModel

MODEL = {
    "model": "small",
    "lake": "lake",
    "sources": {"panel": {"path": "panel.parquet", "columns": {"cap": "cap"}}},
    "factors": [{"market": "market"}, {"styles": ["size", "value"]}],
    "regression": {"weights": "equal"},
}


def variant(**given) -> Variant:
    return Variant.model_validate(given)


def config(**risk) -> Config:
    return Config.model_validate({**MODEL, "risk": risk})


def delta(half_life: float, regime: float) -> EwmaSpecificVar:
    return EwmaSpecificVar(
        half_life=half_life,
        lags=5,
        lags_half_life=252,
        structural=StructuralModel(fewest_obs=60, ramp_obs=120, window=252),
        size_shrinkage=SizeShrinkage(q=0.1),
        regime=SpecificRegime(half_life=regime, winsorise_beyond=10),
    )


@pytest.mark.parametrize(
    ("name", "vol", "corr", "regime"),
    [
        ("short", (252, 84, 5), (1512, 504, 2), 42),
        ("long", (756, 252, 5), (1512, 504, 2), 168),
        ("trading", (126, 42, 0), (600, 200, 0), 4),
    ],
)
def test_the_daily_presets_have_the_published_half_lives_and_lags(name, vol, corr, regime):
    found = variant(preset=name)
    assert found.factor_cov.components == (vol, corr, True, False)
    assert found.factor_cov.regime == VolatilityRegime(half_life=regime)
    assert found.factor_cov.eigenfactor == EigenfactorAdjustment(scale=1.0)
    assert found.specific_var == delta(vol[1], regime)
    assert found.look_back == max(corr[0], vol[0] + 3 * regime, 756)


def test_the_monthly_preset_is_the_sample_of_sixty():
    found = variant(preset="monthly_60")
    assert found.factor_cov == SampleFactorCov(window=60)
    assert found.specific_var == SampleSpecificVar(window=60)


def test_months_are_another_variant_and_periods_the_one_that_there_was():
    plain, by_month = config(v={"preset": "monthly_60"}), config(v={"preset": "monthly_60", "frequency": "month"})
    assert (by_month.risk["v"].every, by_month.risk["v"].look_back) == ("month", 60)
    assert by_month.risk["v"].factor_cov == plain.risk["v"].factor_cov
    said = config(v={"preset": "monthly_60", "frequency": "period"})
    for name in ("variant_hash", "full_hash"):
        hashes = [getattr(c, name)(*(["v"] if name == "variant_hash" else [])) for c in (plain, said, by_month)]
        assert hashes[0] == hashes[1] != hashes[2]


def test_what_is_given_stands_over_the_preset_key_by_key():
    found = variant(preset="short", every="month", factor_cov={"lags": 3, "regime": None, "eigenfactor": {"simulations": 50}})
    assert found.every == "month"
    assert found.factor_cov == EwmaFactorCov(
        half_life=84, corr_half_life=504, lags=3, corr_lags=2, eigenfactor=EigenfactorAdjustment(simulations=50, scale=1.0)
    )
    assert found.specific_var == delta(84, 42)


def test_layers_of_delta_are_switched_off_one_by_one():
    off = {"lags": 0, "lags_half_life": None, "structural": None, "size_shrinkage": None, "regime": None}
    assert variant(preset="short", specific_var=off).specific_var == EwmaSpecificVar(half_life=84)


def test_a_layer_that_is_on_moves_the_hash_of_the_variant():
    bare = config(v={"specific_var": {"estimator": "ewma", "half_life": 84}}).variant_hash("v")
    assert bare == config(v={}).variant_hash("v")
    for layer in ({"lags": 1}, {"regime": {"half_life": 5}}, {"size_shrinkage": {}}, {"linked": {}}, {"structural": {}}):
        assert issuing(v={"specific_var": {"estimator": "ewma", "half_life": 84, **layer}}).variant_hash("v") != bare


def issuing(**risk) -> Config:
    return Config.model_validate(
        {**MODEL, "sources": {"panel": {"path": "p.parquet", "columns": {"cap": "cap", "issuer_id": "issuer"}}}, "risk": risk}
    )


@pytest.mark.parametrize(
    ("risk", "told"),
    [
        (
            {"preset": "short"},
            "risk.v.specific_var.size_shrinkage needs caps, and no source has them; map a `cap` column, give `sources.caps`, or "
            "switch it off with `size_shrinkage: null` under specific_var",
        ),
        (
            {"specific_var": {"estimator": "sample", "linked": {}}},
            "risk.v.specific_var.linked needs issuers, and no `issuer_id` column is mapped",
        ),
    ],
)
def test_a_layer_whose_data_no_source_has_is_refused(risk, told):
    bare = {**MODEL, "sources": {"panel": {"path": "panel.parquet"}}}
    with pytest.raises(ValueError, match=re.escape(told)):
        Config.model_validate({**bare, "risk": {"v": risk}})
    without = {"preset": "short", "specific_var": {"size_shrinkage": None}}
    assert Config.model_validate({**bare, "risk": {"v": without}}).risk["v"].specific_var.regime == SpecificRegime(half_life=42)


def test_another_estimator_replaces_the_section():
    assert variant(preset="short", factor_cov={"estimator": "sample", "window": 60}).factor_cov == SampleFactorCov(window=60)


def test_a_preset_is_the_same_model_as_its_parameters_written_out():
    short = config(short={"preset": "short"})
    written_out = Config.model_validate({**MODEL, "risk": short.model_dump(mode="json")["risk"]})
    assert written_out.risk["short"].preset is None
    assert written_out.variant_hash("short") == short.variant_hash("short")


def test_the_seed_is_model_and_variant_and_part_of_the_hash():
    fixed = {"preset": "short", "factor_cov": {"eigenfactor": {"seed": "x"}}}
    found = config(short={"preset": "short"}, other={"preset": "short"}, fixed=fixed)
    assert [found.risk[name].factor_cov.eigenfactor.seed for name in found.risk] == ["small/short", "small/other", "x"]
    assert found.variant_hash("short") != found.variant_hash("other")


def test_proxies_must_be_factors_of_a_model_that_lists_them_all():
    assert config(v={"preset": "short", "factor_cov": {"proxy": {"value": "size"}}}).risk["v"].factor_cov.proxy
    with pytest.raises(ValueError, match=r"risk\.v\.factor_cov\.proxy names sise; the model has no such factor"):
        config(v={"preset": "short", "factor_cov": {"proxy": {"value": "sise"}}})
    learned = [*MODEL["factors"], {"membership": "sector", "column": "sector"}]
    assert Config.model_validate(
        {**MODEL, "factors": learned, "risk": {"v": {"preset": "short", "factor_cov": {"proxy": {"tech": "bank"}}}}}
    )


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{preset: shrt}", "risk.v.preset: must be 'short', 'long', 'trading' or 'monthly_60' (value: 'shrt')"),
        (
            "{preset: short, factor_cov: {regime: {half_lif: 3}}}",
            "factor_cov.regime.half_lif: unknown key; did you mean `half_life`?",
        ),
        ("{preset: short, factor_cov: {eigenfactor: {scale: -1}}}", "risk.v.factor_cov.eigenfactor: scale is -1.0; it must be > 0"),
        ("{preset: short, factor_cov: {lags: 252}}", "risk.v.factor_cov: lags is 252; it must be from 0"),
        ("{preset: short, factor_cov: {proxy: {value: value}}}", "risk.v.factor_cov: proxy of value is value itself"),
        (
            "{preset: short, specific_var: {structural: {windw: 3}}}",
            "risk.v.specific_var.structural.windw: unknown key; did you mean `window`?",
        ),
        (
            "{preset: trading, specific_var: {structural: {window: null}}}",
            "risk.v.specific_var: structural: its window is 126 periods, and gamma = 1 takes fewest_obs + ramp_obs = 180",
        ),
        ("{preset: short, specific_var: {lags_bounds: [2, 4]}}", "risk.v.specific_var: lags_bounds is [2.0, 4.0]; it must hold 1"),
        (
            "{preset: short, specific_var: {linked: {shrinkage: 2}}}",
            "risk.v.specific_var.linked: shrinkage is 2.0; it must be from 0",
        ),
        (
            "{preset: monthly_60, frequency: month, every: day}",
            "risk.v: every is day with frequency: month; Sigma and Delta of monthly returns move when a month ends: leave `every`",
        ),
        ("{preset: monthly_60, frequency: quarter}", "risk.v.frequency: must be 'period' or 'month' (value: 'quarter')"),
        ("{preset: short, factor_cov: 3}", "risk.v.factor_cov: must be a section of `key: value` lines"),
        ("{preset: monthly_60, factor_cov: {shrinkage: oas, lags: 1}}", "shrinkage: oas does not go with lags: its intensity"),
        ("{preset: monthly_60, factor_cov: {shrinkage: stein}}", "factor_cov.shrinkage: must be 'ledoit_wolf', 'oas' or 'qis'"),
    ],
)
def test_mistakes_are_told_with_their_place(tmp_path, line, told):
    text = "model: m\nlake: lake\nsources: {panel: {path: p.parquet}}\nregression: {weights: equal}\n"
    path = tmp_path / "model.yaml"
    path.write_text(f"{text}factors: [{{styles: [value]}}]\nrisk:\n  v: {line}\n")
    with pytest.raises(ConfigError) as refused:
        load_config(path)
    assert told in str(refused.value)
