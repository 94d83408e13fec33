"""What a configuration may ask of a style that the model standardises itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from graphlib import CycleError, TopologicalSorter
from math import isfinite
from typing import ClassVar

from sigmalake.numerics.settings import described, setting


class Missing(StrEnum):
    """What happens to an asset without a style."""

    REJECT = "reject"  # its row is rejected
    ZERO = "zero"  # the market's exposure
    REGRESS = "regress"  # on memberships and size, over the names that have the style


@dataclass(frozen=True)
class StyleRules:
    """How one style is made from its descriptors."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    descriptors: Mapping[str, float] = field(
        default_factory=dict,
        metadata=described(
            (
                "column to weight, above 0; none: the column called like the style. With `sources.prices`, a descriptor of the "
                "library is computed, also where the source has a column of its name"
            ),
            unit="weights",
        ),
    )
    remove_beyond: float = setting(
        10.0, "distance from the mean beyond which a value counts as missing; 0: none does", unit="sd", source="[M]"
    )
    clip_beyond: float = setting(3.0, "distance from the mean that values are drawn back to; 0: none is", unit="sd", source="[M]")
    missing: Missing = setting(
        Missing.REJECT,
        (
            "`reject`: a row without any of the descriptors is rejected; or `zero`, the market's exposure; or `regress`, on "
            "memberships and ln cap with the regression's weights, flagged in `styles_filled`"
        ),
    )
    orthogonal_to: tuple[str, ...] = setting((), "styles, and groups of memberships, whose part is taken out")

    def __post_init__(self) -> None:
        for name, weight in self.descriptors.items():
            if not (isfinite(weight) and weight > 0):
                raise ValueError(f"descriptors: the weight of {name} is {weight}; it must be a finite number > 0, e.g. 0.5")
        for key, usual in (("remove_beyond", 10), ("clip_beyond", 3)):
            bound = getattr(self, key)
            if not (isfinite(bound) and bound >= 0):
                raise ValueError(f"{key} is {bound}; it must be a number of sd, e.g. {usual}, or 0 for none")
        if self.remove_beyond and self.clip_beyond > self.remove_beyond:
            raise ValueError(
                f"clip_beyond is {self.clip_beyond}, remove_beyond {self.remove_beyond}: what is removed is not there to be "
                "clipped; clip_beyond must be the smaller"
            )
        if repeated := sorted({name for name in self.orthogonal_to if self.orthogonal_to.count(name) > 1}):
            raise ValueError(f"orthogonal_to names {repeated[0]} twice")

    def weights(self, style: str) -> Mapping[str, float]:
        """The columns that it is made from, with their weights."""
        return self.descriptors or {style: 1.0}


def style_order(rules: Mapping[str, StyleRules]) -> list[str]:
    """The styles, each after those that it is orthogonalised against.

    Raises:
        ValueError: there is no such order; it names the circle.
    """
    needed = {style: [other for other in rule.orthogonal_to if other in rules] for style, rule in rules.items()}
    try:
        return list(TopologicalSorter(needed).static_order())
    except CycleError as error:
        circle = " -> ".join(reversed(error.args[1]))
        raise ValueError(f"orthogonal_to goes round in a circle: {circle}; take one of these out") from None
