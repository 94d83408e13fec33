"""Tails, replays and reverse stress of a model's holdings, against numpy, scipy and the tables themselves."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
import scipy
from numpy.testing import assert_allclose

from sigmalake.errors import ConfigError, DataError, MissingRiskError
from sigmalake.reader.open_release import open_release
from sigmalake.reader.portfolios.replay import parse_periods, read_periods

H = {"A001": 0.5, "A002": -0.2, "A003": 0.4, "A004": 0.1}


@pytest.fixture(scope="module")
def model(plain_market_lake):
    return open_release(plain_market_lake)


@pytest.fixture(scope="module")
def risk(model):
    return model.risk(variant="ewma")


@pytest.fixture(scope="module")
def returns(model):
    return model.factor_returns()


def past_losses(risk, returns, horizon=1):
    """By hand: -sqrt(n) x'f of the dates up to the model's."""
    x = risk.risk_of(H).exposures
    past = returns.loc[: str(risk.date)]
    return np.array([-np.sqrt(horizon) * sum(x[name] * row[name] for name in x.index) for _, row in past.iterrows()])


@pytest.mark.parametrize("level", [0.9, 0.95])
@pytest.mark.parametrize("horizon", [1, 10])
def test_the_tails_are_those_of_numpy_and_scipy(model, returns, level, horizon):
    risk = model.risk(variant="ewma", horizon=horizon)
    report, losses = risk.risk_of(H), past_losses(risk, returns, horizon)
    assert risk.var(H, level) == pytest.approx(scipy.stats.norm.ppf(level, scale=report.vol), rel=1e-12)
    alone = risk.var(H, level, "history_of_factors", factor_returns=returns)
    assert alone == pytest.approx(np.quantile(losses, level, method="inverted_cdf"), rel=1e-10)
    both = risk.var(H, level, "history", factor_returns=returns)
    assert scipy.stats.norm.cdf(both, losses, report.specific_vol).mean() == pytest.approx(level, abs=1e-9)
    for method in ("normal", "history", "history_of_factors"):
        assert risk.expected_shortfall(H, level, method, factor_returns=returns) > risk.var(
            H, level, method, factor_returns=returns
        )


def test_history_ends_at_the_date_of_the_risk(model, returns):
    early = model.risk(model.dates("ewma")[0], "ewma")
    changed = returns.copy()
    changed.loc[pd.Timestamp(early.date) + pd.Timedelta(1, "D") :] = -0.5
    found, expected = (early.tail_risk(H, (0.9,), factor_returns=given) for given in (changed, returns))
    assert found.tails == expected.tails
    assert found.losses.index[-1].date() == early.date


def test_a_date_that_lacks_a_needed_factor_is_left_out_and_counted(risk, returns):
    changed = returns.copy()
    changed.iloc[4, returns.columns.get_loc("market")] = np.nan
    found = risk.tail_risk(H, (0.9,), factor_returns=changed)
    assert list(found.left_out_dates) == [returns.index[4]]
    assert found.losses.size == returns.loc[: str(risk.date)].shape[0] - 1


def test_a_history_that_is_too_short_says_how_long_it_must_be(risk, returns):
    with pytest.raises(MissingRiskError, match=r"the history has \d+ dates; the level 0.999 needs at least 1000"):
        risk.var(H, 0.999, "history", factor_returns=returns)
    assert risk.tail_risk(H, (0.999,), factor_returns=returns).tails[0].history is None
    with pytest.raises(DataError, match=r"give factor_returns=model.factor_returns\(\)"):
        risk.var(H, method="history")
    with pytest.raises(DataError, match="method is 'historic'; give 'normal', 'history'"):
        risk.var(H, method="historic", factor_returns=returns)
    with pytest.raises(MissingRiskError, match="there are no factor returns from 2099-01-01 to"):
        risk.tail_risk(H, factor_returns=returns, start="2099-01-01")


@pytest.mark.parametrize(
    ("level", "meant"), [(95, "if it is a percentage, give 0.95"), (0.05, "give 0.95"), (1.0, "usual"), (-1, "usual")]
)
def test_a_level_that_is_no_probability_is_questioned(risk, level, meant):
    with pytest.raises(DataError, match=meant):
        risk.var(H, level)
    with pytest.raises(DataError, match=meant):
        risk.expected_shortfall(H, level)


def test_months_are_compounded_for_a_model_by_month(risk, returns):
    from dataclasses import replace

    monthly = replace(risk, frequency="month")
    found = monthly.tail_risk(H, (0.5,), factor_returns=returns).losses
    x = risk.risk_of(H).exposures
    whole = [group for _, group in returns.loc[: str(risk.date)].groupby(lambda day: (day.year, day.month))][1:]
    slow = [-(x * ((1 + month[x.index]).prod() - 1)).sum() for month in whole]
    assert_allclose(found.to_numpy(), slow[: found.size], rtol=1e-10)
    assert found.size >= len(slow) - 1  # the last month may go on


# Replays


def test_a_replay_is_the_exposures_times_the_stored_returns(risk, returns):
    start, end = returns.index[9].date(), returns.index[29].date()
    found = risk.replay(H, returns, start, end)
    x = risk.risk_of(H).exposures
    daily = [sum(x[name] * row[name] for name in x.index) for _, row in returns.iloc[10:30].iterrows()]
    assert_allclose(found.returns.to_numpy(), daily, rtol=1e-11, atol=1e-16)
    assert found.summed == pytest.approx(sum(daily), rel=1e-11)
    assert found.linked == pytest.approx(np.prod(1 + np.array(daily)) - 1, rel=1e-11)
    assert found.by_factor.sum() == pytest.approx(found.summed, rel=1e-12)
    assert found.linked_by_factor.sum() == pytest.approx(found.linked, rel=1e-12)
    value = [1.0]
    for r in daily:
        value.append(value[-1] * (1 + r))
    assert found.drawdown == pytest.approx(min(v / max(value[: n + 1]) - 1 for n, v in enumerate(value)), abs=1e-14)
    assert found.specific_vol == pytest.approx(np.sqrt(20) * risk.risk_of(H).specific_vol, rel=1e-13)
    month = risk.over(21).replay(H, returns, start, end)
    assert (month.summed, month.specific_vol) == pytest.approx((found.summed, found.specific_vol), rel=1e-12)


def test_a_factor_without_a_return_counts_as_zero_and_is_listed(risk, returns):
    changed = returns.copy()
    changed.iloc[12, returns.columns.get_loc("market")] = np.nan
    found = risk.replay(H, changed, returns.index[9], returns.index[29])
    assert found.gaps.to_dict() == {"market": 1}
    lost = risk.risk_of(H).exposures["market"] * returns["market"].iloc[12]
    assert found.summed == pytest.approx(risk.replay(H, returns, returns.index[9], returns.index[29]).summed - lost, rel=1e-9)


def test_a_period_outside_of_the_stored_returns_is_an_error(risk, returns):
    with pytest.raises(MissingRiskError, match="the period 1999-01-01 to 1999-02-01 is not in the stored factor returns, which go"):
        risk.replay(H, returns, "1999-01-01", "1999-02-01")
    with pytest.raises(MissingRiskError, match="is not in the stored factor returns"):
        risk.replay(H, returns, returns.index[3], "2099-01-01")
    with pytest.raises(DataError, match="does not go forward"):
        risk.replay(H, returns, returns.index[5], returns.index[5])
    with pytest.raises(DataError, match=r"give what model.factor_returns\(\) gives"):
        risk.replay(H, returns.reset_index(drop=True), "2020-01-01", "2020-02-01")


def test_periods_have_names_of_their_own(tmp_path):
    found = parse_periods(["2020-02-19:2020-03-23", "quant quake=2007-08-06:2007-08-09"])
    assert found[0] == ("2020-02-19 to 2020-03-23", date(2020, 2, 19), date(2020, 3, 23))
    assert found[1].name == "quant quake"
    file = tmp_path / "periods.csv"
    file.write_text("name,start,end\ncovid,2020-02-19,2020-03-23\n")
    assert read_periods(file) == [("covid", date(2020, 2, 19), date(2020, 3, 23))]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2020-02-19", "is no period; give two closes, START:END"),
        ("2020-03-23:2020-02-19", "2020-03-23 is not before 2020-02-19"),
    ],
)
def test_a_period_that_is_none_is_an_error(text, message):
    with pytest.raises(ConfigError, match=message):
        parse_periods([text])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("period,start,end\n", "has the columns period, start, end; give name, start and end"),
        ("name,start,end\n", "names no period"),
        ("name,start,end\na,2020-01-01,soon\n", "line 2 is no period"),
        ("name,start,end\n,2020-01-01,2020-02-01\n", "line 2 has no name"),
        ("name,start,end\na,2020-01-01,2020-02-01\na,2021-01-01,2021-02-01\n", "names a twice"),
    ],
)
def test_a_file_of_periods_that_is_none_is_an_error(tmp_path, text, message):
    (tmp_path / "p.csv").write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_periods(tmp_path / "p.csv")


# Scenarios and reverse stress


def test_a_scenario_is_the_mean_of_the_normal_given_its_shocks(risk):
    """By the precision matrix: E[f_O | f_S = s] = -P_OO^-1 P_OS s, which needs no Sigma_SS."""
    P = np.linalg.pinv(risk.factor_cov + 1e-9 * np.eye(len(risk.factors)) * np.trace(risk.factor_cov))
    S = [risk.factors.index("market"), risk.factors.index("value")]
    others = [k for k in range(len(risk.factors)) if k not in S]
    slow = -np.linalg.solve(P[np.ix_(others, others)], P[np.ix_(others, S)] @ np.array([-0.1, 0.02]))
    found = risk.scenario(H, {"market": -0.1, "value": 0.02}).factor_returns.to_numpy()
    assert_allclose(found[others], slow, rtol=1e-3, atol=1e-5)
    assert found[S].tolist() == [-0.1, 0.02]


def test_a_reverse_stress_loses_what_it_should_and_its_parts_add_up(risk):
    found, report = risk.reverse_stress(H, 0.1), risk.risk_of(H)
    assert found.by_factor.sum() == pytest.approx(-0.1, rel=1e-12)
    assert found.by_asset.sum() == pytest.approx(-0.1, rel=1e-12)
    factor_vol = np.sqrt(report.variance - report.specific_vol**2)
    assert found.distance == pytest.approx(0.1 / factor_vol, rel=1e-10)
    assert found.factor_probability == pytest.approx(scipy.stats.norm.sf(0.1 / factor_vol), rel=1e-7)
    assert found.total_probability == pytest.approx(scipy.stats.norm.sf(0.1 / report.vol), rel=1e-7)
    assert_allclose(found.by_factor / -0.1, report.by_factor / (report.vol - report.specific), rtol=1e-9, atol=1e-12)


# Units


def test_shocks_and_losses_beyond_100_percent_are_questioned(risk):
    message = r"the shock market -10 is -1,000% as a fraction, and -10 % as a percentage.*give -0\.1\..*shocks_in fraction"
    with pytest.raises(DataError, match=message):
        risk.scenario(H, {"market": -10})
    percent = risk.scenario(H, {"market": -10}, shocks_in="percent")
    assert percent.portfolio_return == risk.scenario(H, {"market": -0.1}).portfolio_return
    meant = risk.scenario(H, {"market": -10}, shocks_in="fraction")
    assert meant.portfolio_return == pytest.approx(100 * percent.portfolio_return)
    with pytest.raises(DataError, match=r"the loss 10 is 1,000% as a fraction, and 10 % as a percentage"):
        risk.reverse_stress(H, 10)
    assert risk.reverse_stress(H, 10, loss_in="percent").loss == 0.1
    with pytest.raises(DataError, match=r"the loss of a reverse stress is -0\.1; give a fraction of the value above 0"):
        risk.reverse_stress(H, -0.1)
    with pytest.raises(DataError, match="shocks_in is 'bp'"):
        risk.scenario(H, {"market": -0.1}, shocks_in="bp")


@pytest.mark.parametrize("weights", [{"A001": 60.0, "A002": 40.0}, {"A001": 100.0, "A002": -100.0}, {"A001": 50.0, "A002": -50.0}])
def test_holdings_that_sum_to_100_are_questioned(risk, weights):
    with pytest.raises(DataError, match=r"the holdings sum to .*Read as fractions.*read as percentages.*take risk.as_given"):
        risk.risk_of(weights)
    with pytest.raises(DataError, match="the holdings sum to"):
        risk.var(weights)
    shares = {asset: weight / 100 for asset, weight in weights.items()}
    assert risk.as_given.risk_of(weights).vol == pytest.approx(100 * risk.risk_of(shares).vol, rel=1e-12)
