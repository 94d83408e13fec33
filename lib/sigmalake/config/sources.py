"""What `sources:` may say: where the data lie, and what each source is."""

import codecs
import difflib
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path, PurePath
from typing import Annotated, Literal

from pydantic import Field, model_validator

from sigmalake.config.columns import (
    NO_VALUE_TRADED,
    BookColumns,
    CalendarColumns,
    CapColumns,
    ExchangeRateColumns,
    ExposureColumns,
    FactorReturnColumns,
    FigureColumns,
    PanelColumns,
    PriceColumns,
    RateColumns,
    ReturnColumns,
    RevenueColumns,
    SegmentColumns,
)
from sigmalake.config.types import CATALOG_NAME, Name, Strict, key
from sigmalake.errors import ConfigError
from sigmalake.numerics.prices.rules import TotalReturnRules

DESCRIBED_SOURCES = ("prices", "fundamentals", "segments", "revenues")  # read for descriptors and shares
SHARE_SOURCES = ("segments", "revenues")  # of them, those that shares are computed from
NOT_INGESTED = (*DESCRIBED_SOURCES, "books")  # read by stages of their own
UNREADABLE = (".xlsx", ".xls", ".feather", ".arrow", ".json", ".txt", ".tsv", ".pkl", ".h5", ".zip", ".orc", ".avro")


class Dated(StrEnum):
    """What the date of an exposure means."""

    END_OF_PERIOD = "end_of_period"  # known at the close of its date: explains the next date's return
    START_OF_PERIOD = "start_of_period"  # already beside the return that it explains


class ReturnUnit(StrEnum):
    """What a return of 1 means."""

    FRACTION = "fraction"  # 100 %
    PERCENT = "percent"  # 1 %


class Location(Strict):
    """Where a source lies: a file, a folder or a table, and how its columns are called."""

    path: Annotated[
        Annotated[str, Field(min_length=1)] | None,
        key("a file, folder or URI, relative to the configuration's file; this or `table`"),
    ] = None
    table: Annotated[str | None, key("a table of the catalog, `catalog.schema.name`; this or `path`")] = None
    format: Annotated[
        Literal["parquet", "csv", "delta"] | None, key("`parquet`, `csv` or `delta`; none: `csv` by the suffix, else `parquet`")
    ] = None
    encoding: Annotated[
        str | None, key("encoding of CSV files, e.g. `latin-1` or `utf-16`; none: UTF-8, with or without a byte order mark")
    ] = None

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

    @model_validator(mode="after")
    def _encoding_of_text(self) -> "Location":
        if self.encoding is None:
            return self
        if self.table is not None or self.read_as != "csv":
            raise ValueError(f"encoding: {self.encoding} is for CSV files, and {self.where} is {self._kind}; leave it out")
        try:
            codecs.lookup(self.encoding)
        except LookupError:
            raise ValueError(
                f"encoding: {self.encoding!r} is not the name of an encoding; latin-1, cp1252, utf-16 and gb18030 are some"
            ) from None
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
    def _kind(self) -> str:
        return "a table" if self.table is not None else f"read as {self.read_as}"

    @property
    def read_as(self) -> str:
        """The format: as given, else from the suffix; a folder without one is Parquet."""
        if self.format:
            return self.format
        return "csv" if (self.path or "").lower().endswith((".csv", ".csv.gz")) else "parquet"


ExposuresDated = Annotated[
    Dated,
    key("`end_of_period`: known at the close of their date; or `start_of_period`: dated by the return that they explain"),
]


ReturnsIn = Annotated[
    ReturnUnit, key("`fraction`: 0.01 is 1 %; or `percent`: 1 is 1 %. It is the unit of the column `ret` alone, not that of `rate`")
]


class PanelSource(Location):
    """One wide panel."""

    columns: Annotated[PanelColumns, key("how the columns are called")] = PanelColumns()
    returns_in: ReturnsIn = ReturnUnit.FRACTION
    exposures_dated: ExposuresDated = Dated.END_OF_PERIOD


