"""The risk of books as of some dates: rows of `portfolio_risk`, from the books, the risk models and the exposures of these dates.

What the arrays by factor mean is shipped, and which benchmark each book has. A task holds the books and models of a part, a run of
dates, and the arrays of one date and variant at a time. Rows that stand, and whose book, benchmark, model and rules are as they
were, are taken over as they are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import scipy

from sigmalake.numerics.factors import Factor
from sigmalake.numerics.portfolio.linked_cov import LinkedCov
from sigmalake.numerics.portfolio.look_through import Weights
from sigmalake.numerics.portfolio.many import BooksRisk, books_against, risk_of_books
from sigmalake.numerics.types import Bools, Floats, Ints
from sigmalake.tables.books import PORTFOLIO_BOOKS, PORTFOLIO_RISK
from sigmalake.tables.checksums.hashing import K, Words, mixed, text_hashes
from sigmalake.tables.declaration import Table
from sigmalake.tables.packed import PANEL, RISK_MODELS
from sigmalake.tasks.arrays import as_array, lists, numbers
from sigmalake.tasks.asset_covariance import PreparedModel, left_out, prepare_model
from sigmalake.tasks.books.check_books import BOOKS, BookPart
from sigmalake.tasks.books.held_books import BOOK_COLUMNS, BookRows, BookRules, HeldBooks
from sigmalake.tasks.contract import Input, PartTask, no_rows, sorted_rows, table_of
from sigmalake.tasks.model_rows import MODEL_COLUMNS, ModelRows, read_model_rows
from sigmalake.tasks.panel_rows import EXPOSURES, PanelRows, read_panel_rows

MODELS, KNOWN, STORED = "models", "known", "stored"  # roles: risk models, exposures, and the rows that stand
LISTED = 10  # weights without risk data that a row lists


class Benchmarks(NamedTuple):
    """What each book is held against."""

    every: str | None
    own: Mapping[str, str]  # of some books

    def of(self, portfolio: str) -> str | None:
        """The name of a book's benchmark; None: it has none, or is it."""
        found = self.own.get(portfolio, self.every)
        return None if found == portfolio else found


