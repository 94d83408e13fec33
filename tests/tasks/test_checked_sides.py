"""What is made of checked rows: fingerprints, rejected rows, conflicts, packed prices; plain loops over rows are the oracles."""

import itertools
from collections import Counter, defaultdict
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest
from check_configs import DATED, apart, config_of, problems_of

from sigmalake.config.sources import CapSource, FundamentalSource, PriceSource
from sigmalake.tables.descriptors import PRICES
from sigmalake.tables.records import REJECTED_ROWS
from sigmalake.tasks.packing.checked_columns import columns_to_pack
from sigmalake.tasks.packing.conflicts import with_conflicts
from sigmalake.tasks.packing.packed_dates import PanelRow, pack_dates
from sigmalake.tasks.packing.packed_prices import pack_prices, usable_figures
from sigmalake.tasks.sources.checked_prices import checked_figures, checked_prices
from sigmalake.tasks.sources.checking import joined
from sigmalake.tasks.sources.duplicates import duplicates
from sigmalake.tasks.sources.exposures.checked_exposures import checked_exposures
from sigmalake.tasks.sources.fingerprints import (
    CURRENCIES,
    by_date,
    currencies_by_date,
    file_fingerprints,
    fingerprint_rows,
    first_dates_of_levels,
)
from sigmalake.tasks.sources.raw_rows import RawRows
from sigmalake.tasks.sources.rejected_rows import (
    joined_problem_counts,
    joined_rejected_rows,
    most_frequent,
    problem_counts,
    rejected_rows,
    worst_problems,
)
from sigmalake.tasks.sources.returns.checked_returns import checked_caps, checked_returns

DAYS = [date(2024, 1, day) for day in (2, 3, 4, 5)]
FACTORS = [
    {"membership": "sector", "column": "sector"},
    {"membership": "country", "columns": {"US": "us", "JP": "jp"}},
    {"membership": "theme", "map": "theme", "partial": True},
    {"styles": ["size"], "as_given": True},
]
CONFIG = config_of(FACTORS, panel={"path": "/no", "columns": {**DATED, "ret": "ret"}})


def random_panel(seed=1, n=400):
    """Rows of four dates and twelve assets in two files, many keys more than once, some values unusable."""
    random = np.random.default_rng(seed)
    days = [[*map(str, DAYS), "bad", None][i] for i in random.choice(6, n, p=[0.24] * 4 + [0.03, 0.01])]
    ids = [["A", "A ", *"BCDEFGHIJ", None][i] for i in random.integers(0, 12, n)]
    us = random.choice([0.0, 0.25, 1.0, np.nan, 2.0], n, p=[0.4, 0.2, 0.3, 0.05, 0.05])
    kind = pa.map_(pa.string(), pa.float64())
    themes = [
        [[], [("ai", 0.5)], [("ai", 0.25), ("ev", 0.5)], [("ev", 2.0)]][i] for i in random.choice(4, n, p=[0.4, 0.3, 0.25, 0.05])
    ]
    return pa.table({
        "day": pa.array(days, pa.string()), "asset": ids, "_source_file": [f"f{i}" for i in random.integers(0, 2, n)],
        "ret": random.choice([0.01, 0.02, -1.5], n, p=[0.6, 0.35, 0.05]), "sector": random.choice(["tech", "bank", " tech"], n),
        "us": us, "jp": 1.0 - us, "size": random.choice([0.5, np.inf], n, p=[0.97, 0.03]), "theme": pa.array(themes, kind),
    })  # fmt: skip


def sides_of(table, config=CONFIG):
    raw = RawRows(table)
    return {"exposures": checked_exposures(raw, config), "returns": checked_returns(raw, config)}


