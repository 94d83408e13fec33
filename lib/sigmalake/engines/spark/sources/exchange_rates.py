"""Local returns and caps become those of the base currency, each row by the rates of its date.

The driver holds the rates as dense arrays (dates by currencies), takes the kernel's numbers from them and ships a row a date:
some dozen numbers a currency. Every row of a source meets its date's in a broadcast join, within the pass that packs it.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date

import numpy as np
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from sigmalake.engines.spark.sources.checking import PROBLEM, Half, accepted
from sigmalake.tasks.sources.checking import Reason
from sigmalake.tasks.sources.exchange_rates import Exchange, RateHistory, currency_in

_BY_DATE = (
    "_exchange_date date, _growth map<string,double>, _carry map<string,double>, _spot map<string,double>, _no_interest string"
)


def rate_history(rows: DataFrame, base: str, dates: Sequence[date], currencies: Collection[str]) -> RateHistory:
    """The usable rates of these dates and currencies, brought to the driver.

    Args:
        rows: checked rows of the exchange rates.
        base: the base currency, whose rate is 1.
        dates: ascending.
        currencies: those that returns or caps are in.
    """
    named = sorted({*currencies, base})
    found = accepted(rows).where(F.col("currency").isin(named)).select("date", "currency", "rate", "interest_rate").toArrow()
    at_date, at_currency = ({key: i for i, key in enumerate(keys)} for keys in (dates, named))
    history = RateHistory(list(dates), named, *(np.full((len(dates), len(named)), np.nan) for _ in range(2)))
    for day, currency, rate, interest in zip(*(column.to_pylist() for column in found.columns), strict=True):
        if day in at_date:
            place = at_date[day], at_currency[currency]
            history.rates[place], history.interest[place] = rate, np.nan if interest is None else interest
    history.rates[:, at_currency[base]] = 1.0
    return history


def exchange_frame(spark: SparkSession, exchanges: Iterable[Exchange]) -> DataFrame:
    """Shipped to every task."""
    rows = [tuple(exchange) for exchange in exchanges]
    return F.broadcast(spark.createDataFrame(rows, _BY_DATE))


def converted(halves: Mapping[str, Half], by_date: DataFrame, columns: Mapping[str, str | None]) -> dict[str, Half]:
    """Halves of one frame in the base currency; a row without its rate has a problem.

    Args:
        halves: of one source.
        by_date: see `exchange_frame`.
        columns: by half, the source's name of the column that says the currency.
    """
    if all(currency_in(half.columns) is None for half in halves.values()):
        return dict(halves)
    some = next(iter(halves.values()))
    frame = some.frame.join(by_date, some.columns["date"] == F.col("_exchange_date"), "left")
    return {name: Half(frame, _converted(half.columns, columns.get(name))) for name, half in halves.items()}


def _converted(given: Mapping[str, Column], column: str | None) -> dict[str, Column]:
    if column is not None and "currency" in given:
        currency = given["currency"]
        growth, carry = (F.try_element_at(F.col(name), currency) for name in ("_growth", "_carry"))
        reason = F.when(growth.isNull(), Reason.NO_EXCHANGE_RATE.value).when(carry.isNull(), Reason.NO_INTEREST_RATE.value)
        wanted = F.col("_growth").isNotNull()
        lacking = F.when(growth.isNull(), currency).otherwise(F.coalesce("_no_interest", currency))
        wrong = wanted & reason.isNotNull() & ~_is_blank(currency)
        ret = given["local_ret"] * growth + carry - given["risk_free"]
        return {**given, "ret": ret, **_with_problem(given, wrong, column, reason, lacking)}
    if column is not None and "cap_currency" in given:
        currency, reason = given["cap_currency"], F.lit(Reason.NO_EXCHANGE_RATE.value)
        spot = F.try_element_at(F.col("_spot"), currency)
        wrong = F.col("_spot").isNotNull() & spot.isNull() & ~_is_blank(currency)
        return {**given, "cap": given["cap"] * spot, **_with_problem(given, wrong, column, reason, currency)}
    return dict(given)


def _with_problem(given: Mapping[str, Column], wrong: Column, column: str, reason: Column, value: Column) -> dict[str, Column]:
    found = F.struct(F.lit(column).alias("column"), reason.alias("reason"), value.alias("value")).cast(PROBLEM)
    none = F.array().cast(f"array<{PROBLEM}>")
    problems = F.concat(given["problems"], F.when(wrong, F.array(found)).otherwise(none))
    return {"usable": given["usable"] & ~wrong, "problems": problems}


def _is_blank(currency: Column) -> Column:
    """Whether a currency is missing, which has its own problem already."""
    return F.coalesce(F.trim(currency), F.lit("")) == ""
