"""Ridge on styles, and pseudo-observations of thin factors."""

from itertools import pairwise

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
    three_sectors,
    with_columns,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Ridge

from sigmalake.numerics.factors import Factor, Kind
from sigmalake.numerics.regression.cross_section import CrossSection
from sigmalake.numerics.regression.rules import RegressionRules
from sigmalake.numerics.types import Floats

SHRINK = RegressionRules(thin="shrink", min_assets=1)


def ridge(strength: float) -> RegressionRules:
    return RegressionRules(ridge=strength, min_assets=1)


def kkt(case: Case, rows: Floats, targets: Floats) -> Floats:
    """f of the fit with further rows below diag(sqrt w) X, from the KKT system."""
    used, C = fitted_rows(case), cap_share_rows(case)
    root = np.sqrt(mean_one_weights(case)[used])
    A, y = np.vstack([root[:, None] * case.exposures[used], rows]), np.append(root * case.returns[used], targets)
    system = np.vstack([np.hstack([A.T @ A, C.T]), np.hstack([C, np.zeros((len(C), len(C)))])])
    return np.linalg.solve(system, np.append(A.T @ y, np.zeros(len(C))))[: len(case.factors)]


def ridge_penalty(case: Case, strength: float) -> Floats:
    """Row k: sqrt(lambda sum w x_k^2) for a style."""
    w, rows = mean_one_weights(case), np.zeros((0, len(case.factors)))
    for k, factor in enumerate(case.factors):
        if factor.kind is Kind.STYLE:
            rows = np.vstack([rows, np.sqrt(strength * (w @ case.exposures[:, k] ** 2)) * np.eye(len(case.factors))[k]])
    return rows


def thin_rows(case: Case, min_members: float) -> tuple[Floats, Floats]:
    """The rows of thin factors by loops over groups and members."""
    rows, w, r = np.zeros((0, len(case.factors))), mean_one_weights(case), np.nan_to_num(case.returns)
    mean_return, targets = w @ r / w.sum(), []
    for k, factor in enumerate(case.factors):
        if factor.kind not in (Kind.MEMBERSHIP, Kind.PARTIAL):
            continue
        own = [w[n] * case.exposures[n, k] for n in range(len(w)) if w[n] * case.exposures[n, k] > 0.0]
        effective = 1.0 / sum((share / sum(own)) ** 2 for share in own) if own else np.inf
        if effective >= min_members * (1.0 - 1e-9):
            continue
        row = [float(other.group != factor.group) * (w @ case.exposures[:, j]) / w.sum() for j, other in enumerate(case.factors)]
        row[k] = 1.0
        root = np.sqrt(sum(own) * (min_members - effective) / effective)
        rows, targets = np.vstack([rows, root * np.array(row)]), [*targets, root * mean_return]
    return rows, np.array(targets)


def assert_unit_var_is_that_of_a_linear_map(case: Case, rules: RegressionRules) -> CrossSection:
    """f = P r, column after column of P from a return of 1 alone; se^2 = s2 sum_n P_kn^2 / w_n."""
    section, rows, unit_var = case.fit(rules), fitted_rows(case), 0.0
    mapped = np.zeros(len(case.factors))
    for n in np.flatnonzero(rows):
        alone = np.where(rows, 0.0, np.nan)
        alone[n] = 1.0
        column = case._replace(returns=alone).fit(rules).factor_returns
        unit_var, mapped = unit_var + column**2 / section.weights[n], mapped + column * case.returns[n]
    np.testing.assert_allclose(mapped, section.factor_returns, rtol=1e-9, atol=1e-14)
    np.testing.assert_allclose(section.std_errors, np.sqrt(section.residual_var * unit_var), rtol=1e-9)
    return section


@pytest.fixture
def case() -> Case:
    return generated(np.random.default_rng(51), 80, groups={"sector": Membership(4)}, n_styles=3, whole=False)


@pytest.mark.parametrize("strength", [1e-6, 0.05, 1.0, 100.0])
def test_scikit_learn_gives_the_same_ridge_of_market_and_scaled_styles(strength: float) -> None:
    case = generated(np.random.default_rng(52), 120, n_styles=4, whole=False)
    case.exposures[:, 4] += 0.9 * case.exposures[:, 3]
    rows, w = fitted_rows(case), mean_one_weights(case)
    lengths = np.sqrt(w[rows] @ case.exposures[rows, 1:] ** 2)
    model = Ridge(alpha=strength, tol=1e-14).fit(case.exposures[rows, 1:] / lengths, case.returns[rows], sample_weight=w[rows])
    expected = np.append(model.intercept_, model.coef_ / lengths)
    np.testing.assert_allclose(case.fit(ridge(strength)).factor_returns, expected, rtol=1e-9, atol=1e-14)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.floats(1e-4, 100.0), st.booleans())
