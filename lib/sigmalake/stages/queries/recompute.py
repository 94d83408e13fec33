"""Some dates of a release computed again from its panel, and compared with what it holds, element by element."""

import random
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from types import MappingProxyType

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import yaml

from sigmalake.config.model import Config
from sigmalake.engines.local.engine import LocalEngine
from sigmalake.engines.local.rows import LocalRows
from sigmalake.engines.local.tables import LocalTables
from sigmalake.lake.comparison import differing_columns
from sigmalake.lake.lake import Lake
from sigmalake.lake.log import open_table, read_columns
from sigmalake.lake.releases import Release
from sigmalake.numerics.factors import Factor
from sigmalake.reader.storage.factor_sets import factor_sets_from
from sigmalake.stages.planning import PanelState, first_position, months_of, panel_states_of
from sigmalake.stages.portfolios import measuring
from sigmalake.stages.sources.book_index import INDEXED, books_as_of
from sigmalake.tables.books import PORTFOLIO_BOOKS, PORTFOLIO_RISK
from sigmalake.tables.declaration import Table
from sigmalake.tables.long import EXPOSURE_MOMENTS, EXPOSURES, FACTOR_PORTFOLIOS, FACTORS
from sigmalake.tables.packed import CROSS_SECTIONS, FIRST_PASS, PANEL, RISK_MODELS
from sigmalake.tables.records import RUNS
from sigmalake.tasks.books.check_books import BookPart
from sigmalake.tasks.books.portfolio_risk import STORED
from sigmalake.tasks.chunks import AsOf, chunks_of, first_row
from sigmalake.tasks.contract import PartTask
from sigmalake.tasks.first_pass import FitSecondPass
from sigmalake.tasks.long_tables import (
    Unpack,
    exposure_moments,
    exposures,
    factor_covariance,
    factor_portfolios,
    factor_returns,
    risk_diagnostics,
    specific_returns,
    specific_risk,
)
from sigmalake.tasks.regression import FitDates
from sigmalake.tasks.risk.windows import EstimateWindows

SAMPLED = 3  # dates of a table, its newest among them
REBUILT = 1e-9  # relative: windows of several dates are summed in another order than that of one


