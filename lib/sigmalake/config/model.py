"""The configuration: one YAML file, checked before anything runs.

Unknown and duplicate keys are refused. Paths in the file are relative to the file; a path given with `--set` is relative to
the folder where the command runs. A stage's hash covers what that stage reads and no path, so that moving files recomputes nothing.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    Discriminator,
    Field,
    Tag,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from sigmalake.config.factors import FactorEntry, MarketFactor, Membership, StandardisedStyles, Styles, factor_entry
from sigmalake.config.presets import PRESETS, PresetName, over_preset
from sigmalake.config.sources import DESCRIBED_SOURCES, Sources
from sigmalake.config.types import CATALOG_NAME, Strict, refuse_repeated
from sigmalake.config.yaml_file import explain_validation, merge, overridden, read_mapping
from sigmalake.errors import ConfigError
from sigmalake.numerics.descriptors.fundamentals import FundamentalDescriptors
from sigmalake.numerics.descriptors.library import DescriptorRules
from sigmalake.numerics.descriptors.prices import PriceDescriptors
from sigmalake.numerics.evaluation.forecast_evaluation import EvaluationRules
from sigmalake.numerics.exposures.style_rules import Missing, StyleRules, style_order
from sigmalake.numerics.factor_cov.estimators import EwmaFactorCov, FactorCovEstimator
from sigmalake.numerics.regression.rules import RegressionRules, RegressionWeights
from sigmalake.numerics.specific_risk.estimators import EwmaSpecificVar, SpecificVarEstimator
from sigmalake.numerics.windows.calendar import Frequency

VARIANT_NAME = re.compile(r"\w[\w-]*")  # it stands in SQL, in --set and in file names


class Variant(Strict):
    """One way of estimating Sigma and Delta; a model has as many as it names."""

    preset: PresetName | None = Field(default=None, exclude=True)  # what it filled in stands below: that alone is hashed and shown
    factor_cov: Annotated[FactorCovEstimator, Field(discriminator="estimator")] = EwmaFactorCov(half_life=84.0)  # [M]
    specific_var: Annotated[SpecificVarEstimator, Field(discriminator="estimator")] = EwmaSpecificVar(half_life=84.0)  # [M]
    frequency: Frequency = "period"
    every: Literal["day", "week", "month"] = "day"

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
    def own_period(self) -> dict[str, bool]:
        """`frequency` where it says nothing: that months have become possible makes no row stale."""
        return {} if self.by_month else {"frequency": True}

    @property
    def look_back(self) -> int:
        """Periods that one date's estimate reads, the newest included: dates of the calendar, or complete months."""
        return max(self.factor_cov.look_back, self.specific_var.look_back)


class AssetFile(Strict):
    """Assets listed in a file: one a line, or a column `asset_id` of a CSV or Parquet file."""

    file: Annotated[str, Field(min_length=1)]


def _one_of(told: str, *words: str) -> Discriminator:
    """Tells a value that may have several forms by its form, so that a mistake is told of the form that was meant."""

    def form(value: object) -> str | None:
        if isinstance(value, str):
            return "<word>" if value in words else None
        return "<list>" if isinstance(value, list) else "<section>" if isinstance(value, dict | AssetFile) else None

    return Discriminator(form, custom_error_type="form", custom_error_message=told)


DatesAsked = Annotated[
    Annotated[Literal["last", "month_end"], Tag("<word>")] | Annotated[list[date], Tag("<list>"), Field(min_length=1)],
    _one_of("must be last, month_end or a list of dates, e.g. [2024-06-28]", "last", "month_end"),
]
AssetsAsked = Annotated[
    Annotated[Literal["all"], Tag("<word>")]
    | Annotated[list[str], Tag("<list>"), Field(min_length=1)]
    | Annotated[AssetFile, Tag("<section>")],
    _one_of("must be all, a list of assets, e.g. [AAPL, MSFT], or {file: FILE}", "all"),
]


