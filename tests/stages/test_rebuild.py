"""Whatever happens to the source, an increment computes what depends on it, nothing else, and equals a rebuild."""

from datetime import timedelta

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from lakes import rows_of
from sigmalake.errors import ReleaseRefusedError
from sigmalake.lake.books import all_releases
from sigmalake.stages import regress as regress_module
from sigmalake.stages.context import Asked
from sigmalake.tables.packed import CROSS_SECTIONS, RISK_MODELS
from small_model import WINDOWS, assert_same


def dates(panel):
    return sorted(panel["date"].unique())


def test_a_second_run_writes_nothing_and_plans_nothing(built_once):
    before = built_once.versions()
    built_once.run()
    assert built_once.versions() == before
    assert not any(built_once.plan().values())


def test_dates_added_inserted_removed_and_restated_equal_a_rebuild(model, panel, built_once):
    days = dates(panel)
    other = panel[(panel["date"] != days[30]) & (panel["date"] <= days[-4])].copy()
    other.loc[(other["date"] == days[40]) & (other["asset_id"] == "A05"), "ret"] = 0.5
    weekend = days[20] + timedelta(days=(5 - days[20].weekday()))
    assert weekend not in days
    model.write(pd.concat([other, other[other["date"] == days[20]].assign(date=weekend)])).run()
    assert weekend in set(model.rows(CROSS_SECTIONS)["date"])
    model.write(panel).run()
    assert_same(model, built_once)


def test_one_more_day_computes_one_more_day(built_once, panel, tmp_path):
    model, day = built_once.copied_to(tmp_path), dates(panel)[-1]
    tomorrow = day + timedelta(days=1)
    model.write(pd.concat([panel, panel[panel["date"] == day].assign(date=tomorrow)]))
    planned = model.plan()
    assert planned["ingest"] == {day: "input changed", tomorrow: "new"}  # t-1 gets its return, t its exposures
    assert planned["regress"] == {tomorrow: "new"}
    assert planned["risk"] == {tomorrow: "new"}
    assert planned["covariance"] == {tomorrow: "new"}


def test_a_restated_return_moves_its_date_and_the_windows_that_hold_it(built_once, panel, tmp_path):
    model, days = built_once.copied_to(tmp_path), dates(panel)
    restated = panel.copy()
    restated.loc[(restated["date"] == days[40]) & (restated["asset_id"] == "A05"), "ret"] = 0.5
    planned = model.write(restated).plan()
    assert planned["ingest"] == {days[39]: "input changed"}
    assert planned["regress"] == {days[40]: "upstream changed"}
    assert sorted(planned["risk"]) == days[40:65]  # the longest window is 25 periods
    assert planned["covariance"] == {}


def test_restated_exposures_of_the_newest_date_move_no_regression(built_once, panel, tmp_path):
    model, day = built_once.copied_to(tmp_path), dates(panel)[-1]
    restated = panel.copy()
    restated.loc[restated["date"] == day, "size"] *= 1.5
    planned = model.write(restated).plan()
    assert (planned["ingest"], planned["regress"]) == ({day: "input changed"}, {})
    assert planned["risk"] == {day: "upstream changed"}  # its coverage
    assert planned["covariance"] == {day: "upstream changed"}


def test_another_half_life_recomputes_one_variant_and_nothing_before_it(built_once, tmp_path):
    model = built_once.copied_to(tmp_path)
    model.body["risk"] = {
        **WINDOWS,
        "short": {**WINDOWS["short"], "specific_var": {**WINDOWS["short"]["specific_var"], "half_life": 9}},
    }
    planned = model.plan()
    assert planned["ingest"] == planned["regress"] == {}
    assert set(planned["risk"].values()) == {"configuration changed"}


def test_other_weights_recompute_all_that_rests_on_them_and_back_again(built_once, tmp_path):
    model = built_once.copied_to(tmp_path)
    model.body["regression"] = {"weights": "equal"}
    planned = model.plan()
    assert planned["ingest"] == {}
    assert set(planned["regress"].values()) == {"configuration changed"}
    assert set(planned["risk"].values()) == {"upstream changed"}
    model.run()
    del model.body["regression"]
    model.run()
    assert_same(model, built_once)


