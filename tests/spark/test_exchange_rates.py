"""What the rows of a date are converted by: no session is needed to say it, but to tell a row what it lacks."""

from datetime import date

import numpy as np
import pytest
from pyspark.sql import functions as F

from sigmalake.config.model import Config
from sigmalake.engines.spark.sources.checking import PROBLEM, Half
from sigmalake.engines.spark.sources.exchange_rates import converted, exchange_frame
from sigmalake.stages.sources.base_currency import cap_rate_dates
from sigmalake.tasks.sources.exchange_rates import Exchange, RateHistory, return_exchanges, spots

DAYS = [date(2024, 1, day) for day in (2, 3, 5)]
NAN = np.nan
HISTORY = RateHistory(
    DAYS,
    ["EUR", "USD"],
    np.array([[1.1, 1.0], [1.2, 1.0], [NAN, 1.0]]),
    np.array([[0.02, 0.03], [0.02, 0.04], [0.02, NAN]]),
)


def test_a_currency_without_a_rate_on_the_date_or_the_one_before_is_absent():
    found = return_exchanges(HISTORY, "USD", hedged=False, interest=False)
    assert [sorted(exchange.growth) for exchange in found] == [["USD"], ["EUR", "USD"], ["USD"]]
    assert all((exchange.growth["USD"], exchange.carry["USD"]) == (1.0, 0.0) for exchange in found)
    assert (found[1].growth["EUR"], found[1].carry["EUR"]) == pytest.approx((1.2 / 1.1, 1.2 / 1.1 - 1))
    assert [found[t].lacks(["EUR"], caps=False) for t in range(3)] == [True, False, True]
    assert not found[1].lacks(["EUR"], caps=True)  # no caps are converted


def test_hedged_returns_need_both_interest_rates_or_none_is_given():
    priced = return_exchanges(HISTORY._replace(rates=np.ones((3, 2))), "USD", hedged=True, interest=True)
    assert [sorted(exchange.carry) for exchange in priced] == [["EUR", "USD"], ["EUR", "USD"], ["USD"]]
    assert priced[1].carry["EUR"] == pytest.approx(1.04 / 1.02 - 1)
    plain = return_exchanges(HISTORY, "USD", hedged=True, interest=False)
    assert (plain[1].growth["EUR"], plain[1].carry["EUR"]) == pytest.approx((1.2 / 1.1, 0.0))


@pytest.mark.jvm
def test_a_return_that_lacks_interest_names_the_currency_that_has_none_be_it_the_base(spark):
    rates = np.array([[1.1, 0.9, 1.0], [1.2, NAN, 1.0], [1.2, NAN, 1.0]])
    interest = np.array([[0.02, 0.02, 0.03], [NAN, 0.02, 0.03], [0.02, 0.02, NAN]])
    history = RateHistory(DAYS, ["EUR", "JPY", "USD"], rates, interest)
    frame = spark.createDataFrame([(day, ccy) for day in DAYS[1:] for ccy in history.currencies], "day date, ccy string")
    given = {"date": F.col("day"), "currency": F.col("ccy"), "local_ret": F.lit(0.1), "risk_free": F.lit(0.0)}
    half = Half(frame, {**given, "usable": F.lit(True), "problems": F.array().cast(f"array<{PROBLEM}>")})
    by_date = exchange_frame(spark, return_exchanges(history, "USD", hedged=True, interest=True))
    exchanged = converted({"returns": half}, by_date, {"returns": "ccy"})["returns"].rows
    assert exchanged.where("usable != (size(problems) = 0)").isEmpty()
    rows = exchanged.select("date", "currency", F.inline("problems"))
    found = {(row["date"], row["currency"]): (row["reason"], row["value"]) for row in rows.collect()}
    assert found == {
        (DAYS[1], "EUR"): ("no interest rate of the currency", "EUR"),
        (DAYS[1], "JPY"): ("no exchange rate", "JPY"),
        (DAYS[2], "EUR"): ("no interest rate of the currency", "USD"),
        (DAYS[2], "JPY"): ("no exchange rate", "JPY"),
    }


def test_a_date_that_no_return_belongs_to_lacks_nothing():
    assert not Exchange(DAYS[0], spot=spots(HISTORY)[DAYS[0]]).lacks(["GBP"], caps=False)
    assert Exchange(DAYS[0], spot=spots(HISTORY)[DAYS[0]]).lacks(["GBP"], caps=True)


def configured(dated="end_of_period", **columns) -> Config:
    panel = {"path": "p.parquet", "columns": {"cap": "cap"}}
    sources = {"panel": panel}
    if columns:
        panel |= {"columns": {"cap": "cap", "currency": "ccy", **columns}, "exposures_dated": dated}
        sources["exchange_rates"] = {"path": "fx.parquet", "base": "USD"}
    return Config.model_validate({"model": "m", "lake": "lake", "sources": sources, "factors": [{"market": "market"}]})


def test_caps_are_converted_at_their_own_date_or_where_they_stand_beside_the_return_at_the_one_before():
    assert cap_rate_dates(configured(), DAYS, DAYS, []) == cap_rate_dates(configured(ret="r"), DAYS, DAYS, []) == {}
    config = configured(cap_currency="ccy")
    weekend = date(2024, 1, 4)
    assert cap_rate_dates(config, DAYS, [*DAYS, weekend, None], []) == {day: day for day in [*DAYS, weekend]}
    beside = configured("start_of_period", cap_currency="ccy")
    assert cap_rate_dates(beside, DAYS, [*DAYS, weekend], DAYS) == {DAYS[1]: DAYS[0], weekend: DAYS[1], DAYS[2]: DAYS[1]}


def test_the_first_caps_beside_their_return_are_converted_at_the_newest_rates_before_them():
    beside, rated = configured("start_of_period", cap_currency="ccy"), [date(2023, 12, 28), date(2023, 12, 29), *DAYS]
    found = cap_rate_dates(beside, DAYS, [date(2023, 12, 28), date(2023, 12, 29), DAYS[0], DAYS[1]], rated)
    assert found == {date(2023, 12, 29): date(2023, 12, 28), DAYS[0]: date(2023, 12, 29), DAYS[1]: DAYS[0]}


def test_what_exchanges_returns_and_caps_is_of_the_panel():
    assert len({c.ingest_hash() for c in (configured(), configured(ret="r"), configured(cap_currency="ccy"))}) == 3
