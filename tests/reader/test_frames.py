"""Frames and series of a model, as people who use pandas expect them."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from declared_rows import full_row
from plain_lake import append
from sigmalake.errors import ConfigError, DataError, MissingRiskError
from sigmalake.reader.dates import as_date
from sigmalake.reader.evaluation_summary import KindMeasures
from sigmalake.reader.model.assembled import assemble
from sigmalake.reader.open_release import open_release
from sigmalake.tables.evaluation import FORECAST_EVALUATION
from sigmalake.tables.long import FACTORS
from sigmalake.tables.packed import CROSS_SECTIONS, RISK_MODELS
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
    RESTATED,
    SIGMA,
    STALE,
    by_date,
    cross_section_row,
    release_row,
    risk_row,
    write_two_releases,
)  # fmt: skip


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    return write_two_releases(tmp_path_factory.mktemp("lake"))


@pytest.fixture(scope="module")
def model(lake):
    return open_release(lake)


# Dates


@pytest.mark.parametrize(
    "given",
    [
        "2024-03-04", " 2024-03-04 ", "2024-03-04T16:00", date(2024, 3, 4), datetime(2024, 3, 4, 16),
        pd.Timestamp("2024-03-04 16:00"), np.datetime64("2024-03-04"), np.datetime64("2024-03-04T16:00:00", "ns"),
        datetime(2024, 3, 4, 23, tzinfo=ZoneInfo("Asia/Tokyo")),
    ],
    ids=repr,
)  # fmt: skip
def test_a_date_may_be_given_as_anything_that_is_one(model, given):
    assert as_date(given) == date(2024, 3, 4)
    assert model.cross_section(given).equals(model.cross_section(date(2024, 3, 4)))


@pytest.mark.parametrize("given", ["8 March", "2024-02-30", 20240304, 2024.0, None, pd.NaT, np.datetime64("NaT")], ids=repr)
def test_what_is_no_date_is_refused_with_the_value(given):
    with pytest.raises(ConfigError, match=r"is not a date"):
        as_date(given)


def test_every_frame_by_date_has_a_datetime_index(model, plain_market_lake):
    attributed = open_release(plain_market_lake).attribution({"A001": 1.0}, missing="leave_out")
    found = [
        model.factor_returns(), model.t_stats(), model.r2(), model.specific_returns(), model.exposures(asset="A00"),
        attributed.parts, attributed.returns, attributed.exposures,
    ]  # fmt: skip
    assert [type(one.index) for one in found] == [pd.DatetimeIndex] * len(found)
    assert {one.index.name for one in found} == {"date"}
    assert [type(days) for days in (model.calendar(), model.dates("short"))] == [pd.DatetimeIndex] * 2
    assert model.factor_returns().loc[model.calendar()[-1], "cap"] == LAST.day / 100
    assert model.factor_returns().loc["2024-03-04":"2024-03-05"].shape == (2, len(FACTORS_OF_X))


# Over the dates


def test_t_stats_are_returns_over_their_errors_a_column_a_factor(model):
    assert list(model.t_stats().columns) == FACTORS_OF_X
    for day in DAYS[1:]:
        assert_array_equal(model.t_stats().loc[str(day)], model.regression(day)["t_stat"])
    assert model.t_stats()["coal"].isna().all()


def test_r2_is_a_series_with_nan_where_a_date_has_none(tmp_path):
    rows = [cross_section_row(day, FIRST[day]) | {"r2": r2} for day, r2 in zip(DAYS[1:4], (0.25, None, 0.5), strict=True)]
    tables = {"factors": append(tmp_path, FACTORS, FACTOR_ROWS), "cross_sections": append(tmp_path, CROSS_SECTIONS, rows[::-1])}
    append(tmp_path, RELEASES, [release_row(1, [], tables)])
    r2 = open_release(tmp_path).r2()
    assert (r2.name, list(r2.index)) == ("r2", by_date(DAYS[1:4]))
    assert_array_equal(r2, [0.25, np.nan, 0.5])


def test_specific_returns_are_those_of_each_date_and_asset(model):
    frame = model.specific_returns()
    assert (list(frame.index), list(frame.columns), frame.columns.name) == (by_date(DAYS[1:]), ASSETS, "asset_id")
    for day in DAYS[1:]:
        assert_array_equal(frame.loc[str(day)], model.cross_section(day)["specific_return"].reindex(ASSETS))
    assert frame[MINER].isna().all()
    assert list(model.specific_returns(DAYS[2], "2024-03-07").index) == by_date(DAYS[2:4])


def test_specific_returns_of_assets_that_come_and_go_are_nan_elsewhere(tmp_path):
    def only(day, kept):
        row = cross_section_row(day, FIRST[day])
        position = [ASSETS.index(asset) for asset in kept]
        columns = ("asset_id", "specific_return", "fitted_return", "in_estimation", "weight")
        return row | {name: [row[name][n] for n in position] for name in columns}

    rows = [only(DAYS[1], ["A01", "A09"]), only(DAYS[2], ["A00", "A09"])]
    tables = {"factors": append(tmp_path, FACTORS, FACTOR_ROWS), "cross_sections": append(tmp_path, CROSS_SECTIONS, rows)}
    append(tmp_path, RELEASES, [release_row(1, [], tables)])
    frame = open_release(tmp_path).specific_returns()
    assert list(frame.columns) == ["A00", "A01", "A09"]
    first, second = FIRST[DAYS[1]].ret, FIRST[DAYS[2]].ret
    assert_array_equal(frame, [[np.nan, first[1], first[9]], [second[0], np.nan, second[9]]])


# Exposures


def test_exposures_of_a_date_are_x(model):
    frame = model.exposures(DAYS[2])
    assert (list(frame.index), list(frame.columns)) == (ASSETS, FACTORS_OF_X)
    assert_array_equal(frame, FIRST[DAYS[2]].exposures)
    assert frame.attrs == {"date": DAYS[2]}
    assert_array_equal(model.exposures(), RESTATED.exposures)


@pytest.mark.parametrize("asset", ["A00", "A04", "A11"])
def test_exposures_of_an_asset_are_its_row_of_each_x(model, asset):
    frame = model.exposures(asset=asset)
    known = [day for day in DAYS if day != STALE]
    assert (list(frame.index), list(frame.columns)) == (by_date(known), FACTORS_OF_X)
    for day in known:
        assert_array_equal(frame.loc[str(day)], model.exposures(day).loc[asset])
    assert list(model.exposures(asset=asset, start=DAYS[1], end="2024-03-05").index) == by_date(DAYS[1:3])


def test_exposures_are_of_a_date_or_of_an_asset(model):
    with pytest.raises(ValueError, match="give date, asof or asset, not two of them"):
        model.exposures(LAST, asset="A00")
    with pytest.raises(ValueError, match="start and end bound the history of an asset"):
        model.exposures(start=LAST)
    with pytest.raises(MissingRiskError, match=r"no exposures of a00 from the first to the last \(did you mean A00\?\)"):
        model.exposures(asset="a00")


# Sigma


def test_sigma_is_labelled_and_per_period(model):
    frame = model.factor_cov()
    assert list(frame.index) == list(frame.columns) == SIGMA
    assert_array_equal(frame, LONG.factor_cov)
    assert frame.attrs == {"date": LAST, "variant": "long", "periods_per_year": None}


def test_sigma_annualised_is_times_what_the_calendar_tells(model):
    assert model.periods_per_year() == 252.0
    frame = model.factor_cov(LAST, "short", annualised=True)
    assert_allclose(frame, 252 * RESTATED.factor_cov, rtol=1e-15)
    assert frame.attrs["periods_per_year"] == 252.0
    assert_allclose(model.factor_cov(variant="short", annualised=True, periods_per_year=260), 260 * RESTATED.factor_cov, rtol=1e-15)


def test_months_make_twelve_a_year_whatever_the_calendar(tmp_path):
    tables = {"risk_models": append(tmp_path, RISK_MODELS, [risk_row("months", LAST, RESTATED) | {"frequency": "month"}])}
    append(tmp_path, RELEASES, [release_row(1, ["months"], tables)])
    found = open_release(tmp_path).factor_cov(annualised=True)
    assert_allclose(found, 12 * RESTATED.factor_cov, rtol=1e-15)


# As of a day


@pytest.mark.parametrize(("day", "taken"), [("2024-03-06", DAYS[2]), ("2024-03-05", DAYS[2]), ("2030-01-01", LAST)])
def test_asof_takes_the_last_date_on_or_before_a_day_and_says_which(model, day, taken):
    if taken != DAYS[3]:
        risk = model.risk(asof=day, variant="short")
        assert risk.date == taken
        assert f"risk model short as of {taken}" in repr(risk)
    assert model.factor_cov(asof=day, variant="short").attrs["date"] == taken
    assert model.exposures(asof=day).attrs["date"] == taken


def test_asof_before_everything_is_answered_with_the_nearest_date(model):
    with pytest.raises(MissingRiskError, match="nothing is known as of 2018-01-01; nearest: 2024-03-04; newest: 2024-03-08"):
        model.risk(asof="2018-01-01", variant="short")
    with pytest.raises(ValueError, match="give date or asof, not both"):
        model.risk(LAST, asof=LAST)


def test_a_date_that_is_no_date_of_the_model_points_to_asof(model):
    with pytest.raises(MissingRiskError, match=r"short has no risk model as of 2024-03-06; .*; asof='2024-03-06' takes 2024-03-05"):
        model.risk("2024-03-06", "short")


# Names


def test_names_that_are_not_found_are_answered_with_what_is_close(lake, model):
    with pytest.raises(MissingRiskError, match=r"no variant Shrt; it has long, short \(did you mean short\?\)"):
        model.risk(variant="Shrt")
    with pytest.raises(MissingRiskError, match=r"has no release 2024-03-08.3; it has .* \(did you mean 2024-03-08\.[12]\?\)"):
        open_release(lake, f"{LAST}.3")
    risk = model.risk()
    with pytest.raises(MissingRiskError, match=r"no risk for a00 \(no exposures known on 2024-03-08\) \(did you mean A00\?\)"):
        risk.asset_cov(["a00"])
    with pytest.raises(MissingRiskError, match=r"ZZZ \(no exposures known on 2024-03-08\)\. To leave them out"):
        risk.risk_of({"A00": 0.5, "ZZZ": 0.5})


def risk_of_ids(ids):
    n = len(ids)
    return assemble(
        variant="short", date=LAST, exposure_date=LAST, assets=ids, left_out={}, columns=["market"], groups=["market"],
        exposures=np.ones((n, 1)), factors=["market"], factor_cov=np.array([[0.01]]),
        specific_var=dict(zip(ids, np.linspace(0.1, 0.2, n).tolist(), strict=True)),
    )  # fmt: skip


def test_whole_numbers_are_ids_where_ids_are_digits():
    risk = risk_of_ids(["10001", "10002", "10003"])
    expected = risk.asset_cov(["10002", "10001"])
    for numbers in ([10002, 10001], np.array([10002, 10001]), pd.Series([10002, 10001])):
        assert risk.asset_cov(numbers).equals(expected)
    assert risk.risk_of({10001: 0.5, 10003: 0.5}).vol == risk.risk_of({"10001": 0.5, "10003": 0.5}).vol
    assert risk.risk_of(pd.Series([0.5, 0.5], [10001, 10003])).by_asset.index.tolist() == ["10001", "10003"]
    assert risk.solve(pd.Series([1.0, 2.0], [10001, 10002])).index.tolist() == ["10001", "10002"]
    with pytest.raises(MissingRiskError, match=r"no risk for 10009 \(no exposures known"):
        risk.asset_cov([10009])


@pytest.mark.parametrize("stranger", [10001.0, True, None, ("10001",)], ids=repr)
def test_what_is_neither_text_nor_a_whole_number_is_no_id(stranger):
    with pytest.raises(DataError, match=rf"assets are by asset id, a string; .* is a {type(stranger).__name__}"):
        risk_of_ids(["10001"]).asset_cov([stranger])


def test_whole_numbers_are_no_ids_where_ids_are_names():
    risk = risk_of_ids(["AAPL", "XOM"])
    with pytest.raises(DataError, match="assets are by asset id, a string; 10001 is a int"):
        risk.asset_cov([10001])
    with pytest.raises(DataError, match="holdings are by asset id, a string; 0 is a int"):
        risk.risk_of(pd.Series([0.5, 0.5]))


# What is shown


def test_a_risk_model_is_shown_in_a_line(model):
    assert repr(model.risk()) == "<risk model long as of 2024-03-08: 10 assets, 2 without a V, 5 factors, over 1 period>"
    used = model.risk(DAYS[3], "short", exposures="used", horizon=21)
    assert repr(used) == (
        "<risk model short as of 2024-03-07 with exposures of 2024-03-05: 10 assets, 2 without a V, 5 factors, over 21 periods>"
    )


def test_html_escapes_names_from_the_data(model):
    evil = "<script>alert('x')</script>&"
    risk = assemble(
        variant=evil, date=LAST, exposure_date=LAST, assets=["A"], left_out={}, columns=[evil], groups=[evil],
        exposures=np.ones((1, 1)), factors=[evil], factor_cov=np.array([[0.01]]), specific_var={"A": 0.1},
    )  # fmt: skip
    html = risk._repr_html_()
    assert "<script>" not in html
    assert html.count("&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;&amp;") == 3
    assert "<td>10.00</td>" in html
    assert "<td>long (default), short</td>" in model._repr_html_()


def test_html_of_many_factors_counts_the_rest():
    names = [f"f{n}" for n in range(50)]
    risk = assemble(
        variant="v", date=LAST, exposure_date=LAST, assets=["A"], left_out={}, columns=names, groups=["style"] * 50,
        exposures=np.ones((1, 50)), factors=names, factor_cov=np.eye(50), specific_var={"A": 0.1},
    )  # fmt: skip
    html = risk._repr_html_()
    assert "<th>f39</th>" in html
    assert "<th>f40</th>" not in html
    assert "and 10 more" in html


# Evaluation


def evaluation_rows(variant, returns):
    return [
        full_row(
            FORECAST_EVALUATION, variant=variant, kind="own", portfolio="A00", date=DAYS[n], return_date=DAYS[n + 1],
            n_forecasts=1, n_zero=0, n_left_out=0, left_out_weight=0.0, vol=0.02, realised_return=r, b=r / 0.02,
            b_squared=(r / 0.02) ** 2,
            log_var=2 * np.log(0.02), log_b_squared=2 * np.log(abs(r / 0.02)), detail=None,
        )
        for n, r in enumerate(returns)
    ]  # fmt: skip


def test_an_evaluation_is_a_row_a_kind_and_variant(tmp_path):
    write_two_releases(tmp_path)
    append(tmp_path, FORECAST_EVALUATION, [
        *evaluation_rows("short", [0.01, -0.03, 0.02, 0.04]), *evaluation_rows("other", [0.01, 0.01, 0.01, 0.01]),
    ])  # fmt: skip
    frame = open_release(tmp_path).evaluation()
    assert list(frame.index) == [("own", "short")]  # a variant that the release does not have is in no row
    assert list(frame.columns) == [name for name in KindMeasures._fields if name not in {"kind", "variant"}]
    b = np.array([0.5, -1.5, 1.0, 2.0])
    assert frame["bias"].iloc[0] == pytest.approx(np.std(b, ddof=1), rel=1e-12)
    assert (frame["n_dates"].iloc[0], frame["last_date"].iloc[0]) == (4, DAYS[3])


def test_without_an_evaluation_the_command_is_named(model, tmp_path):
    with pytest.raises(MissingRiskError, match="no forecast has been evaluated yet"):
        model.evaluation()
    write_two_releases(tmp_path)
    append(tmp_path, FORECAST_EVALUATION, evaluation_rows("other", [0.01]))
    with pytest.raises(MissingRiskError, match="no forecast has been evaluated yet; use `sigmalake evaluate`"):
        open_release(tmp_path).evaluation()