def test_ridge_solves_the_penalised_kkt_system(seed: int, strength: float, market: bool) -> None:
    groups = {"sector": Membership(3), "country": Membership(3, fractional=True)}
    case = generated(np.random.default_rng(seed), 70, market=market, groups=groups, n_styles=3, whole=False)
    expected = kkt(case, ridge_penalty(case, strength), np.zeros(3))
    np.testing.assert_allclose(case.fit(ridge(strength)).factor_returns, expected, rtol=1e-8, atol=1e-13)


def test_ridge_draws_styles_to_zero_and_leaves_the_others_to_themselves(case: Case) -> None:
    sizes = [np.abs(case.fit(ridge(strength)).factor_returns[-3:]).sum() for strength in (0.0, 0.1, 1.0, 10.0, 1e6)]
    assert all(larger > smaller for larger, smaller in pairwise(sizes))
    assert sizes[-1] < 1e-5
    alone = Case(case.returns, case.exposures[:, :-3], *case[2:5], case.factors[:-3]).fit()
    np.testing.assert_allclose(case.fit(ridge(1e6)).factor_returns[:-3], alone.factor_returns, rtol=0, atol=1e-6)


def test_the_unit_of_a_style_and_of_the_weights_change_nothing(case: Case) -> None:
    scaled = case._replace(exposures=case.exposures * np.where(np.arange(8) == 6, 1e5, 1.0), weights=case.weights * 1e-7)
    one, other = case.fit(ridge(0.2)), scaled.fit(ridge(0.2))
    np.testing.assert_allclose(other.fitted_returns, one.fitted_returns, rtol=0, atol=1e-14)
    assert other.factor_returns[6] * 1e5 == pytest.approx(one.factor_returns[6], rel=1e-10)


def test_what_ridge_leaves_holds_with_it_too(case: Case) -> None:
    section, rows = case.fit(ridge(0.5)), fitted_rows(case)
    assert abs(section.weights[rows] @ section.specific_returns[rows]) < 1e-13
    np.testing.assert_allclose(cap_share_rows(case) @ section.factor_returns, 0.0, rtol=0, atol=1e-15)
    np.testing.assert_allclose(section.fitted_returns + section.specific_returns, case.returns, rtol=0, atol=1e-15)
    w, u = section.weights[rows], section.specific_returns[rows]
    assert section.residual_var == pytest.approx(w @ u**2 / (rows.sum() - 7), rel=1e-12)


def test_ridge_standard_errors_are_those_of_its_linear_map(case: Case) -> None:
    section = assert_unit_var_is_that_of_a_linear_map(case, ridge(0.3))
    assert (section.std_errors[-3:] < case.fit().std_errors[-3:]).all()


def test_ridge_does_not_hide_a_dependent_style(case: Case) -> None:
    section = with_columns(case, case.exposures[:, -1]).fit(ridge(0.3))
    assert section.factor_status[-1] == "collinear"
    np.testing.assert_allclose(section.factor_returns[:-1], case.fit(ridge(0.3)).factor_returns, rtol=1e-10)
    assert section.rank == case.fit().rank


def test_a_model_without_styles_has_nothing_to_penalise() -> None:
    case = generated(np.random.default_rng(53), 60, groups={"sector": Membership(3)})
    for one, other in zip(case.fit(ridge(2.0)), case.fit(), strict=True):
        np.testing.assert_array_equal(one, other)


def thin_sector(seed: int, n_styles: int = 0) -> Case:
    """Market and three sectors, of 46, 12 and 2 assets."""
    case = three_sectors(np.random.default_rng(seed))
    case.exposures[:, 1:4] = np.repeat(np.eye(3), [46, 12, 2], axis=0)
    return Case(case.returns, case.exposures[:, : 4 + n_styles], *case[2:5], case.factors[: 4 + n_styles])


def test_a_thin_sector_is_its_own_mean_and_that_of_all_by_its_effective_members() -> None:
    case, means, w = thin_sector(54), [], mean_one_weights(thin_sector(54))
    section = case.fit(RegressionRules(thin="shrink", min_members=4.0))
    for members in (slice(0, 46), slice(46, 58), slice(58, 60)):
        means.append(np.average(case.returns[members], weights=w[members]))
    effective = w[58:].sum() ** 2 / (w[58:] ** 2).sum()
    means[2] = effective / 4.0 * means[2] + (1.0 - effective / 4.0) * np.average(case.returns, weights=w)
    np.testing.assert_allclose(section.factor_returns[0] + section.factor_returns[1:], means, rtol=1e-11)
    assert section.factor_status == ("ok", "ok", "ok", "thin")
    assert (section.n_fitted, section.rank) == (60, 3)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.booleans(), st.booleans(), st.floats(2.0, 15.0))
