"""What `engine:` and `local:` may say: what moves the rows, and what it may take of this machine."""

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator

from sigmalake.config.types import Strict, key

EngineName = Literal["auto", "local", "spark"]
_UNITS = {"k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}
_MEMORY = re.compile(r"(\d+(?:\.\d+)?)([kmgt])b?", re.IGNORECASE)


class LocalSettings(Strict):
    """What the local engine may take of this machine."""

    workers: Annotated[Annotated[int, Field(ge=1)] | None, key("processes at a time; none: one a core", unit="processes")] = None
    memory: Annotated[
        str | None, key("memory of all processes of a run together, e.g. `4g`; none: nine tenths of what is free as it begins")
    ] = None
    scratch: Annotated[
        Annotated[str, Field(min_length=1)] | None,
        key("folder for what does not fit into memory, relative to the configuration's file; none: the system's"),
    ] = None

    @field_validator("memory")
    @classmethod
    def _is_memory(cls, memory: str | None) -> str | None:
        if memory is not None and not _MEMORY.fullmatch(memory):
            raise ValueError("memory is a number with k, m, g or t behind it, e.g. 4g")
        return memory

    @field_validator("scratch")
    @classmethod
    def _is_a_folder(cls, scratch: str | None) -> str | None:
        if scratch is not None and "://" in scratch:
            raise ValueError("scratch is a folder of this machine, no URI")
        return scratch

    @property
    def memory_bytes(self) -> int | None:
        """`memory` in bytes."""
        if self.memory is None or (read := _MEMORY.fullmatch(self.memory)) is None:
            return None
        return int(float(read[1]) * _UNITS[read[2].lower()])
