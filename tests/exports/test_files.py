"""Flat files and workbooks of a date: read back by other packages they give V, and every number is what the model says."""

import json
from datetime import date

import numpy as np
import openpyxl
import pandas as pd
import pytest
from hard_names import FORMULA, LONG
from linked_risk import assert_same_cov
from numpy.testing import assert_allclose

from sigmalake.errors import ConfigError, DataError, MissingRiskError
from sigmalake.reader.exports import workbook
from sigmalake.reader.exports.dated_model import dated_model
from sigmalake.reader.exports.files import export_model
from sigmalake.reader.exports.flat_tables import FLAT_TABLES
from sigmalake.reader.exports.forms import Form

YEAR = 252
SQUARED = YEAR * 100**2  # %^2 per year in a fraction^2 per day


@pytest.fixture(scope="module")
def risk(exported_model):
    return exported_model.risk()


@pytest.fixture(scope="module")
def day(exported_model):
    return exported_model.as_of


@pytest.fixture(scope="module")
def V(risk):  # noqa: N802 - the model's symbol
    return risk.asset_cov()


def written(model, form, to, days):
    return export_model(model, form, to, days).files


@pytest.fixture(scope="module", params=[Form.CSV, Form.PARQUET])
def flat(request, exported_model, day, tmp_path_factory):
    """The tables of a date as pandas reads them."""
    folder = tmp_path_factory.mktemp(request.param)
    files = written(exported_model, request.param, folder, [day])[day]
    assert sorted(file.name for file in files) == sorted([*(f"{name}.{request.param}" for name in FLAT_TABLES), "about.json"])
    assert {file.parent for file in files} == {folder / str(day)}
    read = pd.read_parquet if request.param is Form.PARQUET else lambda file: pd.read_csv(file, keep_default_na=False, na_values="")
    tables = {file.stem: read(file) for file in files if file.suffix != ".json"}
    return tables | {"about": json.loads((folder / str(day) / "about.json").read_text())}


def test_the_example_has_all_that_an_export_may_say(risk, exported_model):
    assert len(risk.linked.pairs) == 1
    assert risk.refused
    assert {FORMULA, "A07", "A08"} <= set(risk.usable)
    assert LONG in risk.factors
    assert exported_model.risk_diagnostics()["value"]["regime_multiplier"] != 1


def test_the_flat_tables_give_v(flat, V):
    cov = flat["factor_covariance"].pivot(index="factor_1", columns="factor_2", values="covariance")
    X = flat["asset_exposures"].pivot(index="asset_id", columns="factor", values="exposure").fillna(0.0)[cov.index]
    specific = flat["specific_risk"].set_index("asset_id")["specific_risk"][X.index]
    found = X @ cov @ X.T + np.diag(specific**2)
    for row in flat["specific_covariance"].itertuples():
        found.loc[row.asset_1, row.asset_2] += row.covariance
        found.loc[row.asset_2, row.asset_1] += row.covariance
    assert_same_cov(found.loc[V.index, V.index].to_numpy() / (1e4 * flat["about"]["periods_per_year"]), V.to_numpy(), 1e-14)


def test_every_declared_column_is_there_with_the_date_and_its_unit(flat, day):
    for name, columns in FLAT_TABLES.items():
        assert list(flat[name].columns) == [column.name for column in columns]
        assert set(flat[name]["date"].astype(str)) <= {str(day)}
        assert flat["about"]["units"][name] == {column.name: column.unit for column in columns}


def test_factor_returns_and_volatilities_are_those_of_the_model(flat, exported_model, risk, day):
    found, fitted = flat["factor_returns"].set_index("factor"), exported_model.regression(day)
    assert list(found.index) == list(risk.factors)
    assert list(found["group"]) == list(risk.groups)
    assert_allclose(found["factor_return"], 100 * fitted.loc[found.index, "factor_return"], rtol=1e-15)
    assert_allclose(found["t_stat"], fitted.loc[found.index, "t_stat"], rtol=1e-15)
    assert_allclose(found["volatility"] ** 2, SQUARED * np.diag(risk.factor_cov), rtol=1e-14)
    pairs = flat["factor_covariance"]
    vols = found["volatility"]
    assert_allclose(
        pairs["covariance"],
        pairs["correlation"] * vols[pairs["factor_1"]].to_numpy() * vols[pairs["factor_2"]].to_numpy(),
        rtol=1e-13,
    )


