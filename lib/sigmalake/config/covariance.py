"""What `covariance:` may say: the assets, dates and variants that V is built for."""

from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from sigmalake.config.types import Strict, key
from sigmalake.errors import ConfigError


class AssetFile(Strict):
    """Assets listed in a file."""

    file: Annotated[
        str,
        Field(min_length=1),
        key("a file relative to the configuration's: an asset a line, or a column `asset_id` of a CSV or Parquet file"),
    ]

    def check_exists(self) -> None:
        """Refuse a file of this machine that is not there, before anything is computed.

        Raises:
            ConfigError: names it.
        """
        if "://" not in self.file and not Path(self.file).is_file():
            raise ConfigError(f"covariance.assets.file: {self.file} is no file; paths are relative to the configuration's folder")


def _one_of(message: str, *words: str) -> Discriminator:
    """Tells a value that may have several forms by its form, so that a mistake is explained for the form that was meant."""

    def form(value: object) -> str | None:
        if isinstance(value, str):
            return "<word>" if value in words else None
        return "<list>" if isinstance(value, list) else "<section>" if isinstance(value, dict | AssetFile) else None

    return Discriminator(form, custom_error_type="form", custom_error_message=message)


RequestedDates = Annotated[
    Annotated[Literal["last", "month_end"], Tag("<word>")] | Annotated[list[date], Tag("<list>"), Field(min_length=1)],
    _one_of("must be last, month_end or a list of dates, e.g. [2024-06-28]", "last", "month_end"),
]
RequestedAssets = Annotated[
    Annotated[Literal["all"], Tag("<word>")]
    | Annotated[list[str], Tag("<list>"), Field(min_length=1)]
    | Annotated[AssetFile, Tag("<section>")],
    _one_of("must be all, a list of assets, e.g. [AAPL, MSFT], or {file: FILE}", "all"),
]


class Covariance(Strict):
    """The final build of V: which assets, dates and variants `run` ends with. Without `covariance:` no V is stored."""

    variants: Annotated[Annotated[list[str], Field(min_length=1)] | None, key("variants that V is built for; none: every one")] = (
        None
    )
    dates: Annotated[RequestedDates, key("`last`, `month_end`, or a list of dates")] = "last"
    assets: Annotated[RequestedAssets, key("`all`, a list, or `{file: FILE}`")] = "all"
    exposures: Annotated[
        Literal["known", "used"], key("`known`: the exposures at the date; or `used`: those of its regression")
    ] = "known"
    cells: Annotated[bool, key("also write V cell by cell, a row a pair of assets, beside a row an asset")] = False
    max_cells: Annotated[
        int,
        key(
            "the largest V that is built, N^2 x dates x variants; 10,000 assets on one date are the default",
            unit="cells",
            source="choice",
        ),
        Field(ge=1),
    ] = 100_000_000
