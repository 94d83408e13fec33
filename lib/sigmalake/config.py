"""The configuration: one YAML file, checked before anything runs.

Unknown and duplicate keys are refused. Paths in the file are relative to the file; a path given with `--set` is relative to
the folder where the command runs. A stage's hash covers what that stage reads and no path, so that moving files recomputes nothing.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator, model_validator

from sigmalake.errors import ConfigError
from sigmalake.numerics.cross_section import RegressionRules, Weighting
from sigmalake.numerics.factor_cov import EwmaFactorCov, FactorCovEstimator
from sigmalake.numerics.specific_var import EwmaSpecificVar, SpecificVarEstimator

CATALOG_NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*){1,2}")
FACTOR_NAME = re.compile(r"[^\s,][^,\n]*")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Dated(StrEnum):
    """What the date of an exposure means."""

    END_OF_PERIOD = "end_of_period"  # known at the close of its date: explains the next date's return
    START_OF_PERIOD = "start_of_period"  # already beside the return that it explains


class Location(_Strict):
    """Where a source lies: a file, a folder or a table, and how its columns are called."""

    path: str | None = None
    table: str | None = None
    format: Literal["parquet", "csv", "delta"] | None = None

    @model_validator(mode="after")
    def _one_place(self) -> "Location":
        if (self.path is None) == (self.table is None):
            raise ValueError("give either `path:` (a file, folder or URI) or `table:` (catalog.schema.name)")
        if self.table is not None and not CATALOG_NAME.fullmatch(self.table):
            raise ValueError(f"table: {self.table!r} is not a table's name; give catalog.schema.name or schema.name")
        return self

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


class KeyColumns(_Strict):
    """The source's own names for date and asset."""

    date: str = "date"
    asset_id: str = "asset_id"


class ExposureColumns(KeyColumns):
    """Wide sources name their factor columns under `factors:`; `factor` and `value` make it long, `map` a map column."""

    cap: str | None = None  # market capitalisation, any one currency
    weight: str | None = None  # regression weights, for `weights: column`
    in_estimation: str | None = None  # boolean: member of the estimation universe; absent: every asset is
    issuer_id: str | None = None
    factor: str | None = None
    value: str | None = None
    map: str | None = None

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

    ret: str = "ret"  # simple return of the period that ends at `date`, fraction
    rate: str | None = None  # risk-free rate of the same period, fraction


class ReturnColumns(KeyColumns):
    """Returns apart."""

    ret: str = "ret"
    rate: str | None = None


class CapColumns(KeyColumns):
    """Caps apart."""

    cap: str = "cap"


class RateColumns(_Strict):
    """Risk-free rates, one a date."""

    date: str = "date"
    rate: str = "rate"


class CalendarColumns(_Strict):
    """A table of dates."""

    date: str = "date"


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


class CalendarSource(Location):
    """The calendar, where the returns' own dates do not do."""

    columns: CalendarColumns = CalendarColumns()


class Sources(_Strict):
    """A wide panel, or returns and exposures apart; rates, caps and a calendar where they lie elsewhere."""

    panel: PanelSource | None = None
    returns: ReturnSource | None = None
    exposures: ExposureSource | None = None
    caps: CapSource | None = None
    rates: RateSource | None = None
    calendar: CalendarSource | None = None
    exposures_max_age: int = Field(default=1, ge=1)  # periods from the exposures' date to the return they explain [model 1]

    @model_validator(mode="after")
    def _complete(self) -> "Sources":
        if (self.panel is None) == (self.returns is None and self.exposures is None):
            raise ValueError("give either `panel:` or `returns:` and `exposures:`")
        if self.panel is None and (self.returns is None or self.exposures is None):
            raise ValueError("`returns:` and `exposures:` go together")
        if self.caps is not None and self.exposure_columns.cap is not None:
            raise ValueError("caps are given twice: as a column and as `caps:`")
        if self.rates is not None and self.return_columns.rate is not None:
            raise ValueError("risk-free rates are given twice: as a column and as `rates:`")
        return self

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

    def locations(self) -> dict[str, Location]:
        """Every source by its name in the configuration."""
        return {name: place for name in type(self).model_fields if isinstance(place := getattr(self, name), Location)}


class MarketFactor(_Strict):
    """A column of ones."""

    market: str = "market"


