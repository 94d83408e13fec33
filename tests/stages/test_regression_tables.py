"""What a regression says beside its returns: the market, VIF, outliers and the portfolios behind the factors, as it was stored."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from sigmalake.reader.open_release import open_release
from sigmalake.tables.long import FACTOR_PORTFOLIOS, FACTOR_RETURNS
from sigmalake.tables.packed import CROSS_SECTIONS


@pytest.fixture
def fitted(model, short):
    """A short history, with portfolios kept and returns beyond 3 robust sd left out."""
    model.write(short)
    model.body["risk"], model.body["covariance"] = {}, None
    model.body["regression"] = {"portfolios": True, "outliers_beyond": 3}
    return model.run()


def test_portfolios_times_returns_are_the_factor_returns(fitted, short):
    returns = short.set_index(["date", "asset_id"])["ret"].rename("ret")
    long = fitted.rows(FACTOR_PORTFOLIOS).join(returns, on=["date", "asset_id"])
    earned = (long["weight"] * long["ret"]).groupby([long["date"], long["factor"]]).sum()
    stored = fitted.rows(FACTOR_RETURNS).set_index(["date", "factor"])["factor_return"].dropna()
    assert len(earned) == len(stored) > 0
    assert_allclose(earned.reindex(stored.index), stored, rtol=1e-9, atol=1e-14)


def test_the_market_outliers_and_inflation_are_those_of_the_source(fitted, short):
    days = sorted(short["date"].unique())
    listed = 0
    for row in fitted.rows(CROSS_SECTIONS).itertuples():
        known = short[short["date"] == days[days.index(row.date) - 1]].set_index("asset_id")
        ret = short[short["date"] == row.date].set_index("asset_id")["ret"].reindex(known.index)
        held = known["in_estimation"] & ret.notna()
        assert_allclose(row.market_return, np.average(ret[held], weights=known["cap"][held]), rtol=1e-12)
        weight = pd.Series(row.weight, row.asset_id)
        left_out = held.index[held & (weight.reindex(held.index) == 0)]
        assert sorted(row.outliers) == sorted(left_out)
        assert len(row.outliers) == row.n_outliers
        listed += row.n_outliers
    assert listed > 0
    long = fitted.rows(FACTOR_RETURNS)
    styles = long["factor_group"] == "style"
    assert (long.loc[styles, "vif"] >= 1 - 1e-9).all()
    assert long.loc[~styles, "vif"].isna().all()


def test_portfolios_go_when_they_are_no_longer_kept(fitted):
    fitted.body["regression"] = {"outliers_beyond": 3}
    assert len(fitted.run().rows(FACTOR_PORTFOLIOS)) == 0
    assert "factor_portfolios" in open_release(fitted.lake_folder).tables
