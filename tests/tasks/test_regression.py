"""Rows of the panel become rows of cross_sections: the kernel's answer for each, whatever rows come together."""

import pickle

import numpy as np
import pyarrow as pa
import pytest
from packed_world import DAYS, EMPTY, FEW, HASHES, N_DATES, SETS, exposures_of, floats, panel, panel_row, rows_of

from sigmalake.numerics.regression.cross_section import CrossSection, fit_cross_section
from sigmalake.numerics.regression.market_return import market_return
from sigmalake.numerics.regression.pure_portfolios import date_portfolios
from sigmalake.numerics.regression.rules import RegressionRules, RegressionWeights
from sigmalake.numerics.regression.two_pass import TwoPass
from sigmalake.numerics.weights import regression_weights
from sigmalake.tables.packed import CROSS_SECTIONS, FIRST_PASS, PANEL
from sigmalake.tasks.chunks import AsOf, chunks_of, first_row
from sigmalake.tasks.first_pass import FitSecondPass
from sigmalake.tasks.regression import FitDates, second_weights
from sigmalake.tasks.risk.window_arrays import HISTORY, KNOWN

RULES = RegressionRules(portfolios=True, outliers_beyond=2.0, min_assets=12)
FIT = FitDates(SETS, RULES, HASHES)
SCALARS = {"r2": "r2", "adj_r2": "adj_r2", "r2_uncentred": "r2_uncentred", "residual_var": "residual_var",
           "condition_number": "condition_number"}  # fmt: skip
ARRAYS = {"factor_return": "factor_returns", "std_error": "std_errors", "vif": "vif", "specific_return": "specific_returns",
          "fitted_return": "fitted_returns", "weight": "weights"}  # fmt: skip
COUNTS = {"n_estimation": "n_fitted", "rank": "rank", "dof": "dof", "n_outliers": "n_outliers", "n_reweighted": "n_reweighted"}


def fit_by_kernel(row: dict, rules: RegressionRules = RULES) -> tuple[CrossSection, np.ndarray, np.ndarray, np.ndarray]:
    caps = np.ones(row["n_assets"]) if row["cap"] is None else np.array(row["cap"], dtype=float)
    inside, X = np.array(row["in_estimation"], dtype=bool), exposures_of(row)
    weights = regression_weights(rules.instant_weights, caps, None, inside)
    return fit_cross_section(floats(row["ret"]), X, caps, weights, inside, SETS[row["factor_set"]], rules), X, caps, inside


def assert_close(found: list | float | None, expected: np.ndarray | float, name: str) -> None:
    """The numbers, null where the kernel has none: memberships are summed by category here, and as columns of zeros there."""
    finite = np.where(np.isfinite(expected), expected, np.nan)
    np.testing.assert_allclose(np.array(found, dtype=float), finite, rtol=1e-11, atol=1e-15, err_msg=name)


def assert_says(found: dict, row: dict, section: CrossSection) -> None:
    assert found["date"] == row["return_date"]
    assert found["inputs_hash"] == HASHES[row["return_date"]]
    for name in ("factor_set", "n_assets", "asset_id", "in_estimation"):
        assert found[name] == row[name]
    for name, of_kernel in COUNTS.items():
        assert found[name] == getattr(section, of_kernel)
    for name, of_kernel in SCALARS.items():
        assert_close(found[name], getattr(section, of_kernel), name)
    for name, of_kernel in ARRAYS.items():
        assert_close(found[name], getattr(section, of_kernel), name)
    assert (found["status"], found["detail"]) == (section.status, section.detail)
    assert (found["n_members"], tuple(found["factor_status"])) == (section.n_members.tolist(), section.factor_status)
    assert found["outliers"] == [asset for asset, out in zip(row["asset_id"], section.is_outlier, strict=True) if out]


def test_every_column_is_the_kernels_answer_on_dense_arrays():
    found = FIT(panel())
    assert found.schema == CROSS_SECTIONS.arrow_schema()
    for number, one in enumerate(found.to_pylist()):
        row = panel_row(number)
        section, X, caps, inside = fit_by_kernel(row)
        assert_says(one, row, section)
        earned = market_return(floats(row["ret"]), caps, inside)
        assert one["market_return"] == (None if np.isnan(earned) else earned)
        of_date = (X, caps, inside, section.weights, SETS[row["factor_set"]], section.factor_returns, section.factor_status)
        assert_close(one["portfolios"], date_portfolios(*of_date).ravel(), "portfolios")
    assert sum(found.column("n_outliers").to_pylist()) > 0


def test_a_date_that_cannot_be_fitted_is_a_row_with_its_reason():
    statuses = FIT(panel()).column("status").to_pylist()
    assert [number for number, status in enumerate(statuses) if status != "ok"] == [EMPTY, FEW]
    assert statuses[EMPTY] == statuses[FEW] == "too_few"


@pytest.mark.parametrize("size", [1, 5])
def test_any_split_of_the_rows_into_batches_gives_the_same_bits(size):
    rows = panel()
    parts = [FIT(rows.slice(start, size)) for start in range(0, N_DATES, size)]
    assert pa.concat_tables(parts).combine_chunks().equals(FIT(rows))


