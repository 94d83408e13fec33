"""The figures of the page's sections: which dates, factors and assets they are of, within limits of size and time."""

from collections.abc import Callable, Sequence
from datetime import date
from itertools import product
from typing import NamedTuple

import numpy as np
import pandas as pd
from plotly.graph_objects import Figure

from sigmalake.errors import ConfigError, MissingRiskError
from sigmalake.reader.factor_model import FactorModel
from sigmalake.reader.names import hints
from sigmalake.report.page.pictures import Menu, Picture
from sigmalake.report.verdict.evidence import Evidence
from sigmalake.report.verdict.regression import large_shares

MOST_FACTORS = 24  # in a menu: the most telling ones of a large model
MOST_DATES = 3  # that a scatter can be chosen of
MOST_MOVED = 30_000  # assets times dates whose numbers are compared with the release before
MOST_COMPARED = 250  # dates between which they are
MOST_POINTS = 45_000  # of all scatters together: half a megabyte
N_MATRIX = 6  # assets whose V is shown with its numbers


class Chosen(NamedTuple):
    """What the pictures are of."""

    dates: list[date]  # of the scatters: as requested, the newest, the largest market move
    factors: list[str]  # of the menus, the first one is shown
    n_factors: int  # that could be chosen
    holdings: pd.Series  # the market portfolio of the newest risk model; empty where there is none
    before: FactorModel | None  # the release that this one is compared with; None: there is none
    by_cap: bool  # whether it is weighted by market value
    largest: list[str]  # assets whose V is shown


class Drawn(NamedTuple):
    """A picture of the page, or why it is missing."""

    picture: Picture | None
    missing: str = ""
    left_out: str = ""  # what of it is not shown; empty where all is


def choose(model: FactorModel, found: Evidence, day: date | None, factors: Sequence[str], before: FactorModel | None) -> Chosen:
    """What the pictures are of.

    Args:
        model: the release.
        found: what the verdict rests on.
        day: the first date of the scatters; None: the newest.
        factors: the first of the menus.
        before: the release that this one is compared with.

    Raises:
        MissingRiskError: there is no regression of that date, or no such factor.
    """
    regressed = found.regressions[found.regressions["status"] == "ok"]
    if regressed.empty:
        raise MissingRiskError(
            f"no regression from {found.scope.first} to {found.scope.last} has factor returns; nothing can be shown"
        )
    if day is not None and pd.Timestamp(day) not in regressed.index:
        later = regressed.index[regressed.index > pd.Timestamp(day)]
        near = later[0] if len(later) else regressed.index[-1]
        raise MissingRiskError(f"the date {day} has no regression in the range; {near:%Y-%m-%d} has one")
    moves = regressed["market_return"].abs().dropna()
    wanted = [day, regressed.index[-1].date(), pd.Timestamp(str(moves.idxmax())).date() if len(moves) else None]
    known = list(found.factors["factor"].drop_duplicates()) or list(model.factor_returns().columns)
    for name in factors:
        if name not in known:
            raise MissingRiskError(
                f"the regressions have no factor {name}{hints([name], known)}; they have {', '.join(known[:12])}"
            )
    shares = large_shares(found)
    market = set(found.factors.loc[found.factors["factor_group"] == "market", "factor"])
    telling = [str(name) for name in shares.index] or known
    telling.sort(key=lambda name: name in market)  # its scatter, beyond what all other factors explain, is the hardest to read
    few = [*telling[: MOST_FACTORS - len(market)], *(name for name in telling if name in market)]
    listed = list(dict.fromkeys([*factors, *(telling if len(telling) <= MOST_FACTORS else few)]))
    holdings, by_cap = _market(model, found)
    return Chosen(
        dates=list(dict.fromkeys(d for d in wanted if d is not None))[:MOST_DATES],
        factors=listed,
        n_factors=len({*factors, *telling}),
        holdings=holdings,
        before=before,
        by_cap=by_cap,
        largest=[str(asset) for asset in holdings.sort_values(ascending=False, kind="stable").index[:N_MATRIX]],
    )


def _market(model: FactorModel, found: Evidence) -> tuple[pd.Series, bool]:
    """Weights of all assets with a forecast, by market value where the model has it, else equal."""
    risk = found.newest
    if risk is None or not risk.usable:
        return pd.Series(dtype=float), False
    frame = model.panel(exposure_date=risk.exposure_date)
    caps = frame["cap"].reindex(list(risk.usable)) if "cap" in frame else pd.Series(1.0, list(risk.usable))
    weights = caps.where(np.isfinite(caps) & (caps > 0), 0.0)
    return weights / weights.sum(), "cap" in frame


