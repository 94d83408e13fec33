"""A chunk of the first pass becomes variances known one date before; and what the plan hashes of it."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sigmalake.config.model import Config
from sigmalake.numerics.regression.two_pass import TwoPass
from sigmalake.stages.planning import PanelState, expected_cross_sections, expected_first_pass
from sigmalake.tasks.chunks import AsOf, chunks_of, first_row
from sigmalake.tasks.first_pass import variances_before
from sigmalake.tasks.regression import second_weights

N_DATES, WINDOW = 30, 8
CALENDAR = [date(2024, 1, 1) + timedelta(days=n) for n in range(N_DATES)]
RULES = TwoPass(half_life=None, window=WINDOW, min_periods=3)
LISTS = [("asset_id", pa.list_(pa.string())), ("specific_return", pa.list_(pa.float64()))]
SCHEMA = pa.schema([("position", pa.int32()), *LISTS])


def residuals() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    u = pd.DataFrame(rng.normal(0, 0.02, (N_DATES, 20)), columns=[f"A{n:02d}" for n in range(20)])
    return u.mask(rng.random(u.shape) < 0.1)


def coverage(position: int) -> list[str]:
    """Who has exposures: another nine tenths every date, in order, and one without any history."""
    return [f"A{n:02d}" for n in range(20) if (n + position) % 10] + ["B00"]


def variances(u: pd.DataFrame, positions: list[int], size: int = 100) -> dict[date, pd.Series]:
    history = [
        {"position": p, "asset_id": list(u.columns), "specific_return": row}
        for p, row in zip(u.index, u.to_numpy().tolist(), strict=True)
    ]
    found = {}
    for chunk in chunks_of([AsOf("", p, "", first_row(p, WINDOW + 1)) for p in positions], size):
        known = [{"position": row.position, "asset_id": coverage(row.position)} for row in chunk.as_of]
        sent = [row for row in history if chunk.first <= row["position"] <= chunk.last]
        tables = (pa.Table.from_pylist(rows, SCHEMA) for rows in (sent, known))
        values = variances_before(*tables, chunk, RULES.estimator()).to_pylist()
        for row, specific_var in zip(known, values, strict=True):
            found[CALENDAR[row["position"]]] = pd.Series(specific_var, row["asset_id"], dtype=float)
    return found


def test_pandas_gives_the_same_variances_of_the_window_that_ends_the_date_before():
    u = residuals()
    found = variances(u, list(range(N_DATES)))
    rolling = u.rolling(WINDOW, min_periods=3).var().shift(1)
    assert list(found) == CALENDAR
    for position, day in enumerate(CALENDAR):
        assert_allclose(found[day], rolling.loc[position].reindex(coverage(position)), rtol=1e-9)
    assert found[CALENDAR[0]].isna().all()


def test_chunks_of_any_size_give_the_same():
    u = residuals()
    whole = variances(u, list(range(N_DATES)))
    for size in (1, 7):
        parts = variances(u, list(range(N_DATES)), size)
        for day in CALENDAR:
            assert_allclose(parts[day], whole[day], rtol=1e-12)


def test_neither_a_dates_own_residuals_nor_later_ones_move_its_variances():
    u, changed = residuals(), residuals()
    changed.iloc[15:] = 9.0
    one, other = (variances(frame, list(range(N_DATES))) for frame in (u, changed))
    for day in CALENDAR[:16]:
        assert_array_equal(one[day], other[day])
    assert (one[CALENDAR[16]] != other[CALENDAR[16]]).sum() > 15


def test_what_is_supposed_and_what_is_capped_is_counted():
    inside = np.arange(10) != 9
    var = np.array([np.nan, np.nan, 1e-12, 9.0, *[4e-4] * 6])
    weights, told = second_weights(var, inside.astype(float), inside, 100.0)
    assert told == (
        "2 of 9 assets without a specific variance, weighed as in the first pass; 1 raised to hold the ratio of weights at 100; "
        "1 lowered to hold the ratio of weights at 100"
    )
    assert_allclose(weights / weights[4], [1, 1, 10, 0.1, 1, 1, 1, 1, 1, 0], rtol=1e-12)
    assert second_weights(np.full(10, 4e-4), inside.astype(float), inside, 100.0)[1] == ""


def configured(**regression) -> Config:
    source = {"panel": {"path": "p.parquet", "columns": {"cap": "cap"}}}
    body = {"model": "m", "lake": "lake", "sources": source, "factors": [{"market": "m"}], "regression": regression}
    return Config.model_validate(body)


def in_two(**two_pass) -> Config:
    return configured(weights="inverse_specific_var", two_pass={"half_life": None, "window": WINDOW, **two_pass})


def panel(restated: int | None = None) -> list[PanelState]:
    days = [*CALENDAR, CALENDAR[-1] + timedelta(days=1)]
    hashes = [f"{n}{'*' if n == restated else ''}" for n in range(len(days))]
    return [PanelState(day, after, value, value) for day, after, value in zip(days, [*days[1:], None], hashes, strict=True)]


def moved(before: dict[date, str], after: dict[date, str]) -> list[int]:
    return [n for n, day in enumerate(before) if after[day] != before[day]]


def test_a_restated_date_moves_its_first_pass_its_regression_and_those_whose_window_holds_it():
    config = in_two()
    assert moved(expected_first_pass(panel(), config), expected_first_pass(panel(12), config)) == [12]
    found = moved(expected_cross_sections(panel(), config), expected_cross_sections(panel(12), config))
    assert found == list(range(12, 12 + WINDOW + 1))


def test_other_variances_move_the_second_pass_alone_and_other_rules_both():
    one = in_two()
    for other, first_moves in ((in_two(max_ratio=9), False), (in_two(min_periods=2), False)):
        assert (expected_first_pass(panel(), one) != expected_first_pass(panel(), other)) is first_moves
        assert len(moved(expected_cross_sections(panel(), one), expected_cross_sections(panel(), other))) == N_DATES
    hubers = configured(weights="inverse_specific_var", huber=2, two_pass={"half_life": None, "window": WINDOW})
    assert len(moved(expected_first_pass(panel(), one), expected_first_pass(panel(), hubers))) == N_DATES


def test_a_configuration_in_one_pass_has_no_first_one():
    assert expected_first_pass(panel(), configured()) == {}


@pytest.mark.parametrize("caps", [True, False])
def test_two_passes_need_no_caps(caps):
    body = in_two().model_dump(mode="json")
    body["sources"]["panel"]["columns"]["cap"] = "cap" if caps else None
    assert Config.model_validate(body).regression.two_pass is not None


def test_the_panel_of_two_passes_is_that_of_weights_by_sqrt_cap():
    styles = {"styles": {"size": {"missing": "regress"}}}
    bodies = [
        {**configured(**rules).model_dump(mode="json"), "factors": [{"market": "m"}, styles]}
        for rules in ({}, {"weights": "equal"})
    ]
    plain, equal = (Config.model_validate(body) for body in bodies)
    two = Config.model_validate({**bodies[0], "regression": {"weights": "inverse_specific_var"}})
    assert two.ingest_hash() == plain.ingest_hash() != equal.ingest_hash()
