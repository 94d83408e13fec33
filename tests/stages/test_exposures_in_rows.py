"""X in rows: what the reader's frames say, written where the configuration asks for it, a date at a time."""

import shutil

import numpy as np
import pytest

from lakes import rows_of
from sigmalake.reader.open_release import open_release
from sigmalake.stages.queries.check import check
from sigmalake.tables.long import EXPOSURES
from sigmalake.tables.packed import PANEL
from sigmalake.tables.records import RUNS
from small_model import Model, assert_same

N_DATES = 40
RISK = {
    "short": {
        "factor_cov": {"estimator": "sample", "window": 10, "min_periods": 5},
        "specific_var": {"estimator": "sample", "window": 10, "min_periods": 4},
    }
}


@pytest.fixture(scope="module")
def frame(panel):
    return panel[panel["date"].isin(sorted(panel["date"].unique())[:N_DATES])].reset_index(drop=True)


@pytest.fixture
def asked(model, frame) -> Model:
    model.body |= {"risk": RISK, "covariance": None, "long_tables": {"exposures": True}}
    model.body["factors"][2] = {"styles": {"size": {}, "value": {"missing": "zero"}}}
    return model.write(frame.assign(value=frame["value"].where(frame.index % 7 > 0)))


def held(model) -> dict[object, int]:
    return rows_of(model.lake_folder, EXPOSURES).column("date").to_pandas().value_counts().to_dict()


def test_the_rows_are_the_frames_of_the_reader_element_by_element(asked):
    asked.run()
    opened, rows = open_release(asked.lake_folder), asked.rows(EXPOSURES)
    days = sorted(asked.rows(PANEL)["exposure_date"])
    assert sorted(rows["date"].unique()) == days
    for day in days:
        of_date = rows[rows["date"] == day]
        X = opened.exposures(day)
        wide = of_date.pivot(index="asset_id", columns="factor", values="exposure").reindex(index=X.index, columns=X.columns)
        np.testing.assert_array_equal(wide.fillna(0.0), X)
        assert (X.to_numpy()[wide.isna().to_numpy()] == 0).all()
        assert len(of_date) == wide.notna().to_numpy().sum()
    packed = asked.rows(PANEL).set_index("exposure_date")
    assert rows[rows["filled"]].groupby("date").size().to_dict() == packed["n_filled"].to_dict()
    of_rows = rows.drop_duplicates("date").set_index("date")["return_date"]
    assert of_rows.dropna().to_dict() == packed["return_date"].dropna().to_dict()
    assert of_rows.isna().sum() == 1
    assert not check(asked.context().lake, asked.config, deep=True).problems


def test_a_new_and_a_restated_day_are_a_rebuild_and_write_no_other(asked, frame, tmp_path):
    days = sorted(frame["date"].unique())
    asked.write(frame[frame["date"] < days[-1]]).run()
    changed = frame.copy()
    changed.loc[(frame["date"] == days[5]) & (frame["asset_id"] == "A05"), "size"] = 1.5
    asked.write(changed).run()
    lake = asked.context().lake
    spans = [(span.first, span.last) for span in lake.commits(EXPOSURES, None)[-1].ranges]
    assert spans == [(days[5], days[5]), (days[-2], days[-1])]
    again = Model(asked.folder, asked.market, {**asked.body, "lake": str(tmp_path / "again")}).run()
    assert_same(asked, again)
    assert asked.plan()["ingest"] == {}


def test_what_is_asked_for_later_is_written_without_a_look_at_the_sources(asked, tmp_path):
    asked.body["long_tables"] = {}
    asked.run()
    assert not (asked.lake_folder / "exposures").exists()
    panel_before = asked.versions()["panel"]
    asked.body["long_tables"] = {"exposures": True}
    assert set(asked.plan()["ingest"].values()) == {"configuration changed"}
    (asked.folder / "panel.parquet").touch()  # another version, the same rows
    asked.run()
    assert asked.versions()["panel"] == panel_before
    assert set(held(asked)) == set(asked.rows(PANEL)["exposure_date"])
    assert "exposures" in open_release(asked.lake_folder).tables
    before = asked.versions()
    asked.run()
    assert asked.versions() == before


def test_switched_off_the_table_is_emptied_and_switched_on_again_it_is_whole(asked):
    asked.run()
    rows = held(asked)
    for wanted, expected in (({}, {}), ({"exposures": True}, rows)):
        asked.body["long_tables"] = wanted
        asked.run()
        assert held(asked) == expected
        assert not any(asked.plan().values())
        assert not check(asked.context().lake, asked.config, deep=True).problems


def test_a_table_that_is_lost_is_written_again_and_a_foreign_delete_is_undone(asked):
    from deltalake import DeltaTable

    asked.run()
    rows = held(asked)
    shutil.rmtree(asked.lake_folder / "exposures")
    asked.run()
    assert held(asked) == rows
    DeltaTable(str(asked.lake_folder / "exposures")).delete("factor = 'size'")
    asked.run()
    assert held(asked) == rows
    assert "verify" in set(asked.rows(RUNS)["stage"])
