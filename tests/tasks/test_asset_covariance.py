"""V block by block, as tasks compute it, against V whole: rows, cells and what was built."""

import pickle
from datetime import date

import numpy as np
import pyarrow as pa
import pytest
from packed_world import DAYS, EMPTY, SETS, exposures_of, floats, model_row, panel_row, rows_of, sigma_of

from sigmalake.numerics.portfolio.asset_cov import asset_cov
from sigmalake.numerics.portfolio.linked_cov import LinkedCov
from sigmalake.tables.long import ASSET_COVARIANCE, ASSET_COVARIANCE_CELLS, COVARIANCE_BUILDS
from sigmalake.tables.packed import PANEL, RISK_MODELS
from sigmalake.tasks import asset_covariance
from sigmalake.tasks.asset_covariance import (
    EXPOSED,
    MODELS,
    AssetCovariance,
    BlockPlace,
    CovarianceBuilds,
    CovarianceCells,
    CovariancePart,
    PreparedModel,
    block_of_rows,
    block_of_v,
    covariance_parts,
)

PAIRS = np.array([[0, 1], [1, 5], [3, 9], [8, 9]])  # within a block, and across two
NUMBERS = [1, 2, 6, EMPTY]
KEYS = {(name, DAYS[number]): f"{name} {number}" for number in NUMBERS for name in ("v", "w")}


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(asset_covariance, "BLOCK", 7)


def small_model(linked: np.ndarray) -> PreparedModel:
    rng = np.random.default_rng(7)
    X, specific_var = rng.normal(size=(10, 3)), rng.uniform(1, 2, 10)
    factor_cov, of_pairs = np.cov(rng.normal(size=(3, 50))), LinkedCov(linked, rng.uniform(0.1, 0.4, len(linked)))
    return PreparedModel([f"A{n}" for n in range(10)], X, factor_cov, specific_var, of_pairs, {})


@pytest.mark.parametrize("linked", [PAIRS, PAIRS[:0]])
def test_blocks_put_together_are_v_with_its_linked_issues(linked):
    model = small_model(linked)
    blocks = [slice(0, 4), slice(4, 8), slice(8, 10)]
    X, V = model.exposures, np.zeros((10, 10))
    for i, rows in enumerate(blocks):
        for j, columns in enumerate(blocks[i:], i):
            block = block_of_v(BlockPlace(i, j, 4), X[rows], X[columns], model.factor_cov, model.specific_var[rows], model.linked)
            V[rows, columns] = block
            V[columns, rows] = block.T
    np.testing.assert_allclose(V, asset_cov(X, model.factor_cov, model.specific_var, model.linked), rtol=1e-15)
    np.testing.assert_array_equal(V, V.T)
    np.testing.assert_array_equal(np.vstack([block_of_rows(model, block, 4) for block in range(3)]), V)


# as tables


def inputs(order: int = 1) -> dict[str, pa.Table]:
    models = [model_row(number, name) for number in NUMBERS for name in ("v", "w")]
    return {
        MODELS: rows_of(RISK_MODELS, models[::order]),
        EXPOSED: rows_of(PANEL, [panel_row(number) for number in range(9)][::order]),
    }


def parts() -> list[CovariancePart]:
    return covariance_parts({(name, DAYS[number]): panel_row(number)["n_assets"] for number in NUMBERS for name in ("v", "w")})


def built(assets=None, exposures="known", given=None) -> tuple[pa.Table, pa.Table]:
    """Rows of V, and of what was built."""
    tasks = AssetCovariance(parts(), SETS, assets, exposures), CovarianceBuilds(parts(), SETS, assets, exposures, KEYS)
    given = given or inputs()
    made = [pa.concat_tables([task(part, given) for part in range(task.n_parts)]).combine_chunks() for task in tasks]
    assert made[0].schema == ASSET_COVARIANCE.arrow_schema()
    assert made[1].schema == COVARIANCE_BUILDS.arrow_schema()
    return made[0], made[1]


def plain_v(row: dict, model: dict, asked: list[str]) -> tuple[list[str], np.ndarray]:
    """The assets asked for that can have a V, and each cell of it by itself."""
    X, factors = exposures_of(row), [factor.name for factor in SETS[row["factor_set"]]]
    var = dict(zip(model["asset_id"], floats(model["specific_var"]), strict=True))
    lost = [k for k, name in enumerate(factors) if name not in {*model["factors"], *model["zero_factors"]}]
    here = [a for n, a in enumerate(row["asset_id"]) if a in asked and not np.isnan(var.get(a, np.nan)) and not X[n, lost].any()]
    x = {a: [X[row["asset_id"].index(a), factors.index(name)] for name in model["factors"]] for a in here}
    linked = {}
    if model["linked_1"] is not None:
        for one, other, value in zip(model["linked_1"], model["linked_2"], model["linked_cov"], strict=True):
            linked[frozenset((model["asset_id"][one], model["asset_id"][other]))] = value
    sigma = sigma_of(model)
    cells = [
        [np.dot(np.dot(x[a], sigma), x[b]) + (var[a] if a == b else linked.get(frozenset((a, b)), 0.0)) for b in here] for a in here
    ]
    return here, np.array(cells).reshape(len(here), len(here))


