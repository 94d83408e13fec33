"""What `sources:` may say: where the data lie and how their columns are called."""

import difflib
from enum import StrEnum
from pathlib import Path, PurePath
from typing import Annotated, Literal

from pydantic import Field, model_validator

from sigmalake.config.types import CATALOG_NAME, Name, Strict, refuse_repeated
from sigmalake.errors import ConfigError

DESCRIBED_SOURCES = ("prices", "fundamentals", "segments")  # read for descriptors and industry shares
UNREADABLE = (".xlsx", ".xls", ".feather", ".arrow", ".json", ".txt", ".tsv", ".pkl", ".h5", ".zip", ".orc", ".avro")


class Dated(StrEnum):
    """What the date of an exposure means."""

    END_OF_PERIOD = "end_of_period"  # known at the close of its date: explains the next date's return
    START_OF_PERIOD = "start_of_period"  # already beside the return that it explains


class Location(Strict):
    """Where a source lies: a file, a folder or a table, and how its columns are called."""

    path: Annotated[str, Field(min_length=1)] | None = None
    table: str | None = None
    format: Literal["parquet", "csv", "delta"] | None = None

    @model_validator(mode="after")
    def _one_place(self) -> "Location":
        if (self.path is None) == (self.table is None):
            given = "neither is given" if self.path is None else "both are given"
            raise ValueError(f"give either `path:` (a file, folder or URI) or `table:` (catalog.schema.name); {given}")
        if self.format is None and PurePath(self.path or "").suffix.lower() in UNREADABLE:
            raise ValueError(f"{self.path} is neither Parquet, CSV nor Delta by its suffix; convert it, or say `format:`")
        if self.table is not None and not CATALOG_NAME.fullmatch(self.table):
            raise ValueError(f"table: {self.table!r} is not a table's name; give catalog.schema.name or schema.name")
        return self

    def check_exists(self, name: str) -> None:
        """Refuse a file or folder of this machine that is not there.

        Raises:
            ConfigError: names it, and a file beside it that is called much the same.
        """
        if self.path is None or "://" in self.path or Path(self.path).exists():
            return
        folder = Path(self.path).parent
        beside = [path.name for path in folder.iterdir()] if folder.is_dir() else []
        close = difflib.get_close_matches(Path(self.path).name, beside, n=1)
        hint = f"did you mean {close[0]}?" if close else "paths are relative to the configuration's folder"
        raise ConfigError(f"sources.{name}: {self.path} does not exist; {hint}")

    @property
    def where(self) -> str:
        """The place, as messages name it."""
        return self.table or self.path or ""

    @property
    def read_as(self) -> str:
        """The format: as given, else from the suffix; a folder without one is Parquet."""
        if self.format:
            return self.format
        return "csv" if (self.path or "").lower().endswith((".csv", ".csv.gz")) else "parquet"


class KeyColumns(Strict):
    """The source's own names for date and asset."""

    date: Name = "date"
    asset_id: Name = "asset_id"

    @model_validator(mode="after")
    def _a_column_each(self) -> "KeyColumns":
        first: dict[str, str] = {}
        for key in ("date", "asset_id", "ret", "rate", "cap", "traded_value", "price", "volume", "factor", "value", "map"):
            column = getattr(self, key, None)
            if column is not None and first.setdefault(column, key) != key:
                raise ValueError(f"`{first[column]}` and `{key}` are both column {column!r}; each has a column of its own")
        return self


class ExposureColumns(KeyColumns):
    """Wide sources name their factor columns under `factors:`; `factor` and `value` make it long, `map` a map column."""

    cap: Name | None = None  # market capitalisation, any one currency
    cap_currency: Name | None = None  # of each cap, which `exchange_rates` convert; absent: they are in one
    weight: Name | None = None  # regression weights, for `weights: column`
    in_estimation: Name | None = None  # boolean: member of the estimation universe; absent: every asset is
    issuer_id: Name | None = None
    factor: Name | None = None
    value: Name | None = None
    map: Name | None = None

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

    ret: Name = "ret"  # simple return of the period that ends at `date`, fraction
    rate: Name | None = None  # risk-free rate of the same period, fraction
    currency: Name | None = None  # of each return, which `exchange_rates` convert; absent: they are in one


class ReturnColumns(KeyColumns):
    """Returns apart."""

    ret: Name = "ret"
    rate: Name | None = None
    currency: Name | None = None


class CapColumns(KeyColumns):
    """Caps apart."""

    cap: Name = "cap"
    cap_currency: Name | None = None


