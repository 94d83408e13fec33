"""The configuration: one YAML file, or the same as a mapping, checked before anything runs.

Unknown and duplicate keys are refused. Paths in the file are relative to the file; a path given with `--set`, or in a mapping, is
relative to the folder where the command runs.
"""

import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import Field, PrivateAttr, ValidationError, field_validator, model_validator
from pydantic_core import PydanticCustomError

from sigmalake.config import staleness
from sigmalake.config.checks import Checks, Evaluate, LongTables, Retention
from sigmalake.config.consistency import refuse_inconsistent
from sigmalake.config.covariance import Covariance
from sigmalake.config.engine import EngineName, LocalSettings
from sigmalake.config.environment.secrets import MASK, is_secret, masked, masked_values, secret_settings
from sigmalake.config.environment.variables import secrets_in
from sigmalake.config.factors import FactorEntry, MarketFactor, Membership, StandardisedStyles, Styles, factor_entry, names_of
from sigmalake.config.fields import switched_numbers
from sigmalake.config.outputs.books import Books
from sigmalake.config.outputs.lineage import Lineage
from sigmalake.config.paths import resolve_paths
from sigmalake.config.sources import SourcesConfig
from sigmalake.config.stores.uri import is_uri
from sigmalake.config.texts.messages import explain_validation
from sigmalake.config.types import Strict, key
from sigmalake.config.variant import Variant
from sigmalake.config.yaml_file import merge, overridden, read_mapping
from sigmalake.errors import ConfigError
from sigmalake.numerics.descriptors.fundamentals import FundamentalDescriptors
from sigmalake.numerics.descriptors.library import DescriptorRules
from sigmalake.numerics.descriptors.prices import PriceDescriptors
from sigmalake.numerics.exposures.style_rules import StyleRules
from sigmalake.numerics.regression.rules import RegressionRules
from sigmalake.numerics.specific_risk.residual_correlation import ResidualRules

VARIANT_NAME = re.compile(r"\w[\w-]*")  # it stands in SQL, in --set and in file names


