"""What a configuration may ask of returns that are made from prices."""

import re
from dataclasses import dataclass
from math import isfinite
from typing import ClassVar

from sigmalake.numerics.settings import setting

PERFORMANCE_CODES = ("500", "520-584")  # of CRSP: dropped by its exchange for what it had become
STILL_TRADED = (100, 199)  # of CRSP: the first and the last code of assets that are active, which no delisting is
_RANGE = re.compile(r"(\d+)(?:-(\d+))?")


@dataclass(frozen=True)
class TotalReturnRules:
    """How long a return may be, and what a delisting without a return of its own is worth."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    max_gap: int = setting(
        1,
        (
            "periods that a return may span, where prices between are missing: it is dated by its last one; a longer one is "
            "missing, as it is no return of one period"
        ),
        unit="periods",
        source="choice",
    )
    delisting_return: float | None = setting(
        None,
        (
            "return of a delisting of `performance_codes` without a `delisting_return` of its own; -0.3 is usual, and -0.55 for "
            "Nasdaq (Shumway 1997, Shumway and Warther 1999); none: it is unknown"
        ),
        unit="fraction",
    )
    performance_codes: tuple[str | int, ...] = setting(
        PERFORMANCE_CODES,
        "values of `delisting_code` that say that it was for performance: numbers, ranges or words; the defaults are CRSP's",
        source="choice",
    )

    def __post_init__(self) -> None:
        if self.max_gap < 1:
            raise ValueError(f"max_gap is {self.max_gap}; it is a number of periods >= 1, e.g. 1")
        given = self.delisting_return
        if given is not None and not (isfinite(given) and given >= -1):
            raise ValueError(f"delisting_return is {given}; it must be a finite fraction >= -1, e.g. -0.3")

    @property
    def code_ranges(self) -> list[tuple[int, int]]:
        """The first and the last of each range of numbers among the codes."""
        found = [match for code in self.performance_codes if (match := _RANGE.fullmatch(str(code)))]
        return [(int(match[1]), int(match[2] or match[1])) for match in found]

    @property
    def code_words(self) -> list[str]:
        """The codes that are no numbers."""
        return [str(code) for code in self.performance_codes if not _RANGE.fullmatch(str(code))]
