"""Every source row, typed and checked: the rows the model can use, and for the others what is wrong with them.

Rows of every source become `date, asset_id, file, row_hash, source_rows, problems` and the columns of what they carry. A row
without problems is used; nothing is repaired, nothing is dropped.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from functools import reduce
from operator import add, and_
from typing import NamedTuple

from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F
from pyspark.sql import types as T

from sigmalake.config import Config
from sigmalake.config_factors import Membership
from sigmalake.config_sources import (
    CapSource,
    ExchangeRateSource,
    ExposureSource,
    FundamentalSource,
    Location,
    PanelSource,
    PriceSource,
    RateSource,
    SegmentSource,
)
from sigmalake.numerics.fundamental_descriptors import ITEMS
from sigmalake.numerics.style_rules import Missing
from sigmalake.spark.described import SHARES, Described, column_of
from sigmalake.spark.sources import (
    DATE_TYPES,
    FILE,
    FLAG_TYPES,
    ID_TYPES,
    NUMBER_TYPES,
    RAGGED,
    day,
    number,
    quoted,
    read_source,
    require_columns,
    require_type,
)

SHARE_TOLERANCE = 1e-6  # of the sum of an asset's shares in a group [model 2]
PROBLEM = "struct<column:string,reason:string,value:string>"


class Reason(StrEnum):
    """Why a source row is rejected."""

    MISSING = "missing"
    RAGGED = "too few or too many values"
    NOT_A_DATE = "not a date"
    NOT_A_NUMBER = "not a number"
    NOT_A_FLAG = "not true or false"
    NOT_FINITE = "not finite"
    NOT_POSITIVE = "not positive"
    NEGATIVE = "negative"
    OUTSIDE_0_1 = "share outside 0 to 1"
    SHARES_DO_NOT_SUM = "shares do not sum to 1"
    SHARES_EXCEED = "shares sum to more than 1"
    UNKNOWN_CATEGORY = "unknown category"
    NO_RATE = "no risk-free rate for the date"
    NO_EXCHANGE_RATE = "no exchange rate"
    NO_INTEREST_RATE = "no interest rate of the currency"
    NOT_ONE = "not 1, as the base currency's rate is"
    CONFLICTING_COPIES = "key given more than once, with different values"
    IDENTICAL_COPY = "identical copy of a row"
    NO_CAP = "no cap on the date"
    TOO_FAR = "too far from the others of the date"


class Half(NamedTuple):
    """What one half of the panel takes from a source: the source's frame, and the checked columns of it by name."""

    frame: DataFrame
    columns: dict[str, Column]

    @property
    def rows(self) -> DataFrame:
        """Every row of the source, checked."""
        return _selected(self.frame, self.columns)


def accepted(rows: DataFrame) -> DataFrame:
    """The rows without problems."""
    return rows.where(F.size("problems") == 0)


def together(halves: Mapping[str, Half]) -> DataFrame:
    """Halves of one frame, a struct each, so that one pass over the source serves them all."""
    frame = next(iter(halves.values())).frame
    structs = {name: F.struct(*(c.alias(part) for part, c in half.columns.items())) for name, half in halves.items()}
    return _selected(frame, structs)


def _selected(frame: DataFrame, columns: Mapping[str, Column]) -> DataFrame:
    """Columns under names that the source may have, too: within a lambda Spark would take such a name for the new column."""
    return frame.select(*(column.alias(f"__{name}") for name, column in columns.items())).toDF(*columns)


