"""Some dates of a release computed again from its panel, and compared with what it holds, element by element."""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import yaml

from sigmalake.config.model import Config
from sigmalake.lake.lake import Lake
from sigmalake.lake.releases import Release
from sigmalake.numerics.factors import Factor
from sigmalake.reader.storage.factor_sets import factor_sets_from
from sigmalake.stages.planning import PanelState, first_position, months_of, panel_states_of
from sigmalake.stages.portfolios import measuring
from sigmalake.stages.queries.recompute.beside import (
    asset_covariances,
    contributions,
    data_quality,
    residual_correlations,
    stability,
)
from sigmalake.stages.queries.recompute.pinned_tables import REBUILT, TO_THE_LAST_BIT, PinnedTables, compared, hashes_of
from sigmalake.stages.sources.book_index import INDEXED, books_as_of
from sigmalake.tables.books import PORTFOLIO_BOOKS, PORTFOLIO_RISK
from sigmalake.tables.long import EXPOSURE_MOMENTS, EXPOSURES, FACTOR_PORTFOLIOS, FACTORS
from sigmalake.tables.packed import CROSS_SECTIONS, FIRST_PASS, PANEL, RISK_MODELS
from sigmalake.tables.records import RUNS
from sigmalake.tasks.books.check_books import BookPart
from sigmalake.tasks.books.portfolio_risk import STORED
from sigmalake.tasks.chunks import AsOf, chunks_of, first_row
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


class Recomputation:
    """The tables of a release, read as they were pinned, and what the tasks of the model make of them."""

    def __init__(self, lake: Lake, release: Release, config: Config) -> None:
        self._release, self._config = release, config
        self._tables = PinnedTables(lake.root, release)
        self._factors = self._tables.rows(FACTORS, FACTORS.column_names)
        self._sets: dict[str, list[Factor]] = factor_sets_from(self._factors)

    def differences(self) -> Iterator[tuple[str, str]]:
        """The tables that differ, each with where and in what."""
        try:
            yield from self._first_pass()
            yield from self._cross_sections()
            yield from self._risk_models()
            yield from self._portfolios()
            for beside in (asset_covariances, contributions, stability, residual_correlations, data_quality):
                yield from beside(self._tables, self._config, self._sets)
            for task in self._unpackings():
                if task.into in self._tables:
                    yield from self._long(task)
        finally:
            self._tables.close()

    def _first_pass(self) -> Iterator[tuple[str, str]]:
        stored = self._tables.sampled(FIRST_PASS)
        fit = FitDates(self._sets, self._config.regression.first_pass, hashes_of(stored), FIRST_PASS)
        yield from compared(FIRST_PASS, stored, fit(self._panel_rows(fit)), REBUILT)

    def _panel_rows(self, fit: FitDates) -> pa.Table:
        return self._tables.rows(PANEL, fit.input.columns, ds.field("return_date").isin(list(fit.inputs_hashes)))

    def _cross_sections(self) -> Iterator[tuple[str, str]]:
        stored = self._tables.sampled(CROSS_SECTIONS)
        hashes = hashes_of(stored)
        fit, rules = FitDates(self._sets, self._config.regression, hashes), self._config.regression.two_pass
        calendar = self._tables.dates(PANEL, "return_date")
        if rules is None:
            computed = fit(self._panel_rows(fit))
        else:
            as_of = [
                AsOf("", place, hashes[day], first_row(place, rules.look_back + 1))
                for place, day in enumerate(calendar)
                if day in hashes
            ]
            computed = self._tables.mapped(FitSecondPass(calendar, chunks_of(as_of, 1), fit), (PANEL, FIRST_PASS))
        yield from compared(CROSS_SECTIONS, stored, computed, REBUILT)

    def _risk_models(self) -> Iterator[tuple[str, str]]:
        calendar = self._tables.dates(CROSS_SECTIONS, "date")
        months = months_of(panel_states_of(self._tables.rows(PANEL, PanelState._fields)), calendar)
        for name in self._release.variants:
            variant = self._config.risk[name]
            stored = self._tables.sampled(RISK_MODELS, ds.field("variant") == name)
            as_of = [
                AsOf(name, place, value, first_position(variant, place, months))
                for day, value in zip(stored.column("date").to_pylist(), stored.column("inputs_hash").to_pylist(), strict=True)
                for place in [calendar.index(day)]
            ]
            task = EstimateWindows(
                calendar, chunks_of(as_of, 1), {name: variant}, self._sets, months, self._config.sources.has_caps
            )
            computed = self._tables.mapped(task, (PANEL, CROSS_SECTIONS))
            yield from compared(RISK_MODELS, stored, computed, REBUILT)

    def _portfolios(self) -> Iterator[tuple[str, str]]:
        books = self._config.books
        if books is None or PORTFOLIO_RISK not in self._tables:
            return
        stored = self._tables.sampled(PORTFOLIO_RISK)
        keys = (stored.column(name).to_pylist() for name in ("variant", "date", "inputs_hash"))
        hashes = {(variant, day): value for variant, day, value in zip(*keys, strict=True)}
        days = sorted({day for _, day in hashes})
        held = books_as_of(self._tables.rows(PORTFOLIO_BOOKS, INDEXED), days, books.max_age)
        task = measuring(self._config, [BookPart((day,), held[day].book_dates) for day in days if day in held], hashes, self._sets)
        computed = self._tables.mapped(task, (PANEL, RISK_MODELS, PORTFOLIO_BOOKS), {STORED: PORTFOLIO_RISK})
        yield from compared(PORTFOLIO_RISK, stored, computed, REBUILT)

    def _unpackings(self) -> list[Unpack]:
        found = [factor_returns(self._factors), specific_returns(), factor_covariance(), specific_risk(), risk_diagnostics()]
        kept = {FACTOR_PORTFOLIOS.name: factor_portfolios(self._factors), EXPOSURE_MOMENTS.name: exposure_moments()}
        if self._config.long_tables.exposures:  # of those that were switched off the table is there, without rows
            kept[EXPOSURES.name] = exposures(self._factors)
        return found + [task for name, task in kept.items() if name in self._release.tables]

    def _long(self, task: Unpack) -> Iterator[tuple[str, str]]:
        dated = task.order[0]
        packed = self._tables.sampled(task.source, columns=task.reads)
        days = packed.column(dated).unique().to_pylist()
        stored = self._tables.rows(task.into, task.into.column_names, ds.field(task.into.date or "").isin(days))
        yield from compared(task.into, stored, task(packed), TO_THE_LAST_BIT)


def config_of(lake: Lake, release: Release, config: Config) -> Config:
    """The configuration of a release: the one given where it is the same, else as its run recorded it."""
    if config.full_hash() == release.config_hash:
        return config
    runs = lake.columns(RUNS, ["run_id", "config"])
    of_run = runs.filter(pc.equal(runs.column("run_id"), release.run_id)).column("config").to_pylist()
    return Config.model_validate(yaml.safe_load(of_run[-1])) if of_run else config
