"""Value at risk and expected shortfall, of `sigmalake portfolio`, for a person and for a program."""

from sigmalake.numerics.portfolio.tail_risk import Tail
from sigmalake.reader.answer import Answer
from sigmalake.reader.portfolios.tail_risk import METHODS, TailReport, too_short
from sigmalake.report.text.numbers import fixed, periods
from sigmalake.report.text.plain_text import note, section, table

METHOD_NAMES = {"normal": "normal", "history": "history", "history_of_factors": "history, factors"}


def body(answer: Answer) -> dict[str, object]:
    """For a program: losses in fractions of the value over the horizon; null where the history is too short."""
    first = answer.tails["portfolio"]
    return {
        "history": {
            "n_dates": int(first.losses.size), "n_left_out": int(first.left_out_dates.size),
            "first_date": str(first.losses.index[0].date()) if first.losses.size else None,
            "last_date": str(first.losses.index[-1].date()) if first.losses.size else None,
        },
        **{side: [_levels(report, n) for n in range(len(report.tails))] for side, report in answer.tails.items()},
    }  # fmt: skip


def _levels(report: TailReport, position: int) -> dict[str, object]:
    tail = report.tails[position]
    found: dict[str, Tail | None] = {method: getattr(tail, method) for method in METHODS}
    return {"level": tail.level, **{method: None if one is None else one._asdict() for method, one in found.items()}}


def sections(answer: Answer) -> list[str]:
    """For a person: percent of the value."""
    sides = list(answer.tails)
    rows = []
    for position, tail in enumerate(answer.tails["portfolio"].tails):
        for method in METHODS:
            cells: list[str] = []
            for side in sides:
                found: Tail | None = getattr(answer.tails[side].tails[position], method)
                cells += ["-", "-"] if found is None else [fixed(100 * loss) for loss in found]
            rows.append([f"{tail.level:.6g}", METHOD_NAMES[method], *cells])
    header = ["level", "method", *(f"{of}{what}" for side in sides for of, what in ((_short(side), "VaR"), (_short(side), "ES")))]
    over = periods(answer.risk.horizon, answer.risk.frequency)
    return [
        section(
            f"Value at risk and expected shortfall over {over}, % of the value",
            note(assumption(answer)),
            "",
            table(header, rows, left=(1,)),
        )
    ]


def _short(side: str) -> str:
    return "" if side == "portfolio" else f"{side} "


def assumption(answer: Answer) -> str:
    """What the numbers rest on."""
    report = answer.tails["portfolio"]
    parts = [
        "A loss that is not exceeded with the probability of the level, and the mean loss beyond it. Normal: mean 0 and the "
        "volatility "
        "of the forecast."
    ]
    if report.losses.size:
        first, last = report.losses.index[0].date(), report.losses.index[-1].date()
        scaled = "" if answer.risk.horizon == 1 else f", times the root of {answer.risk.horizon:g}"
        parts.append(
            f"History: today's exposures times the factor returns of {report.losses.size} dates from {first} to {last}{scaled}, "
            "each as "
            "likely as the others, plus a normal specific part of today's specific volatility. History, factors: without that part."
        )
    if report.left_out_dates.size:
        parts.append(f"{report.left_out_dates.size} dates are left out, as a factor has no return there.")
    short = [tail.level for tail in report.tails if tail.history is None]
    parts += [f"{too_short(report, level).capitalize()}." for level in short]
    return " ".join(parts)
