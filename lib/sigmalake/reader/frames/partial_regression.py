"""One factor of a date's regression as points and a line."""

from datetime import date
from typing import NamedTuple

import numpy as np
import pandas as pd

from sigmalake.errors import MissingRiskError
from sigmalake.numerics.factors import Factor, given_factors, pack_exposures
from sigmalake.numerics.regression.given_factors import explained_by_given
from sigmalake.numerics.regression.partial_regression import PartialRegression, partial_regression
from sigmalake.numerics.types import Bools, Floats
from sigmalake.reader.frames.of_a_date import exposure_frame
from sigmalake.reader.names import hints
from sigmalake.reader.storage.model_tables import EXPOSURE_COLUMNS, ModelTables, Row, values_of

PANEL_COLUMNS = (*EXPOSURE_COLUMNS, "return_date", "ret", "cap", "in_estimation")
SECTION_COLUMNS = ("date", "status", "detail", "factor_set", "factor_return", "std_error", "factor_status", "asset_id", "weight")


class DateFit(NamedTuple):
    """A date's regression with what it was fitted to: K factors that are estimated, and what given ones leave of the returns."""

    day: date
    assets: pd.Index
    factors: list[Factor]
    exposures: Floats  # (N, K)
    returns: Floats  # (N,)
    caps: Floats  # (N,) 1 in a model without caps
    in_estimation: Bools  # (N,)
    weights: Floats  # (N,)
    factor_returns: Floats  # (K,)
    std_errors: Floats  # (K,)
    statuses: list[str]  # (K,)
    given: list[str]  # factors beside them, whose returns are given


def date_fit(tables: ModelTables, panel: Row, section: Row) -> DateFit:
    """A date's regression, from its rows of `panel` and `cross_sections`.

    Raises:
        MissingRiskError: the date's regression failed.
    """
    day = section["date"].as_py()
    if section["status"].as_py() != "ok":
        raise MissingRiskError(
            f"the regression of {day} has no factor returns: {section['status'].as_py()}; {section['detail'].as_py()}"
        )
    X = exposure_frame(tables, panel)
    weights = pd.Series(values_of(section["weight"]), section["asset_id"].as_py()).reindex(X.index)
    caps = values_of(panel["cap"]).astype(float) if panel["cap"].is_valid else np.ones(len(X))
    factors, factor_returns = tables.factor_sets[section["factor_set"].as_py()], values_of(section["factor_return"]).astype(float)
    given = given_factors(factors)
    explained = explained_by_given(pack_exposures(X.to_numpy(), factors), factors, factor_returns[given])
    return DateFit(
        day, X.index, [factor for factor in factors if factor.given is None], X.to_numpy()[:, ~given],
        values_of(panel["ret"]).astype(float) - explained, caps,
        values_of(panel["in_estimation"]).astype(bool), weights.fillna(0.0).to_numpy(),
        factor_returns[~given], values_of(section["std_error"]).astype(float)[~given],
        [status for status, of in zip(section["factor_status"].as_py(), factors, strict=True) if of.given is None],
        [factor.name for factor in factors if factor.given is not None],
    )  # fmt: skip


def partial_frame(fit: DateFit, factor: str) -> pd.DataFrame:
    """Points, a row an asset: exposure, ret, weight; the line in `attrs`.

    Raises:
        MissingRiskError: there is no such factor, or it has no return of its own on the date.
    """
    names = [one.name for one in fit.factors]
    if factor in fit.given:
        raise MissingRiskError(f"the return of {factor} is given: no regression of {fit.day} has it as a slope")
    if factor not in names:
        raise MissingRiskError(f"the regression of {fit.day} has no factor {factor}{hints([factor], names)}")
    column = names.index(factor)
    try:
        found: PartialRegression = partial_regression(
            fit.returns,
            fit.exposures,
            fit.caps,
            fit.weights,
            fit.in_estimation,
            fit.factors,
            fit.factor_returns,
            fit.statuses,
            column,
        )
    except ValueError as error:
        raise MissingRiskError(f"no points for {factor} on {fit.day}: {error}") from None
    frame = pd.DataFrame({"exposure": found.exposures, "ret": found.returns, "weight": fit.weights}, index=fit.assets)
    frame.attrs = {
        "date": fit.day, "factor": factor, "group": fit.factors[column].group, "kind": str(fit.factors[column].kind),
        "slope": float(fit.factor_returns[column]), "std_error": float(fit.std_errors[column]), "intercept": found.intercept,
        "slope_of_points": found.slope, "adjusted": found.adjusted,
    }  # fmt: skip
    return frame[frame["ret"].notna()]
