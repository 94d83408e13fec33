"""Pictures of risk hold the numbers of the tables."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.cluster.hierarchy import cophenet, fcluster, linkage
from scipy.spatial.distance import squareform

from figures.traces import trace_of, traces_of
from sigmalake.errors import MissingRiskError
from sigmalake.figures.risk.correlations import clustered
from sigmalake.figures.risk.portfolio_risk import largest
from sigmalake.numerics.evaluation.forecast_measures import bias_band
from sigmalake.tables.evaluation import FORECAST_EVALUATION


def test_the_heat_map_holds_the_correlations_of_sigma_in_the_order_of_its_labels(model, plots):
    cells, cov = trace_of(plots.correlations(), "correlation"), model.factor_cov()
    assert sorted(cells.x) == sorted(cov.index)
    assert_array_equal(cells.x, cells.y)
    for row, one in enumerate(cells.y):
        for column, other in enumerate(cells.x):
            expected = cov.loc[one, other] / np.sqrt(cov.loc[one, one] * cov.loc[other, other])
            assert cells.z[row, column] == pytest.approx(expected, abs=1e-6)


def test_clusters_stand_together():
    rng = np.random.default_rng(2)
    common = rng.standard_normal((300, 3))
    frame = pd.DataFrame({f"{n % 3}-{n}": common[:, n % 3] + 0.3 * rng.standard_normal(300) for n in range(12)})
    order = clustered(frame.corr())
    assert sorted(order) == sorted(frame)
    groups = [name[0] for name in order]
    assert sum(one != other for one, other in pairwise(groups)) == 2
    tree = linkage(squareform(1 - frame.corr().to_numpy(), checks=False), "average")  # a route without the reordering
    labels = dict(zip(frame, fcluster(tree, 3, "maxclust"), strict=True))
    assert len({(name[0], labels[name]) for name in frame}) == 3
    assert cophenet(tree).max() > 0.5


def test_a_factor_without_variance_has_no_correlations_and_does_not_break_the_order():
    found = pd.DataFrame(np.diag([np.nan, 1.0, 1.0]), list("abc"), list("abc"))
    assert sorted(clustered(found)) == list("abc")


def test_the_boxes_are_quantiles_of_equally_many_assets_by_size(model, plots):
    figure, risk = plots.specific_risk(variant="short"), model.risk(variant="short")
    caps = model.panel(exposure_date=risk.exposure_date)["cap"]
    vols = pd.Series(np.sqrt(risk.specific_var * model.periods_per_year("short")), list(risk.assets)).dropna()
    box, medians = trace_of(figure, "quantiles"), trace_of(figure, "median")
    order = caps.reindex(vols.index).sort_values(kind="stable").index
    assert medians.customdata[:, 0].sum() == len(vols)
    at = 0
    for n, (count, smallest, biggest) in enumerate(medians.customdata):
        members = vols[order[at : at + int(count)]]
        at += int(count)
        expected = [np.quantile(members, q) for q in (0.05, 0.25, 0.5, 0.75, 0.95)]
        assert_allclose([box[name][n] for name in ("lowerfence", "q1", "median", "q3", "upperfence")], expected, rtol=1e-12)
        assert (smallest, biggest) == (caps[members.index].min(), caps[members.index].max())
    assert np.ptp(medians.customdata[:, 0]) <= 1


def test_the_biases_and_their_bands_are_those_of_the_evaluation(model, plots):
    figure, kinds = plots.calibration("short", rolling_window=20), model.evaluation(20).xs("short", level="variant")
    means = trace_of(figure, "bias_by_kind")
    words = {kind.replace("_", " "): kind for kind in kinds.index}
    assert {words[name] for name in means.y} == set(kinds.index)
    for name, bias in zip(means.y, means.x, strict=True):
        assert bias == kinds.loc[words[name], "bias"]
    dots, own = trace_of(figure, "bias_by_portfolio"), model.evaluation_by_portfolio(20).xs("short", level="variant")["bias"]
    found = {(words[kind], portfolio): bias for kind, portfolio, bias in zip(dots.y, dots.text, dots.x, strict=True)}
    assert found == own.dropna().to_dict()
    rects = [shape for shape in figure.layout.shapes if shape.type == "rect" and shape.yref == "y"]
    assert len(rects) == len(kinds)
    n_dates = kinds["n_dates"].iloc[::-1]
    for shape, n in zip(rects, n_dates, strict=True):
        assert shape.x1 - 1 == pytest.approx(bias_band(n), rel=1e-12)


def test_the_rolling_bias_is_the_mean_deviation_of_each_portfolios_last_standardised_returns(model, full, plots):
    figure, window = plots.calibration("short", rolling_window=20), 20
    rows = full.rows(FORECAST_EVALUATION)
    rows = rows[(rows["variant"] == "short") & (rows["kind"] == "random_active") & (rows["n_forecasts"] > 0)]
    by_portfolio = []
    for _, of in rows.groupby("portfolio"):
        b = of.sort_values("date").set_index("date")["b"]
        by_portfolio.append(b.rolling(window).std(ddof=1).dropna())
    expected = pd.concat(by_portfolio, axis=1).mean(axis=1)
    (line,) = [trace for trace in traces_of(figure, "rolling_bias") if trace.name == "random active"]
    shown = pd.Series(line.y, line.x).dropna()
    assert_allclose(shown, expected, rtol=1e-6)
    assert_array_equal(shown.index, pd.DatetimeIndex(expected.index))


def test_a_range_leaves_out_forecasts_before_its_start_and_returns_after_its_end(model, full, plots):
    rows = full.rows(FORECAST_EVALUATION)
    days = sorted(rows["date"].unique())
    start, end = days[len(days) // 3], days[-5]
    within = (rows["variant"] == "short") & (rows["date"] >= start) & (rows["return_date"] <= end)
    (market,) = (part for kind, part in rows[within & (rows["n_forecasts"] > 0)].groupby("kind") if kind == "market")
    figure = plots.calibration("short", rolling_window=10, start=start, end=end)
    means = trace_of(figure, "bias_by_kind")
    assert dict(zip(means.y, means.x, strict=True))["market"] == pytest.approx(market["b"].std(ddof=1), rel=1e-12)
    shown, whole = (model.rolling_bias("short", 10, **some) for some in ({"start": start, "end": end}, {}))
    assert_allclose(shown, whole[(whole.index >= pd.Timestamp(start)) & (whole.index <= shown.index[-1])])
    assert shown.index[0] == pd.Timestamp(start)  # its window began before
    assert shown.index[-1] < pd.Timestamp(end)
    with pytest.raises(MissingRiskError, match="no forecast from 2050-01-01 to the last has been evaluated"):
        model.evaluation(start="2050-01-01")


def test_a_window_that_is_never_full_says_so(plots):
    figure = plots.calibration("short", rolling_window=5000)
    assert any("there are no 5000 forecasts yet" in note.text for note in figure.layout.annotations)


def test_the_four_matrices_are_the_models_and_v_is_what_they_make(model, plots):
    risk = model.risk(variant="short")
    chosen = list(risk.usable[:3])
    figure = plots.covariance(assets=chosen, variant="short")
    V, B, Sigma, D = (trace_of(figure, name) for name in ("covariance", "exposures", "factor_cov", "specific_cov"))
    cov, X = model.factor_cov(variant="short"), model.exposures(risk.exposure_date)
    assert list(V.x) == list(V.y) == list(B.y) == list(D.x) == chosen
    for n, asset in enumerate(chosen):
        for k, factor in enumerate(B.x):
            assert B.z[n, k] == X.loc[asset, factor]
    for k, one in enumerate(Sigma.y):
        for j, other in enumerate(Sigma.x):
            assert Sigma.z[k, j] == cov.loc[one, other] * 1e4
    left_out = X.loc[chosen].drop(columns=list(B.x))
    assert (left_out == 0).all(axis=None)
    expected = sum(  # element by element, by four loops
        np.einsum("i,j->ij", B.z[:, k], B.z[:, j]) * Sigma.z[k, j] for k in range(len(B.x)) for j in range(len(B.x))
    )
    assert_allclose(V.z, expected + D.z, rtol=1e-12)
    assert_allclose(V.z / 1e4, risk.asset_cov(chosen), rtol=1e-12)
    assert [V.text[n][n] for n in range(3)] == [f"{V.z[n, n]:.2f}".lstrip("0") for n in range(3)]


def test_without_names_the_largest_assets_are_shown(model, plots):
    risk = model.risk()
    caps = model.panel(exposure_date=risk.exposure_date)["cap"][list(risk.usable)]
    assert list(trace_of(plots.covariance(), "covariance").x) == list(caps.nlargest(4).index)


def test_each_list_of_contributions_is_the_reports_and_sums_to_the_risk(model, plots):
    risk = model.risk(variant="short")
    held = {asset: (1.0 if n % 3 else -0.5) / 20 for n, asset in enumerate(risk.usable[:25])}
    figure, report = plots.risk(held, variant="short"), risk.risk_of(held)
    for holds, expected in (("by_group", report.by_group), ("by_factor", report.by_factor), ("by_asset", report.by_asset)):
        bars = trace_of(figure, holds)
        assert sum(bars.x) == pytest.approx(report.vol, rel=1e-12)
        for name, value in zip(bars.y, bars.x, strict=True):
            if name == "specific":
                assert value == report.specific
            elif "others" not in name:
                assert value == expected[name]
        assert_allclose(bars.customdata, np.array(bars.x) / report.vol, rtol=1e-12)


def test_with_a_benchmark_the_lists_sum_to_the_tracking_error(model, plots):
    risk = model.risk()
    one, other = (dict.fromkeys(risk.usable[at : at + 10], 1 / 10) for at in (0, 5))
    figure = plots.risk(one, benchmark=other)
    assert figure.layout.meta["vol"] == risk.risk_against(one, other).active.vol
    assert sum(trace_of(figure, "by_factor").x) == pytest.approx(figure.layout.meta["vol"], rel=1e-12)


def test_many_contributions_end_with_the_sum_of_the_others():
    values = pd.Series(np.random.default_rng(3).standard_normal(40), [f"A{n}" for n in range(40)])
    found = largest(values, 15)
    assert len(found) == 15
    assert found.index[-1] == "26 others"
    assert found.sum() == pytest.approx(values.sum())
    assert found.iloc[:-1].abs().is_monotonic_decreasing


def test_nothing_evaluated_is_said_in_the_place_of_an_empty_picture(nasty):
    with pytest.raises(MissingRiskError, match=r"no forecast has been evaluated yet; .*`sigmalake evaluate`"):
        nasty.plot.calibration()
