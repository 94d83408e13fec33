"""Warnings of data that can be used and yet are hardly what was meant: told once, aloud, and nothing is rejected for them.

They rest on sums by date and column, which splits and dates add up to, so that they cost a pass over columns that are read anyway.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sigmalake.config.factors import Styles
from sigmalake.config.model import Config
from sigmalake.numerics.prices.total_returns import Note
from sigmalake.numerics.types import Bools, Floats, Ints
from sigmalake.tasks.sources.checking import CheckedRows
from sigmalake.tasks.sources.raw_rows import to_bools, to_floats

NOTES = {  # of returns that are made from prices: what is counted
    Note.GAP: "returns span more than `max_gap` periods, since prices between are missing; they are missing, too",
    Note.BY_RULE: "delistings without a return of their own have `delisting_return`",
    Note.UNKNOWN_DELISTING: "delistings have no return, and no rule gives them one: what was lost or won is in no return",
}
AVERAGES = "prices are negative, the mean of bid and ask on a day without a trade; their absolute value counts"
SUMS = ("n", "n_missing", "n_beyond_half", "n_beyond_one", "total", "squares")
COLUMN_SUMS = pa.schema(
    [("date", pa.date32()), ("column", pa.string()), *((name, pa.float64()) for name in SUMS)]
)  # column: `ret`, `cap` (of which log10 is summed), or the name of a style as given; only returns are counted beyond
MOST_BEYOND_ONE = 0.05  # share of the returns whose size may be above 100 %
MOST_MEAN, SD_RANGE = 5.0, (0.1, 5.0)  # of a style on a date, in standard deviations
LEAST_VALUES = 10  # on a date, that a mean says something
NEAR_POWER = 0.1  # of 10: distance of a jump's log10 from a whole number


def column_sums(checked: CheckedRows, config: Config) -> pa.Table:
    """The sums of a side's usable rows, as `COLUMN_SUMS` has them."""
    usable = checked.only(checked.usable)
    days = usable.days
    if (np.diff(days) < 0).any():
        order = np.argsort(days, kind="stable")
        usable, days = CheckedRows(usable.rows.take(pa.array(order)), usable.problems), days[order]
    starts = np.flatnonzero(np.diff(days, prepend=days[:1] - 1))
    dated = pa.array(days[starts].astype(np.int32)).cast(pa.date32())
    tables = [COLUMN_SUMS.empty_table()]
    for column, name in _watched(usable.rows.column_names, config).items():
        values = to_floats(usable.column(column))
        if column == "cap":
            values = _log10(values)
        sums = _sums(values, starts, beyond=name == "ret")
        tables.append(pa.table([dated, pa.repeat(name, len(starts)), *map(pa.array, sums)], schema=COLUMN_SUMS))
    if "return_note" in usable.rows.column_names:
        notes = usable.column("return_note").to_numpy()
        flags = {name: notes == note for note, name in NOTES.items()} | {AVERAGES: to_bools(usable.column("is_average"))}
        for name, flagged in flags.items():
            none = np.zeros(len(starts))
            counts = pa.table([dated, pa.repeat(name, len(starts)), _counts(flagged, starts), *[none] * 5], schema=COLUMN_SUMS)
            tables.append(counts)
    return pa.concat_tables(tables)


def joined_column_sums(tables: Iterable[pa.Table]) -> pa.Table:
    """The sums of several splits added up, by column and date."""
    rows = pa.concat_tables([COLUMN_SUMS.empty_table(), *tables])
    found = rows.group_by(["date", "column"], use_threads=False).aggregate([(name, "sum") for name in SUMS])
    return found.rename_columns(COLUMN_SUMS.names).sort_by([("column", "ascending"), ("date", "ascending")])


def implausible_values(sums: pa.Table) -> list[str]:
    """What is hardly right about returns, caps and styles as given.

    Args:
        sums: of all dates, see `joined_column_sums`.
    """
    found: list[str] = []
    for name in pc.unique(sums.column("column")).to_pylist():
        of_column = sums.filter(pc.equal(sums.column("column"), name)).sort_by("date")
        arrays = {key: of_column.column(key).to_numpy() for key in SUMS}
        dates = of_column.column("date").to_pylist()
        if name == "ret":
            found += _implausible_returns(arrays)
        elif name == "cap":
            found += _cap_jumps(dates, arrays)
        elif name in (*NOTES.values(), AVERAGES):
            found += [f"{arrays['n'].sum():,.0f} {name}"] if arrays["n"].any() else []
        else:
            found += _not_standardised(name, arrays)
    return found


def ids_never_meet(first: tuple[str, pa.Array], second: tuple[str, pa.Array]) -> list[str]:
    """Says that no asset of one source is one of another.

    Args:
        first: a source's name and its ids.
        second: the same of the other.
    """
    (name, ids), (other, others) = first, second
    if len(ids) == 0 or len(others) == 0 or pc.any(pc.is_in(ids, others)).as_py():
        return []
    return [
        f"no asset of {name} is one of {other}: an id is {min(ids.to_pylist())!r} in {name} and {min(others.to_pylist())!r} in "
        f"{other}; spell ids alike in both"
    ]


