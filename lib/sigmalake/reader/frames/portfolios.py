"""The risk of the books of a model, as frames: a row a date and book."""

from collections.abc import Sequence
from datetime import date

import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds

from sigmalake.errors import MissingRiskError
from sigmalake.reader.frames.over_dates import between
from sigmalake.reader.names import hints
from sigmalake.reader.storage.model_tables import ModelTables
from sigmalake.tables.books import PORTFOLIO_CONTRIBUTIONS, PORTFOLIO_RISK
from sigmalake.tables.declaration import Table

_ARRAYS = {"exposure", "contribution", "active_exposure", "active_contribution", "inputs_hash", "book_hash"}
RISK_COLUMNS = tuple(name for name in PORTFOLIO_RISK.column_names if name not in _ARRAYS and name != "variant")
CONTRIBUTION_COLUMNS = tuple(name for name in PORTFOLIO_CONTRIBUTIONS.column_names if name != "variant")


def portfolio_risk_frame(
    tables: ModelTables, variant: str, portfolios: Sequence[str] | None, start: date | None, end: date | None
) -> pd.DataFrame:
    """A row a date and book.

    Raises:
        MissingRiskError: the model has no such book, or none at all on these dates.
    """
    return _frame(tables, PORTFOLIO_RISK, RISK_COLUMNS, ["date", "portfolio"], variant, portfolios, start, end)


def contribution_frame(
    tables: ModelTables, variant: str, portfolios: Sequence[str] | None, start: date | None, end: date | None
) -> pd.DataFrame:
    """A row a date, book, kind and name.

    Raises:
        MissingRiskError: the model has no such book, or none at all on these dates.
    """
    index = ["date", "portfolio", "kind", "name"]
    return _frame(tables, PORTFOLIO_CONTRIBUTIONS, CONTRIBUTION_COLUMNS, index, variant, portfolios, start, end)


def _frame(
    tables: ModelTables, table: Table, columns: Sequence[str], index: list[str], variant: str, portfolios: Sequence[str] | None,
    start: date | None, end: date | None,
) -> pd.DataFrame:  # fmt: skip
    where, dated = ds.field("variant") == variant, between("date", start, end)
    where = where if dated is None else where & dated
    rows = tables.rows(table, list(columns), where if portfolios is None else where & ds.field("portfolio").isin(list(portfolios)))
    known = set(rows.column("portfolio").unique().to_pylist())
    if missing := [name for name in portfolios or () if name not in known]:
        every = tables.rows(table, ["portfolio"], where).column("portfolio").unique().to_pylist()
        near = hints(missing, every)
        raise MissingRiskError(f"{tables.place}: {table.name} has no {', '.join(missing)} of {variant} on these dates{near}")
    if not rows.num_rows:
        raise MissingRiskError(
            f"{tables.place}: {table.name} has no rows of {variant} on these dates; books come from `sources.books`"
        )
    keys = [(name, "ascending") for name in index[:2]]
    return _as_dates(rows.sort_by(keys)).set_index(index)


def _as_dates(rows: pa.Table) -> pd.DataFrame:
    frame: pd.DataFrame = rows.to_pandas(date_as_object=False)
    for name in ("date", "book_date"):
        if name in frame:
            frame[name] = pd.to_datetime(frame[name])
    return frame
