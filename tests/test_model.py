import subprocess
import sys
from dataclasses import replace as replace_fields
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import sigmalake
from plain_lake import append, create
from sigmalake.errors import ConfigError, DataError, InfrastructureError, MissingRiskError
from sigmalake.lake.format import FORMAT
from sigmalake.reader.comparison import compare_risk
from sigmalake.reader.factor_model import FactorModel
from sigmalake.reader.model.assembled import assemble
from sigmalake.reader.open_release import open_release
from sigmalake.reader.risk_model import RiskModel
from sigmalake.tables.declaration import Column
from sigmalake.tables.long import FACTORS
from sigmalake.tables.packed import CROSS_SECTIONS, PANEL, RISK_MODELS
from sigmalake.tables.records import RELEASES
from two_releases import (
    ASSETS,
    DAYS,
    FACTOR_ROWS,
    FACTORS_OF_X,
    FIRST,
    LAST,
    LONG,
    MINER,
    NEWCOMER,
    NO_SIGMA,
    REFUSED,
    RESTATED,
    SIGMA,
    STALE,
    USABLE,
    by_date,
    cross_section_row,
    panel_row,
    release_row,
    risk_row,
    v_by_loops,
    write_two_releases,
)


@pytest.fixture(scope="module")
def lake(tmp_path_factory) -> Path:
    return write_two_releases(tmp_path_factory.mktemp("a-lake"))


@pytest.fixture(scope="module")
def model(lake: Path) -> FactorModel:
    return open_release(lake)


@pytest.fixture(scope="module")
def risk(model: FactorModel) -> RiskModel:
    return model.risk(variant="short")


HOLDINGS = pd.Series({"A09": 0.5, "A00": -0.25, "A03": 0.75, "A05": 0.0})


# What is read


def test_the_last_release_is_opened_unless_another_is_named(lake, model):
    assert (model.release_id, model.variants, model.as_of) == (f"{LAST}.2", ("long", "short"), LAST)
    assert model.created_at == datetime(2024, 3, 8, 22, tzinfo=UTC)
    first = open_release(str(lake), f"{LAST}.1")
    assert (first.release_id, first.variants) == (f"{LAST}.1", ("short",))
    assert first.tables["risk_models"] < model.tables["risk_models"]


def test_v_is_what_a_double_loop_over_assets_and_factors_gives(risk):
    V = risk.asset_cov()
    assert list(V.index) == list(V.columns) == USABLE
    expected = v_by_loops(RESTATED.exposures, RESTATED, USABLE)
    assert_allclose(V.to_numpy(), expected, rtol=1e-13, atol=1e-13 * np.abs(expected).max())
    assert_array_equal(V.to_numpy(), V.to_numpy().T)


def test_v_comes_in_the_order_asked(risk):
    asked = ["A09", "A00", "A03"]
    assert_allclose(risk.asset_cov(asked), risk.asset_cov().loc[asked, asked], rtol=1e-14)
    assert list(risk.asset_cov(asked).columns) == asked


def test_an_earlier_release_reads_as_it_stood(lake):
    first = open_release(lake, f"{LAST}.1").risk()
    assert_allclose(first.asset_cov(), v_by_loops(FIRST[LAST].exposures, FIRST[LAST], USABLE), rtol=1e-12, atol=1e-17)


def test_variants_differ_in_sigma_and_delta_and_share_the_exposures(model, risk):
    long = model.risk(variant="long")
    assert_array_equal(long.factor_cov, LONG.factor_cov)
    assert_array_equal(long.specific_var, LONG.specific_var)
    assert_array_equal(long.exposures, risk.exposures)


def test_used_exposures_are_those_of_the_regression_of_the_date(model):
    used = model.risk(DAYS[3], "short", exposures="used")
    assert (used.date, used.exposure_date) == (DAYS[3], DAYS[2])
    expected = v_by_loops(FIRST[DAYS[2]].exposures, FIRST[DAYS[3]], USABLE)
    assert_allclose(used.asset_cov(), expected, rtol=1e-12, atol=1e-17)


