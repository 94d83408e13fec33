"""A chunk of as-of dates from Arrow rows: whatever the order of rows and assets, the kernels see the right arrays."""

from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sigmalake.config import Variant
from sigmalake.numerics.exposures import Factor, Kind
from sigmalake.numerics.specific_risk import Coverage, specific_history, specific_risk
from sigmalake.spark.chunks import AsOf, Chunk
from sigmalake.spark.window_arrays import CAPS_BEFORE, HISTORY, KNOWN
from sigmalake.spark.windows import estimate_chunk, known_columns
from sigmalake.tables.packed import RISK_MODELS

FACTORS = [
    Factor("market", "market", Kind.MARKET), Factor("bank", "sector", Kind.MEMBERSHIP), Factor("tech", "sector", Kind.MEMBERSHIP),
    Factor("size", "style", Kind.STYLE),
]  # fmt: skip
N_DATES, N_ASSETS = 40, 30
CALENDAR = [date(2024, 1, 1) + timedelta(days=n) for n in range(N_DATES)]
IDS = [f"A{n:02d}" for n in range(N_ASSETS)]
GONE, NEW = 4, 29  # without exposures on the last date; without a return so far
LAYERS = {
    "lags": 2, "structural": {"fewest_obs": 5, "ramp_obs": 5}, "size_shrinkage": {"groups": 3}, "regime": {"half_life": 3},
    "linked": {"min_periods": 5},
}  # fmt: skip
SCHEMA = pa.schema(
    [
        ("date", pa.date32()), ("role", pa.string()), ("position", pa.int32()), ("chunk", pa.int32()), ("factor_set", pa.string()),
        ("factor_return", pa.list_(pa.float64())), ("factor_status", pa.list_(pa.string())), ("asset_id", pa.list_(pa.string())),
        ("specific_return", pa.list_(pa.float64())), ("styles", pa.list_(pa.float64())), ("member_assets", pa.list_(pa.int32())),
        ("member_factors", pa.list_(pa.int32())), ("member_shares", pa.list_(pa.float64())), ("cap", pa.list_(pa.float64())),
        ("issuer_id", pa.list_(pa.string())),
    ]
)  # fmt: skip


def variant(**layers) -> Variant:
    own = {"estimator": "ewma", "half_life": 6, "window": 15, "min_periods": 6}
    return Variant.model_validate({"factor_cov": own, "specific_var": {**own, **layers}})