class ReturnSource(Location):
    """Returns apart."""

    columns: Annotated[ReturnColumns, key("how the columns are called")] = ReturnColumns()
    returns_in: ReturnsIn = ReturnUnit.FRACTION
    from_prices: Annotated[
        TotalReturnRules | None, key("how returns are made from the column `price`; with it the defaults count, without it none")
    ] = None

    @model_validator(mode="before")
    @classmethod
    def _prices_have_rules(cls, given: object) -> object:
        columns = given.get("columns") if isinstance(given, Mapping) else None
        if isinstance(given, Mapping) and isinstance(columns, Mapping) and columns.get("price") is not None:
            return {**given, "from_prices": given.get("from_prices") or {}}
        return given

    @model_validator(mode="after")
    def _of_prices(self) -> "ReturnSource":
        if self.columns.price is None and self.from_prices is not None:
            raise ValueError("`from_prices` says how returns are made from the column `price`, which is not mapped")
        if self.columns.price is not None and self.returns_in is not ReturnUnit.FRACTION:
            raise ValueError("returns that are made from `price` are fractions; leave `returns_in` out")
        return self


class ExposureSource(Location):
    """Exposures apart: wide, long or a map column."""

    columns: Annotated[ExposureColumns, key("how the columns are called")] = ExposureColumns()
    exposures_dated: ExposuresDated = Dated.END_OF_PERIOD


class CapSource(Location):
    """Caps apart, dated as the exposures are."""

    columns: Annotated[CapColumns, key("how the columns are called")] = CapColumns()


class RateSource(Location):
    """Risk-free rates."""

    columns: Annotated[RateColumns, key("how the columns are called")] = RateColumns()


class ExchangeRateSource(Location):
    """What turns local returns, and local caps, into a base currency."""

    base: Annotated[
        Name,
        key("currency that the model counts in: returns, caps, the risk-free rate; its own rate is 1, and need not be listed"),
    ]
    hedged: Annotated[
        bool,
        key(
            "r (1 + fx) + p, p = (1 + i_base) / (1 + i_local) - 1, in the place of (1 + r)(1 + fx) - 1: at t-1 each position's "
            "value is sold forward for a period"
        ),
    ] = False
    columns: Annotated[ExchangeRateColumns, key("how the columns are called")] = ExchangeRateColumns()

    @model_validator(mode="after")
    def _interest_is_for_hedging(self) -> "ExchangeRateSource":
        if self.columns.interest_rate is not None and not self.hedged:
            raise ValueError("`interest_rate` prices the forward sales of hedged returns; say `hedged: true`, or leave it out")
        return self


class FactorReturnSource(Location):
    """Returns of factors that are given, not estimated."""

    columns: Annotated[FactorReturnColumns, key("how the columns are called")] = FactorReturnColumns()
    returns_in: Annotated[ReturnUnit, key("`fraction`: 0.01 is 1 %; or `percent`: 1 is 1 %")] = ReturnUnit.FRACTION


class PriceSource(Location):
    """Prices and volumes that descriptors are computed from."""

    columns: Annotated[PriceColumns, key("how the columns are called")] = PriceColumns()
    returns_in: ReturnsIn = ReturnUnit.FRACTION
    from_prices: Annotated[
        TotalReturnRules | None,
        key("how returns are made from the column `price`; `{}`: by the defaults; none: they are in the column `ret`"),
    ] = None

    @model_validator(mode="after")
    def _returns_once(self) -> "PriceSource":
        c = self.columns
        if self.from_prices is None:
            if c.priced:
                raise ValueError(
                    f"`{c.priced[0]}` is for returns that are made from `price`: say `from_prices: {{}}`, or leave it out"
                )
            if c.price is not None and c.volume is None:
                raise ValueError(NO_VALUE_TRADED)
        elif c.price is None:
            raise ValueError("`from_prices` says how returns are made from the column `price`, which is not mapped")
        elif "ret" in c.model_fields_set or self.returns_in is not ReturnUnit.FRACTION:
            raise ValueError("with `from_prices` returns are made from `price`, as fractions: leave `ret` and `returns_in` out")
        return self


