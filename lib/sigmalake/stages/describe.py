"""Describe: prices packed by date, raw descriptors of each date from the windows that end at it, and shares of each date."""

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from hashlib import sha256
from itertools import pairwise
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from sigmalake.config.model import Config
from sigmalake.config.staleness import digest_of
from sigmalake.errors import ConfigError, DataError
from sigmalake.lake.books import AccountLine, last_source_versions, unsettled_ranges
from sigmalake.lake.dates import DateRange, as_ranges
from sigmalake.lake.lake import Lake
from sigmalake.lake.storage import Rows
from sigmalake.numerics.descriptors.library import DescriptorRules
from sigmalake.numerics.types import Floats
from sigmalake.stages import versions
from sigmalake.stages.context import Asked, Context, Outcome, span
from sigmalake.stages.planning import Changes, Why, changes, join_hash, rules_hash, version_with
from sigmalake.stages.side_tables.industry_shares import expected_shares, shares_of
from sigmalake.stages.side_tables.revenue_shares import expected_revenue_shares, revenue_shares_of
from sigmalake.stages.sources.panel_sources import usable_dates
from sigmalake.stages.sources.price_sources import (
    NOTHING,
    PriceSources,
    account_for_prices,
    price_source_versions,
    read_price_sources,
)
from sigmalake.stages.sources.rejected import rejected_dates
from sigmalake.stages.sources.source_memory import FLAT_ROW_BYTES, remember
from sigmalake.tables.declaration import Table
from sigmalake.tables.descriptors import DESCRIPTORS, INDUSTRY_SHARES, PRICES, REVENUE_SHARES
from sigmalake.tables.records import REJECTED_ROWS
from sigmalake.tasks.chunks import AsOf, chunks_of, first_row
from sigmalake.tasks.descriptors import FIGURES, ComputeDescriptors, no_figures
from sigmalake.tasks.sources.check_source import BesideExposures, SharesBeside, StoredByDate

DESCRIBED = (PRICES, DESCRIPTORS, INDUSTRY_SHARES, REVENUE_SHARES)
LEAST_DATES, MOST_DATES = 32, 512  # as-of dates of one task, as for risk
PRICE_BYTES = 64  # of an asset in a row of `prices`: id, return, cap, value traded, flag
DESCRIPTOR_BYTES = 8 * len(DESCRIPTORS.columns)
# Of a source, how `source_versions` call its content.
CONTENTS = {"fundamentals": "figures", "segments": "segment_records", "revenues": "revenue_records"}


class PendingRows(NamedTuple):
    """What will have become of a table by then."""

    compute: Mapping[date, str] = MappingProxyType({})  # hash of each date still to be computed
    remove: Sequence[date] = ()  # dates that still stand, and will not


class Pending(NamedTuple):
    """What a plan takes for described."""

    descriptors: PendingRows = PendingRows()
    shares: PendingRows = PendingRows()
    revenue_shares: PendingRows = PendingRows()


class DescribePlan(NamedTuple):
    """What describe would do."""

    sources: PriceSources | None  # None: no source changed since the tables were last complete
    prices: Changes[date]
    descriptors: Changes[date]
    calendar: list[date]  # of the windows: dates with prices, as they will be
    source_versions: dict[str, str]
    shares: Changes[date]
    revenue_shares: Changes[date]

    @property
    def pending(self) -> Pending:
        """What ingest will find beside what there is."""
        made = self.descriptors, self.shares, self.revenue_shares
        return Pending(*(PendingRows(found.compute, found.remove) for found in made))

    @property
    def why(self) -> dict[date, Why]:
        """Why each date is computed; prices may change with nothing to rest on them."""
        return {**self.prices.why, **self.revenue_shares.why, **self.shares.why, **self.descriptors.why}

    @property
    def remove(self) -> list[date]:
        """Dates that leave some table."""
        changed = self.prices, self.descriptors, self.shares, self.revenue_shares
        return sorted({day for found in changed for day in found.remove})


