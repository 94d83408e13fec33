"""docs/validation.md: what each measure is, and what it says where the truth is known."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from validation.experiments import KURTOSIS, Calibration
from validation.horizons import SCALES

from sigmalake.numerics.evaluation.forecast_measures import PERFECT_Q, bias_band, expected_deviation, q_band
from sigmalake.numerics.evaluation.forecast_tests import effective_forecasts
from sigmalake.numerics.types import Floats

if TYPE_CHECKING:
    from validation.delta_layers import Spread
    from validation.horizons import Case

HEAD = f"""\
# Validation

A risk forecast is right if what happens next is as large as forecast, neither more nor less. `sigmalake evaluate` checks
that. It divides the return of each date by the volatility that was forecast for it one date before; over many dates, the
standard deviation of these ratios should be 1. It is always out of sample: V as of t, from X, Sigma and Delta known at t,
meets the return of t+1. A variant with `frequency: month` meets the compounded returns of the next month. Forecasts of
[several periods](#horizons-of-several-periods) meet the compounded returns of these.

This page defines the measures and the portfolios to which they are applied, and then applies them where the right answer is
known: to generated markets with known Sigma and Delta. `scripts/validate` computes the figures and writes this page. [Real
markets](real_markets.md) has the same measures on real data.

## The measures

Let $R$ be the return of a portfolio over the period after the forecast $\\sigma$, and $b = R / \\sigma$.

| measure | definition | of a right forecast | source |
|---|---|---|---|
| bias | $B = \\operatorname{{sd}}(b)$, divisor $T - 1$. 1.1 says that the forecast is 10 % too low | $1 \\pm \\sqrt{{2/T}}$ \
for normal returns, 19 times in 20; $1 \\pm \\sqrt{{(k-1)/T}}$ for returns with a kurtosis of $k$ | Menchero, Orr, Wang 2011 |
| mean abs(B - 1) | over the portfolios of a kind | the exact expectation at $T$ normal returns | |
| MRAD | mean of abs(B - 1) over rolling windows of 12 months and over portfolios | the same at the window's length: \
{expected_deviation(12):.3f} for 12 forecasts, {expected_deviation(252):.3f} for 252 | Menchero, Orr, Wang 2011 |
| QLIKE | mean of $\\ln \\sigma^2 + b^2$ | lower is better among forecasts of the same returns; it has no target | Patton \
2011 |
| Q | mean of $b^2 - \\ln b^2$: QLIKE without the level of risk. $R = 0$ is left out and counted | {PERFECT_Q:.4f} for normal \
returns, $\\pm 2 \\sqrt{{(\\pi^2/2 - 2)/T}}$; more for fat tails, even if the forecast is right | Patton 2011 |

B does not see a forecast that is too high on some dates and too low on others; MRAD and Q do. The bands are those of
independent returns with this kurtosis. The volatility of daily stock returns moves, so that wider bands must be expected. The
band of a decile of single assets counts dates, not assets, since the assets of a date share its factors: it is on the safe
side.

## The portfolios

| kind | what it is | what it tests |
|---|---|---|
| `factor` | each factor; $R$ is the $f$ of the regression of t+1 | the diagonal of Sigma |
| `eigenfactor` | eigenvectors of Sigma, the least variance first | the directions that an optimiser finds |
| `market` | the estimation universe by cap | the market factor |
| `random_active` | weights proportional to the cap times an exponential number of the asset, less the market | V where \
managers are |
| `minimum_variance` | $h = V^{{-1}} a / (a' V^{{-1}} a)$ with a normal $a$: the least variance with an alpha of 1 | V \
where it is too low |
| `own` | yours, each as last known at t | |
| `asset_by_size`, `asset_by_volatility` | single assets in deciles by cap, or by forecast volatility | the diagonal of V |
| `specific_by_size`, `specific_by_volatility` | their specific returns, in deciles by cap or by forecast | Delta alone |

Random numbers are seeded by asset, so that neither the other assets nor the dates move them. Portfolios are made of what is
known at t. A holding without a V at t, or without a return at t+1, leaves forecast and return alike and is counted
(`n_left_out`, `left_out_weight`); the other weights stand. Means over the assets of a decile are stored with their count,
from which the measures follow exactly.

If a model has a market and complete groups, the constraint ties the returns of a group. The smallest eigenfactor is then
little more than the drift of the cap shares, and its B says nothing about a portfolio.

## Horizons of several periods

A portfolio is held for a month more often than for a day. With `evaluate.horizons: [1, 5, 21]` each forecast as of t
is also compared with the returns of the same holdings, compounded over t+1 to t+h. The forecast covariance of h
periods is V times h ([the model](model.md)). Forecasts as of every date overlap, and their errors are not
independent. Let $T$ be their number. Where a variant forecasts once a month,
$h$ below is the number of forecasts that are under way at once.

| what | formula | source |
|---|---|---|
| effective number of forecasts | $T^* = 3hT / (2h^2 + 1)$, about $1.5\\,T/h$. Squares of sums of $h$ independent normal returns \
that are $l$ apart correlate by $(1 - l/h)^2$, and $1 + 2\\sum_{{l<h}} (1 - l/h)^2 = (2h^2 + 1)/(3h)$ | the argument of Hansen, \
Hodrick 1980 |
| band of B | $1 \\pm \\sqrt{{2/T^*}}$; likewise for Q and for the right abs(B - 1) | |
| standard error of B | $\\sqrt{{S/T}}/(2B)$, $S$ the long-run variance of $(b - \\bar b)^2$ with Bartlett's weights and \
$\\max(2(h-1), \\lfloor 4 (T/100)^{{2/9}} \\rfloor)$ lags. It knows fat tails and late forecasts | Newey, West 1987, 1994 |
| one variant against another | $d$ the difference of QLIKE on the same returns, a date's mean over the portfolios of a kind; \
$c\\,\\bar d / \\sqrt{{S/T}}$ against $t_{{T-1}}$, $S$ with $h - 1$ lags and equal weights, $c^2 = (T + 1 - 2h + h(h-1)/T)/T$ | \
Diebold, Mariano 1995; Harvey, Leybourne, Newbold 1997 |
| whether returns follow the forecasts one for one | $R^2 = a\\,\\bar{{\\sigma^2}} + c\\,\\sigma^2 + e$, divided by $\\sigma^2$; \
Wald's test of $a = 0$, $c = 1$ against $F_{{2, T^*-2}}$, the errors of a right forecast correlating by the overlap alone | \
Mincer, Zarnowitz 1969; Patton, Sheppard 2009 |

`sigmalake evaluate` shows a horizon after the other; `model.evaluation(horizon=21)`, `model.evaluation_by_portfolio` and
`model.forecast_comparison` read them.
"""


class Eigenfactors(NamedTuple):
    """B of each eigenfactor, the least variance first."""

    n_factors: int
    window: int
    n_dates: int
    plain: Floats
    adjusted: Floats


class Doubling(NamedTuple):
    """B of all factors over the dates after every volatility doubled."""

    half_life: float
    regime_half_life: float
    after: int
    plain: float
    adjusted: float


def as_markdown(
    markets: Mapping[str, Sequence[Calibration]],
    eigenfactors: Sequence[Eigenfactors],
    doublings: Sequence[Doubling],
    spreads: "Sequence[Spread]",
    horizons: "Horizons",
) -> str:
    """The page."""
    parts = [
        HEAD,
        _right_models(markets),
        tests_of_horizons(horizons),
        _adjusted(eigenfactors),
        _regimes(doublings),
        _spreads(spreads),
    ]
    return "\n".join(parts)


def _right_models(markets: Mapping[str, Sequence[Calibration]]) -> str:
    n = next(iter(markets.values()))[0].n_dates
    bands = f"1 +- {bias_band(n):.3f} for normal returns, 1 +- {bias_band(n, KURTOSIS):.3f} for a kurtosis of {KURTOSIS:.0f}"
    text = f"""\
## A right model passes, and a wrong one does not

The forecasts of the first three tables are made with the true Sigma, Delta and level of volatility, over {n} dates. Those of
the last table have a wrong level. The band of B is {bands} (the wide band, that of t with 5 degrees of freedom). For normal
returns, a right model has an MRAD of {expected_deviation(60):.3f} over 60 dates, and a portfolio's Q is {PERFECT_Q:.3f} +-
{q_band(n):.3f}. The b of a right model does not depend on the level, so that a market in which volatility doubles has the
numbers of the first table.
"""
    for name, rows in markets.items():
        text += f"\n{name}:\n\n" + _table(
            ("kind", "portfolios", "mean B", "in the band", "in the wide band", "MRAD", "Q"),
            [
                (
                    r.kind,
                    r.n_portfolios,
                    f"{r.bias:.3f}",
                    f"{r.in_band:.0%}",
                    f"{r.in_wide_band:.0%}",
                    f"{r.mrad:.3f}",
                    f"{r.q:.3f}",
                )
                for r in rows
            ],
        )
    return text


class Horizons(NamedTuple):
    """How often the tests say no."""

    n_dates: int
    samples: int
    cases: "Sequence[Case]"
    power: Mapping[int, Sequence[float]]  # by horizon, of `SCALES`


def tests_of_horizons(found: Horizons) -> str:
    """Size and power, and a picture of the power of the band of B."""
    head = f"""\
## What the tests of a horizon are worth

Shares of {found.samples} simulated histories of {found.n_dates} dates in which a test at 5 % says no. Volatility swings by a third
either way over a year, as forecast. Where nothing is wrong the share should be 5 % (size); elsewhere, the larger the better
(power). `naive` is the band of B as if forecasts did not overlap. Diebold and Mariano compare two forecasts that are equally
wrong, or the wrong one with the right one.

"""
    columns = ("what is wrong", "returns", "h", "naive", "band of B", "2 errors of B", "Mincer, Zarnowitz", "Diebold, Mariano")
    rows = [(c.error, c.returns, c.horizon, *(f"{share:.0%}" for share in c.rejections)) for c in found.cases]
    curves = _table(
        ("true over forecast volatility", *(f"{scale:g}" for scale in SCALES)),
        [(f"h = {h}", *(f"{share:.0%}" for share in shares)) for h, shares in found.power.items()],
    )
    text = f"""
- Read the band of B where returns are near normal, and the errors of B where their tails are fat. At 21 periods a test with
  these errors rejects a right forecast 17 to 18 % of the time where
  5 % is right: {found.n_dates} overlapping forecasts tell as much
  as {effective_forecasts(found.n_dates, 21):.0f} independent ones ($T^*$).
- An error that every horizon shares shows best in the forecasts of one period: a tenth too low is found out by one period far more
  often than by 21. A horizon's own B says what a period's cannot: whether volatility times the root of h is right.

The band's power by how low the forecasts are, of normal returns:

```{{picture}} power_of_the_band
Share of histories of 500 dates in which B leaves its band, by true over forecast volatility, from the distribution of B with as
many degrees of freedom as independent forecasts tell as much ($T^*$); the table below simulates it.
```

"""
    return head + _table(columns, rows) + text + curves


def _adjusted(rows: Sequence[Eigenfactors]) -> str:
    def cells(r: Eigenfactors) -> tuple[object, ...]:
        deviations = [f"{np.abs(B - 1).mean():.3f}" for B in (r.plain, r.adjusted)]
        ends = [f"{B[0]:.2f} ... {B[-1]:.2f}" for B in (r.plain, r.adjusted)]
        return r.n_factors, r.window, *deviations, *ends, f"{expected_deviation(r.n_dates):.3f}"

    head = "## The eigenfactor adjustment\n\nSigma from a sample of normal returns, each date from the dates before it, "
    head += (
        f"{rows[0].n_dates} dates; 100 simulations, scale 1. Mean abs(B - 1) over the eigenfactors, and B from the least variance "
    )
    head += "to the largest.\n\n"
    columns = ("factors", "window", "without", "with", "B without", "B with", "a right model")
    return head + _table(columns, [cells(r) for r in rows])


def _regimes(rows: Sequence[Doubling]) -> str:
    head = "## The volatility regime\n\nEvery volatility doubles on a date; root mean square of b of 40 factors after it. "
    head += "A multiplier with a long half-life is late, as it must be.\n\n"
    columns = ("half-life", "regime's", "dates after", "B without", "B with", "error left")
    cells = [
        (f"{r.half_life:g}", f"{r.regime_half_life:g}", r.after, f"{r.plain:.2f}", f"{r.adjusted:.2f}", _left(r.plain, r.adjusted))
        for r in rows
    ]
    return head + _table(columns, cells)


def _spreads(rows: "Sequence[Spread]") -> str:
    head = (
        "## The layers of Delta\n\nB of specific returns by decile of the forecast specific volatility. An estimate that is low by "
    )
    head += "chance lands in the low deciles, where B is above 1: the spread is the largest B less the smallest.\n\n"
    columns = ("Delta", *(f"{n:02d}" for n in range(1, 11)), "spread")
    return head + _table(columns, [(r.case, *(f"{B:.2f}" for B in r.bias), f"{r.spread:.2f}") for r in rows])


def _left(plain: float, adjusted: float) -> str:
    return f"{abs(adjusted - 1) / abs(plain - 1):.0%}"


def _table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join("| " + " | ".join(map(str, line)) + " |\n" for line in lines)
