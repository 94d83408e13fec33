"""One bad value in a good row: it is rejected with its reason and the value seen, and the row's other side stays usable."""

from datetime import date, datetime

import numpy as np
import pyarrow as pa
import pytest
from check_configs import DATED, FACTORS, PANEL_COLUMNS, apart, config_of, hashes_of, problems_of

from sigmalake.config.sources import (
    CalendarSource,
    CapSource,
    ExchangeRateSource,
    FundamentalSource,
    PriceSource,
    RateSource,
    SegmentSource,
)
from sigmalake.tasks.sources.checked_prices import checked_figures, checked_prices, checked_segments
from sigmalake.tasks.sources.checked_rates import checked_calendar, checked_exchange_rates, checked_rates, rates_of_dates
from sigmalake.tasks.sources.exposures.checked_exposures import checked_exposures
from sigmalake.tasks.sources.raw_rows import RawRows
from sigmalake.tasks.sources.returns.checked_returns import checked_caps, checked_returns

GOOD = {
    "day": "2024-01-02", "asset": "A", "ret": "0.01", "cap": "5", "w": "1", "flag": "true", "issuer": "I", "sector": "tech",
    "size": "0.5", "us": "0.75", "jp": "0.25", "_ragged_line": None,
}  # fmt: skip
X, R = "exposures", "returns"
PLANTED = {  # the sentence: column, text, what is said of which side
    "a date that is missing": ("day", None, {("day", "missing", None)}, X + R),
    "a date that is blank": ("day", " ", {("day", "missing", " ")}, X + R),
    "a date that does not exist": ("day", "2024-02-30", {("day", "not a date", "2024-02-30")}, X + R),
    "an asset that is missing": ("asset", None, {("asset", "missing", None)}, X + R),
    "an asset that is blank": ("asset", "  ", {("asset", "missing", "  ")}, X + R),
    "a line with values too few": ("_ragged_line", "2024,A", {("line", "too few or too many values", "2024,A")}, X + R),
    "a return that is text": ("ret", "n/a", {("ret", "not a number", "n/a")}, R),
    "a return that is nan": ("ret", "nan", {("ret", "not finite", "nan")}, R),
    "an infinite return": ("ret", "inf", {("ret", "not finite", "inf")}, R),
    "a return below -1": ("ret", "-1.4", {("ret", "below -100 %", "-1.4")}, R),
    "a code for a missing return": ("ret", "-66", {("ret", "below -100 %", "-66")}, R),
    "a return of -1": ("ret", "-1", set(), R),
    "a missing return": ("ret", "", set(), R),
    "a missing cap": ("cap", "", {("cap", "missing", "")}, X),
    "a cap of 0": ("cap", "0", {("cap", "not positive", "0")}, X),
    "a cap that is text": ("cap", "5m", {("cap", "not a number", "5m")}, X),
    "an infinite cap": ("cap", "inf", {("cap", "not finite", "inf")}, X),
    "a negative weight": ("w", "-1", {("w", "negative", "-1")}, X),
    "a missing weight": ("w", None, {("w", "missing", None)}, X),
    "a flag that is none": ("flag", "maybe", {("flag", "not true or false", "maybe")}, X),
    "a missing flag": ("flag", None, {("flag", "missing", None)}, X),
    "a missing issuer": ("issuer", None, set(), X),
    "a missing style": ("size", None, {("size", "missing", None)}, X),
    "a style that is text": ("size", "high", {("size", "not a number", "high")}, X),
    "an infinite style": ("size", "-inf", {("size", "not finite", "-inf")}, X),
    "a missing sector": ("sector", "", {("sector", "missing", "")}, X),
    "an unknown sector": ("sector", "oil", {("sector", "unknown category", "oil")}, X),
    "a sector between blanks": ("sector", " bank ", set(), X),
    "shares that do not sum to 1": ("us", "0.5", {("country", "shares do not sum to 1", "0.75")}, X),
    "a missing share": ("us", None, {("us", "missing", None)}, X),
    "a share above 1": ("us", "1.75", {("us", "share outside 0 to 1", "1.75"), ("country", "shares do not sum to 1", "2.0")}, X),
    "a share below 0": ("jp", "-0.75", {("jp", "share outside 0 to 1", "-0.75"), ("country", "shares do not sum to 1", "0.0")}, X),
}


def table_of(*rows, good=GOOD):
    """Good rows as text, each with some values replaced."""
    return pa.table({name: pa.array([{**good, **row}[name] for row in rows], pa.string()) for name in good})


