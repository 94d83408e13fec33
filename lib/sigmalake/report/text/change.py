"""What moved the risk, of `sigmalake portfolio`, for a person and for a program."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from sigmalake.reader.answer import Answer
from sigmalake.reader.questions import RiskChange
from sigmalake.reader.risk_model import RiskModel
from sigmalake.report.text.numbers import ASSET_ROWS, FACTOR_ROWS, fixed, json_numbers, largest
from sigmalake.report.text.plain_text import note, section, table

MOVED = {
    "exposures": "the assets' exposures", "factor_vols": "the factors' volatilities",
    "factor_correlations": "the factors' correlations", "specific": "the assets' specific risk",
}  # fmt: skip


def body(change: RiskChange) -> dict[str, object]:
    """For a program: parts of the variance over the horizon, fraction^2; the rest in fractions."""
    comparison = change.comparison
    sides = [
        {
            "release": release, "date": str(model.date), "exposure_date": str(model.exposure_date), "variance": report.variance,
            "vol": report.vol, "exposures": json_numbers(report.exposures), "factor_vols": json_numbers(report.factor_vols),
            "specific_vols": json_numbers(_specific_vols(model, change.holdings.index)),
        }
        for release, model, report in zip(change.releases, change.models, change.reports, strict=True)
    ]  # fmt: skip
    return {
        "first": sides[0],
        "second": sides[1],
        "parts": json_numbers(comparison.parts[list(MOVED)]),
        "by_factor": {part: json_numbers(comparison.by_factor[part]) for part in comparison.by_factor},
        "by_asset": {part: json_numbers(comparison.by_asset[part]) for part in ("exposures", "specific")},
        "left_out": comparison.left_out,
    }


def sections(answer: Answer, change: RiskChange) -> list[str]:
    """For a person: parts of the change of the volatility, annualised percent."""
    return [_opening(answer, change), _by_factor(answer, change), _by_asset(answer, change)]


def _opening(answer: Answer, change: RiskChange) -> str:
    (before, after), (was, now) = change.models, (answer.annual_percent(report.vol) for report in change.reports)
    one_release = change.releases[0] == change.releases[1]
    named = [
        str(model.date) if one_release else f"{model.date} in {r}" for model, r in zip(change.models, change.releases, strict=True)
    ]
    text = (
        f"The holdings are the same on both sides; exposures are those of {before.exposure_date} and {after.exposure_date}. "
        "Parts of the variance, divided by the sum of the two volatilities: so they sum to the change of the volatility."
    )
    parts = change.comparison.parts
    rows = [[what, _moved(answer, change, parts[part])] for part, what in MOVED.items()]
    rows += [["sum", fixed(now - was, 3)]]
    title = f"What moved {answer.whose} from {fixed(was)} ({named[0]}) to {fixed(now)} ({named[1]}), annualised %"
    return section(title, note(text), *_left_out(change), "", table(["", "change"], rows))


def _left_out(change: RiskChange) -> Iterable[str]:
    for asset, reason in change.comparison.left_out.items():
        yield note(f"Left out of the comparison, on both sides: {asset}: {reason}")


def _by_factor(answer: Answer, change: RiskChange) -> str:
    parts = change.comparison.by_factor
    exposures, vols = (
        [values.reindex(parts.index, fill_value=0.0) for values in both]  # a factor that a model lacks
        for both in ([report.exposures for report in change.reports], [report.factor_vols for report in change.reports])
    )
    named, others = largest(parts.sum(axis=1), FACTOR_ROWS)
    rows = [
        [
            name, *(fixed(of[name], 3) for of in exposures), *(fixed(answer.annual_percent(of[name])) for of in vols),
            *_row(answer, change, parts.T[name]),
        ]
        for name in named
    ]  # fmt: skip
    rows += [[f"{len(others)} others", "", "", "", "", *_row(answer, change, parts.loc[others].sum())]] if others else []
    rows += [["sum", "", "", "", "", *_row(answer, change, parts.sum())]]
    header = ["factor", "x before", "x after", "vol before", "vol after", "exposures", "vols", "corr", "change"]
    title = "By factor: what its exposures x, its volatility and its correlations moved, annualised %"
    return section(title, table(header, rows))


def _by_asset(answer: Answer, change: RiskChange) -> str:
    parts = change.comparison.by_asset[["exposures", "specific"]]
    vols = [_specific_vols(model, parts.index) for model in change.models]
    named, others = largest(parts.sum(axis=1), ASSET_ROWS)
    rows = [
        [
            name, fixed(100 * change.holdings[name]), *(fixed(answer.annual_percent(of[name])) for of in vols),
            *_row(answer, change, parts.T[name]),
        ]
        for name in named
    ]  # fmt: skip
    rows += [[f"{len(others)} others", "", "", "", *_row(answer, change, parts.loc[others].sum())]] if others else []
    rows += [["sum", "", "", "", *_row(answer, change, parts.sum())]]
    header = ["asset", "weight %", "spec. vol before", "spec. vol after", "exposures", "specific", "change"]
    return section("By asset: what its exposures and its specific risk moved, annualised %", table(header, rows))


def _specific_vols(model: RiskModel, assets: pd.Index) -> pd.Series:
    return pd.Series(np.sqrt(model.parts(list(assets)).specific_var), assets)


def _row(answer: Answer, change: RiskChange, parts: pd.Series) -> list[str]:
    """Parts and their sum."""
    return [_moved(answer, change, part) for part in (*parts, parts.sum())]


def _moved(answer: Answer, change: RiskChange, part: float) -> str:
    """A part of the variance as one of the volatility: s2 - s1 = (s2^2 - s1^2) / (s1 + s2)."""
    both = change.reports[0].vol + change.reports[1].vol
    if both > 0:
        return fixed(answer.annual_percent(part / both), 3)
    return fixed(0.0, 3) if part == 0 else "-"
