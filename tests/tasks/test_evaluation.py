"""Forecasts beside their returns: a part's rows are the kernel's answer on arrays that were filled element by element."""

import pickle

import numpy as np
import pyarrow as pa
import pytest
from packed_world import (
    DAYS,
    HASHES,
    N_DATES,
    SETS,
    exposures_of,
    floats,
    model_row,
    nullable,
    panel,
    panel_row,
    rows_of,
    sigma_of,
)

from sigmalake.numerics.evaluation.forecast_evaluation import DateForecast, EvaluationRules, OwnPortfolio, evaluate_date
from sigmalake.numerics.portfolio.linked_cov import UNLINKED, LinkedCov
from sigmalake.numerics.regression.rules import RegressionRules
from sigmalake.tables.evaluation import FORECAST_EVALUATION
from sigmalake.tables.packed import RISK_MODELS
from sigmalake.tasks.evaluation import KNOWN, MODELS, REGRESSED, RETURNED, EvaluateForecasts, forecast_parts, holdings_of
from sigmalake.tasks.regression import FitDates

RULES = EvaluationRules(random_active=3, minimum_variance=2)
OWN = {"mine": [(DAYS[2], OwnPortfolio("mine", ["A001", "A010", "A020"], np.array([0.5, 0.3, 0.2])))]}
FORECASTS = DAYS[:N_DATES]
KEYS = {(name, day): f"{name} {day}" for day in FORECASTS for name in ("v", "w")}
FIT = FitDates(SETS, RegressionRules(min_assets=12), HASHES)
MEASURES = {"vol": "vol", "realised_return": "realised", "b": "b", "b_squared": "b_squared", "log_var": "log_var",
            "log_b_squared": "log_b_squared"}  # fmt: skip


def inputs() -> dict[str, pa.Table]:
    models = [model_row(number, name) for number in range(N_DATES) for name in ("w", "v")]
    return {MODELS: rows_of(RISK_MODELS, models), KNOWN: panel(), RETURNED: panel(), REGRESSED: FIT(panel())}


def task_of(realised: dict, own=OWN) -> EvaluateForecasts:
    return EvaluateForecasts(forecast_parts(FORECASTS, FORECASTS), KEYS, realised, SETS, RULES, own)


NEXT_DATE = task_of({day: {1: [after]} for day, after in zip(FORECASTS, DAYS[1:], strict=True)})


def evaluated(task: EvaluateForecasts, given: dict[str, pa.Table] | None = None) -> pa.Table:
    return pa.concat_tables([task(part, given or inputs()) for part in range(task.n_parts)]).combine_chunks()


def forecast(number: int, name: str) -> DateForecast:
    row, model, section = panel_row(number), model_row(number, name), FIT(panel([number])).to_pylist()[0]
    X, factors = exposures_of(row), SETS[row["factor_set"]]
    n = row["n_assets"]
    exposures, usable, var = np.zeros((n, len(model["factors"]))), np.ones(n, dtype=bool), np.full(n, np.nan)
    for i, asset in enumerate(row["asset_id"]):
        if asset in model["asset_id"]:
            var[i] = floats(model["specific_var"])[model["asset_id"].index(asset)]
        usable[i] = not np.isnan(var[i])
        for k, factor in enumerate(factors):
            if factor.name in model["factors"]:
                exposures[i, model["factors"].index(factor.name)] = X[i, k]
            elif X[i, k] and factor.name not in model["zero_factors"]:
                usable[i] = False
    returned = {factor.name: value for factor, value in zip(factors, section["factor_return"], strict=True)}
    return DateForecast(
        model["factors"], sigma_of(model), floats([returned[factor] for factor in model["factors"]]), row["asset_id"], exposures,
        var, usable, None if row["cap"] is None else np.array(row["cap"]), np.array(row["in_estimation"], dtype=bool),
        floats(row["ret"]), floats(section["specific_return"]), linked_of(row, model),
    )  # fmt: skip


def linked_of(row: dict, model: dict) -> LinkedCov:
    if model["linked_1"] is None:
        return UNLINKED
    pairs, cov = [], []
    for one, other, value in zip(model["linked_1"], model["linked_2"], model["linked_cov"], strict=True):
        ids = [model["asset_id"][one], model["asset_id"][other]]
        if all(asset in row["asset_id"] for asset in ids):
            pairs.append(sorted(row["asset_id"].index(asset) for asset in ids))
            cov.append(value)
    return LinkedCov(np.array(pairs, dtype=np.int64).reshape(-1, 2), np.array(cov))