class Covariance(Strict):
    """The final build of V: which assets, dates and variants `run` ends with."""

    variants: Annotated[list[str], Field(min_length=1)] | None = None  # None: every variant
    dates: DatesAsked = "last"
    assets: AssetsAsked = "all"
    exposures: Literal["known", "used"] = "known"
    max_cells: int = Field(default=100_000_000, ge=1)  # N^2 x dates x variants; 10,000 assets on one date, some 2.5 GB


class Checks(Strict):
    """What stops a release."""

    max_coverage_drop: float = Field(default=0.2, ge=0, le=1)  # share of the day before's assets that may go missing
    min_r2: float = Field(default=0.0, le=1)  # of every regression since the last release; uncentred where X has no constant
    max_failed_dates: int = Field(default=0, ge=0)  # regressions without factor returns since the last release
    require_factor_cov: bool = True  # every variant has Sigma on the release's date


class Evaluate(Strict):
    """What `sigmalake evaluate` tests."""

    variants: list[str] | None = None  # None: every variant
    test_portfolios: EvaluationRules = EvaluationRules()
    portfolios: Annotated[str, Field(min_length=1)] | None = (
        None  # CSV or Parquet file: date (or none), portfolio, asset_id, weight
    )
    rolling_window: int | None = Field(default=None, ge=2)  # forecasts; None: those of 12 months [M]


