from datetime import date

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sigmalake.demo.market import Defect, Market, dirty, generate_market, write_panel

N_INDUSTRIES, N_STYLES = 5, 4


@pytest.fixture(scope="module")
def market() -> Market:
    return generate_market(n_assets=200, n_dates=300, n_industries=N_INDUSTRIES, n_styles=N_STYLES, seed=7)


def industries_of(market: Market) -> list[str]:
    return [f"ind_{name}" for name in market.truth.factors[1 : 1 + N_INDUSTRIES]]


def styles_of(market: Market) -> list[str]:
    return list(market.truth.factors[1 + N_INDUSTRIES :])


def yesterday_and_today(market: Market):
    """Every date but the first: its position, X(t-1) without the market, and r(t) of the names with both."""
    by_date = dict(iter(market.panel.set_index("asset_id").groupby("date")))
    dates = market.truth.dates
    for t in range(1, len(dates)):
        rows = by_date[dates[t - 1]].join(by_date[dates[t]]["ret"].rename("next"), how="inner")
        yield t, rows[rows["next"].notna()]


def specific_returns(market: Market) -> pd.DataFrame:
    """u(t) = r(t) - X(t-1) f(t), a row a date and asset."""
    pieces = []
    columns = [*industries_of(market), *styles_of(market)]
    for t, rows in yesterday_and_today(market):
        fitted = market.truth.factor_returns[t, 0] + rows[columns] @ market.truth.factor_returns[t, 1:]
        pieces.append((rows["next"] - fitted).rename(market.truth.dates[t]))
    return pd.concat(pieces, axis=1).T


def test_returns_are_exposures_of_the_day_before_times_factor_returns_plus_specific_ones(market):
    u = specific_returns(market)
    vols = pd.Series(market.truth.specific_vol, market.truth.asset_ids)[u.columns]
    z = u / vols
    n = z.count()
    # chi-square: variance of the mean of z^2 is 2 / n
    assert abs((z**2).sum().sum() / n.sum() - 1) < 4 * np.sqrt(2 / n.sum())
    assert (abs((z**2).mean() - 1) / np.sqrt(2 / n)).max() < 5
    assert z.abs().max().max() < 6


def test_least_squares_recovers_the_factor_returns_within_their_standard_errors(market):
    columns = [*industries_of(market), *styles_of(market)]
    vols = dict(zip(market.truth.asset_ids, market.truth.specific_vol, strict=True))
    total = dof = 0.0
    for t, rows in yesterday_and_today(market):
        fit = rows[rows["in_estimation"]]
        X = fit[columns].to_numpy()  # no market: full rank
        truth = market.truth.factor_returns[t, 1:].copy()
        truth[:N_INDUSTRIES] += market.truth.factor_returns[t, 0]
        errors = np.linalg.lstsq(X, fit["next"].to_numpy(), rcond=None)[0] - truth
        inverse = np.linalg.inv(X.T @ X)
        specific_var = np.array([vols[asset] ** 2 for asset in fit.index])
        cov = inverse @ (X.T * specific_var) @ X @ inverse
        total += errors @ np.linalg.solve(cov, errors)
        dof += len(errors)
    assert abs(total - dof) < 4 * np.sqrt(2 * dof)


def test_industry_returns_satisfy_the_constraint_of_the_day_before(market):
    panel = market.panel[market.panel["in_estimation"]]
    industries = industries_of(market)
    caps = panel[industries].mul(panel["cap"], axis=0).groupby(panel["date"]).sum()
    cap_shares = caps.div(caps.sum(axis=1), axis=0).to_numpy()
    industry_returns = market.truth.factor_returns[:, 1 : 1 + N_INDUSTRIES]
    weighted = np.sum(cap_shares[:-1] * industry_returns[1:], axis=1)
    assert_allclose(weighted, 0, atol=1e-16)
    assert np.isnan(market.truth.factor_returns[0]).all()
    assert np.isfinite(market.truth.factor_returns[1:]).all()