def test_asset_data_are_those_of_v_and_of_the_date(flat, exported_model, exported_panel, V, day):
    found = flat["asset_data"].set_index("asset_id")
    assert list(found.index) == list(V.index)
    rows = exported_panel[exported_panel["date"] == day].set_index("asset_id").reindex(found.index)
    assert_allclose(found["cap"], rows["cap"], rtol=1e-15)
    assert_allclose(found["ret"], 100 * rows["ret"].astype(float), rtol=1e-13)
    caps = rows["cap"].where(rows["in_estimation"].astype(bool), 0.0)
    b = (caps / caps.sum()).to_numpy()
    assert_allclose(found["weight"].fillna(0.0), 100 * b, rtol=1e-13)
    assert_allclose(found["beta"], V.to_numpy() @ b / (b @ V.to_numpy() @ b), rtol=1e-12)
    assert_allclose(found["total_risk"] ** 2, SQUARED * np.diag(V), rtol=1e-13)
    specific = flat["specific_risk"].set_index("asset_id")
    assert_allclose(found["r_squared"], 100 * (1 - specific["specific_risk"] ** 2 / found["total_risk"] ** 2), rtol=1e-12)
    assert_allclose(specific["unadjusted_specific_risk"] ** 2, SQUARED * exported_model.specific_risk()["ts_var"][found.index])
    section = exported_model.cross_section(day)["specific_return"].reindex(found.index)
    assert_allclose(found["specific_return"], 100 * section, rtol=1e-14)


def test_assets_without_a_v_are_listed_with_the_reason(flat, risk):
    assert dict(zip(flat["refused_assets"]["asset_id"], flat["refused_assets"]["reason"], strict=True)) == risk.refused
    assert not set(risk.refused) & set(flat["asset_data"]["asset_id"])


def test_nothing_of_a_date_was_known_later(exported_model, exported_panel):
    """The panel's row of a close holds the next date's returns, too: they are not what is exported."""
    earlier = exported_model.dates()[-5].date()
    found = dated_model(exported_model, earlier)
    rows = exported_panel[exported_panel["date"] == earlier].set_index("asset_id").reindex(found.assets.index)
    assert_allclose(found.assets["ret"], rows["ret"].astype(float), rtol=1e-13)
    assert found.date == found.risk.exposure_date == earlier


def test_the_first_date_of_a_model_may_have_a_risk_without_a_regression(exported_model, monkeypatch):
    def missing(*_args, **_options):
        raise MissingRiskError("none")

    for name in ("regression", "cross_section"):
        monkeypatch.setattr(exported_model, name, missing)
    found = dated_model(exported_model)
    assert found.factors["factor_return"].isna().all()
    assert found.assets["specific_return"].isna().all()


# The workbook


@pytest.fixture(scope="module")
def sheets(exported_model, day, tmp_path_factory):
    file = tmp_path_factory.mktemp("excel") / "model.xlsx"
    assert written(exported_model, Form.EXCEL, file, [day]) == {day: [file]}
    return openpyxl.load_workbook(file)


def frame(sheet):
    rows = list(sheet.values)
    return pd.DataFrame([row[1:] for row in rows[1:]], [row[0] for row in rows[1:]], rows[0][1:])


def test_the_sheets_give_v(sheets, V):
    cov, X = frame(sheets["Covariance, %^2 per year"]).astype(float), frame(sheets["Exposures"]).astype(float)
    specific = frame(sheets["Assets"])["specific risk, % per year"].astype(float)
    found = X @ cov @ X.T + np.diag(specific**2)
    for first, second, linked in sheets["Linked issues"].iter_rows(min_row=2, values_only=True):
        found.loc[first, second] += linked
        found.loc[second, first] += linked
    assert_same_cov(found.loc[V.index, V.index] / SQUARED, V, 1e-12)  # Excel's files hold 16 or 17 digits


