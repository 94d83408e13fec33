"""The route by sums over memberships says what the dense route says, element by element."""

from collections.abc import Iterator

import numpy as np
import pytest
from cross_section_cases import (
    ANY_SIZE,
    Case,
    Membership,
    cap_share_rows,
    fitted_rows,
    generated,
    mean_one_weights,
    solve_kkt,
    with_columns,
)
from hypothesis import event, given, settings
from hypothesis import strategies as st

import sigmalake.numerics.regression.cross_section as kernel
from sigmalake.numerics.factors import Kind, PackedExposures, pack_exposures
from sigmalake.numerics.regression.cross_section import CrossSection, fit_cross_section
from sigmalake.numerics.regression.rules import RegressionRules, Thin
from sigmalake.numerics.types import Floats

BOUND = 1e-12  # of the largest term summed, times the condition number
EXACT = (
    "n_members", "factor_status", "n_fitted", "rank", "dof", "status", "is_outlier", "n_outliers", "n_reweighted", "n_iterations",
)  # fmt: skip


@pytest.fixture
def no_dense_route(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A date that the sums do not decide is an error."""

    def refuse(*_: object) -> CrossSection:
        raise AssertionError("the dense route was asked")

    monkeypatch.setattr(kernel, "fit_dense", refuse)
    yield


@st.composite
def rule_sets(draw: st.DrawFn) -> RegressionRules:
    return RegressionRules(
        thin=draw(st.sampled_from(Thin)),
        min_members=draw(st.sampled_from([0.0, 2.0, 5.0, 9.0])),
        min_assets=draw(st.sampled_from([None, 1])),
        outliers_beyond=draw(st.sampled_from([None, None, 2.5])),
        huber=draw(st.sampled_from([None, None, 1.345])),
        ridge=draw(st.sampled_from([0.0, 0.0, 0.01, 3.0])),
    )


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Several groups, fractional and partial; columns that are empty, constant, dependent or nearly so; any scale."""
    market = draw(st.booleans())
    memberships = st.builds(Membership, st.integers(1, 12), st.booleans(), st.booleans())
    groups = draw(st.dictionaries(st.sampled_from(["sector", "country", "currency"]), memberships, max_size=3))
    n_styles = draw(st.integers(0 if market or groups else 1, 4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    case = generated(rng, draw(st.integers(20, 120)), market=market, groups=groups, n_styles=n_styles, whole=draw(st.booleans()))
    return draw(st.sampled_from([_as_is, _scaled, _zero_weights, _dependent, _nearly_dependent, _empty, _heavy_tails]))(case, rng)


def _as_is(case: Case, rng: np.random.Generator) -> Case:
    return case


def _scaled(case: Case, rng: np.random.Generator) -> Case:
    """Returns, styles, weights and caps in other units, styles far from 0."""
    X, styles = case.exposures.copy(), _styles(case)
    X[:, styles] = X[:, styles] * 10.0 ** rng.integers(-90, 90, len(styles)) + rng.choice([0.0, 30.0], len(styles))
    powers = 10.0 ** rng.integers(-60, 60, 3)
    return case._replace(
        exposures=X, returns=case.returns * powers[0], weights=case.weights * powers[1], caps=case.caps * powers[2]
    )


def _zero_weights(case: Case, rng: np.random.Generator) -> Case:
    return case._replace(
        weights=case.weights * (rng.random(len(case.weights)) < 0.7) * np.exp(3.0 * rng.normal(size=len(case.caps)))
    )


def _dependent(case: Case, rng: np.random.Generator) -> Case:
    return with_columns(case, np.ones(len(case.caps)), case.exposures[:, -1] * 2.0)


def _nearly_dependent(case: Case, rng: np.random.Generator) -> Case:
    noise = 10.0 ** rng.uniform(-9.0, 0.0) * rng.normal(size=len(case.caps))
    return with_columns(case, case.exposures[:, -1] + noise)


def _empty(case: Case, rng: np.random.Generator) -> Case:
    """A level that only assets outside the fit have, and a style of zeros there or everywhere."""
    fitted = fitted_rows(case)
    return with_columns(case, np.where(fitted, 0.0, rng.choice([0.0, 1.0])) * np.ones(len(fitted)))


def _heavy_tails(case: Case, rng: np.random.Generator) -> Case:
    return case._replace(returns=case.returns + 0.3 * rng.standard_t(2, len(case.caps)))


def _styles(case: Case) -> list[int]:
    return [k for k, factor in enumerate(case.factors) if factor.kind is Kind.STYLE]


def assert_alike(one: CrossSection, other: CrossSection, case: Case, *, huber: bool = False) -> None:
    """Equal statuses and counts, and numbers within the bound."""
    for name in EXACT:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    tolerance = BOUND * max(1.0, np.nan_to_num(other.condition_number))
    of_scale = tolerance * (_reach(case, other) if huber else 1.0)
    for name in ("weights", "std_errors", "residual_var"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=of_scale, atol=0.0, err_msg=name)
    for name in ("vif", "condition_number"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=tolerance, atol=0.0, err_msg=name)
    for name in ("r2", "adj_r2", "r2_uncentred"):  # 1 - a ratio of sums
        size = 1.0 + abs(1.0 - np.nan_to_num(getattr(other, name)))
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=0.0, atol=of_scale * size, err_msg=name)
    largest_return = np.abs(case.returns[other.weights > 0.0]).max(initial=0.0)
    factor_sizes = np.abs(other.factor_returns) + np.nan_to_num(largest_return / _column_sizes(case, other))
    assert_within(one.factor_returns, other.factor_returns, tolerance * factor_sizes)
    terms = np.abs(case.exposures) @ np.nan_to_num(factor_sizes)
    assert_within(one.fitted_returns, other.fitted_returns, tolerance * terms)
    assert_within(one.specific_returns, other.specific_returns, tolerance * (np.abs(case.returns) + terms))


def _reach(case: Case, section: CrossSection) -> float:
    """The largest sqrt(w) |r| over the median sqrt(w) |u|: Huber's scale is that median, which is the less accurate the smaller."""
    rows = section.weights > 0.0
    if not rows.any():
        return 1.0
    root = np.sqrt(mean_one_weights(case)[rows])
    median = float(np.median(root * np.abs(section.specific_returns[rows])))
    return float((root * np.abs(case.returns[rows])).max()) / median if median > 0.0 else 1.0


def _column_sizes(case: Case, section: CrossSection) -> Floats:
    """(K,) the weighted mean size of each column: a return divided by it is what f_k is made of."""
    sizes = section.weights @ np.abs(case.exposures) / max(section.weights.sum(), 1.0)
    sizes[sizes == 0.0] = np.inf
    return sizes


def assert_within(one: Floats, other: Floats, tolerance: Floats) -> None:
    np.testing.assert_array_equal(np.isnan(one), np.isnan(other))
    there = ~np.isnan(other)
    assert (np.abs(one - other)[there] <= tolerance[there]).all(), np.nanmax(np.abs(one - other) / tolerance)


@settings(max_examples=200, deadline=None)
@given(cases(), rule_sets())
def test_sums_over_memberships_say_what_the_dense_route_says(case: Case, rules: RegressionRules) -> None:
    one, other = case.fit(rules), case.dense_fit(rules)
    event(other.status)
    assert_alike(one, other, case, huber=rules.huber is not None)
    assert one.detail == other.detail


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 2**32), st.booleans(), st.integers(0, 3))
def test_the_bordered_system_gives_the_same_factor_returns(seed: int, market: bool, n_styles: int) -> None:
    groups = {"sector": Membership(5), "country": Membership(4, fractional=True), "currency": Membership(3, partial=True)}
    case = generated(np.random.default_rng(seed), 150, market=market, groups=groups, n_styles=n_styles, whole=False)
    section = case.fit()
    size = np.abs(case.returns[fitted_rows(case)]).max()
    expected = solve_kkt(case, cap_share_rows(case))
    np.testing.assert_allclose(section.factor_returns, expected, rtol=0, atol=1e-12 * size * section.condition_number**2)