class PriceColumns(KeyColumns):
    """What descriptors are computed from; what a source has no column for is missing on every date."""

    ret: Name = "ret"  # simple return of the period that ends at `date`, fraction
    cap: Name | None = None  # market capitalisation at the close of `date`
    traded_value: Name | None = None  # value traded in the period, in the caps' currency and unit
    price: Name | None = None  # in the place of traded_value, with `volume`: their product is the value traded
    volume: Name | None = None  # shares traded in the period
    in_estimation: Name | None = None  # boolean: member of the estimation universe, whose market beta is measured on

    @model_validator(mode="after")
    def _one_traded_value(self) -> "PriceColumns":
        if (self.price is None) != (self.volume is None):
            raise ValueError("the value traded needs both `price` and `volume`, or `traded_value` alone")
        if self.price is not None and self.traded_value is not None:
            raise ValueError("the value traded is given twice: as `traded_value` and as `price` and `volume`")
        return self


class FigureColumns(Strict):
    """Figures of the accounts, a row each."""

    asset_id: Name = "asset_id"
    item: Name = "item"
    period_end: Name = "period_end"  # day that the figure is about
    known_at: Name = "known_at"  # day at whose close it is known
    value: Name = "value"  # null withdraws what was stated before

    @model_validator(mode="after")
    def _a_column_each(self) -> "FigureColumns":
        named = [self.asset_id, self.item, self.period_end, self.known_at, self.value]
        if repeated := sorted({column for column in named if named.count(column) > 1}):
            raise ValueError(f"column {repeated[0]!r} is named twice; each of the five has a column of its own")
        return self


class SegmentColumns(Strict):
    """Segments of companies, a row a company, industry and period."""

    asset_id: Name = "asset_id"
    industry: Name = "industry"
    period_end: Name = "period_end"  # day that the record is about
    known_at: Name = "known_at"  # day at whose close it is known
    assets: Name | None = None  # of the segment; null in all of the row's figures withdraws the segment
    sales: Name | None = None

    @model_validator(mode="after")
    def _assets_or_sales(self) -> "SegmentColumns":
        if self.assets is None and self.sales is None:
            raise ValueError("shares are made of `assets`, `sales` or both; map at least one of them")
        named = [self.asset_id, self.industry, self.period_end, self.known_at, self.assets, self.sales]
        refuse_repeated("column", [column for column in named if column is not None])
        return self


class RateColumns(Strict):
    """Risk-free rates, one a date."""

    date: Name = "date"
    rate: Name = "rate"


class ExchangeRateColumns(Strict):
    """Exchange rates, one a date and currency."""

    date: Name = "date"
    currency: Name = "currency"
    rate: Name = "rate"  # units of the base currency for one of the currency, at the close of `date`
    interest_rate: Name | None = None  # of the currency, of the period that ends at `date`, known when it begins; fraction

    @model_validator(mode="after")
    def _a_column_each(self) -> "ExchangeRateColumns":
        refuse_repeated("column", [c for c in (self.date, self.currency, self.rate, self.interest_rate) if c is not None])
        return self


class CalendarColumns(Strict):
    """A table of dates."""

    date: Name = "date"


class PanelSource(Location):
    """One wide panel."""

    columns: PanelColumns = PanelColumns()
    exposures_dated: Dated = Dated.END_OF_PERIOD


class ReturnSource(Location):
    """Returns apart."""

    columns: ReturnColumns = ReturnColumns()


class ExposureSource(Location):
    """Exposures apart: wide, long or a map column."""

    columns: ExposureColumns = ExposureColumns()
    exposures_dated: Dated = Dated.END_OF_PERIOD


class CapSource(Location):
    """Caps apart, dated as the exposures are."""

    columns: CapColumns = CapColumns()


class RateSource(Location):
    """Risk-free rates."""

    columns: RateColumns = RateColumns()


class ExchangeRateSource(Location):
    """What turns local returns, and local caps, into a base currency."""

    base: Name  # its own rate is 1, and need not be listed
    hedged: bool = False  # at t-1 each position's value is sold forward for a period
    columns: ExchangeRateColumns = ExchangeRateColumns()

    @model_validator(mode="after")
    def _interest_is_for_hedging(self) -> "ExchangeRateSource":
        if self.columns.interest_rate is not None and not self.hedged:
            raise ValueError("`interest_rate` prices the forward sales of hedged returns; say `hedged: true`, or leave it out")
        return self


class PriceSource(Location):
    """Prices and volumes that descriptors are computed from."""

    columns: PriceColumns = PriceColumns()


class FundamentalSource(Location):
    """Figures of the accounts as they became known."""

    columns: FigureColumns = FigureColumns()


class SegmentSource(Location):
    """Assets and sales of companies' segments as they became known."""

    columns: SegmentColumns


