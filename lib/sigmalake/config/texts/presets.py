"""Which preset to take: what each is for, and what it sets, from the presets themselves."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from sigmalake.config.presets import PRESETS, PresetName


class Use(NamedTuple):
    """What a way of estimating is for."""

    horizon: str
    when: str
    needs: str


USES: Mapping[PresetName | None, Use] = {
    None: Use("some months", "a first model, or a short history: exponential weights alone", "60 dates; no caps"),
    "trading": Use("days", "trading and hedging: follows volatility within days, noisiest", "caps; 1 year of days"),
    "short": Use("a month", "portfolios rebalanced by the week or month: the usual choice", "caps; 2 years of days"),
    "long": Use("half a year", "strategic allocation: steady, slow to see a new regime", "caps; 3 years of days"),
    "monthly_60": Use("a month", "monthly data, as in the textbook: equal weights over 60 months", "60 months"),
}
"""By preset; None: a variant without one."""

WIDTHS = (12, 15, 15, 6)  # columns of the text
HEAD = ("preset", "horizon", "take it for", "needs")
_PARAMETERS = ("preset", "volatility", "correlation", "lags", "adjusted by")


def uses() -> list[tuple[str, str, str, str]]:
    """The rows of the table that says which to take."""
    return [(name or "(none)", *use) for name, use in USES.items()]


def parameters() -> list[tuple[str, str, str, str, str]]:
    """The rows of the table that says what each sets; half-lives and windows in periods."""
    return [
        ("(none)", "half-life 84", "as volatility", "0", "-"),
        *(_row(name, PRESETS[name]) for name in USES if name is not None),
    ]


def _row(name: str, sections: Mapping[str, Mapping[str, Any]]) -> tuple[str, str, str, str, str]:
    cov, var = sections["factor_cov"], sections["specific_var"]
    if "window" in cov:
        return name, f"window {cov['window']}", "as volatility", "0", "-"
    layers = ["eigenfactor"] if "eigenfactor" in cov else []
    layers += [f"regime {cov['regime']['half_life']}"] if "regime" in cov else []
    layers += [word for word, key in (("structural", "structural"), ("size", "size_shrinkage")) if key in var]
    lags = f"{cov['lags']}, {cov['corr_lags']}"
    return name, f"half-life {cov['half_life']}", f"half-life {cov['corr_half_life']}", lags, ", ".join(layers)


def presets_text() -> str:
    """Both tables, on a terminal of 80 columns."""
    lines = ["Which preset to take", ""]
    for name, horizon, when, needs in uses():
        lines += [f"{name:<11} horizon: {horizon}; needs {needs}", f"{'':<11} {when}"]
    lines += ["", "What it sets, in periods; `lags` of volatilities and of correlations", ""]
    for row in (_PARAMETERS, *parameters()):
        lines.append("".join(cell.ljust(width) for cell, width in zip(row[:4], WIDTHS, strict=True)).rstrip())
        lines += [f"{'':<{WIDTHS[0]}}{row[4]}"] if row[4] != "-" else []
    return "\n".join([*lines, "", "In the file: `risk: {short: {preset: short}}`; docs/presets.md has the reasons."])


def presets_markdown() -> str:
    """Both tables for docs/presets.md."""
    return "\n\n".join(_markdown(head, rows) for head, rows in ((HEAD, uses()), (_PARAMETERS, parameters())))


def _markdown(head: tuple[str, ...], rows: list[Any]) -> str:
    def cell(text: str, column: int) -> str:
        return f"`{text}`" if column == 0 and text != "(none)" else text

    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(cell(text, n) for n, text in enumerate(row)) + " |" for row in rows]
    return "\n".join(lines)