GROUPS = {"sector": Membership(9), "country": Membership(4, fractional=True), "currency": Membership(3, partial=True)}
OPTIONS = [{}, {"thin": "drop"}, {"thin": "shrink"}, {"ridge": 0.1}, {"huber": 1.345}, {"outliers_beyond": 3.0}]


@pytest.mark.usefixtures("no_dense_route")
@pytest.mark.parametrize("options", OPTIONS)
def test_an_ordinary_date_needs_no_dense_exposures(options: dict[str, float]) -> None:
    case = generated(np.random.default_rng(7), 300, groups=GROUPS, n_styles=4, whole=False)
    case.exposures[np.flatnonzero(case.exposures[:, 1])[3:], 1:3] = [0.0, 1.0]  # a thin sector
    section = case.fit(RegressionRules(min_assets=1, **options))
    assert (section.status, section.rank) == ("ok", 1 + 8 + 3 + 3 + 4 - ("drop" in options.values()))


@pytest.mark.usefixtures("no_dense_route")
def test_a_level_without_members_needs_no_dense_exposures_and_loses_who_is_exposed() -> None:
    case = generated(np.random.default_rng(8), 300, groups=GROUPS, n_styles=4)
    case.exposures[:, 1:3] = np.outer(case.exposures[:, 1:3].sum(axis=1), [0.0, 1.0])
    case.exposures[5, 1:10] = np.eye(9)[0]
    case.weights[5], case.in_estimation[5] = 0.0, False
    section = case.fit()
    assert section.factor_status == ("ok", "empty", *("ok",) * 19)
    assert np.flatnonzero(np.isnan(section.specific_returns)).tolist() == [5]
    assert section.detail == "assets with a return but no specific return: 1, 1 exposed to sector_0 (empty)"


