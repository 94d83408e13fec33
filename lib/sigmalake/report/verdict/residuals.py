"""What a diagonal Delta leaves, judged."""

import pandas as pd

from sigmalake.report.verdict import thresholds as at
from sigmalake.report.verdict.evidence import Evidence
from sigmalake.report.verdict.finding import Finding, Level, counted, listed, percent

_SUBJECT, _TABLE, _SECTION = "Residual correlation", "residual_correlation", "specific"
_LIKELY = 3  # membership factors that are named


def judge_residuals(found: Evidence) -> Finding | None:
    """Whether specific returns share factors, as of the newest date on which they were tested."""
    tested = found.residuals
    if tested.empty:
        return None
    row = tested.iloc[-1]
    ratio, squared = float(row["largest"] / row["edge"]), float(row["mean_squared"] / row["expected_squared"])
    over = f"over {row['n_periods']:,} dates to {tested.index[-1]:%Y-%m-%d}"
    threshold = f"a largest eigenvalue of more than {at.SHARED_FACTOR.value:g} times the edge of noise is to be watched"
    spread = f"squared correlations are {squared:.2f} times those of independent returns"
    if ratio <= at.SHARED_FACTOR.value:
        text = f"The residuals of {row['n_assets']:,} assets {over} show no common factor beyond what noise gives: {spread}."
        return Finding(Level.GOOD, _SUBJECT, text, threshold, "", _TABLE, _SECTION)
    text = (
        f"Your residuals still share {counted(int(row['n_above']), 'factor')} {over}; the largest is {ratio:.1f} times the edge of "
        f"noise and holds {percent(row['largest'] / row['n_assets'], 1)} of what is specific: {_carried(row['leading'])}. "
        f"On average {spread}{_where(found.within)}."
    )
    action = (
        "Look for what these assets have in common, and give the model a factor of it: Delta takes it for independent, and "
        "portfolios that hold many of them have more risk than is forecast."
    )
    return Finding(Level.WATCH, _SUBJECT, text, threshold, action, _TABLE, _SECTION)


def _carried(leading: dict[str, float]) -> str:
    """The assets on the side of the largest, and those against it."""
    sides = {True: [name for name, x in leading.items() if x > 0], False: [name for name, x in leading.items() if x <= 0]}
    against = f" against {listed(sides[False], 5)}" if sides[False] else ""
    return f"{listed(sides[True], 5)}{against}"


def _where(within: pd.DataFrame) -> str:
    """The groups within which squared correlations are furthest beyond those of independent returns."""
    ratios = (within["mean_squared"] / within["expected_squared"]).set_axis(within["factor"]).dropna().sort_values(ascending=False)
    named = [f"{name} ({ratio:.1f})" for name, ratio in ratios.head(_LIKELY).items() if ratio > at.SHARED_FACTOR.value]
    return f", most of all within {listed(named, _LIKELY)}" if named else ""
