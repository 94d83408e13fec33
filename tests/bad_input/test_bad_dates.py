"""Whole dates that cannot carry the model: each is a row with its status and numbers, and the release is refused by name."""

import pytest
from small_panel import CONFIG, small_panel, swapped, written

from sigmalake.lake.log import open_table, read_columns
from sigmalake.tables.long import FACTOR_RETURNS
from sigmalake.tables.packed import CROSS_SECTIONS

GATE_OPEN = "checks: {max_rejected: {date: 1, source: 1}}\n"  # what a date loses is what the tests are about
SECTORS = swapped("column: sector}", "column: sector, levels: [tech, bank, oil]}", CONFIG[: CONFIG.index("risk:")]) + GATE_OPEN
N_ASSETS = 16


def spoilt_panel():
    """A defect a date: the regression of a date reads the exposures of the date before."""
    panel = small_panel(n_dates=9, n_assets=N_ASSETS)
    dates = sorted(set(panel["date"]))
    on = [panel["date"] == day for day in dates]
    panel.loc[on[1], "beta"] = 2 * panel.loc[on[1], "size"]
    panel.loc[on[2], "beta"] = 1.0
    panel.loc[on[3] & (panel["symbol"] == "A00"), "sector"] = "oil"
    panel.loc[on[4] & (panel["symbol"] == "A00"), "beta"] = 1e300
    panel.loc[on[5], "mcap"] = 1e308
    panel.loc[on[6] & (panel["symbol"] != "A00"), "size"] = None
    panel.loc[on[8] & (panel["symbol"] == "A00"), "ret"] = 1e300
    return panel, dates


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """The spoilt panel, regressed once."""
    from sigmalake.config.model import load_config
    from sigmalake.engines.local.engine import LocalEngine
    from sigmalake.engines.local.tables import LocalTables
    from sigmalake.stages.context import writing
    from sigmalake.stages.run import run_stage

    folder = tmp_path_factory.mktemp("dates")
    panel, dates = spoilt_panel()
    panel.to_parquet(folder / "panel.parquet")
    config = load_config(written(folder, SECTORS))
    said: list[str] = []
    context = writing(LocalEngine(LocalTables(config.lake)), config, "run", say=said.append)
    for stage in ("ingest", "regress"):
        run_stage(context, stage)
    return folder, "\n".join(said), dates


def rows_of(fitted, table, *columns):
    return read_columns(open_table(f"{fitted[0]}/lake/{table.name}"), list(columns) or table.column_names).to_pylist()


OF_A_FACTOR = [
    ("collinear styles", 2, "beta", "collinear", None),
    ("a constant style", 3, "beta", "constant", None),
    ("an industry without members", 3, "oil", "empty", None),
    ("an industry of one member", 4, "oil", "thin", 1),
    ("a good date", 1, "beta", "ok", N_ASSETS),
]


@pytest.mark.parametrize(("position", "factor", "status", "members"), [pytest.param(*case, id=name) for name, *case in OF_A_FACTOR])
def test_a_factor_that_a_date_cannot_tell_is_null_with_its_status(fitted, position, factor, status, members):
    day = fitted[2][position]
    row = next(r for r in rows_of(fitted, FACTOR_RETURNS) if (r["date"], r["factor"]) == (day, factor))
    assert row["status"] == status
    assert (row["factor_return"] is None) == (status not in {"ok", "thin"})
    assert members is None or row["n_members"] == members


OF_A_DATE = [
    ("an exposure of 1e300", 5, "out_of_range", "largest |exposure| 1e+300"),
    ("caps of 1e308", 6, "ok", ""),
    ("one usable asset", 7, "too_few", "1 estimation assets with a return"),
    ("a return of 1e300", 8, "out_of_range", "largest |return| is 1e+300"),
]


@pytest.mark.parametrize(("position", "status", "detail"), [pytest.param(*case, id=name) for name, *case in OF_A_DATE])
def test_a_date_that_cannot_be_fitted_is_a_row_with_its_numbers(fitted, position, status, detail):
    row = next(r for r in rows_of(fitted, CROSS_SECTIONS) if r["date"] == fitted[2][position])
    assert row["status"] == status
    assert detail in row["detail"]
    assert (row["factor_return"][0] is None) == (status != "ok")


def test_progress_says_which_factors_have_no_return_and_why(fitted):
    assert "without factor returns: 3 dates" in fitted[1]
    assert "oil has no return on 4 of 5 dates: empty" in fitted[1]
    assert "beta has no return on 1 of 5 dates: collinear" in fitted[1]
    assert "beta has no return on 1 of 5 dates: constant" in fitted[1]


def test_the_release_is_refused_with_the_dates_and_the_reasons(fitted, asked):
    folder, _, dates = fitted
    seen = asked("release", "--config", folder / "model.yaml")
    assert seen.says("not released as of 2024-01-12", "3 dates without factor returns, 0 allowed", "there is no release yet")
    assert seen.says(f"{dates[5]} (out_of_range: squares beyond floating point", f"{dates[7]} (too_few: 1 estimation assets")
    assert (seen.exit_code, seen.out) == (1, "")


def test_a_panel_of_one_date_is_told(asked, tmp_path):
    small_panel(n_dates=1).to_parquet(tmp_path / "panel.parquet")
    seen = asked("run", "--config", written(tmp_path))
    assert seen.says("nothing to release", "the panel has one date, 2024-01-02", "two dates or more")
    assert seen.exit_code == 1


@pytest.mark.jvm
def test_a_schema_that_is_not_there_is_told(asked, spark, tmp_path):
    small_panel().to_parquet(tmp_path / "panel.parquet")
    seen = asked("ingest", "--config", written(tmp_path), "--set", "lake=no.schema", session=spark)
    assert seen.says("lake: no.schema cannot hold a table", "create the schema first", "./no.schema")
    assert seen.exit_code == 2