def test_fingerprints_are_sums_over_the_rows_of_a_file_and_date():
    checked = sides_of(random_panel())["exposures"]
    sums, levels = defaultdict(lambda: [0, 0, 0, 0]), defaultdict(set)
    for row in checked.rows.to_pylist():
        key = row["file"], row["date"]
        bits = row["row_hash"] % (1 << 64)
        high = bits >> 32
        for i, number in enumerate((1, not row["usable"], high - ((high >> 31) << 32), bits & 0xFFFFFFFF)):
            sums[key][i] += number
        if row["usable"]:
            levels[key] |= {(0, row["level_0"])}
            levels[key] |= {(g, level) for g, level in zip(row["member_groups"], row["member_levels"], strict=True) if g == 2}
    found = {(one.file, one.date): one for one in file_fingerprints([fingerprint_rows(checked, [0, 2])])}
    assert {key: list(one[2:6]) for key, one in found.items()} == sums
    assert {key: set(one.levels) for key, one in found.items()} == {key: levels[key] for key in sums}
    assert {level for group, level in levels[next(iter(levels))] if group == 0} == {"tech", "bank"}


def test_splits_of_a_source_add_up_to_the_fingerprint_of_the_whole():
    table = random_panel()
    whole = fingerprint_rows(sides_of(table)["exposures"], [0, 2])
    order = np.random.default_rng(3).permutation(table.num_rows)
    parts = [sides_of(table.take(pa.array(at)))["exposures"] for at in np.array_split(order, 7)]
    splits = [fingerprint_rows(part, [0, 2]) for part in parts]
    assert sorted(file_fingerprints(splits), key=str) == sorted(file_fingerprints([whole]), key=str)
    assert sorted(file_fingerprints([fingerprint_rows(joined(parts), [0, 2])]), key=str) == sorted(
        file_fingerprints([whole]), key=str
    )
    assert file_fingerprints([fingerprint_rows(sides_of(table.slice(0, 0))["exposures"], [0, 2])]) == []


def test_a_date_tells_that_a_row_was_restated_and_learns_levels_from_their_first_date():
    table = random_panel()
    found = file_fingerprints([fingerprint_rows(sides_of(table)["exposures"], [0])])
    dated = by_date(found)
    assert sum(one.rows for one in dated.values()) == table.num_rows
    assert first_dates_of_levels(found) == {0: {"tech": DAYS[0], "bank": DAYS[0]}}
    at = table.column("day").to_pylist().index(str(DAYS[1]))
    sizes = table.column("size").to_pylist()
    sizes[at] = 0.75
    restated = table.set_column(table.column_names.index("size"), "size", pa.array(sizes))
    other = by_date(file_fingerprints([fingerprint_rows(sides_of(restated)["exposures"], [0])]))
    assert {day for day in dated if dated[day] != other[day]} == {DAYS[1]}


def test_currencies_are_those_of_the_usable_rows():
    panel = {"path": "/no", "columns": {**DATED, "ret": "ret", "currency": "ccy"}}
    config = config_of([{"market": "m"}], panel=panel, exchange_rates={"path": "/no", "base": "USD"})
    rows = pa.table(
        {
            "day": [str(day) for day in DAYS[:2]] * 2,
            "asset": list("ABCD"),
            "ret": [0.1, 0.1, -3.0, 0.1],
            "ccy": ["EUR", "USD", "JPY", "EUR"],
        }
    )
    found = file_fingerprints([fingerprint_rows(checked_returns(RawRows(rows), config))])
    assert currencies_by_date(found) == {DAYS[0]: {"EUR"}, DAYS[1]: {"EUR", "USD"}}
    assert found[0].levels == [(CURRENCIES, "EUR")]


def plain_duplicates(checked):
    """The row numbers of unequal rows, and of equal copies but the first, by key."""
    keys = defaultdict(list)
    for number, row in enumerate(checked.rows.to_pylist()):
        if row["usable"]:
            keys[row["date"], row["asset_id"]].append((number, row))
    unequal, padded, copies = set(), set(), set()
    for rows in keys.values():
        if len({row["row_hash"] for _, row in rows}) > 1:
            unequal |= {number for number, _ in rows}
            padded |= {number for number, _ in rows if len({row["given_id"] for _, row in rows}) > 1}
        else:
            copies |= {number for number, _ in rows[1:]}
    return unequal, padded, copies


