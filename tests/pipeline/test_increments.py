"""Increments: just what depends on a change is computed, and what is left equals a rebuild."""

import pandas as pd
import pytest
from built import Built, dates_written, model_of, planned, run_stages, versions, with_countries, write_parquet

from lakes import differences
from sigmalake.stages import ingest as ingest_stage
from sigmalake.stages import regress as regress_stage
from sigmalake.stages import risk as risk_stage
from sigmalake.stages.context import Asked
from sigmalake.tables.long import FACTOR_RETURNS, FACTORS, SPECIFIC_RETURNS, SPECIFIC_RISK
from sigmalake.tables.packed import CROSS_SECTIONS, PANEL, RISK_MODELS
from sigmalake.tables.records import RUNS

pytestmark = pytest.mark.jvm

LOOK_BACK = {"daily": 20, "weekly": 18, "monthly": 25}
RESTATED, DELETED, INSERTED = 30, 52, 61  # positions of dates


@pytest.fixture(scope="module")
def days(market):
    return list(market.truth.dates)


@pytest.fixture(scope="module")
def whole(market, days) -> pd.DataFrame:
    """The panel that everything ends with; one row of it has no cap, so that there is something to reject."""
    panel = with_countries(market)
    panel.loc[panel.index[(panel["date"] == days[DELETED - 1])][0], "cap"] = -1.0
    return panel


@pytest.fixture(scope="module")
def earlier(spark, whole, days, tmp_path_factory) -> Built:
    """The lake before the last two dates came, before one was inserted, one deleted and one restated."""
    folder = tmp_path_factory.mktemp("increments")
    gone = whole["date"].isin([days[INSERTED], *days[-2:]])
    panel = whole[~gone].copy()
    panel.loc[(panel["date"] == days[RESTATED]) & (panel["asset_id"] == "A07"), "ret"] += 0.02
    source = write_parquet(panel, folder / "panel.parquet")
    return run_stages(spark, Built(folder / "lake", model_of(panel, source), panel))


@pytest.fixture(scope="module")
def final_panel(whole, days) -> pd.DataFrame:
    return whole[whole["date"] != days[DELETED]]


def other_half_life(body):
    return {**body["risk"], "daily": {**body["risk"]["daily"], "specific_var": {"estimator": "ewma", "half_life": 7, "window": 15}}}


@pytest.fixture(scope="module")
def caught_up(spark, earlier, final_panel, tmp_path_factory):
    """All changes of the source at once, on the earlier lake: the lake, the versions before and the plan."""
    folder = tmp_path_factory.mktemp("caught-up")
    built = earlier.copied(folder / "lake")._replace(panel=final_panel)
    built = point_at(built, write_parquet(final_panel, folder / "panel.parquet"))
    before, foreseen = versions(built), planned(spark, built)
    run_stages(spark, built)
    return built, before, foreseen


@pytest.fixture(scope="module")
def rebuilt(spark, caught_up, tmp_path_factory) -> Built:
    built, _, _ = caught_up
    return run_stages(spark, built._replace(lake=tmp_path_factory.mktemp("rebuilt") / "lake"))


def point_at(built: Built, source) -> Built:
    panel = {**built.body["sources"]["panel"], "path": str(source)}
    return built.changed(sources={**built.body["sources"], "panel": panel})


def edited(built: Built, panel, folder) -> Built:
    """The same lake above another source."""
    return point_at(built._replace(panel=panel), write_parquet(panel, folder / "edited.parquet"))


def test_a_second_run_makes_no_version_of_any_table(spark, caught_up):
    built, _, _ = caught_up
    before = versions(built)
    run_stages(spark, built)
    assert versions(built) == before
    assert not any(planned(spark, built).values())


def test_a_source_written_again_unchanged_makes_no_version_of_any_table(spark, caught_up, tmp_path):
    built, _, _ = caught_up
    again = edited(built, built.panel.sample(frac=1, random_state=1), tmp_path)
    before = versions(again)
    run_stages(spark, again)
    assert versions(again) == before