class CalendarSource(Location):
    """The calendar, where the returns' own dates do not do."""

    columns: CalendarColumns = CalendarColumns()


class Sources(Strict):
    """A wide panel, or returns and exposures apart; caps, rates and a calendar where they lie elsewhere."""

    panel: PanelSource | None = None
    returns: ReturnSource | None = None
    exposures: ExposureSource | None = None
    caps: CapSource | None = None
    rates: RateSource | None = None
    exchange_rates: ExchangeRateSource | None = None
    calendar: CalendarSource | None = None
    prices: PriceSource | None = None  # descriptors are computed from them, and stand beside the exposures
    fundamentals: FundamentalSource | None = None
    segments: SegmentSource | None = None
    exposures_max_age: int = Field(default=1, ge=1)  # periods from the exposures' date to the return they explain [model 1]

    @model_validator(mode="after")
    def _complete(self) -> "Sources":
        if (self.panel is None) == (self.returns is None and self.exposures is None):
            given = ", ".join(self.locations()) or "none"
            raise ValueError(f"give either `panel:`, or `returns:` and `exposures:`; given: {given}")
        if self.panel is None and (self.returns is None or self.exposures is None):
            raise ValueError(f"`returns:` and `exposures:` go together; given: {', '.join(self.locations())}")
        if self.caps is not None and self.exposure_columns.cap is not None:
            raise ValueError("caps are given twice: as a column and as `caps:`")
        if self.rates is not None and self.return_columns.rate is not None:
            raise ValueError("risk-free rates are given twice: as a column and as `rates:`")
        if self.fundamentals is not None and self.prices is None:
            raise ValueError("`fundamentals:` are figures for descriptors, which need `prices:`, and there are none")
        if self.segments is not None and (self.prices is None or self.prices.columns.cap is None):
            raise ValueError("`segments:` are priced by the caps of `prices:`; give `prices:`, and map its `cap`")
        if self.prices is not None and self.exposure_source.exposures_dated is not Dated.END_OF_PERIOD:
            raise ValueError("descriptors are known at the close of their date; exposures beside them must be end_of_period, too")
        return self

    @model_validator(mode="after")
    def _currencies_are_exchanged(self) -> "Sources":
        of_returns, of_caps = self.return_columns.currency, self.exposure_columns.cap_currency
        if of_caps is not None and self.exposure_columns.cap is None:
            raise ValueError("`cap_currency` is the currency of the column `cap`, which is not mapped beside it")
        if self.exchange_rates is None and (of_returns, self.cap_currency) != (None, None):
            raise ValueError("`currency` and `cap_currency` are converted by `exchange_rates:`, and there are none")
        if self.exchange_rates is not None and of_returns is None:
            name = "panel" if self.panel else "returns"
            raise ValueError(f"`exchange_rates:` convert local returns; map the `currency` of each under sources.{name}.columns")
        if self.prices is not None and self.cap_currency is not None:
            caps = self.caps or self.exposure_source
            if (caps.where, caps.columns.cap) == (self.prices.where, self.prices.columns.cap):
                raise ValueError("`prices:` take caps as they stand; map a column there that has them in one currency")
        if self.prices is not None and of_returns is not None:
            local = self.return_source
            if (local.where, local.columns.ret) == (self.prices.where, self.prices.columns.ret):
                raise ValueError("`prices:` take returns as they stand; map a column there that has them in one currency")
        return self

    @property
    def cap_currency(self) -> str | None:
        """The column with the currency of each cap; None: all are in one."""
        return self.caps.columns.cap_currency if self.caps is not None else self.exposure_columns.cap_currency

    @property
    def exposure_source(self) -> PanelSource | ExposureSource:
        """Where exposures come from."""
        return self.panel or self.exposures  # type: ignore[return-value]  # _complete holds

    @property
    def return_source(self) -> PanelSource | ReturnSource:
        """Where returns come from."""
        return self.panel or self.returns  # type: ignore[return-value]  # _complete holds

    @property
    def exposure_columns(self) -> ExposureColumns:
        """The exposures' columns."""
        return self.exposure_source.columns

    @property
    def return_columns(self) -> PanelColumns | ReturnColumns:
        """The returns' columns."""
        return self.return_source.columns

    @property
    def has_caps(self) -> bool:
        """Whether market capitalisations are given."""
        return self.caps is not None or self.exposure_columns.cap is not None

    def ingested(self) -> dict[str, Location]:
        """Those that ingest reads itself."""
        return {name: place for name, place in self.locations().items() if name not in DESCRIBED_SOURCES}

    def locations(self) -> dict[str, Location]:
        """Every source by its name in the configuration."""
        return {name: place for name in type(self).model_fields if isinstance(place := getattr(self, name), Location)}