def test_of_equal_copies_one_is_used_and_of_unequal_ones_none():
    for seed in range(5):
        checked = sides_of(random_panel(seed, 120))["exposures"]
        found = duplicates(checked)
        assert tuple(set(np.flatnonzero(flags).tolist()) for flags in found) == plain_duplicates(checked)


def test_ids_that_differ_in_blanks_alone_are_told_so():
    rows = pa.table({"day": ["2024-01-02"] * 5, "asset": ["A", "A ", "B ", "C", "C"], "ret": [0.1, 0.1, 0.1, 0.1, 0.2]})
    checked = checked_returns(RawRows(rows), CONFIG)
    told = with_conflicts([planned(DAYS[0], DAYS[0])], [], {"returns": checked, "exposures": checked}, None)["returns"]
    reasons = [next(iter(found))[1] if found else None for found in problems_of(told)]
    blanks, conflict = (
        "key given more than once, by ids that differ in the blanks around them",
        "key given more than once, with different values",
    )
    assert reasons == [blanks, blanks, None, conflict, conflict]
    assert told.rows.column("asset_id").to_pylist() == ["A", "A", "B", "C", "C"]


def planned(day, returned, **other):
    return PanelRow(0, day, returned, day, None, 1, "set", [0, 2, 4], "inputs", "exposures", None)._replace(**other)


def test_rejected_rows_list_every_problem_of_every_row_once():
    checked = sides_of(random_panel())["exposures"]
    rows, problems = checked.rows.to_pylist(), problems_of(checked)
    found = rejected_rows(checked, "panel.exposures", DAYS[1:])
    assert found.schema == REJECTED_ROWS.arrow_schema()
    asked = [n for n, row in enumerate(rows) if problems[n] and row["date"] in {None, *DAYS[1:]}]
    expected = Counter(
        (f"{rows[n]['row_hash'] % (1 << 64):016X}", column, reason, value, rows[n]["date"], rows[n]["asset_id"])
        for n in asked
        for column, reason, value in problems[n]
    )
    names = ("row_hash", "column", "reason", "value", "date", "asset_id")
    assert Counter(tuple(row[name] for name in names) for row in found.to_pylist()) == expected
    keys = [tuple(row[name] for name in (*REJECTED_ROWS.key, "date")) for row in found.to_pylist()]
    assert len(set(keys)) == len(keys)
    assert len({(row["row_hash"], row["copy"]) for row in found.to_pylist()}) == len(asked)


def test_copies_of_a_rejected_row_in_different_splits_are_told_apart():
    table = random_panel()
    whole = rejected_rows(sides_of(table)["exposures"], "x")
    parts = [rejected_rows(sides_of(table.slice(first, 100))["exposures"], "x") for first in range(0, 400, 100)]
    joined_rows = joined_rejected_rows(parts)
    assert joined_rows.schema == whole.schema
    key = [(name, "ascending") for name in (*REJECTED_ROWS.key, "date")]
    assert joined_rows.sort_by(key).to_pylist() == whole.sort_by(key).to_pylist()
    assert joined_rejected_rows([]).num_rows == 0


def test_problems_are_counted_by_date_and_told_most_frequent_first():
    table = random_panel()
    counts = joined_problem_counts([problem_counts(sides_of(table.slice(first, 50))["exposures"]) for first in range(0, 400, 50)])
    checked = sides_of(table)["exposures"]
    days = checked.rows.column("date").to_pylist()
    expected = Counter((days[n], column, reason) for n, row in enumerate(problems_of(checked)) for column, reason, _ in row)
    assert {(row["date"], row["column"], row["reason"]): row["n"] for row in counts.to_pylist()} == expected
    first = most_frequent(counts)[0]
    assert first.n == max(Counter((c, r) for (_, c, r) in expected.elements()).values())
    assert worst_problems(counts).startswith(f"{first.n} with {first.column} {first.reason}")


