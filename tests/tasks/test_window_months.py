"""A variant of months: a chunk's rows give what the kernels say of returns that pandas has compounded by month."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from window_world import FACTORS, LAYERS, N_ASSETS, World

from sigmalake.config.model import Config
from sigmalake.config.variant import Variant
from sigmalake.numerics.specific_risk.layers import specific_history, specific_risk
from sigmalake.numerics.windows.calendar import complete_months
from sigmalake.stages.planning import PanelState, expected_risk_models, first_position
from sigmalake.tasks.chunks import AsOf, Chunk
from sigmalake.tasks.risk.windows import EstimateWindows

DAYS = [day.date() for day in pd.bdate_range("2023-01-12", "2024-06-14")]  # from within a month, to within another
MONTHS = complete_months(DAYS)
ENDS = [month.last for month in MONTHS]
MISSING = 0.05  # of the specific returns


def variant(**given) -> Variant:
    own = {"estimator": "ewma", "half_life": 6, "window": 12, "min_periods": 4}
    sigma = {**own, "lags": 1, "regime": {"half_life": 2}, "eigenfactor": {"simulations": 5, "seed": "s"}}
    both = {"factor_cov": sigma, "specific_var": {**own, **LAYERS}}
    return Variant.model_validate({"frequency": "month", **both, **given})


def world_of(days: list[date] = DAYS) -> World:
    world = World(days)
    rng = np.random.default_rng(3)
    world.u[rng.random(world.u.shape) < MISSING] = np.nan
    world.u[30:34, 7] = np.nan  # a halt of four days
    world.u[:40, 8] = np.nan  # listed within a month
    world.f[100, 3] = np.nan
    return world


def computed(world: World, chosen: Variant, as_of: list[int], months=MONTHS) -> list[dict[str, object]]:
    first = min(first_position(chosen, position, months) for position in as_of)
    chunk = Chunk(first, max(as_of), tuple(AsOf("v", day, f"hash {day}", first_position(chosen, day, months)) for day in as_of))
    task = EstimateWindows(world.calendar, [chunk], {"v": chosen}, {"set": FACTORS}, months)
    return task(0, world.inputs(range(first, max(as_of) + 1), as_of)).to_pylist()


def by_month(values: np.ndarray, most_missing: float) -> np.ndarray:
    """Compounded by pandas, the incomplete months at both ends left out."""
    frame = pd.DataFrame(values, index=pd.DatetimeIndex(DAYS))
    month = frame.index.to_period("M")
    total, missing = (1 + frame.fillna(0.0)).groupby(month).prod() - 1, frame.isna().groupby(month).mean()
    return total.where((missing <= most_missing) & (missing < 1)).iloc[1:-1].to_numpy()


def numbers(values) -> np.ndarray:
    return np.array(values, dtype=float)


def test_every_layer_is_the_kernels_answer_on_compounded_returns():
    world, chosen = world_of(), variant()
    as_of = [*ENDS, len(DAYS) - 1]
    f, u = by_month(world.f, 0.0), by_month(world.u, 0.2)
    caps = np.array([world.caps[month.first - 1] for month in MONTHS])
    newest = np.array([*range(len(MONTHS)), len(MONTHS) - 1])
    history = specific_history(chosen.specific_var, u, newest, caps)
    seen = set()
    for number, row in enumerate(computed(world, chosen, as_of)):
        expected = specific_risk(history, number, world.coverage(as_of[number]))
        assert (row["date"], row["frequency"]) == (DAYS[as_of[number]], "month")
        for name in ("specific_var", "ts_var", "structural_var", "blend_weight", "shrink_weight"):
            assert_allclose(numbers(row[name]), getattr(expected, name), rtol=1e-10, atol=1e-15)
        assert (row["source"], row["n_obs"]) == (expected.source, expected.n_obs.tolist())
        assert row["regime_multiplier"] == pytest.approx(expected.regime_multiplier, rel=1e-10)
        assert_allclose(numbers(row["linked_cov"]), expected.linked.cov, rtol=1e-10)
        sigma = chosen.factor_cov.estimate(f[: newest[number] + 1], [factor.name for factor in FACTORS])
        assert_allclose(numbers(row["factor_cov"]), sigma.cov[np.triu_indices(len(sigma.kept))], rtol=1e-10, atol=1e-16)
        assert row["n_periods"] == sigma.n_periods
        seen |= set(expected.source)
    assert seen == {"time_series", "blend", "structural", "none"}
    assert len(row["factors"]) == 4
    assert max(row["n_obs"]) == 12  # of months


def test_what_gaps_have_taken_is_told():
    world, chosen = world_of(), variant()
    row = computed(world, chosen, [ENDS[11]])[0]
    told = {one["name"]: (one["value"], one["detail"]) for one in row["diagnostics"]}
    counted = [name for name in told if name.startswith("months_incomplete")]
    assert counted == ["months_incomplete:size"]
    assert told["months_incomplete:size"] == (
        1.0, "months of the window's 12 without a return of the factor, which one of their dates lacks",
    )  # fmt: skip
    missing = pd.DataFrame(np.isnan(world.u), index=pd.DatetimeIndex(DAYS)).groupby(pd.DatetimeIndex(DAYS).to_period("M")).mean()
    missing = missing.iloc[1:13].to_numpy()
    lost, gaps = ((missing > 0.2) & (missing < 1)).sum(), ((missing > 0) & (missing <= 0.2)).sum()
    assert (told["specific_months_incomplete"][0], told["specific_months_with_gaps"][0]) == (lost, gaps)
    assert (
        told["specific_months_incomplete"][1]
        == f"of 12 months and {N_ASSETS} assets: left out, more than 20% of the dates lack a residual"
    )
    assert min(lost, gaps) > 0


def test_one_date_a_month_is_the_variant_of_periods():
    days = [day.date() for day in pd.bdate_range("2020-01-31", periods=30, freq="BME")]
    world = World(days)
    months = complete_months(days, date(2019, 12, 31))
    as_of = list(range(30))
    chosen = variant()
    rows = computed(world, chosen, as_of, months)
    plain = computed(world, chosen.model_copy(update={"frequency": "period"}), as_of, months)
    for row, same in zip(rows, plain, strict=True):
        for name in row.keys() - {"frequency", "diagnostics"}:
            if isinstance(same[name], list) and same[name] and isinstance(same[name][0], float | None):
                assert_allclose(numbers(row[name]), numbers(same[name]), rtol=1e-12, err_msg=name)
            else:
                assert row[name] == pytest.approx(same[name], rel=1e-12) if name.endswith("multiplier") else row[name] == same[name]


def test_the_running_month_moves_nothing_but_the_coverage():
    as_of = len(DAYS) - 1
    one, other = world_of(), world_of()
    other.u[ENDS[-1] + 1 :] = 0.3
    other.f[ENDS[-1] + 1 :] = 0.3
    assert computed(one, variant(), [as_of]) == computed(other, variant(), [as_of])


def test_before_any_month_is_over_there_is_no_sigma_and_no_variance():
    row = computed(world_of(), variant(), [5])[0]
    assert (row["status"], row["factors"], set(row["source"])) == ("no_factor_cov", [], {"none"})
    assert (row["n_periods"], set(row["n_obs"])) == (0, {0})


# what a row rests on

CONFIG = {
    "model": "m", "lake": "lake", "sources": {"panel": {"path": "p.parquet"}}, "factors": [{"market": "market"}],
    "regression": {"weights": "equal"}, "risk": {"v": {"preset": "monthly_60", "frequency": "month"}},
}  # fmt: skip
SIX_YEARS = [day.date() for day in pd.bdate_range("2018-01-12", "2024-06-14")]


def expected_hashes(days, changed: date | None = None) -> dict[date, str]:
    panel = [PanelState(before, after, "", f"x{before}") for before, after in zip(days, [*days[1:], None], strict=True)]
    sections = {day: f"{day}{'!' if day == changed else ''}" for day in days[1:]}
    return {day: value for (_, day), value in expected_risk_models(panel, sections, Config.model_validate(CONFIG)).items()}


def moved(changed: date) -> list[date]:
    before, after = expected_hashes(SIX_YEARS), expected_hashes(SIX_YEARS, changed)
    return [day for day in before if before[day] != after[day]]


def test_a_restated_date_moves_the_sixty_month_ends_that_hold_it_and_no_other():
    ends = list(expected_hashes(SIX_YEARS))
    assert ends[-2:] == [date(2024, 5, 31), date(2024, 6, 14)]
    assert moved(date(2019, 1, 16)) == ends[12:72]  # January 2019 to December 2023
    assert moved(date(2018, 1, 16)) == []  # the first month does not begin here
    assert moved(date(2018, 2, 1)) == ends[1:61]
    assert moved(date(2024, 5, 31)) == ends[-2:]
    assert moved(date(2024, 6, 13)) == []  # of a running month only the as-of date's assets are read
    assert moved(date(2024, 6, 14)) == ends[-1:]


def test_a_month_that_turns_out_to_be_over_moves_its_last_row():
    until = [day for day in SIX_YEARS if day <= date(2024, 3, 28)]  # before Good Friday
    before, after = expected_hashes(until), expected_hashes([*until, date(2024, 4, 1)])
    assert [day for day in before if before[day] != after.get(day)] == [date(2024, 3, 28)]
    assert set(after) - set(before) == {date(2024, 4, 1)}


def test_a_window_begins_with_the_first_date_of_its_first_month():
    chosen = Config.model_validate(CONFIG).risk["v"]
    months = complete_months(SIX_YEARS)
    newest = len(SIX_YEARS) - 1
    assert SIX_YEARS[first_position(chosen, newest, months)] == date(2019, 6, 3)
    assert first_position(chosen, 5, months) == 5
