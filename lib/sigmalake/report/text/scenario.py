"""The scenario of `sigmalake portfolio`, for a person and for a program."""

from sigmalake.reader.answer import Answer
from sigmalake.reader.questions import Scenario
from sigmalake.reader.scenario import ScenarioReport
from sigmalake.report.text.numbers import ASSET_ROWS, FACTOR_ROWS, fixed, json_number, json_numbers, largest, periods
from sigmalake.report.text.plain_text import note, section, table


def body(scenario: Scenario) -> dict[str, object]:
    """For a program: returns in fractions."""
    shown: dict[str, object] = {
        "shocks": dict(scenario.shocks),
        "factor_returns": json_numbers(scenario.portfolio.factor_returns),
        "portfolio": _report(scenario.portfolio),
    }
    if scenario.benchmark is not None and scenario.active is not None:
        shown |= {"benchmark": _report(scenario.benchmark), "active": _report(scenario.active)}
    return shown


def _report(report: ScenarioReport) -> dict[str, object]:
    by_factor, by_asset = json_numbers(report.by_factor), json_numbers(report.by_asset)
    return {"return": json_number(report.portfolio_return), "by_factor": by_factor, "by_asset": by_asset}


def sections(answer: Answer, scenario: Scenario) -> list[str]:
    """For a person: returns in percent."""
    return [_opening(answer, scenario), _by_factor(answer, scenario), _by_asset(answer, scenario)]


def _opening(answer: Answer, scenario: Scenario) -> str:
    shocks = ", ".join(f"{factor} {shock:.2%}" for factor, shock in scenario.shocks.items())
    text = (
        f"The other factors move by their conditional mean, as Sigma of {answer.risk.date} has them move together; "
        "specific returns are 0. Nothing is annualised."
    )
    reports = {"portfolio": scenario.portfolio, "benchmark": scenario.benchmark, "active": scenario.active}
    rows = [[name, _percent(report.portfolio_return)] for name, report in reports.items() if report is not None]
    return section(f"Scenario: {shocks}", note(text), "", table(["", "return %"], rows))


def _by_factor(answer: Answer, scenario: Scenario) -> str:
    risk, report, exposures, vols = answer.risk, scenario.shown, answer.shown.exposures, answer.shown.factor_vols
    named, others = largest(report.by_factor, FACTOR_ROWS)
    group = dict(zip(risk.factors, risk.groups, strict=True))
    rows = [
        [
            name, group[name], "shock" if name in scenario.shocks else "expected", _percent(report.factor_returns[name]),
            fixed(report.factor_returns[name] / vols[name]) if vols[name] > 0 else "-", fixed(exposures[name], 3),
            _percent(report.by_factor[name]),
        ]
        for name in named
    ]  # fmt: skip
    rows += [[f"{len(others)} others", "", "", "", "", "", _percent(report.by_factor[others].sum())]] if others else []
    rows += [["sum", "", "", "", "", "", _percent(report.portfolio_return)]]
    header = ["factor", "group", "", "return %", "in vols", "exposure", "contribution %"]
    counted = f"In vols: over the factor's volatility of {periods(risk.horizon, risk.frequency)}."
    title = f"Scenario by factor: exposure x return = contribution to the {_whose(scenario)}"
    return section(title, table(header, rows, left=(0, 1, 2)), note(counted))


def _by_asset(answer: Answer, scenario: Scenario) -> str:
    report, weights = scenario.shown, answer.weights
    named, others = largest(report.by_asset, ASSET_ROWS)
    rows = [
        [
            name, fixed(100 * weights[name]), _percent(report.by_asset[name] / weights[name]) if weights[name] else "-",
            _percent(report.by_asset[name]),
        ]
        for name in named
    ]  # fmt: skip
    rows += [[f"{len(others)} others", "", "", _percent(report.by_asset[others].sum())]] if others else []
    rows += [["sum", "", "", _percent(report.portfolio_return)]]
    title = f"Scenario by asset: weight x return = contribution to the {_whose(scenario)}"
    return section(title, table(["asset", "weight %", "return %", "contribution %"], rows))


def _whose(scenario: Scenario) -> str:
    return "portfolio's return" if scenario.active is None else "active return"


def _percent(share: float) -> str:
    return fixed(100 * share)
