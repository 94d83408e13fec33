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
from sigmalake.report.text.numbers import ASSET_ROWS, FACTOR_ROWS, fixed, json_number, json_numbers, largest, periods
from sigmalake.report.text.plain_text import note, section, table


def as_json(found: Answer) -> str:
    """For a program: fractions over the horizon, nothing annualised; null where a number does not exist."""
    risk = found.risk
    body: dict[str, object] = {
        "release": found.release, "variant": risk.variant, "date": str(risk.date), "exposure_date": str(risk.exposure_date),
        "horizon": risk.horizon, "frequency": risk.frequency, "periods_per_year": found.periods_per_year,
        "file": str(found.holdings.path),
        "value": found.holdings.value, "cash": found.holdings.cash, "portfolio": _report(found.report),
    }  # fmt: skip
    if found.benchmark is not None and found.against is not None:
        body |= {"benchmark_file": str(found.benchmark.path), "benchmark_cash": found.benchmark.cash, **_against(found.against)}
    if found.scenario is not None:
        body["scenario"] = scenario_text.body(found.scenario)
    if found.change is not None:
        body["change"] = change_text.body(found.change)
    if found.realised is not None:
        body["realised"] = realised_text.body(found.realised)
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


def as_text(found: Answer) -> str:
    """For a person. Volatilities and contributions to them are annualised percent where they say so."""
    parts = [_opening(found), _volatility(found), _by_factor(found), _by_group(found), _by_asset(found)]
    if found.scenario is not None:
        parts += scenario_text.sections(found, found.scenario)
    if found.change is not None:
        parts += change_text.sections(found, found.change)
    if found.realised is not None:
        parts += realised_text.sections(found, found.realised)
    return "\n".join(parts).rstrip()


def _opening(found: Answer) -> str:
    risk, held = found.risk, found.holdings
    said = (
        f"{_sums(held)}. A forecast for {periods(risk.horizon, risk.frequency)} from the close of {risk.date}, with "
        f"the exposures of {risk.exposure_date}. Annualised: {found.periods_per_year:g} {risk.frequency}s a year."
    )
    if found.benchmark is not None:
        said += f" The benchmark, {found.benchmark.path}: {_sums(found.benchmark)}."
    title = f"Risk of {held.path}, {risk.variant} as of {risk.date}, release {found.release}"
    return section(title, note(said), *_left_out(found))


def _sums(held: HoldingsFile) -> str:
    weights = held.weights
    cash = "" if held.cash is None else f", cash {held.cash:.2%}"
    long, short = weights[weights > 0].sum(), weights[weights < 0].sum()
    return f"{(weights != 0).sum()} assets, net {weights.sum():.2%} = long {long:.2%} + short {short:.2%}{cash}"


def _left_out(found: Answer) -> Iterable[str]:
    reports = (
        {"holding": found.report} if found.against is None else {"holding": found.report, "benchmark": found.against.benchmark}
    )
    for what, report in reports.items():
        for asset, reason in report.left_out.items():
            yield note(f"Left out, its risk is in no number here: {what} {asset}: {reason}")


def _volatility(found: Answer) -> str:
    reports = {"portfolio": found.report}
    beta = ""
    if found.against is not None:
        against = found.against
        reports |= {"benchmark": against.benchmark, "active (tracking error)": against.active}
        beta = f"Beta to the benchmark {fixed(against.beta, 3)}, correlation {fixed(against.correlation, 3)}."
    rows = [
        [
            name,
            fixed(100 * report.vol, 3),
            *(fixed(found.annual_percent(vol)) for vol in (report.vol, *_factor_and_specific(report))),
        ]
        for name, report in reports.items()
    ]
    header = ["", f"over {periods(found.risk.horizon, found.risk.frequency)}", "annualised", "of factors, ann.", "specific, ann."]
    return section("Volatility, %", table(header, rows), *([beta] if beta else []))


def _factor_and_specific(report: PortfolioReport) -> tuple[float, float]:
    """Volatilities of the two parts, whose squares sum to the variance."""
    return float(np.sqrt(max(report.variance - report.specific_vol**2, 0.0))), report.specific_vol


def _by_factor(found: Answer) -> str:
    report = found.shown
    named, others = largest(report.by_factor, FACTOR_ROWS)
    group = dict(zip(found.risk.factors, found.risk.groups, strict=True))
    rows = [
        [
            name, group[name], fixed(report.exposures[name], 3), fixed(found.annual_percent(report.factor_vols[name])),
            fixed(report.factor_correlations[name]), *_contribution(found, report.by_factor[name]),
        ]
        for name in named
    ]  # fmt: skip
    rows += [[f"{len(others)} others", "", "", "", "", *_contribution(found, report.by_factor[others].sum())]] if others else []
    rows += [["specific", "", "", fixed(found.annual_percent(report.specific_vol)), "", *_contribution(found, report.specific)]]
    rows += [["sum", "", "", "", "", *_contribution(found, report.vol)]]
    header = ["factor", "group", "exposure", "vol, ann. %", "corr", "contribution", "share %"]
    title = f"By factor: exposure x volatility x correlation = contribution to {found.whose}, annualised %"
    return section(title, table(header, rows, left=(0, 1)))


def _by_group(found: Answer) -> str:
    parts = [*found.shown.by_group.items(), ("specific", found.shown.specific), ("sum", found.shown.vol)]
    rows = [[str(name), *_contribution(found, part)] for name, part in parts]
    return section("By group of factors, annualised %", table(["group", "contribution", "share %"], rows))


def _by_asset(found: Answer) -> str:
    report, weights = found.shown, found.weights
    named, others = largest(report.by_asset, ASSET_ROWS)
    marginal = report.marginal.reindex(named)
    rows = [
        [
            name,
            fixed(100 * weights[name]),
            fixed(found.annual_percent(marginal[name])),
            *_contribution(found, report.by_asset[name]),
        ]
        for name in named
    ]
    rows += [[f"{len(others)} others", "", "", *_contribution(found, report.by_asset[others].sum())]] if others else []
    rows += [["sum", "", "", *_contribution(found, report.vol)]]
    header = ["asset", "weight %", "marginal", "contribution", "share %"]
    title = f"By asset: weight x marginal contribution = contribution to {found.whose}, annualised %"
    return section(title, table(header, rows))


def _contribution(found: Answer, part: float) -> list[str]:
    """A part of the volatility, and its share."""
    vol = found.shown.vol
    return [fixed(found.annual_percent(part)), fixed(100 * part / vol, 1) if vol > 0 else "-"]
