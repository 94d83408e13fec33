"""Dates on which something is wrong: the answer says what, with numbers, and the rest is estimated."""

import json

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
    projected_fit,
    solve_kkt,
    without,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from scipy.linalg import null_space

from sigmalake.numerics.cross_section import CrossSection, RegressionRules, Thin, Weighting
from sigmalake.numerics.exposures import Factor, Kind
from sigmalake.numerics.least_squares import independent_columns, pure_factor_portfolios, solve_constrained

DROP = RegressionRules(thin=Thin.DROP, min_assets=1)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(23)


@pytest.fixture
def case(rng: np.random.Generator) -> Case:
    """Market, three sectors of 20 assets each, two styles."""
    made = generated(rng, 60, groups={"sector": Membership(3)}, n_styles=2)
    made.exposures[:, 1:4] = np.repeat(np.eye(3), 20, axis=0)
    return made


def with_columns(case: Case, *columns: np.ndarray, kind: Kind = Kind.STYLE, group: str = "style") -> Case:
    added = [Factor(f"added_{k}", group, kind) for k in range(len(columns))]
    return case._replace(exposures=np.column_stack([case.exposures, *columns]), factors=[*case.factors, *added])


def status_of(section: CrossSection, case: Case, name: str) -> str:
    return section.factor_status[[factor.name for factor in case.factors].index(name)]


def assert_same_answer(section: CrossSection, expected: CrossSection, columns: list[int]) -> None:
    """The factors of `expected` are the `columns` of `section`; all else is the same."""
    np.testing.assert_allclose(section.factor_returns[columns], expected.factor_returns, rtol=1e-9, atol=1e-14)
    np.testing.assert_allclose(section.std_errors[columns], expected.std_errors, rtol=1e-9)
    np.testing.assert_allclose(section.specific_returns, expected.specific_returns, rtol=0, atol=1e-14)
    assert (section.rank, section.dof) == (expected.rank, expected.dof)
    others = np.setdiff1d(np.arange(len(section.factor_returns)), columns)
    assert np.isnan(section.factor_returns[others]).all()
    assert np.isnan(section.std_errors[others]).all()


def test_a_factor_without_fitted_member_is_empty_and_its_assets_have_no_specific_return(case: Case) -> None:
    case.returns[40:59] = np.nan
    case.weights[59] = 0.0
    case.in_estimation[59] = False
    section = case.fit()
    assert status_of(section, case, "sector_2") == "empty"
    assert section.n_members[3] == 0
    assert np.isnan(section.specific_returns[40:]).all()
    assert np.isnan(section.fitted_returns[40:]).all()
    assert section.detail == "1 assets with a return have no specific return: 1 exposed to sector_2 (empty)"
    assert section.status == "ok"
    smaller = Case(*(array[:40] for array in without(case, [3])[:5]), without(case, [3]).factors).fit()
    np.testing.assert_allclose(section.factor_returns[[0, 1, 2, 4, 5]], smaller.factor_returns, rtol=1e-10)


def test_a_style_of_zeros_is_empty(case: Case) -> None:
    case.exposures[:, 4] = 0.0
    section = case.fit()
    assert status_of(section, case, "style_0") == "empty"
    assert_same_answer(section, without(case, [4]).fit(), [0, 1, 2, 3, 5])
    assert section.detail == ""


@pytest.mark.parametrize("value", [1.0, -3e-7, 0.1])
def test_a_constant_style_is_out_and_counts_as_zero(case: Case, value: float) -> None:
    case.exposures[:, 4] = value * (1.0 + 1e-15 * np.arange(60))
    section = case.fit()
    assert status_of(section, case, "style_0") == "constant"
    assert_same_answer(section, without(case, [4]).fit(), [0, 1, 2, 3, 5])


def test_a_style_is_constant_where_it_is_so_over_the_fit(case: Case) -> None:
    case.exposures[:, 4] = 2.0
    case.exposures[7, 4] = -1.0
    case.returns[7] = np.nan
    section = case.fit()
    assert status_of(section, case, "style_0") == "constant"
    assert np.isfinite(section.fitted_returns[7])


def test_a_combination_of_earlier_columns_is_collinear_and_counts_as_zero(case: Case) -> None:
    doubled = with_columns(case, 2.0 * case.exposures[:, 4] - case.exposures[:, 5] + 0.3)
    section = doubled.fit()
    assert section.factor_status == ("ok",) * 6 + ("collinear",)
    assert_same_answer(section, case.fit(), list(range(6)))


