"""Names as people give them: asset ids that are whole numbers, and what a name that is not found may have meant."""

import difflib
from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from numbers import Integral

from sigmalake.errors import DataError

_HINTED = 3  # unknown names of a message that are compared with all the known ones


def asset_ids(given: Iterable[Hashable], what: str, known: Callable[[], Collection[str]]) -> list[str]:
    """Ids as text; whole numbers are their digits where the model's ids are digits.

    Args:
        given: text or whole numbers.
        what: they are of, for the message.
        known: the model's ids, which are read only where a whole number is given.

    Raises:
        DataError: one is neither text nor such a number.
    """
    listed = list(given)
    if all(isinstance(value, str) for value in listed):
        return [str(value) for value in listed]
    ids = known()
    digits = any(asset.isdigit() for asset in ids)
    for value in listed:
        if not isinstance(value, str) and not (digits and isinstance(value, Integral) and not isinstance(value, bool)):
            raise DataError(f"{what} are by asset id, a string; {value!r} is a {type(value).__name__}")
    return [str(value) for value in listed]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The known name that is closest, as a question; empty where none is close."""
    by_lower: dict[str, str] = {}
    for candidate in known:
        by_lower.setdefault(candidate.lower(), candidate)
    close = difflib.get_close_matches(name.strip().lower(), by_lower, n=1, cutoff=0.7)
    return f"did you mean {by_lower[close[0]]}?" if close else ""


def hints(unknown: Sequence[str], known: Collection[str]) -> str:
    """What the first unknown names may have meant, to be put behind a message; empty where nothing is close."""
    suggested = [(name, did_you_mean(name, known)) for name in unknown[:_HINTED]]
    lines = [f"{name}: {hint}" if len(unknown) > 1 else hint for name, hint in suggested if hint]
    return f" ({' '.join(lines)})" if lines else ""