@pytest.mark.parametrize("sentence", PLANTED)
def test_a_bad_value_is_told_and_the_other_rows_are_used(sentence):
    column, value, expected, sides = PLANTED[sentence]
    raw = RawRows(table_of({"asset": "B"}, {column: value}, {"asset": "C"}))
    for side, checked in (X, checked_exposures(raw, config_of())), (R, checked_returns(raw, config_of())):
        own = expected if side in sides else set()
        assert problems_of(checked) == [set(), own, set()]
        assert checked.usable.tolist() == [True, not own, True]


def test_a_good_row_carries_what_packing_takes():
    raw = RawRows(
        table_of({"_source_file": "f"}, {"asset": " B ", "ret": "", "sector": " bank"}, good={**GOOD, "_source_file": "f"})
    )
    x, r = checked_exposures(raw, config_of()).rows.to_pylist(), checked_returns(raw, config_of()).rows.to_pylist()
    assert [(row["date"], row["asset_id"], row["given_id"], row["file"], row["source_rows"]) for row in x] == [
        (date(2024, 1, 2), "A", None, "f", 1),
        (date(2024, 1, 2), "B", " B ", "f", 1),
    ]
    carried = ("cap", "weight", "in_estimation", "issuer_id", "style_0", "level_0")
    assert [[row[name] for name in carried] for row in x] == [
        [5.0, 1.0, True, "I", 0.5, "tech"],
        [5.0, 1.0, True, "I", 0.5, "bank"],
    ]
    assert x[0]["member_groups"] == [1, 1]
    assert (x[0]["member_levels"], x[0]["member_shares"]) == (["US", "JP"], [0.75, 0.25])
    assert [row["ret"] for row in r] == [0.01, None]


def test_a_panel_of_every_type_is_checked_as_its_text_is():
    rows = [{"asset": str(100 + n), "flag": str(bool(n % 2)).lower(), "size": str(n / 7), "ret": str(n / 100)} for n in range(20)]
    text = table_of(*rows)
    days = pa.array([datetime(2024, 1, 2)] * 20, pa.timestamp("ns"))
    numbers = {name: [float(x) for x in text.column(name).to_pylist()] for name in ("ret", "cap", "w", "size", "us", "jp")}
    typed = {
        "day": days, "asset": pa.array([100 + n for n in range(20)], pa.uint64()), "flag": [n % 2 for n in range(20)],
        "issuer": text.column("issuer").combine_chunks().dictionary_encode(), "sector": text.column("sector"), **numbers,
    }  # fmt: skip
    of_text, of_types = (RawRows(table) for table in (text.drop_columns(["_ragged_line"]), pa.table(typed)))
    for check in (checked_exposures, checked_returns):
        assert check(of_text, config_of()).rows.equals(check(of_types, config_of()).rows)


def test_nan_in_a_column_of_reals_is_missing_as_null_is():
    rules = [*FACTORS[:3], {"styles": {"size": {"missing": "zero"}}, "as_given": False}]
    numbers = {"ret": [0.01, np.nan, None], "size": [0.5, np.nan, None], "cap": [1.0, 1.0, np.nan]}
    table = table_of({}, {}, {}).drop_columns(list(numbers))
    for name, values in numbers.items():
        table = table.append_column(name, pa.array(values, pa.float64()))
    for factors, problems in ((FACTORS, {("size", "missing")}), (rules, set())):
        checked = checked_exposures(RawRows(table), config_of(factors))
        assert [{found[:2] for found in of_row} for of_row in problems_of(checked)] == [
            set(),
            problems,
            problems | {("cap", "missing")},
        ]
        assert checked.rows.column("style_0").to_pylist() == [0.5, None, None]
    returns = checked_returns(RawRows(table), config_of())
    assert returns.usable.all()
    assert returns.rows.column("ret").to_pylist() == [0.01, None, None]
    assert hashes_of(returns)[1] == hashes_of(returns)[2]
    infinite = table.set_column(table.column_names.index("size"), "size", pa.array([np.inf, -np.inf, 1.0]))
    assert [{found[:2] for found in row} for row in problems_of(checked_exposures(RawRows(infinite), config_of(rules)))] == [
        {("size", "not finite")},
        {("size", "not finite")},
        {("cap", "missing")},
    ]


def test_a_style_of_two_descriptors_needs_one_of_them_unless_it_may_be_missing():
    factors = [
        {"styles": {"value": {"descriptors": {"size": 1.0, "us": 1.0}}, "other": {"descriptors": {"jp": 1.0}}}, "as_given": False}
    ]
    raw = RawRows(table_of({}, {"size": None}, {"size": None, "us": None}, {"size": "x", "us": ""}, {"jp": None}))
    assert problems_of(checked_exposures(raw, config_of(factors))) == [
        set(),
        set(),
        {("value", "missing", None)},
        {("size", "not a number", "x")},
        {("jp", "missing", None)},
    ]