def test_factor_returns_have_the_covariance_that_they_say():
    market = generate_market(n_assets=60, n_dates=3000, n_industries=N_INDUSTRIES, n_styles=N_STYLES, seed=1)
    # market + industry does not depend on what identifies the two
    shown = np.eye(1 + N_INDUSTRIES + N_STYLES)[1:]
    shown[:N_INDUSTRIES, 0] = 1
    true = shown @ market.truth.factor_cov @ shown.T
    observed = np.cov(market.truth.factor_returns[1:] @ shown.T, rowvar=False)
    standard_error = np.sqrt((np.outer(np.diag(true), np.diag(true)) + true**2) / 2999)
    assert np.abs((observed - true) / standard_error).max() < 4.5
    vols = np.sqrt(np.diag(market.truth.factor_cov))
    assert vols[0] == pytest.approx(0.01)
    assert_allclose(vols[1 : 1 + N_INDUSTRIES], 0.005)
    assert_allclose(vols[1 + N_INDUSTRIES :], np.linspace(0.003, 0.0015, N_STYLES))
    correlations = market.truth.factor_cov / np.outer(vols, vols)
    assert 0.1 < np.abs(correlations[np.triu_indices(10, 1)]).max() < 0.9


def test_shares_sum_to_exactly_one_and_a_quarter_of_the_names_is_split(market):
    shares = market.panel.drop_duplicates("asset_id")[industries_of(market)].to_numpy()
    assert_array_equal(shares.sum(axis=1), np.ones(200))
    assert_array_equal(shares[:, ::-1].sum(axis=1), np.ones(200))
    assert shares.min() == 0
    n_industries = (shares > 0).sum(axis=1)
    assert 0.2 <= np.mean(n_industries > 1) <= 0.32
    assert set(n_industries) == {1, 2, 3}
    assert (market.panel.groupby("asset_id")[industries_of(market)].nunique() == 1).all(axis=None)
    assert (shares.sum(axis=0) > 20).all()


def test_styles_are_standardised_over_the_estimation_universe_and_move_slowly(market):
    panel = market.panel
    for name in styles_of(market):
        wide = panel.pivot(index="date", columns="asset_id", values=name)
        caps = panel.pivot(index="date", columns="asset_id", values="cap")
        inside = panel.pivot(index="date", columns="asset_id", values="in_estimation").eq(True)
        means = (wide * caps).where(inside).sum(axis=1) / caps.where(inside).sum(axis=1)
        assert_allclose(means, 0, atol=1e-12)
        assert_allclose((wide**2).where(inside).mean(axis=1), 1, rtol=1e-12)
        assert wide.corrwith(wide.shift(21), axis=1).iloc[21:].min() > 0.75
    size = panel["size"].groupby(panel["date"]).corr(np.log(panel["cap"]))
    assert_allclose(size, 1, rtol=1e-12)


def test_small_caps_are_outside_the_estimation_universe(market):
    newest = market.panel[market.panel["date"] == market.truth.dates[-1]]
    assert newest.loc[~newest["in_estimation"], "cap"].max() < newest.loc[newest["in_estimation"], "cap"].min()
    assert 0.13 < 1 - newest["in_estimation"].mean() < 0.17


def test_a_tenth_lists_late_and_a_tenth_leaves_early(market):
    dates = market.panel.groupby("asset_id")["date"].agg(["min", "max", "count"])
    assert (dates["min"] > market.truth.dates[0]).sum() == 20
    assert (dates["max"] < market.truth.dates[-1]).sum() == 20
    position = {day: t for t, day in enumerate(market.truth.dates)}
    assert (dates["max"].map(position) - dates["min"].map(position) + 1 == dates["count"]).all()
    first = market.panel.drop_duplicates("asset_id")
    assert first["ret"].isna().all()  # no exposures the day before


def test_about_two_returns_in_a_thousand_are_missing(market):
    later = market.panel[market.panel.duplicated("asset_id")]
    n = len(later)
    assert abs(later["ret"].isna().sum() - 0.002 * n) < 4 * np.sqrt(0.002 * n)


def test_caps_move_with_the_returns(market):
    panel = market.panel
    growth = panel["cap"] / panel.groupby("asset_id")["cap"].shift() - 1
    assert_allclose(growth[panel["ret"].notna()], panel["ret"].dropna(), atol=1e-12)


