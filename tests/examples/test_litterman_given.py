"""conf/litterman_given.yaml against its formulas, written out over the CSV files: four stocks, F given for sixty months."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from sigmalake.errors import MissingRiskError
from sigmalake.reader.open_release import open_release

STOCKS, FACTORS = ["ASH", "ELM", "OAK", "YEW"], ["beta", "value"]


@pytest.fixture(scope="module")
def example(command_line, tmp_path_factory):
    given = command_line("litterman_given.yaml", tmp_path_factory.mktemp("given") / "lake")
    given("run")
    return given


@pytest.fixture(scope="module")
def by_hand(example):
    """F (60, 2), u (60, 4), the last B (4, 2), r (60, 4)."""
    read = {
        name: pd.read_csv(example.config.parent / "data" / f"litterman_{name}.csv")
        for name in ("returns", "exposures", "rates", "factor_returns")
    }
    r = (
        read["returns"]
        .pivot(index="date", columns="asset_id", values="ret")[STOCKS]
        .sub(read["rates"].set_index("date")["rate"], axis=0)
    )
    F = read["factor_returns"].pivot(index="date", columns="factor", values="value")[FACTORS]
    B = [read["exposures"].pivot(index="date", columns="asset_id", values=factor)[STOCKS].to_numpy() for factor in FACTORS]
    u = r.to_numpy()[1:] - sum(B[k][:-1] * F.to_numpy()[1:, [k]] for k in range(2))
    return F.to_numpy()[1:], u, np.column_stack([B[k][-2] for k in range(2)]), r.to_numpy()[1:]


def test_the_factor_returns_are_those_given_and_say_so(example, by_hand):
    table = example.table("factor_returns")
    assert_allclose(table.pivot(index="date", columns="factor", values="factor_return")[FACTORS], by_hand[0], rtol=0, atol=0)
    assert (set(table["status"]), table["std_error"].isna().all(), len(table)) == ({"given"}, True, 120)
    assert set(example.table("factors")["given"]) == {"in_returns"}
    assert (example.table("cross_sections")[["rank", "dof"]] == [0, 4]).all(axis=None)


def test_residuals_are_what_the_factors_leave_and_v_follows(example, by_hand):
    F, u, B, r = by_hand
    found = example.table("specific_returns").pivot(index="date", columns="asset_id", values="specific_return")
    assert_allclose(found[STOCKS], u, rtol=0, atol=1e-15)
    V = B @ np.cov(F.T) @ B.T + np.diag(u.var(axis=0, ddof=1))
    model = open_release(example.lake)
    assert_allclose(model.risk(exposures="used").asset_cov(STOCKS), V, rtol=1e-12)
    earned = model.attribution(dict.fromkeys(STOCKS, 0.25))
    assert_allclose(earned.returns, r.mean(axis=1), rtol=0, atol=1e-15)
    assert_allclose(earned.parts[[*FACTORS, "specific"]].sum(axis=1), r.mean(axis=1), rtol=0, atol=1e-15)
    with pytest.raises(MissingRiskError, match="the return of beta is given"):
        model.partial_regression("2023-12-31", "beta")


def test_r2_is_of_the_whole_return(example, by_hand):
    _, u, _, r = by_hand
    caps = pd.read_csv(example.config.parent / "data" / "litterman_exposures.csv").pivot(
        index="date", columns="asset_id", values="cap"
    )
    w = np.sqrt(caps[STOCKS].to_numpy()[:-1])
    found = example.table("cross_sections").sort_values("date")["r2_uncentred"]
    assert_allclose(found, 1 - (w * u**2).sum(axis=1) / (w * r**2).sum(axis=1), rtol=1e-12)