class Recomputation:
    """The tables of a release, read as they were pinned, and what the tasks of the model make of them."""

    def __init__(self, lake: Lake, release: Release, config: Config) -> None:
        self._root, self._release, self._config = lake.root, release, config
        self._engine = LocalEngine(LocalTables(lake.root, 1))
        self._factors = self._rows(FACTORS, FACTORS.column_names, None)
        self._sets: dict[str, list[Factor]] = factor_sets_from(self._factors)

    def differences(self) -> Iterator[tuple[str, str]]:
        """The tables that differ, each with where and in what."""
        try:
            yield from self._cross_sections()
            yield from self._risk_models()
            yield from self._portfolios()
            for task in self._unpackings():
                if task.into.name in self._release.tables:
                    yield from self._long(task)
        finally:
            self._engine.close()

    def _cross_sections(self) -> Iterator[tuple[str, str]]:
        stored = self._sampled(CROSS_SECTIONS, {})
        hashes = dict(zip(stored.column("date").to_pylist(), stored.column("inputs_hash").to_pylist(), strict=True))
        fit, rules = FitDates(self._sets, self._config.regression, hashes), self._config.regression.two_pass
        calendar = sorted(day for day in self._dates(PANEL, "return_date") if day is not None)
        if rules is None:
            rows = self._rows(PANEL, fit.input.columns, ds.field("return_date").isin(list(hashes)))
            computed = fit(rows)
        else:
            as_of = [
                AsOf("", place, hashes[day], first_row(place, rules.look_back + 1))
                for place, day in enumerate(calendar)
                if day in hashes
            ]
            computed = self._engine.collect(self._mapped(FitSecondPass(calendar, chunks_of(as_of, 1), fit), (PANEL, FIRST_PASS)))
        yield from _compared(CROSS_SECTIONS, stored, computed, REBUILT)

    def _risk_models(self) -> Iterator[tuple[str, str]]:
        calendar = self._dates(CROSS_SECTIONS, "date")
        months = months_of(panel_states_of(self._rows(PANEL, PanelState._fields, None)), calendar)
        for name in self._release.variants:
            variant = self._config.risk[name]
            stored = self._sampled(RISK_MODELS, {"variant": name})
            as_of = [
                AsOf(name, place, value, first_position(variant, place, months))
                for day, value in zip(stored.column("date").to_pylist(), stored.column("inputs_hash").to_pylist(), strict=True)
                for place in [calendar.index(day)]
            ]
            task = EstimateWindows(
                calendar, chunks_of(as_of, 1), {name: variant}, self._sets, months, self._config.sources.has_caps
            )
            computed = self._engine.collect(self._mapped(task, (PANEL, CROSS_SECTIONS)))
            yield from _compared(RISK_MODELS, stored, computed, REBUILT)

    def _portfolios(self) -> Iterator[tuple[str, str]]:
        books = self._config.books
        if books is None or PORTFOLIO_RISK.name not in self._release.tables:
            return
        stored = self._sampled(PORTFOLIO_RISK, {})
        keys = (stored.column(name).to_pylist() for name in ("variant", "date", "inputs_hash"))
        hashes = {(variant, day): value for variant, day, value in zip(*keys, strict=True)}
        days = sorted({day for _, day in hashes})
        held = books_as_of(self._rows(PORTFOLIO_BOOKS, INDEXED, None), days, books.max_age)
        task = measuring(self._config, [BookPart((day,), held[day].book_dates) for day in days if day in held], hashes, self._sets)
        computed = self._engine.collect(self._mapped(task, (PANEL, RISK_MODELS, PORTFOLIO_BOOKS), {STORED: PORTFOLIO_RISK}))
        yield from _compared(PORTFOLIO_RISK, stored, computed, REBUILT)

    def _unpackings(self) -> list[Unpack]:
        found = [factor_returns(self._factors), specific_returns(), factor_covariance(), specific_risk(), risk_diagnostics()]
        kept = {FACTOR_PORTFOLIOS.name: factor_portfolios(self._factors), EXPOSURE_MOMENTS.name: exposure_moments()}
        if self._config.long_tables.exposures:  # of those that were switched off the table is there, without rows
            kept[EXPOSURES.name] = exposures(self._factors)
        return found + [task for name, task in kept.items() if name in self._release.tables]

    def _long(self, task: Unpack) -> Iterator[tuple[str, str]]:
        dated = task.order[0]
        packed = self._sampled(task.source, {}, task.reads)
        days = packed.column(dated).unique().to_pylist()
        stored = self._rows(task.into, task.into.column_names, ds.field(task.into.date or "").isin(days))
        yield from _compared(task.into, stored, task(packed), 0.0)

    def _mapped(self, task: PartTask, tables: Sequence[Table], without: Mapping[str, Table] = MappingProxyType({})) -> LocalRows:
        """What a task makes of tables as they were pinned; of the roles `without` it is given no row."""
        given = {role: self._engine.no_rows(table) for role, table in without.items()}
        return self._engine.map_parts(task, given, versions={table.name: self._release.tables[table.name] for table in tables})

    def _dates(self, table: Table, column: str) -> list[date]:
        return sorted(day for day in self._rows(table, [column], None).column(column).to_pylist() if day is not None)

    def _sampled(self, table: Table, of: Mapping[str, str], columns: Sequence[str] = ()) -> pa.Table:
        """The rows of the newest date and of some others, which the release's id draws: the same ones each time."""
        dated = table.date or ""
        where = None
        for name, value in of.items():
            where = ds.field(name) == value
        known = sorted(set(self._rows(table, [dated], where).column(dated).to_pylist()))
        drawn = random.Random(self._release.release_id).sample(known[:-1], min(SAMPLED - 1, max(0, len(known) - 1)))
        chosen = ds.field(dated).isin([*drawn, *known[-1:]])
        return self._rows(table, list(columns) or table.column_names, chosen if where is None else where & chosen)

    def _rows(self, table: Table, columns: Sequence[str], where: ds.Expression | None) -> pa.Table:
        log = open_table(f"{self._root}/{table.name}", self._release.tables[table.name])
        if log is None:
            return table.arrow_schema(*columns).empty_table()
        return read_columns(log, columns, where, declared=table)


def config_of(lake: Lake, release: Release, config: Config) -> Config:
    """The configuration of a release: the one given where it is the same, else as its run recorded it."""
    if config.full_hash() == release.config_hash:
        return config
    runs = lake.columns(RUNS, ["run_id", "config"])
    of_run = runs.filter(pc.equal(runs.column("run_id"), release.run_id)).column("config").to_pylist()
    return Config.model_validate(yaml.safe_load(of_run[-1])) if of_run else config


def _compared(table: Table, stored: pa.Table, computed: pa.Table, relative: float) -> Iterator[tuple[str, str]]:
    keys = [(name, "ascending") for name in table.key]
    days = sorted({str(day) for day in stored.column(table.date).to_pylist()})
    where = f"on {', '.join(days)}"
    if stored.num_rows != computed.num_rows:
        yield table.name, f"{where} it has {stored.num_rows:,} rows, {computed.num_rows:,} come of computing them again"
        return
    wrong = differing_columns(stored.sort_by(keys), computed.select(stored.column_names).sort_by(keys), relative)
    if wrong:
        listed = ", ".join(f"{name} in {n:,} elements" for name, n in wrong.items())
        yield table.name, f"{where} computing it again gives another {listed}"