def test_all_changes_of_a_source_leave_what_a_rebuild_leaves(caught_up, rebuilt):
    built, _, _ = caught_up
    found = [where for where in differences(built.lake, rebuilt.lake) if not where.startswith("factors")]
    assert found == []
    before, after = (lake.rows(FACTORS) for lake in (built, rebuilt))
    used = before[before["factor_set"].isin(after["factor_set"])]  # the sets of deleted dates stay
    pd.testing.assert_frame_equal(used.reset_index(drop=True), after)


def test_the_changes_are_planned_and_nothing_else_is(caught_up, days):
    _, _, foreseen = caught_up
    assert foreseen["ingest"] == {
        days[RESTATED - 1]: "input changed",
        days[DELETED - 1]: "input changed",  # its return date is now the day after
        days[DELETED]: "removed",
        days[INSERTED - 1]: "input changed",
        days[INSERTED]: "new",
        days[-3]: "input changed",  # gets its return
        days[-2]: "new",
        days[-1]: "new",
    }
    assert foreseen["regress"] == {
        days[RESTATED]: "upstream changed",
        days[DELETED]: "removed",
        days[DELETED + 1]: "upstream changed",
        days[INSERTED]: "new",
        days[INSERTED + 1]: "upstream changed",
        days[-2]: "new",
        days[-1]: "new",
    }


def test_only_planned_dates_are_written(caught_up):
    built, before, foreseen = caught_up
    for table, stage in ((PANEL, "ingest"), (CROSS_SECTIONS, "regress"), (FACTOR_RETURNS, "regress"), (SPECIFIC_RETURNS, "regress"),
                         (RISK_MODELS, "risk"), (SPECIFIC_RISK, "risk")):  # fmt: skip
        kept = {day for day, why in foreseen[stage].items() if why != "removed"}
        assert dates_written(built, table, before) == kept, table.name


def test_windows_that_hold_no_changed_date_are_not_computed(caught_up, rebuilt, days):
    _, _, foreseen = caught_up
    calendar = sorted(rebuilt.rows(CROSS_SECTIONS)["date"])
    moved = [calendar.index(day) for day in (days[RESTATED], days[DELETED + 1], days[INSERTED], days[INSERTED + 1])]
    within = {day for day in calendar for at in moved if at <= calendar.index(day) < at + max(LOOK_BACK.values())}
    daily = {day for day in calendar for at in moved if at <= calendar.index(day) < at + LOOK_BACK["daily"]}
    computed = {day for day, why in foreseen["risk"].items() if why != "removed"}
    assert daily | set(days[-2:]) <= computed <= within | set(days[-2:])


@pytest.mark.parametrize(
    ("change", "ingested"),
    [
        ("a restated cap", {RESTATED: "input changed"}),
        ("a deleted last date", {-2: "input changed", -1: "removed"}),
        ("a row removed", {RESTATED - 1: "input changed", RESTATED: "input changed"}),
    ],
)
def test_each_change_is_planned_where_it_acts(spark, base, days, tmp_path, change, ingested):
    panel = base.panel.copy()
    at = (panel["date"] == days[RESTATED]) & (panel["asset_id"] == "A07")
    if change == "a restated cap":
        panel.loc[at, "cap"] *= 1.01
    elif change == "a row removed":
        panel = panel[~at]
    else:
        panel = panel[panel["date"] != days[-1]]
    foreseen = planned(spark, edited(base, panel, tmp_path))
    assert foreseen["ingest"] == {days[position]: why for position, why in ingested.items()}


def test_the_last_dates_can_leave_again(spark, base, days, tmp_path):
    fewer = base.panel[base.panel["date"] < days[-1]]
    built = edited(base.copied(tmp_path / "lake"), fewer, tmp_path)
    run_stages(spark, built)
    assert max(built.rows(CROSS_SECTIONS)["date"]) == days[-2]
    assert max(built.rows(RISK_MODELS)["date"]) == days[-2]
    assert not any(planned(spark, built).values())


def test_a_variant_that_the_configuration_drops_leaves_the_tables(spark, base, tmp_path):
    kept = {name: variant for name, variant in base.body["risk"].items() if name != "weekly"}
    built = base.copied(tmp_path / "lake").changed(risk=kept)
    run_stages(spark, built, "risk")
    assert set(built.rows(RISK_MODELS)["variant"]) == set(built.rows(SPECIFIC_RISK)["variant"]) == {"daily", "monthly"}


