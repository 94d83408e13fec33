"""The measures of data quality on small arrays whose answers are known, or found by a slower route."""

import numpy as np
import pytest

from sigmalake.numerics.factors import PackedExposures
from sigmalake.numerics.quality.cap_checks import cap_gaps, nearest_split, new_standing_caps
from sigmalake.numerics.quality.exposure_checks import exposure_moves, is_thin, membership_sizes
from sigmalake.numerics.quality.return_checks import deviations, new_zero_runs, robust_scores, taken_back
from sigmalake.numerics.quality.rules import Limits, QualityRules, Severity
from sigmalake.numerics.regression.thin_memberships import effective_members

NAN = np.nan


def column(*values):
    return np.array(values, dtype=float)[:, None]


def test_a_run_of_zeros_is_found_once_on_the_date_that_completes_it():
    returns = column(0.1, 0, 0, 0, 0, 0.1, 0, 0, NAN, 0, 0, 0)
    assert np.flatnonzero(new_zero_runs(returns, 3)).tolist() == [3, 11]


def test_a_run_that_begins_with_the_calendar_counts():
    assert np.flatnonzero(new_zero_runs(column(0, 0, 0, 0), 3)).tolist() == [2]


@pytest.mark.parametrize("seed", range(5))
def test_runs_agree_with_counting_one_by_one(seed):
    rng = np.random.default_rng(seed)
    returns = np.where(rng.random((60, 7)) < 0.6, 0.0, 0.01)
    expected = np.zeros(returns.shape, dtype=bool)
    for asset in range(7):
        length = 0
        for day in range(60):
            length = length + 1 if returns[day, asset] == 0 else 0
            expected[day, asset] = length == 4
    assert (new_zero_runs(returns, 4) == expected).all()


def test_a_score_is_the_deviation_over_the_larger_of_two_robust_standard_deviations():
    rng = np.random.default_rng(1)
    returns = 0.01 * rng.standard_normal((40, 50))
    returns[:, 0] *= 4  # a volatile asset
    returns[30, :3] = [0.5, 0.5, -1.0]
    found = deviations(returns)
    scores = robust_scores(found, 25, 21, 8.0)
    growth = np.log(np.maximum(1 + returns, 1e-4))
    centred = growth - np.median(growth, axis=1, keepdims=True)
    for asset in range(3):
        own = np.median(np.abs(centred[9:30, asset])) / 0.6744897501960817
        of_date = np.median(np.abs(centred[30])) / 0.6744897501960817
        assert scores[5, asset] == pytest.approx(centred[30, asset] / max(own, of_date), rel=1e-12)
    assert np.count_nonzero(scores) == 3
    assert abs(scores[5, 0]) < abs(scores[5, 1]) / 2


def test_a_score_rests_on_the_rows_before_and_no_others():
    rng = np.random.default_rng(2)
    returns = 0.01 * rng.standard_normal((60, 30))
    returns[40, 5] = 0.4
    whole = robust_scores(deviations(returns), 40, 21, 5.0)[0]
    part = robust_scores(deviations(returns[19:]), 21, 21, 5.0)[0]
    later = returns.copy()
    later[41:] = 0.3
    assert (whole == part).all()
    assert (whole == robust_scores(deviations(later), 40, 21, 5.0)[0]).all()


def test_a_short_history_leaves_the_dates_own_spread():
    returns = 0.01 * np.random.default_rng(3).standard_normal((30, 40))
    returns[:22, 0] = NAN
    returns[29, 0] = 0.3
    found = deviations(returns)
    score = robust_scores(found, 29, 21, 5.0)[0, 0]
    assert score == pytest.approx(found.deviation[29, 0] / found.spread[29], rel=1e-12)


def test_a_date_of_a_few_returns_has_no_scores():
    returns = np.zeros((30, 40))
    returns[29, 9:] = NAN
    returns[29, 0] = 5.0
    assert not robust_scores(deviations(returns), 29, 21, 5.0).any()


def test_where_most_returns_are_alike_the_assets_own_history_is_the_measure():
    returns = 0.01 * np.random.default_rng(4).standard_normal((30, 40))
    returns[29] = 0.0
    returns[29, :2] = [0.5, 0.001]
    assert np.flatnonzero(np.abs(robust_scores(deviations(returns), 29, 21, 10.0)[0]) > 10).tolist() == [0]


@pytest.mark.parametrize(
    ("jump", "after", "is_tick"),
    [(-0.5, 1.0, True), (1.0, -0.5, True), (-0.5, 0.6, False), (-0.5, -0.5, False), (-0.5, NAN, False), (-0.02, 0.02, False)],
)
def test_a_bad_tick_is_a_jump_that_the_next_return_takes_back(jump, after, is_tick):
    before, next_one = np.log1p(np.array([[jump]])), np.log1p(np.array([[after]]))
    assert taken_back(before, before / 0.01, next_one, 10.0, 0.25)[0, 0] == is_tick


