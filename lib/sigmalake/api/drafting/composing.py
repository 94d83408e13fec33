"""The YAML of a first configuration: what was found, why, and which lines are guesses."""

import math
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import yaml

from sigmalake.api.drafting import facts
from sigmalake.api.drafting.assigning import Sources
from sigmalake.api.drafting.looking import Holds
from sigmalake.api.drafting.planning import FEW_MEMBERS, Plan, plan_model, rejected, unread_returns
from sigmalake.api.drafting.roles import Roles

HALF_LIFE = {"daily": 84, "weekly": 26, "monthly": 36, "quarterly": 12, "irregular": 84}  # periods
FEWEST, HALF_A_WINDOW = 60, 1.5  # Sigma needs the lesser of 60 periods and half its window of 3 half-lives
MAX_DATE, MAX_SOURCE, MAX_DROP = 0.2, 0.05, 0.2  # the defaults of `checks`
COMMENT_AT = 44
CAP_UNITS = ((1e9, "units"), (1e6, "thousands"), (2e3, "millions"), (0.0, "billions"))  # by the largest, of one currency


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


class _Line(NamedTuple):
    text: str
    comment: str = ""
    doubt: str = ""


def compose(sources: Sources, target: Path) -> Draft:
    """The configuration of these sources.

    Args:
        sources: the files by what they are.
        target: the file that it will be; paths are relative to its folder.
    """
    plan = plan_model(sources)
    lines = [*_head(sources, target), *_sources(sources, plan, target.resolve().parent), *_factors(sources, plan)]
    lines += [*_regression(plan), *_risk(sources, plan), *_checks(sources, plan)]
    doubts = [Doubt(number, line.doubt) for number, line in enumerate(lines, 1) if line.doubt]
    for one in sources.files:
        doubts += [Doubt(_line_of(lines, name), f"column {name}: {text}") for name, text in one.doubts.items()]
    left_out = [(one.looked.path, name, why) for one in sources.files for name, why in one.left_out.items()]
    left_out += [(sources.exposures.looked.path, name, why) for name, why in plan.asides]
    text = "".join(f"{_text(line)}\n" for line in lines)
    return Draft(text, sorted(doubts, key=lambda one: one.line or 0), _used(sources, plan), left_out)


def _line_of(lines: list[_Line], column: str) -> int | None:
    return next((number for number, line in enumerate(lines, 1) if line.text.endswith(f": {_plain(column)}")), None)


def _text(line: _Line) -> str:
    comment = f"? {line.doubt}" if line.doubt and not line.comment else line.comment + (" (?)" if line.doubt else "")
    return f"{line.text:<{COMMENT_AT}} # {comment}".rstrip() if comment else line.text


def _plain(value: Any) -> str:
    """A value in a line of YAML."""
    text: str = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=math.inf)
    return text.removesuffix("\n").removesuffix("\n...")


def _head(sources: Sources, target: Path) -> Iterator[_Line]:
    returns = sources.returns
    days, when = returns.frame[str(returns.date)].dropna(), facts.frequency(returns.frame[str(returns.date)])
    files = ", ".join(one.looked.name for one in sources.files)
    name = target.stem if target.stem != "model" else Path(returns.looked.path.rstrip("/")).name.split(".")[0]
    yield _Line(f"# Drafted by `sigmalake init` from {files}:")
    n_assets = returns.frame[str(returns.asset)].nunique()
    yield _Line(f"# {len(returns.frame):,} rows, {n_assets:,} assets, {days.nunique():,} {when.name} dates,")
    yield _Line(f"# {days.min():%Y-%m-%d} to {days.max():%Y-%m-%d}.")
    yield _Line("# Lines with a question mark are guesses.")
    yield _Line("# `sigmalake validate --config FILE --defaults` shows every other key.")
    name = name if name.isprintable() and name.strip() else "first"
    yield _Line(f"model: {_plain(name)}")
    yield _Line(f"lake: {_plain(f'lakes/{name}')}", "made if it is not there; relative to this file")


