"""Dates are packed from Arrow columns: who is used, who conflicts, and where every row of the sources went."""

from datetime import date

import numpy as np
import pyarrow as pa
import pytest

from sigmalake.numerics.exposures.build_styles import StyleInputs, StyleRecipe, build_styles
from sigmalake.numerics.exposures.style_rules import Missing, StyleRules
from sigmalake.numerics.factors import Factor, Kind
from sigmalake.numerics.regression.rules import RegressionWeights
from sigmalake.tasks.packing.packed_dates import PanelRow, pack_dates

FIRST, SECOND, THIRD = date(2024, 1, 2), date(2024, 1, 3), date(2024, 1, 4)
_KINDS = {
    pa.date32(): ("date",),
    pa.int64(): ("exposures_hash", "returns_hash", "caps_hash"),
    pa.float64(): ("ret", "cap", "cap_apart", "weight", "style_0", "style_1"),
    pa.bool_(): ("in_estimation",),
    pa.string(): ("asset_id", "issuer_id", "level_0"),
}
SCHEMA = pa.schema([(name, kind) for kind, names in _KINDS.items() for name in names])


def row(day, asset, *, x=1, r=1, ret=0.01, level="tech", **other):
    """A row of a wide panel; a side whose hash is None cannot be used."""
    return {
        "date": day, "asset_id": asset, "exposures_hash": x, "returns_hash": r, "ret": ret, "cap": 2.0, "in_estimation": True,
        "style_0": 0.5, "style_1": -0.5, "level_0": level, **other,
    }  # fmt: skip


def planned(day, returned, **other):
    plan = PanelRow(0, day, returned, day, None, 1, "set", [1], "inputs", "exposures", None)
    return plan._replace(**other)


def packed(rows, *plan, recipe=None, caps_apart=False):
    rows = pa.Table.from_pylist(rows, SCHEMA)
    return pack_dates(rows, plan, [{"tech": 0, "bank": 1}], recipe, caps_apart=caps_apart).to_pylist()


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


RULES = StyleRules({"a": 0.5, "b": 0.5}, missing=Missing.ZERO)
SECTORS = [Factor("tech", "sector", Kind.MEMBERSHIP), Factor("bank", "sector", Kind.MEMBERSHIP)]


def recipe_of(weighting=RegressionWeights.EQUAL, **rules):
    return StyleRecipe(["a", "b"], list(rules.items()), weighting, SECTORS)


def universe(n=24, day=FIRST):
    """Rows of one date with two descriptors; the first asset lacks both, the second is far out in the first."""
    raw = np.random.default_rng(2).normal(size=(n, 2)).round(3).tolist()
    raw[0], raw[1][0] = [None, None], 50.0
    levels = ["tech", "bank"]
    return [
        row(day, f"A{i:02d}", cap=float(i + 1), style_0=a, style_1=b, level=levels[i % 2], r=None) for i, (a, b) in enumerate(raw)
    ]


def test_styles_of_a_date_are_those_of_the_kernel_and_flags_say_what_was_filled():
    recipe = recipe_of(value=RULES, other=StyleRules({"b": 1.0}, missing=Missing.REGRESS, orthogonal_to=("sector",)))
    rows = [*universe(), row(SECOND, "A03", ret=0.2)]
    (found,) = packed(rows, planned(FIRST, SECOND), recipe=recipe)
    raw = np.array([(one["style_0"], one["style_1"]) for one in rows[:-1]], dtype=float)
    shares = np.eye(2)[np.arange(24) % 2]
    expected = build_styles(recipe, StyleInputs(raw, np.arange(1.0, 25.0), None, np.ones(24, dtype=bool), shares))
    np.testing.assert_array_equal(np.reshape(found["styles"], (24, 2)), expected.exposures)
    assert found["styles_filled"] == [True, True] + [False] * 46
    assert (found["n_filled"], found["n_conflicts"], found["style_rejects"]) == (2, 0, [])
    assert [step["step"] for step in found["style_steps"]][:2] == ["removed", "removed"]
    assert found["style_steps"][0]["n_values"] == 23
    assert found["style_steps"][0]["coefficient"] is None


def test_a_value_too_far_out_rejects_its_row_where_the_style_may_not_be_missing():
    recipe = recipe_of(only=StyleRules({"a": 1.0}, remove_beyond=4.0, clip_beyond=3.0))
    rows = [*universe()[1:], row(SECOND, "A01", x=None), row(SECOND, "A02", x=None)]
    (found,) = packed(rows, planned(FIRST, SECOND), recipe=recipe)
    assert found["asset_id"] == [f"A{i:02d}" for i in range(2, 24)]
    assert found["style_rejects"] == [{"asset_id": "A01", "column": "a", "value": 50.0}]
    assert (found["n_assets"], found["n_conflicts"], found["n_returns"], found["n_unmatched"]) == (22, 1, 1, 1)
    assert len(found["member_assets"]) == len(found["styles"]) == 22


def test_styles_as_given_stand_beside_standardised_ones():
    recipe = StyleRecipe(["a", "b"], [("b", None), ("a", StyleRules(missing=Missing.ZERO))], RegressionWeights.EQUAL, SECTORS)
    rows = universe()[1:]
    (found,) = packed(rows, planned(FIRST, SECOND), recipe=recipe)
    assert found["styles"][::2] == [one["style_1"] for one in rows]


def test_caps_that_lie_apart_weigh_the_mean():
    rows = universe()[2:]
    caps = [{"date": FIRST, "asset_id": one["asset_id"], "caps_hash": 1, "cap_apart": 1.0 + i**2} for i, one in enumerate(rows)]
    recipe = recipe_of(only=StyleRules({"a": 1.0}))
    (found,) = packed([*rows, *caps], planned(FIRST, SECOND, caps_from=FIRST), recipe=recipe, caps_apart=True)
    assert np.dot(found["cap"], found["styles"]) == pytest.approx(0.0, abs=1e-12)
    assert found["cap"] == [1.0 + i**2 for i in range(22)]


def test_without_caps_every_asset_weighs_the_same():
    recipe = recipe_of(only=StyleRules({"a": 1.0}, missing=Missing.REGRESS))
    (found,) = packed([{**one, "cap": None} for one in universe()[2:]], planned(FIRST, SECOND), recipe=recipe)
    assert found["cap"] is None
    assert np.sum(found["styles"]) == pytest.approx(0.0, abs=1e-12)


def test_one_date_does_not_move_the_styles_of_another():
    recipe = recipe_of(value=RULES)
    plans = planned(FIRST, SECOND), planned(SECOND, None)
    moved = [{**one, "styles": [9.0, float(i)]} for i, one in enumerate(universe(day=SECOND))]
    first, _ = packed([*universe(), *universe(day=SECOND)], *plans, recipe=recipe)
    other, _ = packed([*universe(), *moved], *plans, recipe=recipe)
    assert first == other


def test_a_date_without_any_row_has_no_styles():
    (found,) = packed([], planned(FIRST, None), recipe=recipe_of(value=RULES))
    assert (found["styles"], found["styles_filled"], found["n_filled"]) == ([], [], 0)