def test_caps_that_stand_still_beside_returns_are_stale_and_beside_zero_returns_are_not():
    caps = np.column_stack([[5.0, 5, 5, 5, 6], [5.0, 5, 5, 5, 6]])
    before = np.vstack([np.full((1, 2), NAN), caps[:-1]])
    returns = np.column_stack([np.full(5, 0.01), [0.01, 0.01, 0, 0.01, 0.01]])
    assert np.argwhere(new_standing_caps(caps, before, returns, 3)).tolist() == [[3, 0]]


def test_a_gap_is_left_out_where_the_cap_stood_still_on_the_date_or_before_it():
    caps = column(100, 101, 202, 202, 210, 220.5)
    before = np.vstack([[[NAN]], caps[:-1]])
    gaps = cap_gaps(caps, before, np.log1p(column(NAN, 0.01, 0.0, 0.02, 0.01, 0.05)))
    assert np.isnan(gaps[[0, 3, 4], 0]).all()
    assert gaps[1, 0] == pytest.approx(0.0, abs=1e-12)
    assert gaps[2, 0] == pytest.approx(np.log(2))
    assert gaps[5, 0] == pytest.approx(0.0, abs=1e-12)


def test_the_ratio_of_a_split_is_found_either_way_and_nothing_between_two():
    found = nearest_split(np.log([2.01, 0.5, 1.49, 1 / 3, 2.2, 1.2, 100.5]), 0.02)
    assert found[[0, 1, 2, 3, 6]] == pytest.approx([2, 0.5, 1.5, 1 / 3, 100])
    assert np.isnan(found[[4, 5]]).all()


def test_a_style_moves_beyond_the_bound_and_beyond_what_its_date_does():
    rng = np.random.default_rng(5)
    before = rng.standard_normal((300, 2))
    now = before + rng.standard_normal((300, 2)) * [0.001, 0.5]
    now[7, 0] += 3.5
    now[8, 1] = before[8, 1] + 3.5
    now[9, 1] = before[9, 1] - 8.0
    found = exposure_moves(now, before, 3.0, 10.0)
    assert list(zip(found.rows.tolist(), found.styles.tolist(), strict=True)) == [(7, 0), (9, 1)]
    assert found.changes == pytest.approx([now[7, 0] - before[7, 0], -8.0])


def test_styles_of_no_asset_do_not_move():
    assert exposure_moves(np.empty((0, 2)), np.empty((0, 2)), 3.0, 10.0).rows.size == 0
    assert exposure_moves(np.empty((4, 0)), np.empty((4, 0)), 3.0, 10.0).rows.size == 0


def test_sizes_of_memberships_are_those_of_the_dense_route():
    rng = np.random.default_rng(6)
    shares = rng.dirichlet(np.ones(4), 50)
    assets, factors = np.nonzero(shares)
    weights = rng.random(50)
    sizes = membership_sizes(PackedExposures(50, assets, factors, shares[assets, factors], np.empty((50, 0))), weights, 5)
    assert sizes.members[:4] == pytest.approx(effective_members(shares, weights), rel=1e-12)
    assert sizes.weight_share[:4] == pytest.approx(weights @ shares / weights.sum(), rel=1e-12)
    assert (sizes.members[4], sizes.weight_share[4]) == (0.0, 0.0)


def test_five_equal_members_are_not_thin_and_four_are():
    assets, factors = np.arange(9), np.repeat([0, 1], [5, 4])
    sizes = membership_sizes(PackedExposures(9, assets, factors, np.ones(9), np.empty((9, 0))), np.full(9, 0.3), 2)
    assert is_thin(sizes, 5.0, 0.001).tolist() == [False, True]


def test_the_highest_threshold_that_a_value_is_above_is_its_severity():
    limits = Limits(note=0.0, warn=1.0, stop=2.0)
    assert [limits.severity(value) for value in (None, 0.0, 0.5, 1.0, 1.5, 2.5)] == [
        *(Severity.OK, Severity.OK, Severity.NOTE, Severity.NOTE, Severity.WARN, Severity.STOP)
    ]
    assert Limits(note=None, stop=0.0).severity(1.0) is Severity.STOP
    assert Limits(note=None).severity(1e300) is Severity.OK


def test_nothing_stops_by_default():
    rules = QualityRules()
    assert [name for name in vars(rules) if getattr(getattr(rules, name), "stop", None) is not None] == []
    assert rules.limits("rows").severity(0.0) is Severity.OK


@pytest.mark.parametrize("wrong", [-1.0, NAN, np.inf])
def test_a_threshold_that_is_no_number_is_refused(wrong):
    with pytest.raises(ValueError, match="must be a finite number >= 0"):
        Limits(warn=wrong)