def exposure_half(frame: DataFrame, config: Config, described: Described | None = None) -> Half:
    """Exposures: also `cap`, `weight`, `in_estimation`, `issuer_id`, `styles`, `members` (group, level, share)."""
    source = config.sources.exposure_source
    name = "panel" if isinstance(source, PanelSource) else "exposures"
    columns = source.columns
    frame, by_name = _by_factor(frame, config, name, source, described)
    mapped = [columns.cap, columns.cap_currency, columns.weight, columns.in_estimation, columns.issuer_id]
    require_columns(frame, [c for c in mapped if c], name, source)
    checks = [*_key_problems(frame, columns.date, columns.asset_id, name, source)]
    payload: dict[str, Column] = {
        "styles": F.array(*(by_name.number(column) for column in config.style_columns)).cast("array<double>"),
        "members": F.concat(*(_members(by_name, group, i) for i, group in enumerate(config.memberships)))
        if config.memberships
        else F.array().cast(MEMBERS),
    }
    bulky = [_styles(by_name, config)]
    for group in config.memberships:
        if group.columns is None:
            checks += _share_problems(by_name, group)
        else:
            bulky.append(_Bulky(_good_shares(by_name, group), _share_problems(by_name, group)))
    if columns.cap:
        checks += [
            *_number_problems(frame, columns.cap, name, source),
            _problem(columns.cap, Reason.NOT_POSITIVE, _le_zero(frame, columns.cap)),
        ]
    if columns.cap_currency:
        checks += _currency_problems(frame, columns.cap_currency, name, source)
        payload["cap_currency"] = F.col(quoted(columns.cap_currency)).cast("string")
    if columns.weight:
        negative = number(frame, columns.weight) < 0
        checks += [
            *_number_problems(frame, columns.weight, name, source),
            _problem(columns.weight, Reason.NEGATIVE, negative),
        ]
    if columns.in_estimation:
        require_type(frame, columns.in_estimation, FLAG_TYPES, name, source)
        flag = F.col(quoted(columns.in_estimation))
        checks += [
            _problem(columns.in_estimation, Reason.MISSING, flag.isNull()),
            _problem(
                columns.in_estimation,
                Reason.NOT_A_FLAG,
                flag.isNotNull() & _flag(frame, columns.in_estimation).isNull(),
            ),
        ]
    payload["cap"] = number(frame, columns.cap) if columns.cap else F.lit(None).cast("double")
    payload["weight"] = number(frame, columns.weight) if columns.weight else F.lit(None).cast("double")
    payload["in_estimation"] = _flag(frame, columns.in_estimation) if columns.in_estimation else F.lit(True)
    payload["issuer_id"] = F.col(quoted(columns.issuer_id)).cast("string") if columns.issuer_id else F.lit(None).cast("string")
    return _typed(
        frame,
        source.columns.date,
        source.columns.asset_id,
        checks,
        payload,
        [*by_name.columns, *(c for c in mapped if c)],
        bulky,
    )


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
    checks = [*_key_problems(frame, columns.date, columns.asset_id, name, source)]
    require_columns(frame, [c for c in (columns.ret, columns.rate) if c], name, source)
    checks += _number_problems(frame, columns.ret, name, source, missing=False)
    ret, risk_free = number(frame, columns.ret), F.lit(0.0)
    used = [columns.ret]
    if columns.rate:
        checks += _number_problems(frame, columns.rate, name, source)
        risk_free = number(frame, columns.rate)
        ret = ret - risk_free
        used.append(columns.rate)
    if "rate_of_date" in frame.columns:
        risk_free = F.col("rate_of_date")
        checks.append(_problem(columns.date, Reason.NO_RATE, day(frame, columns.date).isNotNull() & risk_free.isNull()))
        ret = ret - risk_free
    payload = {"ret": ret}
    if columns.currency:
        checks += _currency_problems(frame, columns.currency, name, source)
        currency = F.col(quoted(columns.currency)).cast("string")
        payload |= {"currency": currency, "local_ret": number(frame, columns.ret), "risk_free": risk_free}
        used.append(columns.currency)
    return _typed(frame, columns.date, columns.asset_id, checks, payload, used)


def cap_half(frame: DataFrame, source: CapSource) -> Half:
    """Caps from their own source: also `cap`, and of local ones `cap_currency`."""
    columns, used = source.columns, [source.columns.cap]
    checks = [*_key_problems(frame, columns.date, columns.asset_id, "caps", source)]
    require_columns(frame, [columns.cap], "caps", source)
    checks += [
        *_number_problems(frame, columns.cap, "caps", source),
        _problem(columns.cap, Reason.NOT_POSITIVE, _le_zero(frame, columns.cap)),
    ]
    payload = {"cap": number(frame, columns.cap)}
    if columns.cap_currency:
        checks += _currency_problems(frame, columns.cap_currency, "caps", source)
        payload["cap_currency"] = F.col(quoted(columns.cap_currency)).cast("string")
        used.append(columns.cap_currency)
    return _typed(frame, columns.date, columns.asset_id, checks, payload, used)


