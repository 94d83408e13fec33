"""Numbers in reports: for a person as text, for a program as JSON has them."""

import numpy as np
import pandas as pd

FACTOR_ROWS, ASSET_ROWS = 25, 10  # how many of the largest parts have a row of a table; the others share one


def fixed(value: float, digits: int = 2) -> str:
    """Fixed digits, never -0; a dash where there is no number."""
    return f"{value:z.{digits}f}" if np.isfinite(value) else "-"


def periods(count: float, one: str = "period") -> str:
    """How many, in words."""
    return f"{count:g} {one}{'' if count == 1 else 's'}"


def largest(parts: pd.Series, count: int) -> tuple[list[str], list[str]]:
    """The names of the largest parts in size, largest first, and of the others."""
    order = np.argsort(-np.abs(parts.to_numpy()), kind="stable")
    names = [str(parts.index[n]) for n in order]
    return names[:count], names[count:]


def json_number(value: float) -> float | None:
    """The number; null where there is none."""
    return float(value) if np.isfinite(value) else None


def json_numbers(values: pd.Series) -> dict[str, float | None]:
    """Numbers by their labels."""
    return {str(name): json_number(float(value)) for name, value in values.items()}