def test_rows_in_another_order_are_the_same_rows():
    order = np.random.default_rng(3).permutation(N_DATES)
    whole = FIT(panel())
    assert FIT(panel().take(order)).equals(whole.take(order))
    in_pieces = pa.concat_tables([panel().slice(start, 4) for start in (0, 4, 8)])
    assert FIT(in_pieces).equals(whole)


def test_a_task_reads_the_columns_that_it_names_and_survives_being_pickled():
    task = pickle.loads(pickle.dumps(FIT))
    (columns,) = task.columns.values()
    assert task(panel().select(columns)).equals(FIT(panel()))


def test_without_rows_there_are_none():
    assert FIT(panel([])).equals(CROSS_SECTIONS.arrow_schema().empty_table())


def test_portfolios_that_are_not_kept_are_null_as_a_whole():
    plain = FitDates(SETS, RegressionRules(), HASHES)(panel())
    assert plain.column("portfolios").null_count == N_DATES


def test_a_model_without_caps_weighs_every_asset_alike_and_a_given_column_as_it_is():
    row = panel_row(1, has_caps=False)
    found = FIT(rows_of(PANEL, [row])).to_pylist()[0]
    assert_says(found, row, fit_by_kernel(row)[0])
    given = np.random.default_rng(1).lognormal(size=row["n_assets"]).tolist()
    column = FitDates(SETS, RegressionRules(weights=RegressionWeights.COLUMN), HASHES)
    weight = np.array(column(rows_of(PANEL, [{**row, "weight_column": given}])).to_pylist()[0]["weight"])
    fitted = weight > 0
    np.testing.assert_allclose(weight[fitted] / weight[fitted].sum(), np.array(given)[fitted] / np.array(given)[fitted].sum())


def test_the_first_pass_keeps_some_of_the_columns():
    first = FitDates(SETS, RULES.first_pass, HASHES, into=FIRST_PASS)(panel())
    assert first.schema == FIRST_PASS.arrow_schema()
    whole = FitDates(SETS, RULES.first_pass, HASHES)(panel())
    assert first.equals(whole.select(FIRST_PASS.column_names))


# the second of two passes

IN_ORDER = np.arange(N_DATES)
TWO_PASS = TwoPass(half_life=None, window=4, min_periods=2)
IN_TWO = RegressionRules(weights=RegressionWeights.INVERSE_SPECIFIC_VAR, two_pass=TWO_PASS, min_assets=12)


def second_pass(size: int) -> FitSecondPass:
    calendar = DAYS[1:]
    as_of = [AsOf("", n, HASHES[day], first_row(n, TWO_PASS.look_back + 1)) for n, day in enumerate(calendar)]
    return FitSecondPass(calendar, chunks_of(as_of, size), FitDates(SETS, IN_TWO, HASHES))


def in_two_passes(task: FitSecondPass, order: np.ndarray = IN_ORDER) -> pa.Table:
    first = FitDates(SETS, IN_TWO.first_pass, HASHES, into=FIRST_PASS)(panel())
    rows = {HISTORY: first.take(order), KNOWN: panel().take(order)}
    return pa.concat_tables([task(part, rows) for part in range(task.n_parts)]).combine_chunks()


def test_a_second_pass_is_the_kernels_fit_with_the_variances_of_the_dates_before():
    first = FitDates(SETS, IN_TWO.first_pass, HASHES)(panel()).to_pylist()
    residuals = [dict(zip(row["asset_id"], floats(row["specific_return"]), strict=True)) for row in first]
    found = in_two_passes(second_pass(100)).to_pylist()
    for number, one in enumerate(found):
        row = panel_row(number)
        window = residuals[max(0, number - 4) : number]
        values = [[day.get(asset, np.nan) for day in window] for asset in row["asset_id"]]
        var = np.array([np.nanvar(u, ddof=1) if np.isfinite(u).sum() >= 2 else np.nan for u in values])
        caps, inside = np.array(row["cap"] or [], dtype=float), np.array(row["in_estimation"], dtype=bool)
        weights, message = second_weights(var, np.where(inside, np.sqrt(caps), 0.0), inside, TWO_PASS.max_ratio)
        ret, factors = floats(row["ret"]), SETS[row["factor_set"]]
        section = fit_cross_section(ret, exposures_of(row), caps, weights, inside, factors, IN_TWO)
        np.testing.assert_allclose(floats(one["specific_return"]), section.specific_returns, rtol=1e-9, atol=1e-15)
        np.testing.assert_allclose(floats(one["factor_return"]), section.factor_returns, rtol=1e-9, atol=1e-15)
        assert one["detail"] == "; ".join(part for part in (section.detail, message) if part)
    assert any("raised" in one["detail"] or "lowered" in one["detail"] or "without" in one["detail"] for one in found)


def test_the_second_pass_does_not_depend_on_the_order_of_rows():
    task = second_pass(5)
    whole = in_two_passes(task)
    assert whole.equals(in_two_passes(task, np.random.default_rng(0).permutation(N_DATES)))
    assert whole.column("date").to_pylist() == DAYS[1:]
