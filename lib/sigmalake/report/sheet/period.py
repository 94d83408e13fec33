"""What moved the risk, and where a realised return came from, as blocks and a chart."""

from collections.abc import Iterable

import pandas as pd

from sigmalake.reader.answer import Answer
from sigmalake.reader.attribution import SPECIFIC, UNEXPLAINED
from sigmalake.reader.questions import PeriodReturn, RiskChange
from sigmalake.report.sheet.blocks import Block, Cell, Chart, Column, Line
from sigmalake.report.sheet.parts import ANNUAL, Scale, by_size, factor_groups
from sigmalake.report.text.change import MOVED
from sigmalake.report.text.numbers import fixed, periods

_PAGE_ROWS = 6
_RETURN = "fraction"


def change_blocks(answer: Answer, scale: Scale) -> Iterable[Block]:
    """Parts of the change of the volatility, where a comparison was asked for."""
    change = answer.change
    if change is None:
        return
    before, after = change.models
    was, now = (scale.annual(report.vol) for report in change.reports)
    both = change.reports[0].vol + change.reports[1].vol
    column = Column("change", "change", ANNUAL, "percent", 3, bar=True, adds=True)

    def part(of: float) -> float | None:
        return scale.annual(of / both) if both > 0 else None

    rows = [(what, (part(change.comparison.parts[key]),)) for key, what in MOVED.items()]
    title = f"What moved {answer.whose} from {fixed(100 * was)} % ({before.date}) to {fixed(100 * now)} % ({after.date})"
    note = "The same holdings on both sides. Parts of the variance over the sum of both volatilities; they sum to the change."
    if change.comparison.left_out:
        note += f" Left out on both sides: {', '.join(change.comparison.left_out)}."
    yield Block("change", title, "", (column,), rows, [("sum", (now - was,))], note=note)
    yield _change_by_factor(change, column, part)


def _change_by_factor(change: RiskChange, column: Column, part) -> Block:  # type: ignore[no-untyped-def]  # of `change_blocks`
    moved = change.comparison.by_factor.sum(axis=1)
    rows = [(name, (part(moved[name]),)) for name in by_size(moved)]
    return Block("change_by_factor", "What moved it, by factor", "factor", (column,), rows, shown=_PAGE_ROWS)


def realised_blocks(answer: Answer) -> Iterable[Block]:
    """Returns over the period, by part and asset, and by date for files."""
    realised = answer.realised
    if realised is None:
        return
    sides = _sides(answer)
    days = realised.portfolio.returns.index
    title = f"Realised from the close of {realised.close} to {days[-1]:%Y-%m-%d}: {periods(len(days))}"
    both = (
        Column("summed", "summed", _RETURN, "percent", bar=False, adds=True),
        Column("linked", "linked", _RETURN, "percent", adds=True),
    )
    note = (
        "The weights of the file, held anew at every close, with the exposures of that close. Summed: the dates added. Linked: "
        "compounded, each part earned on what the portfolio is worth when its date begins."
    )
    if len(realised.gaps):
        note += (
            f" {len(realised.gaps)} gaps: a holding without a return on a date is in no number; they are listed in the other files."
        )
    totals = [(side, (float(period.summed.sum()), float(period.linked.sum()))) for side, period in sides.items()]
    yield Block("realised", title, "", both, totals, note=note)
    yield _by_part(answer, realised.shown)
    yield _by_asset(answer, realised.shown)
    returns = tuple(Column(f"{side}_return", side, _RETURN, "percent", 3) for side in sides)
    dated = [(f"{day:%Y-%m-%d}", tuple(float(period.returns.iloc[n]) for period in sides.values())) for n, day in enumerate(days)]
    yield Block("realised_returns", "Realised returns by date", "date", returns, dated, shown=0)
    if len(realised.gaps):
        columns = (
            Column("of", "of", "", "text"), Column("date", "date", "", "text"), Column("reason", "reason", "", "text"),
            Column("weight", "weight", "fraction of the value", "percent"),
        )  # fmt: skip
        gaps: list[tuple[str, tuple[Cell, ...]]] = [
            (str(gap["asset_id"]), (str(gap["of"]), str(gap["date"]), str(gap["reason"]), float(gap["weight"])))
            for gap in realised.gaps.to_dict("records")
        ]
        yield Block("realised_gaps", "Holdings without a return or a specific return", "asset", columns, gaps, shown=0)


def _sides(answer: Answer) -> dict[str, PeriodReturn]:
    realised = answer.realised
    if realised is None:
        return {}
    given = {"portfolio": realised.portfolio, "benchmark": realised.benchmark, "active": realised.active}
    return {side: period for side, period in given.items() if period is not None}


def _by_part(answer: Answer, period: PeriodReturn) -> Block:
    group = factor_groups(answer)
    of_factors = period.summed.drop([SPECIFIC, UNEXPLAINED])
    exposures = pd.Series(period.mean_exposures.to_numpy(), of_factors.index)
    columns = (
        Column("group", "group", "", "text", page=False),
        Column("mean_exposure", "mean exposure", "exposure", "number", 3),
        Column("summed", "summed", _RETURN, "percent", bar=True, adds=True),
        Column("linked", "linked", _RETURN, "percent", adds=True),
    )
    rows: list[tuple[str, tuple[Cell, ...]]] = [
        (name, (group.get(name, ""), float(exposures[name]), float(period.summed[name]), float(period.linked[name])))
        for name in by_size(of_factors)
    ]
    rest = [name for name in (SPECIFIC, UNEXPLAINED) if name == SPECIFIC or period.summed[name] != 0]
    closing: list[tuple[str, tuple[Cell, ...]]] = [
        (name, (None, None, float(period.summed[name]), float(period.linked[name]))) for name in rest
    ]
    closing += [("sum", (None, None, float(period.summed.sum()), float(period.linked.sum())))]
    whose = "active return" if answer.against is not None else "return"
    return Block(
        "realised_by_part", f"Realised by factor: parts of the {whose}", "factor", columns, rows, closing, shown=_PAGE_ROWS
    )


def _by_asset(answer: Answer, period: PeriodReturn) -> Block:
    names, specific = answer.names, period.specific_by_asset
    columns = (
        *([Column("name", "name", "", "text")] if names else []),
        Column("specific", "specific", _RETURN, "percent", bar=True, adds=True),
    )
    rows: list[tuple[str, tuple[Cell, ...]]] = [
        (asset, (*([names.get(asset)] if names else []), float(specific[asset]))) for asset in by_size(specific)
    ]
    closing: list[tuple[str, tuple[Cell, ...]]] = [("sum", (*([None] if names else []), float(specific.sum())))]
    title = "Realised by asset: weight x specific return"
    return Block("realised_by_asset", title, "asset", columns, rows, closing, shown=_PAGE_ROWS)


def realised_charts(answer: Answer) -> Iterable[Chart]:
    """Compounded returns of each side since the start of the period."""
    sides = _sides(answer)
    if answer.realised is None or len(answer.realised.portfolio.returns) < 2:
        return
    start = str(answer.realised.close)
    lines = []
    for side, period in sides.items():
        if side == "active":
            continue  # the difference of two compounded returns is no compounded return
        value = (1 + period.returns).cumprod() - 1
        dates = (start, *(f"{day:%Y-%m-%d}" for day in value.index))
        lines.append(Line(side, dates, (0.0, *map(float, value))))
    yield Chart("realised", "Compounded return since the start", tuple(lines))
