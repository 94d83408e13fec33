"""Rows of prices beside the returns that they make: all rows of some assets together.

The calendar, the columns and the rules are shipped. A task holds all rows of some assets.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa

from sigmalake.config.columns import PriceColumns, ReturnColumns
from sigmalake.config.sources import PriceSource, ReturnSource
from sigmalake.numerics.prices.rules import STILL_TRADED, TotalReturnRules
from sigmalake.numerics.prices.total_returns import PricedRows, total_returns
from sigmalake.numerics.types import Bools, Floats, Ints
from sigmalake.tasks.sources.checking import Findings, Reason
from sigmalake.tasks.sources.raw_rows import NO_DAY, RawRows, plain_schema

RETURN, NOTE = "__total_return", "__return_note"  # columns beside the source's own
_EPOCH = date(1970, 1, 1)

Columns = ReturnColumns | PriceColumns


@dataclass(frozen=True)
class DatesOfPrices:
    """The dates on which some asset has a price, each once a split."""

    columns: Columns

    def schema(self, raw: pa.Schema) -> pa.Schema:
        """As `SourceTask`."""
        del raw
        return pa.schema([("date", pa.date32())])

    def __call__(self, raw: pa.Table) -> pa.Table:
        """As `SourceTask`."""
        rows = RawRows(raw)
        days = rows.dates(self.columns.date).days
        found = np.unique(days[_usable(rows, self.columns) & ~np.isnan(_prices(rows, self.columns))])
        return pa.table([pa.array(found.astype(np.int32)).cast(pa.date32())], schema=self.schema(raw.schema))


@dataclass(frozen=True)
class PairPrices:
    """Raw rows with `RETURN`, null where there is none, and `NOTE`: what there is to say of it.

    Of rows with one key the first counts where all say the same and can be used, else none does.
    """

    source: ReturnSource | PriceSource
    calendar: Sequence[date]  # ascending

    def schema(self, raw: pa.Schema) -> pa.Schema:
        """As `SourceTask`: without dictionaries, which rows of a JVM have none of."""
        return plain_schema(raw).append(pa.field(RETURN, pa.float64())).append(pa.field(NOTE, pa.int8()))

    def __call__(self, raw: pa.Table) -> pa.Table:
        """As `SourceTask`."""
        columns, rules = self.source.columns, self.source.from_prices or TotalReturnRules()
        rows = RawRows(raw)
        days, texts = rows.dates(columns.date).days, rows.texts(columns.asset_id)
        _, of_name = np.unique(np.array(texts.names.fill_null("").to_pylist(), dtype=object), return_inverse=True)
        assets = np.append(of_name, -1)[texts.codes]
        order = np.lexsort((np.arange(len(days)), days, assets))
        keyed = order[((days != NO_DAY) & ~texts.missing)[order]]
        first, known = _keys(assets[keyed], days[keyed], _said(rows, columns)[keyed], _usable(rows, columns)[keyed])
        counted = keyed[first]
        priced = self._priced(rows, assets, days, counted, ~known)
        found = total_returns(priced, _by_rule(rows, columns, rules)[counted] & known, rules)
        returns, notes = np.full(len(days), np.nan), np.zeros(len(days), dtype=np.int8)
        n_copies = np.diff(np.append(first, len(keyed)))
        returns[keyed], notes[keyed] = np.repeat(found.returns, n_copies), np.repeat(found.notes, n_copies)
        plain = raw.cast(plain_schema(raw.schema))
        return plain.append_column(RETURN, pa.array(returns, from_pandas=True)).append_column(NOTE, pa.array(notes))

    def _priced(self, rows: RawRows, assets: Ints, days: Ints, at: Ints, unknown: Bools) -> PricedRows:
        columns = self.source.columns
        calendar = np.array([(day - _EPOCH).days for day in self.calendar], dtype=np.int64)
        position = np.searchsorted(calendar, days[at])
        listed = np.append(calendar, NO_DAY)[position] == days[at]
        delisting = _numbers(rows, columns.delisting_return)[at]
        return PricedRows(
            asset=assets[at],
            position=position,
            price=np.where(listed, _prices(rows, columns)[at], np.nan),
            split=_splits(rows, columns, assets, at),
            paid=_or_none(rows, columns.dividend, at) + _or_none(rows, columns.spin_off, at),
            delisted=(~np.isnan(delisting) | _coded(rows, columns)[at]) & ~unknown,
            delisting_return=delisting,
            unknown=unknown,
        )


def add_price_findings(findings: Findings, raw: RawRows, columns: Columns) -> None:
    """Note what is wrong with rows of prices, each of whose numbers may be missing."""
    rules = {
        columns.price: None, columns.split: Reason.NOT_POSITIVE, columns.adjustment: Reason.NOT_POSITIVE,
        columns.dividend: Reason.NEGATIVE, columns.spin_off: Reason.NEGATIVE, columns.delisting_return: Reason.BELOW_MINUS_ONE,
    }  # fmt: skip
    for column, reason in rules.items():
        if column is not None:
            numbers, shown = raw.numbers(column), raw.column(column)
            findings.add_number(column, numbers, shown, required=False)
            if reason is not None:
                findings.add(column, reason, _beyond(numbers.values, reason), shown)


def _beyond(values: Floats, reason: Reason) -> Bools:
    wrong: Bools = {
        Reason.NOT_POSITIVE: values <= 0, Reason.NEGATIVE: values < 0, Reason.BELOW_MINUS_ONE: values < -1,
    }[reason]  # fmt: skip
    return wrong


def _usable(raw: RawRows, columns: Columns) -> Bools:
    findings = Findings(raw.n_rows)
    findings.add_key(raw, columns.date, columns.asset_id)
    add_price_findings(findings, raw, columns)
    return findings.usable


def _prices(raw: RawRows, columns: Columns) -> Floats:
    """Closes; a negative one is the mean of bid and ask, as CRSP writes it, and 0 is none."""
    prices = np.abs(_numbers(raw, columns.price))
    return np.where(prices > 0, prices, np.nan)


def _numbers(raw: RawRows, column: str | None) -> Floats:
    return np.full(raw.n_rows, np.nan) if column is None else raw.numbers(column).values


def _or_none(raw: RawRows, column: str | None, at: Ints) -> Floats:
    found: Floats = np.nan_to_num(_numbers(raw, column)[at], nan=0.0)
    return found


def _splits(raw: RawRows, columns: Columns, assets: Ints, at: Ints) -> Floats:
    """Splits as given, or the cumulative factor of an asset's row before over its own."""
    if columns.adjustment is None:
        return np.nan_to_num(_numbers(raw, columns.split)[at], nan=1.0)
    factors, rows = _numbers(raw, columns.adjustment)[at], np.arange(len(at))
    last = np.maximum.accumulate(np.where(np.isnan(factors), -1, rows)) if len(at) else rows
    before = np.append(-1, last[:-1])[: len(at)]
    known = (before >= 0) & (factors > 0) & (assets[at][before] == assets[at])
    return np.where(known, factors[before] / np.where(known, factors, 1.0), 1.0)


