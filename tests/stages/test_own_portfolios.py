"""The user's portfolios: what a file may hold, when a portfolio holds, what the evaluation remembers of it."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from sigmalake.errors import ConfigError, DataError
from sigmalake.stages.sources.own_portfolios import OwnDigests, read_own_portfolios
from sigmalake.tasks.evaluation import holdings_of

HELD = pd.DataFrame({
    "date": ["2024-01-31", "2024-01-31", "2024-03-28", "2024-02-29"], "portfolio": ["a", "a", "a", "b"],
    "asset_id": ["007", "X", "NA", "X"], "weight": [0.5, -0.5, 1.0, 2.0],
})  # fmt: skip


def written(folder, frame, name="own.csv") -> str:
    path = folder / name
    frame.to_parquet(path) if name.endswith(".parquet") else frame.to_csv(path, index=False)
    return str(path)


def as_of(own, day):
    return {p.name: dict(zip(p.asset_ids, p.weights.tolist(), strict=True)) for p in holdings_of(own, day)}


@pytest.mark.parametrize("name", ["own.csv", "own.parquet"])
def test_a_portfolio_holds_from_its_date_until_its_next_one(tmp_path, name):
    own = read_own_portfolios(written(tmp_path, HELD, name))
    assert as_of(own, date(2024, 1, 30)) == {}
    assert as_of(own, date(2024, 1, 31)) == {"a": {"007": 0.5, "X": -0.5}}
    assert as_of(own, date(2024, 3, 27)) == {"a": {"007": 0.5, "X": -0.5}, "b": {"X": 2.0}}
    assert as_of(own, date(2030, 1, 1)) == {"a": {"NA": 1.0}, "b": {"X": 2.0}}


def test_dates_may_be_dates_and_ids_numbers_in_parquet(tmp_path):
    frame = HELD.assign(date=[date(2024, 1, 31)] * 4, asset_id=[1, 2, 3, 4], portfolio=[5, 5, 5, 6])
    own = read_own_portfolios(written(tmp_path, frame, "own.parquet"))
    assert as_of(own, date(2024, 1, 31)) == {"5": {"1": 0.5, "2": -0.5, "3": 1.0}, "6": {"4": 2.0}}


def test_without_dates_a_portfolio_always_holds(tmp_path):
    own = read_own_portfolios(written(tmp_path, HELD.iloc[:2].drop(columns="date")))
    assert as_of(own, date(1950, 1, 1)) == {"a": {"007": 0.5, "X": -0.5}}


def test_no_file_is_no_portfolio():
    own = read_own_portfolios(None)
    assert (own, OwnDigests(own).on(date(2024, 1, 1))) == ({}, "")


def test_a_digest_changes_on_the_dates_at_which_the_holdings_do_and_does_not_know_their_order(tmp_path):
    one = OwnDigests(read_own_portfolios(written(tmp_path, HELD)))
    again = OwnDigests(read_own_portfolios(written(tmp_path, HELD.iloc[::-1])))
    other = OwnDigests(read_own_portfolios(written(tmp_path, HELD.assign(weight=[0.5, -0.5, 0.9, 2.0]))))
    days = [date(2024, 1, 1), date(2024, 2, 1), date(2024, 3, 1), date(2024, 4, 1)]
    assert [one.on(day) for day in days] == [again.on(day) for day in days]
    assert [one.on(day) == other.on(day) for day in days] == [True, True, True, False]
    assert len({one.on(day) for day in days}) == 4


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"weight": ["", 1, 1, 1]}, "1 rows that cannot be used; the first: row 1, weight ''"),
        ({"weight": [1, "much", "inf", 1]}, "2 rows that cannot be used; the first: row 2, weight 'much'"),
        ({"weight": [1, 1, np.inf, 1]}, "1 rows that cannot be used; the first: row 3, weight 'inf'"),
        ({"date": ["2024-01-31", "soon", "2024-01-31", "2024-01-31"]}, "1 rows that cannot be used; the first: row 2, date 'soon'"),
        ({"asset_id": ["X", "Y", "Z", None]}, "asset_id of row 4 is empty"),
        ({"asset_id": "X", "date": "2024-01-31"}, "X is twice in portfolio a; give one weight"),
    ],
)
def test_a_row_that_cannot_be_used_is_named(tmp_path, change, said):
    with pytest.raises(DataError) as error:
        read_own_portfolios(written(tmp_path, HELD.assign(**change)))
    assert said in str(error.value)


def test_a_file_that_is_none_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"own\.csv has no column weight; it has date, portfolio, asset_id"):
        read_own_portfolios(written(tmp_path, HELD.drop(columns="weight")))
    for name in ("no.csv", "no.parquet"):
        with pytest.raises(ConfigError, match=rf"evaluate\.portfolios: there is no file .*{name}"):
            read_own_portfolios(str(tmp_path / name))
    (tmp_path / "text.parquet").write_text("no Parquet")
    with pytest.raises(ConfigError, match=r"text\.parquet cannot be read"):
        read_own_portfolios(str(tmp_path / "text.parquet"))
