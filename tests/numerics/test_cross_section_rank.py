"""Columns that depend on each other, exactly or nearly."""

import numpy as np
import pytest
from cross_section_cases import (
    Case,
    Membership,
    assert_same_answer,
    cap_share_rows,
    generated,
    mean_one_weights,
    projected_fit,
    three_sectors,
    with_columns,
    without,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import null_space

from sigmalake.numerics.factors import Kind
from sigmalake.numerics.linear.constraints import constraint_rows
from sigmalake.numerics.linear.least_squares import independent_columns, pure_factor_portfolios, solve_constrained


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(23)


@pytest.fixture
def case(rng: np.random.Generator) -> Case:
    return three_sectors(rng)


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
def test_exactly_dependent_columns_are_found_whatever_their_units(seed: int, n_dependent: int, unit: float, market: bool) -> None:
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


def test_a_thin_factor_without_a_value_is_collinear(case: Case) -> None:
    case.exposures[43:60, 1:4] = [1.0, 0.0, 0.0]
    partial = [factor._replace(kind=Kind.PARTIAL) if factor.group == "sector" else factor for factor in case.factors]
    assert case._replace(factors=partial).fit().factor_status[3] == "collinear"
    assert case.fit().factor_status[3] == "thin"


@pytest.mark.parametrize("distance", [1e-2, 1e-4, 1e-6, 1e-8])
def test_nearly_parallel_columns_hide_no_dependence_after_a_column_has_left(rng: np.random.Generator, distance: float) -> None:
    """One orthogonalisation would not do: what a column that left leaves free, the next ones share."""
    x, bundle = rng.normal(size=(80, 1)), rng.normal(size=(80, 1)) + distance * rng.normal(size=(80, 7))
    differences = bundle[:, :3] - bundle[:, 1:4]
    design = np.column_stack([x, 2.0 * x, -x, bundle, differences])
    expected = [True, False, False] + [True] * 7 + [False] * 3
    assert independent_columns(design, np.zeros((0, 13))).tolist() == expected


@pytest.mark.parametrize("unit", [1e-14, 1.0, 1e14])
def test_the_unit_of_the_weights_does_not_decide_what_is_dependent(case: Case, unit: float) -> None:
    repeated = with_columns(case, case.exposures[:, 2])
    design = unit * np.sqrt(case.weights)[:, None] * repeated.exposures
    assert independent_columns(design, cap_share_rows(repeated)).tolist() == [True] * 6 + [False]


def test_columns_that_are_out_have_no_part_in_the_constraints(case: Case) -> None:
    active = np.array([True, True, False, True, True, True])
    everyone, shares = np.ones(60, dtype=bool), cap_share_rows(case)[0]
    rows = constraint_rows(case.exposures, case.caps, everyone, case.factors, active)
    np.testing.assert_allclose(rows, [[0.0, shares[1], 0.0, shares[3], 0.0, 0.0]], rtol=1e-13)
    without_sectors = np.array([True, False, False, False, True, True])
    assert len(constraint_rows(case.exposures, case.caps, everyone, case.factors, without_sectors)) == 0


def test_the_constraints_have_full_row_rank_after_a_whole_group_is_collinear(case: Case) -> None:
    """A group of one level that repeats the market keeps its column: its constraint identifies it as 0."""
    single = with_columns(case, np.ones(60), kind=Kind.MEMBERSHIP, group="country")
    section = single.fit()
    assert section.factor_status[-1] == "ok"
    assert section.factor_returns[-1] == pytest.approx(0.0, abs=1e-16)
    assert section.std_errors[-1] == pytest.approx(0.0, abs=1e-16)
    assert null_space(cap_share_rows(single)).shape[1] == section.rank