class World:
    """Matrices, and the rows of tables that say the same."""

    def __init__(self) -> None:
        rng = np.random.default_rng(2)
        self.u = rng.normal(0, 0.02, (N_DATES, N_ASSETS)) * np.exp(rng.normal(0, 0.4, N_ASSETS))
        self.u[:, NEW] = np.nan
        self.u[rng.random(self.u.shape) < 0.02] = np.nan
        self.f = rng.normal(0, 0.01, (N_DATES, 4))
        self.statuses = ["ok", "ok"]  # of the sectors, on every date
        self.caps = np.exp(rng.normal(5, 1, (N_DATES, N_ASSETS)))  # by the date at which they are known
        self.sector = rng.integers(1, 3, N_ASSETS)
        self.size = rng.standard_normal((N_DATES, N_ASSETS))
        self.issuers: list[str | None] = [None, "x", "y", "x", *["z"] * 3, *[f"i{n}" for n in range(7, N_ASSETS)]]

    def exposures(self, day: int, assets: np.ndarray) -> np.ndarray:
        members = (self.sector[assets, None] == [1, 2]).astype(float)
        return np.column_stack([np.ones(len(assets)), members, self.size[day, assets]])

    def history(self, day: int) -> dict[str, object]:
        assets = np.delete(np.arange(N_ASSETS), NEW)
        values = [None if np.isnan(value) else value for value in self.u[day, assets]]
        f = {"factor_return": self.f[day].tolist(), "factor_status": ["ok", *self.statuses, "ok"]}
        return self.row(HISTORY, day, assets, **f, specific_return=values)

    def known(self, day: int) -> dict[str, object]:
        assets = np.delete(np.arange(N_ASSETS), GONE) if day == N_DATES - 1 else np.arange(N_ASSETS)
        return self.row(
            KNOWN, day, assets, styles=self.size[day, assets].tolist(), member_assets=list(range(len(assets))),
            member_factors=self.sector[assets].tolist(), member_shares=[1.0] * len(assets), cap=self.caps[day, assets].tolist(),
            issuer_id=[self.issuers[n] for n in assets],
        )  # fmt: skip

    def caps_before(self, day: int) -> dict[str, object]:
        return self.row(CAPS_BEFORE, day, np.arange(N_ASSETS), cap=self.caps[day - 1].tolist())

    def row(self, role: str, day: int, assets: np.ndarray, **values: object) -> dict[str, object]:
        ids = [IDS[n] for n in assets]
        return {"date": CALENDAR[day], "role": role, "position": day, "chunk": 0, "factor_set": "set", "asset_id": ids, **values}

    def coverage(self, day: int) -> Coverage:
        is_known = np.ones(N_ASSETS, dtype=bool)
        is_known[GONE] = day != N_DATES - 1
        assets = np.flatnonzero(is_known)
        numbers = {issuer: number for number, issuer in enumerate(dict.fromkeys(self.issuers)) if issuer is not None}
        issuers = np.array([numbers.get(issuer, -1) for issuer in self.issuers])
        return Coverage(
            np.arange(N_ASSETS), is_known, self.exposures(day, assets), FACTORS, np.where(is_known, self.caps[day], np.nan),
            np.where(is_known, issuers, -1),
        )  # fmt: skip


AS_OF = (30, N_DATES - 1)


def computed(world: World, chosen: Variant, *, shuffled: bool = True, with_caps: bool = True) -> list[dict[str, object]]:
    first = AS_OF[0] + 1 - chosen.look_back
    rows = [world.history(day) for day in range(first, N_DATES)] + [world.known(day) for day in AS_OF]
    rows += [world.caps_before(day) for day in range(first, N_DATES)] if with_caps else []
    order = np.random.default_rng(0).permutation(len(rows)) if shuffled else np.arange(len(rows))
    table = pa.Table.from_pylist([rows[n] for n in order], SCHEMA)
    chunk = Chunk(first, N_DATES - 1, tuple(AsOf("v", day, f"hash {day}") for day in AS_OF))
    return estimate_chunk(table, chunk, CALENDAR, {"v": chosen}, {"set": FACTORS}).to_pylist()


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
    row = computed(world, chosen, with_caps=False)[-1]
    plain = chosen.specific_var.estimate(world.u, np.array([N_DATES - 1]))
    assert_allclose(numbers(row["specific_var"]), plain.var[0], rtol=1e-11)
    assert_array_equal(row["ts_var"], row["specific_var"])
    for name in ("structural_var", "blend_weight", "shrink_weight", "regime_multiplier", "linked_1", "linked_2", "linked_cov"):
        assert row[name] is None


def test_a_factor_without_effect_is_named_where_sigma_lacks_it():
    world, chosen = World(), variant()
    world.f[:, 1], world.statuses = np.nan, ["collinear", "ok"]
    rows = computed(world, chosen, with_caps=False)
    assert [(row["factors"], row["zero_factors"]) for row in rows] == [(["market", "tech", "size"], ["bank"])] * len(AS_OF)
    world.statuses = ["empty", "ok"]
    assert computed(world, chosen, with_caps=False)[-1]["zero_factors"] == []


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
    assert computed(world, chosen, with_caps=False)[1]["regime_multiplier"] == pytest.approx(expected.regime_multiplier, rel=1e-11)


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


def test_every_column_of_the_table_is_made():
    assert list(computed(World(), variant())[0]) == RISK_MODELS.column_names