def price_half(frame: DataFrame, source: PriceSource) -> Half:
    """What descriptors are computed from: also `ret`, `cap`, `traded_value`, `in_estimation`, the first three null where missing.

    A cap or a volume of 0 says that there is none: it is no mistake, and the kernels take it so.
    """
    c = source.columns
    optional = [column for column in (c.cap, c.traded_value, c.price, c.volume) if column]
    require_columns(
        frame, [c.date, c.asset_id, c.ret, *optional, *([c.in_estimation] if c.in_estimation else [])], "prices", source
    )
    checks = _key_problems(frame, c.date, c.asset_id, "prices", source)
    for column in (c.ret, *optional):
        checks += _number_problems(frame, column, "prices", source, missing=False)
    checks += [_problem(column, Reason.NEGATIVE, number(frame, column) < 0) for column in optional]
    payload = {"ret": number(frame, c.ret), "in_estimation": F.lit(True)}
    if c.in_estimation:
        require_type(frame, c.in_estimation, FLAG_TYPES, "prices", source)
        flag, payload["in_estimation"] = F.col(quoted(c.in_estimation)), _flag(frame, c.in_estimation)
        checks.append(_problem(c.in_estimation, Reason.MISSING, flag.isNull()))
        checks.append(_problem(c.in_estimation, Reason.NOT_A_FLAG, flag.isNotNull() & payload["in_estimation"].isNull()))
        optional.append(c.in_estimation)
    missing = F.lit(None).cast("double")
    payload["cap"] = number(frame, c.cap) if c.cap else missing
    traded = number(frame, c.traded_value) if c.traded_value else missing
    payload["traded_value"] = number(frame, c.price) * number(frame, c.volume) if c.price and c.volume else traded
    return _typed(frame, c.date, c.asset_id, checks, payload, [c.ret, *optional])


def figure_half(frame: DataFrame, source: FundamentalSource) -> Half:
    """Figures of the accounts, dated by when they are known: also `item`, `period_end`, `value`, null where it is withdrawn."""
    c = source.columns
    require_columns(frame, [c.asset_id, c.item, c.period_end, c.known_at, c.value], "fundamentals", source)
    require_type(frame, c.period_end, DATE_TYPES, "fundamentals", source)
    require_type(frame, c.item, ID_TYPES, "fundamentals", source)
    item, ended = F.col(quoted(c.item)).cast("string"), day(frame, c.period_end)
    checks = [
        *_key_problems(frame, c.known_at, c.asset_id, "fundamentals", source),
        _problem(c.item, Reason.UNKNOWN_CATEGORY, item.isNull() | ~item.isin(*ITEMS)),
        _problem(c.period_end, Reason.NOT_A_DATE, ended.isNull()),
        *_number_problems(frame, c.value, "fundamentals", source, missing=False),
    ]
    payload = {"item": item, "period_end": ended, "value": number(frame, c.value)}
    return _typed(frame, c.known_at, c.asset_id, checks, payload, [c.item, c.period_end, c.value])


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
        *_key_problems(frame, c.known_at, c.asset_id, "segments", source),
        _problem(c.industry, Reason.MISSING, blank),
        _problem(c.period_end, Reason.NOT_A_DATE, ended.isNull()),
    ]
    if levels is not None:
        checks.append(_problem(c.industry, Reason.UNKNOWN_CATEGORY, ~blank & ~industry.isin(list(levels))))
    for column in figures:
        checks += _number_problems(frame, column, "segments", source, missing=False)
        checks.append(_problem(column, Reason.NEGATIVE, number(frame, column) < 0))
    missing = F.lit(None).cast("double")
    payload = {"industry": industry, "period_end": ended}
    payload |= {name: number(frame, column) if column else missing for name, column in (("assets", c.assets), ("sales", c.sales))}
    return _typed(frame, c.known_at, c.asset_id, checks, payload, [c.industry, c.period_end, *figures])