def test_the_later_of_two_equal_columns_is_collinear(case: Case) -> None:
    case.exposures[:, 5] = case.exposures[:, 4]
    assert case.fit().factor_status == ("ok", "ok", "ok", "ok", "ok", "collinear")


def test_a_style_that_repeats_a_sector_makes_the_later_of_them_collinear(case: Case) -> None:
    repeated = with_columns(case, case.exposures[:, 2])
    assert repeated.fit().factor_status[-1] == "collinear"
    order = [6, 0, 1, 2, 3, 4, 5]
    first = repeated._replace(exposures=repeated.exposures[:, order], factors=[repeated.factors[k] for k in order])
    section = first.fit()
    assert section.factor_status == ("ok", "ok", "ok", "ok", "collinear", "ok", "ok")
    np.testing.assert_allclose(section.fitted_returns, case.fit().fitted_returns, rtol=0, atol=1e-14)
    assert np.isfinite(section.specific_returns).all()


def test_a_second_group_that_repeats_the_first_is_collinear_but_for_what_its_constraint_identifies(case: Case) -> None:
    repeated = with_columns(case, *case.exposures[:, 1:4].T, kind=Kind.MEMBERSHIP, group="again")
    section = repeated.fit()
    assert section.factor_status == ("ok",) * 6 + ("ok", "collinear", "collinear")
    assert section.factor_returns[6] == pytest.approx(0.0, abs=1e-15)
    np.testing.assert_allclose(section.specific_returns, case.fit().specific_returns, rtol=0, atol=1e-14)
    assert section.rank == case.fit().rank


def test_industries_nested_in_sectors_keep_the_fit_of_the_industries(rng: np.random.Generator) -> None:
    industry = rng.integers(0, 6, 90)
    made = generated(rng, 90, groups={"sector": Membership(3), "industry": Membership(6)}, n_styles=1)
    made.exposures[:, 1:4] = industry[:, None] // 2 == np.arange(3)
    made.exposures[:, 4:10] = industry[:, None] == np.arange(6)
    section, industries_only = made.fit(), without(made, [1, 2, 3]).fit()
    assert section.factor_status.count("collinear") == 2
    assert section.rank == industries_only.rank == 7
    np.testing.assert_allclose(section.fitted_returns, industries_only.fitted_returns, rtol=0, atol=1e-14)


def test_a_partial_group_that_is_complete_on_the_date_loses_its_last_column_to_the_market(case: Case) -> None:
    partial = [factor._replace(kind=Kind.PARTIAL) if factor.group == "sector" else factor for factor in case.factors]
    assert case._replace(factors=partial).fit().factor_status == ("ok", "ok", "ok", "collinear", "ok", "ok")


def test_columns_of_correlation_one_less_1e_10_are_both_kept(case: Case, rng: np.random.Generator) -> None:
    x = case.exposures[:, 4]
    near = x + 1.4e-5 * x.std() * rng.normal(size=60)
    assert 0.5e-10 < 1.0 - np.corrcoef(x, near)[0, 1] < 2e-10
    close = with_columns(case, near)
    section = close.fit()
    assert set(section.factor_status) == {"ok"}
    assert 1e5 < section.condition_number < 1e6
    apart = with_columns(case, (near - x) / 1.4e-5).fit()
    expected = apart.factor_returns[-1] / 1.4e-5
    assert section.factor_returns[-1] == pytest.approx(expected, rel=1e-9)
    assert section.factor_returns[4] == pytest.approx(apart.factor_returns[4] - expected, rel=1e-9)
    np.testing.assert_allclose(section.specific_returns, apart.specific_returns, rtol=0, atol=1e-12)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 4), st.sampled_from([1e-8, 1e-3, 1.0, 1e6]), st.booleans())
def test_exactly_dependent_columns_are_found_whatever_their_units(
    seed: int, n_dependent: int, unit: float, market: bool
) -> None:
    rng = np.random.default_rng(seed)
    base = generated(rng, 80, market=market, groups={"sector": Membership(4)}, n_styles=3, whole=False)
    styles = base.exposures[:, -3:] @ rng.integers(-9, 10, (3, n_dependent)) + rng.integers(1, 50, n_dependent)
    section = with_columns(base, *(unit * styles.T)).fit()
    added = section.factor_status[-n_dependent:]
    assert set(added) <= {"collinear", "constant"}
    np.testing.assert_allclose(section.specific_returns, base.fit().specific_returns, rtol=0, atol=1e-12)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32), st.booleans(), st.integers(3, 7))
