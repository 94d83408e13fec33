"""The YAML of a first configuration: what was found, why, and which lines are guesses."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from sigmalake.api.drafting import facts
from sigmalake.api.drafting.assigning import Sources
from sigmalake.api.drafting.lines import Line, plain, written
from sigmalake.api.drafting.model_lines import check_lines, factor_lines, regression_lines, risk_lines
from sigmalake.api.drafting.planning import Plan, plan_model
from sigmalake.api.drafting.source_lines import source_lines


class Doubt(NamedTuple):
    """What is not sure."""

    line: int | None  # of the YAML; None: of the file as a whole
    text: str


class Draft(NamedTuple):
    """A configuration, and what is not sure about it."""

    text: str
    doubts: list[Doubt]
    used: list[tuple[str, str, str]]  # source, column, what it is
    left_out: list[tuple[str, str, str]]  # file, column, why


def compose(sources: Sources, target: Path) -> Draft:
    """The configuration of these sources.

    Args:
        sources: the files by what they are.
        target: the file that it will be; paths are relative to its folder.
    """
    plan = plan_model(sources)
    lines = [*_head(sources, target), *source_lines(sources, plan, target.resolve().parent), *factor_lines(sources, plan)]
    lines += [*regression_lines(plan), *risk_lines(sources, plan), *check_lines(sources, plan)]
    doubts = [Doubt(number, line.doubt) for number, line in enumerate(lines, 1) if line.doubt]
    for one in sources.files:
        doubts += [Doubt(_line_of(lines, name), f"column {name}: {text}") for name, text in one.doubts.items()]
    left_out = [(one.looked.path, name, why) for one in sources.files for name, why in one.left_out.items()]
    left_out += [(sources.exposures.looked.path, name, why) for name, why in plan.asides]
    text = "".join(f"{written(line)}\n" for line in lines)
    return Draft(text, sorted(doubts, key=lambda one: one.line or 0), _used(sources, plan), left_out)


def _line_of(lines: list[Line], column: str) -> int | None:
    return next((number for number, line in enumerate(lines, 1) if line.text.endswith(f": {plain(column)}")), None)


def _head(sources: Sources, target: Path) -> Iterator[Line]:
    returns = sources.returns
    days, when = returns.frame[str(returns.date)].dropna(), facts.frequency(returns.frame[str(returns.date)])
    files = ", ".join(one.looked.name for one in sources.files)
    name = target.stem if target.stem != "model" else Path(returns.looked.path.rstrip("/")).name.split(".")[0]
    yield Line(f"# Drafted by `sigmalake init` from {files}:")
    n_assets = returns.frame[str(returns.asset)].nunique()
    yield Line(f"# {len(returns.frame):,} rows, {n_assets:,} assets, {days.nunique():,} {when.name} dates,")
    yield Line(f"# {days.min():%Y-%m-%d} to {days.max():%Y-%m-%d}.")
    yield Line("# Lines with a question mark are guesses.")
    yield Line("# `sigmalake validate --config FILE --defaults` shows every other key.")
    name = name if name.isprintable() and name.strip() else "first"
    yield Line(f"model: {plain(name)}")
    yield Line(f"lake: {plain(f'lakes/{name}')}", "made if it is not there; relative to this file")


def _used(sources: Sources, plan: Plan) -> list[tuple[str, str, str]]:
    """Each column that the model reads, and what it is."""
    found: list[tuple[str, str, str]] = []
    for one in sources.files:
        named = {"date": one.date, "asset id": one.asset, "factor": one.factor, "value": one.value}
        if one is sources.returns:
            named |= {"return": one.ret, "risk-free rate": None if sources.rates is not None else one.rate}
        if one is sources.rates:
            named |= {"risk-free rate": one.rate}
        if one is plan.caps:
            named |= {"capitalisation": plan.cap}
        if one is sources.exposures:
            named |= {"estimation universe": one.universe, "issuer": one.issuer}
        found += [(one.looked.name, column, what) for what, column in named.items() if column is not None]
        if one is sources.exposures:
            found += [(one.looked.name, name, f"group, {one.frame[name].nunique()} levels") for name in plan.groups]
            found += [(one.looked.name, column, f"share of {group}") for group, columns in plan.shares for column in columns]
            found += [(one.looked.name, name, "style, as it stands") for name in plan.given]
            found += [(one.looked.name, name, "style, standardised here") for name in plan.made]
    return found
