"""Forecasts against what happened: Spark says what the kernel says, once, and an increment leaves what a rebuild would."""

from datetime import date

import numpy as np
import pandas as pd
import pyarrow.compute as pc
import pytest
from numpy.testing import assert_allclose

from lakes import rows_of
from sigmalake.numerics.evaluation.forecast_evaluation import DateForecast, EvaluationRules, OwnPortfolio, evaluate_date
from sigmalake.stages.context import Asked
from sigmalake.stages.evaluate import _is_whole, evaluation_summaries, run_evaluate
from sigmalake.tables.evaluation import FORECAST_EVALUATION
from sigmalake.tables.packed import CROSS_SECTIONS, RISK_MODELS
from small_model import Model, assert_same_rows

RULES = {"random_active": 4, "minimum_variance": 2}


def evaluated(model: Model, **asked: date) -> Model:
    run_evaluate(model.context(Asked(**asked)))
    return model


def with_own(model: Model) -> Model:
    """A portfolio that changes half-way, and one that begins then."""
    days = model.market.truth.dates
    held = [
        ("mine", days[0], "A01", 0.6),
        ("mine", days[0], "A02", 0.4),
        ("mine", days[50], "A03", 1.0),
        ("late", days[50], "A04", 1),
    ]
    pd.DataFrame(held, columns=["portfolio", "date", "asset_id", "weight"]).to_csv(model.folder / "mine.csv", index=False)
    model.body = {**model.body, "evaluate": {"test_portfolios": RULES, "portfolios": str(model.folder / "mine.csv")}}
    return model


@pytest.fixture(scope="module")
def whole(built_once, tmp_path_factory) -> Model:
    """The forecasts of the whole market, evaluated once; for reading only."""
    return evaluated(with_own(built_once.copied_to(tmp_path_factory.mktemp("evaluated"))))


def table_of(model: Model):
    return rows_of(model.lake_folder, FORECAST_EVALUATION)


def daily(rows):
    return rows.filter(pc.equal(rows.column("variant"), "short"))


def computed(model: Model) -> Model:
    """The stages that forecasts rest on."""
    for stage in ("ingest", "regress", "risk"):
        model.stage(stage)
    return model


def forecast_from_tables(model: Model, row, panel: pd.DataFrame) -> tuple[date, DateForecast]:
    """One forecast and what followed, from the source and the packed tables' plain columns."""
    truth = model.market.truth
    days = sorted(panel["date"].unique())
    after = days[days.index(row.date) + 1]
    known = panel[panel["date"] == row.date].sort_values("asset_id").set_index("asset_id")
    names = list(truth.factors)
    industries = {name.removeprefix("ind_") for name in panel.columns if name.startswith("ind_")}
    X = np.column_stack([np.ones(len(known)), *(known[f"ind_{n}" if n in industries else n] for n in names[1:])])
    k = len(row.factors)
    sigma = np.zeros((k, k))
    sigma[np.triu_indices(k)] = row.factor_cov
    sigma += np.triu(sigma, 1).T
    own = pd.Series(row.specific_var, row.asset_id).astype(float).reindex(known.index).to_numpy()
    cross = model.rows(CROSS_SECTIONS).set_index("date").loc[after]
    f = pd.Series(cross["factor_return"], names).astype(float)
    in_sigma = [name in row.factors for name in names]
    return after, DateForecast(
        factors=list(row.factors), factor_cov=sigma, factor_returns=f[list(row.factors)].to_numpy(), asset_ids=list(known.index),
        exposures=X[:, in_sigma], specific_var=own,
        usable=~np.isnan(own) & ~(X[:, np.logical_not(in_sigma)] != 0).any(axis=1), caps=known["cap"].to_numpy(),
        in_estimation=known["in_estimation"].to_numpy(bool),
        returns=panel[panel["date"] == after].set_index("asset_id")["ret"].reindex(known.index).to_numpy(float),
        specific_returns=pd.Series(cross["specific_return"], cross["asset_id"]).astype(float).reindex(known.index).to_numpy(),
    )  # fmt: skip


