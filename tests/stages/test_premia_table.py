"""What factors earned, written once by `evaluate`, again only when a regression changed, and read back the same."""

import pandas as pd
import pytest
from numpy.testing import assert_allclose

from sigmalake.reader.open_release import open_release
from sigmalake.stages.context import Asked
from sigmalake.stages.evaluate import run_evaluate
from sigmalake.tables.evaluation import FACTOR_PREMIA


def test_the_table_is_the_readers_premia_of_all_dates_and_follows_a_restatement(built_once, panel, tmp_path):
    model, days = built_once.copied_to(tmp_path), sorted(panel["date"].unique())
    model.body = {**model.body, "risk": {}, "covariance": None}
    outcome = run_evaluate(model.context(Asked(days[40], days[50])))  # premia are of all dates, whatever is asked
    assert (outcome.dates[0], outcome.dates[-1]) == (days[1], days[-1])
    stored = model.rows(FACTOR_PREMIA).set_index("factor")
    read = open_release(model.lake_folder).factor_premia()
    assert set(stored.index) == set(read.index)
    assert_allclose(stored[["mean", "std_error", "t_stat", "nw_std_error", "nw_t_stat"]].reindex(read.index),
                    read[["mean", "std_error", "t_stat", "nw_std_error", "nw_t_stat"]], rtol=1e-14)  # fmt: skip
    whole = ["n_periods", "nw_lags", "first_date", "last_date"]
    pd.testing.assert_frame_equal(stored[whole].reindex(read.index), read[whole], check_dtype=False)
    version = model.versions()["factor_premia"]
    assert run_evaluate(model.context()) is None
    assert model.versions()["factor_premia"] == version
    known = panel[panel["date"] == days[39]].set_index("asset_id")["size"]
    shift = panel["asset_id"].map(known).where(panel["date"] == days[40], 0.0).fillna(0.0)
    model.write(panel.assign(ret=panel["ret"] + 0.01 * shift))
    for stage in ("ingest", "regress"):
        model.stage(stage)
    run_evaluate(model.context())
    again = model.rows(FACTOR_PREMIA).set_index("factor")
    moved = (again["mean"] - stored["mean"]).dropna()
    assert moved.idxmax() == "size"
    assert again.index.equals(stored.index)
    assert moved["size"] == pytest.approx(0.01 / (len(days) - 1), rel=1e-6)