def test_dates_are_the_business_days_from_the_start():
    truth = generate_market(n_assets=30, n_dates=10, n_industries=2, start=date(2024, 3, 1)).truth
    expected = ["01", "04", "05", "06", "07", "08", "11", "12", "13", "14"]
    assert truth.dates == tuple(date.fromisoformat(f"2024-03-{day}") for day in expected)


def test_the_same_seed_is_the_same_market(market):
    sizes = {"n_assets": 200, "n_dates": 300, "n_industries": N_INDUSTRIES, "n_styles": N_STYLES}
    pd.testing.assert_frame_equal(generate_market(**sizes, seed=7).panel, market.panel)
    assert not generate_market(**sizes, seed=8).panel["ret"].equals(market.panel["ret"])


def test_more_industries_than_names_for_them_and_no_room_for_none():
    truth = generate_market(n_assets=100, n_dates=5, n_industries=13).truth
    assert truth.factors[11:14] == ("real_estate", "industry_12", "industry_13")
    with pytest.raises(ValueError, match=r"n_assets=10, .* 5 assets an industry"):
        generate_market(n_assets=10, n_industries=11)


def test_dirt_is_recorded_row_for_row(market):
    spoilt = dirty(market, seed=3, n_each=4)
    panel = spoilt.panel
    planted = pd.DataFrame(spoilt.planted).groupby("defect").size()
    assert planted.to_dict() == dict.fromkeys(Defect, 4)
    assert len(panel) == len(market.panel) + 8
    shares = panel[industries_of(market)]
    keyed = panel.dropna(subset=["date", "asset_id"])
    found = {
        Defect.OUTLIER: panel["ret"].abs() == 0.5,
        Defect.COPY: panel.duplicated(),
        Defect.CONFLICT: keyed.duplicated(["date", "asset_id"], keep=False) & ~keyed.duplicated(keep=False),
        Defect.NAN_EXPOSURE: panel[styles_of(market)].isna().any(axis=1),
        Defect.INFINITE_EXPOSURE: np.isinf(panel[styles_of(market)]).any(axis=1),
        Defect.CAP: panel["cap"] <= 0,
        Defect.SHARE: ((shares < 0) | (shares > 1)).any(axis=1),
        Defect.SHARE_SUM: shares.sum(axis=1) != 1,
        Defect.NULL_DATE: panel["date"].isna(),
        Defect.NULL_ASSET: panel["asset_id"].isna(),
    }
    usable = {Defect.OUTLIER}
    for defect in Defect:
        expected = sum(p.n_unusable for p in spoilt.planted if p.defect is defect)
        assert found[defect].sum() == (4 if defect in usable else expected), defect
    bad = found[Defect.CAP]
    recorded = {(p.date, p.asset_id) for p in spoilt.planted if p.defect is Defect.CAP}
    assert set(zip(panel.loc[bad, "date"], panel.loc[bad, "asset_id"], strict=True)) == recorded
    untouched = generate_market(n_assets=200, n_dates=300, n_industries=N_INDUSTRIES, n_styles=N_STYLES, seed=7)
    pd.testing.assert_frame_equal(market.panel, untouched.panel)


def test_the_file_keeps_nan_exposures_apart_from_null_returns(market, tmp_path):
    spoilt = dirty(market)
    write_panel(spoilt, tmp_path / "panel.parquet")
    table = pq.read_table(tmp_path / "panel.parquet")
    assert table.column_names == list(spoilt.panel.columns)
    assert [str(table.schema.field(name).type) for name in ("date", "asset_id", "ret", "in_estimation")] == [
        "date32[day]",
        "string",
        "double",
        "bool",
    ]
    assert table["ret"].null_count == spoilt.panel["ret"].isna().sum()
    assert (table["date"].null_count, table["asset_id"].null_count) == (3, 3)
    style = table[styles_of(market)[0]]
    assert style.null_count == 0
    assert np.isnan(style.to_numpy()).sum() == 3
    assert table["date"].to_pylist() == spoilt.panel["date"].tolist()
    assert_array_equal(table["cap"].to_numpy(), spoilt.panel["cap"])