def test_every_row_is_the_kernels_answer(whole, panel):
    stored = whole.rows(FORECAST_EVALUATION).set_index(["variant", "date", "kind", "portfolio"]).sort_index()
    models = whole.rows(RISK_MODELS)
    newest = max(whole.market.truth.dates)
    models = models[models["date"] < newest]
    assert {(v, d) for v, d, _, _ in stored.index} == set(zip(models["variant"], models["date"], strict=True))
    days = whole.market.truth.dates
    for row in models[models["date"].isin([days[1], days[12], days[30], days[60], days[-2]])].itertuples():
        after, forecast = forecast_from_tables(whole, row, panel)
        own = [OwnPortfolio("late", ["A04"], np.ones(1)), OwnPortfolio("mine", ["A03"], np.ones(1))]
        if row.date < days[50]:
            own = [OwnPortfolio("mine", ["A01", "A02"], np.array([0.6, 0.4]))]
        here = stored.loc[(row.variant, row.date)]
        assert set(here["return_date"]) == {after}
        count = 0
        for part in evaluate_date(forecast, EvaluationRules(**RULES), own):
            for p, name in enumerate(part.portfolios):
                found = here.loc[(part.kind.value, name)]
                run, count = part.run, count + 1
                assert found["n_forecasts"] == run.n_forecasts[p]
                assert (found["n_assets"], found["n_left_out"]) == (part.n_assets[p], part.left_out[p])
                numbers = found[["vol", "realised_return", "b", "b_squared", "log_var", "log_b_squared"]].astype(float)
                expected = [run.vol[p], run.realised[p], run.b[p], run.b_squared[p], run.log_var[p], run.log_b_squared[p]]
                assert_allclose(numbers, expected, rtol=1e-7, atol=1e-13, err_msg=f"{row.date} {part.kind} {name}")
                assert pd.isna(found["detail"]) == bool(run.n_forecasts[p])
        assert count == len(here)


def test_a_second_evaluation_writes_nothing(whole):
    before = whole.versions()
    evaluated(whole)
    assert whole.versions() == before


def test_a_day_appended_and_a_range_by_hand_equal_a_rebuild(model, panel, whole):
    days = sorted(panel["date"].unique())
    computed(with_own(model).write(panel[panel["date"] <= days[-3]]))
    evaluated(model, end=days[40])
    assert table_of(model).column("return_date").to_pandas().max() == days[40]
    evaluated(model)
    evaluated(computed(model.write(panel)))
    assert_same_rows(table_of(model), table_of(whole))


def test_what_is_not_yet_known_moves_no_evaluation_that_is(model, panel, whole):
    day = sorted(panel["date"].unique())[60]
    changed = panel.copy()
    future = changed["date"] > day
    changed.loc[future, "ret"] = changed.loc[future, "ret"] * 3 + 0.01
    changed.loc[future, "cap"] *= 2
    evaluated(computed(with_own(model).write(changed)))
    one, other = (daily(table_of(m)) for m in (model, whole))  # which date is a month's last is known after it
    past = pc.less_equal(other.column("return_date"), day)
    assert 1000 < pc.sum(past).as_py() < other.num_rows
    assert_same_rows(one.filter(past), other.filter(past))
    assert one.column("b").to_pandas().ne(other.column("b").to_pandas())[~past.to_pandas()].mean() > 0.9


def test_another_holding_moves_its_dates_and_other_rules_move_all(whole, tmp_path):
    model = whole.copied_to(tmp_path)
    own = pd.read_csv(model.folder / "mine.csv")
    own.loc[own["asset_id"] == "A04", "asset_id"] = "A06"
    own.to_csv(model.folder / "mine.csv", index=False)
    model.body["evaluate"] = {**model.body["evaluate"], "portfolios": str(model.folder / "mine.csv")}
    before = table_of(model).to_pandas()
    outcome = run_evaluate(model.context())
    days = list(model.market.truth.dates)
    assert (min(outcome.dates), max(outcome.dates)) == (days[50], days[-2])
    changed = table_of(model).to_pandas()
    moved = before["b"].ne(changed["b"]) & before["b"].notna()
    assert set(before.loc[moved, "portfolio"]) == {"late"}
    model.body["evaluate"] = {"test_portfolios": {**RULES, "seed": 1}, "variants": ["short"]}
    outcome = run_evaluate(model.context())
    assert min(outcome.dates) == min(before["date"])
    left = table_of(model).to_pandas()
    assert set(left["variant"]) == {"short"}
    assert "own" not in set(left["kind"])


