"""Realised attribution from a lake: sums, gaps, point in time, and the exposures that the regression used."""

import numpy as np
import pandas as pd
import pytest
from deltalake import DeltaTable
from numpy.testing import assert_allclose, assert_array_equal

from plain_lake import replace
from plain_market import exposures_of, factors_of, write_market_lake
from sigmalake.demo.market import generate_market
from sigmalake.errors import DataError, MissingRiskError
from sigmalake.numerics.regression.rules import RegressionRules
from sigmalake.reader.factor_model import FactorModel
from sigmalake.reader.open_release import open_release
from sigmalake.reader.storage.delta_tables import DeltaTables, ledger_of
from sigmalake.tables.packed import CROSS_SECTIONS

N_DATES = 40  # more than are read at once


@pytest.fixture(scope="module")
def market():
    return generate_market(n_assets=50, n_dates=N_DATES, n_industries=5, n_styles=2, seed=3)


@pytest.fixture(scope="module")
def lake(tmp_path_factory, market):
    """Industries with few members leave the regressions, and their shares go to the others."""
    root = tmp_path_factory.mktemp("attribution")
    write_market_lake(root, market, ["short"], RegressionRules(thin="drop", min_members=5.5, min_assets=20))
    return root


@pytest.fixture(scope="module")
def model(lake):
    return open_release(lake)


@pytest.fixture(scope="module")
def returns(market):
    return market.panel.pivot(index="date", columns="asset_id", values="ret")


@pytest.fixture(scope="module")
def all_equal(market):
    ids = market.truth.asset_ids
    return pd.Series(1 / len(ids), ids)


@pytest.fixture(scope="module")
def attributed(model, all_equal):
    return model.attribution(all_equal, missing="leave_out")


def complete(returns):
    """Assets with every return but the first date's, which nobody has."""
    return list(returns.columns[returns.iloc[1:].notna().all()])


def test_every_date_sums_to_the_return_of_the_portfolio(attributed, market, returns, all_equal):
    days = sorted(market.panel["date"].unique())
    closes = dict(zip(days[1:], days[:-1], strict=True))
    assert list(attributed.returns.index.date) == days[1:]
    for day, found in zip(days[1:], attributed.returns, strict=True):
        listed = set(market.panel.loc[market.panel["date"] == closes[day], "asset_id"])
        expected = sum(all_equal[a] * r for a, r in returns.loc[day].items() if a in listed and np.isfinite(r))
        assert found == pytest.approx(expected, rel=1e-12)
    assert_allclose(attributed.parts.sum(axis=1), attributed.returns, rtol=1e-12, atol=1e-16)


def test_the_dropped_industries_shares_count_where_the_regression_put_them(attributed, model, market, returns):
    day = model.calendar()[-1]
    dropped = [f"ind_{name}" for name, f in model.factor_returns().loc[day].items() if np.isnan(f)]
    u = model.cross_section(day)["specific_return"]
    shares = model.panel(return_date=day)[[name.removeprefix("ind_") for name in dropped]].sum(axis=1)
    assert ((shares > 0) & (shares < 1) & np.isfinite(u)).any()  # an asset has others to take its shares
    assert (attributed.parts["unexplained"] != 0).any()  # and another has none
    held = pd.Series(0.1, complete(returns)[:10])
    found = model.attribution(held, missing="leave_out")
    assert_allclose(found.returns, returns[held.index].iloc[1:] @ held, rtol=1e-12)
    assert_allclose(found.parts.sum(axis=1), found.returns, rtol=1e-12)


def test_a_factors_part_is_the_exposure_at_the_close_before_times_its_return(model, market, returns):
    factors = factors_of(market)
    days = sorted(market.panel["date"].unique())
    known = [
        asset
        for asset in complete(returns)
        if all(np.isfinite(model.cross_section(d)["specific_return"][asset]) for d in days[-3:-1])
    ]
    held = pd.Series([0.6, -0.4], known[:2])
    found = model.attribution(held, days[-3], days[-2])
    f = model.factor_returns()
    for close, day in zip(days[-4:-2], days[-3:-1], strict=True):
        rows = market.panel[market.panel["date"] == close].set_index("asset_id").loc[held.index]
        x = held.to_numpy() @ exposures_of(rows, factors)
        styles = [n for n, factor in enumerate(factors) if factor.kind == "style" or factor.name == "market"]
        names = [factors[n].name for n in styles]
        assert_allclose(found.exposures.loc[str(day), names], x[styles], rtol=1e-12)
        assert_allclose(found.parts.loc[str(day), names], x[styles] * f.loc[str(day), names], rtol=1e-12)


def test_specific_returns_are_those_of_the_regressions(attributed, model, all_equal):
    day = attributed.returns.index[5]
    u = model.cross_section(day)["specific_return"]
    assert attributed.parts.loc[day, "specific"] == pytest.approx((u * all_equal.reindex(u.index)).sum(), rel=1e-12)
    assert attributed.specific_by_asset.sum() == pytest.approx(attributed.parts["specific"].sum(), rel=1e-10)


