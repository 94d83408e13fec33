"""What a configuration may ask of descriptors, and what their rows depend on."""

from datetime import date
from pathlib import Path

import pytest
from pydantic import ValidationError

from sigmalake.config.model import Config, load_config
from sigmalake.numerics.descriptors.library import DESCRIPTORS, STYLES, DescriptorRules
from sigmalake.stages.describe import expected_descriptors
from sigmalake.stages.side_tables.industry_shares import expected_shares
from sigmalake.tables.descriptors import DESCRIPTOR_UNITS

DAYS = [date(2024, 1, day) for day in range(1, 31)]
SHORT = {
    "month": 1, "range_months": 2, "beta": {"window": 6}, "momentum": {"window": 4}, "daily_volatility": {"window": 4},
    "turnover_1m": {"window": 1}, "turnover_3m": {"window": 2}, "turnover_12m": {"window": 3}, "reversal": {"window": 1},
}  # fmt: skip


def body(prices=None, styles=None, **others):
    sources = {"panel": {"path": "p.parquet", "columns": {"cap": "cap"}}}
    if prices is not None:
        sources["prices"] = {"path": "q.parquet", **prices}
    factors = [
        {"market": "market"},
        {"styles": {"size": {}, "yield": {"descriptors": {"dividend_yield": 1.0}}} if styles is None else styles},
    ]
    return {"model": "m", "lake": "lake", "sources": sources, "factors": factors, **others}


def described(**others) -> Config:
    return Config.model_validate(body(prices={}, **others))


def test_every_descriptor_of_the_library_has_its_column():
    assert tuple(DESCRIPTOR_UNITS) == DESCRIPTORS


def test_a_style_takes_what_the_library_computes_and_of_accounts_only_where_there_are_figures():
    assert Config.model_validate(body()).described_columns == []
    assert described().described_columns == ["size"]
    with_figures = body(prices={})
    with_figures["sources"]["fundamentals"] = {"path": "f.parquet"}
    assert Config.model_validate(with_figures).described_columns == ["size", "dividend_yield"]
    assert described(styles=["size"]).described_columns == []  # as given


def test_the_example_composes_its_styles_as_the_library_says():
    config = load_config(Path(__file__).parents[1] / "conf" / "us_equity.yaml")
    computed = {style: rules for style, rules in config.style_rules.items() if style != "book_to_price"}
    for style, rules in computed.items():
        name = STYLES[style]
        assert (dict(rules.weights(style)), rules.orthogonal_to) == (dict(name.descriptors), name.orthogonal_to), style
    assert set(config.described_columns) == {d for style in computed for d in STYLES[style].descriptors}
    assert config.risk["short"].look_back > 252


def test_prices_bring_the_default_windows_and_leave_the_hash_of_ingest_alone():
    plain, priced = Config.model_validate(body()), described()
    assert (plain.descriptors, priced.descriptors) == (None, DescriptorRules())
    assert priced.ingest_hash() == plain.ingest_hash()
    assert len({plain.full_hash(), priced.full_hash(), described(descriptors={"prices": SHORT}).full_hash()}) == 3


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"descriptors": {}}, "descriptors are computed from `sources.prices`, and there are none"),
        ({"prices": {"columns": {"price": "close"}}}, "the value traded needs both `price` and `volume`, or `traded_value` alone"),
        (
            {"prices": {"columns": {"price": "close", "volume": "shares", "traded_value": "value"}}},
            "the value traded is given twice: as `traded_value` and as `price` and `volume`",
        ),
        (
            {"prices": {"columns": {"ret": "cap", "cap": "cap"}}},
            "`ret` and `cap` are both column 'cap'; each has a column of its own",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(change, told):
    with pytest.raises(ValidationError) as refused:
        Config.model_validate(body(**change))
    assert told in str(refused.value)


def test_figures_without_prices_and_exposures_dated_otherwise_are_refused():
    alone, dated = body(), body(prices={})
    alone["sources"]["fundamentals"] = {"path": "f.parquet"}
    dated["sources"]["panel"]["exposures_dated"] = "start_of_period"
    twice = body(prices={})
    twice["sources"]["fundamentals"] = {"path": "f.parquet", "columns": {"period_end": "date", "known_at": "date"}}
    for given, told in (
        (alone, "`fundamentals:` are figures for descriptors, which need `prices:`, and there are none"),
        (dated, "descriptors are known at the close of their date; exposures beside them must be end_of_period, too"),
        (twice, "column 'date' is named twice"),
    ):
        with pytest.raises(ValidationError) as refused:
            Config.model_validate(given)
        assert told in str(refused.value)


def test_a_price_concerns_the_dates_whose_windows_hold_it():
    config = described(descriptors={"prices": SHORT})
    prices = {day: f"p{day}" for day in DAYS}
    before, after = (expected_descriptors(p, DAYS, [], config) for p in (prices, {**prices, DAYS[2]: "other"}))
    look_back = config.descriptors.prices.look_back
    assert [day for day in DAYS if before[day] != after[day]] == DAYS[2 : 2 + look_back] != DAYS[2:]


def test_a_date_added_changes_none_before_it_and_one_taken_out_those_that_look_back_to_it():
    config = described(descriptors={"prices": SHORT})
    prices = {day: f"p{day}" for day in DAYS}
    whole, shorter = (expected_descriptors(prices, days, [], config) for days in (DAYS, DAYS[:-1]))
    assert {day: whole[day] for day in DAYS[:-1]} == shorter
    gap = expected_descriptors(prices, [*DAYS[:5], *DAYS[6:]], [], config)
    look_back = config.descriptors.prices.look_back
    assert [day for day in gap if gap[day] != whole[day]] == DAYS[6 : 5 + look_back]


def test_a_figure_concerns_the_dates_from_its_day_on():
    config = described(descriptors={"prices": SHORT})
    prices = {day: f"p{day}" for day in DAYS}
    known = [(DAYS[3], "a")]
    before, after = (expected_descriptors(prices, DAYS, figures, config) for figures in (known, [*known, (DAYS[9], "b")]))
    assert [day for day in DAYS if before[day] != after[day]] == DAYS[9:]


def segmented(group=None, prices=None, segments=None, **others) -> Config:
    given = body(prices={"columns": {"cap": "cap"}} if prices is None else prices, **others)
    given["sources"]["segments"] = {"path": "s.parquet", "columns": {"assets": "assets"} if segments is None else segments}
    given["factors"].insert(1, {"membership": "industry", "segments": True, **(group or {})})
    return Config.model_validate(given)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"prices": {}}, "`segments:` are priced by the caps of `prices:`; give `prices:`, and map its `cap`"),
        ({"segments": {}}, "shares are made of `assets`, `sales` or both; map at least one of them"),
        ({"segments": {"assets": "figure", "sales": "figure"}}, "column 'figure' is named twice"),
        ({"group": {"map": "w"}}, "`segments: true` or `revenues: true`; the last two may have a `column:`"),
        ({"group": {"partial": True}}, "shares from segments sum to 1: `partial` is for a group of another form"),
    ],
)
def test_segments_that_make_no_shares_are_refused(change, told):
    with pytest.raises(ValidationError) as refused:
        segmented(**change)
    assert told in str(refused.value)


