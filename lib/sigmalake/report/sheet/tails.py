"""Value at risk and expected shortfall as a block, with the past losses that they rest on."""

from collections.abc import Iterable

import numpy as np

from sigmalake.numerics.portfolio.tail_risk import Tail
from sigmalake.reader.answer import Answer
from sigmalake.reader.portfolios.tail_risk import METHODS, TailRisk
from sigmalake.report.sheet.blocks import Block, Cell, Chart, Column, Figure, Histogram
from sigmalake.report.sheet.parts import Scale
from sigmalake.report.text.numbers import fixed
from sigmalake.report.text.tails import METHOD_NAMES, assumption

_BINS = 41


def figures(answer: Answer) -> Iterable[Figure]:
    """The first level of the portfolio, by history where there is one."""
    if answer.tails:
        tail = answer.tails["portfolio"].tails[0]
        best, how = (tail.normal, "normal") if tail.history is None else (tail.history, "history")
        over = Scale.of(answer).horizon
        yield Figure(f"VaR {100 * tail.level:g} %", f"{fixed(100 * best.var)} %", f"over {over}, {how}")
        yield Figure(f"ES {100 * tail.level:g} %", f"{fixed(100 * best.expected_shortfall)} %", "mean loss beyond")


def blocks(answer: Answer) -> Iterable[Block]:
    """The measures, and the past losses by date for files."""
    if not answer.tails:
        return
    scale = Scale.of(answer)
    unit = f"fraction of the value, loss over {scale.horizon}"
    columns = tuple(
        Column(f"{side}_{key}", f"{_prefix(side)}{label}", unit, "percent", minor=side == "benchmark")
        for side in answer.tails
        for key, label in (("var", "VaR"), ("expected_shortfall", "ES"))
    )
    rows: list[tuple[str, tuple[Cell, ...]]] = []
    for position, tail in enumerate(answer.tails["portfolio"].tails):
        for method in METHODS:
            sides = [_tail(report.tails[position], method) for report in answer.tails.values()]
            cells = tuple(cell for found in sides for cell in ((None, None) if found is None else found))
            rows.append((f"{100 * tail.level:.6g} % {METHOD_NAMES[method]}", cells))
    yield Block(
        "tail_risk", f"Value at risk and expected shortfall over {scale.horizon}", "level and method", columns, rows,
        note=assumption(answer),
    )  # fmt: skip
    days = answer.tails["portfolio"].losses.index
    if len(days):
        losses = [report.losses.reindex(days) for report in answer.tails.values()]
        by_date = [(f"{day:%Y-%m-%d}", tuple(float(of.iloc[n]) for of in losses)) for n, day in enumerate(days)]
        past = tuple(Column(f"{side}_loss", f"{side} loss", unit, "percent") for side in answer.tails)
        title = "Past factor returns on today's exposures: losses of factors alone"
        yield Block("past_losses", title, "date", past, by_date, shown=0)


def charts(answer: Answer) -> Iterable[Chart]:
    """The past losses of what is shown, with the measures of factors alone."""
    if not answer.tails:
        return
    report = answer.tails["portfolio"]
    if report.losses.size < 2 * _BINS or not np.ptp(report.losses.to_numpy()) > 0:
        return
    counts, edges = np.histogram(-report.losses.to_numpy(), bins=_BINS)
    marks = tuple(
        (f"VaR {100 * tail.level:g} %", -tail.history_of_factors.var)
        for tail in report.tails
        if tail.history_of_factors is not None
    )
    content = Histogram(tuple(map(float, edges)), tuple(map(int, counts)), marks)
    yield Chart(
        "tail_risk", f"Today's exposures x past factor returns: {report.losses.size} dates, portfolio, factors alone", content
    )


def _tail(tail: TailRisk, method: str) -> Tail | None:
    found: Tail | None = getattr(tail, method)
    return found


def _prefix(side: str) -> str:
    return {"portfolio": "", "benchmark": "bench. ", "active": "active "}[side]
