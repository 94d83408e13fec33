"""Forecasts against the returns that followed: rows of `risk_models`, beside the panel's and the regressions' rows.

The factor sets, the rules, the user's portfolios, and by forecast date the dates of its returns are shipped. A task holds the rows
of a part, a run of forecast dates, and the arrays of one variant and date at a time.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa

from sigmalake.numerics.evaluation.forecast_evaluation import DateForecast, Evaluated, EvaluationRules, OwnPortfolio, evaluate_date
from sigmalake.numerics.factors import Factor
from sigmalake.numerics.types import Floats
from sigmalake.tables.declaration import Table
from sigmalake.tables.evaluation import FORECAST_EVALUATION
from sigmalake.tables.packed import CROSS_SECTIONS, PANEL, RISK_MODELS
from sigmalake.tasks.arrays import numbers
from sigmalake.tasks.contract import Input, PartTask, no_rows, sorted_rows, table_of
from sigmalake.tasks.model_rows import MODEL_COLUMNS, ModelRows, read_model_rows
from sigmalake.tasks.panel_rows import EXPOSURES, PanelRows, read_panel_rows
from sigmalake.tasks.realised import RealisedReturns, read_return_rows

MODELS, KNOWN, RETURNED, REGRESSED = "models", "known", "returned", "regressed"
# roles: forecasts, the panel's rows of their dates, those of the dates of the returns, and the regressions of these

DATES_A_PART = 16  # of forecasts: each reads its Sigma, X and returns once

OwnHistory = Mapping[str, Sequence[tuple[date, OwnPortfolio]]]
"""By portfolio, its holdings by the date from which they hold, ascending."""


def holdings_of(own: OwnHistory, day: date) -> list[OwnPortfolio]:
    """Each portfolio as it was last known at a close; one that begins later is absent."""
    found = []
    for history in own.values():
        if at := bisect_right([since for since, _ in history], day):
            found.append(history[at - 1][1])
    return found


def forecast_parts(days: Sequence[date], calendar: Sequence[date]) -> list[list[date]]:
    """Forecast dates by runs of `DATES_A_PART` positions in a calendar."""
    asked, parts = set(days), dict[int, list[date]]()
    for position, day in enumerate(calendar):
        if day in asked:
            parts.setdefault(position // DATES_A_PART, []).append(day)
    return list(parts.values())


@dataclass(frozen=True)
class EvaluateForecasts(PartTask):
    """The rows of `forecast_evaluation` of the forecasts that have met their return, by date and variant."""

    parts: Sequence[Sequence[date]]  # forecast dates, ascending
    inputs_hashes: Mapping[tuple[str, date], str]  # by variant and date: the forecasts to evaluate
    realised: Mapping[date, Mapping[int, Sequence[date]]]  # by forecast date and horizon, the return dates that it is held to
    factor_sets: Mapping[str, Sequence[Factor]]  # what the arrays by factor mean
    rules: EvaluationRules
    own: OwnHistory
    into: Table = FORECAST_EVALUATION

    @property
    def n_parts(self) -> int:
        """A part a run of forecast dates."""
        return len(self.parts)

    @property
    def inputs(self) -> Mapping[str, Input]:
        """Forecasts, what was known beside them, and what happened."""
        known = ("exposure_date", "factor_set", "asset_id", "cap", "in_estimation", *EXPOSURES)
        regressed = ("date", "factor_set", "factor_return", "specific_return")
        return {
            MODELS: Input(RISK_MODELS, ("variant", "date", *MODEL_COLUMNS), "date"),
            KNOWN: Input(PANEL, known, "exposure_date"),
            RETURNED: Input(PANEL, ("return_date", "asset_id", "ret"), "return_date"),
            REGRESSED: Input(CROSS_SECTIONS, regressed, "date"),
        }

    def dates(self, part: int) -> Mapping[str, Sequence[date]]:
        """The forecasts', and those of their returns."""
        forecasts = self.parts[part]
        returns = sorted({day for of in forecasts for dates in self.realised.get(of, {}).values() for day in dates})
        return {MODELS: forecasts, KNOWN: forecasts, RETURNED: returns, REGRESSED: returns}

    def __call__(self, part: int, inputs: Mapping[str, pa.Table]) -> pa.Table:
        """Of a part's dates; a forecast without exposures or returns has none."""
        given = {role: inputs[role].select(list(read.columns)) for role, read in self.inputs.items()}
        models, known = read_model_rows(sorted_rows(given[MODELS], "date", "variant")), given[KNOWN].combine_chunks()
        panel, returns = read_panel_rows(known), read_return_rows(given[RETURNED], given[REGRESSED])
        panel_row = {day: row for row, day in enumerate(known.column("exposure_date").to_pylist())}
        found = []
        for number, (variant, day) in enumerate(zip(models.variant, models.date, strict=True)):
            if (variant, day) not in self.inputs_hashes or day not in panel_row or day not in self.parts[part]:
                continue
            for horizon, dates in self.realised.get(day, {}).items():
                after = returns.over(dates, self.factor_sets)
                if after is not None:
                    forecast = self._forecast(models, number, panel, panel_row[day], after).over(horizon)
                    evaluated = evaluate_date(forecast, self.rules, holdings_of(self.own, day))
                    found.append(self._as_rows(variant, day, horizon, after.return_date, evaluated))
        return pa.concat_tables(found) if found else no_rows(self.into)

    def _forecast(self, models: ModelRows, number: int, panel: PanelRows, row: int, after: RealisedReturns) -> DateForecast:
        columns, factors = self.factor_sets[panel.factor_set[row]], models.factors[number]
        ids, X = panel.ids(row).to_pylist(), panel.exposures(row, columns)
        in_sigma = np.array([factor.name in set(factors) for factor in columns], dtype=bool)
        needed = ~in_sigma & np.array([factor.name not in set(models.zero_factors[number]) for factor in columns], dtype=bool)
        specific_var = models.specific_var_of(number, panel.ids(row))
        return_names = (factor.name for factor in self.factor_sets[after.factor_set])
        returned = dict(zip(return_names, after.factor_returns.tolist(), strict=True))
        return DateForecast(
            factors=factors,
            factor_cov=models.sigma(number),
            factor_returns=np.array([returned.get(factor, np.nan) for factor in factors]),
            asset_ids=ids,
            exposures=_by_sigma(X, columns, factors),
            specific_var=specific_var,
            usable=~np.isnan(specific_var) & ~(X[:, needed] != 0).any(axis=1),
            caps=panel.caps(row) if panel.lists["cap"].is_valid[row] else None,
            in_estimation=panel.in_estimation(row),
            returns=after.returns,
            specific_returns=after.specific_returns,
            linked=models.linked_among(number, ids),
        )

    def _as_rows(self, variant: str, day: date, horizon: int, return_date: date, evaluated: Sequence[Evaluated]) -> pa.Table:
        """The rows of one forecast over one horizon; a number that is not there is null."""
        size = sum(len(part.portfolios) for part in evaluated)
        keys: dict[str, object] = {
            "variant": [variant] * size,
            "date": [day] * size,
            "horizon": pa.array([horizon] * size, pa.int32()),
            "return_date": [return_date] * size,
            "inputs_hash": [self.inputs_hashes[variant, day]] * size,
            "kind": [part.kind.value for part in evaluated for _ in part.portfolios],
            "portfolio": [str(name) for part in evaluated for name in part.portfolios],
            "detail": [None if n else part.without for part in evaluated for n in part.run.n_forecasts],
        }
        return table_of(self.into, {**keys, **_measures(evaluated)})


