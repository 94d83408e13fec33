"""Which factors matter: for risk, by their t statistics and volatility; for return, by their premium."""

from typing import NamedTuple

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from sigmalake.figures.layout import finished, label_axis
from sigmalake.figures.regressions.t_stats import shares_by_factor
from sigmalake.figures.text import plain
from sigmalake.figures.theme import BLUE, GREY, RED

_BAR = 17  # pixels a factor


class _Measure(NamedTuple):
    column: str
    label: str
    axis: str
    form: str
    reference: float | None


_MEASURES = (
    _Measure("mean_abs_t", "mean |t|", "mean |t|", ".1~f", 0.8),
    _Measure("share_significant", "share of |t| > 2", "share of |t| > 2", ".0%", 0.05),
    _Measure("vol", "volatility a year", "volatility, per year", ".0%", None),
    _Measure("premium_t", "t of the premium", "t of the premium", ".1~f", None),
)  # E|t| of a standard normal t is sqrt(2 / pi) = .80


def strengths(factor_returns: pd.DataFrame, t_stats: pd.DataFrame, premia: pd.DataFrame, per_year: float) -> pd.DataFrame:
    """A row a factor, the strongest last. Columns: mean_abs_t, share_significant, vol, premium, premium_error, premium_t.

    Volatility is that of the factor's returns over all dates, times sqrt(periods a year); the premium is their mean, times the
    periods a year, with the error and t of Newey and West.

    Args:
        factor_returns: a row a date and a column a factor, fractions per period.
        t_stats: shaped alike.
        premia: a row a factor with mean, nw_std_error and nw_t_stat, fractions per period.
        per_year: periods a year; 1: nothing is annualised.
    """
    found = pd.DataFrame(
        {
            "mean_abs_t": t_stats.abs().mean(),
            "share_significant": shares_by_factor(t_stats),
            "vol": factor_returns.std() * np.sqrt(per_year),
            "premium": premia["mean"] * per_year,
            "premium_error": premia["nw_std_error"] * per_year,
            "premium_t": premia["nw_t_stat"],
        }
    ).reindex(factor_returns.columns)
    return found.sort_values("mean_abs_t", kind="stable", na_position="first")


def factor_strength_figure(table: pd.DataFrame, *, annualised: bool = True) -> go.Figure:
    """Bars of a measure that a menu chooses, beside the premium with its error.

    Args:
        table: as from `strengths`.
        annualised: whether volatility and premium are per year, else per period.
    """
    names, per = [plain(name) for name in table.index], "year" if annualised else "period"
    figure = make_subplots(rows=1, cols=2, shared_yaxes=True, horizontal_spacing=0.04)
    numbers = table.to_numpy(dtype=float)
    hover = (
        "%{y}<br>mean |t| %{customdata[0]:.2f}<br>|t| > 2 on %{customdata[1]:.1%} of the dates<br>"
        f"volatility %{{customdata[2]:.2%}} a {per}<br>premium %{{customdata[3]:.2%}} ± %{{customdata[4]:.2%}} a {per}<br>"
        "t of the premium %{customdata[5]:.2f}<extra></extra>"
    )
    first = _MEASURES[0]
    figure.add_bar(
        x=table[first.column].to_numpy(), y=names, orientation="h", marker={"color": BLUE}, customdata=numbers,
        hovertemplate=hover, meta={"holds": "strength"}, row=1, col=1,
    )  # fmt: skip
    figure.add_scatter(
        x=table["premium"].to_numpy(), y=names, mode="markers", marker={"color": RED, "size": 6}, customdata=numbers,
        error_x={"type": "data", "array": 2 * table["premium_error"].to_numpy(), "color": RED, "thickness": 1, "width": 0},
        hovertemplate=hover, meta={"holds": "premium"}, row=1, col=2,
    )  # fmt: skip
    figure.add_vline(x=0, line={"color": GREY, "width": 1}, row=1, col=2)
    figure.update_layout(updatemenus=[{"buttons": [_button(measure, table, per) for measure in _MEASURES]}], showlegend=False)
    figure.update_xaxes(title=first.axis, tickformat=first.form, nticks=5, row=1, col=1)
    figure.update_xaxes(title=f"premium per {per}", tickformat=".0%" if annualised else ".2%", nticks=5, row=1, col=2)
    figure.update_yaxes(**label_axis(list(table.index), tickfont={"size": 10}, dtick=1, range=[-0.6, len(table) - 0.4]))
    figure.update_layout(bargap=0.3)
    strongest = ", ".join(f"{name} {table.loc[name, 'mean_abs_t']:.2f}" for name in table.index[::-1][:3])
    return finished(
        figure,
        "Which factors matter",
        note="Left: what moves returns, by a measure that the menu chooses; by chance mean |t| is .8 and |t| > 2 on 5 % of "
        "the dates. Right: what was earned, with two standard errors (Newey and West).",
        alt=f"Factors by their mean |t|, the strongest: {strongest}.",
        height=_BAR * len(table) + 120,
        menu=True,
    )


def _button(measure: _Measure, table: pd.DataFrame, per: str) -> dict[str, object]:
    axis = measure.axis.replace("per year", f"per {per}")
    change = [{"x": [table[measure.column].round(6).tolist()]}, {"xaxis.title.text": axis, "xaxis.tickformat": measure.form}, [0]]
    return {"label": measure.label.replace("a year", f"a {per}"), "method": "update", "args": change}