class Config(Strict):
    """A model: its sources, factors, estimators, and the lake it is kept in."""

    model: Annotated[str, Field(min_length=1), key("the model's name")]
    lake: Annotated[
        str,
        Field(min_length=1),
        key("folder or URI of the tables, relative to the configuration's file, or `catalog.schema`"),
    ]
    sources: Annotated[SourcesConfig, key("where the data lie, and how their columns are called")]
    factors: Annotated[list[FactorEntry], Field(min_length=1), key("the columns of X, in order")]
    descriptors: Annotated[
        DescriptorRules | None,
        key(
            "how the descriptors of the library are computed, from `sources.prices`; if it is left out, the "
            "defaults hold where there are prices"
        ),
    ] = None
    regression: Annotated[RegressionRules, key("the cross-sectional regression of each date")] = RegressionRules()
    residual_correlation: Annotated[
        ResidualRules, key("the test, at the end of each month, of what specific returns have in common")
    ] = ResidualRules()
    risk: Annotated[dict[str, Variant], key("variants of the risk model, by name: Sigma and Delta"), Field(default_factory=dict)]
    covariance: Annotated[Covariance | None, key("V of assets, built at the end of a run; none: no V is stored")] = None
    books: Annotated[
        Books | None,
        key(
            "how the portfolios of `sources.books` are measured; if it is left out, the defaults hold where there is that source. "
            "They are not the pure factor portfolios of `regression.portfolios`, nor what `evaluate.portfolios` tests"
        ),
    ] = None
    long_tables: Annotated[LongTables, key("tables in rows beside those that every run writes")] = LongTables()
    retired_variants: Annotated[
        list[str] | None,
        key(
            "variants that are no longer under `risk`, and whose rows a run may delete, as with `--drop-variants`; "
            "none: no row is deleted"
        ),
    ] = None
    checks: Annotated[Checks, key("what stops a run or a release")] = Checks()
    evaluate: Annotated[Evaluate, key("what `sigmalake evaluate` tests")] = Evaluate()
    retention: Annotated[Retention, key("which releases `sigmalake maintain` keeps; all by default")] = Retention()
    lineage: Annotated[Lineage | None, key("events of OpenLineage, as a run begins and as it ends; none: no event")] = None
    engine: Annotated[
        EngineName,
        key("what moves the rows: `local`, all cores of this machine and no Java; `spark`, a session or a cluster; `auto` chooses"),
    ] = "auto"
    local: Annotated[LocalSettings, key("what the local engine may take of this machine")] = LocalSettings()
    spark: Annotated[
        dict[str, str | int | float | bool],
        key("settings of the Spark session that the command starts, e.g. `{spark.driver.memory: 8g}`; 4g by default"),
        Field(default_factory=dict),
    ]
    _from_environment: frozenset[str] = PrivateAttr(frozenset())  # secrets

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
    def _a_source_has_its_rules(cls, given: object) -> object:
        """Prices are described, and books measured, by the defaults where nothing else is said."""
        sources = given.get("sources") if isinstance(given, Mapping) else None
        if not (isinstance(given, Mapping) and isinstance(sources, Mapping)):
            return given
        rules = {"prices": "descriptors", "books": "books"}
        return {**given, **{name: given.get(name) or {} for source, name in rules.items() if sources.get(source) is not None}}

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
                shown = MASK if is_secret(str(name)) else repr(value)
                raise ValueError(f"{name} is {shown}; a setting is text, a number, true or false: {{spark.driver.memory: 8g}}")
        return settings

    @model_validator(mode="after")
    def _consistent(self) -> "Config":
        refuse_inconsistent(self)
        for name, variant in self.risk.items():
            self.risk[name] = variant.seeded(f"{self.model}/{name}")
        return self

    @property
    def memberships(self) -> list[Membership]:
        """The membership groups, in order."""
        return [entry for entry in self.factors if isinstance(entry, Membership)]

    @property
    def styles(self) -> list[str]:
        """The style factors, in order."""
        return [style for entry in self.factors if isinstance(entry, Styles | StandardisedStyles) for style in entry.styles]

    @property
    def listed_factors(self) -> list[str]:
        """The factors that the configuration names itself; levels that are learned are not among them."""
        names = [entry.market for entry in self.factors if isinstance(entry, MarketFactor)]
        names += [level for entry in self.memberships for level in entry.listed or ()]
        return names + self.styles

    @property
    def has_given_factors(self) -> bool:
        """Whether the returns of some factors are given."""
        return any(entry.given is not None for entry in self.factors)

    @property
    def listed_given(self) -> list[str]:
        """Those of the listed factors whose returns are given."""
        return [name for entry in self.factors if entry.given is not None for name in names_of(entry)]

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
        """Those of them that descriptors give, the library's and other packages', in the place of the exposures' source."""
        s = self.sources
        made = () if s.prices is None else PriceDescriptors._fields + (FundamentalDescriptors._fields if s.fundamentals else ())
        made += tuple(self.descriptors.registered) if self.descriptors else ()
        named = {column for style, rules in self.style_rules.items() for column in rules.weights(style)}
        return [column for column in self.style_columns if (column in made and column in named) or column in self.sensitivities]

    @property
    def sensitivities(self) -> tuple[str, ...]:
        """The factors whose sensitivities are descriptors."""
        rules = None if self.descriptors is None else self.descriptors.sensitivities
        return () if rules is None else rules.factors

    @property
    def computed_groups(self) -> dict[str, Membership]:
        """The groups whose shares are computed from segments or revenues, by that source."""
        return {entry.computed_from: entry for entry in self.memberships if entry.computed_from is not None}

    def levels_of(self, source: str) -> list[str] | None:
        """The levels that a record of segments or revenues may be of; None: any."""
        group = self.computed_groups.get(source)
        return None if group is None else group.levels

    @property
    def is_described(self) -> bool:
        """Whether what `describe` computes stands beside the exposures, and decides which of their rows can be used."""
        return bool(self.described_columns) or bool(self.computed_groups)

    @property
    def covariance_variants(self) -> list[str]:
        """The variants that V is built for."""
        return list(self.risk) if self.covariance is None or self.covariance.variants is None else self.covariance.variants

    @property
    def book_variants(self) -> list[str]:
        """The variants that books are measured by; none where there are no books."""
        if self.books is None:
            return []
        return list(self.risk) if self.books.variants is None else self.books.variants

    @property
    def evaluated_variants(self) -> list[str]:
        """The variants whose forecasts are evaluated."""
        return list(self.risk) if self.evaluate.variants is None else self.evaluate.variants

    def ingest_hash(self) -> str:
        """Of all that a row of `panel` depends on beside the data."""
        return staleness.ingest_hash(self)

    def describe_hash(self) -> str:
        """Of all that a row of `descriptors` depends on beside the data and their columns."""
        return staleness.settings_hash(self.descriptors)

    def described_source_hash(self, source: str) -> str:
        """Of all that decides how a source of descriptors is read."""
        return staleness.described_source_hash(self, source)

    def described_hashes(self) -> list[str]:
        """Of all that `describe` reads of the configuration."""
        return staleness.described_hashes(self)

    def regress_hash(self) -> str:
        """Of all that a row of `cross_sections` depends on beside the panel."""
        return staleness.settings_hash(self.regression)

    def first_pass_hash(self) -> str:
        """Of all that a row of `first_pass` depends on beside the panel."""
        return staleness.settings_hash(self.regression.first_pass)

    def variant_hash(self, variant: str) -> str:
        """Of all that a row of `risk_models` depends on beside the cross-sections."""
        return staleness.variant_hash(self, variant)

    def covariance_hash(self, assets: list[str] | None) -> str:
        """Of all that a V of these assets, None for all, depends on beside its exposures and its risk model."""
        return staleness.covariance_hash(self, assets)

    def book_source_hash(self) -> str:
        """Of all that decides how books are read."""
        return staleness.book_source_hash(self)

    def books_hash(self) -> str:
        """Of all that a row of `portfolio_risk` depends on beside the books and the risk models."""
        return staleness.books_hash(self)

    def evaluate_hash(self) -> str:
        """Of all that a row of `forecast_evaluation` depends on beside the tables and the user's portfolios."""
        return staleness.settings_hash(self.evaluate.test_portfolios)

    def full_hash(self) -> str:
        """Of all that a release depends on beside the data."""
        return staleness.full_hash(self)

    @property
    def secrets(self) -> frozenset[str]:
        """Values that are not shown: of settings of Spark's and variables of the environment that are secret by their names."""
        return self._from_environment | set(secret_settings(self.spark))

    def shown(self, *, exclude_none: bool = False) -> dict[str, Any]:
        """The whole configuration with its defaults, as plain values, without its secrets."""
        found: dict[str, Any] = masked_values(self.model_dump(mode="json", exclude_none=exclude_none), self.secrets)
        found["spark"] = {name: MASK if is_secret(name) else value for name, value in found["spark"].items()}
        return found

    def resolved(self) -> str:
        """The whole configuration with its defaults, as YAML, without its secrets."""
        return yaml.safe_dump(self.shown(exclude_none=True), sort_keys=False, allow_unicode=True)


