"""What the data of each date look like: chunks of dates, each with the rows of the panel before it that its checks read.

The calendar, the rules and the factor sets are shipped. A task holds one chunk: (rows before + dates of the chunk) x N returns and
caps, the styles and memberships of the chunk, and gives some rows of `data_quality` a date.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sigmalake.numerics.factors import Factor, Kind, PackedExposures, factor_layout
from sigmalake.numerics.quality.cap_checks import SPLIT_RATIOS, cap_gaps, nearest_split, new_standing_caps
from sigmalake.numerics.quality.exposure_checks import exposure_moves, is_thin, membership_sizes
from sigmalake.numerics.quality.return_checks import deviations, new_zero_runs, robust_scores, taken_back
from sigmalake.numerics.quality.rules import QualityRules
from sigmalake.numerics.regression.rules import RegressionWeights
from sigmalake.numerics.types import Bools, Floats, Ints
from sigmalake.numerics.weights import regression_weights
from sigmalake.tables.declaration import Table
from sigmalake.tables.packed import PANEL
from sigmalake.tables.quality import DATA_QUALITY
from sigmalake.tasks.arrays import Lists, as_array, bool_lists, float_lists, int_lists, lengths, ranked_ids
from sigmalake.tasks.chunks import Chunk
from sigmalake.tasks.contract import Input, PartTask
from sigmalake.tasks.quality.rows import Finding, Measured, quality_table

HISTORY, EXPOSED = "history", "exposed"  # roles: returns and caps of a window; exposures of a date and the one before
_HISTORY = ("exposure_date", "return_date", "asset_id", "ret", "cap")
_MEMBERS = ("member_assets", "member_factors")
_EXPOSED = ("exposure_date", "factor_set", "weight_column", "in_estimation", "styles", *_MEMBERS, "member_shares")


class Names(NamedTuple):
    """What the sides of the panel are called in `data_quality`."""

    exposures: str
    returns: str
    caps: str


@dataclass(frozen=True)
class MeasureQuality(PartTask):
    """The rows of `data_quality` that rest on the panel, of each chunk's dates, by date."""

    calendar: Sequence[date]  # exposure dates of the panel
    chunks: Sequence[Chunk]  # a date reads its own row and `rules.reads` before it
    rules: QualityRules
    weighting: RegressionWeights  # the regression's
    factor_sets: Mapping[str, Sequence[Factor]]  # what the arrays by factor mean
    names: Names
    into: Table = DATA_QUALITY

    @property
    def n_parts(self) -> int:
        """A part a chunk."""
        return len(self.chunks)

    @property
    def inputs(self) -> Mapping[str, Input]:
        """The panel's rows: returns and caps of the windows, exposures of the dates and of those before them."""
        return {HISTORY: Input(PANEL, _HISTORY, "exposure_date"), EXPOSED: Input(PANEL, _EXPOSED, "exposure_date")}

    def dates(self, part: int) -> Mapping[str, Sequence[date]]:
        """Of a chunk."""
        chunk = self.chunks[part]
        exposed = sorted({place for row in chunk.as_of for place in (row.position - 1, row.position) if place >= 0})
        return {HISTORY: chunk.dates(self.calendar), EXPOSED: [self.calendar[place] for place in exposed]}

    def __call__(self, part: int, inputs: Mapping[str, pa.Table]) -> pa.Table:
        """Of a chunk, from the panel's rows of its windows."""
        chunk, days = self.chunks[part], self.dates(part)
        history, exposed = (_placed(inputs[role], days[role], self.calendar) for role in (HISTORY, EXPOSED))
        window = _read_window(history, chunk, self.calendar)
        returns = _ReturnMeasures(window, self.rules, self.names, self.calendar, chunk)
        exposures = _ExposureMeasures(window, exposed, self)
        found = [
            Measured(self.calendar[row.position], row.inputs_hash, *measured)
            for row in chunk.as_of
            for measured in (*returns.of(row.position), *exposures.of(row.position))
        ]
        return quality_table(found, self.rules)


def _placed(rows: pa.Table, days: Sequence[date], calendar: Sequence[date]) -> pa.Table:
    """The rows of these dates with their position in the calendar, in the order in which they came: none is moved for it."""
    dated = as_array(rows.column("exposure_date"))
    belongs = pc.is_in(dated, pa.array(days, pa.date32()))
    found = rows.append_column("position", pc.index_in(dated, pa.array(calendar, pa.date32())))
    return (found if pc.all(belongs, min_count=0).as_py() else found.filter(belongs)).combine_chunks()