def test_returns_in_excess_of_rates_of_the_row_or_of_the_date():
    rows = [{"rf": "0.002"}, {"rf": None}, {"day": "2024-01-03", "rf": "x"}, {"day": "bad", "rf": "0"}]
    raw = RawRows(table_of(*rows, good={**GOOD, "rf": "0"}))
    panel = {"path": "/no", "columns": {**PANEL_COLUMNS, "rate": "rf"}}
    checked = checked_returns(raw, config_of(panel=panel))
    assert problems_of(checked)[:3] == [set(), {("rf", "missing", None)}, {("rf", "not a number", "x")}]
    assert checked.rows.column("ret").to_pylist() == [0.01 - 0.002, None, None, 0.01]
    rates = checked_rates(
        RawRows(
            pa.table({"date": ["2024-01-02", "2024-01-04", "2024-01-04", "2024-01-05", "2024-01-05"], "rate": [0.003, 1, 1, 1, 2]})
        ),
        RateSource(path="/no"),
    )
    assert problems_of(rates) == [
        set(),
        set(),
        {("key", "identical copy of a row", None)},
        *[{("key", "key given more than once, with different values", None)}] * 2,
    ]
    apart_rates = config_of(panel={"path": "/no", "columns": PANEL_COLUMNS}, rates={"path": "/no"})
    found = checked_returns(raw, apart_rates, rates_of_dates(rates))
    no_rate = {("day", "no risk-free rate for the date", "2024-01-03")}
    assert problems_of(found) == [set(), set(), no_rate, {("day", "not a date", "bad")}]
    assert found.rows.column("ret").to_pylist() == [0.01 - 0.003, 0.01 - 0.003, None, None]


def test_a_currency_is_named_and_kept_without_blanks():
    panel = {"path": "/no", "columns": {**PANEL_COLUMNS, "currency": "ccy", "cap_currency": "ccy"}}
    config = config_of(panel=panel, exchange_rates={"path": "/no", "base": "USD"})
    raw = RawRows(table_of({"ccy": " EUR"}, {"ccy": " "}, good={**GOOD, "ccy": "USD"}))
    x, r = checked_exposures(raw, config), checked_returns(raw, config)
    assert problems_of(x) == problems_of(r) == [set(), {("ccy", "missing", " ")}]
    assert x.rows.column("cap_currency").to_pylist() == r.rows.column("currency").to_pylist() == ["EUR", None]
    assert r.rows.column("local_ret").to_pylist() == [0.01, 0.01]
    assert r.rows.column("risk_free").to_pylist() == [0.0, 0.0]


def test_caps_apart_are_positive_and_named():
    source = CapSource(path="/no", columns={**DATED, "cap": "cap", "cap_currency": "issuer"})
    checked = checked_caps(RawRows(table_of({}, {"cap": "-1"}, {"issuer": None})), source)
    assert problems_of(checked) == [set(), {("cap", "not positive", "-1")}, {("issuer", "missing", None)}]
    assert checked.rows.column("cap").to_pylist() == [5.0, -1.0, 5.0]
    assert checked.rows.column("cap_currency").to_pylist() == ["I", "I", None]


PRICES = PriceSource(
    path="/no", columns={**DATED, "ret": "ret", "cap": "cap", "price": "size", "volume": "w", "in_estimation": "flag"}
)


def test_a_negative_price_is_the_mean_of_bid_and_ask_and_its_size_is_used():
    raw = RawRows(table_of({}, {"size": "-2", "w": "3"}, {"size": "-inf"}, {"w": "-1"}, {"w": "0"}, {"cap": "-1"}, {"ret": "-99"}))
    checked = checked_prices(raw, PRICES)
    assert problems_of(checked) == [
        set(),
        set(),
        {("size", "not finite", "-inf")},
        {("w", "negative", "-1")},
        set(),
        {("cap", "negative", "-1")},
        {("ret", "below -100 %", "-99")},
    ]
    assert checked.rows.column("traded_value").to_pylist()[:2] == [0.5, 6.0]
    assert checked.rows.column("traded_value").to_pylist()[4] == 0.0


def test_what_a_source_of_prices_has_no_column_for_is_missing_throughout():
    checked = checked_prices(RawRows(table_of({}, {"ret": None})), PriceSource(path="/no", columns={**DATED, "ret": "ret"}))
    carried = ("ret", "cap", "traded_value", "in_estimation")
    assert [[row[name] for name in carried] for row in checked.rows.to_pylist()] == [
        [0.01, None, None, True],
        [None, None, None, True],
    ]
    assert checked.usable.all()


