"""The risk of many portfolios in one call."""

from collections.abc import Hashable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
import scipy

from sigmalake.errors import DataError, MissingRiskError
from sigmalake.numerics.portfolio.many import Books, BooksRisk, books_against, risk_of_books
from sigmalake.numerics.types import Floats, Ints
from sigmalake.reader.holdings import LEAVE_OUT, NAMED, Holdings, Missing, check_missing, checked_holdings, refuse_repeats
from sigmalake.reader.names import asset_ids, hints
from sigmalake.reader.portfolios.units import looks_like_percents

if TYPE_CHECKING:
    from sigmalake.reader.risk_model import RiskModel

_COLUMNS = ["portfolio", "asset", "weight"]
_FORMS = "give the columns portfolio, asset and weight, a row a holding; or a row a portfolio and a column an asset"


class ManyReport(NamedTuple):
    """Risk of P portfolios over the model's horizon, a row a portfolio in the order in which they come."""

    summary: pd.DataFrame  # variance, vol, factor_vol, specific_vol, specific (its contribution to vol); with a benchmark also
    # tracking_error, active_factor_vol, active_specific_vol, active_specific, beta and correlation
    exposures: pd.DataFrame  # (P, K) x = X'h, a column a factor
    by_factor: pd.DataFrame  # (P, K) contributions; with `specific` they sum to `vol`
    by_group: pd.DataFrame  # the same, a column a group of factors
    active_by_factor: pd.DataFrame | None  # (P, K) contributions; with `active_specific` they sum to `tracking_error`
    left_out: pd.DataFrame  # portfolio, asset, weight, reason: holdings without risk data, in no number here


def risk_of_many(
    risk: "RiskModel", portfolios: pd.DataFrame, benchmark: Holdings | pd.DataFrame | None = None, *, missing: Missing = "raise"
) -> ManyReport:
    """Total, factor and specific risk of every portfolio, and beta to a benchmark; equal to `risk_of` and `risk_against`.

    Args:
        risk: the model, over its horizon.
        portfolios: a long frame with the columns portfolio, asset and weight, a row a holding; or a wide one with a row a
            portfolio and a column an asset, in which a missing weight is 0. Weights are fractions of each portfolio's value.
        benchmark: holdings for all portfolios, or a frame in either form with a benchmark for each portfolio under its name.
        missing: what to do about holdings without risk data: `raise`, or `leave_out` and list them in the report.

    Raises:
        DataError: a frame of another form, a portfolio that holds an asset twice, a weight that is not a finite number, weights
            that sum to 100, a benchmark without risk, or none for a portfolio.
        MissingRiskError: a holding has no risk data, or a portfolio has none left.
    """
    check_missing(missing)
    books = _books(risk, portfolios, "portfolios", missing)
    parts, labels = risk.parts(risk.usable), pd.Index(books.names, name="portfolio")
    if benchmark is None:
        return _report(risk, labels, risk_of_books(books.weights, *parts), None, books.left_out)
    of_benchmark = _benchmarks(risk, benchmark, books.names, missing)
    try:
        against = books_against(books.weights, _like(of_benchmark.weights, books.weights), *parts)
    except ValueError as error:
        raise DataError(str(error)) from None
    gone = pd.concat([some for some in (books.left_out, of_benchmark.left_out) if len(some)] or [books.left_out], ignore_index=True)
    report = _report(risk, labels, against.portfolio, against.active, gone)
    return report._replace(summary=report.summary.assign(beta=against.beta, correlation=against.correlation))


class _Books(NamedTuple):
    """Holdings of P portfolios over the usable assets of a model."""

    names: list[Hashable]
    weights: Books  # (P, N)
    left_out: pd.DataFrame  # portfolio, asset, weight, reason


class _Frame(NamedTuple):
    """What a frame says is held."""

    names: list[Hashable]  # (P,)
    assets: list[str]  # (M,)
    weights: Books  # (P, M) finite; dense of a wide frame, sparse of a long one


