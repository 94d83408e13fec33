"""The data that the model is made from, judged: rejected rows, quality, coverage, stability of exposures, and how new all is."""

import numpy as np
import pandas as pd

from sigmalake.numerics.quality.rules import Severity
from sigmalake.report.verdict import thresholds as at
from sigmalake.report.verdict.evidence import Evidence, median
from sigmalake.report.verdict.finding import Finding, Level, counted, listed, percent

_TABLE = "data_quality"


def judge_data(found: Evidence) -> list[Finding]:
    """Every finding about the data."""
    findings = [
        _age(found),
        _carried(found),
        _rejected(found),
        _quality(found),
        _coverage(found),
        _missing(found),
        _stability(found),
    ]
    return [finding for finding in findings if finding is not None]


def _age(found: Evidence) -> Finding:
    scope = found.scope
    days = (scope.created - scope.as_of).days
    known = [(later - earlier).days for earlier, later in zip(found.regressions.index, found.regressions.index[1:], strict=False)]
    period = float(np.median(known)) if known else 1.0
    threshold = f"more than {at.LATE.value:g} periods between the newest date and the release are to be watched"
    text = f"The newest date is {scope.as_of}; the release was made on {scope.created}, {counted(days, 'day')} later."
    if days > at.HISTORY.value:
        return Finding(Level.NOTE, "Newest date", f"{text} This is a study of the past.", threshold, "", "releases", "about")
    if days > max(at.LATE.value * period, at.LATE.value * 1.4):  # five working days are a week
        action = "Bring the newest rows of the source and run `sigmalake run` again: the forecasts are of an older market."
        return Finding(Level.WATCH, "Newest date", text, threshold, action, "releases", "about")
    return Finding(Level.GOOD, "Newest date", text, threshold, "", "releases", "about")


def _carried(found: Evidence) -> Finding | None:
    rows = found.panel
    if rows.empty or int(rows["exposures_age"].iloc[-1]) <= 1:
        return None
    age = int(rows["exposures_age"].iloc[-1])
    text = f"The exposures of {rows.index[-1]:%Y-%m-%d} are {counted(age, 'period')} old: newer ones have not come."
    action = "Bring newer exposures, or lower `sources.exposures_max_age` so that none are carried forward."
    return Finding(
        Level.WATCH, "Old exposures", text, "exposures are to be of the close before the return", action, "panel", "coverage"
    )


def _rejected(found: Evidence) -> Finding | None:
    rows = found.quality[found.quality["measure"] == "rejected"]
    if rows.empty:
        return None
    sums = rows.groupby("source")[["n_found", "n_checked"]].sum()
    shares = (sums["n_found"] / sums["n_checked"].where(sums["n_checked"] > 0)).fillna(0.0).sort_values(ascending=False)
    worst = float(shares.iloc[0])
    counts = listed([f"{sums.loc[name, 'n_found']:,} of {sums.loc[name, 'n_checked']:,} rows of {name}" for name in shares.index])
    text = f"Rejected are {counts}." if worst else f"No row of {listed([str(name) for name in shares.index])} was rejected."
    threshold = f"more than {percent(at.REJECTED.value)} are to be watched, more than {percent(at.REJECTED_ACT.value)} to be mended"
    if worst <= at.REJECTED.value:
        return Finding(Level.GOOD, "Rejected rows", text, threshold, "", "rejected_rows", "quality")
    action = "Read the reasons in `rejected_rows`, by `source`, `column` and `reason`, and mend the source."
    level = Level.ACT if worst > at.REJECTED_ACT.value else Level.WATCH
    return Finding(level, "Rejected rows", text, threshold, action, "rejected_rows", "quality")


