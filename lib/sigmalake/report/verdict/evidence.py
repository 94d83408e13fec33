"""What a verdict is reached from: narrow columns of a release's tables between two dates, and the newest risk model."""

from datetime import date, timedelta
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow.dataset as ds

from sigmalake.errors import ConfigError, MissingRiskError
from sigmalake.lake.releases import Check
from sigmalake.reader.dates import date_index
from sigmalake.reader.evaluation_summary import KindMeasures
from sigmalake.reader.factor_model import FactorModel
from sigmalake.reader.frames.residual_correlation import residual_correlation_frame, residual_groups_frame
from sigmalake.reader.risk_model import RiskModel
from sigmalake.reader.storage.model_tables import ModelTables
from sigmalake.tables.declaration import Table
from sigmalake.tables.long import EXPOSURE_STABILITY, FACTOR_RETURNS, RISK_DIAGNOSTICS
from sigmalake.tables.packed import CROSS_SECTIONS, PANEL, RISK_MODELS
from sigmalake.tables.quality import DATA_QUALITY

YEAR = timedelta(days=365)
_REGRESSIONS = (
    "date", "status", "detail", "n_assets", "n_estimation", "n_outliers", "n_reweighted", "r2", "adj_r2", "condition_number",
    "market_return",
)  # fmt: skip
_FACTORS = ("date", "factor", "factor_group", "t_stat", "vif", "n_members", "status")
_PANEL = ("exposure_date", "return_date", "exposures_age", "n_assets", "n_returns", "n_missing", "n_unmatched")
_RISK = ("date", "status", "detail", "n_periods", "effective_periods", "frequency")
_NEWEST = ("asset_id", "specific_var", "source", "n_obs")
_QUALITY = ("date", "source", "measure", "severity", "value", "n_checked", "n_found")


class Scope(NamedTuple):
    """Which release, variant and dates a report is of."""

    release: str
    as_of: date  # newest date of the release
    created: date  # when the release became known, UTC
    variant: str | None  # None: the release has no risk models
    first: date  # of the regressions in the range
    last: date
    a_year: float | None  # periods of the returns' calendar; None: it does not tell

    @property
    def year_ago(self) -> pd.Timestamp:
        """What is later is of the last year of the range."""
        return pd.Timestamp(self.last - YEAR)


class Evidence(NamedTuple):
    """Frames of the dates of a scope, ascending; empty where the release has no such table."""

    scope: Scope
    checks: list[Check]  # that the release passed
    regressions: pd.DataFrame  # by date
    factors: pd.DataFrame  # a row a date and factor
    panel: pd.DataFrame  # by exposure_date
    risk: pd.DataFrame  # of the variant, by date
    newest: RiskModel | None  # the last risk model of the range; None: there is none
    no_newest: str  # why
    specific: pd.DataFrame  # its Delta, by asset: specific_var, source, n_obs
    diagnostics: pd.DataFrame  # of its date: name, value, detail
    stability: pd.DataFrame  # exposure_date, style, correlation
    residuals: pd.DataFrame  # by date: what specific returns have in common
    within: pd.DataFrame  # of the newest of these dates, by membership factor
    quality: pd.DataFrame  # date, source, measure, severity, value, n_checked, n_found
    kinds: list[KindMeasures]  # calibration of the variant by kind of portfolio; none: not evaluated