def _by_sigma(X: Floats, columns: Sequence[Factor], factors: Sequence[str]) -> Floats:
    """X by Sigma's factors; nobody is exposed to a factor that X does not have."""
    at = {name: position for position, name in enumerate(factors)}
    here = [position for position, factor in enumerate(columns) if factor.name in at]
    exposures = np.zeros((len(X), len(factors)))
    exposures[:, [at[columns[position].name] for position in here]] = X[:, here]
    return exposures


def _measures(evaluated: Sequence[Evaluated]) -> dict[str, object]:
    counts = {
        "n_forecasts": (part.run.n_forecasts for part in evaluated), "n_zero": (part.run.n_zero for part in evaluated),
        "n_assets": (part.n_assets for part in evaluated), "n_left_out": (part.left_out for part in evaluated),
    }  # fmt: skip
    measured = {
        "left_out_weight": (part.left_out_weight for part in evaluated), "vol": (part.run.vol for part in evaluated),
        "realised_return": (part.run.realised for part in evaluated), "b": (part.run.b for part in evaluated),
        "b_squared": (part.run.b_squared for part in evaluated), "log_var": (part.run.log_var for part in evaluated),
        "log_b_squared": (part.run.log_b_squared for part in evaluated),
    }  # fmt: skip
    return {
        **{name: _flat(values).astype(np.int32) for name, values in counts.items()},
        **{name: numbers(_flat(values)) for name, values in measured.items()},
    }


def _flat(values: Iterator[np.ndarray]) -> np.ndarray:
    return np.concatenate([np.empty(0), *values])
