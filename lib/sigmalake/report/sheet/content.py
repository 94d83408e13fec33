"""The account of a portfolio as blocks of numbers: what `sigmalake portfolio` answers, in the order of the page."""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from sigmalake.reader.answer import Answer
from sigmalake.reader.files.holdings_file import HoldingsFile
from sigmalake.reader.report import PortfolioReport
from sigmalake.report.sheet import stress, tails
from sigmalake.report.sheet.blocks import Block, Cell, Chart, Column, Figure, Sheet
from sigmalake.report.sheet.parts import ANNUAL, SHARE, Scale, by_size, factor_groups
from sigmalake.report.sheet.period import change_blocks, realised_blocks, realised_charts
from sigmalake.report.text.numbers import fixed, periods

_WEIGHT = "fraction of the value"
_PAGE_ASSETS, _PAGE_FACTORS = 12, 12  # rows of the page; the other files have all


def sheet_of(answer: Answer) -> Sheet:
    """All that was answered."""
    scale = Scale.of(answer)
    blocks = [
        _about(answer), _risk(answer, scale), *tails.blocks(answer), _by_group(answer, scale), *_by_own_group(answer, scale),
        _by_factor(answer, scale),
        _by_asset(answer, scale), *stress.blocks(answer), *change_blocks(answer, scale), *realised_blocks(answer),
        *_left_out(answer),
    ]  # fmt: skip
    charts: list[Chart] = [*tails.charts(answer), *realised_charts(answer)]
    risk, held = answer.risk, answer.holdings
    title = f"Risk of {held.path.name}"
    against = "" if answer.benchmark is None else f" against {answer.benchmark.path.name}"
    subtitle = f"As of the close of {risk.date}{against}. Model {risk.variant}, release {answer.release}."
    return Sheet(title, subtitle, tuple(_figures(answer, scale)), tuple(blocks), tuple(charts), tuple(_notes(answer)))


def _figures(answer: Answer, scale: Scale) -> Iterable[Figure]:
    report, shown = answer.report, answer.shown

    def percent(vol: float) -> str:
        return f"{fixed(100 * scale.annual(vol))} %"

    yield Figure("Volatility", percent(report.vol), "a year")
    yield Figure("from factors", percent(_factor_vol(report)), f"{_share(report):.0%} of the variance")
    yield Figure("specific", percent(report.specific_vol), f"{1 - _share(report):.0%} of the variance")
    if answer.against is not None:
        yield Figure("Tracking error", percent(shown.vol), "a year")
        yield Figure("Beta", fixed(answer.against.beta), "to the benchmark")
    yield from tails.figures(answer)
    yield from stress.figures(answer)


def _factor_vol(report: PortfolioReport) -> float:
    return float(np.sqrt(max(report.variance - report.specific_vol**2, 0.0)))


def _share(report: PortfolioReport) -> float:
    """Of the factors in the variance."""
    return 1 - report.specific_vol**2 / report.variance if report.variance > 0 else 0.0


def _about(answer: Answer) -> Block:
    risk, a_year = answer.risk, answer.periods_per_year
    facts: list[tuple[str, Cell]] = [
        ("holdings", str(answer.holdings.path)), ("held", _sums(answer.holdings)),
        *([] if (b := answer.benchmark) is None else [("benchmark", str(b.path)), ("benchmark held", _sums(b))]),
        ("release", answer.release), ("variant", risk.variant), ("date", str(risk.date)),
        ("exposures of", str(risk.exposure_date)), ("horizon", periods(risk.horizon, risk.frequency)),
        ("annualised by", f"{a_year:g} {risk.frequency}s a year"),
    ]  # fmt: skip
    text = Column("text", "", "", "text")
    return Block("about", "What this is about", "", (text,), [(name, (value,)) for name, value in facts], shown=0)


def _sums(held: HoldingsFile) -> str:
    weights = held.weights
    cash = "" if held.cash is None else f", cash {held.cash:.2%}"
    long, short = weights[weights > 0].sum(), weights[weights < 0].sum()
    return f"{(weights != 0).sum()} assets, net {weights.sum():.2%}, long {long:.2%}, short {short:.2%}{cash}"


def _risk(answer: Answer, scale: Scale) -> Block:
    columns = (
        Column("vol", f"over {scale.horizon}", f"fraction, over {scale.horizon}", "percent", 3, minor=True),
        Column("vol_annual", "a year", ANNUAL, "percent"),
        Column("factor_vol_annual", "factors, a year", ANNUAL, "percent"),
        Column("specific_vol_annual", "specific, a year", ANNUAL, "percent"),
        Column("factor_share", "factors' share", SHARE, "percent", 1),
        Column("beta", "beta", "ratio", "number", 3),
        Column("correlation", "correlation", "ratio", "number", 3, minor=True),
    )
    rows = [
        (
            side,
            (report.vol, *map(scale.annual, (report.vol, _factor_vol(report), report.specific_vol)), _share(report), *beta),
        )
        for (side, report), beta in zip(answer.reports.items(), _betas(answer), strict=True)
    ]
    with_beta = columns if answer.against is not None else columns[:-2]
    cut = [(side, cells[: len(with_beta)]) for side, cells in rows]
    note = "Factor and specific volatilities are roots of the two parts of the variance, so that their squares sum to it."
    return Block("risk", "Volatility", "", with_beta, cut, note=note, wide=answer.against is not None)