def load_config(given: str | Path | Mapping[str, Any], overrides: Sequence[str] = ()) -> Config:
    """The configuration in a file, or given as a mapping, with `a.b=c` overrides put over it.

    Raises:
        ConfigError: names every mistake, with its place.
    """
    body = read_given(given, overrides)
    secrets = frozenset(secrets_in(body))
    try:
        config = Config.model_validate(body)
    except ValidationError as error:
        where = "the mapping" if isinstance(given, Mapping) else str(given)
        raise ConfigError(masked(explain_validation(error, where, Config), secrets)) from None
    if places := list(switched_numbers(body, config)):
        raise ConfigError(f"{', '.join(places)}: a number is wanted, and true or false is none")
    config._from_environment = secrets
    return config


def read_given(given: str | Path | Mapping[str, Any], overrides: Sequence[str] = ()) -> dict[str, Any]:
    """What a file or a mapping says, with the overrides put over it and paths made absolute, before it is checked.

    Raises:
        ConfigError: the file cannot be read as YAML, or an override is none.
    """
    folder: Path | str = Path.cwd()
    if not isinstance(given, Mapping):
        folder = str(given).rpartition("/")[0] if is_uri(str(given)) else Path(given).resolve().parent
    body = deepcopy(dict(given)) if isinstance(given, Mapping) else read_mapping(given)
    over = overridden(body, overrides)
    resolve_paths(body, folder)
    resolve_paths(over, Path.cwd())
    merge(body, over)
    return body