class _Window(NamedTuple):
    """Returns and caps of a chunk, by position and asset."""

    first: int  # position of the first row
    asset_ids: list[str]  # ascending
    returns: Floats  # (T, A) of the period that ends at a position, NaN: missing
    has_returns: Bools  # (T,) whether the panel has the row before it, with its return date
    caps: Floats | None  # (T, A) known at a position, NaN: none; None: the model has none
    codes: dict[int, Ints]  # position: columns of its assets, ascending


def _read_window(history: pa.Table, chunk: Chunk, calendar: Sequence[date]) -> _Window:
    ids, codes = ranked_ids([as_array(history.column("asset_id")).flatten()])
    returns, caps = float_lists(history, "ret"), float_lists(history, "cap")
    shape = (chunk.last - chunk.first + 1, len(ids))
    window = _Window(
        chunk.first, ids, np.full(shape, np.nan), np.zeros(shape[0], dtype=np.bool_),
        np.full(shape, np.nan) if caps.is_valid.any() else None, {},
    )  # fmt: skip
    ends = np.cumsum(lengths(history, "asset_id"))
    returned = pc.index_in(as_array(history.column("return_date")), pa.array(calendar, pa.date32())).fill_null(-1).to_pylist()
    for row, position in enumerate(history.column("position").to_pylist()):
        columns = codes[ends[row - 1] if row else 0 : ends[row]]
        window.codes[position] = columns
        if window.caps is not None and caps.is_valid[row]:
            window.caps[position - chunk.first, columns] = caps.row(row)
        if returned[row] == position + 1 <= chunk.last:
            window.returns[position + 1 - chunk.first, columns] = returns.row(row)
            window.has_returns[position + 1 - chunk.first] = True
    return window


_Found = tuple[str, str, float | None, int, int, list[Finding]]  # source, measure, value, n_checked, n_found, found


