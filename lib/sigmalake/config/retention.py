"""What `retention:` may say: which releases `sigmalake maintain` keeps."""

from typing import Annotated

from pydantic import Field

from sigmalake.config.types import Strict, key


class Retention(Strict):
    """Which releases stay readable; all of them where none of `last`, `monthly` and `releases` is given.

    A release is kept if one of them keeps it. The last release that stands is always kept.
    """

    last: Annotated[Annotated[int, Field(ge=1)] | None, key("the newest so many releases are kept", unit="releases")] = None
    monthly: Annotated[bool, key("the last release of each calendar month of `as_of` is kept")] = False
    releases: Annotated[list[str] | None, key("ids of releases that are kept")] = None
    hours: Annotated[
        float,
        key(
            "how long a file stays after it was written, or replaced in the newest version, for those who are reading it",
            unit="hours",
            source="choice",
        ),
        Field(ge=0),
    ] = 168.0

    @property
    def keeps_all(self) -> bool:
        """Whether no release is trimmed."""
        return self.last is None and not self.monthly and not self.releases
