"""The evaluation as a person reads it: tables of variants side by side."""

import json
import math
from collections.abc import Sequence

from sigmalake.numerics.evaluation.forecast_evaluation import EvaluationKind
from sigmalake.numerics.evaluation.forecast_measures import PERFECT_Q
from sigmalake.reader.evaluation_summary import Comparison, EvaluationSummary, KindMeasures, PortfolioMeasures
from sigmalake.report.text.plain_text import section, table, wrapped
from sigmalake.report.text.verdict import verdicts

MEANING = (
    "B = sd of return / forecast volatility: 1 is right, 1.1 a forecast 10 % too low; in band: portfolios of the n whose B is in "
    "the band that holds that of a right model 19 times in 20. |B-1| and MRAD (rolling) stand beside what a right normal forecast "
    f"shows at that many dates. Q of a right normal forecast is {PERFECT_Q:.4f}, of fat tails more. QLIKE compares variants on the "
    "same returns, the common ones; lower is better. Means are over portfolios; spread is that of B between deciles. se(B) is the "
    "standard error of B from the forecasts themselves, with their tails and memory; MZ: portfolios of the n whose returns a "
    "regression on the forecasts finds not to follow them one for one, at 5 %."
)
COMPARED = (
    "Diebold and Mariano: QLIKE of the first variant less that of the second on the same returns, its standard error, and the "
    "probability of so large a difference between forecasts that are alike."
)

_BIAS = ("kind", "variant", "n", "T", "B", "se(B)", "in band", "|B-1|", "right", "without")
_COMPARED = ("kind", "variants", "T", "difference", "se", "p")
_OTHERS = ("kind", "variant", "MRAD", "right", "Q", "QLIKE", "common", "MZ", "spread")
_BY_DECILE = (
    EvaluationKind.ASSET_BY_SIZE, EvaluationKind.ASSET_BY_VOLATILITY, EvaluationKind.SPECIFIC_BY_SIZE,
    EvaluationKind.SPECIFIC_BY_VOLATILITY,
)  # fmt: skip


def as_text(summaries: Sequence[EvaluationSummary]) -> str:
    """Plain text of 80 columns by horizon: measures by kind and variant, B by decile, variants compared, and the verdict."""
    return "\n\n\n".join(map(_horizon_text, summaries))


def _horizon_text(summary: EvaluationSummary) -> str:
    names = sorted({kind.variant for kind in summary.kinds})
    parts = [
        table(_BIAS, map(_bias_cells, summary.kinds), left=(0, 1)),
        table(_OTHERS, map(_other_cells, summary.kinds), left=(0, 1)),
        *(text for name in names if (text := _deciles(summary, name))),
        *([table(_COMPARED, map(_compared_cells, summary.comparisons), left=(0, 1))] if summary.comparisons else []),
        "\n".join([_spans(summary.kinds), *wrapped(MEANING), *(wrapped(COMPARED) if summary.comparisons else [])]),
        section("Verdict", *(line for text in verdicts(summary) for line in wrapped(text, "", "  "))).rstrip(),
    ]
    return "\n\n".join(parts)


def _deciles(summary: EvaluationSummary, variant: str) -> str:
    """B by decile of one variant; empty where it has no deciles."""
    kinds = [kind for kind in summary.kinds if kind.kind in _BY_DECILE and kind.variant == variant]
    rows = [[kind.kind, " ".join(f"{cell:>4}" for cell in _decile_cells(kind, summary.portfolios))] for kind in kinds]
    return table([f"B by decile, {variant}", " ".join(f"  {n:02d}" for n in range(1, 11))], rows) if rows else ""


def as_json(summaries: Sequence[EvaluationSummary]) -> str:
    """Every measure of the shortest horizon, and those of the others under `longer_horizons`; null: too few forecasts."""
    first, *others = map(_plain_summary, summaries)
    return json.dumps(first | ({"longer_horizons": others} if others else {}), default=str)


def _plain_summary(summary: EvaluationSummary) -> dict[str, object]:
    listed = {name: [row._asdict() for row in rows] for name, rows in summary._asdict().items()}
    plain: dict[str, object] = {
        name: [{key: _plain(value) for key, value in row.items()} for row in rows] for name, rows in listed.items()
    }
    return plain | {"verdict": verdicts(summary)}


def _plain(value: object) -> object:
    return None if isinstance(value, float) and math.isnan(value) else value


def _bias_cells(kind: KindMeasures) -> list[str]:
    return [
        kind.kind,
        kind.variant,
        str(kind.n_portfolios),
        str(kind.n_dates),
        _number(kind.bias, 3),
        _number(kind.bias_error, 3),
        str(kind.n_in_band),
        _number(kind.deviation, 3),
        _number(kind.expected_deviation, 3),
        str(kind.n_without),
    ]


def _compared_cells(compared: Comparison) -> list[str]:
    return [
        compared.kind,
        f"{compared.variant} - {compared.other}",
        str(compared.n_dates),
        _number(compared.difference, 4),
        _number(compared.std_error, 4),
        _number(compared.p_value, 3),
    ]


def _other_cells(kind: KindMeasures) -> list[str]:
    return [
        kind.kind,
        kind.variant,
        _number(kind.mrad, 3),
        _number(kind.expected_mrad, 3),
        _number(kind.q, 3),
        _number(kind.qlike, 3),
        str(kind.n_common),
        str(kind.n_mz_rejected),
        _number(kind.bias_spread, 2) if kind.kind in _BY_DECILE else "-",
    ]


def _decile_cells(kind: KindMeasures, portfolios: Sequence[PortfolioMeasures]) -> list[str]:
    biases = {p.portfolio: p.bias for p in portfolios if (p.kind, p.variant) == (kind.kind, kind.variant)}
    return [_number(biases.get(f"{n:02d}", math.nan), 2) for n in range(1, 11)]


def _spans(kinds: Sequence[KindMeasures]) -> str:
    """Of each variant, the dates of its forecasts and its rolling window."""
    by_variant = {kind.variant: kind for kind in kinds}
    return "\n".join(
        f"{name}: forecasts as of {kind.first_date} to {kind.last_date}; rolling over {kind.rolling_window} forecasts{_ahead(kind)}"
        for name, kind in sorted(by_variant.items())
    )


def _ahead(kind: KindMeasures) -> str:
    if kind.horizon == 1:
        return ""
    independent = f"{kind.n_effective:.0f} independent ones"
    return f";\n  each of {kind.horizon} periods: {kind.n_dates} that overlap tell as much of B as {independent}"


def _number(value: float, digits: int) -> str:
    return "-" if math.isnan(value) else f"{value:.{digits}f}"
