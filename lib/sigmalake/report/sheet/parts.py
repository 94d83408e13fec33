"""What the blocks of a sheet share: the scale of volatilities, units, and rows in the order of their size."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from sigmalake.reader.answer import Answer
from sigmalake.report.text.numbers import largest, periods

ANNUAL, SHARE = "fraction, annualised", "share of the variance"


class Scale(NamedTuple):
    """How a volatility over the horizon becomes one of a year."""

    horizon: str  # in words
    root: float  # of periods a year over the horizon

    @classmethod
    def of(cls, answer: Answer) -> "Scale":
        """The scale of an answer."""
        risk = answer.risk
        return cls(periods(risk.horizon, risk.frequency), float(np.sqrt(answer.periods_per_year / risk.horizon)))

    def annual(self, vol: float) -> float:
        """A volatility, or a part of one, annualised."""
        return float(vol) * self.root


def by_size(parts: pd.Series) -> list[str]:
    """Labels, those of the largest parts first."""
    return largest(parts, len(parts))[0]


def factor_groups(answer: Answer) -> dict[str, str]:
    """The group of each factor."""
    return dict(zip(answer.risk.factors, answer.risk.groups, strict=True))
