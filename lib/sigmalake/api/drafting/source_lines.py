"""What a first configuration says of its sources: paths, columns, units, and when exposures are known."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pandas as pd

from sigmalake.api.drafting import facts
from sigmalake.api.drafting.assigning import Sources
from sigmalake.api.drafting.lines import Line, plain
from sigmalake.api.drafting.looking import Holds
from sigmalake.api.drafting.planning import Plan
from sigmalake.api.drafting.roles import Roles

CAP_UNITS = ((1e9, "units"), (1e6, "thousands"), (2e3, "millions"), (0.0, "billions"))  # by the largest, of one currency


def source_lines(sources: Sources, plan: Plan, folder: Path) -> Iterator[Line]:
    """Where each source is, and what its columns are."""
    yield Line("sources:")
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
        yield Line(f"      date: {plain(sources.rates.date)}")
        yield _rate_line(sources.rates)
    if sources.exchange_rates is not None:
        yield from _exchange(sources.exchange_rates, folder)
    if sources.calendar is not None:
        yield from _place("calendar", sources.calendar, folder)
        yield Line(f"      date: {plain(sources.calendar.date)}")
    if not sources.is_panel:
        yield from _apart(sources)


def _place(name: str, roles: Roles, folder: Path) -> Iterator[Line]:
    path = roles.looked.path
    if "://" not in path:
        absolute = Path(path).resolve()
        path = str(absolute.relative_to(folder)) if absolute.is_relative_to(folder) else str(absolute)
    yield Line(f"  {name}:")
    yield Line(f"    path: {plain(path)}")
    suffix = path.lower().endswith((".csv", ".csv.gz"))
    if roles.looked.read_as != ("csv" if suffix else "parquet"):
        yield Line(f"    format: {roles.looked.read_as}")
    yield Line("    columns:")


def _key_columns(roles: Roles) -> Iterator[Line]:
    columns = roles.looked.columns
    yield Line(f"      date: {plain(roles.date)}", columns[str(roles.date)].written)
    frame, keys = roles.looked.values, [str(roles.date), str(roles.asset), *([roles.factor] if roles.factor else [])]
    twice = int(frame[keys].dropna().duplicated().sum())
    doubt = f"{twice:,} rows have the date and id of a row before; of identical copies one is used, of others none" if twice else ""
    yield Line(f"      asset_id: {plain(roles.asset)}", f"{roles.frame[str(roles.asset)].nunique():,} assets", doubt)


def _of_returns(sources: Sources) -> Iterator[Line]:
    returns = sources.returns
    column, values = returns.looked.columns[str(returns.ret)], returns.frame[str(returns.ret)]
    missing = float(values.isna().mean())
    doubt = f"{column.written}: rows with it are rejected; leave the cell of a missing return empty" if column.written else ""
    yield Line(f"      ret: {plain(returns.ret)}", f"{missing:.1%} are missing" if missing else "", doubt)
    if returns.rate is not None and sources.rates is None:
        yield _rate_line(returns)
    if returns.currency is not None:
        levels = returns.frame[returns.currency].nunique()
        if sources.exchange_rates is not None:
            yield Line(f"      currency: {plain(returns.currency)}", f"{levels} currencies")
        elif levels > 1:
            text = f"{returns.currency} has {levels} currencies: returns are taken to be in one; if local, bring exchange rates"
            yield Line(f"      # currency: {plain(returns.currency)}", "with `exchange_rates:`", text)


def _rate_line(roles: Roles) -> Line:
    values = roles.frame[str(roles.rate)].abs()
    typical = float(values.median())
    days = facts.frequency(roles.frame[str(roles.date)]).days
    a_year = typical * 365.25 / days if days > 0 else 0.0
    doubt = f"is typically {typical:.3g} a period, {a_year:.0%} a year: is it a yearly rate, or in percent?" if a_year > 0.3 else ""
    return Line(f"      rate: {plain(roles.rate)}", "risk-free rate of the period, subtracted", doubt)


def _of_exposures(roles: Roles, plan: Plan) -> Iterator[Line]:
    if roles.factor is not None:
        yield Line(f"      factor: {plain(roles.factor)}", "a row a date, asset and factor")
        yield Line(f"      value: {plain(roles.value)}")
        return
    if plan.caps is roles:
        yield _cap_line(roles)
    if roles.universe is not None:
        share = float(roles.frame[roles.universe].astype(float).mean())
        yield Line(f"      in_estimation: {plain(roles.universe)}", f"{share:.0%} of the rows are members")
    if roles.issuer is not None:
        yield Line(f"      issuer_id: {plain(roles.issuer)}", "who issued the share")


def _cap_line(roles: Roles) -> Line:
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
    return Line(f"      cap: {plain(roles.cap)}", told, doubt)


def _returns_in(returns: Roles) -> Iterator[Line]:
    values = returns.frame[str(returns.ret)]
    percent, doubtful = facts.in_percent(values)
    size = values[values != 0].abs().median()
    doubt = f"returns are typically {size:.2g} in size: taken for {'percent' if percent else 'fractions'}" if doubtful else ""
    if values.min() > 0:
        doubt = "no return is negative: are these prices, or 1 + r?"
    unit = "percent" if percent else "fraction"
    shown = f"{size:.2g} %" if percent else f"{100 * size:.2g} %"
    yield Line(f"    returns_in: {unit}", f"typically {shown} in size", doubt)


def _dated(sources: Sources, plan: Plan) -> Line:
    exposures, returns = sources.exposures, sources.returns
    styles = [*plan.given, *plan.made]
    caps = [exposures.cap] if exposures.cap is not None and plan.caps is exposures else []
    found = facts.dating(sources.joined(), str(exposures.date), str(exposures.asset), str(returns.ret), styles, caps)
    if found.value is None:
        return Line(
            "    exposures_dated: end_of_period", "known at the close of their date, so that they explain the next return",
            "the data do not tell whether exposures are known at the end of their date's period or at its start "
            "(start_of_period); the end is the safe side: nothing is known too early",
        )  # fmt: skip
    told = found.with_this if found.value == "end_of_period" else found.with_last
    which = "that ends at its date" if found.value == "end_of_period" else "before its date"
    return Line(f"    exposures_dated: {found.value}", f"{found.column} moves with the return {which} (correlation {told:.2f})")


def _exchange(rates: Roles, folder: Path) -> Iterator[Line]:
    number = next((name for name in rates.looked.of(Holds.NUMBERS)), None)
    ones = rates.frame.groupby(str(rates.currency), observed=True)[str(number)].agg(lambda values: bool((values == 1).all()))
    base = next((str(name) for name, is_one in ones.items() if is_one), "USD")
    lines = list(_place("exchange_rates", rates, folder))
    yield from lines[:-1]
    doubt = "" if ones.any() else "no currency has a rate of 1 throughout: which one are the rates in?"
    yield Line(f"    base: {plain(base)}", "rates are units of it for one of each currency", doubt)
    yield lines[-1]
    yield Line(f"      date: {plain(rates.date)}")
    yield Line(f"      currency: {plain(rates.currency)}")
    yield Line(f"      rate: {plain(number)}")


def _apart(sources: Sources) -> Iterator[Line]:
    """How old exposures may be, where they come less often than returns."""
    returns, exposures = sources.returns, sources.exposures
    days = pd.Series(returns.frame[str(returns.date)].dropna().unique()).sort_values()
    known = pd.Series(exposures.frame[str(exposures.date)].dropna().unique()).sort_values()
    if len(known) > 0.9 * len(days) or len(known) < 2:
        return
    between = [int(((days > one) & (days <= other)).sum()) for one, other in pairwise(known)]
    most = max([1, *between])
    yield Line(
        f"  exposures_max_age: {most}", "periods for which exposures are carried forward",
        f"{len(known):,} dates of exposures for {len(days):,} of returns: they are carried forward up to {most} periods",
    )  # fmt: skip
