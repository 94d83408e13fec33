"""A chunk of as-of dates from Arrow rows: whatever the order of rows and assets, the kernels see the right arrays."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from window_world import CALENDAR, FACTORS, GONE, IDS, LAYERS, N_ASSETS, N_DATES, NEW, World

from sigmalake.config.variant import Variant
from sigmalake.numerics.specific_risk.layers import specific_history, specific_risk
from sigmalake.tables.packed import RISK_MODELS
from sigmalake.tasks.chunks import AsOf, Chunk
from sigmalake.tasks.risk.window_arrays import CAPS_BEFORE, HISTORY, KNOWN
from sigmalake.tasks.risk.windows import EstimateWindows, known_columns


def variant(**layers) -> Variant:
    own = {"estimator": "ewma", "half_life": 6, "window": 15, "min_periods": 6}
    return Variant.model_validate({"factor_cov": own, "specific_var": {**own, **layers}})


AS_OF = (30, N_DATES - 1)


def task_of(world: World, chosen: Variant, as_of=AS_OF, *, has_caps: bool = True) -> EstimateWindows:
    first = as_of[0] + 1 - chosen.look_back
    chunk = Chunk(first, as_of[-1], tuple(AsOf("v", day, f"hash {day}", first) for day in as_of))
    return EstimateWindows(world.calendar, [chunk], {"v": chosen}, {"set": FACTORS}, (), has_caps)


def computed(world: World, chosen: Variant, *, shuffled: bool = True, has_caps: bool = True) -> list[dict[str, object]]:
    task = task_of(world, chosen, has_caps=has_caps)
    rows = world.inputs(range(task.chunks[0].first, N_DATES), AS_OF, shuffled=shuffled)
    found = task(0, {role: table.select(task.columns[role]) for role, table in rows.items() if role in task.inputs})
    assert found.schema == RISK_MODELS.arrow_schema()
    return found.to_pylist()


def numbers(values: list[float | None]) -> np.ndarray:
    return np.array(values, dtype=float)


def test_every_layer_is_the_kernels_answer_on_the_matrices():
    world, chosen = World(), variant(**LAYERS)
    before = np.vstack([np.full(N_ASSETS, np.nan), world.caps[:-1]])
    history = specific_history(chosen.specific_var, world.u, np.array(AS_OF), before)
    for number, (day, row) in enumerate(zip(AS_OF, computed(world, chosen), strict=True)):
        expected = specific_risk(history, number, world.coverage(day))
        assert (row["date"], row["inputs_hash"], row["asset_id"]) == (CALENDAR[day], f"hash {day}", IDS)
        for name in ("specific_var", "ts_var", "structural_var", "blend_weight", "shrink_weight"):
            assert_allclose(numbers(row[name]), getattr(expected, name), rtol=1e-11, atol=1e-15)
        assert row["regime_multiplier"] == pytest.approx(expected.regime_multiplier, rel=1e-11)
        assert (row["source"], row["n_obs"]) == (expected.source, expected.n_obs.tolist())
        assert (row["linked_1"], row["linked_2"]) == (expected.linked.first.tolist(), expected.linked.second.tolist())
        assert_allclose(row["linked_cov"], expected.linked.cov, rtol=1e-11)
        told = {one["name"]: (one["value"], one["detail"]) for one in row["diagnostics"]}
        assert {one.name: (pytest.approx(one.value), one.detail) for one in expected.diagnostics}.items() <= told.items()
    assert (row["source"][GONE], row["source"][NEW]) == ("time_series", "structural")
    assert row["blend_weight"][GONE] is None
    assert row["linked_1"] == [1, 5]  # GONE is no longer linked


def test_the_order_of_rows_does_not_matter():
    world, chosen = World(), variant(**LAYERS)
    assert computed(world, chosen) == computed(world, chosen, shuffled=False)


def test_layers_that_are_off_are_null_and_need_neither_exposures_nor_caps():
    world, chosen = World(), variant()
    row = computed(world, chosen, has_caps=False)[-1]
    plain = chosen.specific_var.estimate(world.u, np.array([N_DATES - 1]))
    assert_allclose(numbers(row["specific_var"]), plain.var[0], rtol=1e-11)
    assert_array_equal(row["ts_var"], row["specific_var"])
    for name in ("structural_var", "blend_weight", "shrink_weight", "regime_multiplier", "linked_1", "linked_2", "linked_cov"):
        assert row[name] is None


def test_a_factor_without_effect_is_named_where_sigma_lacks_it():
    world, chosen = World(), variant()
    world.f[:, 1], world.statuses = np.nan, ["collinear", "ok"]
    rows = computed(world, chosen, has_caps=False)
    assert [(row["factors"], row["zero_factors"]) for row in rows] == [(["market", "tech", "size"], ["bank"])] * len(AS_OF)
    world.statuses = ["empty", "ok"]
    assert computed(world, chosen, has_caps=False)[-1]["zero_factors"] == []


def test_a_date_without_exposures_at_its_close_has_each_assets_own_history():
    world, chosen = World(), variant(**LAYERS)
    nobody = {"styles": [], "member_assets": [], "member_factors": [], "member_shares": []}
    world.known = lambda day: world.row(KNOWN, day, np.array([], dtype=int), **nobody, cap=None, issuer_id=None)
    row = computed(world, chosen)[-1]
    assert row["asset_id"] == IDS[:NEW]
    assert_allclose(numbers(row["specific_var"]), numbers(row["ts_var"]) * row["regime_multiplier"] ** 2, rtol=1e-14)
    assert set(row["source"]) == {"time_series"}
    assert set(row["blend_weight"]) == set(row["shrink_weight"]) == {None}
    assert row["linked_1"] == []
    told = {one["name"]: one["detail"] for one in row["diagnostics"]}
    assert told["structural_n_fitted"] == "no structural model: 0 assets with gamma = 1; 8 are needed"


def test_a_model_without_caps_counts_every_asset_alike():
    world, chosen = World(), variant(regime={"half_life": 3})
    history = specific_history(chosen.specific_var, world.u, np.array(AS_OF))
    expected = specific_risk(history, 1, world.coverage(AS_OF[1]))
    assert computed(world, chosen, has_caps=False)[1]["regime_multiplier"] == pytest.approx(expected.regime_multiplier, rel=1e-11)


@pytest.mark.parametrize(
    ("layers", "columns"),
    [
        ({}, []),
        ({"lags": 2, "regime": {"half_life": 3}}, []),
        ({"size_shrinkage": {}}, ["cap"]),
        ({"linked": {}}, ["issuer_id"]),
        (LAYERS, ["styles", "member_assets", "member_factors", "member_shares", "cap", "issuer_id"]),
    ],
)
def test_only_columns_that_a_layer_reads_travel(layers, columns):
    assert known_columns([variant(), variant(**layers)]) == columns


def test_a_task_says_which_rows_it_reads():
    task = task_of(World(), variant(regime={"half_life": 3}))
    dates = task.dates(0)
    assert (dates[HISTORY], dates[KNOWN]) == (CALENDAR[task.chunks[0].first :], [CALENDAR[day] for day in AS_OF])
    assert dates[CAPS_BEFORE] == dates[HISTORY]
    assert task.columns[CAPS_BEFORE] == ["return_date", "asset_id", "cap"]
    assert (
        CAPS_BEFORE not in task_of(World(), variant()).columns.keys() | task_of(World(), variant(**LAYERS), has_caps=False).columns
    )


def test_rows_of_other_dates_are_passed_over():
    world, chosen = World(), variant(**LAYERS)
    task = task_of(world, chosen)
    own = task(0, world.inputs(range(task.chunks[0].first, N_DATES), AS_OF))
    assert task(0, world.inputs(range(1, N_DATES), range(1, N_DATES))).equals(own)


def test_without_rows_there_is_no_model():
    task = task_of(World(), variant(**LAYERS))
    found = task(0, {role: table.slice(0, 0) for role, table in World().inputs(AS_OF, AS_OF).items()})
    assert found.equals(RISK_MODELS.arrow_schema().empty_table())
    assert pickle.loads(pickle.dumps(task)) == task
