"""Rows of exposures, checked: styles, memberships, caps, weights and flags."""

from collections.abc import Iterable
from functools import reduce
from operator import add, and_

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from sigmalake.config.factors import Membership
from sigmalake.config.model import Config
from sigmalake.config.sources import (
    ExposureSource,
    Location,
    PanelSource,
)
from sigmalake.engines.spark.sources.checking import (
    Bulky,
    Half,
    as_flag,
    checked,
    currency_problems,
    is_absent,
    is_not_finite,
    is_not_positive,
    key_problems,
    number_problems,
    problem,
)
from sigmalake.engines.spark.sources.described import SHARES, Described, column_of
from sigmalake.engines.spark.sources.read import (
    DATE_TYPES,
    FLAG_TYPES,
    ID_TYPES,
    NUMBER_TYPES,
    RAGGED,
    day,
    number,
    quoted,
    require_columns,
    require_type,
)
from sigmalake.numerics.exposures.style_rules import Missing
from sigmalake.tasks.sources.checking import Reason

SHARE_TOLERANCE = 1e-6  # of the sum of an asset's shares in a group [model 2]


MEMBERS = "array<struct<group:int,level:string,share:double>>"


def exposure_half(frame: DataFrame, config: Config, described: Described | None = None) -> Half:
    """Exposures: also `in_estimation` and, where given, `cap`, `weight`, `issuer_id`, and what `_factors` tells."""
    source = config.sources.exposure_source
    name = "panel" if isinstance(source, PanelSource) else "exposures"
    columns = source.columns
    frame, by_name = _by_factor(frame, config, name, source, described)
    mapped = [columns.cap, columns.cap_currency, columns.weight, columns.in_estimation, columns.issuer_id]
    require_columns(frame, [c for c in mapped if c], name, source)
    checks = [*key_problems(frame, columns.date, columns.asset_id, name, source)]
    payload = _factors(by_name, config)
    bulky = [_styles(by_name, config)]
    for group in config.memberships:
        if group.columns is None:
            checks += _share_problems(by_name, group)
        else:
            bulky.append(Bulky(_good_shares(by_name, group), _share_problems(by_name, group)))
    if columns.cap:
        checks += [
            *number_problems(frame, columns.cap, name, source),
            problem(columns.cap, Reason.NOT_POSITIVE, is_not_positive(frame, columns.cap)),
        ]
    if columns.cap_currency:
        checks += currency_problems(frame, columns.cap_currency, name, source)
        payload["cap_currency"] = F.col(quoted(columns.cap_currency)).cast("string")
    if columns.weight:
        negative = number(frame, columns.weight) < 0
        checks += [
            *number_problems(frame, columns.weight, name, source),
            problem(columns.weight, Reason.NEGATIVE, negative),
        ]
    if columns.in_estimation:
        require_type(frame, columns.in_estimation, FLAG_TYPES, name, source)
        flag = F.col(quoted(columns.in_estimation))
        checks += [
            problem(columns.in_estimation, Reason.MISSING, flag.isNull()),
            problem(
                columns.in_estimation,
                Reason.NOT_A_FLAG,
                flag.isNotNull() & as_flag(frame, columns.in_estimation).isNull(),
            ),
        ]
    payload |= {name: number(frame, given) for name, given in (("cap", columns.cap), ("weight", columns.weight)) if given}
    payload["in_estimation"] = as_flag(frame, columns.in_estimation) if columns.in_estimation else F.lit(True)
    if columns.issuer_id:
        payload["issuer_id"] = F.col(quoted(columns.issuer_id)).cast("string")
    return checked(
        frame,
        source.columns.date,
        source.columns.asset_id,
        checks,
        payload,
        [*by_name.columns, *(c for c in mapped if c)],
        bulky,
    )


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
        return self.number(factor).isNull() if self._map or factor in self._described else is_absent(self._frame, factor)

    def problems(self, factor: str, *, missing: bool = True) -> list[Column]:
        if self._map or factor in self._described:
            value = self.number(factor)
            absent = [problem(factor, Reason.MISSING, value.isNull(), value)] if missing else []
            return [*absent, problem(factor, Reason.NOT_FINITE, is_not_finite(value), value)]
        require_columns(self._frame, [factor], self._name, self._source)
        if factor not in self.columns:
            self.columns.append(factor)
        return number_problems(self._frame, factor, self._name, self._source, missing=missing)

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