def test_known_exposures_are_those_of_the_close_of_the_date(model):
    known = model.risk(pd.Timestamp(DAYS[2]), "short")
    assert (known.date, known.exposure_date, known.assets, known.factors) == (DAYS[2], DAYS[2], tuple(ASSETS), tuple(SIGMA))
    assert_array_equal(known.exposures, np.delete(FIRST[DAYS[2]].exposures, 3, axis=1))
    assert_array_equal(known.factor_cov, FIRST[DAYS[2]].factor_cov)


def test_assets_that_cannot_have_a_v_are_kept_with_their_reasons(risk):
    assert risk.refused == REFUSED
    assert risk.usable == tuple(USABLE)


def test_dates_are_those_of_the_variant(lake, model):
    assert list(model.dates("short")) == by_date(DAYS[1:])
    assert list(model.dates("long")) == by_date([LAST])
    assert list(open_release(lake, f"{LAST}.1").dates().date) == DAYS[1:]


def test_the_panel_holds_exposures_beside_the_returns_of_the_next_date(model):
    frame = model.panel(exposure_date=DAYS[0])
    assert list(frame.index) == ASSETS
    assert list(frame.columns) == ["ret", "cap", "in_estimation", *FACTORS_OF_X[:-1], "factor.cap"]
    assert_array_equal(frame.iloc[:, 3:], FIRST[DAYS[0]].exposures)
    assert_array_equal(frame["ret"], FIRST[DAYS[0]].ret)
    assert frame["in_estimation"].sum() == len(ASSETS) - 1
    assert frame.attrs == {"exposure_date": DAYS[0], "return_date": DAYS[1]}
    pd.testing.assert_frame_equal(frame, model.panel(return_date=str(DAYS[1])))
    assert model.panel()["ret"].isna().all()  # the release's date: its returns are yet to come


def test_the_steps_of_a_dates_styles_come_in_their_order_and_are_none_where_all_are_as_given(model):
    steps = model.exposure_moments()
    assert steps["step"].tolist() == ["removed", "filled_by"]
    assert steps.loc[0, ["style", "term", "mean", "sd", "n_values", "n_changed"]].tolist() == ["value", "book", 1.0, 2.0, 9, 1]
    assert steps["coefficient"].isna().tolist() == [True, False]
    given = model.exposure_moments(DAYS[0])
    assert given.empty
    assert list(given) == list(steps)
    with pytest.raises(MissingRiskError, match="the panel has no exposure_date 2031-01-01; nearest: "):
        model.exposure_moments("2031-01-01")


def test_factor_returns_are_a_column_a_factor_in_the_models_order(model):
    frame = model.factor_returns()
    assert (list(frame.index), list(frame.columns)) == (by_date(DAYS[1:]), FACTORS_OF_X)
    assert frame["coal"].isna().all()
    assert_array_equal(frame["cap"], [day.day / 100 for day in DAYS[1:]])


def test_a_cross_section_says_what_the_factors_do_not_explain(model):
    frame = model.cross_section(LAST)
    assert list(frame.columns) == ["specific_return", "fitted_return", "in_estimation", "weight"]
    assert list(frame.index) == ASSETS
    unknown = frame["specific_return"].isna()
    assert list(frame.index[unknown]) == [MINER]
    assert_array_equal(frame["specific_return"][~unknown], np.delete(FIRST[LAST].ret, ASSETS.index(MINER)))


def test_premia_are_those_of_the_factor_returns_from_one_date_to_another(model):
    returns = model.factor_returns()
    whole, part = model.factor_premia(), model.factor_premia(DAYS[2], "2024-03-07", lags=1)
    assert list(whole.index) == FACTORS_OF_X
    assert_allclose(whole["mean"], returns.mean(), rtol=1e-12)
    assert whole.loc["cap", "std_error"] == pytest.approx(returns["cap"].sem(), rel=1e-12)
    assert_allclose(part["mean"], returns.loc["2024-03-05":"2024-03-07"].mean(), rtol=1e-12)
    assert (part.loc["cap", "first_date"], part.loc["cap", "last_date"], part.loc["cap", "nw_lags"]) == (DAYS[2], DAYS[3], 1)
    assert (whole.loc["coal", "n_periods"], whole.loc["coal", "first_date"]) == (0, None)
    with pytest.raises(MissingRiskError, match="no regression from 2025-01-01 to the last; they go from 2024-03-04 to 2024-03-08"):
        model.factor_premia("2025-01-01")


