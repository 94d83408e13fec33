import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from sigmalake.numerics.evaluation.forecast_evaluation import (
    DateForecast,
    EvaluationKind,
    EvaluationRules,
    OwnPortfolio,
    evaluate_date,
)
from sigmalake.numerics.portfolio.linked_cov import UNLINKED, LinkedCov, take_linked

RULES = EvaluationRules(random_active=3, minimum_variance=2)
seeds = st.integers(0, 2**32 - 1)


def a_date(seed: int = 0, n_assets: int = 30, n_factors: int = 4) -> DateForecast:
    """One with unusable assets, names outside the universe, and missing returns."""
    rng = np.random.default_rng(seed)
    root = rng.normal(0, 0.01, (n_factors, n_factors))
    own = rng.uniform(1e-4, 9e-4, n_assets)
    usable = np.ones(n_assets, dtype=bool)
    own[3], usable[[3, 7]] = np.nan, False
    returns, residuals = rng.normal(0, 0.02, (2, n_assets))
    returns[[5, 11]] = residuals[[5, 11]] = np.nan
    return DateForecast(
        factors=[f"f{k}" for k in range(n_factors)], factor_cov=root @ root.T, factor_returns=rng.normal(0, 0.01, n_factors),
        asset_ids=[f"A{n:02d}" for n in range(n_assets)], exposures=rng.normal(size=(n_assets, n_factors)), specific_var=own,
        usable=usable, caps=rng.lognormal(0, 1, n_assets), in_estimation=np.arange(n_assets) % 6 != 5, returns=returns,
        specific_returns=residuals, linked=LinkedCov(np.array([[0, 2], [1, 8]]), np.array([1e-4, -5e-5])),
    )  # fmt: skip


def numbers(parts) -> dict[tuple[str, str], dict[str, float]]:
    """By kind and portfolio."""
    found = {}
    for part in parts:
        for row, name in enumerate(part.portfolios):
            values = {field: float(getattr(part.run, field)[row]) for field in part.run._fields}
            counts = {"n_assets": part.n_assets[row], "left_out": part.left_out[row], "weight": part.left_out_weight[row]}
            found[part.kind.value, name] = values | counts
    return found


def risk_by_loops(date: DateForecast, h: dict[int, float]) -> tuple[float, float]:
    """sigma and R of holdings, each pair of assets on its own."""
    variance = realised = 0.0
    for a, weight in h.items():
        realised += weight * date.returns[a]
        variance += weight**2 * date.specific_var[a]
        for b, other in h.items():
            for i in range(len(date.factors)):
                for j in range(len(date.factors)):
                    variance += weight * other * date.exposures[a, i] * date.factor_cov[i, j] * date.exposures[b, j]
    for (a, b), shared in zip(date.linked.pairs, date.linked.cov, strict=True):
        variance += 2 * h.get(a, 0.0) * h.get(b, 0.0) * shared
    return variance**0.5, realised


def kept(date: DateForecast, holdings) -> dict[int, float]:
    return {n: h for n, h in enumerate(holdings) if h != 0 and date.usable[n] and not np.isnan(date.returns[n])}


def test_factors_are_sigma_s_diagonal_against_their_returns():
    date = a_date()
    found = numbers(evaluate_date(date, RULES))
    for k, name in enumerate(date.factors):
        row = found["factor", name]
        assert row["vol"] == pytest.approx(date.factor_cov[k, k] ** 0.5, rel=1e-12)
        assert row["b"] == pytest.approx(date.factor_returns[k] / date.factor_cov[k, k] ** 0.5, rel=1e-12)
        assert row["log_b_squared"] == pytest.approx(np.log(row["b"] ** 2), rel=1e-12)


def test_eigenfactors_are_uncorrelated_portfolios_of_factors_the_least_variance_first():
    date = a_date()
    found = numbers(evaluate_date(date, RULES))
    rows = [found["eigenfactor", str(k + 1)] for k in range(4)]
    assert_allclose([row["vol"] ** 2 for row in rows], np.linalg.eigvalsh(date.factor_cov), rtol=1e-10)
    f = date.factor_returns
    assert sum(row["b_squared"] for row in rows) == pytest.approx(f @ np.linalg.solve(date.factor_cov, f), rel=1e-8)
    assert sum(row["realised"] ** 2 for row in rows) == pytest.approx(f @ f, rel=1e-10)


