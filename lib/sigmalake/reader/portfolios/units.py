"""Numbers whose unit is doubtful: questioned with both readings and the way out, not computed."""

from collections.abc import Mapping
from typing import Literal

import numpy as np
import pandas as pd

from sigmalake.errors import DataError

Unit = Literal["fraction", "percent"]
UNITS: tuple[Unit, ...] = ("fraction", "percent")

_NEAR = 0.01  # share of 100 by which a sum of percents may miss it
_GROSS_OF_FRACTIONS = 20.0  # 2,000 % of the value: no portfolio of fractions has it
_AMOUNT = 1000.0  # a single weight that is neither a fraction nor a percent


def checked_level(level: float, name: str = "level") -> float:
    """The level of a value at risk, a probability.

    Raises:
        DataError: it is not at least 0.5 and below 1; the message says what was probably meant.
    """
    if np.isfinite(level) and 0.5 <= level < 1:
        return float(level)
    if 1 < level < 100:
        meant = f"if it is a percentage, give {level / 100:g}"
    elif 0 < level < 0.5:
        meant = f"if it is the probability of a greater loss, give {1 - level:g}"
    else:
        meant = "0.95 and 0.99 are usual"
    raise DataError(f"{name} is {level:g}; it is the probability that the loss is not greater, from 0.5 to below 1: {meant}")


def checked_shocks(shocks: Mapping[str, float], unit: Unit | None, way_out: str = "shocks_in") -> dict[str, float]:
    """Shocks as fractions.

    Args:
        shocks: returns by factor.
        unit: that they are in; None: fractions, and one beyond 100 % is questioned.
        way_out: what names the unit, for a message.

    Raises:
        DataError: a shock is beyond 100 % and no unit is named, or the unit is unknown.
    """
    if unit is not None and unit not in UNITS:
        raise DataError(f"{way_out} is {unit!r}; give 'fraction' or 'percent'")
    if unit == "percent":
        return {factor: shock / 100 for factor, shock in shocks.items()}
    if unit is None:
        for factor, shock in shocks.items():
            if np.isfinite(shock) and abs(shock) > 1:
                raise DataError(_beyond(f"the shock {factor} {shock:g}", shock, way_out))
    return dict(shocks)


def checked_loss(loss: float, unit: Unit | None, way_out: str = "loss_in") -> float:
    """The loss of a reverse stress as a fraction of the value.

    Raises:
        DataError: it is not above 0, or above 100 % and no unit is named.
    """
    if unit is not None and unit not in UNITS:
        raise DataError(f"{way_out} is {unit!r}; give 'fraction' or 'percent'")
    if not (np.isfinite(loss) and loss > 0):
        raise DataError(f"the loss of a reverse stress is {loss:g}; give a fraction of the value above 0: 0.1 is a loss of 10 %")
    if unit is None and loss > 1:
        raise DataError(_beyond(f"the loss {loss:g}", loss, way_out))
    return loss / 100 if unit == "percent" else loss


def _beyond(what: str, number: float, way_out: str) -> str:
    return (
        f"{what} is {number:,.0%} as a fraction, and {number:g} % as a percentage. If it is a percentage, give {number / 100:g}. "
        f"If it is what you mean, say so: {way_out} fraction"
    )


def question_percents(weights: pd.Series, name: str, way_out: str) -> None:
    """Raise DataError for weights that sum to 100 as percentages do: net, or, where long and short cancel, without signs.

    Args:
        weights: by asset.
        name: of them, for a message.
        way_out: how to say what they are, a sentence.
    """
    net, gross = float(weights.sum()), float(weights.abs().sum())
    if looks_like_percents(net, gross):
        raise DataError(f"{_readings(name, net, gross)}. {way_out}")


def looks_like_percents(net: float, gross: float) -> bool:
    """Whether holdings sum to 100, or are long and short by 50 or 100 each."""
    close = [abs(net - 100) <= 100 * _NEAR]
    close += [abs(net) <= 100 * _NEAR and abs(gross - whole) <= whole * _NEAR for whole in (100, 200)]
    return any(close)


def question_weights(weights: pd.Series, name: str, way_out: str) -> None:
    """Raise DataError for weights of a file that no portfolio has as fractions: percentages, amounts, or both kinds at once.

    Args:
        weights: by asset, as given.
        name: of them, for a message.
        way_out: the option that says the unit, for a message.
    """
    if weights.abs().max() >= _AMOUNT:
        raise DataError(_amounts(weights, name, way_out))
    net, gross = float(weights.sum()), float(weights.abs().sum())
    if looks_like_percents(net, gross) or gross > _GROSS_OF_FRACTIONS:
        raise DataError(f"{_readings(name, net, gross)}. Say which: {way_out} percent, or {way_out} fraction")


def question_value(positions: pd.Series, name: str, value: float | None) -> None:
    """Raise DataError where positions nearly cancel, so that their sum is no value to divide them by; a value that is given counts.

    Args:
        positions: by asset, amounts.
        name: of them, for a message.
        value: of the portfolio, where it is given.
    """
    net, gross = float(positions.sum()), float(positions.abs().sum())
    if value is None and 0 < net < gross / _GROSS_OF_FRACTIONS:
        raise DataError(
            f"{name} sum to {net:,.2f}, and to {gross:,.2f} without signs. Divided by their sum they are {gross / net:,.0%} of the "
            "value gross. Name the portfolio's value with --value, that sum if it is what you mean"
        )


def _readings(name: str, net: float, gross: float) -> str:
    return (
        f"{name} sum to {net:,.6g}, and to {gross:,.6g} without signs. Read as fractions, that is {net:,.0%} of the value net and "
        f"{gross:,.0%} gross; read as percentages, {net:,.2f} % net and {gross:,.2f} % gross"
    )


def _amounts(weights: pd.Series, name: str, way_out: str) -> str:
    at = str(weights.abs().idxmax())
    small = weights[(weights != 0) & (weights.abs() <= 1)]
    mixed = (
        f"{name} seem to mix amounts with weights: {at} has {weights[at]:,.6g}, and {small.size} of {weights.size} are at most 1, "
        f"such as {small.index[0]} with {small.iloc[0]:g}"
        if small.size
        else f"{name} look like amounts: {at} has {weights[at]:,.6g}, as a fraction {weights[at]:,.0%} of the value"
    )
    return (
        f"{mixed}. Give fractions of the value in the column weight, or amounts in quantity with a price of 1; if all of them "
        f"are fractions, say so: {way_out} fraction"
    )
