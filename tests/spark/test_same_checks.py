"""Arrow's checks of source rows against Spark's expressions, on messy rows: the same rows used, problems told and values carried.

What is other by intent is left out here and tested in `tests/tasks`: NaN in columns of reals, returns below -1, blanks around
ids, prices below 0. To be deleted with Spark's expressions.
"""

import numpy as np
import pyarrow as pa
import pytest

from sigmalake.config.model import Config
from sigmalake.config.sources import FundamentalSource, PriceSource, SegmentSource
from sigmalake.engines.spark.sources import checked_exposures as spark_exposures
from sigmalake.engines.spark.sources import checked_sources as spark_sources
from sigmalake.tasks.sources.checked_prices import checked_figures, checked_prices, checked_segments
from sigmalake.tasks.sources.checked_returns import checked_caps, checked_returns
from sigmalake.tasks.sources.exposures.checked_exposures import checked_exposures
from sigmalake.tasks.sources.raw_rows import RawRows

pytestmark = pytest.mark.jvm

N = 900
DATES = [
    "2024-01-02",
    "2024-01-03",
    "2024-01-04",
    "2024-01-05T00:00:00",
    "2024-01-08 00:00:00",
    "2024-02-30",
    "1/2/2024",
    "2024",
    None,
]
NUMBERS = ["0.01", "-0.25", "1", "1e-3", "0", "-3", "abc", "1,5", "", None, "inf", "-Infinity", "nan", " 0.5 "]
SHARES = ["0.75", "0.25", "1", "0", "0.5", "-0.1", "1.2", None, "x"]
FLAGS = ["true", "FALSE", "1", "0", "yes", "maybe", None]


def picked(random, values, often=0):
    """Values at random, the first of them most often."""
    weights = np.array([12.0] * (often + 1) + [1.0] * (len(values) - often - 1))
    at = random.choice(len(values), size=N, p=weights / weights.sum())
    return [values[i] for i in at]


def messy_text(seed=1):
    """Rows as a CSV file gives them: text throughout."""
    random = np.random.default_rng(seed)
    ids = [f"A{i:02d}" for i in range(30)]
    columns = {
        "n": [str(i) for i in range(N)],
        "day": picked(random, DATES, 4),
        "asset": picked(random, [*ids, "", "  ", None], 29),
        "ret": picked(random, [text for text in NUMBERS if text not in {"-3", "-Infinity"}], 2),
        "rf": picked(random, NUMBERS, 2),
        "cap": picked(random, ["5", "7.5", "1e9", *NUMBERS], 4),
        "ccy": picked(random, ["USD", "EUR", "", None], 1),
        "flag": picked(random, FLAGS, 3),
        "w": picked(random, ["1", "2", *NUMBERS], 3),
        "issuer": picked(random, ["I1", "I2", None], 1),
        "sector": picked(random, ["tech", "bank", "oil", " ", None], 1),
        "region": picked(random, ["EU", "NA", "", None], 1),
        "size": picked(random, NUMBERS, 3),
        "beta": picked(random, NUMBERS, 3),
        "raw1": picked(random, NUMBERS, 3),
        "raw2": picked(random, NUMBERS, 3),
    }
    us = picked(random, SHARES, 4)
    columns |= {"us": us, "jp": [{"0.75": "0.25", "0.25": "0.75", "1": "0", "0": "1"}.get(share or "", "0.5") for share in us]}
    return pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})


def messy_numbers(seed=2):
    """The same rows typed: what is no number, or is NaN, is null."""
    text = messy_text(seed)
    numbers = {"ret", "rf", "cap", "w", "size", "beta", "raw1", "raw2", "us", "jp"}

    def as_float(value):
        try:
            return None if value is None or float(value) != float(value) else float(value)
        except ValueError:
            return None

    columns = {name: text.column(name).to_pylist() for name in text.column_names}
    typed = {name: pa.array(map(as_float, values), pa.float64()) if name in numbers else values for name, values in columns.items()}
    typed["flag"] = pa.array([{"true": True, "1": True, "0": False}.get(value or "") for value in columns["flag"]], pa.bool_())
    return pa.table(typed)


PANEL = {
    "path": "/no",
    "columns": {
        "date": "day", "asset_id": "asset", "ret": "ret", "rate": "rf", "cap": "cap", "weight": "w", "in_estimation": "flag",
        "issuer_id": "issuer", "currency": "ccy", "cap_currency": "ccy",
    },
}  # fmt: skip
FACTORS = [
    {"market": "market"},
    {"membership": "sector", "column": "sector", "levels": ["tech", "bank"]},
    {"membership": "region", "column": "region", "partial": True},
    {"membership": "country", "columns": {"US": "us", "JP": "jp"}},
    {"styles": ["size"], "as_given": True},
    {"styles": {"value": {"descriptors": {"raw1": 0.5, "raw2": 0.5}}, "beta": {"missing": "zero"}}, "as_given": False},
]