def _books(risk: "RiskModel", frame: pd.DataFrame, name: str, missing: Missing) -> _Books:
    given = _wide(risk, frame, name) if _is_wide(frame, name) else _long(risk, frame, name)
    if risk.check_units:
        _question_sums(given, name)
    column = {asset: n for n, asset in enumerate(risk.usable)}
    place = np.array([column.get(asset, -1) for asset in given.assets], dtype=np.int64)
    left_out = _left_out(risk, given, np.flatnonzero(place < 0))
    kept = np.flatnonzero(place >= 0)
    shape = (len(given.names), len(risk.usable))
    weights: Books
    if isinstance(given.weights, np.ndarray) and given.assets == list(risk.usable):
        weights = given.weights
    elif isinstance(given.weights, np.ndarray):
        weights = np.zeros(shape)
        weights[:, place[kept]] = given.weights[:, kept]
    else:
        some = given.weights[:, kept]
        weights = scipy.sparse.csr_array((some.data, place[kept][some.indices], some.indptr), shape=shape)
    if len(left_out):
        _refuse_left_out(risk, left_out, weights, given, missing)
    return _Books(given.names, weights, left_out)


def _is_wide(frame: pd.DataFrame, name: str) -> bool:
    if not isinstance(frame, pd.DataFrame) or frame.empty:
        raise DataError(f"{name} is {'an empty frame' if isinstance(frame, pd.DataFrame) else type(frame).__name__}; {_FORMS}")
    if set(_COLUMNS) <= set(frame.columns):
        return False
    if {"portfolio", "weight"} & set(frame.columns):
        raise DataError(f"{name} has the columns {', '.join(map(str, frame.columns))}; {_FORMS}")
    return True


def _long(risk: "RiskModel", frame: pd.DataFrame, name: str) -> _Frame:
    if n_lacking := int(frame["portfolio"].isna().sum()):
        raise DataError(f"{name} has {n_lacking} rows without a portfolio; name each")
    numbers = pd.to_numeric(frame["weight"], errors="coerce").to_numpy(dtype=float)
    if (bad := frame[~np.isfinite(numbers)]).size:
        shown = ", ".join(f"{row.portfolio}/{row.asset}: {row.weight}" for row in bad.head(NAMED).itertuples())
        raise DataError(f"{name} has {len(bad)} of {len(frame)} weights that are not finite numbers ({shown})")
    rows, names = pd.factorize(frame["portfolio"])
    raw, ids = pd.factorize(frame["asset"], use_na_sentinel=False)
    code, assets = pd.factorize(np.array(asset_ids(ids, f"{name}: asset", lambda: risk.assets), dtype=object))
    columns = code[raw]
    twice = pd.Series(rows.astype(np.int64) * len(assets) + columns).duplicated().to_numpy()
    if twice.any():
        first = int(np.flatnonzero(twice)[0])
        of, asset = names[rows[first]], assets[columns[first]]
        raise DataError(f"{name}: {of} holds {asset} more than once; give each asset once a portfolio")
    weights = scipy.sparse.csr_array((numbers, (rows, columns)), shape=(len(names), len(assets)))
    return _Frame(list(names), list(assets), weights)


def _wide(risk: "RiskModel", frame: pd.DataFrame, name: str) -> _Frame:
    if frame.index.has_duplicates:
        raise DataError(f"{name} has the portfolio {frame.index[frame.index.duplicated()][0]!r} twice; give a row each")
    assets = asset_ids(frame.columns, f"{name}: the columns", lambda: risk.assets)
    refuse_repeats(name, assets)
    try:
        weights = frame.to_numpy(dtype=float)
    except (TypeError, ValueError) as error:
        raise DataError(f"{name} has a weight that is no number ({error}); {_FORMS}") from None
    if not np.isfinite(weights).all():
        rows, columns = np.nonzero(np.isinf(weights))
        if rows.size:
            at = f"{frame.index[rows[0]]}/{assets[columns[0]]}: {weights[rows[0], columns[0]]}"
            raise DataError(f"{name} has {rows.size} weights that are not finite numbers (the first {at})")
        weights = np.where(np.isnan(weights), 0.0, weights)
    return _Frame(list(frame.index), assets, weights)


