"""conf/country_revenues.yaml by revenue and by domicile, against loops over the CSV files."""

from datetime import date
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from example_data import FOLDER
from numpy.testing import assert_allclose

from plain_revenues import plain_revenue_shares
from sigmalake.reader.open_release import open_release

BY_DOMICILE = "factors=[{market: market}, {membership: country, column: domicile, only: [USA]}]"


def dates(frame, *columns):
    return frame.assign(**{column: [date.fromisoformat(day) for day in frame[column]] for column in columns})


@pytest.fixture(scope="module")
def files():
    panel = dates(pd.read_csv(FOLDER / "country_panel.csv"), "date")
    return panel, dates(pd.read_csv(FOLDER / "country_revenues.csv"), "period_end", "known_at")


def shares_of_revenue(revenues, day, month):
    known = plain_revenue_shares(revenues, day)
    return np.array([known.get((company, "USA"), 0.0) for company in month["asset_id"]])


def slope(x, ret):
    return np.cov(x, ret)[0, 1] / np.var(x, ddof=1)


def difference_of_means(is_usa, ret):
    return ret[is_usa].mean() - ret[~is_usa].mean()


@pytest.mark.parametrize("overrides", [(), (BY_DOMICILE,)], ids=["revenue", "domicile"])
def test_the_factor_return_is_a_slope_on_shares_or_a_difference_of_means(command_line, tmp_path, files, overrides):
    panel, revenues = files
    usa = command_line("country_revenues.yaml", tmp_path / "lake", overrides)
    usa("run")
    expected = {}
    for before, day in pairwise(sorted(set(panel["date"]))):
        month = panel[panel["date"] == day]
        if overrides:
            expected[day] = difference_of_means(month["domicile"] == "USA", month["ret"])
        else:
            expected[day] = slope(shares_of_revenue(revenues, before, month), month["ret"])
    model = open_release(usa.lake)
    found = model.factor_returns()["USA"]
    assert list(found.index) == [pd.Timestamp(day) for day in expected]
    assert_allclose(found, list(expected.values()), rtol=0, atol=1e-12)
    assert usa.table("rejected_rows").empty  # also of companies elsewhere
    figure = model.plot.scatter(found.index[-1], "USA")
    assert_allclose(figure.layout.meta["slope"], found.iloc[-1], rtol=0, atol=1e-12)
