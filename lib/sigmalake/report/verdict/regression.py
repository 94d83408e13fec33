"""The cross-sectional regressions, judged: dates that failed, R2, which factors tell, how well the factors are told apart."""

import numpy as np
import pandas as pd

from sigmalake.report.verdict import thresholds as at
from sigmalake.report.verdict.evidence import Evidence, median
from sigmalake.report.verdict.finding import Finding, Level, counted, listed, percent

_TABLE = "cross_sections"
_ESTIMATED = ("ok", "thin")  # statuses of a factor that has a return


def judge_regressions(found: Evidence) -> list[Finding]:
    """Every finding about the regressions."""
    findings = [_dates(found), _r2(found), _factors(found), _apart(found), _inflation(found), _left_out(found), _width(found)]
    return [finding for finding in findings if finding is not None]


def _dates(found: Evidence) -> Finding:
    rows = found.regressions
    failed = rows[rows["status"] != "ok"]
    threshold = f"every date is to have one; beyond {percent(at.FAILED_SHARE.value)} of the dates it is to be mended"
    if failed.empty:
        text = f"Each of the {counted(len(rows), 'date')} has a regression."
        return Finding(Level.GOOD, "Regressions", text, threshold, "", _TABLE, "fit")
    newest, share = failed.index[-1], len(failed) / len(rows)
    reasons = listed([f"{reason} ({count:,})" for reason, count in failed["status"].value_counts().items()])
    text = (
        f"{counted(len(failed), 'date')} of {len(rows):,} ({percent(share, 1)}) {'has' if len(failed) == 1 else 'have'} no "
        "regression: "
        f"{reasons}. The newest is {newest:%Y-%m-%d}: {failed['detail'].iloc[-1]}."
    )
    last = newest == rows.index[-1]
    level = Level.ACT if last or share > at.FAILED_SHARE.value else Level.WATCH
    action = "Look at `detail` in `cross_sections` of these dates; mend the source, or lower `regression.min_assets`."
    return Finding(level, "Regressions", text, threshold, action, _TABLE, "fit")


def _r2(found: Evidence) -> Finding | None:
    values = found.regressions["adj_r2"].dropna()
    if values.empty:
        return None
    recent, before = values[values.index > found.scope.year_ago], values[values.index <= found.scope.year_ago]
    now, then = median(recent if len(recent) else values), median(before)
    fell = len(before) >= 60 and now < at.R2_FALL.value * then
    text = (
        f"Of what sets the stocks' returns apart, the factors explain {percent(now)} on the median date of the last year "
        "(adjusted R2)"
    )
    text += f", {percent(then)} in the years before." if len(before) >= 60 else "."
    threshold = (
        f"a median below {percent(at.LOW_R2.value)}, or below {at.R2_FALL.value:g} times that of the years before, is to be watched"
    )
    if now < at.LOW_R2.value or fell:
        action = "See which factors stopped to tell, and whether the universe or the source of returns has changed."
        return Finding(Level.WATCH, "R2", text, threshold, action, _TABLE, "fit")
    return Finding(Level.GOOD, "R2", text, threshold, "", _TABLE, "fit")


def large_shares(found: Evidence) -> pd.Series:
    """By factor, on which share of its dates |t| is above 2, the largest first; of factors with 20 dates or more."""
    known = found.factors[found.factors["t_stat"].notna()]
    large = (known["t_stat"].abs() > at.LARGE_T.value).groupby(known["factor"])
    shares = large.mean()[large.size() >= 20]
    return shares.sort_values(ascending=False, kind="stable")


def _factors(found: Evidence) -> Finding | None:
    shares = large_shares(found)
    if shares.empty:
        return None
    weak = [str(name) for name in shares.index[shares < at.WEAK_SHARE.value]][::-1]
    strongest = listed([f"{name} ({percent(share)})" for name, share in shares.head(3).items()])
    text = f"|t| is above 2 most often for {strongest} of the dates."
    if weak:
        text += (
            f" Of {len(shares)} factors {len(weak)} {'is' if len(weak) == 1 else 'are'} weak, the weakest first: {listed(weak)}."
        )
    threshold = (
        f"weak: |t| above 2 on less than {percent(at.WEAK_SHARE.value)} of the dates, where chance gives 5 %; watched where "
        "more than "
        f"{percent(at.WEAK_PART.value)} of the factors are"
    )
    if len(weak) > at.WEAK_PART.value * len(shares):
        action = "Join weak memberships into broader ones, or leave weak styles out, and compare by `sigmalake evaluate`."
        return Finding(Level.WATCH, "Factors", text, threshold, action, "factor_returns", "strength")
    return Finding(Level.GOOD, "Factors", text, threshold, "", "factor_returns", "strength")