def _quality(found: Evidence) -> Finding | None:
    rows = found.quality
    if rows.empty:
        text = "The data have not been looked at: the release has no table `data_quality`."
        action = "Run `sigmalake quality` and release again."
        return Finding(Level.WATCH, "Data quality", text, "", action, _TABLE, "quality")
    stops, warns = (rows[rows["severity"] == severity.value] for severity in (Severity.STOP, Severity.WARN))
    recent = warns[pd.to_datetime(warns["date"]) > found.scope.year_ago]
    n_dates = rows["date"].nunique()
    threshold = "the thresholds of `checks.quality`; a warning in the last year is to be watched, a stop to be mended"
    if stops.empty and warns.empty:
        return Finding(
            Level.GOOD, "Data quality", f"No check of {counted(n_dates, 'date')} warns.", threshold, "", _TABLE, "quality"
        )
    shown = stops if len(stops) else recent if len(recent) else warns
    by_measure = shown.groupby("measure")["date"].agg(["nunique", "max"]).sort_values("nunique", ascending=False)
    named = listed([f"{m} on {counted(int(r['nunique']), 'date')}, the newest {r['max']}" for m, r in by_measure.iterrows()], 3)
    word = "Beyond a stop" if len(stops) else "Warnings in the last year" if len(recent) else "Warnings, none of the last year"
    text = f"{word}: {named}."
    level = Level.ACT if len(stops) else Level.WATCH if len(recent) else Level.NOTE
    action = (
        "Look at `found` in `data_quality` of these dates, and mend the source or raise the threshold."
        if level != Level.NOTE
        else ""
    )
    return Finding(level, "Data quality", text, threshold, action, _TABLE, "quality")


def _coverage(found: Evidence) -> Finding | None:
    counts = found.panel["n_assets"]
    if counts.empty:
        return None
    now = int(counts.iloc[-1])
    earlier = counts[counts.index <= counts.index[-1] - pd.Timedelta(days=365)]
    before = int(earlier.iloc[-1]) if len(earlier) else int(counts.iloc[0])
    since = (earlier.index[-1] if len(earlier) else counts.index[0]).date()
    drop = 1 - now / before if before else 0.0
    text = f"{now:,} assets have exposures on {counts.index[-1]:%Y-%m-%d}, {before:,} on {since}."
    threshold = f"a loss of more than {percent(at.COVERAGE_DROP.value)} within a year is to be watched"
    if drop <= at.COVERAGE_DROP.value:
        return Finding(Level.GOOD, "Coverage", text, threshold, "", "panel", "coverage")
    action = "Check that the source still delivers every name: `rejected_rows` and `n_unmatched` in `panel` say what fell out."
    return Finding(Level.WATCH, "Coverage", text, threshold, action, "panel", "coverage")


def _missing(found: Evidence) -> Finding | None:
    rows = found.panel[found.panel["return_date"].notna()]
    recent = rows[rows.index > found.scope.year_ago]
    n = int(recent["n_assets"].sum())
    if not n:
        return None
    share = 1 - int(recent["n_returns"].sum()) / n
    text = f"Of the assets with exposures {percent(share, 1)} have no return on the next date, over the last year."
    threshold = f"more than {percent(at.MISSING.value)} are to be watched"
    if share <= at.MISSING.value:
        return Finding(Level.GOOD, "Missing returns", text, threshold, "", "panel", "coverage")
    action = "Check the calendar and the keys of returns against those of exposures."
    return Finding(Level.WATCH, "Missing returns", text, threshold, action, "panel", "coverage")


def _stability(found: Evidence) -> Finding | None:
    rows = found.stability.dropna(subset=["correlation"])
    if rows.empty:
        return None
    recent = rows[pd.to_datetime(rows["exposure_date"]) > found.scope.year_ago]
    by_style = (recent if len(recent) else rows).groupby("style")["correlation"].apply(median).sort_values()
    doubtful = by_style[by_style < at.UNSTABLE.value]
    threshold = (
        f"above {at.STABLE.value:g} is stable, below {at.UNSTABLE.value:g} doubtful (Menchero, Orr and Wang 2011); a style "
        "that is meant "
        "to turn over, such as a reversal, is low by design"
    )
    least = listed([f"{name} ({value:.2f})" for name, value in by_style.items()], 3)
    if doubtful.empty:
        text = f"Each style resembles itself a month before; the least of them: {least}."
        return Finding(Level.GOOD, "Exposure stability", text, threshold, "", "exposure_stability", "stability")
    text = f"Correlation with itself a month before is low for {listed([f'{n} ({v:.2f})' for n, v in doubtful.items()])}."
    action = "Smooth or leave out a style that is not meant to turn over: what it forecasts is gone before it is traded."
    return Finding(Level.WATCH, "Exposure stability", text, threshold, action, "exposure_stability", "stability")