def test_the_summary_holds_the_variants_side_by_side(whole):
    (summary,) = evaluation_summaries(whole.context())
    found = {(kind.kind, kind.variant): kind for kind in summary.kinds}
    assert {variant for _, variant in found} == {"short", "monthly"}
    stored = whole.rows(FORECAST_EVALUATION)
    market = stored[(stored["kind"] == "market") & (stored["variant"] == "short")].dropna(subset=["b"])
    assert found["market", "short"].bias == pytest.approx(market["b"].std(), rel=1e-10)
    assert found["market", "short"].n_dates == len(market)
    days = whole.market.truth.dates
    (part,) = evaluation_summaries(whole.context(Asked(days[40], days[60])))
    assert {kind.n_dates for kind in part.kinds if (kind.kind, kind.variant) == ("market", "short")} == {21}


def test_longer_horizons_meet_the_compounded_returns_of_their_periods_once_all_have_come(model, panel, whole):
    days = sorted(panel["date"].unique())
    computed(with_own(model).write(panel[panel["date"] <= days[-4]]))
    model.body["evaluate"] = {**model.body["evaluate"], "horizons": [5, 1]}
    evaluated(model)
    evaluated(computed(model.write(panel)))
    stored = model.rows(FORECAST_EVALUATION)
    first = stored[stored["horizon"] == 1].drop(columns=["horizon", "inputs_hash"]).reset_index(drop=True)
    alone = whole.rows(FORECAST_EVALUATION).drop(columns=["horizon", "inputs_hash"])
    order = ["variant", "date", "kind", "portfolio"]
    pd.testing.assert_frame_equal(first.sort_values(order, ignore_index=True), alone.sort_values(order, ignore_index=True))
    of_market = (stored["variant"] == "short") & (stored["kind"] == "factor") & (stored["portfolio"] == "market")
    one, five = (stored[of_market & (stored["horizon"] == h)].set_index("date").sort_index() for h in (1, 5))
    assert list(five.index) == list(one.index[:-4])  # the last four wait for their fifth day
    assert list(five["return_date"]) == list(one["return_date"])[4:]
    together = (1 + one["realised_return"]).rolling(5).apply(np.prod).shift(-4).dropna() - 1
    assert_allclose(five["vol"], one["vol"].loc[five.index] * np.sqrt(5), rtol=1e-12)
    assert_allclose(five["realised_return"].dropna(), together, rtol=1e-9, atol=1e-14)
    daily_1, daily_5 = evaluation_summaries(model.context())
    assert ({kind.horizon for kind in daily_1.kinds}, {kind.horizon for kind in daily_5.kinds}) == ({1}, {5})
    b = five["b"].dropna()
    found = next(one for one in daily_5.portfolios if (one.kind, one.portfolio, one.variant) == ("factor", "market", "short"))
    assert found.bias == pytest.approx(b.std(), rel=1e-10)
    assert found.bias_band == pytest.approx(np.sqrt(2 / (len(b) * 15 / 51)))
    before = model.versions()
    evaluated(model)
    assert model.versions() == before


def test_periods_that_leave_out_a_date_of_the_calendar_are_no_horizon():
    january, march, april = ([date(2024, month, day) for day in (4, 18)] for month in (1, 3, 4))
    calendar = [*january, date(2024, 2, 8), *march, *april]
    regressed = {*january, *march, *april}  # none of February
    assert _is_whole([*march, *april], calendar, regressed)
    assert not _is_whole([*january, *march], calendar, regressed)