@pytest.mark.usefixtures("small_blocks")
def test_every_cell_is_that_of_its_two_assets_and_v_is_symmetric_to_the_last_bit():
    rows, builds = built()
    order = {(one["variant"], one["date"]): one["asset_id"] for one in builds.to_pylist()}
    assert order.keys() == {key for key in KEYS if key[1] != DAYS[EMPTY]}
    n_linked = 0
    for (name, day), ids in order.items():
        number = DAYS.index(day)
        row, model = panel_row(number), model_row(number, name)
        here, expected = plain_v(row, model, row["asset_id"])
        assert ids == here == sorted(here)
        of_v = [one for one in rows.to_pylist() if (one["variant"], one["date"]) == (name, day)]
        assert [one["asset_id"] for one in of_v] == ids
        V = np.array([one["covariance"] for one in of_v]).reshape(expected.shape)
        np.testing.assert_allclose(V, expected, rtol=1e-12, atol=1e-18)
        np.testing.assert_array_equal(V, V.T)
        n_linked += len(ids) > 9
    assert n_linked >= 4


@pytest.mark.usefixtures("small_blocks")
def test_what_was_built_names_the_assets_without_a_v_and_why():
    _, builds = built()
    rows = {(one["variant"], one["date"]): one for one in builds.to_pylist()}
    for (name, day), one in rows.items():
        row = panel_row(DAYS.index(day))
        assert (one["exposures"], one["exposure_date"], one["inputs_hash"]) == ("known", day, KEYS[name, day])
        assert one["n_assets"] == len(one["asset_id"])
        refused = {entry["asset_id"]: entry["reason"] for entry in one["refused"]}
        assert sorted([*refused, *one["asset_id"]]) == row["asset_id"]
    reasons = {entry["reason"] for one in rows.values() for entry in one["refused"]}
    assert "no specific variance: its history is too short" in reasons
    assert "exposed to tech, which is not in Sigma: too short" in reasons


@pytest.mark.usefixtures("small_blocks")
def test_assets_that_are_asked_for_are_there_or_refused():
    row = panel_row(1)
    asked = ["nowhere", *row["asset_id"][::3]]
    rows, builds = built(asked)
    here, expected = plain_v(row, model_row(1), asked)
    of_v = [one for one in rows.to_pylist() if (one["variant"], one["date"]) == ("v", DAYS[1])]
    assert [one["asset_id"] for one in of_v] == here
    np.testing.assert_allclose([one["covariance"] for one in of_v], expected, rtol=1e-12, atol=1e-18)
    refused = {entry["asset_id"]: entry["reason"] for entry in builds.to_pylist()[0]["refused"]}
    assert refused["nowhere"] == "no exposures on the date"
    assert refused.keys() == set(asked) - set(here)


@pytest.mark.usefixtures("small_blocks")
def test_exposures_used_in_the_regression_are_those_of_the_day_before():
    rows, builds = built(exposures="used")
    of_date = {(one["variant"], one["date"]): one for one in builds.to_pylist()}
    one = of_date["v", DAYS[2]]
    assert (one["exposures"], one["exposure_date"]) == ("used", DAYS[1])
    here, expected = plain_v(panel_row(1), model_row(2), panel_row(1)["asset_id"])
    of_v = [row for row in rows.to_pylist() if (row["variant"], row["date"]) == ("v", DAYS[2])]
    assert [row["asset_id"] for row in of_v] == here[: len(of_v)]
    np.testing.assert_allclose(of_v[0]["covariance"], expected[0], rtol=1e-12, atol=1e-18)


@pytest.mark.usefixtures("small_blocks")
def test_neither_the_order_of_rows_nor_other_columns_nor_pickling_matter():
    task = AssetCovariance(parts(), SETS, None, "known")
    given = {role: rows.select(task.columns[role]) for role, rows in inputs(-1).items()}
    again = pickle.loads(pickle.dumps(task))
    for part in range(task.n_parts):
        assert again(part, given).equals(task(part, inputs()))
        assert set(task.dates(part)) == set(task.columns)


@pytest.mark.usefixtures("small_blocks")
def test_without_a_model_or_exposures_there_is_no_v():
    for role in (MODELS, EXPOSED):
        rows, builds = built(given={**inputs(), role: inputs()[role].slice(0, 0)})
        assert (rows.num_rows, builds.num_rows) == (0, 0)


@pytest.mark.usefixtures("small_blocks")
def test_cells_are_the_rows_of_v_a_pair_at_a_time():
    rows, builds = built()
    cells = CovarianceCells(builds)
    shuffled = rows.take(np.random.default_rng(0).permutation(rows.num_rows))
    found = cells(shuffled)
    assert found.schema == ASSET_COVARIANCE_CELLS.arrow_schema()
    order = {(one["variant"], one["date"]): one["asset_id"] for one in builds.to_pylist()}
    expected = [
        {"variant": one["variant"], "date": one["date"], "asset_1": one["asset_id"], "asset_2": other, "covariance": value}
        for one in sorted(rows.to_pylist(), key=lambda one: (one["date"], one["variant"], one["asset_id"]))
        for other, value in zip(order[one["variant"], one["date"]], one["covariance"], strict=True)
    ]
    assert found.to_pylist() == expected
    pieces = [cells(rows.slice(start, 5)) for start in range(0, rows.num_rows, 5)]
    assert sorted(map(tuple, (r.values() for p in pieces for r in p.to_pylist()))) == sorted(tuple(r.values()) for r in expected)
    assert cells(rows.slice(0, 0)).num_rows == 0


def test_a_v_has_as_many_parts_as_blocks_of_rows():
    day, block = date(2024, 1, 1), asset_covariance.BLOCK
    counts = {("a", day): 0, ("b", day): 1, ("c", day): block, ("d", day): block + 1}
    found = covariance_parts(counts)
    assert [(part.variant, part.block) for part in found] == [("b", 0), ("c", 0), ("d", 0), ("d", 1)]