def test_over_the_period_parts_are_summed_and_linked(attributed):
    assert attributed.summed.sum() == pytest.approx(attributed.returns.sum(), rel=1e-10)
    assert_allclose(attributed.summed, attributed.parts.sum(), rtol=1e-14)
    assert attributed.linked.sum() == pytest.approx((1 + attributed.returns).prod() - 1, rel=1e-10)


def test_gaps_are_listed_once_for_every_date_and_holding(attributed, model, market, returns, all_equal):
    days = sorted(market.panel["date"].unique())
    expected = {}
    for day in days[1:]:
        u = model.cross_section(day)["specific_return"]
        for asset in all_equal.index:
            if asset not in u.index:
                expected[day, asset] = "no exposures at the close before"
            elif np.isnan(returns.loc[day, asset]):
                expected[day, asset] = "no return"
            elif np.isnan(u[asset]):
                expected[day, asset] = "no specific return: a factor of its own has no return"
    found = {(row.date, row.asset_id): row.reason for row in attributed.gaps.itertuples()}
    assert found == expected
    assert len(attributed.gaps) == len(expected)
    assert len(set(expected.values())) == 3
    assert (attributed.gaps["weight"] == all_equal.iloc[0]).all()


def test_gaps_are_an_error_unless_they_may_be_left_out(model, all_equal, attributed):
    with pytest.raises(MissingRiskError, match=rf"{len(attributed.gaps)} holdings have gaps: A\d+ on .* and \d+ more"):
        model.attribution(all_equal)


def test_weights_by_date_are_those_of_the_close_before(model, market, returns):
    days = sorted(market.panel["date"].unique())
    one, two = complete(returns)[:2]
    weights = pd.DataFrame(0.0, pd.to_datetime(days[:-1]), [one, two])
    weights.loc[:, one] = 1.0
    weights.iloc[4:] = [0.0, 2.0]
    found = model.attribution(weights, missing="leave_out")
    expected = np.where(np.arange(N_DATES - 1) < 4, returns[one].iloc[1:], 2 * returns[two].iloc[1:])
    assert_allclose(found.returns, expected, rtol=1e-12)


def test_the_future_moves_no_date_before_it(model, lake, returns, market, tmp_path_factory):
    held = pd.Series(0.1, complete(returns)[:10])
    day = pd.Timestamp(sorted(market.panel["date"].unique())[20])
    other = tmp_path_factory.mktemp("future")
    changed = market.panel.copy()
    later = changed["date"] >= day.date()
    changed.loc[later, "ret"] *= -2
    changed.loc[later, "size"] += 1
    write_market_lake(
        other, market._replace(panel=changed), ["short"], RegressionRules(thin="drop", min_members=5.5, min_assets=20)
    )
    before, after = (open_release(root).attribution(held, missing="leave_out").parts for root in (lake, other))
    assert_array_equal(before[before.index < day], after[after.index < day])
    assert (before.loc[day:] != after.loc[day:]).any(axis=None)


def test_weights_that_lack_a_close_or_have_it_twice_are_refused(model, market, returns):
    days = sorted(market.panel["date"].unique())
    weights = pd.DataFrame(1.0, days[1:], complete(returns)[:1])
    with pytest.raises(DataError, match=f"the holdings have no row for 1 closes of the period, the first {days[0]}"):
        model.attribution(weights)
    with pytest.raises(DataError, match=f"the holdings have {days[1]} twice; give a row a close"):
        model.attribution(pd.concat([weights, weights]))
    weights.loc[days[3]] = np.nan
    with pytest.raises(DataError, match=f"1 of 1 holdings of {days[3]} are not finite numbers"):
        model.attribution(weights, days[3])


def test_a_period_without_returns_is_answered_with_the_nearest_date(model, market):
    last = sorted(market.panel["date"].unique())[-1]
    with pytest.raises(MissingRiskError, match=f"the panel has no returns from 2030-01-01 to the last; nearest: {last}"):
        model.attribution({"A01": 1.0}, "2030-01-01")


def test_a_panel_whose_returns_are_not_the_regressions_is_told(tmp_path, market, all_equal):
    write_market_lake(tmp_path, market, ["short"], RegressionRules(min_assets=20))
    day = open_release(tmp_path).calendar()[7].date()
    rows = DeltaTable(tmp_path / "cross_sections").to_pyarrow_table().to_pylist()
    row = next(row for row in rows if row["date"] == day)
    wrong = row | {"specific_return": [None if u is None else u + 0.01 for u in row["specific_return"]]}
    version = replace(tmp_path, CROSS_SECTIONS, [wrong], f"date = '{day}'")
    release = ledger_of(str(tmp_path)).releases[-1]
    tables = DeltaTables(str(tmp_path), release.release_id, release.tables | {"cross_sections": version})
    model = FactorModel(tables, as_of=release.as_of, variants=release.variants, release_id=release.release_id)
    with pytest.raises(DataError, match=rf"{day}: X f \+ u is not r for \d+ of \d+ assets, by 0.01 at most; the release is incon"):
        model.attribution(all_equal, missing="leave_out")
