"""The factor sets of the panel's rows: the levels that each group has by a date, and the returns of factors that are given."""

from collections import Counter
from collections.abc import Mapping
from datetime import date

from sigmalake.config.factors import MarketFactor, Membership
from sigmalake.config.model import Config
from sigmalake.config.staleness import digest_of
from sigmalake.errors import DataError
from sigmalake.lake.lake import Lake
from sigmalake.numerics.factors import Factor, Kind
from sigmalake.stages.context import Context
from sigmalake.stages.sources.panel_sources import PanelSources
from sigmalake.tables.long import FACTORS
from sigmalake.tables.packed import PANEL
from sigmalake.tables.rows import table_rows
from sigmalake.tasks.sources.checked_rates import returns_by_factor

GivenReturns = Mapping[str, Mapping[date, float]]
"""By factor and date."""


def given_returns(config: Config, sources: PanelSources) -> GivenReturns:
    """The returns of the given factors.

    Raises:
        DataError: a factor that the configuration names has none on any date.
    """
    if not config.has_given_factors:
        return {}
    found = returns_by_factor(sources.small["factor_returns"].checked)
    if lacking := [name for name in config.listed_given if name not in found]:
        raise DataError(
            f"sources.factor_returns has no return of {', '.join(lacking)} that was known on its date; it has those of "
            f"{', '.join(sorted(found)) or 'no factor'}"
        )
    return found


def given_on(given: GivenReturns, factors: list[Factor], day: date | None) -> list[float | None] | None:
    """The returns of the given factors of a factor set on a date, None within: not given; None: there are none to give."""
    names = [factor.name for factor in factors if factor.given is not None]
    return [given.get(name, {}).get(day) for name in names] if names and day is not None else None


def factor_set_name(factors: list[Factor]) -> str:
    """A hash of what the factors are."""
    return digest_of(["\x1e".join(word for word in factor if word is not None) for factor in factors])


def levels_of_groups(config: Config, learned: Mapping[int, dict[str, date]]) -> list[dict[str, date]]:
    """Each group's levels in their order, with the date from which each belongs to the model."""
    levels = []
    for number, group in enumerate(config.memberships):
        if group.listed is not None:
            levels.append(dict.fromkeys(group.listed, date.min))
        else:
            found = sorted(learned.get(number, {}).items(), key=lambda item: (item[1], item[0]))
            levels.append(dict(found))
    return levels


def factors_known_at(config: Config, levels: list[dict[str, date]], known_at: date) -> tuple[list[Factor], list[int]]:
    """The factors of a date, and the first position of each membership group.

    Raises:
        DataError: two factors have one name.
    """
    factors: list[Factor] = []
    first_factor = []
    group = 0
    for entry in config.factors:
        if isinstance(entry, MarketFactor):
            factors.append(Factor(entry.market, "market", Kind.MARKET, entry.given))
        elif isinstance(entry, Membership):
            first_factor.append(len(factors))
            factors += [membership_factor(entry, level) for level, first in levels[group].items() if first <= known_at]
            group += 1
        else:
            factors += [Factor(style, "style", Kind.STYLE, entry.given) for style in entry.styles]
    if twice := sorted(name for name, n in Counter(factor.name for factor in factors).items() if n > 1):
        groups = " and ".join(factor.group for factor in factors if factor.name == twice[0])
        raise DataError(f"two factors are called {twice[0]!r} on {known_at}, of {groups}; rename one of them in the source")
    return factors, first_factor


def membership_factor(entry: Membership, level: str) -> Factor:
    """A level as a factor."""
    return Factor(level, entry.membership, Kind.MEMBERSHIP if entry.is_complete else Kind.PARTIAL, entry.given)


def lost_sets(lake: Lake) -> set[str]:
    """The factor sets that rows of the panel name and `factors` does not have."""
    named, known = (set(lake.columns(table, ["factor_set"]).column("factor_set").to_pylist()) for table in (PANEL, FACTORS))
    return named - known


def write_factor_sets(context: Context, sets: Mapping[str, list[Factor]]) -> bool:
    """Add the factor sets that are not there; says whether there were any."""
    lake = context.lake
    lake.create(FACTORS)
    known = set(lake.columns(FACTORS, ["factor_set"]).column("factor_set").to_pylist())
    new = [
        {"factor_set": name, "position": n, "factor": f.name, "factor_group": f.group, "kind": f.kind.value, "given": f.given}
        for name, factors in sets.items()
        if name not in known
        for n, f in enumerate(factors)
    ]
    if new:
        lake.append(FACTORS, context.engine.driver_rows(table_rows(FACTORS, new)), "ingest")
    return bool(new)
