"""A scenario, replays of the past and a reverse stress as blocks."""

from collections.abc import Iterable

from sigmalake.reader.answer import Answer
from sigmalake.reader.questions import Scenario
from sigmalake.report.sheet.blocks import Block, Cell, Column, Figure
from sigmalake.report.sheet.parts import Scale, by_size, factor_groups
from sigmalake.report.text.numbers import fixed
from sigmalake.report.text.stress import REPLAY_NOTE, gap_lines, reverse_note

_PAGE_ROWS = 6
_RETURN = "fraction"


def figures(answer: Answer) -> Iterable[Figure]:
    """What the scenario costs."""
    if answer.scenario is not None:
        yield Figure("Scenario", f"{fixed(100 * answer.scenario.portfolio.portfolio_return)} %", _shocks(answer.scenario))


def blocks(answer: Answer) -> Iterable[Block]:
    """Those that were asked for."""
    if answer.scenario is not None:
        yield from _scenario(answer, answer.scenario)
    if answer.replays:
        yield from _replays(answer)
    if answer.reverse:
        yield from _reverse(answer)


def _shocks(scenario: Scenario) -> str:
    return ", ".join(f"{factor} {shock:+.2%}" for factor, shock in scenario.shocks.items())


def _scenario(answer: Answer, scenario: Scenario) -> Iterable[Block]:
    reports = {"portfolio": scenario.portfolio, "benchmark": scenario.benchmark, "active": scenario.active}
    returns = [(side, (report.portfolio_return,)) for side, report in reports.items() if report is not None]
    note = (
        f"The other factors move by their conditional mean, as Sigma of {answer.risk.date} has them move together; specific "
        "returns "
        "are 0. Nothing is annualised."
    )
    yield Block(
        "scenario", f"Scenario: {_shocks(scenario)}", "", (Column("return", "return", _RETURN, "percent"),), returns, note=note
    )
    shown, group, vols = scenario.shown, factor_groups(answer), answer.shown.factor_vols
    columns = (
        Column("group", "group", "", "text", page=False),
        Column("kind", "", "", "text", page=False),
        Column("return", "return", _RETURN, "percent"),
        Column("in_vols", "in vols", f"volatilities of {Scale.of(answer).horizon}", "number", 2),
        Column("exposure", "exposure", "exposure", "number", 3, minor=True),
        Column("contribution", "contribution", _RETURN, "percent", bar=True, adds=True),
    )
    rows: list[tuple[str, tuple[Cell, ...]]] = [
        (
            name,
            (
                group[name], "shock" if name in scenario.shocks else "expected", float(shown.factor_returns[name]),
                float(shown.factor_returns[name] / vols[name]) if vols[name] > 0 else None, float(answer.shown.exposures[name]),
                float(shown.by_factor[name]),
            ),
        )
        for name in by_size(shown.by_factor)
    ]  # fmt: skip
    closing: list[tuple[str, tuple[Cell, ...]]] = [("sum", (None, None, None, None, None, shown.portfolio_return))]
    whose = "active return" if scenario.active is not None else "return"
    yield Block(
        "scenario_by_factor", f"Scenario by factor: parts of the {whose}", "factor", columns, rows, closing, shown=_PAGE_ROWS
    )
    yield _scenario_by_asset(answer, scenario)


def _scenario_by_asset(answer: Answer, scenario: Scenario) -> Block:
    names, shown = answer.names, scenario.shown
    columns = (
        *([Column("name", "name", "", "text")] if names else []),
        Column("contribution", "contribution", _RETURN, "percent", adds=True),
    )
    rows: list[tuple[str, tuple[Cell, ...]]] = [
        (asset, (*([names.get(asset)] if names else []), float(shown.by_asset[asset]))) for asset in by_size(shown.by_asset)
    ]
    return Block("scenario_by_asset", "Scenario by asset", "asset", columns, rows, shown=0)