def test_another_half_life_computes_that_variant_and_nothing_before_it(spark, base, tmp_path):
    built = base.copied(tmp_path / "lake")
    built = built.changed(risk=other_half_life(built.body))
    before, foreseen = versions(built), planned(spark, built)
    assert foreseen["ingest"] == foreseen["regress"] == {}
    assert set(foreseen["risk"].values()) == {"configuration changed"}
    hashes = built.rows(RISK_MODELS).set_index(["variant", "date"])["inputs_hash"]
    run_stages(spark, built, "ingest", "regress", "risk")
    after = versions(built)
    assert {name for name, version in after.items() if version != before[name]} == {
        "risk_models", "factor_covariance", "specific_risk", "risk_diagnostics", "runs",
    }  # fmt: skip
    moved = hashes != built.rows(RISK_MODELS).set_index(["variant", "date"])["inputs_hash"]
    assert set(moved[moved].index.get_level_values("variant")) == {"daily"}
    assert moved["daily"].all()


def test_other_weights_recompute_the_regressions_and_all_that_rests_on_them(spark, base, days):
    foreseen = planned(spark, base.changed(regression={"weights": "equal"}))
    assert foreseen["ingest"] == {}
    assert foreseen["regress"] == dict.fromkeys(days[1:], "configuration changed")
    assert foreseen["risk"] == dict.fromkeys(days[1:], "upstream changed")
    assert set(foreseen["covariance"].values()) == {"upstream changed"}
    assert list(foreseen["release"]) == days[-1:]


def test_other_factors_recompute_everything(spark, base, days):
    foreseen = planned(spark, base.changed(factors=base.body["factors"][:-1]))
    assert list(foreseen["ingest"]) == days
    assert foreseen["regress"] == dict.fromkeys(days[1:], "upstream changed")


def test_other_checks_only_ask_for_a_release(spark, base, days):
    foreseen = planned(spark, base.changed(checks={"min_r2": 0.1}))
    assert {stage: list(why) for stage, why in foreseen.items() if why} == {"release": days[-1:]}


def test_an_empty_lake_is_all_new(spark, base, days, tmp_path):
    foreseen = planned(spark, base._replace(lake=tmp_path / "none"))
    assert foreseen["ingest"] == dict.fromkeys(days, "new")
    assert foreseen["regress"] == foreseen["risk"] == dict.fromkeys(days[1:], "new")
    assert foreseen["covariance"] == foreseen["release"] == {days[-1]: "new"}


def test_runs_narrowed_by_dates_and_interruptions_end_in_what_one_run_leaves(spark, base, days, tmp_path, monkeypatch):
    built = base._replace(lake=tmp_path / "lake")
    middle = Asked(days[20], days[40])
    run_stages(spark, built, "ingest", "regress", "risk", asked=middle)
    assert list(built.rows(PANEL)["exposure_date"]) == days[19:41]
    assert list(built.rows(CROSS_SECTIONS)["date"]) == days[20:41]
    assert set(built.rows(RISK_MODELS)["date"]) == set(days[20:41])
    assert not any(planned(spark, built, middle)[stage] for stage in ("ingest", "regress", "risk"))

    class PowerCutError(Exception):
        """Nothing after it is written."""

    def cut(*_):
        raise PowerCutError("power cut")

    for module, name, packed in (
        (ingest_stage, "_write_rejected", PANEL),
        (regress_stage, "factor_returns", CROSS_SECTIONS),
        (risk_stage, "specific_risk", RISK_MODELS),
    ):
        stage = module.__name__.rpartition(".")[2]
        with monkeypatch.context() as patch:
            patch.setattr(module, name, cut)
            with pytest.raises(PowerCutError):
                run_stages(spark, built, stage)
        assert built.rows(RUNS).sort_values("finished_at")["status"].iloc[-1] == "failed"
        assert "an earlier run stopped before it was done" in planned(spark, built)[stage].values()
        left = versions(built)[packed.name]
        run_stages(spark, built, stage)
        if stage != "ingest":
            assert versions(built)[packed.name] == left  # what was committed is not computed again
    run_stages(spark, built)
    assert differences(built.lake, base.lake) == []