def _coded(raw: RawRows, columns: Columns) -> Bools:
    """The rows with a code, other than those of assets that are still traded."""
    if columns.delisting_code is None:
        return np.zeros(raw.n_rows, dtype=np.bool_)
    codes, (first, last) = raw.numbers(columns.delisting_code), STILL_TRADED
    return ~codes.missing & ~((codes.values >= first) & (codes.values <= last))


def _by_rule(raw: RawRows, columns: Columns, rules: TotalReturnRules) -> Bools:
    """The rows whose code is among those for performance: as a number, however it is written, or as text."""
    if columns.delisting_code is None:
        return np.zeros(raw.n_rows, dtype=np.bool_)
    codes, found = raw.numbers(columns.delisting_code), np.zeros(raw.n_rows, dtype=np.bool_)
    for first, last in rules.code_ranges:
        found |= (codes.values >= first) & (codes.values <= last)
    if codes.unreadable.any():
        found |= raw.texts(columns.delisting_code).among(pa.array(rules.code_words, pa.string()))
    return found


def _said(raw: RawRows, columns: Columns) -> Floats:
    """(N, C) what a row says, NaN as a number of its own."""
    numbers = [_numbers(raw, getattr(columns, name)) for name in columns.PRICED]
    if columns.delisting_code is not None and raw.numbers(columns.delisting_code).unreadable.any():
        numbers.append(raw.texts(columns.delisting_code).codes.astype(np.float64))
    found: Floats = np.nan_to_num(np.column_stack(numbers), nan=np.pi * 1e300)
    return found


def _keys(assets: Ints, days: Ints, said: Floats, usable: Bools) -> tuple[Ints, Bools]:
    """Of ordered rows: where each key begins, and whether all of its rows can be used and say the same."""
    new = np.append(True, (assets[1:] != assets[:-1]) | (days[1:] != days[:-1]))[: len(days)]
    first = np.flatnonzero(new)
    differs = np.append(False, (said[1:] != said[:-1]).any(axis=1))[: len(days)] & ~new
    n_wrong = np.add.reduceat((differs | ~usable).astype(np.int64), first) if len(first) else first
    return first, n_wrong == 0
