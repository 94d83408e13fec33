"""The route by sums over memberships says what the dense route says, element by element."""

from collections.abc import Iterator

import numpy as np
import pytest
from cross_section_cases import (
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
from sigmalake.numerics.factors import Kind
from sigmalake.numerics.regression.cross_section import CrossSection
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


@settings(max_examples=400, deadline=None)
@given(cases(), rule_sets())
def test_sums_over_memberships_say_what_the_dense_route_says(case: Case, rules: RegressionRules) -> None:
    one, other = case.fit(rules), case.dense_fit(rules)
    event(other.status)
    assert_alike(one, other, case, huber=rules.huber is not None)
    assert one.detail == other.detail


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32), st.booleans(), st.integers(0, 3))
def test_the_bordered_system_gives_the_same_factor_returns(seed: int, market: bool, n_styles: int) -> None:
    groups = {"sector": Membership(5), "country": Membership(4, fractional=True), "currency": Membership(3, partial=True)}
    case = generated(np.random.default_rng(seed), 150, market=market, groups=groups, n_styles=n_styles, whole=False)
    section = case.fit()
    expected = solve_kkt(case, cap_share_rows(case))
    np.testing.assert_allclose(
        section.factor_returns,
        expected,
        rtol=0,
        atol=1e-12 * np.abs(case.returns[fitted_rows(case)]).max() * section.condition_number**2,
    )