def _sources(sources: Sources, plan: Plan, folder: Path) -> Iterator[_Line]:
    yield _Line("sources:")
    returns, exposures = sources.returns, sources.exposures
    if sources.is_panel:
        yield from _place("panel", exposures, folder)
        yield from _key_columns(exposures)
        yield from _of_returns(sources)
        yield from _of_exposures(exposures, plan)
        yield from _returns_in(returns)
        yield _dated(sources, plan)
    else:
        yield from _place("returns", returns, folder)
        yield from _key_columns(returns)
        yield from _of_returns(sources)
        yield from _returns_in(returns)
        yield from _place("exposures", exposures, folder)
        yield from _key_columns(exposures)
        yield from _of_exposures(exposures, plan)
        yield _dated(sources, plan)
    if plan.caps is not None and plan.caps is not exposures:
        yield from _place("caps", plan.caps, folder)
        yield from _key_columns(plan.caps)
        yield _cap_line(plan.caps)
    if sources.rates is not None:
        yield from _place("rates", sources.rates, folder)
        yield _Line(f"      date: {_plain(sources.rates.date)}")
        yield _rate_line(sources.rates)
    if sources.exchange_rates is not None:
        yield from _exchange(sources.exchange_rates, folder)
    if sources.calendar is not None:
        yield from _place("calendar", sources.calendar, folder)
        yield _Line(f"      date: {_plain(sources.calendar.date)}")
    if not sources.is_panel:
        yield from _apart(sources)


def _place(name: str, roles: Roles, folder: Path) -> Iterator[_Line]:
    path = roles.looked.path
    if "://" not in path:
        absolute = Path(path).resolve()
        path = str(absolute.relative_to(folder)) if absolute.is_relative_to(folder) else str(absolute)
    yield _Line(f"  {name}:")
    yield _Line(f"    path: {_plain(path)}")
    suffix = path.lower().endswith((".csv", ".csv.gz"))
    if roles.looked.read_as != ("csv" if suffix else "parquet"):
        yield _Line(f"    format: {roles.looked.read_as}")
    yield _Line("    columns:")


def _key_columns(roles: Roles) -> Iterator[_Line]:
    columns = roles.looked.columns
    yield _Line(f"      date: {_plain(roles.date)}", columns[str(roles.date)].written)
    frame, keys = roles.looked.values, [str(roles.date), str(roles.asset), *([roles.factor] if roles.factor else [])]
    twice = int(frame[keys].dropna().duplicated().sum())
    doubt = f"{twice:,} rows have the date and id of a row before; of identical copies one is used, of others none" if twice else ""
    yield _Line(f"      asset_id: {_plain(roles.asset)}", f"{roles.frame[str(roles.asset)].nunique():,} assets", doubt)


def _of_returns(sources: Sources) -> Iterator[_Line]:
    returns = sources.returns
    column, values = returns.looked.columns[str(returns.ret)], returns.frame[str(returns.ret)]
    missing = float(values.isna().mean())
    doubt = f"{column.written}: rows with it are rejected; leave the cell of a missing return empty" if column.written else ""
    yield _Line(f"      ret: {_plain(returns.ret)}", f"{missing:.1%} are missing" if missing else "", doubt)
    if returns.rate is not None and sources.rates is None:
        yield _rate_line(returns)
    if returns.currency is not None:
        levels = returns.frame[returns.currency].nunique()
        if sources.exchange_rates is not None:
            yield _Line(f"      currency: {_plain(returns.currency)}", f"{levels} currencies")
        elif levels > 1:
            text = f"{returns.currency} has {levels} currencies: returns are taken to be in one; if local, bring exchange rates"
            yield _Line(f"      # currency: {_plain(returns.currency)}", "with `exchange_rates:`", text)


def _rate_line(roles: Roles) -> _Line:
    values = roles.frame[str(roles.rate)].abs()
    typical = float(values.median())
    days = facts.frequency(roles.frame[str(roles.date)]).days
    a_year = typical * 365.25 / days if days > 0 else 0.0
    doubt = f"is typically {typical:.3g} a period, {a_year:.0%} a year: is it a yearly rate, or in percent?" if a_year > 0.3 else ""
    return _Line(f"      rate: {_plain(roles.rate)}", "risk-free rate of the period, subtracted", doubt)


def _of_exposures(roles: Roles, plan: Plan) -> Iterator[_Line]:
    if roles.factor is not None:
        yield _Line(f"      factor: {_plain(roles.factor)}", "a row a date, asset and factor")
        yield _Line(f"      value: {_plain(roles.value)}")
        return
    if plan.caps is roles:
        yield _cap_line(roles)
    if roles.universe is not None:
        share = float(roles.frame[roles.universe].astype(float).mean())
        yield _Line(f"      in_estimation: {_plain(roles.universe)}", f"{share:.0%} of the rows are members")
    if roles.issuer is not None:
        yield _Line(f"      issuer_id: {_plain(roles.issuer)}", "who issued the share")


def _cap_line(roles: Roles) -> _Line:
    values = roles.frame[str(roles.cap)]
    largest = float(values.max())
    unit = next(word for least, word in CAP_UNITS if largest >= least)
    pairs = facts.same_caps(roles.frame, str(roles.date), str(roles.asset), str(roles.cap))
    doubt = ""
    if pairs:
        named = ", ".join(f"{one} and {other}" for one, other in pairs)
        doubt = f"{named} have the same cap: two shares of a company, each with the whole of it? Give each its own"
    missing = float((~(values > 0)).mean())
    told = f"in {unit}, by its size; any one unit will do" + (f"; {missing:.1%} are missing or 0, and rejected" if missing else "")
    return _Line(f"      cap: {_plain(roles.cap)}", told, doubt)


