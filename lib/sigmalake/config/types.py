"""What every part of the configuration is made of."""

import re
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from sigmalake.numerics.settings import described

CATALOG_NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*){1,2}")


def _printable(name: str) -> str:
    if not name.strip() or name != name.strip() or not name.isprintable():
        raise ValueError("a name is text without blanks around it")
    return name


Name = Annotated[str, AfterValidator(_printable)]
"""Of a factor, a group or a column."""


class Strict(BaseModel):
    """A section: unknown keys are refused, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


def key(meaning: str, *, unit: str = "", source: str = "") -> Any:
    """What a key says of itself, beside its type in `Annotated`; the fields of the kernels' rules say it by `setting`."""
    return Field(**described(meaning, unit=unit, source=source))


def refuse_repeated(what: str, names: Sequence[str]) -> None:
    """Raise ValueError for a name that is given twice."""
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"{what} {repeated[0]!r} is named twice")
