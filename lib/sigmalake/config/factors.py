"""What `factors:` may say: the columns of X."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, ValidationError, field_validator, model_serializer, model_validator

from sigmalake.config.types import Name, Strict, refuse_repeated
from sigmalake.config.yaml_file import problem_lines
from sigmalake.numerics.exposures.style_rules import StyleRules

OWN_GROUPS = ("market", "style")  # factor groups that are not memberships


class MarketFactor(Strict):
    """A column of ones."""

    market: Name = "market"


class Membership(Strict):
    """A group of factors whose exposures are shares: a category column, numeric columns, a map column, or segments."""

    membership: Name
    column: Name | None = None  # a category: share 1 in its level
    columns: Annotated[dict[Name, Name], Field(min_length=1)] | None = None  # factor: column of shares
    map: Name | None = None  # a map column: factor -> share
    segments: Literal[True] | None = None  # shares computed from `sources.segments`; `column` then serves companies without them
    levels: Annotated[list[Name], Field(min_length=1)] | None = None  # absent: learned, in the order (first date, name)
    partial: bool = False  # shares may sum to less than 1

    @field_validator("membership")
    @classmethod
    def _not_our_own(cls, name: str) -> str:
        if name in OWN_GROUPS:
            raise ValueError(f"the groups {' and '.join(OWN_GROUPS)} are the model's own; choose another name")
        return name

    @model_validator(mode="after")
    def _one_form(self) -> "Membership":
        forms = (self.columns, self.map, self.segments) if self.segments else (self.column, self.columns, self.map)
        if sum(form is not None for form in forms) != 1:
            raise ValueError(
                "give one of `column:` (a category), `columns:` (shares by factor), `map:` (a map column) or `segments: true`, "
                "which may have a `column:` for companies without segments"
            )
        if self.segments and self.partial:
            raise ValueError("shares from segments sum to 1: `partial` is for a group of another form")
        if self.columns is not None and self.levels is not None:
            raise ValueError("`columns:` already lists the levels")
        refuse_repeated("level", self.levels or ())
        refuse_repeated("column of shares", list((self.columns or {}).values()))
        return self

    @model_serializer(mode="wrap")
    def _without_segments(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """`segments` is in it where it is given: that it has become possible makes no row stale."""
        body: dict[str, Any] = dump(self)
        if self.segments is None:
            body.pop("segments", None)
        return body

    @property
    def listed(self) -> list[str] | None:
        """The levels that the configuration fixes; None where they are learned."""
        return list(self.columns) if self.columns is not None else self.levels


class Styles(Strict):
    """Numeric exposures, used as they stand; a row without one is rejected."""

    styles: Annotated[list[Name], Field(min_length=1)]
    as_given: Literal[True] = True
    missing: Literal["reject"] = "reject"


class StandardisedStyles(Strict):
    """Styles made here from raw numbers: limited, standardised, combined, filled, orthogonalised."""

    styles: Annotated[dict[Name, StyleRules], Field(min_length=1)]
    as_given: Literal[False] = False

    @field_validator("styles", mode="before")
    @classmethod
    def _named(cls, styles: object) -> object:
        if isinstance(styles, list):
            keys = ", ".join(f"{style}: {{}}" for style in styles)
            raise ValueError(f"styles that are not as given are a section, each with its rules: {{{keys}}}")
        return styles


FactorEntry = MarketFactor | Membership | Styles | StandardisedStyles


def factor_entry(entry: object, place: str) -> Strict | list[str]:
    """The entry, or what is wrong with it."""
    kinds: dict[str, type[Strict]] = {"market": MarketFactor, "membership": Membership, "styles": Styles}
    if isinstance(entry, Strict):
        return entry
    if isinstance(entry, Mapping) and (isinstance(entry.get("styles"), Mapping) or entry.get("as_given") is False):
        kinds["styles"] = StandardisedStyles
    found = [kind for kind in kinds if isinstance(entry, Mapping) and kind in entry]
    if len(found) != 1:
        return [f"{place}: must have exactly one of `market:`, `membership:`, `styles:`; it is {entry!r}"]
    try:
        return kinds[found[0]].model_validate(entry)
    except ValidationError as error:
        return problem_lines(error, kinds[found[0]], within=f"{place} ({found[0]})")
