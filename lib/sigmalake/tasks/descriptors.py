"""Raw descriptors as of each date: chunks of as-of dates, each with the prices of its windows and the fundamentals known by then.

The calendar's dates and the rules are shipped. A task holds four arrays of (look_back + dates of the chunk) x N numbers and the
fundamentals known until its last date, and gives a row a date.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sigmalake.numerics.descriptors.fundamentals import FIGURES as LEVELS
from sigmalake.numerics.descriptors.fundamentals import ITEMS
from sigmalake.numerics.descriptors.library import DESCRIPTORS as NAMES
from sigmalake.numerics.descriptors.library import DescriptorRules
from sigmalake.numerics.descriptors.point_in_time import KnownRecords
from sigmalake.numerics.descriptors.prices import PriceHistory
from sigmalake.numerics.descriptors.sensitivities import sensitivities, shrunk_to_group_mean
from sigmalake.numerics.descriptors.turnover import turnover
from sigmalake.numerics.registry.estimator import KernelError
from sigmalake.numerics.types import Bools, Floats, Ints
from sigmalake.tables.declaration import Table
from sigmalake.tables.descriptors import DESCRIPTORS, PRICES, SENSITIVITIES
from sigmalake.tasks.arrays import as_array, bool_lists, flat_floats, float_lists, lengths, lists, number_lists, numbers, ranked_ids
from sigmalake.tasks.chunks import Chunk
from sigmalake.tasks.contract import Input, PartTask, no_rows, table_of

PRICE_ROWS, FIGURES = "prices", "figures"  # roles: rows of `prices`, and a row a figure of the accounts

_PRICES = ("date", "asset_id", "ret", "cap", "traded_value", "in_estimation", "asset_group")
_FIGURES = ("known_at", "asset_id", "item", "period_end", "value")


def no_figures() -> pa.Table:
    """The figures of a model without accounts."""
    kinds = {
        "known_at": pa.date32(),
        "asset_id": pa.string(),
        "item": pa.string(),
        "period_end": pa.date32(),
        "value": pa.float64(),
    }
    return pa.schema([(name, kinds[name]) for name in _FIGURES]).empty_table()


@dataclass(frozen=True)
class ComputeDescriptors(PartTask):
    """The rows of `descriptors` of each chunk's dates, by date.

    Of `prices` the arrays of caps or values traded may be null as a whole: then every cap weighs 1 in the market. Figures are
    checked: finite, each once, null where withdrawn, and none contradicts another of its day. Items that are not of `ITEMS` are
    not read.
    """

    calendar: Sequence[date]  # dates of `prices`
    chunks: Sequence[Chunk]  # with `rules.look_back` rows for each as-of date
    rules: DescriptorRules  # windows and ages
    factor_returns: Floats | None = None  # (T, K) of the calendar's dates, of the factors of `rules.sensitivities`
    into: Table = DESCRIPTORS

    @property
    def n_parts(self) -> int:
        """A part a chunk."""
        return len(self.chunks)

    @property
    def inputs(self) -> Mapping[str, Input]:
        """Prices of the windows, and the figures known until a chunk's last date."""
        return {PRICE_ROWS: Input(PRICES, _PRICES, "date"), FIGURES: Input(None, _FIGURES, "known_at", until=True)}

    def dates(self, part: int) -> Mapping[str, Sequence[date]]:
        """Of a chunk; of the figures the last date."""
        chunk = self.chunks[part]
        return {PRICE_ROWS: chunk.dates(self.calendar), FIGURES: [self.calendar[chunk.last]]}

    def __call__(self, part: int, inputs: Mapping[str, pa.Table]) -> pa.Table:
        """Of a chunk, from the prices of its windows and the figures known until its last date."""
        chunk, history = self.chunks[part], self.rows_of(part, inputs, PRICE_ROWS)
        there = set(history.column("position").to_pylist())
        as_of = [row for row in chunk.as_of if row.position in there]
        if not as_of:
            return no_rows(self.into)
        window = _read_window(history, chunk)
        at = np.array([row.position for row in as_of], dtype=np.int64) - chunk.first
        days = np.array([self.calendar[row.position] for row in as_of], dtype="datetime64[D]").astype(np.int64)
        items = _read_figures(inputs[FIGURES], self.calendar[chunk.last], window.asset_ids)
        raw = (
            *self.rules.prices.compute(window.prices, at),
            *self.rules.fundamentals.compute(items, window.prices.caps[at], days),
        )
        covered = [np.flatnonzero(window.covered[row]) for row in at]
        names = list(self.rules.registered) or None
        registered, details = self._registered(window, at, items, days)
        counts = [len(assets) for assets in covered]
        row, asset = np.repeat(np.arange(at.size), counts), np.concatenate(covered)
        columns: dict[str, object] = {
            "date": [self.calendar[one.position] for one in as_of],
            "inputs_hash": [one.inputs_hash for one in as_of],
            "n_assets": counts,
            "asset_id": lists(pa.array(window.asset_ids, pa.string()).take(pa.array(asset)), counts),
            **{name: lists(numbers(values[row, asset]), counts) for name, values in zip(NAMES, raw, strict=True)},
            "registered": [names] * len(as_of),
            "registered_values": number_lists(
                [None if names is None else of_date[:, assets].ravel() for of_date, assets in zip(registered, covered, strict=True)]
            ),
            "detail": details,
            **self._sensitivities(window, at, chunk.first, covered),
        }
        return table_of(self.into, columns)

    def _registered(
        self, window: "_Window", at: Ints, items: Mapping[str, KnownRecords], days: Ints
    ) -> tuple[Floats, list[str | None]]:
        """(A, D, N) descriptors of other packages, and of each date why some have no value.

        A kernel sees the assets that have a row in its own window, whichever others the chunk holds.
        """
        found = np.full((at.size, len(self.rules.registered), len(window.asset_ids)), np.nan)
        failures: list[list[str]] = [[] for _ in at]
        prices, covered = window.prices, window.covered
        levels = self.rules.fundamentals.latest(items, len(window.asset_ids), days) if self.rules.registered else {}
        figures = np.stack([levels[item] for item in LEVELS], axis=1) if levels else np.empty((at.size, 0, 0))
        for number, (name, descriptor) in enumerate(self.rules.registered.items()):
            for position, row in enumerate(at):
                rows = slice(max(0, row + 1 - descriptor.look_back), row + 1)
                seen = np.flatnonzero(covered[rows].any(axis=0))
                try:
                    values = descriptor.values(prices.only(rows, seen), figures[position][:, seen])
                except KernelError as error:
                    failures[position].append(f"{name}: {error}")
                else:
                    found[position, number, seen] = values
        return found, ["; ".join(of_date) or None for of_date in failures]

    def _sensitivities(self, window: "_Window", at: Ints, first: int, covered: Sequence[Ints]) -> dict[str, object]:
        """Slopes of each date's coverage, as used and as estimated."""
        rules = self.rules.sensitivities
        if rules is None or self.factor_returns is None:
            return dict.fromkeys(("sensitivity_factor", *SENSITIVITIES), [None] * at.size)
        returns = window.prices.returns
        own = sensitivities(returns, self.factor_returns[first : first + len(returns)], at, rules.trailing)
        used = []
        for number, (row, assets) in enumerate(zip(at.tolist(), covered, strict=True)):
            slopes, errors = own.slopes[number, assets], own.std_errors[number, assets]
            known = window.groups[row, assets], window.prices.in_estimation[row, assets]
            used.append(slopes if rules.shrink_to is None else shrunk_to_group_mean(slopes, errors, *known))
        found = (
            used,
            [own.slopes[a, assets] for a, assets in enumerate(covered)],
            [own.std_errors[a, n] for a, n in enumerate(covered)],
        )
        columns = (number_lists([values.ravel() for values in of_dates]) for of_dates in found)
        return {"sensitivity_factor": [list(rules.factors)] * at.size, **dict(zip(SENSITIVITIES, columns, strict=True))}