@dataclass(frozen=True)
class MeasureBooks(PartTask):
    """The rows of `portfolio_risk` of each part's dates, by date, variant and portfolio."""

    parts: Sequence[BookPart]
    inputs_hashes: Mapping[tuple[str, date], str]  # by variant and date: what is to be computed
    rules_hash: str  # of settings and kernel
    rules: BookRules
    benchmarks: Benchmarks
    factor_sets: Mapping[str, Sequence[Factor]]
    into: Table = PORTFOLIO_RISK

    @property
    def n_parts(self) -> int:
        """A part a run of dates."""
        return len(self.parts)

    @property
    def inputs(self) -> Mapping[str, Input]:
        """Books, models and exposures of the dates, and what stands of them."""
        models = ("variant", "date", "inputs_hash", "status", "detail", "diagnostics", *MODEL_COLUMNS)
        known = ("exposure_date", "exposures_hash", "factor_set", "asset_id", *EXPOSURES)
        return {
            BOOKS: Input(PORTFOLIO_BOOKS, BOOK_COLUMNS, "date"),
            MODELS: Input(RISK_MODELS, models, "date"),
            KNOWN: Input(PANEL, known, "exposure_date"),
            STORED: Input(PORTFOLIO_RISK, tuple(PORTFOLIO_RISK.column_names), "date"),
        }

    def dates(self, part: int) -> Mapping[str, Sequence[date]]:
        """The part's own, and those of the books that hold on them."""
        own, books = self.parts[part]
        return {BOOKS: books, MODELS: own, KNOWN: own, STORED: own}

    def __call__(self, part: int, inputs: Mapping[str, pa.Table]) -> pa.Table:
        """A row for each book that holds on a date, and each variant."""
        given = {role: inputs[role].select(list(read.columns)) for role, read in self.inputs.items()}
        books, days = BookRows(given[BOOKS], self.rules), set(self.parts[part].dates)
        models = sorted_rows(given[MODELS], "date", "variant")
        panel, stored = given[KNOWN].combine_chunks(), given[STORED].combine_chunks()
        panel_row = {day: row for row, day in enumerate(panel.column("exposure_date").to_pylist())}
        unpacked = _Unpacked(read_model_rows(models), left_out(models), read_panel_rows(panel))
        found = []
        for number, key in enumerate(zip(*(models.column(name).to_pylist() for name in ("variant", "date")), strict=True)):
            if key not in self.inputs_hashes or key[1] not in days:
                continue
            day = key[1]
            held = books.as_of(day)
            row = panel_row.get(day)
            model = self._model(models, panel, unpacked, number, row)
            measured = MeasuredBooks(held, model, self._names(held), books.is_cash(), self._hash(models, panel, number, row))
            found.append(self._rows(key, measured, stored))
        return pa.concat_tables(found).combine_chunks() if found else no_rows(self.into)

    def _names(self, held: HeldBooks) -> list[str | None]:
        return [self.benchmarks.of(name) for name in held.portfolios]

    def _hash(self, models: pa.Table, panel: pa.Table, number: int, row: int | None) -> np.uint64:
        exposures = "" if row is None else panel.column("exposures_hash")[row].as_py()
        words = text_hashes(pa.array([f"{models.column('inputs_hash')[number].as_py()}|{exposures}|{self.rules_hash}"]))
        found: np.uint64 = words[0]
        return found

    def _model(self, models: pa.Table, panel: pa.Table, unpacked: "_Unpacked", number: int, row: int | None) -> "_Model":
        day, status = models.column("date")[number].as_py(), models.column("status")[number].as_py()
        names = unpacked.models.factors[number]
        if status != "ok":
            return _Model(None, day, names, np.empty(0, np.int64), f"{status}: {models.column('detail')[number].as_py()}")
        if row is None or not len(panel.column("asset_id")[row]):
            return _Model(None, day, names, np.empty(0, np.int64), f"no exposures known on {day}")
        factors = self.factor_sets[unpacked.panel.factor_set[row]]
        prepared = prepare_model(unpacked.models, unpacked.left_out[number], number, unpacked.panel, factors, None, row)
        here = {factor.name for factor in factors}
        return _Model(prepared, day, names, np.array([n for n, name in enumerate(names) if name in here], dtype=np.int64), None)

    def _rows(self, key: tuple[str, date], measured: "MeasuredBooks", stored: pa.Table) -> pa.Table:
        """The rows of a variant and date: those that stand as they are, the others computed."""
        of_variant = pc.equal(stored.column("variant"), key[0])
        of_day = pc.equal(stored.column("date"), pa.scalar(key[1], pa.date32()))
        standing = stored.filter(pc.and_(of_variant, of_day)).combine_chunks()
        names = pa.array(measured.held.portfolios, pa.string())
        at = pc.index_in(names, as_array(standing.column("portfolio")))
        there = np.flatnonzero(at.is_valid().to_numpy(zero_copy_only=False))
        before = as_array(standing.column("book_hash")).to_numpy()[at.drop_null().to_numpy()]
        same = there[before == measured.book_hash[there]]
        fresh = np.setdiff1d(np.arange(len(names)), same)
        kept = standing.take(at.take(pa.array(same)))
        hashes = pa.array([self.inputs_hashes[key]] * len(same), pa.string())
        kept = kept.set_column(kept.column_names.index("inputs_hash"), kept.schema.field("inputs_hash"), hashes)
        if not len(fresh):
            return _in_order(kept)
        made = table_of(self.into, measured.rows(key, self.inputs_hashes[key], fresh))
        return _in_order(pa.concat_tables([kept.cast(made.schema), made]))