def test_nearly_dependent_columns_have_the_bits_of_the_dense_route() -> None:
    case = generated(np.random.default_rng(9), 120, groups=GROUPS, n_styles=3)
    case = with_columns(case, case.exposures[:, -1] + 1e-6 * np.random.default_rng(10).normal(size=120))
    one, other = case.fit(), case.dense_fit()
    np.testing.assert_array_equal(one.factor_returns, other.factor_returns)
    assert one.condition_number > 1e5


def test_shares_over_many_levels_are_a_matrix_product_with_the_same_answer() -> None:
    rng = np.random.default_rng(11)
    case = generated(rng, 200, groups={"country": Membership(20)}, n_styles=3)
    shares = rng.dirichlet(np.full(20, 0.3), 200)
    case.exposures[:, 1:21] = shares
    assert np.count_nonzero(shares) > 8 * 200
    assert_alike(case.fit(), case.dense_fit(), case)


def test_the_order_of_the_triplets_changes_no_bit() -> None:
    case = generated(np.random.default_rng(12), 90, groups=GROUPS, n_styles=2, whole=False)
    packed = pack_exposures(case.exposures, case.factors)
    order = np.random.default_rng(13).permutation(len(packed.member_assets))
    triplets = (packed.member_assets[order], packed.member_factors[order], packed.member_shares[order])
    one, other = case.fit(), fit_cross_section(*case._replace(exposures=PackedExposures(90, *triplets, packed.styles)), ANY_SIZE)
    for name in ("factor_returns", "std_errors", "specific_returns", "vif", "weights"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_packing_and_unpacking_gives_the_same_exposures() -> None:
    case = generated(np.random.default_rng(14), 60, groups=GROUPS, n_styles=2)
    np.testing.assert_array_equal(pack_exposures(case.exposures, case.factors).dense(case.factors), case.exposures)
    case.exposures[3, 0] = 0.5
    with pytest.raises(ValueError, match=r"the market's exposures must be 1; the first other is 0\.5"):
        pack_exposures(case.exposures, case.factors)


def test_packed_arrays_that_do_not_fit_are_refused() -> None:
    case = generated(np.random.default_rng(15), 60, groups=GROUPS, n_styles=2)
    packed = pack_exposures(case.exposures, case.factors)
    with pytest.raises(ValueError, match=r"styles have shape \(60, 1\); \(60, 2\) is assets x styles"):
        fit_cross_section(*case._replace(exposures=packed._replace(styles=packed.styles[:, :1])), ANY_SIZE)
    with pytest.raises(ValueError, match="member_assets, member_factors and member_shares have shapes"):
        fit_cross_section(*case._replace(exposures=packed._replace(member_shares=packed.member_shares[1:])), ANY_SIZE)
    spoilt = packed._replace(styles=np.where(np.arange(120).reshape(60, 2) == 7, np.nan, packed.styles))
    with pytest.raises(ValueError, match="exposures has 1 wrong values"):
        fit_cross_section(*case._replace(exposures=spoilt), ANY_SIZE)
    doubled = packed._replace(member_shares=packed.member_shares * 1.5)
    with pytest.raises(ValueError, match=r"membership sector has .* shares of sector lie in \[0, 1\]"):
        fit_cross_section(*case._replace(exposures=doubled), ANY_SIZE)