def test_a_group_of_segments_needs_their_source_and_stands_alone():
    group = {"membership": "industry", "segments": True}
    given = body(prices={"columns": {"cap": "cap"}})
    given["factors"].insert(1, group)
    with pytest.raises(ValidationError, match=r"has `segments: true`, and there are no `sources\.segments`"):
        Config.model_validate(given)
    twice = segmented().model_dump(mode="json")
    twice["factors"].insert(1, {**group, "membership": "sector"})
    with pytest.raises(ValidationError, match="two groups with `segments: true`, sector and industry; their factors are the same"):
        Config.model_validate(twice)


def test_segments_are_hashed_where_they_are_and_move_no_other_source():
    plain = body(prices={"columns": {"cap": "cap"}})
    plain["factors"].insert(1, {"membership": "industry", "column": "sector"})
    config = Config.model_validate(plain)
    assert "segments" not in config.resolved()
    assert len(config.described_hashes()) == 3
    other = segmented()
    assert len(other.described_hashes()) == 4
    assert other.describe_hash() == config.describe_hash()
    assert segmented({"levels": ["oil"]}).described_source_hash("segments") != other.described_source_hash("segments")


def test_a_segment_concerns_the_dates_from_its_day_on_and_a_price_its_own():
    config, prices = segmented(), {day: f"p{day}" for day in DAYS}
    known = [(DAYS[3], "a")]
    before, later = (expected_shares(prices, DAYS, segments, config) for segments in (known, [*known, (DAYS[9], "b")]))
    assert [day for day in DAYS if before[day] != later[day]] == DAYS[9:]
    moved = expected_shares({**prices, DAYS[2]: "other"}, DAYS, known, config)
    assert [day for day in DAYS if before[day] != moved[day]] == [DAYS[2]]
    shorter = segmented(descriptors={"fundamentals": {"max_age": 100}})
    assert all(value != before[day] for day, value in expected_shares(prices, DAYS, known, shorter).items())
    assert expected_shares(prices, DAYS, known, described()) == {}


@pytest.mark.parametrize(
    ("group", "told"),
    [
        ({"revenues": True, "segments": True}, "give one of"),
        ({"revenues": True, "map": "w"}, "give one of"),
        (
            {"revenues": True, "partial": True},
            "shares from revenues sum to 1: `partial` is for a group of another form; see `only`",
        ),
        ({"revenues": True, "only": ["USA"], "levels": ["USA"]}, "`only:` lists the levels that are factors; leave `levels:` out"),
        ({"columns": {"USA": "x"}, "only": ["USA"]}, "or of `columns:` what is no factor"),
        ({"column": "home", "rest": "abroad"}, "`rest:` names what is not in `only:`, which is not given"),
        ({"column": "home", "only": ["USA"], "rest": "abroad", "partial": True}, "leave `partial` out"),
        ({"column": "home", "only": ["USA"], "rest": "USA"}, "level 'USA' is named twice"),
        ({"revenues": True}, "the group country has `revenues: true`, and there are no `sources.revenues`"),
    ],
)
def test_a_group_against_the_rest_says_one_thing(group, told):
    given = body()
    given["factors"].insert(1, {"membership": "country", **group})
    with pytest.raises(ValidationError) as refused:
        Config.model_validate(given)
    assert told in str(refused.value)


def test_revenues_need_no_prices_and_move_no_other_source():
    plain = body()
    plain["sources"].pop("prices", None)
    plain["factors"] = [{"market": "market"}, {"membership": "country", "column": "home"}]
    before = Config.model_validate(plain)
    plain["sources"]["revenues"] = {"path": "r.csv", "columns": {"level": "country"}}
    plain["factors"][1] = {"membership": "country", "revenues": True, "only": ["USA"]}
    config = Config.model_validate(plain)
    assert config.is_described and not before.is_described
    assert config.memberships[0].listed == ["USA"]
    assert config.described_hashes()[:-1] == before.described_hashes()
    assert config.full_hash() != before.full_hash()
    plain["sources"]["panel"]["exposures_dated"] = "start_of_period"
    with pytest.raises(ValidationError, match="revenues are known at the close of their date"):
        Config.model_validate(plain)
