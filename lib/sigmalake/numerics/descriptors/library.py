"""Which descriptors make which style: weights and what a style is made orthogonal to, as data for the configuration."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Annotated, ClassVar, NamedTuple

from sigmalake.numerics.descriptors.fundamentals import FundamentalDescriptors, FundamentalRules
from sigmalake.numerics.descriptors.kernel_descriptor import REGISTERED, KernelDescriptor
from sigmalake.numerics.descriptors.prices import PriceDescriptors, PriceWindows
from sigmalake.numerics.descriptors.sensitivities import SensitivityRules
from sigmalake.numerics.registry.by_name import ByName
from sigmalake.numerics.settings import described, setting


@dataclass(frozen=True, kw_only=True)
class DescriptorRules:
    """How the descriptors of the library, and those of other packages, are computed."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    prices: PriceWindows = field(
        default_factory=PriceWindows,
        metadata=described("windows of the price descriptors, in periods of the calendar; the defaults are trading days"),
    )
    fundamentals: FundamentalRules = field(
        default_factory=FundamentalRules, metadata=described("how old a figure may be, and how far growth looks back")
    )
    registered: Mapping[str, Annotated[KernelDescriptor, ByName(REGISTERED)]] = field(
        default_factory=dict,
        metadata=described(
            "descriptors of other packages: the name by which styles use it, to `{estimator: NAME, settings: {...}}`; see "
            "[your_estimators.md](your_estimators.md)"
        ),
    )
    sensitivities: SensitivityRules | None = setting(
        None, "slopes of returns on factors of `sources.factor_returns`; none: there are none"
    )

    def __post_init__(self) -> None:
        if ours := sorted(set(self.registered) & set(DESCRIPTORS)):
            raise ValueError(f"registered: {ours[0]} is a descriptor of the library; give yours another name")

    @property
    def look_back(self) -> int:
        """How many rows of prices up to an as-of row are read."""
        slopes = 0 if self.sensitivities is None else self.sensitivities.trailing.look_back
        return max(self.prices.look_back, slopes, *(one.look_back for one in self.registered.values()), 1)


class Composition(NamedTuple):
    """A style out of standardised descriptors."""

    descriptors: Mapping[str, float]  # weight by name; renormalised over those that an asset has
    orthogonal_to: tuple[str, ...] = ()  # styles


DESCRIPTORS = (*PriceDescriptors._fields, *FundamentalDescriptors._fields)

# Menchero, Orr, Wang 2011; without analysts' forecasts of growth, whose weights go to what is left
STYLES: Mapping[str, Composition] = MappingProxyType(
    {
        "size": Composition({"size": 1.0}),
        "beta": Composition({"beta": 1.0}),
        "momentum": Composition({"momentum": 1.0}),
        "volatility": Composition(
            {"daily_volatility": 0.74, "cumulative_range": 0.16, "residual_volatility": 0.10}, orthogonal_to=("beta", "size")
        ),
        "nonlinear_size": Composition({"size_cubed": 1.0}, orthogonal_to=("size",)),
        "book_to_price": Composition({"book_to_price": 1.0}),
        "liquidity": Composition({"turnover_1m": 0.35, "turnover_3m": 0.35, "turnover_12m": 0.30}, orthogonal_to=("size",)),
        "earnings_yield": Composition(
            {"forecast_earnings_to_price": 0.68, "cash_earnings_to_price": 0.21, "earnings_to_price": 0.11}
        ),
        "growth": Composition({"sales_growth": 0.47, "earnings_growth": 0.24}),
        "leverage": Composition({"market_leverage": 0.38, "debt_to_assets": 0.35, "book_leverage": 0.27}),
        "dividend_yield": Composition({"dividend_yield": 1.0}),
        "reversal": Composition({"reversal": 1.0}),
    }
)