def _returns_in(returns: Roles) -> Iterator[_Line]:
    values = returns.frame[str(returns.ret)]
    percent, doubtful = facts.in_percent(values)
    size = values[values != 0].abs().median()
    doubt = f"returns are typically {size:.2g} in size: taken for {'percent' if percent else 'fractions'}" if doubtful else ""
    if values.min() > 0:
        doubt = "no return is negative: are these prices, or 1 + r?"
    unit = "percent" if percent else "fraction"
    shown = f"{size:.2g} %" if percent else f"{100 * size:.2g} %"
    yield _Line(f"    returns_in: {unit}", f"typically {shown} in size", doubt)


def _dated(sources: Sources, plan: Plan) -> _Line:
    exposures, returns = sources.exposures, sources.returns
    styles = [*plan.given, *plan.made]
    caps = [exposures.cap] if exposures.cap is not None and plan.caps is exposures else []
    found = facts.dating(sources.joined(), str(exposures.date), str(exposures.asset), str(returns.ret), styles, caps)
    if found.value is None:
        return _Line(
            "    exposures_dated: end_of_period", "known at the close of their date, so that they explain the next return",
            "the data do not tell whether exposures are known at the end of their date's period or at its start "
            "(start_of_period); the end is the safe side: nothing is known too early",
        )  # fmt: skip
    told = found.with_this if found.value == "end_of_period" else found.with_last
    which = "that ends at its date" if found.value == "end_of_period" else "before its date"
    return _Line(f"    exposures_dated: {found.value}", f"{found.column} moves with the return {which} (correlation {told:.2f})")


def _exchange(rates: Roles, folder: Path) -> Iterator[_Line]:
    number = next((name for name in rates.looked.of(Holds.NUMBERS)), None)
    ones = rates.frame.groupby(str(rates.currency), observed=True)[str(number)].agg(lambda values: bool((values == 1).all()))
    base = next((str(name) for name, is_one in ones.items() if is_one), "USD")
    lines = list(_place("exchange_rates", rates, folder))
    yield from lines[:-1]
    doubt = "" if ones.any() else "no currency has a rate of 1 throughout: which one are the rates in?"
    yield _Line(f"    base: {_plain(base)}", "rates are units of it for one of each currency", doubt)
    yield lines[-1]
    yield _Line(f"      date: {_plain(rates.date)}")
    yield _Line(f"      currency: {_plain(rates.currency)}")
    yield _Line(f"      rate: {_plain(number)}")


def _apart(sources: Sources) -> Iterator[_Line]:
    """How old exposures may be, where they come less often than returns."""
    returns, exposures = sources.returns, sources.exposures
    days = pd.Series(returns.frame[str(returns.date)].dropna().unique()).sort_values()
    known = pd.Series(exposures.frame[str(exposures.date)].dropna().unique()).sort_values()
    if len(known) > 0.9 * len(days) or len(known) < 2:
        return
    between = [int(((days > one) & (days <= other)).sum()) for one, other in pairwise(known)]
    most = max([1, *between])
    yield _Line(
        f"  exposures_max_age: {most}", "periods for which exposures are carried forward",
        f"{len(known):,} dates of exposures for {len(days):,} of returns: they are carried forward up to {most} periods",
    )  # fmt: skip


def _factors(sources: Sources, plan: Plan) -> Iterator[_Line]:
    frame = sources.exposures.frame
    yield _Line("factors:")
    yield _Line("  - {market: market}", "a column of ones")
    for number, name in enumerate(plan.groups):
        doubt = plan.lines.get("groups", "") if number == 0 else ""
        levels = frame[name].nunique()
        missing = float(frame[name].isna().mean())
        told = f"{levels} levels" + (f"; {missing:.1%} are missing, and rejected" if missing else "")
        yield _Line(f"  - {{membership: {_plain(name)}, column: {_plain(name)}}}", told, doubt)
    for name, columns in plan.shares:
        listed = {column.removeprefix(name).lstrip("_. :-") or column: column for column in columns}
        yield _Line(f"  - membership: {_plain(name)}", "shares that sum to 1")
        yield _Line(f"    columns: {_plain(listed)}")
    if plan.given:
        yield _Line(f"  - {{styles: {_plain(plan.given)}}}")
        yield _Line("    # as they stand: standardised across the assets of each date, none missing")
    if plan.made:
        fill = "regress" if plan.groups or plan.shares or plan.cap else "zero"
        yield _Line("  - styles:", "standardised here: beyond 10 sd missing, beyond 3 sd clipped")
        for name in plan.made:
            missing = float(frame[name].isna().mean())
            rules = {"missing": fill} if missing else {}
            yield _Line(f"      {_plain(name)}: {_plain(rules)}", f"{missing:.1%} are missing, and filled" if missing else "")
    if not (plan.groups or plan.shares or plan.given or plan.made):
        yield _Line("  # - {styles: [...]}", "", "neither groups nor styles were found: a market alone explains little")