def test_a_regression_is_a_row_a_factor_beside_what_is_of_the_date(model):
    frame = model.regression(LAST)
    assert list(frame.columns) == ["factor_return", "std_error", "t_stat", "vif", "n_members", "status"]
    assert list(frame.index) == FACTORS_OF_X
    assert_allclose(frame["t_stat"], frame["factor_return"] / 0.001, rtol=1e-12)
    assert np.isnan(frame.loc["coal", "t_stat"])
    assert (frame.attrs["date"], frame.attrs["n_estimation"], frame.attrs["outliers"]) == (LAST, 11, [])
    assert (frame.attrs["r2"], frame.attrs["market_return"]) == (None, None)
    with pytest.raises(MissingRiskError, match="no regression of 2024-03-06; nearest: 2024-03-05, 2024-03-07"):
        model.regression("2024-03-06")


def test_the_regression_of_a_date_that_failed_has_its_status(tmp_path):
    failed = {
        **cross_section_row(LAST, FIRST[LAST]), "status": "too_few", "detail": "3 estimation assets", "factor_return": [None] * 6,
        "std_error": [None] * 6, "factor_status": ["no_fit"] * 6,
    }  # fmt: skip
    tables = {"factors": append(tmp_path, FACTORS, FACTOR_ROWS), "cross_sections": append(tmp_path, CROSS_SECTIONS, [failed])}
    append(tmp_path, RELEASES, [release_row(1, [], tables)])
    frame = open_release(tmp_path).regression(LAST)
    assert set(frame["status"]) == {"too_few"}
    assert frame[["factor_return", "std_error", "t_stat"]].isna().all(axis=None)
    assert frame.attrs["detail"] == "3 estimation assets"


LINKED_COLUMNS = (
    Column("linked_1", "ARRAY<INT>", ""),
    Column("linked_2", "ARRAY<INT>", ""),
    Column("linked_cov", "ARRAY<DOUBLE>", ""),
)


def test_a_variant_says_what_its_period_is(tmp_path, model):
    older = replace_fields(RISK_MODELS, columns=tuple(c for c in RISK_MODELS.columns if c.name != "frequency"))
    for root, table in ((tmp_path / "new", RISK_MODELS), (tmp_path / "old", older)):
        rows = [risk_row("days", LAST, RESTATED), risk_row("months", LAST, RESTATED) | {"frequency": "month"}]
        tables = {
            "factors": append(root, FACTORS, FACTOR_ROWS),
            "panel": append(root, PANEL, [panel_row(4, RESTATED)]),
            "risk_models": append(root, table, [{k: v for k, v in row.items() if k in table.column_names} for row in rows]),
        }
        append(root, RELEASES, [release_row(1, ["days", "months"], tables)])
    new, old = open_release(tmp_path / "new"), open_release(tmp_path / "old")
    assert [new.frequency(name) for name in ("days", "months")] == ["period", "month"]
    assert [new.risk(variant=name).frequency for name in ("days", "months")] == ["period", "month"]
    assert new.risk(variant="months", horizon=3).frequency == "month"
    assert (old.frequency("months"), old.risk(variant="months").frequency) == ("period", "period")  # of before there were months
    with pytest.raises(DataError, match=r"days is of returns by period and months by month; compare variants of one frequency"):
        compare_risk(new.risk(variant="days"), new.risk(variant="months"), {ASSETS[0]: 1.0})


def test_covariances_of_linked_issues_are_read_where_the_table_has_them(tmp_path):
    table = replace_fields(RISK_MODELS, columns=(*(c for c in RISK_MODELS.columns if "linked" not in c.name), *LINKED_COLUMNS))
    others = {"factors": append(tmp_path, FACTORS, FACTOR_ROWS), "panel": append(tmp_path, PANEL, [panel_row(4, RESTATED)])}
    linked = {"linked_1": [0, 3], "linked_2": [5, 9], "linked_cov": [2e-4, -1e-4]}
    rows = [risk_row("none", LAST, RESTATED), risk_row("short", LAST, RESTATED) | linked]
    append(tmp_path, RELEASES, [release_row(1, ["none", "short"], others | {"risk_models": append(tmp_path, table, rows)})])
    model = open_release(tmp_path)
    expected = v_by_loops(RESTATED.exposures, RESTATED, USABLE)
    assert_allclose(model.risk(variant="none").asset_cov(), expected, rtol=1e-12, atol=1e-17)
    for i, j, cov in [("A00", "A05", 2e-4), ("A03", "A09", -1e-4)]:
        expected[[USABLE.index(i), USABLE.index(j)], [USABLE.index(j), USABLE.index(i)]] += cov
    assert_allclose(model.risk(variant="short").asset_cov(), expected, rtol=1e-12, atol=1e-17)
    assert_allclose(model.risk(variant="short", horizon=5).asset_cov(), 5 * expected, rtol=1e-12, atol=1e-17)


