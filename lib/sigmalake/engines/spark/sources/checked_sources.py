"""Rows of every other source, checked: returns, caps, prices, accounts, segments, rates and dates."""

from collections.abc import Sequence

from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from sigmalake.config.model import Config
from sigmalake.config.sources import (
    CapSource,
    ExchangeRateSource,
    FundamentalSource,
    Location,
    PanelSource,
    PriceSource,
    RateSource,
    SegmentSource,
)
from sigmalake.engines.spark.sources.checking import (
    PROBLEM,
    Half,
    as_flag,
    checked,
    currency_problems,
    is_not_positive,
    key_problems,
    number_problems,
    problem,
)
from sigmalake.engines.spark.sources.read import (
    DATE_TYPES,
    FLAG_TYPES,
    ID_TYPES,
    day,
    number,
    quoted,
    read_source,
    require_columns,
    require_type,
)
from sigmalake.numerics.descriptors.fundamentals import ITEMS
from sigmalake.tasks.sources.checking import Reason


def beside_rates(frame: DataFrame, config: Config, rates: DataFrame | None) -> DataFrame:
    """The returns' source, each row with the rate of its date (`rate_of_date`) from their own source."""
    if rates is None:
        return frame
    source = config.sources.return_source
    name = "panel" if isinstance(source, PanelSource) else "returns"
    require_columns(frame, [source.columns.date], name, source)
    require_type(frame, source.columns.date, DATE_TYPES, name, source)
    return frame.join(F.broadcast(rates), day(frame, source.columns.date) == F.col("rate_date"), "left")


def return_half(frame: DataFrame, config: Config) -> Half:
    """Returns: also `ret`, in excess of the risk-free rate where one is given; null where the return is missing.

    Of local returns also `currency`, and `local_ret` and `risk_free`, from which `ret` is made anew in the base currency.
    """
    source = config.sources.return_source
    name = "panel" if isinstance(source, PanelSource) else "returns"
    columns = source.columns
    checks = [*key_problems(frame, columns.date, columns.asset_id, name, source)]
    require_columns(frame, [c for c in (columns.ret, columns.rate) if c], name, source)
    checks += number_problems(frame, columns.ret, name, source, missing=False)
    ret, risk_free = number(frame, columns.ret), F.lit(0.0)
    used = [columns.ret]
    if columns.rate:
        checks += number_problems(frame, columns.rate, name, source)
        risk_free = number(frame, columns.rate)
        ret = ret - risk_free
        used.append(columns.rate)
    if "rate_of_date" in frame.columns:
        risk_free = F.col("rate_of_date")
        checks.append(problem(columns.date, Reason.NO_RATE, day(frame, columns.date).isNotNull() & risk_free.isNull()))
        ret = ret - risk_free
    payload = {"ret": ret}
    if columns.currency:
        checks += currency_problems(frame, columns.currency, name, source)
        currency = F.col(quoted(columns.currency)).cast("string")
        payload |= {"currency": currency, "local_ret": number(frame, columns.ret), "risk_free": risk_free}
        used.append(columns.currency)
    return checked(frame, columns.date, columns.asset_id, checks, payload, used)


def cap_half(frame: DataFrame, source: CapSource) -> Half:
    """Caps from their own source: also `cap`, and of local ones `cap_currency`."""
    columns, used = source.columns, [source.columns.cap]
    checks = [*key_problems(frame, columns.date, columns.asset_id, "caps", source)]
    require_columns(frame, [columns.cap], "caps", source)
    checks += [
        *number_problems(frame, columns.cap, "caps", source),
        problem(columns.cap, Reason.NOT_POSITIVE, is_not_positive(frame, columns.cap)),
    ]
    payload = {"cap": number(frame, columns.cap)}
    if columns.cap_currency:
        checks += currency_problems(frame, columns.cap_currency, "caps", source)
        payload["cap_currency"] = F.col(quoted(columns.cap_currency)).cast("string")
        used.append(columns.cap_currency)
    return checked(frame, columns.date, columns.asset_id, checks, payload, used)


