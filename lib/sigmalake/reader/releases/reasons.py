"""Why a row of one model is not that of another, told by what each says that it was computed from.

`inputs_hash` has three parts: of the data, of the settings, of the version of the code that computed it. A row whose data differ is
explained by the rows that it was computed from: a regression by its date of the panel, a risk model by a regression before it.
"""

from bisect import bisect_right
from collections.abc import Mapping
from datetime import date
from typing import NamedTuple

RESTATED, CONFIGURATION, CODE = "restated source", "configuration", "code"
ONLY_FIRST, ONLY_SECOND = "only in the first", "only in the second"
UNEXPLAINED = "no cause on record: data, settings and code were the same"

Hashes = Mapping[date, str]


class Side(NamedTuple):
    """The hashes of what the rows of one model were computed from."""

    panel: Hashes  # by exposure date
    return_dates: Mapping[date, date]  # the exposure date by the return date
    regressions: Hashes  # by date
    risk_models: Hashes  # by date, of one variant


def panel_reasons(first: Side, second: Side) -> dict[date, list[str]]:
    """Why rows of the panel differ, by exposure date; dates whose rows are alike are left out."""
    return {day: _kinds(first.panel.get(day), second.panel.get(day), [RESTATED]) for day in _unlike(first.panel, second.panel)}


def regression_reasons(first: Side, second: Side) -> dict[date, list[str]]:
    """For each date whose regression differs, the reason."""
    panel = panel_reasons(first, second)
    found = {}
    for day in _unlike(first.regressions, second.regressions):
        exposure_date = second.return_dates.get(day, first.return_dates.get(day))
        upstream = panel.get(exposure_date, ["regressions before it"]) if exposure_date else ["regressions before it"]
        found[day] = _kinds(first.regressions.get(day), second.regressions.get(day), upstream)
    return found


def risk_reasons(first: Side, second: Side) -> dict[date, list[str]]:
    """Why the risk models of a variant differ, by date.

    For each cause the last regression up to the date is named that it moved.
    """
    regressions = regression_reasons(first, second)
    days, latest, upstream = sorted(regressions), dict[str, date](), dict[date, list[str]]()
    for day in days:
        latest = latest | dict.fromkeys(regressions[day], day)
        upstream[day] = [f"regression of {last}: {why}" for why, last in latest.items()]
    found = {}
    for day in _unlike(first.risk_models, second.risk_models):
        place = bisect_right(days, day)
        of_data = upstream[days[place - 1]] if place else ["exposures"]
        found[day] = _kinds(first.risk_models.get(day), second.risk_models.get(day), of_data)
    return found


def _unlike(first: Hashes, second: Hashes) -> list[date]:
    return sorted(day for day in first.keys() | second.keys() if first.get(day) != second.get(day))


def _kinds(first: str | None, second: str | None, upstream: list[str]) -> list[str]:
    """Name what differs between two hashes; `upstream` is the name for different data."""
    if first is None or second is None:
        return [ONLY_SECOND if first is None else ONLY_FIRST]
    one, other = (value.split(".") for value in (first, second))
    if len(one) != 3 or len(other) != 3:
        return upstream
    named = zip([CONFIGURATION, CODE], one[1:], other[1:], strict=True)
    changed = [kind for kind, a, b in named if a != b]
    return list(dict.fromkeys([*changed, *(upstream if one[0] != other[0] else [])]))
