"""Named numbers of a row of a packed table, and which of them differ between two rows."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from sigmalake.numerics.factors import Factor
from sigmalake.reader.storage.model_tables import ModelTables, Row, values_of

Labels = tuple[str | None, str | None, str | None]  # factor, second factor, asset


class Numbers(NamedTuple):
    """The numbers of one quantity with their labels; NaN if there is none."""

    labels: Sequence[Labels]
    values: np.ndarray


class Moved(NamedTuple):
    """A number that differs between two models."""

    labels: Labels
    first: float  # NaN: the first model has none
    second: float


Read = Callable[[ModelTables, Row], Numbers]


def moved(first: Numbers | None, second: Numbers | None) -> list[Moved]:
    """The numbers that are not equal, or that one side lacks; NaN, which stands for no number, equals NaN."""
    if first is not None and second is not None and first.labels == second.labels:
        differ: list[int] = np.flatnonzero(_differ(first.values, second.values)).tolist()
        return [Moved(first.labels[n], float(first.values[n]), float(second.values[n])) for n in differ]
    one, other = (_by_label(numbers) for numbers in (first, second))
    pairs = [Moved(label, one.get(label, np.nan), other.get(label, np.nan)) for label in dict.fromkeys([*one, *other])]
    return [pair for pair in pairs if _differ(np.array([pair.first]), np.array([pair.second]))[0]]


def factor_returns(tables: ModelTables, row: Row) -> Numbers:
    """Factor returns of a row of `cross_sections`."""
    return Numbers(_of_factors(tables, row), values_of(row["factor_return"]).astype(float))


def specific_returns(_tables: ModelTables, row: Row) -> Numbers:
    """Specific returns of a row of `cross_sections`."""
    return _of_assets(row, "specific_return")


def factor_cov(_tables: ModelTables, row: Row) -> Numbers:
    """The upper triangle of Sigma of a row of `risk_models`; a row without a Sigma has none."""
    names = row["factors"].as_py() if row["status"].as_py() == "ok" else []
    if not names:
        return Numbers([], np.empty(0))
    labels: list[Labels] = [(one, other, None) for n, one in enumerate(names) for other in names[n:]]
    return Numbers(labels, values_of(row["factor_cov"]).astype(float))


def specific_var(_tables: ModelTables, row: Row) -> Numbers:
    """Delta of a row of `risk_models`."""
    return _of_assets(row, "specific_var")


def returns(_tables: ModelTables, row: Row) -> Numbers:
    """Returns of a row of `panel`."""
    return _of_assets(row, "ret")


def caps(_tables: ModelTables, row: Row) -> Numbers:
    """Caps of a row of `panel`; none in a model without caps."""
    return _of_assets(row, "cap")


def given_weights(_tables: ModelTables, row: Row) -> Numbers:
    """Regression weights of a row of `panel`, as given; none where none are."""
    return _of_assets(row, "weight_column")


def universe(_tables: ModelTables, row: Row) -> Numbers:
    """1 for an asset of the estimation universe of a row of `panel`, else 0."""
    return _of_assets(row, "in_estimation")


def exposures(tables: ModelTables, row: Row) -> Numbers:
    """X of a row of `panel` where it is not 0; the market is left out, which is 1 for every asset."""
    X = tables.exposures(row)
    columns = [n for n, factor in enumerate(X.factors) if factor.kind.value != "market"]
    placed = [(i, k) for i, k in zip(*np.nonzero(X.values[:, columns]), strict=True)]
    labels: list[Labels] = [(X.names[columns[k]], None, X.assets[i]) for i, k in placed]
    return Numbers(labels, np.array([X.values[i, columns[k]] for i, k in placed], dtype=float))


def _of_assets(row: Row, column: str) -> Numbers:
    assets = row["asset_id"].as_py()
    if not row[column].is_valid:
        return Numbers([], np.empty(0))
    return Numbers([(None, None, asset) for asset in assets], values_of(row[column]).astype(float))


def _of_factors(tables: ModelTables, row: Row) -> list[Labels]:
    factors: list[Factor] = tables.factor_sets[row["factor_set"].as_py()]
    return [(factor.name, None, None) for factor in factors]


def _by_label(numbers: Numbers | None) -> Mapping[Labels, float]:
    return {} if numbers is None else dict(zip(numbers.labels, numbers.values.tolist(), strict=True))


def _differ(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Whether two numbers are not equal; NaN equals NaN."""
    unequal: np.ndarray = (first != second) & ~(np.isnan(first) & np.isnan(second))
    return unequal