def gather(
    model: FactorModel, tables: ModelTables, checks: list[Check], variant: str | None, start: date | None, end: date | None
) -> Evidence:
    """Read what a verdict needs.

    Args:
        model: the release.
        tables: its tables.
        checks: that the release passed.
        variant: None for the first of the configuration.
        start: first date of the returns, itself included; None: the first there is.
        end: last date, itself included; None: the last there is.

    Raises:
        MissingRiskError: no regression from `start` to `end`, or no such variant.
    """
    regressions = _dated(tables, CROSS_SECTIONS, _REGRESSIONS, start, end)
    if regressions.empty:
        days = tables.dates_of(CROSS_SECTIONS, "date")
        known = f"they go from {days[0]} to {days[-1]}" if days else "there are none"
        raise MissingRiskError(f"no regression from {start or 'the first'} to {end or 'the last'}; {known}")
    first, last = (regressions.index[place].date() for place in (0, -1))
    name = _variant(model, variant)
    scope = Scope(
        str(model.release_id), model.as_of, (model.created_at.date() if model.created_at else model.as_of), name, first, last,
        _a_year(model),
    )  # fmt: skip
    risk = pd.DataFrame() if name is None else _dated(tables, RISK_MODELS, _RISK, first, last, ds.field("variant") == name)
    newest, reason = _newest_risk(model, name, risk)
    of_newest = None if newest is None else (ds.field("variant") == name) & (ds.field("date") == newest.date)
    row = None if newest is None else tables.row(RISK_MODELS, _NEWEST, {"variant": name, "date": newest.date})
    specific = pd.DataFrame(columns=list(_NEWEST)) if row is None else pd.DataFrame({c: row[c].as_py() for c in _NEWEST})
    residuals = residual_correlation_frame(tables, first, last).dropna(subset=["edge", "largest"])  # the months with numbers
    return Evidence(
        scope=scope,
        checks=checks,
        regressions=regressions,
        factors=_rows(tables, FACTOR_RETURNS, _FACTORS, _between("date", first, last)),
        panel=_dated(tables, PANEL, _PANEL, first - YEAR, last),
        risk=risk,
        newest=newest,
        no_newest=reason,
        specific=specific.set_index("asset_id"),
        diagnostics=_rows(tables, RISK_DIAGNOSTICS, ("name", "value", "detail"), of_newest) if newest else pd.DataFrame(),
        stability=_rows(
            tables, EXPOSURE_STABILITY, ("exposure_date", "style", "correlation"), _between("exposure_date", first, last)
        ),
        residuals=residuals,
        within=residual_groups_frame(tables, residuals.index[-1].date() if len(residuals) else last, last),
        quality=_rows(tables, DATA_QUALITY, _QUALITY, _between("date", first, last)),
        kinds=_kinds(model, scope),
    )


def _variant(model: FactorModel, variant: str | None) -> str | None:
    if variant is None and not model.variants:
        return None
    model.dates(variant)  # says where there is no such variant
    return variant or model.variants[0]


def _a_year(model: FactorModel) -> float | None:
    try:
        return model.periods_per_year() if not model.variants else _of_calendar(model)
    except ConfigError:
        return None


def _of_calendar(model: FactorModel) -> float:
    """Of the returns: a variant by month has another period than its factor returns."""
    by_period = [name for name in model.variants if model.frequency(name) == "period"]
    return model.periods_per_year(by_period[0]) if by_period else model.periods_per_year()


def _newest_risk(model: FactorModel, variant: str | None, risk: pd.DataFrame) -> tuple[RiskModel | None, str]:
    if variant is None:
        return None, "the configuration names no variant under `risk`"
    usable = risk[risk["status"] == "ok"] if len(risk) else risk
    if usable.empty:
        return None, f"{variant} has no Sigma from the first date to the last"
    try:
        return model.risk(usable.index[-1], variant), ""
    except MissingRiskError as error:
        return None, str(error)


def _kinds(model: FactorModel, scope: Scope) -> list[KindMeasures]:
    """Of the forecasts whose return is in the range; the picture of the same range reads them no second time."""
    try:
        rows = model.evaluation(start=scope.first, end=scope.last).reset_index()
    except MissingRiskError:
        return []
    of_variant = rows.loc[rows["variant"] == scope.variant, list(KindMeasures._fields)]
    return [KindMeasures(*row) for row in of_variant.itertuples(index=False, name=None)]


def _dated(
    tables: ModelTables, table: Table, columns: tuple[str, ...], start: date | None, end: date | None,
    where: ds.Expression | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Rows of a table, by its date."""
    dated = columns[0]
    wanted = _between(dated, start, end)
    both = wanted if where is None else where if wanted is None else wanted & where
    frame = _rows(tables, table, columns, both).sort_values(dated)
    return frame.drop(columns=dated).set_index(date_index(frame[dated]))


def _rows(tables: ModelTables, table: Table, columns: tuple[str, ...], where: ds.Expression | None) -> pd.DataFrame:
    try:
        frame: pd.DataFrame = tables.rows(table, list(columns), where).to_pandas()
    except MissingRiskError:
        return pd.DataFrame(columns=list(columns))
    return frame


def _between(dated: str, start: date | None, end: date | None) -> ds.Expression | None:
    first = None if start is None else ds.field(dated) >= start
    last = None if end is None else ds.field(dated) <= end
    return first & last if first is not None and last is not None else last if first is None else first


def median(values: pd.Series) -> float:
    """The median of what is known; NaN: nothing is."""
    known = values.to_numpy(dtype=float)
    known = known[np.isfinite(known)]
    return float(np.median(known)) if known.size else float("nan")
