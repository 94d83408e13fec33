"""Names and values that have broken programs before, and how one of them is drawn."""

from collections.abc import Sequence
from typing import Any

import numpy as np

SHOWN_NAMES = (  # may stand in a configuration
    "world's", 'the "best"', "a/b", "..", "a\\b", "<b>bold</b>", "<script>alert(1)</script>", "[red]x[/red]", "&amp;", "a`b", "a.b",
    "m cap", "100%", "$HOME", "a,b", "a;b", "{x}", "%s", "NULL", "nan", "true", "NO", "0", "-1", "1e5", "é", "日本", "🙂",
    "x" * 300, "SELECT 1; --", "date", "asset_id", "#tag", "*", "?", "a=b", "__proto__", "key", "İ", "ß", "a:b", "|", "~", "@",
)  # fmt: skip
OTHER_NAMES = (  # in rows only
    "a\nb", "a\tb", "\x1b[31mred", "\x07", "a\rb", "\u202eabc", "\u200b", "\ufeffA", "a\x00b", "  padded  ", "a\u00a0", "\x7f",
)  # fmt: skip
NUMBERS_AS_TEXT = (
    "", " ", "nan", "NaN", "inf", "-Infinity", "1e400", "1e308", "-1e308", "5e-324", "-0.0", "0", "1,5", "1.5%", "0x10",
    "\uff11\uff12", "1_000", " 1 ", "+.5", "<b>", "'", "NULL", "--1", "1e", "9" * 400, "\u22121", "٣", "1e-400", "true",
)  # fmt: skip
NUMBERS = (
    None, float("nan"), float("inf"), -float("inf"), 1e308, -1e308, 1e300, 5e-324, -5e-324, 0.0, -0.0, -1.0, -1.5, 1e16, 1e-300,
    1e154, 1e100, 0.5, 1.0, 1000.0,
)  # fmt: skip
DATES_AS_TEXT = (
    "", " ", "0001-01-01", "9999-12-31", "0000-01-01", "10000-01-01", "-0001-01-01", "2024-02-30", "2024-13-01", "1969-12-31",
    "1582-10-10", "2024-01-02T00:00:00", "2024-01-02 00:00:00Z", "2024-01-02T16:00:00+09:00", "20240102", "NaT", "02/01/2024",
    "2024-1-2", "today", "\uff12\uff10\uff12\uff14-01-02", "2024-01-02\n", "2024-02-29 24:00:00", "<i>2024</i>",
)  # fmt: skip


def one_of(rng: np.random.Generator, choices: Sequence[Any]) -> Any:
    """One of the choices, as it is: numpy would make all of them of one type."""
    return choices[int(rng.integers(len(choices)))]


def happens(rng: np.random.Generator, share: float) -> bool:
    """Whether something that happens to this share of the cases happens."""
    return bool(rng.random() < share)
