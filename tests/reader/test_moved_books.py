"""Books that moved between two models, within a bound of memory."""

import numpy as np
import pandas as pd
import pytest

from sigmalake.reader.releases.books import BOOK_COLUMNS, MovedBooks

N_BOOKS = 10


def moved_on(day: str, sizes: np.ndarray) -> pd.DataFrame:
    """Books of which each one's volatility moved by its size; the tracking error of the last alone, and by more."""
    vol = np.full(N_BOOKS, 0.01)
    error = np.full(N_BOOKS, np.nan)
    error[-1] = 0.5
    columns = ["short", pd.Timestamp(day), [f"B{n}" for n in range(N_BOOKS)], vol, vol + sizes, error, error + 1.0]
    return pd.DataFrame(dict(zip(BOOK_COLUMNS, columns, strict=True)))


@pytest.fixture
def days():
    rng = np.random.default_rng(4)
    sizes = np.arange(1, N_BOOKS + 1) * np.tile([1e-4, -1e-4], N_BOOKS // 2)
    return [moved_on(day, rng.permutation(sizes)) for day in ("2024-01-02", "2024-01-03", "2024-01-04")]


def test_within_the_bound_every_book_is_kept_in_its_order(days):
    found = MovedBooks(3 * N_BOOKS)
    for of_day in days:
        found.add(of_day)
    assert found.largest_only is None
    pd.testing.assert_frame_equal(found.frame(), pd.concat(days, ignore_index=True))


def test_beyond_the_bound_each_date_keeps_equally_many_of_the_largest_changes(days):
    found = MovedBooks(12)
    found.add(pd.concat(days[:2]))  # of one call, two dates
    found.add(days[2])
    assert found.largest_only == 2
    expected = []
    for of_day in days:
        size = (of_day["vol_second"] - of_day["vol_first"]).abs()
        size.iloc[-1] = 1.0  # the tracking error
        expected.append(of_day[size.rank(ascending=False) <= 2])
    pd.testing.assert_frame_equal(found.frame(), pd.concat(expected, ignore_index=True))


def test_no_book_that_moved_gives_an_empty_frame_with_its_columns():
    assert list(MovedBooks(5).frame().columns) == BOOK_COLUMNS
