"""Shares of revenue as of a day, by hand."""

import numpy as np
import pytest

from sigmalake.numerics.descriptors.revenue_shares import revenue_shares
from sigmalake.numerics.descriptors.segments import SegmentRecords

NAN = np.nan
USA, JAPAN, CHILE = range(3)


def records(*rows: tuple[int, int, int, int, float]) -> SegmentRecords:
    """From (asset, level, known_at, period_end, revenue), in no particular order."""
    order = np.random.default_rng(0).permutation(len(rows))
    asset, level, known_at, period_end = (np.array([rows[i][c] for i in order], dtype=np.int64) for c in range(4))
    return SegmentRecords(asset, level, known_at, period_end, np.full(len(rows), NAN), np.array([rows[i][4] for i in order], float))


def shares(stated: SegmentRecords, as_of: int, max_age: int = 550) -> dict[tuple[int, int], float]:
    found = revenue_shares(stated, as_of, max_age=max_age)
    return dict(zip(zip(found.asset.tolist(), found.level.tolist(), strict=True), found.shares.tolist(), strict=True))


def test_a_company_with_29_percent_of_its_sales_in_the_usa_has_an_exposure_of_29_hundredths():
    stated = records((0, USA, 10, 0, 29.0), (0, JAPAN, 10, 0, 51.0), (0, CHILE, 10, 0, 20.0))
    assert shares(stated, 9) == {}
    assert shares(stated, 10) == pytest.approx({(0, USA): 0.29, (0, JAPAN): 0.51, (0, CHILE): 0.2}, rel=1e-15)


def test_a_restatement_counts_from_its_day_and_a_newer_period_replaces_the_older_one():
    stated = records(
        (0, USA, 10, 0, 1.0), (0, JAPAN, 10, 0, 1.0), (0, USA, 20, 0, 3.0), (0, CHILE, 30, 25, 7.0), (0, USA, 40, 0, 9.0)
    )
    assert [shares(stated, day) for day in (19, 20, 30, 40)] == [
        {(0, USA): 0.5, (0, JAPAN): 0.5},
        {(0, USA): 0.75, (0, JAPAN): 0.25},
        {(0, CHILE): 1.0},
        {(0, CHILE): 1.0},  # what is restated is an older period
    ]


def test_a_revenue_withdrawn_is_no_part_of_the_total_and_without_a_total_there_are_no_shares():
    stated = records(
        (0, USA, 10, 0, 1.0), (0, JAPAN, 10, 0, 1.0), (0, JAPAN, 12, 0, NAN), (1, USA, 10, 0, 0.0), (2, USA, 10, 0, NAN)
    )
    assert shares(stated, 12) == {(0, USA): 1.0}


def test_revenues_are_too_old_once_nothing_of_their_period_became_known_for_long():
    stated = records((0, USA, 10, 0, 1.0), (0, JAPAN, 14, 0, 1.0), (1, USA, 10, 0, 1.0))
    assert shares(stated, 24, max_age=10) == {(0, USA): 0.5, (0, JAPAN): 0.5}
    assert revenue_shares(stated, 20, max_age=10).until.tolist() == [24, 24, 20]
    assert shares(stated, 25, max_age=10) == {}


@pytest.mark.parametrize("wrong", [-1.0, np.inf])
def test_a_negative_or_infinite_revenue_is_refused(wrong):
    with pytest.raises(ValueError, match="revenue has 1 negative or infinite values"):
        revenue_shares(records((0, USA, 10, 0, wrong)), 20, max_age=10)