def test_the_market_is_the_estimation_universe_by_cap_without_what_has_no_v_or_no_return():
    date = a_date()
    h = np.where(date.in_estimation, date.caps, 0.0) / date.caps[date.in_estimation].sum()
    sigma, realised = risk_by_loops(date, kept(date, h))
    row = numbers(evaluate_date(date, RULES))["market", "market"]
    assert (row["vol"], row["realised"]) == (pytest.approx(sigma, rel=1e-10), pytest.approx(realised, rel=1e-10))
    gone = [3, 7]  # 5 and 11 are outside the universe
    assert (row["left_out"], row["n_assets"]) == (len(gone), date.in_estimation.sum() - len(gone))
    assert row["weight"] == pytest.approx(h[gone].sum(), rel=1e-12)


def test_own_portfolios_keep_their_weights_and_count_what_is_not_there():
    date = a_date()
    mine = OwnPortfolio("mine", ["A01", "A05", "A03", "A29", "no such", "A02"], np.array([0.5, -0.2, 0.1, 0.0, -0.3, 0.4]))
    sigma, realised = risk_by_loops(date, {1: 0.5, 2: 0.4})
    row = numbers(evaluate_date(date, RULES, [mine]))["own", "mine"]
    assert (row["vol"], row["realised"]) == (pytest.approx(sigma, rel=1e-10), pytest.approx(realised, rel=1e-10))
    assert (row["n_assets"], row["left_out"]) == (2, 3)
    assert row["weight"] == pytest.approx((0.2 + 0.1 + 0.3) / 1.5, rel=1e-12)


def test_random_and_minimum_variance_portfolios_have_the_risk_that_loops_find(monkeypatch):
    from sigmalake.numerics.evaluation import forecast_evaluation as module

    made = {}

    def spy(name):
        original = getattr(module, name)

        def remember(*args):
            made[name] = original(*args)
            return made[name]

        monkeypatch.setattr(module, name, remember)

    spy("random_active")
    spy("minimum_variance")
    date = a_date()
    found = numbers(evaluate_date(date, RULES))
    universe = np.flatnonzero(date.in_estimation & date.usable)
    for kind, count in (("random_active", 3), ("minimum_variance", 2)):
        assert made[kind].shape == (len(universe), count)
        for p in range(count):
            h = np.zeros(30)
            h[universe] = made[kind][:, p]
            sigma, realised = risk_by_loops(date, kept(date, h))
            row = found[kind, f"{p + 1:03d}"]
            assert (row["vol"], row["realised"]) == (pytest.approx(sigma, rel=1e-9), pytest.approx(realised, rel=1e-9))


