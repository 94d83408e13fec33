"""The answer of `sigmalake portfolio`: for a person in annualised percent, for a program in fractions."""

import json
from collections.abc import Iterable

import numpy as np

from sigmalake.reader.answer import Answer
from sigmalake.reader.files.holdings_file import HoldingsFile
from sigmalake.reader.report import BenchmarkReport, PortfolioReport
from sigmalake.report.text import change as change_text
from sigmalake.report.text import realised as realised_text
from sigmalake.report.text import scenario as scenario_text
from sigmalake.report.text import stress as stress_text
from sigmalake.report.text import tails as tails_text
from sigmalake.report.text.numbers import ASSET_ROWS, FACTOR_ROWS, fixed, json_number, json_numbers, largest, periods
from sigmalake.report.text.plain_text import note, section, table


def as_json(answer: Answer) -> str:
    """For a program: fractions over the horizon, nothing annualised; null where a number does not exist."""
    risk = answer.risk
    body: dict[str, object] = {
        "release": answer.release, "variant": risk.variant, "date": str(risk.date), "exposure_date": str(risk.exposure_date),
        "horizon": risk.horizon, "frequency": risk.frequency, "periods_per_year": answer.periods_per_year,
        "file": str(answer.holdings.path),
        "value": answer.holdings.value, "cash": answer.holdings.cash, "portfolio": _report(answer.report),
    }  # fmt: skip
    if answer.benchmark is not None and answer.against is not None:
        body |= {"benchmark_file": str(answer.benchmark.path), "benchmark_cash": answer.benchmark.cash, **_against(answer.against)}
    if answer.scenario is not None:
        body["scenario"] = scenario_text.body(answer.scenario)
    if answer.tails:
        body["tails"] = tails_text.body(answer)
    if answer.replays:
        body["replays"] = stress_text.replay_body(answer)
    if answer.reverse:
        body["reverse_stress"] = stress_text.reverse_body(answer)
    if answer.names:
        body["names"] = dict(answer.names)
    if answer.groups:
        body["by_own_group"] = json_numbers(answer.by_own_group(answer.shown.by_asset))
    if answer.change is not None:
        body["change"] = change_text.body(answer.change)
    if answer.realised is not None:
        body["realised"] = realised_text.body(answer.realised)
    return json.dumps(body, allow_nan=False)


def _against(against: BenchmarkReport) -> dict[str, object]:
    held = list(against.portfolio.by_asset.index)
    return {
        "benchmark": _report(against.benchmark),
        "active": _report(against.active),
        "tracking_error": against.active.vol,
        "beta": against.beta,
        "correlation": json_number(against.correlation),
        "asset_betas": json_numbers(against.asset_betas.reindex(held)),
    }


def _report(report: PortfolioReport) -> dict[str, object]:
    by_factor = {
        "exposure": report.exposures, "vol": report.factor_vols, "correlation": report.factor_correlations,
        "contribution": report.by_factor,
    }  # fmt: skip
    by_asset = {"marginal": report.marginal.reindex(list(report.by_asset.index)), "contribution": report.by_asset}
    return {
        "variance": report.variance,
        "vol": report.vol,
        "specific": report.specific,
        "specific_vol": report.specific_vol,
        "by_group": json_numbers(report.by_group),
        "by_factor": {name: json_numbers(values) for name, values in by_factor.items()},
        "by_asset": {name: json_numbers(values) for name, values in by_asset.items()},
        "left_out": report.left_out,
    }


def as_text(answer: Answer) -> str:
    """For a person. Volatilities and contributions to them are annualised percent where they say so."""
    parts = [
        _opening(answer),
        _volatility(answer),
        _by_factor(answer),
        _by_group(answer),
        *_by_own_group(answer),
        _by_asset(answer),
    ]
    if answer.scenario is not None:
        parts += scenario_text.sections(answer, answer.scenario)
    if answer.tails:
        parts += tails_text.sections(answer)
    if answer.replays:
        parts += stress_text.replay_sections(answer)
    if answer.reverse:
        parts += stress_text.reverse_sections(answer)
    if answer.change is not None:
        parts += change_text.sections(answer, answer.change)
    if answer.realised is not None:
        parts += realised_text.sections(answer, answer.realised)
    return "\n".join(parts).rstrip()


def _opening(answer: Answer) -> str:
    risk, held = answer.risk, answer.holdings
    text = (
        f"{_sums(held)}. A forecast for {periods(risk.horizon, risk.frequency)} from the close of {risk.date}, with "
        f"the exposures of {risk.exposure_date}. Annualised: {answer.periods_per_year:g} {risk.frequency}s a year."
    )
    if answer.benchmark is not None:
        text += f" The benchmark, {answer.benchmark.path}: {_sums(answer.benchmark)}."
    title = f"Risk of {held.path}, {risk.variant} as of {risk.date}, release {answer.release}"
    return section(title, note(text), *_left_out(answer))