def _question_sums(given: _Frame, name: str) -> None:
    net, gross = np.asarray(given.weights.sum(axis=1)), np.asarray(given.weights.__abs__().sum(axis=1))
    doubtful = [n for n in range(len(given.names)) if looks_like_percents(net[n], gross[n])]
    if doubtful:
        n = doubtful[0]
        raise DataError(
            f"{len(doubtful)} of {len(given.names)} {name} have weights that sum to 100 as percentages do, the first "
            f"{given.names[n]}: {net[n]:g} net, {gross[n]:g} gross, which as fractions is {gross[n]:,.0%} of its value. "
            "Divide them by 100; if they are what you mean, take risk.as_given"
        )


def _left_out(risk: "RiskModel", given: _Frame, gone: Ints) -> pd.DataFrame:
    """Holdings of assets that cannot have a V."""
    rows, columns = given.weights[:, gone].nonzero()
    assets = [given.assets[gone[column]] for column in columns]
    unknown = f"no exposures known on {risk.exposure_date}"
    return pd.DataFrame(
        {
            "portfolio": [given.names[row] for row in rows],
            "asset": assets,
            "weight": np.asarray(given.weights[rows, gone[columns]]).ravel() if len(rows) else np.empty(0),
            "reason": [risk.refused.get(asset, unknown) for asset in assets],
        }
    )


def _refuse_left_out(risk: "RiskModel", left_out: pd.DataFrame, weights: Books, given: _Frame, missing: Missing) -> None:
    """Raise MissingRiskError unless holdings may be left out, and each portfolio that lacks some has others."""
    n_held = np.asarray((weights.__abs__()).sum(axis=1))
    nothing_left = {given.names[n] for n in np.flatnonzero(n_held == 0)} & set(left_out["portfolio"])
    if missing == "leave_out" and not nothing_left:
        return
    listed = ", ".join(f"{row.asset} of {row.portfolio} ({row.reason})" for row in left_out.head(NAMED).itertuples())
    more = f" and {len(left_out) - NAMED} more" if len(left_out) > NAMED else ""
    unknown = [asset for asset in left_out["asset"].unique() if asset not in risk.refused]
    hint = LEAVE_OUT if missing == "raise" else f"nothing is left of {len(nothing_left)} portfolios"
    raise MissingRiskError(f"no risk for {len(left_out)} holdings: {listed}{more}{hints(unknown, risk.assets)}. {hint}")


def _benchmarks(risk: "RiskModel", benchmark: Holdings | pd.DataFrame, names: list[Hashable], missing: Missing) -> _Books:
    """One row for all, or a row each in the order of the portfolios."""
    if not isinstance(benchmark, pd.DataFrame):
        checked = checked_holdings(benchmark, "benchmark", lambda: risk.assets)
        return _books(risk, checked.to_frame("benchmark").T, "benchmark", missing)
    given = _books(risk, benchmark, "benchmark", missing)
    row = {of: n for n, of in enumerate(given.names)}
    if lacking := [of for of in names if of not in row]:
        raise DataError(f"the benchmark frame has none for {len(lacking)} portfolios, the first {lacking[0]!r}; give one each")
    return given._replace(names=names, weights=given.weights[[row[of] for of in names]])


def _like(weights: Books, others: Books) -> Books:
    """Dense where the others are, sparse where they are."""
    if isinstance(others, np.ndarray):
        dense: Floats = weights if isinstance(weights, np.ndarray) else weights.toarray()
        return dense
    return scipy.sparse.csr_array(weights)


def _report(risk: "RiskModel", labels: pd.Index, of: BooksRisk, active: BooksRisk | None, left_out: pd.DataFrame) -> ManyReport:
    summary = pd.DataFrame(
        {name: getattr(of, name) for name in ("variance", "vol", "factor_vol", "specific_vol", "specific")}, labels
    )
    if active is not None:
        summary = summary.assign(
            tracking_error=active.vol, active_factor_vol=active.factor_vol, active_specific_vol=active.specific_vol,
            active_specific=active.specific,
        )  # fmt: skip

    def by_factor(values: Floats) -> pd.DataFrame:
        return pd.DataFrame(values, labels, pd.Index(risk.factors, name="factor"))

    contributions = by_factor(of.by_factor)
    return ManyReport(
        summary=summary,
        exposures=by_factor(of.exposures),
        by_factor=contributions,
        by_group=contributions.T.groupby(list(risk.groups), sort=False).sum().T.rename_axis(columns="group"),
        active_by_factor=None if active is None else by_factor(active.by_factor),
        left_out=left_out,
    )
