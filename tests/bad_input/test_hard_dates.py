"""Dates and panels at the edge of what a number can hold, or at the very beginning: a status or a sentence, never a traceback."""

import numpy as np
import pandas as pd
import pytest
from small_panel import CONFIG, small_panel, swapped, written

from sigmalake import fit
from sigmalake.errors import ConfigError, DataError
from sigmalake.lake.log import open_table, read_columns
from sigmalake.tables.packed import CROSS_SECTIONS
from sigmalake.tables.records import REJECTED_ROWS

OPEN = "checks: {max_rejected: {date: 1, source: 1}}\n"


@pytest.mark.parametrize("every", ["week", "month"])
def test_the_first_date_ever_is_no_error_whatever_the_grid(asked, tmp_path, every):
    panel = small_panel()
    panel[panel["date"] == panel["date"].min()].to_parquet(tmp_path / "panel.parquet")
    config = written(tmp_path, swapped("  short:\n", f"  short:\n    every: {every}\n"))
    seen = asked("run", "--config", config)
    assert seen.says("there is nothing to release: no regression; the panel has one date, 2024-01-02")
    assert seen.exit_code == 1
    panel.to_parquet(tmp_path / "panel.parquet")
    assert asked("run", "--config", config).exit_code == 0


@pytest.mark.parametrize("weights", ["sqrt_cap", "cap"])
def test_caps_near_the_largest_number_weigh_as_the_same_caps_in_another_unit(asked, tmp_path, weights):
    found = []
    for unit in (1.0, 2.0**1010):
        folder = tmp_path / f"{unit:g}"
        folder.mkdir()
        small_panel().assign(mcap=lambda panel, unit=unit: panel["mcap"] * unit).to_parquet(folder / "panel.parquet")
        config = written(folder, CONFIG + f"regression: {{weights: {weights}, portfolios: true}}\n")
        seen = asked("run", "--config", config)
        assert (seen.exit_code, seen.says()) == (0, True), seen.err
        assert asked("evaluate", "--config", config).exit_code == 0
        rows = read_columns(open_table(f"{folder}/lake/cross_sections"), ["date", "factor_return", "portfolios"]).sort_by("date")
        lists = [rows.column(name).to_pylist() for name in ("factor_return", "portfolios")]
        found.append([np.array([value for row in column for value in row]) for column in lists])
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-9, atol=1e-15)


def test_a_sector_called_like_another_factor_is_a_row_rejected_by_name(asked, tmp_path):
    panel = small_panel()
    panel.loc[20, "sector"] = "size"
    panel.to_parquet(tmp_path / "panel.parquet")
    config = written(tmp_path, CONFIG + OPEN)
    assert "1 with sector called like another factor, e.g. 'size'" in asked("validate", "--config", config).out
    seen = asked("run", "--config", config)
    assert (seen.exit_code, seen.says("1 with sector called like another factor, e.g. 'size'")) == (0, True)
    rejected = read_columns(open_table(f"{tmp_path}/lake/{REJECTED_ROWS.name}"), ["asset_id", "column", "value"]).to_pylist()
    assert rejected == [{"asset_id": panel.loc[20, "symbol"], "column": "sector", "value": "size"}]


@pytest.mark.parametrize("kind", ["float64", "object"])
def test_a_column_of_returns_without_any_is_mentioned_by_validate(asked, tmp_path, kind):
    small_panel().assign(ret=pd.Series([None] * 72, dtype=kind)).to_parquet(tmp_path / "panel.parquet")
    seen = asked("validate", "--config", written(tmp_path))
    assert seen.exit_code == 0
    assert "all 72 returns are missing; is it the right column?" in " ".join(seen.out.split())


def test_values_whose_squares_are_no_numbers_are_told_without_a_nan(asked, tmp_path):
    small_panel().assign(size=lambda panel: panel["size"] * 1e200).to_parquet(tmp_path / "panel.parquet")
    seen = asked("run", "--config", written(tmp_path, CONFIG + OPEN))
    told = "style size is far from standardised on 6 of 6 dates: its values are so large that their squares"
    assert seen.says(told)
    assert "nan" not in seen.err
    assert seen.exit_code == 1
    rows = read_columns(open_table(f"{tmp_path}/lake/{CROSS_SECTIONS.name}"), ["status"])
    assert set(rows.column("status").to_pylist()) == {"out_of_range"}


def test_a_frame_without_rows_is_told_as_that():
    empty = small_panel().rename(columns={"symbol": "asset_id"}).iloc[:0]
    with pytest.raises(DataError, match="the frame has no rows"):
        fit(empty)


@pytest.mark.parametrize("place", ["/proc/nowhere", "/dev/null/lake"])
def test_a_place_where_no_folder_can_be_is_told_by_save(place):
    panel = small_panel(n_dates=30).rename(columns={"symbol": "asset_id", "mcap": "cap"})
    model = fit(panel, caps="cap", config={"checks": {"require_factor_cov": False}})
    with pytest.raises(ConfigError, match=f"{place} cannot be made .*; name a folder that can hold files"):
        model.save(place)
