"""What `risk:` may say: one way of estimating Sigma and Delta."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, model_validator

from sigmalake.config.presets import PRESETS, PresetName, over_preset
from sigmalake.config.types import Strict, key
from sigmalake.numerics.factor_cov.estimators import FACTOR_COV, EwmaFactorCov
from sigmalake.numerics.factor_cov.layered import LayeredFactorCov
from sigmalake.numerics.registry.by_name import ByName
from sigmalake.numerics.specific_risk.estimators import SPECIFIC_VAR, EwmaSpecificVar
from sigmalake.numerics.specific_risk.layered import LayeredSpecificVar
from sigmalake.numerics.windows.calendar import Frequency


class Variant(Strict):
    """One way of estimating Sigma and Delta; a model has as many as it names."""

    preset: Annotated[
        PresetName | None,
        key(
            "`short`, `long`, `trading` [M, B] or `monthly_60` [L]: parameters for both sections, the first three with all layers "
            "but linked issues, which need caps (or `specific_var: {size_shrinkage: null}`); keys given beside it stand over them, "
            "null switches a layer off"
        ),
        Field(exclude=True),  # what it filled in stands below: that alone is hashed and shown
    ] = None
    factor_cov: Annotated[LayeredFactorCov, ByName(FACTOR_COV), key("how Sigma is estimated, and its layers", source="[M]")] = (
        EwmaFactorCov(half_life=84.0)
    )
    specific_var: Annotated[
        LayeredSpecificVar, ByName(SPECIFIC_VAR), key("how Delta is estimated, and its layers", source="[M]")
    ] = EwmaSpecificVar(half_life=84.0)
    frequency: Annotated[
        Frequency,
        key(
            "`period`: returns of the calendar's own periods; or `month`: factor and specific returns are compounded by calendar "
            "month first, what counts periods or observations counts complete months, Sigma and Delta are per month, `every` is "
            "`month`"
        ),
    ] = "period"
    every: Annotated[
        Literal["day", "week", "month"],
        key("the grid of as-of dates: each `day`, or the last date of each `week` or `month` so far"),
    ] = "day"

    @model_validator(mode="before")
    @classmethod
    def _over_preset(cls, given: object) -> object:
        if isinstance(given, Mapping) and given.get("frequency") == "month":
            given = {**given, "every": given.get("every", "month")}
        if isinstance(given, Mapping) and given.get("preset") in PRESETS:
            return over_preset(given["preset"], given)
        return given

    @model_validator(mode="after")
    def _months_end_with_months(self) -> "Variant":
        if self.by_month and self.every != "month":
            raise ValueError(
                f"every is {self.every} with frequency: month; Sigma and Delta of monthly returns move when a month ends: "
                "leave `every` out, or write `every: month`"
            )
        return self

    def seeded(self, name: str) -> "Variant":
        """With `name` as the seed of Sigma's simulations, where none is given."""
        return self.model_copy(update={"factor_cov": self.factor_cov.seeded(name)})

    @property
    def by_month(self) -> bool:
        """Whether its period is a calendar month, of which returns are compounded."""
        return self.frequency == "month"

    @property
    def look_back(self) -> int:
        """Periods that one date's estimate reads, the newest included: dates of the calendar, or complete months."""
        return max(self.factor_cov.look_back, self.specific_var.look_back)