def test_every_row_is_the_kernels_answer_by_date_and_variant():
    found = evaluated(NEXT_DATE)
    assert found.schema == FORECAST_EVALUATION.arrow_schema()
    rows = iter(found.to_pylist())
    for number in range(N_DATES):
        for name in ("v", "w"):
            for part in evaluate_date(forecast(number, name), RULES, holdings_of(OWN, DAYS[number])):
                measures = {column: nullable(getattr(part.run, of)) for column, of in MEASURES.items()}
                measures["left_out_weight"] = nullable(part.left_out_weight)
                for n, portfolio in enumerate(part.portfolios):
                    row = next(rows)
                    assert (row["variant"], row["date"], row["return_date"]) == (name, DAYS[number], DAYS[number + 1])
                    assert (row["kind"], row["portfolio"], row["inputs_hash"]) == (part.kind, portfolio, f"{name} {DAYS[number]}")
                    counts = [part.run.n_forecasts[n], part.run.n_zero[n], part.n_assets[n], part.left_out[n]]
                    assert [row[c] for c in ("n_forecasts", "n_zero", "n_assets", "n_left_out")] == counts
                    assert row["detail"] == (None if counts[0] else part.without)
                    assert {column: row[column] for column in measures} == {
                        column: values[n] for column, values in measures.items()
                    }
    assert next(rows, None) is None
    kinds = set(found.column("kind").to_pylist())
    assert kinds >= {"factor", "eigenfactor", "market", "random_active", "minimum_variance", "own", "asset_by_size"}


def test_the_order_of_rows_and_rows_that_are_not_asked_for_do_not_matter():
    rng, given = np.random.default_rng(1), inputs()
    shuffled = {role: rows.take(rng.permutation(rows.num_rows)) for role, rows in given.items()}
    assert evaluated(NEXT_DATE, shuffled).equals(evaluated(NEXT_DATE, given))
    task = EvaluateForecasts([FORECASTS[3:4]], {("w", DAYS[3]): "h"}, NEXT_DATE.realised, SETS, RULES, {})
    found = evaluated(task)
    assert set(zip(found.column("variant").to_pylist(), found.column("date").to_pylist(), strict=True)) == {("w", DAYS[3])}


def test_a_task_reads_the_dates_and_columns_that_it_names_and_survives_being_pickled():
    task = EvaluateForecasts([FORECASTS[:3], FORECASTS[3:5]], KEYS, NEXT_DATE.realised, SETS, RULES, {})
    assert task.dates(1) == {MODELS: DAYS[3:5], KNOWN: DAYS[3:5], RETURNED: DAYS[4:6], REGRESSED: DAYS[4:6]}
    given = {role: rows.select(task.columns[role]) for role, rows in inputs().items()}
    assert evaluated(pickle.loads(pickle.dumps(task)), given).equals(evaluated(task))


def test_forecasts_that_have_not_met_a_return_or_have_no_exposures_have_no_rows():
    given = inputs()
    assert evaluated(NEXT_DATE, {**given, REGRESSED: given[REGRESSED].slice(0, 0)}).num_rows == 0
    assert evaluated(NEXT_DATE, {**given, KNOWN: panel([2])}).column("date").unique().to_pylist() == [DAYS[2]]
    assert evaluated(NEXT_DATE, {role: rows.slice(0, 0) for role, rows in given.items()}).equals(
        FORECAST_EVALUATION.arrow_schema().empty_table()
    )


def test_a_forecast_over_several_dates_has_their_compounded_return():
    task = EvaluateForecasts([[DAYS[8]]], KEYS, {DAYS[8]: {1: DAYS[9:10], 3: DAYS[9:12]}}, SETS, RULES, {})
    assert task.dates(0)[RETURNED] == DAYS[9:12]
    found = {h: [row for row in evaluated(task).to_pylist() if (row["variant"], row["horizon"]) == ("v", h)] for h in (1, 3)}
    assert {(row["horizon"], row["return_date"]) for h in found for row in found[h]} == {(1, DAYS[9]), (3, DAYS[11])}
    (one, rows) = ([row for row in found[h] if row["kind"] == "factor"] for h in (1, 3))
    assert [row["vol"] for row in rows] == pytest.approx([row["vol"] * 3**0.5 for row in one], rel=1e-12)
    sections = FIT(panel([8, 9, 10])).to_pylist()
    names = [factor.name for factor in SETS["then"]]
    for row in rows:
        f = [section["factor_return"][names.index(row["portfolio"])] for section in sections]
        assert row["realised_return"] == pytest.approx(np.prod([1 + value for value in f]) - 1, rel=1e-10)


def test_forecast_dates_share_a_part_by_their_positions_in_the_calendar():
    calendar = list(range(40))  # what stands there does not matter
    assert forecast_parts([0, 15, 16, 39], calendar) == [[0, 15], [16], [39]]