def dates_never_meet(exposures: Sequence[date], returns: Sequence[date], max_age: int) -> list[str]:
    """Says that exposures are dated by days without returns, say by the calendar's month ends.

    Args:
        exposures: dates of usable exposures.
        returns: dates of the returns.
        max_age: periods for which exposures may be carried forward.
    """
    known, days = set(returns), sorted(returns)
    apart = [day for day in sorted(exposures) if day not in known and days and days[0] <= day <= days[-1]]
    if not apart:
        return []
    at = bisect_left(days, apart[0])
    return [
        f"{len(apart)} of {len(exposures)} dates of exposures are no dates of the returns, e.g. {apart[0]}, which lies between "
        f"the returns of {days[at - 1]} and {days[at]}; date both alike, name the dates by `sources.calendar`, or let exposures "
        f"be carried forward by `sources.exposures_max_age: {max_age + 1}`"
    ]


def ids_of(checked: CheckedRows) -> pa.Array:
    """The assets of the usable rows, each once."""
    return pc.unique(checked.column("asset_id").filter(pa.array(checked.usable)))


def _watched(names: Sequence[str], config: Config) -> dict[str, str]:
    """The columns that are watched, and what they are called in `COLUMN_SUMS`."""
    given = {style for entry in config.factors if isinstance(entry, Styles) for style in entry.styles}
    styles = {f"style_{number}": column for number, column in enumerate(config.style_columns) if column in given}
    return {column: name for column, name in {"ret": "ret", "cap": "cap", **styles}.items() if column in names}


def _sums(values: Floats, starts: Ints, *, beyond: bool) -> list[Floats]:
    """The sums of the runs of values that begin at `starts`, in the order of `SUMS`; `beyond`: whether large ones are counted."""
    there = np.isfinite(values)
    known = values if there.all() else np.where(there, values, 0.0)
    with np.errstate(over="ignore", invalid="ignore"):  # a sum beyond floating point is as implausible as an infinite one
        total, squares = (np.add.reduceat(some, starts) if len(starts) else np.zeros(0) for some in (known, known * known))
    n_missing, size = _counts(~there, starts), np.abs(values) if beyond else np.zeros(0)
    half, one = (_counts(size > bound, starts) if beyond else np.zeros(len(starts)) for bound in (0.5, 1.0))
    return [np.diff(starts, append=len(values)) - n_missing, n_missing, half, one, total, squares]


def _counts(flags: Bools, starts: Ints) -> Floats:
    """How many of each run hold."""
    run = np.searchsorted(starts, np.flatnonzero(flags), side="right") - 1
    counts: Floats = np.bincount(run, minlength=len(starts)).astype(np.float64)
    return counts


def _log10(values: Floats) -> Floats:
    """The logarithms of numbers; NaN of those that have none."""
    if (values > 0).all():
        return np.log10(values)
    return np.log10(values, where=values > 0, out=np.full(len(values), np.nan))


def _implausible_returns(sums: Mapping[str, Floats]) -> list[str]:
    n = sums["n"].sum()
    if n == 0:
        return [f"all {sums['n_missing'].sum():,.0f} returns are missing; is it the right column?"]
    half, one = sums["n_beyond_half"].sum() / n, sums["n_beyond_one"].sum() / n
    if one <= MOST_BEYOND_ONE and half <= 0.5:
        return []
    return [
        f"{one:.0%} of the returns are above 100 % in size, {half:.0%} above 50 %: are they in percent, or prices? A return is a "
        "fraction, 0.01 is 1 %; for percent write `returns_in: percent` beside the source's columns"
    ]


def _cap_jumps(dates: Sequence[date], sums: Mapping[str, Floats]) -> list[str]:
    enough = np.flatnonzero(sums["n"] >= LEAST_VALUES)
    mean = sums["total"][enough] / sums["n"][enough]
    step = np.diff(mean)
    power = np.rint(step)
    jumps = np.flatnonzero((power != 0) & (np.abs(step - power) < NEAR_POWER))
    if len(jumps) == 0:
        return []
    at = jumps[0]
    before, after = dates[enough[at]], dates[enough[at + 1]]
    return [
        f"caps change by a factor of about 10^{power[at]:.0f} from {before} to {after}"
        + (f", and on {len(jumps) - 1} dates more" if len(jumps) > 1 else "")
        + ": are they in one unit throughout?"
    ]


def _not_standardised(style: str, sums: Mapping[str, Floats]) -> list[str]:
    enough = sums["n"] >= LEAST_VALUES
    n, total, squares = (sums[name][enough] for name in ("n", "total", "squares"))
    if len(n) == 0:
        return []
    mean = total / n
    with np.errstate(over="ignore", invalid="ignore"):  # NaN beyond floating point: such a date is told by its regression
        sd = np.sqrt(np.maximum(squares / n - mean**2, 0.0))
    far = (np.abs(mean) > MOST_MEAN) | (sd < SD_RANGE[0]) | (sd > SD_RANGE[1])
    if (far | ~np.isfinite(sd)).mean() <= 0.5:
        return []
    known = sd[np.isfinite(sd) & np.isfinite(mean)]
    told = "its values are so large that their squares are no numbers"
    if len(known) > len(sd) / 2:
        told = f"its mean is typically {np.median(mean):.3g}, its standard deviation {np.median(known):.3g}"
    return [
        f"style {style} is far from standardised on {int((far | ~np.isfinite(sd)).sum())} of {len(n)} dates: {told}; give standard "
        f"deviations, or let it be standardised here by rules (styles: {{{style}: {{}}}})"
    ]
