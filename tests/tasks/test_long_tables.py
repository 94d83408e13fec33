"""Packed rows become long ones: what double loops over dates and assets say, in the order of dates and positions."""

import pickle

import numpy as np
import pyarrow as pa
import pytest
from packed_world import HASHES, N_DATES, SETS, exposures_of, model_row, panel, panel_row, rows_of

from sigmalake.numerics.regression.rules import RegressionRules
from sigmalake.tables.long import FACTORS
from sigmalake.tables.packed import PANEL, RISK_MODELS
from sigmalake.tasks.long_tables import (
    Unpack,
    exposure_moments,
    exposures,
    factor_covariance,
    factor_portfolios,
    factor_returns,
    risk_diagnostics,
    specific_returns,
    specific_risk,
)
from sigmalake.tasks.regression import FitDates

STEP = {"style": "size", "step": "combined", "term": "size", "mean": 0.5, "sd": 2.0, "coefficient": None}


def factors_table() -> pa.Table:
    """In no particular order."""
    listed = [
        {"factor_set": name, "position": position, "factor": factor.name, "factor_group": factor.group, "kind": factor.kind.value}
        for name, factors in SETS.items()
        for position, factor in enumerate(factors)
    ]
    return rows_of(FACTORS, [listed[n] for n in np.random.default_rng(0).permutation(len(listed))])


def sections() -> pa.Table:
    """One date's standard errors changed to 0 and null: neither gives a t-statistic."""
    rows = FitDates(SETS, RegressionRules(portfolios=True, min_assets=12), HASHES)(panel())
    listed = rows.to_pylist()
    listed[2]["std_error"][:2] = [0.0, None]
    return pa.Table.from_pylist(listed, rows.schema)


def models() -> pa.Table:
    return rows_of(RISK_MODELS, [model_row(number, name) for number in range(N_DATES) for name in ("v", "w")])


def steps() -> pa.Table:
    of = {n: [{**STEP, "n_values": n, "n_changed": k} for k in range(n)] for n in range(5)}
    rows = [{**panel_row(n), "style_steps": found or None} for n, found in of.items()]
    return rows_of(PANEL, rows)


def filled() -> pa.Table:
    """Some dates say which styles were filled in; of some assets the memberships are left out, or in no order."""
    rows = [panel_row(n) for n in range(N_DATES)]
    for row in rows[::3]:
        row["styles_filled"] = [n % 5 == 0 for n in range(2 * row["n_assets"])]
    for row in rows[1::3]:
        for name in ("member_assets", "member_factors", "member_shares"):
            row[name] = row[name][3:][::-1]
    return rows_of(PANEL, rows)


# the same by loops


def looped_factor_returns(rows: list[dict]) -> list[dict]:
    found = []
    for row in rows:
        for k, factor in enumerate(SETS[row["factor_set"]]):
            f, error = row["factor_return"][k], row["std_error"][k]
            found.append({
                "date": row["date"], "factor": factor.name, "factor_group": factor.group, "factor_return": f, "std_error": error,
                "t_stat": None if f is None or not error else f / error, "vif": row["vif"][k], "n_members": row["n_members"][k],
                "status": row["factor_status"][k] if row["status"] == "ok" else row["status"],
            })  # fmt: skip
    return found


def looped_specific_returns(rows: list[dict]) -> list[dict]:
    arrays = ("asset_id", "specific_return", "fitted_return", "in_estimation", "weight")
    return [{"date": row["date"], **{name: row[name][n] for name in arrays}} for row in rows for n in range(row["n_assets"])]


def looped_portfolios(rows: list[dict]) -> list[dict]:
    found = []
    for row in rows:
        for k, factor in enumerate(SETS[row["factor_set"]]):
            for n, asset in enumerate(row["asset_id"]):
                if row["portfolios"][k * row["n_assets"] + n]:
                    weight = row["portfolios"][k * row["n_assets"] + n]
                    found.append({"date": row["date"], "factor": factor.name, "asset_id": asset, "weight": weight})
    return found


def looped_factor_covariance(rows: list[dict]) -> list[dict]:
    found = []
    for row in rows:
        numbers = iter(row["factor_cov"])
        for i, one in enumerate(row["factors"]):
            for other in row["factors"][i:]:
                key = {"variant": row["variant"], "date": row["date"], "factor_1": one, "factor_2": other}
                found.append({**key, "covariance": next(numbers)})
    return found


