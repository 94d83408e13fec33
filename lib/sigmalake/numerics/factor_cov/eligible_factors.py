"""Which factors a window can estimate together, and the reason why the others leave."""

from typing import NamedTuple

import numpy as np

from sigmalake.numerics.types import Floats, Ints


class LeftOut(NamedTuple):
    """A factor that Sigma does not contain."""

    factor: int  # position in the model's order
    reason: str  # with the numbers seen and needed


def drop_short(returns: Floats, kept: Ints, window: int, min_periods: int) -> tuple[Ints, list[LeftOut]]:
    """For an estimate over complete dates: the factors of `kept` that stay, and why the others do not.

    A factor with fewer than `min_periods` values is out; while fewer than `min_periods` dates have all the others, the
    factor with the most nulls (on ties the latest) leaves.

    Args:
        returns: (T, K) one window, NaN where missing.
        kept: (K',) positions.
        window: periods, for the reasons.
        min_periods: needed.
    """
    present = ~np.isnan(returns)
    n_values = present.sum(axis=0)
    kept, left_out = _drop_few_values(n_values, kept, window, min_periods)
    needed = _needed(window, min_periods)
    while kept.size and (n_complete := int(present[:, kept].all(axis=1).sum())) < min_periods:
        worst = kept[::-1][np.argmin(n_values[kept][::-1])]
        reason = f"{n_values[worst]} values, the fewest of {kept.size} factors with {n_complete} dates in common {needed}"
        left_out.append(LeftOut(int(worst), reason))
        kept = kept[kept != worst]
    return kept, left_out


def drop_unexplained(returns: Floats, kept: Ints, window: int, min_periods: int, *, centre: bool) -> tuple[Ints, list[LeftOut]]:
    """For an estimate that completes shorter histories: the factors of `kept` that stay, and why the others do not.

    A factor is explained by those present on a date where it is missing. Its dates beside each of them must be
    `min_periods` or more and exceed their number plus one; while some factor's do not, the one of these with the fewest
    values (on ties the latest) leaves. A factor that never moves explains nothing and leaves first.

    Args:
        returns: (T, K) one window, NaN where missing.
        kept: (K',) positions.
        window: periods, for the reasons.
        min_periods: needed.
        centre: whether a constant other than 0 never moves.
    """
    present = ~np.isnan(returns)
    n_values = present.sum(axis=0)
    kept, left_out = _drop_few_values(n_values, kept, window, min_periods)
    still = kept[_never_moves(returns[:, kept], centre=centre)]
    left_out += [LeftOut(int(k), zero_variance(f"{n_values[k]} values", window)) for k in still]
    kept = kept[~np.isin(kept, still)]
    while kept.size and not present[:, kept].all():
        here = present[:, kept][present[:, kept].any(axis=1)].astype(np.float64)
        together = here.T @ here
        explains = here.T @ (1.0 - here) > 0  # (explaining, explained)
        n_explaining = explains.sum(axis=0)
        beside = np.where(explains, together, np.inf).min(axis=0, initial=np.inf)
        needs = np.maximum(min_periods, n_explaining + 2)
        failing = np.flatnonzero(beside < needs)
        if not failing.size:
            break
        worst = failing[::-1][np.argmin(n_values[kept][failing][::-1])]
        reason = (
            f"{n_values[kept[worst]]} values, {beside[worst]:.0f} beside one of the {n_explaining[worst]} factors that explain it"
        )
        left_out.append(LeftOut(int(kept[worst]), f"{reason}, {_needed(window, int(needs[worst]))}"))
        kept = np.delete(kept, worst)
    return kept, left_out


def zero_variance(over: str, window: int) -> str:
    """The reason of a factor that does not move."""
    return f"zero variance over the {over} in the window of {window} periods"


def _drop_few_values(n_values: Ints, kept: Ints, window: int, min_periods: int) -> tuple[Ints, list[LeftOut]]:
    needed = _needed(window, min_periods)
    left_out = [LeftOut(int(k), f"{n_values[k]} values {needed}") for k in kept if n_values[k] < min_periods]
    return kept[n_values[kept] >= min_periods], left_out


def _needed(window: int, periods: int) -> str:
    return f"in the window of {window} periods; {periods} are needed"


def _never_moves(returns: Floats, *, centre: bool) -> Ints:
    lowest, highest = np.nanmin(returns, axis=0, initial=np.inf), np.nanmax(returns, axis=0, initial=-np.inf)
    still: Ints = np.flatnonzero((lowest == highest) & (centre | (highest == 0.0)))
    return still