class _ReturnMeasures:
    """The measures of returns and caps, of all dates of a chunk at once; of each the columns where something was found."""

    def __init__(self, window: _Window, rules: QualityRules, names: Names, calendar: Sequence[date], chunk: Chunk) -> None:
        self._window, self._rules, self._names, self._calendar = window, rules, names, calendar
        returns = window.returns
        self._n_returns = _n_numbers(returns)
        self._stale = _columns_by_row(new_zero_runs(returns, rules.stale_prices.run))
        found = deviations(returns)
        first = max(0, min(row.position for row in chunk.as_of) - chunk.first - 1)  # of a bad tick the jump is a date before
        noted = rules.jumps.lowest
        beyond = rules.bad_ticks.bound if noted is None else min(noted, rules.bad_ticks.bound)
        scores = np.zeros_like(returns)
        scores[first:] = robust_scores(found, first, rules.jumps.look_back, beyond)
        ticks = np.zeros(returns.shape, dtype=np.bool_)
        jump = found.deviation[first:-1], scores[first:-1]
        ticks[first + 1 :] = taken_back(*jump, found.deviation[first + 1 :], rules.bad_ticks.bound, rules.bad_ticks.remains)
        self._ticks = _columns_by_row(ticks)
        self._scores = np.abs(np.where(ticks, 0.0, scores))
        self._largest: list[float] = self._scores.max(axis=1, initial=0.0).tolist()
        self._jumps = _columns_by_row(self._scores > (np.inf if noted is None else noted))
        if window.caps is not None:
            before = np.vstack([np.full((1, returns.shape[1]), np.nan), window.caps[:-1]])
            self._standing = _columns_by_row(new_standing_caps(window.caps, before, returns, rules.stale_caps.run))
            self._gaps = cap_gaps(window.caps, before, found.growth)
            self._n_caps, self._n_gaps = _n_numbers(window.caps), _n_numbers(self._gaps)
            least = min(1.0 + rules.cap_moves.bound, SPLIT_RATIOS[0] / (1.0 + rules.splits.tolerance))
            self._far = _columns_by_row(np.abs(self._gaps) > np.log(least))

    def of(self, position: int) -> Iterator[_Found]:
        """Of a date; of the first there are none."""
        row = position - self._window.first
        if not self._window.has_returns[row]:
            return
        yield from self._of_returns(row, position)
        if self._window.caps is not None:
            yield from self._of_caps(row, position, self._window.caps)

    def _of_returns(self, row: int, position: int) -> Iterator[_Found]:
        source, returns, n_returns = self._names.returns, self._window.returns, self._n_returns[row]
        run = self._rules.stale_prices.run
        zero_since = f"0 since {self._before(position, run - 1)}"
        stale = [Finding(self._id(n), float(run), zero_since, run) for n in self._stale[row]]
        yield source, "stale_prices", _share(len(stale), n_returns), n_returns, len(stale), stale
        scores = self._scores[row]
        jumps = [Finding(self._id(n), float(returns[row, n]), f"{scores[n]:.1f} robust sd", scores[n]) for n in self._jumps[row]]
        yield source, "jumps", self._largest[row], n_returns, len(jumps), jumps
        back = [
            Finding(self._id(n), jump, f"on {self._before(position, 1)}, then {returns[row, n]:+.4g}", abs(jump))
            for n in self._ticks[row]
            for jump in [float(returns[row - 1, n])]
        ]
        yield source, "bad_ticks", float(len(back)), n_returns, len(back), back

    def _of_caps(self, row: int, position: int, caps: Floats) -> Iterator[_Found]:
        rules, source, n_caps, n_gaps = self._rules, self._names.caps, self._n_caps[row], self._n_gaps[row]
        since = f"the same since {self._before(position, rules.stale_caps.run)}"
        stale = [Finding(self._id(n), float(caps[row, n]), since, float(caps[row, n])) for n in self._standing[row]]
        yield source, "stale_caps", _share(len(stale), n_caps), n_caps, len(stale), stale
        apart, split = self._gaps_of(row) if self._far[row] else ([], [])
        yield source, "cap_moves", _share(len(apart), n_gaps), n_gaps, len(apart), apart
        yield source, "splits", float(len(split)), n_gaps, len(split), split

    def _gaps_of(self, row: int) -> tuple[list[Finding], list[Finding]]:
        """Caps that moved apart from their returns, and those of them that did so by the ratio of a split."""
        far, rules = np.array(self._far[row]), self._rules
        gaps = self._gaps[row, far]
        ratios = nearest_split(gaps, rules.splits.tolerance)
        moved = far[np.isnan(ratios) & (np.abs(gaps) > np.log1p(rules.cap_moves.bound))]
        split = [
            self._apart(row, int(n), f", like {max(ratio, 1 / ratio):g} to 1")
            for n, ratio in zip(far, ratios, strict=True)
            if not np.isnan(ratio)
        ]
        return [self._apart(row, int(n)) for n in moved], split

    def _apart(self, row: int, column: int, more: str = "") -> Finding:
        caps = self._window.caps
        cap = np.nan if caps is None else float(caps[row, column] / caps[row - 1, column])
        detail = f"cap x {cap:.4g}, return {self._window.returns[row, column]:+.4g}{more}"
        gap = float(self._gaps[row, column])
        return Finding(self._id(column), float(np.exp(gap)), detail, abs(gap))

    def _id(self, column: int) -> str:
        return self._window.asset_ids[column]

    def _before(self, position: int, periods: int) -> date:
        return self._calendar[max(0, position - periods)]


