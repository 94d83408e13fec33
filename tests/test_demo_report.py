"""The demo's configuration and arithmetic, without a JVM."""

import shlex
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from sigmalake.config.factors import MarketFactor
from sigmalake.config.model import load_config
from sigmalake.demo.history import Snapshot
from sigmalake.demo.market import Defect, Planted, Truth, generate_market
from sigmalake.demo.recovery import (
    Bias,
    Recovered,
    Vol,
    cap_shares,
    factor_errors,
    forecast_vol,
    identified_var,
    portfolio_bias,
    window_weights,
)
from sigmalake.demo.report import commands_text, factors_text, rejected_text, rejections, table
from sigmalake.demo.run import configuration, prepare_demo

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def small():
    return generate_market(n_assets=60, n_dates=40, n_industries=4, n_styles=2, seed=1)


def test_the_configuration_in_the_repository_is_the_one_that_the_demo_writes():
    written = configuration("../lakes/demo/panel.parquet", "../lakes/demo/lake")
    assert (ROOT / "conf/demo.yaml").read_text() == written


def test_the_configuration_names_the_factors_of_the_generated_market():
    config = load_config(ROOT / "conf/demo.yaml")
    market = [entry.market for entry in config.factors if isinstance(entry, MarketFactor)]
    (industries,) = config.memberships
    generated = generate_market(n_assets=60, n_dates=2)
    assert (*market, *(industries.listed or ()), *config.styles) == generated.truth.factors
    assert set((industries.columns or {}).values()) <= set(generated.panel.columns)


def test_a_panel_that_is_there_stays_and_another_is_replaced(tmp_path):
    said = []
    demo = prepare_demo(tmp_path, said.append, n_assets=60, n_dates=30)
    panel = tmp_path / "panel.parquet"
    before = panel.stat()
    assert prepare_demo(tmp_path, said.append, n_assets=60, n_dates=30).config_file == demo.config_file
    assert (panel.stat().st_mtime_ns, panel.stat().st_ino) == (before.st_mtime_ns, before.st_ino)
    prepare_demo(tmp_path, said.append, n_assets=60, n_dates=31)
    assert panel.stat().st_ino != before.st_ino
    assert len(said) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["demo.yaml", "panel.parquet"]


def test_window_weights_are_those_of_the_estimator():
    config = load_config(ROOT / "conf/demo.yaml")
    ewma, sample = (window_weights(config, name, 600) for name in ("ewma", "sample"))
    assert_allclose([ewma.sum(), sample.sum()], 1)
    assert_allclose(ewma[-1 - 84] / ewma[-1], 0.5)
    assert [np.count_nonzero(ewma), np.count_nonzero(sample)] == [252, 504]
    assert np.ptp(sample[-504:]) == 0
    assert_allclose(window_weights(config, "ewma", 10)[0], ewma[-10] / ewma[-10:].sum())


def test_identified_variances_are_those_of_factor_returns_whose_cap_weighted_industries_sum_to_0(small):
    shares = cap_shares(small)
    assert_allclose(shares.sum(axis=1), 1)
    variances = identified_var(shares, small.truth)
    market = np.zeros(7)
    market[0], market[1:5] = 1, shares[7]
    assert variances[7, 0] == pytest.approx(market @ small.truth.factor_cov @ market)
    industry = np.zeros(7)
    industry[1:5] = -shares[7]
    industry[3] += 1
    assert variances[7, 3] == pytest.approx(industry @ small.truth.factor_cov @ industry)
    assert_allclose(variances[:, 5:], np.broadcast_to(np.diag(small.truth.factor_cov)[5:], (40, 2)))


def test_errors_put_each_estimate_beside_the_truth_of_its_date_and_factor(small):
    truth = small.truth
    estimated = pd.DataFrame(truth.factor_returns[3:] + 0.001, list(truth.dates[3:]), list(truth.factors))
    errors = factor_errors(small, estimated[list(reversed(truth.factors))])
    assert_allclose(errors.noise, 0.001)
    assert_allclose(errors.true_var, identified_var(cap_shares(small), truth)[2:-1])


def close_of(number: int, scale: float) -> Snapshot:
    """Ten names, one style; the next day's return of each name is `scale` times what is forecast for it alone."""
    rng = np.random.default_rng(number)
    X = np.column_stack([np.ones(10), rng.normal(size=10)])
    sigma, delta = np.diag([1e-4, 1e-5]), rng.uniform(1e-4, 4e-4, 10)
    factor_returns, specific = rng.normal(size=2) * np.sqrt(np.diag(sigma)), rng.normal(size=10) * np.sqrt(delta)
    return Snapshot(
        date=date(2024, 1, 1), next_date=date(2024, 1, 2), assets=tuple("ABCDEFGHIJ"), caps=rng.uniform(1, 2, 10),
        in_estimation=np.ones(10, bool), exposures=X, next_returns=scale * (X @ factor_returns + specific), factor_cov=sigma,
        specific_var=delta, n_obs=np.full(10, 99.0), n_periods=99, effective_periods=99.0,
    )  # fmt: skip