def _regression(plan: Plan) -> Iterator[_Line]:
    doubt = plan.lines.get("weights", "")
    yield _Line("regression:")
    if plan.cap is not None:
        yield _Line("  weights: sqrt_cap", "specific variance falls with size", doubt)
    else:
        yield _Line("  weights: equal", "there are no caps", doubt)
    if plan.thin:
        told = f"a level with fewer than {FEW_MEMBERS} members is drawn to its group's mean"
        yield _Line("  thin: shrink", told, f"some levels have fewer than {FEW_MEMBERS} members on a typical date")
    if plan.min_assets is not None:
        doubt = f"{plan.n_factors} factors are many: a regression wants twice as many assets, and dates have fewer"
        yield _Line(f"  min_assets: {plan.min_assets}", "twice the factors by default", doubt)


def _risk(sources: Sources, plan: Plan) -> Iterator[_Line]:
    days = sources.returns.frame[str(sources.returns.date)]
    when, n = facts.frequency(days), days.nunique() - 1
    half_life, doubt = HALF_LIFE[when.name], ""
    if n < 3:
        yield _Line("risk: {}", "", f"{n + 1} dates are too few for a covariance; with more, name a variant here")
        return
    if min(FEWEST, HALF_A_WINDOW * half_life) > n / 2:
        half_life = max(2, n // 3)
        doubt = f"{n} returns are few: the half-life is short, and what comes of it is rough"
    elif when.name == "irregular":
        doubt = f"dates are typically {when.days:.3g} days apart: no frequency that is known; choose the half-life by yours"
    name = when.name if when.name != "irregular" else "first"
    yield _Line("risk:")
    yield _Line(f"  {name}:", "`sigmalake presets` compares what may stand here")
    yield _Line(
        f"    factor_cov: {{estimator: ewma, half_life: {half_life}}}", "periods; exponential weights, over 3 half-lives", doubt
    )
    yield _Line(f"    specific_var: {{estimator: ewma, half_life: {half_life}}}")
    if plan.cap is not None and when.name == "daily" and n >= 504:
        yield _Line("  # short: {preset: short}", "the layers of Menchero, Orr and Wang (2011), for horizons of a month")


def _checks(sources: Sources, plan: Plan) -> Iterator[_Line]:
    exposures, returns = sources.exposures, sources.returns
    by_date, overall, why = max(rejected(sources, plan), unread_returns(sources))
    counts = exposures.frame.groupby(str(exposures.date)).size().sort_index()
    drop = float((1 - counts / counts.shift()).max()) if len(counts) > 1 else 0.0
    fitted = returns.frame.dropna(subset=[str(returns.ret)]).groupby(str(returns.date)).size()
    fitted = fitted.reindex(sorted(returns.frame[str(returns.date)].dropna().unique()), fill_value=0).iloc[1:]
    n_few = int((fitted < (plan.min_assets or 2 * plan.n_factors)).sum())
    lines = []
    if by_date > MAX_DATE or overall > MAX_SOURCE:
        limits = {"date": max(MAX_DATE, _up(by_date)), "source": max(MAX_SOURCE, _up(overall))}
        doubt = f"{overall:.1%} of the rows of a source will be rejected, up to {by_date:.0%} of a date: {why}"
        lines.append(_Line(f"  max_rejected: {_plain(limits)}", f"by default {MAX_DATE} and {MAX_SOURCE}", doubt))
    if drop > MAX_DROP:
        doubt = f"{drop:.0%} of the assets go missing from one date to the next, at the most"
        lines.append(_Line(f"  max_coverage_drop: {_up(drop)}", f"by default {MAX_DROP}", doubt))
    if n_few:
        doubt = f"{n_few} dates have too few returns for their factors, and will have no factor returns"
        lines.append(_Line(f"  max_failed_dates: {n_few}", "by default 0", doubt))
    if lines:
        yield _Line("checks:")
        yield from lines


def _up(share: float) -> float:
    """A limit a little above what was found."""
    return min(1.0, math.ceil(share * 20 + 0.5) / 20)


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