def test_shrinking_solves_the_kkt_system_with_thin_factor_rows(seed: int, market: bool, partial: bool, threshold: float) -> None:
    groups = {"sector": Membership(7, fractional=True), "currency": Membership(3, partial=partial)}
    case = generated(np.random.default_rng(seed), 60, market=market, groups=groups, n_styles=2, whole=False)
    section = case.fit(RegressionRules(thin="shrink", min_members=threshold, min_assets=1))
    np.testing.assert_allclose(section.factor_returns, kkt(case, *thin_rows(case, threshold)), rtol=1e-8, atol=1e-12)


def test_shrinking_draws_a_thin_factor_to_the_weighted_mean_of_its_group() -> None:
    case = thin_sector(55, n_styles=2)
    shares = mean_one_weights(case) @ case.exposures[:, 1:4] / 60
    sectors = [case.fit(rules).factor_returns[1:4] for rules in rising()]
    far = [f[2] - shares @ f for f in sectors]
    assert all(np.abs(after) < np.abs(before) for before, after in pairwise(far))
    assert abs(far[-1]) < 0.01 * abs(far[0])


def rising() -> list[RegressionRules]:
    return [
        RegressionRules(min_assets=1),
        *(RegressionRules(thin="shrink", min_members=members, min_assets=1) for members in (3.0, 5.0, 11.0, 1000.0)),
    ]


def test_a_lone_partial_factor_is_drawn_to_zero() -> None:
    case = generated(np.random.default_rng(56), 50)
    usa = np.arange(50) < 2
    factors = [*case.factors, Factor("USA", "country", Kind.PARTIAL)]
    made = case._replace(exposures=np.column_stack([case.exposures, usa]), factors=factors, weights=np.ones(50))
    plain, shrunk = made.fit().factor_returns[1], made.fit(SHRINK).factor_returns[1]
    assert abs(shrunk) < abs(plain)
    assert shrunk * plain > 0.0


def test_a_factor_at_the_threshold_is_as_it_was() -> None:
    case = thin_sector(57, n_styles=2)._replace(weights=np.ones(60))
    np.testing.assert_array_equal(
        case.fit(RegressionRules(thin="shrink", min_members=2.0)).factor_returns, case.fit().factor_returns
    )
    near = case.fit(RegressionRules(thin="shrink", min_members=2.0 + 1e-6))
    np.testing.assert_allclose(near.factor_returns, case.fit().factor_returns, rtol=1e-4)


def test_shrinking_standard_errors_are_those_of_its_linear_map() -> None:
    section = assert_unit_var_is_that_of_a_linear_map(thin_sector(58, n_styles=2), SHRINK)
    assert section.std_errors[3] < thin_sector(58, n_styles=2).fit().std_errors[3]


def test_ridge_and_thin_factor_rows_together_are_one_kkt_system() -> None:
    case = thin_sector(59, n_styles=2)
    rules = RegressionRules(thin="shrink", ridge=0.4, min_assets=1)
    rows, targets = thin_rows(case, 5.0)
    expected = kkt(case, np.vstack([rows, ridge_penalty(case, 0.4)]), np.append(targets, np.zeros(2)))
    np.testing.assert_allclose(assert_unit_var_is_that_of_a_linear_map(case, rules).factor_returns, expected, rtol=1e-9)


def test_permuting_assets_or_scaling_weights_changes_nothing_when_shrunk() -> None:
    case, order = thin_sector(60, n_styles=2), np.random.default_rng(1).permutation(60)
    permuted = Case(*(array[order] for array in case[:5]), case.factors)
    one, other = case.fit(SHRINK), permuted._replace(weights=1e6 * permuted.weights).fit(SHRINK)
    np.testing.assert_allclose(other.factor_returns, one.factor_returns, rtol=1e-11)
    np.testing.assert_allclose(other.specific_returns, one.specific_returns[order], rtol=0, atol=1e-14)


def test_nothing_thin_means_shrink_equals_keep(case: Case) -> None:
    for one, other in zip(case.fit(SHRINK), case.fit(ANY_SIZE), strict=True):
        np.testing.assert_array_equal(one, other)