def _betas(answer: Answer) -> Sequence[tuple[Cell, Cell]]:
    """Beta and correlation of each side with the benchmark; the active beta is beta less 1."""
    if answer.against is None:
        return [(None, None)]
    beta, sigma = answer.against.beta, answer.against.benchmark.vol
    active = answer.against.active.vol
    return [(beta, answer.against.correlation), (1.0, 1.0), (beta - 1, (beta - 1) * sigma / active if active > 0 else None)]


def _contribution_columns(answer: Answer) -> tuple[Column, ...]:
    """To the volatility of each side."""
    names = {"portfolio": "to the volatility", "benchmark": "to the benchmark's", "active": "to the tracking error"}
    last = list(answer.reports)[-1]
    return tuple(
        Column(f"{side}_contribution", names[side], ANNUAL, "percent", bar=side == last, adds=True, minor=side != last)
        for side in answer.reports
    )


def _by_group(answer: Answer, scale: Scale) -> Block:
    reports = list(answer.reports.values())
    vol = answer.shown.vol

    def cells(parts: Sequence[float]) -> tuple[Cell, ...]:
        return (*map(scale.annual, parts), parts[-1] / vol if vol > 0 else None)

    groups = list(answer.shown.by_group.index)
    rows = [(str(group), cells([float(report.by_group[group]) for report in reports])) for group in groups]
    rows += [("specific", cells([report.specific for report in reports]))]
    closing = [("sum", cells([report.vol for report in reports]))]
    share = Column("share", "share", f"share of {answer.whose.removeprefix('the ')}", "percent", 1)
    return Block(
        "by_group", f"What makes {answer.whose}: groups", "group", (*_contribution_columns(answer), share), rows, closing,
        note="Contributions: exposure x volatility x correlation, annualised; a column sums to the volatility above it.",
    )  # fmt: skip


def _by_own_group(answer: Answer, scale: Scale) -> Iterable[Block]:
    """Contributions of assets, summed over the user's own groups: common and specific risk together."""
    if not answer.groups:
        return
    vol, last = answer.shown.vol, list(answer.reports)[-1]
    weights = {side: answer.by_own_group(held) for side, held in answer.sides.items()}
    parts = {side: answer.by_own_group(report.by_asset) for side, report in answer.reports.items()}
    columns = (
        *(
            Column(f"{side}_weight", _label(side, answer, "weight"), _WEIGHT, "percent", adds=True, minor=side != last)
            for side in weights
        ),
        *_contribution_columns(answer),
        Column("share", "share", f"share of {answer.whose.removeprefix('the ')}", "percent", 1),
    )

    def cells(held: Iterable[float], contributions: Sequence[float]) -> tuple[Cell, ...]:
        return (*held, *map(scale.annual, contributions), contributions[-1] / vol if vol > 0 else None)

    rows = [
        (str(name), cells((float(w.get(name, 0.0)) for w in weights.values()), [float(p.get(name, 0.0)) for p in parts.values()]))
        for name in parts[last].index
    ]
    closing = [("sum", cells((float(w.sum()) for w in weights.values()), [report.vol for report in answer.reports.values()]))]
    yield Block(
        "by_own_group", f"What makes {answer.whose}: your groups of assets", "group", columns, rows, closing,
        wide=answer.against is not None, note="The contributions of a group's assets, of factors and specific alike.",
    )  # fmt: skip