def test_figures_have_a_known_item_and_two_dates():
    rows = pa.table({
        "asset_id": ["A", "A", "", "A", "A", "A"],
        "item": [" earnings ", "profit", "dividends", "dividends", "earnings", None],
        "period_end": ["2023-12-31", "2023-12-31", "2023-12-31", "bad", "2023-12-31", "2023-12-31"],
        "known_at": ["2024-01-02", "2024-01-02", "2024-01-02", "2024-01-02", None, "2024-01-02"],
        "value": ["1", "", "inf", "x", "", "1"],
    })  # fmt: skip
    checked = checked_figures(RawRows(rows), FundamentalSource(path="/no"))
    assert problems_of(checked) == [
        set(),
        {("item", "unknown category", "profit")},
        {("asset_id", "missing", ""), ("value", "not finite", "inf")},
        {("period_end", "not a date", "bad"), ("value", "not a number", "x")},
        {("known_at", "missing", None)},
        {("item", "unknown category", None)},
    ]
    first = checked.rows.to_pylist()[0]
    assert (first["item"], first["period_end"], first["value"]) == ("earnings", date(2023, 12, 31), 1.0)


def test_segments_are_of_listed_industries_and_not_negative():
    rows = table_of(
        {},
        {"sector": "oil"},
        {"sector": " "},
        {"size": "-1"},
        {"size": None, "w": "-2"},
        {"end": None},
        good={**GOOD, "end": "2023-12-31"},
    )
    named = {"asset_id": "asset", "industry": "sector", "period_end": "end", "known_at": "day", "assets": "size", "sales": "w"}
    source = SegmentSource(path="/no", columns=named)
    expected = [
        set(),
        {("sector", "unknown category", "oil")},
        {("sector", "missing", " ")},
        {("size", "negative", "-1")},
        {("w", "negative", "-2")},
        {("end", "not a date", None)},
    ]
    assert problems_of(checked_segments(RawRows(rows), source, ["tech"])) == expected
    assert problems_of(checked_segments(RawRows(rows), source, None)) == [set(), set(), *expected[2:]]


def test_exchange_rates_are_positive_and_the_base_is_1():
    rows = pa.table({
        "date": ["2024-01-02"] * 8 + ["2024-01-03"],
        "currency": ["EUR", "USD", "USD ", "JPY", "GBP", None, "CHF", " CHF", "EUR"],
        "rate": ["1.1", "1.0", "1", "0", "nan", "1", "0.9", "0.95", "1.1"],
        "interest": ["0.01", "", "", "", "", "", "", "", "x"],
    })  # fmt: skip
    source = ExchangeRateSource(path="/no", base="USD", hedged=True, columns={"interest_rate": "interest"})
    conflict = ("key", "key given more than once, with different values")
    checked = checked_exchange_rates(RawRows(rows), source)
    assert problems_of(checked) == [
        set(),
        {(*conflict, "USD")},
        {(*conflict, "USD")},
        {("rate", "not positive", "0")},
        {("rate", "not finite", "nan")},
        {("currency", "missing", None)},
        {(*conflict, "CHF")},
        {(*conflict, "CHF")},
        {("interest", "not a number", "x")},
    ]
    wrong = pa.table({"date": ["2024-01-02"], "currency": ["USD"], "rate": [1.5]})
    found = checked_exchange_rates(RawRows(wrong), ExchangeRateSource(path="/no", base="USD"))
    assert problems_of(found) == [{("rate", "not 1, as the base currency's rate is", "1.5")}]


def test_a_calendar_has_dates_only():
    checked = checked_calendar(RawRows(pa.table({"date": ["2024-01-02", "x", None]})), CalendarSource(path="/no"))
    assert problems_of(checked) == [set(), {("date", "not a date", "x")}, {("date", "missing", None)}]


def test_a_source_without_rows_is_checked_as_well():
    empty = table_of()
    assert empty.num_rows == 0
    for check in (checked_exposures, checked_returns):
        checked = check(RawRows(empty), config_of())
        assert (checked.rows.num_rows, checked.problems.num_rows) == (0, 0)


def test_a_column_that_is_null_in_every_row_is_missing():
    table = table_of({}, {}).drop_columns(["ret", "issuer"]).append_column("ret", pa.nulls(2)).append_column("issuer", pa.nulls(2))
    assert checked_returns(RawRows(table), config_of()).rows.column("ret").null_count == 2
    assert checked_exposures(RawRows(table), config_of()).rows.column("issuer_id").null_count == 2


