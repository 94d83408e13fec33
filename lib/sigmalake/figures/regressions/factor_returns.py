"""What the factors earned, against what their volatility forecasts allow."""

import pandas as pd
import plotly.graph_objects as go

from sigmalake.figures.layout import buttons, date_axis, finished, legend_below
from sigmalake.figures.series import WEEKLY_NOTE, Days, days_of, small, weekly
from sigmalake.figures.text import plain
from sigmalake.figures.theme import clear, line_style

_DEVIATIONS = 2.0  # the band that a sum of normal returns with mean 0 leaves 1 time in 20
_HOVER = "%{fullData.name}<br>%{x|%Y-%m-%d}: %{y:.2%}<extra></extra>"


def cumulative(factor_returns: pd.DataFrame) -> pd.DataFrame:
    """Sums of factor returns from the first date on; NaN until a factor has its first, a date without one adds nothing."""
    return factor_returns.fillna(0.0).cumsum().where(factor_returns.notna().cummax())


def bands(factor_returns: pd.DataFrame, factor_vars: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Where the sum of each factor's returns lies 19 times in 20, if it has no premium and its forecasts are right.

    The band begins at the sum on the date of the first forecast, F(s), and is F(s) +- 2 sqrt(sum of the variances forecast
    for the returns since). A return's forecast is the newest made before its date.

    Args:
        factor_returns: a row a date and a column a factor, fractions per period; NaN: not estimated.
        factor_vars: forecast variances of a step of the calendar, a row an as-of date and a column a factor, fraction^2.

    Returns:
        Lower and upper ends, shaped like `factor_returns`; NaN where there is no forecast yet.
    """
    asof = factor_vars.reindex(columns=factor_returns.columns).sort_index()
    known = asof.reindex(factor_returns.index.union(asof.index)).ffill().shift(1).reindex(factor_returns.index)
    counted = known.where(factor_returns.notna())
    width = _DEVIATIONS * (counted.fillna(0.0).cumsum() ** 0.5).where(counted.notna().cummax())
    before = cumulative(factor_returns).fillna(0.0).where(width.isna()).ffill().bfill().fillna(0.0)
    centre = before.where(width.notna())
    return centre - width, centre + width


def factor_returns_figure(
    factor_returns: pd.DataFrame, factor_vars: pd.DataFrame | None, *, left_out: int = 0, variant: str = ""
) -> go.Figure:
    """Lines of summed factor returns; a menu shows one factor with its band.

    Args:
        factor_returns: a row a date and a column a factor, fractions per period.
        factor_vars: forecast variances a step of the calendar, as of each date; None: the model has no risk.
        left_out: factors of the model that are not drawn.
        variant: whose forecasts they are.
    """
    sums = cumulative(factor_returns)
    at, thinned = weekly(sums.index)
    days, names = days_of(sums.index)[at], list(sums.columns)
    figure = go.Figure()
    for n, name in enumerate(names):
        figure.add_scatter(
            x=days, y=small(sums[name].iloc[at]), name=plain(name), mode="lines", line=line_style(n), hovertemplate=_HOVER,
            meta={"holds": "factor_return_sum"},
        )  # fmt: skip
    if factor_vars is not None:
        for n, (name, low, high) in enumerate(_ends(factor_returns, factor_vars)):
            _add_band(figure, n, name, days, (small(low.iloc[at]), small(high.iloc[at])), shown=len(names) == 1)
    if len(names) > 1 and factor_vars is not None:
        figure.update_layout(updatemenus=[{"buttons": _choices(names)}])
    figure.update_xaxes(**date_axis())
    figure.update_yaxes(tickformat=",.2~%", title="sum of factor returns", zeroline=True)
    band = "" if factor_vars is None else (
        f" The menu shows a factor with its band: 2 standard deviations of the forecasts of variant {variant}, which "
        "a factor without a premium leaves 1 time in 20."
    )  # fmt: skip
    some = f" {len(names)} of {len(names) + left_out} factors: those with the largest mean |t|." if left_out else ""
    ends = ", ".join(f"{name} {sums[name].iloc[-1]:+.1%}" for name in names[:5])
    return finished(
        legend_below(figure),
        "Factor returns, summed",
        note=f"Sums of factor returns, fractions.{band}{some}{' ' + WEEKLY_NOTE if thinned else ''}",
        alt=f"Sums of factor returns from {sums.index[0]:%Y-%m-%d} to {sums.index[-1]:%Y-%m-%d}: {ends}.",
        menu=len(names) > 1 and factor_vars is not None,
        legend=len(names),
    )


def _ends(factor_returns: pd.DataFrame, factor_vars: pd.DataFrame) -> list[tuple[str, pd.Series, pd.Series]]:
    lower, upper = bands(factor_returns, factor_vars)
    return [(str(name), lower[name], upper[name]) for name in factor_returns]


def _add_band(figure: go.Figure, n: int, name: str, days: Days, ends: tuple[object, object], *, shown: bool) -> None:
    style = {"width": 0, "color": clear(str(line_style(n)["color"]), 0.5)}
    for end, fill, what in zip(ends, ("none", "tonexty"), ("lower", "upper"), strict=True):
        figure.add_scatter(
            x=days, y=end, name=plain(f"{name}, {what} end of the band"), mode="lines", line=style, fill=fill,
            fillcolor=clear(str(line_style(n)["color"]), 0.18), visible=shown, showlegend=False, hovertemplate=_HOVER,
            meta={"holds": f"band_{what}"},
        )  # fmt: skip


def _choices(names: list[str]) -> list[dict[str, object]]:
    """All lines; or one, with the two ends of its band."""
    everything = [True] * len(names) + [False] * (2 * len(names))
    single = [[name == other for other in names] + [name == other for other in names for _ in range(2)] for name in names]
    return buttons(["All factors", *names], [[{"visible": shown}] for shown in (everything, *single)])