def rate_rows(spark: SparkSession, source: RateSource) -> DataFrame:
    """Risk-free rates from their own source: also `rate`; no asset."""
    frame = read_source(spark, "rates", source)
    columns = source.columns
    checks = [*_key_problems(frame, columns.date, None, "rates", source)]
    require_columns(frame, [columns.rate], "rates", source)
    checks += _number_problems(frame, columns.rate, "rates", source)
    return _once(_typed(frame, columns.date, None, checks, {"rate": number(frame, columns.rate)}, [columns.rate]).rows, ["date"])


def exchange_rate_rows(spark: SparkSession, source: ExchangeRateSource) -> DataFrame:
    """Exchange rates: also `currency`, `rate`, `interest_rate`, the last null where it is missing; no asset."""
    frame = read_source(spark, "exchange_rates", source)
    c = source.columns
    checks = [
        *_key_problems(frame, c.date, None, "exchange_rates", source),
        *_currency_problems(frame, c.currency, "exchange_rates", source),
    ]
    require_columns(frame, [c.rate, *([c.interest_rate] if c.interest_rate else [])], "exchange_rates", source)
    currency, rate = F.col(quoted(c.currency)).cast("string"), number(frame, c.rate)
    checks += [
        *_number_problems(frame, c.rate, "exchange_rates", source),
        _problem(c.rate, Reason.NOT_POSITIVE, _le_zero(frame, c.rate)),
        _problem(c.rate, Reason.NOT_ONE, (currency == source.base) & (rate > 0) & (rate != 1.0)),
    ]
    payload = {"currency": currency, "rate": rate, "interest_rate": F.lit(None).cast("double")}
    used = [c.currency, c.rate]
    if c.interest_rate:
        checks += _number_problems(frame, c.interest_rate, "exchange_rates", source, missing=False)
        payload["interest_rate"] = number(frame, c.interest_rate)
        used.append(c.interest_rate)
    return _once(_typed(frame, c.date, None, checks, payload, used).rows, ["date", "currency"])


def _currency_problems(frame: DataFrame, column: str, name: str, source: Location) -> list[Column]:
    require_columns(frame, [column], name, source)
    require_type(frame, column, ID_TYPES, name, source)
    return [_problem(column, Reason.MISSING, F.coalesce(F.trim(F.col(quoted(column)).cast("string")), F.lit("")) == "")]


def _once(rows: DataFrame, key: Sequence[str]) -> DataFrame:
    """Of equal copies one is used, of unequal ones none, as packing has it for the sources by asset."""
    usable = F.size("problems") == 0
    row_hash, of_key = F.when(usable, F.col("row_hash")), Window.partitionBy(*key)
    unequal = F.min(row_hash).over(of_key) != F.max(row_hash).over(of_key)
    copy = F.row_number().over(Window.partitionBy(*key, usable).orderBy("row_hash"))
    reason = F.when(unequal, Reason.CONFLICTING_COPIES.value).when(copy > 1, Reason.IDENTICAL_COPY.value)
    shown = F.col(key[-1]) if len(key) > 1 else F.lit(None)  # the date has a column of its own
    found = F.when(usable & reason.isNotNull(), F.struct(F.lit("key"), reason, shown.cast("string")).cast(PROBLEM))
    return rows.withColumn("problems", F.concat("problems", F.array_compact(F.array(found))))


def calendar_rows(spark: SparkSession, source: Location, column: str) -> DataFrame:
    """Dates from a table of dates; no asset."""
    frame = read_source(spark, "calendar", source)
    checks = [*_key_problems(frame, column, None, "calendar", source)]
    return _typed(frame, column, None, checks, {}, []).rows


MEMBERS = "array<struct<group:int,level:string,share:double>>"