def plan_describe(context: Context) -> DescribePlan:
    """Which rows of `prices` the source no longer agrees with, and what rests on them or on other records."""
    lake, config = context.lake, context.config
    stored, described, shared, revenue_shared = (_hashes(lake, table) for table in DESCRIBED)
    current = price_source_versions(context.engine, config)
    before = last_source_versions(lake, "describe")
    same = {name: before.get(name) for name in current} == current and "" not in current.values()
    nothing: Changes[date] = Changes({}, {}, [])
    if (stored or revenue_shared) and same and not context.verify_sources and not unsettled_ranges(lake, "describe", *DESCRIBED):
        return DescribePlan(None, nothing, nothing, [], {}, nothing, nothing)
    sources = read_price_sources(context.engine, config, lake, verify=context.verify_sources)
    fingerprints = sources.fingerprints.get("prices", {})
    of_config = rules_hash(config.described_source_hash("prices"), versions.DESCRIBE)
    expected = {day: join_hash(digest_of([found.content]), of_config) for day, found in fingerprints.items() if day is not None}
    prices = _asked(context.asked, changes(expected, stored, Why.INPUT), sorted({*expected, *stored}))
    held = {day: value for day, value in {**stored, **prices.compute}.items() if day not in prices.remove}
    usable = set(usable_dates(fingerprints)) | {day for day, n in _counts(lake).items() if n and day not in expected}
    calendar = sorted(usable & set(held))
    figures = sources.known_hashes("fundamentals")
    wanted = expected_descriptors(held, calendar, figures, config, _factor_returns(config, sources, calendar))
    found = _asked(context.asked, changes(wanted, described, Why.INPUT), sorted({*calendar, *described}))
    wanted = expected_shares(held, calendar, sources.known_hashes("segments"), config)
    shares = _asked(context.asked, changes(wanted, shared, Why.INPUT), sorted({*calendar, *shared}))
    wanted = expected_revenue_shares(sources.known_hashes("revenues"), config)
    of_revenues = _until(context.asked, changes(wanted, revenue_shared, Why.INPUT))
    current |= {CONTENTS[name]: sources.content(name) for name in ("fundamentals", *sources.fingerprints) if name in CONTENTS}
    return DescribePlan(sources, prices, found, calendar, current, shares, of_revenues)


def expected_descriptors(
    prices: Mapping[date, str],
    calendar: list[date],
    figures: list[tuple[date, str]],
    config: Config,
    factor_returns: Floats | None = None,
) -> dict[date, str]:
    """Descriptors of every date of the calendar: of the prices and factor returns of its windows and the figures known by then."""
    rules = _rules(config)
    settings = digest_of([config.describe_hash(), config.described_source_hash("fundamentals")])
    of_config = rules_hash(settings, version_with(versions.DESCRIBE, rules.registered.values()))
    of_day = [sha256(f"{day}:{prices[day]}".encode()).digest() for day in calendar]
    reads = 0 if rules.sensitivities is None else rules.sensitivities.trailing.look_back
    known_at = [day for day, _ in figures]
    expected = {}
    for position, day in enumerate(calendar):
        window = sha256(b"".join(of_day[max(0, position + 1 - rules.look_back) : position + 1])).hexdigest()
        n_known = bisect_right(known_at, day)
        data = [window, figures[n_known - 1][1] if n_known else ""]
        if factor_returns is not None:
            data.append(sha256(factor_returns[max(0, position + 1 - reads) : position + 1].tobytes()).hexdigest())
        expected[day] = join_hash(digest_of(data), of_config)
    return expected


def describe(context: Context) -> Outcome | None:
    """Replace the rows of `prices`, `descriptors` and the tables of shares that the sources no longer agree with."""
    lake, config = context.lake, context.config
    if not config.sources.described():
        raise ConfigError(NOTHING)
    context.engine.expect_width(FLAT_ROW_BYTES)
    plan = plan_describe(context)
    if (sources := plan.sources) is None:
        return None
    before = last_source_versions(lake, "describe")
    renewed = [name for name, content in CONTENTS.items() if before.get(content) != plan.source_versions.get(content)]
    _write_prices(context, sources, plan.prices)
    changed = unsettled_ranges(lake, "describe", *DESCRIBED)
    if not (plan.descriptors or plan.shares or plan.revenue_shares or changed or renewed):
        remember(context, sources.memories, sources.by_file, "describe")
        return None
    account = _account(context, plan, changed, renewed)
    _write(context, DESCRIPTORS, plan.descriptors, plan.calendar, lambda: _descriptors(context, plan, sources))
    _warn_of_failures(context, plan)
    _write(context, INDUSTRY_SHARES, plan.shares, plan.calendar, lambda: _shares(context, plan, sources))
    days = [day for day, _ in sources.known_hashes("revenues")]
    _write(context, REVENUE_SHARES, plan.revenue_shares, days, lambda: _revenue_shares(context, plan, sources, days))
    remember(context, sources.memories, sources.by_file, "describe")
    dates = sorted({*plan.why, *plan.remove})
    everything = context.asked.everything  # the account of figures covers them all, whichever dates this run is of
    return Outcome(
        dates=dates,
        rows_in=sum(line.rows_in for line in account),
        rows_out=len({*plan.descriptors.compute, *plan.revenue_shares.compute}),
        rows_rejected=sum(line.rejected for line in account),
        account=account,
        source_versions={n: version for n, version in plan.source_versions.items() if n in CONTENTS.values() or everything},
        tables=(*DESCRIBED, REJECTED_ROWS),
        said=_said(plan, account),
    )