def test_what_elimination_leaves_has_full_rank_and_explains_as_much(seed: int, market: bool, levels: int) -> None:
    """Few values, so that columns depend on each other by chance; an SVD says what all columns together explain."""
    rng = np.random.default_rng(seed)
    groups = {"sector": Membership(levels), "country": Membership(levels)}
    made = generated(rng, 25, market=market, groups=groups)
    made.exposures[:, -levels:] = np.roll(made.exposures[:, -2 * levels : -levels], rng.integers(levels), axis=1)
    made = with_columns(made, *rng.integers(-1, 2, (4, 25)).astype(float))
    section = made.fit()
    in_x = np.isin(section.factor_status, ["ok", "thin", "collinear"])
    kept, C = np.isfinite(section.factor_returns), cap_share_rows(made)
    root = np.sqrt(mean_one_weights(made))
    stacked = np.vstack([root[:, None] * made.exposures, C])
    assert np.linalg.matrix_rank(stacked[:, kept]) == kept.sum() == np.linalg.matrix_rank(stacked[:, in_x])
    reference = made._replace(exposures=np.where(in_x, made.exposures, 0.0))
    expected = projected_fit(reference, np.where(in_x, C, 0.0)) / root
    np.testing.assert_allclose(section.fitted_returns, expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose(C @ np.nan_to_num(section.factor_returns), 0.0, rtol=0, atol=1e-13)


def test_the_qr_route_agrees_with_the_normal_equations_on_a_hard_design(rng: np.random.Generator) -> None:
    design, target = rng.normal(size=(100, 6)), rng.normal(size=100)
    design[:, 5] = design[:, 4] + 3e-3 * rng.normal(size=100)
    fit = solve_constrained(design, target, np.zeros((0, 6)))
    q, r = np.linalg.qr(design)
    np.testing.assert_allclose(fit.coefficients, np.linalg.solve(r, q.T @ target), rtol=1e-10)
    np.testing.assert_allclose(fit.root_cov @ fit.root_cov.T, np.linalg.inv(r) @ np.linalg.inv(r).T, rtol=1e-9)
    assert fit.condition_number == pytest.approx(np.linalg.cond(design / np.linalg.norm(design, axis=0)), rel=1e-9)


def test_more_columns_than_rows_leave_as_many_independent_columns_as_rows(rng: np.random.Generator) -> None:
    assert independent_columns(rng.normal(size=(4, 9)), np.zeros((0, 9))).tolist() == [True] * 4 + [False] * 5
    row = np.zeros((1, 9))
    row[0, 2:5] = 0.4, 0.3, 0.3
    assert independent_columns(rng.normal(size=(4, 9)), row).sum() == 5


def test_pure_portfolios_of_dependent_factors_are_refused(case: Case) -> None:
    with pytest.raises(ValueError, match=r"columns \[6\] of the exposures add no rank"):
        pure_factor_portfolios(
            np.column_stack([case.exposures, case.exposures[:, 5]]),
            case.weights,
            np.column_stack([cap_share_rows(case), [[0.0]]]),
        )


def test_a_thin_factor_is_kept_with_its_value_and_says_so(case: Case) -> None:
    case.weights[:] = 1.0
    case.exposures[44:60, 1:4] = [1.0, 0.0, 0.0]
    section = case.fit()
    assert status_of(section, case, "sector_2") == "thin"
    np.testing.assert_allclose(section.factor_returns, solve_kkt(case, cap_share_rows(case)), rtol=1e-10)
    assert section.n_members[3] == 4


def test_effective_members_count_weights_not_heads(case: Case) -> None:
    case.weights[40:] = np.r_[1000.0, np.ones(19)]
    assert status_of(case.fit(), case, "sector_2") == "thin"
    case.weights[40:] = 1.0
    assert status_of(case.fit(), case, "sector_2") == "ok"


@pytest.mark.parametrize("weight", [0.1, 0.3, 1.0, 7.7])
def test_five_equal_members_are_five_effective_members(case: Case, weight: float) -> None:
    case.exposures[45:60, 1:4] = [1.0, 0.0, 0.0]
    case.weights[40:45] = weight
    assert status_of(case.fit(), case, "sector_2") == "ok"


def test_a_dropped_thin_factor_takes_its_assets_out_of_the_fit(case: Case) -> None:
    case.exposures[43:60, 1:4] = [1.0, 0.0, 0.0]
    section = case.fit(DROP)
    assert status_of(section, case, "sector_2") == "thin"
    assert section.n_members[3] == 3
    assert np.isnan([section.factor_returns[3], section.std_errors[3]]).all()
    assert np.isnan(section.specific_returns[40:43]).all()
    assert np.isnan(section.fitted_returns[40:43]).all()
    assert (section.weights[40:43] == 0.0).all()
    assert section.detail == "3 assets with a return have no specific return: 3 exposed to sector_2 (thin, dropped)"
    stay = np.r_[0:40, 43:60]
    smaller = without(case, [3])
    expected = Case(*(array[stay] for array in smaller[:5]), smaller.factors).fit()
    np.testing.assert_allclose(section.factor_returns[[0, 1, 2, 4, 5]], expected.factor_returns, rtol=1e-10)
    np.testing.assert_allclose(section.specific_returns[stay], expected.specific_returns, rtol=0, atol=1e-14)
    assert section.n_fitted == 57


@pytest.mark.parametrize(("kind", "total"), [(Kind.MEMBERSHIP, 1.0), (Kind.PARTIAL, 0.6)])
def test_dropping_moves_the_shares_of_an_asset_to_its_other_factors(case: Case, kind: Kind, total: float) -> None:
    case.exposures[:, 1:4] = np.repeat(np.eye(3)[:2], 30, axis=0) * total
    case.exposures[:2, 1:4] = np.array([[0.2, 0.5, 0.3], [0.0, 0.3, 0.7]]) * total
    factors = [factor._replace(kind=kind) if factor.group == "sector" else factor for factor in case.factors]
    section = case._replace(factors=factors).fit(DROP)
    moved = without(case._replace(factors=factors), [3])
    moved.exposures[:2, 1:3] = np.array([[2 / 7, 5 / 7], [0.0, 1.0]]) * total
    assert_same_answer(section, moved.fit(), [0, 1, 2, 4, 5])
    assert section.factor_status[3] == "thin"
    assert np.isfinite(section.specific_returns).all()
    assert section.detail == ""


def test_dropping_goes_on_until_no_factor_is_thin(case: Case) -> None:
    """Sector 2 strands four assets; without them a country of eight has four members left, and leaves too."""
    case.exposures[44:60, 1:4] = [1.0, 0.0, 0.0]
    abroad = np.isin(np.arange(60), np.r_[40:48])
    case = with_columns(case, 1.0 - abroad, 1.0 * abroad, kind=Kind.MEMBERSHIP, group="country")
    case.weights[:] = 1.0
    assert case.fit().factor_status == ("ok", "ok", "ok", "thin", "ok", "ok", "ok", "ok")
    section = case.fit(DROP)
    assert section.factor_status == ("ok", "ok", "ok", "thin", "ok", "ok", "ok", "thin")
    assert section.n_members[[3, 7]].tolist() == [4, 8]
    assert np.flatnonzero(section.weights == 0.0).tolist() == list(range(40, 48))
    np.testing.assert_allclose(section.factor_returns[6], 0.0, atol=1e-15)


def test_a_factor_that_dropping_leaves_without_members_is_empty(case: Case) -> None:
    case.weights[:] = 1.0
    case.exposures[:, 1:4] = np.repeat(np.eye(3), [54, 3, 3], axis=0)
    strange = with_columns(case, np.arange(60) >= 54)
    section = strange.fit(DROP)
    assert section.factor_status == ("ok", "ok", "thin", "thin", "ok", "ok", "empty")
    assert section.detail.startswith("6 assets with a return have no specific return: 3 exposed to sector_1")


def test_nothing_thin_means_drop_equals_keep(case: Case) -> None:
    for one, other in zip(case.fit(ANY_SIZE), case.fit(DROP), strict=True):
        np.testing.assert_array_equal(one, other)


def test_too_few_assets_say_how_many_are_needed(case: Case) -> None:
    case.returns[3:] = np.nan
    section = case.fit(RegressionRules())
    assert section.status == "too_few"
    assert section.detail == "3 estimation assets with a return and a weight above 0; at least 12 are needed"
    assert section.n_fitted == 3
    assert section.factor_status == ("no_fit",) * 6
    for values in section[:2] + section[4:6]:
        assert np.isnan(values).all()
    assert (section.weights == 0.0).all()
    assert np.isnan(section[10:15]).all()


def test_the_default_needs_twice_as_many_assets_as_factors(case: Case) -> None:
    case.returns[12:] = np.nan
    assert case.fit(RegressionRules()).status == "ok"
    case.returns[11] = np.nan
    assert case.fit(RegressionRules()).status == "too_few"
    assert case.fit(RegressionRules(min_assets=11)).status == "ok"


def test_no_degree_of_freedom_is_too_few(rng: np.random.Generator) -> None:
    made = generated(rng, 5, n_styles=4)
    section = made.fit(RegressionRules(min_assets=5))
    assert (section.status, section.rank, section.dof) == ("too_few", 5, 0)
    assert section.detail == "5 assets in the fit and rank 5 leave no degree of freedom"
    assert generated(rng, 6, n_styles=4).fit(RegressionRules(min_assets=5)).dof == 1


@pytest.mark.parametrize("n_assets", [0, 60])
def test_a_date_without_any_return_is_too_few(case: Case, n_assets: int) -> None:
    nothing = Case(*(array[:n_assets] for array in case[:5]), case.factors)
    nothing.returns[:] = np.nan
    for rules in (ANY_SIZE, DROP, RegressionRules(min_assets=0)):
        section = nothing.fit(rules)
        assert section.status == "too_few"
        assert section.detail.startswith("0 estimation assets")


def test_dropping_can_leave_too_few(case: Case) -> None:
    section = case.fit(RegressionRules(thin=Thin.DROP, min_members=30.0))
    assert (section.status, section.n_fitted) == ("too_few", 0)


def test_a_date_without_any_usable_factor_says_so(rng: np.random.Generator) -> None:
    made = generated(rng, 40, market=False, n_styles=2)
    made.exposures[:] = [0.0, 1.0]
    section = made.fit()
    assert (section.status, section.factor_status) == ("no_factors", ("empty", "constant"))
    assert section.detail == "all 2 factors are empty, dropped or constant"


@pytest.mark.parametrize(("where", "value"), [("returns", 1e200), ("exposures", 1e200), ("exposures", 1e-200)])
def test_numbers_without_a_square_are_out_of_range(case: Case, where: str, value: float) -> None:
    case.returns[:] = value if where == "returns" else case.returns
    case.exposures[:, 4] *= value if where == "exposures" else 1.0
    section = case.fit()
    assert section.status == "out_of_range"
    assert f"{value:.0e}"[2:] in section.detail or "e+" in section.detail or "e-" in section.detail


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, 2**32), st.integers(0, 20), st.booleans(), st.sampled_from(Thin), st.integers(0, 3), st.booleans()
)
def test_a_date_never_raises(seed: int, n_assets: int, market: bool, thin: Thin, n_styles: int, partial: bool) -> None:
    rng = np.random.default_rng(seed)
    groups = {"sector": Membership(4), "country": Membership(3, fractional=True, partial=partial)}
    made = generated(rng, n_assets, market=market, groups=groups, n_styles=n_styles, whole=False)
    section = made.fit(RegressionRules(thin=thin, min_members=2.0, min_assets=1))
    ok = section.status == "ok"
    assert ok == (section.dof >= 1) == bool(np.isfinite(section.factor_returns).any())
    assert np.isfinite([section.residual_var, section.condition_number]).all() == ok
    assert (section.detail != "") or ok
    with_value = np.isfinite(section.factor_returns)
    assert (np.isfinite(section.std_errors) == with_value).all()
    assert with_value[np.array(section.factor_status) == "ok"].all()
    assert not with_value[np.isin(section.factor_status, ["empty", "collinear", "constant", "no_fit"])].any()
    has_answer = np.isfinite(section.specific_returns)
    assert has_answer[section.weights > 0.0].all()
    assert not has_answer[np.isnan(made.returns)].any()
    assert (section.weights[~fitted_rows(made)] == 0.0).all()


