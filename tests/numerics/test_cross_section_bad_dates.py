"""Dates on which something is wrong: the answer says what, with numbers, and the rest is estimated."""

import json

import numpy as np
import pytest
from cross_section_cases import (
    ANY_SIZE,
    Case,
    Membership,
    assert_same_answer,
    cap_share_rows,
    fitted_rows,
    generated,
    solve_kkt,
    three_sectors,
    with_columns,
    without,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from sigmalake.numerics.factors import Kind, pack_exposures
from sigmalake.numerics.regression.cross_section import CrossSection
from sigmalake.numerics.regression.rules import RegressionRules, RegressionWeights, Thin

DROP = RegressionRules(thin=Thin.DROP, min_assets=1)


@pytest.fixture
def case() -> Case:
    return three_sectors(np.random.default_rng(23))


def status_of(section: CrossSection, case: Case, name: str) -> str:
    return section.factor_status[[factor.name for factor in case.factors].index(name)]


def test_a_factor_without_fitted_member_is_empty_and_its_assets_have_no_specific_return(case: Case) -> None:
    case.returns[40:59] = np.nan
    case.weights[59] = 0.0
    case.in_estimation[59] = False
    section = case.fit()
    assert status_of(section, case, "sector_2") == "empty"
    assert section.n_members[3] == 0
    assert np.isnan(section.specific_returns[40:]).all()
    assert np.isnan(section.fitted_returns[40:]).all()
    assert section.detail == "assets with a return but no specific return: 1, 1 exposed to sector_2 (empty)"
    assert section.status == "ok"
    smaller = Case(*(array[:40] for array in without(case, [3])[:5]), without(case, [3]).factors).fit()
    np.testing.assert_allclose(section.factor_returns[[0, 1, 2, 4, 5]], smaller.factor_returns, rtol=1e-10)


@pytest.mark.parametrize("weights", ["equal", "uneven"])
def test_the_only_fitted_member_of_a_group_has_no_specific_return_at_all(case: Case, weights: str) -> None:
    case.exposures[40:59, 3], case.exposures[40:59, 1] = 0.0, 1.0
    case.weights[:] = 1.0 if weights == "equal" else np.exp(np.random.default_rng(0).normal(0, 3, 60))
    section = case.fit()
    assert section.specific_returns[59] == 0.0
    assert np.count_nonzero(section.specific_returns[:59]) == 59
    assert section.fitted_returns[59] == pytest.approx(case.returns[59], rel=1e-12)


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
    assert section.detail == "assets with a return but no specific return: 3, 3 exposed to sector_2 (thin, dropped)"
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
    assert section.detail.startswith("assets with a return but no specific return: 6, 3 exposed to sector_1 (thin, dropped)")


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


def test_no_degree_of_freedom_is_too_few() -> None:
    made = generated(np.random.default_rng(24), 5, n_styles=4)
    section = made.fit(RegressionRules(min_assets=5))
    assert (section.status, section.rank, section.dof) == ("too_few", 5, 0)
    assert section.detail == "5 assets in the fit and rank 5 leave no degree of freedom"
    assert generated(np.random.default_rng(24), 6, n_styles=4).fit(RegressionRules(min_assets=5)).dof == 1


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


def test_a_date_without_any_usable_factor_says_so() -> None:
    made = generated(np.random.default_rng(24), 40, market=False, n_styles=2)
    made.exposures[:] = [0.0, 1.0]
    section = made.fit()
    assert (section.status, section.factor_status) == ("no_factors", ("empty", "constant"))
    assert section.detail == "all 2 factors are empty, dropped or constant"


@pytest.mark.parametrize(
    ("where", "value", "said"),
    [
        ("returns", 1e200, "largest |return| is 1e+200"),
        ("exposures", 1e200, "largest |exposure| 1e+200"),
        ("exposures", 1e-200, "smallest but 0 1e-200"),
    ],
)
def test_numbers_without_a_square_are_out_of_range(case: Case, where: str, value: float, said: str) -> None:
    if where == "returns":
        case.returns[7] = value
    else:
        case.exposures[:, 4] = np.where(np.arange(60) < 30, value, -value)
    section = case.fit()
    assert section.status == "out_of_range"
    assert section.detail.startswith("squares beyond floating point: the largest |return| is ")
    assert said in section.detail
    assert section.factor_status == ("no_fit",) * 6


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 20), st.booleans(), st.sampled_from(Thin), st.integers(0, 3), st.booleans())
def test_any_date_is_answered_with_numbers_or_with_a_status_and_its_detail(
    seed: int, n_assets: int, market: bool, thin: Thin, n_styles: int, partial: bool
) -> None:
    groups = {"sector": Membership(4), "country": Membership(3, fractional=True, partial=partial)}
    made = generated(np.random.default_rng(seed), n_assets, market=market, groups=groups, n_styles=n_styles, whole=False)
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


