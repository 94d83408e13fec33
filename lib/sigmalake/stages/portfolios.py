"""Portfolios: the books of the source packed by date, and the risk of each book as of every date of the risk models."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from sigmalake.config.model import Config
from sigmalake.config.staleness import digest_of
from sigmalake.errors import ConfigError, DataError
from sigmalake.lake.books import AccountLine, last_source_versions, unsettled_ranges
from sigmalake.lake.dates import DateRange, as_ranges
from sigmalake.lake.lake import Lake
from sigmalake.lake.row_filter import of_dates, of_keys
from sigmalake.numerics.factors import Factor
from sigmalake.stages import versions
from sigmalake.stages.context import Context, Outcome, factor_sets, span
from sigmalake.stages.planning import Changes, PanelState, Why, changes, join_hash, panel_states, rules_hash, stored_risk_models
from sigmalake.stages.regress import panel_row_bytes
from sigmalake.stages.risk import RiskKey
from sigmalake.stages.sources.book_index import INDEXED, BooksOfDate, books_as_of
from sigmalake.stages.sources.dated_sources import DatedSource, runs_of_dates, survey_source, write_rejected
from sigmalake.stages.sources.rejected import count_rejected, rejected_dates
from sigmalake.stages.sources.source_memory import FLAT_ROW_BYTES, remember
from sigmalake.tables.books import PORTFOLIO_BOOKS, PORTFOLIO_CONTRIBUTIONS, PORTFOLIO_RISK
from sigmalake.tables.packed import RISK_MODELS
from sigmalake.tables.records import REJECTED_ROWS
from sigmalake.tasks.books.check_books import CYCLE, BookPart, CheckBooks
from sigmalake.tasks.books.contributions import Contributions
from sigmalake.tasks.books.held_books import BookRules, holders
from sigmalake.tasks.books.pack_books import BOOK_INDEX, BOOK_KEY, MEMBERS, CheckedMembers, PackBooks
from sigmalake.tasks.books.portfolio_risk import Benchmarks, MeasureBooks

BOOKS = "books"  # the source
MEASURED = (PORTFOLIO_RISK, PORTFOLIO_CONTRIBUTIONS)
DATES_A_PART = 16  # risk dates that one task measures: each reads its Sigma, its X and the books once
HOLDING_BYTES = 12  # of a packed holding
MOST_NAMED = 3  # portfolios, or loops of them, that a message names


class PortfolioPlan(NamedTuple):
    """What the stage would do."""

    source: DatedSource | None  # None: it has not changed since the tables were last complete, or there is none
    books: Changes[date]  # rows of `portfolio_books`
    risk: Changes[RiskKey]  # rows of `portfolio_risk`, by variant and date
    as_of: Mapping[date, BooksOfDate]
    source_versions: dict[str, str]


def has_books(lake: Lake, config: Config) -> bool:
    """Whether the configuration has books, or the lake still does."""
    return config.books is not None or lake.exists(PORTFOLIO_BOOKS)


def plan_portfolios(
    context: Context, panel: Sequence[PanelState], risk_models: Mapping[RiskKey, str], *, packed: bool = False
) -> PortfolioPlan:
    """Which books the source no longer agrees with, and which risks rest on them, or on models that changed.

    Args:
        context: the lake and the configuration.
        panel: as it is, or as a run will leave it.
        risk_models: hash by variant and date, likewise.
        packed: whether `portfolio_books` agrees with the source by now.
    """
    lake, config = context.lake, context.config
    found = PortfolioPlan(None, Changes({}, {}, []), Changes({}, {}, []), {}, {}) if packed else _plan_books(context)
    index = _index(context, found)
    max_age = 0 if config.books is None else config.books.max_age
    wanted = {key for key in risk_models if key[0] in config.book_variants}
    as_of = books_as_of(index, sorted({day for _, day in wanted}), max_age) if config.books is not None else {}
    known = {row.exposure_date: row.exposures_hash for row in panel}
    of_config = _rules(config)
    expected = {
        (variant, day): join_hash(digest_of([risk_models[variant, day], known.get(day, ""), as_of[day].content]), of_config)
        for variant, day in sorted(wanted)
        if day in as_of
    }
    risk = changes(expected, _stored(lake), Why.UPSTREAM)
    compute = {key: value for key, value in risk.compute.items() if context.asked.holds(key[1])}
    asked = Changes(compute, {key: risk.why[key] for key in compute}, risk.remove)
    return found._replace(risk=asked, as_of=as_of)


def portfolios(context: Context) -> Outcome | None:
    """Pack the books that changed, and measure what `plan_portfolios` names.

    Raises:
        ConfigError: there are no books, and never were.
        DataError: books hold each other, or their weights are no fractions; nothing is measured.
    """
    lake, config, engine = context.lake, context.config, context.engine
    if not has_books(lake, config):
        raise ConfigError("there are no portfolios to measure: give `sources.books` (portfolio, date, asset_id, weight or value)")
    engine.expect_width(FLAT_ROW_BYTES)
    first = _plan_books(context)
    account = _write_books(context, first)
    panel = panel_states(lake)
    plan = plan_portfolios(context, panel, stored_risk_models(lake), packed=True)
    engine.expect_width(max(panel_row_bytes(lake), _book_bytes(lake)))
    if plan.risk:
        _measure(context, plan, panel)
    changed = unsettled_ranges(lake, "portfolios", *MEASURED)
    if first.source is not None and first.source.memory is not None:
        remember(context, {BOOKS: first.source.memory}, {BOOKS: first.source.by_file}, "portfolios")
    if not (first.books or plan.risk or changed or account):
        return None
    if changed or lake.exists(PORTFOLIO_RISK):
        _write_contributions(context, changed)
    dates = sorted({day for _, day in [*plan.risk.compute, *plan.risk.remove]})
    return Outcome(
        dates=dates,
        rows_in=len(plan.risk.compute),
        rows_out=len(plan.risk.compute),
        rows_rejected=sum(line.rejected for line in account),
        account=account,
        source_versions=first.source_versions or last_source_versions(lake, "portfolios"),
        tables=(PORTFOLIO_BOOKS, *MEASURED, REJECTED_ROWS),
        said=_said(lake, plan, account),
    )


def measuring(
    config: Config, parts: Sequence[BookPart], hashes: Mapping[RiskKey, str], sets: Mapping[str, Sequence[Factor]]
) -> MeasureBooks:
    """The task that measures books.

    Args:
        config: of the model.
        parts: risk dates with those of their books.
        hashes: of the rows of each variant and date.
        sets: what the arrays by factor mean.
    """
    if config.books is None:
        raise ValueError("without books nothing is measured")
    benchmarks = Benchmarks(config.books.benchmark, config.books.benchmarks)
    return MeasureBooks(parts, hashes, _rules(config), _book_rules(config), benchmarks, sets)


def contributing(config: Config, models: pa.Table, sets: Mapping[str, Sequence[Factor]]) -> Contributions | None:
    """The task that says where the risk of books comes from, as detailed as the configuration asks; None: it does not ask.

    Args:
        config: of the model.
        models: variant, date and factors of every risk model.
        sets: what the arrays by factor mean.
    """
    detail = "none" if config.books is None else config.books.contributions
    if detail == "none":
        return None
    factors = {(row["variant"], row["date"]): row["factors"] for row in models.to_pylist()}
    return Contributions(factors, {factor.name: factor.group for known in sets.values() for factor in known}, detail)


def _rules(config: Config) -> str:
    of_weights = "" if config.sources.books is None or config.sources.books.columns.value is None else "value"
    return rules_hash(digest_of([config.books_hash(), of_weights]), versions.PORTFOLIOS)


def _book_rules(config: Config) -> BookRules:
    if config.books is None or config.sources.books is None:
        raise ValueError("without books there are no rules of them")
    are_values = config.sources.books.columns.value is not None
    return BookRules(config.books.max_age, are_values, frozenset(config.books.cash), config.books.max_gross)


def _plan_books(context: Context) -> PortfolioPlan:
    """Which rows of `portfolio_books` are new, changed or gone."""
    lake, config = context.lake, context.config
    stored = {row["date"]: row["inputs_hash"] for row in lake.columns(PORTFOLIO_BOOKS, ["date", "inputs_hash"]).to_pylist()}
    nothing: Changes[RiskKey] = Changes({}, {}, [])
    if config.sources.books is None:
        return PortfolioPlan(None, Changes({}, {}, sorted(stored)), nothing, {}, {})
    of_source = rules_hash(config.book_source_hash(), versions.PORTFOLIOS)
    current = {BOOKS: context.engine.source_version(BOOKS, config.sources.books), "configuration": of_source}
    same = current == last_source_versions(lake, "portfolios") and "" not in current.values()
    if stored and same and not context.verify_sources and not unsettled_ranges(lake, "portfolios", PORTFOLIO_BOOKS):
        return PortfolioPlan(None, Changes({}, {}, []), nothing, {}, current)
    source = survey_source(context.engine, lake, config, BOOKS, BOOK_KEY, of_source, verify=context.verify_sources)
    source.refuse_unfit(config)
    expected = {
        day: join_hash(digest_of([found.content]), of_source) for day, found in source.fingerprints().items() if day is not None
    }
    return PortfolioPlan(source, changes(expected, stored, Why.INPUT), nothing, {}, current)


def _index(context: Context, plan: PortfolioPlan) -> pa.Table:
    """Names and hashes of the books of every date, as they are, and as packing will leave those that are planned."""
    stored = context.lake.columns(PORTFOLIO_BOOKS, list(INDEXED))
    gone = pa.array(sorted({*plan.books.compute, *plan.books.remove}), pa.date32())
    kept = stored.filter(pc.invert(pc.is_in(stored.column("date"), gone)))
    if plan.source is None or not plan.books.compute:
        return kept
    pending = context.engine.collect(_packed(context, plan.source, PackBooks(_parts_of(plan.books, plan.source), BOOK_INDEX)))
    return pa.concat_tables([kept, pending.cast(kept.schema)])


def _parts_of(books: Changes[date], source: DatedSource) -> list[dict[date, str]]:
    return [{day: books.compute[day] for day in days} for days in runs_of_dates(sorted(books.compute), source.fingerprints())]


def _packed(context: Context, source: DatedSource, task: PackBooks) -> object:
    days = {day for part in task.parts for day in part}
    rows = context.engine.read_source(source.of_dates(days), CheckedMembers(source.check), days)
    return context.engine.map_parts(task, {MEMBERS: rows})


def _write_books(context: Context, plan: PortfolioPlan) -> list[AccountLine]:
    """Replace the rows of `portfolio_books`, and the rejected rows of their dates; where every row of the source went."""
    lake, books, source = context.lake, plan.books, plan.source
    if books:
        stored = lake.columns(PORTFOLIO_BOOKS, ["date"]).column("date").to_pylist()
        ranges = as_ranges([*books.compute, *books.remove], [*stored, *books.compute])
        rows = context.engine.no_rows(PORTFOLIO_BOOKS)
        if source is not None and books.compute:
            rows = _packed(context, source, PackBooks(_parts_of(books, source)))
        lake.replace(PORTFOLIO_BOOKS, rows, "portfolios", ranges)
    if source is None:
        return []
    packed = lake.columns(PORTFOLIO_BOOKS, ["date", "n_rows"]).to_pylist()
    changed = unsettled_ranges(lake, "portfolios", PORTFOLIO_BOOKS)
    counts = {row["date"]: row["n_rows"] for row in packed if any(r.first <= row["date"] <= r.last for r in changed)}
    fingerprints = source.fingerprints()
    gone = {day for day in rejected_dates(lake).get(BOOKS, ()) if day is not None and day not in fingerprints}
    if not (counts or gone):
        return []
    write_rejected(context, "portfolios", [source], {BOOKS: set(counts)}, {BOOKS: gone})
    rejected = sum(n for (name, _), n in count_rejected(lake, {BOOKS: set(counts)}).items() if name == BOOKS)
    rows_in = sum(found.rows for found in fingerprints.values())
    asked = sum(found.rows for day, found in fingerprints.items() if day is None or day in counts)
    if sum(counts.values()) != asked - rejected:
        raise DataError(
            f"the account of books does not add up: {asked} rows of the dates asked for, {rejected} rejected, but "
            f"{sum(counts.values())} packed. Was the source written while it was read? Run again"
        )
    return [AccountLine(BOOKS, rows_in, asked - rejected, rejected, rows_in - asked, 0)]


def _measure(context: Context, plan: PortfolioPlan, panel: Sequence[PanelState]) -> None:
    """Write the rows of `portfolio_risk` that are planned."""
    lake, config, engine = context.lake, context.config, context.engine
    calendar = [row.exposure_date for row in panel]
    known = sorted({*calendar, *(day for _, day in stored_risk_models(lake)), *(day for _, day in plan.risk.remove)})
    rows = engine.no_rows(PORTFOLIO_RISK)
    if plan.risk.compute:
        parts = _parts(plan, known)
        _refuse_faults(engine.collect(engine.map_parts(CheckBooks(parts, _book_rules(config)))), config)
        lake.create(PORTFOLIO_RISK)
        rows = engine.map_parts(measuring(config, parts, plan.risk.compute, factor_sets(lake)))
    lake.replace_filtered(PORTFOLIO_RISK, rows, "portfolios", of_keys([*plan.risk.compute, *plan.risk.remove], known))


def _parts(plan: PortfolioPlan, calendar: Sequence[date]) -> list[BookPart]:
    """Risk dates by runs of positions in the calendar, each with the dates of the books that hold then."""
    asked, runs = {day for _, day in plan.risk.compute}, dict[int, list[date]]()
    for position, day in enumerate(calendar):
        if day in asked:
            runs.setdefault(position // DATES_A_PART, []).append(day)
    return [
        BookPart(tuple(days), tuple(sorted({of for day in days for of in plan.as_of[day].book_dates}))) for days in runs.values()
    ]


def _refuse_faults(faults: pa.Table, config: Config) -> None:
    """Refuse books that hold each other, and weights that are no fractions.

    Raises:
        DataError: names them, and the way out.
    """
    if config.sources.books is None or config.books is None or not faults.num_rows:
        return
    rows = faults.sort_by("date").to_pylist()
    where = f"sources.books: {config.sources.books.where}"
    if cycles := [row for row in rows if row["kind"] == CYCLE]:
        loops = dict.fromkeys(f"{holders(row['portfolio'])} as of {row['date']}" for row in cycles)
        listed = "; ".join(list(loops)[:MOST_NAMED])
        more = f"; and as of {len(cycles) - MOST_NAMED} more dates" if len(cycles) > MOST_NAMED else ""
        raise DataError(f"{where}: books hold each other, and cannot be looked through: {listed}{more}. Take a member out of one")
    first = rows[0]
    named = ", ".join(first["portfolio"][:MOST_NAMED]) + (", ..." if len(first["portfolio"]) > MOST_NAMED else "")
    raise DataError(
        f"{where}: the absolute weights of {named} sum to {first['value']:,.6g} as of {first['date']}, more than books.max_gross "
        f"({config.books.max_gross:g}). Weights are fractions of the value: 0.05 is 5 %. Divide a column in percent by 100; map "
        "positions in money, or percent that sum to the whole, as `value:` in the place of `weight:`; raise books.max_gross where "
        "a book is so leveraged"
    )


def _write_contributions(context: Context, changed: Sequence[DateRange]) -> None:
    """Write the rows of `portfolio_contributions` of all that changed, as detailed as the configuration asks."""
    lake, engine, config = context.lake, context.engine, context.config
    task = contributing(config, lake.columns(RISK_MODELS, ["variant", "date", "factors"]), factor_sets(lake))
    if not changed or (task is None and not lake.exists(PORTFOLIO_CONTRIBUTIONS)):
        return
    rows = engine.no_rows(PORTFOLIO_CONTRIBUTIONS) if task is None else engine.unpack(task, of_dates("date", changed))
    lake.replace(PORTFOLIO_CONTRIBUTIONS, rows, "portfolios", changed)


def _stored(lake: Lake) -> dict[RiskKey, str]:
    columns = ["variant", "date", "inputs_hash"]
    rows = lake.columns(PORTFOLIO_RISK, columns).group_by(columns, use_threads=False).aggregate([]).to_pylist()
    return {(row["variant"], row["date"]): row["inputs_hash"] for row in rows}


def _book_bytes(lake: Lake) -> int:
    return HOLDING_BYTES * max(lake.columns(PORTFOLIO_BOOKS, ["n_rows"]).column("n_rows").to_pylist(), default=1)


def _said(lake: Lake, plan: PortfolioPlan, account: Sequence[AccountLine]) -> str:
    dates = sorted({day for _, day in [*plan.risk.compute, *plan.risk.remove]})
    lines = [f"risk of books: {span(dates)}" if dates else "the books changed, and no risk rests on them"]
    lines += [
        f"  {line.source}: {line.rows_in:,} rows = {line.packed:,} packed + {line.rejected:,} rejected + {line.outside:,} as before"
        for line in account
    ]
    computed = [day for _, day in plan.risk.compute]
    if computed:
        lines += _newest(lake, max(computed), plan.as_of[max(computed)])
    return "\n".join(lines)


def _newest(lake: Lake, day: date, books: BooksOfDate) -> list[str]:
    """How many books were measured on a date, and how many are too old."""
    rows = lake.columns(PORTFOLIO_RISK, ["date", "variant", "status"], DateRange(day, day))
    counts = (
        rows.filter(pc.equal(rows.column("date"), pa.scalar(day, pa.date32()))).group_by("status").aggregate([("date", "count")])
    )
    told = ", ".join(f"{row['date_count']:,} {row['status']}" for row in sorted(counts.to_pylist(), key=lambda row: row["status"]))
    old = f"; {books.too_old:,} portfolios have no book young enough" if books.too_old else ""
    return [f"  as of {day}: {told}{old}"]
