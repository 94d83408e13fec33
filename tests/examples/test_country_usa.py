"""conf/country_usa.yaml and its variations against the closed forms, computed from the CSV file."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from sigmalake.reader.open_release import open_release

MARKET, MEMBER, REVENUE = "{market: market}", "columns: {USA: usa}", "columns: {USA: usa_share}"


def factors(*entries):
    listed = [entry if entry == MARKET else f"{{membership: country, {entry}, partial: true}}" for entry in entries]
    return f"factors=[{', '.join(listed)}]"


def difference_of_means(month):
    usa = month.usa == 1
    return {"market": month.ret[~usa].mean(), "USA": month.ret[usa].mean() - month.ret[~usa].mean()}


def slope_and_intercept(month):
    slope = np.cov(month.usa_share, month.ret)[0, 1] / np.var(month.usa_share, ddof=1)
    return {"market": month.ret.mean() - slope * month.usa_share.mean(), "USA": slope}


def mean_of_members(month):
    return {"USA": month.ret[month.usa == 1].mean()}


def weighted_slope_through_zero(month):
    return {"USA": (month.cap * month.usa_share * month.ret).sum() / (month.cap * month.usa_share**2).sum()}


CASES = {
    "as shipped": ([], difference_of_means),
    "by share, with a market": ([factors(MARKET, REVENUE)], slope_and_intercept),
    "0/1, alone": ([factors(MEMBER)], mean_of_members),
    "by share, alone, weighted by cap": ([factors(REVENUE), "regression.weights=cap"], weighted_slope_through_zero),
}


@pytest.fixture(scope="module", params=CASES)
def example(request, command_line, tmp_path_factory):
    """The example after its run, and f of each month by the closed form."""
    overrides, closed_form = CASES[request.param]
    usa = command_line("country_usa.yaml", tmp_path_factory.mktemp("country") / "lake", overrides)
    usa("run")
    panel = pd.read_csv(usa.config.parent / "data/country_usa.csv")
    days = sorted(panel.date.unique())
    expected = {}
    for before, day in pairwise(days):
        known = panel[panel.date == before].set_index("asset_id")[["cap", "usa", "usa_share"]]
        expected[pd.Timestamp(day).date()] = closed_form(known.assign(ret=panel[panel.date == day].set_index("asset_id").ret))
    return usa, pd.DataFrame(expected).T


def test_the_factor_returns_are_the_closed_form(example):
    usa, expected = example
    found = usa.table("factor_returns").pivot(index="date", columns="factor", values="factor_return")
    assert list(found.index) == list(expected.index)
    assert set(found.columns) == set(expected.columns)
    assert_allclose(found[expected.columns], expected, rtol=0, atol=1e-12)


def test_the_stored_variance_is_the_sample_variance_over_the_dates(example):
    usa, expected = example
    sigma = usa.table("factor_covariance").set_index(["date", "factor_1", "factor_2"])["covariance"][expected.index[-1]]
    assert_allclose(sigma["USA", "USA"], expected["USA"].var(ddof=1), rtol=1e-12)
    if "market" in expected:
        assert_allclose(sigma["market", "USA"], np.cov(expected["market"], expected["USA"])[0, 1], rtol=0, atol=1e-16)


def test_the_release_reads_the_same_without_spark(example):
    usa, expected = example
    model = open_release(usa.lake)
    assert_allclose(model.factor_returns()[list(expected.columns)], expected, rtol=0, atol=1e-12)
    assert_allclose(model.risk().factor_cov, np.atleast_2d(np.cov(expected[list(model.risk().factors)].T)), rtol=1e-10)
