"""Holdings by asset: what is checked before they are used, and the messages about those without data."""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Literal

import numpy as np
import pandas as pd

from sigmalake.errors import DataError, MissingRiskError
from sigmalake.reader.names import asset_ids, hints

NAMED = 50  # assets that a message names before it counts the rest

Holdings = pd.Series | Mapping[str, float]
Missing = Literal["raise", "leave_out"]  # what to do about holdings without data

LEAVE_OUT = "To leave them out, take missing='leave_out' in Python, or --missing leave_out on the command line"
"""What may be done about holdings without data."""


def checked_holdings(holdings: Holdings, name: str = "holdings", known: Callable[[], Collection[str]] = list) -> pd.Series:
    """Holdings as numbers by asset, in their own order.

    Args:
        holdings: by asset id; whole numbers are ids where the model's are digits.
        name: of them, for a message.
        known: the model's ids.

    Raises:
        DataError: there are none, an asset comes twice, or a holding is not a finite number.
    """
    given = holdings if isinstance(holdings, pd.Series) else pd.Series(dict(holdings), dtype=object)
    if given.empty:
        raise DataError(f"there are no {name}: nothing is listed. Give a number for one asset or more")
    given = given.set_axis(pd.Index(asset_ids(given.index, name, known), name=given.index.name))
    refuse_repeats(name, given.index)
    numbers = pd.to_numeric(given, errors="coerce").astype(float)
    bad = given[~np.isfinite(numbers)]
    if bad.size:
        shown = ", ".join(f"{asset}: {value}" for asset, value in bad.head(NAMED).items())
        raise DataError(f"{bad.size} of {given.size} {name} are not finite numbers ({shown}); give 0 for what is not held")
    return numbers


def refuse_repeats(name: str, assets: Iterable[str]) -> None:
    """Raise DataError if an asset is listed twice."""
    listed = pd.Index(assets)
    if listed.has_duplicates:
        twice = listed[listed.duplicated()].unique()
        shown = ", ".join(map(str, twice[:NAMED]))
        what = "1 asset" if len(twice) == 1 else f"{len(twice)} assets"
        raise DataError(f"{name} name {what} more than once ({shown}); give each once")


def refuse_missing(left_out: Mapping[str, str], n_held: int, missing: Missing, known: Collection[str]) -> None:
    """Raise MissingRiskError for holdings without risk data, unless they may be left out and others remain."""
    if left_out and (missing == "raise" or len(left_out) == n_held):
        hint = LEAVE_OUT if missing == "raise" else "nothing is left"
        listed = with_reasons(left_out) + hints([asset for asset in left_out if asset not in known], known)
        raise MissingRiskError(f"no risk for {len(left_out)} of {n_held} holdings: {listed}. {hint}")


def check_missing(missing: str) -> None:
    """Raise ValueError unless the word is `raise` or `leave_out`."""
    if missing not in {"raise", "leave_out"}:
        raise ValueError(f"missing is {missing!r}; give 'raise' or 'leave_out'")


def with_reasons(reasons: Mapping[str, str]) -> str:
    """List assets with their reasons, for a message."""
    shown = ", ".join(f"{asset} ({reason})" for asset, reason in list(reasons.items())[:NAMED])
    return shown + (f" and {len(reasons) - NAMED} more" if len(reasons) > NAMED else "")