def _sums(held: HoldingsFile) -> str:
    weights = held.weights
    cash = "" if held.cash is None else f", cash {held.cash:.2%}"
    long, short = weights[weights > 0].sum(), weights[weights < 0].sum()
    return f"{(weights != 0).sum()} assets, net {weights.sum():.2%} = long {long:.2%} + short {short:.2%}{cash}"


def _left_out(answer: Answer) -> Iterable[str]:
    reports = (
        {"holding": answer.report} if answer.against is None else {"holding": answer.report, "benchmark": answer.against.benchmark}
    )
    for what, report in reports.items():
        for asset, reason in report.left_out.items():
            yield note(f"Left out, its risk is in no number here: {what} {asset}: {reason}")


def _volatility(answer: Answer) -> str:
    reports = {"portfolio": answer.report}
    beta = ""
    if answer.against is not None:
        against = answer.against
        reports |= {"benchmark": against.benchmark, "active (tracking error)": against.active}
        beta = f"Beta to the benchmark {fixed(against.beta, 3)}, correlation {fixed(against.correlation, 3)}."
    rows = [
        [
            name,
            fixed(100 * report.vol, 3),
            *(fixed(answer.annual_percent(vol)) for vol in (report.vol, *_factor_and_specific(report))),
        ]
        for name, report in reports.items()
    ]
    header = ["", f"over {periods(answer.risk.horizon, answer.risk.frequency)}", "annualised", "of factors", "specific"]
    return section("Volatility, %; of factors and specific: annualised", table(header, rows), *([beta] if beta else []))


def _factor_and_specific(report: PortfolioReport) -> tuple[float, float]:
    """Volatilities of the two parts, whose squares sum to the variance."""
    return float(np.sqrt(max(report.variance - report.specific_vol**2, 0.0))), report.specific_vol


def _by_factor(answer: Answer) -> str:
    report = answer.shown
    named, others = largest(report.by_factor, FACTOR_ROWS)
    group = dict(zip(answer.risk.factors, answer.risk.groups, strict=True))
    rows = [
        [
            name, group[name], fixed(report.exposures[name], 3), fixed(answer.annual_percent(report.factor_vols[name])),
            fixed(report.factor_correlations[name]), *_contribution(answer, report.by_factor[name]),
        ]
        for name in named
    ]  # fmt: skip
    rows += [[f"{len(others)} others", "", "", "", "", *_contribution(answer, report.by_factor[others].sum())]] if others else []
    rows += [["specific", "", "", fixed(answer.annual_percent(report.specific_vol)), "", *_contribution(answer, report.specific)]]
    rows += [["sum", "", "", "", "", *_contribution(answer, report.vol)]]
    header = ["factor", "group", "exposure", "vol, ann. %", "corr", "contribution", "share %"]
    title = f"By factor: exposure x volatility x correlation = contribution to {answer.whose}, annualised %"
    return section(title, table(header, rows, left=(0, 1)))


def _by_group(answer: Answer) -> str:
    parts = [*answer.shown.by_group.items(), ("specific", answer.shown.specific), ("sum", answer.shown.vol)]
    rows = [[str(name), *_contribution(answer, part)] for name, part in parts]
    return section("By group of factors, annualised %", table(["group", "contribution", "share %"], rows))


def _by_own_group(answer: Answer) -> Iterable[str]:
    if not answer.groups:
        return
    weights, parts = answer.by_own_group(answer.weights), answer.by_own_group(answer.shown.by_asset)
    rows = [[str(name), fixed(100 * weights.get(name, 0.0)), *_contribution(answer, part)] for name, part in parts.items()]
    rows += [["sum", fixed(100 * weights.sum()), *_contribution(answer, answer.shown.vol)]]
    yield section("By your groups of assets, annualised %", table(["group", "weight %", "contribution", "share %"], rows))


def _by_asset(answer: Answer) -> str:
    report, weights = answer.shown, answer.weights
    named, others = largest(report.by_asset, ASSET_ROWS)
    marginal = report.marginal.reindex(named)
    rows = [
        [
            name,
            fixed(100 * weights[name]),
            fixed(answer.annual_percent(marginal[name])),
            *_contribution(answer, report.by_asset[name]),
        ]
        for name in named
    ]
    rows += [[f"{len(others)} others", "", "", *_contribution(answer, report.by_asset[others].sum())]] if others else []
    rows += [["sum", "", "", *_contribution(answer, report.vol)]]
    header = ["asset", "weight %", "marginal", "contribution", "share %"]
    title = f"By asset: weight x marginal contribution = contribution to {answer.whose}, annualised %"
    return section(title, table(header, rows))


def _contribution(answer: Answer, part: float) -> list[str]:
    """A part of the volatility, and its share."""
    vol = answer.shown.vol
    return [fixed(answer.annual_percent(part)), fixed(100 * part / vol, 1) if vol > 0 else "-"]
