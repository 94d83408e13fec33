import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sigmalake.numerics.descriptors.industry_shares import industry_shares
from sigmalake.numerics.descriptors.segments import SegmentRecords, known_segments, known_shares

NAN = np.nan


def records(*rows: tuple[int, int, int, int, float, float]) -> SegmentRecords:
    """From (asset, industry, known_at, period_end, assets, sales), in no particular order."""
    order = np.random.default_rng(0).permutation(len(rows))
    columns = [np.array([rows[i][c] for i in order]) for c in range(6)]
    return SegmentRecords(*(column.astype(np.int64) for column in columns[:4]), *(column.astype(float) for column in columns[4:]))


def figures(found: SegmentRecords) -> list[tuple[int, int, float]]:
    return list(zip(found.asset.tolist(), found.industry.tolist(), found.assets.tolist(), strict=True))


def test_the_newest_period_known_counts_and_a_segment_as_last_stated():
    stated = records((0, 1, 10, 0, 5, 1), (0, 2, 10, 0, 6, 1), (0, 1, 20, 0, 7, 1), (0, 1, 30, 25, 8, 1), (1, 0, 10, 0, 9, 1))
    for day, expected in (
        (9, []),
        (10, [(0, 1, 5), (0, 2, 6), (1, 0, 9)]),
        (20, [(0, 1, 7), (0, 2, 6), (1, 0, 9)]),
        (30, [(0, 1, 8), (1, 0, 9)]),  # industry 2 is not in the new period
    ):
        assert figures(known_segments(stated, day, max_age=550)) == expected


def test_a_restatement_of_an_older_period_brings_it_not_back():
    stated = records((0, 0, 10, 9, 5, 1), (0, 1, 20, 5, 6, 1))
    assert figures(known_segments(stated, 30, max_age=550)) == [(0, 0, 5)]


def test_a_company_is_too_old_when_nothing_of_its_newest_period_is_young():
    stated = records((0, 0, 10, 0, 5, 1), (0, 1, 14, 0, 6, 1), (1, 0, 10, 0, 7, 1))
    assert figures(known_segments(stated, 20, max_age=10)) == [(0, 0, 5), (0, 1, 6), (1, 0, 7)]
    assert figures(known_segments(stated, 24, max_age=10)) == [(0, 0, 5), (0, 1, 6)]
    assert figures(known_segments(stated, 25, max_age=10)) == []


def test_a_segment_without_any_figure_is_withdrawn_and_brings_no_older_period():
    stated = records((0, 0, 5, 0, 1, 1), (0, 0, 10, 9, 5, 1), (0, 1, 10, 9, 6, 1), (0, 1, 11, 9, NAN, NAN), (0, 0, 12, 9, NAN, NAN))
    assert figures(known_segments(stated, 11, max_age=550)) == [(0, 0, 5)]
    assert figures(known_segments(stated, 12, max_age=550)) == []


def test_shares_are_those_of_the_segments_known_and_an_industry_without_any_has_no_column():
    caps, everyone = np.array([3.0, 8.0, 9.0]), np.ones(3, dtype=bool)
    stated = records((0, 1, 1, 0, 2, 1), (1, 1, 1, 0, 1, 1), (1, 3, 1, 0, 4, NAN))
    found = known_shares(stated, 1, caps, everyone, max_age=550)
    assert_array_equal(found.industries, [1, 3])
    assets, sales = np.array([[2.0, 0], [1, 4], [0, 0]]), np.array([[1.0, 0], [1, NAN], [0, 0]])
    assert_allclose(found.fitted.shares, industry_shares(caps, assets, sales, everyone).shares)
    assert np.isnan(found.fitted.shares[2]).all()


@pytest.mark.parametrize("stated", [records(), records((0, 1, 10, 0, 5, 1))])
def test_nothing_known_makes_no_shares(stated):
    found = known_shares(stated, 9, np.array([1.0, 2.0]), np.ones(2, dtype=bool), max_age=550)
    assert found.industries.size == 0
    assert found.fitted.shares.shape == (2, 0)