EQUAL = {"weights": "equal"}


def config_of(factors=FACTORS, **sources):
    sources = sources or {"panel": PANEL, "exchange_rates": {"path": "/no", "base": "USD"}}
    return Config.model_validate({"model": "m", "lake": "/no", "sources": sources, "factors": factors, "regression": EQUAL})


def by_row(half, key):
    """Of each row by its number: whether it is used, its problems, and what it carries."""
    names = [name for name in half.columns if name not in {"file", "row_hash", "members"}]
    frame = half.frame.select(
        *(half.frame[name].alias("key") for name in [key]),
        *(half.columns[name].alias(f"c_{name}") for name in [*names, *(["members"] if "members" in half.columns else [])]),
    )
    found = {}
    for row in frame.toArrow().to_pylist():
        carried = {name[2:]: value for name, value in row.items() if name.startswith("c_")}
        problems = {(p["column"], p["reason"]) for p in carried.pop("problems")}
        found[row["key"]] = carried.pop("usable"), problems, carried
    return found


def arrow_by_row(checked, keys):
    rows = checked.rows.to_pylist()
    problems = [set() for _ in rows]
    for problem in checked.problems.to_pylist():
        problems[problem["row"]].add((problem["column"], problem["reason"]))
    return {key: (row["usable"], found, row) for key, row, found in zip(keys, rows, problems, strict=True)}


def assert_same(checked, keys, half, key="n"):
    ours, theirs = arrow_by_row(checked, keys), by_row(half, key)
    assert ours.keys() == theirs.keys()
    for number, (usable, problems, carried) in theirs.items():
        mine, own, row = ours[number]
        assert own == problems, (number, row)
        assert mine == usable == (not problems)
        if usable:
            assert_same_row(row, carried)
    assert 0.1 < np.mean([usable for usable, _, _ in theirs.values()]) < 0.95


def assert_same_row(row, carried):
    for name, value in carried.items():
        if name == "members":
            lists = [row[f"member_{part}s"] for part in ("group", "level", "share")]
            assert list(zip(*lists, strict=True)) == [(m["group"], m["level"], m["share"]) for m in value or ()]
        else:
            assert row[name] == value, name


@pytest.mark.parametrize("rows", [messy_text(), messy_numbers()], ids=["text", "typed"])
def test_a_wide_panel_is_checked_alike(spark, rows):
    config, raw, frame = config_of(), RawRows(rows), spark.createDataFrame(rows)
    keys = rows.column("n").to_pylist()
    assert_same(checked_exposures(raw, config), keys, spark_exposures.exposure_half(frame, config))
    assert_same(checked_returns(raw, config), keys, spark_sources.return_half(frame, config))
    caps = config_of(returns={"path": "/no"}, exposures={"path": "/no"}, caps={"path": "/no", "columns": PANEL_CAPS})
    source = caps.sources.caps
    assert_same(checked_caps(raw, source), keys, spark_sources.cap_half(frame, source))


PANEL_CAPS = {"date": "day", "asset_id": "asset", "cap": "cap"}


@pytest.mark.parametrize("rows", [messy_text(3), messy_numbers(3)], ids=["text", "typed"])
def test_sources_of_descriptors_are_checked_alike(spark, rows):
    raw, frame, keys = RawRows(rows), spark.createDataFrame(rows), rows.column("n").to_pylist()
    named = {"date": "day", "asset_id": "asset", "ret": "ret", "cap": "cap", "traded_value": "w", "in_estimation": "flag"}
    prices = PriceSource(path="/no", columns=named)
    assert_same(checked_prices(raw, prices), keys, spark_sources.price_half(frame, prices))
    rows = rows.append_column("end", rows.column("day").take(pa.array(np.arange(N)[::-1])))
    rows = rows.append_column("item", pa.array((["book_value", "earnings", "other", None] * N)[:N]))
    raw, frame = RawRows(rows), spark.createDataFrame(rows)
    figures = {"asset_id": "asset", "item": "item", "period_end": "end", "known_at": "day", "value": "size"}
    source = FundamentalSource(path="/no", columns=figures)
    assert_same(checked_figures(raw, source), keys, spark_sources.figure_half(frame, source))
    named = {"asset_id": "asset", "industry": "sector", "period_end": "end", "known_at": "day", "assets": "raw1", "sales": "w"}
    source = SegmentSource(path="/no", columns=named)
    for levels in (None, ["tech"]):
        assert_same(checked_segments(raw, source, levels), keys, spark_sources.segment_half(frame, source, levels))