BROKEN = {
    "exposures": ("shape", r"exposures have shape \(60, 5\); \(60, 6\) is returns x factors"),
    "caps": ("shape", r"caps has shape \(59,\); returns have \(60,\)"),
}


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("exposures", np.nan, r"exposures has 1 wrong values \(the first: nan at \[7, 4\]\); exposures must be finite"),
        ("caps", 0.0, r"caps has 1 wrong values \(the first: 0.0 at \[7\]\); caps must be > 0"),
        ("caps", np.inf, r"the first: inf at \[7\]"),
        ("weights", -0.2, r"weights has 1 wrong values \(the first: -0.2 at \[7\]\); weights must be >= 0"),
        ("weights", np.nan, r"weights has 1 wrong values \(the first: nan"),
        ("returns", np.inf, r"returns has 1 wrong values \(the first: inf at \[7\]\); a missing return is NaN"),
        ("in_estimation", False, r"weights must be 0 outside the estimation universe"),
    ],
)
def test_values_that_break_the_contract_are_named(case: Case, field: str, value: float, message: str) -> None:
    getattr(case, field)[(7, 4) if field == "exposures" else 7] = value
    with pytest.raises(ValueError, match=message):
        case.fit()


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        ([0.5, 0.4, 0.0], r"sum of membership sector has 1 wrong values \(the first: 0.9 at \[7\]\).* sum to 1 in each"),
        ([1.2, -0.2, 0.0], r"membership sector has 2 wrong values \(the first: 1.2 at \[7, 0\]\).* lie in \[0, 1\]"),
    ],
)
def test_shares_that_break_the_contract_are_named(case: Case, shares: list[float], message: str) -> None:
    case.exposures[7, 1:4] = shares
    with pytest.raises(ValueError, match=message):
        case.fit()


