"""Memberships of source rows, given as categories and as lists of shares, come out by row and group."""

import numpy as np
import pyarrow as pa

from sigmalake.tasks.packing.checked_columns import checked_columns, members_of, styles_of

RANKS = [{"tech": 0, "bank": 1}, {"US": 0, "JP": 1, "DE": 2}, {"growth": 0}]
ROWS = pa.table({
    "asset_id": ["a", "b", "c"],
    "style_0": [1.0, None, 3.0],
    "style_1": [-1.0, -2.0, -3.0],
    "level_0": ["bank", "tech", None],
    "level_2": pa.array([None, "growth", None], pa.string()),
    "member_groups": pa.array([[1, 1], [1], None], pa.list_(pa.int32())),
    "member_levels": [["DE", "US"], ["JP"], None],
    "member_shares": [[0.75, 0.25], [1.0], None],
})  # fmt: skip


def triplets(at, rows=ROWS, ranks=RANKS):
    return list(zip(*(part.tolist() for part in members_of(checked_columns(rows), np.array(at), ranks)), strict=True))


def test_memberships_are_sorted_by_row_and_group_whatever_form_they_were_given_in():
    assert triplets([1, 0]) == [(0, 0, 0, 1.0), (0, 1, 1, 1.0), (0, 2, 0, 1.0), (1, 0, 1, 1.0), (1, 1, 2, 0.75), (1, 1, 0, 0.25)]


def test_a_blank_category_is_no_membership():
    assert triplets([2]) == []


def test_a_model_of_one_category_or_of_none():
    assert triplets([0, 1, 2], ROWS.select(["level_0"]), RANKS[:1]) == [(0, 0, 1, 1.0), (1, 0, 0, 1.0)]
    assert triplets([0], ROWS.select(["asset_id"]), []) == []


def test_styles_are_rows_of_a_matrix_with_nan_for_null():
    np.testing.assert_array_equal(styles_of(checked_columns(ROWS), np.array([1, 0])), [[np.nan, -2.0], [1.0, -1.0]])
    assert styles_of(checked_columns(ROWS.select(["asset_id"])), np.array([1, 0])).shape == (2, 0)


def test_columns_that_no_source_gives_are_null():
    assert checked_columns(ROWS)["weight"].null_count == 3
