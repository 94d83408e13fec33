"""What `engine:` and `local:` may say: what moves the rows, and what it may take of this machine."""

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator

from sigmalake.config.types import Strict, key

EngineName = Literal["auto", "local", "spark"]
BYTES = {"k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}
_MEMORY = re.compile(r"(\d+(?:\.\d+)?)([kmgt])b?", re.IGNORECASE)
_LEAST_MEMORY = 256 * BYTES["m"]  # an interpreter with numpy, pyarrow and pandas


def memory_bytes(memory: str) -> int:
    """The bytes that e.g. `4g` stands for.

    Raises:
        ValueError: it is no number with a unit, or less than Python itself needs.
    """
    if not (read := _MEMORY.fullmatch(memory)):
        raise ValueError("memory is a number with k, m, g or t behind it, e.g. 4g")
    found = int(float(read[1]) * BYTES[read[2].lower()])
    if found < _LEAST_MEMORY:
        raise ValueError("memory must be 256m or more: Python with its libraries takes as much")
    return found


class LocalSettings(Strict):
    """What the local engine may take of this machine."""

    workers: Annotated[Annotated[int, Field(ge=1)] | None, key("processes at a time; none: one a core", unit="processes")] = None
    memory: Annotated[str | None, key("memory of all processes together, e.g. `4g`; none: what is free")] = None
    scratch: Annotated[
        Annotated[str, Field(min_length=1)] | None,
        key("folder for what does not fit into memory, relative to the configuration's file; none: the system's"),
    ] = None

    @field_validator("memory")
    @classmethod
    def _is_memory(cls, memory: str | None) -> str | None:
        if memory is not None:
            memory_bytes(memory)
        return memory
