"""How the columns of a source are called: for each kind of source, the columns that the model reads from it."""

from typing import Annotated, ClassVar

from pydantic import model_validator

from sigmalake.config.types import Name, Strict, key, refuse_repeated

NO_VALUE_TRADED = "the value traded needs both `price` and `volume`, or `traded_value` alone"
DateName = Annotated[Name, key("the source's own name of the column of dates")]
AssetName = Annotated[Name, key("the column of assets: text or whole numbers")]
ReturnName = Annotated[
    Name,
    key("simple return of the period that ends at the date; missing: the asset is not in the fit", unit="fraction per period"),
]
RateName = Annotated[Name | None, key("risk-free rate of the same period; it is subtracted; none: 0", unit="fraction per period")]
CapName = Annotated[Name | None, key("market capitalisation, above 0", unit="any one currency")]
CurrencyName = Annotated[
    Name | None, key("currency of each return, which `sources.exchange_rates` convert; none: all returns are in one")
]
CapCurrencyName = Annotated[
    Name | None,
    key(
        "currency of each cap, converted at the rate of the cap's date; it may be the column `currency`; none: all caps are in one"
    ),
]
UniverseName = Annotated[Name | None, key("true or false: member of the estimation universe; none: every asset is")]
KnownAtName = Annotated[Name, key("day at whose close the row is known")]
PeriodEndName = Annotated[Name, key("day that the row is about")]


class KeyColumns(Strict):
    """The source's own names for date and asset."""

    date: DateName = "date"
    asset_id: AssetName = "asset_id"

    @model_validator(mode="after")
    def _a_column_each(self) -> "KeyColumns":
        first: dict[str, str] = {}
        for name in ("date", "asset_id", "ret", "rate", "cap", "traded_value", "price", "volume", "factor", "value", "map"):
            column = getattr(self, name, None)
            if column is not None and first.setdefault(column, name) != name:
                raise ValueError(f"`{first[column]}` and `{name}` are both column {column!r}; each has a column of its own")
        return self


class ExposureColumns(KeyColumns):
    """Wide sources name their factor columns under `factors:`; `factor` and `value` make it long, `map` a map column."""

    cap: CapName = None
    cap_currency: CapCurrencyName = None
    weight: Annotated[Name | None, key("regression weight, 0 or more, for `weights: column`", unit="any one unit")] = None
    in_estimation: UniverseName = None
    issuer_id: Annotated[Name | None, key("who issued the share, text; `linked` of `specific_var` reads it; missing: unknown")] = (
        None
    )
    factor: Annotated[
        Name | None,
        key("the factor's name in a long source, which has a row a date, asset and factor, and no other column but the key"),
    ] = None
    value: Annotated[Name | None, key("the exposure in a long source; it goes with `factor`")] = None
    map: Annotated[Name | None, key("a map column, factor to number, in the place of a column a factor")] = None

    @model_validator(mode="after")
    def _one_shape(self) -> "ExposureColumns":
        if (self.factor is None) != (self.value is None):
            raise ValueError("a long source needs both `factor` and `value`")
        if self.factor is not None and self.map is not None:
            raise ValueError("`factor`/`value` (long) and `map` exclude each other")
        if self.factor is not None and any((self.cap, self.weight, self.in_estimation, self.issuer_id)):
            raise ValueError("a long source has only date, asset_id, factor, value; give caps in `sources.caps`")
        return self


class PanelColumns(ExposureColumns):
    """One wide panel: exposures and returns side by side."""

    ret: ReturnName = "ret"
    rate: RateName = None
    currency: CurrencyName = None


class PricedColumns(KeyColumns):
    """What returns are made of beside the price."""

    PRICED: ClassVar = ("price", "split", "adjustment", "dividend", "spin_off", "delisting_return", "delisting_code")

    split: Annotated[
        Name | None,
        key(
            "shares that one share of the close before has become, above 0: 2 of a split 2 for 1; missing: 1",
            unit="new for one old",
        ),
    ] = None
    adjustment: Annotated[
        Name | None,
        key(
            "in the place of `split`, a cumulative factor by which a price is divided to be comparable over time, above 0",
            unit="ratio",
        ),
    ] = None
    dividend: Annotated[
        Name | None,
        key("cash paid in the period for one share of the close before; missing: 0", unit="the price's currency"),
    ] = None
    spin_off: Annotated[
        Name | None,
        key("value of what was spun off or distributed for one share of the close before; missing: 0", unit="the price's currency"),
    ] = None
    delisting_return: Annotated[
        Name | None,
        key("return from the last price to what was had after the delisting; a row with one is the asset's last", unit="fraction"),
    ] = None
    delisting_code: Annotated[
        Name | None,
        key(
            "reason of the delisting, a number or text; a row with one is the asset's last; missing: none; 100 to 199: none "
            "either, since by these CRSP marks assets that are still traded"
        ),
    ] = None

    @property
    def priced(self) -> list[str]:
        """The keys that are mapped and that only returns from prices need."""
        return [name for name in self.PRICED if name != "price" and getattr(self, name) is not None]

    @model_validator(mode="after")
    def _splits_once(self) -> "PricedColumns":
        if self.split is not None and self.adjustment is not None:
            raise ValueError("splits are given twice: as `split` and by `adjustment`; map one of them")
        named = [getattr(self, name) for name in self.PRICED]
        refuse_repeated("column", [self.date, self.asset_id, *(column for column in named if column is not None)])
        return self