class _ByFactor:
    """How a factor's number is found in a row: a column of its own, or a key of a map column."""

    def __init__(
        self, frame: DataFrame, in_map: str | None, name: str, source: Location, described: Described | None = None
    ) -> None:
        self._frame, self._map, self._name, self._source = frame, in_map, name, source
        self._described = () if described is None else described.columns
        hashes = () if described is None else described.hashes
        self.columns: list[str] = [*([in_map] if in_map else []), *hashes]

    def number(self, factor: str) -> Column:
        if factor in self._described:
            return F.col(column_of(factor))
        if self._map:
            return F.try_element_at(F.col(quoted(self._map)), F.lit(factor)).cast("double")
        return number(self._frame, factor)

    def absent(self, factor: str) -> Column:
        """Whether a row gives no number, rather than one that cannot be used."""
        return self.number(factor).isNull() if self._map or factor in self._described else _absent(self._frame, factor)

    def problems(self, factor: str, *, missing: bool = True) -> list[Column]:
        if self._map or factor in self._described:
            value = self.number(factor)
            absent = [_problem(factor, Reason.MISSING, value.isNull(), value)] if missing else []
            return [*absent, _problem(factor, Reason.NOT_FINITE, _not_finite(value), value)]
        require_columns(self._frame, [factor], self._name, self._source)
        if factor not in self.columns:
            self.columns.append(factor)
        return _number_problems(self._frame, factor, self._name, self._source, missing=missing)

    def use(self, column: str, kinds: tuple[type[T.DataType], ...]) -> Column:
        """A column of the source that is not a number: a category, or a map of shares."""
        require_columns(self._frame, [column], self._name, self._source)
        require_type(self._frame, column, kinds, self._name, self._source)
        if column not in self.columns:
            self.columns.append(column)
        return F.col(quoted(column))


def _by_factor(
    frame: DataFrame, config: Config, name: str, source: PanelSource | ExposureSource, described: Described | None
) -> tuple[DataFrame, _ByFactor]:
    columns, in_map = source.columns, source.columns.map
    if columns.factor is not None and columns.value is not None:
        frame, in_map = _long_to_map(frame, source, name), "value_by_factor"
    else:
        require_columns(frame, [columns.date, columns.asset_id], name, source)
        if in_map is not None:
            require_columns(frame, [in_map], name, source)
            require_type(frame, in_map, (T.MapType,), name, source)
        else:
            own = [column for column in config.style_columns if column not in config.described_columns]
            require_columns(frame, [*own, *(c for g in config.memberships for c in (g.columns or {}).values())], name, source)
    if described is not None:
        require_type(frame, columns.date, DATE_TYPES, name, source)
        frame = described.beside(frame, day(frame, columns.date), F.col(quoted(columns.asset_id)).cast("string"))
    return frame, _ByFactor(frame, in_map, name, source, described)


def _long_to_map(frame: DataFrame, source: PanelSource | ExposureSource, name: str) -> DataFrame:
    """Long rows of a date and asset become one row with a map; factors given twice with different values make NaN."""
    c = source.columns
    require_columns(frame, [c.date, c.asset_id, c.factor or "", c.value or ""], name, source)
    require_type(frame, c.value or "", NUMBER_TYPES, name, source)
    keys = [F.col(quoted(c.date)), F.col(quoted(c.asset_id))]
    value = number(frame, c.value or "")
    unreadable = F.col(quoted(c.value or "")).isNotNull() & value.isNull()
    if RAGGED in frame.columns:
        unreadable |= F.col(RAGGED).isNotNull()
    cells = frame.select(
        *keys,
        F.col(quoted(c.factor or "")).cast("string").alias("f"),
        F.when(unreadable, F.lit(float("nan"))).otherwise(value).alias("v"),
    )
    cells = (
        cells.repartition(*keys).groupBy(*keys, "f").agg(F.min("v").alias("v"), F.max("v").alias("top"), F.count("*").alias("n"))
    )
    agreed = F.when(F.col("v").eqNullSafe(F.col("top")), F.col("v")).otherwise(F.lit(float("nan")))
    entry = F.when(F.col("f").isNotNull(), F.struct("f", agreed.alias("v")))
    return cells.groupBy(*keys).agg(
        F.map_from_entries(F.array_sort(F.array_compact(F.collect_list(entry)))).alias("value_by_factor"),
        F.sum("n").cast("int").alias("n_long_rows"),
    )


