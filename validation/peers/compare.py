"""scripts/validate --peers: forecasts of ours and of others out of sample, on panels that are not shipped.

Writes the tables of docs/real_markets.md.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import yaml
from validation.peers.forecasts import Factored, Forecast
from validation.peers.from_models import PeerModels
from validation.peers.from_returns import from_returns
from validation.peers.market import CONF, Given, Market, origin_of, read_market
from validation.peers.scores import KINDS, Figure, Scores, Sums, month_sums, scores, stacked

Variant = Mapping[str, Any]

PUBLISHED = {"factor_cov": {"eigenfactor": {"scale": 1.4}}}


class Compared(NamedTuple):
    """A panel on which every peer made its forecasts."""

    given: Given
    n_assets: tuple[int, int]  # fewest and most
    dates: tuple[str, str]  # of the first forecast and the last
    n_months: int
    halves: tuple[Mapping[tuple[str, str], Scores], Mapping[tuple[str, str], Scores]]  # by kind and peer


def variants_of(config: str) -> dict[str, Variant]:
    """Ours, on a panel: what is shipped for it, and exponential weights alone."""
    if config == "us_sp500.yaml":
        plain = {"factor_cov": {"estimator": "ewma", "half_life": 84, "corr_half_life": 504}}
        return {
            "short": {"preset": "short"},
            "long": {"preset": "long"},
            "trading": {"preset": "trading"},
            "short_scale_1_4": {"preset": "short", **PUBLISHED},
            "plain": {**plain, "specific_var": {"estimator": "ewma", "half_life": 84}},
        }
    shipped = yaml.safe_load((CONF / config).read_text())["risk"]
    plain = {"factor_cov": {"estimator": "ewma", "half_life": 26}, "specific_var": {"estimator": "ewma", "half_life": 26}}
    return {**shipped, "weekly_before": _as_before(shipped["weekly"]), "plain": plain}


def _as_before(weekly: Variant) -> Variant:
    """Half of the half-lives, and no eigenfactor adjustment: what the configuration said before this comparison."""
    of_factors = {key: value for key, value in weekly["factor_cov"].items() if key != "eigenfactor"}
    return {
        "factor_cov": {**of_factors, "half_life": 26, "corr_half_life": 52},
        "specific_var": {**weekly["specific_var"], "half_life": 26},
    }


NAMES = {
    "plain": "ours, exponential weights alone",
    "weekly_before": "ours, `weekly` as it was",
    "short_scale_1_4": "ours, `short` with the published eigenfactor scale of 1.4",
}


def compare(path: Path) -> Compared:
    """Every forecast of every peer on one panel."""
    market = read_market(path, variants_of)
    others, sums = PeerModels(market), dict[tuple[str, str], list[Sums]]()
    sizes = []
    for position, end in zip(market.origins, market.ends, strict=True):
        origin = origin_of(market, position, end, market.model.variants)
        sizes.append(len(origin.assets))
        window = market.returns.iloc[position - market.given.grid.window + 1 : position + 1][origin.assets].to_numpy()
        forecasts: dict[str, Forecast] = {
            NAMES.get(variant, f"ours, `{variant}`"): Factored(*risk.parts(origin.assets)) for variant, risk in origin.risk.items()
        }
        forecasts |= others.forecasts(origin) | from_returns(window, market.given.grid.half_life)
        for peer, forecast in forecasts.items():
            for kind, of_month in month_sums(origin, market, forecast).items():
                sums.setdefault((kind, peer), []).append(of_month)
        print(f"{market.given.title}: {market.returns.index[position]:%Y-%m-%d}, {len(origin.assets)} assets", flush=True)
    return Compared(market.given, (min(sizes), max(sizes)), _span(market), len(sizes), _halves(market, sums))


def _span(market: Market) -> tuple[str, str]:
    first, last = (f"{market.returns.index[market.origins[at]]:%Y-%m-%d}" for at in (0, -1))
    return first, last


def _halves(
    market: Market, sums: Mapping[tuple[str, str], Sequence[Sums]]
) -> tuple[Mapping[tuple[str, str], Scores], Mapping[tuple[str, str], Scores]]:
    n_months, a_year = len(market.origins), market.given.grid.a_year
    first, second = np.array_split(np.arange(n_months), 2)
    whole = {key: stacked(list(months)) for key, months in sums.items()}
    return (
        {key: scores(months, first, a_year) for key, months in whole.items()},
        {key: scores(months, second, a_year) for key, months in whole.items()},
    )


def tables(compared: Compared) -> str:
    """A table a kind of portfolio, both halves side by side."""
    given = compared.given
    head = (
        f"### {given.title}\n\n{compared.n_months} forecasts, as of each month's end from {compared.dates[0]} to "
        f"{compared.dates[1]}; {compared.n_assets[0]:,} to {compared.n_assets[1]:,} assets."
    )
    return "\n\n".join([head, *(f"{kind.capitalize()}:\n\n{_table(kind, compared.halves)}" for kind in KINDS)])


_MEASURES = ("volatility, % a year", "B", "B of a month", "QLIKE less the best", "rolling error of B")


def _table(kind: str, halves: Sequence[Mapping[tuple[str, str], Scores]]) -> str:
    peers = [peer for of, peer in halves[0] if of == kind]
    measures = [name for name in _MEASURES if kind != KINDS[2] or name != _MEASURES[0]]  # one volatility for all, else
    head = ["peer", *(cell for name in measures for cell in (f"{name}: 1st", "2nd"))]
    lines = [head, ["---"] * len(head)]
    by_half = [{peer: half[kind, peer] for peer in peers} for half in halves]
    for peer in peers:
        lines.append([peer, *(_cell(name, peer, half) for name in measures for half in by_half)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(name: str, peer: str, half: Mapping[str, Scores]) -> str:
    """A figure with its standard error; bold: first, or no more than two standard errors from the first, or from 1."""
    own = half[peer]
    if np.isnan(own.qlike.value):
        return "-"
    if name in {_MEASURES[1], _MEASURES[2]}:
        figure = own.bias if name == _MEASURES[1] else own.monthly_bias
        return _marked(f"{figure.value:.3f} ± {figure.error:.3f}", abs(figure.value - 1) <= 2 * figure.error)
    figures = {other: _figure(name, of) for other, of in half.items() if not np.isnan(of.qlike.value)}
    best = min(figures, key=lambda other: figures[other].value)
    apart = figures[peer].value - figures[best].value
    error = float((figures[peer].drawn - figures[best].drawn).std())
    if name == _MEASURES[3]:
        return _marked("0" if peer == best else f"{apart:.3f} ± {error:.3f}", apart <= 2 * error)
    return _marked(f"{figures[peer].value:.2f} ± {figures[peer].error:.2f}", apart <= 2 * error)


def _figure(name: str, of: Scores) -> Figure:
    return {_MEASURES[0]: of.volatility, _MEASURES[3]: of.qlike, _MEASURES[4]: of.rolling}[name]


def _marked(text: str, good: bool) -> str:
    return f"**{text}**" if good else text


START, END = "<!-- peers: written by scripts/validate -->", "<!-- peers end -->"


def compare_all(paths: Sequence[Path], page: Path) -> None:
    """The tables of each panel, in the place between the marks of a page."""
    text = page.read_text(encoding="utf-8")
    before, rest = text.split(START)
    _, after = rest.split(END)
    found = "\n\n".join(tables(compare(path)) for path in paths)
    page.write_text(f"{before}{START}\n\n{found}\n\n{END}{after}", encoding="utf-8")
    print(found)
