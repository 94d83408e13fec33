"""What `engine:` and `local:` may say: what moves the rows, and what it may take of this machine."""

from typing import Annotated, Literal

from pydantic import Field

from sigmalake.config.types import Strict, key

EngineName = Literal["auto", "local", "spark"]


class LocalSettings(Strict):
    """What the local engine may take of this machine."""

    workers: Annotated[Annotated[int, Field(ge=1)] | None, key("processes at a time; none: one a core", unit="processes")] = None
    scratch: Annotated[
        Annotated[str, Field(min_length=1)] | None,
        key("folder for what does not fit into memory, relative to the configuration's file; none: the system's"),
    ] = None
