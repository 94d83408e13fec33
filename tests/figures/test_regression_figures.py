"""Pictures of the regressions hold the numbers of the tables."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from figures.drawn_models import country_model
from figures.traces import as_drawn, trace_of, traces_of
from sigmalake.errors import MissingRiskError
from sigmalake.figures.regressions.factor_returns import bands, cumulative, factor_returns_figure

FLOAT32 = 1e-6


def line_slope(figure):
    """The slope of the fitted line as the page draws it."""
    (line,) = [trace for trace in as_drawn(figure)["data"] if trace["meta"]["holds"] == "fitted_line"]
    return (line["y"][-1] - line["y"][0]) / (line["x"][-1] - line["x"][0])


def points(figure):
    """x, y and weight of all assets in the fit, as the page draws them."""
    drawn = [trace for trace in as_drawn(figure)["data"] if trace["name"] == "assets in the fit"]
    return (np.array(drawn[0][name]) for name in ("x", "y", "customdata"))


def test_the_lines_are_sums_of_the_stored_factor_returns(model, plots):
    figure, returns = plots.factor_returns(), model.factor_returns()
    lines = traces_of(figure, "factor_return_sum")
    assert [line.name for line in lines] == list(returns)
    for line in lines:
        expected = np.nancumsum(returns[line.name].to_numpy())
        shown = ~np.isnan(line.y)
        assert_allclose(line.y[shown], expected[shown], rtol=FLOAT32, atol=1e-7)
        assert_array_equal(line.x, returns.index.to_numpy().astype("datetime64[D]"))


def test_the_bands_are_two_deviations_of_the_forecasts_made_before(model, plots):
    figure, returns, vols = (
        plots.factor_returns(["market"], variant="short"),
        model.factor_returns(),
        model.factor_vols(variant="short"),
    )
    low, high = trace_of(figure, "band_lower").y, trace_of(figure, "band_upper").y
    total, variance, start = 0.0, 0.0, None
    for n, day in enumerate(returns.index):
        before = returns.index[n - 1] if n else None
        forecast = vols["market"].get(before) if before is not None else None
        if forecast is not None and not np.isnan(forecast):
            start = total if start is None else start
            variance += forecast**2
            assert_allclose([low[n], high[n]], [start - 2 * variance**0.5, start + 2 * variance**0.5], rtol=1e-5, atol=1e-7)
        else:
            assert np.isnan(low[n])
            assert np.isnan(high[n])
        total += returns.loc[day, "market"]
    assert start is not None


def test_the_forecasts_of_months_are_spread_over_their_dates(model, plots):
    low = trace_of(plots.factor_returns(["market"], variant="monthly"), "band_lower").y
    assert np.isfinite(low).any()


def test_a_menu_shows_one_factor_with_its_band(plots):
    figure = plots.factor_returns()
    (menu,) = figure.layout.updatemenus
    names = [line.name for line in traces_of(figure, "factor_return_sum")]
    assert [button.label for button in menu.buttons] == ["All factors", *names]
    for name, button in zip(names, menu.buttons[1:], strict=True):
        shown = [trace.name for trace, seen in zip(figure.data, button.args[0]["visible"], strict=True) if seen]
        assert shown == [name, f"{name}, lower end of the band", f"{name}, upper end of the band"]


def test_many_dates_are_thinned_to_the_last_of_each_week_and_the_figure_says_so():
    days = pd.bdate_range("2010-01-01", periods=2520)
    returns = pd.DataFrame({"f": np.random.default_rng(1).standard_normal(2520) * 0.01}, days)
    figure = factor_returns_figure(returns, None)
    (line,) = traces_of(figure, "factor_return_sum")
    assert len(line.x) == 505
    expected = returns["f"].cumsum().groupby(days.to_period("W")).last()
    assert_allclose(line.y, expected, rtol=FLOAT32)
    assert "last date of each week" in figure.layout.title.subtitle.text.replace("<br>", " ")


def test_a_sum_begins_with_its_first_return_and_keeps_where_one_is_missing():
    returns = pd.DataFrame({"f": [np.nan, 0.1, np.nan, 0.2]}, pd.date_range("2024-01-01", periods=4))
    assert_allclose(cumulative(returns)["f"], [np.nan, 0.1, 0.1, 0.3])
    low, high = bands(returns, pd.DataFrame({"f": [0.04]}, returns.index[1:2]))
    assert_allclose(high["f"], [np.nan, np.nan, np.nan, 0.1 + 0.4])
    assert_allclose(low["f"], [np.nan, np.nan, np.nan, 0.1 - 0.4])


def test_r2_by_date_is_the_stored_one(model, plots):
    found = trace_of(plots.r2(), "r2")
    assert_allclose(found.y, model.r2(), rtol=FLOAT32)


def test_the_shares_of_significant_statistics_are_counted(model, plots):
    figure, t = plots.t_stats(), model.t_stats()
    bars = trace_of(figure, "share_by_factor")
    for name, share in zip(bars.y, bars.x, strict=True):
        known = [value for value in t[name] if not np.isnan(value)]
        assert share == pytest.approx(sum(abs(value) > 2 for value in known) / len(known), abs=1e-15)
    dates = trace_of(figure, "share_by_date")
    for n in range(0, len(t), 7):
        known = t.iloc[n].dropna()
        assert dates.y[n] == pytest.approx((known.abs() > 2).mean(), abs=1e-6)


def test_statistics_of_chosen_factors_are_the_stored_ones(model, plots):
    figure = plots.t_stats(["market"])
    assert_allclose(trace_of(figure, "t_stat").y, model.t_stats()["market"], rtol=FLOAT32)


def test_the_strength_of_a_factor_is_what_the_tables_say(model, plots):
    figure, t, f, premia = plots.factor_strength(), model.t_stats(), model.factor_returns(), model.factor_premia()
    bars, dots = trace_of(figure, "strength"), trace_of(figure, "premium")
    a_year = model.periods_per_year("short")
    for name, mean_t, numbers in zip(bars.y, bars.x, bars.customdata, strict=True):
        expected = [
            t[name].abs().mean(), (t[name].dropna().abs() > 2).mean(), np.std(f[name].dropna(), ddof=1) * a_year**0.5,
            premia.loc[name, "mean"] * a_year, premia.loc[name, "nw_std_error"] * a_year, premia.loc[name, "nw_t_stat"],
        ]  # fmt: skip
        assert_allclose(numbers, expected, rtol=1e-12)
        assert mean_t == numbers[0]
    assert_allclose(dots.x, bars.customdata[:, 3], rtol=0)
    assert_allclose(dots.error_x.array, 2 * bars.customdata[:, 4], rtol=0)
    assert list(bars.x) == sorted(bars.x)


@pytest.mark.parametrize("place", [0, 20, -1])
def test_the_slope_of_the_line_and_of_the_points_is_the_stored_return_of_every_factor(model, plots, place):
    day = model.factor_returns().index[place]
    regression = model.regression(day)
    for factor, stored in regression["factor_return"].dropna().items():
        figure = plots.scatter(day, factor)
        x, y, w = points(figure)
        assert abs(line_slope(figure) - stored) < 1e-10
        assert abs((w * x) @ y / ((w * x) @ x) - stored) < 1e-10
        assert figure.layout.meta["slope"] == stored
        assert figure.layout.meta["n"] == len(x) == regression.attrs["n_estimation"]
        assert f"{stored:.4%}" in figure.layout.meta["equation"]


@pytest.mark.parametrize("fractional", [False, True], ids=["0/1", "fractional"])
@pytest.mark.parametrize("market", [False, True], ids=["alone", "beside a market"])
def test_the_scatter_of_a_single_country_is_of_returns_and_exposures_as_they_are(fractional, market):
    model = country_model(fractional, market)
    day = model.calendar()[10]
    stored = model.regression(day)["factor_return"]
    figure, panel = model.plot.scatter(day, "USA"), model.panel(return_date=day)
    x, y, w = points(figure)
    assert_array_equal(x, panel["USA"])
    assert_array_equal(y, panel["ret"])
    assert abs(line_slope(figure) - stored["USA"]) < 1e-10
    design = np.column_stack([np.ones(len(x)), x]) if market else x[:, None]
    fitted = np.linalg.lstsq(design * np.sqrt(w)[:, None], y * np.sqrt(w), rcond=None)[0]
    assert abs(fitted[-1] - stored["USA"]) < 1e-10
    assert figure.layout.meta["intercept"] == pytest.approx(stored["market"] if market else 0.0, abs=1e-12)


def test_fewer_points_are_drawn_than_there_are_assets_and_the_line_stays(model, plots):
    day = model.calendar()[-3]
    whole, some = plots.scatter(day, "market"), plots.scatter(day, "market", max_points=10)
    assert line_slope(some) == pytest.approx(line_slope(whole), abs=1e-14)
    (_, _, weights), (x, _, w) = points(whole), points(some)
    assert len(x) == 10
    assert sorted(w) == sorted(weights)[-10:]
    assert "10 of" in some.layout.title.subtitle.text.replace("<br>", " ")


def test_an_unknown_factor_of_a_scatter_is_refused_with_a_hint(model, plots):
    with pytest.raises(MissingRiskError, match=r"no factor markt \(did you mean market\?\)"):
        plots.scatter(model.calendar()[-1], "markt")


def test_the_slope_over_time_is_the_stored_factor_return_with_its_forecast(model, plots):
    name = list(model.factor_returns())[-1]
    figure, returns, vols = (
        plots.slope(name, variant="short"),
        model.factor_returns()[name],
        model.factor_vols(variant="short")[name],
    )
    line = figure.data[0]
    assert line.meta == {"holds": "factor_return"}
    assert_array_equal(line.y, returns)
    assert_allclose(line.customdata, model.std_errors()[name], rtol=FLOAT32)
    upper = trace_of(figure, "band_upper").y
    for n in range(1, len(returns)):
        expected = vols.get(returns.index[n - 1], np.nan)
        assert_allclose(upper[n], 2 * expected, rtol=FLOAT32)
    assert_allclose(trace_of(figure, "forecast_variance").y, (upper.astype(float) / 2) ** 2 * 1e4, rtol=1e-5)
    outside = sum(abs(r) > u for r, u in zip(returns, upper, strict=True) if not np.isnan(u))
    assert figure.layout.meta["n_outside"] == outside


def test_a_range_bounds_every_series(model, plots):
    start, end = model.calendar()[[30, 50]]
    drawn = [plots.factor_returns, plots.r2, lambda **of: plots.slope("market", **of)]
    for figure in (draw(start=start, end=end) for draw in drawn):
        days = np.concatenate([np.asarray(trace.x) for trace in figure.data])
        assert days.min() == np.datetime64(start, "D")
        assert days.max() == np.datetime64(end, "D")
    with pytest.raises(MissingRiskError, match="no regression from 2199-01-01"):
        plots.r2(start="2199-01-01")
