"""Historical replays and reverse stress, of `sigmalake portfolio`, for a person and for a program."""

from collections.abc import Iterable

from sigmalake.reader.answer import Answer
from sigmalake.reader.portfolios.replay import ReplayReport
from sigmalake.reader.portfolios.reverse_stress import ReverseStressReport
from sigmalake.reader.portfolios.sides import Replayed
from sigmalake.report.text.numbers import FACTOR_ROWS, fixed, json_number, json_numbers, largest, periods
from sigmalake.report.text.plain_text import note, section, table

_NAME = 26  # characters of a period's name in a table
_REPLAY_FACTORS = 10  # the largest parts of a replay; the others share a row

REPLAY_NOTE = (
    "Today's exposures, held anew on every date, times the stored factor returns after the close of the start up to the close "
    "of the end. "
    "Summed: the dates added. Linked: compounded. Specific returns are left out; their standard deviation over the period is "
    "what today's "
    "forecast says."
)


def replay_body(answer: Answer) -> list[dict[str, object]]:
    """For a program: returns in fractions."""
    return [
        {
            "name": replayed.period.name, "start": str(replayed.period.start), "end": str(replayed.period.end),
            **{side: _replay(report) for side, report in replayed.reports.items()},
        }
        for replayed in answer.replays
    ]  # fmt: skip


def _replay(report: ReplayReport) -> dict[str, object]:
    return {
        "n_periods": len(report.returns), "summed": report.summed, "linked": report.linked, "drawdown": report.drawdown,
        "specific_vol": report.specific_vol, "by_factor": json_numbers(report.by_factor),
        "linked_by_factor": json_numbers(report.linked_by_factor),
        "gaps": {str(factor): int(count) for factor, count in report.gaps.items()},
    }  # fmt: skip


def replay_sections(answer: Answer) -> list[str]:
    """For a person: returns in percent."""
    sides = list(answer.replays[0].reports)
    rows = [
        [
            _name(replayed), str(replayed.period.start), str(replayed.period.end), str(len(replayed.shown.returns)),
            *(fixed(100 * replayed.reports[side].summed) for side in sides),
        ]
        for replayed in answer.replays
    ]  # fmt: skip
    more = [
        [_name(replayed), *(fixed(100 * number) for number in (of.linked, of.drawdown, of.specific_vol))]
        for replayed in answer.replays
        for of in (replayed.shown,)
    ]
    summed = table(["", "start", "end", "dates", *(sides if len(sides) > 1 else ["summed"])], rows)
    of = "active: " if "active" in sides else ""
    rest = table(["", f"{of}linked", "worst drawdown", "specific sd"], more)
    first = section("Replays of the past, %", note(REPLAY_NOTE), *gap_lines(answer), "", summed, "", rest)
    return [first, *(_by_factor(answer, replayed) for replayed in answer.replays)]


def _name(replayed: Replayed) -> str:
    """Short enough for a column."""
    name = replayed.period.name
    return name if len(name) <= _NAME else f"{name[: _NAME - 3]}..."


def gap_lines(answer: Answer) -> Iterable[str]:
    """A line for each factor that has no return on some dates of a period."""
    for replayed in answer.replays:
        for factor, count in replayed.shown.gaps.items():
            yield note(f"{replayed.period.name}: {factor} has no return on {count} dates and counts as 0 there")


def _by_factor(answer: Answer, replayed: Replayed) -> str:
    report = replayed.shown
    exposures = answer.shown.exposures
    named, others = largest(report.by_factor, _REPLAY_FACTORS)
    rows = [
        [name, fixed(exposures[name], 3), fixed(100 * report.by_factor[name] / exposures[name]) if exposures[name] else "-",
         fixed(100 * report.by_factor[name])]
        for name in named
    ]  # fmt: skip
    rows += [[f"{len(others)} others", "", "", fixed(100 * report.by_factor[others].sum())]] if others else []
    rows += [["sum", "", "", fixed(100 * report.summed)]]
    title = f"Replay of {replayed.period.name} by factor: exposure x summed return = contribution to the {_whose(answer)}"
    return section(title, table(["factor", "exposure", "return %", "contribution %"], rows))


def reverse_body(answer: Answer) -> dict[str, object]:
    """For a program: returns in fractions."""
    return {side: _reverse(report) for side, report in answer.reverse.items()}


def _reverse(report: ReverseStressReport) -> dict[str, object]:
    return {
        "loss": report.loss, "distance": report.distance, "factor_probability": json_number(report.factor_probability),
        "total_probability": json_number(report.total_probability), "factor_returns": json_numbers(report.factor_returns),
        "by_factor": json_numbers(report.by_factor), "by_asset": json_numbers(report.by_asset),
    }  # fmt: skip


def reverse_sections(answer: Answer) -> list[str]:
    """For a person: the move in percent and in volatilities."""
    rows = [
        [
            side,
            fixed(100 * report.loss),
            fixed(report.distance),
            _chance(report.factor_probability),
            _chance(report.total_probability),
        ]
        for side, report in answer.reverse.items()
    ]
    header = ["", "loss %", "distance", "chance, factors", "chance, all"]
    side, report = list(answer.reverse.items())[-1]
    named, others = largest(report.by_factor, FACTOR_ROWS)
    exposures, vols = answer.reports[side].exposures, answer.reports[side].factor_vols
    by_factor = [
        [name, fixed(100 * report.factor_returns[name]),
         fixed(report.factor_returns[name] / vols[name]) if vols[name] > 0 else "-", fixed(exposures[name], 3),
         fixed(100 * report.by_factor[name])]
        for name in named
    ]  # fmt: skip
    by_factor += [[f"{len(others)} others", "", "", "", fixed(100 * report.by_factor[others].sum())]] if others else []
    by_factor += [["sum", "", "", "", fixed(100 * report.by_factor.sum())]]
    return [
        section(
            "Reverse stress: the likeliest factor returns that lose so much", note(reverse_note(answer)), "", table(header, rows)
        ),
        section(
            f"Reverse stress by factor, {side}: exposure x return = contribution to the loss",
            table(["factor", "return %", "in vols", "exposure", "contribution %"], by_factor),
        ),
    ]


def reverse_note(answer: Answer) -> str:
    """What the numbers rest on."""
    over = periods(answer.risk.horizon, answer.risk.frequency)
    return (
        f"f* = -L Sigma x / (x' Sigma x) over {over}. Distance: Mahalanobis, in standard deviations. Chance: that the loss is "
        "at least "
        "as large within the horizon if returns are normal with mean 0, from factors alone and with specific risk."
    )


def _chance(probability: float) -> str:
    """A probability; small ones as one in so many."""
    if probability >= 0.001:
        return f"{100 * probability:.2f} %"
    return f"{probability:.1e}" if probability > 0 else "0"


def _whose(answer: Answer) -> str:
    return "portfolio's return" if answer.against is None else "active return"
