"""One cross-sectional regression a date: a row of `panel` becomes a row of `cross_sections`.

The factor sets, the rules and a hash a date are shipped. A task holds the rows that it is given, and one X at a time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from sigmalake.numerics.factors import Factor, given_factors
from sigmalake.numerics.kernel_weights import KernelWeights
from sigmalake.numerics.registry.estimator import KernelError
from sigmalake.numerics.regression.cross_section import CrossSection, Status, fit_cross_section
from sigmalake.numerics.regression.given_factors import fit_beside_given, portfolios_of_others
from sigmalake.numerics.regression.market_return import market_return
from sigmalake.numerics.regression.rules import RegressionRules
from sigmalake.numerics.types import Bools, Floats
from sigmalake.numerics.weights import complete_variances, inverse_variance_weights, regression_weights
from sigmalake.tables.declaration import Table
from sigmalake.tables.packed import CROSS_SECTIONS, PANEL
from sigmalake.tasks.arrays import as_array, finite_numbers, joined, lists, number_lists
from sigmalake.tasks.contract import Input, MapTask, no_rows, table_of
from sigmalake.tasks.panel_rows import EXPOSURES, PanelRows, read_panel_rows

NO_PORTFOLIOS = "no factor portfolios: with the weights of the fit, the factors are not independent"
PANEL_ROWS = "panel"  # the role of the rows that are fitted

READ = ("return_date", "factor_set", "asset_id", "ret", "given_return", "cap", "weight_column", "in_estimation", *EXPOSURES)


class FittedDate(NamedTuple):
    """One date's regression, and what is told beside it."""

    section: CrossSection
    market_return: float
    portfolios: Floats | None  # (K, N); None where they are not kept


@dataclass(frozen=True)
class FitDates(MapTask):
    """The rows of `cross_sections`, or the part of them that `first_pass` keeps, of rows of `panel` with returns.

    In the second of two passes the rows also have `specific_var`: N variances known one date before.
    """

    factor_sets: Mapping[str, Sequence[Factor]]  # what the arrays by factor mean
    rules: RegressionRules
    inputs_hashes: Mapping[date, str]  # by return date
    into: Table = CROSS_SECTIONS

    @property
    def inputs(self) -> Mapping[str, Input]:
        """The panel's rows."""
        return {PANEL_ROWS: Input(PANEL, READ, "return_date")}

    def __call__(self, rows: pa.Table) -> pa.Table:
        """A row a row, in their order."""
        if not rows.num_rows:
            return no_rows(self.into)
        rows = rows.combine_chunks()
        panel = read_panel_rows(rows)
        fitted = [self._fit(panel, row) for row in range(rows.num_rows)]
        return self._as_rows(rows, fitted)

    def _fit(self, panel: PanelRows, row: int) -> FittedDate:
        factors, rules = self.factor_sets[panel.factor_set[row]], self.rules
        caps, in_estimation, returns = panel.caps(row), panel.in_estimation(row), panel.lists["ret"].row(row)
        weights, message, failure = self._weights(panel, row)
        X = panel.packed_exposures(row, factors)
        if given_factors(factors).any():
            fit = fit_beside_given(returns, X, caps, weights, in_estimation, factors, panel.lists["given_return"].row(row), rules)
        else:
            fit = fit_cross_section(returns, X, caps, weights, in_estimation, factors, rules)
        if failure:
            fit = fit._replace(status=Status.NO_WEIGHTS.value, detail=failure)
        portfolios = None
        if rules.portfolios:
            known = (X.dense(factors), caps, in_estimation, fit.weights)
            portfolios = portfolios_of_others(*known, factors, fit.factor_returns, fit.factor_status)
        is_lost = portfolios is not None and fit.rank > 0 and fit.status == Status.OK and np.isnan(portfolios).all()
        fit = fit._replace(detail="; ".join(part for part in (fit.detail, message, NO_PORTFOLIOS if is_lost else "") if part))
        return FittedDate(fit, market_return(returns, caps, in_estimation), portfolios)

    def _weights(self, panel: PanelRows, row: int) -> tuple[Floats, str, str]:
        """The weights, what there is to tell of them, and why there are none: they are then 0."""
        rules, caps, column, in_estimation = self.rules, panel.caps(row), panel.weight_column(row), panel.in_estimation(row)
        specific_var = None if rules.two_pass is None else panel.lists["specific_var"].row(row)
        if isinstance(rules.weights, KernelWeights):
            try:
                return rules.weights.of_date(caps, column, specific_var, in_estimation), "", ""
            except KernelError as error:
                return np.zeros(len(caps)), "", str(error)
        weights = regression_weights(rules.instant_weights, caps, column, in_estimation)
        if rules.two_pass is None or specific_var is None:
            return weights, "", ""
        return *second_weights(specific_var, weights, in_estimation, rules.two_pass.max_ratio), ""

    def _as_rows(self, rows: pa.Table, fitted: Sequence[FittedDate]) -> pa.Table:
        hashes = [self.inputs_hashes[day] for day in rows.column("return_date").to_pylist()]
        given = {name: rows.column(name) for name in ("factor_set", "asset_id", "in_estimation")}
        columns = {"date": rows.column("return_date"), "inputs_hash": hashes, **given, **_fit_columns(rows, fitted)}
        return table_of(self.into, {name: columns[name] for name in self.into.column_names})