def _styles(by_name: _ByFactor, config: Config) -> Bulky:
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
            problems.append(problem(style, Reason.MISSING, none, F.lit(None)))
    return Bulky(clean, problems)


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
    within = total <= 1 + SHARE_TOLERANCE if group.partial else F.abs(total - 1) <= SHARE_TOLERANCE
    one = reduce(and_, (by_name.number(column) <= 1 + SHARE_TOLERANCE for column in columns), F.lit(True))
    return _all_finite(by_name, columns) & positive & one & within


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
            problem(group.map, Reason.MISSING, shares.isNull() | F.exists(values, lambda share: share.isNull())),
            problem(group.map, Reason.OUTSIDE_0_1, F.exists(values, _outside_0_1)),
            _sum_problem(group.map, group, total),
        ]
        if group.levels is not None:
            levels = F.array(*(F.lit(level) for level in group.levels))
            unknown = F.exists(F.map_keys(shares), lambda level: ~F.array_contains(levels, level))
            found.append(problem(group.map, Reason.UNKNOWN_CATEGORY, unknown))
        return found
    found = []
    for column in (group.columns or {}).values():
        found += by_name.problems(column)
        value = by_name.number(column)
        found.append(problem(column, Reason.OUTSIDE_0_1, _outside_0_1(value) & ~is_not_finite(value), value))
    total = reduce(lambda total, share: total + share, (by_name.number(c) for c in (group.columns or {}).values()), F.lit(0.0))
    return [*found, _sum_problem(group.membership, group, total)]


def _segment_problems(by_name: _ByFactor, group: Membership) -> list[Column]:
    """Shares were computed, of industries that the group has: they may be missing, and so may the category in their place."""
    without = F.col(SHARES).isNull()
    if group.column is None:
        return [problem("industry_shares", Reason.MISSING, without, F.lit(None))]
    return [F.when(without, problem) for problem in _category_problems(by_name, group, group.column)]


def _category_problems(by_name: _ByFactor, group: Membership, column: str) -> list[Column]:
    category = by_name.use(column, ID_TYPES).cast("string")
    blank = category.isNull() | (F.trim(category) == "")
    known = F.lit(True) if group.levels is None else category.isin(group.levels)
    missing = [] if group.partial else [problem(column, Reason.MISSING, blank)]
    return [*missing, problem(column, Reason.UNKNOWN_CATEGORY, ~blank & ~known)]


def _sum_problem(column: str, group: Membership, total: Column) -> Column:
    if group.partial:
        return problem(column, Reason.SHARES_EXCEED, total > 1 + SHARE_TOLERANCE, total)
    return problem(column, Reason.SHARES_DO_NOT_SUM, F.abs(total - 1) > SHARE_TOLERANCE, total)


def _factors(by_name: _ByFactor, config: Config) -> dict[str, Column]:
    """`style_0` and so on; `level_0` of a group that is a category, null where blank; `members` (group, level, share) of others."""
    found = {f"style_{number}": by_name.number(column).cast("double") for number, column in enumerate(config.style_columns)}
    shares = []
    for position, group in enumerate(config.memberships):
        if group.column is not None and not group.segments:
            category = F.col(quoted(group.column)).cast("string")
            found[f"level_{position}"] = F.when(F.trim(category) != "", category)
        else:
            shares.append(_members(by_name, group, position))
    return found | ({"members": F.concat(*shares)} if shares else {})


def _members(by_name: _ByFactor, group: Membership, position: int) -> Column:
    """An asset's shares in one group that are not 0; those of a complete group are divided by their sum."""
    if group.segments:
        computed = _members_from_map(F.col(SHARES), group, position)
        return computed if group.column is None else F.coalesce(computed, _members_from_category(group.column, position))
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


def _outside_0_1(share: Column) -> Column:
    return (share < 0) | (share > 1 + SHARE_TOLERANCE)