@pytest.mark.parametrize("seed", range(4))
def test_conflicts_account_for_every_row_that_packing_leaves_out(seed):
    """Rows of a date are packed, or are without exposures, or have a problem: for returns, exposures and caps."""
    table = random_panel(seed, 150)
    config = config_of(FACTORS, **apart({**DATED}, caps={"path": "/no", "columns": {**DATED, "cap": "us"}}))
    raw = RawRows(table)
    sides = {
        "exposures": checked_exposures(raw, config),
        "returns": checked_returns(raw, config),
        "caps": checked_caps(RawRows(table.slice(0, 90)), CapSource(path="/no", columns={**DATED, "cap": "us"})),
    }
    plan = [planned(day, after, caps_from=day) for day, after in itertools.pairwise(DAYS)]
    ranks = [{"tech": 0, "bank": 1}, {"US": 0, "JP": 1}, {"ai": 0, "ev": 1}]
    columns = pa.concat_tables([columns_to_pack({side: checked}) for side, checked in sides.items()], promote_options="default")
    packed = pack_dates(columns, plan, ranks, None, caps_apart=True).to_pylist()
    told = with_conflicts(plan, plan, sides, None)
    for row in packed:
        for side, day in (("exposures", row["exposure_date"]), ("returns", row["return_date"])):
            of_day = [n for n, one in enumerate(sides[side].rows.to_pylist()) if one["date"] == day]
            usable = told[side].usable[of_day].sum()
            assert usable == (row["n_assets"] if side == "exposures" else row["n_returns"] + row["n_missing"] + row["n_unmatched"])
        n_new = sum(int((told[s].usable != sides[s].usable)[_on(sides[s], d)].sum()) for s, d in _dated(row))
        assert row["n_conflicts"] == n_new
    names = {reason for checked in told.values() for row in problems_of(checked) for _, reason, _ in row}
    assert "no cap on the date" in names


def _on(checked, day):
    return np.array([one == day for one in checked.rows.column("date").to_pylist()])


def _dated(row):
    return [("exposures", row["exposure_date"]), ("returns", row["return_date"]), ("caps", row["exposure_date"])]


def test_a_style_removed_on_any_date_that_exposures_serve_rejects_their_row():
    config = config_of([{"styles": ["size"], "as_given": True}], panel={"path": "/no", "columns": {**DATED, "ret": "ret"}})
    rows = pa.table({"day": ["2024-01-02"] * 4, "asset": ["A", "B", "B", "C"], "ret": [0.0] * 4, "size": [50.0, 1.0, 1.0, 2.0]})
    sides = {side: check(RawRows(rows), config) for side, check in (("exposures", checked_exposures), ("returns", checked_returns))}
    serving = [planned(DAYS[0], DAYS[1]), planned(DAYS[1], DAYS[2], exposures_from=DAYS[0])]
    rejects = [
        [{"asset_id": "A", "column": "size", "value": 50.0}],
        [{"asset_id": "A", "column": "size", "value": 50.0}, {"asset_id": "B", "column": "size", "value": 1.0}],
    ]
    packed = pa.table({"exposure_date": DAYS[:2], "style_rejects": rejects})
    told = problems_of(with_conflicts(serving[:1], serving, sides, packed)["exposures"])
    far, copy = "too far from the others of the date", "identical copy of a row"
    assert told == [{("size", far, "50.0")}, {("size", far, "1.0")}, {("key", copy, None)}, set()]
    assert problems_of(with_conflicts(serving[:1], serving, sides, packed.slice(0, 0))["exposures"])[0] == set()