def test_a_horizon_is_for_reading_only(model, risk):
    month = model.risk(variant="short", horizon=21)
    assert_allclose(month.asset_cov(), 21 * risk.asset_cov(), rtol=1e-13)
    assert_array_equal(model.risk(variant="short").factor_cov, risk.factor_cov)


def test_factors_carry_their_groups(risk):
    assert risk.groups == ("market", "sector", "sector", "style", "style")


def test_the_calendar_is_the_dates_of_the_returns(model):
    assert list(model.calendar().date) == DAYS[1:]


# The risk of holdings


def test_variance_of_holdings_is_that_of_the_dense_v(risk):
    held = list(HOLDINGS.index)
    h = HOLDINGS.to_numpy()
    V = v_by_loops(RESTATED.exposures, RESTATED, held)
    report = risk.risk_of(HOLDINGS)
    assert report.variance == pytest.approx(h @ V @ h, rel=1e-13)
    assert report.vol == pytest.approx(np.sqrt(h @ V @ h), rel=1e-13)
    assert_allclose(report.marginal[held], V @ h / np.sqrt(h @ V @ h), rtol=1e-12)
    assert list(report.marginal.index) == USABLE


def test_contributions_by_asset_and_by_factor_sum_to_vol(risk):
    report = risk.risk_of(HOLDINGS)
    assert list(report.by_asset.index) == list(HOLDINGS.index)
    assert list(report.by_factor.index) == list(report.exposures.index) == SIGMA
    assert report.by_asset.sum() == pytest.approx(report.vol, rel=1e-13)
    assert report.by_factor.sum() + report.specific == pytest.approx(report.vol, rel=1e-13)
    assert report.exposures["market"] == pytest.approx(1.0)
    assert report.left_out == {}


def test_holdings_in_a_dict_and_in_another_order_have_the_same_risk(risk):
    other = dict(reversed(list(HOLDINGS.to_dict().items())))
    assert risk.risk_of(other).vol == pytest.approx(risk.risk_of(HOLDINGS).vol, rel=1e-15)


def test_a_holding_without_risk_data_is_an_error_that_names_it_and_says_why(risk):
    with pytest.raises(MissingRiskError) as caught:
        risk.risk_of({"A00": 0.5, MINER: 0.2, NEWCOMER: 0.2, "ZZZ": 0.1})
    assert str(caught.value).startswith(
        f"no risk for 3 of 4 holdings: {MINER} ({REFUSED[MINER]}), {NEWCOMER} ({REFUSED[NEWCOMER]}), "
        f"ZZZ (no exposures known on {LAST}). To leave them out, take missing='leave_out' in Python"
    )


def test_holdings_left_out_are_listed_and_the_rest_has_its_own_risk(risk):
    report = risk.risk_of({MINER: 0.2, "A00": 0.5, "A01": 0.3, "ZZZ": 0.1}, missing="leave_out")
    assert report.left_out == {MINER: REFUSED[MINER], "ZZZ": f"no exposures known on {LAST}"}
    assert list(report.by_asset.index) == ["A00", "A01"]
    assert report.vol == risk.risk_of({"A00": 0.5, "A01": 0.3}).vol


def test_holdings_of_which_none_has_risk_data_are_an_error_in_any_case(risk):
    with pytest.raises(MissingRiskError, match=r"no risk for 1 of 1 holdings: ZZZ .* nothing is left"):
        risk.risk_of({"ZZZ": 1.0, "A00": 0.0}, missing="leave_out")