MAPPED = [
    {"membership": "country", "map": "c", "levels": ["US", "JP"]},
    {"membership": "theme", "map": "t", "partial": True},
    {"styles": ["size"], "as_given": True},
]


def test_map_columns_hold_shares_and_styles():
    kind = pa.map_(pa.string(), pa.float64())
    rows = {
        "good": ([("US", 0.75), ("JP", 0.25)], [("b", 0.5), ("a", 0.0)], [("size", 1.0)]),
        "other": ([("JP ", 1.0)], [], [("size", -1.0), ("x", 9.0)]),
        "unknown": ([("US", 0.5), ("XX", 0.5)], [("a", 0.9), ("b", 0.9)], [("x", 9.0)]),
        "null": (None, None, None),
        "missing": ([("US", None), ("JP", 1.0)], [("a", -0.1)], [("size", float("nan"))]),
        "twice": ([("US", 0.5), ("US ", 0.5)], [("a", 1.0000005)], [("size", float("inf"))]),
    }
    columns = zip(*rows.values(), strict=True)
    maps = {name: pa.array(column, kind) for name, column in zip(("c", "t", "x"), columns, strict=True)}
    table = pa.table({"day": ["2024-01-02"] * 6, "asset": list(rows), **maps})
    checked = checked_exposures(RawRows(table), config_of(MAPPED, **apart({**DATED, "map": "x"})))
    assert [{found[:2] for found in row} for row in problems_of(checked)] == [
        set(),
        set(),
        {("c", "unknown category"), ("t", "shares sum to more than 1"), ("size", "missing")},
        {("c", "missing"), ("t", "missing"), ("size", "missing")},
        {("c", "missing"), ("t", "share outside 0 to 1"), ("size", "missing")},
        {("c", "key given more than once, with different values"), ("size", "not finite")},
    ]
    members = [
        list(zip(*(row[f"member_{n}s"] for n in ("group", "level", "share")), strict=True)) for row in checked.rows.to_pylist()
    ]
    assert members[:2] == [[(0, "JP", 0.25), (0, "US", 0.75), (1, "b", 0.5)], [(0, "JP", 1.0)]]
    assert checked.rows.column("style_0").to_pylist()[:2] == [1.0, -1.0]
    assert len(set(hashes_of(checked))) == 6


LONG_FACTORS = [{"membership": "country", "columns": {"US": "us", "JP": "jp"}}, {"styles": ["size"], "as_given": True}]


def test_long_rows_of_an_asset_and_date_become_one_row_in_any_order():
    good = [("us", "0.75"), ("jp", "0.25"), ("size", "2")]
    cells = [("2024-01-02", "A", *cell) for cell in [*good, ("size", "2.0"), ("other", "1"), (None, "7")]]
    cells += [("2024-01-02", "B", *cell) for cell in [*good, ("size", "3")]]
    cells += [("2024-01-02", "C", *cell) for cell in [*good[:2], ("size", "x")]]
    cells += [("2024-01-03", "A", *cell) for cell in [*good[:2], ("size", None), ("size ", "4")]]
    cells += [("bad", "A", *cell) for cell in good] + [("worse", "A", *good[0])] + [(None, "A", *good[0])]
    config = config_of(LONG_FACTORS, **apart({**DATED, "factor": "factor", "value": "value"}))
    found = []
    for order in (np.arange(len(cells)), np.random.default_rng(1).permutation(len(cells))):
        columns = zip(*(cells[i] for i in order), strict=True)
        table = pa.table({n: pa.array(c, pa.string()) for n, c in zip(("day", "asset", "factor", "value"), columns, strict=True)})
        checked = checked_exposures(RawRows(table), config)
        problems = [sorted((column, reason) for column, reason, _ in of_row) for of_row in problems_of(checked)]
        rows = zip(checked.rows.to_pylist(), problems, strict=True)
        found.append({(row["row_hash"]): (row["date"], row["asset_id"], row["source_rows"], row["style_0"], p) for row, p in rows})
    assert found[0].keys() == found[1].keys()
    first, lacking = date(2024, 1, 2), [("jp", "missing"), ("size", "missing")]
    expected = [
        (first, "A", 6, 2.0, []),
        (first, "B", 4, None, [("size", "not finite")]),
        (first, "C", 3, None, [("size", "not finite")]),
        (date(2024, 1, 3), "A", 4, 4.0, []),
        (None, "A", 3, 2.0, [("day", "not a date")]),
        (None, "A", 1, None, [("day", "not a date"), *lacking]),
        (None, "A", 1, None, [("day", "missing"), *lacking]),
    ]
    for of_order in found:
        assert sorted(of_order.values(), key=str) == sorted(expected, key=str)