def _in_order(rows: pa.Table) -> pa.Table:
    """By portfolio, as their names compare letter by letter."""
    names = as_array(rows.combine_chunks().column("portfolio")).to_numpy(zero_copy_only=False).astype(str)
    order = np.argsort(names, kind="stable")
    return rows.take(pa.array(order)) if len(order) else rows


class _Unpacked(NamedTuple):
    models: ModelRows
    left_out: list[dict[str, str]]
    panel: PanelRows


class _Model(NamedTuple):
    """A risk model, or why there is none."""

    prepared: PreparedModel | None
    day: date
    factors: list[str]  # (K,) of Sigma
    in_x: Ints  # positions of those that X has: the columns of the prepared model
    detail: str | None


@dataclass
class _Coverage:
    """What of each book has risk data."""

    covered: Weights  # (P, N) by assets of the model
    uncovered: Weights  # (P, M) by members
    net: Floats
    gross: Floats
    n_assets: Ints
    n_uncovered: Ints
    share: Floats  # of gross; NaN: there is none


@dataclass
class MeasuredBooks:
    """The books of a date, by one risk model."""

    held: HeldBooks
    model: _Model
    benchmarks: Sequence[str | None]  # (P,)
    is_cash: Bools  # (M,)
    model_hash: np.uint64
    book_hash: Ints = field(init=False)
    _position: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        self._position = {name: row for row, name in enumerate(self.held.portfolios)}
        beside = np.zeros(len(self.benchmarks), dtype=np.uint64)
        named = {name for name in self.benchmarks if name is not None}
        for name in sorted(named):
            of = np.array([benchmark == name for benchmark in self.benchmarks], dtype=bool)
            row = self._position.get(name)
            content = np.uint64(0) if row is None else self.held.content[row]
            with np.errstate(over="ignore"):
                beside[of] = mixed(text_hashes(pa.array([name])) * K + content)[0]
        with np.errstate(over="ignore"):
            words: Words = mixed(mixed(self.held.content + beside * K) + self.model_hash)
        self.book_hash = words.view(np.int64)

    def rows(self, key: tuple[str, date], inputs_hash: str, fresh: Ints) -> dict[str, object]:
        """The columns of some of the books."""
        held, n = self.held, len(fresh)
        coverage = self._coverage()
        status, detail = self._status(coverage)
        measured = np.isin(status, ("ok", "partial"))
        return {
            "variant": [key[0]] * n,
            "date": [key[1]] * n,
            "portfolio": [held.portfolios[row] for row in fresh],
            "inputs_hash": [inputs_hash] * n,
            "book_hash": self.book_hash[fresh],
            "book_date": pa.array(held.book_day[fresh].astype(np.int32)).cast(pa.date32()),
            "status": [status[row] for row in fresh],
            "detail": [detail[row] for row in fresh],
            "n_members": held.n_members[fresh],
            "n_rejected": held.n_rejected[fresh],
            "n_portfolios": held.n_portfolios[fresh],
            "n_assets": coverage.n_assets[fresh],
            "n_uncovered": coverage.n_uncovered[fresh],
            "net_weight": numbers(coverage.net[fresh]),
            "gross_weight": numbers(coverage.gross[fresh]),
            "coverage": numbers(coverage.share[fresh]),
            "benchmark": pa.array([self.benchmarks[row] for row in fresh], pa.string()),
            "benchmark_coverage": numbers(self._of_benchmarks(coverage.share)[fresh]),
            "uncovered": self._listed(coverage, fresh),
            **self._risk(coverage, measured, fresh),
        }

    def _of_benchmarks(self, values: Floats) -> Floats:
        rows = [None if name is None else self._position.get(name) for name in self.benchmarks]
        return np.array([np.nan if row is None else values[row] for row in rows])

    def _coverage(self) -> _Coverage:
        holdings, prepared = self.held.holdings, self.model.prepared
        assets = pa.array([] if prepared is None else prepared.assets, pa.string())
        place = pc.fill_null(pc.index_in(pa.array(self.held.members, pa.string()), assets), -1).to_numpy().astype(np.int64)
        place[self.is_cash] = -1
        has_risk, cash = (place >= 0)[holdings.indices], self.is_cash[holdings.indices]
        covered, uncovered = _entries(holdings, has_risk), _entries(holdings, ~has_risk & ~cash)
        by_asset = scipy.sparse.csr_array(
            (covered.data, place[covered.indices], covered.indptr), shape=(holdings.shape[0], len(assets))
        )
        without = ~self.held.has_weights
        gross, lost = (_row_sums(abs(weights)) for weights in (holdings, uncovered))
        net = _row_sums(holdings)
        net[without] = gross[without] = np.nan
        n_uncovered = np.diff(uncovered.indptr).astype(np.int64)
        n_assets = n_uncovered + np.diff(covered.indptr)
        share = np.divide(gross - lost, gross, out=np.full_like(gross, np.nan), where=gross > 0)
        share[n_uncovered == 0] = np.where(gross > 0, 1.0, np.nan)[n_uncovered == 0]
        return _Coverage(by_asset, uncovered, net, gross, n_assets, n_uncovered, share)

    def _status(self, coverage: _Coverage) -> tuple[list[str], list[str | None]]:
        status: list[str] = []
        detail: list[str | None] = []
        counts = zip(
            self.held.has_weights.tolist(), self.held.n_members.tolist(), coverage.n_assets.tolist(), coverage.n_uncovered.tolist(),
            strict=True,
        )  # fmt: skip
        for has_weights, n_members, n_assets, n_uncovered in counts:
            if self.model.detail is not None:
                status.append("no_model")
                detail.append(self.model.detail)
            elif not has_weights:
                status.append("no_weights")
                detail.append("its values sum to no amount above 0 that divides them" if n_members else "no row of it can be used")
            elif n_uncovered:
                status.append("uncovered" if n_uncovered == n_assets else "partial")
                detail.append(f"{n_uncovered} of {n_assets} assets have no risk data")
            else:
                status.append("ok")
                detail.append(None)
        return status, detail

    def _risk(self, coverage: _Coverage, measured: Bools, fresh: Ints) -> dict[str, object]:
        """The numbers of some of the books, null where they are not measured."""
        P, n_factors = len(self.held.portfolios), len(self.model.factors)
        own = {name: np.full(P, np.nan) for name in (*_RISK, *_ACTIVE)}
        arrays = {name: np.zeros((P, n_factors)) for name in _ARRAYS}
        against = np.zeros(P, dtype=bool)
        asked = np.zeros(P, dtype=bool)
        asked[fresh] = True
        if self.model.prepared is not None:
            rest = asked & measured
            for name, of in self._held_against(asked & measured):
                row = self._position[name]
                if measured[row] and self._put_against(coverage, row, of, own, arrays):
                    against[of], rest[of] = True, False
            self._put(risk_of_books(coverage.covered[rest], *self._parts), rest, own, arrays)
        found: dict[str, object] = {name: numbers(values[fresh]) for name, values in own.items()}
        for name, values in arrays.items():
            found[name] = _lists_where(values[fresh], (against if name.startswith("active") else measured)[fresh])
        return found

    def _held_against(self, asked: Bools) -> list[tuple[str, Bools]]:
        """The benchmarks that have a book on the date, each with those of the books that are held against it."""
        of: dict[str, list[int]] = {}
        for row in np.flatnonzero(asked).tolist():
            name = self.benchmarks[row]
            if name is not None and name in self._position:
                of.setdefault(name, []).append(row)
        masks = []
        for name, rows in sorted(of.items()):
            mask = np.zeros(len(asked), dtype=bool)
            mask[rows] = True
            masks.append((name, mask))
        return masks

    def _put_against(self, coverage: _Coverage, row: int, of: Bools, own: dict[str, Floats], arrays: dict[str, Floats]) -> bool:
        """Risk, beta and tracking error of the books that one benchmark has; false where that has no risk."""
        benchmark = coverage.covered[row : row + 1]
        if not risk_of_books(benchmark, *self._parts).vol[0] > 0:
            return False
        found = books_against(coverage.covered[of], benchmark, *self._parts)
        self._put(found.portfolio, of, own, arrays)
        own["beta"][of], own["tracking_error"][of] = found.beta, found.active.vol
        own["active_factor_vol"][of], own["active_specific_vol"][of] = found.active.factor_vol, found.active.specific_vol
        at = np.ix_(np.flatnonzero(of), self.model.in_x)
        arrays["active_exposure"][at], arrays["active_contribution"][at] = found.active.exposures, found.active.by_factor
        return True

    def _put(self, risk: BooksRisk, of: Bools, own: dict[str, Floats], arrays: dict[str, Floats]) -> None:
        own["variance"][of], own["vol"][of] = risk.variance, risk.vol
        own["factor_vol"][of], own["specific_vol"][of] = risk.factor_vol, risk.specific_vol
        own["factor_variance"][of], own["specific_variance"][of] = risk.factor_vol**2, risk.specific_vol**2
        at = np.ix_(np.flatnonzero(of), self.model.in_x)
        arrays["exposure"][at], arrays["contribution"][at] = risk.exposures, risk.by_factor

    @property
    def _parts(self) -> tuple[Floats, Floats, Floats, LinkedCov]:
        prepared = self.model.prepared
        if prepared is None:
            raise ValueError("without a model there is no risk")
        return prepared.exposures, prepared.factor_cov, prepared.specific_var, prepared.linked

    def _listed(self, coverage: _Coverage, fresh: Ints) -> pa.Array:
        """The largest weights without risk data of some of the books, each with its reason."""
        weights = coverage.uncovered[fresh]
        row = np.repeat(np.arange(len(fresh)), np.diff(weights.indptr))
        order = np.lexsort((weights.indices, -np.abs(weights.data), row))
        rank = np.arange(len(order)) - np.repeat(weights.indptr[:-1], np.diff(weights.indptr))
        chosen = order[rank < LISTED]
        member = weights.indices[chosen]
        names = pa.array(self.held.members, pa.string()).take(pa.array(member))
        refused = {} if self.model.prepared is None else self.model.prepared.refused
        why = self.model.detail or f"no exposures known on {self.model.day}"
        reasons = {number: refused.get(self.held.members[number], why) for number in np.unique(member).tolist()}
        told = pa.array([reasons[number] for number in member.tolist()], pa.string())
        kind = PORTFOLIO_RISK.arrow_schema().field("uncovered").type.value_type
        values = pa.StructArray.from_arrays([names, pa.array(weights.data[chosen]), told], fields=list(kind))
        return lists(values, np.minimum(np.diff(weights.indptr), LISTED))


_RISK = ("variance", "factor_variance", "specific_variance", "vol", "factor_vol", "specific_vol")
_ACTIVE = ("beta", "tracking_error", "active_factor_vol", "active_specific_vol")
_ARRAYS = ("exposure", "contribution", "active_exposure", "active_contribution")


def _entries(weights: Weights, kept: Bools) -> Weights:
    """The same without some entries."""
    counts = np.concatenate([[0], np.cumsum(kept)])
    return scipy.sparse.csr_array((weights.data[kept], weights.indices[kept], counts[weights.indptr]), shape=weights.shape)


def _row_sums(weights: Weights) -> Floats:
    sums: Floats = np.asarray(weights.sum(axis=1), dtype=np.float64).ravel()
    return sums


def _lists_where(values: Floats, there: Bools) -> pa.Array:
    """A row's numbers as an array; null as a whole where there are none."""
    counts = np.where(there, values.shape[1], 0)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(values[there].ravel()), mask=pa.array(~there))
