"""The example of minimum variance: what it prints is so, by linear algebra and first-order conditions on the dense V."""

import runpy
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

EXAMPLE = Path(__file__).parents[2] / "examples" / "gallery" / "minimum_variance.py"


@pytest.fixture(scope="module")
def ran():
    """The names that the script leaves, and what it prints."""
    pytest.importorskip("cvxpy")
    with redirect_stdout(StringIO()) as out:
        names = runpy.run_path(str(EXAMPLE))
    return names | {"printed": out.getvalue()}


@pytest.fixture(scope="module")
def V(ran):  # noqa: N802 - the model's symbol
    return ran["risk"].asset_cov(ran["assets"]).to_numpy()


def printed(ran, line):
    return float(next(row for row in ran["printed"].splitlines() if row.startswith(line)).removeprefix(line).split()[0])


def test_with_short_sales_it_is_the_closed_form_of_the_dense_v(ran, V):
    solved = np.linalg.solve(V, np.ones(len(V)))
    assert_allclose(ran["with_shorts"], solved / solved.sum(), atol=1e-6)
    assert printed(ran, "with short sales") == pytest.approx(100 / np.sqrt(solved.sum()), abs=0.005)
    assert printed(ran, "with short sales") == printed(ran, "by the closed form")


def test_long_only_meets_the_first_order_conditions_with_its_cap(ran, V):
    w = ran["long_only"].to_numpy()
    slope = V @ w / (w @ V @ w)
    inside, capped, out = (w > 1e-4) & (w < 0.0499), w >= 0.0499, w <= 1e-4
    level = slope[inside].mean()
    assert np.ptp(slope[inside]) < 1e-3
    assert (slope[out] > level - 1e-3).all()
    assert (slope[capped] < level + 1e-3).all()
    assert printed(ran, "long only") == pytest.approx(100 * np.sqrt(w @ V @ w), abs=0.005)


def test_near_the_market_the_tracking_error_is_at_its_limit(ran, V):
    w, b = ran["between"].to_numpy(), ran["market"].to_numpy()
    assert np.sqrt((w - b) @ V @ (w - b)) == pytest.approx(0.02, rel=1e-4)
    assert printed(ran, "long only") < printed(ran, "within 2 % of it") < printed(ran, "market ")
    assert printed(ran, "its tracking error") == 2.0


def test_the_bars_of_the_figure_sum_to_the_risk(ran):
    bars = np.array([trace.y for trace in ran["figure"].data])
    assert_allclose(bars.sum(axis=0), [100 * report.vol for report in ran["reports"].values()], rtol=1e-10)