class Membership(_Strict):
    """A group of factors whose exposures are shares: a category column, numeric columns, or a map column."""

    membership: str
    column: str | None = None  # a category: share 1 in its level
    columns: dict[str, str] | None = None  # factor: column of shares
    map: str | None = None  # a map column: factor -> share
    levels: list[str] | None = None  # the group's factors; absent: learned, in the order (first date, name)
    partial: bool = False  # shares may sum to less than 1

    @field_validator("columns", mode="before")
    @classmethod
    def _names_are_text(cls, columns: object) -> object:
        if isinstance(columns, Mapping) and (odd := [key for key in columns if not isinstance(key, str)]):
            raise ValueError(f"{odd[0]!r} is not a name; YAML reads NO, ON and YES as true or false: write them in quotes")
        return columns

    @model_validator(mode="after")
    def _one_form(self) -> "Membership":
        if sum(form is not None for form in (self.column, self.columns, self.map)) != 1:
            raise ValueError("give one of `column:` (a category), `columns:` (shares by factor) or `map:` (a map column)")
        if self.columns is not None and self.levels is not None:
            raise ValueError("`columns:` already lists the levels")
        if self.levels is not None and len(set(self.levels)) < len(self.levels):
            raise ValueError("`levels:` names a level twice")
        return self

    @property
    def listed(self) -> list[str] | None:
        """The levels that the configuration fixes; None where they are learned."""
        return list(self.columns) if self.columns is not None else self.levels


class Styles(_Strict):
    """Numeric exposures, used as they stand; a row without one is rejected."""

    styles: Annotated[list[str], Field(min_length=1)]
    as_given: Literal[True] = True
    missing: Literal["reject"] = "reject"


FactorEntry = MarketFactor | Membership | Styles


class Variant(_Strict):
    """One way of estimating Sigma and Delta; a model has as many as it names."""

    factor_cov: Annotated[FactorCovEstimator, Field(discriminator="estimator")] = EwmaFactorCov(half_life=84.0)  # [M]
    specific_var: Annotated[SpecificVarEstimator, Field(discriminator="estimator")] = EwmaSpecificVar(half_life=84.0)  # [M]
    every: Literal["day", "week", "month"] = "day"

    @property
    def look_back(self) -> int:
        """Periods of the calendar that one date's estimate reads, itself included."""
        return max(self.factor_cov.look_back, self.specific_var.look_back)


class AssetFile(_Strict):
    """Assets listed in a file: one a line, or a column `asset_id` of a CSV or Parquet file."""

    file: str


class Covariance(_Strict):
    """The final build of V: which assets, dates and variants `run` ends with."""

    variants: list[str] | None = None  # None: every variant
    dates: Literal["last", "month_end"] | list[date] = "last"
    assets: Literal["all"] | list[str] | AssetFile = "all"
    exposures: Literal["known", "used"] = "known"
    max_cells: int = Field(default=100_000_000, ge=1)  # N^2 x dates x variants; 10,000 assets on one date, some 2.5 GB


class Checks(_Strict):
    """What stops a release."""

    max_coverage_drop: float = Field(default=0.2, ge=0, le=1)  # share of the day before's assets that may go missing
    min_r2: float = Field(default=0.0, le=1)  # of every regression since the last release
    max_failed_dates: int = Field(default=0, ge=0)  # regressions without factor returns since the last release
    require_factor_cov: bool = True  # every variant has Sigma on the release's date