class Config(Strict):
    """A model: its sources, factors, estimators, and the lake it is kept in."""

    model: Annotated[str, Field(min_length=1)]
    lake: Annotated[str, Field(min_length=1)]
    sources: Sources
    factors: Annotated[list[FactorEntry], Field(min_length=1)]
    descriptors: DescriptorRules | None = None  # None: without prices, no descriptors; with them, the defaults
    regression: RegressionRules = RegressionRules()
    risk: dict[str, Variant] = Field(default_factory=dict)
    covariance: Covariance | None = None
    checks: Checks = Checks()
    evaluate: Evaluate = Evaluate()
    spark: dict[str, str | int | float | bool] = Field(default_factory=dict)  # settings of a session that we start ourselves

    @field_validator("factors", mode="before")
    @classmethod
    def _tell_entries_apart(cls, entries: object) -> object:
        if not isinstance(entries, list):
            raise ValueError("must be a list: - {market: market}, - {membership: sector, column: sector}, - {styles: [...]}")
        found = [factor_entry(entry, f"factors, entry {position}") for position, entry in enumerate(entries, 1)]
        if wrong := [line for lines in found if isinstance(lines, list) for line in lines]:
            raise PydanticCustomError("explained", "{lines}", {"lines": "\n  ".join(wrong)})
        return found

    @model_validator(mode="before")
    @classmethod
    def _prices_are_described(cls, given: object) -> object:
        sources = given.get("sources") if isinstance(given, Mapping) else None
        if isinstance(given, Mapping) and isinstance(sources, Mapping) and sources.get("prices") is not None:
            return {**given, "descriptors": given.get("descriptors") or {}}
        return given

    @field_validator("risk", mode="before")
    @classmethod
    def _variants_are_plain(cls, risk: object) -> object:
        for name in risk if isinstance(risk, Mapping) else ():
            if isinstance(name, str) and not VARIANT_NAME.fullmatch(name):
                raise ValueError(f"variant {name!r} must be named with letters, digits, _ and - only, e.g. monthly_60")
        return risk

    @field_validator("spark", mode="before")
    @classmethod
    def _settings_are_flat(cls, settings: object) -> object:
        for name, value in settings.items() if isinstance(settings, Mapping) else ():
            if not isinstance(value, str | int | float):
                raise ValueError(f"{name} is {value!r}; a setting is text, a number, true or false: {{spark.driver.memory: 8g}}")
        return settings

    @model_validator(mode="after")
    def _consistent(self) -> "Config":
        if sum(isinstance(entry, MarketFactor) for entry in self.factors) > 1:
            raise ValueError("factors has two `market:` entries; a model has one market factor")
        refuse_repeated("factor group", [entry.membership for entry in self.memberships])
        self._refuse_shares_without_segments()
        refuse_repeated("factor", self._listed_factors())
        if self.descriptors is not None and self.sources.prices is None:
            raise ValueError("descriptors are computed from `sources.prices`, and there are none")
        needs_caps = self.regression.weights in (RegressionWeights.CAP, RegressionWeights.SQRT_CAP)
        if needs_caps and not self.sources.has_caps:
            raise ValueError(
                f"regression.weights is {self.regression.weights.value} but no source has caps; "
                "map a `cap` column, give `sources.caps`, or choose `weights: equal`"
            )
        if self.regression.weights is RegressionWeights.COLUMN and self.sources.exposure_columns.weight is None:
            raise ValueError("regression.weights is column but no `weight` column is mapped")
        if self.covariance is not None and (unknown := sorted(set(self.covariance.variants or ()) - set(self.risk))):
            raise ValueError(f"covariance.variants names {', '.join(unknown)}; risk has {', '.join(self.risk) or 'no variant'}")
        if unknown := sorted(set(self.evaluate.variants or ()) - set(self.risk)):
            raise ValueError(f"evaluate.variants names {', '.join(unknown)}; risk has {', '.join(self.risk) or 'no variant'}")
        self._refuse_unknown_proxies()
        self._refuse_layers_without_data()
        self._refuse_unknown_orthogonal()
        for name, variant in self.risk.items():
            self.risk[name] = variant.seeded(f"{self.model}/{name}")
        return self

    def _refuse_shares_without_segments(self) -> None:
        of_segments = [entry.membership for entry in self.memberships if entry.segments]
        if len(of_segments) > 1:
            raise ValueError(
                f"factors has two groups with `segments: true`, {' and '.join(of_segments)}; their factors are the same"
            )
        if of_segments and self.sources.segments is None:
            raise ValueError(f"the group {of_segments[0]} has `segments: true`, and there are no `sources.segments`")

    def _refuse_layers_without_data(self) -> None:
        for name, variant in self.risk.items():
            key = f"risk.{name}.specific_var"
            if variant.specific_var.size_shrinkage is not None and not self.sources.has_caps:
                raise ValueError(
                    f"{key}.size_shrinkage needs caps, and no source has them; map a `cap` column, give `sources.caps`, or switch "
                    "it off with `size_shrinkage: null` under specific_var"
                )
            if variant.specific_var.linked is not None and self.sources.exposure_columns.issuer_id is None:
                raise ValueError(f"{key}.linked needs issuers, and no `issuer_id` column is mapped")

    def _refuse_unknown_proxies(self) -> None:
        if any(entry.listed is None for entry in self.memberships):
            return  # levels are learned: whether a proxy is there is a matter of the date
        for name, variant in self.risk.items():
            named = [factor for pair in variant.factor_cov.proxy.items() for factor in pair]
            if unknown := sorted(set(named) - set(self._listed_factors())):
                raise ValueError(f"risk.{name}.factor_cov.proxy names {', '.join(unknown)}; the model has no such factor")

    def _refuse_unknown_orthogonal(self) -> None:
        known = [*self.styles, *(entry.membership for entry in self.memberships)]
        for style, rules in self.style_rules.items():
            if unknown := [name for name in rules.orthogonal_to if name not in known]:
                raise ValueError(
                    f"styles.{style}.orthogonal_to names {', '.join(unknown)}, neither a style nor a group of memberships; "
                    f"the model has {', '.join(known)}"
                )
        style_order(self.style_rules)

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
        return [style for entry in self.factors if isinstance(entry, Styles | StandardisedStyles) for style in entry.styles]

    @property
    def style_rules(self) -> dict[str, StyleRules]:
        """The rules of the styles that are standardised here; none of those that are used as they stand."""
        entries = [entry for entry in self.factors if isinstance(entry, StandardisedStyles)]
        return {style: rules for entry in entries for style, rules in entry.styles.items()}

    @property
    def style_columns(self) -> list[str]:
        """The numbers that styles are made from, as the exposures' source calls them, each once."""
        rules = self.style_rules
        return list(
            dict.fromkeys(c for style in self.styles for c in (rules[style].weights(style) if style in rules else (style,)))
        )

    @property
    def described_columns(self) -> list[str]:
        """Those of them that the descriptors of the library give, in the place of the exposures' source."""
        s = self.sources
        made = () if s.prices is None else PriceDescriptors._fields + (FundamentalDescriptors._fields if s.fundamentals else ())
        named = {column for style, rules in self.style_rules.items() for column in rules.weights(style)}
        return [column for column in self.style_columns if column in made and column in named]

    @property
    def segment_group(self) -> Membership | None:
        """The group whose shares are computed from segments."""
        return next((entry for entry in self.memberships if entry.segments), None)

    @property
    def segment_levels(self) -> list[str] | None:
        """The industries that a segment may be of; None: any."""
        return None if self.segment_group is None else self.segment_group.levels

    @property
    def is_described(self) -> bool:
        """Whether what `describe` computes stands beside the exposures, and decides which of their rows can be used."""
        return bool(self.described_columns) or self.segment_group is not None

    @property
    def covariance_variants(self) -> list[str]:
        """The variants that V is built for."""
        return list(self.risk) if self.covariance is None or self.covariance.variants is None else self.covariance.variants

    @property
    def evaluated_variants(self) -> list[str]:
        """The variants whose forecasts are evaluated."""
        return list(self.risk) if self.evaluate.variants is None else self.evaluate.variants

    def ingest_hash(self) -> str:
        """Of all that a row of `panel` depends on beside the data."""
        sources = self.sources.model_dump(mode="json", exclude_none=True, exclude=set(DESCRIBED_SOURCES))
        for source in sources.values():
            if isinstance(source, dict):
                for place in ("path", "table", "format"):
                    source.pop(place, None)
        read = {"sources": sources, "factors": [entry.model_dump(mode="json") for entry in self.factors]}
        if any(rules.orthogonal_to or rules.missing is Missing.REGRESS for rules in self.style_rules.values()):
            read["weights"] = self.regression.instant_weights.value
        return _digest(read)

    def describe_hash(self) -> str:
        """Of all that a row of `descriptors` depends on beside the data and their columns."""
        return _digest(TypeAdapter(DescriptorRules | None).dump_python(self.descriptors, mode="json"))

    def described_source_hash(self, source: str) -> str:
        """Of all that decides how a source of descriptors is read: its columns, and of segments the industries that are listed."""
        place = getattr(self.sources, source)
        columns = None if place is None else place.columns.model_dump(mode="json")
        return _digest([columns, self.segment_levels] if source == "segments" else columns)

    def described_hashes(self) -> list[str]:
        """Of all that `describe` reads of the configuration; of segments where there are some."""
        sources = [name for name in DESCRIBED_SOURCES if name != "segments" or self.sources.segments is not None]
        return [self.describe_hash(), *map(self.described_source_hash, sources)]

    def regress_hash(self) -> str:
        """Of all that a row of `cross_sections` depends on beside the panel."""
        return _rules_digest(self.regression)

    def first_pass_hash(self) -> str:
        """Of all that a row of `first_pass` depends on beside the panel."""
        return _rules_digest(self.regression.first_pass)

    def variant_hash(self, variant: str) -> str:
        """Of all that a row of `risk_models` depends on beside the cross-sections; not the grid, which only chooses rows.

        A layer of Delta that is off is not in it: what has become possible since makes no row stale.
        """
        off = set(self.risk[variant].specific_var.layers_off)
        exclude: dict[str, Any] = {"every": True, "specific_var": off, **self.risk[variant].own_period}
        return _digest(self.risk[variant].model_dump(mode="json", exclude=exclude))

    def evaluate_hash(self) -> str:
        """Of all that a row of `forecast_evaluation` depends on beside the tables and the user's portfolios."""
        return _digest(TypeAdapter(EvaluationRules).dump_python(self.evaluate.test_portfolios, mode="json"))

    def resolved(self) -> str:
        """The whole configuration with its defaults, as YAML."""
        return yaml.safe_dump(self.model_dump(mode="json", exclude_none=True), sort_keys=False, allow_unicode=True)

    def full_hash(self) -> str:
        """Of everything but places, the session's settings, and the evaluation, which is no part of a release.

        A file of assets is a place: what it lists is in the hash of each V.
        """
        off = {"two_pass"} if self.regression.two_pass is None else set()
        apart: dict[str, Any] = dict.fromkeys(("lake", "sources", "spark", "evaluate", "descriptors"), True)
        listed = {"assets"} if self.covariance is not None and isinstance(self.covariance.assets, AssetFile) else set()
        risk = {name: variant.own_period for name, variant in self.risk.items()}
        body = self.model_dump(mode="json", exclude={**apart, "regression": off, "covariance": listed, "risk": risk})
        parts = {"body": body, "ingest": self.ingest_hash()}
        if self.sources.prices is not None:
            parts["describe"] = self.described_hashes()
        return _digest(parts)