class ReturnColumns(PricedColumns):
    """Returns apart, or prices that they are made from."""

    ret: ReturnName = "ret"
    rate: RateName = None
    currency: CurrencyName = None
    price: Annotated[
        Name | None,
        key(
            "price at the close, in the place of `ret`, which is then made from it; negative: the mean of bid and ask, as CRSP "
            "writes it; missing or 0: none",
            unit="any one currency an asset",
        ),
    ] = None

    @model_validator(mode="after")
    def _returns_once(self) -> "ReturnColumns":
        if self.priced and self.price is None:
            raise ValueError(
                f"`{self.priced[0]}` goes with `price`, from which returns are made; map it, or leave `{self.priced[0]}` out"
            )
        if self.price is not None and "ret" in self.model_fields_set:
            raise ValueError("returns are given twice: as `ret` and by `price`; map one of them")
        return self


class CapColumns(KeyColumns):
    """Caps apart."""

    cap: Annotated[Name, key("market capitalisation, above 0, dated as the exposures are", unit="any one currency")] = "cap"
    cap_currency: CapCurrencyName = None


class PriceColumns(PricedColumns):
    """What descriptors are computed from; what a source has no column for is missing on every date."""

    ret: Annotated[
        Name, key("simple return of the period that ends at the date; it may be missing", unit="fraction per period")
    ] = "ret"
    cap: Annotated[
        Name | None,
        key(
            "market capitalisation at the close; missing or 0: no size, no turnover, no part in the market of `beta`",
            unit="any one currency",
        ),
    ] = None
    traded_value: Annotated[Name | None, key("value traded in the period; 0: unknown", unit="the caps' currency")] = None
    price: Annotated[
        Name | None,
        key(
            "price at the close; with `volume` in the place of `traded_value`: their product is the value traded. With "
            "`from_prices` returns are made of it, in the place of `ret`"
        ),
    ] = None
    volume: Annotated[Name | None, key("shares traded in the period; with `price`")] = None
    in_estimation: UniverseName = None
    group: Annotated[
        Name | None, key("group of the asset, text, to whose mean `descriptors.sensitivities` are drawn; missing: all assets")
    ] = None

    @model_validator(mode="after")
    def _one_traded_value(self) -> "PriceColumns":
        if self.price is None and self.volume is not None:
            raise ValueError(NO_VALUE_TRADED)
        if self.volume is not None and self.traded_value is not None:
            raise ValueError("the value traded is given twice: as `traded_value` and as `price` and `volume`")
        return self


class FigureColumns(Strict):
    """Figures of the accounts, a row each."""

    asset_id: AssetName = "asset_id"
    item: Annotated[
        Name, key("`book_value`, `earnings` and so on, see [descriptors.md](descriptors.md); a row of another item is rejected")
    ] = "item"
    period_end: PeriodEndName = "period_end"
    known_at: KnownAtName = "known_at"
    value: Annotated[Name, key("the figure; missing: what was stated before is withdrawn", unit="the caps' currency")] = "value"

    @model_validator(mode="after")
    def _a_column_each(self) -> "FigureColumns":
        refuse_repeated("column", [self.asset_id, self.item, self.period_end, self.known_at, self.value])
        return self