def described(context: Context, pending: Pending) -> BesideExposures | None:
    """What stands beside the exposures; None where no style is made of descriptors, and no group of segments or revenues.

    Args:
        context: its lake holds the descriptors and shares.
        pending: what a plan takes for described.

    Raises:
        DataError: there are none yet.
    """
    config = context.config
    if not config.is_described:
        return None
    columns = tuple(config.described_columns)
    rows = _by_date(context, DESCRIPTORS, pending.descriptors) if columns else None
    shares = {}
    if "segments" in config.computed_groups:
        shares["segments"] = SharesBeside(_by_date(context, INDUSTRY_SHARES, pending.shares), pending.shares.compute)
    if "revenues" in config.computed_groups:
        found = pending.revenue_shares
        since = sorted({*_hashes(context.lake, REVENUE_SHARES), *found.compute} - set(found.remove))
        shares["revenues"] = SharesBeside(_by_date(context, REVENUE_SHARES, found), found.compute, since)
    gone = frozenset({*pending.descriptors.remove, *pending.shares.remove})
    return BesideExposures(columns, rows, pending.descriptors.compute, shares, gone)


def described_versions(context: Context, pending: Pending) -> dict[str, str]:
    """A hash of all that stands beside the exposures, as it will be, by table."""
    lake, found = context.lake, {}
    if context.config.described_columns:
        found["descriptors"] = _version(lake, DESCRIPTORS, pending.descriptors)
    if "segments" in context.config.computed_groups:
        found["industry_shares"] = _version(lake, INDUSTRY_SHARES, pending.shares)
    if "revenues" in context.config.computed_groups:
        found["revenue_shares"] = _version(lake, REVENUE_SHARES, pending.revenue_shares)
    return found


def _version(lake: Lake, table: Table, pending: PendingRows) -> str:
    held = {**_hashes(lake, table), **pending.compute}
    return digest_of([f"{day}:{value}" for day, value in sorted(held.items()) if day not in pending.remove])


def _by_date(context: Context, table: Table, pending: PendingRows) -> StoredByDate:
    there = context.lake.exists(table)
    if not there and not pending.compute:
        made = "styles are made of them" if table is DESCRIPTORS else "a group of factors is made of them"
        raise DataError(f"{context.lake.root} has no {table.name} yet, and {made}: use `sigmalake describe`, or `run`")
    return context.engine.by_date(table, table.column_names)


def _hashes(lake: Lake, table: Table) -> dict[date, str]:
    rows = lake.columns(table, ["date", "inputs_hash"]).to_pylist()
    return {row["date"]: row["inputs_hash"] for row in rows}


def _counts(lake: Lake) -> dict[date, int]:
    return {row["date"]: row["n_assets"] for row in lake.columns(PRICES, ["date", "n_assets"]).to_pylist()}


def _rules(config: Config) -> DescriptorRules:
    return config.descriptors or DescriptorRules()


def _asked(asked: Asked, found: Changes[date], known: list[date]) -> Changes[date]:
    """Dates asked for are of returns: what is known at the close before one explains it."""
    if asked.everything:
        return found
    after = dict(pairwise(known))
    wanted = {day for day in known if asked.holds(day) or (day in after and asked.holds(after[day]))}
    compute = {day: value for day, value in found.compute.items() if day in wanted}
    return Changes(compute, {day: found.why[day] for day in compute}, [day for day in found.remove if day in wanted])


def _until(asked: Asked, found: Changes[date]) -> Changes[date]:
    """Days up to the last date asked for: what is known at the close of one counts until other revenues are known."""
    if asked.end is None:
        return found
    compute = {day: value for day, value in found.compute.items() if day <= asked.end}
    return Changes(compute, {day: found.why[day] for day in compute}, [day for day in found.remove if day <= asked.end])


def _write_prices(context: Context, sources: PriceSources, plan: Changes[date]) -> None:
    lake, source = context.lake, context.config.sources.prices
    if not plan or source is None:
        return
    known = sorted({*(day for day in sources.fingerprints["prices"] if day is not None), *plan.remove})
    context.expect_rows(PRICES, "dates", len(plan.compute))
    rows = sources.packed_prices(context.engine, plan.compute) if plan.compute else context.engine.no_rows(PRICES)
    lake.replace(PRICES, rows, "describe", as_ranges([*plan.compute, *plan.remove], known))