def test_a_holding_of_zero_needs_no_risk_data(risk):
    report = risk.risk_of({"A00": 1.0, "ZZZ": 0.0})
    assert report.by_asset["ZZZ"] == 0.0
    assert report.left_out == {}


def test_holding_nothing_is_no_risk(risk):
    report = risk.risk_of({"A00": 0.0})
    assert (report.vol, report.by_asset["A00"]) == (0.0, 0.0)
    assert report.marginal.isna().all()


@pytest.mark.parametrize(
    ("holdings", "said"),
    [
        ({"A00": float("nan"), "A01": float("inf"), "A02": 1.0}, r"2 of 3 holdings are not finite numbers \(A00: nan, A01: inf\)"),
        ({"A00": "much"}, r"1 of 1 holdings are not finite numbers \(A00: much\)"),
        ({"A00": None}, r"1 of 1 holdings are not finite numbers \(A00: None\)"),
        (pd.Series([0.5, 0.2, 0.3], ["A00", "A01", "A00"]), r"holdings name 1 asset more than once \(A00\); give each once"),
        (pd.Series([0.5, 0.5]), "holdings are by asset id, a string; 0 is a int"),
        ({}, "there are no holdings"),
    ],
)
def test_holdings_that_are_no_numbers_by_asset_are_refused(risk, holdings, said):
    with pytest.raises(DataError, match=said):
        risk.risk_of(holdings)


def test_v_of_an_asset_without_risk_data_is_an_error_that_says_why(risk):
    with pytest.raises(MissingRiskError, match=rf"no risk for {NEWCOMER} \(no specific variance: its history is too short\)"):
        risk.asset_cov(["A00", NEWCOMER])


def test_v_of_an_asset_asked_twice_is_refused(risk):
    with pytest.raises(DataError, match=r"assets name 1 asset more than once \(A01\)"):
        risk.asset_cov(["A01", "A00", "A01"])


def test_v_beyond_its_size_guard_is_refused_with_its_size(risk):
    with pytest.raises(DataError, match=r"V of 10 assets has 100 cells .* more than max_cells \(99\)"):
        risk.asset_cov(max_cells=99)


def test_a_factor_of_sigma_to_which_no_asset_can_be_exposed_changes_nothing():
    given = {"variant": "short", "date": LAST, "exposure_date": LAST, "assets": ["A"], "left_out": {}}
    given |= {"columns": ["size"], "groups": ["style"]}
    given |= {"exposures": np.array([[2.0]]), "specific_var": {"A": 0.5}}
    both = assemble(**given, factors=["newer", "size"], factor_cov=np.array([[9.0, 0.3], [0.3, 0.25]]))
    assert both.factors == ("size",)
    assert both.risk_of({"A": 1.0}).variance == 2.0 * 0.25 * 2.0 + 0.5


# What is not there


