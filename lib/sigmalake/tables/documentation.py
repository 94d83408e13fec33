"""The tables as a page to read: `python -m sigmalake.tables.documentation > docs/tables.md`."""

from collections.abc import Sequence

from sigmalake.tables.books import PORTFOLIO_BOOKS, PORTFOLIO_CONTRIBUTIONS, PORTFOLIO_RISK
from sigmalake.tables.catalogue import ALL_TABLES
from sigmalake.tables.declaration import Column, Table
from sigmalake.tables.descriptors import DESCRIPTORS, INDUSTRY_SHARES, PRICES, REVENUE_SHARES
from sigmalake.tables.packed import CROSS_SECTIONS, FIRST_PASS, PANEL, RISK_MODELS
from sigmalake.tables.records import REJECTED_ROWS, RELEASES, RUNS
from sigmalake.tables.views import VIEWS, View

HEAD = """\
# Tables

This page lists every table of a lake with its columns, for whoever reads them. It is written from the declarations
in `lib/sigmalake/tables` by `python -m sigmalake.tables.documentation`; a test compares.

Returns, variances and covariances are per period, in fractions: a return of 0.01 is 1 %. Nothing is annualised. A period is a step
of the calendar; of a variant for which `risk_models` says `frequency` month it is a calendar month, wherever that variant stands.
Missing is null. The constraints hold for every row: Delta refuses a write that breaks one, and Spark and delta-rs read them alike.
In a packed table a date is a row (in `risk_models` a variant and date), and the arrays of one length are parallel: entry n of each
belongs to the same asset, factor or membership.
"""

LEDGER = (REJECTED_ROWS, RUNS, RELEASES)
PORTFOLIOS = (PORTFOLIO_BOOKS, PORTFOLIO_RISK, PORTFOLIO_CONTRIBUTIONS)

GROUPS: tuple[tuple[str, Sequence[Table]], ...] = (
    ("Packed tables: they carry the model", (PANEL, FIRST_PASS, CROSS_SECTIONS, RISK_MODELS)),
    ("Descriptors: where exposures are computed from prices or revenues", (PRICES, DESCRIPTORS, INDUSTRY_SHARES, REVENUE_SHARES)),
    ("Long tables: for people who query", [t for t in ALL_TABLES if not t.packed and t not in (*LEDGER, *PORTFOLIOS)]),
    ("Portfolios of the user: their books and their risk", PORTFOLIOS),
    ("The run ledger: what came in, what ran, what was released", LEDGER),
)


def tables_page() -> str:
    """Every table with its key, columns, units and constraints, as Markdown."""
    parts = [HEAD]
    for title, tables in GROUPS:
        names = ", ".join(f"[{table.name}](#{table.name})" for table in tables)
        parts.append(f"## {title}\n\n{names}\n")
        parts += [_table(table) for table in tables]
    parts.append(f"## Views: computed when they are read, by SQL alone\n\n{', '.join(f'[{v.name}](#{v.name})' for v in VIEWS)}\n")
    parts += [_view(view) for view in VIEWS]
    return "\n".join(parts)


def _view(view: View) -> str:
    return "\n".join([*_columns(view), ""])


def _columns(relation: Table | View) -> list[str]:
    lines = [f"### {relation.name}", "", f"{relation.comment}. Key: {', '.join(f'`{name}`' for name in relation.key)}.", ""]
    lines += ["| column | type | null | what it holds |", "|---|---|---|---|"]
    return lines + [_column(column) for column in relation.columns]


def _table(table: Table) -> str:
    lines = _columns(table)
    if table.checks:
        lines += ["", "Constraints:", "", *(f"- `{check.name}`: `{check.sql}`" for check in table.checks)]
    return "\n".join([*lines, ""])


def _column(column: Column) -> str:
    comment = column.comment.replace("|", "\\|")
    return f"| `{column.name}` | `{column.type}` | {'yes' if column.nullable else 'no'} | {comment} |"


if __name__ == "__main__":
    print(tables_page(), end="")
