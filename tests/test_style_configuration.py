"""Styles in the configuration: which columns are read, and what a row of the panel depends on."""

from sigmalake.config.model import Config
from sigmalake.numerics.exposures.style_rules import Missing

BODY = {
    "model": "m",
    "lake": "lake",
    "sources": {"panel": {"path": "p.parquet", "columns": {"cap": "cap"}}},
    "factors": [{"market": "market"}, {"membership": "sector", "column": "sector"}, {"styles": ["size", "value"]}],
}


def with_styles(*entries: dict, **other: object) -> Config:
    return Config.model_validate({**BODY, "factors": [*BODY["factors"][:2], *entries], **other})


def test_styles_as_given_and_standardised_ones_keep_their_order_and_share_columns():
    config = with_styles(
        {"styles": ["beta"]},
        {"styles": {"value": {"descriptors": {"book": 0.7, "beta": 0.3}, "missing": "regress"}, "size": {}}},
    )
    assert config.styles == ["beta", "value", "size"]
    assert config.style_columns == ["beta", "book", "size"]
    assert list(config.style_rules) == ["value", "size"]
    assert config.style_rules["value"].missing is Missing.REGRESS
    assert config.style_rules["size"].weights("size") == {"size": 1.0}


def test_the_regressions_weights_are_of_the_panel_only_where_styles_are_regressed_on_factors():
    for rules, depends in (({}, False), ({"missing": "regress"}, True), ({"orthogonal_to": ["sector"]}, True), (None, False)):
        entry = {"styles": ["size"]} if rules is None else {"styles": {"size": rules}}
        hashes = {with_styles(entry, regression={"weights": w}).ingest_hash() for w in ("sqrt_cap", "cap")}
        assert len(hashes) == (2 if depends else 1), rules


def test_every_rule_of_a_style_is_of_the_panel():
    rules = ({}, {"remove_beyond": 9}, {"clip_beyond": 2}, {"missing": "zero"}, {"descriptors": {"size": 2.0}})
    assert len({with_styles({"styles": {"size": rule}}).ingest_hash() for rule in rules}) == len(rules)