def test_the_sheets_have_correlations_factors_and_what_they_are_of(sheets, risk, exported_model):
    found = frame(sheets["Correlations"]).astype(float)
    vols = np.sqrt(np.diag(risk.factor_cov))
    assert_allclose(found, risk.factor_cov / np.outer(vols, vols), rtol=1e-12, atol=1e-15)
    assert list(frame(sheets["Factors"]).index) == list(found.index) == list(found.columns) == list(risk.factors)
    about = {row[0]: row[1] for row in sheets["About"].values}
    assert (about["release"], about["date"]) == (exported_model.release_id, str(risk.date))
    assert about["periods per year"] == YEAR
    assert dict(sheets["Without a V"].iter_rows(min_row=2, values_only=True)) == risk.refused


def test_text_that_looks_like_a_formula_is_text(sheets):
    cells = [cell for row in sheets["Assets"].iter_rows() for cell in row if cell.value == FORMULA]
    assert len(cells) == 1
    assert {cell.data_type for cell in cells} == {"s"}
    assert not [cell for sheet in sheets for row in sheet.iter_rows() for cell in row if cell.data_type == "f"]


def test_more_rows_than_a_sheet_has_are_refused_with_the_way_out(exported_model, day, tmp_path, monkeypatch):
    monkeypatch.setattr(workbook, "MOST_ROWS", 20)
    with pytest.raises(DataError, match=r"35 assets and 7 factors are more than a sheet's 19 rows .*; use csv or parquet"):
        export_model(exported_model, Form.EXCEL, tmp_path, [day])
    assert not list(tmp_path.iterdir())


# Dates and places


def test_several_dates_are_a_file_or_a_folder_each(exported_model, tmp_path):
    days = [stamp.date() for stamp in exported_model.dates()[-3:]]
    assert list(written(exported_model, Form.GS_QUANT, tmp_path, days)) == days
    assert sorted(file.name for file in tmp_path.iterdir()) == [f"{day}.json" for day in days]
    with pytest.raises(ConfigError, match=r"one\.json is one file, and there are 3 dates; name a folder, or one date"):
        export_model(exported_model, Form.GS_QUANT, tmp_path / "one.json", days)


def test_a_date_without_a_risk_model_is_skipped_with_the_reason(exported_model, day, tmp_path):
    sunday = date(2021, 4, 4)
    found = export_model(exported_model, Form.CSV, tmp_path, [sunday, day])
    assert list(found.files) == [day]
    assert found.skipped[sunday].startswith("short has no risk model as of 2021-04-04")
    with pytest.raises(MissingRiskError, match="short has no risk model as of 2021-04-04"):
        export_model(exported_model, Form.CSV, tmp_path, [sunday])
    with pytest.raises(MissingRiskError, match="none of 2 dates has a risk model; 2021-04-04: short has no risk model"):
        export_model(exported_model, Form.CSV, tmp_path, [date(2021, 4, 3), sunday])


def test_an_export_replaces_its_own_files_and_nothing_else(exported_model, day, tmp_path):
    (tmp_path / f"{day}.json").write_text("old")
    (tmp_path / "mine.txt").write_text("mine")
    export_model(exported_model, Form.GS_QUANT, tmp_path, [day])
    assert json.loads((tmp_path / f"{day}.json").read_text())["date"] == str(day)
    assert sorted(file.name for file in tmp_path.iterdir()) == [f"{day}.json", "mine.txt"]


def test_a_place_that_cannot_be_written_is_named(exported_model, day, tmp_path):
    (tmp_path / "file").write_text("a file")
    with pytest.raises(ConfigError, match=r"file cannot be written: .*; name a folder that can be"):
        export_model(exported_model, Form.CSV, tmp_path / "file", [day])


def test_periods_per_year_may_be_given(exported_model, day, tmp_path):
    export_model(exported_model, Form.PARQUET, tmp_path, [day], periods_per_year=1)
    found = pd.read_parquet(tmp_path / str(day) / "factor_returns.parquet")["volatility"]
    assert_allclose(found**2, 1e4 * np.diag(exported_model.risk().factor_cov), rtol=1e-14)


def test_a_model_without_caps_weighs_the_market_equally(exported_panel):
    from sigmalake import fit

    model = fit(exported_panel, styles=["size"], risk={"one": {"factor_cov": {"estimator": "sample", "window": 40},
                                                               "specific_var": {"estimator": "sample", "window": 40}}})  # fmt: skip
    found = dated_model(model).assets
    assert_allclose(found["weight"], 1 / len(found))
    assert found["cap"].isna().all()