def price_half(frame: DataFrame, source: PriceSource) -> Half:
    """What descriptors are computed from: also `ret`, `cap`, `traded_value`, `in_estimation`, the first three null where missing.

    A cap or a volume of 0 says that there is none: it is no mistake, and the kernels take it so.
    """
    c = source.columns
    optional = [column for column in (c.cap, c.traded_value, c.price, c.volume) if column]
    require_columns(
        frame, [c.date, c.asset_id, c.ret, *optional, *([c.in_estimation] if c.in_estimation else [])], "prices", source
    )
    checks = key_problems(frame, c.date, c.asset_id, "prices", source)
    for column in (c.ret, *optional):
        checks += number_problems(frame, column, "prices", source, missing=False)
    checks += [problem(column, Reason.NEGATIVE, number(frame, column) < 0) for column in optional]
    payload = {"ret": number(frame, c.ret), "in_estimation": F.lit(True)}
    if c.in_estimation:
        require_type(frame, c.in_estimation, FLAG_TYPES, "prices", source)
        flag, payload["in_estimation"] = F.col(quoted(c.in_estimation)), as_flag(frame, c.in_estimation)
        checks.append(problem(c.in_estimation, Reason.MISSING, flag.isNull()))
        checks.append(problem(c.in_estimation, Reason.NOT_A_FLAG, flag.isNotNull() & payload["in_estimation"].isNull()))
        optional.append(c.in_estimation)
    missing = F.lit(None).cast("double")
    payload["cap"] = number(frame, c.cap) if c.cap else missing
    traded = number(frame, c.traded_value) if c.traded_value else missing
    payload["traded_value"] = number(frame, c.price) * number(frame, c.volume) if c.price and c.volume else traded
    return checked(frame, c.date, c.asset_id, checks, payload, [c.ret, *optional])


def figure_half(frame: DataFrame, source: FundamentalSource) -> Half:
    """Figures of the accounts, dated by when they are known: also `item`, `period_end`, `value`, null where it is withdrawn."""
    c = source.columns
    require_columns(frame, [c.asset_id, c.item, c.period_end, c.known_at, c.value], "fundamentals", source)
    require_type(frame, c.period_end, DATE_TYPES, "fundamentals", source)
    require_type(frame, c.item, ID_TYPES, "fundamentals", source)
    item, ended = F.col(quoted(c.item)).cast("string"), day(frame, c.period_end)
    checks = [
        *key_problems(frame, c.known_at, c.asset_id, "fundamentals", source),
        problem(c.item, Reason.UNKNOWN_CATEGORY, item.isNull() | ~item.isin(*ITEMS)),
        problem(c.period_end, Reason.NOT_A_DATE, ended.isNull()),
        *number_problems(frame, c.value, "fundamentals", source, missing=False),
    ]
    payload = {"item": item, "period_end": ended, "value": number(frame, c.value)}
    return checked(frame, c.known_at, c.asset_id, checks, payload, [c.item, c.period_end, c.value])


def segment_half(frame: DataFrame, source: SegmentSource, levels: Sequence[str] | None) -> Half:
    """Segments of companies, dated by when they are known: also `industry`, `period_end`, `assets`, `sales`, null where unknown.

    Args:
        frame: the source.
        source: names its columns.
        levels: the industries that a segment may be of; None: any.
    """
    c = source.columns
    figures = [column for column in (c.assets, c.sales) if column]
    require_columns(frame, [c.asset_id, c.industry, c.period_end, c.known_at, *figures], "segments", source)
    require_type(frame, c.period_end, DATE_TYPES, "segments", source)
    require_type(frame, c.industry, ID_TYPES, "segments", source)
    industry, ended = F.col(quoted(c.industry)).cast("string"), day(frame, c.period_end)
    blank = industry.isNull() | (F.trim(industry) == "")
    checks = [
        *key_problems(frame, c.known_at, c.asset_id, "segments", source),
        problem(c.industry, Reason.MISSING, blank),
        problem(c.period_end, Reason.NOT_A_DATE, ended.isNull()),
    ]
    if levels is not None:
        checks.append(problem(c.industry, Reason.UNKNOWN_CATEGORY, ~blank & ~industry.isin(list(levels))))
    for column in figures:
        checks += number_problems(frame, column, "segments", source, missing=False)
        checks.append(problem(column, Reason.NEGATIVE, number(frame, column) < 0))
    missing = F.lit(None).cast("double")
    payload = {"industry": industry, "period_end": ended}
    payload |= {name: number(frame, column) if column else missing for name, column in (("assets", c.assets), ("sales", c.sales))}
    return checked(frame, c.known_at, c.asset_id, checks, payload, [c.industry, c.period_end, *figures])