class Config(_Strict):
    """A model: its sources, factors, estimators, and the lake it is kept in."""

    model: Annotated[str, Field(min_length=1)]
    lake: Annotated[str, Field(min_length=1)]
    sources: Sources
    factors: Annotated[list[FactorEntry], Field(min_length=1)]
    regression: RegressionRules = RegressionRules()
    risk: dict[str, Variant] = Field(default_factory=dict)
    covariance: Covariance | None = None
    checks: Checks = Checks()
    spark: dict[str, str | int | float | bool] = Field(default_factory=dict)  # settings of a session that we start ourselves

    @field_validator("factors", mode="before")
    @classmethod
    def _tell_entries_apart(cls, entries: object) -> object:
        if not isinstance(entries, list):
            raise ValueError("factors is a list: - {market: market}, - {membership: sector, column: sector}, - {styles: [...]}")
        return [_factor_entry(entry, position) for position, entry in enumerate(entries)]

    @model_validator(mode="after")
    def _consistent(self) -> "Config":
        _refuse_repeated("factor group", ["market" for e in self.factors if isinstance(e, MarketFactor)])
        _refuse_repeated("factor group", [entry.membership for entry in self.memberships])
        _refuse_repeated("factor", self._listed_factors())
        needs_caps = self.regression.weights in (Weighting.CAP, Weighting.SQRT_CAP)
        if needs_caps and not self.sources.has_caps:
            raise ValueError(
                f"regression.weights is {self.regression.weights.value} but no source has caps; "
                "map a `cap` column, give `sources.caps`, or choose `weights: equal`"
            )
        if self.regression.weights is Weighting.COLUMN and self.sources.exposure_columns.weight is None:
            raise ValueError("regression.weights is column but no `weight` column is mapped")
        if self.covariance is not None and (unknown := set(self.covariance.variants or ()) - set(self.risk)):
            raise ValueError(f"covariance.variants names {sorted(unknown)}; risk has {sorted(self.risk) or 'no variant'}")
        return self

    def _listed_factors(self) -> list[str]:
        names = [entry.market for entry in self.factors if isinstance(entry, MarketFactor)]
        names += [level for entry in self.memberships for level in entry.listed or ()]
        return names + self.styles

    @property
    def memberships(self) -> list[Membership]:
        """The membership groups, in order."""
        return [entry for entry in self.factors if isinstance(entry, Membership)]

    @property
    def styles(self) -> list[str]:
        """The style factors, in order."""
        return [style for entry in self.factors if isinstance(entry, Styles) for style in entry.styles]

    @property
    def covariance_variants(self) -> list[str]:
        """The variants that V is built for."""
        return list(self.risk) if self.covariance is None or self.covariance.variants is None else self.covariance.variants

    def ingest_hash(self) -> str:
        """Of all that a row of `panel` depends on beside the data."""
        sources = self.sources.model_dump(mode="json", exclude_none=True)
        for source in sources.values():
            if isinstance(source, dict):
                for place in ("path", "table", "format"):
                    source.pop(place, None)
        return _digest({"sources": sources, "factors": [entry.model_dump(mode="json") for entry in self.factors]})

    def regress_hash(self) -> str:
        """Of all that a row of `cross_sections` depends on beside the panel."""
        return _digest(TypeAdapter(RegressionRules).dump_python(self.regression, mode="json"))

    def variant_hash(self, variant: str) -> str:
        """Of all that a row of `risk_models` depends on beside the cross-sections; not the grid, which only chooses rows."""
        return _digest(self.risk[variant].model_dump(mode="json", exclude={"every"}))

    def resolved(self) -> str:
        """The whole configuration with its defaults, as YAML."""
        return yaml.safe_dump(self.model_dump(mode="json", exclude_none=True), sort_keys=False, allow_unicode=True)

    def full_hash(self) -> str:
        """Of everything but places and the session's settings."""
        body = self.model_dump(mode="json", exclude={"lake", "sources", "spark"})
        return _digest({"body": body, "ingest": self.ingest_hash()})


def load_config(path: Path, overrides: Sequence[str] = ()) -> Config:
    """The configuration in a file, with `a.b=c` overrides put over it.

    Raises:
        ConfigError: names every mistake, with its place in the file.
    """
    body = _read_yaml(path)
    _resolve_paths(body, path.resolve().parent)
    given: dict[str, Any] = {}
    for override in overrides:
        _set_override(body, given, override)
    _resolve_paths(given, Path.cwd())
    _merge(body, given)
    try:
        return Config.model_validate(body)
    except ValidationError as error:
        raise ConfigError(explain_validation(error, str(path))) from None


def explain_validation(error: ValidationError, where: str) -> str:
    """Pydantic's findings as lines a quant reads: the key, what is wrong, the value seen."""
    lines = []
    for problem in error.errors(include_url=False):
        key = ".".join(str(part) for part in problem["loc"] if not _is_tag(part)) or "the file"
        message = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            message = "unknown key"
        elif problem["type"] == "missing":
            message = "is missing"
        seen = problem.get("input")
        shown = "" if problem["type"] == "missing" or isinstance(seen, dict | list | BaseModel) else f" (value: {seen!r})"
        lines.append(f"{key}: {message}{shown}")
    return f"{where} is not a valid configuration:\n  " + "\n  ".join(dict.fromkeys(lines))