LONG = {"returns": {"path": "/no"}, "exposures": {"path": "/no", "columns": {
    "date": "day", "asset_id": "asset", "factor": "factor", "value": "value",
}}}  # fmt: skip
LONG_FACTORS = [{"membership": "country", "columns": {"US": "us", "JP": "jp"}}, {"styles": ["size"], "as_given": True}]


def test_a_long_source_is_gathered_and_checked_alike(spark):
    random = np.random.default_rng(4)
    rows = [
        (day, asset, factor, value)
        for day in ("2024-01-02", "2024-01-03", "bad", None)
        for asset in ("A", "B", "C", "D", None)
        for _ in range(4)
        for factor, value in (("us", "0.75"), ("jp", "0.25"), ("size", str(random.integers(2))), ("other", "7"), (None, "1"))
        if random.random() < 0.5
    ]
    rows += [("2024-01-02", "E", factor, value) for factor, value in (("us", "1"), ("jp", "0"), ("size", "x"))]
    rows += [("2024-01-03", "E", factor, value) for factor, value in (("us", "1"), ("jp", "0"), ("size", None), ("size", "3"))]
    rows += [("2024-01-03", "F", factor, value) for factor, value in (("us", "1"), ("jp", "0"), ("size", None))]
    rows = [rows[i] for i in random.permutation(len(rows))]
    table = pa.table(
        dict(zip(("day", "asset", "factor", "value"), (pa.array(c, pa.string()) for c in zip(*rows, strict=True)), strict=True))
    )
    config = config_of(LONG_FACTORS, **LONG)
    half = spark_exposures.exposure_half(spark.createDataFrame(table), config)
    checked = checked_exposures(RawRows(table), config)
    theirs = {
        (row["day"], row["asset"]): row
        for row in half.frame.select("day", "asset", *(c.alias(f"c_{n}") for n, c in half.columns.items())).toArrow().to_pylist()
    }
    assert checked.rows.num_rows == len(theirs)
    problems = [set() for _ in range(checked.rows.num_rows)]
    for problem in checked.problems.to_pylist():
        problems[problem["row"]].add((problem["column"], problem["reason"]))
    met = 0
    for row, own in zip(checked.rows.to_pylist(), problems, strict=True):
        if row["date"] is not None and row["asset_id"] is not None:
            other = theirs[row["date"].isoformat(), row["asset_id"]]
            assert own == {(p["column"], p["reason"]) for p in other["c_problems"]}, row
            assert (row["source_rows"], row["usable"]) == (other["c_source_rows"], other["c_usable"])
            if row["usable"]:
                assert_same_row(row, {name: other[f"c_{name}"] for name in ("style_0", "members", "in_estimation")})
            met += 1
    assert met >= 10
    assert sum(row["source_rows"] for row in checked.rows.to_pylist()) == len(rows)


MAPS = {"returns": {"path": "/no"}, "exposures": {"path": "/no", "columns": {"date": "day", "asset_id": "asset", "map": "x"}}}
MAP_FACTORS = [
    {"membership": "country", "map": "c", "levels": ["US", "JP"]},
    {"membership": "theme", "map": "t", "partial": True},
    {"styles": ["size"], "as_given": True},
]


def test_map_columns_are_checked_alike(spark):
    random = np.random.default_rng(5)
    countries = [
        {"US": 0.75, "JP": 0.25},
        {"JP": 1.0, "US": 0.0},
        {"US": 0.5},
        {"US": 1.0, "XX": 0.0},
        {"US": None, "JP": 1.0},
        None,
    ]
    countries += [{"US": 1.5, "JP": -0.5}, {}]
    themes = [{"a": 0.5, "b": 0.25}, {}, {"b": 1.0000001, "a": 0.0}, {"a": 0.9, "b": 0.9}, None]
    styles = [{"size": 1.0}, {"size": -2.0, "x": 1.0}, {"size": None}, {"x": 1.0}, None, {"size": float("inf")}]
    kind = pa.map_(pa.string(), pa.float64())

    def maps(values, often):
        return pa.array([None if m is None else list(m.items()) for m in picked(random, values, often)], kind)

    rows = messy_text().select(["n", "day", "asset"])
    for name, column in (("c", maps(countries, 1)), ("t", maps(themes, 2)), ("x", maps(styles, 1))):
        rows = rows.append_column(name, column)
    config = config_of(MAP_FACTORS, **MAPS)
    half = spark_exposures.exposure_half(spark.createDataFrame(rows), config)
    assert_same(checked_exposures(RawRows(rows), config), rows.column("n").to_pylist(), half)