@pytest.mark.parametrize(
    ("kind", "specific", "by_size"),
    [
        ("asset_by_size", False, True), ("asset_by_volatility", False, False),
        ("specific_by_size", True, True), ("specific_by_volatility", True, False),
    ],
)  # fmt: skip
def test_deciles_hold_single_assets_ranked_by_what_is_known(kind, specific, by_size):
    date = a_date()
    V = date.exposures @ date.factor_cov @ date.exposures.T
    universe = [n for n in range(30) if date.in_estimation[n] and date.usable[n]]
    vol = {n: (date.specific_var[n] + (0 if specific else V[n, n])) ** 0.5 for n in universe}
    ranked = sorted(universe, key=lambda n: date.caps[n] if by_size else vol[n])
    found = numbers(evaluate_date(date, RULES))
    R = date.specific_returns if specific else date.returns
    tenths = [[n for rank, n in enumerate(ranked) if rank * 10 // len(ranked) == tenth] for tenth in range(10)]
    for tenth, members in enumerate(tenths):
        row = found[kind, f"{tenth + 1:02d}"]
        b = [R[n] / vol[n] for n in members if not np.isnan(R[n])]
        assert (row["n_forecasts"], row["left_out"]) == (len(b), len(members) - len(b))
        assert (row["b"], row["b_squared"]) == (pytest.approx(np.mean(b)), pytest.approx(np.mean(np.square(b))))


def test_single_assets_and_the_portfolio_of_one_agree():
    date = a_date(n_assets=12)
    one = [OwnPortfolio(asset, [asset], np.array([1.0])) for asset in date.asset_ids]
    found = numbers(evaluate_date(date, RULES, one))
    deciles = [row for (kind, _), row in found.items() if kind == "asset_by_volatility" and row["n_forecasts"]]
    vols = sorted(found["own", f"A{n:02d}"]["vol"] for n in range(12) if date.in_estimation[n] and date.usable[n])
    assert_allclose([row["vol"] for row in deciles], vols, rtol=1e-12)


@settings(deadline=None, max_examples=15)
@given(seed=seeds)
def test_the_order_of_the_assets_changes_nothing(seed):
    date = a_date(seed)
    order = np.random.default_rng(seed).permutation(30)
    by_asset = ("exposures", "specific_var", "usable", "caps", "in_estimation", "returns", "specific_returns")
    shuffled = date._replace(
        asset_ids=[date.asset_ids[n] for n in order],
        linked=take_linked(date.linked, order, 30),
        **{name: getattr(date, name)[order] for name in by_asset},
    )
    one, other = (numbers(evaluate_date(d, RULES)) for d in (date, shuffled))
    assert one.keys() == other.keys()
    for key, row in one.items():
        assert_allclose(list(other[key].values()), list(row.values()), rtol=1e-7, atol=1e-12, err_msg=str(key))


@settings(deadline=None, max_examples=15)
@given(seed=seeds, scale=st.floats(0.01, 100))
def test_standardised_returns_have_no_unit(seed, scale):
    date = a_date(seed)
    scaled = date._replace(
        factor_cov=date.factor_cov * scale**2, specific_var=date.specific_var * scale**2,
        linked=date.linked._replace(cov=date.linked.cov * scale**2), returns=date.returns * scale,
        specific_returns=date.specific_returns * scale, factor_returns=date.factor_returns * scale,
    )  # fmt: skip
    one, other = (numbers(evaluate_date(d, RULES)) for d in (date, scaled))
    for key, row in one.items():
        assert other[key]["b_squared"] == pytest.approx(row["b_squared"], rel=1e-6, nan_ok=True), key


def test_what_happens_next_moves_no_forecast():
    date = a_date()
    other = date._replace(
        returns=date.returns * 3 + 0.01, factor_returns=-date.factor_returns, specific_returns=2 * date.specific_returns
    )
    one, two = (numbers(evaluate_date(d, RULES)) for d in (date, other))
    assert_array_equal([row["vol"] for row in one.values()], [row["vol"] for row in two.values()])
    assert one["market", "market"]["realised"] != two["market", "market"]["realised"]


def test_a_missing_factor_return_is_in_every_eigenfactor():
    date = a_date()
    date.factor_returns[2] = np.nan
    found = numbers(evaluate_date(date, RULES))
    assert [found["factor", name]["n_forecasts"] for name in date.factors] == [1, 1, 0, 1]
    assert all(row["n_forecasts"] == 0 for (kind, _), row in found.items() if kind == "eigenfactor")


def test_an_eigenfactor_beyond_the_rank_has_no_forecast():
    date = a_date()
    root = np.random.default_rng(0).normal(0, 0.01, (4, 2))
    found = numbers(evaluate_date(date._replace(factor_cov=root @ root.T), RULES))
    assert [found["eigenfactor", str(k)]["n_forecasts"] for k in (1, 2, 3, 4)] == [0, 0, 1, 1]


def test_where_v_has_no_inverse_no_minimum_variance_is_forecast_and_all_else_is():
    date = a_date()
    first, second = np.flatnonzero(date.in_estimation & date.usable)[:2]
    date.specific_var[[first, second]] = 0.0
    date.exposures[second] = date.exposures[first]
    parts = {part.kind.value: part for part in evaluate_date(date._replace(linked=UNLINKED), RULES)}
    assert parts["random_active"].run.n_forecasts.tolist() == [1, 1, 1]
    sharp = parts["minimum_variance"]
    assert sharp.run.n_forecasts.tolist() == sharp.n_assets.tolist() == [0, 0]
    assert sharp.without.startswith("V is too near to a singular matrix")
    assert "minimum_variance" not in {p.kind.value for p in evaluate_date(date, EvaluationRules(minimum_variance=0))}


def test_without_sigma_nothing_is_forecast_and_the_market_says_so():
    none = np.empty(0)
    date = a_date()._replace(
        factors=[], factor_cov=np.empty((0, 0)), factor_returns=none, exposures=np.empty((30, 0)), usable=np.zeros(30, dtype=bool)
    )
    (market,) = evaluate_date(date, RULES)
    assert (market.kind, market.run.n_forecasts[0], market.left_out_weight[0]) == (EvaluationKind.MARKET, 0, pytest.approx(1))
    assert market.without == "nothing is held that has a V and a return"


def test_without_caps_assets_count_alike_and_are_not_ranked_by_size():
    date = a_date()._replace(caps=None)
    parts = evaluate_date(date, RULES)
    assert not {part.kind for part in parts} & {EvaluationKind.ASSET_BY_SIZE, EvaluationKind.SPECIFIC_BY_SIZE}
    sigma, _ = risk_by_loops(date, kept(date, date.in_estimation / date.in_estimation.sum()))
    assert numbers(parts)["market", "market"]["vol"] == pytest.approx(sigma, rel=1e-10)


@pytest.mark.parametrize("name", ["random_active", "minimum_variance", "seed"])
def test_negative_rules_are_refused(name):
    with pytest.raises(ValueError, match=rf"^{name} is -1; it must be 0 or more$"):
        EvaluationRules(**{name: -1})