def second_weights(specific_var: Floats, first_weights: Floats, in_estimation: Bools, max_ratio: float) -> tuple[Floats, str]:
    """The weights of a second pass, and what was supposed or capped in them, with the numbers of assets."""
    complete = complete_variances(specific_var, first_weights, in_estimation)
    found = inverse_variance_weights(complete.specific_var, in_estimation, max_ratio)
    counts = {
        f"of {in_estimation.sum()} assets without a specific variance, weighed as in the first pass": complete.n_supposed,
        f"raised to hold the ratio of weights at {max_ratio:g}": found.n_raised,
        f"lowered to hold the ratio of weights at {max_ratio:g}": found.n_lowered,
    }
    return found.weights, "; ".join(f"{count} {what}" for what, count in counts.items() if count)


def _fit_columns(rows: pa.Table, fitted: Sequence[FittedDate]) -> dict[str, object]:
    """What the regression says, by column."""
    sections = [fit.section for fit in fitted]
    return {
        "n_assets": [len(s.weights) for s in sections],
        "n_estimation": [s.n_fitted for s in sections],
        "n_outliers": [s.n_outliers for s in sections],
        "outliers": _outliers(rows, sections),
        "n_reweighted": [s.n_reweighted for s in sections],
        "market_return": finite_numbers([fit.market_return for fit in fitted]),
        "rank": [s.rank for s in sections],
        "dof": [s.dof for s in sections],
        "status": [str(s.status) for s in sections],
        "detail": [s.detail for s in sections],
        **_statistics(sections),
        **_by_factor(sections),
        "portfolios": number_lists([None if fit.portfolios is None else fit.portfolios.ravel() for fit in fitted]),
        "specific_return": number_lists([s.specific_returns for s in sections]),
        "fitted_return": number_lists([s.fitted_returns for s in sections]),
        "weight": number_lists([s.weights for s in sections]),
    }


def _statistics(sections: Sequence[CrossSection]) -> dict[str, pa.Array]:
    return {
        "r2": finite_numbers([s.r2 for s in sections]),
        "adj_r2": finite_numbers([s.adj_r2 for s in sections]),
        "r2_uncentred": finite_numbers([s.r2_uncentred for s in sections]),
        "residual_var": finite_numbers([s.residual_var for s in sections]),
        "condition_number": finite_numbers([s.condition_number for s in sections]),
    }


def _by_factor(sections: Sequence[CrossSection]) -> dict[str, pa.Array]:
    counts = [len(s.factor_status) for s in sections]
    statuses = pa.array([str(status) for s in sections for status in s.factor_status], pa.string())
    return {
        "factor_return": number_lists([s.factor_returns for s in sections]),
        "std_error": number_lists([s.std_errors for s in sections]),
        "vif": number_lists([s.vif for s in sections]),
        "n_members": lists(pa.array(joined([s.n_members for s in sections], np.int32)), counts),
        "factor_status": lists(statuses, counts),
    }


def _outliers(rows: pa.Table, sections: Sequence[CrossSection]) -> pa.Array:
    """The assets whose returns were left out of the fit."""
    is_outlier = joined([s.is_outlier for s in sections], np.bool_)
    ids = as_array(rows.column("asset_id")).flatten()
    return lists(ids.filter(pa.array(is_outlier)), [int(s.is_outlier.sum()) for s in sections])