class _Window(NamedTuple):
    asset_ids: list[str]  # (N,) every asset of the window, ascending
    covered: Bools  # (R, N) in the row's coverage
    prices: PriceHistory  # (R, N) each
    groups: Ints  # (R, N) a number a group, -1 where it is unknown


def _read_window(history: pa.Table, chunk: Chunk) -> _Window:
    ids, asset = ranked_ids([as_array(history.column("asset_id")).flatten()])
    at = history.column("position").to_numpy() - chunk.first
    cells = np.repeat(at, lengths(history, "asset_id")), asset
    shape = int(at[-1]) + 1, len(ids)
    covered, universe = np.zeros((2, *shape), dtype=np.bool_)
    covered[cells], universe[cells] = True, bool_lists(history, "in_estimation").flat
    caps = _matrix(history, "cap", cells, shape)
    without = np.zeros(shape[0], dtype=np.bool_)
    without[at] = as_array(history.column("cap")).is_null().to_numpy(zero_copy_only=False)
    prices = PriceHistory(
        returns=_matrix(history, "ret", cells, shape),
        caps=caps,
        market_caps=np.where(without[:, None], 1.0, caps),
        turnovers=turnover(_matrix(history, "traded_value", cells, shape), caps),
        in_estimation=universe,
    )
    return _Window(ids, covered, prices, _groups(history, cells, shape))


def _groups(history: pa.Table, cells: tuple[Ints, Ints], shape: tuple[int, int]) -> Ints:
    groups = np.full(shape, -1)
    lists_of = as_array(history.column("asset_group"))
    given = np.repeat(lists_of.is_valid().to_numpy(zero_copy_only=False), lengths(history, "asset_id"))
    numbered = lists_of.flatten().dictionary_encode().indices.fill_null(-1).to_numpy()
    groups[cells[0][given], cells[1][given]] = numbered
    return groups


def _matrix(history: pa.Table, column: str, cells: tuple[Ints, Ints], shape: tuple[int, int]) -> Floats:
    """(R, N) the numbers of a column of arrays; NaN where null, as an element or as a whole."""
    matrix = np.full(shape, np.nan)
    given = np.repeat(float_lists(history, column).is_valid, lengths(history, "asset_id"))
    rows, assets = cells
    matrix[rows[given], assets[given]] = flat_floats(history, column)
    return matrix


def _read_figures(figures: pa.Table, until: date, asset_ids: Sequence[str]) -> dict[str, KnownRecords]:
    """The figures of the window's assets known at the close of a day, by item; days count from 1970."""
    asset = pc.index_in(figures.column("asset_id"), pa.array(asset_ids, pa.string()))
    known = pc.and_(asset.is_valid(), pc.less_equal(figures.column("known_at"), pa.scalar(until, pa.date32())))
    rows = figures.append_column("asset", asset).filter(known)
    records = KnownRecords(
        asset=rows.column("asset").to_numpy().astype(np.int64),
        known_at=_days(rows, "known_at"),
        period_end=_days(rows, "period_end"),
        values=rows.column("value").to_numpy(),
    )
    number = pc.index_in(rows.column("item"), pa.array(ITEMS, pa.string())).fill_null(-1).to_numpy()
    return {name: records.only(number == position) for position, name in enumerate(ITEMS)}


def _days(rows: pa.Table, column: str) -> Ints:
    days: Ints = rows.column(column).cast(pa.int32()).to_numpy().astype(np.int64)
    return days