def rate_rows(spark: SparkSession, source: RateSource) -> DataFrame:
    """Risk-free rates from their own source: also `rate`; no asset."""
    frame = read_source(spark, "rates", source)
    columns = source.columns
    checks = [*key_problems(frame, columns.date, None, "rates", source)]
    require_columns(frame, [columns.rate], "rates", source)
    checks += number_problems(frame, columns.rate, "rates", source)
    return _once(checked(frame, columns.date, None, checks, {"rate": number(frame, columns.rate)}, [columns.rate]).rows, ["date"])


def exchange_rate_rows(spark: SparkSession, source: ExchangeRateSource) -> DataFrame:
    """Exchange rates: also `currency`, `rate`, `interest_rate`, the last null where it is missing; no asset."""
    frame = read_source(spark, "exchange_rates", source)
    c = source.columns
    checks = [
        *key_problems(frame, c.date, None, "exchange_rates", source),
        *currency_problems(frame, c.currency, "exchange_rates", source),
    ]
    require_columns(frame, [c.rate, *([c.interest_rate] if c.interest_rate else [])], "exchange_rates", source)
    currency, rate = F.col(quoted(c.currency)).cast("string"), number(frame, c.rate)
    checks += [
        *number_problems(frame, c.rate, "exchange_rates", source),
        problem(c.rate, Reason.NOT_POSITIVE, is_not_positive(frame, c.rate)),
        problem(c.rate, Reason.NOT_ONE, (currency == source.base) & (rate > 0) & (rate != 1.0)),
    ]
    payload = {"currency": currency, "rate": rate, "interest_rate": F.lit(None).cast("double")}
    used = [c.currency, c.rate]
    if c.interest_rate:
        checks += number_problems(frame, c.interest_rate, "exchange_rates", source, missing=False)
        payload["interest_rate"] = number(frame, c.interest_rate)
        used.append(c.interest_rate)
    return _once(checked(frame, c.date, None, checks, payload, used).rows, ["date", "currency"])


def _once(rows: DataFrame, key: Sequence[str]) -> DataFrame:
    """Of equal copies one is used, of unequal ones none, as packing has it for the sources by asset."""
    usable = F.col("usable")
    row_hash, of_key = F.when(usable, F.col("row_hash")), Window.partitionBy(*key)
    unequal = F.min(row_hash).over(of_key) != F.max(row_hash).over(of_key)
    copy = F.row_number().over(Window.partitionBy(*key, usable).orderBy("row_hash"))
    reason = F.when(unequal, Reason.CONFLICTING_COPIES.value).when(copy > 1, Reason.IDENTICAL_COPY.value)
    shown = F.col(key[-1]) if len(key) > 1 else F.lit(None)  # the date has a column of its own
    found = F.when(usable & reason.isNotNull(), F.struct(F.lit("key"), reason, shown.cast("string")).cast(PROBLEM))
    return rows.withColumns({"usable": usable & found.isNull(), "problems": F.concat("problems", F.array_compact(F.array(found)))})


def calendar_rows(spark: SparkSession, source: Location, column: str) -> DataFrame:
    """Dates from a table of dates; no asset."""
    frame = read_source(spark, "calendar", source)
    checks = [*key_problems(frame, column, None, "calendar", source)]
    return checked(frame, column, None, checks, {}, []).rows
