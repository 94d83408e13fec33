"""Which column of a file is what: by its name where that is known, else by what it holds."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import pandas as pd

from sigmalake.api.drafting import facts, names
from sigmalake.api.drafting.looking import Holds, Looked

FEW_TWICE = 0.001  # share of rows whose key is there twice, beyond which a column is no id beside the dates
MOST_LEVELS, CHANGES = 150, 1.5  # of a group: levels, and levels that an asset has had
MOST_MISSING = 0.5  # of a style: beyond, it is left out
MOST_FACTORS = 300  # names in a long source
NEARLY_ALL = 0.97  # of the rows in one level: no group
SAME = 0.999  # correlation of two styles, of which one is enough
ROWS_COMPARED = 50_000  # of two styles


@dataclass(frozen=True)
class Roles:
    """A file's columns by what they are for the model."""

    looked: Looked
    frame: pd.DataFrame  # of a long source, with a column a factor
    date: str | None = None
    asset: str | None = None
    factor: str | None = None  # of a long source
    value: str | None = None
    ret: str | None = None
    cap: str | None = None
    rate: str | None = None
    currency: str | None = None
    issuer: str | None = None
    universe: str | None = None
    shares: list[tuple[str, list[str]]] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    styles: list[str] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)  # why
    doubts: dict[str, str] = field(default_factory=dict)  # by column, what is not sure

    @property
    def has_exposures(self) -> bool:
        """Whether there is anything that explains returns."""
        return bool(self.shares or self.groups or self.styles)

    @property
    def n_assets(self) -> int:
        """Assets of a date, typically."""
        if self.date is None or self.asset is None:
            return 0
        return int(self.frame.groupby(self.date)[self.asset].nunique().median())


def find_roles(looked: Looked) -> Roles:
    """Which column is what."""
    frame, date = looked.values, _date(looked)
    found = Roles(looked, frame, date=date)
    if date is None:
        return found
    if (long := _long(looked, date)) is not None:
        found = replace(found, asset=long[0], factor=long[1], value=long[2])
        wide = _wide(frame, date, *long)
        factors = [str(name) for name in wide.columns if name not in {date, long[0]}]
        shares = facts.share_groups(wide, factors)
        styles = [name for name in factors if all(name not in group for _, group in shares)]
        return replace(found, frame=wide, shares=shares, styles=styles)
    found = replace(found, asset=_asset(looked, date))
    return _of_texts(_of_numbers(found))


def _date(looked: Looked) -> str | None:
    """By its name; among unknown names the one with the most dates."""
    dates = looked.of(Holds.DATES)
    by_name = {name: place for name in dates if (place := names.rank(name, names.DATE)) is not None}
    if by_name:
        return min(by_name, key=lambda name: by_name[name])
    return max(dates, key=lambda name: looked.values[name].nunique(), default=None)


def _asset(looked: Looked, date: str) -> str | None:
    """What tells the rows of a date apart; none where there is one row a date."""
    frame = looked.values
    if not frame[date].dropna().duplicated().any():
        return None
    named = [name for name in looked.of(Holds.NUMBERS) if looked.columns[name].whole and names.rank(name, names.ASSET) is not None]
    candidates = [name for name in [*looked.of(Holds.TEXT), *named] if names.rank(name, names.CURRENCY) is None]
    twice = {name: float(frame[[date, name]].dropna().duplicated().mean()) for name in candidates}
    if not twice:
        return None
    fewest = min(twice.values())
    good = [name for name, share in twice.items() if share <= fewest + FEW_TWICE and share < MOST_MISSING]
    return min(good, key=lambda name: (_or_last(names.rank(name, names.ASSET)), -frame[name].nunique()), default=None)


def _or_last(place: int | None) -> int:
    return 999 if place is None else place


def _long(looked: Looked, date: str) -> tuple[str, str, str] | None:
    """The columns of asset, factor and value of a long source."""
    frame, texts, numbers = looked.values, looked.of(Holds.TEXT), looked.of(Holds.NUMBERS)
    ids = [*texts, *(name for name in numbers if looked.columns[name].whole and names.rank(name, names.ASSET) is not None)]
    values = [name for name in numbers if name not in ids]
    if len(ids) != 2 or len(values) != 1 or names.is_return(values[0]) or names.is_cap(values[0]):
        return None
    asset, factor = sorted(ids, key=lambda name: (names.rank(name, names.FACTOR) is not None, -frame[name].nunique()))
    alone, both = frame.duplicated([date, asset]).mean(), frame.duplicated([date, asset, factor]).mean()
    if both > FEW_TWICE or alone < 0.3 or frame[factor].nunique() > MOST_FACTORS:
        return None
    return asset, factor, values[0]