def test_partial_shares_beyond_one_are_refused(rng: np.random.Generator) -> None:
    made = generated(rng, 30, groups={"currency": Membership(3, partial=True)})
    made.exposures[7, 1:4] = 0.5
    with pytest.raises(ValueError, match="sum to 1 or less in each asset"):
        made.fit()


def test_arrays_of_other_shapes_are_refused(case: Case) -> None:
    with pytest.raises(ValueError, match=r"exposures have shape \(60, 5\); \(60, 6\) is returns x factors"):
        case._replace(exposures=case.exposures[:, :5]).fit()
    with pytest.raises(ValueError, match=r"caps has shape \(59,\); returns have \(60,\)"):
        case._replace(caps=case.caps[:59]).fit()
    with pytest.raises(ValueError, match="in_estimation holds float64; it must hold bool"):
        case._replace(in_estimation=np.ones(60)).fit()


def test_rules_are_read_from_a_configuration() -> None:
    read = TypeAdapter(RegressionRules)
    rules = read.validate_json(json.dumps({"weights": "cap", "thin": "drop", "min_assets": 40}))
    assert rules == RegressionRules(Weighting.CAP, Thin.DROP, 5.0, 40)
    assert read.validate_python({}) == RegressionRules(Weighting.SQRT_CAP, Thin.KEEP, 5.0, None)
    with pytest.raises(ValidationError, match="'keep' or 'drop'"):
        read.validate_python({"thin": "shrink"})


def test_rules_written_as_text_mean_the_same(case: Case) -> None:
    case.exposures[43:60, 1:4] = [1.0, 0.0, 0.0]
    for text, member in (("keep", Thin.KEEP), ("drop", Thin.DROP)):
        one = case.fit(RegressionRules(thin=text, min_assets=1))
        np.testing.assert_array_equal(one.weights, case.fit(RegressionRules(thin=member, min_assets=1)).weights)


def test_the_constraints_have_full_row_rank_after_a_whole_group_is_collinear(case: Case) -> None:
    """A group of one level that repeats the market keeps its column: its constraint identifies it as 0."""
    single = with_columns(case, np.ones(60), kind=Kind.MEMBERSHIP, group="country")
    section = single.fit()
    assert section.factor_status[-1] == "ok"
    assert section.factor_returns[-1] == pytest.approx(0.0, abs=1e-16)
    assert section.std_errors[-1] == pytest.approx(0.0, abs=1e-16)
    assert null_space(cap_share_rows(single)).shape[1] == section.rank