def _account(context: Context, plan: DescribePlan, changed: list[DateRange], renewed: list[str]) -> list[AccountLine]:
    """Of the prices that were packed since the last run that was done, and of the sources whose content is other than it was."""
    if plan.sources is None:
        return []
    fingerprints, dates, removed = plan.sources.fingerprints, {}, {}
    counts, rejected = _counts(context.lake), rejected_dates(context.lake)
    for name in fingerprints:
        days = {day for day in fingerprints[name] if day is not None}
        if name == "prices":
            days = {day for day in days if day in counts and any(r.first <= day <= r.last for r in changed)}
        elif name not in renewed:
            continue
        dates[name] = days
        removed[name] = {day for day in rejected.get(name, ()) if day is not None and day not in fingerprints[name]}
    return account_for_prices(context, plan.sources, dates, removed, sum(counts[day] for day in dates.get("prices", ())))


def _write(context: Context, table: Table, found: Changes[date], calendar: list[date], computed: Callable[[], Rows]) -> None:
    if not found:
        return
    context.lake.create(table)
    context.expect_rows(table, "dates", len(found.compute))
    ranges = as_ranges([*found.compute, *found.remove], sorted({*calendar, *found.remove}))
    rows = computed() if found.compute else context.engine.no_rows(table)
    context.lake.replace(table, rows, "describe", ranges)


def _warn_of_failures(context: Context, plan: DescribePlan) -> None:
    """Say of descriptors of other packages on how many of the dates that were computed they have no value, and why."""
    if plan.descriptors.compute and _rules(context.config).registered:
        rows = context.lake.columns(DESCRIPTORS, ["date", "detail"]).to_pylist()
        failed = {row["date"]: row["detail"] for row in rows if row["detail"] and row["date"] in plan.descriptors.compute}
        if failed:
            first = min(failed)
            context.warn(f"descriptors have no value on {len(failed)} dates, the first {first}: {failed[first]}")


def _shares(context: Context, plan: DescribePlan, sources: PriceSources) -> Rows:
    widest = max(_counts(context.lake).values(), default=1)
    return shares_of(context, plan.calendar, plan.shares.compute, sources.records(context.engine, "segments"), widest=widest)


def _revenue_shares(context: Context, plan: DescribePlan, sources: PriceSources, days: Sequence[date]) -> Rows:
    fingerprints = sources.fingerprints["revenues"]
    known = {day: fingerprints[day].rows for day in days}
    return revenue_shares_of(context, known, plan.revenue_shares.compute, sources.records(context.engine, "revenues"))


def _descriptors(context: Context, plan: DescribePlan, sources: PriceSources) -> Rows:
    lake, rules, calendar = context.lake, _rules(context.config), plan.calendar
    position = {day: number for number, day in enumerate(calendar)}
    look_back = rules.look_back
    compute = plan.descriptors.compute
    asked = [AsOf(DESCRIPTORS.name, position[day], value, first_row(position[day], look_back)) for day, value in compute.items()]
    chunks = chunks_of(asked, min(MOST_DATES, max(LEAST_DATES, look_back // 2)))
    described = DESCRIPTOR_BYTES + 8 * len(rules.registered)
    context.engine.expect_width(max(_counts(lake).values(), default=1) * max(PRICE_BYTES, described))
    figures = sources.records(context.engine, "fundamentals")
    given = context.engine.driver_rows(no_figures()) if figures is None else figures
    task = ComputeDescriptors(calendar, chunks, rules, _factor_returns(context.config, sources, calendar))
    return context.engine.map_parts(task, {FIGURES: given})


def _factor_returns(config: Config, sources: PriceSources, calendar: Sequence[date]) -> Floats | None:
    """(T, K) of the factors of sensitivities, NaN where not given; None where there are no sensitivities."""
    if not config.sensitivities:
        return None
    found = [[sources.factor_returns[factor].get(day, np.nan) for factor in config.sensitivities] for day in calendar]
    return np.array(found).reshape(len(calendar), len(config.sensitivities))


def _said(plan: DescribePlan, account: list[AccountLine]) -> str:
    is_priced = plan.sources is not None and "prices" in plan.sources.sources
    made = {"prices": plan.prices, "descriptors": plan.descriptors} if is_priced else {}
    made |= {"industry shares": plan.shares} if plan.shares else {}
    made |= {"shares of revenue": plan.revenue_shares} if plan.revenue_shares or not is_priced else {}
    lines = ["; ".join(f"{name}: {span(sorted(found.compute))}" for name, found in made.items())]
    for name, rows_in, packed, rejected, outside, _ in account:
        lines.append(f"  {name}: {rows_in:,} rows = {packed:,} used + {rejected:,} rejected + {outside:,} outside the dates")
    return "\n".join(lines)
