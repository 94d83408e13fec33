"""conf/litterman.yaml against the chapter's formulas, written out in loops over the CSV files."""

import csv
from datetime import date
from math import sqrt
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from sigmalake.reader.open_release import open_release

STOCKS, FACTORS, T = ["ASH", "ELM", "OAK", "YEW"], ["beta", "value"], 60


class ByHand(NamedTuple):
    """What the formulas give."""

    days: list[str]  # the T months
    f: np.ndarray  # (T, 2)
    u: np.ndarray  # (T, 4)
    sigma: np.ndarray  # (2, 2)
    specific_var: np.ndarray  # (4,)
    V: np.ndarray  # (4, 4)


@pytest.fixture(scope="module")
def example(command_line, tmp_path_factory):
    litterman = command_line("litterman.yaml", tmp_path_factory.mktemp("litterman") / "lake")
    litterman("run")
    return litterman


@pytest.fixture(scope="module")
def by_hand(example):
    folder = example.config.parent / "data"
    rate = {row["date"]: float(row["rate"]) for row in rows_of(folder / "litterman_rates.csv")}
    months = sorted(rate)
    assert len(months) == T + 1
    r, w, B = np.zeros((T + 1, 4)), np.zeros((T + 1, 4)), np.zeros((T + 1, 4, 2))
    for row in rows_of(folder / "litterman_returns.csv"):
        r[months.index(row["date"]), STOCKS.index(row["asset_id"])] = float(row["ret"]) - rate[row["date"]]
    for row in rows_of(folder / "litterman_exposures.csv"):
        t, n = months.index(row["date"]), STOCKS.index(row["asset_id"])
        w[t, n], B[t, n] = sqrt(float(row["cap"])), [float(row[factor]) for factor in FACTORS]
    f = np.array([regression(r[t], B[t - 1], w[t - 1]) for t in range(1, T + 1)])
    u = np.array(
        [[r[t, n] - B[t - 1, n, 0] * f[t - 1, 0] - B[t - 1, n, 1] * f[t - 1, 1] for n in range(4)] for t in range(1, T + 1)]
    )
    sigma = sample_cov(f)
    specific_var = np.diag(sample_cov(u))
    V = np.diag(specific_var)
    for i in range(4):
        for j in range(4):
            for k in range(2):
                for m in range(2):
                    V[i, j] += B[T - 1, i, k] * sigma[k, m] * B[T - 1, j, m]
    return ByHand(months[1:], f, u, sigma, specific_var, V)


def rows_of(path):
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def regression(r, B, w):
    """The two normal equations, solved by Cramer's rule."""
    a = c = d = p = q = 0.0
    for n in range(4):
        a += w[n] * B[n, 0] ** 2
        c += w[n] * B[n, 0] * B[n, 1]
        d += w[n] * B[n, 1] ** 2
        p += w[n] * B[n, 0] * r[n]
        q += w[n] * B[n, 1] * r[n]
    return [(d * p - c * q) / (a * d - c * c), (a * q - c * p) / (a * d - c * c)]


def sample_cov(values):
    """1/(T-1) sum (x - xbar)(y - ybar) of each pair of columns."""
    size = values.shape[1]
    mean = [sum(values[:, k]) / T for k in range(size)]
    cov = np.zeros((size, size))
    for t in range(T):
        for k in range(size):
            for m in range(size):
                cov[k, m] += (values[t, k] - mean[k]) * (values[t, m] - mean[m]) / (T - 1)
    return cov


def test_each_month_is_a_weighted_regression_of_excess_returns(example, by_hand):
    f = example.table("factor_returns").pivot(index="date", columns="factor", values="factor_return")
    assert [str(day) for day in f.index] == by_hand.days
    assert_allclose(f[FACTORS], by_hand.f, rtol=0, atol=1e-12)
    u = example.table("specific_returns").pivot(index="date", columns="asset_id", values="specific_return")
    assert_allclose(u[STOCKS], by_hand.u, rtol=0, atol=1e-12)
    assert (example.table("cross_sections").dof == 2).all()


def test_sigma_and_delta_are_sample_moments_of_sixty_months(example, by_hand):
    sigma = example.table("factor_covariance").set_index(["factor_1", "factor_2"])["covariance"]
    assert len(sigma) == 3  # one date: the months before it are fewer than 60
    for k, m in ((0, 0), (0, 1), (1, 1)):
        assert_allclose(sigma[FACTORS[k], FACTORS[m]], by_hand.sigma[k, m], rtol=1e-12)
    risk = example.table("specific_risk")
    last = risk[risk.date == date.fromisoformat(by_hand.days[-1])].set_index("asset_id").loc[STOCKS]
    assert_allclose(last.specific_var, by_hand.specific_var, rtol=1e-12)
    assert (last.n_obs == T).all()


def test_the_stored_v_has_the_exposures_of_the_regression(example, by_hand):
    rows, build = example.table("asset_covariance"), example.table("covariance_builds").iloc[0]
    V = pd.DataFrame(np.stack(list(rows["covariance"])), rows["asset_id"].tolist(), list(build["asset_id"])).loc[STOCKS, STOCKS]
    assert_allclose(V, by_hand.V, rtol=1e-12)
    model = open_release(example.lake)
    assert_allclose(model.risk(exposures="used").asset_cov(STOCKS), by_hand.V, rtol=1e-12)


def test_the_covariance_command_prints_v(example, by_hand):
    printed = example("covariance", "--assets", ",".join(STOCKS), "--exposures", "used").splitlines()
    assert printed[0].startswith(f"V of 4 assets, sample_60 as of {by_hand.days[-1]}, exposures of {by_hand.days[-2]}")
    found = {(row[0], row[1]): float(row[2]) for row in csv.reader(printed[1:])}
    assert len(found) == 16
    for i, first in enumerate(STOCKS):
        for j, second in enumerate(STOCKS):
            assert_allclose(found[first, second], by_hand.V[i, j], rtol=1e-12)


def test_exposures_known_at_the_close_give_another_v(example, by_hand):
    printed = example("covariance", "--assets", ",".join(STOCKS), "--exposures", "known")
    assert f"exposures of {by_hand.days[-1]}" in printed.splitlines()[0]
    model = open_release(example.lake).risk()
    B = model.exposures
    assert_allclose(model.asset_cov(STOCKS), B @ by_hand.sigma @ B.T + np.diag(by_hand.specific_var), rtol=1e-12)
    assert abs(model.asset_cov(STOCKS).to_numpy() / by_hand.V - 1).max() > 0.01