class _ExposureMeasures:
    """The measures of styles and memberships, date by date."""

    def __init__(self, window: _Window, exposed: pa.Table, task: MeasureQuality) -> None:
        self._window, self._task = window, task
        self._row = {position: row for row, position in enumerate(exposed.column("position").to_pylist())}
        self._sets = exposed.column("factor_set").to_pylist()
        self._lists: dict[str, Lists] = {name: int_lists(exposed, name) for name in _MEMBERS}
        self._lists |= {name: float_lists(exposed, name) for name in ("weight_column", "styles", "member_shares")}
        self._lists["in_estimation"] = bool_lists(exposed, "in_estimation")
        self._thin: dict[int, dict[str, tuple[float, float]]] = {}

    def of(self, position: int) -> Iterator[_Found]:
        """Of a date with exposures."""
        if not self._is_there(position):
            return
        if self._is_there(position - 1):
            yield self._moves(position)
        yield self._thinned(position)

    def _is_there(self, position: int) -> bool:
        return position in self._row and len(self._window.codes.get(position, ())) > 0

    def _moves(self, position: int) -> _Found:
        now, names = self._styles(position)
        before, earlier = self._styles(position - 1)
        if names != earlier:
            both = [name for name in names if name in earlier]
            now, before = now[:, [names.index(n) for n in both]], before[:, [earlier.index(n) for n in both]]
            names = both
        codes, earlier_codes = self._window.codes[position], self._window.codes[position - 1]
        if not np.array_equal(codes, earlier_codes):
            here, there = _common(codes, earlier_codes, len(self._window.asset_ids))
            now, before, codes = now[here], before[there], codes[here]
        rules = self._task.rules.exposure_moves
        found = exposure_moves(now, before, rules.bound, rules.robust)
        moves = [
            Finding(
                self._window.asset_ids[codes[n]], float(change), f"{names[k]}: {before[n, k]:.4g} to {now[n, k]:.4g}", abs(change)
            )
            for n, k, change in zip(*found, strict=True)
        ]  # fmt: skip
        return self._task.names.exposures, "exposure_moves", _share(len(moves), now.size), now.size, len(moves), moves

    def _styles(self, position: int) -> tuple[Floats, list[str]]:
        row = self._row[position]
        names = [factor.name for factor in self._task.factor_sets[self._sets[row]] if factor.kind is Kind.STYLE]
        return self._lists["styles"].row(row).reshape(len(self._window.codes[position]), len(names)), names

    def _thinned(self, position: int) -> _Found:
        now = self._thin_factors(position)
        before = self._thin_factors(position - 1) if self._is_there(position - 1) else {}
        new = [
            Finding(name, members, f"{share:.2%} of the weight", -members)
            for name, (members, share) in now.items()
            if name not in before
        ]
        factors = self._task.factor_sets[self._sets[self._row[position]]]
        n_memberships = int(factor_layout(tuple(factors)).is_membership.sum())
        return self._task.names.exposures, "thin_factors", float(len(new)), n_memberships, len(new), new

    def _thin_factors(self, position: int) -> dict[str, tuple[float, float]]:
        """Effective members and share of the weight of the memberships of a date that are thin."""
        if position not in self._thin:
            row, rules = self._row[position], self._task.rules.thin_factors
            factors = self._task.factor_sets[self._sets[row]]
            weights = self._weights(position, row)
            assets, columns, shares = (self._lists[name].row(row) for name in (*_MEMBERS, "member_shares"))
            packed = PackedExposures(len(weights), assets, columns, shares, np.empty((len(weights), 0)))
            sizes = membership_sizes(packed, weights, len(factors))
            is_member = factor_layout(tuple(factors)).is_membership
            thin: list[int] = np.flatnonzero(is_thin(sizes, rules.members, rules.share) & is_member).tolist()
            self._thin[position] = {factors[k].name: (float(sizes.members[k]), float(sizes.weight_share[k])) for k in thin}
        return self._thin[position]

    def _weights(self, position: int, row: int) -> Floats:
        codes, caps, column = self._window.codes[position], self._window.caps, self._lists["weight_column"]
        known = np.ones(len(codes)) if caps is None else caps[position - self._window.first, codes]
        given = column.row(row) if column.is_valid[row] else None
        return regression_weights(self._task.weighting, known, given, self._lists["in_estimation"].row(row))


def _common(now: Ints, before: Ints, n_assets: int) -> tuple[Ints, Ints]:
    """Where the assets that two dates have stand in each."""
    place = np.full(n_assets, -1)
    place[before] = np.arange(len(before))
    at = place[now]
    here = np.flatnonzero(at >= 0)
    return here, at[here]


def _n_numbers(values: Floats) -> list[int]:
    """Of each row, how many are there."""
    counts: list[int] = np.isfinite(values).sum(axis=1).tolist()
    return counts


def _columns_by_row(flags: Bools) -> list[list[int]]:
    """Of each row, the columns that are flagged."""
    rows, columns = np.nonzero(flags)
    cuts, listed = np.searchsorted(rows, np.arange(len(flags) + 1)).tolist(), columns.tolist()
    return [listed[first:last] for first, last in pairwise(cuts)]


def _share(n: int, of: int) -> float | None:
    return n / of if of else None