def _by_factor(answer: Answer, scale: Scale) -> Block:
    shown, reports, group, last = answer.shown, answer.reports, factor_groups(answer), list(answer.reports)[-1]
    columns = (
        Column("group", "group", "", "text", minor=True),
        *(
            Column(f"{side}_exposure", _label(side, answer, "exposure"), "exposure", "number", 3, minor=side != last)
            for side in reports
        ),
        Column("vol_annual", "volatility", ANNUAL, "percent", minor=True),
        Column("correlation", "corr.", f"correlation with the return of {last}", "number", 2, minor=True),
        *_contribution_columns(answer),
        Column("share", "share", f"share of {answer.whose.removeprefix('the ')}", "percent", 1, adds=True),
    )
    rows = [
        (
            name,
            (
                group[name], *(float(report.exposures[name]) for report in reports.values()), scale.annual(shown.factor_vols[name]),
                float(shown.factor_correlations[name]), *(scale.annual(report.by_factor[name]) for report in reports.values()),
                float(shown.by_factor[name]) / shown.vol if shown.vol > 0 else None,
            ),
        )
        for name in by_size(shown.by_factor)
    ]  # fmt: skip
    blank = (None,) * len(reports)
    closing: list[tuple[str, tuple[Cell, ...]]] = [
        (
            name,
            (
                None, *blank, vol, None, *(scale.annual(getattr(report, part)) for report in reports.values()),
                getattr(shown, part) / shown.vol if shown.vol > 0 else None,
            ),
        )
        for name, part, vol in (("specific", "specific", scale.annual(shown.specific_vol)), ("sum", "vol", None))
    ]  # fmt: skip
    return Block(
        "by_factor", "By factor", "factor", columns, rows, closing, shown=_PAGE_FACTORS, wide=True,
        note=f"The largest contributions to {answer.whose} come first. Exposures to styles are in standard deviations.",
    )  # fmt: skip


def _label(side: str, answer: Answer, alone: str) -> str:
    """Of a column of a side; of the portfolio alone, what it is."""
    return alone if len(answer.reports) == 1 else {"portfolio": "portf.", "benchmark": "bench.", "active": "active"}[side]


def _by_asset(answer: Answer, scale: Scale) -> Block:
    shown, names = answer.shown, answer.names
    sides, last = answer.sides, list(answer.reports)[-1]
    betas = None if answer.against is None else answer.against.asset_betas
    columns = (
        *([Column("name", "name", "", "text")] if names else []),
        *(
            Column(
                f"{side}_weight", _label(side, answer, "weight"), "fraction of the value", "percent", adds=True, minor=side != last
            )
            for side in sides
        ),
        Column("marginal", "marginal", f"{ANNUAL}, for a unit of weight", "percent", 1, minor=True),
        Column("contribution", f"to {answer.whose}", ANNUAL, "percent", bar=True, adds=True),
        Column("share", "share", f"share of {answer.whose.removeprefix('the ')}", "percent", 1, adds=True, minor=True),
        *([Column("beta", "beta", "ratio", "number", 2, minor=True)] if betas is not None else []),
    )

    def cells(asset: str) -> tuple[Cell, ...]:
        part = float(shown.by_asset[asset])
        return (
            *([names.get(asset)] if names else []), *(float(held.get(asset, 0.0)) for held in sides.values()),
            scale.annual(shown.marginal.get(asset, np.nan)), scale.annual(part), part / shown.vol if shown.vol > 0 else None,
            *([float(betas.get(asset, np.nan))] if betas is not None else []),
        )  # fmt: skip

    blank: tuple[Cell, ...] = (None,) if names else ()
    total = (*blank, *(float(held.sum()) for held in sides.values()), None, scale.annual(shown.vol), 1.0 if shown.vol > 0 else None)
    closing = [("sum", (*total, *([None if answer.against is None else answer.against.beta] if betas is not None else [])))]
    rows = [(asset, cells(asset)) for asset in by_size(shown.by_asset)]
    return Block(
        "by_asset", f"Largest positions by their part of {answer.whose}", "asset", columns, rows, closing, shown=_PAGE_ASSETS,
        wide=True, note="Weight x marginal contribution = contribution. A negative contribution lowers the risk.",
    )  # fmt: skip


def _left_out(answer: Answer) -> Iterable[Block]:
    reports = {side: report for side, report in answer.reports.items() if side != "active"}
    rows: list[tuple[str, tuple[Cell, ...]]] = []
    for side, report in reports.items():
        held = answer.holdings if side == "portfolio" else answer.benchmark
        weights = pd.Series(dtype=float) if held is None else held.weights
        rows += [(asset, (side, float(weights.get(asset, np.nan)), why)) for asset, why in report.left_out.items()]
    if rows:
        columns = (
            Column("of", "of", "", "text"),
            Column("weight", "weight", _WEIGHT, "percent"),
            Column("reason", "reason", "", "text"),
        )
        yield Block("left_out", "Left out: the risk of these is in no number", "asset", columns, rows, shown=20, wide=True)


def _notes(answer: Answer) -> Iterable[str]:
    risk = answer.risk
    yield f"Holdings: {_sums(answer.holdings)}."
    if answer.benchmark is not None:
        yield f"Benchmark: {_sums(answer.benchmark)}."
    yield (
        f"A forecast for {periods(risk.horizon, risk.frequency)} from the close of {risk.date}, with the exposures of "
        f"{risk.exposure_date}. Annualised figures are the forecast times the root of {answer.periods_per_year:g} "
        f"{risk.frequency}s a "
        f"year over the horizon, as if returns had no memory."
    )
    yield "V = X Sigma X' + D: exposures, factor covariance and specific covariance. x = X'h; variance = x' Sigma x + h' D h."