def test_prices_are_packed_by_date_in_the_order_of_ids():
    rows = pa.table({
        "date": [str(DAYS[1]), str(DAYS[0]), str(DAYS[0]), str(DAYS[0]), str(DAYS[0]), str(DAYS[0]), str(DAYS[2])],
        "asset_id": ["b", "é", "b", "B", "c", "c", "b"], "ret": [0.1, None, 0.3, 0.4, 0.5, 0.6, -2.0],
        "cap": [1.0, 2.0, None, 4.0, 5.0, 6.0, 1.0],
    })  # fmt: skip
    checked = checked_prices(RawRows(rows), PriceSource(path="/no", columns={"cap": "cap"}))
    found = pack_prices(checked, dict(zip(DAYS[:3], "xyz", strict=True)), has_caps=True, has_volumes=False)
    assert found.schema == PRICES.arrow_schema()
    expected = [
        (DAYS[0], "x", 3, ["B", "b", "é"], [0.4, 0.3, None], [4.0, None, 2.0], None, [True] * 3, None),
        (DAYS[1], "y", 1, ["b"], [0.1], [1.0], None, [True], None),
        (DAYS[2], "z", 0, [], [], [], None, [], None),
    ]
    assert [tuple(row.values()) for row in found.to_pylist()] == expected


def test_figures_are_used_once_and_conflicting_ones_not():
    rows = pa.table({
        "asset_id": ["A", "A", "B", "B"], "item": ["earnings"] * 4, "period_end": [str(DAYS[0])] * 4,
        "known_at": [str(DAYS[1])] * 4, "value": [1.0, 1.0, 2.0, 3.0],
    })  # fmt: skip
    found = usable_figures(checked_figures(RawRows(rows), FundamentalSource(path="/no")))
    assert found.to_pylist() == [{"asset_id": "A", "item": "earnings", "known_at": DAYS[1], "period_end": DAYS[0], "value": 1.0}]


def test_some_of_the_rows_keep_their_own_problems():
    checked = sides_of(random_panel())["exposures"]
    where = np.random.default_rng(1).random(400) < 0.5
    assert problems_of(checked.only(where)) == [found for found, held in zip(problems_of(checked), where, strict=True) if held]


def test_a_year_of_dates_packs_what_was_checked():
    days = [date(2024, 1, 1) + timedelta(days=n) for n in range(30)]
    rows = [(str(day), f"A{n}", 0.001 * n, "tech", 1.0, 0.0, 0.1 * n, [("ai", 0.5)]) for day in days for n in range(5)]
    kinds = [pa.string(), pa.string(), pa.float64(), pa.string(), *[pa.float64()] * 3, pa.map_(pa.string(), pa.float64())]
    names = ["day", "asset", "ret", "sector", "us", "jp", "size", "theme"]
    table = pa.table([pa.array(column, kind) for column, kind in zip(zip(*rows, strict=True), kinds, strict=True)], names=names)
    plan = [planned(day, after) for day, after in itertools.pairwise(days)]
    found = pack_dates(columns_to_pack(sides_of(table)), plan, [{"tech": 0}, {"US": 0, "JP": 1}, {"ai": 0}], None, caps_apart=False)
    for row in found.to_pylist():
        assert row["asset_id"] == [f"A{n}" for n in range(5)]
        assert row["ret"] == [0.001 * n for n in range(5)]
        assert row["styles"] == [0.1 * n for n in range(5)]
        assert row["member_factors"] == [0, 2, 4] * 5
        assert row["member_shares"] == [1.0, 1.0, 0.5] * 5


def test_returns_in_percent_become_fractions_before_they_are_checked():
    given = pa.table({"date": ["2024-01-02"] * 4, "asset_id": list("ABCD"), "ret": [1.5, -100.0, -101.0, None]})
    config = config_of(FACTORS[-1:], panel={"path": "/no", "columns": {"ret": "ret"}, "returns_in": "percent"})
    found = checked_returns(RawRows(given), config)
    assert found.column("ret").to_pylist() == [0.015, -1.0, -1.01, None]
    assert found.usable.tolist() == [True, True, False, True]
    prices = PriceSource(path="/no", returns_in="percent")
    assert checked_prices(RawRows(given), prices).column("ret").to_pylist() == [0.015, -1.0, -1.01, None]
