"""The evaluation as a person reads it: tables of variants side by side."""

import json
import math
from collections.abc import Sequence
from io import StringIO

from rich.console import Console
from rich.table import Table

from sigmalake.numerics.evaluation.forecast_evaluation import EvaluationKind
from sigmalake.numerics.evaluation.forecast_measures import PERFECT_Q
from sigmalake.reader.evaluation_summary import EvaluationSummary, KindMeasures, PortfolioMeasures

WIDTH = 140

MEANING = f"""\
B = sd of return / forecast volatility: 1 is right, 1.1 is 10 % too low a forecast; band: B of a right model, 19 times in 20.
|B-1| and MRAD (rolling) stand beside what a right normal forecast shows at that many dates. Q of a right normal forecast is
{PERFECT_Q:.4f}, of fat tails more. QLIKE compares variants on the same returns, lower is better. Means are over portfolios.\
"""

_COLUMNS = ("kind", "variant", "portfolios", "T", "B", "in band", "|B-1| (right)", "MRAD (right)", "Q", "QLIKE (n)", "no forecast")
_BY_DECILE = (
    EvaluationKind.ASSET_BY_SIZE, EvaluationKind.ASSET_BY_VOLATILITY, EvaluationKind.SPECIFIC_BY_SIZE,
    EvaluationKind.SPECIFIC_BY_VOLATILITY,
)  # fmt: skip


def as_text(summary: EvaluationSummary) -> str:
    """Plain text: the measures by kind and variant, and B by decile."""
    table = Table(*_COLUMNS, box=None, pad_edge=False)
    for column in table.columns[2:]:
        column.justify = "right"
    for kind in summary.kinds:
        table.add_row(*_cells(kind))
    deciles = Table("B by decile", "variant", *(f"{n:02d}" for n in range(1, 11)), "spread", box=None, pad_edge=False)
    for kind in summary.kinds:
        if kind.kind in _BY_DECILE:
            deciles.add_row(kind.kind, kind.variant, *_decile_cells(kind, summary.portfolios), _number(kind.bias_spread, 2))
    return "\n".join([_rendered(table), _rendered(deciles), _spans(summary.kinds), MEANING])


def as_json(summary: EvaluationSummary) -> str:
    """Every measure; null where it has too few forecasts."""
    listed = {"kinds": [k._asdict() for k in summary.kinds], "portfolios": [p._asdict() for p in summary.portfolios]}
    plain = {name: [{key: _plain(value) for key, value in row.items()} for row in rows] for name, rows in listed.items()}
    return json.dumps(plain, default=str)


def _plain(value: object) -> object:
    return None if isinstance(value, float) and math.isnan(value) else value


def _cells(kind: KindMeasures) -> list[str]:
    return [
        kind.kind,
        kind.variant,
        str(kind.n_portfolios),
        str(kind.n_dates),
        _number(kind.bias, 3),
        f"{kind.n_in_band} of {kind.n_portfolios}",
        f"{_number(kind.deviation, 3)} ({_number(kind.expected_deviation, 3)})",
        f"{_number(kind.mrad, 3)} ({_number(kind.expected_mrad, 3)})",
        _number(kind.q, 3),
        f"{_number(kind.qlike, 3)} ({kind.n_common})",
        str(kind.n_without),
    ]


def _decile_cells(kind: KindMeasures, portfolios: Sequence[PortfolioMeasures]) -> list[str]:
    biases = {p.portfolio: p.bias for p in portfolios if (p.kind, p.variant) == (kind.kind, kind.variant)}
    return [_number(biases.get(f"{n:02d}", math.nan), 2) for n in range(1, 11)]


def _spans(kinds: Sequence[KindMeasures]) -> str:
    """Of each variant, the dates of its forecasts and its rolling window."""
    by_variant = {kind.variant: kind for kind in kinds}
    return "\n".join(
        f"{name}: forecasts as of {kind.first_date} to {kind.last_date}; rolling over {kind.rolling_window} forecasts"
        for name, kind in sorted(by_variant.items())
    )


def _number(value: float, digits: int) -> str:
    return "-" if math.isnan(value) else f"{value:.{digits}f}"


def _rendered(table: Table) -> str:
    console = Console(file=StringIO(), width=WIDTH, color_system=None)
    with console.capture() as captured:
        console.print(table)
    return "\n".join(line.rstrip() for line in captured.get().splitlines()) + "\n"
