"""Descriptors and industry shares meet the rows of their date and asset; a dictionary is the oracle."""

from datetime import date

import numpy as np
import pyarrow as pa
import pytest
from check_configs import DATED, config_of, hashes_of, problems_of

from sigmalake.tasks.sources.exposures.checked_exposures import checked_exposures
from sigmalake.tasks.sources.exposures.described import Described, DescribedShares
from sigmalake.tasks.sources.raw_rows import RawRows

DAYS = [date(2024, 1, day) for day in (2, 3, 4)]
SOURCES = {
    "panel": {"path": "/no", "columns": DATED},
    "prices": {"path": "/no", "columns": {"cap": "cap"}},
    "segments": {"path": "/no", "columns": {"assets": "assets"}},
}
FACTORS = [
    {"membership": "industry", "segments": True, "column": "sector"},
    {"styles": {"size": {}, "momentum": {"missing": "zero"}}, "as_given": False},
]
CONFIG = config_of(FACTORS, **SOURCES)


def packed_descriptors(*rows):
    names = ["date", "inputs_hash", "asset_id", "size", "momentum"]
    return pa.table(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)))


def packed_shares(*rows):
    return pa.table(
        dict(zip(["date", "inputs_hash", "asset_id", "industry", "share"], map(list, zip(*rows, strict=True)), strict=True))
    )


DESCRIPTORS = packed_descriptors(
    (DAYS[1], "h1", ["A", "C"], [2.0, None], [0.2, 0.3]), (DAYS[0], "h0", ["B", "A"], [1.5, 1.0], [None, 0.1])
)
SHARES = packed_shares(
    (DAYS[0], "s0", ["A", "A", "B"], ["oil", "gas", "gas"], [0.25, 0.75, 1.0]), (DAYS[1], "s1", ["A"], ["tech"], [1.0])
)


def rows_of(*keys, sector="bank"):
    days, assets = zip(*keys, strict=True)
    return RawRows(pa.table({"day": list(map(str, days)), "asset": list(assets), "sector": [sector] * len(keys)}))


def described(pending=(), rows=DESCRIPTORS, shares=SHARES):
    planned = dict(pending)
    return Described(["size", "momentum"], rows, planned, {"segments": DescribedShares(shares, planned)})


KEYS = [(DAYS[0], "A"), (DAYS[0], "B"), (DAYS[0], "C"), (DAYS[1], "A "), (DAYS[1], "C"), (DAYS[2], "A")]


def members(checked):
    lists = (checked.rows.column(f"member_{part}s").to_pylist() for part in ("level", "share"))
    return [dict(zip(*of_row, strict=True)) for of_row in zip(*lists, strict=True)]


def test_an_asset_meets_what_was_described_of_its_date():
    checked = checked_exposures(rows_of(*KEYS), CONFIG, described())
    assert checked.rows.column("style_0").to_pylist() == [1.0, 1.5, None, 2.0, None, None]
    assert checked.rows.column("style_1").to_pylist() == [0.1, None, None, 0.2, 0.3, None]
    lacking = {("size", "missing", None)}
    assert problems_of(checked) == [set(), set(), lacking, set(), lacking, lacking]
    assert members(checked) == [
        {"oil": 0.25, "gas": 0.75},
        {"gas": 1.0},
        {"bank": 1.0},
        {"tech": 1.0},
        {"bank": 1.0},
        {"bank": 1.0},
    ]


def test_companies_without_segments_need_a_category():
    checked = checked_exposures(rows_of(*KEYS[:3], sector=" "), CONFIG, described())
    assert problems_of(checked) == [set(), set(), {("size", "missing", None), ("sector", "missing", " ")}]
    assert members(checked)[2] == {}
    alone = config_of([{"membership": "industry", "segments": True}, FACTORS[1]], **SOURCES)
    told = problems_of(checked_exposures(rows_of(*KEYS[:3]), alone, described()))
    assert told == [set(), set(), {("size", "missing", None), ("industry_shares", "missing", None)}]


def test_on_a_date_still_to_be_described_no_asset_is_taken_to_lack_anything():
    checked = checked_exposures(rows_of(*KEYS), CONFIG, described({DAYS[0]: "new", DAYS[2]: "newer"}))
    assert problems_of(checked)[:4] == [set()] * 4
    assert problems_of(checked)[5] == set()
    assert checked.rows.column("style_0").to_pylist() == [0.0, 0.0, 0.0, 2.0, None, 0.0]
    assert members(checked)[:3] == [{"oil": 0.25, "gas": 0.75}, {"gas": 1.0}, {}]


def test_a_row_changes_with_what_its_descriptors_were_computed_from():
    rows = rows_of(*KEYS)
    before = hashes_of(checked_exposures(rows, CONFIG, described()))
    other = DESCRIPTORS.set_column(1, "inputs_hash", pa.array(["h1", "changed"]))
    after = hashes_of(checked_exposures(rows, CONFIG, described(rows=other)))
    assert [a != b for a, b in zip(before, after, strict=True)] == [True, True, False, False, False, False]
    shares = SHARES.set_column(1, "inputs_hash", pa.array(["s0", "changed"]))
    after = hashes_of(checked_exposures(rows, CONFIG, described(shares=shares)))
    assert [a != b for a, b in zip(before, after, strict=True)] == [False, False, False, True, False, False]
    planned = hashes_of(checked_exposures(rows, CONFIG, described({DAYS[1]: "h1"})))
    assert [a != b for a, b in zip(before, planned, strict=True)] == [False, False, False, True, True, False]


def test_nothing_described_yet_leaves_every_style_missing():
    checked = checked_exposures(rows_of(*KEYS), CONFIG, described(rows=None, shares=None))
    assert not checked.usable.any()
    assert members(checked) == [{"bank": 1.0}] * 6


def test_many_rows_meet_what_a_dictionary_finds():
    random = np.random.default_rng(1)
    ids = [f"A{n}" for n in range(40)]
    table, known = [], {}
    for number, day in enumerate(DAYS):
        held = random.permutation(ids)[:30].tolist()
        values = random.normal(size=30).tolist()
        table.append((day, f"h{number}", held, values, values[::-1]))
        known |= {(day, asset): value for asset, value in zip(held, values, strict=True)}
    keys = [(DAYS[random.integers(3)], ids[random.integers(40)]) for _ in range(500)]
    checked = checked_exposures(rows_of(*keys), CONFIG, described(rows=packed_descriptors(*table)))
    assert checked.rows.column("style_0").to_pylist() == [known.get(key) for key in keys]


def test_some_levels_against_the_rest_reject_no_row_for_being_elsewhere():
    shares = [[("USA", 0.29), ("Japan", 0.51), ("Chile", 0.2)], [("Chile", 1.0)], [("USA", 1.0)]]
    maps = pa.array(shares, pa.map_(pa.string(), pa.float64()))
    rows = RawRows(pa.table({"day": ["2024-01-02"] * 3, "asset": ["A", "B", "C"], "w": maps, "home": ["USA", "Peru", None]}))
    sales = {"membership": "sales", "map": "w", "only": ["USA"], "rest": "abroad"}
    groups = [sales, {"membership": "home", "column": "home", "only": ["Peru"]}]
    checked = checked_exposures(rows, config_of(groups, panel={"path": "/no", "columns": DATED}))
    assert problems_of(checked) == [set(), set(), {("home", "missing", None)}]  # unknown is not elsewhere
    assert members(checked) == [{"USA": 0.29, "abroad": pytest.approx(0.71)}, {"abroad": 1.0}, {"USA": 1.0}]
    assert checked.rows.column("level_1").to_pylist() == [None, "Peru", None]
