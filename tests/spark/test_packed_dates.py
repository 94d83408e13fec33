"""Dates are packed from Arrow columns: who is used, who conflicts, and where every row of the sources went."""

from datetime import date

import pyarrow as pa
import pytest

from sigmalake.spark.packed_dates import PanelRow, pack_dates

FIRST, SECOND, THIRD = date(2024, 1, 2), date(2024, 1, 3), date(2024, 1, 4)
_KINDS = {
    pa.date32(): ("date",),
    pa.int64(): ("exposures_hash", "returns_hash", "caps_hash"),
    pa.float64(): ("ret", "cap", "cap_apart", "weight"),
    pa.bool_(): ("in_estimation",),
    pa.string(): ("asset_id", "issuer_id"),
    pa.list_(pa.float64()): ("styles", "member_shares"),
    pa.list_(pa.int32()): ("member_groups",),
    pa.list_(pa.string()): ("member_levels",),
}
SCHEMA = pa.schema([(name, kind) for kind, names in _KINDS.items() for name in names])


def row(day, asset, *, x=1, r=1, ret=0.01, level="tech", **other):
    """A row of a wide panel; a half whose hash is None cannot be used."""
    return {
        "date": day, "asset_id": asset, "exposures_hash": x, "returns_hash": r, "ret": ret, "cap": 2.0, "in_estimation": True,
        "styles": [0.5, -0.5], "member_groups": [0], "member_levels": [level], "member_shares": [1.0], **other,
    }  # fmt: skip


def planned(day, returned, **other):
    plan = PanelRow(0, day, returned, day, None, 1, "set", [1], "inputs", "exposures", None)
    return plan._replace(**other)


def packed(rows, *plan, caps_apart=False):
    return pack_dates(pa.Table.from_pylist(rows, SCHEMA), plan, [{"tech": 0, "bank": 1}], caps_apart=caps_apart).to_pylist()


def test_exposures_meet_the_next_dates_return_whatever_the_order_of_rows():
    rows = [row(SECOND, "b", ret=0.2), row(FIRST, "é", level="bank"), row(FIRST, "b"), row(SECOND, "é", ret=None)]
    (found,) = packed(rows, planned(FIRST, SECOND))
    assert found["asset_id"] == ["b", "é"]
    assert found["ret"] == [0.2, None]
    assert (found["n_returns"], found["n_missing"], found["n_unmatched"], found["n_conflicts"]) == (1, 1, 0, 0)
    assert found["styles"] == [0.5, -0.5, 0.5, -0.5]
    assert (found["member_assets"], found["member_factors"], found["member_shares"]) == ([0, 1], [1, 2], [1.0, 1.0])


def test_a_return_without_exposures_is_counted_and_an_asset_without_a_return_kept():
    (found,) = packed([row(FIRST, "a"), row(SECOND, "b")], planned(FIRST, SECOND))
    assert (found["asset_id"], found["ret"], found["n_returns"], found["n_unmatched"]) == (["a"], [None], 0, 1)


@pytest.mark.parametrize(("hashes", "used", "rejected"), [((7, 7, 7), ["a"], 2), ((7, 8, 7), [], 3)])
def test_of_equal_copies_one_is_used_and_of_unequal_ones_none(hashes, used, rejected):
    (found,) = packed([row(FIRST, "a", x=x, r=None) for x in hashes], planned(FIRST, SECOND))
    assert (found["asset_id"], found["n_conflicts"]) == (used, rejected)


def test_copies_among_the_calendars_first_returns_conflict_though_nothing_explains_them():
    copies = [
        row(FIRST, "b", x=None, r=5),
        row(FIRST, "b", x=None, r=5),
        row(FIRST, "c", x=None, r=5),
        row(FIRST, "c", x=None, r=6),
    ]
    found = [packed([row(FIRST, "a"), *copies], planned(FIRST, SECOND, opening=day))[0]["n_conflicts"] for day in (None, FIRST)]
    assert found == [0, 1 + 2]


def test_an_asset_without_a_cap_is_rejected_where_caps_lie_apart():
    caps = [{"date": FIRST, "asset_id": "a", "caps_hash": 1, "cap_apart": 9.0}]
    rows = [row(FIRST, "a"), row(FIRST, "b"), row(SECOND, "b")]
    (found,) = packed([*rows, *caps], planned(FIRST, SECOND, caps_from=FIRST), caps_apart=True)
    assert (found["asset_id"], found["cap"], found["n_conflicts"], found["n_unmatched"]) == (["a"], [9.0], 1, 1)


def test_exposures_are_carried_to_every_row_that_they_serve():
    later = planned(SECOND, THIRD, exposures_from=FIRST, exposures_age=2)
    found = packed(
        [row(FIRST, "a"), row(SECOND, "a", x=None, ret=0.2), row(THIRD, "a", x=None, ret=0.3)], planned(FIRST, SECOND), later
    )
    assert [(one["asset_id"], one["ret"]) for one in found] == [(["a"], [0.2]), (["a"], [0.3])]


def test_a_date_without_any_row_is_a_row_without_assets():
    found = packed([row(FIRST, "a")], planned(FIRST, SECOND), planned(SECOND, None, exposures_from=None))
    assert [one["n_assets"] for one in found] == [1, 0]
    assert (found[1]["asset_id"], found[1]["cap"], found[1]["styles"]) == ([], None, [])


def test_nothing_at_all_is_packed_as_well():
    (found,) = packed([], planned(FIRST, None))
    assert (found["n_assets"], found["member_assets"]) == (0, [])