def _typed(
    frame: DataFrame,
    date_column: str,
    asset_column: str | None,
    checks: Sequence[Column],
    payload: Mapping[str, Column],
    used: Sequence[str],
    bulky: Sequence["_Bulky"] = (),
) -> Half:
    keys = [date_column, *([asset_column] if asset_column else []), *([RAGGED] if RAGGED in frame.columns else [])]
    read = list(dict.fromkeys([*keys, *used]))
    hashed = [*(_hashable(frame, column) for column in read), *_null_flags(read)]
    asset = F.col(quoted(asset_column)).cast("string") if asset_column else F.lit("")
    clean = [check.isNull() for check in checks] + [found.clean for found in bulky]
    columns = {
        "date": day(frame, date_column),
        "asset_id": asset,
        "file": F.col(FILE) if FILE in frame.columns else F.lit(None).cast("string"),
        "row_hash": F.xxhash64(*hashed),
        "source_rows": F.col("n_long_rows") if "n_long_rows" in frame.columns else F.lit(1),
        "problems": _unless(reduce(and_, clean), [*checks, *(problem for found in bulky for problem in found.problems)]),
    }
    return Half(frame, {**columns, **payload})


class _Bulky(NamedTuple):
    """Checks of many columns alike, and one cheap expression that says whether any of them finds something."""

    clean: Column
    problems: list[Column]


def _unless(clean: Column, problems: Sequence[Column]) -> Column:
    """Problems that are looked for only where one cheap expression says that there are some.

    The lambda keeps them out of the generated code: three expressions for each of 40 styles make a method that the JVM will
    not compile, and every row pays for it (20 us a row of 40 styles against 2).
    """
    found = F.transform(F.array(F.lit(0)), lambda _: F.array_compact(F.array(*problems)).cast(f"array<{PROBLEM}>"))
    return F.when(clean, F.array().cast(f"array<{PROBLEM}>")).otherwise(F.flatten(found))


def _styles(by_name: _ByFactor, config: Config) -> _Bulky:
    """Every number that styles are made from. A null is no problem by itself where a style may be missing, or has others."""
    alone = _never_missing(config)
    others = [column for column in config.style_columns if column not in alone]
    problems = [p for column in config.style_columns for p in by_name.problems(column, missing=column in alone)]
    clean = _all_finite(by_name, alone)
    for column in others:
        clean &= by_name.absent(column) | _all_finite(by_name, [column])
    for style, rules in config.style_rules.items():
        columns = list(rules.weights(style))
        if rules.missing is Missing.REJECT and not set(columns) & set(alone):
            none = reduce(and_, (by_name.absent(column) for column in columns))
            clean &= ~none
            problems.append(_problem(style, Reason.MISSING, none, F.lit(None)))
    return _Bulky(clean, problems)


def _never_missing(config: Config) -> list[str]:
    """Columns without which a row is rejected: styles as given, and what alone makes a style that no row may lack."""
    rules = config.style_rules
    rejecting = [list(r.weights(style)) for style, r in rules.items() if r.missing is Missing.REJECT]
    alone = {*(style for style in config.styles if style not in rules), *(c[0] for c in rejecting if len(c) == 1)}
    return [column for column in config.style_columns if column in alone]


def _all_finite(by_name: _ByFactor, columns: Iterable[str]) -> Column:
    """Whether all are numbers: 0 times a null is null, 0 times NaN or infinity is NaN."""
    total = reduce(add, (by_name.number(column) * 0.0 for column in columns), F.lit(0.0))
    return F.coalesce(total == 0.0, F.lit(False))


def _good_shares(by_name: _ByFactor, group: Membership) -> Column:
    columns = list((group.columns or {}).values())
    positive = reduce(and_, (by_name.number(column) >= 0 for column in columns), F.lit(True))
    total = reduce(add, (by_name.number(column) for column in columns), F.lit(0.0))
    within = total <= 1.0 if group.partial else F.abs(total - 1.0) <= SHARE_TOLERANCE
    one = reduce(and_, (by_name.number(column) <= 1.0 for column in columns), F.lit(True))
    return _all_finite(by_name, columns) & positive & one & within


def _hashable(frame: DataFrame, column: str) -> Column:
    """What of a column goes into the hash."""
    given = F.col(quoted(column))
    return F.array_sort(F.map_entries(given)) if isinstance(frame.schema[column].dataType, T.MapType) else given