def looped_specific_risk(rows: list[dict]) -> list[dict]:
    arrays = ("asset_id", "specific_var", "n_obs", "ts_var", "structural_var", "blend_weight", "shrink_weight", "source")
    found = []
    for row in rows:
        for n in range(len(row["asset_id"])):
            values = {name: None if row[name] is None else row[name][n] for name in arrays}
            found.append({name: row[name] for name in ("variant", "date", "regime_multiplier")} | values)
    return found


def looped_diagnostics(rows: list[dict]) -> list[dict]:
    return [{"variant": row["variant"], "date": row["date"], **one} for row in rows for one in row["diagnostics"]]


def looped_moments(rows: list[dict]) -> list[dict]:
    return [{"exposure_date": row["exposure_date"], **step} for row in rows for step in row["style_steps"] or ()]


def looped_exposures(rows: list[dict]) -> list[dict]:
    found = []
    for row in rows:
        X, held = exposures_of(row), set(zip(row["member_assets"], row["member_factors"], strict=True))
        for n, asset in enumerate(row["asset_id"]):
            for k, factor in enumerate(SETS[row["factor_set"]]):
                style = k - (len(SETS[row["factor_set"]]) - 2)
                if factor.group == "sector" and (n, k) not in held:
                    continue
                found.append({
                    "date": row["exposure_date"], "return_date": row["return_date"], "asset_id": asset, "factor": factor.name,
                    "factor_group": factor.group, "exposure": X[n, k],
                    "filled": bool(style >= 0 and row["styles_filled"] and row["styles_filled"][2 * n + style]),
                })  # fmt: skip
    return found


CASES = {
    "exposures": (lambda: exposures(factors_table()), filled, looped_exposures),
    "factor_returns": (lambda: factor_returns(factors_table()), sections, looped_factor_returns),
    "specific_returns": (specific_returns, sections, looped_specific_returns),
    "factor_portfolios": (lambda: factor_portfolios(factors_table()), sections, looped_portfolios),
    "factor_covariance": (factor_covariance, models, looped_factor_covariance),
    "specific_risk": (specific_risk, models, looped_specific_risk),
    "risk_diagnostics": (risk_diagnostics, models, looped_diagnostics),
    "exposure_moments": (exposure_moments, steps, looped_moments),
}


@pytest.fixture(params=CASES, scope="module")
def case(request):
    task, rows, loop = CASES[request.param]
    return task(), rows(), loop


def test_every_row_is_what_loops_over_the_packed_rows_say(case):
    task, rows, loop = case
    found, expected = task(rows), loop(rows.to_pylist())
    assert found.schema == task.into.arrow_schema()
    assert found.num_rows == len(expected) > 0
    for one, other in zip(found.to_pylist(), expected, strict=True):
        assert one == other


def test_the_order_of_packed_rows_does_not_matter(case):
    task, rows, _ = case
    order = np.random.default_rng(2).permutation(rows.num_rows)
    assert task(rows.take(order)).equals(task(rows))


def test_rows_in_pieces_and_cut_out_of_others_are_the_same_rows(case):
    task, rows, _ = case
    pieces = [rows.slice(start, 3) for start in range(0, rows.num_rows, 3)]
    assert task(pa.concat_tables(pieces)).equals(task(rows))
    assert pa.concat_tables([task(piece) for piece in pieces]).combine_chunks().equals(task(rows).combine_chunks())


def test_a_task_reads_only_the_columns_that_it_names(case):
    task, rows, _ = case
    (columns,) = task.columns.values()
    task = pickle.loads(pickle.dumps(task))
    assert isinstance(task, Unpack)
    assert task(rows.select(columns)).equals(task(rows))


def test_without_packed_rows_there_are_no_long_ones(case):
    task, rows, _ = case
    assert task(rows.slice(0, 0)).equals(task.into.arrow_schema().empty_table())


def test_an_error_of_0_or_none_has_no_t_statistic():
    found = factor_returns(factors_table())(sections()).to_pylist()
    second = [row for row in found if row["date"] == sections().column("date")[2].as_py()][:2]
    assert [(row["std_error"], row["t_stat"]) for row in second] == [(0.0, None), (None, None)]


def test_portfolios_that_are_not_kept_have_no_rows():
    rows = FitDates(SETS, RegressionRules(), HASHES)(panel())
    assert factor_portfolios(factors_table())(rows).num_rows == 0