def test_partial_shares_beyond_one_are_refused() -> None:
    made = generated(np.random.default_rng(24), 30, groups={"currency": Membership(3, partial=True)})
    made.exposures[7, 1:4] = 0.5
    with pytest.raises(ValueError, match="sum to 1 or less in each asset"):
        made.fit()


def test_arrays_of_other_shapes_are_refused(case: Case) -> None:
    with pytest.raises(ValueError, match=r"exposures have shape \(60, 5\); \(60, 6\) is returns x factors"):
        case._replace(exposures=case.exposures[:, :5]).dense_fit()
    with pytest.raises(ValueError, match=r"exposures have shape \(60, 5\); \(60, 6\) is assets x factors"):
        pack_exposures(case.exposures[:, :5], case.factors)
    with pytest.raises(ValueError, match=r"caps has shape \(59,\); returns have \(60,\)"):
        case._replace(caps=case.caps[:59]).fit()
    with pytest.raises(ValueError, match="in_estimation holds float64; it must hold bool"):
        case._replace(in_estimation=np.ones(60)).fit()


def test_rules_are_read_from_a_configuration() -> None:
    read = TypeAdapter(RegressionRules)
    rules = read.validate_json(json.dumps({"weights": "cap", "thin": "drop", "min_assets": 40}))
    assert rules == RegressionRules(RegressionWeights.CAP, Thin.DROP, 5.0, 40)
    assert read.validate_python({}) == RegressionRules(RegressionWeights.SQRT_CAP, Thin.KEEP, 5.0, None)
    with pytest.raises(ValidationError, match="'keep', 'shrink' or 'drop'"):
        read.validate_python({"thin": "shrunk"})


def test_rules_written_as_text_mean_the_same(case: Case) -> None:
    case.exposures[43:60, 1:4] = [1.0, 0.0, 0.0]
    for text, member in (("keep", Thin.KEEP), ("drop", Thin.DROP)):
        one = case.fit(RegressionRules(thin=text, min_assets=1))
        np.testing.assert_array_equal(one.weights, case.fit(RegressionRules(thin=member, min_assets=1)).weights)


OVERFLOWS = [
    ("returns of 1e133 over exposures of 1e-91", {"returns": 1e134, "style": 1e-92}, "out_of_range"),
    ("returns of 1e-262", {"returns": 1e-260}, "out_of_range"),
    ("returns of 0", {"returns": 0.0}, "ok"),
    ("caps of 1e-290 in the universe, and of 1e290 outside of it", {"outside": 1e290}, "ok"),
]


@pytest.mark.parametrize(("scales", "status"), [pytest.param(scales, status, id=name) for name, scales, status in OVERFLOWS])
def test_a_date_that_overflows_half_way_is_out_of_range_and_no_number_is_infinite(scales, status):
    case = generated(np.random.default_rng(3), 40, groups={"sector": Membership(3)}, n_styles=1)
    case = case._replace(returns=case.returns * scales.get("returns", 1.0))
    case.exposures[:, -1] *= scales.get("style", 1.0)
    if "outside" in scales:
        inside = np.arange(40) > 3
        caps = np.where(inside, case.caps * 1e-290, scales["outside"])
        case = case._replace(caps=caps, in_estimation=inside, weights=np.where(inside, case.weights, 0.0))
    for fit in (case.fit(), case.dense_fit()):
        assert fit.status == status
        assert not np.isinf(fit.std_errors).any()
        assert status == "ok" or "squares beyond floating point" in fit.detail