def test_a_folder_without_a_lake_is_named(tmp_path):
    with pytest.raises(ConfigError, match=f"there is no lake at {tmp_path}/nowhere"):
        open_release(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("tables", [(PANEL,), (PANEL, RELEASES)])
def test_a_lake_without_a_release_says_how_to_make_one(tmp_path, tables):
    for table in tables:
        create(tmp_path, table)
    with pytest.raises(MissingRiskError, match="has no release yet; make one with `sigmalake release`"):
        open_release(tmp_path)


def test_an_unknown_release_is_answered_with_those_there_are(lake):
    with pytest.raises(MissingRiskError, match=f"has no release 2024-03-08.7; it has {LAST}.2, {LAST}.1"):
        open_release(lake, "2024-03-08.7")


@pytest.mark.parametrize(("found", "said"), [("99", "has lake format 99"), (None, "was not made by sigmalake")])
def test_a_lake_of_another_format_is_refused(tmp_path, found, said):
    create(tmp_path, RELEASES, found)
    with pytest.raises(ConfigError, match=f"{said}; this version reads and writes format {FORMAT}"):
        open_release(tmp_path)


@pytest.mark.parametrize("name", ["main.risk", "risk.us"])
def test_a_lake_in_a_catalog_is_read_by_a_session(name):
    with pytest.raises(ConfigError, match=rf"{name} names a lake in a catalog.*open_release\('{name}', spark=spark\)"):
        open_release(name)


def test_without_a_name_a_variant_is_the_first_of_the_configuration(lake, model):
    assert open_release(lake, f"{LAST}.1").risk().variant == "short"
    assert model.variants == ("long", "short")
    assert model.risk().variant == "long"


def test_an_unknown_variant_is_answered_with_those_of_the_release(lake):
    with pytest.raises(MissingRiskError, match="has no variant long; it has short"):
        open_release(lake, f"{LAST}.1").risk(variant="long")


@pytest.mark.parametrize(
    ("day", "nearest"),
    [("2024-02-29", "2024-03-04"), ("2024-03-06", "2024-03-05, 2024-03-07"), ("2030-01-01", "2024-03-08")],
)
def test_an_unknown_date_is_answered_with_the_nearest_and_the_newest(model, day, nearest):
    said = f"{day}; nearest: {nearest}; newest: 2024-03-08"
    with pytest.raises(MissingRiskError, match=f"short has no risk model as of {said}"):
        model.risk(day, "short")
    with pytest.raises(MissingRiskError, match=f"no regression of {said}"):
        model.cross_section(day)
    with pytest.raises(MissingRiskError, match=f"the panel has no return_date {said}"):
        model.panel(return_date=day)


def test_a_text_that_is_no_date_is_refused(model):
    with pytest.raises(ConfigError, match="'8 March' is not a date; write it as 2024-03-04"):
        model.risk("8 March", "short")


def test_a_date_whose_exposures_are_too_old_points_to_those_used(model):
    with pytest.raises(MissingRiskError, match=f"no exposures known at {STALE}.*exposures='used'"):
        model.risk(STALE, "short")
    assert model.panel(exposure_date=STALE).empty


def test_used_exposures_that_were_none_point_to_those_known(model):
    with pytest.raises(MissingRiskError, match=f"no exposures explain the returns of {LAST}; exposures='known'"):
        model.risk(LAST, "short", exposures="used")


def test_a_date_without_sigma_says_why(model):
    with pytest.raises(MissingRiskError, match=f"short has no Sigma as of {NO_SIGMA}: no_factor_cov; left out of Sigma: market"):
        model.risk(NO_SIGMA, "short")


def test_a_word_that_is_no_option_is_refused(model, risk):
    with pytest.raises(ValueError, match="exposures is 'old'; give 'known' or 'used'"):
        model.risk(exposures="old")
    with pytest.raises(ValueError, match="missing is 'ignore'; give 'raise' or 'leave_out'"):
        risk.risk_of(HOLDINGS, missing="ignore")
    with pytest.raises(ValueError, match="give exposure_date or return_date, not both"):
        model.panel(exposure_date=LAST, return_date=LAST)


def test_a_release_without_a_table_says_so(tmp_path):
    append(tmp_path, RELEASES, [release_row(1, [], {})])
    bare = open_release(tmp_path)
    with pytest.raises(MissingRiskError, match="has no table panel"):
        bare.panel()
    with pytest.raises(MissingRiskError, match="has no risk models: the configuration named no variant"):
        bare.risk()


def test_a_release_whose_files_are_gone_says_which_table(tmp_path):
    version = append(tmp_path, RISK_MODELS, [risk_row("short", LAST, RESTATED)])
    append(tmp_path, RELEASES, [release_row(1, ["short"], {"risk_models": version})])
    for file in (tmp_path / "risk_models").glob("*.parquet"):
        file.unlink()
    with pytest.raises(InfrastructureError, match="reads risk_models at version 2, of which a file is gone"):
        open_release(tmp_path).risk()


# The process that reads


def test_reading_needs_no_spark_and_ends_with_exit_code_0(lake):
    program = f"""
import sys
from sigmalake.reader.open_release import open_release
model = open_release({str(lake)!r})
risk = model.risk(variant="short")
print(len(risk.asset_cov()), risk.risk_of({{"A00": 1.0}}).vol > 0, len(model.panel()))
print(len(model.factor_returns()), len(model.cross_section(model.as_of)), list(model.dates("long").date) == [model.as_of])
print([name for name in sys.modules if name.split(".")[0] in ("pyspark", "py4j", "delta")])
"""
    folder = Path(sigmalake.__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env={"PYTHONPATH": str(folder)}, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "10 True 12\n4 12 True\n[]\n", "")
