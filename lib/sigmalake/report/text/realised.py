"""Realised attribution, of `sigmalake portfolio`, for a person and for a program."""

from collections.abc import Iterable

import pandas as pd

from sigmalake.reader.answer import Answer
from sigmalake.reader.attribution import SPECIFIC, UNEXPLAINED
from sigmalake.reader.questions import PeriodReturn, Realised
from sigmalake.report.text.numbers import ASSET_ROWS, FACTOR_ROWS, fixed, json_numbers, largest, periods
from sigmalake.report.text.plain_text import note, section, table


def body(realised: Realised) -> dict[str, object]:
    """For a program: returns in fractions."""
    days = realised.portfolio.returns.index
    shown: dict[str, object] = {
        "close": str(realised.close), "first_date": str(days[0].date()), "last_date": str(days[-1].date()), "n_periods": len(days),
        "portfolio": _period(realised.portfolio), "gaps": realised.gaps.astype({"date": str}).to_dict("records"),
    }  # fmt: skip
    if realised.benchmark is not None and realised.active is not None:
        shown |= {"benchmark": _period(realised.benchmark), "active": _period(realised.active)}
    return shown


def _period(period: PeriodReturn) -> dict[str, object]:
    by_text = period._replace(returns=period.returns.set_axis([f"{day:%Y-%m-%d}" for day in period.returns.index]))
    return {name: json_numbers(values) for name, values in by_text._asdict().items()}


def sections(answer: Answer, realised: Realised) -> list[str]:
    """For a person: returns in percent."""
    return [_opening(realised), _by_part(answer, realised), _by_asset(answer, realised)]


def _opening(realised: Realised) -> str:
    days = realised.portfolio.returns.index
    text = (
        "The weights of the file, held anew at every close, with the exposures of that close. Summed: the returns of the dates "
        "added. Linked: compounded, each part earned on what the portfolio is worth when its date begins."
    )
    returns = {"portfolio": realised.portfolio, "benchmark": realised.benchmark, "active": realised.active}
    rows = [[name, *_both(period.summed.sum(), period.linked.sum())] for name, period in returns.items() if period is not None]
    title = f"Realised from the close of {realised.close} to {days[-1]:%Y-%m-%d}: {periods(len(days))}"
    return section(title, note(text), *_gaps(realised), "", table(["", "summed %", "linked %"], rows))


def _gaps(realised: Realised) -> Iterable[str]:
    """A line for each holding and reason."""
    for (of, asset, reason), days in realised.gaps.groupby(["of", "asset_id", "reason"], sort=False)["date"]:
        first = f"{days.iloc[0]}" if len(days) == 1 else f"{len(days)} dates from {days.iloc[0]}"
        yield note(f"Gap: {of} {asset} on {first}: {reason}")


def _by_part(answer: Answer, realised: Realised) -> str:
    period = realised.shown
    rest = [name for name in (SPECIFIC, UNEXPLAINED) if name == SPECIFIC or period.summed[name] != 0]
    of_factors = period.summed.drop([SPECIFIC, UNEXPLAINED])
    named, others = largest(of_factors, FACTOR_ROWS)
    group = dict(zip(answer.risk.factors, answer.risk.groups, strict=True))
    exposures = pd.Series(period.mean_exposures.to_numpy(), of_factors.index)
    rows = [
        [name, group.get(name, ""), fixed(exposures[name], 3), *_both(period.summed[name], period.linked[name])] for name in named
    ]
    rows += [[f"{len(others)} others", "", "", *_both(period.summed[others].sum(), period.linked[others].sum())]] if others else []
    rows += [[name, "", "", *_both(period.summed[name], period.linked[name])] for name in rest]
    rows += [["sum", "", "", *_both(period.summed.sum(), period.linked.sum())]]
    header = ["factor", "group", "mean exposure", "summed %", "linked %"]
    title = f"Realised by factor: sum over the dates of exposure x return = contribution to the {_whose(realised)}"
    return section(title, table(header, rows, left=(0, 1)))


def _by_asset(answer: Answer, realised: Realised) -> str:
    specific, weights = realised.shown.specific_by_asset, answer.weights
    named, others = largest(specific, ASSET_ROWS)
    rows = [[name, fixed(100 * weights[name]), fixed(100 * specific[name], 3)] for name in named]
    rows += [[f"{len(others)} others", "", fixed(100 * specific[others].sum(), 3)]] if others else []
    rows += [["sum", "", fixed(100 * specific.sum(), 3)]]
    title = f"Realised by asset: weight x specific return = contribution to the {_whose(realised)}"
    return section(title, table(["asset", "weight %", "summed %"], rows))


def _whose(realised: Realised) -> str:
    return "portfolio's return" if realised.active is None else "active return"


def _both(summed: float, linked: float) -> list[str]:
    return [fixed(100 * summed, 3), fixed(100 * linked, 3)]