class SegmentColumns(Strict):
    """Segments of companies, a row a company, industry and period."""

    asset_id: AssetName = "asset_id"
    industry: Annotated[
        Name, key("industry of the segment, for `segments: true`; one that the group's `levels` do not list is rejected")
    ] = "industry"
    period_end: PeriodEndName = "period_end"
    known_at: KnownAtName = "known_at"
    assets: Annotated[
        Name | None,
        key(
            "assets of the segment, 0 or more; `assets`, `sales` or both; all of a row's missing: the segment is withdrawn",
            unit="any one currency",
        ),
    ] = None
    sales: Annotated[Name | None, key("sales of the segment, 0 or more", unit="any one currency")] = None

    @model_validator(mode="after")
    def _assets_or_sales(self) -> "SegmentColumns":
        if self.assets is None and self.sales is None:
            raise ValueError("shares are made of `assets`, `sales` or both; map at least one of them")
        named = [self.asset_id, self.industry, self.period_end, self.known_at, self.assets, self.sales]
        refuse_repeated("column", [column for column in named if column is not None])
        return self


class RevenueColumns(Strict):
    """Revenues of companies, a row a company, level and period."""

    asset_id: AssetName = "asset_id"
    level: Annotated[Name, key("country, industry or whatever the levels of the group with `revenues: true` are; text")]
    period_end: PeriodEndName = "period_end"
    known_at: KnownAtName = "known_at"
    revenue: Annotated[
        Name,
        key(
            "revenue of the company in the level, 0 or more; missing: what was stated before is withdrawn",
            unit="currency, one for each company",
        ),
    ] = "revenue"

    @model_validator(mode="after")
    def _a_column_each(self) -> "RevenueColumns":
        refuse_repeated("column", [self.asset_id, self.level, self.period_end, self.known_at, self.revenue])
        return self


class BookColumns(Strict):
    """Books, a row a portfolio, date and member."""

    portfolio: Annotated[Name, key("the book's name; a member of that name is looked through")] = "portfolio"
    date: Annotated[Name, key("day from whose close the book holds, until the portfolio's next one")] = "date"
    asset_id: Annotated[Name, key("the member: an asset of the model, another portfolio of the source, or cash")] = "asset_id"
    weight: Annotated[
        Name,
        key("weight of the member, any sign; taken as it is, so that the rest to 1 is without risk", unit="fraction of the value"),
    ] = "weight"
    value: Annotated[
        Name | None,
        key(
            "value of the position, any sign, in the place of `weight`: weights are values over their sum in the book",
            unit="any one currency a book",
        ),
    ] = None

    @model_validator(mode="after")
    def _a_column_each(self) -> "BookColumns":
        if self.value is not None and "weight" in self.model_fields_set:
            raise ValueError("the size of a position is given twice: as `weight` and as `value`; map one of them")
        refuse_repeated("column", [self.portfolio, self.date, self.asset_id, self.holding])
        return self

    @property
    def holding(self) -> str:
        """The column of weights or values."""
        return self.weight if self.value is None else self.value


class RateColumns(Strict):
    """Risk-free rates, one a date."""

    date: DateName = "date"
    rate: Annotated[Name, key("risk-free rate of the period that ends at the date, one a date", unit="fraction per period")] = (
        "rate"
    )


class ExchangeRateColumns(Strict):
    """Exchange rates, one a date and currency."""

    date: DateName = "date"
    currency: Annotated[Name, key("text as in the columns `currency` and `cap_currency`")] = "currency"
    rate: Annotated[
        Name,
        key(
            "exchange rate at the close of the date, above 0; fx is its change from the calendar's date before; missing: the row "
            "is rejected",
            unit="base currency for one",
        ),
    ] = "rate"
    interest_rate: Annotated[
        Name | None,
        key(
            "i of the period that ends at the date, known when it begins, also of the base; for `hedged`; none: p is 0",
            unit="fraction per period",
        ),
    ] = None

    @model_validator(mode="after")
    def _a_column_each(self) -> "ExchangeRateColumns":
        refuse_repeated("column", [c for c in (self.date, self.currency, self.rate, self.interest_rate) if c is not None])
        return self


class FactorReturnColumns(Strict):
    """Returns of given factors, one a date and factor."""

    date: DateName = "date"
    factor: Annotated[Name, key("the factor's name, as under `factors:`; rows of other names are not used")] = "factor"
    value: Annotated[
        Name, key("the factor's return over the period that ends at the date; missing: not given", unit="fraction per period")
    ] = "value"
    known_at: Annotated[
        Name | None,
        key("day at whose close the row is known; one known after its date is not used; none: known on its date"),
    ] = None

    @model_validator(mode="after")
    def _a_column_each(self) -> "FactorReturnColumns":
        refuse_repeated("column", [c for c in (self.date, self.factor, self.value, self.known_at) if c is not None])
        return self


class CalendarColumns(Strict):
    """A table of dates."""

    date: DateName = "date"