def _null_flags(columns: Sequence[str]) -> list[Column]:
    """A bit a column, set where it is null: xxhash64 passes over nulls, and a value could move to the column beside it unseen."""
    bits = [F.shiftleft(F.col(quoted(column)).isNull().cast("long"), n % 63) for n, column in enumerate(columns)]
    return [reduce(Column.bitwiseOR, bits[first : first + 63]) for first in range(0, len(bits), 63)]


def _problem(column: str, reason: Reason, wrong: Column, value: Column | None = None) -> Column:
    shown = F.col(quoted(column)) if value is None else value
    return F.when(
        wrong,
        F.struct(F.lit(column).alias("column"), F.lit(reason.value).alias("reason"), shown.cast("string").alias("value")),
    )


def _key_problems(frame: DataFrame, date_column: str, asset_column: str | None, name: str, source: Location) -> list[Column]:
    require_columns(frame, [date_column, *([asset_column] if asset_column else [])], name, source)
    require_type(frame, date_column, DATE_TYPES, name, source)
    given = F.col(quoted(date_column))
    found = [
        _problem(date_column, Reason.MISSING, given.isNull()),
        _problem(date_column, Reason.NOT_A_DATE, given.isNotNull() & day(frame, date_column).isNull()),
    ]
    if RAGGED in frame.columns:
        found.append(_problem("line", Reason.RAGGED, F.col(RAGGED).isNotNull(), F.col(RAGGED)))
    if asset_column:
        require_type(frame, asset_column, ID_TYPES, name, source)
        asset = F.col(quoted(asset_column))
        found.append(_problem(asset_column, Reason.MISSING, asset.isNull() | (F.trim(asset.cast("string")) == "")))
    return found


def _number_problems(frame: DataFrame, column: str, name: str, source: Location, *, missing: bool = True) -> list[Column]:
    require_type(frame, column, NUMBER_TYPES, name, source)
    value, absent = number(frame, column), _absent(frame, column)
    found = [_problem(column, Reason.NOT_FINITE, _not_finite(value))]
    if isinstance(frame.schema[column].dataType, T.StringType):
        found.append(_problem(column, Reason.NOT_A_NUMBER, ~absent & value.isNull()))
    if missing:
        found.append(_problem(column, Reason.MISSING, absent))
    return found


def _absent(frame: DataFrame, column: str) -> Column:
    given = F.col(quoted(column))
    blank = isinstance(frame.schema[column].dataType, T.StringType)
    return given.isNull() | (F.trim(given) == "") if blank else given.isNull()


def _share_problems(by_name: _ByFactor, group: Membership) -> list[Column]:
    if group.segments:
        return _segment_problems(by_name, group)
    if group.column is not None:
        return _category_problems(by_name, group, group.column)
    if group.map is not None:
        shares = by_name.use(group.map, (T.MapType,))
        values = F.map_values(shares)
        total = F.aggregate(values, F.lit(0.0), lambda total, share: total + share)
        found = [
            _problem(group.map, Reason.MISSING, shares.isNull() | F.exists(values, lambda share: share.isNull())),
            _problem(group.map, Reason.OUTSIDE_0_1, F.exists(values, _outside_0_1)),
            _sum_problem(group.map, group, total),
        ]
        if group.levels is not None:
            levels = F.array(*(F.lit(level) for level in group.levels))
            unknown = F.exists(F.map_keys(shares), lambda level: ~F.array_contains(levels, level))
            found.append(_problem(group.map, Reason.UNKNOWN_CATEGORY, unknown))
        return found
    found = []
    for column in (group.columns or {}).values():
        found += by_name.problems(column)
        value = by_name.number(column)
        found.append(_problem(column, Reason.OUTSIDE_0_1, _outside_0_1(value) & ~_not_finite(value), value))
    total = reduce(lambda total, share: total + share, (by_name.number(c) for c in (group.columns or {}).values()), F.lit(0.0))
    return [*found, _sum_problem(group.membership, group, total)]


