"""What a configuration may ask of returns that are made from prices."""

from dataclasses import dataclass
from math import isfinite
from typing import ClassVar

from sigmalake.numerics.settings import setting

PERFORMANCE_CODES = ("500", *(str(code) for code in range(520, 585)))  # of CRSP: dropped by its exchange for what it had become


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
    performance_codes: tuple[str, ...] = setting(
        PERFORMANCE_CODES,
        "values of `delisting_code` that say that it was for performance; the defaults are CRSP's, 500 and 520 to 584",
        source="choice",
    )

    def __post_init__(self) -> None:
        if self.max_gap < 1:
            raise ValueError(f"max_gap is {self.max_gap}; it is a number of periods >= 1, e.g. 1")
        given = self.delisting_return
        if given is not None and not (isfinite(given) and given >= -1):
            raise ValueError(f"delisting_return is {given}; it must be a finite fraction >= -1, e.g. -0.3")
