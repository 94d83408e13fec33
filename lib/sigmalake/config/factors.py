"""What `factors:` may say: the columns of X."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from sigmalake.config.texts.messages import problem_lines
from sigmalake.config.types import Name, Strict, key, refuse_repeated
from sigmalake.numerics.exposures.style_rules import StyleRules
from sigmalake.numerics.factors import Given

OWN_GROUPS = ("market", "style")  # factor groups that are not memberships


ReturnsGiven = Annotated[
    Given | None,
    key(
        "where the factor returns are those of `sources.factor_returns`: `in_returns`, the panel's returns contain them, and the "
        "regression explains what they leave; `beside_returns`, the panel's returns are without them, as local returns are without "
        "their currency, and only Sigma and V use them; none: they are estimated"
    ),
]


class MarketFactor(Strict):
    """A column of ones."""

    market: Annotated[Name, key("`{market: NAME}`: a column of ones; at most one")] = "market"
    given: ReturnsGiven = None


class Membership(Strict):
    """A group of factors whose exposures are shares: of a category, of numeric columns, of a map, or computed here."""

    membership: Annotated[
        Name,
        key("`{membership: NAME, ...}`: a group of shares, with one of `column`, `columns`, `map`, `segments` and `revenues`"),
    ]
    column: Annotated[
        Name | None,
        key("a category column: share 1 in its level; beside `segments` or `revenues`, of companies without them"),
    ] = None
    columns: Annotated[Annotated[dict[Name, Name], Field(min_length=1)] | None, key("factor to column of shares")] = None
    map: Annotated[Name | None, key("a map column, factor to share")] = None
    segments: Annotated[
        Literal[True] | None,
        key(
            "`true`: industry shares computed from `sources.segments` [M]; the rows of companies without segments are rejected, "
            "unless a `column` serves them; not with `partial`"
        ),
    ] = None
    revenues: Annotated[
        Literal[True] | None,
        key(
            "`true`: shares of a company's revenue, from `sources.revenues` [U]; the rows of companies without revenues are "
            "rejected, unless a `column` serves them; not with `partial`"
        ),
    ] = None
    levels: Annotated[
        Annotated[list[Name], Field(min_length=1)] | None,
        key(
            "the factors of `column`, `map`, `segments` or `revenues`, any other level is a mistake; none: learned, in the order "
            "(first date, name)"
        ),
    ] = None
    only: Annotated[
        Annotated[list[Name], Field(min_length=1)] | None,
        key("in the place of `levels`: these are factors, and what is elsewhere has no exposure; the group needs no constraint"),
    ] = None
    rest: Annotated[Name | None, key("with `only`: the factor of all that is elsewhere; the group is then complete")] = None
    partial: Annotated[bool, key("shares may sum to less than 1; the group then needs no constraint")] = False
    given: ReturnsGiven = None

    @field_validator("membership")
    @classmethod
    def _not_our_own(cls, name: str) -> str:
        if name in OWN_GROUPS:
            raise ValueError(f"the groups {' and '.join(OWN_GROUPS)} are the model's own; choose another name")
        return name

    @model_validator(mode="after")
    def _one_form(self) -> "Membership":
        others = (self.columns, self.map, self.segments, self.revenues)
        if sum(form is not None for form in (others if self.computed_from else (self.column, *others))) != 1:
            raise ValueError(
                "give one of `column:` (a category), `columns:` (shares by factor), `map:` (a map column), `segments: true` or "
                "`revenues: true`; the last two may have a `column:` for companies without segments or revenues"
            )
        if self.computed_from and self.partial:
            raise ValueError(f"shares from {self.computed_from} sum to 1: `partial` is for a group of another form; see `only`")
        if self.columns is not None and self.levels is not None:
            raise ValueError("`columns:` already lists the levels")
        refuse_repeated("level", self.levels or ())
        refuse_repeated("column of shares", list((self.columns or {}).values()))
        return self

    @model_validator(mode="after")
    def _against_the_rest(self) -> "Membership":
        if self.only is not None and (self.levels is not None or self.columns is not None):
            raise ValueError("`only:` lists the levels that are factors; leave `levels:` out, or of `columns:` what is no factor")
        if self.rest is not None and self.only is None:
            raise ValueError("`rest:` names what is not in `only:`, which is not given")
        if self.rest is not None and self.partial:
            raise ValueError("with a `rest:` shares sum to 1: leave `partial` out")
        refuse_repeated("level", [*(self.only or ()), *([self.rest] if self.rest else ())])
        return self

    @property
    def listed(self) -> list[str] | None:
        """The levels that the configuration fixes; None where they are learned."""
        if self.only is not None:
            return [*self.only, *([self.rest] if self.rest is not None else ())]
        return list(self.columns) if self.columns is not None else self.levels

    @property
    def computed_from(self) -> Literal["segments", "revenues"] | None:
        """The source that shares are computed from by `describe`; None: the exposures' source gives them."""
        if self.segments:
            return "segments"
        return "revenues" if self.revenues else None

    @property
    def is_complete(self) -> bool:
        """Whether every asset's shares sum to 1."""
        return not self.partial and (self.only is None or self.rest is not None)


class Styles(Strict):
    """Numeric exposures, used as they stand; a row without one is rejected."""

    styles: Annotated[list[Name], Field(min_length=1), key("`{styles: [NAME, ...]}`: numeric columns, used as they stand")]
    as_given: Annotated[Literal[True], key("a list of styles is used as it stands")] = True
    missing: Annotated[Literal["reject"], key("a row without one of the styles is rejected")] = "reject"
    given: ReturnsGiven = None


class StandardisedStyles(Strict):
    """Styles made here from raw numbers: limited, standardised, combined, filled, orthogonalised."""

    styles: Annotated[
        dict[Name, StyleRules], Field(min_length=1), key("`{styles: {NAME: {...}, ...}}`: styles with rules, made here")
    ]
    as_given: Annotated[Literal[False], key("styles with rules are not used as they stand")] = False
    given: ReturnsGiven = None

    @field_validator("styles", mode="before")
    @classmethod
    def _named(cls, styles: object) -> object:
        if isinstance(styles, list):
            keys = ", ".join(f"{style}: {{}}" for style in styles)
            raise ValueError(f"styles that are not as given are a section, each with its rules: {{{keys}}}")
        return styles

    @field_validator("styles")
    @classmethod
    def _with_columns(cls, styles: dict[str, StyleRules]) -> dict[str, StyleRules]:
        return {style: replace(rules, descriptors=rules.weights(style)) for style, rules in styles.items()}


FactorEntry = MarketFactor | Membership | Styles | StandardisedStyles


def names_of(entry: FactorEntry) -> list[str]:
    """The factors that an entry names itself; levels that are learned are not among them."""
    if isinstance(entry, MarketFactor):
        return [entry.market]
    return list((entry.listed or ()) if isinstance(entry, Membership) else entry.styles)


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
