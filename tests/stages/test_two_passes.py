"""Weights by the inverse specific variance: what Spark keeps is what two regressions by hand give, whatever way it came about."""

import numpy as np
import pandas as pd
import pyarrow.compute as pc
import pytest
from numpy.testing import assert_allclose

from lakes import rows_of
from sigmalake.stages.context import Asked
from sigmalake.tables.long import EXPOSURE_STABILITY
from sigmalake.tables.packed import CROSS_SECTIONS, FIRST_PASS
from small_model import Model, assert_same, make_model

HALF_LIFE, WINDOW, MIN_PERIODS, MAX_RATIO = 8, 20, 8, 9
RULES = {"half_life": HALF_LIFE, "window": WINDOW, "min_periods": MIN_PERIODS, "max_ratio": MAX_RATIO}
STAGES = ("ingest", "regress")


def in_two(model: Model) -> Model:
    model.body = {
        **model.body,
        "regression": {"weights": "inverse_specific_var", "two_pass": RULES},
        "risk": {},
        "covariance": None,
    }
    return model


def fitted(model: Model, **asked) -> Model:
    for stage in STAGES:
        model.stage(stage, Asked(**asked))
    return model


@pytest.fixture(scope="module")
def whole(market, tmp_path_factory) -> Model:
    """The whole market, fitted once; for reading only."""
    return fitted(in_two(make_model(market, tmp_path_factory.mktemp("two"))).write(market.panel))


def by_asset(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """A row a date, a column an asset."""
    return pd.DataFrame({row.date: pd.Series(getattr(row, column), row.asset_id, dtype=float) for row in rows.itertuples()}).T


def test_the_first_pass_is_the_regression_in_one(whole, built_once):
    first, plain = rows_of(whole.lake_folder, FIRST_PASS), rows_of(built_once.lake_folder, CROSS_SECTIONS)
    for name in FIRST_PASS.column_names:
        assert first.column(name).to_pylist() == plain.column(name).to_pylist(), name
    stability = [rows_of(model.lake_folder, EXPOSURE_STABILITY) for model in (whole, built_once)]
    assert stability[0].equals(stability[1])


def test_weights_are_the_inverse_of_pandas_variances_up_to_the_date_before(whole, panel):
    u, sections = by_asset(whole.rows(FIRST_PASS), "specific_return"), whole.rows(CROSS_SECTIONS).set_index("date")
    days = sorted(panel["date"].unique())
    told = 0
    for day in [days[1], days[5], days[15], days[30], days[-1]]:
        past = u[u.index < day].tail(WINDOW)
        a = pd.DataFrame(0.5 ** (np.arange(len(past))[::-1] / HALF_LIFE)[:, None] * past.notna(), past.index, past.columns)
        a /= a.sum()
        own = ((a * past**2).sum() - (a * past).sum() ** 2).where(past.notna().sum() >= MIN_PERIODS)
        section = sections.loc[day]
        known = panel[panel["date"] == days[days.index(day) - 1]].set_index("asset_id").reindex(section["asset_id"])
        inside, own = known["in_estimation"].astype(bool), own.reindex(section["asset_id"])
        root = np.sqrt(known["cap"])
        scale = (own * root)[inside].median() if own.notna().any() else 1
        weight = 1 / own.fillna(scale / root)
        middle = weight[inside].median()
        weight = weight.clip(middle / np.sqrt(MAX_RATIO), middle * np.sqrt(MAX_RATIO)).where(inside, 0)
        stored = pd.Series(section["weight"], section["asset_id"])
        weight = weight.where(stored > 0, 0)  # without a return an asset is not in the fit
        assert_allclose(stored, weight / weight[weight > 0].mean(), rtol=1e-9, atol=1e-15)
        residual = pd.Series(section["specific_return"], section["asset_id"]).astype(float)
        assert abs((stored * residual.fillna(0)).sum()) < 1e-12
        n_unknown = int((own.isna() & inside).sum())
        assert (f"{n_unknown} of {inside.sum()} assets without a specific variance" in section["detail"]) is (n_unknown > 0)
        told += n_unknown
    assert told > 0


def test_a_second_run_of_two_passes_writes_nothing(whole):
    before = whole.versions()
    fitted(whole)
    assert whole.versions() == before


def test_days_added_removed_and_restated_and_ranges_by_hand_equal_a_rebuild(model, panel, whole):
    days = sorted(panel["date"].unique())
    other = panel[(panel["date"] != days[30]) & (panel["date"] <= days[-4])].copy()
    other.loc[(other["date"] == days[40]) & (other["asset_id"] == "A05"), "ret"] = 0.5
    in_two(model).write(other).stage("ingest")
    model.stage("regress", Asked(days[45], days[50]))  # their windows' first passes come first
    assert (model.rows(CROSS_SECTIONS)["date"].min(), model.rows(FIRST_PASS)["date"].min()) == (days[45], days[24])
    model.stage("regress")
    fitted(model.write(panel))
    assert_same(model, whole)


def test_what_is_not_yet_known_moves_nothing_that_is(model, panel, whole):
    day = sorted(panel["date"].unique())[60]
    changed, future = panel.copy(), panel["date"] > day
    changed.loc[future, "ret"] = changed.loc[future, "ret"] * 3 + 0.01
    changed.loc[future, "cap"] *= 2
    fitted(in_two(model).write(changed))
    one, other = (rows_of(m.lake_folder, CROSS_SECTIONS) for m in (model, whole))
    past = pc.less_equal(other.column("date"), day)
    assert one.filter(past).to_pylist() == other.filter(past).to_pylist()
    assert one.filter(pc.invert(past)).column("weight") != other.filter(pc.invert(past)).column("weight")


def test_the_first_pass_goes_with_its_weighting(whole, built_once, tmp_path):
    model = whole.copied_to(tmp_path)
    del model.body["regression"]
    fitted(model)
    assert len(model.rows(FIRST_PASS)) == 0
    assert rows_of(model.lake_folder, CROSS_SECTIONS).equals(rows_of(built_once.lake_folder, CROSS_SECTIONS))