def load_config(path: Path, overrides: Sequence[str] = ()) -> Config:
    """The configuration in a file, with `a.b=c` overrides put over it.

    Raises:
        ConfigError: names every mistake, with its place in the file.
    """
    body = read_given(path, overrides)
    try:
        return Config.model_validate(body)
    except ValidationError as error:
        raise ConfigError(explain_validation(error, str(path), Config)) from None


def read_given(path: Path, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """What a file says, with the overrides put over it and paths made absolute, before it is checked.

    Raises:
        ConfigError: the file cannot be read as YAML, or an override is none.
    """
    body = read_mapping(path)
    given = overridden(body, overrides)
    _resolve_paths(body, path.resolve().parent)
    _resolve_paths(given, Path.cwd())
    merge(body, given)
    return body


def _resolve_paths(body: dict[str, Any], folder: Path) -> None:
    sources = body.get("sources")
    for name, source in sources.items() if isinstance(sources, dict) else ():
        if isinstance(source, dict) and isinstance(source.get("path"), str):
            source["path"] = _absolute(f"sources.{name}.path", source["path"], folder)
    lake = body.get("lake")
    if isinstance(lake, str) and lake and not CATALOG_NAME.fullmatch(lake):
        body["lake"] = _absolute("lake", lake, folder)
    assets = body["covariance"].get("assets") if isinstance(body.get("covariance"), dict) else None
    if isinstance(assets, dict) and isinstance(assets.get("file"), str):
        assets["file"] = _absolute("covariance.assets.file", assets["file"], folder)
    evaluate = body.get("evaluate")
    if isinstance(evaluate, dict) and isinstance(evaluate.get("portfolios"), str):
        evaluate["portfolios"] = _absolute("evaluate.portfolios", evaluate["portfolios"], folder)


def _absolute(key: str, path: str, folder: Path) -> str:
    scheme = re.match(r"([a-z][a-z0-9+.-]+):", path)
    if scheme is None:
        return str((folder / Path(path).expanduser()).resolve()) if path else path
    if scheme[1] in {"http", "https", "ftp"}:
        raise ConfigError(f"{key}: {path!r}: Spark reads no files over {scheme[1]}; download it and give its path")
    if scheme[1] == "file":
        if not (local := re.fullmatch(r"file:(//)?(/[^/].*)", path)):
            raise ConfigError(f"{key}: {path!r} is not a path of this machine; give /folder/file or file:///folder/file")
        return local[2]
    if scheme[1] in {"hdfs", "dbfs", "viewfs"}:  # these have a host of their own
        return re.sub(r":/+", "://" if re.match(r"\w+://[^/]", path) else ":///", path, count=1)
    if not re.match(r"[a-z0-9+.-]+://[^/]", path):
        raise ConfigError(
            f"{key}: {path!r} is not a path: after {scheme[1]}: a URI goes on as //host/..., e.g. s3a://bucket/folder"
        )
    return path


def _rules_digest(rules: RegressionRules) -> str:
    """Two passes are in it where there are two: that they have become possible makes no row stale."""
    off = {"two_pass"} if rules.two_pass is None else set()
    return _digest(TypeAdapter(RegressionRules).dump_python(rules, mode="json", exclude=off))


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:16]


def digest_of(parts: Iterable[str]) -> str:
    """A hash of hashes, in the order given."""
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:16]