class FundamentalSource(Location):
    """Figures of the accounts as they became known."""

    columns: Annotated[FigureColumns, key("how the columns are called")] = FigureColumns()


class SegmentSource(Location):
    """Assets and sales of companies' segments as they became known."""

    columns: Annotated[SegmentColumns, key("how the columns are called")]


class RevenueSource(Location):
    """Revenues of companies by country, industry or another level as they became known."""

    columns: Annotated[RevenueColumns, key("how the columns are called")]
    max_age: Annotated[
        int,
        key(
            "age up to which a company's revenues count after they became known; 550 serves annual accounts that come late",
            unit="days",
            source="choice",
        ),
        Field(ge=1),
    ] = 550


class BookSource(Location):
    """Portfolios of the user, whose risk the stage `portfolios` computes."""

    columns: Annotated[BookColumns, key("how the columns are called")] = BookColumns()


class CalendarSource(Location):
    """The calendar, where the returns' own dates do not do."""

    columns: Annotated[CalendarColumns, key("how the columns are called")] = CalendarColumns()


class SourcesConfig(Strict):
    """A wide panel, or returns and exposures apart; caps, rates and a calendar where they lie elsewhere."""

    panel: Annotated[PanelSource | None, key("a wide panel: exposures and returns side by side; or the next two")] = None
    returns: Annotated[ReturnSource | None, key("returns, where they lie apart")] = None
    exposures: Annotated[ExposureSource | None, key("exposures, where they lie apart: wide, long or a map column")] = None
    caps: Annotated[CapSource | None, key("market capitalisations, where they lie apart")] = None
    rates: Annotated[RateSource | None, key("risk-free rates, where they lie apart")] = None
    exchange_rates: Annotated[ExchangeRateSource | None, key("what turns local returns and caps into a base currency")] = None
    factor_returns: Annotated[
        FactorReturnSource | None, key("returns of the factors with `given`; see [model.md](model.md#given-factors)")
    ] = None
    calendar: Annotated[CalendarSource | None, key("the calendar; none: the dates of the returns")] = None
    prices: Annotated[PriceSource | None, key("what descriptors are computed from; they stand beside the exposures")] = None
    fundamentals: Annotated[FundamentalSource | None, key("figures of the accounts as they became known; with `prices`")] = None
    segments: Annotated[SegmentSource | None, key("companies' segments as they became known; with `cap` of `prices`")] = None
    revenues: Annotated[
        RevenueSource | None, key("companies' revenues by country or industry as they became known, for `revenues: true`")
    ] = None
    books: Annotated[
        BookSource | None, key("portfolios of your own, whose risk is computed on every date; see [books.md](books.md)")
    ] = None
    exposures_max_age: Annotated[
        int,
        key(
            "from the exposures' date to the return that they explain; more than 1 carries older exposures forward",
            unit="periods",
            source="choice",
        ),
        Field(ge=1),
    ] = 1

    @model_validator(mode="after")
    def _complete(self) -> "SourcesConfig":
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
        if self.described() and self.exposure_source.exposures_dated is not Dated.END_OF_PERIOD:
            known = "descriptors" if self.prices is not None else "revenues"
            raise ValueError(f"{known} are known at the close of their date; exposures beside them must be end_of_period, too")
        return self

    @model_validator(mode="after")
    def _currencies_are_exchanged(self) -> "SourcesConfig":
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

    def described(self) -> dict[str, Location]:
        """Those that `describe` reads."""
        return {name: place for name, place in self.locations().items() if name in DESCRIBED_SOURCES}

    def ingested(self) -> dict[str, Location]:
        """Those that ingest reads itself."""
        return {name: place for name, place in self.locations().items() if name not in NOT_INGESTED}

    def locations(self) -> dict[str, Location]:
        """Every source by its name in the configuration."""
        return {name: place for name in type(self).model_fields if isinstance(place := getattr(self, name), Location)}