def _wide(frame: pd.DataFrame, date: str, asset: str, factor: str, value: str) -> pd.DataFrame:
    rows = frame.dropna(subset=[date, asset, factor]).astype({factor: str, asset: str})
    wide = rows.pivot_table(index=[date, asset], columns=factor, values=value, aggfunc="first", sort=False).reset_index()
    order = [date, asset, *dict.fromkeys(rows[factor])]
    return wide[[name for name in order if name in wide.columns]].rename_axis(columns=None)


def _of_numbers(found: Roles) -> Roles:
    """Return, cap, rate and flags by their names; of the rest shares, and styles."""
    looked, frame, date = found.looked, found.frame, str(found.date)
    out, doubts = dict[str, str](), dict[str, str]()
    numbers = [name for name in looked.of(Holds.NUMBERS) if name != found.asset]
    if found.asset is None:
        return replace(found, rate=next((name for name in numbers if names.rank(name, names.RATE) is not None), None))
    flags = [name for name in looked.of(Holds.FLAGS, Holds.NUMBERS) if _is_flag(frame[name])]
    universe = next((name for name in flags if names.rank(name, names.UNIVERSE) is not None), None)
    out |= {
        name: "a flag that is not called as one of the estimation universe" for name in looked.of(Holds.FLAGS) if name != universe
    }
    out |= {
        name: "by its name a return of a later period: it would be known too early" for name in numbers if names.is_forward(name)
    }
    ret = _return(found, [name for name in numbers if name not in out], doubts)
    caps = _by_rank([name for name in numbers if names.is_cap(name) and name not in {ret, *out}], names.CAP)
    cap = caps[0] if caps else None
    out |= dict.fromkeys(caps[1:], f"another capitalisation; {cap} is used")
    rates = [name for name in numbers if names.rank(name, names.RATE) is not None]
    rate = next((name for name in rates if not facts.varies_within_dates(frame[name], frame[date])), None)
    taken = {ret, cap, rate, universe, *out}
    for name in [name for name in numbers if name not in taken]:
        if why := _no_style(frame, date, name, looked, doubts):
            out[name] = why
    rest = [name for name in numbers if name not in taken | out.keys() and not _is_group_code(looked, name)]
    shares = facts.share_groups(frame, rest)
    rest = [name for name in rest if all(name not in group for _, group in shares)]
    styles: list[str] = []
    some = frame.iloc[:: max(1, len(frame) // ROWS_COMPARED)]
    for name in rest:
        if same := next((one for one in styles if abs(facts.correlation(some[one], some[name])) > SAME), None):
            out[name] = f"nearly the same numbers as {same}"
        else:
            styles.append(name)
    return replace(found, ret=ret, cap=cap, rate=rate, universe=universe, shares=shares, styles=styles, left_out=out, doubts=doubts)


def _return(found: Roles, numbers: list[str], doubts: dict[str, str]) -> str | None:
    named = _by_rank([name for name in numbers if names.is_return(name) and not names.is_log(name)], names.RETURN)
    logs = [name for name in numbers if names.is_return(name) and names.is_log(name)]
    if named:
        doubts |= dict.fromkeys([*named[1:], *logs], f"is also called like a return; {named[0]} is taken")
        return named[0]
    if logs:
        doubts[logs[0]] = "is by its name a logarithm, and taken as it stands; a simple return is exp(x) - 1"
        return logs[0]
    frame, date, asset = found.frame.sort_values(str(found.date)), str(found.date), str(found.asset)
    alike = [
        name
        for name in numbers
        if not (names.is_cap(name) or names.is_price(name) or names.is_volume(name) or names.is_weight(name))
        and frame[name].min() >= -100
        and (frame[name] < 0).mean() > 0.2
        and (frame[name] > 0).mean() > 0.2
        and abs(facts.persistence(frame[name], frame[asset])) < 0.3
        and not facts.is_standardised(frame[name], frame[date])
    ]
    if len(alike) != 1:
        return None
    doubts[alike[0]] = "is not called like a return, but behaves like one, as no other column does"
    return alike[0]


def _no_style(  # noqa: PLR0911 - one for each reason
    frame: pd.DataFrame, date: str, name: str, looked: Looked, doubts: dict[str, str]
) -> str:
    """Why a column of numbers is no style; empty where it may be one."""
    values = frame[name]
    if names.is_return(name):
        return "another return"
    if names.is_price(name):
        return "a price; descriptors can be computed from prices and volumes (docs/descriptors.md)"
    if names.is_volume(name):
        return "a volume; descriptors can be computed from prices and volumes (docs/descriptors.md)"
    if names.is_weight(name):
        total = float(values.groupby(frame[date]).sum().median())
        if abs(total - 1) < 0.05 or abs(total - 100) < 5:
            doubts[name] = f"is like weights of a benchmark (they sum to {total:.4g} a date), for `sigmalake portfolio`"
            return "weights of a benchmark"
        return "a weight; for the regression map it as `weight:`, and say `regression: {weights: column}`"
    if looked.columns[name].whole and not values.duplicated().any():
        return "it numbers the rows"
    if looked.columns[name].whole and (names.rank(name, names.ASSET) is not None or names.rank(name, names.ISSUER) is not None):
        return "another id"
    missing = float(values.isna().mean())
    if missing > MOST_MISSING:
        return f"{missing:.0%} of it are missing"
    if not _is_group_code(looked, name) and not facts.varies_within_dates(values, frame[date]):
        return "the same for all assets of a date"
    return ""


def _is_group_code(looked: Looked, name: str) -> bool:
    return looked.columns[name].whole and bool(names.words(name) & names.GROUP_WORDS)


def _is_flag(values: pd.Series) -> bool:
    return bool(values.dropna().isin([0, 1, True, False]).all())


def _of_texts(found: Roles) -> Roles:
    """Currency, issuer and groups."""
    looked, frame, asset = found.looked, found.frame, found.asset
    if asset is None:
        currency = next((name for name in looked.of(Holds.TEXT) if names.rank(name, names.CURRENCY) is not None), None)
        return replace(found, currency=currency)
    out, texts = dict(found.left_out), [name for name in looked.of(Holds.TEXT) if name != asset]
    currency = next((name for name in texts if names.rank(name, names.CURRENCY) is not None), None)
    ids = [name for name in looked.of(Holds.NUMBERS) if looked.columns[name].whole]
    issuer = next((name for name in [*texts, *ids] if name != asset and names.rank(name, names.ISSUER) is not None), None)
    if issuer is not None and not frame[[str(found.date), issuer]].dropna().duplicated().any():
        issuer = None  # each has one share: nothing is linked
    n_assets = frame[asset].nunique()
    groups = []
    codes = [name for name in looked.of(Holds.NUMBERS) if _is_group_code(looked, name) and name not in out]
    for name in [name for name in [*texts, *codes] if name not in {currency, issuer}]:
        levels, pairs = frame[name].nunique(), len(frame[[asset, name]].dropna().drop_duplicates())
        if levels == 1:
            out[name] = "the same for all assets"
        elif (most := float(frame[name].value_counts(normalize=True).iloc[0])) > NEARLY_ALL:
            out[name] = f"{most:.0%} of the rows are of one level"
        elif levels > min(MOST_LEVELS, n_assets / 2):
            out[name] = f"{levels:,} different texts for {n_assets:,} assets: no group"
        elif pairs > CHANGES * n_assets:
            out[name] = "assets change it all the time: no group"
        else:
            groups.append(name)
    out.pop(str(issuer), None)
    out |= {name: found.looked.columns[name].written for name in looked.of(Holds.UNUSABLE)}
    out |= dict.fromkeys(looked.of(Holds.NOTHING), "empty") | dict.fromkeys(
        looked.of(Holds.MAPS), "a map: docs/sources.md has its form"
    )
    out |= {name: "another column of dates" for name in looked.of(Holds.DATES) if name != found.date}
    groups.sort(key=names.group_rank)
    return replace(found, currency=currency, issuer=issuer, groups=groups, left_out=out)


def _by_rank(columns: Iterable[str], known: tuple[str, ...]) -> list[str]:
    return sorted(columns, key=lambda name: _or_last(names.rank(name, known)))
