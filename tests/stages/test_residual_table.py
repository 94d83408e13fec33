"""`residual_correlation`, from the specific returns and exposures that a release shows."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from sigmalake.numerics.specific_risk.residual_correlation import ResidualRules, residual_correlation
from sigmalake.reader.open_release import open_release
from sigmalake.tables.long import RESIDUAL_CORRELATION
from sigmalake.tasks.risk.residual_correlation import CorrelateResiduals, _Known


def test_each_month_that_is_over_has_the_row_of_its_window(built_once):
    model, rows = open_release(built_once.lake_folder), built_once.rows(RESIDUAL_CORRELATION).set_index("date")
    u = model.specific_returns()
    ends = [day for day, after in pairwise(u.index) if day.month != after.month]
    assert list(rows.index) == [day.date() for day in ends if len(u[:day]) >= 12]
    factors = list(model.factor_returns())
    for day, row in rows.iterrows():
        X = model.panel(exposure_date=day)[factors]
        groups = [factors.index(one["factor"]) for one in row["within"]]
        window = u[: pd.Timestamp(day)].iloc[-30:].reindex(columns=X.index).to_numpy()
        found = residual_correlation(window, X.to_numpy(), np.array(groups))
        assert (row["n_assets"], row["n_periods"], row["n_above"]) == (found.n_assets, found.n_periods, found.n_above)
        assert_allclose(row["eigenvalues"], found.eigenvalues, rtol=1e-9)
        assert_allclose([row["edge"], row["n_free"]], [found.edge, found.free], rtol=1e-12)
        assert_allclose([row["mean_correlation"], row["mean_squared"], row["expected_squared"]], found.pairs, rtol=1e-9)
        assert [one["asset_id"] for one in row["leading"]] == list(X.index[found.leading])
        for one, (k, pairs) in zip(row["within"], found.groups.items(), strict=True):
            assert (one["factor"], one["factor_group"]) == (factors[k], "industry")
            assert_allclose([one["mean_correlation"], one["mean_squared"], one["expected_squared"]], pairs, rtol=1e-9)


def test_other_rules_make_its_rows_stale_and_no_others(built_once, tmp_path):
    other = built_once.copied_to(tmp_path)
    before = other.rows(RESIDUAL_CORRELATION)
    other.body["residual_correlation"] = {"window": 40, "min_periods": 12}
    days = sorted(before["date"])
    assert {stage: list(planned) for stage, planned in other.plan().items() if planned and stage != "release"} == {"regress": days}
    versions = other.versions()
    other.stage("regress")
    moved = {name for name, version in other.versions().items() if version != versions[name]}
    assert moved == {"residual_correlation", "runs"}
    after = other.rows(RESIDUAL_CORRELATION).set_index("date")
    assert after.loc[days[-1], "n_periods"] == 40
    assert before.set_index("date").loc[days[-1], "n_periods"] == 30


@pytest.mark.parametrize(("n_failed", "n_eigenvalues"), [(0, 8), (57, 0)])
def test_a_window_with_few_dates_of_residuals_has_no_numbers(n_failed, n_eigenvalues):
    residuals = np.random.default_rng(4).normal(size=(60, 8))
    residuals[:n_failed] = np.nan
    task = CorrelateResiduals([], [], ResidualRules(window=60, min_periods=30), {})
    found = task._tested(residuals, 59, 0, _Known(np.arange(8), (), np.zeros((8, 0))))
    assert len(found.eigenvalues) == n_eigenvalues
