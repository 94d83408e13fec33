"""The stage `quality` on generated markets: planted defects are found where they are, and a clean market warns of nothing."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from lakes import differences
from sigmalake.demo.market import generate_market
from sigmalake.errors import DataError, ReleaseRefusedError
from sigmalake.lake.books import all_releases
from sigmalake.numerics.quality.rules import QualityRules
from sigmalake.stages.context import Asked
from sigmalake.stages.queries.quality_summary import spoken_warnings
from sigmalake.stages.queries.validate import validate
from sigmalake.stages.sources.quality_counts import year_before
from sigmalake.tables.packed import PANEL
from sigmalake.tables.quality import DATA_QUALITY
from sigmalake.tables.records import RUNS
from sigmalake.tasks.quality.rows import Finding, Measured, quality_table
from small_model import make_model

LOUD = ["warn", "stop"]


def measure(rows, name, day=None):
    """The rows of a measure, or the one of a date."""
    found = rows[rows["measure"] == name]
    return found if day is None else found[found["date"] == day].iloc[0]


def names(row):
    return [one["name"] for one in row["found"]]


def without_covariance(model, **quality):
    body = {name: value for name, value in model.body.items() if name not in {"risk", "covariance"}}
    model.body = {**body, "checks": {"quality": quality}}
    return model


@pytest.fixture(scope="session")
def days(panel):
    return sorted(panel["date"].unique())


def set_return(frame, day, asset, value):
    frame.loc[(frame["date"] == day) & (frame["asset_id"] == asset), "ret"] = value


@pytest.fixture(scope="session")
def steady(panel, days):
    """Assets that are there on every date, with a return on all but the first."""
    counts = panel.groupby("asset_id")["ret"].count()
    return sorted(counts.index[counts == len(days) - 1])


@pytest.fixture(scope="session")
def spoilt(panel, days, steady):
    """The panel with one defect of each kind, and where it is."""
    frame = panel.copy()
    at = {"zeros": (steady[0], days[45:50]), "tick": (steady[1], days[50]), "jump": (steady[2], days[55])}
    for day in at["zeros"][1]:
        set_return(frame, day, at["zeros"][0], 0.0)
    set_return(frame, days[50], steady[1], -0.5)
    set_return(frame, days[51], steady[1], 1.0)
    set_return(frame, days[55], steady[2], 3.0)
    later = frame["date"] >= days[60]
    frame.loc[later & (frame["asset_id"] == steady[3]), "cap"] *= 2.0  # a split that its return knows nothing of
    frame.loc[later & (frame["asset_id"] == steady[4]), "cap"] *= 1.3
    still = (frame["asset_id"] == steady[5]) & frame["date"].isin(days[61:67])
    frame.loc[still, "cap"] = frame.loc[still, "cap"].iloc[0]
    style = frame.columns[list(frame.columns).index("in_estimation") - 1]
    frame.loc[(frame["date"] == days[70]) & (frame["asset_id"] == steady[6]), style] += 6.0
    frame.loc[(frame["date"] == days[72]) & (frame["asset_id"] == steady[7]), "ret"] = np.inf
    frame = frame[~((frame["date"] == days[75]) & frame["asset_id"].isin(steady[8:16]))]
    return frame, style


@pytest.fixture(scope="session")
def spoilt_rows(market, spoilt, tmp_path_factory):
    model = without_covariance(make_model(market, tmp_path_factory.mktemp("spoilt")))
    return model.write(spoilt[0]).run().rows(DATA_QUALITY)


def test_planted_defects_are_found_with_date_and_asset(spoilt_rows, spoilt, days, steady):
    rows, style = spoilt_rows, spoilt[1]
    stale = measure(rows, "stale_prices", days[49])
    assert (names(stale), stale["severity"]) == ([steady[0]], "note")  # one of 54 returns is below the warning
    assert stale["found"][0]["detail"] == f"0 since {days[45]}"
    tick = measure(rows, "bad_ticks", days[51])
    assert (names(tick), tick["value"], tick["severity"]) == ([steady[1]], 1.0, "warn")
    assert tick["found"][0]["value"] == pytest.approx(-0.5)
    assert tick["found"][0]["detail"] == f"on {days[50]}, then +1"
    jump = measure(rows, "jumps", days[55])
    assert (names(jump), jump["severity"]) == ([steady[2]], "warn")
    assert not names(measure(rows, "jumps", days[51]))  # what takes a jump back is the tick's
    split = measure(rows, "splits", days[60])
    assert (names(split), split["severity"]) == ([steady[3]], "warn")
    assert split["found"][0]["value"] == pytest.approx(2.0, rel=0.01)
    assert names(measure(rows, "cap_moves", days[60])) == [steady[4]]
    assert names(measure(rows, "stale_caps", days[66])) == [steady[5]]
    moved = measure(rows, "exposure_moves", days[70])
    assert names(moved) == [steady[6]]
    assert moved["found"][0]["detail"].startswith(f"{style}: ")
    rejected = rows[(rows["measure"] == "rejected") & (rows["source"] == "panel.returns") & (rows["date"] == days[72])].iloc[0]
    assert (rejected["n_found"], names(rejected)) == (1, ["ret not finite"])
    assert rejected["value"] == pytest.approx(1 / rejected["n_checked"])
    coverage = rows[(rows["measure"] == "coverage_day") & (rows["date"] == days[75])]
    assert set(coverage["severity"]) == {"warn"}


def test_planted_defects_are_found_once(spoilt_rows, days):
    loud = spoilt_rows[spoilt_rows["severity"].isin(LOUD) & (spoilt_rows["measure"] != "thin_factors")]
    beside_caps = {("splits", day) for day in (days[50], days[51], days[55])}  # the caps did not follow
    assert set(zip(loud["measure"], loud["date"], strict=True)) == beside_caps | {
        ("bad_ticks", days[51]), ("jumps", days[55]), ("splits", days[60]), ("coverage_day", days[75])
    }  # fmt: skip


def test_what_is_measured_knows_nothing_of_later_dates(market, spoilt, spoilt_rows, days, tmp_path):
    frame, _ = spoilt
    model = without_covariance(make_model(market, tmp_path)).write(frame[frame["date"] <= days[50]]).run()
    rows = model.rows(DATA_QUALITY)
    assert rows.equals(spoilt_rows[spoilt_rows["date"] <= days[50]].reset_index(drop=True)) or rows.to_dict() == (
        spoilt_rows[spoilt_rows["date"] <= days[50]].reset_index(drop=True).to_dict()
    )


def test_rows_add_up_to_those_of_the_source(spoilt_rows, spoilt):
    frame, _ = spoilt
    counts = frame.groupby("date").size()
    rows = measure(spoilt_rows, "rows")
    for source, skip in (("panel.exposures", 0), ("panel.returns", 1)):  # returns of the first date have no exposures before them
        found = rows[rows["source"] == source].set_index("date")["value"].sort_index()
        assert found.tolist() == counts.tolist()[skip:], source


def test_a_clean_market_warns_of_nothing(tmp_path):
    """300 names, 260 dates, 69,000 returns: no jump, tick, stale price or cap, split or move; the rate of false positives is 0."""
    market = generate_market(n_assets=300, n_dates=260, n_industries=6, n_styles=4, seed=11)
    model = without_covariance(make_model(market, tmp_path)).write(market.panel).run()
    rows = model.rows(DATA_QUALITY)
    assert not len(rows[rows["severity"].isin(LOUD)])
    defects = rows[~rows["measure"].isin(["rows", "rejected", "coverage_day", "coverage_year"])]
    assert defects["n_found"].sum() == 0
    assert measure(rows, "bad_ticks")["n_checked"].sum() > 69_000


def test_increments_equal_a_rebuild(market, spoilt, days, tmp_path):
    frame, _ = spoilt
    (tmp_path / "one").mkdir()
    (tmp_path / "other").mkdir()
    other = without_covariance(make_model(market, tmp_path / "one")).write(frame[frame["date"] <= days[48]]).run()
    restated = frame[(frame["date"] <= days[66]) & (frame["date"] != days[20])].copy()
    set_return(restated, days[30], "A05", 0.0)
    other.write(restated).run().write(frame).run()
    whole = without_covariance(make_model(market, tmp_path / "other")).write(frame).run()
    assert not differences(other.lake_folder, whole.lake_folder, [DATA_QUALITY])


def test_one_more_day_measures_one_more_day(built_once, panel, days, tmp_path):
    model, tomorrow = built_once.copied_to(tmp_path), days[-1] + timedelta(days=1)
    model.write(pd.concat([panel, panel[panel["date"] == days[-1]].assign(date=tomorrow)]))
    assert model.plan()["quality"] == {tomorrow: "new"}


def test_a_restated_return_moves_the_dates_whose_windows_hold_it(built_once, panel, days, tmp_path):
    model, restated = built_once.copied_to(tmp_path), panel.copy()
    set_return(restated, days[40], "A05", 0.5)
    reads = model.config.checks.quality.reads
    assert sorted(model.write(restated).plan()["quality"]) == days[40 : 40 + reads]


def test_a_stop_ends_the_run_before_a_regression_and_names_date_asset_and_value(market, spoilt, days, steady, tmp_path):
    model = without_covariance(make_model(market, tmp_path), bad_ticks={"stop": 0}).write(spoilt[0])
    said = (
        f"data quality of panel.returns on {days[51]}: bad_ticks: {steady[1]} -0.5, on {days[50]}, then \\+1; "
        "checks.quality.bad_ticks.stop is 0. Mend the source, raise checks.quality.bad_ticks.stop, or set "
        "checks.quality.stops_from after the date; nothing is released"
    )
    for _ in range(2):  # also where all is measured already
        with pytest.raises(DataError, match=said) as stopped:
            model.run()
        assert stopped.value.exit_code == 1
    runs = model.rows(RUNS)
    assert runs[runs["stage"] == "quality"]["status"].tolist() == ["failed", "failed"]
    assert "regress" not in set(runs["stage"])
    assert measure(model.rows(DATA_QUALITY), "bad_ticks", days[51])["severity"] == "stop"


def test_a_stop_is_lifted_by_its_threshold_by_a_date_and_by_the_source(market, panel, spoilt, days, tmp_path):
    model = without_covariance(make_model(market, tmp_path), bad_ticks={"stop": 0}).write(spoilt[0])
    with pytest.raises(DataError, match="bad_ticks"):
        model.run()
    without_covariance(model, bad_ticks={"stop": 0}, stops_from=days[52]).run()
    without_covariance(model, bad_ticks={"stop": 1}).run()
    assert len(all_releases(model.context().lake)) == 2
    with pytest.raises(DataError, match="bad_ticks"):
        without_covariance(model, bad_ticks={"stop": 0}).run()
    model.write(panel).run()


def test_stages_by_hand_refuse_a_release_that_a_stop_or_a_date_not_measured_forbids(market, spoilt, tmp_path):
    model = without_covariance(make_model(market, tmp_path)).write(spoilt[0])
    for stage in ("ingest", "regress"):
        model.stage(stage)
    with pytest.raises(ReleaseRefusedError, match="complete: the quality of 80 dates is behind the panel"):
        model.stage("release")
    model.stage("quality")
    without_covariance(model, bad_ticks={"stop": 0})
    with pytest.raises(DataError, match="bad_ticks"):
        model.stage("quality")
    with pytest.raises(ReleaseRefusedError, match=r"data_quality: data quality of panel\.returns"):
        model.stage("release")


def test_a_part_of_the_dates_is_measured_with_the_panel(market, panel, days, tmp_path):
    model = without_covariance(make_model(market, tmp_path)).write(panel).run(Asked(days[30], days[60]))
    measured = set(model.rows(DATA_QUALITY)["date"])
    assert measured == set(model.rows(PANEL)["exposure_date"])
    model.run()
    assert set(model.rows(DATA_QUALITY)["date"]) == set(days)


def test_a_warning_is_said_once(market, spoilt, days, tmp_path):
    model, said = without_covariance(make_model(market, tmp_path)).write(spoilt[0]), []
    context = model.context
    model.context = lambda asked=None: _saying(context(asked), said)
    model.run().run()
    loud = [line for line in said if line.startswith("warning: data quality")]
    assert len([line for line in loud if "bad_ticks" in line]) == 1
    assert f"warning: data quality of panel.returns on {days[51]}: bad_ticks" in "\n".join(loud)
    assert len(loud) <= 8


def _saying(context, said):
    return replace(context, say=said.append)


def test_validate_says_what_a_run_would_say_and_writes_nothing(market, spoilt, spoilt_rows, tmp_path):
    model = without_covariance(make_model(market, tmp_path)).write(spoilt[0])
    found = validate(model.context())
    loud = spoilt_rows[spoilt_rows["severity"].isin(LOUD)]
    assert len([line for line in found.warnings if line.startswith("data quality")]) == loud.groupby(["source", "measure"]).ngroups
    assert f": {len(loud)} warnings, " in found.quality
    assert not (tmp_path / "lake").exists()


def test_a_year_before_the_first_date_of_all_calendars_is_none():
    calendar = [date.min, date.min + timedelta(days=364), date.min + timedelta(days=365), date.max]
    assert [year_before(calendar, position) for position in range(4)] == [None, None, 0, 2]


def test_a_warning_of_a_value_beyond_all_numbers_names_the_asset():
    far = Finding("A05", np.inf, "cap x inf, return +0.01", np.inf)
    row = Measured(date(2024, 1, 2), "-", "panel.exposures", "splits", 1.0, 9, 1, [far])
    (warning,) = spoken_warnings(quality_table([row], QualityRules()))
    assert warning.endswith("splits: A05, cap x inf, return +0.01")