def _is_tag(part: object) -> bool:
    return part in {"PanelSource", "MarketFactor", "Membership", "Styles", "list[str]", "AssetFile", "list[date]"} or (
        isinstance(part, str) and part.startswith(("literal[", "function-"))
    )


def _factor_entry(entry: object, position: int) -> object:
    kinds: dict[str, type[_Strict]] = {"market": MarketFactor, "membership": Membership, "styles": Styles}
    if isinstance(entry, _Strict):
        return entry
    found = [kind for kind in kinds if isinstance(entry, Mapping) and kind in entry]
    if len(found) != 1:
        raise ValueError(f"entry {position + 1} must have exactly one of `market:`, `membership:`, `styles:`; it is {entry!r}")
    try:
        return kinds[found[0]].model_validate(entry)
    except ValidationError as error:
        raise ValueError(explain_validation(error, f"entry {position + 1} ({found[0]})")) from None


def _refuse_repeated(what: str, names: Sequence[str]) -> None:
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"{what} {repeated[0]!r} is named twice")


class _UniqueKeyLoader(yaml.SafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]  # type: ignore[no-untyped-call]
        for position, key in enumerate(keys):
            if key in keys[:position]:
                line = node.value[position][0].start_mark.line + 1
                raise ConfigError(f"key {key!r} is given twice (line {line})")
        return super().construct_mapping(node, deep)


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        body = yaml.load(path.read_text(encoding="utf-8"), Loader=_UniqueKeyLoader)  # a SafeLoader
    except FileNotFoundError:
        raise ConfigError(f"configuration {path} does not exist") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"configuration {path} cannot be read: {error}") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is not YAML: {error}") from None
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    if not isinstance(body, dict):
        raise ConfigError(f"{path} is not a configuration: it holds {type(body).__name__}, not `key: value` lines")
    return body


def _set_override(body: Mapping[str, Any], given: dict[str, Any], override: str) -> None:
    keys, equals, text = override.partition("=")
    if not equals or not keys.strip():
        raise ConfigError(f"--set {override!r}: give it as a.b=c")
    node, here = given, body
    *parents, leaf = keys.strip().split(".")
    for parent in parents:
        inner = here.get(parent) if isinstance(here, Mapping) else None
        if inner is not None and not isinstance(inner, Mapping):
            raise ConfigError(f"--set {override!r}: {parent} is not a section")
        node, here = node.setdefault(parent, {}), inner or {}
    try:
        node[leaf] = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"--set {override!r}: the value is not YAML: {error}") from None


def _merge(body: dict[str, Any], given: Mapping[str, Any]) -> None:
    for key, value in given.items():
        if isinstance(value, Mapping) and isinstance(body.get(key), dict):
            _merge(body[key], value)
        else:
            body[key] = value


def _resolve_paths(body: dict[str, Any], folder: Path) -> None:
    sources = body.get("sources")
    for source in sources.values() if isinstance(sources, dict) else ():
        if isinstance(source, dict) and isinstance(source.get("path"), str):
            source["path"] = _absolute(source["path"], folder)
    lake = body.get("lake")
    if isinstance(lake, str) and lake and not CATALOG_NAME.fullmatch(lake):
        body["lake"] = _absolute(lake, folder)
    assets = body["covariance"].get("assets") if isinstance(body.get("covariance"), dict) else None
    if isinstance(assets, dict) and isinstance(assets.get("file"), str):
        assets["file"] = _absolute(assets["file"], folder)


def _absolute(path: str, folder: Path) -> str:
    scheme = re.match(r"([a-z][a-z0-9+.-]*):", path)
    if scheme is None:
        return str((folder / path).resolve())
    if not re.match(r"[a-z][a-z0-9+.-]*:/", path) or (scheme[1] != "file" and not re.match(r"[a-z0-9+.-]+://[^/]", path)):
        raise ConfigError(f"{path!r} is not a path: after {scheme[1]}: a URI goes on as //host/... (or file:/folder)")
    return path.removeprefix("file://").removeprefix("file:") if scheme[1] == "file" else path


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:16]


def digest_of(parts: Iterable[str]) -> str:
    """A hash of hashes, in the order given."""
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:16]
