"""`risk_of_many`: each row is what `risk_of` and `risk_against` say, from a long or a wide frame."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from sigmalake.errors import DataError, MissingRiskError
from sigmalake.reader.open_release import open_release


@pytest.fixture(scope="module")
def risk(plain_market_lake):
    return open_release(plain_market_lake).risk(variant="ewma", horizon=5)


@pytest.fixture(scope="module")
def wide(risk):
    rng = np.random.default_rng(8)
    weights = rng.normal(0.02, 0.05, (30, 25)) * (rng.random((30, 25)) < 0.6)
    assets = rng.choice(list(risk.usable), 25, replace=False)
    frame = pd.DataFrame(weights, [f"book {n}" for n in range(30)], assets)
    return frame.where(frame != 0)  # not held: no number


def long_of(wide):
    held = wide.rename_axis(index="portfolio", columns="asset").stack().dropna().rename("weight").reset_index()
    return held.sample(frac=1, random_state=2)


def row_of(wide, name):
    return wide.loc[name].dropna()


@pytest.mark.parametrize("form", [lambda frame: frame, long_of], ids=["wide", "long"])
def test_each_portfolio_has_the_numbers_of_the_single_call(risk, wide, form):
    benchmark = pd.Series(1 / 20, list(risk.usable[:20]))
    found = risk.risk_of_many(form(wide), benchmark)
    assert set(found.summary.index) == set(wide.index)
    for name in wide.index[:8]:
        one, row = risk.risk_against(row_of(wide, name), benchmark), found.summary.loc[name]
        alone = one.portfolio
        expected = {
            "variance": alone.variance, "vol": alone.vol, "specific": alone.specific, "specific_vol": alone.specific_vol,
            "factor_vol": np.sqrt(alone.variance - alone.specific_vol**2), "tracking_error": one.active.vol,
            "active_specific": one.active.specific, "beta": one.beta, "correlation": one.correlation,
        }  # fmt: skip
        for column, value in expected.items():
            assert row[column] == pytest.approx(value, rel=1e-12), column
        assert_allclose(found.exposures.loc[name], alone.exposures, rtol=1e-12, atol=1e-15)
        assert_allclose(found.by_factor.loc[name], alone.by_factor, rtol=1e-12, atol=1e-16)
        assert_allclose(found.by_group.loc[name], alone.by_group, rtol=1e-12, atol=1e-16)
        assert_allclose(found.active_by_factor.loc[name], one.active.by_factor, rtol=1e-11, atol=1e-16)
    assert list(found.by_group.columns) == list(risk.risk_of({risk.usable[0]: 1.0}).by_group.index)


def test_a_benchmark_each_is_found_by_its_name(risk, wide):
    benchmarks = wide.iloc[::-1].fillna(0.0) + 0.01
    for form in (lambda frame: frame, long_of):
        found = risk.risk_of_many(wide, form(benchmarks)).summary
        for name in wide.index[:5]:
            one = risk.risk_against(row_of(wide, name), benchmarks.loc[name])
            assert found.loc[name, "beta"] == pytest.approx(one.beta, rel=1e-12)
            assert found.loc[name, "tracking_error"] == pytest.approx(one.active.vol, rel=1e-12)


def test_a_fund_against_its_own_basket_has_a_tracking_error_of_zero(risk, wide):
    found = risk.risk_of_many(long_of(wide), wide)
    assert (found.summary["tracking_error"] == 0).all()
    assert_allclose(found.summary["beta"], 1, rtol=1e-12)


def test_holdings_without_risk_data_are_an_error_or_are_listed(risk, wide):
    frame = wide.assign(ZZZ=np.nan)
    frame.loc["book 3", "ZZZ"] = 0.5
    for form in (lambda frame: frame, long_of):
        with pytest.raises(MissingRiskError, match=r"no risk for 1 holdings: ZZZ of book 3 \(no exposures known on .*leave_out"):
            risk.risk_of_many(form(frame))
        found = risk.risk_of_many(form(frame), missing="leave_out")
        assert found.left_out[["portfolio", "asset", "weight"]].to_numpy().tolist() == [["book 3", "ZZZ", 0.5]]
        assert_allclose(found.summary["vol"], risk.risk_of_many(wide).summary["vol"].reindex(found.summary.index), rtol=1e-12)
    alone = pd.DataFrame({"portfolio": ["p", "q"], "asset": [risk.usable[0], "ZZZ"], "weight": 1.0})
    with pytest.raises(MissingRiskError, match="nothing is left of 1 portfolios"):
        risk.risk_of_many(alone, missing="leave_out")


def test_weights_that_sum_to_100_are_questioned_and_taken_only_as_given(risk, wide):
    percents = pd.DataFrame(10.0, ["a", "b"], list(risk.usable[:10]))
    with pytest.raises(DataError, match=r"2 of 2 portfolios have weights that sum to 100 .* first a: .* 10,000% .*risk\.as_given"):
        risk.risk_of_many(percents)
    as_given = risk.as_given.risk_of_many(percents).summary["vol"]
    assert_allclose(as_given, 100 * risk.risk_of_many(percents / 100).summary["vol"], rtol=1e-13)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda frame: frame.rename(columns={"asset": "id"}), "has the columns .*; give the columns portfolio, asset and weight"),
        (lambda frame: frame.assign(weight="much"), r"weights that are not finite numbers \(.*much"),
        (lambda frame: pd.concat([frame, frame.head(1)]), "holds .* more than once"),
        (lambda frame: frame.assign(portfolio=None), "rows without a portfolio"),
        (lambda frame: frame.head(0), "portfolios is an empty frame"),
        (lambda frame: frame.assign(asset=1.5), "are by asset id, a string; 1.5 is a"),
    ],
)
def test_a_frame_that_does_not_fit_is_an_error_that_says_why(risk, wide, change, message):
    with pytest.raises(DataError, match=message):
        risk.risk_of_many(change(long_of(wide)))


def test_a_benchmark_that_lacks_a_portfolio_or_has_no_risk_is_an_error(risk, wide):
    with pytest.raises(DataError, match="the benchmark frame has none for 1 portfolios, the first 'book 0'"):
        risk.risk_of_many(wide, wide.iloc[1:])
    with pytest.raises(DataError, match="has a volatility of 0"):
        risk.risk_of_many(wide, {risk.usable[0]: 0.0})
    with pytest.raises(DataError, match=r"weights that are not finite numbers \(the first book 1/"):
        risk.risk_of_many(wide.replace(wide.iloc[1].dropna().iloc[0], np.inf))
