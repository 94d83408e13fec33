"""What a first configuration says of the model: factors, regression, risk, and the checks that its data need."""

import math
from collections.abc import Iterator

from sigmalake.api.drafting import facts
from sigmalake.api.drafting.assigning import Sources
from sigmalake.api.drafting.lines import Line, plain
from sigmalake.api.drafting.planning import FEW_MEMBERS, Plan, rejected, unread_returns

HALF_LIFE = {"daily": 84, "weekly": 26, "monthly": 36, "quarterly": 12, "irregular": 84}  # periods
FEWEST, HALF_A_WINDOW = 60, 1.5  # Sigma needs the lesser of 60 periods and half its window of 3 half-lives
MAX_DATE, MAX_SOURCE, MAX_DROP = 0.2, 0.05, 0.2  # the defaults of `checks`


def factor_lines(sources: Sources, plan: Plan) -> Iterator[Line]:
    """The market, the groups, and the styles as they stand or standardised here."""
    frame = sources.exposures.frame
    yield Line("factors:")
    yield Line("  - {market: market}", "a column of ones")
    for number, name in enumerate(plan.groups):
        doubt = plan.lines.get("groups", "") if number == 0 else ""
        levels = frame[name].nunique()
        missing = float(frame[name].isna().mean())
        told = f"{levels} levels" + (f"; {missing:.1%} are missing, and rejected" if missing else "")
        yield Line(f"  - {{membership: {plain(name)}, column: {plain(name)}}}", told, doubt)
    for name, columns in plan.shares:
        listed = {column.removeprefix(name).lstrip("_. :-") or column: column for column in columns}
        yield Line(f"  - membership: {plain(name)}", "shares that sum to 1")
        yield Line(f"    columns: {plain(listed)}")
    if plan.given:
        yield Line(f"  - {{styles: {plain(plan.given)}}}")
        yield Line("    # as they stand: standardised across the assets of each date, none missing")
    if plan.made:
        fill = "regress" if plan.groups or plan.shares or plan.cap else "zero"
        yield Line("  - styles:", "standardised here: beyond 10 sd missing, beyond 3 sd clipped")
        for name in plan.made:
            missing = float(frame[name].isna().mean())
            rules = {"missing": fill} if missing else {}
            yield Line(f"      {plain(name)}: {plain(rules)}", f"{missing:.1%} are missing, and filled" if missing else "")
    if not (plan.groups or plan.shares or plan.given or plan.made):
        yield Line("  # - {styles: [...]}", "", "neither groups nor styles were found: a market alone explains little")


def regression_lines(plan: Plan) -> Iterator[Line]:
    """Weights, and what thin levels and few assets need."""
    doubt = plan.lines.get("weights", "")
    yield Line("regression:")
    if plan.cap is not None:
        yield Line("  weights: sqrt_cap", "specific variance falls with size", doubt)
    else:
        yield Line("  weights: equal", "there are no caps", doubt)
    if plan.thin:
        told = f"a level with fewer than {FEW_MEMBERS} members is drawn to its group's mean"
        yield Line("  thin: shrink", told, f"some levels have fewer than {FEW_MEMBERS} members on a typical date")
    if plan.min_assets is not None:
        doubt = f"{plan.n_factors} factors are many: a regression wants twice as many assets, and dates have fewer"
        yield Line(f"  min_assets: {plan.min_assets}", "twice the factors by default", doubt)


def risk_lines(sources: Sources, plan: Plan) -> Iterator[Line]:
    """One variant of exponential weights, with a half-life that suits the frequency and the number of dates."""
    days = sources.returns.frame[str(sources.returns.date)]
    when, n = facts.frequency(days), days.nunique() - 1
    half_life, doubt = HALF_LIFE[when.name], ""
    if n < 3:
        yield Line("risk: {}", "", f"{n + 1} dates are too few for a covariance; with more, name a variant here")
        return
    if min(FEWEST, HALF_A_WINDOW * half_life) > n / 2:
        half_life = max(2, n // 3)
        doubt = f"{n} returns are few: the half-life is short, and what comes of it is rough"
    elif when.name == "irregular":
        doubt = f"dates are typically {when.days:.3g} days apart: no frequency that is known; choose the half-life by yours"
    name = when.name if when.name != "irregular" else "first"
    yield Line("risk:")
    yield Line(f"  {name}:", "`sigmalake presets` compares what may stand here")
    yield Line(
        f"    factor_cov: {{estimator: ewma, half_life: {half_life}}}", "periods; exponential weights, over 3 half-lives", doubt
    )
    yield Line(f"    specific_var: {{estimator: ewma, half_life: {half_life}}}")
    if plan.cap is not None and when.name == "daily" and n >= 504:
        yield Line("  # short: {preset: short}", "the layers of Menchero, Orr and Wang (2011), for horizons of a month")


def check_lines(sources: Sources, plan: Plan) -> Iterator[Line]:
    """Limits beyond the defaults, where these data would fail them."""
    exposures, returns = sources.exposures, sources.returns
    by_date, overall, why = max(rejected(sources, plan), unread_returns(sources))
    counts = exposures.frame.groupby(str(exposures.date)).size().sort_index()
    drop = float((1 - counts / counts.shift()).max()) if len(counts) > 1 else 0.0
    fitted = returns.frame.dropna(subset=[str(returns.ret)]).groupby(str(returns.date)).size()
    fitted = fitted.reindex(sorted(returns.frame[str(returns.date)].dropna().unique()), fill_value=0).iloc[1:]
    n_few = int((fitted < (plan.min_assets or 2 * plan.n_factors)).sum())
    lines = []
    if by_date > MAX_DATE or overall > MAX_SOURCE:
        limits = {"date": max(MAX_DATE, _up(by_date)), "source": max(MAX_SOURCE, _up(overall))}
        doubt = f"{overall:.1%} of the rows of a source will be rejected, up to {by_date:.0%} of a date: {why}"
        lines.append(Line(f"  max_rejected: {plain(limits)}", f"by default {MAX_DATE} and {MAX_SOURCE}", doubt))
    if drop > MAX_DROP:
        doubt = f"{drop:.0%} of the assets go missing from one date to the next, at the most"
        lines.append(Line(f"  max_coverage_drop: {_up(drop)}", f"by default {MAX_DROP}", doubt))
    if n_few:
        doubt = f"{n_few} dates have too few returns for their factors, and will have no factor returns"
        lines.append(Line(f"  max_failed_dates: {n_few}", "by default 0", doubt))
    if lines:
        yield Line("checks:")
        yield from lines


def _up(share: float) -> float:
    """A limit a little above what was found."""
    return min(1.0, math.ceil(share * 20 + 0.5) / 20)