def test_ranges_of_dates_run_by_hand_and_then_all_equal_a_rebuild(model, panel, built_once):
    days = dates(panel)
    model.write(panel)
    for stage in ("ingest", "regress", "risk"):
        model.stage(stage, Asked(None, days[45]))
    assert model.rows(CROSS_SECTIONS)["date"].max() == days[45]
    model.run()
    assert_same(model, built_once)


def test_a_stage_stopped_between_its_tables_is_finished_by_the_next_run(model, panel, built_once, monkeypatch):
    def stop(*_):
        raise RuntimeError("power cut")

    model.write(panel)
    with monkeypatch.context() as patch:
        patch.setattr(regress_module, "specific_returns", stop)
        with pytest.raises(RuntimeError, match="power cut"):
            model.run()
    assert set(model.plan()["regress"].values()) == {"an earlier run stopped before it was done"}
    model.run()
    assert_same(model, built_once)


def test_what_is_not_yet_known_moves_nothing_that_is(model, panel, built_once):
    day = dates(panel)[60]
    future = panel["date"] > day
    changed = panel.copy()
    changed.loc[future, "ret"] = changed.loc[future, "ret"] * 3 + 0.01
    changed.loc[future, "cap"] *= 2
    model.write(changed)
    for stage in ("ingest", "regress", "risk"):
        model.stage(stage)
    assert past(model, CROSS_SECTIONS, day) == past(built_once, CROSS_SECTIONS, day)
    assert past(model, RISK_MODELS, day) == past(built_once, RISK_MODELS, day)
    assert past(model, CROSS_SECTIONS, dates(panel)[61]) != past(built_once, CROSS_SECTIONS, dates(panel)[61])


def past(model, table, day):
    rows = rows_of(model.lake_folder, table)
    return rows.filter(pc.less_equal(rows.column("date"), pa.scalar(day))).to_pylist()


def test_a_release_reads_as_it_stood_after_a_restatement(built_once, panel, tmp_path):
    model = built_once.copied_to(tmp_path)
    lake = model.context().lake
    first = all_releases(lake)[-1]
    version = first.tables["cross_sections"]

    def cross_sections(version=None):
        rows = lake.columns(CROSS_SECTIONS, CROSS_SECTIONS.column_names, version=version)
        return rows.sort_by("date").to_pylist()

    before = cross_sections(version)
    restated = panel.copy()
    restated.loc[restated["date"] == dates(panel)[-1], "ret"] += 0.01 * restated["size"]
    model.write(restated).run()
    assert [release.release_id for release in all_releases(lake)] == [f"{first.as_of}.1", f"{first.as_of}.2"]
    assert cross_sections(version) == before
    assert cross_sections() != before


def test_a_refused_release_says_why_and_leaves_the_last_one(built_once, panel, tmp_path):
    model, day = built_once.copied_to(tmp_path), dates(panel)[-1]
    newest = panel[panel["date"] == day]
    after = [newest.assign(date=day + timedelta(days=n)) for n in (1, 2)]
    after[0] = after[0].iloc[:5]  # too few returns for a regression on that day, too few exposures on the day after
    model.write(pd.concat([panel, *after]))
    with pytest.raises(ReleaseRefusedError) as refused:
        model.run()
    assert f"{day + timedelta(days=2)} has 5 assets after" in str(refused.value)
    assert f"2 dates without factor returns, 0 allowed: {day + timedelta(days=1)} (too_few: " in str(refused.value)
    assert f", {day + timedelta(days=2)} (too_few: " in str(refused.value)
    assert f"{day}.1 stays the last release" in str(refused.value)
    lake = model.context().lake
    assert [release.as_of for release in all_releases(lake)] == [day]
    model.body["checks"] = {"max_coverage_drop": 1.0, "max_failed_dates": 2}
    model.run()
    assert [release.as_of for release in all_releases(lake)] == [day, day + timedelta(days=2)]