def _apart(found: Evidence) -> Finding | None:
    known = found.regressions["condition_number"].dropna()
    if known.empty:
        return None
    middle, largest = median(known), float(known.max())
    text = f"The condition number of the scaled regression has a median of {middle:.3g} and a maximum of {largest:.3g}."
    threshold = f"a median above {at.CONDITION.value:g} is to be watched (Belsley, Kuh and Welsch 1980)"
    if middle <= at.CONDITION.value:
        return Finding(Level.GOOD, "Collinearity", text, threshold, "", _TABLE, "fit")
    action = "Look for a style that others explain (`vif` in `factor_returns`), or for groups that nearly repeat each other."
    return Finding(Level.WATCH, "Collinearity", text, threshold, action, _TABLE, "fit")


def _inflation(found: Evidence) -> Finding | None:
    by_style = found.factors.dropna(subset=["vif"]).groupby("factor")["vif"].median().sort_values(ascending=False)
    if by_style.empty or not np.isfinite(by_style.iloc[0]):
        return None
    large = by_style[by_style > at.VIF.value]
    threshold = f"a style whose median is above {at.VIF.value:g} is to be watched (Marquardt 1970)"
    text = f"The largest variance inflation of a style is {by_style.iloc[0]:.2g}, of {by_style.index[0]}."
    if large.empty:
        return Finding(Level.GOOD, "Overlap of styles", text, threshold, "", "factor_returns", "strength")
    action = f"Orthogonalise {listed([str(name) for name in large.index])} against the other factors, or leave it out."
    return Finding(Level.WATCH, "Overlap of styles", text, threshold, action, "factor_returns", "strength")


def _left_out(found: Evidence) -> Finding | None:
    """Factors that are thin, empty, constant or collinear on the newest date that has a regression."""
    rows = found.factors
    regressed = found.regressions.index[found.regressions["status"] == "ok"]
    if rows.empty or not len(regressed):
        return None
    newest = rows[pd.to_datetime(rows["date"]) == regressed[-1]]
    marked = newest[~newest["status"].isin(["ok", "given"])]
    threshold = "every factor of the newest date is to be estimated from five effective members or more (`regression.min_members`)"
    if marked.empty:
        text = f"All {len(newest)} factors have a return on {regressed[-1]:%Y-%m-%d}, and none is thin."
        return Finding(Level.GOOD, "Thin factors", text, threshold, "", "factor_returns", "strength")
    named = listed([f"{r.factor} ({r.status}, {counted(int(r.n_members), 'member')})" for r in marked.itertuples()])
    text = (
        f"{len(marked)} of {len(newest)} factors {'is' if len(marked) == 1 else 'are'} marked on {regressed[-1]:%Y-%m-%d}: {named}."
    )
    action = "Join thin groups into broader ones, or set `regression.thin: shrink`; an empty or collinear factor has no return."
    return Finding(Level.WATCH, "Thin factors", text, threshold, action, "factor_returns", "strength")


def _width(found: Evidence) -> Finding | None:
    rows = found.regressions[found.regressions["status"] == "ok"]
    newest = found.factors[pd.to_datetime(found.factors["date"]) == rows.index[-1]] if len(rows) else found.factors
    n_factors = int(newest["status"].isin(_ESTIMATED).sum()) if len(newest) else 0
    if not n_factors:
        return None
    n_assets = int(rows["n_estimation"].iloc[-1])
    text = f"{n_assets:,} assets in the newest fit carry {n_factors} factors, {n_assets / n_factors:.0f} a factor."
    threshold = f"fewer than {at.FEW_A_FACTOR.value:g} a factor are to be watched"
    if n_assets < at.FEW_A_FACTOR.value * n_factors:
        action = "Leave factors out or widen the estimation universe: factor returns are noisy at this width."
        return Finding(Level.WATCH, "Width", text, threshold, action, _TABLE, "coverage")
    return Finding(Level.GOOD, "Width", text, threshold, "", _TABLE, "coverage")
