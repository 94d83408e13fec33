"""Rows of the sources that descriptors and industry shares are computed from, checked: prices, accounts, segments and revenues."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from sigmalake.config.columns import RevenueColumns, SegmentColumns
from sigmalake.config.sources import FundamentalSource, PriceSource, RevenueSource, SegmentSource
from sigmalake.numerics.descriptors.fundamentals import ITEMS
from sigmalake.tasks.sources.checking import CheckedRows, Findings, Reason, checked_rows, texts_in
from sigmalake.tasks.sources.raw_rows import RawRows
from sigmalake.tasks.sources.returns.checked_returns import add_return, in_fractions, made_returns


def checked_prices(raw: RawRows, source: PriceSource) -> CheckedRows:
    """Prices: also `ret`, `cap`, `traded_value`, `in_estimation`, `asset_group`, all but the flag null where missing.

    A cap or a volume of 0 says that there is none: it is no mistake, and the kernels take it so. A price below 0 marks the mean
    of bid and ask on a day without a trade, as CRSP writes it: the value traded is made with its absolute value.
    """
    c = source.columns
    findings = Findings(raw.n_rows)
    findings.add_key(raw, c.date, c.asset_id)
    if source.from_prices is not None:
        returns, hashed = made_returns(findings, raw, c)
    else:
        returns = in_fractions(raw.numbers(c.ret), source.returns_in)
        add_return(findings, c.ret, returns, raw.column(c.ret))
        hashed = {c.ret: raw.number_words(c.ret)}
    for column in (c.cap, c.traded_value, c.price if source.from_prices is None else None, c.volume):
        if column:
            numbers, shown = raw.numbers(column), raw.column(column)
            findings.add_number(column, numbers, shown, required=False)
            if column != c.price:
                findings.add(column, Reason.NEGATIVE, numbers.values < 0, shown)
            hashed[column] = raw.number_words(column)
    flags = pa.array(np.ones(raw.n_rows, dtype=bool))
    if c.in_estimation:
        findings.add_flag(raw, c.in_estimation)
        flags, hashed[c.in_estimation] = raw.flags(c.in_estimation).values, raw.flag_words(c.in_estimation)
    traded = _optional(raw, c.traded_value)
    if c.price and c.volume:
        traded = pa.array(np.abs(raw.numbers(c.price).values) * raw.numbers(c.volume).values, from_pandas=True)
    payload = {"ret": returns.array, "cap": _optional(raw, c.cap), "traded_value": traded, "in_estimation": flags}
    if c.group:
        payload["asset_group"], hashed[c.group] = raw.texts(c.group).values, raw.text_words(c.group)
    return checked_rows(raw, c.date, c.asset_id, findings, payload, hashed)


def checked_figures(raw: RawRows, source: FundamentalSource) -> CheckedRows:
    """Figures of the accounts, dated by when they are known: also `item`, `period_end`, `value`, null where it is withdrawn."""
    c = source.columns
    findings = Findings(raw.n_rows)
    findings.add_key(raw, c.known_at, c.asset_id)
    items, ended = raw.texts(c.item), raw.dates(c.period_end)
    findings.add(c.item, Reason.UNKNOWN_CATEGORY, ~texts_in(items, ITEMS), raw.column(c.item))
    findings.add(c.period_end, Reason.NOT_A_DATE, ended.missing | ended.unreadable, raw.column(c.period_end))
    findings.add_number(c.value, raw.numbers(c.value), raw.column(c.value), required=False)
    payload = {"item": items.values, "period_end": ended.values, "value": raw.numbers(c.value).array}
    hashed = {
        c.item: raw.text_words(c.item), c.period_end: raw.date_words(c.period_end), c.value: raw.number_words(c.value)
    }  # fmt: skip
    return checked_rows(raw, c.known_at, c.asset_id, findings, payload, hashed)


def checked_segments(raw: RawRows, source: SegmentSource, levels: Sequence[str] | None) -> CheckedRows:
    """Segments of companies, dated by when they are known: also `industry`, `period_end`, `assets`, `sales`, null where unknown.

    Args:
        raw: rows of the source.
        source: names its columns.
        levels: the industries that a segment may be of; None: any.
    """
    c = source.columns
    return _checked_records(raw, c, {"industry": c.industry}, {"assets": c.assets, "sales": c.sales}, levels)


def checked_revenues(raw: RawRows, source: RevenueSource, levels: Sequence[str] | None) -> CheckedRows:
    """Revenues of companies, dated by when they are known: also `level`, `period_end`, `revenue`, null where withdrawn.

    `levels`: as for `checked_segments`.
    """
    c = source.columns
    return _checked_records(raw, c, {"level": c.level}, {"revenue": c.revenue}, levels)


def _checked_records(
    raw: RawRows,
    columns: SegmentColumns | RevenueColumns,
    level: Mapping[str, str],
    figures: Mapping[str, str | None],
    levels: Sequence[str] | None,
) -> CheckedRows:
    """Records of a company, a level and a period; level and figures by the names that they get, figures 0 or more."""
    findings = Findings(raw.n_rows)
    findings.add_key(raw, columns.known_at, columns.asset_id)
    ((name, of_level),) = level.items()
    named, ended = raw.texts(of_level), raw.dates(columns.period_end)
    findings.add_text(raw, of_level)
    findings.add(columns.period_end, Reason.NOT_A_DATE, ended.missing | ended.unreadable, raw.column(columns.period_end))
    if levels is not None:
        unknown = ~named.missing & ~texts_in(named, levels)
        findings.add(of_level, Reason.UNKNOWN_CATEGORY, unknown, raw.column(of_level))
    hashed = {of_level: raw.text_words(of_level), columns.period_end: raw.date_words(columns.period_end)}
    for column in filter(None, figures.values()):
        numbers, shown = raw.numbers(column), raw.column(column)
        findings.add_number(column, numbers, shown, required=False)
        findings.add(column, Reason.NEGATIVE, numbers.values < 0, shown)
        hashed[column] = raw.number_words(column)
    payload = {name: named.values, "period_end": ended.values}
    payload |= {figure: _optional(raw, column) for figure, column in figures.items()}
    return checked_rows(raw, columns.known_at, columns.asset_id, findings, payload, hashed)


def _optional(raw: RawRows, column: str | None) -> pa.Array:
    """A column of numbers; null throughout where the source has none."""
    return raw.numbers(column).array if column else pa.nulls(raw.n_rows, pa.float64())