def draw(model: FactorModel, found: Evidence, chosen: Chosen, name: str) -> Drawn:
    """One picture of `model.plot`, or the sentence that says why there is none."""
    try:
        if name == "changes":
            return _changes(model, found, chosen)
        return Drawn(_drawers(model, found, chosen)[name]())
    except (MissingRiskError, ConfigError) as error:
        return Drawn(None, str(error))


def _drawers(model: FactorModel, found: Evidence, chosen: Chosen) -> dict[str, Callable[[], Picture]]:
    plot, scope, risk = model.plot, found.scope, found.newest
    start, end, variant = scope.first, scope.last, scope.variant

    def one(figure: Figure) -> Picture:
        return Picture({(): figure})

    def risk_date() -> date:
        if risk is None:
            raise MissingRiskError(f"There is no risk model to show: {found.no_newest}.")
        return risk.date

    return {
        "factor_returns": lambda: one(plot.factor_returns(start=start, end=end, variant=variant)),
        "r2": lambda: one(plot.r2(start=start, end=end)),
        "t_stats": lambda: one(plot.t_stats(start=start, end=end)),
        "factor_strength": lambda: one(plot.factor_strength(start=start, end=end)),
        "correlations": lambda: one(plot.correlations(risk_date(), variant)),
        "exposure_stability": lambda: one(plot.exposure_stability(start=start, end=end)),
        "coverage": lambda: one(plot.coverage(start=start, end=end, variant=variant)),
        "risk": lambda: one(plot.risk(chosen.holdings, risk_date(), variant, missing="leave_out")),
        "specific_risk": lambda: one(plot.specific_risk(risk_date(), variant)),
        "residual_correlation": lambda: one(plot.residual_correlation(start=start, end=end)),
        "calibration": lambda: one(plot.calibration(variant, start=start, end=end)),
        "data_quality": lambda: one(plot.data_quality(start=start, end=end)),
        "scatter": lambda: _scatters(model, chosen),
        "slope": lambda: _slopes(model, found, chosen),
        "covariance": lambda: one(plot.covariance(risk_date(), chosen.largest, variant)),
    }


def _changes(model: FactorModel, found: Evidence, chosen: Chosen) -> Drawn:
    """What moved on the newest dates that were computed again: as many as their assets let be compared in seconds."""
    if chosen.before is None:
        raise MissingRiskError("There is no release to compare with.")
    days = [day for day in model.changed_dates(chosen.before) if found.scope.first <= day <= found.scope.last]
    n_assets = max(1, int(found.panel["n_assets"].max()))
    compared = found.regressions.index[-MOST_COMPARED:][0].date()
    newest = [day for day in days[-max(2, MOST_MOVED // n_assets) :] if day >= compared]
    if days and not newest:
        raise MissingRiskError(f"Nothing moved since {compared}; what moved before is listed by `sigmalake compare`.")
    figure = model.plot.changes(chosen.before, start=newest[0] if newest else None, end=found.scope.last)
    few = f"The picture begins on {newest[0]}: `sigmalake compare` lists what moved before." if len(newest) < len(days) else ""
    return Drawn(Picture({(): figure}), left_out=few)


def _scatters(model: FactorModel, chosen: Chosen) -> Picture:
    n_points = max(200, MOST_POINTS // (len(chosen.dates) * len(chosen.factors)))
    figures: dict[tuple[int, ...], Figure | str] = {}
    for (n, day), (k, factor) in product(enumerate(chosen.dates), enumerate(chosen.factors)):
        try:
            figures[(k, n)] = model.plot.scatter(day, factor, max_points=n_points)
        except MissingRiskError as error:  # the factor has no return on that date
            figures[(k, n)] = str(error)
    return Picture(figures, (Menu("Factor", chosen.factors), Menu("Date", [str(day) for day in chosen.dates])))


def _slopes(model: FactorModel, found: Evidence, chosen: Chosen) -> Picture:
    scope = found.scope
    figures: dict[tuple[int, ...], Figure | str] = {
        (k,): model.plot.slope(factor, start=scope.first, end=scope.last, variant=scope.variant)
        for k, factor in enumerate(chosen.factors)
    }
    return Picture(figures, (Menu("Factor", chosen.factors),))
