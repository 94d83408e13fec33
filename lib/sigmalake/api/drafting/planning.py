"""What the model takes of the exposures that were found, and what of them would be rejected."""

from typing import NamedTuple

import pandas as pd

from sigmalake.api.drafting import facts, names
from sigmalake.api.drafting.assigning import Sources
from sigmalake.api.drafting.looking import Holds
from sigmalake.api.drafting.roles import Roles

FEW_MEMBERS, MOST_MISSING = 5, 0.2


class Plan(NamedTuple):
    """What the model takes of the exposures."""

    groups: list[str]
    shares: list[tuple[str, list[str]]]
    given: list[str]  # styles as they stand
    made: list[str]  # styles that are standardised here
    cap: str | None
    caps: Roles | None
    n_factors: int
    min_assets: int | None
    thin: bool
    asides: list[tuple[str, str]]  # columns that are left out after all, and why
    lines: dict[str, str]  # doubts by what they are about


def plan_model(sources: Sources) -> Plan:
    """What can be told apart, has the assets for it, and is there on most rows."""
    roles = sources.exposures
    frame, date, doubts, asides = roles.frame, str(roles.date), dict[str, str](), list[tuple[str, str]]()
    caps = sources.caps if sources.caps is not None else (roles if roles.cap is not None else None)
    cap = None if caps is None else caps.cap
    if caps is not None and cap is not None:
        missing = float((~(caps.frame[cap] > 0)).mean())
        if missing > MOST_MISSING:
            asides.append((cap, f"{missing:.0%} of the caps are missing or not above 0: rows without one would be rejected"))
            doubts["weights"] = f"{cap} would be the capitalisation, but {missing:.0%} of it are missing"
            cap, caps = None, None
    groups: list[str] = []
    for name in roles.groups:
        missing = float(frame[name].isna().mean())
        twin = next((other for other in groups if facts.nested(frame[name], frame[other])), None)
        if missing > MOST_MISSING:
            asides.append((name, f"{missing:.0%} of it are missing: rows without one would be rejected"))
        elif twin is not None:
            asides.append((name, f"{twin} tells it, or the other way round: beside each other they cannot be told apart"))
            doubts["groups"] = f"{name} is left out beside {twin}; put it in the place of {twin} if it is the better group"
        else:
            groups.append(name)
    for column in roles.looked.columns.values():
        if column.holds is Holds.UNUSABLE and names.is_cap(column.name) and cap is None:
            doubts["weights"] = (
                f"column {column.name} is called like a capitalisation, but its numbers are written like {column.example!r}; write "
                "1234567.8, and start again"
            )
    styles, shares, n_assets = list(roles.styles), list(roles.shares), roles.n_assets
    while groups and 2 * _n_factors(frame, groups, shares, styles) > n_assets:
        name = groups.pop()
        asides.append((name, f"{frame[name].nunique()} levels are too many beside {n_assets} assets a date"))
        doubts["groups"] = f"{name} is left out: {frame[name].nunique()} levels are too many beside {n_assets} assets a date"
    while styles and _n_factors(frame, groups, shares, styles) >= n_assets:
        asides.append((styles.pop(), f"too many factors for {n_assets} assets a date"))
    as_given = [name for name in styles if not frame[name].isna().any() and facts.is_standardised(frame[name], frame[date])]
    n_factors = _n_factors(frame, groups, shares, styles)
    min_assets = n_factors + 1 if n_assets < 2 * n_factors else None
    thin = any(_fewest_members(frame, date, name) < FEW_MEMBERS for name in groups)
    made = [name for name in styles if name not in as_given]
    return Plan(groups, shares, as_given, made, cap, caps, n_factors, min_assets, thin, asides, doubts)


def _fewest_members(frame: pd.DataFrame, date: str, group: str) -> float:
    """Members of a group's smallest level on a typical date."""
    members = frame.groupby([frame[date], frame[group]], observed=True).size()
    return float(members.groupby(level=1, observed=True).median().min())


def _n_factors(frame: pd.DataFrame, groups: list[str], shares: list[tuple[str, list[str]]], styles: list[str]) -> int:
    return 1 + sum(frame[name].nunique() for name in groups) + sum(len(columns) for _, columns in shares) + len(styles)


def rejected(sources: Sources, plan: Plan) -> tuple[float, float, str]:
    """The largest share of a date's exposures that would be rejected, that of all, and why."""
    roles, wrong = sources.exposures, {}
    frame = roles.frame
    if plan.caps is roles:
        wrong[str(plan.cap)] = ~(frame[str(plan.cap)] > 0)
    wrong |= {name: frame[name].isna() for name in [*plan.groups, *plan.given]}
    if not wrong:
        return 0.0, 0.0, ""
    reasons = ", ".join(f"{name} missing {share:.1%}" for name, values in wrong.items() if (share := float(values.mean())))
    every = pd.concat(wrong.values(), axis=1).any(axis=1)
    return float(every.groupby(frame[str(roles.date)]).mean().max()), float(every.mean()), reasons


def unread_returns(sources: Sources) -> tuple[float, float, str]:
    """The same of returns that are text: their rows are rejected, where an empty cell would be a missing return."""
    roles = sources.returns
    if not (written := roles.looked.columns[str(roles.ret)].written):
        return 0.0, 0.0, ""
    missing = roles.frame[str(roles.ret)].isna()
    return float(missing.groupby(roles.frame[str(roles.date)]).mean().max()), float(missing.mean()), f"{roles.ret} {written}"