def _replays(answer: Answer) -> Iterable[Block]:
    sides = list(answer.replays[0].reports)
    of = "" if len(sides) == 1 else " of active"
    columns = (
        Column("start", "from the close of", "", "text", minor=True),
        Column("end", "to", "", "text", minor=True),
        Column("n_periods", "dates", "count", "integer", minor=True),
        *(
            Column(f"{side}_summed", side if len(sides) > 1 else "summed", _RETURN, "percent", minor=side == "benchmark")
            for side in sides
        ),
        Column("portfolio_linked", "portfolio linked", _RETURN, "percent", minor=True),
        Column("drawdown", f"worst drawdown{of}", _RETURN, "percent"),
        Column("specific_vol", f"specific sd{of}", f"{_RETURN}, over the period", "percent", minor=True),
    )
    rows: list[tuple[str, tuple[Cell, ...]]] = [
        (
            replayed.period.name,
            (
                str(replayed.period.start), str(replayed.period.end), float(len(replayed.shown.returns)),
                *(report.summed for report in replayed.reports.values()), replayed.reports["portfolio"].linked,
                replayed.shown.drawdown, replayed.shown.specific_vol,
            ),
        )
        for replayed in answer.replays
    ]  # fmt: skip
    note = " ".join([REPLAY_NOTE, *(f"{' '.join(line.split())}." for line in gap_lines(answer))])
    yield Block("replays", "Replays of the past with today's exposures", "", columns, rows, note=note, wide=True)
    whose = "active return" if len(sides) > 1 else "return"
    by_factor = tuple(
        Column(replayed.period.name, replayed.period.name, _RETURN, "percent", bar=len(answer.replays) == 1, adds=True)
        for replayed in answer.replays
    )
    order = by_size(sum((abs(replayed.shown.by_factor) for replayed in answer.replays[1:]), abs(answer.replays[0].shown.by_factor)))
    parts = [(name, tuple(float(replayed.shown.by_factor[name]) for replayed in answer.replays)) for name in order]
    total = [("sum", tuple(replayed.shown.summed for replayed in answer.replays))]
    yield Block(
        "replays_by_factor", f"Replays by factor: parts of the summed {whose}", "factor", by_factor, parts, total, shown=_PAGE_ROWS,
        wide=len(answer.replays) > 3,
    )  # fmt: skip


def _reverse(answer: Answer) -> Iterable[Block]:
    columns = (
        Column("loss", "loss", _RETURN, "percent"),
        Column("distance", "distance", "standard deviations", "number", 2),
        Column("factor_probability", "chance, factors", "probability", "probability"),
        Column("total_probability", "chance, all", "probability", "probability"),
    )
    rows: list[tuple[str, tuple[Cell, ...]]] = [
        (side, (report.loss, report.distance, report.factor_probability, report.total_probability))
        for side, report in answer.reverse.items()
    ]
    yield Block("reverse_stress", "Reverse stress: the likeliest way to lose so much", "", columns, rows, note=reverse_note(answer))
    for side, report in answer.reverse.items():
        vols, exposures = answer.reports[side].factor_vols, answer.reports[side].exposures
        by_factor: list[tuple[str, tuple[Cell, ...]]] = [
            (
                name,
                (
                    float(report.factor_returns[name]),
                    float(report.factor_returns[name] / vols[name]) if vols[name] > 0 else None, float(exposures[name]),
                    float(report.by_factor[name]),
                ),
            )
            for name in by_size(report.by_factor)
        ]  # fmt: skip
        yield Block(
            "reverse_stress_by_factor" if side == "portfolio" else "reverse_stress_active",
            f"Reverse stress by factor, {side}", "factor",
            (
                Column("return", "return", _RETURN, "percent"),
                Column("in_vols", "in vols", f"volatilities of {Scale.of(answer).horizon}", "number", 2),
                Column("exposure", "exposure", "exposure", "number", 3, minor=True),
                Column("contribution", "contribution", _RETURN, "percent", bar=True, adds=True),
            ),
            by_factor, [("sum", (None, None, None, float(report.by_factor.sum())))], shown=_PAGE_ROWS,
        )  # fmt: skip