def _segment_problems(by_name: _ByFactor, group: Membership) -> list[Column]:
    """Shares were computed, of industries that the group has: they may be missing, and so may the category in their place."""
    without = F.col(SHARES).isNull()
    if group.column is None:
        return [_problem("industry_shares", Reason.MISSING, without, F.lit(None))]
    return [F.when(without, problem) for problem in _category_problems(by_name, group, group.column)]


def _category_problems(by_name: _ByFactor, group: Membership, column: str) -> list[Column]:
    category = by_name.use(column, ID_TYPES).cast("string")
    blank = category.isNull() | (F.trim(category) == "")
    known = F.lit(True) if group.levels is None else category.isin(group.levels)
    missing = [] if group.partial else [_problem(column, Reason.MISSING, blank)]
    return [*missing, _problem(column, Reason.UNKNOWN_CATEGORY, ~blank & ~known)]


def _sum_problem(column: str, group: Membership, total: Column) -> Column:
    if group.partial:
        return _problem(column, Reason.SHARES_EXCEED, total > 1 + SHARE_TOLERANCE, total)
    return _problem(column, Reason.SHARES_DO_NOT_SUM, F.abs(total - 1) > SHARE_TOLERANCE, total)


def _members(by_name: _ByFactor, group: Membership, position: int) -> Column:
    """An asset's shares in one group that are not 0; those of a complete group are divided by their sum."""
    if group.segments:
        computed = _members_from_map(F.col(SHARES), group, position)
        return computed if group.column is None else F.coalesce(computed, _members_from_category(group.column, position))
    if group.column is not None:
        return _members_from_category(group.column, position)
    if group.columns is not None:
        return _members_from_columns(by_name, group, position)
    return _members_from_map(F.col(quoted(group.map or "")), group, position)


def _members_from_category(column: str, position: int) -> Column:
    category = F.col(quoted(column)).cast("string")
    one = _member(position, category, F.lit(1.0))
    blank = category.isNull() | (F.trim(category) == "")
    return F.when(blank, F.array().cast(MEMBERS)).otherwise(F.array(one)).cast(MEMBERS)


def _members_from_map(shares: Column, group: Membership, position: int) -> Column:
    entries = F.map_entries(shares)
    found = F.transform(F.array_sort(entries), lambda e: _member(position, e["key"], e["value"].cast("double")))
    scale = _share_scale(group, F.aggregate(found, F.lit(0.0), lambda total, m: total + m["share"]))
    held = F.filter(found, lambda m: m["share"] != 0)
    return F.transform(held, lambda m: _member(position, m["level"], m["share"] / scale)).cast(MEMBERS)


def _members_from_columns(by_name: _ByFactor, group: Membership, position: int) -> Column:
    """The same without lambdas, which Spark interprets: with 11 industries packing takes a quarter less CPU."""
    shares = {level: by_name.number(column) for level, column in (group.columns or {}).items()}
    scale = _share_scale(group, reduce(add, shares.values(), F.lit(0.0)))
    held = (F.when(share != 0, _member(position, F.lit(level), share / scale)) for level, share in shares.items())
    return F.array_compact(F.array(*held)).cast(MEMBERS)


def _share_scale(group: Membership, total: Column) -> Column:
    return F.when(total > (1.0 if group.partial else 0.0), total).otherwise(1.0)  # the rest has a problem


def _member(group: int, level: Column, share: Column) -> Column:
    return F.struct(F.lit(group).alias("group"), level.alias("level"), share.alias("share"))


def _not_finite(value: Column) -> Column:
    return F.isnan(value) | (F.abs(value) == float("inf"))


def _outside_0_1(share: Column) -> Column:
    return (share < 0) | (share > 1 + SHARE_TOLERANCE)


def _le_zero(frame: DataFrame, column: str) -> Column:
    return number(frame, column) <= 0


def _flag(frame: DataFrame, column: str) -> Column:
    kind = frame.schema[column].dataType
    given = F.col(quoted(column))
    if isinstance(kind, T.StringType):
        return given.try_cast("boolean")
    return F.when(given.cast("double").isin(0.0, 1.0), given.cast("double") == 1.0) if isinstance(kind, T.NumericType) else given