def test_the_bias_of_a_perfect_forecast_is_1_and_of_one_too_low_above_it():
    truth = Truth(("market", "value"), (), tuple("ABCDEFGHIJ"), np.empty(0), np.empty(0), np.empty(0))
    for scale in (1.0, 1.5):
        found = portfolio_bias([close_of(number, scale) for number in range(1500)], truth)
        assert found[0].n_dates == 1500
        for bias in found:
            assert abs(bias.value / scale - 1) < 2 * bias.band
    assert Bias("b", 1.0, 200).band == pytest.approx(0.1)


def test_a_name_without_a_return_or_a_forecast_is_in_neither():
    close = close_of(1, 1.0)
    close.next_returns[3] = np.nan
    close.specific_var[5] = np.nan
    h = np.where(np.isin(np.arange(10), [3, 5]), 0, 1 / 8)
    x = close.exposures.T @ h
    expected = np.sqrt(x @ close.factor_cov @ x + np.nansum(h**2 * close.specific_var))
    assert forecast_vol(close, h) == pytest.approx(expected)
    truth = Truth(("market", "value"), (), close.assets, np.empty(0), np.empty(0), np.empty(0))
    later = close_of(2, 1.0)
    first, second = np.nansum(h * close.next_returns) / expected, later.next_returns.mean() / forecast_vol(later, np.full(10, 0.1))
    assert portfolio_bias([close, later], truth)[1].value == pytest.approx(abs(first - second) / np.sqrt(2))


def test_standard_errors_from_the_aim_are_counted():
    rows = [Recovered("size", 0.01, (Vol(0.01, 0.0105, 0.0002),), 0.9), Recovered("value", 0.01, (Vol(0.01, 0.0097, 0.0002),), 0.9)]
    assert [row.found[0].z for row in rows] == pytest.approx([2.5, -1.5])
    text = factors_text(rows, np.ones(2), ["ewma"])
    assert "ewma 1 of 2" in text
    assert "15.87     15.87  16.67  0.32  +2.5" in text  # a volatility of 1 % a day is 15.87 % a year


REJECTED = ["source", "row_hash", "copy", "column", "reason", "date", "asset_id"]


def test_rejected_rows_are_matched_with_what_was_planted():
    day = date(2024, 1, 2)
    planted = [Planted(Defect.SHARE, day, "A", 1), Planted(Defect.NULL_ASSET, day, None, 1), Planted(Defect.OUTLIER, day, "B", 0)]
    seen = [
        ("panel.exposures", "01", 1, "ind_a", "share outside 0 to 1", day, "A"),
        ("panel.exposures", "01", 1, "ind_b", "share outside 0 to 1", day, "A"),
        ("panel.exposures", "02", 1, "asset_id", "missing", day, None),
        ("panel.returns", "03", 1, "asset_id", "missing", day, None),
        ("panel.exposures", "04", 1, "cap", "not positive", day, "C"),
    ]
    found = {row.defect: row for row in rejections(planted, pd.DataFrame(seen, columns=REJECTED))}
    assert (found["share outside 0 to 1"].rejected, found["share outside 0 to 1"].unusable) == ((1, 0), (1, 0))
    assert found["share outside 0 to 1"].reasons == ("ind_a, ind_b share outside 0 to 1",)
    assert (found["null asset_id"].rejected, found["null asset_id"].unusable) == ((1, 1), (1, 1))
    assert (found["outlier"].rejected, found["outlier"].reasons) == ((0, 0), ())
    assert (found["not planted"].planted, found["not planted"].rejected) == (0, (1, 0))
    account = {"source": "panel", "rows_in": 9, "packed": 6, "rejected": 1, "outside": 0, "without_exposures": 2}
    text = rejected_text(list(found.values()), [account], 9, 0)
    assert "3 of 4 as planted" in text
    assert "9 rows = 6 packed + 1 rejected + 0 outside the dates + 2 without exposures: adds up" in " ".join(text.split())
    assert "DOES NOT ADD UP" in rejected_text([], [{**account, "packed": 5}], 9, 0).replace("\n", " ")
    assert "DOES NOT ADD UP" in rejected_text([], [account], 10, 0).replace("\n", " ")


def test_a_table_lines_up():
    assert table(["name", "n"], [["a", "1"], ["long name", "200"]]) == "name         n\na            1\nlong name  200"


def test_lines_to_paste_survive_a_folder_with_spaces_and_quotes():
    odd = Path("/tmp/it's $HOME `here`")
    for line in commands_text(Path("/usr/bin/python"), odd / "lake", odd / "demo.yaml", odd / "jars", "ewma").splitlines()[3::2]:
        words = shlex.split(line)
        assert any(str(odd) in word for word in words), words
